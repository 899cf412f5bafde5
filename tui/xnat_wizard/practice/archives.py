"""Reads zip and tar archives entry by entry from a stream, as Java does: what comes later is not known yet.

The zip reader follows `java.util.zip.ZipInputStream`: it believes local headers only and never sees the central
directory, so an archive cut between two entries reads as complete; stored entries with a data descriptor are refused;
sizes and checksums are verified. Memory is one block, whatever the size of the entries.

Sources: the wire contract 5.4; missing-data 1.4 item 4; PKWARE APPNOTE 4.3 and 4.5.3.
"""

import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

BLOCK_BYTES = 256 * 1024

_LOCAL = b"PK\x03\x04"
_DESCRIPTOR = b"PK\x07\x08"
_HEADER = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_UNKNOWN_SIZE = 0xFFFFFFFF


class BrokenArchiveError(Exception):
    """The stream is cut inside an entry, damaged, or of a form that Java's stream reader refuses."""


class UnsupportedFormatError(Exception):
    """The name does not say an archive that can be read; the text is the format as XNAT calls it."""


class Stream(Protocol):
    """Bytes that arrive: `read` blocks, and gives b"" at the end only."""

    def read(self, size: int, /) -> bytes | None:
        """Read at most `size` bytes."""


@dataclass(frozen=True)
class ArchiveEntry:
    """A file of an archive; `content` must be read before the next entry is asked for."""

    name: str  # with its folders
    content: Stream

    @property
    def base_name(self) -> str:
        """Return the last component of the name."""
        return self.name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def format_of(name: str) -> str:
    """Return ZIP, TAR, TGZ, GZ or UNKNOWN by the end of a name, case-sensitive as XNAT's `Format` is."""
    if name.endswith((".zip", ".zar")):
        return "ZIP"
    if name.endswith((".tar", ".xar")):
        return "TAR"
    if name.endswith((".tgz", ".tar.gz")):
        return "TGZ"
    return "GZ" if name.endswith(".gz") else "UNKNOWN"


def read_archive(stream: Stream, name: str) -> Iterator[ArchiveEntry]:
    """Give the files of an archive, those of archives inside it included; directories are skipped.

    Raises:
        UnsupportedFormatError: the name, or that of an archive inside, is of no known format.
        BrokenArchiveError: the stream is damaged; entries given before are good.
    """
    kind = format_of(name)
    if kind == "ZIP":
        entries = _read_zip(stream)
    elif kind in {"TAR", "TGZ"}:
        entries = _read_tar(stream, "r|gz" if kind == "TGZ" else "r|")
    else:
        raise UnsupportedFormatError(kind)
    for entry in entries:
        if format_of(entry.name) == "UNKNOWN":
            yield entry
        else:
            yield from read_archive(entry.content, entry.name)


# -- zip -------------------------------------------------------------------------------------------


class _Source:
    """The stream with bytes pushed back, exact reads and a count."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._rest = b""

    def some(self, most: int = BLOCK_BYTES) -> bytes:
        """Return what is there, at most `most` bytes; b"" at the end."""
        if self._rest:
            piece, self._rest = self._rest[:most], self._rest[most:]
            return piece
        return self._stream.read(most) or b""

    def up_to(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        pieces = []
        while size and (piece := self.some(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def exactly(self, size: int) -> bytes:
        """Return exactly `size` bytes.

        Raises:
            BrokenArchiveError: the stream ends before.
        """
        data = self.up_to(size)
        if len(data) < size:
            raise BrokenArchiveError("unexpected end of the zip stream")
        return data

    def push_back(self, data: bytes) -> None:
        """Put bytes in front again."""
        self._rest = data + self._rest


@dataclass(frozen=True)
class _Local:
    """A local header."""

    name: str
    flags: int
    method: int
    crc: int
    compressed_bytes: int
    size_bytes: int

    @property
    def has_descriptor(self) -> bool:
        return bool(self.flags & 8)


def _read_zip(stream: Stream) -> Iterator[ArchiveEntry]:
    source = _Source(stream)
    is_first = True
    while (local := _read_local(source, is_first=is_first)) is not None:
        is_first = False
        content = _Stored(source, local) if local.method == _STORED else _Deflated(source, local)
        if not local.name.endswith("/"):
            yield ArchiveEntry(local.name, content)
        while content.read(BLOCK_BYTES):
            pass


def _read_local(source: _Source, *, is_first: bool) -> _Local | None:
    head = source.up_to(_HEADER.size)
    if is_first and head[:2] != b"PK":
        raise BrokenArchiveError("no zip stream")
    if len(head) < _HEADER.size or head[:4] != _LOCAL:
        return None
    _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _HEADER.unpack(head)
    name = source.exactly(name_length).decode("utf-8", "replace")
    extra = source.exactly(extra_length)
    if _UNKNOWN_SIZE in {compressed, size}:
        compressed, size = _large_sizes(extra, compressed, size)
    if flags & 1:
        raise BrokenArchiveError("encrypted ZIP entry not supported")
    if method not in {_STORED, _DEFLATED}:
        raise BrokenArchiveError("unsupported compression method")
    if flags & 8 and method != _DEFLATED:
        raise BrokenArchiveError("only DEFLATED entries can have EXT descriptor")
    return _Local(name, flags, method, crc, compressed, size)


def _large_sizes(extra: bytes, compressed: int, size: int) -> tuple[int, int]:
    """Take the sizes that do not fit the header from its zip64 field."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == 1:
            numbers = list(struct.unpack_from(f"<{len(field) // 8}Q", field))
            if size == _UNKNOWN_SIZE and numbers:
                size = numbers.pop(0)
            if compressed == _UNKNOWN_SIZE and numbers:
                compressed = numbers.pop(0)
    return compressed, size


