"""The one file for servers without internet: without a network, in an empty home, with all its processes."""

import os
import shutil
import sys
import tempfile
import zipfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from package.building import ROOT, ask
from package.installed import Installed, as_user, journey, without_network, works

_ACCOUNT = 61234  # that nobody has


@pytest.fixture(scope="session")
def bundle(index: None, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file."""
    if find_spec("pex") is None:
        pytest.skip("pex is not installed")
    file = tmp_path_factory.mktemp("bundle") / "xnat-wizard.pex"
    ask(sys.executable, ROOT / ".ci" / "bundle.py", "--wheel", wheel, "--into", file)
    return file


@pytest.fixture
def alone() -> tuple[str, ...]:
    """Give what goes before a command so that it has no network; nothing where this account may not do that."""
    return without_network() if works(without_network()) else ()


def test_the_copy_of_pathlib_stays_out(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as packed:
        names = packed.namelist()
    assert [name for name in names if "/pyxnat" in name]
    assert not [name for name in names if name.endswith("/pathlib.py") or "/pathlib-" in name]


def test_it_goes_the_whole_way_without_network(
    bundle: Path, home: Path, tmp_path: Path, study_folder: Path, alone: tuple[str, ...]
) -> None:
    if not alone:
        pytest.skip("this account cannot take its network away")
    inside = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path; from package.installed import Installed, journey\n"
        "program = Installed((sys.argv[3],), Path(sys.argv[4]), cwd=Path(sys.argv[5]))\n"
        "journey(program, Path(sys.argv[5]), Path(sys.argv[6]))"
    )
    tests = ROOT / "tests"
    given = [tests, tests / "e2e", bundle, home, tmp_path, study_folder]
    ask(*alone, sys.executable, "-c", inside, *map(str, given))  # one network for the server and who talks to it
    assert list(home.glob(".cache/xnat-wizard/venvs/*"))
    program = Installed((str(bundle),), home, before=alone, cwd=tmp_path)
    assert program.run("--version").data == f"xnat-wizard {version('xnat-wizard')}\n"
    assert "troubleshoot" in program.run("--help").data
    assert "Address" in program.first_screen("--site", "http://127.0.0.1:9")
    text = program.first_screen("practice", "--open", "--folder", tmp_path / "demo", words="practice server")
    assert "Log in" in text


def test_the_worker_lives_on_when_the_bundle_and_its_command_are_gone(
    bundle: Path, home: Path, tmp_path: Path, study_folder: Path
) -> None:
    copy = tmp_path / "carried-here.pex"
    copy.write_bytes(bundle.read_bytes())
    copy.chmod(0o755)
    program = Installed((str(copy),), home, cwd=tmp_path)
    kept = Installed((str(bundle),), home, cwd=tmp_path)
    plan = tmp_path / "study.plan.json"
    account = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}
    with kept.practice(tmp_path / "site") as url:
        assert program.run("plan", study_folder, "--site", url, "--project", "DEMO", "--output", plan).code == 0
        assert program.run("upload", plan, "--detach", env=account).code == 0
        copy.unlink()
        watched = kept.run("attach", env=account)
        assert watched.code == 0, watched.talk
        assert "Verdict: COMPLETE" in watched.data


def test_it_unpacks_itself_where_it_may_and_stays_there(bundle: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    program = Installed((str(bundle),), Path("/proc/nowhere"), cwd=tmp_path, more={"XNAT_WIZARD_HOME": str(own)})
    assert program.run("--version").code == 0
    assert list(own.glob("program/venvs/*"))
    assert (own / "program").stat().st_mode & 0o077 == 0
    asked = program.run("-c", "import sys; print(sys.executable)", env={"PEX_INTERPRETER": "1"})
    assert asked.data.startswith(str(own / "program")), "the worker is started with the Python that has the program"


def test_another_account_without_home_gets_a_place_of_its_own(bundle: Path, study_folder: Path) -> None:
    before = as_user(_ACCOUNT)
    if os.geteuid() or not works(before):
        pytest.skip("only an administrator can try another account")
    place = Path(f"/var/tmp/xnat-wizard-{_ACCOUNT}")
    with tempfile.TemporaryDirectory(prefix="xnat-wizard-test-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        file = shutil.copy2(bundle, folder / "xnat-wizard.pex")
        study = shutil.copytree(study_folder, folder / "study")
        nowhere = Path("/proc/nowhere")
        own = {"XNAT_WIZARD_HOME": str(folder / "own")}
        program = Installed((str(file),), nowhere, before=before, cwd=folder, more=own)
        asked = program.run("--version")
        if "Failed to find" in asked.talk:
            pytest.skip("no Python on this machine that every account may run")
        journey(program, folder, study)
        assert (folder / "own").stat().st_uid == _ACCOUNT
        assert "Address" in program.first_screen("--site", "http://127.0.0.1:9")
        try:
            told = Installed((str(file),), nowhere, before=before, cwd=folder).run("--version")
            assert told.code == 0, told.talk
            assert place.stat().st_uid == _ACCOUNT
            assert place.stat().st_mode & 0o077 == 0
        finally:
            shutil.rmtree(place, ignore_errors=True)


def test_an_environment_can_be_made_of_it_once_for_all(bundle: Path, home: Path, tmp_path: Path) -> None:
    maker = Installed((str(bundle),), home, cwd=tmp_path, more={"PEX_TOOLS": "1"})
    made = maker.run("venv", tmp_path / "for-all")
    assert made.code == 0, made.talk
    program = Installed((str(tmp_path / "for-all" / "bin" / "xnat-wizard"),), home, cwd=tmp_path)
    assert program.run("--version").data == f"xnat-wizard {version('xnat-wizard')}\n"
