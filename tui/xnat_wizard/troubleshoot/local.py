"""Reads the source of a case: every DICOM object with what routes it, every other file, and what lies beside it (D1).

Only reads; blocks, and looks at the stop event between files.
"""

import dataclasses
import io
import lzma
import os
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event

from xnat_wizard.dicom.header import UnreadableDicom, read_header
from xnat_wizard.dicom.layout import HOUSE
from xnat_wizard.dicom.model import OtherKind, Survey
from xnat_wizard.dicom.opened import AsBinary
from xnat_wizard.dicom.source import Source, open_source
from xnat_wizard.dicom.survey import SurveyStopped, survey
from xnat_wizard.findings import Problem
from xnat_wizard.troubleshoot.local_facts import Local, LocalObject, Sibling, ZipFacts
from xnat_wizard.troubleshoot.model import Evidence
from xnat_wizard.upload.tokens import token_of

COMMENTS = ("PatientComments", "StudyComments", "AdditionalPatientHistory")
_MOST_READ = 20_000  # files whose comments are read one by one; of more, the first of each series stands for it
_MOST_BESIDE = 400  # folders beside the source that are looked into
_INNER = (".nii.gz", ".xar", ".7z", ".rar")


def read_local(
    path: Path, stop: Event, *, now: datetime, surveyed: Survey | Problem | None = None, looks_beside: bool = True
) -> Local:
    """Read a source.

    A source that cannot be surveyed gives a `Local` without a survey, and says why in its evidence.

    Args:
        path: folder or archive.
        stop: looked at between files.
        now: with zone.
        surveyed: what a survey of it found, or why it could not be surveyed; it is surveyed here otherwise.
        looks_beside: also for more of the same studies in the folders beside it.

    Raises:
        SurveyStopped: `stop` was set.
    """
    at = now.isoformat(timespec="seconds")
    archive = _zip_facts(path) if path.is_file() else None
    found = surveyed or _surveyed(path)
    if isinstance(found, Problem):
        evidence = Evidence("Q33", "survey of the source", f"{found.finding.code}: {found.finding.why}", at)
        return Local(None, zip=archive, evidence=(evidence,))
    with open_source(path, stop=stop) as source:
        objects = _objects(found, source, stop)
    siblings = _siblings(path, objects, stop) if looks_beside and path.is_dir() else ()
    local = Local(found, objects, found.others, siblings, archive)
    said = (
        f"{len(local.studies)} studies, {len(found.series)} series, {len(objects)} objects, {len(found.others)} others"
    )
    return dataclasses.replace(local, evidence=(Evidence("Q33", "survey of the source", said, at),))


def _surveyed(path: Path) -> Survey | Problem:
    try:
        return survey(path, HOUSE)
    except Problem as problem:
        return problem


def _objects(found: Survey, source: Source, stop: Event) -> tuple[LocalObject, ...]:
    copies = _copies(found, source, stop)
    reads_all = sum(len(series.instances) for series in found.series) <= _MOST_READ
    objects: list[LocalObject] = []
    for series in found.series:
        comments: dict[str, str] = {}
        for place, instance in enumerate(series.instances):
            if stop.is_set():
                raise SurveyStopped
            if reads_all or not place:
                comments = _comments(source, instance.path)
            objects.append(
                LocalObject(
                    path=instance.path,
                    size_bytes=instance.size_bytes,
                    sop_class_uid=instance.sop_class_uid,
                    sop_instance_uid=instance.sop_instance_uid,
                    transfer_syntax_uid=instance.transfer_syntax_uid,
                    instance_number=instance.instance_number,
                    study_instance_uid=series.study_instance_uid,
                    series_key=series.key,
                    series_instance_uid=series.series_instance_uid,
                    series_number=series.series_number,
                    series_description=series.series_description,
                    modality=series.modality,
                    study_date=series.study_date,
                    study_time=series.study_time,
                    study_description=series.study_description,
                    accession_number=series.accession_number,
                    patient_id=series.patient_id,
                    patient_name=series.patient_name,
                    token=token_of(instance.sop_class_uid, instance.sop_instance_uid),
                    patient_comments=comments.get("PatientComments", ""),
                    study_comments=comments.get("StudyComments", ""),
                    patient_history=comments.get("AdditionalPatientHistory", ""),
                    copies=tuple(copies.get(instance.sop_instance_uid, ())),
                )
            )
    objects.sort(key=lambda one: one.path)
    return tuple(dataclasses.replace(one, order=order) for order, one in enumerate(objects))


