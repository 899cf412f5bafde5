"""The associations of one upload: as many as the receiver takes, opened when wanted, kept for the next object."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from xnat_wizard.upload.cstore import findings
from xnat_wizard.upload.cstore.contexts import Groups
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.cstore.wire import Link, RejectedError, UnreachableError, open_link
from xnat_wizard.upload.patience import GiveUpError

WAITS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # between attempts to get an association

T = TypeVar("T")


class CrowdedError(Exception):
    """The receiver takes no further association while others are open: fewer are used from here on."""


class Links:
    """Lends associations out; for one event loop. What is done with one is done in a thread."""

    def __init__(
        self,
        peer: Peer,
        groups: Groups,
        most: int,
        *,
        sleep: Callable[[float], Awaitable[None]],
        tell: Callable[[str], None],
        on_trouble: Callable[[str], None],
        on_change: Callable[[int], None],
    ) -> None:
        """Prepare; nothing is opened.

        Args:
            peer: the receiver.
            groups: what each association is asked to carry.
            most: never more associations than this.
            sleep: waits that many seconds.
            tell: is told each wait, in words.
            on_trouble: is told why something is tried again, and "" when it has succeeded.
            on_change: is told how many associations are in use.
        """
        self._peer = peer
        self._groups = groups
        self._sleep = sleep
        self._tell = tell
        self._on_trouble = on_trouble
        self._on_change = on_change
        self._executor = ThreadPoolExecutor(most, "dicom")
        self._most = most
        self._in_use = 0
        self._turn = asyncio.Condition()
        self._opening = asyncio.Lock()
        self._free: list[Link] = []
        self._open: set[Link] = set()
        self._made: list[Link] = []  # all of them, also those whose opener was cancelled meanwhile

    @asynccontextmanager
    async def lent(self, group: int) -> AsyncIterator[Link]:
        """Lend an association that was asked to carry a group of kinds.

        Raises:
            CrowdedError: try again: fewer are used now.
            GiveUpError: none can be had.
        """
        async with self._turn:
            await self._turn.wait_for(lambda: self._in_use < self._most)
            self._in_use += 1
            self._on_change(self._in_use)
        try:
            link = await self._link(group)
            try:
                yield link
            except BaseException:
                self.drop(link)
                raise
            if link in self._open:
                self._free.append(link)
        finally:
            async with self._turn:
                self._in_use -= 1
                if not self._in_use:
                    self._on_change(0)
                self._turn.notify_all()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do something with a link in a thread of the pool."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def drop(self, link: Link) -> None:
        """Forget an association that has ended, or end it under whoever waits for it."""
        link.cut()
        self._open.discard(link)

    async def close(self) -> None:
        """End all associations, those at rest in good order; none is lent any more."""
        for link in self._free:
            await self.in_thread(link.release)
        self._free.clear()
        self._open.clear()
        for link in self._made:
            link.cut()
        await asyncio.to_thread(self._executor.shutdown)
        for link in self._made:
            link.close()

    def _shrink(self) -> None:
        fewer = max(1, min(self._most - 1, len(self._open)))
        if fewer < self._most:
            self._most = fewer
            some = "one association" if fewer == 1 else f"{fewer} associations"
            self._tell(f"The receiver takes no more than {some} at a time")

    async def _link(self, group: int) -> Link:
        link = self._at_rest(group)
        if link is not None:
            return link
        async with self._opening:  # one after the other: a receiver that is full rejects all who come at once
            return self._at_rest(group) or await self._new(group)

    def _at_rest(self, group: int) -> Link | None:
        link = next((one for one in self._free if one.group == group), None)
        if link is not None:
            self._free.remove(link)
        return link

    async def _new(self, group: int) -> Link:
        if self._free and len(self._open) >= self._most:  # of another group: make room
            spare = self._free.pop(0)
            self._open.discard(spare)
            await self.in_thread(spare.release)
        link = await self._opened(group)
        link.group = group
        self._open.add(link)
        return link

    def _connect(self, group: int) -> Link:
        link = open_link(self._peer, self._groups.kinds[group])
        self._made.append(link)
        return link

    async def _opened(self, group: int) -> Link:
        waits = iter(WAITS_S)
        had_trouble = False
        while True:
            try:
                link = await self.in_thread(partial(self._connect, group))
            except UnreachableError as error:
                finding = findings.unreachable(self._peer, error.reason)
            except RejectedError as rejection:
                if not rejection.is_transient:
                    raise GiveUpError(findings.rejected(self._peer, rejection)) from rejection
                if self._open:  # wait for one of those instead
                    self._shrink()
                    raise CrowdedError from rejection
                finding = findings.crowded(self._peer)
            else:
                if had_trouble:
                    self._on_trouble("")
                    self._tell("Connected again")
                return link
            wait_s = next(waits, None)
            if wait_s is None:
                raise GiveUpError(finding)
            had_trouble = True
            self._on_trouble(finding.what)
            self._tell(f"{finding.what}: {finding.why}. Trying again in {wait_s:.0f} s")
            await self._sleep(wait_s)
