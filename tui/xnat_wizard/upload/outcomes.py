"""Findings about how a session ended: what is missing, what clashed, and the ways out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from xnat_wizard.findings import Finding
from xnat_wizard.upload.model import Fate, SessionState
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.records import CheckedFile, FileRow, SessionRow
from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession, Session

_RESUME = "Resume the upload: what the server has is not sent again"
_LOG_CHARACTERS = 400
_STAYS = "XNAT was told not to go on by itself, so the session stays there as it is"  # prevent_auto_commit (5.7)
_BY_DICOM = (  # which cannot say so: the idle timer goes over the row (6.8), and archives as the project says (5.8)
    "XNAT goes on with it by itself: some minutes after the last image it builds the session, and archives it where "
    "the project is set so"
)
_WAYS_WITHOUT_THE_REST = (
    "Or leave it at that: build and archive it in the prearchive step",
    "Or delete it there",
)
_BEFORE_ITS_PLACE = frozenset(
    {SessionState.WAITING, SessionState.SENDING, SessionState.BUILDING, SessionState.CHECKING}
)
# What was counted before is not where it belongs any more.
NOT_THERE = frozenset({"upload.gone", "project.not_found", "archive.other_subject", "archive.other_project"})

_TELLS_WHAT_IS_THERE = frozenset({"upload.incomplete", "upload.gone", "upload.split", "upload.rerouted"})


def nothing_arrived(counts: Mapping[Fate, int], session: SessionRow) -> Finding:
    """Say that the server took none of a session's files."""
    if counts.get(Fate.REFUSED):
        return Finding(
            "upload.rejected_all",
            f"The server kept no file of session `{session.session_label}`",
            "It answered every part and stored nothing: a series filter or a script of the site rejects these images",
            (
                "Ask an owner of the project for its series import filter and its anonymization script",
                "Read the receipt: it names the reason for each series",
            ),
            where=session.session_label,
        )
    return Finding(
        "upload.nothing_sent",
        f"No file of session `{session.session_label}` could be read",
        "All of them changed or vanished since the folder was surveyed",
        ("Survey the folder again and plan a new upload",),
        where=session.session_label,
    )


def incomplete(counts: Mapping[Fate, int], session: SessionRow) -> Finding:
    """Say which files of a session are not on the server, and why."""
    reasons = (
        (Fate.MISSING, "answered for by the server, but not listed there"),
        (Fate.REFUSED, "refused by the server"),
        (Fate.NOT_SENT, "not sent, since they changed or cannot be read"),
        (Fate.SENT, "sent and not looked up yet"),
    )
    total = sum(counts.values())
    absent = total - counts.get(Fate.STORED, 0)
    why = ", ".join(f"{counts[fate]} {reason}" for fate, reason in reasons if counts.get(fate))
    return Finding(
        "upload.incomplete",
        f"{absent} of {total} files of session `{session.session_label}` are not on the server",
        why,
        (_RESUME, "Read the receipt: it names the reason for each series"),
        where=session.uri or session.session_label,
        shareable=f"{absent} of {total} files are not on the server: {why}",
    )


def not_built(row: PrearchiveSession, log: str, session: SessionRow, trouble: Finding | None = None) -> Finding:
    """Say that the server could not make a session of the files it has; `trouble` is why it could not be asked to."""
    state = f"Its state in the prearchive is {row.plain_status}"
    ways = ("Rebuild it in the prearchive step", _RESUME)
    return Finding(
        "prearchive.not_built",
        f"The server could not build session `{session.session_label}`",
        _with_log(f"{state}. When it was asked to build it: {trouble.what}" if trouble else state, log),
        (
            *(reversed(ways) if trouble else ways),
            "Send the log of this session to the administrator of the site",
        ),
        where=row.uri,
    )


def rewritten(row: PrearchiveSession, session: SessionRow) -> Finding:
    """Say that files are missing, and that a script of the site keeps others from joining those that are there."""
    return Finding(
        "prearchive.rewritten",
        f"Files of session `{session.session_label}` are missing, and cannot be added to it in the prearchive",
        "A script of the site gave it another Study Instance UID: what is sent now would become a second session",
        (
            "Archive it in the prearchive step, then resume the upload: what is missing is added in the archive",
            "Or delete it in the prearchive step, then resume the upload: all is sent again",
        ),
        where=row.uri,
        shareable="A script of the site changes Study Instance UIDs, so an incomplete session cannot be completed.",
    )


def stuck(row: PrearchiveSession, seconds: float, session: SessionRow) -> Finding:
    """Say that the server does not finish with a session."""
    return Finding(
        "prearchive.stuck",
        f"The server has not finished with session `{session.session_label}`",
        f"It is {row.plain_status} for more than {seconds / 60:.0f} minutes",
        (
            "Look at it in the prearchive step later: the server may still be working",
            _RESUME,
            "An administrator of the site can release a session that is locked",
        ),
        where=row.uri,
    )


