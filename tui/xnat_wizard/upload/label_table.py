"""A table of labels as a CSV file: which subject and session label each session of a plan gets.

The first row names the columns. At least one column says which sessions a row is about, and at least one gives a
label; the order, other columns, and whether commas, semicolons or tabs stand between are free.
"""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.upload.model import Plan

LIMIT_BYTES = 16 * 1024 * 1024
PLACES = ("subject_folder", "session_folder", "patient_id", "study_date", "study_instance_uid")  # which sessions
TEMPLATE = ("subject_folder", "session_folder", "patient_id", "study_date", "modality", "study_instance_uid")
LABELS = ("subject_label", "session_label")

_NAMES = {  # what people write for a column, small and without signs
    **{name.replace("_", ""): name for name in (*PLACES, *LABELS)},
    "folder": "subject_folder",
    "patient": "patient_id",
    "studyuid": "study_instance_uid",
    "date": "study_date",
    "subject": "subject_label",
    "session": "session_label",
}
_TOLD = frozenset({"modality"})  # written into the template to read, and not looked at again
_DELIMITERS = ",;\t|"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")  # what a spreadsheet would run, or take for such a mark


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table."""

    line: int  # in the file
    places: tuple[tuple[str, str], ...]  # (field, value): all of them must fit; some of `PLACES`
    subject_label: str  # "" where the row leaves it as it is
    session_label: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a file of labels says."""

    name: str  # of the file
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()


def comparable(field: str, value: str) -> str:
    """Return a value of a plan or a table so that equal ones are equal: dates as digits, letters composed."""
    value = unicodedata.normalize("NFC", value.strip())
    if field == "study_date":
        return re.sub(r"[-./ ]", "", value)
    return value.strip("/") if field.endswith("folder") else value


def read_table(path: Path) -> Table:
    """Read a table of labels.

    Raises:
        Problem: `label.bad_table` when it is none.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        raise _bad(path, f"It is longer than {LIMIT_BYTES // 1024 // 1024} MiB")
    text = _decoded(data)
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda sign: len(_columns(head.split(sign))))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, [_cell(cell) for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise _bad(path, f"Line {reader.line_num}: {error}") from None
    if not rows:
        raise _bad(path, "It is empty")
    names = rows[0][1]
    columns = _columns(names)
    if not set(columns.values()) & set(PLACES):
        raise _bad(path, f"No column says which sessions a row is about: none is called {', '.join(PLACES)}")
    if not set(columns.values()) & set(LABELS):
        raise _bad(path, "No column gives a label: none is called subject_label or session_label")
    if len(set(columns.values())) < len(columns):
        raise _bad(path, "Two of its columns mean the same")
    findings = [_ignored(path, [name for at, name in enumerate(names) if at not in columns and name])]
    entries = []
    for line, cells in rows[1:]:
        values = {field: cells[at].strip() for at, field in columns.items() if at < len(cells)}
        entry = Entry(
            line,
            tuple((field, comparable(field, values[field])) for field in PLACES if values.get(field)),
            values.get("subject_label", ""),
            values.get("session_label", ""),
        )
        if entry.places:
            entries.append(entry)
        else:
            findings.append(_placeless(path.name, line))
    return Table(path.name, tuple(entries), tuple(finding for finding in findings if finding))


def write_template(plan: Plan, path: Path, values: Mapping[str, Mapping[str, str]]) -> None:
    """Write a table with one row a session, the labels as they are now, to be changed and read again.

    A cell that a spreadsheet would run as a formula gets a `'` in front, which reading takes away.

    Args:
        plan: the sessions.
        path: a file that does not exist yet; only this person can read it.
        values: what is known of each session, by its key.

    Raises:
        Problem: `label.template_exists`.
        OSError: the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow((*TEMPLATE, *LABELS))
    for session in plan.sessions:
        known = {**values[session.key], "subject_folder": session.subject_folder}
        cells = [known[name] for name in TEMPLATE]
        writer.writerow([_harmless(cell) for cell in (*cells, session.subject_label, session.session_label)])
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Problem(
            Finding(
                "label.template_exists",
                "The table of labels is there already",
                "It may hold labels that you typed, so it is not written over",
                ("Give another name", "Or use it as it is: --labels"),
                where=str(path),
            )
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", errors="replace", newline="") as file:
        file.write(text.getvalue())


def _decoded(data: bytes) -> str:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # spreadsheets of Western Windows
        return data.decode("cp1252", "replace")


def _columns(names: list[str]) -> dict[int, str]:
    small = [re.sub(r"[^a-z]", "", name.lower()) for name in names]
    return {at: _NAMES[name] for at, name in enumerate(small) if name in _NAMES}


def _harmless(cell: str) -> str:
    if not cell.isascii() and cell.encode("utf-8", "replace").decode() != cell:
        return ""  # bytes of a name that no table can hold; the other cells tell the session
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cell(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _bad(path: Path, why: str) -> Problem:
    return Problem(
        Finding(
            "label.bad_table",
            f"`{path.name}` is no table of labels",
            why,
            (
                "Let `xnat-wizard plan --labels-template FILE.csv` write one, and fill it in",
                "Or name the columns in the first row, for instance: subject_folder;subject_label;session_label",
            ),
            where=str(path),
        )
    )


def _ignored(path: Path, names: list[str]) -> Finding | None:
    unknown = [name for name in names if re.sub(r"[^a-z]", "", name.lower()) not in _TOLD]
    if not unknown:
        return None
    return Finding(
        "label.ignored_column",
        f"The table has columns that are not used: {', '.join(unknown)}",
        f"Known are {', '.join((*PLACES, *LABELS))}",
        ("Nothing to do, unless one of them was meant",),
        where=path.name,
        severity=Severity.NOTE,
    )


def _placeless(name: str, line: int) -> Finding:
    return Finding(
        "label.row_unknown",
        f"Line {line} of the table does not say which session it is about",
        "Its cells for folder, patient ID, date and study are all empty",
        ("Fill in one of them",),
        where=f"{name}:{line}",
        severity=Severity.ASK,
    )
