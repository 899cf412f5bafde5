"""Walk over the top-level elements of a DICOM data set, taking a few values and stepping over everything else.

Pixels are never read: an element is stepped over by its length, and that is how a file that was cut is found out.
Follows pydicom's `filereader.data_element_generator` in every decision about odd files, so that both read the same.
Sources: DICOM PS3.5 section 7.1 (data elements), 7.5 (sequences), A.4 (encapsulated pixels), A.5 (deflated).
"""

import zlib
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from struct import Struct, pack
from typing import Literal

from xnat_wizard.dicom.opened import OpenFile

UNDEFINED_LENGTH = 0xFFFFFFFF
PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
ALL_VRS = _LONG_VRS | _SHORT_VRS
_NEVER = 1 << 32
_FIRST_READ = 8192  # holds the wanted elements of an ordinary image; measured in perf.md's terms: one pread
_NEXT_READ = 4096
_LONGEST_VALUE = 1 << 16  # of a text that is read; longer ones are damage
_INFLATED_KEPT = 4 << 20
_DEEPEST = 32  # sequences in sequences; more is noise


class Broken(Exception):  # noqa: N818  says what the data set is
    """The data set ends or derails: `str()` says how, as the middle of a sentence."""

    is_derailed = False  # the tags had stopped rising: private elements that break the rules, maybe in a whole file


class Window:
    """A moving view of a file: a piece in memory, the rest read where needed."""

    def __init__(self, file: OpenFile) -> None:
        self.file = file
        self.size = file.size_bytes
        self.is_seekable = file.is_seekable
        self.start = 0
        self.data = file.read_at(0, _FIRST_READ)

    def at(self, position: int, count: int) -> int:
        """Make sure that `count` bytes at `position` are in `data`, as far as the file has them; return the index."""
        index = position - self.start
        if index < 0 or index + count > len(self.data):
            self.data = self._read(position, max(count, _NEXT_READ))
            self.start = position
            return 0
        return index

    def _read(self, position: int, count: int) -> bytes:
        return self.file.read_at(position, count)

    def bytes_at(self, position: int, count: int) -> bytes:
        """Return `count` bytes at `position`; fewer at the end of the file."""
        index = self.at(position, count)
        return self.data[index : index + count]


class Inflated(Window):
    """The inflated data set of a deflated file: the first 4 MB are kept, all of it is checked."""

    def __init__(self, file: OpenFile, position: int) -> None:
        self.file, self.start, self.is_seekable = file, 0, False
        size = file.size_bytes
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        kept, total = bytearray(), 0
        try:
            while not inflate.eof and position < size:
                packed = file.read_at(position, 1 << 18)
                if not packed:
                    break
                position += len(packed)
                while packed and not inflate.eof:
                    piece = inflate.decompress(packed, 1 << 20)
                    packed = inflate.unconsumed_tail
                    total += len(piece)
                    kept += piece[: max(0, _INFLATED_KEPT - len(kept))]
        except zlib.error:
            raise Broken("its deflated data set cannot be inflated") from None
        if not inflate.eof:
            raise Broken("its deflated data set was cut")
        self._kept = self.data = bytes(kept)
        self.size = total

    def _read(self, position: int, count: int) -> bytes:
        if position + count > len(self._kept) < self.size:
            raise BeyondKept
        return self._kept[position : position + count]


class BeyondKept(Exception):  # noqa: N818
    """The walk left what was kept of an inflated data set: it is not followed further."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How elements are written."""

    is_implicit: bool
    is_little: bool = True

    @property
    def order(self) -> str:
        """Return `struct`'s sign for the byte order."""
        return "<" if self.is_little else ">"

    @property
    def byte_order(self) -> Literal["little", "big"]:
        """Return the byte order as `int.from_bytes` wants it."""
        return "little" if self.is_little else "big"


_TAG_VR_LENGTH = {"<": Struct("<HH2sH").unpack_from, ">": Struct(">HH2sH").unpack_from}
_TAG_LENGTH = {"<": Struct("<HHL").unpack_from, ">": Struct(">HHL").unpack_from}
_LONG = {"<": Struct("<L").unpack_from, ">": Struct(">L").unpack_from}
_PIXEL_TAG = {"<": b"\xe0\x7f\x10\x00", ">": b"\x7f\xe0\x00\x10"}


