"""A limit in bytes a second for the whole upload, over all its connections."""

from collections.abc import Awaitable, Callable, Iterator
from threading import Lock
from typing import Protocol

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.preferences.table import rate_bytes_s

BURST_S = 0.25  # so much may leave at once after a pause
_LEAST_PIECE = 4096


class Stop(Protocol):
    """What ends a wait in a thread; a `threading.Event` is one."""

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds, less when it is set."""
        ...


class Throttle:
    """A bucket of bytes that fills with time; shared by all connections of an upload, and by their threads."""

    def __init__(
        self, bytes_per_s: int, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        """Fill the bucket.

        Args:
            bytes_per_s: the limit, 0 for none.
            clock: seconds that only grow.
            sleep: waits that many seconds.
        """
        self._rate = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._left = self._full = bytes_per_s * BURST_S
        self._filled_s = clock()
        self._turn = Lock()

    @property
    def is_off(self) -> bool:
        """Tell whether there is no limit."""
        return not self._rate

    async def take(self, size_bytes: int) -> None:
        """Wait until so many bytes may leave; who comes later waits for those before, too."""
        if wait_s := self._owed_s(size_bytes):
            await self._sleep(wait_s)

    def hold(self, size_bytes: int, stop: Stop) -> None:
        """Wait in a thread until so many bytes may leave, or something is to end."""
        if wait_s := self._owed_s(size_bytes):
            stop.wait(wait_s)

    def _owed_s(self, size_bytes: int) -> float:
        """Take bytes out of the bucket; return how long it is until it holds them."""
        if not self._rate:
            return 0.0
        with self._turn:
            now_s = self._clock()
            self._left = min(self._full, self._left + (now_s - self._filled_s) * self._rate) - size_bytes
            self._filled_s = now_s
            return max(0.0, -self._left / self._rate)

    def cut(self, piece: bytes | memoryview) -> Iterator[bytes | memoryview]:
        """Give a piece in portions that no connection has to wait long for."""
        most = max(_LEAST_PIECE, int(self._full)) if self._rate else len(piece)
        if len(piece) <= most:
            yield piece
            return
        view = memoryview(piece)
        for start in range(0, len(piece), most):
            yield view[start : start + most]


def parse_rate(text: str) -> int:
    """Read a limit as a person writes it: `5M`, `800k`, `2.5 MB/s`, in bytes a second; 0 means none.

    Raises:
        Problem: `upload.bad_rate`.
    """
    rate = rate_bytes_s(text)
    if rate is not None:
        return rate
    raise Problem(
        Finding(
            "upload.bad_rate",
            f"`{text}` is no limit for an upload",
            "It is no number of bytes a second, or less than 1 kB",
            ("Write a number with k, M or G for thousand, million and thousand million bytes: 800k or 5M",),
        )
    )
