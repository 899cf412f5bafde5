"""What de-identification means for a plan: what stays behind, what is said, what a preview and the mapping tell."""

import csv
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dicom.images import write_pair
from practice.images import CAPTURE, SR, instance
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
from xnat_wizard.upload.deidentify import planning, uid_map, veil
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep, Sealed
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.preview import preview, sample
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms
from xnat_wizard.upload.deidentify.veil import UNPLANNED, Veil
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan
from xnat_wizard.upload.plan import draft

NOTHING = Deidentification()
BY_WORD = Deidentification(is_burnt_in_sent=True)
Write = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def write(folder: Path) -> Write:
    """Give a function that writes an image into a series of a subject; each subject has a study of its own."""

    def one(subject: str, series: str = "1", number: int = 1, **elements: object) -> None:
        place = folder / subject / series
        place.mkdir(parents=True, exist_ok=True)
        data = instance(study=str(ord(subject[-1])), series=series, number=number, **elements)
        (place / f"{number}.dcm").write_bytes(data)

    return one


def plan_of(folder: Path) -> Plan:
    return draft(survey(folder), site_url="", project="DEMO", destination=Destination.PREARCHIVE)


def codes(plan: Plan) -> dict[str, str]:
    return {finding.code: f"{finding.what}. {finding.why}" for finding in planning.about(plan)}


def going(plan: Plan) -> list[tuple[str, str]]:
    return [(one.subject_folder, series.series_number) for one in plan.included for series in one.series]


# -- what stays behind -----------------------------------------------------------------------------------


def test_captures_and_reports_stay_behind_and_the_captures_come_back_by_a_word(folder: Path, write: Write) -> None:
    write("S1", "1")
    write("S1", "2", SOPClassUID=CAPTURE)
    write("S1", "2", 2, SOPClassUID=CAPTURE)
    write("S1", "3", SOPClassUID=SR, Modality="SR", PixelData=None)
    write("S2", "1", SOPClassUID=CAPTURE)
    plan = plan_of(folder)
    assert codes(plan) == {}
    held = planning.under(plan, NOTHING)
    assert going(held) == [("S1", "1")]
    said = codes(held)
    assert said["deidentify.burnt_in"].startswith("3 images may have writing in the picture")
    assert said["deidentify.no_header"].startswith("1 file cannot be de-identified and are held back. A report")
    by_word = planning.under(held, BY_WORD)
    assert going(by_word) == [("S1", "1"), ("S1", "2"), ("S2", "1")]
    assert "are sent, as you said" in codes(by_word)["deidentify.pixels"]
    assert "deidentify.burnt_in" not in codes(by_word)
    as_they_are = planning.under(by_word, None)
    assert sorted(going(as_they_are)) == [("S1", "1"), ("S1", "2"), ("S1", "3"), ("S2", "1")]
    assert as_they_are == replace(plan, sessions=as_they_are.sessions)


def test_a_header_that_says_so_holds_its_series_back_and_one_that_is_broken_speaks_when_it_is_sent(
    folder: Path, write: Write
) -> None:
    write("S1", "1", BurnedInAnnotation="YES")
    write("S1", "2")
    plan = plan_of(folder)
    (folder / "S1" / "2" / "1.dcm").unlink()  # since the survey
    assert going(planning.under(plan, NOTHING)) == [("S1", "2")]


def test_a_session_that_a_person_left_out_is_not_looked_into(folder: Path, write: Write) -> None:
    write("S1", "1", SOPClassUID=CAPTURE)
    plan = plan_of(folder)
    (session,) = plan.sessions
    plan = replace(plan, sessions=(replace(session, is_included=False),))
    assert planning.under(plan, NOTHING).sessions == plan.sessions


def test_a_session_of_pairs_goes_although_its_images_stay(folder: Path, write: Write) -> None:
    write("S1", "1", SOPClassUID=CAPTURE)
    write_pair(folder / "S1" / "p", "a")
    (session,) = planning.under(plan_of(folder), NOTHING).included
    assert (session.series, len(session.pairs), len(session.left_out)) == ((), 1, 1)


# -- what is said ----------------------------------------------------------------------------------------


def test_labels_that_tell_who_it_is_are_named_the_first_of_them(folder: Path, write: Write) -> None:
    for number in range(1, 8):
        write(f"Smith{number}", PatientName=f"Smith{number}^Jo", PatientID=f"id{number}")
    said = codes(planning.under(plan_of(folder), NOTHING))["deidentify.label_tells"]
    assert '"Smith5" and 2 more' in said
    assert "Smith6" not in said


def test_descriptions_that_are_kept_are_named_as_a_risk(folder: Path, write: Write) -> None:
    write("S1")
    plan = plan_of(folder)
    assert "deidentify.free_text" not in codes(planning.under(plan, NOTHING))
    kept = planning.under(plan, Deidentification.of([Keep.DESCRIPTIONS]))
    assert "may hold names" in codes(kept)["deidentify.free_text"]
    with pytest.raises(Problem, match=r"deidentify\.two_ways"):
        Deidentification.of([Keep.DATES, Keep.SHIFTED_DATES])
    assert "•••" in repr(Sealed.fresh(NOTHING))
    with pytest.raises(ValueError, match="not known"):
        Deidentification.read({"profile": "own"})


# -- the preview -----------------------------------------------------------------------------------------


