"""Read the directory of a zip file, and open its members; nothing is unpacked.

Written down here and not left to Python's `zipfile`, which keeps 1 kB for each member and takes any number of them.
Sources: PKWARE APPNOTE 4.3.7 (local header), 4.3.12 (directory), 4.3.14-16 (its end), 4.4 (fields), 4.5.3 (zip64).
"""

import os
import stat
import struct
from collections.abc import Iterator
from threading import Event

from xnat_wizard.dicom.members import MOST_MEMBERS, BadArchive, Kind, Member
from xnat_wizard.dicom.opened import DeflatedMember, OpenFile, StoredMember, damaged
from xnat_wizard.dicom.walk import Stopped

_LOCAL = struct.Struct("<4s22xHH")
_ENTRY = struct.Struct("<4sBB3H4x3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4s20x4Q")
_LOCATOR64 = struct.Struct("<4s4xQ4x")
_LONGEST_COMMENT = 1 << 16
_WIDE = 0xFFFFFFFF
_ENCRYPTED, _UTF8 = 0x1, 0x800
_STORED, _DEFLATED = 0, 8
_MOST_INFLATION = 1040  # deflate makes no more of a byte
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}
_UNIX = 3
_PIECE = 1 << 20


def is_zip(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a zip."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_members(fd: int, size_bytes: int, stop: Event | None) -> Iterator[Member]:
    """Give the members in the order of the directory.

    Raises:
        BadArchive: the directory is missing, damaged, or says what cannot be.
        Stopped: `stop` was set.
    """
    count, length, start, shift = _find_directory(fd, size_bytes)
    if count > MOST_MEMBERS:
        raise BadArchive(f"it has {count:,} members, and {MOST_MEMBERS:,} is the limit", is_bomb=True)
    packed_bytes = 0
    directory = _Directory(fd, start, start + length)
    for _ in range(count):
        if stop is not None and stop.is_set():
            raise Stopped
        member = _member(directory, shift)
        packed_bytes += member.packed_bytes
        yield member
    if packed_bytes > size_bytes:
        raise BadArchive("its members lie over each other, as in archives that are made to do harm", is_bomb=True)


def open_member(fd: int, member: Member, stop: Event | None) -> OpenFile:
    """Open a member.

    Raises:
        OSError: the archive is damaged there.
    """
    if not 0 <= member.offset < os.fstat(fd).st_size:
        raise damaged("the archive is damaged: it should begin where the archive has no bytes")
    head = os.pread(fd, _LOCAL.size, member.offset)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise damaged("the archive is damaged where it should begin")
    _, name_length, extra_length = _LOCAL.unpack(head)
    start = member.offset + _LOCAL.size + name_length + extra_length
    if member.method == _STORED:
        return StoredMember(fd, start, member.size_bytes, member.crc)
    return DeflatedMember(fd, start, member.packed_bytes, member.size_bytes, member.crc, stop)


def _find_directory(fd: int, size_bytes: int) -> tuple[int, int, int, int]:
    """Return number of members, length and place of the directory, and how far all offsets are off."""
    tail_start = max(0, size_bytes - _END.size - _LONGEST_COMMENT)
    tail = os.pread(fd, size_bytes - tail_start, tail_start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise BadArchive("its directory, which stands at its end, is missing: it was cut, or not copied to its end")
    _, disk, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    if _WIDE in {length, offset} or count == 0xFFFF or disk == 0xFFFF:
        mark, place = _LOCATOR64.unpack_from(tail, at - _LOCATOR64.size) if at >= _LOCATOR64.size else (b"", 0)
        is_there = mark == b"PK\x06\x07" and place < size_bytes
        wide = os.pread(fd, _END64.size, place) if is_there else b""
        if wide.startswith(b"PK\x06\x06") and len(wide) == _END64.size:
            _, _, count, length, offset = _END64.unpack(wide)
            end, disk = place, 0
    if disk:
        raise BadArchive("it is one of several pieces of a divided archive")
    start = end - length
    if start < 0 or offset > start:
        raise BadArchive("its directory is damaged")
    return count, length, start, start - offset


class _Directory:
    """The directory, a piece at a time in memory."""

    def __init__(self, fd: int, start: int, end: int) -> None:
        self._fd, self._next, self._end = fd, start, end
        self._data, self._at = b"", 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        if self._at + count > len(self._data):
            more = os.pread(self._fd, min(_PIECE, self._end - self._next), self._next)
            self._next += len(more)
            self._data, self._at = self._data[self._at :] + more, 0
            if count > len(self._data):
                raise BadArchive("its directory is damaged")
        self._at += count
        return self._data[self._at - count : self._at]


def _member(directory: _Directory, shift: int) -> Member:
    fields = _ENTRY.unpack(directory.take(_ENTRY.size))
    mark, _, system, _, flags, method, crc, packed, size, name_size, extra_size, comment, _, _, mode, offset = fields
    if mark != b"PK\x01\x02":
        raise BadArchive("its directory is damaged")
    raw = directory.take(name_size)
    size, packed, offset = _widened(directory.take(extra_size), size, packed, offset)
    directory.take(comment)
    name = _name(raw, is_utf8=bool(flags & _UTF8), is_unix=system == _UNIX)
    kind = Kind.FOLDER if name.endswith("/") else _kind(mode >> 16 if system == _UNIX else 0)
    trouble = ""
    if flags & _ENCRYPTED:
        trouble = "it is locked with a password"
    elif method not in {_STORED, _DEFLATED}:
        trouble = f"it is compressed with {_METHODS.get(method, f'method {method}')}, which is not read here"
    elif (method == _STORED and packed != size) or size > packed * _MOST_INFLATION + _MOST_INFLATION:
        trouble = f"it says to be {size:,} bytes long, and {packed:,} bytes of the archive cannot hold them"
    return Member(
        name,
        kind,
        size,
        offset + shift,
        packed_bytes=packed,
        method=method,
        crc=crc,
        is_locked=bool(flags & _ENCRYPTED),
        trouble=trouble,
    )


def _widened(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Return the numbers with those that did not fit taken from the zip64 field."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        if tag == 1:
            field = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            size = next(wide, size) if size == _WIDE else size
            packed = next(wide, packed) if packed == _WIDE else packed
            offset = next(wide, offset) if offset == _WIDE else offset
        at += 4 + length
    return size, packed, offset


def _name(raw: bytes, *, is_utf8: bool, is_unix: bool) -> str:
    """Decode a name: many programs write UTF-8 without saying so, the others mean code page 437."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "surrogateescape") if is_utf8 or is_unix else raw.decode("cp437")
    if not is_unix and "\\" in name and "/" not in name:  # old .NET
        return name.replace("\\", "/")
    return name


def _kind(mode: int) -> Kind:
    if stat.S_ISLNK(mode):
        return Kind.LINK
    if stat.S_IFMT(mode) in {0, stat.S_IFREG}:
        return Kind.FILE
    return Kind.FOLDER if stat.S_ISDIR(mode) else Kind.SPECIAL
