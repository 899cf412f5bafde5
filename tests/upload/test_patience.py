import asyncio

import pytest

from upload.clocks import Clock
from xnat_wizard.findings import Finding
from xnat_wizard.upload.patience import GIVE_UP_AFTER_S, GiveUpError, Patience, StubbornError
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, Retry, RetryAfter, SiteProblem

GONE = Finding("site.unreachable", "No connection to x", "It does not answer", ("Wait",))


class FlakySite:
    """Fails a number of times, then answers; may answer a probe meanwhile."""

    def __init__(self, failures: list[SiteProblem], *, is_alive: bool = False) -> None:
        self.failures = failures
        self.is_alive = is_alive
        self.calls = 0

    async def ask(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "there"

    async def probe(self) -> None:
        if not self.is_alive:
            raise Retry(GONE)


def patience_for(site: FlakySite, clock: Clock, told: list[str]) -> Patience:
    return Patience(clock=clock, sleep=clock.sleep, random=lambda: 0.5, tell=told.append, probe=site.probe)


async def test_waits_grow_and_are_told_in_words() -> None:
    clock, told = Clock(), list[str]()
    site = FlakySite([Retry(GONE) for _ in range(4)])
    assert await patience_for(site, clock, told).call(site.ask) == "there"
    assert clock.waits == [1, 2, 4, 8]
    assert told[-1] == "No connection to x. Trying again in 8 s"


async def test_the_site_may_say_how_long_to_wait() -> None:
    clock = Clock()
    site = FlakySite([RetryAfter(GONE, seconds=120, status=503)])
    await patience_for(site, clock, []).call(site.ask)
    assert clock.waits == [120]


async def test_a_site_that_is_gone_for_ten_minutes_ends_the_upload() -> None:
    clock = Clock()
    site = FlakySite([Retry(GONE) for _ in range(1000)])
    with pytest.raises(GiveUpError) as end:
        await patience_for(site, clock, []).call(site.ask)
    assert end.value.finding.code == "upload.server_gone"
    assert GIVE_UP_AFTER_S < sum(clock.waits) < 1.2 * GIVE_UP_AFTER_S


async def test_a_call_that_fails_while_the_site_lives_is_stubborn() -> None:
    site = FlakySite([Retry(GONE, status=500) for _ in range(1000)], is_alive=True)
    with pytest.raises(StubbornError):
        await patience_for(site, Clock(), []).call(site.ask)
    assert site.calls == 6


@pytest.mark.parametrize("kind", [Refused, Fatal, LoginAgain])
async def test_what_will_not_change_is_not_tried_again(kind: type[SiteProblem]) -> None:
    site = FlakySite([kind(GONE)])
    with pytest.raises(kind):
        await patience_for(site, Clock(), []).call(site.ask)
    assert site.calls == 1


async def test_a_name_service_that_fails_in_mid_upload_is_waited_for() -> None:
    site = FlakySite([Fatal(Finding("site.unknown_host", "No host x", "", ()))])
    assert await patience_for(site, Clock(), []).call(site.ask) == "there"


async def test_connections_share_one_wait() -> None:
    clock, told = Clock(), list[str]()
    sites = [FlakySite([Retry(GONE)]) for _ in range(4)]
    patience = patience_for(sites[0], clock, told)
    assert await asyncio.gather(*(patience.call(site.ask) for site in sites)) == ["there"] * 4
    assert len(told) == 1
