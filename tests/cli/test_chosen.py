"""Which options the settings say: those that mean the same, and no others."""

import argparse

import pytest

from test_preferences import written
from xnat_wizard.cli import chosen, whole_parser


def parsed(*arguments: str) -> argparse.Namespace:
    program = whole_parser()
    return program.parse_args(arguments, argparse.Namespace(program=program))


def filled(*arguments: str, address: str = "") -> argparse.Namespace:
    options = parsed(*arguments)
    chosen.fill(options, address)
    return options


@pytest.fixture(autouse=True)
def file() -> None:
    written(
        'site = "https://a.example.org"\nproject = "P"\ndestination = "archive"\nuser = "anna"\nlimit_rate = "2M"\n'
        '[sites."https://b.example.org"]\nuser = "bea"\nproject = "B"\n'
    )


def test_what_was_given_stays() -> None:
    options = filled("send", "study", "--to", "prearchive", "--user", "")
    assert (options.to, options.user, options.project) == ("prearchive", "", "P")


def test_what_was_given_before_the_command_stays_too() -> None:
    options = filled("--site", "https://b.example.org", "--user", "otto", "send", "study")
    assert (options.site, options.user, options.project) == ("https://b.example.org", "otto", "B")


def test_a_site_that_is_known_later_has_its_own_profile() -> None:
    options = filled("verify")
    assert options.user == "anna"
    chosen.fill(options, "https://b.example.org")
    assert options.user == "bea"
    chosen.fill(options, "https://c.example.org")
    assert options.user == "anna"


def test_what_something_else_says_is_left_now_and_later() -> None:
    options = parsed("resume")
    chosen.fill(options)
    assert options.limit_rate is None
    assert options.user == "anna"
    options = parsed("upload", "plan.json")
    chosen.fill(options, left={"limit_rate"})
    chosen.fill(options, "https://b.example.org")
    assert options.limit_rate is None


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("convert", "study"), ("to", "project")),
        (("prearchive", "move", "X", "--project", "P0", "--to", "Q"), ()),
        (("troubleshoot",), ("project",)),
        (("logout", "a.example.org"), ("user",)),
    ],
)
def test_an_option_that_means_something_else_is_none(arguments: tuple[str, ...], names: tuple[str, ...]) -> None:
    before = vars(parsed(*arguments))
    after = vars(filled(*arguments))
    assert all(before[name] == after[name] for name in names)
    assert after.get("to") in {None, "", "Q", before.get("to")}


def test_findings_on_the_file_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    written("conections = 3\n")
    options = filled("verify")
    chosen.fill(options, "https://b.example.org")
    assert capsys.readouterr().err.count("`conections`") == 1
