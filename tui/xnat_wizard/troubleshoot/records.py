"""Reads what this program and other senders wrote down of a case: journals, receipts, logs (D0, Q34)."""

import csv
import json
import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.local_facts import Message, Sent, SentFate, SentFile
from xnat_wizard.troubleshoot.model import Evidence
from xnat_wizard.troubleshoot.sender_log import read_log
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.xnat.answers import error_text

_STATUS = re.compile(r"\banswered ([1-5]\d\d)\b|\bstatus(?: code)?[ :=]+([1-5]\d\d)\b")
_TYPED_STATUS = re.compile(  # a person may type nothing but the number; what is counted by it is no status
    r"(?<![\w.,:/-])([345]\d\d)(?![\w./-])(?!,\d)"
    r"(?!\s*(?:files?|images?|objects?|slices?|instances?|series|sessions?|scans?|subjects?|of|[kMG]?i?B|bytes|m?s|"
    r"sec\w*|min\w*|%)\b)"
)
_NAMED = re.compile(r"unable to read DICOM object ([^\n<:]+)|Unsupported format (\S+)", re.IGNORECASE)
_ODD = (sqlite3.Error, ValueError, KeyError, TypeError)  # of a journal that was damaged, or that is of another version
_FATES = {
    "stored": SentFate.ACKNOWLEDGED,
    "sent": SentFate.ACKNOWLEDGED,
    "missing": SentFate.ACKNOWLEDGED,
    "refused": SentFate.REFUSED,
    "not sent": SentFate.NOT_SENT,
}


def read_records(case: Case, studies: Iterable[str] = ()) -> Sent:
    """Read all that is written down of a case; what is given by the person goes before what is found.

    Args:
        case: with journal, receipt or log, where they are known.
        studies: Study Instance UIDs, by which this machine's journals are searched when none is given.

    Raises:
        Problem: `case.record`: nothing that was given can be read.
    """
    given: list[tuple[Path | None, Callable[[Path], Sent]]]
    given = [(case.journal, _of_journal), (case.receipt, _of_receipt), (case.log, _of_log)]
    parts: list[Sent] = []
    problems: list[Problem] = []
    for path, read in given:
        try:
            parts += [read(path)] if path else []
        except Problem as problem:
            problems.append(problem)
    if problems and not parts:
        raise problems[0]
    if not parts:
        parts += [_of_journal(path) for path in _journals_of({*studies, case.study_instance_uid} - {""}, case)]
    sent = _merged(parts)
    if problems:  # one that cannot be read does not hide the others
        sent = replace(sent, messages=(*sent.messages, *(Message(one.finding.what) for one in problems)))
    if case.error_text:
        sent = replace(sent, messages=(*sent.messages, message_of(case.error_text, is_typed=True)))
    return sent


def message_of(text: str, at: str = "", *, is_typed: bool = False) -> Message:
    """Read status and file name out of what a server or program said.

    Only a status that is called so counts: our own records speak of numbers of files, too, and of labels that are
    numbers. In what a person typed or copied, one may stand alone.
    """
    text = error_text(text)
    status = _STATUS.search(text) or (_TYPED_STATUS.search(text) if is_typed else None)
    named = _NAMED.search(text)
    return Message(
        text,
        int(next(filter(None, status.groups()))) if status else 0,
        at,
        next(filter(None, named.groups())).strip().rstrip(".,;") if named else "",
    )


def _journals_of(studies: set[str], case: Case) -> list[Path]:
    """Find the newest journal of these studies, or of the label and the time that are known."""
    try:
        paths = uploads.journals()[: uploads.LOOK_BACK]
    except (OSError, Problem):
        return []
    for path in paths:
        try:
            with Journal.open(path) as journal:
                if _fits(journal, studies, case):
                    return [path]
        except (OSError, Problem, *_ODD):
            continue
    return []


def _fits(journal: Journal, studies: set[str], case: Case) -> bool:
    series = list(journal.series_facts())
    if studies:
        return any(one.study_instance_uid in studies for one in series)
    if case.session or case.subject:
        labels = {one.session.casefold() for one in series} | {one.subject.casefold() for one in series}
        return bool({case.session.casefold(), case.subject.casefold()} - {""} & labels)
    started_s = journal.progress().started_s
    if case.window is None or started_s is None:
        return False
    return case.window.holds(datetime.fromtimestamp(started_s, UTC))


