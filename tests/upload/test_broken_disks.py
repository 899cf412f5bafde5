"""Files that a broken disk or a busy program changes under the reader: named, and never sent as something else."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.upload import packing, parts
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.model import Compression
from xnat_wizard.upload.packing import Packing
from xnat_wizard.upload.parts import BareStream, Item, SourceChangedError, ZipStream

SHORT, LONG = 1000, 3_000_000


@dataclass
class Sector:
    """A file that can be read up to a place only; from there on the disk fails, or the file ends early."""

    size_bytes: int
    ends_at: int
    is_failing: bool
    mtime_ns: int = 0
    is_seekable: bool = True

    def read_at(self, position: int, count: int) -> bytes:
        if position + count <= self.ends_at:
            return bytes(count)
        if self.is_failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return bytes(max(0, self.ends_at - position))

    def now(self) -> tuple[int, int]:
        return self.size_bytes, self.mtime_ns

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BrokenDisk(LocalSource):
    """A source whose files all break at one place."""

    def __init__(self, size_bytes: int, ends_at: int, *, is_failing: bool) -> None:
        super().__init__(Path("/"))
        self._file = Sector(size_bytes, ends_at, is_failing)

    def open(self, path: str) -> OpenFile:
        return self._file

    def status(self, path: str) -> tuple[int, int]:
        return self._file.now()


def squeezed(item: Item) -> object:
    return packing.squeeze([item])


def sent_in_a_zip(item: Item) -> object:
    return list(ZipStream([item]).pieces())


def sent_bare(item: Item) -> object:
    return list(BareStream(item).pieces())


def gauged(item: Item) -> object:
    return packing.gauge([item])


@pytest.mark.parametrize("size_bytes", [SHORT, LONG])
@pytest.mark.parametrize(("is_failing", "words"), [(True, "cannot be read: Input/output"), (False, "cut while")])
@pytest.mark.parametrize("act", [parts.digest, squeezed, sent_in_a_zip, sent_bare, gauged])
def test_a_file_that_cannot_be_read_to_its_end_is_named(
    act: Callable[[Item], object], words: str, size_bytes: int, *, is_failing: bool
) -> None:
    item = Item(7, BrokenDisk(size_bytes, size_bytes - 10, is_failing=is_failing), "x", size_bytes, -1)
    with pytest.raises(SourceChangedError, match=words) as told:
        act(item)
    assert told.value.file_id == 7


def test_a_sample_from_where_the_disk_fails_names_the_file() -> None:
    item = Item(7, BrokenDisk(LONG, LONG // 3, is_failing=True), "x", LONG, -1)
    with pytest.raises(SourceChangedError, match="Input/output"):
        parts.read_sample(item, 1000)
    with pytest.raises(SourceChangedError, match="Input/output"):
        packing.squeeze([item])


def test_a_file_that_is_gone_by_now_cannot_travel(tmp_path: Path) -> None:
    class Veiled(LocalSource):
        """Must read the beginning of a file to say how long it is on its way."""

        def wire_bytes(self, path: str) -> int:
            with self.open(path) as file:
                return file.size_bytes + 1

    (tmp_path / "a").write_bytes(b"12")
    item = Item(3, Veiled(tmp_path), "a", 2, -1)
    (ready,) = parts.as_they_travel([item])
    assert ready.length == 3
    with pytest.raises(SourceChangedError, match="another length than it had a moment ago"):
        parts.digest(ready)
    (tmp_path / "a").unlink()
    with pytest.raises(SourceChangedError, match="gone since the survey"):
        parts.as_they_travel([item])
    assert parts.find_changed([item]) == {3: "the file is gone since the survey"}


def test_a_long_file_that_shrinks_less_than_it_did_stops_the_zip(tmp_path: Path) -> None:
    """What is deflated again may not be longer than its header says: the request has that length."""
    path = tmp_path / "a"
    path.write_bytes(bytes(LONG))
    item = Item(1, LocalSource(tmp_path), "a", LONG, -1)
    known = packing.squeeze([item])
    assert known[1].packed_bytes < 10_000
    path.write_bytes(os.urandom(LONG))
    stream = ZipStream([item], known)
    announced = stream.size_bytes
    given: list[parts.Piece] = []
    with pytest.raises(SourceChangedError, match="changed while it was sent"):
        given.extend(stream.pieces())
    assert sum(map(len, given)) < announced
    assert stream.failure is not None


@pytest.mark.parametrize("size_bytes", [SHORT, LONG])
def test_noise_is_not_deflated(tmp_path: Path, size_bytes: int) -> None:
    (tmp_path / "a").write_bytes(os.urandom(size_bytes))
    assert packing.squeeze([Item(1, LocalSource(tmp_path), "a", size_bytes, -1)]) == {}


def test_a_host_that_no_name_service_knows_is_not_this_machine() -> None:
    assert not packing.is_here("http://")
    assert not packing.is_here("http://no-such-host.invalid/")


def test_what_is_measured_before_anybody_asked_is_no_decision() -> None:
    one = Packing(Compression.AUTO, is_here=False, clock=lambda: 0.0)
    assert not one.gauged(1e9, 0.1)
    assert not one.is_on
