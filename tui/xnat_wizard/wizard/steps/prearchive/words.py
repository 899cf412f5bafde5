"""The list of the prearchive: its columns, its filter, its rows, and the lines below it."""

from xnat_wizard.wizard.widgets.rows import Column, Row
from xnat_wizard.xnat.model import PrearchiveSession
from xnat_wizard.xnat.waiting.details import NOT_BUILT, Details
from xnat_wizard.xnat.waiting.stuck import Plight, age_text
from xnat_wizard.xnat.waiting.words import PLIGHT_REASONS, status_words

COLUMNS = (
    Column("", 3),
    Column("Session", 14, grow=2),
    Column("Subject", 11, grow=1),
    Column("Status", 20, grow=1),
    Column("Date", 10, needs=94),
    Column("Uploaded", 16, needs=70),
)
COLUMNS_WITH_PROJECT = (
    Column("", 3),
    Column("Project", 10, grow=1),
    Column("Session", 13, grow=2),
    Column("Subject", 10, grow=1, needs=70),
    Column("Status", 17, grow=1),
    Column("Date", 10, needs=104),
    Column("Uploaded", 16, needs=90),
)
SHOWN = ("all", "ready", "needs you", "stuck", "at work")  # what the key for the filter goes through


def is_shown(session: PrearchiveSession, plight: Plight, part: str, kind: str) -> bool:
    """Tell whether a session passes the filter: a part of a label or project, and one of `SHOWN`."""
    wanted = part.strip().casefold()
    texts = (session.label, session.subject, session.project, session.study_instance_uid)
    if wanted and not any(wanted in text.casefold() for text in texts):
        return False
    return kind in {"all", kind_of(session, plight)}


def kind_of(session: PrearchiveSession, plight: Plight) -> str:
    """Return under which of `SHOWN` a session belongs."""
    if plight in PLIGHT_REASONS:
        return "stuck"
    return {"READY": "ready", "CONFLICT": "needs you", "ERROR": "needs you"}.get(session.status, "at work")


def session_row(
    session: PrearchiveSession,
    *,
    is_ticked: bool,
    is_arriving: bool = False,
    plight: Plight = Plight.NONE,
    age_s: float | None = None,
    has_project: bool = False,
) -> Row:
    """Return one session as a row."""
    words, tone = status_words(session)
    if is_arriving:
        words, tone = "being uploaded", ""
    elif plight in PLIGHT_REASONS:
        words, tone = f"STUCK for {age_text(age_s)}", "bad"
    cells = (
        "[x]" if is_ticked else "[ ]",
        *((session.project,) if has_project else ()),
        session.label,
        session.subject,
        words,
        session.scan_date[:10],
        session.uploaded[:16],
    )
    return Row(session.uri, cells, tone)


def short(details: Details) -> str:
    """Return the lines below the list: how a session stands, why, and its scans."""
    session = details.session
    words, _ = status_words(session)
    lines = [f"{session.label}: {words}" + ("" if details.note else f"; {details.counted()}")]
    if details.note:
        lines.append(f"{details.note} (b: build it now)" if details.note == NOT_BUILT else details.note)
    if details.log:
        lines.append(f"Why: {details.why()} (Enter, then l: the whole log)")
    return "\n".join(lines + details.scan_lines())
