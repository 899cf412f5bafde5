"""The mapping of an upload that was de-identified on its way: it leads back, and is made only when asked for."""

import csv
from collections.abc import Iterator
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.deidentify.choice import Keep, Sealed
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.receipt_files import private_file

Row = tuple[str, str, str, str]  # what it is, as here, as sent, in which session


def write(journal: Journal, path: Path) -> int:
    """Write the mapping as CSV that only this person can read; return the number of rows.

    Raises:
        OSError: it cannot be written.
        Problem: `deidentify.no_map` when the files went as they are.
    """
    sealed = Sealed.decoded(journal.deidentification)
    if sealed is None:
        raise Problem(_no_map(journal))
    count = 0
    with private_file(path, errors="surrogateescape") as file:
        table = csv.writer(file)
        table.writerow(("what", "here", "sent", "session"))
        for count, row in enumerate(rows(journal, sealed), start=1):  # noqa: B007  the last number is the count
            table.writerow(row)
    return count


def rows(journal: Journal, sealed: Sealed) -> Iterator[Row]:
    """Give the mapping: patients, dates, studies, series, instances, names of PAR/REC files; a row in memory."""
    pseudonyms = Pseudonyms(sealed.key)
    plan = journal.plan()
    told: set[Row] = set()
    for session in plan.included:
        label, name = session.subject_label, session.session_label
        for series in session.series:
            for row in (
                ("Patient ID", series.patient_id, label, name),
                ("Patient's Name", series.patient_name, label, name),
                ("Study Instance UID", series.study_instance_uid, pseudonyms.uid(series.study_instance_uid), name),
                ("Series Instance UID", series.series_instance_uid, pseudonyms.uid(series.series_instance_uid), name),
            ):
                if row not in told and row[1]:
                    told.add(row)
                    yield row
        if Keep.SHIFTED_DATES in sealed.choice.keep:
            yield "Days that dates moved", "0", str(pseudonyms.days(label)), name
    for fact in journal.file_facts():
        if fact.sop_instance_uid:
            yield "SOP Instance UID", fact.local_sop_instance_uid, fact.sop_instance_uid, fact.session
    for path, name, label in journal.names_of_pairs():
        yield "PAR/REC file", path, name, label


def _no_map(journal: Journal) -> Finding:
    return Finding(
        "deidentify.no_map",
        f"Upload {journal.path.parent.name} has no mapping",
        "Its files went as they are: nothing was replaced on the way",
        ("Nothing to do: names and UIDs on the site are those of the files, unless a script there changed them",),
    )
