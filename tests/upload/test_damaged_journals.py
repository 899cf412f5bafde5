"""Journals that a bad disk, a cut copy or another program has changed: refused in three parts, whatever is asked."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.seeds import journals, look_through
from fuzz.targets import JournalFile
from xnat_wizard.findings import Problem
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import SessionState

Change = Callable[[sqlite3.Connection], object]


def sql(statement: str) -> Change:
    return lambda database: database.executescript(statement)


@pytest.mark.parametrize(
    "change",
    [
        sql("UPDATE upload SET state = 'nowhere'"),
        sql("UPDATE session SET state = ''"),
        sql("UPDATE session SET plan = '[]'"),
        sql("UPDATE session SET plan = '{\"key\": 5}'"),
        sql("UPDATE session SET finding = '{}'"),
        sql("UPDATE series SET plan = 'null'"),
        sql("UPDATE file SET fate = 'eaten'"),
        sql("UPDATE upload SET receipt = '{\"lines\": 3}'"),
        sql("UPDATE upload SET not_sent = '[[['"),
        sql('UPDATE upload SET deidentification = \'{"profile": "basic"}\''),
        sql("UPDATE upload SET receiver = '[]'"),
        sql("UPDATE request SET request = 'dance'"),
        sql("DELETE FROM upload"),
        sql("DROP TABLE file"),
        sql("PRAGMA user_version = -3"),
        sql("PRAGMA user_version = 5"),
        lambda database: database.execute("UPDATE upload SET project = CAST(x'ff' AS TEXT)"),
    ],
)
def test_a_journal_that_means_nothing_is_refused(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(journals(tmp_path)[0])
    database = sqlite3.connect(path)
    change(database)
    database.commit()
    database.close()
    with pytest.raises(Problem, match=r"journal\.unreadable") as problem, Journal.open(path) as journal:
        look_through(journal)
    assert problem.value.finding.where == str(path)
    assert problem.value.finding.todo


@pytest.mark.parametrize("length", [100, 4096, 5000, 20_000])
def test_a_journal_that_was_cut_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(journals(tmp_path)[0][:length])
    with pytest.raises(Problem, match=r"journal\.unreadable"), Journal.open(path) as journal:
        look_through(journal)


def test_writing_into_a_damaged_journal_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(journals(tmp_path)[0])
    with Journal.open(path) as journal:
        sqlite3.connect(path).executescript("DROP TABLE session")
        with pytest.raises(Problem, match=r"journal\.unreadable"):
            journal.records.move_session(1, SessionState.WAITING)


def test_a_lock_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xnat_wizard.upload.journal._BUSY_TIMEOUT_S", 0.0)
    path = tmp_path / "journal.sqlite"
    path.write_bytes(journals(tmp_path)[0])
    other = sqlite3.connect(path, isolation_level=None)
    with Journal.open(path) as journal:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Problem, match="not_kept") as refused:
            journal.records.add_event("x")
        assert "another process has held it" in refused.value.finding.why
        other.execute("ROLLBACK")
    other.close()


def test_no_change_of_a_value_or_byte_comes_out_as_anything_else(tmp_path: Path) -> None:
    target, rng = JournalFile(tmp_path), random.Random(7)  # noqa: S311  no secret
    for _ in range(120):
        target.feed(target.bad(rng))
