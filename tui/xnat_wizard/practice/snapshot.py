"""The files that the store survives a restart in.

The snapshot is written whole, seldom, and beside the event loop. What must not be lost even when the process is killed
in the next moment is noted at once, as a line in the log beside it: `state.7.log` holds what happened after snapshot 7
was taken, and goes when a later snapshot is on disk.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

_WRITE_EVERY_S = 0.5


class Root(Protocol):
    """What is written: any object that keeps the number of the log that follows it."""

    log_number: int


class Snapshot:
    """Writes one object tree as JSON; objects are written as their attributes."""

    def __init__(self, path: Path, root: Root) -> None:
        self._path = path
        self._root = root
        self._is_dirty = False
        self._writing: asyncio.Task[None] | None = None
        self._cost_s = 0.0
        self._one_writer = threading.Lock()
        self._written = 0

    def mark(self) -> None:
        """Note that something changed; the file is written soon, at most a twentieth of the time.

        Where no event loop runs it is written at once. A crash of the process loses the last second at most.
        """
        self._is_dirty = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_soon())

    def note(self, change: object) -> None:
        """Write a change into the log, now; it is small. It survives the end of the process, not of the machine."""
        path = self._path.with_suffix(f".{self._root.log_number}.log")
        path.touch(mode=0o600)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(change, default=vars) + "\n")

    def flush(self) -> None:
        """Write now, if anything changed."""
        if self._is_dirty:
            self._is_dirty = False
            self._write(*self._encode())

    def close(self) -> None:
        """Write what is not written yet; nothing is written later."""
        if self._writing is not None:
            self._writing.cancel()
            self._is_dirty = True  # the task may have been stopped between its mark and its write
        self.flush()

    async def _write_soon(self) -> None:
        while self._is_dirty:
            await asyncio.sleep(max(_WRITE_EVERY_S, 20 * self._cost_s))
            self._is_dirty = False
            await asyncio.to_thread(self._write, *self._encode())

    def _encode(self) -> tuple[int, str]:
        start = time.perf_counter()
        self._root.log_number += 1
        text = json.dumps(self._root, default=vars)
        self._cost_s = time.perf_counter() - start
        return self._root.log_number, text

    def _write(self, number: int, text: str) -> None:
        """Write in one step: a crash leaves the old file or the new one, never half; an overtaken one is dropped."""
        with self._one_writer:
            if number < self._written:
                return
            self._written = number
            draft = self._path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._path)
            for log_number, path in _logs(self._path):
                if log_number < number:
                    path.unlink()


def noted_after(path: Path, log_number: int) -> Iterator[Any]:
    """Give the changes that were noted after a snapshot was taken, oldest first; a torn last line is left out."""
    for number, log in sorted(_logs(path)):
        if number < log_number:
            continue
        for line in log.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                break


def _logs(path: Path) -> list[tuple[int, Path]]:
    names = ((log.name.removeprefix(f"{path.stem}.").removesuffix(".log"), log) for log in path.parent.glob("*.log"))
    return [(int(number), log) for number, log in names if number.isdigit()]
