"""What the upload step says of a running upload."""

from datetime import datetime

from xnat_wizard.findings import Finding
from xnat_wizard.upload.model import Event, SessionProgress, SessionState, UploadProgress, UploadState
from xnat_wizard.wizard.widgets.amounts import bytes_text, count_text, duration_text
from xnat_wizard.wizard.widgets.rows import Column, Row

COLUMNS = (
    Column("Subject", 11, grow=1, needs=64),
    Column("Session", 14, grow=1),
    Column("Files", 6, is_right=True, needs=60),
    Column("Sent", 6, is_right=True),
    Column("Stored", 6, is_right=True),
    Column("Size", 8, is_right=True, needs=86),
    Column("State", 16, grow=3),
)
STATE_WORDS = {
    SessionState.WAITING: ("waits for its turn", "quiet"),
    SessionState.SENDING: ("sending", ""),
    SessionState.BUILDING: ("the site builds it", ""),
    SessionState.CHECKING: ("counting on the site", ""),
    SessionState.ARCHIVING: ("being archived", ""),
    SessionState.VERIFYING: ("counting the archive", ""),
    SessionState.DONE: ("ok: all is there", "good"),
    SessionState.INCOMPLETE: ("INCOMPLETE", "warn"),
    SessionState.FAILED: ("FAILED", "bad"),
    SessionState.CANCELLED: ("cancelled", "quiet"),
}
SENTENCES = {
    UploadState.PLANNED: "The upload starts.",
    UploadState.RUNNING: "The upload runs. You may close this terminal: it goes on by itself.",
    UploadState.PAUSED: "The upload is paused. What was sent stays on the site.",
    UploadState.DONE: "Done: every file was found on the site. Next shows where.",
    UploadState.INCOMPLETE: "The upload ended, and something is missing. Enter on a session says what.",
    UploadState.CANCELLED: "The upload was cancelled. What was sent stays on the site.",
    UploadState.FAILED: "The upload could not go on. What was sent stays on the site.",
}
WAITS = "The upload waits for the site, and goes on by itself when it answers again."
STRANDED = "The process that uploads has ended before its work was done. Resume sends what is missing."


def headline(progress: UploadProgress, *, is_alive: bool) -> str:
    """Return what an upload does now, in one sentence."""
    if not progress.state.is_final and not is_alive:
        return STRANDED
    return WAITS if progress.state is UploadState.RUNNING and progress.trouble else SENTENCES[progress.state]


def session_row(session: SessionProgress) -> Row:
    """Return one session of a running upload as a row."""
    words, tone = STATE_WORDS[session.state]
    if session.finding is not None:
        words = f"{words}: {session.finding.what}"
    cells = (
        session.subject_label,
        session.session_label,
        f"{session.files_total}",
        f"{session.files_sent}",
        f"{session.files_stored}",
        bytes_text(session.bytes_total),
        words,
    )
    return Row(session.key, cells, tone)


def buttons_for(state: UploadState | None, *, is_alive: bool, has_receipt: bool) -> dict[str, bool]:
    """Return by id which buttons can be pressed; `None` is an upload that was not started."""
    is_over = state is not None and state.is_final
    is_going = state is not None and not is_over and is_alive
    is_stranded = state is not None and not is_over and not is_alive
    return {
        "upload-start": state is None,
        "upload-next": state is not None,
        "upload-resume": is_stranded or state in {UploadState.INCOMPLETE, UploadState.FAILED},
        "upload-again": state is UploadState.CANCELLED,
        "upload-pause": is_going,
        "upload-cancel": is_going,
        "upload-log": state is not None,
        "upload-receipt": is_over and has_receipt,
    }


def numbers(progress: UploadProgress) -> str:
    """Return what was sent and found in figures, and how long it took once it is over."""
    stored = sum(session.files_stored for session in progress.sessions)
    files = f"{progress.files_sent:,} of {count_text(progress.files_total, 'file')} sent, {stored:,} found on the site"
    if progress.state.is_final and progress.started_s and progress.ended_s:
        return f"{files}, {duration_text(progress.ended_s - progress.started_s)}"
    return files


def event_text(event: Event, pattern: str) -> str:
    """Return an event with its local time."""
    return f"{datetime.fromtimestamp(event.when_s).astimezone().strftime(pattern)}  {event.text}"


def cannot_write(error: OSError) -> Finding:
    """Say why an upload could not begin."""
    return Finding(
        "upload.no_journal",
        "The upload could not be started",
        f"The journal or the process could not be made: {error.strerror or error}",
        ("Look whether the disk is full and the folder may be written", "Start again"),
        where=str(error.filename or ""),
    )
