"""What the prearchive's statuses, verdicts and logs mean, in plain words. Wire contract 6.3, 6.6, 6.7."""

import re
from collections.abc import Iterable

from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession
from xnat_wizard.xnat.waiting.stuck import Plight

STATUS_WORDS = {
    "READY": ("ready to archive", "good"),
    "RECEIVING": ("receiving, not built", "warn"),
    "RECEIVING_INTERRUPT": ("receiving again", ""),
    "BUILDING": ("being built", ""),
    "CONFLICT": ("CONFLICT: needs you", "warn"),
    "ERROR": ("ERROR: see details", "bad"),
    "ARCHIVING": ("being archived", ""),
    "MOVING": ("being moved", ""),
    "DELETING": ("being deleted", ""),
    "SEPARATING": ("being split", ""),
}
ARCHIVABLE = {"READY", "CONFLICT", "ERROR"}
BUILDABLE = {"RECEIVING", "ERROR"}
RESETTABLE = {"CONFLICT", "ERROR"}
PLIGHT_REASONS = {
    Plight.FORGOTTEN: "Its sender was to say when it is whole, and never did. The site does not build it by itself",
    Plight.HELD: "The site should have built it by itself long ago. A lock that an upload left can hold it back",
    Plight.LOST: "The site began to work on it, or queued it, and has not touched it since: a restart loses such work",
}
# validate-archive's codes; 1 alone is no hindrance: what is missing is added.
MERGE = "1"
VERDICT_WORDS = {
    MERGE: "The session exists in the archive: what is new is added to it",
    "2": "The existing session has another label",
    "3": "The existing session belongs to another project",
    "4": "The existing session belongs to another subject",
    "5": "The existing session is another study: its Study Instance UID differs",
    "6": "It has no project",
    "7": "The site did not understand the request",
    "8": "It has no session label",
    "9": "It has no session ID",
    "10": "The site is still working on the existing session",
    "11": "It has no subject",
    "12": "The subject is new and will be created",
    "13": "Its data break a rule of the site",
    "16": "The existing session has the same scans already",
    "17": "The existing session has other scans of the same number, the new ones are renumbered",
    "18": "The existing session has the same scans under other numbers",
    "19": "Study or modality differ from the existing session",
}
SCAN_VERDICTS = {"16", "17", "18"}
_SCAN = re.compile(r"\(([\w-]+)\)")  # "Session already contains a scan (3) with the same UID and number."
# Reasons as they stand in the log of a refused session: part of the text, what it means, the way out.
LOG_WORDS = (
    (
        "already exists, retry with overwrite",
        "The session exists in the archive already",
        "Archive again: it is merged",
    ),
    (
        "invalid modification of session subject",
        "The session label belongs to another subject in the archive",
        "Archive under another session label, or under that subject",
    ),
    (
        "invalid modification of session project",
        "The label belongs to a session that another project shares",
        "Archive under another session label",
    ),
    ("invalid modification of session label", "The existing session has another label", "Archive under another label"),
    (
        "invalid modification of session uid",
        "Another study has this session label in the archive",
        "Archive under another session label; overwrite only if it is the same study",
    ),
    (
        "invalid modification of session modality",
        "The existing session has another modality",
        "Archive under another session label",
    ),
    (
        "with the same uid and number",
        "These images are in the archive already",
        "Archive with overwriting, or delete this copy",
    ),
    (
        "with the same uid, but a different number",
        "The same scan is in the archive under another number",
        "Archive under another session label, or delete this copy",
    ),
    ("processing may already be in progress", "The site is working on the existing session", "Try again later"),
    ("duplicate archive attempt", "The site was archiving it already", "Wait a minute, then look again"),
    ("unable to identify subject", "The site found no subject for it", "Archive with a subject label"),
    ("unable to deduce session label", "The site found no session label for it", "Archive with a session label"),
    ("unable to identify destination project", "The site found no project for it", "Move it into a project"),
)


def status_words(session: PrearchiveSession) -> tuple[str, str]:
    """Return a status in words and its tone; one that is not known counts as work in progress."""
    words, tone = STATUS_WORDS.get(session.plain_status, (f"in progress: {session.plain_status.lower()}", ""))
    if session.status.startswith("QUEUED_"):
        return f"queued, then {words}", tone
    return (f"locked, {words}" if session.is_locked else words), tone


def verdict_lines(verdicts: Iterable[ArchiveVerdict]) -> list[str]:
    """Return one line a kind of verdict: weight, meaning (in the site's words where ours are missing), scans."""
    marks = {"FAIL": "FAIL  ", "CONFLICT": "warn  ", "WARN": "note  "}
    scans: dict[str, list[str]] = {}
    for one in verdicts:
        words = VERDICT_WORDS.get(one.code) or one.message or f"Code {one.code}"
        found = scans.setdefault(marks.get(one.type.upper(), "note  ") + words, [])
        found += _SCAN.findall(one.message) if one.code in SCAN_VERDICTS else []
    return [f"{line}: {', '.join(found)}" if found else line for line, found in scans.items()]


def hindrances(verdicts: Iterable[ArchiveVerdict]) -> list[ArchiveVerdict]:
    """Return the verdicts that stand against archiving; merging into an existing session alone does not."""
    return [one for one in verdicts if one.type.upper() != "WARN" and one.code != MERGE]


def merges(verdicts: Iterable[ArchiveVerdict]) -> bool:
    """Tell whether the session would be merged into one that is there."""
    return any(one.code == MERGE for one in verdicts)


def is_forbidden(verdicts: Iterable[ArchiveVerdict]) -> bool:
    """Tell whether the site would refuse even with overwriting."""
    return any(one.type.upper() == "FAIL" for one in verdicts)


def log_words(log: str) -> str:
    """Return what a log says in plain words and the way out; "" when no reason in it is known."""
    text = log.lower()
    found = [f"{words}. {way}." for part, words, way in LOG_WORDS if part in text]
    return found[0] if found else ""
