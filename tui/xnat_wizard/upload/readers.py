"""The threads that read files for an upload, and what is said when a read does not come back."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from xnat_wizard.upload.matching import match
from xnat_wizard.upload.parts import digest

SLOW_READ_S = 30.0  # so long a piece of a file may take before it is told
LOOK_EVERY_S = 1.0
_LONG: tuple[Callable[..., Any], ...] = (match, digest)


class Readers(ThreadPoolExecutor):
    """Threads whose work is watched: on a mount that is gone a read has no end."""

    def __init__(self, count: int) -> None:
        super().__init__(count, "reader")
        self._began_s: dict[int, float] = {}
        self._numbers = itertools.count()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Have something done in a thread; what reads whole files or sessions takes long, and is not watched."""
        if (fn.func if isinstance(fn, partial) else fn) in _LONG:
            return super().submit(fn, *args, **kwargs)
        return super().submit(self._watched, fn, *args, **kwargs)

    def _watched(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        number = next(self._numbers)
        self._began_s[number] = time.monotonic()
        try:
            return fn(*args, **kwargs)
        finally:
            del self._began_s[number]

    @property
    def longest_s(self) -> float:
        """Return how long the oldest read that has not come back is under way."""
        began_s = list(self._began_s.values())
        return time.monotonic() - min(began_s) if began_s else 0.0

    async def watch(
        self, tell: Callable[[str], None], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Tell when a read does not come back, and when it has; until cancelled."""
        is_told = False
        while True:
            await sleep(LOOK_EVERY_S)
            longest_s = self.longest_s
            if longest_s >= SLOW_READ_S and not is_told:
                tell(
                    f"No bytes from the disk for {longest_s:.0f} s: the folder of the images may be on a drive that "
                    "hangs. Waiting for it"
                )
                is_told = True
            elif longest_s < SLOW_READ_S and is_told:
                tell("The disk answers again")
                is_told = False
