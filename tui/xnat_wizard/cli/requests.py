"""`status`, `pause`, `cancel`: how uploads stand, and what is asked of them through their journals."""

import argparse
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.talk import Exit, ask, explain, put, put_mapping, put_object, say
from xnat_wizard.cli.uploads import ID_HELP
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import SessionProgress, UploadProgress
    from xnat_wizard.xnat.model import Login

PAUSE_S = 10.0
CANCEL_S = 120.0
_LOOK_EVERY_S = 0.1


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    status = commands.add_parser("status", help="list the uploads of this account and how they stand")
    status.add_argument("id", nargs="?", default="", help="show the sessions of this upload; `newest` for the newest")
    status.add_argument("--json", action="store_true", help="one JSON object a line")
    status.set_defaults(run=_status)

    pause = commands.add_parser("pause", help="let a running upload wait; `resume` lets it go on")
    pause.add_argument("id", nargs="?", default="", help=ID_HELP)
    pause.add_argument("--json", action="store_true", help="one JSON object a line")
    pause.set_defaults(run=_pause)

    cancel = commands.add_parser("cancel", help="stop an upload for good; what was sent stays on the site")
    cancel.add_argument("id", nargs="?", default="", help=ID_HELP)
    cancel.add_argument("--yes", action="store_true", help="do not ask")
    cancel.add_argument("--json", action="store_true", help="one JSON object a line")
    cancel.add_argument("--delete", action="store_true", help="delete what this upload has in the prearchive")
    add_login_to(cancel)
    cancel.set_defaults(run=_cancel)


# -- status ----------------------------------------------------------------------------------------


def _status(options: argparse.Namespace) -> int:
    from xnat_wizard.upload import uploads

    if options.id:
        _show(uploads.find("" if options.id == "newest" else options.id), is_json=options.json, is_whole=True)
        return Exit.DONE
    code = Exit.DONE
    for path in reversed(uploads.journals()):
        try:
            _show(path, is_json=options.json)
        except BrokenPipeError:  # of who reads the lines, not of the journal
            raise
        except (Problem, OSError, sqlite3.Error) as error:
            explain(error.finding if isinstance(error, Problem) else _unreadable(path, error))
            code = Exit.FAILED
    return code


_TO_GO_ON = "  (to go on: `resume`)"
_REMARKS = {"done": "", "cancelled": "", "failed": _TO_GO_ON, "incomplete": _TO_GO_ON}  # by state of an upload


def _show(path: Path, *, is_json: bool, is_whole: bool = False) -> None:
    from xnat_wizard.cli.following import facts
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.worker import is_running

    with Journal.open(path) as journal:
        now = journal.progress()
    is_alive = is_running(path)
    if is_json:
        put_object("upload", **facts(path.parent.name, now), is_running=is_alive, folder=str(path.parent))
    else:
        remark = "  (working)" if is_alive else _REMARKS.get(now.state, "  (no process works on it: `resume`)")
        put(f"{path.parent.name}  {now.project}  {now.state}  {now.files_sent} of {now.files_total} files{remark}")
    if not is_whole:
        return
    for session in now.sessions:
        if is_json:
            put_object("session", upload=path.parent.name, **_session_facts(session))
        else:
            counts = f"{session.files_sent} of {session.files_total} sent, {session.files_stored} found there"
            put(f"  {session.subject_label}  {session.session_label}  {session.state}  {counts}  {session.uri}")
    for finding in [now.finding, *(session.finding for session in now.sessions)]:
        if finding and is_json:
            put_mapping(finding.as_dict())
        elif finding:
            explain(finding)
    if not is_json and not is_alive and _REMARKS.get(now.state) != "":
        say(f"Go on with it: `xnat-wizard resume {path.parent.name}`")


def _session_facts(session: "SessionProgress") -> dict[str, object]:
    return {
        "subject": session.subject_label,
        "session": session.session_label,
        "state": str(session.state),
        "files_total": session.files_total,
        "files_sent": session.files_sent,
        "files_stored": session.files_stored,
        "uri": session.uri,
    }


def _unreadable(path: Path, error: Exception) -> Finding:
    return Finding(
        "journal.unreadable",
        f"The journal of upload {path.parent.name} cannot be read",
        str(error),
        ("Look whether the file may be read and is whole",),
        where=str(path),
    )


# -- pause and cancel ------------------------------------------------------------------------------


