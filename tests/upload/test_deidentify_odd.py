"""Odd and damaged files on their way to be de-identified: cleaned, or held back, and never sent as they are."""

import struct
from pathlib import Path

import pytest

from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.upload.deidentify import header
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.deidentify.header import CUT, TOO_LARGE, UNREADABLE, Deidentifier
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.parrec import MOST_BYTES, NO_PAR, blanked
from xnat_wizard.upload.deidentify.private import MOST_BYTES as MOST_PRIVATE
from xnat_wizard.upload.deidentify.private import is_plain
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms, moved

MR = b"1.2.840.10008.5.1.4.1.1.4\0"
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UR")
Element = tuple[int, bytes, bytes]
FIRST: tuple[Element, ...] = ((0x00080016, b"UI", MR), (0x00080018, b"UI", b"1.2.3\0"))


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return an element of explicit little endian; `length` says another one than it has."""
    size = len(value) if length is None else length
    place = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    return place + (struct.pack("<HL", 0, size) if vr in _LONG else struct.pack("<H", size)) + value


def file_of(folder: Path, *elements: Element, end: bytes = b"") -> Path:
    """Write a file of elements; `end` follows them as it is."""
    syntax = element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0")
    length = element(0x00020000, b"UL", struct.pack("<L", len(syntax)))
    path = folder / "one.dcm"
    body = b"".join(element(*one) for one in sorted((*FIRST, *elements)))
    path.write_bytes(b"\0" * 128 + b"DICM" + length + syntax + body + end)
    return path


def sent(path: Path, *keep: Keep) -> bytes:
    file = FolderFile(str(path))
    try:
        made = Deidentifier(Deidentification.of(keep), Pseudonyms(b"k" * 32)).veil(file, "S1")
    finally:
        file.close()
    return made.head + path.read_bytes()[made.start : made.end]


def why_held(path: Path) -> str:
    with pytest.raises(HeldBackError) as held:
        sent(path)
    return held.value.reason


# -- headers ---------------------------------------------------------------------------------------------


def test_a_number_written_as_its_like_stays_and_a_text_in_its_place_goes(tmp_path: Path) -> None:
    made = sent(file_of(tmp_path, (0x00180050, b"IS", b"7 "), (0x00180080, b"SH", b"Erika Mustermann")))
    assert element(0x00180050, b"IS", b"7 ") in made
    assert b"Erika" not in made


def test_certificates_and_frames_of_bytes_go_and_names_of_vocabularies_stay_if_they_are_none(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        (0x0008010C, b"UI", b"Mustermann"),
        (0x00340007, b"OB", b"Mustermann"),
        (0x00401101, b"SQ", b""),
        (0x04000115, b"OB", b"Mustermann"),
    )
    made = sent(path)
    assert b"Mustermann" not in made
    assert element(0x0008010C, b"UI", b"") in made
    assert struct.pack("<HH", 0x0040, 0x1101) not in made


def test_names_of_a_time_that_is_not_known_are_emptied(tmp_path: Path) -> None:
    tag = 0x00080106  # Context Group Version: a date and time, which the table does not list
    made = sent(file_of(tmp_path, (tag, b"DT", b"20010203")))
    assert element(tag, b"DT", b"20010203") not in made


def test_a_private_value_that_is_long_is_no_number() -> None:
    assert is_plain("DS", b"1.5\\2")
    assert not is_plain("DS", b"1" * (MOST_PRIVATE + 1))
    assert not is_plain("UN", b"Mustermann")


def test_dates_that_are_none_are_not_moved() -> None:
    assert moved("20230230", -30) == ""
    assert moved("00010101", -30) == ""
    assert moved("2001.02.03", -1) == "20010202"


# -- pixels ----------------------------------------------------------------------------------------------


PIXELS = 0x7FE00010
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.mark.parametrize(
    "end",
    [
        element(PIXELS, b"OB", b"abcd", 5),
        element(PIXELS, b"OB", b"", 0xFFFFFFFF) + ITEM + struct.pack("<L", 4) + b"abcd",
        element(PIXELS, b"OB", b"", 0xFFFFFFFF) + ITEM + struct.pack("<L", 5) + b"abcd",
        element(PIXELS, b"OB", b"", 0xFFFFFFFF) + b"abcdefgh",
    ],
    ids=["short", "no end", "short fragment", "no fragment"],
)
def test_pixels_that_are_cut_hold_the_file_back(tmp_path: Path, end: bytes) -> None:
    assert why_held(file_of(tmp_path, end=end)) == CUT


def test_pixels_without_a_length_hold_the_file_back(tmp_path: Path) -> None:
    assert why_held(file_of(tmp_path, end=element(PIXELS, b"OB", b"")[:8])) == UNREADABLE


def test_pixels_of_two_bytes_length_end_where_they_say(tmp_path: Path) -> None:
    pixels = element(PIXELS, b"US", b"abcd")
    assert sent(file_of(tmp_path, end=pixels + b"what follows")).endswith(pixels)


def test_fragments_are_followed_to_their_end_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = element(PIXELS, b"OB", b"", 0xFFFFFFFF) + (ITEM + struct.pack("<L", 2) + b"ab") * 4 + END
    path = file_of(tmp_path, end=pixels + b"what follows")
    assert sent(path).endswith(pixels)
    monkeypatch.setattr(header, "_MOST_FRAGMENTS", 3)
    assert why_held(path) == CUT


def test_a_header_without_end_is_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(tmp_path, (0x00420011, b"OB", b"x" * 4000))
    assert b"xxxx" not in sent(path)
    monkeypatch.setattr(header, "MOST_HEADER_BYTES", 2000)
    assert why_held(path) == TOO_LARGE


# -- PAR headers -----------------------------------------------------------------------------------------


def test_a_huge_par_header_is_held_back_unread(tmp_path: Path) -> None:
    path = tmp_path / "one.PAR"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    opened = FolderFile(str(path))
    with opened, pytest.raises(HeldBackError) as held:
        blanked(opened, Deidentification(), 0, "S1")
    assert held.value.reason == NO_PAR
