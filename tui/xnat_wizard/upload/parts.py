"""Parts: bounded sets of files of one series that travel in one request, as a zip made while it is read.

Every entry's local header carries sizes and CRC, because Java's stream reader refuses stored entries with a data
descriptor (wire contract 5.4). The zip's length is known before the first byte is sent, so the request has a
Content-Length. For deflated entries that takes a pass before (`packing.squeeze`), which keeps only lengths and CRCs.
Entry names are numbers: no name of a person or folder leaves the house with them.

Memory: one file of at most 2 MB, the same deflated, and one piece of at most 1 MB at a time; longer files are read
twice, in pieces.
"""

import asyncio
import hashlib
import struct
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from xnat_wizard.dicom.model import Instance
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.upload import deflating
from xnat_wizard.upload.deflating import Squeezed
from xnat_wizard.upload.local import LocalSource

MAX_BYTES = 100_000_000
MAX_FILES = 2_000

READ_WHOLE_BYTES = 2 * 1024 * 1024  # times the connections
PIECE_BYTES = 512 * 1024
ZIP64_FROM = 0xFFFFFFFF  # sizes and offsets from here on need the wide fields

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_STORED, _DEFLATED = 0, 8
_DOS_DATE = 0x21  # 1980-01-01: when a file was written is nobody's business


def cut(instances: Sequence[Instance]) -> Iterator[tuple[Instance, ...]]:
    """Cut the instances of a series into parts, in order; a file beyond the limit makes a part of its own."""
    part: list[Instance] = []
    size_bytes = 0
    for instance in instances:
        if part and (len(part) >= MAX_FILES or size_bytes + instance.size_bytes > MAX_BYTES):
            yield tuple(part)
            part, size_bytes = [], 0
        part.append(instance)
        size_bytes += instance.size_bytes
    if part:
        yield tuple(part)


@dataclass(frozen=True, slots=True)
class Item:
    """One file to travel: where it is, and what the survey saw of it."""

    file_id: int  # the journal's number; also names the entry
    source: LocalSource
    path: str  # below the source
    size_bytes: int
    mtime_ns: int  # -1: not known; of the archive, where the source is one

    @property
    def entry_name(self) -> bytes:
        """Return the name inside the zip: unique in an upload, legal everywhere, says nothing."""
        return b"%08d.dcm" % self.file_id


class SourceChangedError(Exception):
    """A local file is no longer what the survey saw: it changed, vanished, or cannot be read."""

    def __init__(self, file_id: int, reason: str) -> None:
        super().__init__(reason)
        self.file_id = file_id
        self.reason = reason


def read_unchanged(item: Item) -> OpenFile:
    """Open a file that is still what the survey saw.

    Raises:
        SourceChangedError: it is not.
    """
    try:
        file = item.source.open(item.path)
    except OSError as error:
        raise SourceChangedError(item.file_id, _reason(error)) from error
    try:
        _compare(item, file.now())
    except SourceChangedError:
        file.close()
        raise
    return file


def find_changed(items: Sequence[Item]) -> dict[int, str]:
    """Return the files that are no longer what the survey saw, by number, each with the reason; opens none."""
    changed: dict[int, str] = {}
    for item in items:
        try:
            _compare(item, item.source.status(item.path))
        except OSError as error:
            changed[item.file_id] = _reason(error)
        except SourceChangedError as change:
            changed[item.file_id] = change.reason
    return changed


