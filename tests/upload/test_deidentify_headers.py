"""What leaves of a header: laws over made-up data sets, and real files."""

import io
import itertools
import struct
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep, Sealed
from xnat_wizard.upload.deidentify.header import MOST_HEADER_BYTES, Deidentifier, Veiled
from xnat_wizard.upload.deidentify.holding import BURNT_IN, DOCUMENT, PRIVATE_CLASS, REPORT, HeldBackError
from xnat_wizard.upload.deidentify.private import SAFE
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms, moved
from xnat_wizard.upload.deidentify.table import Action, rules_of

MR = "1.2.840.10008.5.1.4.1.1.4"
KEY = b"k" * 32
PLANTED = "Zwiebelmus"  # stands in no word of DICOM
_NAMED_TEXTS = frozenset({"LO", "SH", "LT", "ST", "UT", "PN", "UC"})
NOTHING = Deidentification()
ALL = Deidentification.of(one for one in Keep if one is not Keep.DATES)

# Every attribute of the table that holds text, a name, a number or a date; what nests stands apart.
LISTED = sorted(tag for tag in rules_of(NOTHING).by_tag if tag in DicomDictionary and tag >> 16 > 2)
TELLING = [tag for tag in LISTED if rules_of(NOTHING).by_tag[tag] not in {Action.KEEP, Action.UID}]
TEXTS = [tag for tag in TELLING if DicomDictionary[tag][0] in _NAMED_TEXTS]
UIDS = [tag for tag in LISTED if rules_of(NOTHING).by_tag[tag] is Action.UID and DicomDictionary[tag][0] == "UI"]
DATES = [tag for tag in LISTED if DicomDictionary[tag][0] in {"DA", "DT"}]
NESTING = [0x00081140, 0x00082112, 0x00400260, 0x52009229, 0x00209116]  # sequences that stay
NAMES = [tag for tag, entry in DicomDictionary.items() if entry[0] in {"PN", "LT", "ST", "UT"} and tag >> 16 > 2]


def image(syntax: UID = ExplicitVRLittleEndian) -> FileDataset:
    meta, is_little = FileMetaDataset(), syntax != ExplicitVRBigEndian
    one = FileDataset(
        "",
        {},
        preamble=b"\0" * 128,
        file_meta=meta,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=is_little,
    )
    one.file_meta.TransferSyntaxUID = syntax
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = UID(MR)
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = UID("1.2.3.4")
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = UID("1.2.3"), UID("1.2.3.1"), UID("1.2.9")
    one.PatientName, one.PatientID, one.PatientBirthDate = "Mueller^Anna", "4711-A", "19600203"
    one.StudyDate, one.StudyTime, one.Modality, one.SeriesNumber = "20240229", "101500", "MR", "3"
    one.Rows = one.Columns = 2
    one.SamplesPerPixel, one.BitsAllocated, one.BitsStored, one.HighBit = 1, 16, 16, 15
    one.PixelRepresentation, one.PhotometricInterpretation = 0, "MONOCHROME2"
    one.PixelData = bytes(range(8))
    return one


def saved(one: FileDataset, path: Path) -> Path:
    is_implicit = one.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is planted is no good value, and pydicom says so
        is_little = one.file_meta.TransferSyntaxUID != ExplicitVRBigEndian
        one.save_as(path, implicit_vr=is_implicit, little_endian=is_little, enforce_file_format=True)
    return path


def veil(path: Path, choice: Deidentification = NOTHING, key: bytes = KEY) -> Veiled:
    file = FolderFile(str(path))
    try:
        return Deidentifier(choice, Pseudonyms(key)).veil(file, "S1")
    finally:
        file.close()


def sent(path: Path, choice: Deidentification = NOTHING, key: bytes = KEY) -> bytes:
    made = veil(path, choice, key)
    data = made.head + path.read_bytes()[made.start : made.end]
    assert len(data) == made.size_bytes
    return data


def read(data: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(data))


def why_held(path: Path, choice: Deidentification = NOTHING) -> str:
    with pytest.raises(HeldBackError) as held:
        veil(path, choice)
    return held.value.reason


# -- laws --------------------------------------------------------------------------------------------

