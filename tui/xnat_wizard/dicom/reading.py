"""Read the headers of many files: one after the other, or many at a time where opening is slow."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event

from xnat_wizard.dicom.header import UnreadableDicom, read_open_header
from xnat_wizard.dicom.model import Header
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.dicom.source import Source
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.dicom.window import Stretches, Window

_SLOW_OPEN_S = 0.00006  # to open and read 8 kB: measured 0.01 ms warm, 0.1 to 0.15 on a cold local disk, NFS 1 to 4
_READERS = 32
_SAMPLE = 64  # files between two looks at the time
_POOLED = 512  # files handed to the readers at once; bounds what is waiting for its turn


@dataclass(slots=True)
class Answer:
    """What reading one file gave: a header, or why it could not be read, or the first bytes of something else."""

    path: str
    size_bytes: int
    mtime_ns: int
    header: Header | None
    reason: str
    head: bytes


class Reader:
    """Reads files one after the other, or 32 at a time once opening proves slow; answers come in the order asked."""

    def __init__(self, stop: Event, stack: contextlib.ExitStack) -> None:
        self.source: Source | None = None
        self._stop, self._stack = stop, stack
        self._pool: ThreadPoolExecutor | None = None
        self._opening_s: list[float] = []
        self._kept: dict[str, Answer] = {}
        self._stretches = Stretches()

    def keep(self, path: str, file: OpenFile) -> None:
        """Read a file that passes by, and keep the answer until it is asked for."""
        self._kept[path] = _answer(path, file, self._stretches, lambda: None)

    def read(self, files: list[tuple[str, int]]) -> Iterator[Answer]:
        """Read files; each is a path below the source and its size as far as known."""
        at = 0
        while at < len(files):
            count = _POOLED if self._pool else _SAMPLE
            yield from self._read_some(files[at : at + count])
            at += count

    def _read_some(self, files: list[tuple[str, int]]) -> Iterable[Answer]:
        if self._pool:
            return self._pool.map(self._read_one, files)
        answers = [self._read_one(file) for file in files]
        if len(self._opening_s) >= _SAMPLE:
            # The median, so that a busy processor, which delays a few, is not taken for a slow disk.
            if sorted(self._opening_s)[len(self._opening_s) // 2] > _SLOW_OPEN_S:
                self._pool = self._stack.enter_context(ThreadPoolExecutor(_READERS, "survey reader"))
            self._opening_s.clear()
        return answers

    def _read_one(self, file: tuple[str, int]) -> Answer:
        if self._stop.is_set():
            raise Stopped
        path, size_bytes = file
        source = self.source
        if source is None:
            raise RuntimeError("nothing is read before the source is open")
        if self._kept and (kept := self._kept.pop(source.inside(path), None)):
            return replace(kept, path=path)
        began = time.perf_counter()
        try:
            with source.open(path) as opened:
                return _answer(path, opened, self._stretches, lambda: self._note_opening(began))
        except PermissionError:
            return Answer(path, size_bytes, 0, None, "there is no permission to read it", b"")
        except OSError as error:
            return Answer(path, size_bytes, 0, None, f"it cannot be opened: {error.strerror}", b"")

    def _note_opening(self, began: float) -> None:
        if self._pool is None:
            self._opening_s.append(time.perf_counter() - began)


def _answer(path: str, file: OpenFile, stretches: Stretches, on_opened: Callable[[], None]) -> Answer:
    size_bytes, mtime_ns = file.size_bytes, file.mtime_ns
    try:
        window = Window(file, stretches)
        on_opened()
        head = window.data
        header = read_open_header(window)
    except UnreadableDicom as error:
        return Answer(path, size_bytes, mtime_ns, None, error.reason, b"")
    except OSError as error:
        return Answer(path, size_bytes, mtime_ns, None, f"it cannot be read: {error.strerror}", b"")
    return Answer(path, size_bytes, mtime_ns, header, "", head[:1024] if header is None else b"")
