"""Walk over the top-level elements of a DICOM data set, taking a few values and stepping over everything else.

Pixels are never read: an element is stepped over by its length, and that is how a file that was cut is found out.
Follows pydicom's `filereader.data_element_generator` in every decision about odd files, so that both read the same.
Sources: DICOM PS3.5 section 7.1 (data elements), 7.5 (sequences), A.4 (encapsulated pixels), A.5 (deflated).
"""

from collections.abc import Container
from functools import cache
from struct import Struct, pack
from typing import NamedTuple

from xnat_wizard.dicom.window import Broken, Coding, Window

UNDEFINED_LENGTH = 0xFFFFFFFF
PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
_FIRST_PIXELS = min(PIXELS)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
ALL_VRS = _LONG_VRS | _SHORT_VRS
_NEVER = 1 << 32
_LONGEST_VALUE = 1 << 16  # of a text that is read; longer ones are damage
_DEEPEST = 32  # sequences in sequences; more is noise


_TAG_VR_LENGTH = {"<": Struct("<HH2sH").unpack_from, ">": Struct(">HH2sH").unpack_from}
_TAG_LENGTH = {"<": Struct("<HHL").unpack_from, ">": Struct(">HHL").unpack_from}
_MOST_INNER_STEPS = 4_000_000  # over items and what stands in them: some 5 s; 50,000 frames have half as many
_MOST_STEPS = 4000  # each takes in a piece of 4 kB or a large element: some 16 MB of small ones, which no header has
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
    last_tag, steps = -1, 0
    while position < size:
        steps += 1
        if steps > _MOST_STEPS:
            raise Broken("it has more elements than an image can have")
        index = position - start
        if 0 <= index < len(data):
            index, last_tag = walk_plain(window, index, coding, wanted, values, until, last_tag)
            position = start + index
            if position >= size:
                break
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


def walk_plain(
    window: Window,
    index: int,
    coding: Coding,
    wanted: Container[int],
    values: dict[int, bytes],
    until: int,
    last_tag: int = -1,
) -> tuple[int, int]:
    """Walk over elements that lie whole in memory; return where the first one begins that needs a closer look.

    Nearly all of an ordinary header: some 0.3 us an element, and less for what the file before had, too. A stretch is
    of one group, so that values which change from file to file spoil little.
    """
    tag_vr_length, tag_length, long = _TAG_VR_LENGTH[coding.order], _TAG_LENGTH[coding.order], _LONG[coding.order]
    data, known = window.data, window.stretches.of(coding)
    is_implicit, stop, last = coding.is_implicit, min(until, _FIRST_PIXELS), len(window.data) - 12
    first, first_tag, after = -1, 0, 0  # where a stretch began, with what, and from which tag on it has ended
    while index <= last:
        if is_implicit:
            group, element, length = tag_length(data, index)
            end = index + 8 + length
        else:
            group, element, vr, length = tag_vr_length(data, index)
            if vr in _SHORT_VRS:
                end = index + 8 + length
            elif vr in _LONG_VRS:
                length = long(data, index + 8)[0]
                end = index + 12 + length
            else:
                break
        tag = group << 16 | element
        if tag >= stop or end > last:
            break
        is_wanted = tag in wanted
        if is_wanted or first < 0 or tag >= after:
            if first >= 0:
                known[first_tag] = (data[first:index], last_tag)
                first = -1
            if is_wanted:
                if length <= _LONGEST_VALUE:
                    values[tag] = data[end - length : end]
            elif (stretch := known.get(tag)) and data.startswith(stretch[0], index):
                index += len(stretch[0])
                last_tag = stretch[1]
                continue
            else:
                first, first_tag, after = index, tag, (group + 1) << 16
        index, last_tag = end, tag
    return index, last_tag


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
    marks = _marks(coding)
    rows = window.data.find(marks[_ROWS], max(0, position - window.start))
    if rows < 0:
        return False
    near = window.data[max(0, position - window.start, rows - _NEAR_ROWS) : rows + _NEAR_ROWS]
    length = 1
    for tag, default in _FACTORS:
        mark = marks[tag]
        found = near.find(mark)
        value = near[found + len(mark) : found + len(mark) + 2] if found >= 0 else b""
        length *= int.from_bytes(value, coding.byte_order) if len(value) == 2 else default
    length = length * _frames(near, marks[_FRAMES], coding) // 8
    length += length % 2
    if not 0 < length < min(UNDEFINED_LENGTH, window.size - 12):
        return False
    head = window.file.read_at(window.size - length - 12, 12)
    written = length.to_bytes(4, coding.byte_order)
    if coding.is_implicit:
        return head[4:] == _PIXEL_TAG[coding.order] + written
    return head[:4] == _PIXEL_TAG[coding.order] and head[4:6] in {b"OW", b"OB"} and head[8:] == written


