"""Archives are read as they arrive, with Java's strictness and Java's blind spots."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.images import streamed_zip, tarred, zipped
from xnat_wizard.practice.archives import BrokenArchiveError, Stream, UnsupportedFormatError, read_archive

FILES = {"a/one.dcm": b"1" * 5000, "b/two": b"", "three": bytes(range(256)) * 2000}


class Trickle:
    """A connection that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int = 7) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._step))


def contents(stream: Stream, name: str = "a.zip") -> dict[str, bytes]:
    found = {}
    for entry in read_archive(stream, name):
        pieces = []
        while piece := entry.content.read(1000):
            pieces.append(piece)
        found[entry.name] = b"".join(pieces)
    return found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips(method: int) -> None:
    assert contents(io.BytesIO(zipped({"folder/": b"", **FILES}, method))) == FILES


def test_zips_that_were_written_as_a_stream() -> None:
    assert contents(Trickle(streamed_zip(FILES), 1000)) == FILES


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.gz", "w:gz")])
def test_tars(name: str, mode: str) -> None:
    assert contents(io.BytesIO(tarred(FILES, mode)), name) == FILES


def test_archives_in_archives() -> None:
    outer = zipped({"x/in.zip": zipped(FILES), "y/in.tar.gz": tarred({"deep": b"4"}, "w:gz"), "last": b"5"})
    assert contents(io.BytesIO(outer)) == {**FILES, "deep": b"4", "last": b"5"}


def test_stored_entries_with_a_descriptor_are_refused() -> None:
    with pytest.raises(BrokenArchiveError, match="only DEFLATED entries can have EXT descriptor"):
        contents(io.BytesIO(streamed_zip(FILES, is_stored=True)))


def test_a_zip_cut_between_two_entries_passes_for_complete() -> None:
    whole = zipped(FILES)
    cut = whole.index(b"PK\x03\x04", 10)
    assert contents(io.BytesIO(whole[:cut])) == {"a/one.dcm": FILES["a/one.dcm"]}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_cut_inside_an_entry_is_broken(method: int) -> None:
    whole = zipped(FILES, method)
    cut = whole.index(b"three") + 100
    with pytest.raises(BrokenArchiveError):
        contents(io.BytesIO(whole[:cut]))


def test_a_cut_tar_is_broken() -> None:
    with pytest.raises(BrokenArchiveError):
        contents(io.BytesIO(tarred(FILES)[:9000]), "a.tar")


def test_a_wrong_checksum_is_found() -> None:
    whole = bytearray(zipped({"a": b"x" * 100}, zipfile.ZIP_STORED))
    whole[60] ^= 1
    with pytest.raises(BrokenArchiveError, match="CRC"):
        contents(io.BytesIO(bytes(whole)))


def test_what_is_no_zip() -> None:
    with pytest.raises(BrokenArchiveError):
        contents(io.BytesIO(b"I am a letter"))


@pytest.mark.parametrize(("name", "told"), [("a", "UNKNOWN"), ("a.gz", "GZ"), ("a.ZIP", "UNKNOWN"), ("x.nii.gz", "GZ")])
def test_names_that_say_no_archive(name: str, told: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=told):
        contents(io.BytesIO(zipped(FILES)), name)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.binary(max_size=2000)), st.integers(1, 300))
def test_whatever_is_packed_comes_out(files: dict[str, bytes], step: int) -> None:
    assert contents(Trickle(zipped(files) if files else b"PK\x05\x06", step)) == files
    assert contents(Trickle(streamed_zip(files) or b"PK\x01\x02", step)) == files
