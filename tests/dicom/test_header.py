"""Headers: equal to pydicom on real and generated files, broken files found, pixels never read."""

import contextlib
import os
import warnings
from pathlib import Path
from struct import pack

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from dicom.images import BIG, DEFLATED, EXPLICIT, IMPLICIT, as_bytes, header, with_pixels, write_image
from xnat_wizard.dicom.header import UnreadableDicom, read_header, read_open_header
from xnat_wizard.dicom.model import Header
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.dicom.window import Stretches, Window

KEYWORDS = {
    "sop_class_uid": "SOPClassUID",
    "sop_instance_uid": "SOPInstanceUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "modality": "Modality",
    "series_number": "SeriesNumber",
    "series_description": "SeriesDescription",
    "instance_number": "InstanceNumber",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "manufacturer": "Manufacturer",
    "accession_number": "AccessionNumber",
}
DAMAGED = {  # cut, or an element header written twice: the walk runs over the end of the file
    "MR_truncated.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
    "rtplan_truncated.dcm",
    "GH179B.dcm",
}
BETTER_THAN_PYDICOM = {("chrGB2312.dcm", "patient_name"): "Zhang^XiaoDong=张^小东"}  # pydicom leaves the escapes in


def as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, MultiValue):
        return "\\".join(str(item) for item in value)
    return str(value).strip("\0 ")


def by_pydicom(path: Path) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        texts = {name: as_text(dataset.get(keyword)) for name, keyword in KEYWORDS.items()}
        return {**texts, "transfer_syntax_uid": str(dataset.file_meta.get("TransferSyntaxUID", ""))}


def by_us(found: Header) -> dict[str, str]:
    return {name: getattr(found, name) for name in (*KEYWORDS, "transfer_syntax_uid")}


def put(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


def test_every_real_file_reads_as_pydicom_reads_it(shared_data: Path) -> None:
    count = 0
    for path in sorted((shared_data / "dicom").rglob("*")):
        if not path.is_file() or path.suffix in {".gz", ".txt"} or path.name == "no_meta.dcm":
            continue
        if path.name in DAMAGED:
            with pytest.raises(UnreadableDicom):
                read_header(path)
            continue
        found = read_header(path)
        assert found is not None, path
        expected = by_pydicom(path)
        expected |= {name: text for (file, name), text in BETTER_THAN_PYDICOM.items() if file == path.name}
        assert by_us(found) == expected, path
        count += 1
    assert count > 400


texts = st.text(st.characters(codec="utf-8", exclude_characters="\\\0", exclude_categories=["Cc", "Cs"]), max_size=20)
codes = st.from_regex(r"[0-9A-Z]{1,16}", fullmatch=True)


@st.composite
def data_sets(draw: st.DrawFn) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if draw(st.integers(0, 9)):
            setattr(dataset, keyword, f"1.2.{draw(st.integers(0, 10**9))}")
    for keyword in ("SeriesDescription", "StudyDescription", "PatientID", "Manufacturer", "PatientName"):
        if draw(st.booleans()):
            setattr(dataset, keyword, draw(texts))
    dataset.Modality = draw(codes)
    if draw(st.booleans()):
        dataset.SeriesNumber = draw(st.integers(0, 10**6))
    for place in draw(st.lists(st.sampled_from(["before", "after", "private"]), max_size=3)):
        inner = Dataset()
        inner.CodeMeaning = draw(texts)
        inner.ContentSequence = Sequence([Dataset()])
        inner.is_undefined_length_sequence_item = draw(st.booleans())
        sequence = {"before": "ReferencedStudySequence", "after": "ReferencedImageEvidenceSequence"}.get(place)
        if sequence:
            setattr(dataset, sequence, Sequence([inner] * draw(st.integers(0, 3))))
            dataset[sequence].is_undefined_length = draw(st.booleans())
        else:
            dataset.private_block(0x0029, "TEST", create=True).add_new(0x10, "OB", bytes(draw(st.integers(0, 9000))))
    return with_pixels(dataset) if draw(st.booleans()) else dataset


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dataset=data_sets(), syntax=st.sampled_from([EXPLICIT, IMPLICIT, BIG, DEFLATED]))
def test_generated_files_read_as_pydicom_reads_them(tmp_path: Path, dataset: Dataset, syntax: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = put(tmp_path, as_bytes(dataset, syntax))
    found = read_header(path)
    assert found is not None
    assert by_us(found) == by_pydicom(path)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_a_file_cut_inside_an_element_is_found(tmp_path: Path, syntax: str) -> None:
    dataset = with_pixels(header())
    dataset.ReferencedStudySequence = Sequence([header()])
    dataset["ReferencedStudySequence"].is_undefined_length = True
    data = as_bytes(dataset, syntax)
    read, reasons = [], set()
    for length in range(133, len(data)):
        try:
            assert read_header(put(tmp_path, data[:length])) is not None
        except UnreadableDicom as error:
            reasons.add(error.reason)
        else:
            read.append(length)
    assert reasons
    assert not [reason for reason in reasons if not reason or reason.endswith(".")]
    ends = 2 if syntax == BIG else 1  # a zero byte after an element is taken for padding
    assert len(read) <= len(dataset) * ends  # only where one element ends and the next begins
    is_padded = syntax == DEFLATED  # the last byte may be a filler
    assert is_padded or len(data) - 1 not in read


def test_a_file_cut_inside_compressed_pixels_is_found(tmp_path: Path) -> None:
    dataset = header()
    data = as_bytes(dataset, EXPLICIT).replace(EXPLICIT.encode() + b"\0", b"1.2.840.10008.1.2.5\0")
    pixels = pack("<HH2sHL", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF) + pack("<HHL", 0xFFFE, 0xE000, 0)
    pixels += (pack("<HHL", 0xFFFE, 0xE000, 100) + bytes(100)) * 3
    end = pack("<HHL", 0xFFFE, 0xE0DD, 0)
    whole = read_header(put(tmp_path, data + pixels + end))
    assert whole is not None
    assert read_header(put(tmp_path, data + pixels + end + bytes(7))) == whole
    for missing in (1, 8, 50, 150):
        with pytest.raises(UnreadableDicom, match="cut"):
            read_header(put(tmp_path, (data + pixels + end)[:-missing]))


def test_what_is_no_dicom_is_none_whatever_its_name(tmp_path: Path) -> None:
    for data in (b"", b"hello\n" * 100, bytes(576), os.urandom(10), b"\x08\0\x05\0", b"\x89PNG\r\n\x1a\n" + bytes(300)):
        path = tmp_path / "image.dcm"
        path.write_bytes(data)
        assert read_header(path) is None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=700), start=st.sampled_from([b"", bytes(128) + b"DICM"]))
