"""The commands as `--help` lists them are the commands as they are."""

import argparse

import pytest

from cli.program import call
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("uplod",), "`uplod` is no command; did you mean `upload`?\nthere are: survey, plan, upload, "),
        (("prearchive", "lst"), "`lst` is no command; did you mean `list`?\nthere are: list, show, "),
        (("xyzzy",), "`xyzzy` is no command\nthere are: survey, "),
        (("plan", "study", "--to", "archve"), "`archve` is not possible; did you mean `archive`?"),
        (("upload", "--limt-rate", "3M", "x"), "unrecognized arguments: --limt-rate x; did you mean `--limit-rate`?"),
        (("status", "--jsn=1"), "unrecognized arguments: --jsn=1; did you mean `--json`?"),
        (("status", "--lnes"), "unrecognized arguments: --lnes; did you mean `--lines`, before the command?"),
        (("status", "a", "b"), "unrecognized arguments: b\n"),
    ],
)
def test_a_word_that_is_nearly_right_is_told(arguments: tuple[str, ...], said: str) -> None:
    ended = call(*arguments)
    assert (ended.code, ended.data) == (2, "")
    assert said in ended.talk
    prog = " ".join(["xnat-wizard", *[one for one in arguments[:1] if one in COMMANDS]])
    assert ended.talk.startswith(f"usage: {prog} ["), "the usage of the command that it was given to"
