"""De-identification from the command line: shown, chosen, sent, and led back on demand."""

import csv
import json
import stat
from pathlib import Path

import pydicom
import pytest

from support import Practice
from xnat_wizard.cli import Exit, main
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal


@pytest.fixture
def as_owner(monkeypatch: pytest.MonkeyPatch, practice: Practice) -> None:
    monkeypatch.setenv("XNAT_HOST", practice.url)
    monkeypatch.setenv("XNAT_USER", "owner")
    monkeypatch.setenv("XNAT_PASS", "owner")


def _plan(folder: Path, practice: Practice, target: Path, *more: str) -> int:
    words = [
        "plan",
        str(folder),
        "--site",
        practice.url,
        "--project",
        "DEMO",
        "--to",
        "archive",
        "--output",
        str(target),
    ]
    return main([*words, *more])


def _mark_burnt_in(folder: Path, count: int) -> None:
    one_series = next(path.parent for path in sorted(folder.rglob("*")) if path.is_file())
    for path in sorted(one_series.iterdir())[:count]:
        header = pydicom.dcmread(path)
        header.BurnedInAnnotation = "YES"
        header.save_as(path)


def test_what_would_leave_the_house_is_a_table(study_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["survey", str(study_folder), "--privacy", "--deidentify", "--keep", "device", "--json"]) is Exit.DONE
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["Patient's name"]["becomes"] == "the subject's label"
    assert (rows["Birth date"]["becomes"], rows["Birth date"]["images_after"]) == ("taken out", 0)
    assert rows["Device serial number"]["becomes"] == "stays"
    assert not any("values" in row for row in rows.values())


def test_values_are_shown_only_when_asked_for(study_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = pydicom.dcmread(next(path for path in sorted(study_folder.rglob("*")) if path.is_file()))
    main(["survey", str(study_folder), "--privacy"])
    assert str(header.PatientName) not in capsys.readouterr().out
    main(["survey", str(study_folder), "--privacy", "--values", "--all"])
    assert str(header.PatientName) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--deidentify", "--keep", "everything"], "nothing that can be kept"),
        (["--keep", "dates"], "not that images are to be de-identified"),
        (["--deidentify", "--keep", "dates,shifted-dates"], "cannot be kept and moved at once"),
    ],
)
def test_what_does_not_go_together_is_said(
    study_folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    assert main(["survey", str(study_folder), *words]) == Exit.FAILED
    assert code in capsys.readouterr().err


@pytest.mark.usefixtures("as_owner")
def test_a_plan_that_deidentifies_is_sent_and_led_back_on_demand(
    practice: Practice, study_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, table = tmp_path / "plan.json", tmp_path / "map.csv"
    assert _plan(study_folder, practice, target, "--deidentify", "--keep", "shifted-dates") is Exit.DONE
    raw = json.loads(target.read_text())
    assert raw["deidentification"] == {"profile": "basic", "keep": ["shifted-dates"], "burnt_in": False}
    assert main(["upload", str(target)]) is Exit.DONE
    assert "De-identified: DICOM PS3.15 basic profile" in capsys.readouterr().out
    assert not table.exists()
    assert main(["verify", "--uid-map", str(table)]) is Exit.DONE
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    rows = list(csv.DictReader(table.read_text().splitlines()))
    here = {str(pydicom.dcmread(path).SOPInstanceUID) for path in study_folder.rglob("*") if path.is_file()}
    there = {str(pydicom.dcmread(path).SOPInstanceUID) for path in (practice.folder / "archive").rglob("*.dcm")}
    mapped = {row["here"]: row["sent"] for row in rows if row["what"] == "SOP Instance UID"}
    assert (set(mapped), set(mapped.values())) == (here, there)
    assert {row["what"] for row in rows} >= {"Patient ID", "Study Instance UID", "Days that dates moved"}
    receipt = json.loads((uploads.find().parent / "receipt.json").read_text())
    assert receipt["deidentification"]["md5_is_of"] == "the de-identified bytes"
    assert receipt["sessions"][0]["study_uid_local"] != receipt["sessions"][0]["study_uid_sent"]
    lines = list(csv.DictReader((uploads.find().parent / "receipt.csv").read_text().splitlines()))
    assert {row["sop_instance_uid_local"]: row["sop_instance_uid"] for row in lines} == mapped
    with Journal.open(uploads.find()) as journal:
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("as_owner")
def test_an_upload_of_files_as_they_are_has_no_mapping(
    practice: Practice, study_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "plan.json"
    _plan(study_folder, practice, target)
    assert main(["upload", str(target)]) is Exit.DONE
    assert main(["verify", "--uid-map", str(tmp_path / "map.csv")]) == Exit.FAILED
    assert "has no mapping" in capsys.readouterr().err
    assert not (tmp_path / "map.csv").exists()


def test_pictures_with_writing_are_held_back_unless_a_person_says_yes(
    practice: Practice, study_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _mark_burnt_in(study_folder, 3)
    target = tmp_path / "plan.json"
    held, sent = "3 images may have writing in the picture, and are held back", "are sent, as you said"
    assert _plan(study_folder, practice, target, "--deidentify") is Exit.DONE
    assert held in capsys.readouterr().err
    raw = json.loads(target.read_text())
    (left,) = [series for session in raw["sessions"] for series in session["left_out"]]
    assert left["held_by"] == ["deidentify.burnt_in"]
    assert _plan(study_folder, practice, target, "--deidentify", "--send-burnt-in") is Exit.DONE
    told = capsys.readouterr().err
    assert sent in told
    assert held not in told
    raw = json.loads(target.read_text())
    assert not any(session["left_out"] for session in raw["sessions"])