planted_tags = st.lists(st.sampled_from(TEXTS) | st.sampled_from(NAMES), min_size=1, max_size=12, unique=True)
syntaxes = st.sampled_from(
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
choices = st.sets(st.sampled_from([one for one in Keep if one is not Keep.DATES])).map(Deidentification.of)
over_files = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def plant(one: Dataset, tags: list[int], depth: int, *, has_private: bool) -> None:
    """Put the name into attributes, private elements, and so on down into sequences."""
    for tag in tags:
        vr = DicomDictionary[tag][0]
        one[tag] = DataElement(tag, vr, f"{PLANTED}^{PLANTED}" if vr == "PN" else f"a {PLANTED} b")
    if has_private:
        block = one.private_block(0x0029, PLANTED, create=True)
        block.add_new(0x10, "OB", PLANTED.encode())
        inner = Dataset()
        inner.PatientName = PLANTED
        block.add_new(0x20, "SQ", [inner])
        one.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "LO", PLANTED)
    if depth:
        item = Dataset()
        plant(item, tags, depth - 1, has_private=has_private)
        one.add_new(NESTING[depth % len(NESTING)], "SQ", [item])


@over_files
@given(tags=planted_tags, depth=st.integers(0, 4), has_private=st.booleans(), syntax=syntaxes, choice=choices)
def test_no_planted_name_leaves_whatever_attribute_it_stands_in(
    tmp_path: Path, *, tags: list[int], depth: int, has_private: bool, syntax: UID, choice: Deidentification
) -> None:
    one = image(syntax)
    plant(one, tags, depth, has_private=has_private)
    one.PatientName = PLANTED  # so that it is known as a name where descriptions are kept
    one.file_meta.SourceApplicationEntityTitle = PLANTED
    one.file_meta.PrivateInformationCreatorUID = UID("1.2.777.4711")
    one.file_meta.PrivateInformation = PLANTED.encode()
    path = saved(one, tmp_path / "one.dcm")
    data = sent(path, choice)
    if syntax == DeflatedExplicitVRLittleEndian:
        assert PLANTED not in str(read(data))
    assert PLANTED.encode() not in data
    assert b"4711" not in data
    assert read(data).pixel_array.tolist() == pydicom.dcmread(path).pixel_array.tolist()


@over_files
@given(
    uids=st.lists(st.from_regex(r"1\.2\.[1-9][0-9]{1,12}\.[1-9][0-9]{0,12}", fullmatch=True), min_size=2, max_size=6),
    tags=st.lists(st.sampled_from(UIDS), min_size=2, max_size=8, unique=True),
)
def test_equal_uids_stay_equal_and_others_apart(tmp_path: Path, uids: list[str], tags: list[int]) -> None:
    one = image()
    inner = Dataset()
    pairs = list(zip(tags, itertools.cycle(uids), strict=False))
    for tag, uid in pairs:
        one[tag] = DataElement(tag, "UI", uid)
        inner[tag] = DataElement(tag, "UI", uid)
    one.ReferencedImageSequence = [inner]
    made = read(sent(saved(one, tmp_path / "one.dcm")))
    seen: dict[str, str] = {}
    for tag, uid in pairs:
        for place in (made, made.ReferencedImageSequence[0]):
            there = str(place[tag].value)
            assert seen.setdefault(uid, there) == there
            assert there.startswith("2.25.")
            assert UID(there).is_valid
    assert len(set(seen.values())) == len(seen)
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert (made.SOPClassUID, made.file_meta.TransferSyntaxUID) == (MR, ExplicitVRLittleEndian)


@over_files
@given(choice=choices, syntax=syntaxes)
def test_the_same_key_makes_the_same_bytes_and_another_one_other_uids(
    tmp_path: Path, choice: Deidentification, syntax: UID
) -> None:
    path = saved(image(syntax), tmp_path / "one.dcm")
    assert sent(path, choice) == sent(path, choice)
    assert read(sent(path, choice)).SOPInstanceUID != read(sent(path, choice, b"x" * 32)).SOPInstanceUID


@given(st.dates(min_value=date(1950, 1, 1)), st.integers(-3650, -30))
def test_moved_dates_keep_their_distances(day: date, days: int) -> None:
    first = moved(f"{day:%Y%m%d}", days)
    later = moved(f"{day:%Y%m%d}120000.00", days)
    assert later == f"{first}120000.00"
    assert moved(first, -days) == f"{day:%Y%m%d}"


