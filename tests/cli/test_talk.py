"""What reaches a terminal: never a control character of a file name, whatever it is called."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import PROGRAM, OnTerminal, call
from xnat_wizard.cli import COMMANDS, main
from xnat_wizard.findings import Finding, printable
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.plan import load

ODD = "a\x1b[31mred\x07\u202eback\udcff\nline"


def controls_in(text: str) -> set[str]:
    """Return the characters of a text that do more than show themselves."""
    return {sign for sign in text if not sign.isprintable() and sign != "\n"}


def test_printable_keeps_letters_and_escapes_the_rest() -> None:
    assert printable("Grüße 東京") == "Grüße 東京"
    assert printable(ODD) == r"a\x1b[31mred\x07\u202eback\xff\nline"


def test_a_finding_is_as_many_lines_as_it_has_parts() -> None:
    text = Finding("x.y", ODD, ODD, (ODD,), where=ODD).as_text()
    assert len(text.splitlines()) == 4
    assert controls_in(text) == set()


def test_odd_names_are_shown_and_do_nothing(malformed: Callable[[str], Path], tmp_path: Path) -> None:
    source = malformed("odd-names")
    for found in (
        call("survey", source),
        call("survey", source, "--json"),
        call("plan", source, "--site", "https://x", "--project", "P", "--output", tmp_path / "plan.json"),
    ):
        assert "Traceback" not in found.talk
        assert found.data
        assert controls_in(found.data) | controls_in(found.talk) == set()


def test_names_in_a_journal_are_shown_and_do_nothing(new_plan: NewPlan) -> None:
    plan = load(new_plan())
    odd = ODD.replace("\udcff", "")
    path = uploads.begin(replace(plan, sessions=tuple(replace(one, subject_label=odd) for one in plan.sessions)))
    with Journal.open(path) as journal:
        journal.records.add_event(odd)
    for arguments in (("status", path.parent.name), ("attach",), ("status", "newest", "--json"), ("attach", "--json")):
        ended = call(*arguments)
        assert controls_in(ended.data) | controls_in(ended.talk) == set(), arguments
        assert "Traceback" not in ended.talk
    program = OnTerminal("attach")
    program.wait()
    assert "\x1b[31m" not in program.read()
    assert "\x07" not in program.read()


def test_a_reader_that_leaves_early_is_no_crash(new_plan: NewPlan) -> None:
    plan = load(new_plan())
    for _ in range(30):
        uploads.begin(plan)
    done = subprocess.run(
        ["bash", "-c", f"{PROGRAM} status | head -1"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    ended = call(command, "--help")
    assert ended.code == 0
    assert ended.data.startswith("usage: xnat-wizard")


def test_a_fault_of_the_program_is_a_finding_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[Path]:
        raise LookupError("Doe^Jane")

    monkeypatch.setattr(uploads, "journals", fail)
    assert main(["status", "--json"]) == 1
    said = capsys.readouterr()
    assert "LookupError at test_talk.py:" in said.err
    assert "Doe" not in said.err + said.out


def test_help_and_the_manual_have_every_command() -> None:
    manual = Path(__file__).parents[2] / "assets" / "manual" / "commands"
    listed = call("--help").data
    for command in COMMANDS:
        assert f"    {command} " in listed
        assert "xnat-wizard" in (manual / f"{command}.md").read_text(encoding="utf-8")
