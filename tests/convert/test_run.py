"""Converting into a folder: names, what is there already, nothing half, nothing personal; and BIDS datasets."""

import gzip
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from convert.images import write_dicom, write_pair
from convert.ways import need, offered
from xnat_wizard.convert import model, nifti, run, selection
from xnat_wizard.convert.model import Existing, Placed, Way
from xnat_wizard.convert.rules import parse
from xnat_wizard.convert.run import Order
from xnat_wizard.convert.validator import program, validate
from xnat_wizard.findings import Finding, Problem, Severity

RULES = parse("""
[dataset]
name = "Made for a test"
authors = ["One", "Two"]

[[rule]]
name = "T1w"
match = { description = "t1*" }
bids = "anat/T1w"

[[rule]]
name = "rest"
match = { description = "*rest*" }
bids = "func/task-rest_bold"

[[rule]]
name = "magnitude"
match = { description = "*field*", image_type = ["M"] }
bids = "fmap/magnitude"

[[rule]]
name = "fieldmap"
match = { description = "*field*", image_type = ["P"] }
bids = "fmap/fieldmap"
sidecar = { Units = "Hz" }
intended_for = ["func/*"]
""")


def convert(source: Path, order: Order, series: Sequence[str] = ()) -> tuple[list[Placed], list[Finding]]:
    """Convert a source, or some series of it."""
    with offered(source) as (opened, offer):
        chosen = selection.choose(offer.items, series=series)
        said = list(run.run(opened, offer.items, chosen, order))
    return [one for one in said if isinstance(one, Placed)], [one for one in said if isinstance(one, Finding)]


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, images unpacked."""
    found = {}
    for name in below(folder):
        data = (folder / name).read_bytes()
        found[name] = gzip.decompress(data) if name.endswith(".gz") else data
    return found


def write_study(source: Path) -> None:
    """Write a subject of PAR/REC with field map and two runs of rest, and one of DICOM with two visits."""
    write_pair(source / "p-01" / "a", "t1", protocol="t1w", number=1)
    write_pair(source / "p-01" / "b", "r1", protocol="WIP rest", number=2, kinds=((1, 1, 0), (1, 2, 0)))
    write_pair(source / "p-01" / "c", "r2", protocol="WIP rest", number=3, kinds=((1, 1, 0), (1, 2, 0)))
    write_pair(source / "p-01" / "d", "fm", protocol="fieldmap", number=4, kinds=((1, 1, 0), (1, 1, 3)))
    write_dicom(source / "p-02" / "v1", patient="P2", study=1, number=1)
    write_dicom(source / "p-02" / "v2", patient="P2", study=2, number=1, StudyDate="20260301")


def test_plain_outputs_are_named_by_number_and_description(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1", "t1", protocol="T1W [3D]/x", number=5)
    write_pair(tmp_path / "in" / "S1", "t2", protocol="T1W [3D]/x", number=5)
    placed, _ = convert(tmp_path / "in", Order(tmp_path / "out"))
    assert [one.path for one in placed] == ["S1/005-T1W-3D-x.nii.gz", "S1/005-T1W-3D-x-2.nii.gz"]
    assert below(tmp_path / "out") == [
        "S1/005-T1W-3D-x-2.json",
        "S1/005-T1W-3D-x-2.nii.gz",
        "S1/005-T1W-3D-x.json",
        "S1/005-T1W-3D-x.nii.gz",
    ]


def test_a_rule_gives_plain_outputs_its_name(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_dicom(tmp_path / "in" / "S1" / "x", number=7)
    placed, _ = convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES))
    assert [(one.path, one.rule) for one in placed] == [("S1/007-T1w.nii.gz", "T1w")]


def test_what_is_there_is_left_replaced_or_refused(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1")
    order = Order(tmp_path / "out")
    placed, _ = convert(tmp_path / "in", order)
    image = tmp_path / "out" / placed[0].path
    first = image.read_bytes()
    image.write_bytes(b"edited")

    placed, findings = convert(tmp_path / "in", order)
    assert (placed, [finding.code for finding in findings]) == ([], [model.EXISTS])
    placed, _ = convert(tmp_path / "in", replace(order, existing=Existing.SKIP))
    assert [one.is_new for one in placed] == [False]
    assert image.read_bytes() == b"edited"
    placed, _ = convert(tmp_path / "in", replace(order, existing=Existing.REPLACE))
    assert [one.is_new for one in placed] == [True]
    assert image.read_bytes() == first


@pytest.mark.parametrize("way", list(Way))
def test_nothing_tells_who_was_scanned_unless_asked(tmp_path: Path, way: Way) -> None:
    need(way)
    write_pair(tmp_path / "in" / "S1" / "p", patient="Secret^Person")
    if way is Way.DCM2NIIX:
        write_dicom(tmp_path / "in" / "S1" / "d", ImageComments="Secret remark", ReferringPhysicianName="Secret^Doc")
    convert(tmp_path / "in", Order(tmp_path / "out", way))
    made = contents(tmp_path / "out")
    assert made
    for name, data in made.items():
        assert b"ecret" not in data, name
        assert b"1970" not in data, name
    if way is Way.DCM2NIIX:
        convert(tmp_path / "in", Order(tmp_path / "open", way, keeps_details=True))
        assert any(b"Secret" in data for name, data in contents(tmp_path / "open").items() if name.endswith(".json"))


def test_a_series_that_fails_leaves_nothing_and_does_not_end_the_others(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1", "good", number=1)
    write_pair(tmp_path / "in" / "S1", "mixed", number=2, orientations=(1, 3))
    placed, findings = convert(tmp_path / "in", Order(tmp_path / "out"))
    assert [one.path for one in placed] == ["S1/001-T1W-3D.nii.gz"]
    assert model.ORIENTATIONS_VARY in {finding.code for finding in findings}
    assert below(tmp_path / "out") == ["S1/001-T1W-3D.json", "S1/001-T1W-3D.nii.gz"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["S1"]


def test_a_truncated_rec_is_not_converted(tmp_path: Path) -> None:
    write_pair(tmp_path / "in" / "S1", "good")
    rec = write_pair(tmp_path / "in" / "S1", "cut").with_suffix(".REC")
    rec.write_bytes(rec.read_bytes()[:-2])
    with offered(tmp_path / "in") as (_, offer):
        assert [item.pair.par_path for item in offer.items if item.pair] == ["S1/good.PAR"]


def test_what_a_killed_run_has_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1")
    left = tmp_path / "out" / ".convert-left"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "half.nii").write_bytes(b"half")
    convert(tmp_path / "in", Order(tmp_path / "out"))
    assert not left.exists()


def test_the_output_folder_must_not_lie_in_the_source(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1")
    with pytest.raises(Problem) as refused:
        convert(tmp_path / "in", Order(tmp_path / "in" / "S1" / "nifti"))
    assert refused.value.finding.code == model.TARGET_IN_SOURCE
    assert not (tmp_path / "in" / "S1" / "nifti").exists()


def test_an_archive_is_converted_like_the_folder_that_it_holds(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_study(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in below(tmp_path / "in"):
            archive.write(tmp_path / "in" / name, f"export/{name}")  # the one folder at the top is looked through
    convert(tmp_path / "in", Order(tmp_path / "one"))
    convert(tmp_path / "in.zip", Order(tmp_path / "two"))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 14


def test_another_choice_gives_a_series_the_same_name(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_study(tmp_path / "in")
    placed, _ = convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True), series=["3"])
    assert [one.path for one in placed] == ["sub-p01/func/sub-p01_task-rest_run-2_bold.nii.gz"]


def test_a_bids_dataset_has_all_that_the_standard_asks_for(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_study(tmp_path / "in")
    placed, findings = convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True))
    assert sorted(one.path for one in placed) == [
        "sub-p01/anat/sub-p01_T1w.nii.gz",
        "sub-p01/fmap/sub-p01_fieldmap.nii.gz",
        "sub-p01/fmap/sub-p01_magnitude.nii.gz",
        "sub-p01/func/sub-p01_task-rest_run-1_bold.nii.gz",
        "sub-p01/func/sub-p01_task-rest_run-2_bold.nii.gz",
        "sub-p02/ses-1/anat/sub-p02_ses-1_T1w.nii.gz",
        "sub-p02/ses-2/anat/sub-p02_ses-2_T1w.nii.gz",
    ]
    assert not [finding for finding in findings if finding.severity is not Severity.NOTE]
    told = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert (told["Name"], told["BIDSVersion"], told["DatasetType"]) == ("Made for a test", "1.10.0", "raw")
    assert (tmp_path / "out" / "participants.tsv").read_text() == "participant_id\nsub-p01\nsub-p02\n"
    bold = json.loads((tmp_path / "out" / "sub-p01/func/sub-p01_task-rest_run-1_bold.json").read_text())
    assert (bold["TaskName"], bold["RepetitionTime"]) == ("rest", 2.0)
    fieldmap = json.loads((tmp_path / "out" / "sub-p01/fmap/sub-p01_fieldmap.json").read_text())
    assert fieldmap["Units"] == "Hz"
    assert fieldmap["IntendedFor"] == [
        "bids::sub-p01/func/sub-p01_task-rest_run-1_bold.nii.gz",
        "bids::sub-p01/func/sub-p01_task-rest_run-2_bold.nii.gz",
    ]
    magnitude = json.loads((tmp_path / "out" / "sub-p01/fmap/sub-p01_magnitude.json").read_text())
    assert "IntendedFor" not in magnitude
    header = contents(tmp_path / "out")["sub-p01/func/sub-p01_task-rest_run-1_bold.nii.gz"]
    assert nifti.repetition_s(header) == 2.0


def test_the_bids_validator_accepts_a_dataset_of_ours(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    if not program():
        pytest.skip("BIDS validator: it is not installed")
    write_study(tmp_path / "in")
    convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True))
    judged = validate(tmp_path / "out")
    assert judged.has_judged
    assert [finding.what for finding in judged.findings if finding.code == model.BIDS_ERROR] == []
    assert judged.is_valid


def test_the_bids_validator_refuses_a_dataset_that_was_damaged(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    if not program():
        pytest.skip("BIDS validator: it is not installed")
    write_study(tmp_path / "in")
    convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True))
    (tmp_path / "out" / "sub-p01" / "func" / "sub-p01_task-rest_run-1_bold.json").write_text("{}")
    judged = validate(tmp_path / "out")
    assert judged.errors
    assert any("RepetitionTime" in finding.what for finding in judged.findings)


def test_the_bids_validator_accepts_the_real_exam(tmp_path: Path, shared_data: Path) -> None:
    need(Way.DCM2NIIX)
    if not program():
        pytest.skip("BIDS validator: it is not installed")
    shutil.copytree(shared_data / "parrec" / "nitest-balls1", tmp_path / "in" / "balls")
    rules = parse("""