_ROWS, _FRAMES = 0x00280010, 0x00280008
_NEAR_ROWS = 256  # bytes: group 28 begins with these elements
_FACTORS = ((_ROWS, 0), (0x00280011, 0), (0x00280100, 0), (0x00280002, 1))  # rows, columns, bits, samples


@cache
def _marks(coding: Coding) -> dict[int, bytes]:
    """Return what stands before the values of the factors, which are unsigned shorts, and of the number of frames."""
    marks = {}
    for tag in (tag for tag, _ in _FACTORS):
        head = pack(f"{coding.order}HH", tag >> 16, tag & 0xFFFF)
        marks[tag] = head + (pack(f"{coding.order}L", 2) if coding.is_implicit else b"US" + pack(f"{coding.order}H", 2))
    marks[_FRAMES] = pack(f"{coding.order}HH", _FRAMES >> 16, _FRAMES & 0xFFFF) + (b"" if coding.is_implicit else b"IS")
    return marks


def _frames(data: bytes, mark: bytes, coding: Coding) -> int:
    found = data.find(mark)
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
        _count_inner(window)
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
        _count_inner(window)
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


def _count_inner(window: Window) -> None:
    window.inner_steps += 1
    if window.inner_steps > _MOST_INNER_STEPS:
        raise Broken("it has more items than an image can have")


class Extent(NamedTuple):
    """How much a data set holds, before anything of it is decoded."""

    elements: int  # and items, also those in sequences
    header_bytes: int  # before its pixels; of a deflated one, everything


def extent(window: Window, position: int, coding: Coding, most: int) -> Extent:
    """Measure a data set from `position` to its pixels; stop at more than `most` elements.

    Some 1 us each. One that breaks off is measured as far as it goes.
    """
    tag_vr_length, tag_length, long = _TAG_VR_LENGTH[coding.order], _TAG_LENGTH[coding.order], _LONG[coding.order]
    item = pack(f"{coding.order}HH", _ITEM >> 16, _ITEM & 0xFFFF)
    count, ends = 0, list[int]()  # of the sequences and items that the position lies in
    while count <= most and position + 8 <= window.size:
        while ends and position >= ends[-1]:
            ends.pop()
        count += 1
        index = window.at(position, 12)
        group, element, length = tag_length(window.data, index)
        tag, vr, head = group << 16 | element, b"", 8
        if tag in PIXELS and not ends:
            return Extent(count, position)
        if tag in {_ITEM_END, _SEQUENCE_END}:
            count, position = count - 1, position + 8
            del ends[-1:]
            continue
        if tag != _ITEM and not coding.is_implicit and index + 12 <= len(window.data):
            vr, short = tag_vr_length(window.data, index)[2:]
            if vr in _LONG_VRS:
                length, head = long(window.data, index + 8)[0], 12
            elif vr in _SHORT_VRS or b"AA" <= vr <= b"ZZ":
                length = short
            else:
                vr = b""
        position += head
        is_unknown = vr in {b"", b"UN"} and length and window.bytes_at(position, 4) == item
        if tag in PIXELS and length == UNDEFINED_LENGTH:
            try:
                position = _step_over_undefined(window, position, coding)
            except Broken:
                break
        elif length == UNDEFINED_LENGTH or tag == _ITEM or vr == b"SQ" or is_unknown:
            ends.append(_NEVER << 32 if length == UNDEFINED_LENGTH else position + length)
        else:
            position += length
    return Extent(count, window.size)


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
