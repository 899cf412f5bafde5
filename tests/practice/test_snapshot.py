"""The store's file: written seldom, whole, and read back equal."""

import asyncio
import json
from pathlib import Path

import pytest

from xnat_wizard.practice.intervals import seconds_of
from xnat_wizard.practice.passwords import hash_password, is_password
from xnat_wizard.practice.store import Config, Entry, Project, Resource, Row, Scan, Session, Store, Subject, User


def filled(folder: Path) -> Store:
    store = Store(folder)
    resource = Resource(1, "DICOM", files={"a/b.dcm": Entry("a/b.dcm", 3, "x")})
    scans = {"1": Scan("1", "xnat:mrScanData", resources={"DICOM": resource})}
    state = store.state
    state.users["u"] = User(1, "u", hash_password("p"), recent={"P": 1.5})
    state.projects["P"] = Project("P", "P", "P", 1.0, "u", members={"u": "owner"})
    state.subjects["S"] = Subject("S", "S", "P", 1.0, "u")
    state.sessions["E"] = Session("E", "E", "P", "S", "xnat:mrSessionData", 1.0, "u", scans=scans)
    state.rows.append(Row("P", "t", "f", "n", "s", "1.2", scans=scans))
    state.configs.append(Config("t", "p", "", "c", "enabled", "u", 1.0, 1))
    return store


def test_everything_comes_back(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.save()
    assert Store(tmp_path).state == store.state


async def test_many_changes_are_one_write(tmp_path: Path) -> None:
    store = filled(tmp_path)
    for _ in range(1000):
        store.save()
    await asyncio.sleep(0)
    assert not (tmp_path / "state.json").exists()
    store.close()
    assert json.loads((tmp_path / "state.json").read_text())["projects"].keys() == {"P"}
    assert not list(tmp_path.glob("*.new"))


async def test_what_is_noted_outlives_a_crash_and_is_forgotten_with_the_next_snapshot(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.save()
    store.close()
    row = Row("P", "t2", "f2", "n", "s", "1.2", visit="V")
    store.state.rows.append(row)
    store.note(rows=[row])
    direct = Row("P", "t3", "f3", "n", "s", "1.2", direct_id=store.next_number("direct"))
    store.state.direct.append(direct)
    store.note(rows=[direct])
    session = Session("E2", "E2", "P", "S", "xnat:mrSessionData", 1.0, "u")
    store.state.sessions["E2"] = session
    store.note(sessions=[session], gone=[store.state.rows.pop(0).key])
    with next(tmp_path.glob("*.log")).open("a") as torn:
        torn.write('{"rows": [')
    again = Store(tmp_path)
    assert again.state == store.state
    assert [one.key for one in again.state.rows] == [("P", "t2", "f2")]
    store.close()
    assert not list(tmp_path.glob("*.log"))
    assert Store(tmp_path).state == store.state


def test_passwords_are_hashed_with_salt() -> None:
    first, second = hash_password("secret"), hash_password("secret")
    assert first != second
    assert "secret" not in first
    assert is_password("secret", first)
    assert not is_password("Secret", first)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("15 minutes", 900),
        ("1 hour", 3600),
        ("2 days", 172800),
        ("1 year", 31536000),
        ("1 hour 30 minutes", 5400),
        ("7", 7),
    ],
)
def test_intervals_are_understood(words: str, seconds: int) -> None:
    assert seconds_of(words) == seconds


def test_a_word_is_no_interval() -> None:
    with pytest.raises(ValueError, match="no interval"):
        seconds_of("soon")
