"""How often a running upload says how it stands: in a log, as JSON, quietly; never with signs that move a cursor."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from upload.builders import series
from upload.clocks import Clock
from xnat_wizard.cli.following import SAME_PERCENT_EVERY, Follower
from xnat_wizard.cli.talk import MANNER
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, PlannedSession


@pytest.fixture(autouse=True)
def manner() -> Iterator[None]:
    before = (MANNER.is_quiet, MANNER.line_every_s)
    yield
    MANNER.is_quiet, MANNER.line_every_s = before


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    one = PlannedSession("k", "a", "a_v1", "a", "1.2.3", "", "MR", (series("a", count=3),), (), is_included=True)
    plan = Plan(tmp_path, "https://x.example.org", "DEMO", Destination.ARCHIVE, (one,))
    with Journal.create(tmp_path / "upload", plan) as made:
        yield made


def lines_at(journal: Journal, capsys: pytest.CaptureFixture[str], *, is_json: bool, times: range) -> list[int]:
    """Return at which seconds something was said."""
    clock = Clock()
    clock.now_s = 0.0
    follower = Follower(journal, is_json=is_json, clock=clock)
    said = []
    for second in times:
        clock.now_s = float(second)
        follower.look()
        text = capsys.readouterr()
        assert not {"\r", "\x1b"} & set(text.out + text.err)
        assert not (is_json and text.err)
        for line in text.out.splitlines():
            assert json.loads(line)["type"] in {"progress", "event"}
        said += [second] if text.out or text.err else []
    return said


def test_a_log_gets_fewer_lines_where_they_say_the_same(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    MANNER.line_every_s = 10
    said = lines_at(journal, capsys, is_json=False, times=range(0, 150, 5))
    assert said == [0, 10 * SAME_PERCENT_EVERY, 20 * SAME_PERCENT_EVERY]


def test_a_program_that_reads_gets_them_regularly(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    MANNER.line_every_s = 20
    assert lines_at(journal, capsys, is_json=True, times=range(0, 70, 5)) == [0, 20, 40, 60]


def test_who_asked_for_quiet_gets_none(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    MANNER.is_quiet = True
    assert lines_at(journal, capsys, is_json=False, times=range(0, 150, 5)) == []
