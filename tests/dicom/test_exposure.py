"""Which details of patients would leave: counted in real headers, each once an image."""

import tarfile
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from dicom.images import as_bytes, header, with_pixels, write_image, write_pair, write_series
from xnat_wizard.dicom.exposure import BURNT_IN, NESTED, PRIVATE, Exposed, ExposureRun, exposure
from xnat_wizard.dicom.survey import survey
from xnat_wizard.dicom.walk import Stopped


def found(source: Path, *, is_all: bool = True) -> dict[str, Exposed]:
    return {row.name: row for row in exposure(survey(source), is_all=is_all).rows}


def test_details_are_counted_with_their_values(tmp_path: Path) -> None:
    write_series(tmp_path / "S1/t1", count=3, patient="P1", PatientBirthDate="19700102", InstitutionName="House")
    write_series(tmp_path / "S2/t1", count=2, patient="P2", study=2, InstitutionName="House")
    rows = found(tmp_path)
    assert (rows["Patient's name"].images, rows["Patient's name"].values) == (5, ("Test^P1", "Test^P2"))
    assert (rows["Birth date"].images, rows["Birth date"].values) == (3, ("19700102",))
    assert rows["Institution"].values == ("House",)
    assert "Address" not in rows
    assert list(rows)[:3] == ["Patient's name", "Patient ID", "Birth date"]


def test_a_sample_is_one_image_of_each_series(tmp_path: Path) -> None:
    write_series(tmp_path / "S1/t1", count=3)
    write_series(tmp_path / "S1/t2", count=4, series=2)
    some = exposure(survey(tmp_path))
    assert (some.files_read, some.files_total, some.files_unread) == (2, 7, 0)
    assert exposure(survey(tmp_path), is_all=True).files_read == 7


def test_names_in_sequences_private_elements_and_writing_are_found(tmp_path: Path) -> None:
    dataset = with_pixels(header())
    item = Dataset()
    item.ReferringPhysicianName = "Deep^Name"
    dataset.RequestAttributesSequence = Sequence([item])
    dataset.add_new(0x00090010, "LO", "HOUSE PRIVATE")
    dataset.add_new(0x00091001, "LO", "secret")
    dataset.BurnedInAnnotation = "YES"
    (tmp_path / "S1/t1").mkdir(parents=True)
    (tmp_path / "S1/t1/1").write_bytes(as_bytes(dataset))
    rows = found(tmp_path)
    assert rows[NESTED].values == ("Deep^Name",)
    assert rows[PRIVATE].values == ("HOUSE PRIVATE",)
    assert rows[BURNT_IN].values == ("the header says so",)


def test_ultrasound_may_have_writing_unless_it_is_denied(tmp_path: Path) -> None:
    write_image(tmp_path / "S1/us/1", Modality="US")
    write_image(tmp_path / "S2/us/1", Modality="US", study=2, patient="P2", BurnedInAnnotation="NO")
    assert found(tmp_path)[BURNT_IN].images == 1


def test_par_files_tell_names_too(tmp_path: Path) -> None:
    write_pair(tmp_path / "S1/par")
    path = tmp_path / "S1/par/scan.PAR"
    path.write_text(path.read_text().replace(".    Protocol", ".    Patient name   :   Doe^Jane\n.    Protocol"))
    assert found(tmp_path)["Patient's name"].values == ("Doe^Jane",)


def test_archives_are_read_as_they_are(tmp_path: Path) -> None:
    write_series(tmp_path / "study/S1/t1", count=2)
    with tarfile.open(tmp_path / "study.tar.gz", "w:gz") as target:
        target.add(tmp_path / "study", "study")
    assert found(tmp_path / "study.tar.gz")["Patient ID"].images == 2


def test_a_file_that_is_gone_is_counted(tmp_path: Path) -> None:
    write_series(tmp_path / "S1/t1", count=2)
    read = survey(tmp_path)
    (tmp_path / "S1/t1/0001.dcm").unlink()
    assert exposure(read, is_all=True).files_unread == 1


async def test_a_run_can_be_stopped(tmp_path: Path) -> None:
    write_series(tmp_path / "S1/t1", count=2)
    run = ExposureRun(survey(tmp_path), is_all=True)
    run._stop.set()
    async with run:
        with pytest.raises(Stopped):
            await run.result()
    assert run.snapshot() == (0, 2)
