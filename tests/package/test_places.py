"""Where a program from elsewhere must work: no home, no rights, no terminal, no words of a language, a container."""

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from package.installed import Installed, journey, works


def modes(folder: Path) -> set[str]:
    """Return who else may read or write what is below a folder: nothing is what should be."""
    return {
        f"{path.relative_to(folder)} {stat.filemode(path.lstat().st_mode)}"
        for path in folder.rglob("*")
        if path.lstat().st_mode & 0o077 and not path.is_symlink()
    }


def test_without_words_and_terminal(by_pip: Path, home: Path, tmp_path: Path, study_folder: Path) -> None:
    program = Installed((str(by_pip),), home, cwd=tmp_path, more={"LANG": "C", "LC_ALL": "C"})
    assert "TERM" not in program.surroundings()
    journey(program, tmp_path, study_folder)
    refused = program.run()
    assert refused.code == 2
    assert "Traceback" not in refused.talk
    assert "terminal" in refused.talk


def test_where_every_new_file_is_open_to_all(by_pip: Path, home: Path, tmp_path: Path, study_folder: Path) -> None:
    program = Installed(("sh", "-c", 'umask 000; exec "$@"', "sh", str(by_pip)), home, cwd=tmp_path)
    journey(program, tmp_path, study_folder)
    (state,) = home.glob(".local/state/xnat-wizard")
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {path.name for path in state.rglob("*")} >= {"journal.sqlite", "worker.log"}
    assert modes(state) == set()


def test_without_a_home_it_says_what_to_set_and_then_works(by_pip: Path, tmp_path: Path, study_folder: Path) -> None:
    nowhere = Path("/proc/nowhere")  # where not even an administrator can make a folder
    program = Installed((str(by_pip),), nowhere, cwd=tmp_path)
    assert program.run("--version").code == 0
    told = program.run("status")
    assert told.code == 1
    assert "XNAT_WIZARD_HOME" in told.talk
    assert "Traceback" not in told.talk
    own = tmp_path / "own"
    settled = Installed(program.command, nowhere, cwd=tmp_path, more={"XNAT_WIZARD_HOME": str(own)})
    journey(settled, tmp_path, study_folder)
    assert modes(own) == set()
    assert "Address" in settled.first_screen("--site", "http://127.0.0.1:9")


_LIKE_A_CONTAINER = (
    # a root that cannot be written but for /tmp in memory, no other processes, no network but loopback
    "mount --make-rprivate / && mount -t tmpfs none {tmp} && ip link set lo up && mount -t proc none /proc && "
    'mount -o remount,bind,ro / && exec "$@"'
)


def test_in_a_container(by_pip: Path, study_folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="xnat-wizard-test-", dir="/var/tmp") as name:
        folder = Path(name)
        script = _LIKE_A_CONTAINER.format(tmp=folder)
        inside = ("unshare", "--mount", "--net", "--pid", "--fork", "--uts", "--ipc", "sh", "-c", script, "sh")
        if not works(inside):
            pytest.skip("no namespaces can be made by this account")
        refused = subprocess.run([*inside, "touch", str(Path(sys.prefix) / "x")], capture_output=True, check=False)
        assert refused.returncode, "the root can be written"
        code = (
            "import sys; sys.path[:0] = sys.argv[2:4]\n"
            "from pathlib import Path; from package.installed import Installed, journey\n"
            "home = Path(sys.argv[1])\n"
            "program = Installed((sys.argv[4],), Path('/nonexistent'), more={'XNAT_WIZARD_HOME': str(home / 'own')})\n"
            "journey(program, home, Path(sys.argv[5]))"
        )
        tests = Path(__file__).resolve().parents[1]
        done = subprocess.run(
            [*inside, sys.executable, "-c", code, name, str(tests), str(tests / "e2e"), str(by_pip), str(study_folder)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
