"""The process that uploads: it outlives the terminal it was started from, and meets the wizard in the journal only.

`python -m xnat_wizard.upload.worker JOURNAL` reads the login as one JSON object from standard input. Its log stands
beside the journal and holds no names and no secrets: numbers, kinds of errors, places in the program.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret, child_environment, open_private
from xnat_wizard.unsaid import keep_values_back
from xnat_wizard.upload import lock, logout
from xnat_wizard.upload.control import LOOK_EVERY_S
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.journal_schema import IllegalMoveError
from xnat_wizard.upload.model import Request, UploadState
from xnat_wizard.xnat.model import Login

if TYPE_CHECKING:
    from xnat_wizard.xnat.site import Site

LOG_NAME = "worker.log"
_CONNECT_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0)

_log = logging.getLogger("xnat_wizard.upload.worker")  # also when it is run as a program


def start(journal_path: Path, login: Login, *, shelter: Sequence[str] | None = None) -> None:
    """Start the worker of an upload as a process that outlives this one and its terminal.

    The login goes through a pipe. The upload counts as running from here on: the lock is taken first and handed down.

    Args:
        journal_path: of the upload.
        login: to the site.
        shelter: a command that runs the worker so that a log-out spares it; found out when it is not given.

    Raises:
        Problem: `upload.running` when a process works on it, `upload.no_worker` when none could be started.
        FileNotFoundError: there is no such journal.
    """
    prefix = logout.shelter() if shelter is None else shelter
    with Journal.open(journal_path) as journal, lock.UploadLock(journal_path) as held:
        journal.forget_pauses()  # asked of a process that is gone
        try:
            log = open_private(journal_path.parent / LOG_NAME, os.O_WRONLY | os.O_APPEND)
            try:
                process = subprocess.Popen(
                    [
                        *prefix,
                        sys.executable,
                        "-m",
                        "xnat_wizard.upload.worker",
                        os.fspath(journal_path.absolute()),
                        "--lock",
                        str(held.descriptor),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=(held.descriptor,),
                    start_new_session=True,
                    cwd="/",
                    env=child_environment(),
                )
            finally:
                os.close(log)
        except OSError as error:
            raise Problem(_no_worker(error, journal_path)) from error
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(_encode(login))
    threading.Thread(target=process.wait, name="worker's end", daemon=True).start()  # leaves no zombie behind


def is_running(journal_path: Path) -> bool:
    """Tell whether a process works on the upload."""
    return lock.is_held(journal_path)


def main() -> int:
    """Run the upload named on the command line; the login comes as JSON through standard input.

    Returns 0 when every file is where it belongs, 3 when some are missing, 130 when it was told to stop, else 1.
    """
    parser = argparse.ArgumentParser(prog="xnat_wizard.upload.worker", description="Runs one upload to its end")
    parser.add_argument("journal", type=Path)
    parser.add_argument("--lock", type=int, help="an open file that holds the lock of this upload")
    arguments = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go
    _write_log()
    login = _decode(sys.stdin.buffer.read())
    sys.stdin.close()
    with Journal.open(arguments.journal) as journal:
        try:
            held = lock.UploadLock(arguments.journal, lock.inherited(arguments.journal, arguments.lock))
            held.sign()
            state = asyncio.run(_run(journal, login, held))
        except asyncio.CancelledError:
            _log.info("stopped")
            return 130
        except Problem as problem:
            _log.warning("failed code=%s", problem.finding.code)
            _fail(journal, problem.finding)
            return 1
        except Exception as error:  # noqa: BLE001  one of the three doors: what nobody expected becomes a finding
            _log_without_values(error)
            _fail(journal, _unexpected(error, arguments.journal.parent / LOG_NAME))
            return 1
    _log.info("ended state=%s", state)
    return {UploadState.DONE: 0, UploadState.INCOMPLETE: 3}.get(state, 1)


def _write_log() -> None:
    """Write what this program logs to standard error, and of all else that goes wrong its kind and place only."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"))
    ours = logging.getLogger("xnat_wizard")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    keep_values_back(_log.error)


