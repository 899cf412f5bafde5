"""Puts questions to a site and keeps the evidence of each; never raises for what the site says.

At most four at a time, within a budget, and patient with a site that asks to slow down. Sources: missing data 0.4 (how
to read an answer), 3.2 (budget).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.errors import LoginAgain, RetryAfter, SiteProblem
from xnat_wizard.xnat.http import Http, Upload
from xnat_wizard.xnat.refusals import SUCCESS
from xnat_wizard.xnat.told import Evidence, Standing, Told

BUDGET = 25
PARALLEL = 4
ANSWER_S = 60.0
_WAITS_S = (2.0, 5.0)
_SLOW_DOWN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_S = 60.0
_DENIED = frozenset({403})

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger(__name__)


class Asker:
    """Asks on behalf of one case; for several tasks of one event loop.

    Evidence stands in the order in which the questions were put, whichever is answered first.
    """

    def __init__(self, http: Http, *, sleep: Sleep = asyncio.sleep, budget: int = BUDGET) -> None:
        self.http = http
        self.budget = budget
        self.requests = 0  # all that were sent, those beyond the budget included
        self._sleep = sleep
        self._slots = asyncio.Semaphore(PARALLEL)
        self._asked: list[Evidence | None] = []

    @property
    def asked(self) -> tuple[Evidence, ...]:
        """Return what was asked and has been answered, in the order of asking."""
        return tuple(one for one in self._asked if one is not None)

    def now(self) -> str:
        """Return the time by the site's clock, where it has said it, as ISO 8601 with our zone."""
        seconds = time.time() + (self.http.ahead_s or 0.0)
        return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(timespec="seconds")

    async def ask(
        self,
        query: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        read: Callable[[Answer], T],
        empty: T,
        words: Callable[[T], str],
        method: str = "GET",
        denied: Iterable[int] = (),
        ok: frozenset[int] = SUCCESS,
        is_free: bool = False,
        **more: object,
    ) -> Told[T]:
        """Put one question.

        Args:
            query: its number in the catalogue of missing data.
            path: encoded.
            params: of the query.
            read: takes the value out of a successful answer.
            empty: the value where there is no answer.
            words: says the value in a few words.
            method: of HTTP.
            denied: statuses that stand for "not allowed" here, besides 403.
            ok: statuses that are a success.
            is_free: does not count against the budget: there is one for each scan.
            **more: for `Http.call`: `upload`, `headers`, `limit_bytes`.
        """
        place = len(self._asked)
        self._asked.append(None)
        asked = shown(method, path, params)
        if not is_free:
            if self.budget <= 0:
                return self._keep(place, empty, Standing.NOT_ASKED, query, asked, "not asked: enough was asked already")
            self.budget -= 1
        refused = _DENIED | frozenset(denied)
        try:
            async with self._slots:
                answer = await self._patiently(method, path, params, ok=ok, **more)
            value = read(answer)
        except LoginAgain as problem:
            return self._keep(place, empty, Standing.FAILED, query, asked, _status(problem, "not logged in"))
        except SiteProblem as problem:
            if problem.status in refused:
                return self._keep(place, empty, Standing.NOT_ALLOWED, query, asked, _status(problem, "not allowed"))
            if problem.status == 404:
                return self._keep(place, empty, Standing.ABSENT, query, asked, "404: not there, or hidden from us")
            return self._keep(place, empty, Standing.FAILED, query, asked, _status(problem, problem.finding.code))
        except Exception as error:  # noqa: BLE001  the door of the questions: one that crashes is a result
            _log.warning("question failed query=%s error=%s", query, type(error).__name__)
            return self._keep(place, empty, Standing.FAILED, query, asked, f"could not be read: {type(error).__name__}")
        return self._keep(place, value, Standing.ANSWERED, query, asked, words(value))

    async def ask_many(
        self,
        query: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        read: Callable[[Answer], tuple[R, ...]],
        words: Callable[[tuple[R, ...]], str] | None = None,
        **more: object,
    ) -> Told[tuple[R, ...]]:
        """Put one question whose answer is several things: none where there is no answer. See `ask`."""
        empty: tuple[R, ...] = ()
        return await self.ask(query, path, params, read=read, empty=empty, words=words or rows_said, **more)  # type: ignore[arg-type]  # passed on

    async def _patiently(
        self, method: str, path: str, params: Mapping[str, str] | None, *, ok: frozenset[int], **more: object
    ) -> Answer:
        """Ask, and again where the site asks to slow down."""
        for wait_s in (*_WAITS_S, 0.0):
            self.requests += 1
            try:
                return await self.http.call(method, path, params, ok=ok, answer_s=ANSWER_S, **more)  # type: ignore[arg-type]  # named by the caller
            except SiteProblem as problem:
                if problem.status not in _SLOW_DOWN or not wait_s:
                    raise
                said_s = problem.seconds if isinstance(problem, RetryAfter) else 0.0
                await self._sleep(min(max(wait_s, said_s), _LONGEST_WAIT_S))
        raise AssertionError("the last try returns or raises")

    def _keep(self, place: int, value: T, standing: Standing, query: str, asked: str, got: str) -> Told[T]:
        evidence = Evidence(query, asked, got, self.now())
        self._asked[place] = evidence
        return Told(value, standing, (evidence,))


def shown(method: str, path: str, params: Mapping[str, str] | None) -> str:
    """Return a question as it is shown: the path, and of the parameters what is asked for."""
    kept = {key: value for key, value in (params or {}).items() if key not in {"columns", "limit"}}
    return f"{method} {path}" + ("?" + "&".join(f"{key}={value}" for key, value in kept.items()) if kept else "")


def rows_said(rows: tuple[object, ...]) -> str:
    """Say how many rows came."""
    return "1 row" if len(rows) == 1 else f"{len(rows)} rows"


def joined(*told: Told[T], value: T) -> Told[T]:
    """Return one answer of several questions: known when one of them is, and with the evidence of all."""
    evidence = tuple(piece for one in told for piece in one.evidence)
    for standing in (Standing.ANSWERED, Standing.NOT_ALLOWED, Standing.FAILED, Standing.ABSENT):
        if any(one.standing is standing for one in told):
            return Told(value, standing, evidence)
    return Told(value, Standing.NOT_ASKED, evidence)


def json_upload(text: bytes) -> Upload:
    """Return a body of JSON."""
    from xnat_wizard.xnat.http import Bytes

    return Upload(Bytes(text), len(text), "application/json")


def _status(problem: SiteProblem, words: str) -> str:
    return f"{problem.status}: {words}" if problem.status else words
