"""Archives as other programs write them, odd character sets, and packed files beside the images."""

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from dicom.images import as_bytes, header, with_pixels
from xnat_wizard.dicom import charset
from xnat_wizard.dicom.content import kind_of
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem

IMAGE = as_bytes(with_pixels(header()))


def reasons(found: Survey) -> dict[str, str]:
    return {other.path: other.reason for other in found.others}


def test_members_of_a_tar_that_are_no_plain_files_are_told(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        old = tarfile.TarInfo("s/")
        tar.addfile(old)
        image = tarfile.TarInfo("s/a/1.dcm")
        image.size = len(IMAGE)
        tar.addfile(image, io.BytesIO(IMAGE))
        for name, kind, target in (("s/a/2.dcm", tarfile.LNKTYPE, "s/a/1.dcm"), ("s/a/3.dcm", tarfile.LNKTYPE, "gone")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            tar.addfile(link)
        holes = tarfile.TarInfo("s/a/4.dcm")
        holes.type = tarfile.GNUTYPE_SPARSE
        tar.addfile(holes)
        pipe = tarfile.TarInfo("s/a/5")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    found = survey(tmp_path / "x.tar")
    told = reasons(found)
    assert sum(len(series.instances) for series in found.series) == 1
    assert "s/a/1.dcm" in told["s/a/2.dcm"], "a hard link is the file it stands for: a copy"
    assert "nothing" in told["s/a/3.dcm"]
    assert "holes" in told["s/a/4.dcm"]
    assert "s/a/5" in told


def zipped(change: bytes, place: int, name: bytes = b"s/a/1.dcm", system: int = 3) -> bytes:
    """Return a zip of an image, whose entry in the directory has other bytes at a place."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("s/a/1.dcm", IMAGE)
    made = bytearray(buffer.getvalue().replace(b"s/a/1.dcm", name))
    at = made.index(b"PK\x01\x02")
    made[at + 5] = system
    made[at + place : at + place + len(change)] = change
    return bytes(made)


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        pytest.param(zipped(b"", 0, b"s\\a\\1.dcm", system=0), ["s/a/1.dcm"], id="old .NET"),
        pytest.param(zipped(b"", 0, b"s/a/\x84.dcm", system=0), ["s/a/ä.dcm"], id="code page 437"),
        pytest.param(zipped(b"", 0, b"s/a/\x84.dcm"), ["s/a/\udc84.dcm"], id="stray bytes of Unix"),
    ],
)
def test_names_of_members_are_read_as_their_system_wrote_them(tmp_path: Path, content: bytes, paths: list[str]) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    found = survey(tmp_path / "x.zip")
    assert [instance.path for series in found.series for instance in series.instances] == paths


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(zipped(b"XX", 0), "directory is damaged", id="no entry"),
        pytest.param(zipped(b"\xff\xff", 28), "directory is damaged", id="a name that ends behind the archive"),
        pytest.param(zipped(b"\1", 46 + 9 + 4), "divided", id="the first of several"),
    ],
)
def test_a_zip_whose_directory_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(Problem) as refused:
        survey(tmp_path / "x.zip")
    assert refused.value.finding.code == "survey.archive_damaged"
    assert said in refused.value.finding.why


def test_a_member_that_begins_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(struct.pack("<I", 7), 42))
    assert "where it should begin" in reasons(survey(tmp_path / "x.zip"))["s/a/1.dcm"]


def test_two_gzips_in_a_row_are_one_archive(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        image = tarfile.TarInfo("s/a/1.dcm")
        image.size = len(IMAGE)
        tar.addfile(image, io.BytesIO(IMAGE))
    plain = buffer.getvalue()
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + b"rest")
    assert len(survey(tmp_path / "x.tar.gz").series) == 1


def test_what_is_packed_beside_images_is_told_by_its_kind() -> None:
    assert kind_of("x", gzip.compress(IMAGE), 999)[1] == "it is one DICOM file packed with gzip"
    assert kind_of("x", b"\x1f\x8b\x08 no gzip", 999)[1] == "it is a gzip archive"
    assert kind_of("x", bytes(257) + b"ustar\0", 999)[1] == "it is a tar archive"


@pytest.mark.parametrize(
    ("terms", "value", "text"),
    [
        (b"ISO-IR 100", b"\xe4", "ä"),
        (b"ISO-2022-IR-100", b"\xe4", "ä"),
        (b"utf-8", "ä".encode(), "ä"),
        (b"hex", b"6162", "6162"),
        (b"no such", b"abc", "abc"),
        (b"ISO 2022 IR 13\\ISO 2022 IR 87", b"\x1b$B\x7f\xff", "\x1b$B\x7f\ufffd"),
        (b"ISO 2022 IR 6\\ISO 2022 IR 149", b"a\x1b$)C\xb1\xe8\n\xe4", "a\uae40\n\xe4"),
        (b"idna", b"\xff", "\xff"),
    ],
)
def test_odd_character_sets_give_a_text(terms: bytes, value: bytes, text: str) -> None:
    assert charset.decode(value, charset.codecs_of(terms)) == text
