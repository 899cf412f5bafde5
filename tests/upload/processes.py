"""A worker as a process of its own: wait for it, find it, kill it."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.lock import FILE_NAME
from xnat_wizard.upload.model import UploadState

PATIENCE_S = 180.0
_LOOK_EVERY_S = 0.003


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process; ask it often."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / _LOOK_EVERY_S)):
        if condition():
            return
        pause.wait(_LOOK_EVERY_S)
    raise AssertionError("the other process did not get there")


def signed(journal: Journal) -> bool:
    """Tell whether the worker has written its number into the lock."""
    return (journal.path.parent / FILE_NAME).read_text().strip().isdigit()


def pid_of(journal: Journal) -> int:
    """Return the worker's process number once it has signed the lock."""
    until(lambda: signed(journal))
    return int((journal.path.parent / FILE_NAME).read_text())


def kill(journal: Journal, number: signal.Signals) -> None:
    """Send a signal to the worker, and wait until it is gone."""
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid_of(journal), number)
    until(lambda: not worker.is_running(journal.path))
    forget(journal)


def forget(journal: Journal) -> None:
    """Take the number of a worker that is gone out of the lock, so that the next one is waited for."""
    (journal.path.parent / FILE_NAME).write_text("")


def wait_for_end(journal: Journal) -> UploadState:
    """Wait until no process works on the upload, and return how it stands."""
    until(lambda: not worker.is_running(journal.path))
    return journal.progress().state
