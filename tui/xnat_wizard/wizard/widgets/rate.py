"""A rate that does not jump, and the time left that follows from it."""

from collections import deque


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
