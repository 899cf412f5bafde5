"""Trying again: how long, how often, and what is said meanwhile.

Failures are sorted by their kind, never by their words (`xnat/errors.py`). All connections of an upload share one
wait, so that a site that is gone is not asked by each of them in its own rhythm.

Only time spent trying is counted: a machine that was suspended, a pause, and a site that asks for a long wait do not
end an upload at the next failure.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.errors import LoginAgain, Retry, RetryAfter, SiteProblem

GIVE_UP_AFTER_S = 600.0  # of trying, without any success of any connection, where a person or a script waits
UNATTENDED_GIVE_UP_AFTER_S = 12 * 3600.0  # where nobody does: longer than a night, shorter than a token lasts
LONGEST_GAP_S = 120.0  # so much between two failures counts as trying; the rest is a machine or an upload that slept
MAX_RETRY_AFTER_S = 3600.0  # the longest single wait that a site may ask for; it counts as trying like any other gap
STUBBORN_AFTER = 6  # failures of one call, if the site answers others
MAX_WAIT_S = 30.0
LATER_MAX_WAIT_S = LONGEST_GAP_S  # once it has taken as long as a person waits
FLOWS_BYTES = 8_000_000  # of one request: less may wait in this machine while no line is there

T = TypeVar("T")


class GiveUpError(Exception):
    """The upload as a whole cannot go on now; it can be resumed."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class StubbornError(Exception):
    """One call fails again and again although the site answers others."""

    def __init__(self, problem: SiteProblem) -> None:
        super().__init__(problem.finding.code)
        self.problem = problem


class Patience:
    """Repeats calls that may succeed later. Shared by all tasks of one upload, on one loop."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        tell: Callable[[str], None],
        probe: Callable[[], Awaitable[object]],
        on_trouble: Callable[[str], None] = lambda _words: None,
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> None:
        """Set up.

        Args:
            clock: epoch seconds.
            sleep: waits that many seconds.
            random: 0 up to 1, spreads the waits.
            tell: is told each wait, in words.
            probe: asks the site something cheap; raises `SiteProblem` when it does not answer.
            on_trouble: is told why a call is tried again, in words, and "" when one has succeeded after that.
            give_up_after_s: of trying without any success.
        """
        self._give_up_after_s = give_up_after_s
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._tell = tell
        self._probe = probe
        self._on_trouble = on_trouble
        self._trouble: SiteProblem | None = None
        self._failures = 0  # in a row, over all connections
        self._tried_s = 0.0  # since the first of them, without the long gaps
        self._last_failure_s = 0.0
        self._wait_s = 0.0
        self._next_try_s = 0.0

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make a call until it succeeds or fails for good.

        Raises:
            SiteProblem: it was refused, or nothing more will work.
            StubbornError: the site lives and this call still fails.
            GiveUpError: the site has not answered anything for too long.
        """
        failures = 0
        while True:
            try:
                result = await attempt()
            except SiteProblem as problem:
                if not may_pass(problem):
                    raise
                failures += 1
                if failures >= STUBBORN_AFTER and isinstance(problem, LoginAgain):
                    raise  # no site keeps a session this badly: a person has to look at it
                if failures >= STUBBORN_AFTER and await self._is_alive():
                    raise StubbornError(problem) from problem
                await self._wait(problem)
            else:
                self._failures = 0
                self._calm()
                return result

    def moved(self, size_bytes: int) -> None:
        """Take note that a request has sent so many bytes by now: the line is there long before the answer."""
        if size_bytes >= FLOWS_BYTES and self._trouble is not None and not self._trouble.status:
            self._calm()

    def _calm(self) -> None:
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            self._on_trouble("")
            self._tell("Tried again with success" if trouble.status else "Connected again")

    async def _is_alive(self) -> bool:
        try:
            await self._probe()
        except SiteProblem:
            return False
        self._failures = 0
        return True

    async def _wait(self, problem: SiteProblem) -> None:
        now_s = self._clock()
        gap_s = now_s - self._last_failure_s if self._failures else 0.0
        self._tried_s = self._tried_s + min(LONGEST_GAP_S, max(0.0, gap_s)) if self._failures else 0.0
        self._last_failure_s = now_s
        if self._tried_s > self._give_up_after_s:
            raise GiveUpError(_gone(problem, self._tried_s))
        if self._next_try_s <= now_s:  # otherwise another connection has set the time
            most_s = MAX_WAIT_S if self._tried_s <= GIVE_UP_AFTER_S else LATER_MAX_WAIT_S
            self._wait_s = min(most_s, 2.0 ** min(self._failures, 10)) * (0.75 + self._random() / 2)
            asked_s = problem.seconds if isinstance(problem, RetryAfter) else 0.0
            self._wait_s = max(self._wait_s, min(asked_s, MAX_RETRY_AFTER_S))
            self._failures += 1
            self._next_try_s = now_s + self._wait_s
            self._tell(f"{problem.finding.what}. Trying again in {_in_words(self._wait_s, asked_s)}")
        self._trouble = problem
        self._on_trouble(problem.finding.what)
        await self._sleep(min(self._wait_s, max(0.0, self._next_try_s - now_s)))  # the clock may be set back


def may_pass(problem: SiteProblem) -> bool:
    """Tell whether the same call may succeed later.

    A name service that fails in mid-upload is a network that is down: the name was known at the start. A session that
    was lost, made anew and lost again is no login that was refused: the site has just taken it.
    """
    return isinstance(problem, Retry) or problem.finding.code in {"site.unknown_host", "login.lost"}


def _in_words(wait_s: float, asked_s: float) -> str:
    if wait_s <= GIVE_UP_AFTER_S:
        return f"{max(1, round(wait_s))} s"
    whose = f"; the site asks for {asked_s / 60:.0f} min" if asked_s > wait_s else ", as the site asks"
    return f"{wait_s / 60:.0f} min{whose}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} hours"


def _gone(problem: SiteProblem, seconds: float) -> Finding:
    return Finding(
        "upload.server_gone",
        "The server has not answered, and the upload has stopped",
        f"Tried for {_duration(seconds)}. The last reason: {problem.finding.what}",
        (
            "Check that the server and the network are up",
            "Resume the upload then: what the server has is not sent again",
            *problem.finding.todo,
        ),
        where=problem.finding.where,
    )
