"""Reads some files of each series back from the site and compares their pixels with those here.

For files whose bytes nothing else proves: a script has rewritten their headers, or the prearchive keeps no digests
(missing-data 4.4). The first, the last and one file between them stand for a series.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from xnat_wizard.dicom.pixels import Pixels, pixels_of
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.places import READ_BACK_BYTES, is_prearchive
from xnat_wizard.upload.records import SessionRow
from xnat_wizard.upload.tokens import token_in
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import RemoteFile
from xnat_wizard.xnat.site import Site


@dataclass(slots=True)
class _Tally:
    """What came of the files that were chosen."""

    chosen: int = 0
    equal: int = 0
    different: int = 0

    def as_text(self, total: int) -> str:
        """Say it in one sentence without full stop; no verdict, since pixels may differ for good reasons."""
        compared = self.equal + self.different
        said = f"{compared} of {total} files whose bytes are not proved were read back"
        if self.different:
            said += (
                f", and {self.different} have other pixels than here: a script of the site may blank them, or the"
                " server has compressed the images anew or changed their colours"
            )
        elif compared:
            said += ", and their pixels are equal"
        if self.chosen > compared:
            said += f"; {self.chosen - compared} more could not be read or compared"
        return said


async def compare(
    journal: Journal,
    site: Site,
    source: LocalSource,
    executor: Executor,
    *,
    choose: Callable[[int, int], int],
) -> str:
    """Compare a sample of each series that is stored and not proved by its bytes; return what came of it, in words.

    Memory: two files of at most 16 MiB at a time; longer ones are passed over.

    Args:
        journal: of the upload, after a look at the server.
        site: logged in.
        source: where the files are.
        executor: where files are read.
        choose: gives a number from the first to the last of two.

    Raises:
        SiteProblem: the site cannot be asked.
    """
    unproved: dict[tuple[str, str], list[str]] = {}
    for fact in journal.file_facts():
        if fact.fate == "stored" and fact.proof != "MD5" and fact.sop_instance_uid:
            unproved.setdefault((fact.session, fact.scan_id), []).append(fact.path)
    tally = _Tally()
    for session in journal.records.sessions():
        tokens = {file.path: file.token for file in journal.records.files(session.id)}
        for (label, scan_id), paths in unproved.items():
            if label != session.session_label or not scan_id:
                continue
            there = {token_in(file.name): file for file in await _listed(site, session, scan_id)}
            for path in _sample(paths, choose):
                tally.chosen += 1
                here = await asyncio.get_running_loop().run_in_executor(executor, _pixels_here, source, path)
                other = await _pixels_there(site, there.get(tokens[path]), executor) if here else None
                if here and other and here.form == other.form:
                    tally.equal += here == other
                    tally.different += here != other
    total = sum(len(paths) for paths in unproved.values())
    return tally.as_text(total) if total else "not needed: the bytes of every stored image are proved"


def _sample(paths: list[str], choose: Callable[[int, int], int]) -> list[str]:
    places = {0, len(paths) - 1}
    if len(paths) > len(places):
        places.add(choose(1, len(paths) - 2))
    return [paths[place] for place in sorted(places)]


async def _listed(site: Site, session: SessionRow, scan_id: str) -> tuple[RemoteFile, ...]:
    if is_prearchive(session.uri):
        return await site.prearchive_files(session.uri, scan_id)
    return await site.scan_files(session.uri.rpartition("/")[2], scan_id)


def _pixels_here(source: LocalSource, path: str) -> Pixels | None:
    try:
        with source.open(path) as file:
            return pixels_of(file.read_at(0, file.size_bytes)) if file.size_bytes <= READ_BACK_BYTES else None
    except OSError:
        return None


async def _pixels_there(site: Site, file: RemoteFile | None, executor: Executor) -> Pixels | None:
    if file is None:
        return None
    try:
        data = await site.read_file(file.uri, limit_bytes=READ_BACK_BYTES)
    except Refused:
        return None
    return await asyncio.get_running_loop().run_in_executor(executor, pixels_of, data)
