"""`convert` as a script uses it: what it prints, what it makes, how it ends."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.program import PROGRAM, call
from convert.images import write_dicom, write_pair
from convert.ways import need
from support import Practice
from xnat_wizard.cli.talk import Exit
from xnat_wizard.convert.model import Way
from xnat_wizard.convert.validator import program

RULES = """
[dataset]
name = "Made for a test"

[[rule]]
name = "T1w"
match = { description = "t1*" }
bids = "anat/T1w"

[[rule]]
name = "never"
match = { description = "flair*" }
bids = "anat/FLAIR"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a subject of PAR/REC and one of DICOM, and the rules beside."""
    write_pair(tmp_path / "in" / "S1" / "t1", protocol="t1 3D", number=4)
    write_pair(tmp_path / "in" / "S1" / "loc", protocol="survey", number=1, orientations=(1, 2))
    write_dicom(tmp_path / "in" / "S2" / "t1", number=2)
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path / "in"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_list_shows_what_can_be_converted(source: Path) -> None:
    done = call("convert", source, "--list")
    assert done.code == Exit.DONE
    assert done.data.splitlines() == [
        "S1     1 survey  PAR/REC V4.2  4 images",
        "S1     4 t1 3D  PAR/REC V4.2  4 images",
        "S2     2 t1_mprage  DICOM MR  4 images",
    ]
    told = call("convert", source, "--list", "--json", "--subject", "S2").objects()
    assert [(one["type"], one["subject"], one["source"], one["images"]) for one in told] == [
        ("series", "S2", "dicom", 4)
    ]


def test_the_tester_says_which_rule_takes_which_series_and_why_not(source: Path) -> None:
    done = call("convert", source, "--rules", source.parent / "rules.toml", "--test-rules")
    assert done.code == Exit.DONE
    assert "S1 / 4 t1 3D  [ORIGINAL PRIMARY M echo 1]  4 images  -> T1w  anat/T1w" in done.data
    assert '    not T1w: description is "survey", wanted "t1*"' in done.data
    assert 'No series here fits the rule "never".' in done.talk
    told = call("convert", source, "--rules", source.parent / "rules.toml", "--test-rules", "--json").objects()
    assert [one["rule"] for one in told if one["type"] == "match"] == ["", "T1w", "T1w"]


def test_a_dry_run_names_the_outputs_and_makes_nothing(source: Path, tmp_path: Path) -> None:
    done = call("convert", source, "--to", tmp_path / "out", "--rules", tmp_path / "rules.toml", "--bids", "--dry-run")
    assert done.code == Exit.DONE
    assert "S2 / 2 t1_mprage  -> sub-S2/anat/sub-S2_T1w.nii.gz" in done.data
    assert "S1 / 1 survey  -> no place in BIDS" in done.data
    assert not (tmp_path / "out").exists()


def test_series_are_converted_and_faults_change_the_exit_code(source: Path, tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    done = call("convert", source, "--to", tmp_path / "out")
    assert done.code == Exit.INCOMPLETE
    assert "lie in several directions" in done.talk
    assert done.data.splitlines()[-1] == "2 converted, 0 there already, 1 with faults"
    made = ["S1/004-t1-3D.json", "S1/004-t1-3D.nii.gz", "S2/002-t1_mprage.json", "S2/002-t1_mprage.nii.gz"]
    assert files(tmp_path / "out") == made

    again = call("convert", source, "--to", tmp_path / "out", "--series", "t1*", "--existing", "skip", "--json")
    assert again.code == Exit.DONE
    ended = again.objects()[-1]
    assert "Patient Position" in {one["series"]: one["says"] for one in ended.pop("remarks")}["S2 / 2 t1_mprage"]
    assert ended == {
        "type": "conversion",
        "to": str(tmp_path / "out"),
        "converted": 0,
        "already_there": 2,
        "with_faults": 0,
    }


def test_nibabel_converts_pairs_and_says_that_it_cannot_dicom(source: Path, tmp_path: Path) -> None:
    need(Way.NIBABEL)
    done = call("convert", source, "--to", tmp_path / "out", "--with", "nibabel", "--series", "t1*")
    assert done.code == Exit.INCOMPLETE
    assert "nibabel does not convert DICOM" in done.talk
    assert files(tmp_path / "out") == ["S1/004-t1-3D.json", "S1/004-t1-3D.nii.gz"]


def test_a_bids_dataset_is_made_and_judged(source: Path, tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    rules = tmp_path / "rules.toml"
    done = call("convert", source, "--to", tmp_path / "out", "--rules", rules, "--bids", "--series", "t1*", "--json")
    assert done.code == Exit.DONE
    told = {one["type"]: one for one in done.objects()}
    if program():
        assert told["validation"]["judged"]
        assert told["validation"]["errors"] == 0
    else:
        assert "was not checked by the BIDS validator" in done.talk
    assert json.loads((tmp_path / "out" / "dataset_description.json").read_text())["Name"] == "Made for a test"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--to FOLDER"),
        (["--to", "x", "--bids"], "--bids needs --rules"),
        (["--test-rules"], "--test-rules needs --rules"),
        (["--to", "x", "--session-dataset"], "--session-dataset needs --bids and --project"),
    ],
)
def test_options_that_do_not_go_together_are_refused(source: Path, options: list[str], said: str) -> None:
    done = call("convert", source, *options)
    assert done.code == Exit.USAGE
    assert said in done.talk


def test_a_choice_that_fits_nothing_is_explained(source: Path, tmp_path: Path) -> None:
    done = call("convert", source, "--to", tmp_path / "out", "--series", "flair")
    assert done.code == Exit.FAILED
    assert "No series fits the choice" in done.talk


def test_control_characters_of_a_header_do_not_reach_the_terminal(tmp_path: Path) -> None:
    write_pair(tmp_path / "in" / "S1" / "x", protocol="t1\x1b[2Jx")
    done = call("convert", tmp_path / "in", "--list")
    assert "\x1b" not in done.data
    assert "t1\\x1b[2Jx" in done.data


def test_what_is_converted_goes_into_resources_of_its_scan(
    source: Path, tmp_path: Path, practice: Practice, account: None
) -> None:
    need(Way.DCM2NIIX)
    place = ["--project", "DEMO", "--site", practice.url, "--series", "t1*"]
    done = call("convert", source, "--to", tmp_path / "out", *place)
    assert done.code == Exit.DONE, done.talk
    stored = {
        "/".join(path.parts[-5:]): path.read_bytes()
        for path in (practice.folder / "archive").rglob("*")
        if path.is_file() and {"NIFTI", "PARREC"} & set(path.parts) and not path.name.endswith(".xml")
    }
    par = (source / "S1" / "t1" / "scan.PAR").read_bytes()
    assert par in stored.values()
    made = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert len(made) == 4
    assert {name.rsplit("/", 1)[-1]: data for name, data in stored.items() if "PARREC" not in name} == made
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["S1", "S2"]

    again = call("convert", source, "--to", tmp_path / "out", *place, "--existing", "skip", "--json")
    assert again.code == Exit.DONE, again.talk
    outcomes = [one for one in again.objects() if one.get("resource")]
    assert {(one["resource"], one["moved"], one["verdict"]) for one in outcomes} == {
        ("NIFTI", 0, "done"),
        ("PARREC", 0, "done"),
    }


def test_sidecars_of_a_bids_dataset_go_into_a_resource_of_their_own(
    source: Path, tmp_path: Path, practice: Practice, account: None
) -> None:
    need(Way.DCM2NIIX)
    rules: list[str | Path] = ["--rules", tmp_path / "rules.toml", "--bids", "--subject", "S2"]
    place = ["--project", "DEMO", "--site", practice.url, "--session-labels", "{subject}_visit"]
    done = call("convert", source, "--to", tmp_path / "out", *rules, *place, "--json")
    assert done.code == Exit.DONE, done.talk
    outcomes = [one for one in done.objects() if one.get("resource")]
    assert {(one["resource"], one["session"], one["scan"], one["moved"]) for one in outcomes} == {
        ("NIFTI", "S2_visit", "2", 1),
        ("BIDS", "S2_visit", "2", 1),
    }


def test_a_project_without_a_site_is_refused_before_anything_is_converted(source: Path, tmp_path: Path) -> None:
    done = call("convert", source, "--to", tmp_path / "out", "--project", "DEMO")
    assert done.code == Exit.USAGE
    assert "No site is named" in done.talk
    assert not (tmp_path / "out").exists()


def test_a_template_of_rules_is_written_once(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    done = call("convert", source, "--rules-template", path)
    assert done.code == Exit.DONE
    assert 'match = { description = "t1_mprage" }' in path.read_text()
    assert call("convert", source, "--rules", path, "--test-rules").code == Exit.DONE
    assert call("convert", source, "--rules-template", path).code == Exit.FAILED


def test_a_run_that_is_killed_leaves_whole_images_only_and_the_next_goes_on(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    for number in range(1, 41):
        write_pair(tmp_path / "in" / "S1", f"s{number}", protocol="t1", number=number)
    command = [PROGRAM, "convert", str(tmp_path / "in"), "--to", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        for _ in range(3):
            process.stdout.readline()
        process.kill()
    there = list((tmp_path / "out" / "S1").glob("*.nii.gz"))
    assert 3 <= len(there) < 40
    for image in there:
        assert len(gzip.decompress(image.read_bytes())) == 352 + 8 * 8 * 4 * 2
        assert json.loads(image.with_name(image.name.replace(".nii.gz", ".json")).read_text())
    done = call("convert", tmp_path / "in", "--to", tmp_path / "out", "--existing", "skip")
    assert done.code == Exit.DONE
    assert f"{40 - len(there)} converted, {len(there)} there already" in done.data
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["S1"]


def test_a_folder_at_the_top_of_an_archive_is_looked_through(source: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path, "in")
    done = call("convert", archive, "--list")
    assert done.code == Exit.DONE, done.talk
    assert done.data == call("convert", source, "--list").data


def test_pairs_of_every_version_are_in_the_archive_raw_and_as_images(
    shared_data: Path, tmp_path: Path, practice: Practice, account: None
) -> None:
    need(Way.DCM2NIIX)
    source = tmp_path / "in"
    shutil.copytree(shared_data / "parrec" / "t2-as-older-versions", source / "old")
    for name in ("T2.PAR", "T2.REC"):
        shutil.copy(shared_data / "parrec" / "nitest-balls1" / name, source / "old" / name)
    done = call("convert", source, "--to", tmp_path / "out", "--project", "DEMO", "--site", practice.url, "--json")
    assert done.code == Exit.DONE, done.talk
    outcomes = {(one["scan"], one["resource"]): one for one in done.objects() if one.get("resource")}
    assert set(outcomes) == {
        (scan, name) for scan in ("7", "7-PAR2", "7-PAR3", "7-PAR4") for name in ("NIFTI", "PARREC")
    }
    assert {(one["verdict"], one["moved"], one["proof"]) for one in outcomes.values()} == {("done", 2, "MD5")}
    stored = [path.read_bytes() for path in (practice.folder / "archive").rglob("*") if path.is_file()]
    for path in (source / "old").iterdir():
        assert path.read_bytes() in stored
    for path in (tmp_path / "out").rglob("*.nii.gz"):
        assert path.read_bytes() in stored


def test_what_the_survey_asks_about_is_held_until_it_is_accepted(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_dicom(tmp_path / "in" / "S1" / "a", patient="S1", number=1)
    write_dicom(tmp_path / "in" / "S1" / "b", patient="Other", study=2, number=2)
    done = call("convert", tmp_path / "in", "--to", tmp_path / "out")
    assert done.code == Exit.INCOMPLETE
    assert "structure.other_patient" in done.talk
    assert len(files(tmp_path / "out")) == 2
    done = call("convert", tmp_path / "in", "--to", tmp_path / "out", "--existing", "skip", "--include-held")
    assert done.code == Exit.DONE, done.talk
    assert len(files(tmp_path / "out")) == 4