def clash(verdicts: Iterable[ArchiveVerdict], session: SessionRow, uri: str) -> Finding:
    """Say what archiving would clash with, and that the session waits in the prearchive."""
    said = "; ".join(f"{verdict.message.rstrip('.')} ({verdict.type} {verdict.code})" for verdict in verdicts)
    return Finding(
        "archive.clash",
        f"Session `{session.session_label}` was not archived: it would clash with what is there",
        said,
        (
            "Its images are safe in the prearchive: open the prearchive step",
            "Archive it there under another session label",
            "Or archive it there over what exists, if that is the same study",
            "Or delete it there, if it is a second copy",
        ),
        where=uri,
    )


def waits_for_other_subject(row: PrearchiveSession, session: SessionRow) -> Finding:
    """Say that the study waits in the prearchive under another subject, where this upload would join it."""
    return Finding(
        "prearchive.other_subject",
        f"Session `{session.session_label}` waits in the prearchive for another subject: `{row.subject}`",
        f"XNAT would add the images of `{session.subject_label}` to it, and archive all for `{row.subject}`",
        (
            f"Delete it in the prearchive step if `{row.subject}` is wrong, then resume the upload",
            f"Or plan the upload again with the subject label `{row.subject}`",
            "Or plan it again with another session label",
        ),
        where=row.uri,
        shareable="The study waits in the prearchive under another subject label.",
    )


def archived_for_other_subject(there: Session, session: SessionRow) -> Finding:
    """Say that the images are in the archive under another subject than planned."""
    is_label_taken = there.label.casefold() == session.session_label.casefold()
    return Finding(
        "archive.other_subject",
        f"Session `{session.session_label}` is in the archive for another subject: `{there.subject_label}`",
        f"The plan says `{session.subject_label}`, and XNAT has each session label once in a project"
        if is_label_taken
        else f"Somebody archived it as `{there.label}` meanwhile; the plan says `{session.subject_label}`",
        (
            f"If `{there.subject_label}` is right: nothing needs to be sent",
            "If it is wrong: ask an owner of the project to move the session to the right subject",
            "If it is another session: plan the upload again with another session label"
            if is_label_taken
            else "To have it as planned as well: resume the upload, and all is sent again",
        ),
        where=there.uri,
        shareable="A session of that label is in the archive for another subject.",
    )


def in_other_project(there: Session, session: SessionRow) -> Finding:
    """Say that the session of that label belongs to another project, and is shared into this one."""
    return Finding(
        "archive.other_project",
        f"Session `{session.session_label}` belongs to project `{there.project}`",
        "It is shared into this project under the label, so nothing can be added to it from here",
        (
            "Plan the upload again with another session label",
            f"Or send the images to project `{there.project}`",
        ),
        where=there.uri,
        shareable="A session of that label is shared into the project from another one.",
    )


def not_archived(row: PrearchiveSession, why: str, session: SessionRow) -> Finding:
    """Say that archiving was tried and failed."""
    return Finding(
        "archive.failed",
        f"The server did not archive session `{session.session_label}`",
        _with_log(f"Its state in the prearchive is {row.plain_status}", why),
        (
            "Its images are safe in the prearchive: open the prearchive step",
            "Archive it there, or under another label",
            "Send the log of this session to the administrator of the site",
        ),
        where=row.uri,
    )


def all_gone(files: Iterable[FileRow]) -> list[CheckedFile]:
    """Say of the files of a session that they are not there, whatever was answered or counted before."""
    return [CheckedFile(one.id, Fate.MISSING, "", "", "") for one in files if one.fate in {Fate.SENT, Fate.STORED}]


def gone(session: SessionRow) -> Finding:
    """Say that a session is neither in the prearchive nor in the archive."""
    return Finding(
        "upload.gone",
        f"Session `{session.session_label}` is neither in the prearchive nor in the archive",
        "It was there, and somebody or something moved, renamed or deleted it, or the account may not see it",
        (
            _RESUME,
            "Ask an owner of the project whether somebody deleted or moved it",
        ),
        where=session.uri,
    )


def cancelled(
    counts: Mapping[Fate, int], session: SessionRow, *, has_begun: bool = False, is_by_dicom: bool = False
) -> Finding | None:
    """Say what a cancelled session leaves on the server, `None` when nothing.

    Args:
        counts: of its files by fate.
        session: as it stood when it was cancelled.
        has_begun: bytes of it were under way.
        is_by_dicom: it went to a DICOM receiver.
    """
    there = _answered(counts)
    if not there or not session.uri:
        may_be_there = has_begun or (is_by_dicom and there > 0)
        if session.state is SessionState.DONE or not may_be_there:
            return None
        return _perhaps_there(session, is_by_dicom=is_by_dicom)
    if not is_prearchive(session.uri):
        why, ways = "The upload was cancelled after they had been sent", tuple[str, ...]()
    else:
        why = f"The upload was cancelled after they had been sent. {_fate_of(is_by_dicom=is_by_dicom)}"
        ways = (
            "Delete the session in the prearchive step, if it is not wanted",
            "Or build and archive it there as it is, without the rest",
        )
    again = "lan the upload again: what the server has is not sent again"
    return Finding(
        "upload.cancelled",
        f"{there} of {sum(counts.values())} files of session `{session.session_label}` stay on the server",
        why,
        (*ways, f"Or p{again}" if ways else f"P{again}"),
        where=session.uri,
    )


