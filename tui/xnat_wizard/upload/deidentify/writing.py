"""Writes a data set as bytes: elements that were not looked into go out as they came, which is quick."""

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_UNDEFINED = 0xFFFFFFFF
_MOST_SHORT = 0xFFFF
_HEADS = {  # implicit; explicit with a short, with a long length
    order: tuple(struct.Struct(order + form) for form in ("HHL", "HH2sH", "HH2sHL")) for order in "<>"
}


def written(dataset: "Dataset", *, is_implicit: bool, is_little: bool) -> bytes:
    """Return a data set as it stands in a file; sequences get a defined length (DICOM PS3.5 section 7.5)."""
    from pydicom.dataelem import RawDataElement

    order = "<" if is_little else ">"
    parts: list[bytes] = []
    for tag in sorted(dataset.keys()):
        element: DataElement | RawDataElement = dataset.get_item(tag)
        vr = element.VR
        if isinstance(element, RawDataElement):
            is_plain = element.length != _UNDEFINED and (is_implicit or bool(vr))
            value = element.value or b""
        else:
            is_plain = vr == "SQ"
            value = _items(element, is_implicit=is_implicit, is_little=is_little) if is_plain else b""
        if not is_plain or (not is_implicit and vr not in _LONG and len(value) > _MOST_SHORT):
            parts.append(_by_pydicom(element, is_implicit=is_implicit, is_little=is_little))
            continue
        parts += (_head(int(tag), vr or "UN", len(value), order, is_implicit=is_implicit), value)
    return b"".join(parts)


def _head(tag: int, vr: str, length: int, order: str, *, is_implicit: bool) -> bytes:
    implicit, short, long = _HEADS[order]
    if is_implicit:
        return implicit.pack(tag >> 16, tag & 0xFFFF, length)
    if vr in _LONG:
        return long.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return short.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)


def _items(sequence: "DataElement", *, is_implicit: bool, is_little: bool) -> bytes:
    order = "<" if is_little else ">"
    parts: list[bytes] = []
    for item in sequence.value or ():
        body = written(item, is_implicit=is_implicit, is_little=is_little)
        parts += (_HEADS[order][0].pack(0xFFFE, 0xE000, len(body)), body)
    return b"".join(parts)


def _by_pydicom(element: "DataElement | RawDataElement", *, is_implicit: bool, is_little: bool) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = is_implicit, is_little
    write_data_element(buffer, element, ["iso8859"])
    return bytes(buffer.getvalue())
