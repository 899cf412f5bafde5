"""Reads what arrival needs to know of an object, without its pixels."""

from collections.abc import Collection
from pathlib import Path

import pydicom
import pydicom.config
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import Tag

# Odd values are stored as they came: XNAT does not judge them, and neither must a warning.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE

COMMENTS = ("PatientComments", "StudyComments", "AdditionalPatientHistory")

KEYWORDS = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "SeriesDate", "AcquisitionDate",
    "StudyTime", "SeriesTime", "AcquisitionTime", "AccessionNumber", "Modality", "Manufacturer", "StationName",
    "StudyDescription", "SeriesDescription", "ManufacturerModelName", "PatientName", "PatientID", "PatientBirthDate",
    "PatientSex", "PatientAge", "BodyPartExamined", "MagneticFieldStrength", "ProtocolName", "ReceiveCoilName",
    "SliceThickness", "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "PixelSpacing", "SequenceName",
    "StudyInstanceUID", "SeriesInstanceUID", "StudyID", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "NumberOfFrames", "Rows", "Columns", *COMMENTS,
)  # fmt: skip
_BEFORE_PIXELS = 0x7FDFFFFF
_TAGS = [Tag(tag_for_keyword(keyword) or 0) for keyword in KEYWORDS]


class UnreadableObjectError(Exception):
    """The file is no DICOM object, or its header is broken."""


def read_header(path: Path, more: Collection[int] = ()) -> Dataset:
    """Read the elements of `KEYWORDS` and the tags of `more` from a file.

    A file without the DICM prefix is taken for DICOM when its bytes read as an object with its UIDs, as dcm4che does.

    Raises:
        UnreadableObjectError: no DICOM, or the header cannot be read.
    """
    tags: list[int] = [*_TAGS, *(Tag(tag) for tag in more)]
    last = min(max(tags), _BEFORE_PIXELS)
    try:
        with path.open("rb") as file:
            header = read_partial(file, lambda tag, _vr, _length: int(tag) > last, specific_tags=tags, force=True)
    except Exception as error:  # pydicom raises whatever a broken file makes it stumble over
        raise UnreadableObjectError(str(error)) from error
    if not len(header) or not (header.preamble or text(header, "SOPClassUID")):
        raise UnreadableObjectError("no elements")
    return header


def text(header: Dataset, keyword_or_tag: str | int) -> str:
    """Return an element as text; several values are joined with a backslash; absent or broken is empty."""
    tag = tag_for_keyword(keyword_or_tag) if isinstance(keyword_or_tag, str) else keyword_or_tag
    try:
        element = header.get(Tag(tag)) if tag is not None else None
        value = None if element is None else element.value
    except Exception:  # noqa: BLE001  a value that cannot be decoded counts as none
        return ""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return "\\".join(str(one) for one in value)
    return str(value).strip().strip("\0")


def texts(header: Dataset, keywords: Collection[str]) -> dict[str, str]:
    """Return several elements as text, by keyword."""
    return {keyword: text(header, keyword) for keyword in keywords}
