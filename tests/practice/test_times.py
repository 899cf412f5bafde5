"""Times as XNAT's tables show them."""

import pytest

from xnat_wizard.practice.times import java_time


@pytest.mark.parametrize(
    ("seconds", "end"), [(0.0, ".0"), (0.005, ".005"), (0.05, ".05"), (0.5, ".5"), (0.25, ".25"), (0.123, ".123")]
)
def test_fractions_are_written_as_java_writes_them(seconds: float, end: str) -> None:
    assert java_time(1_700_000_000 + seconds).rpartition(":")[2] == f"20{end}"


def test_times_of_a_second_sort_as_texts() -> None:
    times = [java_time(1_700_000_000 + ms / 1000) for ms in range(1000)]
    assert sorted(times) == times
