"""The door of the requests: never more inside than allowed, nobody forgotten outside."""

import asyncio
import random

import pytest

from xnat_wizard.upload.lanes import Lanes
from xnat_wizard.upload.pace import MOST, START, WINDOW_S, Pace


class Timer:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def test_no_more_enter_than_the_pace_allows_and_all_get_their_turn() -> None:
    told: list[int] = []
    pace = Pace(clock=Timer())
    lanes = Lanes(pace, told.append)
    done = 0

    async def request() -> None:
        nonlocal done
        async with lanes:
            assert lanes.in_use <= START
            await asyncio.sleep(0)
        done += 1

    await asyncio.gather(*(request() for _ in range(50)))
    assert done == 50
    assert max(told) == START
    assert (told[-1], lanes.in_use) == (0, 0)


async def test_those_that_wait_enter_when_the_pace_rises_and_stay_out_when_it_falls() -> None:
    timer = Timer()
    pace = Pace(clock=timer)
    lanes = Lanes(pace, lambda _count: None)
    leave = asyncio.Event()

    async def request() -> None:
        async with lanes:
            await leave.wait()

    requests = [asyncio.create_task(request()) for _ in range(20)]
    await asyncio.sleep(0)
    assert lanes.in_use == START
    for _ in range(int(8 * WINDOW_S / 0.05)):
        timer.now_s += 0.05
        lanes.moved(lanes.in_use * 1_000_000, 1)
        await asyncio.sleep(0)
    assert lanes.in_use == MOST
    lanes.stumbled()
    assert pace.connections == MOST // 2
    leave.set()
    await asyncio.gather(*requests)


@pytest.mark.parametrize("seed", range(5))
async def test_requests_that_are_called_off_leave_their_turn_to_others(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  repeatable on purpose
    lanes = Lanes(Pace(clock=Timer()), lambda _count: None)

    async def request() -> None:
        async with lanes:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)

    requests = [asyncio.create_task(request()) for _ in range(60)]
    for one in requests:
        if chance.random() < 0.5:
            one.cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 5)
    assert lanes.in_use == 0
