"""Whose object it is, when nobody says so, and which series are let in."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset

from practice.images import instance
from xnat_wizard.practice import filters
from xnat_wizard.practice.identify import Identity, Rules, identify, key_value, parse_rules


def header(**elements: object) -> Dataset:
    return pydicom.dcmread(io.BytesIO(instance(**elements)))  # type: ignore[arg-type]  # any element


def who(rules: Rules = Rules(), **elements: object) -> Identity:  # noqa: B008  frozen
    return identify(header(**elements), rules, lambda name: name if name in {"DEMO", "OTHER"} else None)


@pytest.mark.parametrize(
    ("comment", "value"),
    [
        ("Project:DEMO Subject:S01", "DEMO"), ("subject : x; PROJECT : DEMO", "DEMO"), ("Project:A Project:B", "A"),
        ("x Project:A Project:B", "B"), ("MyProject:A", None), ("Project:a.b", None), ("Project: Subject:S", ""),
    ],
)  # fmt: skip
def test_keys_in_comments(comment: str, value: str | None) -> None:
    assert key_value(comment, "Project") == value


def test_comments_win_over_the_other_elements() -> None:
    found = who(PatientComments="Project:DEMO Subject:S01 Session:S01_MR1 AA:true", StudyDescription="OTHER")
    assert found == Identity("DEMO", "S01", "S01_MR1", auto=True)


def test_only_known_projects_count() -> None:
    assert who(PatientComments="Project:NONE", StudyDescription="neither", AccessionNumber="OTHER").project == "OTHER"
    assert who(StudyDescription="demo").project == ""


def test_labels_are_cleaned() -> None:
    found = who()
    assert (found.subject, found.session, found.auto) == ("Subject_One", "S_1", None)


def test_site_rules_come_first() -> None:
    rules = Rules(
        project=parse_rules("(0008,103E):(.*)_x"),
        session=parse_rules("(0010,0020):(\\w)\\.(\\d):2\n(0010,0020):(.*) t:\\. r:-"),
        subject=parse_rules("(0010,0020):(.*) t:S\\. r:number"),
    )
    found = who(rules, SeriesDescription="DEMO_x", StudyDescription="OTHER")
    assert (found.project, found.session, found.subject) == ("DEMO", "1", "number1")


def test_a_malformed_rule_is_an_error() -> None:
    with pytest.raises(ValueError, match="malformed"):
        parse_rules("PatientID:(.*)")


@pytest.mark.parametrize(
    ("mode", "patterns", "is_let_in"),
    [
        ("blacklist", "^SERIES", False), ("blacklist", "localizer", True), ("whitelist", "series", True),
        ("whitelist", "localizer", False), ("blacklist", "[Modality]\nMR", False),
        ("blacklist", "[0008,0060]\nSR", True),
        ("blacklist", "[PatientComments]\nEXISTS", True), ("blacklist", "[PatientComments]\n!EXISTS", False),
    ],
)  # fmt: skip
def test_series_filters(mode: str, patterns: str, is_let_in: bool) -> None:  # noqa: FBT001  a table's column
    chosen = filters.make_filter(mode, patterns)
    assert chosen is not None
    assert chosen.includes(header()) is is_let_in


def test_a_filter_of_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="modalityMap"):
        filters.parse_filter('{"mode": "modalityMap", "modalities": {}}')
