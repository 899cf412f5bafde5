"""Makes a session of the files that have arrived: scans, their resources, and what their headers say.

Each series is a scan; two series with one number become 4-MR1 and 4-MR2, and their files are moved apart. Objects that
are no primary images are moved to the resource "secondary" of their scan.

Sources: the wire contract 4.3, 4.4, 6.3; missing-data 1.2.
"""

import contextlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydicom.dataset import Dataset

from xnat_wizard.practice import datatypes, headers, naming
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Entry, Resource, Row, Scan

DICOM, SECONDARY = "DICOM", "secondary"


@dataclass
class Built:
    """What a build found."""

    xsi_type: str = ""
    study_instance_uids: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    scans: dict[str, Scan] = field(default_factory=dict)


@dataclass
class _File:
    path: Path
    size_bytes: int
    head: Dataset
    words: dict[str, str]

    @property
    def label(self) -> str:
        return DICOM if datatypes.is_primary(self.words["SOPClassUID"]) else SECONDARY


_WORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber",
    "Modality",
)  # fmt: skip
_MODALITY_BY_CLASS = {
    "1.2.840.10008.5.1.4.1.1.4": "MR", "1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.88": "SR",
}  # fmt: skip


async def build(services: Services, row: Row) -> None:
    """Build a session and set its status: READY or ERROR, or RECEIVING where data came meanwhile."""
    row.status = "BUILDING"
    folder = services.store.row_folder(row)
    try:
        built = await services.in_thread(read_session, folder)
    except OSError as error:
        _fail(services, row, f"The session cannot be built: {error.strerror or type(error).__name__}")
        return
    if not built.scans:
        _fail(services, row, "The session holds no DICOM objects")
        return
    if "" in built.study_instance_uids:
        _fail(services, row, "The session holds objects without Study Instance UID")
        return
    if len(built.study_instance_uids) != 1:
        _fail(services, row, f"The session holds {len(built.study_instance_uids)} studies; it must be exactly one")
        return
    row.scans, row.fields, row.xsi_type, row.is_built = built.scans, built.fields, built.xsi_type, True
    row.tag = built.study_instance_uids[0]
    row.scan_date = f"{built.fields['date']} 00:00:00.0" if built.fields.get("date") else ""
    row.scan_time = built.fields.get("time", "")
    row.status = "RECEIVING" if row.status == "RECEIVING_INTERRUPT" else "READY"
    row.lastmod = services.clock.now()
    services.store.save()


def add_log(services: Services, row: Row, entry: str) -> None:
    """Write into a session's log (6.2)."""
    now = services.clock.now()
    number = max([int(now * 1000), *(int(log["id"]) + 1 for log in row.logs)])
    row.logs.append(
        {"id": str(number), "date": time.strftime("%a %b %d %H:%M:%S %Z %Y", time.localtime(now)), "entry": entry}
    )


def _fail(services: Services, row: Row, reason: str) -> None:
    row.status = "RECEIVING" if row.status == "RECEIVING_INTERRUPT" else "ERROR"
    row.lastmod = services.clock.now()
    add_log(services, row, reason)
    services.store.save()


def read_session(folder: Path) -> Built:
    """Read all objects below a session's folder, put them where they belong, and say what they are.

    About 0.5 ms a file. Files that are no DICOM are left where they are and out of the session.

    Raises:
        OSError: the disk refuses.
    """
    files = list(_read_files(folder / "SCANS"))
    series: dict[tuple[str, str], list[_File]] = defaultdict(list)
    for file in files:
        number = naming.scan_folder(file.words["SeriesNumber"], file.words["SeriesInstanceUID"])
        series[number, file.words["SeriesInstanceUID"]].append(file)
    built = Built(study_instance_uids=tuple(sorted({file.words["StudyInstanceUID"] for file in files})))
    moves: list[tuple[_File, Path]] = []
    for scan_id, members in _name_scans(series):
        scan = _make_scan(scan_id, members)
        built.scans[scan_id] = scan
        moves += [(file, folder / "SCANS" / scan_id / file.label) for file in members]
    _place(folder / "SCANS", moves)
    for scan_id, members in _name_scans(series):
        for file in members:
            resource = built.scans[scan_id].resources[file.label]
            resource.files[file.path.name] = Entry(
                file.path.name, file.size_bytes, "", "DICOM", "RAW", "", file.words["SOPInstanceUID"]
            )
    if files:
        modalities = {scan.fields["modality"] for scan in built.scans.values()}
        built.xsi_type, lead = datatypes.session_type(modalities)
        first = next((file for file in files if _modality(file) == lead), files[0])
        built.fields = _session_fields(first.head, lead)
    return built


def _read_files(scans_folder: Path) -> Iterator[_File]:
    for parent, folders, names in os.walk(scans_folder):
        folders.sort()
        if not {DICOM, SECONDARY} & set(Path(parent).parts[-1:]):
            continue
        for name in sorted(names):
            path = Path(parent, name)
            with contextlib.suppress(headers.UnreadableObjectError):
                head = headers.read_header(path)
                yield _File(path, path.stat().st_size, head, headers.texts(head, _WORDS))


