"""Looks at the server and says of every local file of a session whether it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.matching import match
from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.parts import Item, SourceChangedError, digest
from xnat_wizard.upload.places import StoredFile, read_archive, read_prearchive, stored_in_prearchive
from xnat_wizard.upload.records import CheckedFile, FileRow, Records, SessionRow
from xnat_wizard.xnat.model import Session
from xnat_wizard.xnat.site import Site

T = TypeVar("T")


class Caller(Protocol):
    """Makes a call to the site, trying again or not."""

    async def __call__(self, attempt: Callable[[], Awaitable[T]], /) -> T:
        """Make the call."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the server said of a session."""

    checked: tuple[CheckedFile, ...]
    is_in_archive: bool  # some of our files are in the archived session
    is_all_in_archive: bool

    @property
    def has_gaps(self) -> bool:
        """Tell whether files that were answered for are not there."""
        return any(one.fate is Fate.MISSING for one in self.checked)

    @property
    def stored_count(self) -> int:
        """Return the number of files that are there."""
        return sum(one.fate is Fate.STORED for one in self.checked)


async def look(
    site: Site,
    records: Records,
    session: SessionRow,
    *,
    source: LocalSource,
    executor: Executor,
    call: Caller,
    prearchive_uri: str,
    archived: Session | None,
    is_rewritten: bool = False,
) -> Look:
    """Match every local file of a session with what prearchive and archive list now.

    Files whose digest is wanted and not known yet are read for it, and the digest is kept in the journal.

    Args:
        site: logged in.
        records: of the journal.
        session: whose files to look for.
        source: where the files are.
        executor: where files are read.
        call: makes the calls.
        prearchive_uri: of a built session, "" when there is none.
        archived: the session in the archive, when there is one.
        is_rewritten: headers of images were changed on the way, so their digests say nothing.
    """
    files = list(records.files(session.id))
    waiting: list[StoredFile] = []
    in_archive: list[StoredFile] = []
    if prearchive_uri:
        waiting = await call(partial(read_prearchive, site, prearchive_uri))
        if session.has_pairs:
            waiting += await call(partial(stored_in_prearchive, site, prearchive_uri, files))
    if archived:
        in_archive = await call(
            partial(
                read_archive,
                site,
                archived,
                is_ours=archived.study_instance_uid in {session.study_instance_uid, ""} or archived.uri == session.uri,
                has_pairs=session.has_pairs,
            )
        )
    if is_rewritten:
        in_archive = [replace(one, md5="") if one.scan_id else one for one in in_archive]
    read: dict[int, str] = {}

    def md5_of(file: FileRow) -> str:
        known = file.md5 or read.get(file.id)
        if known:
            return known
        try:
            read[file.id] = digest(Item(file.id, source, file.path, file.size_bytes, file.mtime_ns))
        except SourceChangedError:
            return ""
        return read[file.id]

    def size_of(file: FileRow) -> int:
        try:
            wire_bytes = source.wire_bytes(file.path)
        except OSError:
            return file.size_bytes
        return file.size_bytes if wire_bytes < 0 else wire_bytes

    work = partial(
        match,
        files,
        waiting + in_archive,
        study_instance_uid=session.study_instance_uid,
        numbers=records.series_numbers(session.id),
        md5_of=md5_of,
        size_of=size_of,
    )
    checked, archived_ids = await asyncio.get_running_loop().run_in_executor(executor, work)
    records.record_md5(read)
    return Look(tuple(checked), bool(archived_ids), len(archived_ids) == len(files))
