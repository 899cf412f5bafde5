"""`help`: the manual in the terminal."""

import json

import pytest

from cli.program import OnTerminal, call
from xnat_wizard.cli import COMMANDS


def test_help_alone_lists_the_topics() -> None:
    ended = call("help")
    assert ended.code == 0
    assert ended.data.startswith("The manual of xnat-wizard\n=")
    assert "[first-upload]" in ended.data
    assert "Before sending: survey, plan, check, project" in ended.data
    assert "\x1b" not in ended.data
    assert max(map(len, ended.data.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_a_topic(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from xnat_wizard.cli import main

    assert main(["help", command]) == 0
    shown = capsys.readouterr().out
    assert shown.partition(":")[0] == command
    assert "Options" in shown


def test_a_code_is_explained_with_its_cure() -> None:
    ended = call("help", "XW-049")
    assert ended.code == 0
    assert "site.too_large" in ended.data
    assert "- Send smaller parts." in ended.data
    assert call("help", "upload.running").data.startswith("upload.running")


def test_what_is_not_known_is_guessed_at() -> None:
    ended = call("help", "uplaod.runing")
    assert ended.code == 2
    assert ended.data == ""
    assert "xnat-wizard help upload.running" in ended.talk
    assert "For all topics: xnat-wizard help" in call("help", "zzzz").talk


def test_a_word_that_is_no_topic_names_its_pages() -> None:
    assert "administrators" in call("help", "lingering").talk


def test_json_is_the_page_as_it_is_written() -> None:
    ended = call("help", "step", "plan", "--json")
    assert ended.code == 0
    (said,) = ended.objects()
    assert said["type"] == "page"
    assert said["page"] == "steps/plan"
    assert said["text"].startswith("# Plan\n")
    unknown = call("help", "nothing-like-it", "--json")
    assert unknown.code == 2
    assert json.loads(unknown.data.splitlines()[0])["code"] == "help.unknown"


def test_a_long_page_is_shown_in_the_pager_of_the_person() -> None:
    terminal = OnTerminal("help", "plan", env={"PAGER": "sh -c 'echo PAGER; head -1'"})
    assert terminal.wait() == 0
    seen = terminal.read()
    assert "PAGER" in seen
    assert "plan: what will be sent where" in seen
    assert "--forecast" not in seen


def test_without_a_pager_a_long_page_is_printed() -> None:
    terminal = OnTerminal("help", "plan", env={"PAGER": "no-such-pager-at-all"})
    assert terminal.wait() == 0
    assert "--forecast" in terminal.read()
    terminal = OnTerminal("help", "plan", "--no-pager", env={"PAGER": "false"})
    assert terminal.wait() == 0
    assert "--forecast" in terminal.read()


def test_headings_are_bold_on_a_terminal_only_where_that_is_liked() -> None:
    bold = OnTerminal("help", "XW-049")
    assert bold.wait() == 0
    assert "\x1b[1mXW-049" in bold.read()
    plain = OnTerminal("help", "XW-049", env={"NO_COLOR": "1"})
    assert plain.wait() == 0
    assert "\x1b[1m" not in plain.read()