@pytest.mark.parametrize("keep", [(), (Keep.DATES,), (Keep.SHIFTED_DATES,)])
def test_dates_go_stay_or_move(tmp_path: Path, keep: tuple[Keep, ...]) -> None:
    one = image()
    for tag in DATES:
        one[tag] = DataElement(tag, DicomDictionary[tag][0], "20230517")
    path = saved(one, tmp_path / "one.dcm")
    made = read(sent(path, Deidentification.of(keep)))
    days = Pseudonyms(KEY).days("S1")
    wanted = {(): {"", "19000101", "19000101000000"}, (Keep.DATES,): {"20230517"}}.get(keep, {moved("20230517", days)})
    for tag in DATES:
        there = str(made[tag].value or "") if tag in made else ""
        assert there in (wanted if tag != 0x00100030 else {""}), DicomDictionary[tag]
    assert "20230517" not in str(made) or keep == (Keep.DATES,)
    words = {(): "REMOVED", (Keep.DATES,): "UNMODIFIED"}
    assert made.LongitudinalTemporalInformationModified == words.get(keep, "MODIFIED")


# -- one by one --------------------------------------------------------------------------------------


def test_it_is_declared_in_the_words_of_the_standard(tmp_path: Path) -> None:
    made = read(sent(saved(image(), tmp_path / "one.dcm"), ALL))
    assert made.PatientIdentityRemoved == "YES"
    assert {one.CodeValue for one in made.DeidentificationMethodCodeSequence} == {
        *("113100", "113107", "113108", "113109", "113105", "113111")
    }
    assert (made.PatientName, made.PatientID, made.PatientBirthDate) == ("S1", "S1", "")


def test_options_keep_what_they_say_and_words_of_the_name_go_from_descriptions(tmp_path: Path) -> None:
    one = image()
    one.PatientSex, one.PatientAge, one.PatientWeight = "F", "063Y", "70"
    one.DeviceSerialNumber, one.StationName = "77", "MR1"
    one.SeriesDescription, one.ProtocolName = "Kopf Anna MUELLER t1", "t1"
    path = saved(one, tmp_path / "one.dcm")
    bare = read(sent(path))
    assert not any(one in bare for one in ("PatientAge", "PatientWeight", "SeriesDescription", "ProtocolName"))
    assert (bare.PatientSex, bare.DeviceSerialNumber, bare.StationName) == ("", "", "")
    kept = read(sent(path, ALL))
    assert (kept.PatientSex, kept.PatientAge, kept.PatientWeight) == ("F", "063Y", 70)
    assert (kept.DeviceSerialNumber, kept.ProtocolName) == ("77", "t1")
    assert kept.SeriesDescription == "Kopf X X t1"


def test_numbers_of_the_measurement_may_stay_in_private_elements_and_nothing_else(tmp_path: Path) -> None:
    one = image()
    block = one.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x0E, "FD", [0.0, 0.5, 1.0])
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    one.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"Mueller ")
    path = saved(one, tmp_path / "one.dcm")
    assert not any(element.tag.is_private for element in read(sent(path)))
    made = read(sent(path, Deidentification.of([Keep.PRIVATE])))
    kept = made.private_block(0x0019, "SIEMENS MR HEADER")
    assert (kept[0x0C].value, kept[0x0E].value) == (1000, [0.0, 0.5, 1.0])
    assert {element.tag.group for element in made if element.tag.is_private} == {0x0019}
    assert sum(element.tag.is_private for element in made) == 3
    assert all(group % 2 for _, group in SAFE)


def test_numbers_that_the_table_of_the_standard_does_not_call_safe_go(tmp_path: Path) -> None:
    one = image()
    one.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x29, "FD", 36915000.0)  # a time of day
    path = saved(one, tmp_path / "one.dcm")
    assert not any(element.tag.is_private for element in read(sent(path, Deidentification.of([Keep.PRIVATE]))))


@pytest.mark.parametrize("tag", [0x00100033, 0x00100034, 0x00402006, 0x00401007, 0x00181010, 0x30020020])
def test_what_the_table_of_the_standard_leaves_out_goes_too(tmp_path: Path, tag: int) -> None:
    one = image()
    one.add_new(tag, "LO", "1338-11-14")
    path = saved(one, tmp_path / "one.dcm")
    assert tag not in read(sent(path, Deidentification.of([Keep.DATES, Keep.PATIENT])))


