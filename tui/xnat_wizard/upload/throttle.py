"""A limit in bytes a second for the whole upload, over all its connections."""

import re
from collections.abc import Awaitable, Callable, Iterator

from xnat_wizard.findings import Finding, Problem

BURST_S = 0.25  # so much may leave at once after a pause
_LEAST_PIECE = 4096
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


class Throttle:
    """A bucket of bytes that fills with time; shared by all connections of an upload."""

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

    @property
    def is_off(self) -> bool:
        """Tell whether there is no limit."""
        return not self._rate

    async def take(self, size_bytes: int) -> None:
        """Wait until so many bytes may leave; who comes later waits for those before, too."""
        if not self._rate:
            return
        now_s = self._clock()
        self._left = min(self._full, self._left + (now_s - self._filled_s) * self._rate) - size_bytes
        self._filled_s = now_s
        if self._left < 0:
            await self._sleep(-self._left / self._rate)

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
    found = _RATE.fullmatch(text.strip())
    rate = int(float(found[1]) * _UNITS[found[2].lower()]) if found else -1
    if found and (rate >= 1000 or float(found[1]) == 0):
        return rate
    raise Problem(
        Finding(
            "upload.bad_rate",
            f"`{text}` is no limit for an upload",
            "It is less than 1 kB a second" if found else "It is no number of bytes a second",
            ("Write a number with k, M or G for thousand, million and thousand million bytes: 800k or 5M",),
        )
    )
