"""The trees of real images: good ones pass without a question, of broken ones each fault is named and the rest goes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom.images import on_disk
from dicom.test_archives import without_times
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.model import OtherKind, Survey
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Severity

GOOD = (
    "blank-patient-id",
    "deidentified-all-same-patient-id",
    "dicom-and-parrec-side-by-side",
    "headers-match-folders",
    "parrec-only",
    "pet-ct-one-session",
    "two-visits-under-one-subject",
)
SERIES = "SUBJ001/SE T1 ECHELON"
Said = set[tuple[str, str]]
SAID: dict[str, Said] = {  # code and place of every finding of a broken tree
    "archives-inside": {
        (structure.ARCHIVE, "."),
        (structure.ARCHIVE, "SUBJ001"),
        (structure.ARCHIVE, SERIES),
    },
    "dicomdir-and-deep-folders": {(structure.DICOMDIR, "SUBJ001"), (structure.MEDIUM, "SUBJ001")},
    "duplicate-instances": {
        (structure.CONFLICTING_COPY, SERIES),
        (structure.COPY, SERIES),
        (structure.COPY, "SUBJ001/EPI_asc"),
    },
    "empty-folders": {(structure.EMPTY_FOLDER, "."), (structure.EMPTY_FOLDER, "SUBJ001")},
    "extra-layer-above-series": {(structure.LAYER_ABOVE, "SUBJ001")},
    "extra-layer-below-series": {(structure.LAYER_BELOW, SERIES), (structure.COPY, SERIES + "/part-1")},
    "junk-files": {(structure.LITTER, "."), (structure.NOT_DICOM, SERIES), (structure.UNREADABLE, SERIES)},
    "loose-files-at-top": {(structure.LOOSE_FILES, "."), (structure.NOT_DICOM, ".")},
    "missing-and-bad-attributes": {
        (structure.INCOMPLETE_HEADER, "SUBJ001"),
        (structure.ATTRIBUTE, "SUBJ001"),
        (structure.CONFLICTING_COPY, "SUBJ001/no-modality"),
        (structure.CONFLICTING_COPY, "SUBJ001/no-patient"),
        (structure.CONFLICTING_COPY, "SUBJ001/no-series-number"),
    },
    "odd-names": set(),
    "parrec-pairs-broken": {
        (structure.PARREC_BROKEN, "SUBJ001/cut par"),
        (structure.PARREC_BROKEN, "SUBJ001/not a par"),
        (structure.PARREC_PARTNER, "SUBJ001"),
        (structure.PARREC_SIZE, "SUBJ001/short rec"),
        (structure.PARREC_CASE, "SUBJ001/case"),
    },
    "series-layer-missing": {(structure.SERIES_LAYER_MISSING, "SUBJ001")},
    "subject-folder-copied-under-another-id": {(structure.STUDY_IN_TWO_SUBJECTS, "SUBJ002")},
    "subject-ids-hard-for-xnat": set(),
    "symlinks": {
        (structure.LINK_BROKEN, SERIES),
        (structure.LINK_SKIPPED, "."),
        (structure.LINK_SKIPPED, "SUBJ001"),
        (structure.LINK_SKIPPED, SERIES),
    },
    "two-patients-in-one-series-folder": {(structure.OTHER_PATIENT, SERIES)},
    "two-series-in-one-folder": {(structure.TWO_SERIES, SERIES)},
    "unreadable-files": {(structure.UNREADABLE, SERIES), (structure.COPY, SERIES)},
    "wrong-patients-series-in-subject-folder": {(structure.OTHER_PATIENT, "SUBJ001/EPI_asc")},
}
HELD = {  # files of the series that are kept back, by tree
    "duplicate-instances": {f"{SERIES}/0001.dcm", f"{SERIES}/0002.dcm"},
    "extra-layer-above-series": {f"SUBJ001/session-{n}/SE T1 ECHELON/000{m}.dcm" for n in (1, 2) for m in (1, 2)},
    "loose-files-at-top": {"loose-file.dcm"},
    "missing-and-bad-attributes": {"SUBJ001/no-dates/1.dcm"},
    "series-layer-missing": {"SUBJ001/0001.dcm", "SUBJ001/0002.dcm"},
    "subject-folder-copied-under-another-id": {
        *(f"{SERIES}/000{n}.dcm" for n in (1, 2)),
        *(f"SUBJ002/SE T1 ECHELON/{n}.dcm" for n in (0, 1)),
    },
    "two-patients-in-one-series-folder": {f"{SERIES}/zz_other_patient.dcm"},
    "wrong-patients-series-in-subject-folder": {f"SUBJ001/EPI_asc/000{n}.dcm" for n in (1, 2)},
}


def truth(shared_data: Path, tree: str) -> set[tuple[str, str, str, str]]:
    """Return patient, study, series and instance UIDs as the tree's makers wrote them down."""
    patients = json.loads((shared_data / "trees" / "TRUTH.json").read_text(encoding="utf-8"))[tree]
    return {
        (patient, study, series, sop)
        for patient, studies in patients.items()
        for study, all_series in studies.items()
        for series, facts in all_series.items()
        for sop in facts["sop_uids"]
    }


