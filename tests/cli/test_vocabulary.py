"""One vocabulary: every command has help, examples and exit codes, and names the same thing the same way."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from xnat_wizard.cli import COMMANDS, whole_parser
from xnat_wizard.cli.examples import EXAMPLES
from xnat_wizard.cli.parsing import METAVARS, CommandParser
from xnat_wizard.cli.talk import EXITS, Exit

ONE_WORDS = {  # what an option does, wherever it stands, begins with these words
    "--json": "one JSON object a line",
    "--yes": "do not ask",
    "--dry-run": "",
    "--quiet": "show no progress",
    "--password-stdin": "read the password from",
    "--limit-rate": "bytes a second",
    "--ca-file": "certificate authority of the site",
    "--user": "user name",
}
SAME_KIND = {  # options that take no value, or one, wherever they stand
    **dict.fromkeys(("--json", "--yes", "--dry-run", "--quiet", "--details", "--list", "--detach"), 0),
    **dict.fromkeys(
        ("--site", "--user", "--ca-file", "--project", "--to", "--output", "--limit-rate", "--layout"), None
    ),
}
SYNONYMS = {  # never this, but that
    "--host": "--site",
    "--server": "--site",
    "--url": "--site",
    "--username": "--user",
    "--login": "--user",
    "--password": "--password-stdin",
    "--token": "login",
    "--dest": "--to",
    "--destination": "--to",
    "--out": "--output",
    "--outfile": "--output",
    "--force": "--yes",
    "--assume-yes": "--yes",
    "--dryrun": "--dry-run",
    "--simulate": "--dry-run",
    "--verbose": "--details",
    "--silent": "--quiet",
    "--threads": "--connections",
    "--jobs": "--connections",
    "--bandwidth": "--limit-rate",
    "--rate": "--limit-rate",
}
MAY_HAVE = {("serve", "--host")}  # the address it listens on
HIDDEN = {("practice", "--until-stdin-ends")}  # for the program that starts it
WITHOUT_JSON = {  # nothing a program could read
    "",
    "serve",  # prints one address
    "practice",  # prints two
    "settings set",
    "settings unset",
    "rules put",
    "rules get",
    "rules show",  # prints the rules themselves, which are TOML
}


def walk(parser: argparse.ArgumentParser) -> Iterator[CommandParser]:
    assert isinstance(parser, CommandParser)
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from walk(one)


PARSERS = {parser.words: parser for parser in walk(whole_parser())}
LEAVES = {
    words: parser
    for words, parser in PARSERS.items()
    if not any(isinstance(action, argparse._SubParsersAction) for action in parser._actions)
}
WITH_OPTIONS = [(words, option) for words, parser in PARSERS.items() for option in parser.options]


@pytest.mark.parametrize("words", PARSERS)
def test_every_command_has_a_page(words: str) -> None:
    parser = PARSERS[words]
    page = parser.format_help()
    assert parser.description, "what it does"
    assert parser.description[0].isupper()
    assert "examples:" in page, "add some to cli/examples.py"
    for code, meaning in EXITS.items():
        assert f"  {code:<4} {meaning}" in page.replace("\n       ", " ")
    assert "\t" not in page
    assert re.search(r"%\(\w+\)s|\bNone\b", page) is None


@pytest.mark.parametrize("words", PARSERS)
def test_no_line_of_a_page_is_cut_off_in_a_terminal_of_the_usual_width(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    PARSERS[words].epilog = None  # it is written once, for the width that was
    page = PARSERS[words].format_help()
    PARSERS[words].epilog = None
    assert [line for line in page.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", PARSERS)
@pytest.mark.parametrize("columns", [60, 200])
def test_a_page_is_no_wider_than_the_terminal(words: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    parser = next(one for one in walk(whole_parser()) if one.words == words) if words == "upload" else PARSERS[words]
    parser.epilog = None
    page = parser.format_help()
    parser.epilog = None
    long = [line for line in page.splitlines() if len(line) > min(columns, 102) and " " in line.strip()]
    assert [line for line in long if not line.startswith(("  xnat-wizard", "    "))] == []


@pytest.mark.parametrize("words", PARSERS)
def test_every_option_and_argument_is_explained(words: str) -> None:
    for action in PARSERS[words]._actions:
        if isinstance(action, argparse._SubParsersAction):
            assert all(one.help for one in action._choices_actions)
            continue
        name = "/".join(action.option_strings) or action.dest
        assert action.help, name
        if (words, name) in HIDDEN:
            continue
        assert action.help is not argparse.SUPPRESS, f"{name} is hidden"
        assert not action.help.endswith("."), f"{name}: a phrase has no full stop"
        assert action.help[0] == action.help[0].lower() or action.help.split()[0].isupper() or _is_name(action.help), (
            name
        )
        for option in action.option_strings:
            assert re.fullmatch(r"--[a-z]+(-[a-z]+)*|-h", option), option


def _is_name(text: str) -> bool:
    return text.split(maxsplit=1)[0].rstrip(",:;") in {"XNAT", "DICOM", "SIEVE"} or any(
        sign.isupper() for sign in text.split(maxsplit=1)[0][1:]
    )


@pytest.mark.parametrize(("words", "option"), [one for one in WITH_OPTIONS if one[1] in SAME_KIND])
def test_one_name_takes_one_kind_of_value(words: str, option: str) -> None:
    assert PARSERS[words].options[option].nargs == SAME_KIND[option]


@pytest.mark.parametrize(("words", "option"), [one for one in WITH_OPTIONS if one[1] in ONE_WORDS])
def test_one_name_means_one_thing(words: str, option: str) -> None:
    said = PARSERS[words].options[option].help or ""
    assert said.startswith(ONE_WORDS[option])


@pytest.mark.parametrize(("words", "option"), [one for one in WITH_OPTIONS if one[1] in METAVARS])
def test_one_value_has_one_name(words: str, option: str) -> None:
    assert PARSERS[words].options[option].metavar == METAVARS[option]


@pytest.mark.parametrize("words", PARSERS)
def test_no_option_has_a_name_that_another_has_for_the_same(words: str) -> None:
    for option in PARSERS[words].options:
        if (words, option) not in MAY_HAVE:
            assert option not in SYNONYMS, f"it is {SYNONYMS.get(option)} everywhere"


@pytest.mark.parametrize("words", LEAVES)
def test_every_command_can_speak_to_a_program(words: str) -> None:
    assert words in WITHOUT_JSON or "--json" in LEAVES[words].options


@pytest.mark.parametrize("words", LEAVES)
def test_what_logs_in_does_it_the_same_way(words: str) -> None:
    options = set(LEAVES[words].options)
    if "--password-stdin" in options:
        assert {"--user", "--ca-file"} <= options


@pytest.mark.parametrize("words", PARSERS)
def test_no_secret_is_an_argument(words: str) -> None:
    for action in PARSERS[words]._actions:
        name = "/".join(action.option_strings) or action.dest
        assert action.nargs == 0 or not re.search(r"pass|secret|token", name), name


@pytest.mark.parametrize("words", EXAMPLES)
def test_an_example_is_a_command_line_of_this_program(words: str) -> None:
    assert words in PARSERS
    for line, purpose in EXAMPLES[words]:
        command = re.split(" [<>] ", line)[0].replace("$SLURM_ARRAY_TASK_ID", "3")
        program, *arguments = shlex.split(command)
        assert program == "xnat-wizard"
        assert arguments[: len(words.split())] == words.split()
        whole_parser().parse_args(arguments)
        assert purpose[0].islower() or purpose.split()[0][0].isupper()
        assert not purpose.endswith(".")


@pytest.mark.parametrize("words", EXAMPLES)
def test_an_example_can_be_copied_from_the_page(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    page = PARSERS[words].format_help()
    examples = page.partition("\nexamples:\n")[2].partition("\nexit codes:\n")[0].replace("\\\n", "")
    shown = [shlex.split(line) for line in examples.splitlines() if line and not line.startswith("  # ")]
    assert shown == [shlex.split(line) for line, _ in EXAMPLES[words]]


def test_every_exit_code_has_words() -> None:
    assert set(EXITS) == set(Exit)


def test_the_program_lists_every_command_once() -> None:
    page = PARSERS[""].format_help()
    for command, (_, words) in COMMANDS.items():
        assert words
        assert page.count(f"\n    {command} ") == 1, command


def test_help_needs_no_settings_and_nothing_heavy(tmp_path: Path) -> None:
    from test_house_rules import imported_by

    heavy = {"textual", "rich", "pydicom", "pyxnat", "aiohttp", "numpy", "PIL", "asyncio", "sqlite3", "tomlkit"}
    code = "from xnat_wizard.cli import parser_for; parser_for('upload').format_help()"
    assert imported_by(code) & heavy == set()
