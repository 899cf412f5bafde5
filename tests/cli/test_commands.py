"""The commands as `--help` lists them are the commands as they are."""

import argparse

import pytest

from xnat_wizard.cli import COMMANDS, parser_for


def listed(command: str) -> dict[str, str]:
    """Return the commands and their words, with one of them loaded."""
    parser = parser_for(command)
    acts = next(act for act in parser._actions if isinstance(act, argparse._SubParsersAction))
    return {choice.dest: choice.help or "" for choice in acts._choices_actions}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_words_of_a_command_are_those_of_its_module(command: str) -> None:
    assert listed(command) == {name: words for name, (_, words) in COMMANDS.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_run_and_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser_for(command).parse_args([command, "--help"])
    assert ended.value.code == 0
    assert "usage: xnat-wizard" in capsys.readouterr().out
