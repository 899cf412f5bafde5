"""One process at a time works on an upload: the system lets go of the lock when the process ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import open_private
from xnat_wizard.upload.journal_damage import not_kept

FILE_NAME = "worker.lock"
_TRIES = 5
_PAUSE_S = 0.02


class UploadLock:
    """The lock of one upload, on a file beside the journal.

    It belongs to the open file, so it can be handed to a child process together with the descriptor.
    """

    def __init__(self, journal_path: Path, descriptor: int | None = None) -> None:
        """Take the lock, or take over one that a parent process handed down.

        Raises:
            Problem: `upload.running` when another process has it, `journal.not_kept` where nothing can be locked.
        """
        if descriptor is not None:
            self._descriptor = descriptor
            os.set_inheritable(descriptor, False)  # noqa: FBT003  the standard library's signature
            return
        self._descriptor = _open(journal_path)
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_S)  # somebody may just be asking
            except OSError as error:
                os.close(self._descriptor)
                reason = error.strerror or type(error).__name__
                raise not_kept(str(journal_path), f"its folder knows no locks ({reason})") from error
            else:
                return
        os.close(self._descriptor)
        raise Problem(
            Finding(
                "upload.running",
                "The upload is running already",
                "Another process of this program works on it",
                ("Watch it: its progress is shown here as well", "Or cancel it, and wait until it has ended"),
                where=str(journal_path),
            )
        )

    @property
    def descriptor(self) -> int:
        """Return the open file that holds the lock."""
        return self._descriptor

    def sign(self) -> None:
        """Write this process's number into the lock file, for a person who looks for it."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let go; another process that inherited the descriptor keeps the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def inherited(journal_path: Path, descriptor: int | None) -> int | None:
    """Return a descriptor that a parent process handed down, if it is the lock of this upload.

    What stands between both processes may have closed it, and its number may be another file's by now.
    """
    try:
        is_lock = descriptor is not None and os.path.samestat(
            os.fstat(descriptor), (journal_path.parent / FILE_NAME).stat()
        )
    except OSError:
        return None
    return descriptor if is_lock else None


def is_held(journal_path: Path) -> bool:
    """Tell whether a process works on the upload.

    Asks for a shared lock for a moment; two askers do not see each other. Where nothing can be locked no process works.
    """
    if not (journal_path.parent / FILE_NAME).exists():
        return False
    descriptor = _open(journal_path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _open(journal_path: Path) -> int:
    return open_private(journal_path.parent / FILE_NAME, os.O_RDWR)
