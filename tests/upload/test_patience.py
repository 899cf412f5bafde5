import asyncio

import pytest

from upload.clocks import Clock
from xnat_wizard.findings import Finding
from xnat_wizard.upload.patience import (
    FLOWS_BYTES,
    GIVE_UP_AFTER_S,
    LONGEST_GAP_S,
    MAX_RETRY_AFTER_S,
    MAX_WAIT_S,
    STUBBORN_AFTER,
    GiveUpError,
    Patience,
    StubbornError,
)
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
    assert told[-2:] == ["No connection to x. Trying again in 8 s", "Connected again"]


async def test_the_connection_that_is_back_is_told_once() -> None:
    clock, told = Clock(), list[str]()
    patience = patience_for(FlakySite([]), clock, told)
    await patience.call(FlakySite([Retry(GONE), Retry(GONE)]).ask)
    await patience.call(FlakySite([]).ask)
    assert told[1:] == ["No connection to x. Trying again in 2 s", "Connected again"]


async def test_a_request_on_its_way_shows_that_the_connection_is_back() -> None:
    clock, told, troubles = Clock(), list[str](), list[str]()
    site = FlakySite([Retry(GONE)])
    patience = Patience(
        clock=clock,
        sleep=clock.sleep,
        random=lambda: 0.5,
        tell=told.append,
        probe=site.probe,
        on_trouble=troubles.append,
    )

    async def send() -> None:
        await site.ask()
        patience.moved(FLOWS_BYTES - 1)  # so much may wait in this machine
        assert told[-1] == "No connection to x. Trying again in 1 s"
        patience.moved(FLOWS_BYTES)
        assert told[-1] == "Connected again"
        assert troubles[-1] == ""

    await patience.call(send)
    assert told.count("Connected again") == 1


async def test_a_site_that_answered_all_the_time_was_not_disconnected() -> None:
    told = list[str]()
    site = FlakySite([RetryAfter(GONE, seconds=120, status=503)])
    patience = patience_for(site, Clock(), told)

    async def send() -> None:
        await site.ask()
        patience.moved(FLOWS_BYTES)  # it may say no once more
        assert len(told) == 1

    await patience.call(send)
    assert told[1:] == ["Tried again with success"]


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


async def test_a_new_session_that_is_lost_at_once_is_made_again_a_few_times() -> None:
    lost = Finding("login.lost", "The site no longer accepts the login", "It answered 401", ("Log in again",))
    clock, told = Clock(), list[str]()
    assert await patience_for(FlakySite([LoginAgain(lost)] * 3), clock, told).call(FlakySite([LoginAgain(lost)]).ask)
    never = FlakySite([LoginAgain(lost)] * 100)
    with pytest.raises(LoginAgain):
        await patience_for(never, clock, told).call(never.ask)
    assert never.calls == STUBBORN_AFTER


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
    assert told == ["No connection to x. Trying again in 1 s", "Connected again"]


async def test_a_machine_that_was_suspended_does_not_use_up_the_patience() -> None:
    clock, told = Clock(), list[str]()

    class Suspending(FlakySite):
        """Its machine sleeps for a night between two tries, or an upload is paused."""

        async def ask(self) -> str:
            if self.calls == 2:
                clock.now_s += 8 * 3600
            return await super().ask()

    site = Suspending([Retry(GONE) for _ in range(6)])
    assert await patience_for(site, clock, told).call(site.ask) == "there"
    assert clock.waits == [1, 2, 4, 8, 16, 30]


async def test_only_time_spent_trying_ends_the_upload() -> None:
    clock = Clock()

    class Suspending(FlakySite):
        """Its machine sleeps for an hour, once."""

        async def ask(self) -> str:
            if self.calls == 5:
                clock.now_s += 3600
            return await super().ask()

    site = Suspending([Retry(GONE) for _ in range(1000)])
    with pytest.raises(GiveUpError) as end:
        await patience_for(site, clock, []).call(site.ask)
    assert GIVE_UP_AFTER_S - LONGEST_GAP_S < sum(clock.waits) < 1.2 * GIVE_UP_AFTER_S
    assert "Tried for 10 minutes" in end.value.finding.why


async def test_a_wait_that_the_site_asks_for_may_be_longer_than_the_limit() -> None:
    clock, told = Clock(), list[str]()
    site = FlakySite([RetryAfter(GONE, seconds=1800, status=503) for _ in range(3)])
    assert await patience_for(site, clock, told).call(site.ask) == "there"
    assert clock.waits == [1800] * 3
    assert told[0] == "No connection to x. Trying again in 30 min, as the site asks"


async def test_no_site_makes_an_upload_wait_for_more_than_an_hour_at_a_time() -> None:
    clock, told = Clock(), list[str]()
    site = FlakySite([RetryAfter(GONE, seconds=7200, status=503)])
    assert await patience_for(site, clock, told).call(site.ask) == "there"
    assert clock.waits == [MAX_RETRY_AFTER_S]
    assert told[0] == "No connection to x. Trying again in 60 min; the site asks for 120 min"


async def test_a_clock_that_is_set_back_does_not_stop_the_tries() -> None:
    clock = Clock()

    class SetBack(FlakySite):
        """Its machine's clock is set back by a day, once."""

        async def ask(self) -> str:
            if self.calls == 2:
                clock.now_s -= 24 * 3600
            return await super().ask()

    site = SetBack([Retry(GONE) for _ in range(4)])
    assert await patience_for(site, clock, []).call(site.ask) == "there"
    assert max(clock.waits) <= MAX_WAIT_S