def read_sample(item: Item, size_bytes: int) -> bytes:
    """Return some bytes out of the middle of a file, where the pixels are.

    Raises:
        SourceChangedError: it is not what the survey saw.
    """
    with read_unchanged(item) as file:
        try:
            return file.read_at(item.size_bytes // 2, size_bytes)
        except OSError as error:
            raise SourceChangedError(item.file_id, _reason(error)) from error


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is gone since the survey"
    return f"the file cannot be read: {error.strerror or type(error).__name__}"


def _compare(item: Item, now: tuple[int, int]) -> None:
    size_bytes, mtime_ns = now
    if size_bytes != item.size_bytes:
        raise SourceChangedError(
            item.file_id, f"the file had {item.size_bytes} bytes at the survey and has {size_bytes} now"
        )
    if item.mtime_ns >= 0 and mtime_ns != item.mtime_ns:
        raise SourceChangedError(item.file_id, "the file was written to since the survey")


def digest(item: Item) -> str:
    """Return the MD5 of an unchanged file, read in pieces.

    Raises:
        SourceChangedError: it is no longer what the survey saw.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in read_pieces(item):
        md5.update(piece)
    return md5.hexdigest()


def read_pieces(item: Item) -> Iterator[bytes]:
    """Give an unchanged file in pieces.

    Raises:
        SourceChangedError: it is not, or does not stay what the survey saw.
    """
    with read_unchanged(item) as file:
        position = 0
        while position < item.size_bytes:
            try:
                piece = file.read_at(position, min(PIECE_BYTES, item.size_bytes - position))
            except OSError as error:
                raise SourceChangedError(item.file_id, _reason(error)) from error
            if not piece:
                raise SourceChangedError(item.file_id, "the file was cut while it was read")
            position += len(piece)
            yield piece
        _compare(item, file.now())


_ALL_STORED: Mapping[int, Squeezed] = MappingProxyType({})


class ZipStream:
    """The zip of one part, made while it is read; iterate once.

    After the iteration `md5` holds the digest of every file, by file id. Stops with `SourceChangedError` when a file
    is not what the survey saw; `failure` keeps that error, since an HTTP library may wrap it.
    """

    def __init__(self, items: Sequence[Item], squeezed: Mapping[int, Squeezed] = _ALL_STORED) -> None:
        """Prepare; reads nothing.

        Args:
            items: the files.
            squeezed: those to deflate, as `packing.squeeze` returned them; the others are stored.
        """
        self._items = tuple(items)
        self._squeezed = squeezed
        self.md5: dict[int, str] = {}
        self.failure: SourceChangedError | None = None

    @property
    def size_bytes(self) -> int:
        """Return the exact length of the whole zip."""
        offset = size = central = 0
        for item in self._items:
            facts = self._facts(item, 0)
            central += len(_central_header(item, facts, offset))
            offset += len(_local_header(item, facts)) + facts.packed_bytes
        size = offset + central
        return size + len(_end(len(self._items), central, offset))

    def pieces(self) -> Iterator[bytes]:
        """Give the zip in pieces of 0.5 to 1 MB, the last one shorter."""
        pending = bytearray()
        try:
            for piece in self._raw():
                if not pending and len(piece) >= PIECE_BYTES:
                    yield piece
                    continue
                pending += piece
                if len(pending) >= PIECE_BYTES:
                    yield bytes(pending)
                    pending.clear()
        except SourceChangedError as failure:
            self.failure = failure
            raise
        if pending:
            yield bytes(pending)

    def _raw(self) -> Iterator[bytes]:
        offset = 0
        central = bytearray()
        for item in self._items:
            facts, content = self._entry(item)
            header = _local_header(item, facts)
            central += _central_header(item, facts, offset)
            offset += len(header) + facts.packed_bytes
            yield header
            for piece in content:
                yield from _bounded(piece)
        yield bytes(central) + _end(len(self._items), len(central), offset)

    def _facts(self, item: Item, crc: int) -> "_Facts":
        squeezed = self._squeezed.get(item.file_id)
        return _Facts(_DEFLATED, *squeezed) if squeezed else _Facts(_STORED, crc, item.size_bytes)

    def _entry(self, item: Item) -> tuple["_Facts", Iterator[bytes]]:
        """Return what the header says of a file, and its content as it travels."""
        if item.size_bytes > READ_WHOLE_BYTES:
            facts = self._facts(item, 0 if item.file_id in self._squeezed else _crc_of(item))
            return facts, self._long(item, facts)
        data = b"".join(read_pieces(item))
        self.md5[item.file_id] = hashlib.md5(data, usedforsecurity=False).hexdigest()
        crc = deflating.crc32(data)
        facts = self._facts(item, crc)
        if facts.method is _DEFLATED:
            data = deflating.deflate(data)
            _require_same(item, facts, crc, len(data))
        return facts, iter((data,))

    def _long(self, item: Item, facts: "_Facts") -> Iterator[bytes]:
        """Give a file in pieces as it travels, and see that it is still the one its header was written for."""
        stream = deflating.compressor() if facts.method is _DEFLATED else None
        md5, crc, packed_bytes = hashlib.md5(usedforsecurity=False), 0, 0
        for piece in read_pieces(item):
            md5.update(piece)
            crc = deflating.crc32(piece, crc)
            packed = stream.compress(piece) if stream else piece
            packed_bytes += len(packed)
            if packed_bytes > facts.packed_bytes:
                break
            yield packed
        rest = stream.flush() if stream else b""
        _require_same(item, facts, crc, packed_bytes + len(rest))
        self.md5[item.file_id] = md5.hexdigest()
        yield rest


class BareStream:
    """One file as it is; else like a `ZipStream`."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self.size_bytes = item.size_bytes
        self.md5: dict[int, str] = {}
        self.failure: SourceChangedError | None = None

    def pieces(self) -> Iterator[bytes]:
        """Give the file in pieces."""
        md5 = hashlib.md5(usedforsecurity=False)
        try:
            for piece in read_pieces(self._item):
                md5.update(piece)
                yield piece
        except SourceChangedError as failure:
            self.failure = failure
            raise
        self.md5[self._item.file_id] = md5.hexdigest()


class _Facts(NamedTuple):
    """What the headers of an entry say of its content."""

    method: int
    crc: int
    packed_bytes: int


def _crc_of(item: Item) -> int:
    crc = 0
    for piece in read_pieces(item):
        crc = deflating.crc32(piece, crc)
    return crc


def _require_same(item: Item, facts: _Facts, crc: int, packed_bytes: int) -> None:
    if (crc, packed_bytes) != (facts.crc, facts.packed_bytes):
        raise SourceChangedError(item.file_id, "the file changed while it was sent")


def _bounded(data: bytes) -> Iterator[bytes]:
    if len(data) <= 2 * PIECE_BYTES:
        if data:
            yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])


