"""As cron, a batch job or a container starts it: no terminal, no home, nothing on stdin, another folder."""

import os
import subprocess
from pathlib import Path

import pytest

from cli.conftest import NewPlan, Slow
from cli.program import PATIENCE_S, PROGRAM, Ended
from support import Practice

LOGIN = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}


def bare(*arguments: str | Path, env: dict[str, str] | None = None, has_streams: bool = True) -> Ended:
    """Run with nothing but what is given: as `env -i` does, in /, stdin closed."""
    closing = "exec <&- ; " if has_streams else "exec <&- >&- 2>&- ; "
    done = subprocess.run(
        ["/bin/sh", "-c", f'{closing}exec "$@"', "sh", PROGRAM, *map(str, arguments)],
        cwd="/",
        env=env or {},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ended(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def test_an_upload_needs_no_terminal_no_home_and_no_stdin(new_plan: NewPlan, own_home: Path) -> None:
    ended = bare("upload", new_plan(), env={**LOGIN, "XNAT_WIZARD_HOME": str(own_home)})
    assert ended.code == 0, ended.talk
    assert "Verdict: COMPLETE" in ended.data
    assert not {"\r", "\x1b"} & set(ended.talk + ended.data)
    assert len(list((own_home / "state" / "uploads").iterdir())) == 1


def test_quietly_only_the_receipt_is_left(new_plan: NewPlan, own_home: Path) -> None:
    ended = bare("upload", new_plan(), "--quiet", env={**LOGIN, "XNAT_WIZARD_HOME": str(own_home)})
    assert ended.code == 0, ended.talk
    assert "Verdict: COMPLETE" in ended.data
    assert all(line.startswith(("NOTE", "      ")) for line in ended.talk.splitlines()), ended.talk


def test_with_every_stream_closed_the_upload_is_done(new_plan: NewPlan, own_home: Path, practice: Practice) -> None:
    ended = bare("upload", new_plan(), env={**LOGIN, "XNAT_WIZARD_HOME": str(own_home)}, has_streams=False)
    assert ended.code == 0
    (folder,) = (own_home / "state" / "uploads").iterdir()
    assert (folder / "receipt.json").exists()


def test_without_any_home_the_folders_of_the_system_are_used(new_plan: NewPlan, tmp_path: Path) -> None:
    xdg = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("STATE", "CONFIG", "CACHE", "DATA")}
    ended = bare("upload", new_plan(), env={**LOGIN, **xdg})
    assert ended.code == 0, ended.talk
    assert len(list((tmp_path / "state" / "xnat-wizard" / "uploads").iterdir())) == 1


def test_a_home_that_cannot_be_written_says_what_to_set(new_plan: NewPlan, tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    ended = bare("upload", new_plan(), env={**LOGIN, "XNAT_WIZARD_HOME": str(blocked)})
    assert ended.code == 1
    assert "Set XNAT_WIZARD_HOME" in ended.talk


def test_nobody_is_asked_where_nobody_is(new_plan: NewPlan, own_home: Path, tmp_path: Path) -> None:
    ended = bare("upload", new_plan(), env={"XNAT_WIZARD_HOME": str(own_home), "HOME": str(tmp_path)})
    assert ended.code == 1
    assert "Set XNAT_USER and XNAT_PASS" in ended.talk
    ended = bare("cancel", env={"XNAT_WIZARD_HOME": str(own_home), "HOME": str(tmp_path)})
    assert ended.code == 1
    assert "There is no upload" in ended.talk


def test_detached_from_cron_it_goes_on_alone(new_plan: NewPlan, own_home: Path, slow: Slow, practice: Practice) -> None:
    slow()
    env = {**LOGIN, "XNAT_WIZARD_HOME": str(own_home)}
    started = bare("upload", new_plan(), "--detach", env=env)
    assert started.code == 0, started.talk
    practice.server.faults.clear()
    watched = bare("attach", started.data.strip(), env=env)
    assert watched.code == 0, watched.talk
    assert "Verdict: COMPLETE" in watched.data


@pytest.mark.parametrize("arguments", [(), ("--lines",)])
def test_the_wizard_itself_says_what_to_do_without_a_terminal(arguments: tuple[str, ...], own_home: Path) -> None:
    ended = bare(*arguments, env={"XNAT_WIZARD_HOME": str(own_home)})
    assert ended.code in {1, 2}
    assert "Traceback" not in ended.talk
    assert "do:" in ended.talk
