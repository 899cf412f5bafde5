"""The copy that travels: a header with the identification in it, everything else byte for byte as on disk."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom.dsutils import encode_file_meta

from xnat_wizard.dicom.window import Stretches
from xnat_wizard.upload.cstore.identification import changes, check, explained
from xnat_wizard.upload.cstore.peer import Scheme
from xnat_wizard.upload.cstore.stream import FIRST_BYTES, Outgoing
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import Item, SourceChangedError

MR = "1.2.840.10008.5.1.4.1.1.4"
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
WHERE = {Scheme.COMMENTS: "PatientComments", Scheme.STUDY_COMMENTS: "StudyComments"} | {
    Scheme.HISTORY: "AdditionalPatientHistory"
}


def image(syntax: UID = ExplicitVRLittleEndian, *, pixels: bytes = b"\1\2\3\4" * 64, **elements: object) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(MR)
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = syntax
    made = FileDataset(
        "",
        Dataset(),
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.9"
    item.PatientComments = "Project:INNER"
    values: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": MR,
        "SOPInstanceUID": "1.2.3.4",
        "StudyDescription": "Kopf ä",
        "ReferencedImageSequence": Sequence([item]),
        "PatientName": "Müller^Änne",
        "PatientID": "id-1",
        "PatientComments": "an old comment",
        "StudyInstanceUID": "1.2.3",
        "BitsAllocated": 8,
        "PixelData": pixels,
        **elements,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(made, keyword, value)
    made["PixelData"].VR = "OB"
    made.add_new(0x00091001, "UN", b"private bits")
    return made


def saved(made: FileDataset, path: Path) -> Item:
    made.save_as(path, enforce_file_format=True)
    return item_of(path)


def item_of(path: Path) -> Item:
    status = path.stat()
    return Item(1, LocalSource(path.parent), path.name, status.st_size, status.st_mtime_ns)


def sent(item: Item, syntax: str, scheme: Scheme = Scheme.COMMENTS) -> tuple[bytes, str]:
    with Outgoing(item, syntax, changes(scheme, "P-1", "S_01", "S_01_MR1"), Stretches()) as one:
        return b"".join(map(bytes, one.pieces())), one.syntax


def as_dataset(data: bytes, syntax: str) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(MR)
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = UID(syntax)
    return pydicom.dcmread(io.BytesIO(b"\0" * 128 + b"DICM" + encode_file_meta(meta) + data))


@pytest.mark.parametrize("scheme", WHERE)
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda one: one.name)
def test_the_copy_says_where_it_belongs_and_nothing_else_differs(tmp_path: Path, syntax: UID, scheme: Scheme) -> None:
    made = image(syntax, StudyComments="Project:OLD", AdditionalPatientHistory="Subject: x")
    item = saved(made, tmp_path / "one.dcm")
    before = (tmp_path / "one.dcm").read_bytes()
    data, named = sent(item, syntax, scheme)
    assert named == syntax
    got = as_dataset(data, syntax)
    assert getattr(got, WHERE[scheme]) == "Project:P-1 Subject:S_01 Session:S_01_MR1"
    expected = pydicom.dcmread(tmp_path / "one.dcm")
    setattr(expected, WHERE[scheme], getattr(got, WHERE[scheme]))
    if scheme is Scheme.HISTORY:
        del expected.StudyComments  # it comes before, and its key would win
    assert got == expected
    assert got.ReferencedImageSequence[0].PatientComments == "Project:INNER"
    assert (tmp_path / "one.dcm").read_bytes() == before


def test_names_are_written_as_names_and_comments_that_would_win_go(tmp_path: Path) -> None:
    item = saved(image(PatientComments="seen by\nProject:OLD", StudyComments="nothing of note"), tmp_path / "one.dcm")
    got = as_dataset(sent(item, ExplicitVRLittleEndian, Scheme.NAMES)[0], ExplicitVRLittleEndian)
    assert (got.StudyDescription, got.PatientName, got.PatientID) == ("P-1", "S_01", "S_01_MR1")
    assert "PatientComments" not in got
    assert got.StudyComments == "nothing of note"


def test_an_element_that_was_not_there_is_put_in_its_place(tmp_path: Path) -> None:
    item = saved(image(PatientComments=None, StudyDescription=None, PatientID=None), tmp_path / "one.dcm")
    got = as_dataset(sent(item, ExplicitVRLittleEndian)[0], ExplicitVRLittleEndian)
    assert got.PatientComments.startswith("Project:P-1 ")
    tags = [one.tag for one in got]
    assert tags == sorted(tags)
    assert (
        as_dataset(sent(item, ExplicitVRLittleEndian, Scheme.NAMES)[0], ExplicitVRLittleEndian).PatientID == "S_01_MR1"
    )


def test_compressed_pixels_travel_as_they_are(tmp_path: Path) -> None:
    fragments = pydicom.encaps.encapsulate([b"\7" * 1001, b"\5" * 300])
    made = image(RLELossless, pixels=fragments)
    made["PixelData"].is_undefined_length = True
    item = saved(made, tmp_path / "one.dcm")
    data, _ = sent(item, RLELossless)
    file = (tmp_path / "one.dcm").read_bytes()
    place = file.index(b"\xe0\x7f\x10\x00OB")
    assert data.endswith(file[place:])


def test_a_large_file_comes_in_pieces(tmp_path: Path) -> None:
    item = saved(image(pixels=bytes(range(256)) * 12_000), tmp_path / "one.dcm")
    with Outgoing(item, ExplicitVRLittleEndian, changes(Scheme.COMMENTS, "P", "S", "E"), Stretches()) as one:
        pieces = [bytes(piece) for piece in one.pieces()]
    assert len(pieces) > 3
    assert max(map(len, pieces)) < FIRST_BYTES + 200
    assert as_dataset(b"".join(pieces), ExplicitVRLittleEndian).PixelData == bytes(range(256)) * 12_000


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=lambda one: one.name)
def test_a_file_without_meta_information_is_sent_as_what_it_is(tmp_path: Path, syntax: UID) -> None:
    whole = io.BytesIO()
    image(syntax).save_as(whole, enforce_file_format=True)
    bare = Dataset(pydicom.dcmread(io.BytesIO(whole.getvalue())))
    bare.save_as(tmp_path / "bare", implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=False)
    data, named = sent(item_of(tmp_path / "bare"), "")
    assert named == syntax
    assert as_dataset(data, named).PatientComments.startswith("Project:P-1")


def test_group_lengths_that_would_be_wrong_go(tmp_path: Path) -> None:
    made = image()
    made.add_new(0x00100000, "UL", 4711)
    item = saved(made, tmp_path / "one.dcm")
    assert b"\x10\x00\x00\x00UL" not in sent(item, ExplicitVRLittleEndian)[0]


def test_a_file_that_changed_is_not_sent(tmp_path: Path) -> None:
    item = saved(image(), tmp_path / "one.dcm")
    with Outgoing(item, ExplicitVRLittleEndian, (), Stretches()) as one, (tmp_path / "one.dcm").open("ab") as file:
        file.write(b"more")
        file.flush()
        with pytest.raises(SourceChangedError):
            list(one.pieces())
    with pytest.raises(SourceChangedError):
        Outgoing(item, ExplicitVRLittleEndian, (), Stretches())


def test_a_header_that_cannot_be_followed_is_said(tmp_path: Path) -> None:
    item = saved(image(), tmp_path / "one.dcm")
    data = (tmp_path / "one.dcm").read_bytes().replace(b"\x08\x00\x18\x00UI\x08\x00", b"\x08\x00\x18\x00UI\xff\xff")
    (tmp_path / "two.dcm").write_bytes(data)
    with pytest.raises(SourceChangedError, match="header"):
        sent(item_of(tmp_path / "two.dcm"), ExplicitVRLittleEndian)
    assert item.file_id == 1


def test_what_xnat_would_not_read_is_refused() -> None:
    assert check(Scheme.COMMENTS, "P-1", [("S_01", "S_01_MR1")]) == ()
    assert {one.code for one in check(Scheme.COMMENTS, "my project", [("S", "")])} == {"cstore.bad_identification"}
    assert check(Scheme.NAMES, "my project", [("S", "E")]) == ()
    assert "64" in check(Scheme.NAMES, "P", [("S" * 65, "E")])[0].why
    assert check(Scheme.NAMES, "P", [("S^A", "Ä")])[1].what.startswith("The session label")
    assert all(explained(scheme) for scheme in Scheme)