# -- the zip format: PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.14-16, 4.5.3 ----------------------------------


def _local_header(item: Item, facts: _Facts) -> bytes:
    size, packed = item.size_bytes, facts.packed_bytes
    extra = b""
    if max(size, packed) >= ZIP64_FROM:
        extra = struct.pack("<HHQQ", 1, 16, size, packed)
        size = packed = 0xFFFFFFFF
    name = item.entry_name
    version = 45 if extra else 20
    fixed = _LOCAL.pack(
        b"PK\x03\x04", version, 0, facts.method, 0, _DOS_DATE, facts.crc, packed, size, len(name), len(extra)
    )
    return fixed + name + extra


def _central_header(item: Item, facts: _Facts, offset: int) -> bytes:
    wide: list[int] = []
    size, packed = item.size_bytes, facts.packed_bytes
    if max(size, packed) >= ZIP64_FROM:
        wide += [size, packed]
        size = packed = 0xFFFFFFFF
    if offset >= ZIP64_FROM:
        wide.append(offset)
        offset = 0xFFFFFFFF
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    name = item.entry_name
    version = 45 if wide else 20
    fixed = _CENTRAL.pack(
        b"PK\x01\x02",
        version,
        version,
        0,
        facts.method,
        0,
        _DOS_DATE,
        facts.crc,
        packed,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        0,
        offset,
    )
    return fixed + name + extra


def _end(count: int, central_bytes: int, offset: int) -> bytes:
    wide = b""
    if count >= 0xFFFF or central_bytes >= ZIP64_FROM or offset >= ZIP64_FROM:
        wide = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, central_bytes, offset)
        wide += _LOCATOR64.pack(b"PK\x06\x07", 0, offset + central_bytes, 1)
        count, central_bytes, offset = (min(count, 0xFFFF), min(central_bytes, 0xFFFFFFFF), min(offset, 0xFFFFFFFF))
        offset = 0xFFFFFFFF if offset >= ZIP64_FROM else offset
    return wide + _END.pack(b"PK\x05\x06", 0, 0, count, count, central_bytes, offset, 0)


async def in_thread(pieces: Iterator[bytes], executor: Executor) -> AsyncIterator[bytes]:
    """Take pieces from an iterator in a thread, so that a slow disk does not stop the loop.

    Args:
        pieces: is used by one thread at a time.
        executor: the pool of the readers, kept apart from the loop's own.
    """
    loop = asyncio.get_running_loop()
    while True:
        piece = await loop.run_in_executor(executor, next, pieces, None)
        if piece is None:
            return
        yield piece
