from datetime import datetime, timedelta, timezone

import pytest

from xnat_wizard.findings import Problem
from xnat_wizard.troubleshoot.window import read_window

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2025, 3, 5, 10, 0, tzinfo=ZONE)  # a Wednesday


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("today", "2025-03-05T00:00:00", "2025-03-05T23:59:59"),
        ("Yesterday  Evening", "2025-03-04T17:00:00", "2025-03-04T23:59:59"),
        ("yesterday", "2025-03-04T00:00:00", "2025-03-04T23:59:59"),
        ("this morning", "2025-03-05T05:00:00", "2025-03-05T11:59:59"),
        ("last night", "2025-03-04T18:00:00", "2025-03-05T06:00:00"),
        ("3 days", "2025-03-02T10:00:00", "2025-03-05T10:00:00"),
        ("last 2 hours", "2025-03-05T08:00:00", "2025-03-05T10:00:00"),
        ("2h ago", "2025-03-05T08:00:00", "2025-03-05T10:00:00"),
        ("monday", "2025-03-03T00:00:00", "2025-03-03T23:59:59"),
        ("wednesday", "2025-02-26T00:00:00", "2025-02-26T23:59:59"),
        ("2025-03-01", "2025-03-01T00:00:00", "2025-03-01T23:59:59"),
        ("20250301", "2025-03-01T00:00:00", "2025-03-01T23:59:59"),
        ("2025-03-01 14:30", "2025-03-01T14:30:00", "2025-03-01T14:30:59"),
        ("2025-03-01T14:30:05", "2025-03-01T14:30:05", "2025-03-01T14:30:05"),
        ("2025-03-01..2025-03-03", "2025-03-01T00:00:00", "2025-03-03T23:59:59"),
        ("2025-03-01 10:00..12:00", "2025-03-01T10:00:00", "2025-03-01T12:00:59"),
        ("monday to yesterday", "2025-03-03T00:00:00", "2025-03-04T23:59:59"),
    ],
)
def test_windows_are_read_from_words(said: str, start: str, end: str) -> None:
    window = read_window(said, now=NOW)
    assert (window.start, window.end) == tuple(datetime.fromisoformat(t).replace(tzinfo=ZONE) for t in (start, end))


def test_a_moment_may_say_its_own_zone() -> None:
    assert read_window("2025-03-01T14:30:00Z", now=NOW).start.utcoffset() == timedelta(0)


@pytest.mark.parametrize("said", ["", "soon", "2025-13-01", "2025-03-03..2025-03-01", "2025-03-01 25:00", "to", ".."])
def test_what_is_no_time_is_a_finding(said: str) -> None:
    with pytest.raises(Problem) as caught:
        read_window(said, now=NOW)
    assert caught.value.finding.code == "case.window"


def test_a_window_is_wider_by_an_hour_or_by_the_difference_of_the_clocks() -> None:
    window = read_window("2025-03-01 14:30", now=NOW)
    assert window.holds(window.end + timedelta(minutes=59))
    assert not window.holds(window.end + timedelta(minutes=61))
    assert window.holds(window.end + timedelta(minutes=119), offset_s=-7200)