def _of_journal(path: Path) -> Sent:
    """Read a journal.

    Raises:
        Problem: it cannot be read.
    """
    try:
        with Journal.open(path) as journal:
            return _read_journal(journal)
    except (OSError, *_ODD) as error:
        raise Problem(_unreadable(path, error)) from error


def _of_log(path: Path) -> Sent:
    """Read the output of a sender.

    Raises:
        Problem: it cannot be read.
    """
    try:
        return read_log(path)
    except OSError as error:
        raise Problem(_unreadable(path, error)) from error


def _read_journal(journal: Journal) -> Sent:
    progress = journal.progress()
    receipt = journal.receipt()
    series = list(journal.series_facts())
    findings = [session.finding for session in progress.sessions] + [progress.finding]
    messages = [message_of(f"{one.what}. {one.why}") for one in findings if one]
    messages += [message_of(event.text, _iso(event.when_s)) for event in journal.events()]
    facts = list(journal.file_facts())
    files = tuple(
        SentFile(
            fact.path,
            _FATES.get(fact.fate, SentFate.NOT_SENT),
            fact.fate if fact.fate in {"stored", "sent", "missing"} else fact.remark or fact.fate,
            fact.local_sop_instance_uid,
        )
        for fact in facts
    )
    told = [(one.study_instance_uid, one.subject, one.session) for one in series]
    uris = tuple(dict.fromkeys(session.uri for session in progress.sessions if session.uri))
    seen = (one.sop_instance_uid for one in files if one.status == "stored")
    evidence = Evidence(
        "Q34",
        "journal of the upload",
        f"{progress.state}, {progress.files_sent} of {progress.files_total} files answered for, {len(uris)} places",
        _iso(progress.ended_s or progress.started_s),
    )
    return Sent(
        is_known=True,
        origin="journal",
        way=Way.C_STORE if journal.receiver else Way.ZIP,
        site_url=journal.site_url,
        account=receipt.username if receipt else "",
        project=progress.project,
        subject=_only(subject for _, subject, _ in told),
        session=_only(session for _, _, session in told),
        labels=_labels(told),
        started=_iso(progress.started_s),
        ended=_iso(progress.ended_s),
        uris=uris,
        files=files,
        messages=tuple(messages),
        parameters={} if journal.receiver else {"import-handler": "DICOM-zip", "project": progress.project},
        has_per_file_record=True,
        stored_uids={one.local_sop_instance_uid: one.sop_instance_uid for one in facts if one.is_renamed},
        stored_study_uids={one.study_instance_uid: one.study_uid_sent for one in series if one.study_instance_uid},
        verified=tuple(filter(None, seen)),
        source=journal.source,
        evidence=(evidence,),
    )


