"""Small DICOM images and PAR/REC pairs for the tests of this room, made by pydicom."""

import io
import os
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"


def header(*, patient: str = "P1", study: int = 1, series: int = 1, image: int = 1) -> Dataset:
    """Make a data set with everything a plan needs; UIDs follow from the numbers."""
    dataset = Dataset()
    dataset.SOPClassUID = MR_STORAGE
    dataset.SOPInstanceUID = f"1.2.826.0.1.9.{study}.{series}.{image}"
    dataset.StudyDate = "20260102"
    dataset.StudyTime = "101500"
    dataset.Modality = "MR"
    dataset.Manufacturer = "SIEMENS"
    dataset.StudyDescription = "Head"
    dataset.SeriesDescription = f"t1 {series}"
    dataset.PatientName = f"Test^{patient}"
    dataset.PatientID = patient
    dataset.StudyInstanceUID = f"1.2.826.0.1.9.{study}"
    dataset.SeriesInstanceUID = f"1.2.826.0.1.9.{study}.{series}"
    dataset.SeriesNumber = series
    dataset.InstanceNumber = image
    return dataset


def with_pixels(dataset: Dataset, *, side: int = 4, value: int = 7) -> Dataset:
    """Add 16-bit gray pixels."""
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = value.to_bytes(2, "little") * (side * side)
    return dataset


def as_bytes(dataset: Dataset, syntax: str = EXPLICIT) -> bytes:
    """Write a data set as a DICOM file in memory."""
    file_meta = FileMetaDataset()
    file_meta.TransferSyntaxUID = UID(syntax)
    file_meta.MediaStorageSOPClassUID = UID(str(dataset.get("SOPClassUID", MR_STORAGE)))
    file_meta.MediaStorageSOPInstanceUID = UID(str(dataset.get("SOPInstanceUID", "1.2.3")))
    dataset.file_meta = file_meta
    buffer = io.BytesIO()
    dcmwrite(
        buffer,
        dataset,
        implicit_vr=syntax == IMPLICIT,
        little_endian=syntax != BIG,
        enforce_file_format=True,
    )
    return buffer.getvalue()


def write_image(path: Path, *, syntax: str = EXPLICIT, value: int = 7, **attributes: Any) -> Path:
    """Write one image; `patient`, `study`, `series`, `image` as in `header`, other names are DICOM keywords."""
    numbers = {name: attributes.pop(name) for name in ("patient", "study", "series", "image") if name in attributes}
    dataset = with_pixels(header(**numbers), value=value)
    for keyword, text in attributes.items():
        if text == "":
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(dataset, syntax))
    return path


def write_series(folder: Path, *, count: int = 2, **attributes: Any) -> None:
    """Write the images of one series."""
    for image in range(1, count + 1):
        write_image(folder / f"{image:04d}.dcm", image=image, **attributes)


def write_pair(folder: Path, stem: str = "scan", *, images: int = 2) -> None:
    """Write a PAR of version 4.2 with few columns, and the REC that it describes."""
    rows = "".join(f"  {number} 16 4 4\n" for number in range(1, images + 1))
    text = (
        "# === DATA DESCRIPTION FILE ===\n#\n# CLINICAL TRYOUT   Research image export tool     V4.2\n#\n"
        ".    Protocol name                      :   T1 SENSE\n"
        "#  slice number                             (integer)\n"
        "#  image pixel size (in bits)               (integer)\n"
        "#  recon resolution (x y)                   (2*integer)\n#\n"
        f"{rows}\n# === END OF DATA DESCRIPTION FILE ===\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.PAR").write_text(text, encoding="latin-1")
    (folder / f"{stem}.REC").write_bytes(bytes(32 * images))


def on_disk(folder: Path) -> list[str]:
    """Return every file and link below a folder as a survey names it."""
    found = []
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        found += [os.path.relpath(f"{place}/{name}", folder) for name in [*files, *links]]
    return sorted(found)
