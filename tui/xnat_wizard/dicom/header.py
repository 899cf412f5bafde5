"""Read the headers of DICOM files, never their pixels."""

import os
import struct
from functools import lru_cache
from pathlib import Path

from xnat_wizard.dicom import charset, elements
from xnat_wizard.dicom.elements import (
    ALL_VRS,
    Extent,
    ends_with_pixels,
    holds_whole_pixels,
    walk,
    walk_plain,
)
from xnat_wizard.dicom.model import Header
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.dicom.window import BeyondKept, Broken, Coding, Inflated, Window

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

_CHARSET = 0x00080005
_TRANSFER_SYNTAX = 0x00020010
_MEDIA_SOP_CLASS = 0x00020002
_PATIENT_NAME = 0x00100010
_SOP_INSTANCE = 0x00080018
_META_WANTED = frozenset({_TRANSFER_SYNTAX, _MEDIA_SOP_CLASS})
_META_CODING = Coding(is_implicit=False)
_AFTER_META = 0x00030000
_META_LONG = frozenset({b"OB", b"UN", b"OW", b"UT", b"SQ"})
_META_ELEMENT = struct.Struct("<H2sH").unpack_from
_SOP_CLASS, _STUDY, _SERIES = 0x00080016, 0x0020000D, 0x0020000E
_MODALITY, _SERIES_NUMBER, _INSTANCE_NUMBER = 0x00080060, 0x00200011, 0x00200013
_STUDY_DATE, _STUDY_TIME = 0x00080020, 0x00080030
_SERIES_DESCRIPTION, _STUDY_DESCRIPTION = 0x0008103E, 0x00081030
_PATIENT_ID, _MANUFACTURER, _ACCESSION = 0x00100020, 0x00080070, 0x00080050
_WANTED = frozenset(
    {
        _CHARSET,
        _SOP_CLASS,
        _SOP_INSTANCE,
        _STUDY,
        _SERIES,
        _MODALITY,
        _SERIES_NUMBER,
        _INSTANCE_NUMBER,
        _STUDY_DATE,
        _STUDY_TIME,
        _SERIES_DESCRIPTION,
        _STUDY_DESCRIPTION,
        _PATIENT_ID,
        _PATIENT_NAME,
        _MANUFACTURER,
        _ACCESSION,
    }
)
_KEPT_VALUES = 4096
_ONLY_MARK = "nothing follows the DICM mark"
_ONLY_META = "no data set follows its file meta information"
_IDENTIFYING = frozenset({_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES})
_AFTER_WANTED = max(_WANTED) + 1
_LIKELY_FIRST = frozenset({0x00080000, 0x00080001, 0x00080005, 0x00080008, 0x00080010, 0x00080012, 0x00080016})
_LIKELY_ALL = frozenset({0x00020010, 0x00080005, 0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080060})


