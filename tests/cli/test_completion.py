"""Completion in real shells: commands, options, their values, files and upload IDs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from cli.program import PROGRAM, call
from xnat_wizard.cli import COMMANDS
from xnat_wizard.cli.completion import Takes, places

Complete = Callable[[list[str], Path], list[set[str]]]
END = "-- end --"
PATH = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed")
    return found


def in_bash(lines: list[str], folder: Path) -> list[set[str]]:
    script = "source <(xnat-wizard completion bash)\n"
    for line in lines:
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        script += f"COMPREPLY=(); COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _xnat_wizard\n"
        script += f"""printf '%s\\n' "${{COMPREPLY[@]}}" '{END}'\n"""
    return sets_in(output_of([needs("bash"), "--norc", "-c", script], folder))


def in_fish(lines: list[str], folder: Path) -> list[set[str]]:
    script = "xnat-wizard completion fish | source\n"
    script += "".join(f"complete -C '{line}'; echo '{END}'\n" for line in lines)
    said = output_of([needs("fish"), "--no-config", "-c", script], folder)
    return sets_in([one.partition("\t")[0] for one in said])


def sets_in(said: list[str]) -> list[set[str]]:
    """Return what was proposed for each line."""
    found: list[set[str]] = [set()]
    for one in said:
        if one == END:
            found.append(set())
        else:
            found[-1].add(one)
    return found[:-1]


def output_of(command: list[str], folder: Path) -> list[str]:
    env = {**os.environ, "PATH": PATH, "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return [one for one in done.stdout.splitlines() if one]


@pytest.fixture
def folder(tmp_path: Path, own_home: Path) -> Path:
    """Give a folder with a plan, and an upload in the home."""
    (tmp_path / "study.plan.json").write_text("{}")
    (own_home / "state" / "uploads" / "20260101-101500-DEMO").mkdir(parents=True)
    return tmp_path


CASES = [
    ("xnat-wizard trou", {"troubleshoot"}),
    ("xnat-wizard --si", {"--site"}),
    ("xnat-wizard --site somewhere verif", {"verify"}),
    ("xnat-wizard --site plan verif", {"verify"}),  # the value of an option is no command
    ("xnat-wizard plan --ou", {"--output"}),
    ("xnat-wizard plan --to ", {"archive", "prearchive"}),
    ("xnat-wizard plan --to arch", {"archive"}),
    ("xnat-wizard upload stu", {"study.plan.json"}),
    ("xnat-wizard upload --limit-rate 5M stu", {"study.plan.json"}),
    ("xnat-wizard attach 2026", {"20260101-101500-DEMO"}),
    ("xnat-wizard settings uns", {"unset"}),
    ("xnat-wizard settings check --js", {"--json"}),
    ("xnat-wizard completion f", {"fish"}),
]


@pytest.mark.parametrize("shell", [in_bash, in_fish])
def test_a_shell_proposes_what_can_stand_there(shell: Complete, folder: Path) -> None:
    lines = [line for line, _ in CASES]
    every, *proposed = shell(["xnat-wizard ", *lines], folder)
    assert every >= set(COMMANDS)
    assert dict(zip(lines, proposed, strict=True)) == dict(CASES)


def test_zsh_completes_as_a_person_types(folder: Path) -> None:
    env = {**os.environ, "PATH": PATH, "HOME": str(folder), "TERM": "dumb", "PS1": "> "}
    shell = pexpect.spawn(needs("zsh"), ["-f", "-i"], cwd=str(folder), env=env, encoding="utf-8", timeout=60)
    try:
        shell.sendline("PS1='ready> '; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D")
        shell.sendline("source <(xnat-wizard completion zsh); bindkey '^I' complete-word; print SOURCED")
        shell.expect_exact("SOURCED\r\n")
        for line, expected in (
            ("xnat-wizard troub", "troubleshoot"),
            ("xnat-wizard settings uns", "unset"),
            ("xnat-wizard --site plan verif", "verify"),
            ("xnat-wizard plan --to arch", "archive"),
            ("xnat-wizard plan --ou", "--output"),
            ("xnat-wizard upload stu", "study.plan.json"),
            ("xnat-wizard attach 2026", "20260101-101500-DEMO"),
        ):
            shell.send(f"{line}\t\x01print -r -- '<\x05")  # the completed line becomes what is printed
            shell.sendline(">'")
            shell.expect(r"\r\n<(.*?)>\r\n")
            assert shell.match is not None
            assert str(shell.match.group(1)).split()[-1] == expected, line
    finally:
        shell.close(force=True)


def test_upload_ids_are_printed_the_newest_first(own_home: Path) -> None:
    assert call("completion", "uploads").data == ""
    for name in ("20260101-101500-A", "20260102-101500-B"):
        (own_home / "state" / "uploads" / name).mkdir(parents=True)
    assert call("completion", "uploads").data.split() == ["20260102-101500-B", "20260101-101500-A"]
    assert [one["upload"] for one in call("completion", "uploads", "--json").objects()] == [
        "20260102-101500-B",
        "20260101-101500-A",
    ]


def test_every_command_is_a_place_and_knows_its_files() -> None:
    known = {place.path: place for place in places()}
    assert {f"/{name}" for name in COMMANDS} <= set(known)
    (argument,) = known["/upload"].arguments
    assert argument.takes is Takes.FILE
    assert next(one for one in known["/plan"].options if "--output" in one.flags).takes is Takes.FILE
