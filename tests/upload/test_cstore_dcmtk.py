"""DCMTK's storescp as the receiver: four subjects, compressed or not, as they are on disk but for a comment."""

from collections import Counter
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
from xnat_wizard.dicom.layout import Layout
from xnat_wizard.dicom.survey import survey
from xnat_wizard.upload.cstore import alone, dcmsend
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


@pytest.mark.skipif(dcmsend.missing() is not None, reason="DCMTK: dcmsend is not installed")
async def test_dcmsend_sends_the_same_when_it_is_chosen(tree: Path, tmp_path: Path) -> None:
    plan = draft(survey(tree), site_url="", project="DEMO", destination=Destination.PREARCHIVE)
    with storescp(tmp_path / "received", "--fork", "+B") as port:
        peer = Peer("127.0.0.1", port, associations=2, is_dcmsend=True)
        journal = by_dicom(Journal.create(tmp_path / "upload", plan), peer)
        await alone.run(journal, sleep=short_sleep)
        first = Counter(fate for _, fate, _ in journal.fates())
    assert first == {Fate.SENT: 12, Fate.REFUSED: 12}, explained(journal)  # the compressed ones are not taken
    received = list(map(pydicom.dcmread, (tmp_path / "received").iterdir()))
    assert len(received) == 12
    assert all(str(one.PatientComments).startswith("Project:DEMO Subject:P") for one in received)
    assert not (tmp_path / "upload" / dcmsend.FOLDER).exists()


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


async def test_a_file_of_odd_length_does_not_end_the_association(tmp_path: Path) -> None:
    folder = tmp_path / "tree" / "P1" / "scan"
    folder.mkdir(parents=True)
    image(1, 1, ExplicitVRLittleEndian).save_as(folder / "1.dcm", enforce_file_format=True)
    data = (folder / "1.dcm").read_bytes()
    place = data.index(b"\x10\x00\x20\x00LO\x04\x00ID1 ")
    (folder / "1.dcm").write_bytes(data[:place] + b"\x10\x00\x20\x00LO\x03\x00ID1" + data[place + 12 :])
    plan = draft(survey(tmp_path / "tree"), site_url="", project="DEMO", destination=Destination.PREARCHIVE)
    with storescp(tmp_path / "received", "+B") as port:
        journal = by_dicom(Journal.create(tmp_path / "upload", plan), Peer("127.0.0.1", port))
        await alone.run(journal, sleep=short_sleep)
    assert {fate for _, fate, _ in journal.fates()} == {Fate.SENT}, explained(journal)


@pytest.mark.filterwarnings("ignore")  # pydicom's, on what scanners have written
async def test_real_files_arrive_as_they_are_but_for_the_comment(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "dicom"
    plan = draft(
        survey(source, Layout.parse("headers")), site_url="", project="DEMO", destination=Destination.PREARCHIVE
    )
    with storescp(tmp_path / "received", "--fork", "+xa", "+B") as port:
        journal = by_dicom(Journal.create(tmp_path / "upload", plan), Peer("127.0.0.1", port))
        await alone.run(journal, sleep=short_sleep)
    reasons = {remark for _, fate, remark in journal.fates() if fate is not Fate.SENT}
    assert all("takes no" in reason for reason in reasons), reasons  # kinds that are younger than this DCMTK
    received = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, (tmp_path / "received").iterdir())}
    sent = [path for path, fate, _ in journal.fates() if fate is Fate.SENT]
    assert len(sent) > 100
    for path in sent:
        mine = pydicom.dcmread(source / path, force=True)
        mine.PatientComments = received[mine.SOPInstanceUID].PatientComments
        mine.pop(0x00100000, None)  # a group length, which would be wrong
        assert mine.PatientComments.startswith("Project:DEMO Subject:")
        assert mine == received[mine.SOPInstanceUID], path