def test_overlays_curves_icons_and_what_follows_the_pixels_go(tmp_path: Path) -> None:
    one = image()
    one.add_new(0x60000010, "US", 2)
    one.add_new(0x60003000, "OW", PLANTED.encode())
    one.add_new(0x60020022, "LO", PLANTED)
    one.add_new(0x50000005, "US", 1)
    one.add_new(0x50003000, "OW", PLANTED.encode())
    icon = Dataset()
    icon.PixelData, icon.BitsAllocated, icon.Rows, icon.Columns = PLANTED.encode(), 8, 1, 10
    one.IconImageSequence = [icon]
    one.DataSetTrailingPadding = PLANTED.encode()
    made = read(sent(saved(one, tmp_path / "one.dcm")))
    assert not any(element.tag.group in {0x5000, 0x6000, 0x6002, 0x0088, 0xFFFC} for element in made)
    assert made.PixelData == bytes(range(8))


def test_elements_of_no_known_edition_and_texts_in_disguise_go(tmp_path: Path) -> None:
    one = image()
    one.add_new(0x00180099, "LO", PLANTED)  # no such attribute
    one.add_new(0x00180081, "LO", PLANTED)  # Echo Time is a number
    one.add_new(0x00280002, "LO", PLANTED)
    one.add_new(0x00080005, "CS", "ISO_IR 100")
    data = sent(saved(one, tmp_path / "one.dcm"), ALL)
    assert PLANTED.encode() not in data
    path = saved(image(), tmp_path / "two.dcm")
    path.write_bytes(path.read_bytes().replace(b"20240229", b"Zwiebel "))
    assert b"Zwiebel" not in sent(path, Deidentification.of([Keep.DATES]))


def test_a_sequence_written_as_unknown_bytes_goes(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "one.dcm")
    data = path.read_bytes()
    inner = struct.pack("<HHL", 0x0010, 0x0010, 10) + PLANTED.encode()
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
    hidden = struct.pack("<HH2sHL", 0x0008, 0x1140, b"UN", 0, len(item)) + item
    place = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    path.write_bytes(data[:place] + hidden + data[place:])
    assert PLANTED in str(read(path.read_bytes()).ReferencedImageSequence)
    assert PLANTED.encode() not in sent(path, ALL)


def test_what_belongs_to_a_message_goes(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "one.dcm")
    data = path.read_bytes()
    comment = struct.pack("<HHL", 0x0000, 0x0902, 10) + PLANTED.encode()
    place = data.index(struct.pack("<HH2s", 0x0008, 0x0016, b"UI"))
    path.write_bytes(data[:place] + comment + data[place:])
    made = sent(path)
    assert PLANTED.encode() not in made
    assert read(made).PatientName == "S1"


@pytest.mark.parametrize("is_undefined", [False, True])
def test_compressed_pixels_travel_byte_for_byte(tmp_path: Path, *, is_undefined: bool) -> None:
    one = image(JPEGBaseline8Bit)
    one.PixelData = encapsulate([b"\xff\xd8" + bytes(40), b"\xff\xd8" + bytes(7000)])
    one.NumberOfFrames = 2
    one["PixelData"].is_undefined_length = True
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3.4.5"
    item.is_undefined_length_sequence_item = is_undefined
    one.ReferencedImageSequence = [item]
    one["ReferencedImageSequence"].is_undefined_length = is_undefined
    path = saved(one, tmp_path / "one.dcm")
    before = path.read_bytes()
    path.write_bytes(before + b"\xfc\xff\xfc\xffOB\0\0\x0a\0\0\0" + PLANTED.encode())
    data = sent(path)
    assert PLANTED.encode() not in data
    assert read(data).PixelData == one.PixelData
    assert read(data).ReferencedImageSequence[0].ReferencedSOPInstanceUID == Pseudonyms(KEY).uid("1.2.3.4.5")
    path.write_bytes(before[:-30])
    assert "its pixels end before they should" in why_held(path)


def test_a_huge_file_is_not_read_beyond_its_header(tmp_path: Path) -> None:
    path = saved(image(), tmp_path / "one.dcm")
    data = path.read_bytes()
    start = data.index(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 8))
    with path.open("wb") as file:  # three gigabytes that take no room
        file.write(data[: start + 8] + struct.pack("<L", 3_000_000_000))
        file.truncate(start + 12 + 3_000_000_000)
    made = veil(path)
    assert (made.start, made.end) == (start, path.stat().st_size)
    assert made.size_bytes > 3_000_000_000 > MOST_HEADER_BYTES


def test_a_file_without_preamble_or_pixels_becomes_a_whole_one(tmp_path: Path) -> None:
    one = image()
    del one.PixelData
    path = saved(one, tmp_path / "one.dcm")
    data = path.read_bytes()
    path.write_bytes(data[data.index(struct.pack("<HH2s", 0x0008, 0x0016, b"UI")) :])
    made = read(sent(path))
    assert made.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (made.PatientName, made.Rows) == ("S1", 2)


