"""Looks at targets before anything is moved: what lies here, what is there, and what speaks against it.

Names and sizes are compared, no digests: that is what a person can be shown at once. The transfer itself compares
digests.
"""

import asyncio
import contextlib
import os
import stat
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import TypeVar

from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.resource_transfer import get_findings, local_tree, pattern, put_findings
from xnat_wizard.upload.resource_transfer.getting import place_of
from xnat_wizard.upload.resource_transfer.model import Target
from xnat_wizard.upload.resource_transfer.targets import Request, fitting, to_get
from xnat_wizard.upload.resource_transfer.tools import finding_of, no_holder, shared
from xnat_wizard.xnat.model import RemoteFile, Session, Subject
from xnat_wizard.xnat.resources import Address, Holder
from xnat_wizard.xnat.site import Site

AT_ONCE = 4
_READERS = 2

T = TypeVar("T")
Sizes = dict[str, int]  # files by name


class State(StrEnum):
    """How a target stands, as far as names and sizes tell."""

    LOOKING = "looking"
    NEW = "new"  # nothing of it is at the other end
    MADE = "made"  # nothing, and the session has to be made first
    PARTLY = "partly there"
    EXISTS = "exists"  # all of it, in the same sizes
    DIFFERS = "differs"  # files of the same names have other sizes
    EMPTY = "nothing to move"
    NO_HOLDER = "no such place"  # subject, session or scan is not there
    AMBIGUOUS = "ambiguous"
    REFUSED = "refused"

    @property
    def can_move(self) -> bool:
        """Tell whether there is something to be done, or to be found equal."""
        return self not in {State.LOOKING, State.EMPTY, State.NO_HOLDER, State.AMBIGUOUS, State.REFUSED}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one target."""

    target: Target
    state: State = State.LOOKING
    files: int | None = None
    size_bytes: int | None = None
    equal: int = 0  # of the same name and size at the other end
    other: int = 0  # of the same name and another size
    finding: Finding | None = None  # what speaks against it


@dataclass(frozen=True, slots=True)
class Known:
    """What a project has."""

    subjects: tuple[Subject, ...] = ()
    sessions: tuple[Session, ...] = ()

    @property
    def subject_labels(self) -> tuple[str, ...]:
        """Return the labels of the subjects."""
        return tuple(subject.label for subject in self.subjects)

    @property
    def session_labels(self) -> tuple[tuple[str, str], ...]:
        """Return subject label and session label of each session."""
        return tuple((session.subject_label, session.label) for session in self.sessions)


class Preview:
    """Looks for one project; what it has found is kept until `forget`. On one loop."""

    def __init__(self, site: Site, project: str) -> None:
        self._site = site
        self._project = project
        self._known: Known | None = None
        self._holders: dict[Address, Holder | None] = {}
        self._stored: dict[tuple[Address, str], Sizes] = {}
        self._executor = ThreadPoolExecutor(_READERS, thread_name_prefix="preview")

    def close(self) -> None:
        """Let go of the threads."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def forget(self) -> None:
        """Ask the site anew from now on."""
        self._known = None
        self._holders.clear()
        self._stored.clear()

    async def known(self) -> Known:
        """Return subjects and sessions of the project.

        Raises:
            Problem: what the site refuses.
        """
        if self._known is None:
            self._known = Known(await self._site.subjects(self._project), await self._site.sessions(self._project))
        return self._known

    # Sending

    async def targets_to_put(self, request: Request, *, creates: bool) -> tuple[Target, ...]:
        """Return what patterns give here, also where sources share a place.

        Raises:
            Problem: as `fitting`.
        """
        return await self._beside(lambda: fitting(request, creates=creates))

    async def put(self, targets: Sequence[Target], *, keeps_archive: bool, creates: bool) -> AsyncGenerator[Seen, None]:
        """Look at targets to be sent; give each as soon as it is known.

        Raises:
            Problem: the site cannot be asked.
        """
        places = Counter((target.address, target.label) for target in targets)
        stop = Event()

        async def one(target: Target) -> Seen:
            here, sizes = await self._here(target, stop, keeps_archive=keeps_archive)
            if here.state is State.EMPTY:
                return here
            if places[target.address, target.label] > 1:
                return replace(here, state=State.AMBIGUOUS, finding=_same_place(target, places))
            return await self._there(here, sizes, creates=creates)

        try:
            async with contextlib.aclosing(_as_known(targets, one)) as found:
                async for seen in found:
                    yield seen
        finally:
            stop.set()

    async def _here(self, target: Target, stop: Event, *, keeps_archive: bool) -> tuple[Seen, Sizes]:
        try:
            sizes = await self._beside(lambda: _local(target.path, stop, keeps_archive=keeps_archive))
        except (Problem, OSError) as trouble:
            return Seen(target, State.EMPTY, finding=finding_of(trouble)), {}
        seen = Seen(target, State.LOOKING, len(sizes), sum(sizes.values()))
        return (seen if sizes else replace(seen, state=State.EMPTY, finding=put_findings.nothing(target))), sizes

    async def _there(self, seen: Seen, here: Sizes, *, creates: bool) -> Seen:
        target = seen.target
        try:
            if finding := await self._several(target.address):
                return replace(seen, state=State.AMBIGUOUS, finding=finding)
            holder = await self._holder(target.address)
            if holder is None and creates:
                return replace(seen, state=State.MADE)
            if holder is None:
                return replace(seen, state=State.NO_HOLDER, finding=await self._no_holder(target.address))
            if holder.is_shared:
                return replace(seen, state=State.REFUSED, finding=shared(holder))
            stored = await self._files(holder, target.label)
        except Problem as problem:
            if problem.finding.code == "label.other_subject":
                return replace(seen, state=State.AMBIGUOUS, finding=problem.finding)
            raise
        if not stored:
            return replace(seen, state=State.NEW)
        return _compared(seen, here, stored)

    async def _several(self, address: Address) -> Finding | None:
        """Say that a label names several sessions: one of the project, and one that is shared into it."""
        if not address.session:
            return None
        same = [one for one in (await self.known()).sessions if one.label == address.session]
        return _several_sessions(address, same) if len(same) > 1 else None

    async def _no_holder(self, address: Address) -> Finding:
        """Say that a place is not there, and which one is called alike."""
        finding = no_holder(address, can_create=False)
        known = await self.known()
        wanted = address.session or address.subject
        labels = [label for _, label in known.session_labels] if address.session else known.subject_labels
        alike = next((label for label in labels if label != wanted and label.casefold() == wanted.casefold()), "")
        if alike:
            return replace(finding, todo=(f"Write it with the same capitals as there: {alike}", *finding.todo))
        return finding

    # Saving

    async def targets_to_get(self, request: Request) -> tuple[Target, ...]:
        """Return what patterns give on the site.

        Raises:
            Problem: as `to_get`.
        """
        return await to_get(request, self._site)

    async def get(self, targets: Sequence[Target]) -> AsyncGenerator[Seen, None]:
        """Look at targets to be saved; give each as soon as it is known.

        Raises:
            Problem: the site cannot be asked.
        """

        async def one(target: Target) -> Seen:
            try:
                if finding := await self._several(target.address):
                    return Seen(target, State.AMBIGUOUS, finding=finding)
                holder = await self._holder(target.address)
                if holder is None:
                    return Seen(target, State.NO_HOLDER, finding=await self._no_holder(target.address))
                stored = await self._files(holder, target.label)
            except Problem as problem:
                if problem.finding.code == "label.other_subject":
                    return Seen(target, State.AMBIGUOUS, finding=problem.finding)
                raise
            seen = Seen(target, State.NEW, len(stored), sum(stored.values()))
            if not stored:
                return replace(seen, state=State.EMPTY, finding=get_findings.missing(target))
            return _compared(seen, stored, await self._beside(lambda: _local_of(target.path, stored)))

        async with contextlib.aclosing(_as_known(targets, one)) as found:
            async for seen in found:
                yield seen

    # Asking

    async def _holder(self, address: Address) -> Holder | None:
        if address not in self._holders:
            known = await self.known()
            is_listed = not address.session or any(one.label == address.session for one in known.sessions)
            self._holders[address] = await self._site.resources.find(address) if is_listed else None
        return self._holders[address]

    async def _files(self, holder: Holder, label: str) -> Sizes:
        key = holder.address, label
        if key not in self._stored:
            files: tuple[RemoteFile, ...] = await self._site.resources.files(holder, label)
            self._stored[key] = {file.name: file.size_bytes for file in files}
        return self._stored[key]

    async def _beside(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, act)


