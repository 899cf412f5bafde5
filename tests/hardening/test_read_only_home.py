"""A home that cannot be written: read-only, or without the right to; what needs it says so, what does not works.

An administrator may write whatever modes say: here that right is taken from the program first, or the folder is mounted
read-only.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import PROGRAM, Terminal

from cli import program
from package.installed import works
from practice.sending import port_of
from support import Practice

LOGIN = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}
OBEYS_MODES = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
READ_ONLY = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
)

Prefix = tuple[str, ...]


@pytest.fixture(params=["without the right", "read-only"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["never used", "used before"])
def home(request: pytest.FixtureRequest, kind: str, tmp_path: Path, study_folder: Path, practice: Practice) -> Path:
    """Give a home that this test may not write to from now on."""
    home = tmp_path / "closed home"
    home.mkdir()
    if request.param == "used before":
        words = (
            "send",
            study_folder,
            "--project",
            "DEMO",
            "--no-login",
            "--receiver",
            f"127.0.0.1:{port_of(practice)}",
        )
        used = program.run(*words, env={"XNAT_WIZARD_HOME": str(home)})
        assert used.code == 3, used
    if kind == "without the right":
        for folder, _, names in os.walk(home, topdown=False):
            for name in names:
                (Path(folder) / name).chmod(0o400)
            Path(folder).chmod(0o500)
    return home


@pytest.fixture
def prefix(kind: str, home: Path) -> Prefix:
    """Give a command that runs another one which cannot write to that home."""
    if kind == "read-only":
        made: Prefix = (*READ_ONLY, str(home))
    else:
        made = OBEYS_MODES if os.geteuid() == 0 else ()
    if made and not works(made):
        pytest.skip(f"{kind}: this account cannot make it so")
    if not works((*made, "sh", "-c", f'! touch "{home}/x"')):
        pytest.skip(f"{kind}: it can be written all the same")
    return made


Run = Callable[..., program.Ended]


@pytest.fixture
def run(prefix: Prefix, home: Path) -> Run:
    def run(*words: str | Path) -> program.Ended:
        done = subprocess.run(
            [*prefix, PROGRAM, *map(str, words)],
            env={**os.environ, **LOGIN, "XNAT_WIZARD_HOME": str(home)},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=program.PATIENCE_S,
            check=False,
        )
        ended = program.Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ended.talk, ended.talk
        assert "a fault in this program" not in ended.talk, ended.talk
        return ended

    return run


def is_told(ended: program.Ended, home: Path) -> None:
    """See that a refusal says what cannot be written, and what to do."""
    assert ended.code == 1, ended
    assert str(home) in ended.talk.replace("\n", ""), ended.talk
    assert "do:" in ended.talk
    assert "XNAT_WIZARD_HOME" in ended.talk, ended.talk


def test_commands_say_what_cannot_be_written_and_what_needs_nothing_works(
    run: Run, practice: Practice, study_folder: Path, tmp_path: Path, home: Path
) -> None:
    plan = tmp_path / "study.plan.json"
    site = ("--site", practice.url)
    made = run("plan", study_folder, *site, "--project", "DEMO", "--to", "archive", "--output", plan)
    assert made.code == 0, made
    before = practice.on_loop(lambda store: [row.key for row in store.state.rows])
    is_told(run("upload", plan), home)
    is_told(run("upload", plan, "--detach"), home)
    assert practice.on_loop(lambda store: [row.key for row in store.state.rows]) == before  # nothing was sent
    result = tmp_path / "result"
    result.mkdir()
    (result / "map.nii").write_bytes(b"map")
    is_told(run("resource", "put", result, *site, "--project", "DEMO", "--resource", "MAPS"), home)
    is_told(run("status"), home)
    for words in (("survey", study_folder), ("check", practice.url), ("--version",), ("settings",)):
        ended = run(*words)
        assert ended.code in {0, 3}, (words, ended)
    searched = run("troubleshoot", study_folder, *site, "--project", "DEMO")
    assert "32 objects" in searched.data, searched  # it has looked, whatever came of it
    assert "cannot be used" not in searched.talk


def test_the_wizard_says_what_cannot_be_written_and_can_be_left(
    prefix: Prefix, practice: Practice, study_folder: Path, home: Path
) -> None:
    words = [*prefix, PROGRAM, "--site", practice.url, "--user", "owner"]
    with Terminal(
        *words[1:], program=words[0], environment={"XNAT_WIZARD_HOME": str(home)}, columns=120, rows=40
    ) as terminal:
        terminal.wait_for("answers")
        terminal.press("owner", "enter")
        terminal.wait_for("Enter goes on")
        terminal.press("enter")
        terminal.wait_for("Demo project")
        terminal.press("enter")
        terminal.wait_for("Choose the folder")
        terminal.press("ctrl+u", str(study_folder), "enter")
        terminal.wait_for("2 subjects")
        terminal.press("ctrl+n")
        terminal.wait_for("2 of 2 sessions")
        terminal.press("ctrl+n")
        terminal.wait_for("[5 Upload]")
        terminal.rest()
        terminal.press("enter")
        terminal.wait_for("XNAT_WIZARD_HOME")
        assert b"Traceback" not in terminal.drawn
        terminal.press("escape")
        terminal.rest()
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
