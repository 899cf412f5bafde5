"""A file's new beginning: read up to its pixels, de-identified, and written again; and which bytes of it follow.

Pixels are never read, but for deflated data sets (DICOM PS3.5 A.5), which are unpacked and packed as a whole.
"""

import io
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from xnat_wizard.dicom.elements import Extent
from xnat_wizard.dicom.header import extent
from xnat_wizard.dicom.opened import AsBinary, OpenFile
from xnat_wizard.dicom.window import Window
from xnat_wizard.upload.deidentify import holding
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.deidentify.cleaning import Cleaner, value_of
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms
from xnat_wizard.upload.deidentify.writing import written

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

MOST_ELEMENTS = 300_000  # with items: pydicom takes 20 us and 1 kB for each
MOST_HEADER_BYTES = 64 << 20  # of a data set without pixels, or deflated
_BUFFER = 1 << 16
_UNDEFINED = 0xFFFFFFFF
_LAST_PIXELS = 0x7FE00010
_LOOKED_AT = (
    0x00080016,
    0x00080018,
    0x00280301,
    0x00080008,
)  # SOP class and instance, Burned In Annotation, Image Type
_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD
_MOST_FRAGMENTS = 2_000_000
_DEFLATED = "1.2.840.10008.1.2.1.99"
_SYNTAXES = {
    (True, True): "1.2.840.10008.1.2",
    (False, True): "1.2.840.10008.1.2.1",
    (False, False): "1.2.840.10008.1.2.2",
}
_IMPLEMENTATION_UID, _IMPLEMENTATION = "2.25.86153410846093371028426461294612740161", "XNATWIZARD"
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"})

UNREADABLE = "its header cannot be followed, so it cannot be de-identified"
CUT = "its pixels end before they should, so it cannot be de-identified"
TOO_MANY = f"its header has more than {MOST_ELEMENTS:,} elements, too many to be de-identified on its way"
TOO_LARGE = "it is deflated, or has no pixels, and is too large to be de-identified on its way"


class Veiled(NamedTuple):
    """What is sent of a file: new bytes, then a stretch of its own."""

    head: bytes
    start: int  # of the stretch that follows, in the file
    end: int

    @property
    def size_bytes(self) -> int:
        """Return how many bytes it has in all."""
        return len(self.head) + self.end - self.start


class Deidentifier:
    """Makes the beginnings; for several threads, and the same for the same file each time."""

    def __init__(self, choice: Deidentification, pseudonyms: Pseudonyms) -> None:
        self._choice = choice
        self._cleaner = Cleaner(choice, pseudonyms)
        self._pseudonyms = pseudonyms

    def veil(self, file: OpenFile, subject: str) -> Veiled:
        """Return what is sent of a file.

        Args:
            file: open; is read to its pixels.
            subject: the label that stands for the patient.

        Raises:
            HeldBackError: it cannot be de-identified, and must not be sent.
            OSError: it cannot be read.
        """
        try:
            return self._veil(file, subject)
        except OSError:
            raise
        except Exception as error:  # whatever a broken file makes the reader raise: no doubt sends it
            raise HeldBackError(UNREADABLE) from error

    def _veil(self, file: OpenFile, subject: str) -> Veiled:
        _keep_within(extent(Window(file), MOST_ELEMENTS, MOST_HEADER_BYTES))
        dataset, position = _read(file)
        is_deflated = value_of(dataset.file_meta, 0x00020010).strip(b"\0 ") == _DEFLATED.encode()
        syntax = value_of(dataset.file_meta, 0x00020010).decode("ascii").strip("\0 ")
        is_implicit, is_little = (bool(one) for one in dataset.original_encoding)
        end = 0
        if is_deflated:
            dataset, _ = _read(file, with_pixels=True)
        elif position < file.size_bytes:
            end = _end_of_pixels(file, position, is_implicit=is_implicit, order="<" if is_little else ">")
        sop_class, sop_instance, burned_in, image_type = (
            value_of(dataset, tag).decode("latin-1").strip("\0 ") for tag in _LOOKED_AT
        )
        reason = holding.by_header(sop_class, burned_in, image_type, self._choice)
        if reason:
            raise HeldBackError(reason)
        self._cleaner.clean(dataset, subject)
        body = written(dataset, is_implicit=is_implicit, is_little=is_little)
        if is_deflated:
            body = _deflated(body)
        syntax = syntax or _SYNTAXES[is_implicit, is_little]
        head = _meta(sop_class, self._pseudonyms.uid(sop_instance), syntax) + body
        return Veiled(head, position if end else 0, end)


def _read(file: OpenFile, *, with_pixels: bool = False) -> "tuple[FileDataset, int]":
    """Read a data set, and return where its pixels begin; the end of the file where it has none."""
    import pydicom

    stream = io.BufferedReader(AsBinary(file), _BUFFER)
    dataset = pydicom.dcmread(stream, stop_before_pixels=not with_pixels, force=True)
    for tag in [tag for tag in dataset.keys() if tag > _LAST_PIXELS]:  # noqa: SIM118  the values would be decoded
        del dataset[tag]
    return dataset, stream.tell()


def _keep_within(held: Extent) -> None:
    """Refuse what would fill the memory: all of it is decoded before any of it is sent."""
    if held.header_bytes > MOST_HEADER_BYTES:
        raise HeldBackError(TOO_LARGE)
    if held.elements > MOST_ELEMENTS:
        raise HeldBackError(TOO_MANY)


def _end_of_pixels(file: OpenFile, position: int, *, is_implicit: bool, order: str) -> int:
    """Return where the pixels end; what follows them is not sent.

    Raises:
        HeldBackError: the file ends before.
        struct.error: it ends within the element's own head.
    """
    head = file.read_at(position, 12)
    if is_implicit:
        start, length = position + 8, struct.unpack_from(f"{order}L", head, 4)[0]
    elif head[4:6] in _LONG:
        start, length = position + 12, struct.unpack_from(f"{order}L", head, 8)[0]
    else:
        start, length = position + 8, struct.unpack_from(f"{order}H", head, 6)[0]
    if length != _UNDEFINED:
        if start + length > file.size_bytes:
            raise HeldBackError(CUT)
        return int(start + length)
    for _ in range(_MOST_FRAGMENTS):
        item = file.read_at(start, 8)
        if len(item) < 8:
            raise HeldBackError(CUT)
        group, element, length = struct.unpack(f"{order}HHL", item)
        start += 8
        if group << 16 | element == _END:
            return start
        if group << 16 | element != _ITEM or start + length > file.size_bytes:
            raise HeldBackError(CUT)
        start += length
    raise HeldBackError(CUT)


def _deflated(body: bytes) -> bytes:
    pack = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = pack.compress(body) + pack.flush()
    return packed + b"\0" * (len(packed) % 2)


def _meta(sop_class_uid: str, sop_instance_uid: str, syntax: str) -> bytes:
    """Return preamble and file meta information anew: the old one names programs and stations (PS3.10 section 7.1)."""
    elements = b"".join(
        _element(element, vr, value)
        for element, vr, value in (
            (0x0002, b"UI", sop_class_uid),
            (0x0003, b"UI", sop_instance_uid),
            (0x0010, b"UI", syntax),
            (0x0012, b"UI", _IMPLEMENTATION_UID),
            (0x0013, b"SH", _IMPLEMENTATION),
        )
    )
    version = struct.pack("<HH2sHL", 2, 1, b"OB", 0, 2) + b"\0\1"
    length = struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(version) + len(elements))
    return b"\0" * 128 + b"DICM" + length + version + elements


def _element(element: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value
