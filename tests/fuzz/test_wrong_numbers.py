"""Digits that are no numbers, and nesting without end, wherever a file or a server may have them."""

import json
from pathlib import Path

import pytest

from dicom.images import write_image
from fuzz.targets import told
from xnat_wizard import login_sources, logins
from xnat_wizard.amounts import whole_number
from xnat_wizard.convert import rules
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
from xnat_wizard.preferences import reading
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.http import idle_time_s
from xnat_wizard.xnat.project_words import archives_word
from xnat_wizard.xnat.resources import duplicates_in

NO_NUMBERS = ("", "²", "٣", "9" * 5000, "-1", "1.0", " 1", "x")
DEEP = "[" * 100_000


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_none(text: str) -> None:
    assert whole_number(text) is None
    assert archives_word(text) == "unknown"
    assert idle_time_s(f"1,{text}") is None


def test_a_number_is_one() -> None:
    assert [whole_number(text) for text in ("0", "007", "9" * 18)] == [0, 7, 10**18 - 1]


@pytest.mark.parametrize("number", ["9" * 5000, "²"])
@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom's, on writing it
def test_an_image_may_have_any_number(tmp_path: Path, number: str) -> None:
    path = write_image(tmp_path / "s1" / "a" / "1.dcm")
    short, long = b"IS\x02\0001 ", number.encode("latin-1")
    long += b" " * (len(long) % 2)
    changed = path.read_bytes()
    assert changed.count(short) == 2  # of series and instance
    path.write_bytes(changed.replace(short, b"IS" + len(long).to_bytes(2, "little") + long))
    found = survey(tmp_path)
    assert [one.series_number for one in found.series] == [number]


def test_settings_that_nest_without_end_are_a_finding(own_home: Path) -> None:
    path = reading.settings_file()
    path.parent.mkdir(parents=True)
    path.write_text(f"site = {DEEP}")
    (finding,) = reading.read_file().findings
    told(finding)


@pytest.mark.parametrize("text", [f"x = {DEEP}", f"x = {'1' * 5000}", "x = 2024-02-31"])
def test_rules_that_hold_no_value_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(Problem, match=r"convert\.rules_bad") as problem:
        rules.read(tmp_path / "rules.toml")
    told(problem.value.finding)


def test_answers_that_nest_without_end_are_refused() -> None:
    with pytest.raises(Refused, match=r"site\.unclear"):
        Answer("GET", "/data/projects", 200, DEEP.encode(), "application/json").rows()
    assert duplicates_in('{"duplicates": ' + DEEP) == ()


@pytest.fixture
def home(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(own_home))
    (own_home / "state").mkdir(mode=0o700)
    return own_home


def private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


@pytest.mark.parametrize("text", [DEEP, "\0", "[]", '{"logins": 5, "sites": {}}', '{"logins": [null, 5, {}]}'])
def test_files_of_logins_that_are_none_offer_nothing(home: Path, text: str) -> None:
    for name in ("state/logins.json", "state/sites.json", ".netrc", ".xnat.cfg"):
        private(home / name, text)
    offers, troubles = login_sources.offers()
    assert offers == ()
    assert logins.recent_sites() == ()
    for finding in troubles:
        told(finding)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e300", "1e300", "9" * 400])
def test_a_token_with_an_impossible_end_has_none(home: Path, number: str) -> None:
    login = {"url": "https://x.org", "username": "u", "alias": "a", "secret": "s"}
    text = json.dumps({"logins": [login | {"expires_s": 0.5}], "sites": [login | {"used_s": 0.5}]})
    for name in ("state/logins.json", "state/sites.json"):
        private(home / name, text.replace("0.5", number))
    offers, _ = login_sources.offers()
    assert [login_sources.source_words(offer) for offer in offers] == ["stored login"]
    assert [site.used_s for site in logins.recent_sites()] == [0]
