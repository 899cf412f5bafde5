"""Images as JPEG and GIF, and element dumps."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from practice.conftest import Caller
from xnat_wizard.practice import pictures

SESSION = "/data/projects/DEMO/subjects/S01/experiments/E1"
DICOM = f"{SESSION}/scans/3/resources/DICOM/files"


@pytest.fixture
def flair(study_folder: Path) -> list[Path]:
    (folder,) = (study_folder / "Person_01").glob("003_*")
    return sorted(folder.iterdir())


@pytest.fixture
def session(as_owner: Caller, flair: list[Path]) -> str:
    """Put a series into the archive by hand; give the accession ID."""
    accession = as_owner.put(SESSION, xsiType="xnat:mrSessionData").text
    as_owner.put(f"{SESSION}/scans/3", xsiType="xnat:mrScanData", type="FLAIR")
    for path in flair:
        answer = as_owner.call("PUT", f"{DICOM}/{path.name}", {"inbody": "true"}, body=path.read_bytes())
        assert answer.status == 200
    return accession


def drawn(data: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def test_an_image_comes_as_jpeg_and_shows_the_head(as_member: Caller, session: str, flair: list[Path]) -> None:
    answer = as_member.get(f"{DICOM}/{flair[1].name}", format="image/jpeg")
    assert answer.headers.get_content_type() == "image/jpeg"
    picture = drawn(answer.body)
    assert picture.shape == (128, 128)
    assert picture[55:75, 55:75].mean() > picture[:10, :10].mean() + 50


def test_what_is_no_image_is_refused(as_member: Caller, session: str) -> None:
    as_member.call("PUT", f"{DICOM}/a.txt", {"inbody": "true"}, body=b"words")
    answer = as_member.get(f"{DICOM}/a.txt", format="image/jpeg")
    assert answer.status == 400
    assert answer.told.startswith("Unable to convert this file to jpeg : ")


def test_a_thumbnail_is_a_gif_and_is_kept(as_member: Caller, session: str) -> None:
    answer = as_member.get(f"/xapi/experiments/{session}/scan/3/thumbnail")
    assert (answer.status, answer.headers.get_content_type()) == (200, "image/gif")
    montage = as_member.get(f"/xapi/experiments/{session}/scan/3/snapshot/2X2")
    assert Image.open(io.BytesIO(montage.body)).size == (256, 256)
    kept = as_member.get(f"{SESSION}/scans/3/resources/SNAPSHOTS/files").rows
    assert sorted(row["Name"] for row in kept) == ["E1_3_qc_2X2.gif", "E1_3_qc_t.gif"]
    assert as_member.get(f"/xapi/experiments/{session}/scan/9/snapshot").status == 404
    assert as_member.get(f"/xapi/experiments/{session}/scan/3/snapshot/2x2").status == 400


def test_the_darkest_value_of_monochrome1_is_white(tmp_path: Path, flair: list[Path]) -> None:
    image = pydicom.dcmread(flair[1])
    image.PhotometricInterpretation = "MONOCHROME1"
    image.save_as(tmp_path / "inverse")
    upright, inverse = drawn(pictures.jpeg(flair[1])), drawn(pictures.jpeg(tmp_path / "inverse"))
    assert upright[2, 2] < 20
    assert inverse[2, 2] > 235


def test_colours_and_the_first_of_many_frames_are_drawn(tmp_path: Path, flair: list[Path]) -> None:
    image = pydicom.dcmread(flair[1])
    frames = np.zeros((2, 4, 6, 3), np.uint8)
    frames[0, ..., 0] = 200
    image.PhotometricInterpretation, image.SamplesPerPixel, image.PlanarConfiguration = "RGB", 3, 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.NumberOfFrames, image.Rows, image.Columns, image.PixelData = 2, 4, 6, frames.tobytes()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(tmp_path / "colour")
    picture = Image.open(io.BytesIO(pictures.jpeg(tmp_path / "colour")))
    assert (picture.size, picture.mode) == ((6, 4), "RGB")
    red, green, _ = np.asarray(picture)[2, 3]
    assert red > 180
    assert green < 30


def test_a_dump_shows_elements_of_one_file_or_all_of_a_scan(as_member: Caller, session: str, flair: list[Path]) -> None:
    source = "/archive/projects/DEMO/subjects/S01/experiments/E1/scans/3"
    answer = as_member.get("/data/services/dicomdump", src=source, field="PatientID", format="json")
    assert answer.rows == [
        {"tag1": "(0010,0020)", "tag2": "", "vr": "LO", "value": "PRACTICE-001", "desc": "Patient ID"}
    ]
    uids = as_member.get("/data/services/dicomdump", src=source, field="00080018", summary="true").rows
    assert len(uids[0]["value"].split(", ")) == len(flair)
    whole = as_member.get("/data/services/dicomdump", src=f"/archive/experiments/{session}").rows
    assert {"(0002,0010)", "(0020,000D)"} <= {row["tag1"] for row in whole}


@pytest.mark.parametrize(
    ("source", "status"), [("", 400), ("/data/archive/experiments/X", 404), ("/prearchive/x", 404)]
)
def test_a_dump_of_nothing(as_member: Caller, source: str, status: int) -> None:
    assert as_member.get("/data/services/dicomdump", src=source).status == status


def test_a_dicom_upload_is_known_by_its_uid(as_member: Caller, session: str, flair: list[Path]) -> None:
    document = as_member.get(f"{SESSION}/scans/3/resources/DICOM").text
    uid = pydicom.dcmread(flair[0], stop_before_pixels=True).SOPInstanceUID
    assert f'UID="{uid}"' in document


def test_several_sessions_come_in_one_zip(as_member: Caller, session: str, flair: list[Path]) -> None:
    wanted = {
        "sessions": [f"DEMO:S01:E1:{session}"],
        "projectIds": ["DEMO"],
        "scan_formats": ["DICOM"],
        "scan_types": ["FLAIR"],
    }
    made = as_member.call("POST", "/xapi/archive/downloadwithsize", data=wanted).json()
    assert made["size"] == str(sum(path.stat().st_size for path in flair))
    answer = as_member.get(f"/xapi/archive/download/{made['id']}/zip")
    assert answer.headers.get_content_type() == "application/zip"
    assert as_member.call("POST", "/xapi/archive/download", data={"sessions": []}).status == 204
