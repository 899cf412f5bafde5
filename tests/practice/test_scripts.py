"""A subset of DicomEdit 6; what is outside it is refused."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLosslessSV1

from practice.images import instance
from xnat_wizard.practice import scripts
from xnat_wizard.practice.seed import DEFAULT_SCRIPT

NAMES = {"project": "P", "subject": "S", "session": "E"}


def after(script: str, **elements: object) -> Dataset | None:
    dataset = pydicom.dcmread(io.BytesIO(instance(**elements)))  # type: ignore[arg-type]  # any element
    return dataset if scripts.parse(script).apply(dataset, NAMES) else None


def test_the_default_script_puts_the_labels_in() -> None:
    changed = after(DEFAULT_SCRIPT)
    assert changed is not None
    assert (changed.StudyDescription, changed.PatientName, changed.PatientID) == ("P", "S", "E")


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ('(0008,0080) := "a // b" // comment', "a // b"),
        ("(0008,0080) := (0010,0020)", "S.1"),
        ('x := concatenate["A_", session]\n(0008,0080) := x', "A_E"),
        ("(0008,0080) := uppercase[substring[(0010,0010), 0, 4]]", "SUBJ"),
        ('(0008,0060) = "MR" ? (0008,0080) := "yes" : (0008,0080) := "no"', "yes"),
        ('(0008,0060) != "MR" ? (0008,0080) := "yes" : (0008,0080) := "no"', "no"),
        ('(0008,0060) ~ "M.*" ? (0008,0080) := "yes"', "yes"),
        ('(0008,0080) := shiftDateByIncrement[(0008,0020), "-3"]', "20010131"),
    ],
)
def test_statements(statement: str, value: str) -> None:
    changed = after(f'version "6.1"\n{statement}\n')
    assert changed is not None
    assert changed.InstitutionName == value


def test_removal() -> None:
    changed = after("-(0010,0010)\n-(0010,2160)")
    assert changed is not None
    assert "PatientName" not in changed


def test_hashed_uids_are_the_same_again() -> None:
    changed = after("(0020,000D) := hashUID[(0020,000D)]")
    assert changed is not None
    assert changed.StudyInstanceUID == scripts.hash_uid("1.2.1")
    assert changed.StudyInstanceUID.startswith("2.25.")


def test_rejection() -> None:
    assert after('(0008,0060) = "MR" ? reject') is None
    assert after('(0008,0060) = "CT" ? reject') is not None


@pytest.mark.parametrize(
    "line",
    [
        'version "4.2"', "removeAllPrivateTags", '(0010,0010) := shuffle["a"]', "-(0019,1010)", '(0008,0080) :="a" "b"',
        "-(0008,1140)[0]/(0008,1150)", '(0002,0010) := "1"', '(0008,0080) := "open', '(7FE0,0010) := "x"',
        "describe x hidden",
        '(0010,0010) := format["{0}", subject]',
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(scripts.ScriptError, match="line 2"):
        scripts.parse(f"// comment\n{line}")


def test_an_unknown_variable_is_refused_when_it_is_needed() -> None:
    with pytest.raises(scripts.ScriptError, match="nobody"):
        after("(0008,0080) := nobody")


def test_an_object_that_is_slightly_wrong_is_still_written(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_bytes(instance()[132:])
    target = tmp_path / "changed"
    assert scripts.rewrite(bare, target, scripts.parse(DEFAULT_SCRIPT), NAMES)
    assert pydicom.dcmread(target).PatientName == "S"


# -- the file -----------------------------------------------------------------------------------------


def rewritten(folder: Path, data: bytes, script: str = DEFAULT_SCRIPT) -> bytes:
    (folder / "old.dcm").write_bytes(data)
    assert scripts.rewrite(folder / "old.dcm", folder / "new.dcm", scripts.parse(script), NAMES)
    return (folder / "new.dcm").read_bytes()


def as_syntax(data: bytes, syntax: UID, pixels: bytes | None = None) -> bytes:
    image = pydicom.dcmread(io.BytesIO(data))
    image.file_meta.TransferSyntaxUID = syntax
    if pixels is not None:
        image.PixelData = pixels
        image["PixelData"].is_undefined_length = True
    file = io.BytesIO()
    image.save_as(file, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        instance(),
        instance(DataSetTrailingPadding=b"\0" * 8),
        instance(PixelData=None),
        as_syntax(instance(), ImplicitVRLittleEndian),
        as_syntax(instance(), DeflatedExplicitVRLittleEndian),
        as_syntax(instance(), JPEGLosslessSV1, encapsulate([b"\xff\xd8jpeg\xff\xd9"])),
    ],
    ids=["plain", "padded", "without pixels", "implicit", "deflated", "compressed"],
)
def test_from_the_pixels_on_a_file_stays_as_it_is(tmp_path: Path, data: bytes) -> None:
    before, after_ = pydicom.dcmread(io.BytesIO(data)), pydicom.dcmread(io.BytesIO(rewritten(tmp_path, data)))
    assert after_.PatientName == "S"
    for tag in ("PatientName", "PatientID", "StudyDescription"):
        for dataset in (before, after_):
            dataset[tag] = pydicom.DataElement(tag, "LO", "same")
    assert after_ == before
    assert after_.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID


def test_a_script_may_name_the_pixels(tmp_path: Path) -> None:
    changed = pydicom.dcmread(io.BytesIO(rewritten(tmp_path, instance(), "-(7FE0,0010)")))
    assert "PixelData" not in changed
    assert scripts.parse("-(7FE0,0010)").has_pixels
    assert not scripts.parse(DEFAULT_SCRIPT).has_pixels
