"""Both zips as others read them: Python's zipfile, Java's ZipInputStream as in XNAT, and bsdtar, over random files."""

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from upload.test_parts import READER
from xnat_wizard.upload import packing
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import READ_WHOLE_BYTES, Item, ZipStream
from xnat_wizard.upload.resource_transfer.named_zip import NamedZip

LENGTHS = st.lists(
    st.one_of(st.integers(0, 3), st.integers(0, 70_000), st.just(READ_WHOLE_BYTES + 1)), min_size=1, max_size=5
)
NAMES = st.lists(
    st.text(st.characters(categories=["L", "N"], max_codepoint=0xFFFF), min_size=1, max_size=12),
    min_size=5,
    max_size=5,
    unique_by=str.casefold,
)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def java() -> Iterator[Path]:
    if not shutil.which("javac"):
        pytest.skip("java: the reader XNAT uses is not on this machine")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Reader.java").write_text(READER)
        subprocess.run(["javac", "-encoding", "utf-8", "Reader.java"], cwd=folder, check=True, capture_output=True)
        yield Path(folder)


def written(folder: Path, lengths: list[int], *, is_noise: bool) -> list[Item]:
    source, items = LocalSource(folder), []
    for number, length in enumerate(lengths):
        piece = hashlib.sha256(bytes([number])).digest() if is_noise else bytes([number]) * 32
        content = (piece * (length // 32 + 1))[:length]
        (folder / f"{number}.dcm").write_bytes(content)
        items.append(Item(number, source, f"{number}.dcm", length, -1))
    return items


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def seen_by_python(path: Path) -> list[tuple[str, str]]:
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        return [(name, md5_of(file.read(name))) for name in file.namelist()]


def seen_by_java(java: Path, path: Path) -> list[tuple[str, str]]:
    command = [
        "java",
        "-Dstdout.encoding=UTF-8",
        "-Dfile.encoding=UTF-8",
        "-Dsun.stdout.encoding=UTF-8",
        "Reader",
        str(path),
    ]
    said = subprocess.run(command, cwd=java, check=True, capture_output=True).stdout.decode()
    return [(name, md5) for name, _, md5 in (line.rpartition(" ") for line in said.splitlines())]


def seen_by_bsdtar(folder: Path, path: Path) -> dict[str, str]:
    into = folder / "unpacked"
    into.mkdir()
    command = ["bsdtar", "--options", "hdrcharset=UTF-8", "-xf", "-", "-C", str(into)]
    subprocess.run(command, input=path.read_bytes(), check=True, capture_output=True, env={"LC_ALL": "C.UTF-8"})
    files = (one for one in into.rglob("*") if one.is_file())
    return {one.relative_to(into).as_posix(): md5_of(one.read_bytes()) for one in files}


@FEW
@given(lengths=LENGTHS, is_deflated=st.booleans(), is_noise=st.booleans())
def test_java_and_python_read_the_same_of_a_part(
    java: Path, lengths: list[int], *, is_deflated: bool, is_noise: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = written(folder, lengths, is_noise=is_noise)
        stream = ZipStream(items, packing.squeeze(items) if is_deflated else {})
        path = folder / "part.zip"
        path.write_bytes(b"".join(stream.pieces()))
        assert path.stat().st_size == stream.size_bytes
        seen = seen_by_python(path)
        assert seen_by_java(java, path) == seen
        wanted = [md5_of((folder / f"{number}.dcm").read_bytes()) for number in range(len(lengths))]
        assert [md5 for _, md5 in seen] == wanted == list(stream.md5.values())


@FEW
@given(lengths=LENGTHS, names=NAMES)
def test_java_and_bsdtar_read_the_names_and_bytes_of_result_files(
    java: Path, lengths: list[int], names: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = written(folder, lengths, is_noise=True)
        named = [(f"stats/{one}.nii", item) for one, item in zip(names, items, strict=False)]
        path = folder / "results.zip"
        path.write_bytes(b"".join(NamedZip(named).pieces()))
        wanted = [(one, md5_of((folder / item.path).read_bytes())) for one, item in named]
        assert seen_by_python(path) == wanted
        assert seen_by_java(java, path) == wanted
        if shutil.which("bsdtar"):
            assert seen_by_bsdtar(folder, path) == dict(wanted)


@pytest.mark.skipif(not shutil.which("bsdtar"), reason="bsdtar: not on this machine")
@FEW
@given(lengths=LENGTHS)
def test_bsdtar_reads_a_part(lengths: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "part.zip"
        path.write_bytes(b"".join(ZipStream(written(folder, lengths, is_noise=True)).pieces()))
        assert seen_by_bsdtar(folder, path) == dict(seen_by_python(path))
