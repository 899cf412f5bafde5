"""What a journal knows of each series and each file beyond their numbers, for a receipt that others can read."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from xnat_wizard.upload import plan_file
from xnat_wizard.upload.records import OTHER_BYTES


class FileFact(NamedTuple):
    """One local file: what was planned of it, and what was seen of it."""

    path: str  # below the source
    size_bytes: int
    sop_instance_uid: str  # as it travels
    fate: str
    proof: str
    session: str  # its label
    scan_id: str
    where: str  # the session's URI
    md5: str  # of what travels
    remark: str
    local_sop_instance_uid: str  # as the file on disk has it

    @property
    def is_renamed(self) -> bool:
        """Tell whether it travels under another UID."""
        return self.local_sop_instance_uid != self.sop_instance_uid


@dataclass(frozen=True, slots=True)
class SeriesFact:
    """One series, or one PAR/REC pair, of a session."""

    subject: str
    session: str
    study_instance_uid: str  # as the files on disk have it
    study_uid_sent: str
    uri: str
    series_instance_uid: str
    number: str
    description: str
    modality: str
    sop_classes: tuple[str, ...]
    transfer_syntaxes: tuple[str, ...]
    fates: dict[str, int]
    scan_ids: tuple[str, ...]
    missing: tuple[str, ...]  # SOP Instance UIDs, at most MISSING_NAMED
    other_bytes: int  # files that are stored with other bytes than here, whatever the reason
    copies: int  # further local files with the same images, which were not sent


MISSING_NAMED = 1000


def file_facts(database: sqlite3.Connection) -> Iterator[FileFact]:
    """Give every file, in the order of the plan; one row in memory."""
    rows = database.execute(
        "SELECT f.path, f.size_bytes, f.sop_instance_uid, f.fate, f.proof, s.session_label, f.scan_id, s.uri, f.md5,"
        " f.remark, iif(f.local_sop_instance_uid = '', f.sop_instance_uid, f.local_sop_instance_uid)"
        " FROM file f JOIN session s ON s.id = f.session_id ORDER BY f.id"
    )
    return (FileFact(plan_file.text_path(row[0]), *row[1:]) for row in rows)


def series_facts(database: sqlite3.Connection) -> Iterator[SeriesFact]:
    """Give every series, in the order of the plan."""
    rows = database.execute(
        "SELECT e.id, s.subject_label, s.session_label, s.study_instance_uid, s.uri, e.plan, e.number, e.description,"
        " e.modality, s.plan FROM series e JOIN session s ON s.id = e.session_id ORDER BY e.id"
    ).fetchall()
    for series_id, subject, session, study, uri, plan, number, description, modality, whole in rows:
        head = json.loads(plan)
        fates = database.execute("SELECT fate, count(*) FROM file WHERE series_id = ? GROUP BY fate", (series_id,))
        missing = database.execute(
            "SELECT sop_instance_uid FROM file WHERE series_id = ? AND fate <> 'stored' AND sop_instance_uid <> ''"
            " ORDER BY id LIMIT ?",
            (series_id, MISSING_NAMED),
        )
        (others,) = database.execute(
            "SELECT count(*) FROM file WHERE series_id = ? AND fate = 'stored' AND remark = ?",
            (series_id, OTHER_BYTES),
        ).fetchone()
        yield SeriesFact(
            subject,
            session,
            str(json.loads(whole).get("study_instance_uid", study)),
            study,
            uri,
            str(head.get("series_instance_uid", "")),
            number,
            description,
            modality,
            _different(database, "sop_class_uid", series_id),
            _different(database, "transfer_syntax_uid", series_id),
            dict(fates.fetchall()),
            _different(database, "scan_id", series_id),
            tuple(uid for (uid,) in missing),
            others,
            int(head.get("copies", 0)),
        )


def _different(database: sqlite3.Connection, column: str, series_id: int) -> tuple[str, ...]:
    rows: list[tuple[Any]] = database.execute(
        f"SELECT DISTINCT {column} FROM file WHERE series_id = ? AND {column} <> '' ORDER BY 1",  # noqa: S608  a name of ours
        (series_id,),
    ).fetchall()
    return tuple(str(value) for (value,) in rows)
