"""Write studies of invented people to practise with: one good, one with the usual faults.

Both are laid out as subject folder > series folder > DICOM files. The same seed gives the same bytes.
"""

import hashlib
import shutil
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from xnat_wizard.practice.phantom import Head, Plane

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))  # along a row, down a column, from slice to slice
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))


@dataclass(frozen=True)
class Protocol:
    """What a series measures. `names` and `numbers` are (Siemens-like, Philips-like)."""

    names: tuple[str, str]
    numbers: tuple[int, int]
    contrast: str
    repetition_time: float
    echo_times: tuple[float, ...]
    flip_angle: float
    inversion_time: float = 0
    matrix: int = 128
    volumes: int = 1
    share: float = 1.0  # of the slices asked for
    directions: tuple[int, ...] = (0,)  # indices into (AXIAL, SAGITTAL, CORONAL)


LOCALIZER = Protocol(("localizer", "Survey"), (1, 101), "gre", 8.6, (4.0,), 20, directions=(0, 1, 2), share=0)
T1 = Protocol(("t1_mprage_sag_p2_iso", "T1W_3D_TFE"), (2, 201), "t1", 2300, (2.98,), 9, 900, directions=(1,))
FLAIR = Protocol(("t2_tirm_tra_dark-fluid", "T2W_FLAIR_tra"), (3, 301), "flair", 9000, (93,), 150, 2500)
BOLD = Protocol(("ep2d_bold_rest", "FE_EPI_rest"), (4, 401), "bold", 2000, (30,), 77, matrix=64, volumes=3, share=0.34)
FIELD_MAP = Protocol(("gre_field_mapping", "B0_map"), (5, 501), "gre", 488, (4.92, 7.38), 60, matrix=64, share=0.34)
PROTOCOLS = (LOCALIZER, T1, FLAIR, BOLD, FIELD_MAP)


@dataclass(frozen=True)
class Vendor:
    """A maker's habits, as far as files show them."""

    style: int  # index into a protocol's names and numbers
    manufacturer: str
    model: str
    software: str
    station: str


SIEMENS = Vendor(0, "SIEMENS", "Prisma", "syngo MR E11", "PRACTICE1")
PHILIPS = Vendor(1, "Philips Medical Systems", "Ingenia", "5.3.0\\5.3.0.3", "PRACTICE2")


@dataclass(frozen=True)
class Visit:
    """One person's examination on one day."""

    person: int
    vendor: Vendor
    date: str
    time: str
    seed: int
    number: int = 1

    @property
    def patient_id(self) -> str:
        """Return the invented patient's ID."""
        return f"PRACTICE-{self.person:03d}"

    def identifier(self, *parts: object) -> UID:
        """Derive a UID that is the same each time."""
        return _identifier(self.seed, self.person, self.number, *parts)


def write_study(folder: Path, *, subjects: int = 4, slices: int = 24, seed: int = 1) -> Path:
    """Write a good study: five series a person, two makers' styles in turn; the third person came twice.

    Returns `folder`. The default study is about 450 files, 11 MB.
    """
    for person in range(1, subjects + 1):
        vendor = (SIEMENS, PHILIPS)[(person - 1) % 2]
        home = folder / f"Person_{person:02d}"
        visit = Visit(person, vendor, f"2025{(person % 12) + 1:02d}12", f"09{(person * 7) % 60:02d}04", seed)
        _write_visit(home, visit, PROTOCOLS, slices)
        if person % 4 == 3:
            again = Visit(person, vendor, f"2026{(person + 4) % 12 + 1:02d}21", "143005", seed, number=2)
            _write_visit(home, again, (LOCALIZER, T1, FLAIR), slices)
    return folder


def write_faulty_study(folder: Path, *, seed: int = 2) -> Path:
    """Write the same shape with one common fault a person, and one person without any.

    Person 11 is good. 12 has no series folders; in 13 two patients share a series; 14 has a cut file and a text file
    that calls itself DICOM; 15 has a copy of a file, and litter; 16 is empty; 17 keeps a series in a zip. One file lies
    loose at the top.
    """
    visits = {person: Visit(person, SIEMENS, "20260417", f"10{person:02d}30", seed) for person in range(11, 19)}
    homes = {person: folder / f"Person_{person:02d}" for person in visits}
    for person in (11, 13, 14, 15, 17):
        _write_visit(homes[person], visits[person], (T1, FLAIR), 4)
    _without_series_folders(homes[12], visits[12])
    _mixed_patients(homes[13], visits[18])
    _cut_and_pretending(homes[14])
    _copies_and_litter(homes[15])
    homes[16].mkdir()
    _series_in_a_zip(homes[17])
    loose = next(iter(_instances(Visit(19, SIEMENS, "20260418", "081500", seed), FLAIR, 1)))
    _save(folder / "IM_0001.dcm", loose)
    return folder


# -- faults ------------------------------------------------------------------------------------------


def _series_folders(home: Path) -> list[Path]:
    return sorted(path for path in home.iterdir() if path.is_dir())


