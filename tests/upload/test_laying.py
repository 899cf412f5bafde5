"""Files under a second name, also where the file system knows no links."""

import errno
import os
from pathlib import Path

import pytest

from xnat_wizard.upload.laying import lay


def no_links(_source: Path, _target: Path) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_where_there_are_links_nothing_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"image")
    lay(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")


def test_where_there_are_no_links_it_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_links)  # as on a memory stick
    (tmp_path / "a").write_bytes(b"image")
    lay(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"image"
    with pytest.raises(FileExistsError):
        lay(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FileNotFoundError):
        lay(tmp_path / "none", tmp_path / "c")


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        lay(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"old"
