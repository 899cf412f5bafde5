"""DCMTK's storescp as the receiver: four subjects, compressed or not, as they are on disk but for a comment."""

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from upload.clocks import short_sleep
from upload.dicom_sends import by_dicom, storescp
from upload.runs import explained
from xnat_wizard.dicom.survey import survey
from xnat_wizard.upload.cstore import alone
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, UploadState
from xnat_wizard.upload.plan import draft

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SUBJECTS = {
    "P1": (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
    "P2": (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian),
    "P3": (JPEGBaseline8Bit, JPEG2000Lossless),
    "P4": (RLELossless, ExplicitVRLittleEndian),
}


def image(subject: int, number: int, syntax: UID) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CAPTURE)
    meta.MediaStorageSOPInstanceUID = UID(f"1.2.7.{subject}.1.{number}")
    meta.TransferSyntaxUID = syntax
    made = FileDataset(
        "",
        Dataset(),
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = UID(f"1.2.7.{subject}"), UID(f"1.2.7.{subject}.1")
    made.PatientName, made.PatientID, made.PatientComments = f"Name^{subject}", f"ID{subject}", "Project:OLD"
    made.Modality, made.SeriesNumber, made.InstanceNumber, made.StudyDate = "MR", 1, number, "20240102"
    made.Rows = made.Columns = 8
    made.BitsAllocated, made.SamplesPerPixel = 8, 1
    pixels = bytes((number + place) % 256 for place in range(64))
    made.PixelData = encapsulate([pixels]) if syntax.is_compressed and syntax.is_encapsulated else pixels
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = syntax.is_encapsulated
    return made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give four subjects, each in two transfer syntaxes."""
    for subject, (name, syntaxes) in enumerate(SUBJECTS.items(), start=1):
        folder = tmp_path / "tree" / name / "scan"
        folder.mkdir(parents=True)
        for place, syntax in enumerate(syntaxes):
            for number in range(1, 4):
                one = image(subject, 10 * place + number, syntax)
                one.save_as(folder / f"{place}{number}.dcm", enforce_file_format=True)
    return tmp_path / "tree"


async def test_four_subjects_arrive_as_they_are_but_for_the_comment(tree: Path, tmp_path: Path) -> None:
    plan = draft(survey(tree), site_url="", project="DEMO", destination=Destination.PREARCHIVE)
    before = {path: path.read_bytes() for path in tree.rglob("*.dcm")}
    with storescp(tmp_path / "received", "--fork", "+xa", "+B") as port:
        journal = by_dicom(Journal.create(tmp_path / "upload", plan), Peer("127.0.0.1", port))
        assert await alone.run(journal, sleep=short_sleep) is UploadState.INCOMPLETE
    assert {fate for _, fate, _ in journal.fates()} == {Fate.SENT}, explained(journal)
    received = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, (tmp_path / "received").iterdir())}
    assert len(received) == len(before) == 24
    labels = {one.study_instance_uid: (one.subject_label, one.session_label) for one in plan.sessions}
    for path in before:
        mine = pydicom.dcmread(path)
        theirs = received[mine.SOPInstanceUID]
        subject, session = labels[mine.StudyInstanceUID]
        assert theirs.PatientComments == f"Project:DEMO Subject:{subject} Session:{session}"
        assert theirs.file_meta.TransferSyntaxUID == mine.file_meta.TransferSyntaxUID
        mine.PatientComments = theirs.PatientComments
        assert mine == theirs
    assert {path: path.read_bytes() for path in tree.rglob("*.dcm")} == before


async def test_a_receiver_without_compressed_syntaxes_gets_the_others(tree: Path, tmp_path: Path) -> None:
    plan = draft(survey(tree), site_url="", project="DEMO", destination=Destination.PREARCHIVE)
    with storescp(tmp_path / "received", "--fork") as port:
        journal = by_dicom(Journal.create(tmp_path / "upload", plan), Peer("127.0.0.1", port))
        await alone.run(journal, sleep=short_sleep)
    refused = [remark for _, fate, remark in journal.fates() if fate is Fate.REFUSED]
    assert len(refused) == 12
    assert {"takes no Secondary Capture Image Storage as RLE Lossless" in remark for remark in refused} == {True, False}
    codes = {one.session_label: one.finding.code for one in journal.progress().sessions if one.finding}
    assert codes["P3_MR1"] == "cstore.nothing_taken"
    assert codes["P1_MR1"] == "cstore.not_looked_up"