def test_a_preview_counts_what_is_left_and_what_would_be_held_back(folder: Path, write: Write) -> None:
    write("S1", "1", PatientName="Doe^Jane", StudyDescription="head of Jane")
    write("S1", "2", SOPClassUID=CAPTURE, PatientName="Doe^Jane")
    write("S1", "3")
    cut = folder / "S1" / "3" / "1.dcm"
    files = list(sample([("S1", [["S1/1/1.dcm"], ["S1/2/1.dcm"], ["S1/3/1.dcm", "never"]])]))
    assert files == [("S1/1/1.dcm", "S1"), ("S1/2/1.dcm", "S1"), ("S1/3/1.dcm", "S1")]
    cut.unlink()
    found = preview(folder, files, NOTHING)
    assert found.files_read == 2
    assert sorted(found.held_back.values()) == [1, 1]
    assert "its header cannot be read" in found.held_back
    becomes = {row.name: row.becomes for row in found.rows}
    assert "the subject's label" in becomes.values()
    assert "taken out, or held back" in becomes.values()
    assert not preview(folder, files, NOTHING, is_stopped=lambda: True).rows


def test_a_preview_says_what_stays(folder: Path, write: Write) -> None:
    write("S1", "1", StudyDescription="head")
    files = list(sample([("S1", [["S1/1/1.dcm"]])], is_all=True))
    said = {row.becomes for row in preview(folder, files, Deidentification.of([Keep.DESCRIPTIONS, Keep.DATES])).rows}
    assert "stays" in said
    moved = {row.becomes for row in preview(folder, files, Deidentification.of([Keep.SHIFTED_DATES])).rows}
    assert "changed" in moved


# -- the mapping -----------------------------------------------------------------------------------------


def mapped(journal: Journal, path: Path) -> list[tuple[str, str, str]]:
    count = uid_map.write(journal, path)
    rows = [(row["what"], row["here"], row["sent"]) for row in csv.DictReader(path.read_text().splitlines())]
    assert len(rows) == count
    return rows


@pytest.mark.parametrize("keep", [(), (Keep.SHIFTED_DATES,)])
def test_the_mapping_leads_images_and_pairs_back(
    folder: Path, write: Write, tmp_path: Path, keep: tuple[Keep, ...]
) -> None:
    write("S1", "1", PatientName="Doe^Jane", PatientID="4711")
    write_pair(folder / "S1" / "p", "Jane Doe")
    write_pair(folder / "S2" / "p", "Jo Doe")
    plan = planning.under(plan_of(folder), Deidentification.of(keep))
    with Journal.create(tmp_path / "upload", plan) as journal:
        rows = mapped(journal, tmp_path / "map.csv")
        sealed = Sealed.decoded(journal.deidentification)
    assert sealed is not None
    label = plan.sessions[0].subject_label
    assert ("Patient ID", "4711", label) in rows
    assert ("SOP Instance UID", "1.2.49.1.1", Pseudonyms(sealed.key).uid("1.2.49.1.1")) in rows
    pairs = [row[1:] for row in rows if row[0] == "PAR/REC file"]
    assert sorted(pairs) == [
        ("S1/p/Jane Doe.PAR", "0001.PAR"),
        ("S1/p/Jane Doe.REC", "0001.REC"),
        ("S2/p/Jo Doe.PAR", "0001.PAR"),
        ("S2/p/Jo Doe.REC", "0001.REC"),
    ]
    assert sum(row[0] == "Days that dates moved" for row in rows) == (2 if keep else 0)


# -- files as they are sent ------------------------------------------------------------------------------


def veil_of(folder: Path, *paths: str) -> Veil:
    return Veil(folder, Sealed(NOTHING, b"k" * 32), dict.fromkeys(paths, "S1"), frozenset())


def test_a_file_of_no_session_does_not_come_out(folder: Path, write: Write) -> None:
    write("S1")
    with veil_of(folder) as source, pytest.raises(HeldBackError) as held:
        source.open("S1/1/1.dcm")
    assert held.value.reason == UNPLANNED


def test_what_is_remembered_of_files_has_bounds_and_changes_no_byte(
    folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 5):
        write("S1", number=number)
    write("S1", "2", SOPClassUID=CAPTURE)
    paths = [f"S1/1/{number}.dcm" for number in range(1, 5)]

    def read(source: Veil) -> list[bytes]:
        made = []
        for path in paths:
            with source.open(path) as file:
                made.append(file.read_at(0, file.size_bytes))
        for _ in range(2):
            with pytest.raises(HeldBackError):
                source.open("S1/2/1.dcm")
        return made

    with veil_of(folder, *paths, "S1/2/1.dcm") as source:
        first = read(source)
        assert read(source) == first
    for name, value in (("KEPT_BYTES", 1200), ("KEPT_ONE_BYTES", 100)):
        with monkeypatch.context() as patch, veil_of(folder, *paths, "S1/2/1.dcm") as source:
            patch.setattr(veil, name, value)
            assert read(source) == read(source) == first


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("pixels", [b"pixels of this test " * 10_000, None])
def test_an_archive_whose_checksum_differs_is_not_sent(tmp_path: Path, method: int, pixels: bytes | None) -> None:
    path, data = tmp_path / "images.zip", instance(PixelData=pixels)
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("one.dcm", data)

    def read(source: Veil) -> bytes:
        with source.open("one.dcm") as file:
            return b"".join(file.read_at(place, 3000) for place in range(0, file.size_bytes, 3000))

    with veil_of(path, "one.dcm") as source:
        assert read(source) == read(source)
        assert not pixels or read(source).endswith(pixels)
    whole = bytearray(path.read_bytes())
    crc = struct.pack("<L", zlib.crc32(data))
    assert whole.count(crc) == 2  # of the member, and in the directory
    path.write_bytes(bytes(whole).replace(crc, b"abcd"))
    with veil_of(path, "one.dcm") as source:
        for _ in range(2):  # made anew, and as it was remembered
            with pytest.raises(OSError, match="checksum"):
                read(source)
