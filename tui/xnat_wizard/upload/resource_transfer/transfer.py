"""Works on many targets, a few at a time; what goes wrong with one does not stop the others."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from xnat_wizard.upload.patience import Patience
from xnat_wizard.upload.resource_transfer.getting import Getting
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Outcome, Tally, Target, Wishes
from xnat_wizard.upload.resource_transfer.putting import Putting
from xnat_wizard.upload.resource_transfer.tools import Tools
from xnat_wizard.upload.throttle import Throttle
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.site import Site

AT_ONCE = 2  # targets; files of one resource share its catalogue on the site, so they do not hurry each other
_READERS = 4


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a run stands."""

    targets_done: int
    targets_total: int
    travelled_bytes: int
    to_travel_bytes: int  # of the targets that were looked at so far


class Transfer:
    """One run: targets to put or to get. On one loop."""

    def __init__(
        self,
        site: Site,
        journal: Journal,
        wishes: Wishes,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        tell: Callable[[str], None],
        limit_bytes_s: int = 0,
        at_once: int = AT_ONCE,
    ) -> None:
        """Prepare.

        Args:
            site: is logged in.
            journal: of this person's transfers.
            wishes: how to work.
            clock: epoch seconds.
            sleep: waits that many seconds.
            random: 0 up to 1, spreads waits.
            tell: is told what happens, in words.
            limit_bytes_s: of all that is sent, 0 for none.
            at_once: so many targets are worked on at a time.
        """
        self._site = site
        self._at_once = at_once
        self._done = self._total = 0
        self._executor = ThreadPoolExecutor(_READERS, thread_name_prefix="resource")
        self._tools = Tools(
            url=site.info.url,
            resources=site.resources,
            patience=Patience(clock=clock, sleep=sleep, random=random, tell=tell, probe=self._probe),
            executor=self._executor,
            throttle=Throttle(limit_bytes_s, clock=clock, sleep=sleep),
            journal=journal,
            wishes=wishes,
            tell=tell,
        )
        self._project = ""

    def snapshot(self) -> Snapshot:
        """Return how the run stands."""
        tallies = self._tools.tallies.values()
        return Snapshot(
            self._done,
            self._total,
            sum(tally.travelled_bytes for tally in tallies),
            sum(max(tally.to_travel_bytes, tally.travelled_bytes) for tally in tallies),
        )

    def tally(self, target: Target) -> Tally | None:
        """Return the counts of a target, which go on; `None` before it is worked on."""
        return self._tools.tallies.get(target)

    def put(self, targets: Sequence[Target]) -> AsyncGenerator[Outcome, None]:
        """Send targets; give what came of each as it ends.

        Raises:
            GiveUpError, LoginAgain, Fatal: nothing more will work; what was given before holds.
        """
        return self._run(targets, lambda target: Putting(self._tools, target).run())

    def get(self, targets: Sequence[Target]) -> AsyncGenerator[Outcome, None]:
        """Save targets; else like `put`."""
        return self._run(targets, lambda target: Getting(self._tools, target).run())

    async def _run(
        self, targets: Sequence[Target], work: Callable[[Target], Awaitable[Outcome]]
    ) -> AsyncGenerator[Outcome, None]:
        gate = asyncio.Semaphore(self._at_once)
        self._total = len(targets)
        self._project = targets[0].address.project

        async def one(target: Target) -> Outcome:
            async with gate:
                outcome = await work(target)
            self._done += 1
            return outcome

        tasks = [asyncio.create_task(one(target)) for target in targets]
        try:
            async with self._site.kept_alive():
                for ready in asyncio.as_completed(tasks):
                    yield await ready
        finally:
            self._tools.stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def _probe(self) -> object:
        return await self._site.resources.find(Address(self._project))
