"""The sample studies: what is in them, that they look like heads, that they are the same each time."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.errors import InvalidDicomError

from xnat_wizard.practice.sample import write_faulty_study, write_study


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files_below(folder)}


def test_every_file_lies_in_a_series_folder_of_a_subject_and_says_so(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", subjects=2, slices=4)
    series_of_folder: dict[Path, set[str]] = {}
    for path in files_below(folder):
        assert len(path.relative_to(folder).parts) == 3
        header = pydicom.dcmread(path, stop_before_pixels=True)
        series_of_folder.setdefault(path.parent, set()).add(header.SeriesInstanceUID)
        assert header.PatientName == f"Practice^Person {path.parts[-3][-2:]}"
        assert header.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        for uid in (header.SOPInstanceUID, header.SeriesInstanceUID, header.StudyInstanceUID):
            assert uid.startswith("2.25.")
            assert uid.is_valid
    assert len(series_of_folder) == 10
    assert all(len(found) == 1 for found in series_of_folder.values())
    assert len(set.union(*series_of_folder.values())) == 10


def test_no_two_images_share_an_instance_uid(tmp_path: Path) -> None:
    folder = write_study(tmp_path, subjects=3, slices=2)
    uids = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in files_below(folder)]
    assert len(set(uids)) == len(uids)


def test_the_third_person_came_twice(tmp_path: Path) -> None:
    folder = write_study(tmp_path, subjects=3, slices=2)
    studies = {
        (path.parts[-3], header.StudyInstanceUID, header.StudyDate)
        for path in files_below(folder)
        for header in [pydicom.dcmread(path, stop_before_pixels=True)]
    }
    assert sorted(person for person, _, _ in studies) == ["Person_01", "Person_02", "Person_03", "Person_03"]
    assert len({date for _, _, date in studies}) == 4


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_images(tmp_path: Path) -> None:
    first = digests(write_study(tmp_path / "a", subjects=1, slices=2))
    assert digests(write_study(tmp_path / "b", subjects=1, slices=2)) == first
    assert not set(digests(write_study(tmp_path / "c", subjects=1, slices=2, seed=9)).values()) & set(first.values())


def test_slices_have_a_consistent_geometry_and_show_a_head(tmp_path: Path) -> None:
    folder = write_study(tmp_path, subjects=1, slices=12)
    (flair,) = (folder / "Person_01").glob("003_*")
    images = sorted((pydicom.dcmread(path) for path in flair.iterdir()), key=lambda i: int(i.InstanceNumber))
    heights = [float(image.ImagePositionPatient[2]) for image in images]
    assert np.allclose(np.diff(heights), 6)
    assert [float(image.SliceLocation) for image in images] == heights
    middle = images[len(images) // 2].pixel_array
    assert middle.shape == (128, 128)
    assert middle[60:68, 60:68].mean() > 10 * middle[:8, :8].mean()
    inside = middle[middle > 60]
    assert 0.25 < inside.size / middle.size < 0.6


def test_the_faulty_study_has_one_fault_a_person(tmp_path: Path) -> None:
    folder = write_faulty_study(tmp_path)
    people = {path.name: path for path in folder.iterdir() if path.is_dir()}
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["IM_0001.dcm"]
    assert {path.parent.parent.name for path in files_below(people["Person_11"])} == {"Person_11"}
    assert all(path.parent == people["Person_12"] for path in files_below(people["Person_12"]))
    mixed = [pydicom.dcmread(path, stop_before_pixels=True) for path in files_below(people["Person_13"])]
    assert len({header.PatientID for header in mixed}) == 2
    assert files_below(people["Person_16"]) == []
    contents = [path.read_bytes() for path in files_below(people["Person_15"])]
    assert len(set(contents)) == len(contents) - 1
    assert {".DS_Store", "Thumbs.db", "notes.txt"} <= {path.name for path in files_below(people["Person_15"])}
    (packed,) = people["Person_17"].glob("*.zip")
    assert len(zipfile.ZipFile(packed).namelist()) == 4


def test_the_faulty_study_has_a_cut_file_and_a_pretender(tmp_path: Path) -> None:
    person = write_faulty_study(tmp_path) / "Person_14"
    sizes = {path: path.stat().st_size for path in files_below(person) if path.suffix == ".IMA"}
    (cut,) = [path for path, size in sizes.items() if size < max(sizes.values()) * 0.6]
    with pytest.raises(ValueError, match="pixel data"):
        _ = pydicom.dcmread(cut).pixel_array
    (pretender,) = person.rglob("*.dcm")
    with pytest.raises(InvalidDicomError):
        pydicom.dcmread(pretender)