def _says_yes(one: FileDataset) -> None:
    one.BurnedInAnnotation = "YES"


def _is_screen(one: FileDataset) -> None:
    one.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]


def _is(sop_class: str) -> Callable[[FileDataset], None]:
    def change(one: FileDataset) -> None:
        one.SOPClassUID = sop_class

    return change


@pytest.mark.parametrize(
    ("change", "reason", "is_sent_by_word"),
    [
        (_says_yes, BURNT_IN, True),
        (_is_screen, BURNT_IN, True),
        (_is("1.2.840.10008.5.1.4.1.1.7"), BURNT_IN, True),
        (_is("1.2.840.10008.5.1.4.1.1.7.4"), BURNT_IN, True),
        (_is("1.2.840.10008.5.1.4.1.1.88.11"), REPORT, False),
        (_is("1.2.840.10008.5.1.4.1.1.104.1"), DOCUMENT, False),
        (_is("1.3.12.2.1107.5.9.1"), PRIVATE_CLASS, False),
        (_is(""), PRIVATE_CLASS, False),
    ],
)
def test_what_a_header_cannot_answer_for_is_held_back(
    tmp_path: Path, change: Callable[[FileDataset], None], reason: str, *, is_sent_by_word: bool
) -> None:
    one = image()
    change(one)
    path = saved(one, tmp_path / "one.dcm") if one.SOPClassUID else _without_class(tmp_path)
    assert why_held(path) == reason
    by_word = Deidentification(is_burnt_in_sent=True)
    if is_sent_by_word:
        assert read(sent(path, by_word)).PatientName == "S1"
    else:
        assert why_held(path, by_word) == reason


def _without_class(folder: Path) -> Path:
    path = saved(image(), folder / "one.dcm")
    data = path.read_bytes()
    element = struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", len(MR) + 1) + MR.encode() + b"\0"
    assert element in data
    path.write_bytes(data.replace(element, b""))
    return path


@given(noise=st.binary(max_size=400))
@over_files
def test_noise_is_held_back_or_clean_and_nothing_else_happens(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "one.dcm"
    whole = saved(image(), tmp_path / "good.dcm").read_bytes()
    for data in (noise, whole[: len(whole) // 2] + noise, whole[:160] + noise + whole[160:]):
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                made = sent(path)
            except HeldBackError:
                continue
            assert b"Mueller" not in made


def test_uids_that_dicom_defines_stay_and_no_other_one_under_its_root() -> None:
    uid = Pseudonyms(KEY).uid
    assert uid(MR) == MR
    assert uid("1.2.840.10008.1.4.1.1") == "1.2.840.10008.1.4.1.1"  # a frame of reference of an atlas
    assert uid(f"{MR}.4711.1").startswith("2.25.")
    assert uid("") == ""


def test_a_journal_keeps_choice_and_key() -> None:
    sealed = Sealed.fresh(ALL)
    assert Sealed.decoded(sealed.encoded()) == sealed
    assert sealed.key.hex() not in repr(sealed)
    assert Sealed.decoded("") is None


# -- real files --------------------------------------------------------------------------------------


def _real(shared_data: Path) -> Iterator[Path]:
    for folder in sorted((shared_data / "dicom").iterdir()):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 3_000_000)
        yield from files[:6]


def test_real_files_of_every_kind_stay_readable_with_their_pixels(shared_data: Path) -> None:
    count, held = 0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # real files are odd, and pydicom says so
        for path in _real(shared_data):
            try:
                before = pydicom.dcmread(path)
                data = sent(path, ALL)
            except HeldBackError:
                held += 1
                continue
            except pydicom.errors.InvalidDicomError:
                continue
            after = pydicom.dcmread(io.BytesIO(data))
            assert after.PatientName == "S1", path
            assert after.get("PixelData") == before.get("PixelData"), path
            for keyword in ("Rows", "Columns", "ImagePositionPatient", "SeriesNumber", "EchoTime", "BitsStored"):
                assert after.get(keyword) == before.get(keyword), (path, keyword)
            name = str(before.get("PatientName", "")).encode("utf-8", "replace")
            assert len(name) < 5 or name not in data, path
            assert str(before.get("SOPInstanceUID")) not in str(after), path
            count += 1
    assert count > 100
    assert held < count