def _without_series_folders(home: Path, visit: Visit) -> None:
    for protocol in (T1, FLAIR):
        for instance in _instances(visit, protocol, 4):
            _save(home / _file_name(visit, instance), instance)


def _mixed_patients(home: Path, stranger: Visit) -> None:
    target = _series_folders(home)[0]
    for instance in _instances(stranger, T1, 2):
        _save(target / _file_name(stranger, instance), instance)


def _cut_and_pretending(home: Path) -> None:
    first, second = _series_folders(home)[:2]
    whole = sorted(first.iterdir())[1]
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (second / "readme.dcm").write_text("These are notes about the measurement, not an image.\n", encoding="utf-8")


def _copies_and_litter(home: Path) -> None:
    series = _series_folders(home)[0]
    original = min(series.iterdir())
    shutil.copyfile(original, original.with_name(f"Copy of {original.name}"))
    (home / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(56))
    (series / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(56))
    (home / "notes.txt").write_text("Moved a little in the second series.\n", encoding="utf-8")


def _series_in_a_zip(home: Path) -> None:
    series = _series_folders(home)[1]
    with zipfile.ZipFile(series.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(series.iterdir()):
            entry = zipfile.ZipInfo(f"{series.name}/{path.name}", date_time=(2026, 4, 17, 10, 30, 0))
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    shutil.rmtree(series)


# -- files -------------------------------------------------------------------------------------------


def _write_visit(home: Path, visit: Visit, protocols: Iterable[Protocol], slices: int) -> None:
    for protocol in protocols:
        name = protocol.names[visit.vendor.style]
        number = protocol.numbers[visit.vendor.style] + (0 if visit.number == 1 else 10)
        series = home / f"{number:03d}_{name}"
        for instance in _instances(visit, protocol, slices):
            _save(series / _file_name(visit, instance), instance)


def _file_name(visit: Visit, instance: Dataset) -> str:
    """Name a file as the maker's export does."""
    if visit.vendor is PHILIPS:
        return f"IM_{int(instance.SeriesNumber) * 10 // 100:02d}{int(instance.InstanceNumber):04d}"
    day = f"{visit.date[:4]}.{visit.date[4:6]}.{visit.date[6:]}"
    clock = f"{visit.time[:2]}.{visit.time[2:4]}.{visit.time[4:]}"
    token = int(hashlib.sha256(str(instance.SOPInstanceUID).encode()).hexdigest()[:8], 16) % 10**8
    return (
        f"PERSON_{visit.person:02d}.MR.PRACTICE_HEAD.{int(instance.SeriesNumber):04d}."
        f"{int(instance.InstanceNumber):04d}.{day}.{clock}.{token:08d}.IMA"
    )


def _save(path: Path, instance: FileDataset) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    instance.save_as(path, enforce_file_format=True)


def _identifier(*parts: object) -> UID:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return UID(f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}")


# -- images ------------------------------------------------------------------------------------------


def _instances(visit: Visit, protocol: Protocol, slices: int) -> Iterator[FileDataset]:
    """Give the series' images in acquisition order. One dataset is filled again for each: save it before the next."""
    head = Head(visit.seed * 1000 + visit.person)
    noise = np.random.default_rng([visit.seed, visit.person, visit.number, protocol.numbers[0]])
    instance = _series_header(visit, protocol)
    planes = list(_planes(protocol, slices))
    number = 0
    for volume in range(protocol.volumes):
        for echo, echo_time in enumerate(protocol.echo_times, start=1):
            for index, (plane, location) in enumerate(planes):
                number += 1
                pixels = head.image(plane, protocol.contrast, noise, level=14 if protocol.volumes > 1 else 10)
                if echo > 1:
                    pixels = (pixels * 0.8).astype(np.uint16)
                _fill(instance, visit, protocol, plane, number)
                instance.SliceLocation = f"{location:.1f}"
                instance.EchoTime = f"{echo_time:g}"
                instance.EchoNumbers = echo
                instance.AcquisitionNumber = volume + 1
                seconds = volume * protocol.repetition_time / 1000 + index * protocol.repetition_time / 1000 / len(
                    planes
                )
                instance.AcquisitionTime = _later(visit.time, protocol.numbers[0] * 240 + seconds)
                instance.ContentTime = instance.AcquisitionTime
                instance.PixelData = pixels.tobytes()
                yield instance


def _planes(protocol: Protocol, slices: int) -> Iterator[tuple[Plane, float]]:
    """Give each slice's plane and its location; 240 mm field of view, slices centred on the head."""
    spacing = 240 / protocol.matrix
    count = max(1, round(slices * protocol.share)) if protocol.share else 1
    gap = min(6.0, 144 / count)
    for direction in protocol.directions:
        along, down, across = (AXIAL, SAGITTAL, CORONAL)[direction]
        for index in range(count):
            location = (index - (count - 1) / 2) * gap + ((10, 5, 0)[direction] if protocol.share == 0 else 0)
            half = spacing * (protocol.matrix - 1) / 2
            x, y, z = (location * s - half * a - half * d for a, d, s in zip(along, down, across, strict=True))
            yield Plane((x, y, z), along, down, spacing, protocol.matrix, protocol.matrix), location


def _fill(instance: FileDataset, visit: Visit, protocol: Protocol, plane: Plane, number: int) -> None:
    sop_instance_uid = visit.identifier(protocol.names[0], number)
    instance.file_meta.MediaStorageSOPInstanceUID = sop_instance_uid
    instance.SOPInstanceUID = sop_instance_uid
    instance.InstanceNumber = number
    instance.ImagePositionPatient = [f"{part:.4f}" for part in plane.origin]
    instance.ImageOrientationPatient = [f"{part:g}" for part in (*plane.along_row, *plane.down_column)]


def _series_header(visit: Visit, protocol: Protocol) -> FileDataset:
    """Make what all images of a series say."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _identifier("practice writer")
    meta.ImplementationVersionName = "XNAT_PRACTICE"
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    _add_person(header, visit)
    _add_equipment(header, visit)
    name = protocol.names[visit.vendor.style]
    number = protocol.numbers[visit.vendor.style] + (0 if visit.number == 1 else 10)
    started = _later(visit.time, protocol.numbers[0] * 240)
    epi = protocol.contrast == "bold"
    said: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]
        if visit.vendor is SIEMENS
        else ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"],
        "SOPClassUID": MRImageStorage,
        "SeriesDate": visit.date,
        "AcquisitionDate": visit.date,
        "ContentDate": visit.date,
        "SeriesTime": started,
        "Modality": "MR",
        "SeriesDescription": name,
        "ProtocolName": name,
        "BodyPartExamined": "HEAD",
        "ScanningSequence": "EP" if epi else ("IR" if protocol.inversion_time else "GR"),
        "SequenceVariant": "SK" if epi else "SP",
        "ScanOptions": "FS" if epi else "",
        "MRAcquisitionType": "3D" if protocol is T1 else "2D",
        "SequenceName": {"t1": "*tfl3d1_16ns", "flair": "*tir2d1rr16", "bold": "*epfid2d1_64", "gre": "*fl2d1"}[
            protocol.contrast
        ],
        "SliceThickness": "5",
        "SpacingBetweenSlices": "6",
        "RepetitionTime": f"{protocol.repetition_time:g}",
        "NumberOfAverages": "1",
        "ImagingFrequency": "123.25",
        "ImagedNucleus": "1H",
        "EchoTrainLength": "1",
        "PercentSampling": "100",
        "PixelBandwidth": "240",
        "FlipAngle": f"{protocol.flip_angle:g}",
        "PatientPosition": "HFS",
        "SeriesInstanceUID": visit.identifier(protocol.names[0], "series"),
        "FrameOfReferenceUID": visit.identifier("frame"),
        "SeriesNumber": str(number),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": protocol.matrix,
        "Columns": protocol.matrix,
        "PixelSpacing": [f"{240 / protocol.matrix:g}"] * 2,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": "500",
        "WindowWidth": "1000",
    }
    for keyword, value in said.items():
        setattr(header, keyword, value)
    if protocol.inversion_time:
        header.InversionTime = f"{protocol.inversion_time:g}"
    if visit.vendor is PHILIPS:
        header.RescaleIntercept, header.RescaleSlope, header.RescaleType = "0", "1.25", "normalized"
    return header


def _add_person(header: Dataset, visit: Visit) -> None:
    header.PatientName = f"Practice^Person {visit.person:02d}"
    header.PatientID = visit.patient_id
    header.PatientBirthDate = f"{1950 + visit.person * 7 % 50}0{visit.person % 9 + 1}15"
    header.PatientSex = "FM"[visit.person % 2]
    header.PatientAge = f"{int(visit.date[:4]) - 1950 - visit.person * 7 % 50:03d}Y"
    header.PatientWeight = str(60 + visit.person * 3 % 30)
    header.StudyDate, header.StudyTime = visit.date, f"{visit.time}.000000"
    header.AccessionNumber = ""
    header.ReferringPhysicianName = "Practice^Physician"
    header.StudyDescription = "PRACTICE^HEAD"
    header.StudyInstanceUID = visit.identifier("study")
    header.StudyID = str(visit.number)


def _add_equipment(header: Dataset, visit: Visit) -> None:
    vendor = visit.vendor
    header.Manufacturer = vendor.manufacturer
    header.ManufacturerModelName = vendor.model
    header.SoftwareVersions = vendor.software
    header.StationName = vendor.station
    header.InstitutionName = "Practice Clinic"
    header.DeviceSerialNumber = f"{40000 + vendor.style}"
    header.MagneticFieldStrength = "3"


def _later(time: str, seconds: float) -> str:
    """Return a DICOM time some seconds after another, within the day."""
    start = int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:6])
    total = min(start + seconds, 86399.0)
    return f"{int(total // 3600):02d}{int(total % 3600 // 60):02d}{total % 60:09.6f}"
