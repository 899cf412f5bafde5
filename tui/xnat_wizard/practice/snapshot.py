"""The file that the store survives a restart in: written whole, seldom, and beside the event loop."""

import asyncio
import json
import threading
import time
from pathlib import Path

_WRITE_EVERY_S = 0.5


class Snapshot:
    """Writes one object tree as JSON; objects are written as their attributes."""

    def __init__(self, path: Path, root: object) -> None:
        self._path = path
        self._root = root
        self._is_dirty = False
        self._writing: asyncio.Task[None] | None = None
        self._cost_s = 0.0
        self._one_writer = threading.Lock()
        self._encoded = 0
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

    async def write_now(self) -> None:
        """Write what is known now, beside the loop; for what must outlive a crash that comes right after it."""
        self._is_dirty = False
        await asyncio.to_thread(self._write, *self._encode())

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
        text = json.dumps(self._root, default=vars)
        self._cost_s = time.perf_counter() - start
        self._encoded += 1
        return self._encoded, text

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
