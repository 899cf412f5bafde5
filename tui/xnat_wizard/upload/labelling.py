"""Label all sessions of a plan at once: by folders, by headers, by patterns, or by a table.

A rule asks for labels; what becomes of them is XNAT's rule (wire contract 4.1): every other character is replaced, and
a session label stands once in a plan, case aside. Where both differ, a finding tells it. Sessions that a rule has
nothing to say of keep their labels, with a finding. Texts that differ stay different subjects, equal ones are one.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.upload import label_table
from xnat_wizard.upload.label_pattern import NUMBER, SUBJECT, Pattern, Unfilled
from xnat_wizard.upload.label_table import Entry, Table
from xnat_wizard.upload.labels import clean_label, distinct_labels, unique_labels, with_suffix
from xnat_wizard.upload.model import Plan, PlannedSession
from xnat_wizard.upload.plan import session_folder_label

_HEADERS = ("patient_id", "patient_name", "study_description", "accession_number")


@dataclass(frozen=True, slots=True)
class ByPattern:
    """Labels by patterns; without one for sessions, they are named as in a new plan, after their subject."""

    subjects: Pattern
    sessions: Pattern | None = None

    @classmethod
    def parse(cls, subjects: str, sessions: str = "") -> "ByPattern":
        """Return the rule of two texts; empty ones stand for the folder, and for the names of a new plan.

        Raises:
            Problem: `label.bad_pattern`.
        """
        return cls(
            Pattern.parse(subjects.strip() or "{folder}", is_for_subjects=True),
            Pattern.parse(sessions) if sessions.strip() else None,
        )


BY_FOLDER = ByPattern.parse("{folder}")
BY_HEADER = ByPattern.parse("{patient_id}")

Rule = ByPattern | Table
Values = Mapping[str, str]


class _Wish(NamedTuple):
    """What a rule wants for one session; `None`: its label of now."""

    subject: str | None
    session: str | Pattern | None  # a pattern when the subject must be known first
    is_new: bool = True  # False: this session keeps both labels as they are
    group: str = ""  # texts of two groups are two subjects even when they are equal


def relabel(plan: Plan, rule: Rule) -> tuple[Plan, tuple[Finding, ...]]:
    """Give every session the labels that a rule asks for; all else stays as it is.

    Returns the plan and what is to be said, the heaviest first. Every label is legal, and session labels are distinct.
    """
    findings: list[Finding] = []
    values = {session.key: known_values(plan, session) for session in plan.sessions}
    wishes = _by_table(plan, rule, findings) if isinstance(rule, Table) else _by_pattern(plan, rule, values, findings)
    subjects = _subject_labels(plan, wishes, findings)
    asked = _asked_sessions(plan, wishes, subjects, values, findings)
    sessions = _session_labels(plan, asked, findings)
    relabelled = replace(
        plan,
        sessions=tuple(
            replace(one, subject_label=subjects[one.key], session_label=sessions[one.key]) for one in plan.sessions
        ),
    )
    severity = Severity.NOTE if isinstance(rule, Table) else Severity.ASK  # a table was written with open eyes
    findings += _merged_and_split(relabelled, severity)
    return relabelled, tuple(by_weight(findings))


def known_values(plan: Plan, session: PlannedSession) -> dict[str, str]:
    """Return what a pattern or a table may ask of a session; "" where the headers are silent or do not agree."""
    series = session.series or session.left_out
    headers = {name: {getattr(one, name).strip(" ^") for one in series} - {""} for name in _HEADERS}
    return {
        "folder": session.subject_folder or plan.source.name,
        "subject_folder": session.subject_folder,
        "session_folder": session.session_folder,
        "study_date": session.study_date,
        "study_instance_uid": session.study_instance_uid,
        "modality": session.modality,
        **{name: min(found) if len(found) == 1 else "" for name, found in headers.items()},
    }


def write_template(plan: Plan, path: Path) -> None:
    """Write a table of a plan's labels, to be filled in and read again; see `label_table.write_template`."""
    label_table.write_template(plan, path, {one.key: known_values(plan, one) for one in plan.sessions})


# -- what a rule asks for ----------------------------------------------------------------------------


def _by_pattern(plan: Plan, rule: ByPattern, values: Mapping[str, Values], findings: list[Finding]) -> dict[str, _Wish]:
    wishes = {}
    asked_of = rule.subjects.fields | (rule.sessions.fields if rule.sessions else frozenset())
    rests: dict[str, dict[str, int]] = defaultdict(dict)  # subjects by folder, counted where their rest is equal
    for session in plan.sessions:
        known = values[session.key]
        try:
            rest = rule.subjects.fill({**known, NUMBER: "0"})
            alike = rests[clean_label(rest).casefold()]
            number = alike.setdefault(known["subject_folder"], len(alike) + 1)
            subject = rule.subjects.fill({**known, NUMBER: str(number)})
            if rule.sessions and SUBJECT not in rule.sessions.fields:
                rule.sessions.fill({**known, NUMBER: "0"})
        except Unfilled as unfilled:
            findings.append(_no_value(session, _doubt(session, asked_of) or unfilled.reason))
            wishes[session.key] = _Wish(None, None, is_new=False)
        else:
            is_loose = not session.subject_folder and "folder" in rule.subjects.fields
            wishes[session.key] = _Wish(subject, rule.sessions, group="loose" if is_loose else "")
    return wishes


