"""Layouts: what folders name, which findings they make, and what a person can write for one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom.images import write_image, write_pair, write_series
from dicom.test_archives import packed
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.layout import HOUSE, NAMES, Layout
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.survey import SurveyRun, survey
from xnat_wizard.findings import Problem

SESSIONS = Layout.parse("subject-session-series")
FLAT = Layout.parse("flat")
HEADERS = Layout.parse("headers")


def codes(found: Survey) -> set[str]:
    return {finding.code for finding in found.findings}


def places(found: Survey) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(series.subject_folder, series.session_folder, series.held_by) for series in found.series]


def two_sessions(root: Path) -> Path:
    write_series(root / "S1" / "before" / "t1", study=1)
    write_series(root / "S1" / "before" / "t2", study=1, series=2)
    write_series(root / "S1" / "after" / "t1", study=2)
    write_series(root / "S2" / "before" / "t1", study=3, patient="B")
    return root


def test_names_and_patterns_are_layouts() -> None:
    assert Layout.parse("subject-series") == HOUSE == Layout.parse("{subject}/{series}")
    assert [Layout.parse(name).name for name in NAMES] == list(NAMES)
    assert SESSIONS.words == "subject folder > session folder > series folder > files"
    assert SESSIONS.example == "SUBJECT/SESSION/SERIES"
    assert (HOUSE.layers, SESSIONS.layers, FLAT.layers, HEADERS.layers) == (2, 3, 1, 0)
    assert Layout.parse("/{subject}/raw/").name == "{subject}/raw"


@pytest.mark.parametrize(
    "text", ["{patient}", "a/b", "{subject}/{subject}", "{subject}//{series}", "{subject", "..", "x"]
)
def test_what_is_no_layout_says_what_to_write(text: str) -> None:
    with pytest.raises(Problem) as caught:
        Layout.parse(text)
    assert caught.value.finding.code == "layout.bad_pattern"
    assert "subject-session-series" in caught.value.finding.todo[0]


@given(st.text())
def test_any_text_is_a_layout_or_a_problem(text: str) -> None:
    try:
        layout = Layout.parse(text)
    except Problem:
        return
    assert Layout.parse(layout.pattern) == layout
    layout.position("a/b/c", "p")


def test_the_house_rule_suggests_the_layout_that_fits(tmp_path: Path) -> None:
    found = survey(two_sessions(tmp_path))
    assert found.layout == HOUSE
    above = next(finding for finding in found.findings if finding.code == structure.LAYER_ABOVE)
    assert 'layout "subject-session-series"' in above.todo[0]


def test_session_folders_are_no_finding_where_they_are_expected(tmp_path: Path) -> None:
    found = survey(two_sessions(tmp_path), SESSIONS)
    assert found.findings == ()
    assert found.layout == SESSIONS
    assert places(found) == [("S1", "after", ()), ("S1", "before", ()), ("S1", "before", ()), ("S2", "before", ())]


async def test_a_run_takes_a_layout(tmp_path: Path) -> None:
    async with SurveyRun(two_sessions(tmp_path), SESSIONS) as run:
        assert await run.result() == survey(tmp_path, SESSIONS)


def test_an_archive_takes_a_layout_and_its_depth_decides_what_is_looked_through(tmp_path: Path) -> None:
    folder = two_sessions(tmp_path / "study")
    assert places(survey(packed(folder, "zip"), SESSIONS)) == places(survey(folder, SESSIONS))
    assert places(survey(packed(folder, "zip", top="export"), SESSIONS)) == places(survey(folder, SESSIONS))
    write_series(tmp_path / "one" / "S1" / "before" / "t1")
    assert places(survey(packed(tmp_path / "one", "tar.gz"), SESSIONS)) == [("S1", "before", ())]


def test_images_that_do_not_fit_the_layout_are_held(tmp_path: Path) -> None:
    two_sessions(tmp_path)
    write_series(tmp_path / "S2" / "t9", study=3, series=9, patient="B")
    write_image(tmp_path / "loose.dcm", study=4)
    write_pair(tmp_path / "S2" / "raw")
    found = survey(tmp_path, SESSIONS)
    assert [place for place in places(found) if place[2]] == [
        ("", "", (structure.MISFIT,)),
        ("S2", "", (structure.MISFIT,)),
    ]
    assert found.pairs[0].held_by == (structure.MISFIT,)
    misfits = [finding for finding in found.findings if finding.code == structure.MISFIT]
    assert "2 of 3 folders deep" in "".join(finding.what for finding in misfits)
    assert all("subject folder > session folder" in finding.why for finding in misfits)


def test_one_layer_more_than_the_layout_asks_and_suggests_no_other_one(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "before" / "scanner" / "t1")
    write_series(tmp_path / "S1" / "before" / "scanner" / "t2", series=2)
    found = survey(tmp_path, SESSIONS)
    assert codes(found) == {structure.LAYER_ABOVE}
    assert not [step for step in found.findings[0].todo if "choose the layout" in step]


def test_a_study_in_two_session_folders_needs_a_yes(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "before" / "t1")
    write_series(tmp_path / "S1" / "after" / "t2", series=2)
    found = survey(tmp_path, SESSIONS)
    assert codes(found) == {structure.STUDY_IN_TWO_SESSIONS}
    assert all(series.held_by == (structure.STUDY_IN_TWO_SESSIONS,) for series in found.series)


def test_two_studies_in_a_session_folder_are_a_remark(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "before" / "t1")
    write_series(tmp_path / "S1" / "before" / "t2", study=2)
    found = survey(tmp_path, SESSIONS)
    assert codes(found) == {structure.STUDIES_IN_SESSION}
    assert not [series for series in found.series if series.held_by]


def test_flat_folders_are_subjects_and_headers_tell_the_series(tmp_path: Path) -> None:
    for series in (1, 2):
        for image in (1, 2):
            write_image(tmp_path / "S1" / f"{series}-{image}", series=series, image=image)
    write_image(tmp_path / "S2" / "deep" / "er" / "1", study=2, patient="B")
    found = survey(tmp_path, FLAT)
    assert found.findings == ()
    assert [(one.subject_folder, one.series_number, len(one.instances)) for one in found.series] == [
        ("S1", "1", 2),
        ("S1", "2", 2),
        ("S2", "1", 1),
    ]


def test_where_folders_say_nothing_the_patient_is_the_subject(tmp_path: Path) -> None:
    write_image(tmp_path / "1")
    write_image(tmp_path / "x" / "2", series=2)
    write_image(tmp_path / "x" / "3", study=2, patient="B")
    write_pair(tmp_path / "x" / "raw")
    found = survey(tmp_path, HEADERS)
    assert [series.subject_folder for series in found.series] == ["B", "P1", "P1"]
    assert not [series for series in found.series if series.held_by]
    assert codes(found) == {structure.NO_SUBJECT}
    assert found.pairs[0].held_by == (structure.NO_SUBJECT,)


def test_an_image_without_a_patient_is_held_where_folders_say_nothing(tmp_path: Path) -> None:
    write_image(tmp_path / "1", PatientID="", PatientName="")
    found = survey(tmp_path, HEADERS)
    assert places(found) == [("", "", (structure.NO_SUBJECT,))]


@pytest.mark.parametrize(
    ("pattern", "folder", "subject", "session"),
    [
        ("{subject}/{session}/*/{series}", "S1/x/scanner/t1", "S1", "x"),
        ("*/{subject}/{series}", "Berlin/S1/t1", "S1", ""),
        ("sub-{subject}/ses-{session}/{series}", "sub-01/ses-b/t1", "01", "b"),
        ("{subject}_{session}/{series}", "S1_2024/t1", "S1", "2024"),
        ("{session}/{series}", "before/t1", "P1", "before"),
        ("{subject}/*/DICOM", "S1/x/DICOM", "S1", ""),
    ],
)
def test_a_pattern_finds_subject_and_session(
    tmp_path: Path, pattern: str, folder: str, subject: str, session: str
) -> None:
    write_series(tmp_path / folder)
    found = survey(tmp_path, Layout.parse(pattern))
    assert places(found) == [(subject, session, ())]
    assert found.findings == ()


def test_a_folder_that_is_none_of_the_pattern_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "sub-01" / "t1")
    write_series(tmp_path / "pilot" / "t1", study=2)
    found = survey(tmp_path, Layout.parse("sub-{subject}/{series}"))
    assert places(found) == [("", "", (structure.MISFIT,)), ("01", "", ())]
    assert '"pilot" is no sub-{subject}' in found.findings[0].what
