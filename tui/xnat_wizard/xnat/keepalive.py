"""Keeps a session from idling out while long work is going on (wire contract 1.3, 11.1)."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from xnat_wizard.xnat.errors import LoginAgain, SiteProblem
from xnat_wizard.xnat.http import Http

LONGEST_S = 60.0

_log = logging.getLogger(__name__)


class KeepAlive:
    """One task that asks the site who we are, for as long as somebody holds it."""

    def __init__(self, http: Http, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._http = http
        self._sleep = sleep
        self._holders = 0
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the session alive inside the block; blocks may nest and overlap."""
        self._holders += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="keep-alive")
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                await self.stop()

    async def stop(self) -> None:
        """End the task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while True:
            await self._sleep(min(self._http.idle_s / 2, LONGEST_S))
            try:
                await self._http.call("GET", "/xapi/users/username", headers={"Accept": "*/*"})
            except LoginAgain:
                return  # the work itself will say so
            except SiteProblem as problem:
                _log.info("keep-alive failed code=%s", problem.finding.code)
