"""What the server has of a session, and which local file each of its files is.

A file is told by the token in its name (wire contract 5.7 step 7), which survives scripts that rewrite headers; its
bytes are proved by MD5 where the archive keeps one. Numbers alone prove least. Only reads.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.records import CheckedFile, FileRow, SessionRow
from xnat_wizard.upload.tokens import token_in
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import PrearchiveSession, Session
from xnat_wizard.xnat.site import Site

READ_BACK_BYTES = 64 * 1024 * 1024
PARREC = "PARREC"  # the session resource for PAR/REC pairs
_MADE_BY_SERVER = frozenset({"SNAPSHOTS"})
_TEMPLATE = re.compile(r"[0-9.]+-[^/]*-[0-9a-z]{1,7}\.dcm")  # the default file-name template


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on the server."""

    scan_id: str  # "" for a file of the session itself
    name: str
    size_bytes: int
    md5: str  # "" where the server keeps none

    @property
    def token(self) -> str:
        """Return the token in its name, "" when there is none."""
        return token_in(self.name) if self.scan_id else ""


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


async def read_prearchive(site: Site, uri: str) -> list[StoredFile]:
    """List the files of a built prearchive session, over all scans and all their resources."""
    stored = []
    for scan in await site.prearchive_scans(uri):
        files = await site.prearchive_files(uri, scan.id)
        stored += [StoredFile(scan.id, file.name, file.size_bytes, file.md5) for file in files]
    return stored


async def read_archive(site: Site, session: Session, *, has_pairs: bool) -> list[StoredFile]:
    """List the files of an archived session, over all scans and all their resources."""
    stored = []
    for scan in await site.scans(session.id):
        files = await site.scan_files(session.id, scan.id)
        stored += [
            StoredFile(scan.id, file.name, file.size_bytes, file.md5)
            for file in files
            if file.collection not in _MADE_BY_SERVER
        ]
    if has_pairs:
        labels = {resource.label for resource in await site.session_resources(session.id)}
        if PARREC in labels:
            files = await site.resource_files(session.id, PARREC)
            stored += [StoredFile("", file.name, file.size_bytes, file.md5) for file in files]
    return stored


async def stored_in_prearchive(site: Site, uri: str, files: list[FileRow]) -> list[StoredFile]:
    """Read PAR/REC files back from a session in the prearchive, which keeps no digests: those that are there.

    Memory: one file of at most 64 MiB; longer ones are not read back, and so not proved.
    """
    stored = []
    for file in files:
        if not file.name or file.size_bytes > READ_BACK_BYTES:
            continue
        try:
            data = await site.read_file(f"{uri}/resources/{PARREC}/files/{file.name}", limit_bytes=READ_BACK_BYTES)
        except Refused:
            continue
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        stored.append(StoredFile("", file.name, len(data), md5))
    return stored


def match(
    files: Iterable[FileRow],
    stored: Iterable[StoredFile],
    *,
    numbers: dict[int, str],
    md5_of: Callable[[FileRow], str],
) -> list[CheckedFile]:
    """Find each local file among those on the server.

    A file that is not found is MISSING if it was answered for, and keeps its fate otherwise.

    Args:
        files: the session's files.
        stored: everything the server has of the session.
        numbers: the Series Number by series, for the comparison of mere numbers.
        md5_of: gives a file's MD5, reading it when it has not been read yet; "" when it cannot.
    """
    by_token: dict[str, list[StoredFile]] = defaultdict(list)
    by_name: dict[str, StoredFile] = {}
    for one in stored:
        if one.scan_id:
            by_token[one.token].append(one)
        else:
            by_name[one.name] = one
    checked: list[CheckedFile] = []
    unmatched: dict[int, list[FileRow]] = defaultdict(list)
    used: set[int] = set()
    for file in files:
        there = by_name.get(file.name) if file.name else _of_token(by_token, file.token)
        if there is None or (file.name and there.size_bytes != file.size_bytes):
            unmatched[file.series_id].append(file)
            continue
        used.add(id(there))
        is_equal = bool(there.md5) and there.md5 == md5_of(file)
        proof = "MD5" if is_equal else "name and size" if file.name else "file-name token"
        checked.append(CheckedFile(file.id, Fate.STORED, proof, there.scan_id, ""))
    left: dict[str, list[StoredFile]] = defaultdict(list)
    for some in by_token.values():
        for one in some:
            left[one.scan_id].append(one)  # what was matched has left the lists
    for series_id, some_files in unmatched.items():
        checked += _by_other_means(some_files, _scans_of(numbers.get(series_id, ""), left), md5_of)
    return checked


def _of_token(by_token: dict[str, list[StoredFile]], token: str) -> StoredFile | None:
    candidates = by_token.get(token)
    return candidates.pop() if candidates else None


def _scans_of(number: str, left: dict[str, list[StoredFile]]) -> list[StoredFile]:
    """Return what is left in the scans of a Series Number: XNAT calls the second scan of one number `4-MR2`."""
    if not number:
        return []
    return [
        one for scan_id, some in left.items() if scan_id == number or scan_id.startswith(f"{number}-") for one in some
    ]


def _by_other_means(
    files: list[FileRow], stored: list[StoredFile], md5_of: Callable[[FileRow], str]
) -> list[CheckedFile]:
    """Match files whose names on the server hold no token of ours: by MD5, else by their number in the scan."""
    pool = {one.md5: one for one in stored if one.md5}
    checked: list[CheckedFile] = []
    rest: list[FileRow] = []
    for file in files:
        there = pool.pop(md5_of(file), None) if pool and not file.name else None
        if there is None:
            rest.append(file)
        else:
            checked.append(CheckedFile(file.id, Fate.STORED, "MD5", there.scan_id, ""))
    was_sent = all(file.fate in {Fate.SENT, Fate.STORED, Fate.MISSING} for file in rest)
    others = [one for one in stored if not _TEMPLATE.fullmatch(one.name)]  # template names are other instances
    if rest and was_sent and len(others) == len(files) == len(rest):
        return [CheckedFile(file.id, Fate.STORED, "count", others[0].scan_id, "") for file in rest]
    return checked + [_absent(file) for file in rest]


def _absent(file: FileRow) -> CheckedFile:
    if file.fate in {Fate.SENT, Fate.STORED, Fate.MISSING}:
        remark = "the server answered for it and does not list it"
        return CheckedFile(file.id, Fate.MISSING, "", "", remark)
    return CheckedFile(file.id, file.fate, "", "", file.remark)
