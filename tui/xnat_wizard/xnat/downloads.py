"""Brings files of the site to this disk: whole or not at all, compared, and nothing overwritten (wire contract 7.4)."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.xnat.errors import Refused, Retry
from xnat_wizard.xnat.files import pour
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import RemoteFile

WRITE_BYTES = 512 * 1024
_LONGEST_NAME = 200
_SLACK_BYTES = 1024 * 1024  # so much may come beyond the listed size, as of a page in the place of a file
PART = ".xnat-wizard-part-"  # how the name of a file begins that is not whole yet


@dataclass(frozen=True, slots=True)
class Saved:
    """A file on this disk that is the one on the site, as far as `proof` says."""

    path: Path
    size_bytes: int
    proof: str  # "MD5" or "size"
    was_there: bool = False  # nothing was written: an equal file was there


async def save(http: Http, file: RemoteFile, folder: Path, told: Callable[[int], None] = lambda _: None) -> Saved:
    """Save a file below a folder, under its name on the site; folders are made for this person only.

    Args:
        http: the site.
        file: as the site lists it: size and digest are compared.
        folder: where its name begins.
        told: is told how many bytes have come so far.

    Raises:
        Refused: download.exists, download.bad_name, site.not_found.
        Retry: download.differs.
        Problem: download.disk.
    """
    target = folder.joinpath(*safe_parts(file.name))
    try:
        if not await asyncio.to_thread(_is_inside, folder, target):
            raise Refused(_bad_name(file.name))
        if await asyncio.to_thread(os.path.lexists, target):
            return await _compared(file, target)
        await asyncio.to_thread(_make_folders, target.parent)
        part = await asyncio.to_thread(_Part, file, target.parent, told)
        try:
            await pour(http, file.uri, part)
            await part.finish()
            _check(file, part.size_bytes, part.md5)
            if not await asyncio.to_thread(part.becomes, target):
                return await _compared(file, target)
        finally:
            part.drop()
    except OSError as error:
        raise Problem(_no_room(target, error)) from error
    return Saved(target, part.size_bytes, "MD5" if file.md5 else "size")


def safe_parts(name: str) -> tuple[str, ...]:
    """Return the folders and the name of a file on the site, none of which leads out of where it is put.

    Raises:
        Refused: download.bad_name.
    """
    parts = tuple(name.split("/"))
    if any(part in {"", ".", ".."} or "\0" in part or _length(part) > _LONGEST_NAME for part in parts):
        raise Refused(_bad_name(name))
    return parts


def _length(part: str) -> int:
    """Return how many bytes a name has on this disk; too many where it cannot be written at all."""
    try:
        return len(os.fsencode(part))
    except UnicodeEncodeError:  # half a sign, as JSON can spell one
        return _LONGEST_NAME + 1


class _Part:
    """A file that is not whole yet: hidden, readable by this person only, gone unless it became something."""

    def __init__(self, file: RemoteFile, folder: Path, told: Callable[[int], None]) -> None:
        self._remote = file
        descriptor, name = tempfile.mkstemp(prefix=PART, dir=folder)
        self._file = os.fdopen(descriptor, "wb")
        self._path = Path(name)
        self._told = told
        self._digest = hashlib.md5(usedforsecurity=False)
        self._waiting = bytearray()
        self.size_bytes = 0

    @property
    def md5(self) -> str:
        return self._digest.hexdigest()

    async def begin(self) -> None:
        self._waiting.clear()
        self._digest = hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0
        await asyncio.to_thread(self._empty)

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    async def take(self, piece: bytes) -> None:
        self._waiting += piece
        self.size_bytes += len(piece)
        if self.size_bytes > self._remote.size_bytes + _SLACK_BYTES:
            _check(self._remote, self.size_bytes, "")
        if len(self._waiting) >= WRITE_BYTES:
            await self._write()

    async def _write(self) -> None:
        ready, self._waiting = bytes(self._waiting), bytearray()
        await asyncio.to_thread(self._put, ready)
        self._told(self.size_bytes)

    def _put(self, ready: bytes) -> None:
        self._digest.update(ready)
        self._file.write(ready)

    async def finish(self) -> None:
        await self._write()
        await asyncio.to_thread(self._file.close)

    def becomes(self, target: Path) -> bool:
        """Give the whole file its name; tell whether the name was free."""
        try:
            target.hardlink_to(self._path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            try:
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                return False
            try:
                self._path.replace(target)
            except OSError:
                target.unlink()  # the empty one that was made for it
                raise
        return True

    def drop(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink()


def _is_inside(folder: Path, target: Path) -> bool:
    """Tell whether no link that lies here leads from a folder to elsewhere."""
    return Path(os.path.realpath(target.parent)).is_relative_to(os.path.realpath(folder))


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for this person only."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


async def _compared(file: RemoteFile, target: Path) -> Saved:
    """Take a file that is there already for the one on the site when it is equal.

    Raises:
        Refused: download.exists.
    """
    is_file = await asyncio.to_thread(target.is_file)
    size_bytes = (await asyncio.to_thread(target.stat)).st_size if is_file else -1
    md5 = await asyncio.to_thread(_md5_of, target) if is_file and file.md5 else ""
    if size_bytes != file.size_bytes or md5 != file.md5 or not file.md5:
        raise Refused(_exists(file, target))
    return Saved(target, size_bytes, "MD5", was_there=True)


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _check(file: RemoteFile, size_bytes: int, md5: str) -> None:
    if size_bytes != file.size_bytes or (file.md5 and md5 != file.md5):
        raise Retry(
            Finding(
                "download.differs",
                f'What came of "{file.name}" is not the file that the site lists',
                f"{size_bytes} bytes came, {file.size_bytes} are listed."
                if size_bytes != file.size_bytes
                else "Its MD5 is another one than the site's.",
                ("Download it again.", "If it stays so, an owner of the project can refresh the site's catalog."),
                where=file.name,
                shareable="A file that was downloaded differs from its entry in the list.",
            )
        )


def _exists(file: RemoteFile, target: Path) -> Finding:
    return Finding(
        "download.exists",
        f'"{file.name}" was not saved: a file of this name is there already',
        "It differs from the one on the site, or the site has no MD5 to compare; nothing is overwritten."
        if target.is_file()
        else "Something else of that name is in its place; nothing is overwritten.",
        ("Choose another folder.", "Or move the file away, and download again."),
        where=str(target),
        shareable="A file of the same name is there already.",
    )


def _bad_name(name: str) -> Finding:
    return Finding(
        "download.bad_name",
        "A file was not saved: its name on the site cannot be a name on this disk",
        f'It is called "{name}", which is too long, or would lead to another folder.',
        ("Download it with a browser.",),
        where=name,
        shareable="A file on the site has a name that cannot be kept.",
    )


def _no_room(target: Path, error: OSError) -> Finding:
    return Finding(
        "download.disk",
        "The file could not be saved",
        f"The system said: {error.strerror or type(error).__name__}",
        ("Look whether the disk has room and the folder may be written.", "Or choose another folder."),
        where=str(target),
        shareable="A file could not be written to the disk.",
    )
