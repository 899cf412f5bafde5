"""What can happen to a file while it, or others beside it, are sent."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Spoil = Callable[[Path], None]


def vanish(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def be_withdrawn(path: Path) -> None:
    path.chmod(0)


_READS_ALL = "permissions: this account may read whatever it likes"
SPOILING = (
    vanish,
    cut_short,
    grow,
    become_a_pipe,
    become_a_folder,
    become_a_loop,
    pytest.param(be_withdrawn, marks=pytest.mark.skipif(os.geteuid() == 0, reason=_READS_ALL)),
)
