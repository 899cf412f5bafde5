"""Where files of the site lie until they are whole: a hidden folder in the one that they go to, gone afterwards.

It is locked while it is used, so that what a killed run has left is known, and taken away by the next one.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Self

from xnat_wizard.xnat.downloads import PART


class Scratch:
    """A hidden folder, for this person only, in the folder that files are saved to."""

    def __init__(self, root: Path) -> None:
        """Make it, and the folder itself where it is missing; take away what killed runs have left.

        Raises:
            OSError: the folder cannot be made or written.
        """
        make_folders(root)
        self.root = Path(os.path.realpath(root))
        for left in self.root.glob(f"{PART}*"):
            _remove_if_left(left)
        self.path = Path(tempfile.mkdtemp(prefix=PART, dir=self.root))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a file system without locks: then nothing is ever taken away
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def place(self, whole: Path, target: Path, *, is_replacing: bool) -> None:
        """Give a whole file its place.

        Raises:
            FileExistsError: the place is taken.
            OSError: it cannot be written.
        """
        make_folders(target.parent)
        if is_replacing:
            whole.replace(target)
            return
        try:
            target.hardlink_to(whole)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                whole.replace(target)
            except OSError:
                target.unlink()  # the empty one that was made for it
                raise
        else:
            whole.unlink()

    def close(self) -> None:
        """Take it away, and the folder itself if nothing is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        with contextlib.suppress(OSError):
            self.root.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for this person only."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def _remove_if_left(folder: Path) -> None:
    """Take away a folder that no process uses."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