def _pause(options: argparse.Namespace) -> int:
    from xnat_wizard.upload import uploads
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Request, UploadState
    from xnat_wizard.upload.worker import is_running

    path = uploads.find(options.id)
    with Journal.open(path) as journal:
        if not is_running(path):
            raise Problem(
                Finding(
                    "upload.not_running",
                    f"No process works on upload {path.parent.name}",
                    f"It is {journal.progress().state}, so there is nothing to pause",
                    ("See how uploads stand: `xnat-wizard status`",),
                )
            )
        journal.request(Request.PAUSE)
        paused = _wait(lambda: not is_running(path) or journal.progress().state is UploadState.PAUSED, PAUSE_S)
        state = journal.progress().state
    if options.json:
        _show(path, is_json=True)
    if state is UploadState.PAUSED:
        say(f"Paused. Go on: `xnat-wizard resume {path.parent.name}`")
        return Exit.DONE
    say(f"It has ended meanwhile: {state}." if paused else "It was asked to pause, and has not answered yet.")
    return Exit.FAILED


def _cancel(options: argparse.Namespace) -> int:
    from xnat_wizard.upload import uploads

    path = uploads.find(options.id)
    code = _cancelled(path, options)
    if options.json:
        _show(path, is_json=True, is_whole=True)
    return code


def _cancelled(path: Path, options: argparse.Namespace) -> int:
    import asyncio

    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import UploadState

    with Journal.open(path) as journal:
        state, address = journal.progress().state, journal.site_url
    if state is UploadState.DONE:
        raise Problem(
            Finding(
                "upload.over",
                f"Upload {path.parent.name} is done: there is nothing to cancel",
                "Every file is where the plan wanted it",
                ("Delete sessions on the site, if they are not wanted",),
            )
        )
    if state is not UploadState.CANCELLED:
        if not ask(f"Cancel upload {path.parent.name}? What was sent stays on the site.", is_yes=options.yes):
            say("Nothing was changed.")
            return Exit.DONE
        _end(path)
    with Journal.open(path) as journal:
        waiting = _say_what_stays(journal.progress())
    if not waiting:
        return Exit.DONE
    if not options.delete:
        say(f"Delete what is in the prearchive of it: `xnat-wizard cancel {path.parent.name} --delete`")
        return Exit.DONE
    question = f"Delete {waiting} session{'s' * (waiting > 1)} of this upload from the prearchive? It cannot be undone."
    if not ask(question, is_yes=options.yes):
        say("Nothing was deleted.")
        return Exit.DONE
    return asyncio.run(_delete(path, login_for(address, options)))


def _end(path: Path) -> None:
    """Cancel an upload, through the process that works on it or without one."""
    from xnat_wizard.upload import uploads
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Request, UploadState
    from xnat_wizard.upload.worker import is_running

    if not is_running(path):
        uploads.cancel(path)
    else:
        with Journal.open(path) as journal:
            journal.request(Request.CANCEL)
            if not _wait(lambda: _is_over(journal) and not is_running(path), CANCEL_S):
                raise Problem(
                    Finding(
                        "upload.busy",
                        f"Upload {path.parent.name} was asked to end, and has not ended yet",
                        f"It has not answered for {CANCEL_S:.0f} seconds; it may be waiting for the site",
                        ("Watch it: `xnat-wizard attach`",),
                    )
                )
            state = journal.progress().state
        if state is UploadState.DONE:
            say(f"Upload {path.parent.name} was done before it could be cancelled.")
            return
        if state is not UploadState.CANCELLED:  # it ended for another reason before it looked
            uploads.cancel(path)
    say(f"Upload {path.parent.name} is cancelled. Its receipt is kept in {path.parent}")


def _say_what_stays(progress: "UploadProgress") -> int:
    """Say what a cancelled upload leaves on the site; return how many sessions wait in the prearchive."""
    from xnat_wizard.upload.places import is_prearchive

    there = [session for session in progress.sessions if session.uri and session.files_sent]
    if not there:
        say("Nothing of it is on the site.")
    for session in there:
        place = "prearchive" if is_prearchive(session.uri) else "archive"
        say(f"{session.files_sent} files of {session.session_label} stay in the {place}: {session.uri}")
    return sum(is_prearchive(session.uri) for session in there)


async def _delete(path: Path, login: "Login") -> Exit:
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.lock import UploadLock
    from xnat_wizard.upload.removal import remove
    from xnat_wizard.xnat.site import Site

    code = Exit.DONE
    async with await Site.connect(login) as site:
        with UploadLock(path), Journal.open(path) as journal:
            async for label, finding in remove(journal, site):
                if finding is None:
                    say(f"{label}: deleted from the prearchive.")
                else:
                    explain(finding)
                    code = Exit.FAILED
    return code


def _is_over(journal: "Journal") -> bool:
    return journal.progress().state.is_final


def _wait(is_so: Callable[[], bool], seconds: float) -> bool:
    """Wait for another process; tell whether it came to be so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
