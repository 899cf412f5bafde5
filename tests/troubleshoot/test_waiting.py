"""What moves, what is stuck, and how long to wait (missing data 3.5)."""

from itertools import islice

import pytest

from troubleshoot.values import a_row, facts, told
from xnat_wizard.troubleshoot.waiting import is_moving, patience_s, polls_s, wait_for
from xnat_wizard.xnat.inquiries.values import SiteFacts

SITE = SiteFacts("http://x", "1", {"sessionXmlRebuilderInterval": "5", "sessionXmlRebuilderRepeat": "60000"})
NOW = "2025-03-05 10:00:00.0"


def test_the_looks_come_at_growing_intervals() -> None:
    assert list(islice(polls_s(), 6)) == [15, 30, 60, 120, 120, 120]


@pytest.mark.parametrize(
    ("status", "changed", "moves"),
    [
        ("RECEIVING", "2025-03-05 09:53:00.0", True),
        ("RECEIVING", "2025-03-05 09:51:00.0", False),
        ("QUEUED_BUILDING", "2025-03-05 09:31:00.0", True),
        ("_BUILDING", "2025-03-05 09:29:00.0", False),
        ("ARCHIVING", "2025-03-05 09:41:00.0", True),
        ("_ARCHIVING", "2025-03-05 09:39:00.0", False),
        ("READY", "2025-03-05 09:59:00.0", False),
        ("CONFLICT", "2025-03-05 09:59:00.0", False),
        ("SOMETHING_NEW", "2025-03-05 09:59:00.0", True),
        ("RECEIVING", "", True),
    ],
)
def test_what_changed_lately_moves(status: str, changed: str, moves: bool) -> None:  # noqa: FBT001  of the table
    known = facts(site=told(SITE))
    assert is_moving(a_row(status=status, last_modified=changed, uploaded=changed), known) is moves


def test_the_sites_clock_is_what_counts() -> None:
    row = a_row(status="RECEIVING", last_modified="2025-03-05 10:51:00.0")  # its clock is an hour ahead
    assert not is_moving(row, facts(site=told(SITE), offset_s=3600.0))
    assert is_moving(a_row(status="RECEIVING", last_modified="2025-03-05 10:55:00.0"), facts(offset_s=3600.0))


def test_a_site_of_another_zone_is_read_by_its_minutes() -> None:
    assert is_moving(a_row(status="RECEIVING", last_modified="2025-03-05 15:57:00.0"), facts())
    assert not is_moving(a_row(status="RECEIVING", last_modified="2025-03-05 15:30:00.0"), facts())


def test_a_site_that_says_so_has_more_patience() -> None:
    slow = SiteFacts("http://x", "1", {"sessionXmlRebuilderInterval": "30", "sessionArchiveTimeoutInterval": "3600"})
    assert patience_s(a_row(status="RECEIVING"), slow) == 30 * 60 + 60 + 120
    assert patience_s(a_row(status="ARCHIVING"), slow) == 7200
    assert patience_s(a_row(status="RECEIVING"), None) == 480


class Time:
    """A clock that goes on by sleeping only."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


async def waited(answers: list[str], patience: float) -> tuple[bool, Time]:
    time = Time()
    left = list(answers)

    async def look() -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    result = await wait_for(
        look, is_done=lambda seen: seen == "READY", patience_s=patience, clock=time.clock, sleep=time.sleep
    )
    return result.has_settled, time


async def test_it_waits_until_it_is_done() -> None:
    has_settled, time = await waited(["RECEIVING", "BUILDING", "READY"], 480)
    assert has_settled
    assert time.slept == [15, 30]


async def test_it_gives_up_when_nothing_changes() -> None:
    has_settled, time = await waited(["BUILDING"], 480)
    assert not has_settled
    assert 480 <= sum(time.slept) < 700
    assert min(time.slept) >= 15


async def test_each_change_renews_its_patience() -> None:
    has_settled, time = await waited([f"RECEIVING {n}" for n in range(20)] + ["READY"], 130)
    assert has_settled
    assert sum(time.slept) > 1000
