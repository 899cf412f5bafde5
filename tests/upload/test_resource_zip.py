"""The zip of result files: exact length, names as they are, readable by every reader."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xnat_wizard.practice.archives import read_archive
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import READ_WHOLE_BYTES, Item, SourceChangedError
from xnat_wizard.upload.resource_transfer.named_zip import NamedZip, length

NAMES = st.text(st.characters(exclude_characters="/\\", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


def items(folder: Path, files: list[bytes]) -> list[Item]:
    source = LocalSource(folder)
    for number, content in enumerate(files):
        (folder / str(number)).write_bytes(content)
    return [Item(number, source, str(number), len(content), -1) for number, content in enumerate(files)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=8))
def test_every_reader_finds_the_names_and_bytes(tmp_path: Path, files: dict[str, bytes]) -> None:
    files = {f"sub/{name}": content for name, content in files.items()}
    stream = NamedZip(list(zip(files, items(tmp_path, list(files.values())), strict=True)))
    whole = b"".join(stream.pieces())
    assert len(whole) == stream.size_bytes == length([(name, len(content)) for name, content in files.items()])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    streamed = {entry.name: entry.content.read(1000) or b"" for entry in read_archive(io.BytesIO(whole), "x.zip")}
    assert {name: content for name, content in streamed.items() if not _is_archive(name)} == {
        name: content for name, content in files.items() if not _is_archive(name)
    }
    assert list(stream.md5.values()) == [
        hashlib.md5(content, usedforsecurity=False).hexdigest() for content in files.values()
    ]


def _is_archive(name: str) -> bool:
    return name.endswith((".zip", ".tar", ".gz", ".tgz", ".zar", ".xar"))


def test_a_long_file_is_streamed_with_its_crc_before_it(tmp_path: Path) -> None:
    long = b"\x07" * (2 * READ_WHOLE_BYTES + 5)
    stream = NamedZip([("a/long.nii", items(tmp_path, [long])[0])])
    pieces = list(stream.pieces())
    assert max(map(len, pieces)) < 2 * READ_WHOLE_BYTES
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.read("a/long.nii") == long
    assert stream.md5 == {0: hashlib.md5(long, usedforsecurity=False).hexdigest()}


def test_a_file_that_changed_stops_it(tmp_path: Path) -> None:
    (item,) = items(tmp_path, [b"abc"])
    (tmp_path / "0").write_bytes(b"abcd")
    stream = NamedZip([("x", item)])
    with pytest.raises(SourceChangedError):
        list(stream.pieces())
    assert stream.failure is not None
