import asyncio
import gc
import hashlib
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upload.builders import instance
from xnat_wizard.upload import packing, parts, zip_format
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import Item, SourceChangedError, ZipStream, cut
from xnat_wizard.upload.reading_ahead import in_thread

MB = 1024 * 1024


def write(folder: Path, sizes: list[int]) -> list[Item]:
    items = []
    for number, size in enumerate(sizes):
        path = folder / f"{number}.dat"
        path.write_bytes(os.urandom(size))
        items.append(Item(number, LocalSource(folder), path.name, size, path.stat().st_mtime_ns))
    return items


def disk(item: Item) -> Path:
    return item.source.path / item.path


def save(stream: ZipStream, path: Path) -> Path:
    path.write_bytes(b"".join(stream.pieces()))
    return path


@given(st.lists(st.integers(0, 60_000_000), max_size=30))
def test_parts_keep_every_instance_in_order_and_within_the_limits(sizes: list[int]) -> None:
    instances = [instance(f"s/{number}", size_bytes=size) for number, size in enumerate(sizes)]
    made = list(cut(instances))
    assert [one for part in made for one in part] == instances
    for part in made:
        assert len(part) == 1 or sum(one.size_bytes for one in part) <= parts.MAX_BYTES


def test_a_part_has_at_most_2000_files() -> None:
    one = instance("s/x", size_bytes=1)
    assert [len(part) for part in cut([one] * 4500)] == [2000, 2000, 500]


@pytest.mark.parametrize("sizes", [[], [0], [1, 0, 7], [MB], [3 * MB, 9 * MB, 5], [8 * MB, 8 * MB + 1]])
def test_the_zip_reads_back_and_is_as_long_as_announced(tmp_path: Path, sizes: list[int]) -> None:
    items = write(tmp_path, sizes)
    stream = ZipStream(items)
    path = save(stream, tmp_path / "part.zip")
    assert path.stat().st_size == stream.size_bytes
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [archive.read(entry) for entry in archive.namelist()] == [disk(item).read_bytes() for item in items]
        assert all(entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits for entry in archive.infolist())
    assert stream.md5 == {item.file_id: hashlib.md5(disk(item).read_bytes()).hexdigest() for item in items}  # noqa: S324


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(0, 400), max_size=12), whole=st.sampled_from([0, 100, 1000]), piece=st.integers(1, 300)
)
def test_any_zip_reads_back_whatever_the_limits(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], whole: int, piece: int
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    items = write(folder, sizes)
    with pytest.MonkeyPatch.context() as limits:
        limits.setattr(parts, "READ_WHOLE_BYTES", whole)
        limits.setattr(parts, "PIECE_BYTES", piece)
        stream = ZipStream(items)
        path = save(stream, folder / "part.zip")
    assert path.stat().st_size == stream.size_bytes
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [archive.read(entry) for entry in archive.namelist()] == [disk(item).read_bytes() for item in items]


def test_the_zip_comes_in_bounded_pieces(tmp_path: Path) -> None:
    pieces = list(ZipStream(write(tmp_path, [10] * 100 + [9 * MB, 7 * MB])).pieces())
    assert max(map(len, pieces)) <= parts.READ_WHOLE_BYTES + 1000
    assert len(pieces) < 40


@pytest.mark.parametrize("limit", [1, 100, 5000])
def test_wide_fields_are_used_where_numbers_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    items = write(tmp_path, [10, 300, 6000, 20])
    monkeypatch.setattr(zip_format, "ZIP64_FROM", limit)
    stream = ZipStream(items)
    path = save(stream, tmp_path / "part.zip")
    assert path.stat().st_size == stream.size_bytes
    with zipfile.ZipFile(path) as archive:
        assert [archive.read(entry) for entry in archive.namelist()] == [disk(item).read_bytes() for item in items]


READER = """
import java.io.*; import java.util.zip.*; import java.security.*;
public class Reader {
  public static void main(String[] a) throws Exception {
    try (ZipInputStream in = new ZipInputStream(new FileInputStream(a[0]))) {
      for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
        byte[] sum = MessageDigest.getInstance("MD5").digest(in.readAllBytes());
        StringBuilder hex = new StringBuilder();
        for (byte b : sum) hex.append(String.format("%02x", b));
        System.out.println(e.getName() + " " + hex);
      }
    }
  }
}
"""


