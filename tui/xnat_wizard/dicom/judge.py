"""Turn what was gathered into a survey: apply each rule, then make series and findings of the rest."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from threading import Event

from xnat_wizard.amounts import whole_number
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.copies import take_out_copies
from xnat_wizard.dicom.gather import Batch, Gathered
from xnat_wizard.dicom.identity import check_identities
from xnat_wizard.dicom.layers import Place, check_layers
from xnat_wizard.dicom.model import OtherFile, OtherKind, ParRecPair, Series, Survey
from xnat_wizard.dicom.parrec import BrokenPar, Candidates, NoPar, match, read_open_par
from xnat_wizard.dicom.remarks import add_for_batch, check_attributes, check_series
from xnat_wizard.findings import by_weight


def judge(source: Path, found: Gathered, stop: Event) -> Survey:
    """Apply the structure rules and return the survey; everything in a stable order.

    Raises:
        Stopped: the stop event was set.
    """
    check_attributes(found)
    pairs = _pairs(found)
    held = check_layers(found, (_place(pair) for pair in pairs))
    for batch in found.batches.values():
        if batch.folder in held:
            batch.hold(held[batch.folder])
        elif not batch.subject_folder:
            batch.hold(structure.NO_SUBJECT)
            add_for_batch(structure.NO_SUBJECT, batch, "", found)
    take_out_copies(found, stop)  # after the layers: a series in parts may overlap
    check_identities(found)
    pairs = [_hold(pair, held) for pair in pairs]
    series = _series(batch for batch in found.batches.values() if batch.instances)
    for one in series:
        check_series(one, found)
    if not series and not pairs:
        found.faults.add(structure.NO_IMAGES, "", "", _counts(found.others))
    return Survey(
        source=Path(found.source.root) if found.source.is_archive else source,
        series=series,
        pairs=tuple(pairs),
        others=tuple(sorted(found.others, key=lambda other: other.path)),
        findings=tuple(by_weight(found.faults.findings())),
        folder_count=found.folder_count,
        layout=found.layout,
    )


def _counts(others: Iterable[OtherFile]) -> str:
    counts: dict[str, int] = {}
    for other in others:
        counts[other.kind] = counts.get(other.kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _series(batches: Iterable[Batch]) -> tuple[Series, ...]:
    """Put the batches of a series together; one that is held back stays apart from the rest of its series."""
    groups: dict[tuple[str, ...], list[Batch]] = {}
    for batch in batches:
        header = batch.first
        key = (
            batch.subject_folder,
            header.study_instance_uid,
            header.series_instance_uid,
            header.series_number,
            header.patient_id,
            header.patient_name,
            *sorted(batch.held_by),
            *filter(None, [batch.session_folder]),
        )
        groups.setdefault(key, []).append(batch)
    all_series = [_one_series(key, group) for key, group in groups.items()]
    began: dict[str, str] = {}
    for series in all_series:
        when = f"{series.study_date} {series.study_time}"
        began[series.study_instance_uid] = min(when, began.get(series.study_instance_uid, when))
    return tuple(
        sorted(
            all_series,
            key=lambda one: (one.subject_folder, one.session_folder, began[one.study_instance_uid], *_order(one)),
        )
    )


def _one_series(key: tuple[str, ...], batches: list[Batch]) -> Series:
    header = batches[0].first
    instances = sorted((instance for batch in batches for instance in batch.instances), key=lambda item: item.path)
    return Series(
        key=hashlib.blake2s(os.fsencode("\0".join(key)), digest_size=8).hexdigest(),
        subject_folder=batches[0].subject_folder,
        folders=tuple(sorted({batch.folder for batch in batches})),
        study_instance_uid=header.study_instance_uid,
        series_instance_uid=header.series_instance_uid,
        series_number=header.series_number,
        series_description=header.series_description,
        modality=header.modality,
        study_date=header.study_date,
        study_time=header.study_time,
        study_description=header.study_description,
        patient_id=header.patient_id,
        patient_name=header.patient_name,
        manufacturer=header.manufacturer,
        instances=tuple(instances),
        held_by=tuple(sorted(set(batches[0].held_by))),
        session_folder=batches[0].session_folder,
        accession_number=header.accession_number,
        copies=sum(batch.copies for batch in batches),
    )


def _order(series: Series) -> tuple[str, int, str, str]:
    number = whole_number(series.series_number) or 0
    return (series.study_instance_uid, number, series.folders[0], series.key)


def _place(pair: ParRecPair) -> Place:
    return Place(pair.folder, pair.par_path, (pair.par_path.rpartition("/")[2], pair.rec_path.rpartition("/")[2]))


def _hold(pair: ParRecPair, held: dict[str, str]) -> ParRecPair:
    if pair.folder not in held:
        return pair if pair.subject_folder else replace(pair, held_by=(structure.NO_SUBJECT,))
    return replace(pair, held_by=(held[pair.folder],))


def _pairs(found: Gathered) -> list[ParRecPair]:
    """Check the PAR/REC candidates; what is no whole pair becomes an other file with a fault."""
    checked = (_pair(candidates, found) for candidates in match(found.candidates))
    return [pair for pair in checked if pair]


def _pair(candidates: Candidates, found: Gathered) -> ParRecPair | None:
    par, rec = candidates.par_path, candidates.rec_path
    folder, _, name = (par or rec).rpartition("/")
    rec_size_bytes = found.candidates.get(rec, 0)
    if not par:
        _leave(found, structure.PARREC_PARTNER, {rec: "its PAR is missing"})
        return None
    partner_remark = {rec: "its PAR cannot be used"} if rec else {}
    try:
        with found.source.open(par) as file:
            header = read_open_par(file)
    except NoPar:
        found.others.append(OtherFile(par, found.candidates[par], OtherKind.NOT_DICOM, "it is no PAR header"))
        found.faults.add(structure.PARREC_BROKEN, folder, name, "is no PAR header")
        _leave(found, structure.PARREC_PARTNER, partner_remark)
        return None
    except BrokenPar as error:
        _leave(found, structure.PARREC_BROKEN, {par: str(error)})
        _leave(found, structure.PARREC_PARTNER, partner_remark)
        return None
    except OSError as error:
        _leave(found, structure.UNREADABLE, {par: f"it cannot be read: {error.strerror}"})
        _leave(found, structure.PARREC_PARTNER, partner_remark)
        return None
    if not rec:
        _leave(found, structure.PARREC_PARTNER, {par: "its REC is missing"})
        return None
    if rec_size_bytes != header.rec_size_bytes:
        remark = f"the REC has {rec_size_bytes} bytes, the PAR describes {header.rec_size_bytes}"
        found.others.append(OtherFile(par, found.candidates[par], OtherKind.PARREC, "its REC does not fit"))
        _leave(found, structure.PARREC_SIZE, {rec: remark})
        return None
    if candidates.is_case_odd:
        found.faults.add(structure.PARREC_CASE, folder, name, f"with {rec.rpartition('/')[2]}")
    position = found.layout.position(folder, header.patient_name)
    if not position.subject and not position.misfit:
        found.faults.add(structure.NO_SUBJECT, folder, name)
    return ParRecPair(
        subject_folder=position.subject,
        session_folder=position.session,
        folder=folder,
        par_path=par,
        rec_path=rec,
        par_size_bytes=found.candidates[par],
        rec_size_bytes=rec_size_bytes,
        version=header.version,
        protocol_name=header.protocol_name,
        study_date=header.study_date,
        acquisition_number=header.acquisition,
    )


def _leave(found: Gathered, code: str, remarks: dict[str, str]) -> None:
    """Note files that are not sent, and why."""
    for path, remark in remarks.items():
        folder, _, name = path.rpartition("/")
        found.others.append(OtherFile(path, found.candidates[path], OtherKind.PARREC, remark))
        found.faults.add(code, folder, name, remark)
