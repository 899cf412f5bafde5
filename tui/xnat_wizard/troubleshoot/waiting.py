"""How long to wait for a site that is still working, and when what does not move is stuck (missing data 3.5)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.times import row_age_s
from xnat_wizard.xnat.inquiries.values import Row, SiteFacts

ARRIVING = frozenset({"RECEIVING", "RECEIVING_INTERRUPT"})
STEPS_S = (15.0, 30.0, 60.0, 120.0)
_STUCK_S = 1800.0

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


def polls_s() -> Iterator[float]:
    """Give how long to wait before each look: 15, 30, 60, 120, 120, ... seconds."""
    yield from STEPS_S[:-1]
    while True:
        yield STEPS_S[-1]


def patience_s(row: Row, site: SiteFacts | None) -> float:
    """Return for how long a row may stay as it is before it counts as stuck."""
    facts = site or SiteFacts("", "")
    if row.status in ARRIVING:
        return facts.build_s
    return facts.archive_s if row.plain_status == "ARCHIVING" else _STUCK_S


def is_moving(row: Row, facts: Facts) -> bool:
    """Tell whether the site may still be working on a row: the status says so, and its last change is recent.

    One that waits for its sender to commit it moves as long as its files arrive, and no longer.
    """
    if row.is_settled:
        return False
    age = row_age_s(row, facts)
    return age is None or age < patience_s(row, facts.site.value if facts.site else None)


@dataclass(frozen=True, slots=True)
class Waited:
    """What came of waiting."""

    has_settled: bool  # it was done before patience ended
    looks: int


async def wait_for(
    look: Callable[[], Awaitable[str]],
    *,
    is_done: Callable[[str], bool],
    patience_s: float,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> Waited:
    """Look again and again until it is done, or nothing has changed for as long as patience lasts.

    Args:
        look: asks the site; returns all that may change in one text: status, time of change, number of files.
        is_done: tells of such a text whether there is nothing more to wait for.
        patience_s: without any change.
        clock: in seconds.
        sleep: waits.
    """
    seen = await look()
    changed_s = clock()
    looks = 1
    waits_s = polls_s()
    while True:
        if is_done(seen):
            return Waited(has_settled=True, looks=looks)
        if clock() - changed_s >= patience_s:
            return Waited(has_settled=False, looks=looks)
        await sleep(next(waits_s))
        now = await look()
        looks += 1
        if now != seen:
            seen, changed_s = now, clock()
