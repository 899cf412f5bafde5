"""What the upload step says of an upload: before it starts, while it runs, and after."""

from dataclasses import replace
from datetime import datetime

from xnat_wizard.amounts import bytes_text, count_text, duration_text
from xnat_wizard.findings import Finding
from xnat_wizard.upload.model import (
    Event,
    Options,
    Plan,
    PlannedSession,
    Route,
    SessionProgress,
    SessionState,
    UploadProgress,
    UploadState,
)
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.travel_words import pace_text, route_text
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rate import RateMeter, RateTrail
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
_BY_ROUTE = {Route.IMPORT: "", Route.GRADUAL: "One file a request. ", Route.DICOM: "By C-STORE. "}
WAITS = "The upload waits for the site, and goes on by itself when it answers again."
STRANDED = "The process that uploads has ended before its work was done. Resume sends what is missing."


def headline(progress: UploadProgress, *, is_alive: bool) -> str:
    """Return what an upload does now, in one sentence."""
    if not progress.state.is_final and not is_alive:
        return STRANDED
    return WAITS if progress.state is UploadState.RUNNING and progress.trouble else SENTENCES[progress.state]


def plan_text(plan: Plan, site_url: str, risk: Finding | None, options: Options) -> str:
    """Return what would be sent, from where to where, how fast, and what happens when the terminal closes."""
    files, size = sum(one.file_count for one in plan.included), sum(one.size_bytes for one in plan.included)
    return "\n".join(
        (
            f"{count_text(len(plan.included), 'session')}, {count_text(files, 'file')}, {bytes_text(size)}",
            f"from   {plain(str(plan.source))}",
            f"to     the {plan.destination} of project {plan.project} at {site_url}",
            f"by     {plain(route_text(plan))}{', de-identified here' if plan.deidentification else ''}",
            f"speed  {pace_text(replace(plan, options=options))}",
            "",
            f"{risk.what}. {risk.todo[0]}."
            if risk is not None
            else "The upload goes on if this terminal closes or the line is lost.",
        )
    )


def planned_row(session: PlannedSession) -> Row:
    """Return one session of an upload that was not started as a row."""
    size = bytes_text(session.size_bytes)
    return Row(session.key, (session.subject_label, session.session_label, f"{session.file_count}", "", "", size))


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


def buttons_for(
    state: UploadState | None, *, is_alive: bool, has_receipt: bool, has_rest: bool, may_find: bool
) -> dict[str, bool]:
    """Return by id which buttons can be pressed; `None` is an upload that was not started.

    `has_rest`: a cancelled one left sessions in the prearchive. `may_find`: there is a way to look for data.
    """
    is_over = state is not None and state.is_final
    is_going = state is not None and not is_over and is_alive
    is_stranded = state is not None and not is_over and not is_alive
    has_gaps = state in {UploadState.INCOMPLETE, UploadState.FAILED}
    return {
        "upload-start": state is None,
        "upload-next": state is not None,
        "upload-resume": is_stranded or has_gaps,
        "upload-again": state is UploadState.CANCELLED,
        "upload-delete": state is UploadState.CANCELLED and not is_alive and has_rest,
        "upload-pause": is_going,
        "upload-cancel": is_going or is_stranded,
        "upload-detach": is_going,
        "upload-find": has_gaps and may_find,
        "upload-speed": state is None or is_stranded or has_gaps,
        "upload-receipt": is_over and has_receipt,
        "upload-log": state is not None,
    }


def progress_text(
    progress: UploadProgress, *, is_alive: bool, options: Options | None = None, route: Route = Route.IMPORT
) -> str:
    """Return what was sent and found in figures; while it runs how it travels, then how long it took."""
    stored = sum(session.files_stored for session in progress.sessions)
    text = (
        f"{progress.project}, {progress.destination}: {progress.files_sent:,} of "
        f"{count_text(progress.files_total, 'file')} sent, {stored:,} found on the site"
    )
    if progress.state.is_final and progress.started_s and progress.ended_s:
        return f"{text}, {duration_text(progress.ended_s - progress.started_s)}"
    return (
        f"{text}\n{travel_text(progress, options, route)}"
        if progress.state is UploadState.RUNNING and is_alive
        else text
    )


def travel_text(progress: UploadProgress, options: Options | None = None, route: Route = Route.IMPORT) -> str:
    """Return how a running upload travels, and what keeps it waiting."""
    connections = count_text(progress.connections, "connection") if progress.connections else "No connection in use"
    retries = count_text(progress.retries, "retry", "retries") if progress.retries else "no retries"
    limit = f", limit {bytes_text(options.limit_bytes_s)}/s" if options and options.limit_bytes_s else ""
    return f"{_BY_ROUTE[route]}{connections}, {retries}{limit}" + (
        f": {plain(progress.trouble)}" if progress.trouble else ""
    )


def trail_text(trail: RateTrail, width: int) -> str:
    """Return how the speed went over time in one line; "" while nothing is known."""
    if trail.is_empty:
        return ""
    head, tail = "Speed so far  ", f"  top {bytes_text(trail.most_per_s)}/s, last {duration_text(trail.span_s)}"
    line = trail.line(max(8, width - len(head) - len(tail)))
    return f"{head}{line}{tail}"


def amount_text(progress: UploadProgress, rate: RateMeter) -> str:
    """Return how much is sent, and while it runs how fast, and how long the rest takes at that rate."""
    amount = f"{bytes_text(progress.bytes_sent)} of {bytes_text(progress.bytes_total)}"
    left = rate.left_s(progress.bytes_total)
    if progress.state is not UploadState.RUNNING or progress.bytes_sent >= progress.bytes_total or left is None:
        return amount
    return f"{amount}  {bytes_text(rate.rate_per_s)}/s  {duration_text(left)} left"


def cancel_text(progress: UploadProgress) -> str:
    """Return what cancelling leaves behind."""
    return (
        f"{progress.files_sent:,} of {count_text(progress.files_total, 'file')} were sent. They stay on the site, in "
        f"the prearchive or archive of {progress.project}; what is in the prearchive can be deleted from here "
        "afterwards. Starting again sends only the rest."
    )


def left_behind(progress: UploadProgress) -> tuple[SessionProgress, ...]:
    """Return the sessions that a cancelled upload has left in the prearchive."""
    return tuple(
        one
        for one in progress.sessions
        if one.state is SessionState.CANCELLED and one.files_sent and is_prearchive(one.uri)
    )


def deletion_text(sessions: tuple[SessionProgress, ...]) -> str:
    """Return what would be deleted from the prearchive, counted."""
    lines = [f"{one.session_label}: {count_text(one.files_sent, 'file')} were sent" for one in sessions]
    note = (
        "Only sessions that hold nothing but files of this upload are deleted. It cannot be undone on the site; the "
        "files on your disk stay."
    )
    return "\n".join([*lines, "", note])


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