def _doubt(session: PlannedSession, fields: frozenset[str]) -> str:
    """Say which header of a session has several values, so that none can be taken."""
    series = session.series or session.left_out
    for name in sorted(fields.intersection(_HEADERS)):
        found = {getattr(one, name).strip(" ^") for one in series} - {""}
        if len(found) > 1:
            return f"Its series have {len(found)} different values of {name}"
    return ""


def _by_table(plan: Plan, table: Table, findings: list[Finding]) -> dict[str, _Wish]:
    findings += table.findings
    fitting: dict[str, list[Entry]] = defaultdict(list)
    kinds = dict.fromkeys(tuple(field for field, _ in entry.places) for entry in table.entries)
    indexes: dict[tuple[str, ...], dict[tuple[tuple[str, str], ...], list[str]]] = {}
    for fields in kinds:
        index = indexes[fields] = defaultdict(list)
        for session in plan.sessions:
            known = known_values(plan, session)
            index[tuple((field, label_table.comparable(field, known[field])) for field in fields)].append(session.key)
    for entry in table.entries:
        keys = indexes[tuple(field for field, _ in entry.places)].get(entry.places, [])
        for key in keys:
            fitting[key].append(entry)
        if not keys:
            findings.append(_unknown_row(table, entry))
    return {session.key: _of_rows(table, session, fitting[session.key], findings) for session in plan.sessions}


def _of_rows(table: Table, session: PlannedSession, rows: list[Entry], findings: list[Finding]) -> _Wish:
    """Return what the table wants for a session: the rows that say most about it count."""
    most = max((len(row.places) for row in rows), default=0)
    rows = [row for row in rows if len(row.places) == most]
    wanted = {(row.subject_label, row.session_label) for row in rows}
    if len(rows) > 1:
        findings.append(_row_twice(table, session, rows, is_agreed=len(wanted) == 1))
    if len(wanted) == 1 and (labels := wanted.pop()) != ("", ""):
        subject, label = labels
        is_renamed = bool(subject) and subject != session.subject_label
        return _Wish(subject or None, label or (None if is_renamed else session.session_label))
    if len(rows) <= 1:
        findings.append(_no_row(table, session, rows))
    return _Wish(None, None, is_new=False)


# -- what becomes of it ------------------------------------------------------------------------------


def _subject_labels(plan: Plan, wishes: Mapping[str, _Wish], findings: list[Finding]) -> dict[str, str]:
    texts: dict[str, list[str]] = defaultdict(list)  # by group, in order
    for session in plan.sessions:
        wish = wishes[session.key]
        texts[wish.group].append(session.subject_label if wish.subject is None else wish.subject)
    labels: dict[tuple[str, str], str] = {}
    for group in sorted(texts):
        made = unique_labels(texts[group], taken=list(labels.values()))
        labels |= {(group, text): label for text, label in made.items()}
        findings += [_changed("subject", text, label) for text, label in made.items() if text != label]
    return {
        session.key: labels[wish.group, session.subject_label if wish.subject is None else wish.subject]
        for session in plan.sessions
        for wish in (wishes[session.key],)
    }


def _asked_sessions(
    plan: Plan,
    wishes: Mapping[str, _Wish],
    subjects: Mapping[str, str],
    values: Mapping[str, Values],
    findings: list[Finding],
) -> dict[str, str]:
    """Return the text that each session label is to be made of, `{n}` counted by date."""
    asked = {}
    counts: dict[str, int] = defaultdict(int)
    in_order = sorted(plan.sessions, key=lambda one: (not one.study_instance_uid, one.study_date))  # stable
    for session in in_order:
        wish = wishes[session.key]
        subject = subjects[session.key]
        if not wish.is_new:
            asked[session.key] = session.session_label
        elif isinstance(wish.session, str):
            asked[session.key] = wish.session
        else:
            known = {**values[session.key], SUBJECT: subject}
            try:
                asked[session.key] = _filled(wish.session, known, counts) if wish.session else ""
            except Unfilled as unfilled:
                findings.append(_no_value(session, unfilled.reason, is_subject_labelled=True))
        if not asked.get(session.key):
            asked[session.key] = _house_label(session, subject, counts)
    return asked


def _filled(pattern: Pattern, known: Values, counts: dict[str, int]) -> str:
    rest = clean_label(pattern.fill({**known, NUMBER: "0"})).casefold()
    counts[rest] += 1
    return pattern.fill({**known, NUMBER: str(counts[rest])})


