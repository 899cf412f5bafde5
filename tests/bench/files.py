"""Makes image files as scanners write them, quickly: one header a series, in which only UIDs, times and numbers change.

"Real" files have about 100 elements, private blocks as Siemens writes them, and pixels of 150 to 550 kB that deflate to
about a half. "Tiny" files have the same elements and 16 x 16 pixels: for counting, where bytes do not matter.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

SIDES = (272, 320, 384, 448, 512)  # 16 bits a pixel: 148, 205, 295, 401 and 524 kB
TINY_SIDE = 16
_ROOT = "1.2.826.0.1.3680043.9.9999"
_FIRST = 10_000_000  # added to numbers inside UIDs, so that all are equally long
_NUMBER_WIDTH = 6
_TIMES = (b"\x08\x00\x13\x00TM", b"\x08\x00\x32\x00TM", b"\x08\x00\x33\x00TM")  # creation, acquisition, content


@dataclass(frozen=True, slots=True)
class Tree:
    """A source: subject > series > files."""

    folder: Path
    file_count: int
    size_bytes: int


def write_tree(folder: Path, *, files: int, subjects: int, series: int, is_tiny: bool = False) -> Tree:
    """Write that many files, spread over subjects (one study each) and series a subject."""
    size_bytes = written = 0
    for subject in range(1, subjects + 1):
        for number in range(1, series + 1):
            left = subjects * series - ((subject - 1) * series + number - 1)
            count = -(-(files - written) // left)
            place = folder / f"SUB{subject:04d}" / f"{number:02d}_scan"
            place.mkdir(parents=True)
            side = TINY_SIDE if is_tiny else SIDES[(number - 1) % len(SIDES)]
            size_bytes += _write_series(place, subject, number, count, side)
            written += count
    return Tree(folder, written, size_bytes)


def write_multi_frame(folder: Path, size_bytes: int) -> Tree:
    """Write one enhanced multi-frame file; its pixels are a hole in the file, so it takes no room on the disk."""
    dataset = _dataset(1, 1, 512)
    frame_bytes = 512 * 512 * 2
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = size_bytes // frame_bytes
    del dataset.PixelData
    place = folder / "SUB0001" / "01_scan"
    place.mkdir(parents=True)
    pixel_bytes = size_bytes // frame_bytes * frame_bytes
    head = _as_bytes(dataset) + b"\xe0\x7f\x10\x00OW\x00\x00" + pixel_bytes.to_bytes(4, "little")
    path = place / "1.dcm"
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(len(head) + pixel_bytes)
    return Tree(folder, 1, len(head) + pixel_bytes)


def _write_series(place: Path, subject: int, number: int, count: int, side: int) -> int:
    dataset = _dataset(subject, number, side)
    template = _as_bytes(dataset)
    pixel_bytes = side * side * 2
    head = bytearray(template[:-pixel_bytes])
    pixels = [_pixels(side, seed) for seed in range(4)]
    number_at = head.index(b"\x20\x00\x13\x00IS") + 8
    head[number_at - 2 : number_at + 2] = _NUMBER_WIDTH.to_bytes(2, "little") + b"1".zfill(_NUMBER_WIDTH)
    times_at = [head.index(mark) + 8 for mark in _TIMES]
    uid_at = _all(head, str(dataset.SOPInstanceUID).encode())
    assert len(uid_at) == 2, "the UID stands in the file meta group and in the data set"
    for instance in range(1, count + 1):
        uid = _instance_uid(subject, number, instance).encode()
        for at in uid_at:
            head[at : at + len(uid)] = uid
        head[number_at : number_at + _NUMBER_WIDTH] = b"%06d" % instance
        for at in times_at:
            head[at : at + 13] = _time_of(instance).encode()
        block = pixels[instance % len(pixels)]
        turn = 2 * (instance * 97 % (side * side))
        with (place / f"{instance:06d}.dcm").open("wb") as file:
            file.write(head)
            file.write(block[turn:])
            file.write(block[:turn])
    return count * (len(head) + pixel_bytes)


def _all(data: bytearray, part: bytes) -> list[int]:
    found, at = [], data.find(part)
    while at >= 0:
        found.append(at)
        at = data.find(part, at + 1)
    return found


def _instance_uid(subject: int, series: int, instance: int) -> str:
    return f"{_ROOT}.{_FIRST + subject}.{_FIRST + series}.{_FIRST + instance}"


def _time_of(instance: int) -> str:
    minutes, seconds = divmod(instance, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{10 + hours % 14:02d}{minutes:02d}{seconds:02d}.{instance * 7919 % 10**6:06d}"


def _pixels(side: int, seed: int) -> bytes:
    """Return a smooth head with noise in the lower 6 bits."""
    noise = np.random.default_rng(seed).integers(0, 64, (side, side))
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    head = np.where(down**2 + across**2 < 0.7, 600 + 200 * np.cos(5 * down) * np.cos(7 * across), 0)
    return (head.astype(np.uint16) + noise.astype(np.uint16) * (head > 0)).astype("<u2").tobytes()


def _as_bytes(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return buffer.getvalue()


def _dataset(subject: int, number: int, side: int) -> Dataset:
    dataset = Dataset()
    said: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"],
        "InstanceCreationDate": "20260102",
        "InstanceCreationTime": "101500.123000",
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": _instance_uid(subject, number, 1),
        "AccessionNumber": "",
        "Modality": "MR",
        "Manufacturer": "SIEMENS",
        "InstitutionName": "Bench Clinic",
        "InstitutionAddress": "Street 1, Town",
        "ReferringPhysicianName": "Bench^Physician",
        "StationName": "MRBENCH",
        "StudyDescription": "BENCH^HEAD",
        "SeriesDescription": f"scan {number}",
        "InstitutionalDepartmentName": "Department",
        "ManufacturerModelName": "Prisma",
        "PatientName": f"Bench^Person {subject:04d}",
        "PatientID": f"BENCH{subject:04d}",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "PatientAge": "056Y",
        "PatientSize": "1.70",
        "PatientWeight": "70",
        "BodyPartExamined": "BRAIN",
        "ScanningSequence": "GR",
        "SequenceVariant": ["SP", "MP"],
        "ScanOptions": "IR",
        "MRAcquisitionType": "3D",
        "SequenceName": "*tfl3d1_16ns",
        "AngioFlag": "N",
        "SliceThickness": "1",
        "RepetitionTime": "2300",
        "EchoTime": "2.98",
        "InversionTime": "900",
        "NumberOfAverages": "1",
        "ImagingFrequency": "123.258",
        "ImagedNucleus": "1H",
        "EchoNumbers": "1",
        "MagneticFieldStrength": "3",
        "NumberOfPhaseEncodingSteps": "240",
        "EchoTrainLength": "1",
        "PercentSampling": "100",
        "PercentPhaseFieldOfView": "93.75",
        "PixelBandwidth": "240",
        "DeviceSerialNumber": "40000",
        "SoftwareVersions": "syngo MR E11",
        "ProtocolName": f"scan {number}",
        "TransmitCoilName": "Body",
        "AcquisitionMatrix": [0, 256, 240, 0],
        "InPlanePhaseEncodingDirection": "ROW",
        "FlipAngle": "9",
        "VariableFlipAngleFlag": "N",
        "SAR": "0.05",
        "dBdt": "0",
        "PatientPosition": "HFS",
        "StudyInstanceUID": f"{_ROOT}.{_FIRST + subject}",
        "SeriesInstanceUID": f"{_ROOT}.{_FIRST + subject}.{_FIRST + number}",
        "StudyID": "1",
        "SeriesNumber": str(number),
        "AcquisitionNumber": "1",
        "InstanceNumber": "1",
        "ImagePositionPatient": ["-90.1", "-120.2", "80.3"],
        "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
        "FrameOfReferenceUID": f"{_ROOT}.{_FIRST + subject}.1",
        "PositionReferenceIndicator": "",
        "SliceLocation": "80.3",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": side,
        "Columns": side,
        "PixelSpacing": ["0.9", "0.9"],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "SmallestImagePixelValue": 0,
        "LargestImagePixelValue": 1000,
        "WindowCenter": "500",
        "WindowWidth": "1000",
        "RequestingPhysician": "",
        "RequestedProcedureDescription": "BENCH HEAD",
        "PerformedProcedureStepStartDate": "20260102",
        "PerformedProcedureStepStartTime": "101400.000000",
        "PerformedProcedureStepID": "MR1",
        "PerformedProcedureStepDescription": "BENCH HEAD",
    }
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{kind}Date", "20260102")
        setattr(dataset, f"{kind}Time", "101500.000000")
    if side != TINY_SIDE:
        _add_private_blocks(dataset)
    dataset.PixelData = bytes(side * side * 2)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _add_private_blocks(dataset: Dataset) -> None:
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    for offset, value in ((0x08, "IMAGE NUM 4"), (0x0B, "1000"), (0x0F, "Fast"), (0x11, "No"), (0x18, "8100")):
        block.add_new(offset, "LO", value)
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    block.add_new(0x10, "OB", np.random.default_rng(1).integers(0, 40, 11_000, np.uint8).tobytes())
    block.add_new(0x20, "OB", np.random.default_rng(2).integers(0, 40, 60_000, np.uint8).tobytes())
    assert Tag(0x0029, 0x1020) in dataset
