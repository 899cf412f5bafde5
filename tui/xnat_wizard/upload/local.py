"""The local side of an upload: its source, opened when a file of it is first read, and let go of at the end."""

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Literal, Self

from xnat_wizard.dicom.opened import AsBinary, OpenFile
from xnat_wizard.dicom.source import Source, open_source
from xnat_wizard.findings import Problem

_CLOSE_S = 1.0


class LocalSource:
    """The source of an upload; for several threads.

    Opened late, because a folder may be away when an upload is resumed of which everything is sent already, and
    because the first look into a large archive takes a while.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._opened: Source | None = None

    def opened(self) -> Source:
        """Return the open source; the first call may take long.

        Raises:
            Problem: it is not there, or cannot be read.
        """
        with self._lock:
            if self._opened is None:
                self._opened = open_source(self.path)
            return self._opened

    def check(self, path: str, mtime_ns: int) -> bool:
        """Tell whether an archive is still the one that was surveyed, by one of its files; true for a folder.

        Raises:
            Problem: it is not there, or cannot be read.
        """
        source = self.opened()
        try:
            return not source.is_archive or mtime_ns in {-1, source.status(path)[1]}
        except OSError:
            return False

    def open(self, path: str) -> OpenFile:
        """Open a file.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        return self._at_hand().open(path)

    def status(self, path: str) -> tuple[int, int]:
        """Return a file's bytes and time of change without opening it.

        Raises:
            OSError: it is not there.
        """
        return self._at_hand().status(path)

    def wire_bytes(self, path: str) -> int:  # noqa: ARG002  of sources that change what travels
        """Return how many bytes a file has as it travels, -1 where that is what it has on disk; may open it.

        Raises:
            OSError: it cannot travel.
        """
        return -1

    def place(self, path: str) -> int:
        """Return where a file lies: files are read quickest in this order. 0 before the source is open."""
        return self._opened.place(path) if self._opened else 0

    def close(self) -> None:
        """Let go of it; what hangs while it is opened is left as it is."""
        if not self._lock.acquire(timeout=_CLOSE_S):
            return
        try:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _at_hand(self) -> Source:
        try:
            return self.opened()
        except Problem as problem:
            raise FileNotFoundError(2, problem.finding.what) from problem


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of the source, as the client reads files: what it needs of a `Path`."""

    source: LocalSource
    path: str

    def open(self, _mode: Literal["rb"]) -> io.BufferedReader:
        """Open it for reading."""
        return io.BufferedReader(AsBinary(self.source.open(self.path), is_owner=True))

    def stat(self) -> os.stat_result:
        """Return its size; nothing else in it means anything."""
        size_bytes = self.source.wire_bytes(self.path)
        if size_bytes < 0:
            size_bytes, _ = self.source.status(self.path)
        return os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, size_bytes, 0, 0, 0))
