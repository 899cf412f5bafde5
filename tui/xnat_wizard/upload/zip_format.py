"""The zip format as far as parts need it: headers with sizes and CRC, wide fields where numbers are large.

Source: PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.14-16, 4.5.3.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

STORED, DEFLATED = 0, 8
ZIP64_FROM = 0xFFFFFFFF  # sizes and offsets from here on need the wide fields

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_DOS_DATE = 0x21  # 1980-01-01: when a file was written is nobody's business


class Entry(NamedTuple):
    """What the headers say of one file."""

    name: bytes
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int


def local_header(entry: Entry) -> bytes:
    """Return what stands before a file; its length does not depend on the CRC."""
    size, packed = entry.size_bytes, entry.packed_bytes
    extra = b""
    if max(size, packed) >= ZIP64_FROM:
        extra = struct.pack("<HHQQ", 1, 16, size, packed)
        size = packed = 0xFFFFFFFF
    name = entry.name
    version = 45 if extra else 20
    fixed = _LOCAL.pack(
        b"PK\x03\x04", version, 0, entry.method, 0, _DOS_DATE, entry.crc, packed, size, len(name), len(extra)
    )
    return fixed + name + extra


def central_header(entry: Entry, offset: int) -> bytes:
    """Return the line of the directory for a file whose local header stands at `offset`."""
    wide: list[int] = []
    size, packed = entry.size_bytes, entry.packed_bytes
    if max(size, packed) >= ZIP64_FROM:
        wide += [size, packed]
        size = packed = 0xFFFFFFFF
    if offset >= ZIP64_FROM:
        wide.append(offset)
        offset = 0xFFFFFFFF
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    name = entry.name
    version = 45 if wide else 20
    fixed = _CENTRAL.pack(
        b"PK\x01\x02",
        version,
        version,
        0,
        entry.method,
        0,
        _DOS_DATE,
        entry.crc,
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


def length(entries: Sequence[Entry]) -> int:
    """Return the length of a whole zip of these files."""
    names = sum(len(entry.name) for entry in entries)
    local = sum(entry.packed_bytes for entry in entries) + _LOCAL.size * len(entries) + names
    whole = local + _CENTRAL.size * len(entries) + names
    if whole < ZIP64_FROM and all(entry.size_bytes < ZIP64_FROM for entry in entries) and len(entries) < 0xFFFF:
        return whole + _END.size
    offset = central = 0
    for entry in entries:
        central += len(central_header(entry, offset))
        offset += len(local_header(entry)) + entry.packed_bytes
    return offset + central + len(end(len(entries), central, offset))


def end(count: int, central_bytes: int, offset: int) -> bytes:
    """Return the end of a zip of so many files, whose directory stands at `offset`."""
    wide = b""
    if count >= 0xFFFF or central_bytes >= ZIP64_FROM or offset >= ZIP64_FROM:
        wide = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, central_bytes, offset)
        wide += _LOCATOR64.pack(b"PK\x06\x07", 0, offset + central_bytes, 1)
        count, central_bytes, offset = (min(count, 0xFFFF), min(central_bytes, 0xFFFFFFFF), min(offset, 0xFFFFFFFF))
        offset = 0xFFFFFFFF if offset >= ZIP64_FROM else offset
    return wide + _END.pack(b"PK\x05\x06", 0, 0, count, count, central_bytes, offset, 0)