async def _as_known(targets: Sequence[Target], look: Callable[[Target], Awaitable[Seen]]) -> AsyncGenerator[Seen, None]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(target: Target) -> Seen:
        async with gate:
            return await look(target)

    tasks = [asyncio.create_task(one(target)) for target in targets]
    try:
        for ready in asyncio.as_completed(tasks):
            yield await ready
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _compared(seen: Seen, mine: Sizes, other: Sizes) -> Seen:
    """Return how what is to be moved stands to what is at the other end."""
    equal = sum(1 for name, size in mine.items() if other.get(name) == size)
    differs = sum(1 for name, size in mine.items() if other.get(name, size) != size)
    state = State.DIFFERS if differs else State.NEW if not equal else State.PARTLY
    return replace(seen, state=State.EXISTS if equal == len(mine) else state, equal=equal, other=differs)


def _local(path: Path, stop: Event, *, keeps_archive: bool) -> Sizes:
    """Return what of a source would be sent."""
    try:
        with local_tree.look(path, stop, keeps_archive=keeps_archive) as tree:
            return {file.name: file.size_bytes for file in tree.files}
    except Stopped:
        return {}


def _local_of(folder: Path, names: Sizes) -> Sizes:
    """Return which of these names are in a folder, with their sizes."""
    root, found = Path(os.path.realpath(folder)), {}
    for name in names:
        place, _ = place_of(name, root)
        if place is not None:
            try:
                status = place.lstat()
            except OSError:
                continue
            found[name] = status.st_size if stat.S_ISREG(status.st_mode) else -1
    return found


def _same_place(target: Target, places: Counter[tuple[Address, str]]) -> Finding:
    return Finding(
        "resource.same_target",
        f"{places[target.address, target.label]:,} sources would go into one and the same resource: {target}",
        "Their files would get mixed up",
        (f"Write {pattern.SUBJECT} into the label of the subject, session or resource, too",),
        where=str(target),
    )


def _several_sessions(address: Address, same: Sequence[Session]) -> Finding:
    return Finding(
        "resource.no_holder",
        f"{len(same)} sessions in project `{address.project}` are called {address.session}",
        f"They belong to: {', '.join(sorted({session.project for session in same}))}",
        ("Rename one of them on the site", "Or leave this subject out"),
        where=str(address),
        shareable="A label names several sessions.",
    )