async def _run(journal: Journal, login: Login, held: lock.UploadLock) -> UploadState:
    from xnat_wizard.upload import engine
    from xnat_wizard.upload.cancelling import cancel_unasked
    from xnat_wizard.upload.patience import UNATTENDED_GIVE_UP_AFTER_S
    from xnat_wizard.xnat.site import Site

    task = asyncio.current_task()
    if task is not None:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    _log.info("started")
    site = await _connected(partial(Site.connect, login), journal)
    if site is None:
        cancel_unasked(journal)
        return UploadState.CANCELLED
    try:
        return await engine.run(journal, site, lock=held, give_up_after_s=UNATTENDED_GIVE_UP_AFTER_S)
    finally:
        await site.close()


async def _connected(connect: Callable[[], "Awaitable[Site]"], journal: Journal) -> "Site | None":
    """Log in; a site that is away for a moment is tried again a few times, since nobody may be there to resume.

    Returns `None` when the upload was cancelled meanwhile.
    """
    from xnat_wizard.xnat.errors import Retry

    for wait_s in _CONNECT_AGAIN_S:
        try:
            return await connect()
        except Retry as problem:
            _log.info("no login yet code=%s", problem.finding.code)
            journal.records.note_trouble(problem.finding.what)
            journal.records.add_event(f"{problem.finding.what}. Trying again in {wait_s:.0f} s")
            for _ in range(int(wait_s / LOOK_EVERY_S)):
                await asyncio.sleep(LOOK_EVERY_S)
                asked = journal.records.take_requests()
                if Request.CANCEL in asked:
                    return None
                for request in asked:  # is obeyed once the upload runs
                    journal.request(request)
    return await connect()


def _fail(journal: Journal, finding: Finding) -> None:
    with suppress(IllegalMoveError, Problem, sqlite3.Error):  # it has ended otherwise, or the disk is full
        journal.records.add_event(finding.what)
        journal.records.note_trouble("")
        if journal.progress().state in {UploadState.FAILED, UploadState.INCOMPLETE}:  # of an earlier run
            journal.records.move_upload(UploadState.RUNNING)
        journal.records.move_upload(UploadState.FAILED, finding)


def _log_without_values(error: BaseException) -> None:
    """Log where an error came from, without its text: a text may hold a path or a name."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("unexpected kind=%s at=%s", type(error).__name__, " ".join(places))


def _encode(login: Login) -> bytes:
    return json.dumps(
        {
            "address": login.address,
            "username": login.username,
            "password": login.password.reveal(),
            "ca_file": login.ca_file,
            "is_unsafe": login.is_unsafe,
        }
    ).encode()


def _decode(text: bytes) -> Login:
    raw = json.loads(text)
    return Login(**{**raw, "password": Secret(raw["password"])})


def _no_worker(error: OSError, journal_path: Path) -> Finding:
    return Finding(
        "upload.no_worker",
        "The process that uploads could not be started",
        f"The system said: {error.strerror or type(error).__name__}",
        ("Free memory or disk space on this machine, then start the upload again",),
        where=str(journal_path.parent),
    )


def _unexpected(error: BaseException, log: Path) -> Finding:
    return Finding(
        "upload.unexpected",
        "The upload has stopped because of a fault in this program",
        f"{type(error).__name__}: the log says where",
        ("Resume the upload: what the server has is not sent again", "If it stops again, report it with the log"),
        where=str(log),
    )


def _leave(code: int) -> NoReturn:
    """End this process, also where a thread hangs in a read on a mount that is gone, and would be waited for."""
    if any(thread.is_alive() and not thread.daemon for thread in threading.enumerate()[1:]):
        logging.shutdown()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    _leave(main())
