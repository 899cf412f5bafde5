"""Remarks on images that go all the same: what XNAT will show in another way than the person may expect."""

import re

from xnat_wizard.amounts import whole_number
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.gather import Batch, Gathered
from xnat_wizard.dicom.header import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from xnat_wizard.dicom.model import Series

_DATE = re.compile(r"\d{8}|\d{4}\.\d{2}\.\d{2}")  # the second is ACR-NEMA's, still found
_LONG = 64
PLAIN_SYNTAXES = frozenset({"", IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG})
_SYNTAX_NAMES = (  # the beginning of a transfer syntax UID, the longest first
    ("1.2.840.10008.1.2.4.5", "JPEG"),
    ("1.2.840.10008.1.2.4.7", "JPEG Lossless"),
    ("1.2.840.10008.1.2.4.8", "JPEG-LS"),
    ("1.2.840.10008.1.2.4.9", "JPEG 2000"),
    ("1.2.840.10008.1.2.4.10", "MPEG"),
    ("1.2.840.10008.1.2.4.20", "HTJ2K"),
    ("1.2.840.10008.1.2.5", "RLE"),
    (DEFLATED, "deflated"),
)
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_PICTURES = (  # the beginning of a SOP class UID after the common part; PS3.4 table B.5-1
    ("88.", "report"),
    ("11.", "presentation state"),
    ("9.", "waveform"),
    ("104.", "encapsulated document"),
    ("481.3", "RT structure set"),
    ("481.5", "RT plan"),
    ("67", "real-world value map"),
)
_NO_PICTURES_WHOLE = {_STORAGE + "66": "raw data", "1.3.12.2.1107.5.9.1": "Siemens raw data"}
_FEWEST_FOR_GAPS = 3


def add_for_batch(code: str, batch: Batch, remark: str, found: Gathered) -> None:
    """Note a fault that all files of a batch have."""
    name = batch.instances[0].path.rpartition("/")[2]
    found.faults.add(code, batch.folder, name, remark, more=len(batch.instances) - 1)


def check_attributes(found: Gathered) -> None:
    """Note useful attributes that are missing or odd; XNAT takes such images all the same."""
    for batch in found.batches.values():
        header, remarks = batch.first, []
        if not header.modality:
            remarks.append("no Modality")
        if not header.series_number:
            remarks.append("no Series Number")
        if not header.study_date:
            remarks.append("no Study Date")
        elif not _DATE.fullmatch(header.study_date):
            remarks.append(f'Study Date "{header.study_date}" is no date')
        remarks += [
            f"{words} has {len(text)} characters"
            for words, text in (("Series Description", header.series_description), ("Patient ID", header.patient_id))
            if len(text) > _LONG
        ]
        if not header.patient_id and header.patient_name:
            remarks.append("no Patient ID")
        for remark in remarks:
            add_for_batch(structure.ATTRIBUTE, batch, remark, found)


def check_series(series: Series, found: Gathered) -> None:
    """Note compressed pixels, objects without a picture, and gaps in the numbers of a series that goes."""
    words = f"series {series.series_number or 'without number'} {series.series_description}".strip()
    compressed = {instance.transfer_syntax_uid for instance in series.instances} - PLAIN_SYNTAXES
    if compressed:
        names = ", ".join(sorted({syntax_name(uid) for uid in compressed}))
        found.faults.add(structure.COMPRESSED, series.subject_folder, words, names)
    kinds = {kind_without_picture(instance.sop_class_uid) for instance in series.instances} - {""}
    if kinds:
        found.faults.add(structure.NO_PICTURE, series.subject_folder, words, ", ".join(sorted(kinds)))
    found_numbers = (whole_number(one.instance_number) for one in series.instances)
    numbers = [number for number in found_numbers if number is not None]
    missing = max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0
    if len(set(numbers)) == len(series.instances) >= _FEWEST_FOR_GAPS and missing:
        remark = f"{len(numbers)} files, numbers from {min(numbers)} to {max(numbers)}"
        found.faults.add(structure.GAP, series.subject_folder, words, remark)


def syntax_name(transfer_syntax_uid: str) -> str:
    """Return what a transfer syntax is called in words, its UID where it has no name here (DICOM PS3.6 A)."""
    fits = [name for start, name in _SYNTAX_NAMES if transfer_syntax_uid.startswith(start)]
    return fits[-1] if fits else transfer_syntax_uid


def kind_without_picture(sop_class_uid: str) -> str:
    """Return what an object without an image is: "report", "raw data", ...; "" for images (DICOM PS3.4 B.5)."""
    if sop_class_uid in _NO_PICTURES_WHOLE:
        return _NO_PICTURES_WHOLE[sop_class_uid]
    rest = sop_class_uid.removeprefix(_STORAGE)
    if rest == sop_class_uid:
        return ""
    return next((kind for start, kind in _NO_PICTURES if rest.startswith(start)), "")
