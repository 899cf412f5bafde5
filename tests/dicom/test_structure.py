"""The structure rules, each on a tree made for it: code, severity, place, and what is held back."""

from pathlib import Path
from typing import Any

import pytest

from dicom.images import IMPLICIT, write_image, write_pair, write_series
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.faults import FaultList, shell_word
from xnat_wizard.dicom.model import OtherKind, Survey
from xnat_wizard.dicom.rules import RULES
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Severity, printable


def said(found: Survey) -> set[tuple[str, str]]:
    """Return code and place of each finding."""
    return {(finding.code, finding.where) for finding in found.findings}


def held(found: Survey) -> dict[str, tuple[str, ...]]:
    """Return what holds back each series, by its first file."""
    return {series.instances[0].path: series.held_by for series in found.series if series.held_by}


def test_loose_files_and_missing_series_layers_stop_only_those_files(tmp_path: Path) -> None:
    write_image(tmp_path / "loose.dcm", study=5)
    write_series(tmp_path / "S1", study=2)
    write_series(tmp_path / "S2" / "t1", study=3)
    found = survey(tmp_path)
    assert said(found) == {(structure.LOOSE_FILES, "."), (structure.SERIES_LAYER_MISSING, "S1")}
    assert held(found) == {
        "loose.dcm": (structure.LOOSE_FILES,),
        "S1/0001.dcm": (structure.SERIES_LAYER_MISSING,),
    }
    assert all(finding.severity is Severity.STOP for finding in found.findings)
    assert any("mkdir" in step for step in found.findings[0].todo)


def test_a_subject_folder_chosen_as_the_source_is_told(tmp_path: Path) -> None:
    write_series(tmp_path / "t1", series=1)
    write_series(tmp_path / "t2", series=2)
    found = survey(tmp_path)
    assert said(found) == {(structure.SUBJECT_CHOSEN, ".")}
    assert set(held(found)) == {"t1/0001.dcm", "t2/0001.dcm"}


def test_a_layer_above_the_series_asks(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "visit1" / "t1", study=1)
    write_series(tmp_path / "S1" / "visit2" / "t1", study=2)
    write_series(tmp_path / "S2" / "t1", study=3, patient="P2")
    found = survey(tmp_path)
    assert said(found) == {(structure.LAYER_ABOVE, "S1")}
    assert "visit1" in found.findings[0].what
    assert "visit2" in found.findings[0].what
    assert held(found) == dict.fromkeys(("S1/visit1/t1/0001.dcm", "S1/visit2/t1/0001.dcm"), (structure.LAYER_ABOVE,))


def test_a_series_in_parts_is_one_series(tmp_path: Path) -> None:
    write_image(tmp_path / "S1" / "t1" / "part1" / "a", image=1)
    write_image(tmp_path / "S1" / "t1" / "part2" / "a", image=1)
    write_image(tmp_path / "S1" / "t1" / "part2" / "b", image=2)
    found = survey(tmp_path)
    assert said(found) == {(structure.LAYER_BELOW, "S1/t1"), (structure.COPY, "S1/t1/part1")}
    assert [len(series.instances) for series in found.series] == [2]
    assert held(found) == {}


def test_folders_of_a_medium_with_its_directory_go(tmp_path: Path, shared_data: Path) -> None:
    write_series(tmp_path / "S1" / "DICOM" / "PA0" / "ST0" / "SE0", series=1)
    write_series(tmp_path / "S1" / "DICOM" / "PA0" / "ST0" / "SE1", series=2)
    directory = shared_data / "dicom" / "broken-or-odd" / "odd-objects" / "DICOMDIR"
    (tmp_path / "S1" / "DICOMDIR").write_bytes(directory.read_bytes())
    found = survey(tmp_path)
    assert said(found) == {(structure.MEDIUM, "S1"), (structure.DICOMDIR, "S1")}
    assert len(found.series) == 2
    assert held(found) == {}


def test_the_patient_a_folder_is_named_after_is_its_own(tmp_path: Path) -> None:
    write_series(tmp_path / "SUB-01" / "t1", patient="sub 01", count=1)
    write_series(tmp_path / "SUB-01" / "t2", patient="SUB02", series=2, study=2, count=3)
    found = survey(tmp_path)
    assert said(found) == {(structure.OTHER_PATIENT, "SUB-01/t2")}
    assert held(found) == {"SUB-01/t2/0001.dcm": (structure.OTHER_PATIENT,)}


def test_the_patient_with_most_images_is_the_folders_own(tmp_path: Path) -> None:
    write_series(tmp_path / "anna" / "t1", patient="4711", count=3)
    write_image(tmp_path / "anna" / "t1" / "x.dcm", patient="4712", study=2)
    assert held(survey(tmp_path)) == {"anna/t1/x.dcm": (structure.OTHER_PATIENT,)}


