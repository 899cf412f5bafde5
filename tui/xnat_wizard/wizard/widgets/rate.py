"""A rate that does not jump, the time left that follows from it, and how it went over time."""

import os
from collections import deque

BLOCKS = " ▁▂▃▄▅▆▇█"
SIGNS = " .:-=+*#@"  # for the console of Linux, whose fonts lack the blocks


class RateMeter:
    """Bytes a second over the last seconds; starts anew when the numbers go back."""

    def __init__(self, window_s: float = 8.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now_s: float, amount: int) -> None:
        """Take what is done by now."""
        if self._seen and amount < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now_s, amount))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - self._window_s:
            self._seen.popleft()

    def clear(self) -> None:
        """Forget what was seen: after a pause."""
        self._seen.clear()

    @property
    def rate_per_s(self) -> float:
        """Return the rate; 0 until about a second was seen."""
        if len(self._seen) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s - first_s >= 0.9 else 0.0

    def left_s(self, total: int) -> float | None:
        """Return the seconds to go, None while they are not known."""
        rate = self.rate_per_s
        return (total - self._seen[-1][1]) / rate if rate > 0 else None


class RateTrail:
    """What moved in each of the last periods, as a line of signs: higher is faster, and no colour is needed."""

    def __init__(self, period_s: float = 2.0, most: int = 40) -> None:
        self._period_s = period_s
        self._done: deque[float] = deque(maxlen=most)
        self._began: tuple[float, int] | None = None

    def see(self, now_s: float, amount: int) -> None:
        """Take what is done by now; a part that is sent again counts as nothing moved."""
        if self._began is None or now_s < self._began[0]:
            self._began = (now_s, amount)
            return
        began_s, before = self._began
        if now_s - began_s >= self._period_s:
            self._done.append(max(0, amount - before) / (now_s - began_s))
            self._began = (now_s, amount)

    def pause(self) -> None:
        """Leave out the time until `see` is called again."""
        self._began = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing has moved yet."""
        return not any(self._done)

    @property
    def most_per_s(self) -> float:
        """Return the highest rate of the line."""
        return max(self._done, default=0.0)

    @property
    def span_s(self) -> float:
        """Return the time that the line covers."""
        return len(self._done) * self._period_s

    def line(self, width: int) -> str:
        """Return the last `width` periods, the newest at the right."""
        signs = SIGNS if os.environ.get("TERM") == "linux" else BLOCKS
        top = self.most_per_s
        return "".join(_sign(signs, rate, top) for rate in list(self._done)[-width:]) if width > 0 else ""


def _sign(signs: str, rate: float, top: float) -> str:
    """Return the sign of a rate; a blank is nothing at all."""
    return signs[0] if not rate or not top else signs[max(1, round(rate / top * (len(signs) - 1)))]
