"""What was begun, and digests that were taken: a small SQLite file that survives a kill between any two lines.

What the site has is asked anew in every run; this only knows what nobody can ask. A file that this program began to
send, and that lies there cut, is its own remains and may be replaced. A digest of a file that has not changed since
need not be taken twice. What is known of a target is forgotten once all of it is there.
"""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from xnat_wizard.settings import open_private
from xnat_wizard.upload.resource_transfer.local_tree import LocalFile

FILE_NAME = "resources.sqlite"
_BUSY_S = 30.0
_BEGUN = """CREATE TABLE IF NOT EXISTS begun (
    target BLOB, name BLOB, size_bytes INTEGER, mtime_ns INTEGER, PRIMARY KEY (target, name)) WITHOUT ROWID"""
_DIGEST = """CREATE TABLE IF NOT EXISTS digest (
    target BLOB, path BLOB, size_bytes INTEGER, mtime_ns INTEGER, md5 TEXT, PRIMARY KEY (target, path)) WITHOUT ROWID"""


class Journal:
    """The journal of all transfers of this person; for one thread, and several processes."""

    def __init__(self, folder: Path) -> None:
        """Open it, made readable by this person only.

        Raises:
            OSError: the folder cannot be written.
        """
        self.path = folder / FILE_NAME
        os.close(open_private(self.path, os.O_RDWR))
        self._database = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
            _BEGUN,
            _DIGEST,
        ):
            self._database.execute(statement)

    def begin(self, target: str, files: Iterable[LocalFile]) -> None:
        """Note that files which the site does not have are on their way from now on."""
        key = os.fsencode(target)
        rows = [(key, os.fsencode(file.name), file.size_bytes, file.mtime_ns) for file in files]
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO begun VALUES (?, ?, ?, ?)", rows)

    def has_begun(self, target: str, file: LocalFile) -> bool:
        """Tell whether an earlier run began to send a file as it is now, when the site did not have it."""
        row = self._database.execute(
            "SELECT size_bytes, mtime_ns FROM begun WHERE target = ? AND name = ?",
            (os.fsencode(target), os.fsencode(file.name)),
        ).fetchone()
        return row is not None and row == (file.size_bytes, file.mtime_ns)

    def keep(self, target: str, source: Path, digests: Iterable[tuple[LocalFile, str]]) -> None:
        """Remember digests of files as they are now."""
        rows = [
            (os.fsencode(target), os.fsencode(source / file.path), file.size_bytes, file.mtime_ns, md5)
            for file, md5 in digests
        ]
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?)", rows)

    def md5(self, target: str, source: Path, file: LocalFile) -> str:
        """Return a file's digest if it was taken and the file has not changed since, else ""."""
        row = self._database.execute(
            "SELECT size_bytes, mtime_ns, md5 FROM digest WHERE target = ? AND path = ?",
            (os.fsencode(target), os.fsencode(source / file.path)),
        ).fetchone()
        return str(row[2]) if row is not None and row[:2] == (file.size_bytes, file.mtime_ns) else ""

    def end(self, target: str) -> None:
        """Forget a target of which everything is there."""
        with self._database:
            self._database.execute("BEGIN")
            for table in ("begun", "digest"):
                self._database.execute(f"DELETE FROM {table} WHERE target = ?", (os.fsencode(target),))  # noqa: S608

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
