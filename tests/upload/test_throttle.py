import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload.clocks import Clock
from xnat_wizard.findings import Problem
from xnat_wizard.upload.throttle import BURST_S, Throttle, parse_rate


async def test_the_limit_holds_for_all_connections_together() -> None:
    clock = Clock()
    began_s = clock()
    throttle = Throttle(1_000_000, clock=clock, sleep=clock.sleep)

    async def connection() -> None:
        for _ in range(10):
            await throttle.take(100_000)

    await asyncio.gather(*(connection() for _ in range(4)))
    assert 4.0 - BURST_S <= clock() - began_s <= 4.0


async def test_a_pause_earns_no_more_than_a_moment() -> None:
    clock = Clock()
    throttle = Throttle(1_000_000, clock=clock, sleep=clock.sleep)
    clock.now_s += 3600
    await throttle.take(1_000_000)
    assert clock.waits == [pytest.approx(1 - BURST_S)]


class Waiting:
    """What a thread waits with: it moves the clock on at once."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.waits: list[float] = []

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        self.clock.now_s += timeout
        return False


def test_threads_wait_for_the_same_bucket() -> None:
    clock = Clock()
    stop = Waiting(clock)
    throttle = Throttle(1_000_000, clock=clock, sleep=clock.sleep)
    for _ in range(4):
        throttle.hold(500_000, stop)
    assert sum(stop.waits) == pytest.approx(2.0 - BURST_S)
    Throttle(0, clock=clock, sleep=clock.sleep).hold(10**12, stop)
    assert len(stop.waits) == 4


async def test_no_limit_never_waits() -> None:
    clock = Clock()
    throttle = Throttle(0, clock=clock, sleep=clock.sleep)
    await throttle.take(10**12)
    assert clock.waits == []
    assert list(throttle.cut(bytes(10**6))) == [bytes(10**6)]


@given(st.binary(max_size=50_000), st.integers(1000, 10**7))
def test_portions_are_the_piece(piece: bytes, rate: int) -> None:
    clock = Clock()
    portions = list(Throttle(rate, clock=clock, sleep=clock.sleep).cut(piece))
    assert b"".join(portions) == piece
    assert all(len(one) <= max(4096, rate * BURST_S) for one in portions)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("5M", 5_000_000), ("800k", 800_000), ("2.5 MB/s", 2_500_000), ("1g", 10**9), ("123456", 123_456), ("0", 0)],
)
def test_limits_are_read_as_people_write_them(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "-5M", "5T", "500", "1e6"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(Problem, match=r"upload\.bad_rate"):
        parse_rate(text)