@pytest.mark.skipif(not shutil.which("javac"), reason="java: the reader XNAT uses is not on this machine")
@pytest.mark.parametrize("limit", [zip_format.ZIP64_FROM, 100])
@pytest.mark.parametrize("is_deflated", [False, True])
def test_javas_stream_reader_takes_the_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, *, is_deflated: bool
) -> None:
    monkeypatch.setattr(zip_format, "ZIP64_FROM", limit)
    items = write_images(tmp_path, [70_000, 0, 1, 70_000, 9 * MB])
    stream = ZipStream(items, packing.squeeze(items) if is_deflated else {})
    path = save(stream, tmp_path / "part.zip")
    (tmp_path / "Reader.java").write_text(READER)
    subprocess.run(["javac", "Reader.java"], cwd=tmp_path, check=True, capture_output=True)
    read = subprocess.run(["java", "Reader", path], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert read.stdout.split()[1::2] == list(stream.md5.values())


@pytest.mark.skipif(not shutil.which("bsdtar"), reason="bsdtar: not on this machine")
def test_bsdtar_takes_the_zip_from_a_pipe(tmp_path: Path) -> None:
    items = write(tmp_path, [5, 70_000])
    path = save(ZipStream(items), tmp_path / "part.zip")
    read = subprocess.run(["bsdtar", "-xOf", "-"], input=path.read_bytes(), check=True, capture_output=True)
    assert read.stdout == b"".join(disk(item).read_bytes() for item in items)


def changed_size(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def removed(path: Path) -> None:
    path.unlink()


def closed(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [changed_size, touched, removed, closed])
def test_a_file_that_is_not_what_the_survey_saw_stops_the_zip(tmp_path: Path, change: object) -> None:
    items = write(tmp_path, [100, 200, 300])
    assert callable(change)
    change(disk(items[1]))
    stream = ZipStream(items)
    with pytest.raises(SourceChangedError) as failure:
        list(stream.pieces())
    assert failure.value.file_id == 1
    assert stream.failure is failure.value


def test_changed_files_are_found_before_anything_is_sent(tmp_path: Path) -> None:
    items = write(tmp_path, [1, 2, 3, 4])
    changed_size(disk(items[0]))
    touched(disk(items[1]))
    removed(disk(items[2]))
    found = parts.find_changed(items)
    assert sorted(found) == [0, 1, 2]
    assert "gone" in found[2]


def test_a_long_file_that_changes_between_the_two_readings_stops_the_zip(tmp_path: Path) -> None:
    items = write(tmp_path, [9 * MB])
    pieces = ZipStream(items).pieces()
    next(pieces)
    with disk(items[0]).open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"other")
    os.utime(disk(items[0]), ns=(items[0].mtime_ns, items[0].mtime_ns))
    with pytest.raises(SourceChangedError, match="changed while it was sent"):
        list(pieces)


def test_a_file_without_a_known_time_is_checked_by_size(tmp_path: Path) -> None:
    (item,) = write(tmp_path, [5])
    assert parts.digest(replace(item, mtime_ns=-1)) == parts.digest(item)


async def test_pieces_are_taken_in_a_thread() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ab"
        yield b"c"

    with ThreadPoolExecutor(1) as executor:
        taken = [piece async for piece in in_thread(pieces(), executor)]
    assert taken == [b"ab", b"c"]


async def test_the_next_piece_is_read_while_one_is_on_its_way() -> None:
    asked = [threading.Event() for _ in range(3)]

    def pieces() -> Iterator[bytes]:
        for number, event in enumerate(asked):
            event.set()
            yield bytes([number])

    with ThreadPoolExecutor(1) as executor:
        taken = in_thread(pieces(), executor)
        assert await anext(taken) == b"\x00"
        assert await asyncio.get_running_loop().run_in_executor(executor, asked[1].wait, 10)
        assert not asked[2].is_set()
        await taken.aclose()


async def test_trouble_behind_the_last_piece_that_was_wanted_is_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ab"
        raise SourceChangedError(1, "the file is gone")

    with ThreadPoolExecutor(1) as executor:
        taken = in_thread(pieces(), executor)
        await anext(taken)
        await asyncio.get_running_loop().run_in_executor(executor, int)
        await taken.aclose()
    gc.collect()
    assert not caplog.records


def test_a_piece_keeps_its_bytes_as_long_as_somebody_looks_at_it(tmp_path: Path) -> None:
    items = write(tmp_path, [400_000] * 40)
    kept, seen, places = [], [], set()
    for number, piece in enumerate(ZipStream(items).pieces()):
        assert isinstance(piece, memoryview)
        seen.append(bytes(piece))
        places.add(id(piece.obj))
        if number < 2:
            kept.append(piece)  # as a transport does whose socket is full
    assert [bytes(piece) for piece in kept] == seen[:2]
    assert len(places) < len(seen)


def test_digests_are_left_out_where_nobody_compares_them(tmp_path: Path) -> None:
    items = write(tmp_path, [5, 3 * MB])
    stream = ZipStream(items, is_digesting=False)
    path = save(stream, tmp_path / "part.zip")
    assert stream.md5 == {}
    assert stream.files_read == 2
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def image(size: int) -> bytes:
    """Return bytes that shrink about as much as pixels do."""
    noise = os.urandom(size // 2 + 1)
    return bytes(step for byte in noise for step in (byte & 0x3F, byte >> 7))[:size]


def write_images(folder: Path, sizes: list[int]) -> list[Item]:
    """Write files of that size, the first one of noise."""
    items = write(folder, sizes)
    for item in items[1:]:
        disk(item).write_bytes(image(item.size_bytes))
        os.utime(disk(item), ns=(item.mtime_ns, item.mtime_ns))
    return items


@pytest.mark.parametrize("sizes", [[MB, MB, 0, 5], [9 * MB, 9 * MB, 70_000], [300_000] * 5])
def test_a_deflated_zip_is_as_long_as_announced_and_noise_is_stored(tmp_path: Path, sizes: list[int]) -> None:
    items = write_images(tmp_path, sizes)
    squeezed = packing.squeeze(items)
    assert sorted(squeezed) == [number for number, size in enumerate(sizes) if number and size > 100]
    stream = ZipStream(items, squeezed)
    path = save(stream, tmp_path / "part.zip")
    assert path.stat().st_size == stream.size_bytes < sum(sizes)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [archive.read(entry) for entry in archive.namelist()] == [disk(item).read_bytes() for item in items]
        kinds = [entry.compress_type for entry in archive.infolist()]
        assert not any(entry.flag_bits for entry in archive.infolist())
    assert kinds == [zipfile.ZIP_DEFLATED if item.file_id in squeezed else zipfile.ZIP_STORED for item in items]
    assert stream.md5 == {item.file_id: hashlib.md5(disk(item).read_bytes()).hexdigest() for item in items}  # noqa: S324


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(0, 3000), max_size=8), whole=st.sampled_from([0, 1000, 5000]), piece=st.integers(1, 900)
)
def test_any_deflated_zip_reads_back_whatever_the_limits(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], whole: int, piece: int
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    items = write_images(folder, sizes)
    with pytest.MonkeyPatch.context() as limits:
        limits.setattr(parts, "READ_WHOLE_BYTES", whole)
        limits.setattr(parts, "PIECE_BYTES", piece)
        limits.setattr(zip_format, "ZIP64_FROM", 2000)
        stream = ZipStream(items, packing.squeeze(items))
        path = save(stream, folder / "part.zip")
        assert path.stat().st_size == stream.size_bytes
    with zipfile.ZipFile(path) as archive:
        assert [archive.read(entry) for entry in archive.namelist()] == [disk(item).read_bytes() for item in items]


@pytest.mark.parametrize("size", [300_000, 9 * MB])
def test_a_file_that_changes_after_it_was_squeezed_stops_the_zip(tmp_path: Path, size: int) -> None:
    items = write_images(tmp_path, [10, size])
    squeezed = packing.squeeze(items)
    disk(items[1]).write_bytes(image(size))
    os.utime(disk(items[1]), ns=(items[1].mtime_ns, items[1].mtime_ns))
    with pytest.raises(SourceChangedError, match="changed while it was sent"):
        list(ZipStream(items, squeezed).pieces())
