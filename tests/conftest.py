"""Fixtures for every room: the practice server, a sample study, the shared real data."""

import gc
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from slow import reason

if TYPE_CHECKING:
    from support import Practice

SHARED = Path(__file__).resolve().parents[2] / "shared"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: the programs under test would
    signal.signal(signal.SIGINT, signal.default_int_handler)  # inherit that, and Ctrl+C could not be tested


gc.set_threshold(50_000, 20, 10)  # a screen is a hundred thousand objects: looking for rubbish took a third of the time

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no test is timed
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Keep the modules, which stay, out of every search for rubbish."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out."""
    for item in items:
        if why := reason(item.nodeid):
            item.add_marker(pytest.mark.slow(why))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep journals, logs and settings of tests away from the person's own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XNAT_WIZARD_HOME", str(home))
    for name in ("XNAT_HOST", "XNAT_USER", "XNAT_PASS"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def practice(tmp_path: Path) -> "Iterator[Practice]":
    """Give a real practice server with a clean store; anonymization is off, timers are short."""
    from support import Practice

    server = Practice(tmp_path / "practice")
    yield server
    server.close()


@pytest.fixture(scope="session")
def _study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from xnat_wizard.practice.sample import write_study

    return write_study(tmp_path_factory.mktemp("sample") / "study", subjects=2, slices=4)


@pytest.fixture
def study_folder(_study: Path, tmp_path: Path) -> Path:
    """Give a good study of two subjects that the test may change."""
    copy = tmp_path / "study"
    shutil.copytree(_study, copy)
    return copy


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of real image files, or skip by name."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("shared data: the folder of real image files is not here")
    return folder


@pytest.fixture
def malformed(shared_data: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that unpacks one of the broken trees and returns its folder."""

    def unpack(name: str) -> Path:
        target = tmp_path / "malformed"
        target.mkdir(exist_ok=True)
        archive = shared_data / "trees" / "malformed" / f"{name}.tar.gz"
        subprocess.run(["tar", "-xzf", os.fspath(archive), "-C", os.fspath(target)], check=True, capture_output=True)
        return target / name

    return unpack
