"""Parts: bounded sets of files of one series that travel in one request, as a zip made while it is read.

Every entry's local header carries sizes and CRC, because Java's stream reader refuses stored entries with a data
descriptor (wire contract 5.4). The zip's length is known before the first byte is sent, so the request has a
Content-Length. For deflated entries that takes a pass before (`packing.squeeze`), which keeps only lengths and CRCs.
Entry names are numbers: no name of a person or folder leaves the house with them.

Files of up to 1.6 MB are read straight to where they travel from. Longer ones are read twice, in pieces: the CRC
has to be known before the first byte leaves.

Memory a connection: three pieces of at most 1.7 MB (one on its way, one ahead, one in the hands of the HTTP library),
and where files are deflated one file of at most 1.6 MB, as it is and deflated.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType

from xnat_wizard.dicom.model import Instance
from xnat_wizard.dicom.opened import FolderFile, OpenFile
from xnat_wizard.upload import deflating, zip_format
from xnat_wizard.upload.basin import Basin
from xnat_wizard.upload.deflating import Squeezed
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.zip_format import Entry

MAX_BYTES = 100_000_000
MAX_FILES = 2_000

READ_WHOLE_BYTES = 1_650_000  # three slices of 512 x 512 travel in one piece
PIECE_BYTES = 512 * 1024  # of longer files
_HEADER_ROOM = 128

Piece = bytes | memoryview


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


def first_few(sizes: Sequence[int], most_bytes: int) -> int:
    """Return how many of the first files together are not larger than that; at least one."""
    return max(1, sum(size_bytes <= most_bytes for size_bytes in accumulate(sizes)))


@dataclass(frozen=True, slots=True)
class Item:
    """One file to travel: where it is, and what the survey saw of it."""

    file_id: int  # the journal's number; also names the entry
    source: LocalSource
    path: str  # below the source
    size_bytes: int
    mtime_ns: int  # -1: not known; of the archive, where the source is one
    wire_bytes: int = -1  # as it travels, where that is not what it has on disk

    @property
    def length(self) -> int:
        """Return how many bytes of it travel; of a source that changes them, after `as_they_travel`."""
        return self.size_bytes if self.wire_bytes < 0 else self.wire_bytes

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
        _compare_length(item, file.size_bytes)
    except SourceChangedError:
        file.close()
        raise
    return file


def as_they_travel(items: Sequence[Item]) -> list[Item]:
    """Return files that know how long they are on their way; may read the beginning of each.

    Raises:
        SourceChangedError: one cannot travel.
    """
    return [replace(item, wire_bytes=_wire_bytes(item)) for item in items]


def _wire_bytes(item: Item) -> int:
    try:
        return item.source.wire_bytes(item.path)
    except OSError as error:
        raise SourceChangedError(item.file_id, _reason(error)) from error


def find_changed(items: Sequence[Item]) -> dict[int, str]:
    """Return the files that are no longer what the survey saw, or cannot travel, by number, each with the reason.

    Opens only files of a source that changes what travels.
    """
    changed: dict[int, str] = {}
    for item in items:
        try:
            _compare(item, item.source.status(item.path))
            item.source.wire_bytes(item.path)
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
            return file.read_at(file.size_bytes // 2, size_bytes)
        except OSError as error:
            raise SourceChangedError(item.file_id, _reason(error)) from error


def _reason(error: OSError) -> str:
    if isinstance(error, HeldBackError):
        return error.reason
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


def _compare_length(item: Item, size_bytes: int) -> None:
    if item.wire_bytes not in {-1, size_bytes}:
        raise SourceChangedError(item.file_id, "what is sent of it has another length than it had a moment ago")


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
        while position < file.size_bytes:
            try:
                piece = file.read_at(position, min(PIECE_BYTES, file.size_bytes - position))
            except OSError as error:
                raise SourceChangedError(item.file_id, _reason(error)) from error
            if not piece:
                raise SourceChangedError(item.file_id, "the file was cut while it was read")
            position += len(piece)
            yield piece
        _compare(item, file.now())


def read_whole(item: Item, place: memoryview) -> None:
    """Read an unchanged file into a place of its length.

    Raises:
        SourceChangedError: it is not, or does not stay what the survey saw.
    """
    with read_unchanged(item) as file:
        position = 0
        while position < item.length:
            try:
                count = _read_into(file, position, place[position:])
            except OSError as error:
                raise SourceChangedError(item.file_id, _reason(error)) from error
            if not count:
                raise SourceChangedError(item.file_id, "the file was cut while it was read")
            position += count
        _compare(item, file.now())


def _read_into(file: OpenFile, position: int, place: memoryview) -> int:
    if isinstance(file, FolderFile):
        return os.preadv(file.fd, [place], position)  # no copy in between
    data = file.read_at(position, len(place))
    place[: len(data)] = data
    return len(data)


_ALL_STORED: Mapping[int, Squeezed] = MappingProxyType({})


class ZipStream:
    """The zip of one part, made while it is read; iterate once.

    After the iteration `md5` holds the digest of every file, by file id, where digests are wanted. Stops with
    `SourceChangedError` when a file is not what the survey saw; `failure` keeps that error, since an HTTP library may
    wrap it.
    """

    def __init__(
        self, items: Sequence[Item], squeezed: Mapping[int, Squeezed] = _ALL_STORED, *, is_digesting: bool = True
    ) -> None:
        """Prepare; reads nothing.

        Args:
            items: the files.
            squeezed: those to deflate, as `packing.squeeze` returned them; the others are stored.
            is_digesting: take the MD5 of every file on the way, which costs more than all the rest.
        """
        self._items = tuple(items)
        self._squeezed = squeezed
        self._is_digesting = is_digesting
        self.md5: dict[int, str] = {}
        self.files_read = 0
        self.failure: SourceChangedError | None = None

    @property
    def size_bytes(self) -> int:
        """Return the exact length of the whole zip."""
        return zip_format.length([self._entry(item, 0) for item in self._items])

    def pieces(self) -> Iterator[Piece]:
        """Give the zip in pieces of at most 1.7 MB.

        A piece may lie in memory that is filled again once nobody looks at the piece any more: keep it, or a copy.
        """
        try:
            yield from self._raw()
        except SourceChangedError as failure:
            self.failure = failure
            raise

    def _raw(self) -> Iterator[Piece]:
        basin = Basin(READ_WHOLE_BYTES + _HEADER_ROOM)
        offset = 0
        central = bytearray()
        for item in self._items:
            entry = self._entry(item, 0)
            header_bytes = len(zip_format.local_header(entry))
            if item.length > READ_WHOLE_BYTES:
                if entry.method == zip_format.STORED:
                    entry = self._entry(item, _crc_of(item))
                yield from basin.put(zip_format.local_header(entry))
                yield from basin.rest()
                yield from self._long(item, entry)
            elif entry.method == zip_format.DEFLATED:
                yield from basin.put(zip_format.local_header(entry) + self._packed(item, entry))
            else:
                yield from basin.made_room(header_bytes + item.length)
                entry = self._fill(item, basin.claim(header_bytes + item.length), header_bytes)
            self.files_read += 1
            central += zip_format.central_header(entry, offset)
            offset += header_bytes + entry.packed_bytes
        yield from basin.put(bytes(central) + zip_format.end(len(self._items), len(central), offset))
        yield from basin.rest()

    def _entry(self, item: Item, crc: int) -> Entry:
        squeezed = self._squeezed.get(item.file_id)
        method = zip_format.DEFLATED if squeezed else zip_format.STORED
        return Entry(item.entry_name, method, *(squeezed or (crc, item.length)), item.length)

    def _fill(self, item: Item, place: memoryview, header_bytes: int) -> Entry:
        """Read a file to where it travels from, and write its header before it."""
        content = place[header_bytes:]
        read_whole(item, content)
        self._digest(item, content)
        entry = self._entry(item, deflating.crc32(content))
        place[:header_bytes] = zip_format.local_header(entry)
        return entry

    def _packed(self, item: Item, entry: Entry) -> bytes:
        """Return a file deflated at once."""
        data = b"".join(read_pieces(item))
        self._digest(item, data)
        packed = deflating.deflate(data)
        _require_same(item, entry, deflating.crc32(data), len(packed))
        return packed

    def _digest(self, item: Item, content: Piece) -> None:
        if self._is_digesting:
            self.md5[item.file_id] = hashlib.md5(content, usedforsecurity=False).hexdigest()

    def _long(self, item: Item, entry: Entry) -> Iterator[bytes]:
        """Give a file in pieces as it travels, and see that it is still the one its header was written for."""
        stream = deflating.compressor() if entry.method == zip_format.DEFLATED else None
        md5, crc, packed_bytes = hashlib.md5(usedforsecurity=False), 0, 0
        for piece in read_pieces(item):
            if self._is_digesting:
                md5.update(piece)
            crc = deflating.crc32(piece, crc)
            packed = stream.compress(piece) if stream else piece
            packed_bytes += len(packed)
            if packed_bytes > entry.packed_bytes:
                break
            if packed:
                yield packed
        rest = stream.flush() if stream else b""
        _require_same(item, entry, crc, packed_bytes + len(rest))
        if self._is_digesting:
            self.md5[item.file_id] = md5.hexdigest()
        if rest:
            yield rest


class BareStream:
    """One file as it is; else like a `ZipStream`."""

    def __init__(self, item: Item, *, is_digesting: bool = True) -> None:
        self._item = item
        self._is_digesting = is_digesting
        self.size_bytes = item.length
        self.md5: dict[int, str] = {}
        self.files_read = 0
        self.failure: SourceChangedError | None = None

    def pieces(self) -> Iterator[bytes]:
        """Give the file in pieces."""
        md5 = hashlib.md5(usedforsecurity=False)
        try:
            for piece in read_pieces(self._item):
                if self._is_digesting:
                    md5.update(piece)
                yield piece
        except SourceChangedError as failure:
            self.failure = failure
            raise
        self.files_read = 1
        if self._is_digesting:
            self.md5[self._item.file_id] = md5.hexdigest()


def _crc_of(item: Item) -> int:
    crc = 0
    for piece in read_pieces(item):
        crc = deflating.crc32(piece, crc)
    return crc


def _require_same(item: Item, entry: Entry, crc: int, packed_bytes: int) -> None:
    if (crc, packed_bytes) != (entry.crc, entry.packed_bytes):
        raise SourceChangedError(item.file_id, "the file changed while it was sent")