def _name_scans(series: dict[tuple[str, str], list[_File]]) -> Iterator[tuple[str, list[_File]]]:
    """Give each series its scan ID: the number, or number-modality-counter where a number is used twice."""
    uses = Counter(number for number, _ in series)
    counts: Counter[tuple[str, str]] = Counter()
    for (number, _), members in sorted(series.items(), key=lambda one: one[0]):
        if uses[number] == 1:
            yield number, members
            continue
        modality = _series_modality(members)
        counts[number, modality] += 1
        yield f"{number}-{modality}{counts[number, modality]}", members


def _modality(file: _File) -> str:
    known = file.words["Modality"]
    if known:
        return known
    kind = file.words["SOPClassUID"]
    return next((name for uid, name in _MODALITY_BY_CLASS.items() if kind == uid or kind.startswith(uid + ".")), "OT")


def _series_modality(members: list[_File]) -> str:
    primary = [file for file in members if file.label == DICOM] or members
    return _modality(primary[0])


def _make_scan(scan_id: str, members: list[_File]) -> Scan:
    modality = _series_modality(members)
    first = next((file for file in members if file.label == DICOM), members[0])
    xsi_type = datatypes.scan_type(modality, {file.words["SOPClassUID"] for file in members})
    labels = sorted({file.label for file in members})
    resources = {
        label: Resource(0, label, format="DICOM", content="RAW" if label == DICOM else SECONDARY) for label in labels
    }
    frames = sum(_count(headers.text(file.head, "NumberOfFrames")) for file in members if file.label == DICOM)
    return Scan(scan_id, xsi_type, fields=_scan_fields(first.head, modality, frames), resources=resources)


def _count(text: str) -> int:
    return int(text) if text.isdigit() and int(text) else 1


def _scan_fields(head: Dataset, modality: str, frames: int) -> dict[str, str]:
    word = partial(headers.text, head)
    description = word("SeriesDescription")
    fields = {
        "type": description or word("ProtocolName") or "unknown",
        "series_description": description,
        "quality": "usable",
        "modality": modality,
        "UID": word("SeriesInstanceUID"),
        "frames": str(frames),
        "scanner": word("StationName"),
        "scanner_manufacturer": word("Manufacturer"),
        "scanner_model": word("ManufacturerModelName"),
        "startTime": _time(word("SeriesTime")),
        "start_date": _date(word("SeriesDate")),
        "fieldStrength": word("MagneticFieldStrength"),
        "coil": word("ReceiveCoilName"),
        "bodyPartExamined": word("BodyPartExamined"),
        "tr": word("RepetitionTime"),
        "te": word("EchoTime"),
        "ti": word("InversionTime"),
        "flip": word("FlipAngle"),
        "sequence": word("SequenceName"),
        "imageType": word("ImageType"),
    }
    return {key: value for key, value in fields.items() if value}


def _session_fields(head: Dataset, modality: str) -> dict[str, str]:
    word = partial(headers.text, head)
    fields = {
        "date": _date(word("StudyDate") or word("SeriesDate")),
        "time": _time(word("StudyTime")),
        "UID": word("StudyInstanceUID"),
        "modality": modality,
        "session_type": word("StudyDescription"),
        "scanner": word("StationName"),
        "scanner_manufacturer": word("Manufacturer"),
        "scanner_model": word("ManufacturerModelName"),
        "fieldStrength": word("MagneticFieldStrength"),
        "dcmAccessionNumber": word("AccessionNumber"),
        "dcmPatientId": word("PatientID"),
        "dcmPatientName": word("PatientName"),
        "study_id": word("StudyID"),
    }
    return {key: value for key, value in fields.items() if value}


def _date(text: str) -> str:
    digits = text.replace(".", "").replace("-", "")[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdigit() else ""


def _time(text: str) -> str:
    digits = text.replace(":", "")[:6]
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}" if len(digits) == 6 and digits.isdigit() else ""


def _place(scans_folder: Path, moves: list[tuple[_File, Path]]) -> None:
    """Move files into the folders of their scans; a name taken by another object gives the template's name.

    The same object a second time replaces the first.
    """
    movers = [(file, target) for file, target in moves if file.path.parent != target]
    old_folders = {file.path.parent for file, _ in movers}
    resting = {(target, file.path.name): file for file, target in moves if file.path.parent == target}
    for number, (file, _) in enumerate(movers):
        waiting = scans_folder / f".moving-{number}"
        file.words["name"] = file.path.name
        file.path = file.path.replace(waiting)
    for file, target in movers:
        target.mkdir(parents=True, exist_ok=True)
        name = file.words["name"]
        there = resting.get((target, name))
        if there and there.words["SOPInstanceUID"] != file.words["SOPInstanceUID"]:
            name = naming.template_name(file.words)
        file.path = file.path.replace(target / name)
        resting[target, name] = file
    for folder in sorted(old_folders, reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()
