"""Installed as people install it, into an environment that knows nothing of the checkout; then run from there."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from package.building import PATIENCE_S, ask, environment, other_python
from package.installed import Installed, journey


def check(program: Installed) -> None:
    """Ask for version and help, then open the wizard up to its first screen."""
    told = program.run("--version")
    assert (told.code, told.data) == (0, f"xnat-wizard {version('xnat-wizard')}\n"), told.talk
    help_text = program.run("--help")
    assert help_text.code == 0
    assert "practice" in help_text.data
    assert "Address" in program.first_screen("--site", "http://127.0.0.1:9")


def test_by_pip_it_goes_the_whole_way(program: Installed, study_folder: Path, tmp_path: Path) -> None:
    check(program)
    journey(program, tmp_path, study_folder)
    place = ask(
        Path(program.command[0]).with_name("python"), "-c", "import xnat_wizard; print(xnat_wizard.__path__[0])"
    )
    assert "site-packages" in place, "it was not the checkout that ran"


def test_the_wizard_opens_on_a_practice_server_of_its_own(program: Installed, tmp_path: Path) -> None:
    text = program.first_screen("practice", "--open", "--folder", tmp_path / "demo", words="practice server")
    assert "Log in" in text


def test_from_the_sdist_by_pip(index: None, sdist: Path, home: Path, tmp_path: Path, by_pip: Path) -> None:
    folder = environment(tmp_path / "environment")
    ask(folder / "python", "-m", "pip", "install", "--quiet", "--no-deps", sdist)
    needs = ask(by_pip.with_name("python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    site = ask(folder / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    assert (Path(site) / "xnat_wizard").is_dir()
    (Path(site) / "needs.pth").write_text(needs + "\n", "utf-8")  # the same packages need not be fetched again
    check(Installed((str(folder / "xnat-wizard"),), home, cwd=tmp_path))


def test_by_pipx(index: None, wheel: Path, home: Path, tmp_path: Path) -> None:
    if find_spec("pipx") is None:
        pytest.skip("pipx is not installed")
    settings = {**os.environ, "PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    command = [sys.executable, "-m", "pipx", "install", "--python", sys.executable, str(wheel)]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    check(Installed((str(tmp_path / "bin" / "xnat-wizard"),), home, cwd=tmp_path))


def test_by_uv_tool(index: None, wheel: Path, home: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        pytest.skip("uv is not installed")
    settings = {**os.environ, "UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    command = [uv, "tool", "install", "--no-config", "--python", sys.executable, str(wheel)]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip("uv reaches no package index; it does not read the settings of pip")
    assert done.returncode == 0, done.stderr
    check(Installed((str(tmp_path / "bin" / "xnat-wizard"),), home, cwd=tmp_path))


@pytest.mark.parametrize("wanted", ["3.11", "3.12", "3.13", "3.14"])
def test_on_other_versions_of_python(
    index: None, wheel: Path, home: Path, tmp_path: Path, study_folder: Path, wanted: str
) -> None:
    if wanted == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip(f"Python {wanted} is what all other tests run on")
    ask(other_python(wanted), "-m", "venv", tmp_path / "environment")
    ask(tmp_path / "environment" / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
    program = Installed((str(tmp_path / "environment" / "bin" / "xnat-wizard"),), home, cwd=tmp_path)
    check(program)
    journey(program, tmp_path, study_folder)