def test_where_two_patients_weigh_the_same_both_are_asked_about(tmp_path: Path) -> None:
    write_series(tmp_path / "anna" / "t1", patient="4711")
    write_series(tmp_path / "anna" / "t2", patient="4712", study=2)
    assert set(held(survey(tmp_path))) == {"anna/t1/0001.dcm", "anna/t2/0001.dcm"}


def test_one_series_with_two_patients_is_divided(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=3)
    write_image(tmp_path / "S1" / "t1" / "other.dcm", patient="P2", image=9)
    found = survey(tmp_path)
    assert [len(series.instances) for series in found.series if not series.held_by] == [3]
    assert held(found) == {"S1/t1/other.dcm": (structure.OTHER_PATIENT,)}


@pytest.mark.parametrize(("patient", "name"), [("", ""), ("ANON", "ANON"), ("", "ANON")])
def test_blank_and_equal_patients_are_good(tmp_path: Path, patient: str, name: str) -> None:
    for number in (1, 2, 3):
        write_series(tmp_path / f"S{number}" / "t1", study=number, patient=patient, PatientName=name)
    assert not [finding for finding in survey(tmp_path).findings if finding.severity is not Severity.NOTE]


def test_a_blank_id_among_others_is_judged_by_the_name(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", patient="1", PatientName="Doe^Jane")
    write_series(tmp_path / "S1" / "t2", series=2, patient="", PatientName="DOE JANE")
    write_series(tmp_path / "S1" / "t3", series=3, patient="", PatientName="Roe^Richard")
    assert held(survey(tmp_path)) == {"S1/t3/0001.dcm": (structure.OTHER_PATIENT,)}


def test_two_visits_are_good_and_other_spellings_only_noted(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", study=1)
    write_series(tmp_path / "S1" / "t1 again", study=2, PatientName="Married^P1")
    assert said(survey(tmp_path)) == {(structure.NAMES_DIFFER, "S1")}


def test_one_study_under_two_subjects_asks_for_both(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1")
    write_series(tmp_path / "S2" / "t1")
    found = survey(tmp_path)
    assert said(found) == {(structure.STUDY_IN_TWO_SUBJECTS, "S2")}
    assert "S1 and S2" in found.findings[0].what
    assert set(held(found)) == {"S1/t1/0001.dcm", "S2/t1/0001.dcm"}


def test_a_study_of_its_own_for_each_file_asks(tmp_path: Path) -> None:
    for number in range(1, 5):
        write_image(tmp_path / "S1" / "t1" / f"{number}.dcm", study=number)
    found = survey(tmp_path)
    assert said(found) == {(structure.STUDY_PER_FILE, "S1/t1")}
    assert len(held(found)) == 4


def test_series_that_share_folders_numbers_or_uids_are_noted(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "both", series=1)
    write_image(tmp_path / "S1" / "both" / "x.dcm", series=2)
    write_image(tmp_path / "S1" / "more" / "y.dcm", series=2, image=2)
    write_image(tmp_path / "S1" / "z" / "z.dcm", series=3, SeriesNumber=2)
    write_image(tmp_path / "S1" / "u" / "u.dcm", series=3, image=2, SeriesNumber=4)
    found = survey(tmp_path)
    assert said(found) == {
        (structure.TWO_SERIES, "S1/both"),
        (structure.SERIES_SPLIT, "S1"),
        (structure.SERIES_NUMBER_TWICE, "S1"),
        (structure.SERIES_UID_TWICE, "S1"),
    }
    assert all(finding.severity is Severity.NOTE for finding in found.findings)
    assert sum(len(series.instances) for series in found.series) == 6


def test_two_studies_in_a_series_folder_are_noted(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=2)
    write_image(tmp_path / "S1" / "t1" / "x.dcm", study=2)
    assert said(survey(tmp_path)) == {(structure.STUDIES_IN_SERIES_FOLDER, "S1/t1")}


def test_copies_are_sent_once_and_conflicts_ask(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=3)
    write_image(tmp_path / "S1" / "a copy" / "1.dcm", image=1)
    write_image(tmp_path / "S1" / "t1" / "0002-edited.dcm", image=2, value=9)
    write_image(tmp_path / "S1" / "t1" / "0003 other syntax.dcm", image=3, syntax=IMPLICIT)
    found = survey(tmp_path)
    kinds = {other.path: other.kind for other in found.others}
    assert kinds == {
        "S1/a copy/1.dcm": OtherKind.COPY,
        "S1/t1/0002-edited.dcm": OtherKind.CONFLICTING,
        "S1/t1/0003 other syntax.dcm": OtherKind.CONFLICTING,
    }
    assert said(found) == {(structure.COPY, "S1/a copy"), (structure.CONFLICTING_COPY, "S1/t1")}
    assert held(found) == {"S1/t1/0001.dcm": (structure.CONFLICTING_COPY,)}
    assert [instance.path for instance in found.series[0].instances] == [f"S1/t1/000{n}.dcm" for n in (1, 2, 3)]


def test_a_scribbled_preamble_does_not_make_another_image(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=1)
    data = (tmp_path / "S1" / "t1" / "0001.dcm").read_bytes()
    (tmp_path / "S1" / "t1" / "0001 scribbled.dcm").write_bytes(b"II*\0" + data[4:])
    found = survey(tmp_path)
    assert [other.kind for other in found.others] == [OtherKind.COPY]
    assert [(len(one.instances), one.copies) for one in found.series] == [(1, 1)]


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_what_lacks_identity_is_not_sent(tmp_path: Path, keyword: str) -> None:
    write_series(tmp_path / "S1" / "t1")
    lacking: dict[str, Any] = {keyword: ""}
    write_image(tmp_path / "S1" / "t1" / "x.dcm", image=9, **lacking)
    found = survey(tmp_path)
    assert said(found) == {(structure.INCOMPLETE_HEADER, "S1/t1")}
    assert [other.kind for other in found.others] == [OtherKind.INCOMPLETE]
    assert held(found) == {}


@pytest.mark.parametrize("keyword", ["Modality", "SeriesNumber", "StudyDate"])
def test_what_lacks_only_useful_attributes_is_noted_and_goes(tmp_path: Path, keyword: str) -> None:
    lacking: dict[str, Any] = {keyword: ""}
    write_series(tmp_path / "S1" / "t1", **lacking)
    found = survey(tmp_path)
    assert said(found) == {(structure.ATTRIBUTE, "S1/t1")}
    assert found.findings[0].severity is Severity.NOTE
    assert held(found) == {}


def test_litter_is_one_note_for_the_whole_source(tmp_path: Path) -> None:
    for number in range(30):
        write_series(tmp_path / f"S{number}" / "t1", study=number + 1, count=1)
        (tmp_path / f"S{number}" / "t1" / "Thumbs.db").write_bytes(b"x")
    write_image(tmp_path / "S1" / ".hidden" / "x.dcm", image=7)
    write_image(tmp_path / "S1" / "@eaDir" / "x.dcm", image=7)
    found = survey(tmp_path)
    assert said(found) == {(structure.LITTER, ".")}
    assert "32 in all" in found.findings[0].what
    assert len(found.series) == 30


def test_forty_files_of_one_fault_are_one_finding(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1")
    for number in range(40):
        (tmp_path / "S1" / "t1" / f"note{number:02d}.txt").write_text("x", encoding="ascii")
    found = survey(tmp_path)
    assert said(found) == {(structure.NOT_DICOM, "S1/t1")}
    assert "note00.txt" in found.findings[0].what
    assert "40 in all" in found.findings[0].what


def test_a_fault_in_many_folders_is_one_finding_a_subject_and_at_last_one(tmp_path: Path) -> None:
    faults = FaultList("/data")
    for subject in range(3):
        for series in range(5):
            faults.add(structure.NOT_DICOM, f"S{subject}/t{series}", "a.txt")
    assert [finding.where for finding in faults.findings()] == ["S0", "S1", "S2"]
    assert "t0/a.txt" in next(iter(faults.findings())).what
    for subject in range(3, 20):
        faults.add(structure.NOT_DICOM, f"S{subject}/t", "a.txt")
    assert [finding.where for finding in faults.findings()] == ["."]
    assert "32 in all" in next(iter(faults.findings())).what


def test_empty_folders_are_named_once_from_the_top(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1")
    (tmp_path / "S1" / "empty").mkdir()
    (tmp_path / "S2" / "a" / "b").mkdir(parents=True)
    found = survey(tmp_path)
    assert said(found) == {(structure.EMPTY_FOLDER, "S1"), (structure.EMPTY_FOLDER, ".")}
    assert [finding.what for finding in found.findings] == [
        "Folders without any file: S2",
        "Folders without any file: empty",
    ]


def test_pairs_obey_the_layers_too(tmp_path: Path) -> None:
    write_pair(tmp_path / "S1")
    write_pair(tmp_path / "S2" / "t1")
    found = survey(tmp_path)
    assert said(found) == {(structure.SERIES_LAYER_MISSING, "S1")}
    assert [(pair.folder, pair.held_by) for pair in found.pairs] == [
        ("S1", (structure.SERIES_LAYER_MISSING,)),
        ("S2/t1", ()),
    ]


def test_every_code_has_words(tmp_path: Path) -> None:
    codes = {
        value for name, value in vars(structure).items() if name.isupper() and isinstance(value, str) and "." in value
    }
    assert codes == set(RULES)
    for code, rule in RULES.items():
        assert rule.todo, code
        assert "{names}" in rule.what, code
        assert not rule.why.endswith("."), code


def test_odd_names_are_shown_on_one_line_and_quoted_for_a_shell() -> None:
    assert printable("a\nb\udce9") == r"a\nb\xe9"
    assert printable("日本 ä") == "日本 ä"
    assert shell_word("/d/it's here") == "'/d/it'\"'\"'s here'"
    assert shell_word("/d/a\nb\udce9'") == r"$'/d/a\012b\351\''"