def _of_receipt(path: Path) -> Sent:
    """Read a receipt, and the table of its files where that lies beside it.

    Raises:
        Problem: it cannot be read.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(_unreadable(path, error)) from error
    if not isinstance(told, dict) or "receipt_version" not in told:
        raise Problem(_unreadable(path, ValueError("it is no receipt of this program")))
    sessions = _objects(told.get("sessions"))
    places = [one.get("place") for one in sessions]
    uris = tuple(str(one["uri"]) for one in places if isinstance(one, dict) and one.get("uri"))
    studies = {str(one.get("study_uid_local") or ""): str(one.get("study_uid_sent") or "") for one in sessions}
    events = _objects(told.get("events"))
    files, renamed = _table(path.parent / (Path(str(told.get("objects") or "")).name or "receipt.csv"))
    labels = [
        (str(one.get("study_uid_local") or ""), str(one.get("subject_sent") or ""), str(one.get("session_sent") or ""))
        for one in sessions
    ]
    times = [when for one in events if isinstance(when := one.get("time_s"), int | float)]
    return Sent(
        is_known=True,
        origin="receipt",
        way=Way.ZIP,
        site_url=str(told.get("site_url", "")),
        account=str(told.get("account", "")),
        project=str(told.get("project_id", "")),
        subject=_only(subject for _, subject, _ in labels),
        session=_only(session for _, _, session in labels),
        labels=_labels(labels),
        started=_iso(min(times, default=None)),
        ended=str(told.get("created", "")),
        uris=uris,
        files=files,
        messages=tuple(message_of(str(one.get("text", "")), _iso(one.get("time_s"))) for one in events),
        parameters={"import-handler": str(told.get("handler", "")), "project": str(told.get("project_id", ""))},
        has_per_file_record=bool(files),
        stored_uids=renamed,
        stored_study_uids={uid: sent or uid for uid, sent in studies.items() if uid},
        verified=tuple(one.sop_instance_uid for one in files if one.status == "stored" and one.sop_instance_uid),
        source=Path(str(told["source"])) if told.get("source") else None,
        evidence=(
            Evidence(
                "Q34",
                "receipt",
                f"{told.get('verdict', 'no verdict')}; {', '.join(uris) or 'no place'}",
                str(told.get("created", "")),
            ),
        ),
    )


def _objects(found: object) -> list[dict[str, object]]:
    """Return the objects of a list; nothing of what is none."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _only(labels: Iterable[str]) -> str:
    """Return the label that all have; "" where they differ."""
    found = set(labels)
    return found.pop() if len(found) == 1 else ""


def _labels(told: Iterable[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    """Return subject and session by study; a study that went into several sessions is left out."""
    found: dict[str, set[tuple[str, str]]] = {}
    for study, subject, session in told:
        if study:
            found.setdefault(study, set()).add((subject, session))
    return {study: some.pop() for study, some in found.items() if len(some) == 1}


def _table(path: Path) -> tuple[tuple[SentFile, ...], dict[str, str]]:
    """Read the files of a receipt, and which SOP Instance UIDs travelled under which other ones."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, csv.Error):
        return (), {}
    files, renamed = [], {}
    for row in rows:
        sent = row.get("sop_instance_uid") or ""
        local = row.get("sop_instance_uid_local") or sent  # older receipts have one of them
        fate = row.get("fate") or ""
        files.append(SentFile(row.get("path") or "", _FATES.get(fate, SentFate.NOT_SENT), fate, local))
        if local != sent:
            renamed[local] = sent
    return tuple(files), renamed


def _merged(parts: list[Sent]) -> Sent:
    """Return several records as one: the first says what it can, the others add to it."""
    if not parts:
        return Sent()
    first = parts[0]
    for other in parts[1:]:
        first = replace(
            first,
            site_url=first.site_url or other.site_url,
            account=first.account or other.account,
            project=first.project or other.project,
            subject=first.subject or other.subject,
            session=first.session or other.session,
            labels={**other.labels, **first.labels},
            started=min(filter(None, (first.started, other.started)), default=""),
            ended=max(first.ended, other.ended),
            uris=tuple(dict.fromkeys((*first.uris, *other.uris))),
            files=first.files if first.has_per_file_record else (*first.files, *other.files),
            messages=(*first.messages, *other.messages),
            arguments=first.arguments or other.arguments,
            rejected_contexts=(*first.rejected_contexts, *other.rejected_contexts),
            association_error=first.association_error or other.association_error,
            has_per_file_record=first.has_per_file_record or other.has_per_file_record,
            stored_uids={**other.stored_uids, **first.stored_uids},
            stored_study_uids={**other.stored_study_uids, **first.stored_study_uids},
            verified=tuple(dict.fromkeys((*first.verified, *other.verified))),
            source=first.source or other.source,
            evidence=(*first.evidence, *other.evidence),
        )
    return first


def _iso(when_s: object) -> str:
    if not isinstance(when_s, int | float):
        return ""
    try:
        return datetime.fromtimestamp(when_s, UTC).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):  # no time that a calendar has
        return ""


def _unreadable(path: Path, error: Exception) -> Finding:
    return Finding(
        code="case.record",
        what=f"The record {path.name} cannot be read",
        why=f"{type(error).__name__}: {error}",
        todo=("Give another record, or the folder with the images.",),
        where=str(path),
        shareable="A record of an upload cannot be read.",
    )