def test_noise_is_either_nothing_or_unreadable(tmp_path: Path, noise: bytes, start: bytes) -> None:
    with contextlib.suppress(UnreadableDicom):
        found = read_header(put(tmp_path, start + noise))
        assert found is None or not found.sop_instance_uid


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(132, 1200), st.integers(0, 255)), min_size=1, max_size=6),
    syntax=st.sampled_from([EXPLICIT, IMPLICIT, BIG, DEFLATED]),
)
def test_damage_is_never_more_than_unreadable(tmp_path: Path, changes: list[tuple[int, int]], syntax: str) -> None:
    dataset = with_pixels(header())
    dataset.ReferencedStudySequence = Sequence([header(), header()])
    dataset["ReferencedStudySequence"].is_undefined_length = True
    data = bytearray(as_bytes(dataset, syntax))
    for position, byte in changes:
        data[position % len(data)] = byte
    with contextlib.suppress(UnreadableDicom):
        read_header(put(tmp_path, bytes(data)))


def test_broken_starts_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDicom, match="nothing follows the DICM mark"):
        read_header(put(tmp_path, bytes(128) + b"DICM"))
    with pytest.raises(UnreadableDicom, match="does not read as DICOM"):
        read_header(put(tmp_path, bytes(128) + b"DICM" + b"\xc7" * 500))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_a_data_set_without_preamble_is_recognised(tmp_path: Path, syntax: str) -> None:
    data = as_bytes(with_pixels(header(patient="P9")), syntax)
    start = data.index(b"\x00\x08\x00\x16" if syntax == BIG else b"\x08\x00\x16\x00")
    found = read_header(put(tmp_path, data[start:]))
    assert found is not None
    assert found.patient_id == "P9"
    assert found.transfer_syntax_uid == ""


def test_identity_that_stands_out_of_order_is_found(tmp_path: Path) -> None:
    data = as_bytes(with_pixels(header()))
    at = data.index(b"\x20\0\x0d\0UI")
    length = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    study = data[at : at + length]
    pixels = data.rindex(b"\xe0\x7f\x10\0OW")
    found = read_header(put(tmp_path, data[:at] + data[at + length : pixels] + study + data[pixels:]))
    assert found is not None
    assert found.study_instance_uid == header().StudyInstanceUID


def test_pixels_are_not_read(tmp_path: Path) -> None:
    path = write_image(tmp_path / "huge.dcm")
    data = path.read_bytes()
    at = data.rindex(b"OW") + 4
    size = 0xFFFFFFF0
    path.write_bytes(data[:at] + size.to_bytes(4, "little"))
    with path.open("r+b") as file:
        file.truncate(at + 4 + size)  # a sparse file of 4 GB
    found = read_header(path)
    assert found is not None
    assert found.patient_id == "P1"


def test_the_media_sop_class_tells_a_dicomdir(shared_data: Path) -> None:
    found = read_header(shared_data / "dicom" / "broken-or-odd" / "odd-objects" / "DICOMDIR")
    assert found is not None
    assert found.media_sop_class_uid == "1.2.840.10008.1.3.10"


def read_after_others(path: Path, stretches: Stretches) -> object:
    with FolderFile(os.fspath(path)) as file:
        try:
            return read_open_header(Window(file, stretches))
        except UnreadableDicom as error:
            return error.reason


def read_alone(path: Path) -> object:
    return read_after_others(path, Stretches())


def test_what_is_remembered_of_other_files_changes_no_header_of_the_real_files(shared_data: Path) -> None:
    stretches = Stretches()
    paths = [path for path in sorted(shared_data.rglob("*")) if path.is_file()]
    for path in [*paths, *reversed(paths)]:
        assert read_after_others(path, stretches) == read_alone(path), path.name


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=6), st.booleans()), max_size=12),
    syntax=st.sampled_from([EXPLICIT, IMPLICIT, BIG]),
)
def test_what_is_remembered_of_other_files_changes_no_damaged_header(
    tmp_path: Path, changes: list[tuple[int, bytes, bool]], syntax: str
) -> None:
    dataset = with_pixels(header())
    dataset.PatientSex, dataset.PatientAge, dataset.PatientWeight = "F", "056Y", "70"
    dataset.RepetitionTime, dataset.EchoTime, dataset.FlipAngle, dataset.SAR = "2300", "2.98", "9", "0.05"
    whole, stretches = as_bytes(dataset, syntax), Stretches()
    path = tmp_path / "image"
    for at, new, is_inserted in [(0, b"", False), *changes, (0, b"", False)]:
        path.write_bytes(whole[: 128 + at] + new + whole[128 + at + (0 if is_inserted else len(new)) :])
        assert read_after_others(path, stretches) == read_alone(path)
