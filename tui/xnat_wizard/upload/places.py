"""What the server has of a session: where it is, whose it is, and the files in it. Only reads."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from xnat_wizard.upload.model import PlannedSession
from xnat_wizard.upload.records import FileRow, SessionRow
from xnat_wizard.upload.tokens import token_in
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import PrearchiveSession, RemoteFile, Session

if TYPE_CHECKING:  # planning needs places, and no HTTP library
    from xnat_wizard.xnat.site import Site

READ_BACK_BYTES = 16 * 1024 * 1024
LISTS_AT_ONCE = 4  # of one session; each may take the server seconds
PARREC = "PARREC"  # the resource for PAR/REC pairs: of a scan; in the prearchive, and of old, of the session itself
_OF_IMAGES = frozenset({"DICOM", "secondary", ""})  # resources that hold what was sent; others hold what was derived


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on the server."""

    scan_id: str  # "" for a file of the session itself
    name: str
    size_bytes: int
    md5: str  # "" where the server keeps none
    is_archived: bool = False
    may_count: bool = True  # as an image of the session when nothing but numbers can be compared
    is_pair: bool = False  # a half of a PAR/REC pair

    @property
    def token(self) -> str:
        """Return the token in its name, "" when there is none."""
        return token_in(self.name) if self.scan_id and not self.is_pair else ""


def is_prearchive(uri: str) -> bool:
    """Tell whether a URI leads into the prearchive."""
    return uri.startswith("/data/prearchive/")


def is_row_of(row: PrearchiveSession, session: SessionRow) -> bool:
    """Tell whether a prearchive row holds a session of ours.

    A script may have changed the study's UID in the row (missing-data 1.2 B4), so a row we got a URI of counts too.
    """
    if row.uri == session.uri:
        return True
    return row.label == session.session_label and row.study_instance_uid in {session.study_instance_uid, ""}


def is_for_subject(place: PrearchiveSession | Session, session: SessionRow | PlannedSession) -> bool:
    """Tell whether what the server has is filed under the subject of the plan; XNAT does not tell case apart (4.1)."""
    there = place.subject if isinstance(place, PrearchiveSession) else place.subject_label
    return there.casefold() in {session.subject_label.casefold(), ""}


async def read_prearchive(site: "Site", uri: str) -> list[StoredFile]:
    """List the files of a built prearchive session, over all scans and all their resources."""
    scans = await site.prearchive_scans(uri)
    listed = await in_turn([partial(site.prearchive_files, uri, scan.id) for scan in scans])
    return [
        StoredFile(
            scan.id,
            file.name,
            file.size_bytes,
            file.md5,
            may_count=file.collection in _OF_IMAGES,
            is_pair=file.collection == PARREC,
        )
        for scan, files in zip(scans, listed, strict=True)
        for file in files
    ]


async def in_turn(lists: Sequence[Callable[[], Awaitable[tuple[RemoteFile, ...]]]]) -> list[tuple[RemoteFile, ...]]:
    """Read lists, a few at a time; the first that fails ends the others."""
    at_once = asyncio.Semaphore(LISTS_AT_ONCE)

    async def read(one: Callable[[], Awaitable[tuple[RemoteFile, ...]]]) -> tuple[RemoteFile, ...]:
        async with at_once:
            return await one()

    tasks = [asyncio.create_task(read(one)) for one in lists]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_archive(site: "Site", session: Session, *, is_ours: bool, has_pairs: bool) -> list[StoredFile]:
    """List the files of an archived session, over all scans and all their resources.

    Files of another study are never counted as ours; a script may have changed its UID, so they may be ours by name.

    Args:
        site: logged in.
        session: to list.
        is_ours: it is known to be the study that was sent.
        has_pairs: its PAR/REC files are wanted as well.
    """
    scans = await site.scans(session.id)
    listed = await in_turn([partial(site.scan_files, session.id, scan.id) for scan in scans])
    stored = [
        StoredFile(
            scan.id,
            file.name,
            file.size_bytes,
            file.md5,
            is_archived=True,
            may_count=is_ours and file.collection in _OF_IMAGES,
            is_pair=file.collection == PARREC,
        )
        for scan, files in zip(scans, listed, strict=True)
        for file in files
    ]
    if has_pairs:
        labels = {resource.label for resource in await site.session_resources(session.id)}
        if PARREC in labels:
            files = await site.resource_files(session.id, PARREC)
            stored += [_of_pair(file.name, file.size_bytes, file.md5, is_archived=True) for file in files]
    return stored


async def stored_in_prearchive(site: "Site", uri: str, files: list[FileRow]) -> list[StoredFile]:
    """Look up PAR/REC files in a session of the prearchive, which keeps no digests: those that are there.

    Memory: one file of at most 16 MiB, read back for its digest; of longer ones only name and size are asked.
    """
    stored = []
    listed = {file.name: file.size_bytes for file in await site.prearchive_resource_files(uri, PARREC)}
    for file in files:
        if not file.name:
            continue
        if file.size_bytes > READ_BACK_BYTES:
            stored += [_of_pair(file.name, listed[file.name], "")] if file.name in listed else []
            continue
        try:
            data = await site.read_file(f"{uri}/resources/{PARREC}/files/{file.name}", limit_bytes=READ_BACK_BYTES)
        except Refused:
            continue
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        stored.append(_of_pair(file.name, len(data), md5))
    return stored


def _of_pair(name: str, size_bytes: int, md5: str, *, is_archived: bool = False) -> StoredFile:
    return StoredFile("", name, size_bytes, md5, is_archived=is_archived, is_pair=True)