class _Stored:
    """The bytes of a stored entry."""

    def __init__(self, source: _Source, local: _Local) -> None:
        self._source = source
        self._local = local
        self._left = local.size_bytes
        self._crc = 0

    def read(self, size: int) -> bytes:
        if not self._left:
            return b""
        piece = self._source.some(min(size, self._left))
        if not piece:
            raise BrokenArchiveError("unexpected end of the zip stream")
        self._left -= len(piece)
        self._crc = zlib.crc32(piece, self._crc)
        if not self._left and self._crc != self._local.crc:
            raise BrokenArchiveError("invalid entry CRC")
        return piece


class _Deflated:
    """The bytes of a deflated entry, and the descriptor behind it."""

    def __init__(self, source: _Source, local: _Local) -> None:
        self._source = source
        self._local = local
        self._inflater = zlib.decompressobj(-15)
        self._crc = self._size = self._compressed = 0
        self._is_done = False

    def read(self, size: int) -> bytes:
        while not self._is_done:
            data = self._inflater.unconsumed_tail
            if not data:
                data = self._source.some()
                self._compressed += len(data)
            if not data:
                raise BrokenArchiveError("Unexpected end of ZLIB input stream")
            try:
                piece = self._inflater.decompress(data, size)
            except zlib.error as error:
                raise BrokenArchiveError(str(error)) from error
            self._crc = zlib.crc32(piece, self._crc)
            self._size += len(piece)
            if self._inflater.eof:
                self._finish()
            if piece:
                return piece
        return b""

    def _finish(self) -> None:
        self._is_done = True
        rest = self._inflater.unused_data
        self._compressed -= len(rest)
        self._source.push_back(rest)
        crc, compressed, size = self._local.crc, self._local.compressed_bytes, self._local.size_bytes
        if self._local.has_descriptor:
            wide = self._size >= _UNKNOWN_SIZE or self._compressed >= _UNKNOWN_SIZE
            head = self._source.exactly(4)
            if head != _DESCRIPTOR:
                self._source.push_back(head)
            crc, compressed, size = struct.unpack("<IQQ" if wide else "<3I", self._source.exactly(20 if wide else 12))
        if size != self._size or compressed != self._compressed:
            raise BrokenArchiveError("invalid entry size")
        if crc != self._crc:
            raise BrokenArchiveError("invalid entry CRC")


# -- tar -------------------------------------------------------------------------------------------


class _Plain:
    """A stream as `tarfile` wants it: short reads only at the end."""

    def __init__(self, stream: Stream) -> None:
        self._source = _Source(stream)

    def read(self, size: int) -> bytes:
        return self._source.up_to(size)


def _read_tar(stream: Stream, mode: str) -> Iterator[ArchiveEntry]:
    try:
        # bufsize: fewer, larger reads from the connection
        with tarfile.open(fileobj=_Plain(stream), mode=mode, bufsize=64 * 1024) as archive:  # type: ignore[call-overload]  # mode is a variable
            for member in archive:
                archive.members = []  # would grow with every entry
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield ArchiveEntry(member.name, _Member(content))
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise BrokenArchiveError(str(error)) from error


class _Member:
    """The bytes of a tar member."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        try:
            return self._content.read(size)
        except (tarfile.TarError, zlib.error, EOFError) as error:
            raise BrokenArchiveError(str(error)) from error