def _comments(source: Source, path: str) -> dict[str, str]:
    """Return the texts that can name a project, from one file; none where it cannot be read."""
    values = _elements(source, path, COMMENTS)
    return {name: value for name, value in values.items() if value}


def _copies(found: Survey, source: Source, stop: Event) -> dict[str, list[str]]:
    """Return the paths of further files with the same SOP Instance UID."""
    copies: dict[str, list[str]] = defaultdict(list)
    for other in found.others:
        if stop.is_set():
            raise SurveyStopped
        if other.kind in {OtherKind.COPY, OtherKind.CONFLICTING}:
            uid = _elements(source, other.path, ("SOPInstanceUID",)).get("SOPInstanceUID", "")
            copies[uid].append(other.path)
    return copies


def _elements(source: Source, path: str, names: tuple[str, ...]) -> dict[str, str]:
    import pydicom

    try:
        with source.open(path) as file:
            raw = io.BufferedReader(AsBinary(file))
            read = pydicom.dcmread(raw, stop_before_pixels=True, specific_tags=list(names), force=True)
            return {name: _as_text(read.get(name)) for name in names}
    except Exception:  # noqa: BLE001  any odd file: it has no such text, as far as this program can tell
        return {}


def _as_text(value: object) -> str:
    return "" if value is None else str(value).strip("\0 ")


def _zip_facts(path: Path) -> ZipFacts | None:
    """Look at an archive file from outside; `None` for a single image, and for what may not be read."""
    name = path.name
    if path.suffix.lower() != ".zip":
        return None
    try:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
            file.seek(0)
            try:
                with zipfile.ZipFile(file) as archive:
                    infos = [info for info in archive.infolist() if not info.is_dir()]
                    bad = None if any(info.flag_bits & 1 for info in infos) else archive.testzip()
            except (NotImplementedError, RuntimeError) as error:  # packed in a way that is not known here
                return ZipFacts(name, is_readable=False, reason=str(error))
            except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError) as error:
                return ZipFacts(name, is_readable=False, reason=str(error), is_broken=is_zip)
    except OSError:
        return None  # nobody has looked into it; the survey says why
    return ZipFacts(
        name,
        is_readable=bad is None,
        reason=f"the entry {bad} is damaged" if bad else "",
        is_broken=bad is not None,
        is_encrypted=any(info.flag_bits & 1 for info in infos),
        has_stored_with_descriptor=any(
            info.flag_bits & 8 and info.compress_type == zipfile.ZIP_STORED for info in infos
        ),
        inner_archives=tuple(info.filename for info in infos if info.filename.endswith(_INNER)),
        entries=tuple(info.filename for info in infos),
    )


def _siblings(path: Path, objects: tuple[LocalObject, ...], stop: Event) -> tuple[Sibling, ...]:
    """Find folders beside the source that hold more of its studies (LOC-06); looks one level up, and not far."""
    studies = {one.study_instance_uid for one in objects} - {""}
    known = {one.sop_instance_uid for one in objects}
    if not studies:
        return ()
    found: list[Sibling] = []
    for folder in _beside(path):
        if stop.is_set():
            raise SurveyStopped
        files = _plain_files(folder)
        first = next((study for study, _ in map(_uids, files[:2]) if study), "")
        if first in studies:
            uids = {uid for study, uid in map(_uids, files) if study == first} - known
            if uids:
                found.append(Sibling(folder, first, tuple(sorted(uids))))
    return tuple(found)


def _beside(path: Path) -> Iterator[Path]:
    """Give the folders below the parent of the source that are not in the source, up to four levels deep."""
    root, own = path.resolve().parent, path.resolve()
    count = 0
    for place, names, _ in os.walk(root):
        folder = Path(place)
        names[:] = sorted(name for name in names if not name.startswith(".") and folder / name != own)
        if len(folder.relative_to(root).parts) >= 4:
            names.clear()
        if folder != root:
            count += 1
            if count > _MOST_BESIDE:
                return
            yield folder


def _plain_files(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    except OSError:
        return []


def _uids(path: Path) -> tuple[str, str]:
    try:
        header = read_header(path)
    except (OSError, UnreadableDicom):
        return "", ""
    return (header.study_instance_uid, header.sop_instance_uid) if header else ("", "")
