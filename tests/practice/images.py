"""Small DICOM objects and the archives that carry them, made in code."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

MR = "1.2.840.10008.5.1.4.1.1.4"
CT = "1.2.840.10008.5.1.4.1.1.2"
PET = "1.2.840.10008.5.1.4.1.1.128"
SR = "1.2.840.10008.5.1.4.1.1.88.22"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def instance(study: str = "1", series: str = "1", number: int = 1, **elements: object) -> bytes:
    """Return one object as a file; `study` and `series` are the ends of their UIDs, None removes an element."""
    values: dict[str, object] = {
        "SOPClassUID": MR,
        "SOPInstanceUID": f"1.2.{study}.{series}.{number}",
        "StudyInstanceUID": f"1.2.{study}",
        "SeriesInstanceUID": f"1.2.{study}.{series}",
        "StudyDate": "20010203",
        "StudyTime": "040506",
        "Modality": "MR",
        "PatientName": "Subject^One",
        "PatientID": "S.1",
        "SeriesNumber": series,
        "InstanceNumber": str(number),
        "SeriesDescription": f"series {series}",
        "PixelData": bytes([number % 256]) * 128,
        **elements,
    }
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(str(values["SOPClassUID"] or MR))
    meta.MediaStorageSOPInstanceUID = UID(str(values["SOPInstanceUID"] or "1.2"))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in values.items():
        if value is not None:
            setattr(image, keyword, value)
    if "PixelData" in image:
        image["PixelData"].VR = "OB"
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip with sizes in its local headers."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def streamed_zip(files: Mapping[str, bytes], *, is_stored: bool = False) -> bytes:
    """Return a zip with data descriptors, as a program writes that cannot seek; it has no central directory."""
    out = b""
    for name, data in files.items():
        deflater = zlib.compressobj(wbits=-15)
        packed = data if is_stored else deflater.compress(data) + deflater.flush()
        head = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 8, 0 if is_stored else 8, 0, 0, 0, 0, 0, len(name), 0)
        out += head + name.encode() + packed
        out += struct.pack("<4s3I", b"PK\x07\x08", zlib.crc32(data), len(packed), len(data))
    return out


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """Return a tar, or with "w:gz" a gzip'd one."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]  # mode is a variable
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def series(count: int = 3, *, first: int = 1, **elements: object) -> dict[str, bytes]:
    """Return the objects of a series by file name."""
    return {f"i{number}.dcm": instance(number=number, **elements) for number in range(first, first + count)}  # type: ignore[arg-type]  # study and series are texts
