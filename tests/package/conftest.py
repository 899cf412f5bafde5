"""What the tests of the package share: wheel and sdist, built once, and environments they are installed into."""

import shutil
from pathlib import Path

import pytest

from package.building import ROOT, ask, build, environment, need_an_index
from package.installed import Installed

_OURS = "tui tests assets .ci pyproject.toml README.md Makefile .gitignore"


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the source tree as a checkout has it, so that nothing that lies about gets into a package."""
    copy = tmp_path_factory.mktemp("source") / "xnat-wizard"
    copy.mkdir()
    for name in _OURS.split():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel, built from the source tree."""
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the sdist."""
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where nothing can be fetched."""
    need_an_index(tmp_path_factory.mktemp("index"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give an empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def by_pip(index: None, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program as pip installs the wheel into a clean environment."""
    folder = environment(tmp_path_factory.mktemp("pip") / "environment")
    ask(folder / "python", "-m", "pip", "install", "--quiet", wheel)
    return folder / "xnat-wizard"


@pytest.fixture
def program(by_pip: Path, home: Path, tmp_path: Path) -> Installed:
    """Give the program as pip installs it, with an empty home."""
    return Installed((str(by_pip),), home, cwd=tmp_path)