def identities(found: Survey) -> set[tuple[str, str, str, str]]:
    return {
        (series.patient_id, series.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid)
        for series in found.series
        for instance in series.instances
    }


@pytest.mark.parametrize("tree", GOOD)
def test_a_good_tree_needs_no_question(shared_data: Path, tree: str) -> None:
    folder = shared_data / "trees" / "good" / tree
    found = survey(folder)
    assert not [finding for finding in found.findings if finding.severity is not Severity.NOTE]
    assert not [series for series in found.series if series.held_by]
    assert not [pair for pair in found.pairs if pair.held_by]
    assert identities(found) == truth(shared_data, f"good/{tree}")
    assert found.others == ()
    assert found.file_count == len(on_disk(folder))


def test_there_is_an_expectation_for_each_broken_tree(shared_data: Path) -> None:
    trees = {path.name.removesuffix(".tar.gz") for path in (shared_data / "trees" / "malformed").iterdir()}
    assert trees == set(SAID)


@pytest.mark.parametrize("tree", sorted(SAID))
def test_each_fault_of_a_broken_tree_is_named(malformed: Callable[[str], Path], shared_data: Path, tree: str) -> None:
    folder = malformed(tree)
    found = survey(folder)
    assert {(finding.code, finding.where) for finding in found.findings} == SAID[tree]
    held = {instance.path for series in found.series if series.held_by for instance in series.instances}
    assert held == HELD.get(tree, set())
    assert found.file_count == len(on_disk(folder))
    expected = truth(shared_data, f"malformed/{tree}")
    if tree == "odd-names":  # the truth is JSON, which has no place for a folder name that is not UTF-8
        expected |= {identity for identity in identities(found) if identity[0] == "P99"}
    assert identities(found) <= expected
    if tree != "missing-and-bad-attributes":
        assert identities(found) == expected
    for finding in found.findings:
        assert finding.as_text().encode("utf-8")
        assert (folder / finding.where).exists()


def test_each_unreadable_file_is_named_with_its_own_reason(malformed: Callable[[str], Path]) -> None:
    found = survey(malformed("unreadable-files"))
    reasons = {Path(other.path).name: other.reason for other in found.others if other.kind is OtherKind.UNREADABLE}
    words = {
        "cut-in-header.dcm": "cut",
        "cut-in-pixels.dcm": "pixels",
        "only-preamble.dcm": "nothing follows",
        "magic-then-noise.dcm": "does not read as DICOM",
        "noise.dcm": "not DICOM",
        "zero-byte.dcm": "0 bytes",
    }
    assert all(word in reasons[name] for name, word in words.items())
    (finding,) = (finding for finding in found.findings if finding.code == structure.UNREADABLE)
    assert all(name in finding.what for name in words)


def test_only_whole_pairs_go(malformed: Callable[[str], Path]) -> None:
    found = survey(malformed("parrec-pairs-broken"))
    assert [pair.folder for pair in found.pairs] == ["SUBJ001/case", "SUBJ001/dicom beside"]
    assert sum(len(series.instances) for series in found.series) == 3


def test_odd_names_survive_as_they_are(malformed: Callable[[str], Path]) -> None:
    folder = malformed("odd-names")
    found = survey(folder)
    assert set(found.subject_folders) == {path.name for path in folder.iterdir()}
    assert "new\nline" in found.subject_folders
    assert any("\udce9" in name for name in found.subject_folders)
    assert len({name.casefold() for name in found.subject_folders}) < len(found.subject_folders)


def test_the_walk_ends_where_links_loop(malformed: Callable[[str], Path]) -> None:
    found = survey(malformed("symlinks"))
    assert found.subject_folders == ("SUBJ001",)
    assert {other.kind for other in found.others} == {OtherKind.LINK}
    assert len(found.others) == 6


def test_no_finding_tells_more_than_a_screen(malformed: Callable[[str], Path]) -> None:
    for tree in SAID:
        findings = survey(malformed(tree)).findings
        assert len(findings) <= 8
        assert all(len(finding.what) < 900 for finding in findings)


@pytest.mark.parametrize("name", SAID)
def test_a_broken_tree_reads_from_its_tar_gz_like_unpacked(
    shared_data: Path, malformed: Callable[[str], Path], name: str
) -> None:
    packed = survey(shared_data / "trees" / "malformed" / f"{name}.tar.gz")
    folder = malformed(name)
    unpacked = survey(folder if packed.source.name == name else folder.parent)
    assert without_times(packed).series == without_times(unpacked).series
    assert (packed.pairs, packed.others) == (unpacked.pairs, unpacked.others)
    said = {(finding.code, finding.where) for finding in packed.findings} - {(structure.ARCHIVE_TOP, ".")}
    assert said == {(finding.code, finding.where) for finding in unpacked.findings}
