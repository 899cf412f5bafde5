"""The door of an upload's requests: it lets as many through at once as the pace allows."""

import asyncio
from collections import deque
from collections.abc import Callable

from xnat_wizard.upload.pace import Pace


class Lanes:
    """A semaphore whose size is the pace's; for one event loop."""

    def __init__(self, pace: Pace, on_change: Callable[[int], None]) -> None:
        """Open the door.

        Args:
            pace: says how many may be inside.
            on_change: is told how many are inside when somebody enters, or the last one leaves.
        """
        self._pace = pace
        self._on_change = on_change
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_use = 0

    async def __aenter__(self) -> None:
        while self.in_use >= self._pace.connections:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the turn was given to one that leaves
                raise
        self.in_use += 1
        self._on_change(self.in_use)

    async def __aexit__(self, *_: object) -> None:
        self.in_use -= 1
        if not self.in_use:
            self._on_change(0)
        self._wake()

    def moved(self, size_bytes: int, files: int) -> None:
        """Pass on what one connection has just handed to the network."""
        if self._pace.moved(size_bytes, files, in_use=self.in_use):
            self._wake()

    def stumbled(self) -> None:
        """Pass on that a request failed in a way that fewer of them may avoid."""
        self._pace.stumbled()

    def _wake(self) -> None:
        free = self._pace.connections - self.in_use
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