def _perhaps_there(session: SessionRow, *, is_by_dicom: bool) -> Finding:
    why = f"The upload was cancelled while its first files were under way, and no answer came. {_STAYS}"
    if is_by_dicom:
        why = f"The upload was cancelled before anybody looked where its files are. {_BY_DICOM}"
    return Finding(
        "upload.cancelled",
        f"Files of session `{session.session_label}` may be on the server",
        why,
        (
            "Look for the session in the prearchive step, and delete it there if it is not wanted",
            "Or plan the upload again: what the server has is not sent again",
        ),
        where=session.session_label,
    )


def unfinished(counts: Mapping[Fate, int], session: SessionRow, *, is_by_dicom: bool = False) -> Finding | None:
    """Say that a session waits in the prearchive for the rest when the whole upload stops, `None` when none does."""
    if not _waits(counts, session):
        return None
    return Finding(
        "upload.unfinished",
        f"Session `{session.session_label}` waits in the prearchive, unfinished",
        _arrived(counts, session, is_by_dicom=is_by_dicom),
        (_RESUME, *_WAYS_WITHOUT_THE_REST),
        where=session.uri,
    )


def with_remains(
    finding: Finding, counts: Mapping[Fate, int], session: SessionRow, *, is_by_dicom: bool = False
) -> Finding:
    """Add to the reason why a session ended what of it waits in the prearchive, and the ways out.

    Args:
        finding: why it ended.
        counts: of its files by fate.
        session: as it stood when it ended.
        is_by_dicom: it went to a DICOM receiver.
    """
    room, _, _ = finding.code.partition(".")
    if not _waits(counts, session) or room in {"prearchive", "archive"} or finding.code in _TELLS_WHAT_IS_THERE:
        return finding
    has_resume = any("resume the upload" in way.casefold() for way in finding.todo)
    return replace(
        finding,
        why=f"{finding.why.rstrip('.')}. {_arrived(counts, session, is_by_dicom=is_by_dicom)}",
        todo=(*finding.todo, *(() if has_resume else (_RESUME,)), *_WAYS_WITHOUT_THE_REST),
        where=finding.where if session.uri in finding.where else session.uri,
    )


def with_count_of_unfinished(finding: Finding, count: int, *, is_by_dicom: bool = False) -> Finding:
    """Add to the reason why a whole upload stopped how many sessions wait in the prearchive for the rest."""
    if not count:
        return finding
    sessions = "1 session waits" if count == 1 else f"{count} sessions wait"
    rest = ", and XNAT will not go on by itself"
    if is_by_dicom:
        rest = ". XNAT goes on by itself some minutes after the last image: it builds what is there"
    return replace(
        finding,
        why=f"{finding.why.rstrip('.')}. {sessions} unfinished in the prearchive{rest}",
        todo=(*finding.todo, "To leave it at that: build and archive, or delete, in the prearchive step"),
    )


def _answered(counts: Mapping[Fate, int]) -> int:
    return sum(counts.get(fate, 0) for fate in (Fate.SENT, Fate.STORED, Fate.MISSING))


def _waits(counts: Mapping[Fate, int], session: SessionRow) -> bool:
    return bool(_answered(counts)) and is_prearchive(session.uri) and session.state in _BEFORE_ITS_PLACE


def _fate_of(*, is_by_dicom: bool) -> str:
    return _BY_DICOM if is_by_dicom else _STAYS


def _arrived(counts: Mapping[Fate, int], session: SessionRow, *, is_by_dicom: bool) -> str:
    is_receiving = session.state is SessionState.SENDING and counts.get(Fate.SENT) and not is_by_dicom
    stays = f"{_fate_of(is_by_dicom=is_by_dicom)}{', as RECEIVING' if is_receiving else ''}"
    return f"{_answered(counts)} of {sum(counts.values())} files have arrived in the prearchive. {stays}"


def stopped() -> Finding:
    """Say that the worker was told to end."""
    return Finding(
        "upload.stopped",
        "The upload was stopped by this machine",
        "The process was told to end: a shutdown, or a person",
        (_RESUME,),
    )


def _with_log(what: str, log: str) -> str:
    said = " ".join(log.split())
    if len(said) > _LOG_CHARACTERS:
        said = f"... {said[-_LOG_CHARACTERS:]}"
    return f"{what}. The server says: {said}" if said else what
