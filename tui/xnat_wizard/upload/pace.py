"""How many connections an upload uses: more while that makes it faster, fewer when the server has trouble.

Only decides; it is told what happens and what time it is, and opens nothing. It works in windows of two seconds: a rate
counts only when all connections were busy throughout. From two connections on it tries half as many more, keeps them
when bytes or files a second rise by a tenth, else goes back and leaves it at that for a while.
"""

from collections.abc import Callable

START = 2
MOST = 8
CHOICE_MOST = 12  # more is never allowed: it is the server's other users who would pay
GAIN = 1.10
LOSS = 0.5  # of both rates: the server has slowed down
WINDOW_S = 2.0
SETTLE_S = 30.0  # after more connections brought nothing
HOLD_S = 30.0  # after trouble
ONE_TROUBLE_S = 5.0  # several connections that fail within this time met the same trouble
_MOVES = 4  # so many a connection make a window worth reading


class Pace:
    """The number of connections of one upload."""

    def __init__(self, *, clock: Callable[[], float], most: int = MOST) -> None:
        """Begin with few connections.

        Args:
            clock: seconds that only grow.
            most: never more connections than this.
        """
        self._clock = clock
        self._most = max(1, min(most, CHOICE_MOST))
        self.connections = min(START, self._most)
        self._before = 0  # connections before the trial that is under way; 0: none is
        self._known: tuple[float, float] | None = None  # bytes and files a second at this number
        self._no_more_until_s = 0.0
        self._last_trouble_s = -ONE_TROUBLE_S
        self._slow_windows = 0
        self._begin()

    def moved(self, size_bytes: int, files: int, *, in_use: int) -> bool:
        """Take note of what has just left; tell whether the number of connections changed.

        Args:
            size_bytes: handed to the network since the last call, by one connection.
            files: of them, read to their end.
            in_use: connections at work now.
        """
        now_s = self._clock()
        if in_use < self.connections:
            self._begin()
            return False
        self._bytes += size_bytes
        self._files += files
        self._moves += 1
        elapsed_s = now_s - self._began_s
        if elapsed_s < WINDOW_S or self._moves < _MOVES * self.connections:
            return False
        before = self.connections
        self._judge((self._bytes / elapsed_s, self._files / elapsed_s), now_s)
        self._begin()
        return self.connections != before

    def stumbled(self) -> None:
        """Take note of a 429, 503, time-out or lost connection: half of the connections, and no more for a while."""
        now_s = self._clock()
        if now_s - self._last_trouble_s >= ONE_TROUBLE_S:
            self._last_trouble_s = now_s
            self._settle(max(1, self.connections // 2))
        self._no_more_until_s = now_s + HOLD_S
        self._begin()

    def _judge(self, rates: tuple[float, float], now_s: float) -> None:
        known = self._known
        if self._before and known:
            if any(rate >= GAIN * old for rate, old in zip(rates, known, strict=True) if old):
                self._before = 0
            else:
                self._settle(self._before)
                self._no_more_until_s = now_s + SETTLE_S
                return
        elif known and all(rate <= LOSS * old for rate, old in zip(rates, known, strict=True)):
            self._slow_windows += 1
            if self._slow_windows > 1:
                self._settle(max(1, self.connections - 1))
                self._no_more_until_s = now_s + SETTLE_S
            return
        self._slow_windows = 0
        self._known = rates
        if now_s >= self._no_more_until_s and self.connections < self._most:
            self._before = self.connections
            self.connections = min(self._most, self.connections + max(1, self.connections // 2))

    def _settle(self, connections: int) -> None:
        self.connections = connections
        self._before = 0
        self._known = None
        self._slow_windows = 0

    def _begin(self) -> None:
        self._began_s = self._clock()
        self._bytes = self._files = self._moves = 0