[dataset]
name = "Balls"
[[rule]]
name = "T1w"
match = { protocol = "T1 *" }
bids = "anat/T1w"
[[rule]]
name = "T2w"
match = { protocol = ["T2 *", "T2-*"] }
bids = "anat/T2w"
[[rule]]
name = "bold"
match = { protocol = "/^T2[*]/" }
bids = "func/task-rest_bold"
[[rule]]
name = "dwi"
match = { protocol = "*DTI*" }
bids = "dwi/dwi"
""")
    placed, findings = convert(tmp_path / "in", Order(tmp_path / "out", rules=rules, is_bids=True))
    assert len(placed) == 6
    codes = {finding.code for finding in findings}
    assert {model.NO_RULE, model.CONVERTER_WARNED} <= codes
    assert model.ORIENTATIONS_VARY not in codes  # no rule may take the localizer, so it is not even tried
    dwi = tmp_path / "out" / "sub-balls" / "dwi" / "sub-balls_dwi"
    assert json.loads(dwi.with_suffix(".json").read_text())["RepetitionTime"] == 1.166614
    assert nifti.repetition_s(gzip.decompress(dwi.with_suffix(".nii.gz").read_bytes())) == pytest.approx(1.166614)
    assert validate(tmp_path / "out").is_valid


def test_participants_are_added_to_a_table_that_people_have_filled(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_study(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "participants.tsv").write_text("participant_id\tage\nsub-p02\t30\n")
    (tmp_path / "out" / "dataset_description.json").write_text('{"Name": "kept"}')
    convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True), series=["1"])
    assert (tmp_path / "out" / "participants.tsv").read_text() == "participant_id\tage\nsub-p02\t30\nsub-p01\tn/a\n"
    assert (tmp_path / "out" / "dataset_description.json").read_text() == '{"Name": "kept"}'


def test_subjects_whose_labels_become_one_are_refused(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    for subject in ("p_01", "p-01"):
        write_pair(tmp_path / "in" / subject, protocol="t1")
    with pytest.raises(Problem) as refused:
        convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True))
    assert refused.value.finding.code == model.LABEL_CLASH
    assert below(tmp_path / "out") == [] if (tmp_path / "out").exists() else True


def test_what_bids_requires_and_the_images_do_not_tell_is_said(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1", protocol="fieldmap", kinds=((1, 1, 3),))
    rules = parse('[[rule]]\nname = "f"\nmatch = { image_type = ["P"] }\nbids = "fmap/fieldmap"\n')
    _, findings = convert(tmp_path / "in", Order(tmp_path / "out", rules=rules, is_bids=True))
    assert [(one.code, "Units" in one.what) for one in findings if one.severity is Severity.ASK] == [
        (model.BIDS_INCOMPLETE, True)
    ]


def test_both_ways_are_compared_on_demand(tmp_path: Path, shared_data: Path) -> None:
    need(*Way)
    for version in ("V4", "V4.1"):
        for ending in ("PAR", "REC"):
            name = f"T2_{version}.{ending}"
            (tmp_path / "in" / version).mkdir(parents=True, exist_ok=True)
            shutil.copy(shared_data / "parrec" / "t2-as-older-versions" / name, tmp_path / "in" / version / name)
    _, findings = convert(tmp_path / "in", Order(tmp_path / "out", compares=True))
    (differs,) = [finding for finding in findings if finding.code == model.GEOMETRY_DIFFERS]
    assert differs.where.startswith("V4 /")
    assert "1.36 mm apart" in differs.why


def test_images_of_one_series_that_no_rule_tells_apart_become_runs(tmp_path: Path) -> None:
    """A series with slices in two directions: dcm2niix makes an image of each."""
    need(Way.DCM2NIIX)
    write_dicom(tmp_path / "in" / "S1" / "x")
    for number, path in enumerate(sorted((tmp_path / "in" / "S1" / "x").iterdir())):
        if number >= 2:
            dataset = pydicom.dcmread(path)
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [3.0 * number, -8.0, 8.0]
            dataset.save_as(path)
    placed, findings = convert(tmp_path / "in", Order(tmp_path / "out", rules=RULES, is_bids=True))
    assert [one.path for one in placed] == ["sub-S1/anat/sub-S1_T1w.nii.gz", "sub-S1/anat/sub-S1_run-2_T1w.nii.gz"]
    assert model.SEVERAL_IMAGES in {finding.code for finding in findings}


def test_subjects_never_share_a_folder(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    for subject in ("p 1", "p-1", "P-1"):
        write_pair(tmp_path / "in" / subject)
    placed, _ = convert(tmp_path / "in", Order(tmp_path / "out"))
    assert {one.item.subject: one.path for one in placed} == {
        "P-1": "P-1/005-T1W-3D.nii.gz",
        "p-1": "p-1-2/005-T1W-3D.nii.gz",
        "p 1": "p-1-3/005-T1W-3D.nii.gz",
    }


def test_no_series_replaces_another_of_the_same_run(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "S1", "a", protocol="one", number=1)
    write_pair(tmp_path / "in" / "S1", "b", protocol="two", number=2)
    rule = '[[rule]]\nname = "{0}"\nmatch = {{ protocol = "{0}" }}\nbids = "anat/T1w"\n'
    rules = parse(rule.format("one") + rule.format("two").replace("T1w", "run-1_T1w"))
    placed, _ = convert(tmp_path / "in", Order(tmp_path / "out", rules=rules, is_bids=True))
    assert [one.path.rpartition("/")[2] for one in placed] == ["sub-S1_T1w.nii.gz", "sub-S1_run-1_T1w.nii.gz"]
    write_pair(tmp_path / "in" / "S1", "c", protocol="one", number=3)
    shutil.rmtree(tmp_path / "out")
    order = Order(tmp_path / "out", rules=rules, is_bids=True, existing=Existing.REPLACE)
    placed, findings = convert(tmp_path / "in", order)
    assert len({one.path for one in placed}) == len(placed) == 2
    assert model.EXISTS in {finding.code for finding in findings}