def walk(
    window: Window, position: int, coding: Coding, wanted: Container[int], values: dict[int, bytes], until: int = _NEVER
) -> int:
    """Put the raw values of `wanted` elements into `values`; stop at the pixels and check that they are all there.

    Returns the position where it stopped: the pixels', that of the first tag from `until` on, or the end.

    Raises:
        Broken: the file ends inside an element, or what stands there is no element.
    """
    tag_vr_length, tag_length, long = _TAG_VR_LENGTH[coding.order], _TAG_LENGTH[coding.order], _LONG[coding.order]
    is_implicit, size = coding.is_implicit, window.size
    data, start = window.data, window.start
    last_tag = -1
    while position < size:
        index = position - start
        if index < 0 or index + 12 > len(data):
            if size - position < 8:
                _check_rest(window.bytes_at(position, 8))
                return size
            index = window.at(position, 12)
            data, start = window.data, window.start
        if is_implicit:
            group, element, length = tag_length(data, index)
            vr, head = b"", 8
        else:
            group, element, vr, length = tag_vr_length(data, index)
            head = 8
            if vr in _LONG_VRS:
                if size - position < 12:
                    raise Broken(f"the file ends inside the element {group:04X},{element:04X}")
                length, head = long(data, index + 8)[0], 12
            elif vr not in _SHORT_VRS and not b"AA" <= vr <= b"ZZ":
                written = length
                group, element, length = tag_length(data, index)  # some writers change to implicit on the way
                vr = b""
                if position + 8 + length > size and length != UNDEFINED_LENGTH:
                    length = written  # others write spaces for the VR
        tag = group << 16 | element
        if tag >= until or tag == _ITEM_END:
            return position
        if length == UNDEFINED_LENGTH:
            body = position + head
            position = _step_over_undefined(window, body, Coding(is_implicit or vr in {b"", b"UN"}, coding.is_little))
            if tag in PIXELS:
                return body - head
            data, start = window.data, window.start
            continue
        end = position + head + length
        if end > size:
            raise _too_long(tag, length, end - size, is_derailed=tag <= last_tag)
        if tag in PIXELS:
            return position
        if tag in wanted and length <= _LONGEST_VALUE:
            values[tag] = window.bytes_at(position + head, length)
            data, start = window.data, window.start
        position, last_tag = end, tag
    return position


def _too_long(tag: int, length: int, missing: int, *, is_derailed: bool) -> Broken:
    if tag in PIXELS:
        return Broken(f"{missing} of {length} bytes of its pixels are missing at the end")
    broken = Broken(
        f"the element {tag >> 16:04X},{tag & 0xFFFF:04X} says {length} bytes, {missing} more than there are"
    )
    broken.is_derailed = is_derailed
    return broken


def ends_with_pixels(window: Window, position: int, coding: Coding) -> bool:
    """Tell whether native pixels, as large as the rows and columns after `position` say, end the file.

    Saves the walk over the rest, often hundreds of private elements. Rows and columns are searched for, not walked
    to: what is found counts only if an element of exactly that length stands where it must. A "no" says nothing.
    """
    if not window.is_seekable:
        return False
    data, at = window.data, max(0, position - window.start)
    length = 1
    for tag, default in _FACTORS:
        mark = _mark(tag, coding)
        found = data.find(mark, at)
        value = data[found + len(mark) : found + len(mark) + 2] if found >= 0 else b""
        length *= int.from_bytes(value, coding.byte_order) if len(value) == 2 else default
    length = length * _frames(data, at, coding) // 8
    length += length % 2
    if not 0 < length < min(UNDEFINED_LENGTH, window.size - 12):
        return False
    head = window.file.read_at(window.size - length - 12, 12)
    written = length.to_bytes(4, coding.byte_order)
    if coding.is_implicit:
        return head[4:] == _PIXEL_TAG[coding.order] + written
    return head[:4] == _PIXEL_TAG[coding.order] and head[4:6] in {b"OW", b"OB"} and head[8:] == written


_FACTORS = ((0x00280010, 0), (0x00280011, 0), (0x00280100, 0), (0x00280002, 1))  # rows, columns, bits, samples


@cache
def _mark(tag: int, coding: Coding) -> bytes:
    """Return what stands before the value of an unsigned short."""
    head = pack(f"{coding.order}HH", tag >> 16, tag & 0xFFFF)
    return head + (pack(f"{coding.order}L", 2) if coding.is_implicit else b"US" + pack(f"{coding.order}H", 2))


def _frames(data: bytes, at: int, coding: Coding) -> int:
    mark = pack(f"{coding.order}HH", 0x0028, 0x0008) + (b"" if coding.is_implicit else b"IS")
    found = data.find(mark, at)
    if found < 0:
        return 1
    start = found + 8
    length = data[found + 4] if coding.is_implicit else int.from_bytes(data[found + 6 : start], coding.byte_order)
    digits = data[start : start + length].strip(b"\0 ")
    return int(digits) if digits.isdigit() and len(digits) < 10 else 0


