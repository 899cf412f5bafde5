"""Saves one target: look there, look here, save what is missing; whole files only, and each one compared.

Names of the site are never trusted: none leads out of the folder, by "..", by a slash at its front, or by a link that
lies here.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from threading import Event

from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Finding
from xnat_wizard.upload.patience import StubbornError
from xnat_wizard.upload.resource_transfer import get_findings, put_findings
from xnat_wizard.upload.resource_transfer.comparing import in_thread
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Tally, Target
from xnat_wizard.upload.resource_transfer.scratch import Scratch
from xnat_wizard.upload.resource_transfer.tools import Halted, Tools, ended, finding_of, no_holder, stored_in
from xnat_wizard.xnat.downloads import PART, safe_parts
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import RemoteFile

FILES_AT_ONCE = 4
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Job:
    """A file to be saved."""

    file: RemoteFile
    place: Path
    is_replacing: bool


class Getting:
    """One target on its way to this disk."""

    def __init__(self, tools: Tools, target: Target) -> None:
        self._tools = tools
        self._wishes = tools.wishes
        self._target = target
        self._tally = tools.tallies.setdefault(target, Tally())
        self._findings: list[Finding] = []
        self._failed: dict[str, str] = {}  # files by name, and why

    async def run(self) -> Outcome:
        """Save what is missing; return what came of it.

        Raises:
            GiveUpError, LoginAgain, Fatal: nothing more will work in this run.
        """
        tally = self._tally
        try:
            await self._get()
        except Exception as error:
            finding = get_findings.disk(self._target, error) if isinstance(error, OSError) else finding_of(error)
            if finding is None:
                raise
            self._findings.append(finding)
            rest = tally.files - tally.moved - tally.there - tally.left - len(self._failed)
            tally.failed = max(1, rest)
        tally.failed += len(self._failed)
        if self._failed:
            self._findings.append(get_findings.not_saved(self._target, self._failed))
        if tally.by_size:
            self._findings.append(put_findings.by_size(self._target, tally.by_size))
        return ended(self._target, tally, self._findings, is_dry=self._wishes.is_dry)

    async def _get(self) -> None:
        target, tally, resources = self._target, self._tally, self._tools.resources
        holder = await self._tools.patience.call(lambda: resources.find(target.address))
        if holder is None:
            raise Halted(no_holder(target.address, can_create=False))
        files = await stored_in(self._tools, holder, target.label)
        if not files:
            raise Halted(get_findings.missing(target))
        tally.files, tally.size_bytes = len(files), sum(file.size_bytes for file in files.values())
        jobs = await self._sort(files)
        tally.to_move = len(jobs)
        tally.to_travel_bytes = sum(job.file.size_bytes for job in jobs)
        if self._wishes.is_dry or not jobs:
            return
        scratch = await in_thread(self._tools, lambda: Scratch(target.path))
        try:
            await self._save_all(jobs, scratch)
        finally:
            scratch.close()

    # Looking

    async def _sort(self, files: Mapping[str, RemoteFile]) -> list[_Job]:
        """Return what is to be saved; count the others.

        Raises:
            Halted: resource.differs.
        """
        jobs, others = [], []
        for file, place, here in await in_thread(self._tools, lambda: self._look_here(files)):
            try:
                is_equal = here is _Here.SAME_SIZE and await self._is_equal(file, place)
            except OSError as error:
                self._failed[file.name] = f"the file here cannot be read: {error.strerror or type(error).__name__}"
                continue
            if here is _Here.NOTHING:
                jobs.append(_Job(file, place, is_replacing=False))
            elif is_equal:
                self._tally.there += 1
                self._tally.by_size += not (file.md5 or self._wishes.verifies_bytes)
            elif here is _Here.FOLDER:
                self._failed[file.name] = "a folder of this name is in its place"
            elif self._wishes.existing is Existing.REPLACE:
                jobs.append(_Job(file, place, is_replacing=True))
            else:
                others.append(file.name)
        if others and self._wishes.existing is Existing.FAIL:
            raise Halted(get_findings.differs(self._target, others))
        if others:
            self._tally.left = len(others)
            self._findings.append(get_findings.kept(self._target, others))
        return jobs

    def _look_here(self, files: Mapping[str, RemoteFile]) -> list[tuple[RemoteFile, Path, "_Here"]]:
        """Return the place of each file whose name may be used, and what is there."""
        root = Path(os.path.realpath(self._target.path))
        found = []
        for name, file in files.items():
            place, reason = place_of(name, root)
            if place is None:
                self._failed[name] = reason
            else:
                found.append((file, place, _here(place, file.size_bytes)))
        return found

    async def _is_equal(self, file: RemoteFile, place: Path) -> bool:
        """Compare a file that is here and has the right size."""
        md5 = file.md5
        if not md5:
            if not self._wishes.verifies_bytes:
                return True
            _, md5 = await self._tools.patience.call(lambda: self._tools.resources.digest(file))
        return await in_thread(self._tools, lambda: _md5_of(place, self._tools.stop)) == md5

    # Saving

    async def _save_all(self, jobs: Iterable[_Job], scratch: Scratch) -> None:
        gate = asyncio.Semaphore(FILES_AT_ONCE)

        async def one(job: _Job) -> None:
            async with gate:
                await self._save(job, scratch)

        tasks = [asyncio.create_task(one(job)) for job in jobs]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _save(self, job: _Job, scratch: Scratch) -> None:
        told_bytes = 0

        def told(size_bytes: int) -> None:
            nonlocal told_bytes
            self._tally.travelled_bytes += size_bytes - told_bytes
            told_bytes = size_bytes

        file, resources = job.file, self._tools.resources
        try:
            saved = await self._tools.patience.call(lambda: resources.save(file, scratch.path, told))
            place, reason = await in_thread(self._tools, lambda: place_of(file.name, scratch.root))
            if place is None:
                self._failed[file.name] = reason
                return
            await in_thread(self._tools, lambda: scratch.place(saved.path, place, is_replacing=job.is_replacing))
        except Refused as refusal:
            self._failed[file.name] = refusal.finding.why
        except StubbornError as stubborn:
            self._failed[file.name] = stubborn.problem.finding.why
        except OSError as error:
            self._failed[file.name] = f"the system says: {error.strerror or type(error).__name__}"
        else:
            self._tally.moved += 1
            self._tally.moved_bytes += file.size_bytes
            self._tally.by_size += not file.md5
        finally:
            told(file.size_bytes)


class _Here(Enum):
    """What is in a file's place."""

    NOTHING = auto()
    SAME_SIZE = auto()
    OTHER = auto()
    FOLDER = auto()


def place_of(name: str, root: Path) -> tuple[Path | None, str]:
    """Return where a file of the site goes below a real folder, `None` with the reason when it may not."""
    try:
        parts = safe_parts(name)
        place = root.joinpath(*parts)
        real = Path(os.path.realpath(place.parent))
    except (Refused, OSError, ValueError):
        return None, "its name would lead out of the folder, or cannot be a name here"
    if parts[0].startswith(PART):
        return None, "its name is that of an unfinished file"
    if real != root and not real.is_relative_to(root):
        return None, "a link that lies here leads out of the folder"
    return place, ""


def _here(place: Path, size_bytes: int) -> _Here:
    try:
        status = place.lstat()
    except OSError:
        return _Here.NOTHING  # also where a file stands in the place of its folder: saving it says so
    if stat.S_ISDIR(status.st_mode):
        return _Here.FOLDER
    is_same = stat.S_ISREG(status.st_mode) and status.st_size == size_bytes
    return _Here.SAME_SIZE if is_same else _Here.OTHER


def _md5_of(path: Path, stop: Event) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            if stop.is_set():
                raise Stopped
            md5.update(piece)
    return md5.hexdigest()
