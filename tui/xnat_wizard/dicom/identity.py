"""Check who the images belong to: patients within a subject folder, studies over several, series within a study.

The folder decides who the subject is. That a patient ID differs from the folder's name, is blank, or is the same
everywhere is normal in de-identified data; only a mixture within one subject folder is suspicious.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from xnat_wizard.dicom import structure
from xnat_wizard.dicom.gather import Batch, Gathered
from xnat_wizard.dicom.remarks import add_for_batch


def check_identities(found: Gathered) -> None:
    """Note mixtures of patients, studies and series, and hold back what needs a yes."""
    batches = [batch for batch in found.batches.values() if batch.instances]
    by_subject = _by(batches, lambda batch: batch.subject_folder)
    for subject, inside in by_subject.items():
        if subject:
            _check_patients(subject, inside, found)
    _check_studies_over_subjects(batches, found)
    for folder, inside in _by(batches, lambda batch: batch.folder).items():
        if not inside[0].position.misfit:
            _check_folder(folder, inside, found)
    for inside in by_subject.values():
        _check_sessions(inside, found)
        _check_series(inside, found)


def _by(batches: Iterable[Batch], key: Callable[[Batch], str]) -> dict[str, list[Batch]]:
    groups: dict[str, list[Batch]] = defaultdict(list)
    for batch in batches:
        groups[key(batch)].append(batch)
    return groups


def _plain(name: str) -> str:
    """Return a name without case, punctuation and spacing."""
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _check_patients(subject: str, inside: list[Batch], found: Gathered) -> None:
    weights: Counter[str] = Counter()
    for batch in inside:
        weights[_plain(batch.first.patient_id)] += len(batch.instances)
    del weights[""]
    if not weights:
        for batch in inside:
            weights[_plain(batch.first.patient_name)] += len(batch.instances)
        del weights[""]
    own = _own(subject, weights)
    own_names = {
        _plain(batch.first.patient_name)
        for batch in inside
        if _plain(batch.first.patient_id or batch.first.patient_name) == own
    } - {""}
    for batch in inside:
        patient_id, name = _plain(batch.first.patient_id), _plain(batch.first.patient_name)
        is_other = patient_id != own if patient_id else bool(name and own_names and name not in own_names | {own})
        if own is not None and is_other:
            batch.hold(structure.OTHER_PATIENT)
            shown = batch.first.patient_id or batch.first.patient_name
            add_for_batch(structure.OTHER_PATIENT, batch, f'patient "{shown}"', found)
    if own and len(own_names) > 1:
        found.faults.add(structure.NAMES_DIFFER, inside[0].position.subject_path, f"{len(own_names)} spellings")


def _own(subject: str, weights: Counter[str]) -> str | None:
    """Return the patient a subject folder belongs to: the one it is named after, else the one with most images.

    `None` when nothing can be told: no patient at all. Where several are equally heavy, nobody's is a value that
    matches none, so that all are asked about.
    """
    if not weights:
        return None
    if _plain(subject) in weights:
        return _plain(subject)
    ranked = weights.most_common(2)
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return "\0"
    return ranked[0][0]


def _check_studies_over_subjects(batches: list[Batch], found: Gathered) -> None:
    for inside in _by(batches, lambda batch: batch.first.study_instance_uid).values():
        subjects = sorted({batch.subject_folder for batch in inside} - {""})
        if len(subjects) < 2 or all(structure.SUBJECT_CHOSEN in batch.held_by for batch in inside):
            continue
        count = sum(len(batch.instances) for batch in inside)
        remark = f"study of {inside[0].first.study_date or 'unknown date'}, {count} files"
        last = next(batch for batch in inside if batch.subject_folder == subjects[-1])
        found.faults.add(structure.STUDY_IN_TWO_SUBJECTS, last.position.subject_path, " and ".join(subjects), remark)
        for batch in inside:
            batch.hold(structure.STUDY_IN_TWO_SUBJECTS)


def _check_folder(folder: str, inside: list[Batch], found: Gathered) -> None:
    """Check one series folder for several studies or series; what another patient's images explain is not repeated."""
    own = [batch for batch in inside if structure.OTHER_PATIENT not in batch.held_by]
    studies = {batch.first.study_instance_uid for batch in own}
    count = sum(len(batch.instances) for batch in own)
    name = folder.rpartition("/")[2]
    if len(studies) > 2 and len(studies) == count:
        for batch in own:
            batch.hold(structure.STUDY_PER_FILE)
            add_for_batch(structure.STUDY_PER_FILE, batch, "", found)
    elif not found.layout.names_series:
        return
    elif len(studies) > 1:
        found.faults.add(structure.STUDIES_IN_SERIES_FOLDER, folder, name, f"{len(studies)} studies")
    elif len({(batch.first.series_instance_uid, batch.first.series_number) for batch in own}) > 1:
        for batch in own:
            words = f"series {batch.first.series_number or 'without number'} {batch.first.series_description}".strip()
            found.faults.add(structure.TWO_SERIES, folder, words, f"{len(batch.instances)} files")


def _check_sessions(inside: list[Batch], found: Gathered) -> None:
    """Check the session folders of a subject, where the layout has any: one study in each, each study in one."""
    sessions, studies = defaultdict(list), defaultdict(set)
    for batch in inside:
        if batch.session_folder:
            sessions[batch.first.study_instance_uid].append(batch)
            studies[batch.session_folder].add(batch.first.study_instance_uid)
    place = inside[0].position.subject_path
    for batches in sessions.values():
        names = sorted({batch.session_folder for batch in batches})
        if len(names) > 1:
            found.faults.add(structure.STUDY_IN_TWO_SESSIONS, place, " and ".join(names))
            for batch in batches:
                batch.hold(structure.STUDY_IN_TWO_SESSIONS)
    for name, uids in studies.items():
        if len(uids) > 1:
            found.faults.add(structure.STUDIES_IN_SESSION, place, name, f"{len(uids)} studies")


def _check_series(inside: list[Batch], found: Gathered) -> None:
    """Check the series of a subject folder: split over folders, numbers or UIDs used twice."""
    folders, numbers, uids = defaultdict(set), defaultdict(set), defaultdict(set)
    for batch in inside:
        header = batch.first
        uid_and_number = (header.study_instance_uid, header.series_instance_uid, header.series_number)
        folders[uid_and_number].add(batch.position.branch)
        if header.series_number:
            numbers[header.study_instance_uid, header.series_number].add(header.series_instance_uid)
        uids[header.study_instance_uid, header.series_instance_uid].add(header.series_number)
    subject = inside[0].position.subject_path
    for (_, _, number), branches in folders.items():
        if len(branches) > 1 and found.layout.names_series:
            names = ", ".join(sorted(branch.rpartition("/")[2] for branch in branches))
            found.faults.add(structure.SERIES_SPLIT, subject, f"series {number or 'without number'}", f"in {names}")
    for (_, number), series in numbers.items():
        if len(series) > 1:
            found.faults.add(structure.SERIES_NUMBER_TWICE, subject, f"number {number}", f"{len(series)} series")
    for used in uids.values():
        if len(used) > 1:
            found.faults.add(structure.SERIES_UID_TWICE, subject, f"numbers {', '.join(sorted(used))}")
