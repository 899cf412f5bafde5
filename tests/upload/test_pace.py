"""How many connections: laws, and a made-up server of each kind."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnat_wizard.upload.pace import CHOICE_MOST, HOLD_S, MOST, START, WINDOW_S, Pace

steps = st.lists(
    st.tuples(
        st.floats(0.0, 3.0), st.integers(0, 50_000_000), st.integers(0, 2000), st.sampled_from(["full", "idle", "503"])
    ),
    max_size=300,
)


class Timer:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@given(steps, st.integers(-3, 40))
def test_it_stays_within_its_bounds_and_never_grows_after_trouble(
    moves: list[tuple[float, int, int, str]], most: int
) -> None:
    timer = Timer()
    pace = Pace(clock=timer, most=most)
    bound = max(1, min(most, CHOICE_MOST))
    last_trouble_s = -HOLD_S
    for seconds, size_bytes, files, what in moves:
        before = pace.connections
        timer.now_s += seconds
        if what == "503":
            pace.stumbled()
            last_trouble_s = timer.now_s
            assert pace.connections <= before
        else:
            changed = pace.moved(size_bytes, files, in_use=before if what == "full" else 0)
            assert changed == (pace.connections != before)
        assert 1 <= pace.connections <= bound
        if timer.now_s - last_trouble_s < HOLD_S:
            assert pace.connections <= before


def run(pace: Pace, timer: Timer, rate_of: Callable[[int], tuple[float, float]], seconds: float) -> list[int]:
    """Move what a server takes with so many connections; return their number over time."""
    seen = []
    end_s = timer.now_s + seconds
    while timer.now_s < end_s:
        bytes_s, files_s = rate_of(pace.connections)
        timer.now_s += 0.05
        pace.moved(int(bytes_s * 0.05), int(files_s * 0.05), in_use=pace.connections)
        seen.append(pace.connections)
    return seen


def test_it_grows_to_the_most_while_that_is_faster() -> None:
    timer = Timer()
    pace = Pace(clock=timer)
    assert pace.connections == START
    run(pace, timer, lambda n: (n * 1e6, n * 20), 8 * WINDOW_S)
    assert pace.connections == MOST


def test_twelve_are_reached_only_by_choice() -> None:
    timer = Timer()
    pace = Pace(clock=timer, most=12)
    run(pace, timer, lambda n: (n * 1e6, n * 20), 10 * WINDOW_S)
    assert pace.connections == 12


def test_files_a_second_are_reason_enough() -> None:
    timer = Timer()
    pace = Pace(clock=timer)
    run(pace, timer, lambda n: (1e6, n * 100), 8 * WINDOW_S)
    assert pace.connections == MOST


@pytest.mark.parametrize("enough", [1, 2, 3, 4, 6])
def test_it_stays_near_what_the_line_takes(enough: int) -> None:
    timer = Timer()
    pace = Pace(clock=timer)
    seen = run(pace, timer, lambda n: (min(n, enough) * 1e6, 0), 25)
    assert set(seen[-20:]) <= set(range(max(START, enough - 1), max(START, enough) + 2))


def test_trouble_halves_once_however_many_meet_it() -> None:
    timer = Timer()
    pace = Pace(clock=timer)
    run(pace, timer, lambda n: (n * 1e6, n * 20), 8 * WINDOW_S)
    for _ in range(MOST):
        timer.now_s += 0.1
        pace.stumbled()
    assert pace.connections == MOST // 2
    run(pace, timer, lambda n: (n * 1e6, n * 20), HOLD_S - 1)
    assert pace.connections == MOST // 2
    run(pace, timer, lambda n: (n * 1e6, n * 20), 8 * WINDOW_S)
    assert pace.connections == MOST


def test_a_server_that_slows_down_gets_fewer() -> None:
    timer = Timer()
    pace = Pace(clock=timer, most=4)
    run(pace, timer, lambda n: (n * 1e6, n * 20), 6 * WINDOW_S)
    run(pace, timer, lambda n: (n * 2e5, n * 4), 3 * WINDOW_S)
    assert pace.connections == 3


def test_lanes_that_are_not_all_in_use_say_nothing() -> None:
    timer = Timer()
    pace = Pace(clock=timer)
    for _ in range(1000):
        timer.now_s += 0.1
        assert not pace.moved(1_000_000, 1, in_use=1)
    assert pace.connections == START