def holds_whole_pixels(window: Window) -> bool:
    """Tell, after a walk that derailed, whether pixels of a stated length run to the end of the file all the same.

    Looks through the first MB only; private sequences that break the rules are why some whole files derail.
    """
    head = window.bytes_at(0, 1 << 20)
    at = head.find(b"\xe0\x7f\x10\x00")
    while at >= 0:
        is_long = head[at + 4 : at + 6] in {b"OB", b"OW"}
        length = int.from_bytes(head[at + 8 : at + 12] if is_long else head[at + 4 : at + 8], "little")
        if 0 <= window.size - (at + (12 if is_long else 8) + length) < 1024 and length:
            return True
        at = head.find(b"\xe0\x7f\x10\x00", at + 4)
    return False


def _check_rest(rest: bytes) -> None:
    if rest.strip(b"\0"):
        raise Broken("the file ends in the middle of an element's tag")


def _step_over_undefined(window: Window, position: int, coding: Coding, depth: int = 0) -> int:
    """Step over the items of a sequence or of encapsulated pixels; return the position after its end mark."""
    if depth > _DEEPEST:
        raise Broken("its sequences are nested without end")
    if _ends_with_end_mark(window, position, depth):
        return window.size
    tag_length = _TAG_LENGTH[coding.order]
    size = window.size
    while position + 8 <= size:
        index = window.at(position, 8)
        group, element, length = tag_length(window.data, index)
        tag = group << 16 | element
        position += 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            return _search_end_mark(window, position - 8, coding)
        if length == UNDEFINED_LENGTH:
            position = _step_over_item(window, position, coding, depth)
        else:
            position += length
    raise Broken("the file ends inside a sequence or inside compressed pixels")


def _ends_with_end_mark(window: Window, position: int, depth: int) -> bool:
    """Tell whether fragments run to the very end of the file: then thousands of them need no walk."""
    if depth or not window.is_seekable or window.size - position < 16:
        return False
    before = window.bytes_at(position - 12, 4)
    if before not in {b"\xe0\x7f\x10\x00", b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00"}:
        return False
    return window.file.read_at(window.size - 8, 8) == b"\xfe\xff\xdd\xe0\0\0\0\0"


def _step_over_item(window: Window, position: int, coding: Coding, depth: int) -> int:
    """Step over the elements of an item without length; return the position after its end mark."""
    tag_vr_length, tag_length, long = _TAG_VR_LENGTH[coding.order], _TAG_LENGTH[coding.order], _LONG[coding.order]
    is_implicit, size = coding.is_implicit, window.size
    if not is_implicit:
        first = window.bytes_at(position, 6)[4:6]
        is_implicit = first not in ALL_VRS and not b"AA" <= first <= b"ZZ" and first != b"\0\0"
    data, start = window.data, window.start
    while position + 8 <= size:
        index = position - start
        if index < 0 or index + 12 > len(data):
            index = window.at(position, 12)
            data, start = window.data, window.start
        head, vr = 8, b""
        if is_implicit:
            group, element, length = tag_length(data, index)
        else:
            group, element, vr, length = tag_vr_length(data, index)
            if vr in _LONG_VRS:
                if size - position < 12:
                    break
                length, head = long(data, index + 8)[0], 12
            elif vr not in _SHORT_VRS and not b"AA" <= vr <= b"ZZ":
                group, element, length = tag_length(data, index)
                vr = b""
        position += head
        if group == 0xFFFE and element == 0xE00D:
            return position
        if length == UNDEFINED_LENGTH:
            inner = Coding(is_implicit or vr in {b"", b"UN"}, coding.is_little)
            position = _step_over_undefined(window, position, inner, depth + 1)
            data, start = window.data, window.start
        else:
            position += length
    raise Broken("the file ends inside a sequence")


def _search_end_mark(window: Window, position: int, coding: Coding) -> int:
    """Find the end of a value of undefined length that holds no items, as pydicom does."""
    mark = b"\xfe\xff\xdd\xe0" if coding.is_little else b"\xff\xfe\xe0\xdd"
    while position < window.size:
        piece = window.bytes_at(position, 1 << 16)
        found = piece.find(mark)
        if found >= 0:
            return position + found + 8
        position += max(1, len(piece) - 3)
        if len(piece) < 4:
            break
    raise Broken("the file ends inside an element without length")