def _house_label(session: PlannedSession, subject: str, counts: dict[str, int]) -> str:
    """Name a session as a new plan does: after its folder, or by its modality and the number of the visit."""
    alike = f"{subject.casefold()}\0{session.modality}"
    counts[alike] += 1
    if session.session_folder:
        return session_folder_label(subject, session.session_folder)
    return with_suffix(subject, f"_{session.modality}{counts[alike]}")


def _session_labels(plan: Plan, asked: Mapping[str, str], findings: list[Finding]) -> dict[str, str]:
    """Make the asked texts legal and distinct; those that are legal already keep themselves, as far as they can."""
    in_order = sorted(plan.sessions, key=lambda one: clean_label(asked[one.key]) != asked[one.key])  # stable
    made = distinct_labels(asked[session.key] for session in in_order)
    labels = {session.key: label for session, label in zip(in_order, made, strict=True)}
    findings += [
        _changed("session", asked[session.key], labels[session.key], where=session.subject_folder)
        for session in plan.sessions
        if labels[session.key] != asked[session.key]
    ]
    return labels


# -- what is to be said ------------------------------------------------------------------------------


def _changed(kind: str, text: str, label: str, where: str = "") -> Finding:
    if label == clean_label(text):
        why = "XNAT takes letters without accents, digits, `_` and `-`, at most 64 characters"
    else:
        why = f"Another {kind} of the plan has this label, or one that XNAT does not tell from it"
    return Finding(
        "label.changed",
        f"`{text}` becomes {kind} `{label}`",
        why,
        ("Nothing to do, unless another label is wanted",),
        where=where,
        severity=Severity.NOTE,
    )


def _no_value(session: PlannedSession, reason: str, *, is_subject_labelled: bool = False) -> Finding:
    instead = "it is named after its subject" if is_subject_labelled else "it keeps its own"
    return Finding(
        "label.no_value",
        f"The pattern has no label for session `{session.session_label}`, so {instead}",
        reason,
        ("Edit its labels by hand", "Or take another pattern"),
        where=session.subject_folder,
        severity=Severity.ASK,
    )


def _unknown_row(table: Table, entry: Entry) -> Finding:
    said = ", ".join(f"{field} `{value}`" for field, value in entry.places)
    return Finding(
        "label.row_unknown",
        f"Line {entry.line} of the table fits no session of the plan",
        f"No session has {said}",
        ("Compare it with the plan; spreadsheets drop zeros in front and round long numbers", "Or delete the line"),
        where=f"{table.name}:{entry.line}",
        severity=Severity.ASK,
    )


def _row_twice(table: Table, session: PlannedSession, rows: list[Entry], *, is_agreed: bool) -> Finding:
    lines = ", ".join(str(row.line) for row in rows)
    return Finding(
        "label.row_twice",
        f"{len(rows)} lines of the table are about session `{session.session_label}`"
        + ("" if is_agreed else ", so it keeps its labels"),
        f"Lines {lines} say {'the same' if is_agreed else 'different things'}",
        ("Delete all but one",),
        where=f"{table.name}:{rows[0].line}",
        severity=Severity.NOTE if is_agreed else Severity.ASK,
    )


def _no_row(table: Table, session: PlannedSession, rows: list[Entry]) -> Finding:
    why = f"Line {rows[0].line} of the table gives it none" if rows else "No line of the table is about it"
    return Finding(
        "label.row_missing",
        f"The table has no label for session `{session.session_label}`, so it keeps its own",
        why,
        ("Add a label to the table", "Or leave the session out"),
        where=f"{table.name}:{rows[0].line}" if rows else session.subject_folder,
        severity=Severity.ASK,
    )


def _merged_and_split(plan: Plan, severity: Severity) -> list[Finding]:
    folders_of: dict[str, dict[str, None]] = defaultdict(dict)
    labels_of: dict[str, dict[str, None]] = defaultdict(dict)
    for session in plan.sessions:
        folders_of[session.subject_label][session.subject_folder or plan.source.name] = None
        labels_of[session.subject_folder][session.subject_label] = None
    merged = [
        Finding(
            "label.merged_folders",
            f"{len(folders)} folders become one subject, `{label}`",
            f"These are taken for one person: {', '.join(folders)}",
            ("Leave it if they are one person", "Otherwise take a rule that tells them apart"),
            where=", ".join(folders),
            severity=severity,
        )
        for label, folders in folders_of.items()
        if len(folders) > 1
    ]
    split = [
        Finding(
            "label.split_folder",
            f"Folder `{folder}` becomes {len(labels)} subjects: {', '.join(labels)}",
            "Its sessions have different subject labels",
            ("Leave it if they are different persons", "Otherwise give them one subject label"),
            where=folder,
            severity=severity,
        )
        for folder, labels in labels_of.items()
        if len(labels) > 1 and folder
    ]
    return merged + split