class UnreadableDicom(Exception):  # noqa: N818  says what the file is
    """A file that is meant to be DICOM, but cut or broken; `reason` is one sentence without full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_header(path: Path) -> Header | None:
    """Read the attributes a plan needs, without pixels; the file's name plays no part.

    Returns `None` for a file that is no DICOM. Files without the DICM mark are taken for DICOM when their first bytes
    read as a data set. Some 0.1 ms a file when the disk is warm; holds the GIL.

    Raises:
        OSError: the file cannot be opened or read.
        UnreadableDicom: it is meant to be DICOM, but cut or broken.

    Sources: DICOM PS3.10 section 7.1.
    """
    with FolderFile(os.fspath(path)) as file:
        return read_open_header(Window(file))


def read_open_header(window: Window) -> Header | None:
    """Read the header through a window on an open file; see `read_header`."""
    if window.size == 0:
        return None
    values: dict[int, bytes] = {}
    if window.data[128:132] == b"DICM":
        position = _read_meta(window, 132, values)
        if position >= window.size:
            raise UnreadableDicom(_ONLY_MARK if position == 132 else _ONLY_META)
    else:
        guess = _guess_coding(window.data, window.size)
        if guess is None:
            return None
        position = _read_meta(window, 0, values) if window.data[:2] == b"\x02\0" else 0
    syntax = _known_code(values.get(_TRANSFER_SYNTAX, b""))
    try:
        if syntax == DEFLATED:
            window = Inflated(window.file, position)
            position = 0
        coding = _coding(window.bytes_at(position, 8), syntax)
        position = walk(window, position, coding, _WANTED, values, until=_AFTER_WANTED)
        if not (values.keys() >= _IDENTIFYING and ends_with_pixels(window, position, coding)):
            walk(window, position, coding, _WANTED, values)
    except BeyondKept:
        pass
    except struct.error:
        raise UnreadableDicom("it grew shorter while it was read") from None
    except Broken as broken:
        if not (broken.is_derailed and values.keys() & _IDENTIFYING and holds_whole_pixels(window)):
            raise UnreadableDicom(_reason(broken, values)) from None
    return _header(values, syntax)


def extent(window: Window, most_elements: int, most_bytes: int) -> Extent:
    """Measure the data set of a file that is known for DICOM; stop where it is larger.

    Raises:
        Broken: it is deflated, and cannot be inflated or never ends.
        UnreadableDicom: its file meta information is cut.
    """
    values: dict[int, bytes] = {}
    position = 132 if window.data[128:132] == b"DICM" else 0
    if window.data[position : position + 2] == b"\x02\0":
        position = _read_meta(window, position, values)
    syntax = _known_code(values.get(_TRANSFER_SYNTAX, b""))
    if syntax != DEFLATED:
        return elements.extent(window, position, _coding(window.bytes_at(position, 8), syntax), most_elements)
    inflated = Inflated(window.file, position, most_bytes)
    if inflated.size > most_bytes:
        return Extent(0, inflated.size)
    return Extent(elements.extent(inflated, 0, _META_CODING, most_elements).elements, inflated.size)


def _reason(broken: Broken, values: dict[int, bytes]) -> str:
    if not values.keys() & _IDENTIFYING:
        return f"it does not read as DICOM: {broken}"
    return f"it was cut or damaged: {broken}"


def _read_meta(window: Window, position: int, values: dict[int, bytes]) -> int:
    """Read the file meta information at `position`; return where the data set begins.

    Always explicit little endian, whatever the rest is. Its group length is not trusted: it is often wrong.
    """
    position, _ = walk_plain(window, position, _META_CODING, _META_WANTED, values, _AFTER_META)
    size = window.size
    while True:  # whatever that did not understand
        head = window.bytes_at(position, 12)
        if len(head) < 8 or head[:2] != b"\x02\0":
            return position
        element, vr, length = _META_ELEMENT(head, 2)
        body = position + 8
        if vr not in ALL_VRS:
            length = int.from_bytes(head[4:8], "little")
        elif vr in _META_LONG:
            length, body = int.from_bytes(head[8:12], "little"), position + 12
        position = body + length
        if position > size:
            raise UnreadableDicom("it was cut or damaged: the file ends inside its file meta information")
        tag = 0x00020000 | element
        if tag in _META_WANTED:
            values[tag] = window.bytes_at(body, length)


def _coding(first: bytes, syntax: str) -> Coding:
    """Choose the coding by the transfer syntax, corrected by the first element, as pydicom does."""
    vr = first[4:6]
    is_little = True
    if not syntax:
        is_implicit = vr not in ALL_VRS
        if not is_implicit and int.from_bytes(first[:2], "little") >= 0x400:
            is_little = False
    else:
        is_implicit, is_little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    if len(vr) == 2:
        is_implicit = not (0x40 < vr[0] < 0x5B and 0x40 < vr[1] < 0x5B)
    return Coding(is_implicit, is_little)


def _guess_coding(head: bytes, size: int) -> Coding | None:
    """Tell how a file without preamble is coded, or that it is no data set at all.

    A data set starts with group 2 or 8, its tags rise, its lengths fit the file, and at least three elements in, one
    of those that each image has was met.
    """
    for coding in (Coding(is_implicit=False), Coding(is_implicit=True), Coding(is_implicit=False, is_little=False)):
        if _reads_as(head, size, coding):
            return coding
    return None


def _reads_as(head: bytes, size: int, coding: Coding) -> bool:
    order = coding.byte_order
    position, last_tag, count, is_known = 0, -1, 0, False
    while position + 12 <= len(head) and count < 12:
        group = int.from_bytes(head[position : position + 2], order)
        tag = group << 16 | int.from_bytes(head[position + 2 : position + 4], order)
        if tag <= last_tag or (count == 0 and tag not in _LIKELY_FIRST and group != 2):
            return False
        vr, length, step = head[position + 4 : position + 6], 0, 8
        if coding.is_implicit:
            length = int.from_bytes(head[position + 4 : position + 8], order)
        elif vr not in ALL_VRS:
            return False
        elif vr in {b"OB", b"UN", b"OW", b"UT", b"SQ"}:
            length, step = int.from_bytes(head[position + 8 : position + 12], order), 12
        else:
            length = int.from_bytes(head[position + 6 : position + 8], order)
        is_known = is_known or tag in _LIKELY_ALL
        count += 1
        if length == 0xFFFFFFFF:
            break
        if group == 8 and length > 0xFFFF and vr != b"SQ":
            return False
        position, last_tag = position + step + length, tag
        if position > size:
            return count > 2 and is_known
    return count >= 3 and is_known


def _code(value: bytes) -> str:
    """Decode a value that is plain ASCII by the standard."""
    return value.decode("latin-1").strip("\0 ")


def _text(value: bytes, terms: bytes) -> str:
    """Decode a value with the file's character set."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").strip("\0 ")
    return charset.decode(value, charset.codecs_of(terms)).strip("\0 ")


_known_code = lru_cache(_KEPT_VALUES)(_code)  # most values are those of the file before
_known_text = lru_cache(_KEPT_VALUES)(_text)


def _header(values: dict[int, bytes], syntax: str) -> Header:
    get, terms = values.get, values.get(_CHARSET, b"")
    return Header(
        transfer_syntax_uid=syntax,
        sop_class_uid=_known_code(get(_SOP_CLASS, b"")),
        sop_instance_uid=_code(get(_SOP_INSTANCE, b"")),
        study_instance_uid=_known_code(get(_STUDY, b"")),
        series_instance_uid=_known_code(get(_SERIES, b"")),
        modality=_known_code(get(_MODALITY, b"")),
        series_number=_known_code(get(_SERIES_NUMBER, b"")),
        series_description=_known_text(get(_SERIES_DESCRIPTION, b""), terms),
        instance_number=_known_code(get(_INSTANCE_NUMBER, b"")),
        study_date=_known_code(get(_STUDY_DATE, b"")),
        study_time=_known_code(get(_STUDY_TIME, b"")),
        study_description=_known_text(get(_STUDY_DESCRIPTION, b""), terms),
        patient_id=_known_text(get(_PATIENT_ID, b""), terms),
        patient_name=_known_text(get(_PATIENT_NAME, b""), terms).rstrip("="),
        manufacturer=_known_text(get(_MANUFACTURER, b""), terms),
        media_sop_class_uid=_known_code(get(_MEDIA_SOP_CLASS, b"")),
        accession_number=_known_text(get(_ACCESSION, b""), terms),
    )
