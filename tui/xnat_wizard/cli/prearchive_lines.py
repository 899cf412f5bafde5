"""Sessions of the prearchive as lines: the list, one in detail, and what to do with it next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xnat_wizard.cli.prearchive_choosing import Seen, is_stuck
from xnat_wizard.cli.tables import columns
from xnat_wizard.cli.talk import put, put_object
from xnat_wizard.findings import printable

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession, RemoteFile
    from xnat_wizard.xnat.waiting.details import Details

_PROGRAM = "xnat-wizard prearchive"


def session_facts(row: "PrearchiveSession", seen: Seen) -> dict[str, object]:
    """Return a session as one JSON object without its type."""
    plight, age_s = seen.plight(row)
    return {
        "place": seen.place(row),
        "uri": row.uri,
        "project": row.project,
        "session": row.label,
        "subject": row.subject,
        "status": row.status,
        "words": status_text(row, seen),
        "is_stuck": is_stuck(plight),
        "age_s": None if age_s is None else round(age_s),
        "study_instance_uid": row.study_instance_uid,
        "scan_date": row.scan_date[:10],
        "uploaded": row.uploaded,
        "last_modified": row.last_modified,
    }


def status_text(row: "PrearchiveSession", seen: Seen) -> str:
    """Return how a session stands, in words."""
    from xnat_wizard.xnat.waiting.stuck import age_text
    from xnat_wizard.xnat.waiting.words import status_words

    plight, age_s = seen.plight(row)
    return f"STUCK for {age_text(age_s)}" if is_stuck(plight) else status_words(row)[0]


def put_rows(rows: "Sequence[PrearchiveSession]", seen: Seen) -> None:
    """Print sessions, a line each: where it is, subject, status, age, date."""
    from xnat_wizard.xnat.waiting.stuck import age_text

    cells = [
        (
            seen.place(row),
            row.subject or "-",
            row.status,
            status_text(row, seen),
            age_text(seen.plight(row)[1]) or "-",
            row.scan_date[:10] or "-",
        )
        for row in rows
    ]
    for line in columns(cells):
        put(line)


def put_details(
    details: "Details",
    verdicts: "Sequence[ArchiveVerdict]",
    files: "dict[str, tuple[RemoteFile, ...]]",
    seen: Seen,
    *,
    is_json: bool,
) -> None:
    """Print everything that is known of a session, and what to do next."""
    from xnat_wizard.xnat.waiting.words import log_words, verdict_lines

    row = details.session
    if is_json:
        put_object(
            "session",
            **session_facts(row, seen),
            scans=[
                {
                    "scan": one.scan.id,
                    "description": one.scan.series_description,
                    "type": one.scan.type,
                    "files": one.file_count,
                    "bytes": one.size_bytes,
                    **({"names": [file.name for file in files[one.scan.id]]} if one.scan.id in files else {}),
                }
                for one in details.scans
            ],
            note=details.note,
            verdicts=[{"code": one.code, "type": one.type, "message": one.message} for one in verdicts],
            against=[line[6:] for line in verdict_lines(verdicts)],
            log=details.log,
            log_means=log_words(details.log),
            next=next_steps(row, verdicts, seen),
        )
        return
    put(printable(seen.place(row)))
    _put_block("", details.facts())
    if details.scans:
        put(f"Scans: {details.counted()}")
    for one, line in zip(details.scans, details.scan_lines(), strict=True):
        put(printable(line))
        for file in files.get(one.scan.id, ()):
            put(f"         {file.size_bytes:>12,}  {printable(file.name)}")
    if verdicts:
        _put_block("What archiving would meet", "\n".join(verdict_lines(verdicts)))
    if details.log:
        _put_block("", details.log_text())
    _put_block("What to do next", "\n".join(next_steps(row, verdicts, seen)))


def _put_block(title: str, text: str) -> None:
    if title:
        put(title)
    for line in text.splitlines():
        put(f"  {line}".rstrip())


def next_steps(row: "PrearchiveSession", verdicts: "Sequence[ArchiveVerdict]", seen: Seen) -> list[str]:
    """Return what can be done with a session, the likeliest first, each as a sentence with its command."""
    from xnat_wizard.xnat.waiting.words import ARCHIVABLE, PLIGHT_REASONS, hindrances, is_forbidden

    place = _quoted(seen.place(row))
    move = f"Move it into a project: `{_PROGRAM} move {place} --to PROJECT`"
    delete = f"Delete it on the site, if you have it elsewhere: `{_PROGRAM} delete {place}`"
    build = f"Let the site build it: `{_PROGRAM} rebuild {place}`"
    reason = PLIGHT_REASONS.get(seen.plight(row)[0])
    if reason:
        return [f"{reason}", build, "Break its lock or find its status anew: in the wizard, step 6, key x", delete]
    if row.is_locked or row.plain_status not in {*ARCHIVABLE, "RECEIVING"}:
        return [f"Wait: the site works on it. Look again: `{_PROGRAM} show {place}`"]
    if row.is_unassigned:
        return [move, delete]
    if row.plain_status == "RECEIVING":
        minutes = max(1, round((seen.timer.interval_s + seen.timer.repeat_s) / 60))
        wait = f"Wait: the site builds it some {minutes} min after the last file has come"
        return ["Wait for its sender to say that it is whole" if row.is_left_to_its_sender else wait, build]
    if not hindrances(verdicts):
        return [f"Archive it: `{_PROGRAM} archive {place}`", *([build] if row.plain_status == "ERROR" else [])]
    other = f"Archive it under another label: `{_PROGRAM} archive {place} --session-label LABEL`"
    over = f"As an owner, replace what is there: `{_PROGRAM} archive {place} --overwrite delete`"
    return [other, move, *([] if is_forbidden(verdicts) else [over]), delete]


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
