"""The table of settings: what weighs more, what a profile says of its site, what is told, and what is written."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from test_preferences import written
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.preferences import SETTINGS, Kind, Origin, Pictures, Setting, read_file, resolve
from xnat_wizard.preferences.reading import line_of, looks_secret, unknown_variables
from xnat_wizard.preferences.table import BY_NAME, SITES, THEMES, rate_bytes_s
from xnat_wizard.preferences.writing import drop, keep, with_value, without
from xnat_wizard.upload.model import Compression, Destination, Options, Route
from xnat_wizard.upload.throttle import parse_rate

SITE = "https://xnat.example.org"
FILE = f"""\
# mine
connections = 5   # the line is thin
limit-rate = "2M"
project = "GENERAL"

[sites."{SITE}"]
user = "anna"
project = "DEMO"
ca_file = "~/ca.pem"
connections = 3

[sites."{SITE}/second"]
project = "SECOND"
"""


def test_the_table_is_what_the_program_knows() -> None:
    from xnat_wizard.wizard.theme import NAMES

    assert set(THEMES) == set(NAMES)
    assert set(BY_NAME["pictures"].choices) == set(Pictures)
    assert set(BY_NAME["destination"].choices) == set(Destination)
    assert set(BY_NAME["route"].choices) == set(Route)
    assert set(BY_NAME["compression"].choices) == set(Compression)
    usual = Options()
    assert resolve()["connections"] == usual.most_connections
    assert resolve()["compression"] == usual.compression
    assert parse_rate(resolve().text("limit_rate")) == usual.limit_bytes_s


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_every_setting_is_explained_and_its_default_can_be_written(setting: Setting) -> None:
    assert setting.words.endswith(".")
    assert setting.may_be
    assert setting.read(setting.default) == setting.default
    assert not looks_secret(setting.name)
    assert setting.kind is not Kind.CHOICE or setting.default in setting.choices


def test_without_anything_the_default_holds_and_says_so() -> None:
    found = resolve(SITE)
    assert (found["connections"], found.origin_words("connections")) == (8, "default")
    assert not found.is_said("connections")
    assert found.findings == ()


def test_an_option_weighs_more_than_the_environment_than_the_profile_than_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written(FILE)
    elsewhere = resolve("https://other.example.org")
    assert (elsewhere["connections"], elsewhere.origin_words("connections")) == (5, "settings.toml line 2")
    here = resolve(SITE)
    assert (here["connections"], here.origin_words("connections")) == (3, "settings.toml line 10")
    monkeypatch.setenv("XNAT_WIZARD_CONNECTIONS", "6")
    assert resolve(SITE).origin_words("connections") == "environment XNAT_WIZARD_CONNECTIONS"
    assert resolve(SITE)["connections"] == 6
    said = resolve(SITE, {"connections": ("--connections", 7)})
    assert (said["connections"], said.origin_words("connections")) == (7, "option --connections")
    assert said.values["connections"].origin is Origin.OPTION


def test_what_one_profile_does_not_say_the_file_says() -> None:
    written(FILE)
    found = resolve(SITE)
    assert found["limit_rate"] == "2M"
    assert found.origin_words("limit_rate") == "settings.toml line 3"
    assert found["ca_file"] == str(Path("~/ca.pem").expanduser())


@pytest.mark.parametrize(
    ("address", "project"),
    [
        ("xnat.example.org", "DEMO"),  # what is not said fits any
        ("https://xnat.example.org", "DEMO"),
        ("https://xnat.example.org/", "DEMO"),
        ("https://xnat.example.org/second", "SECOND"),
        ("http://xnat.example.org", "GENERAL"),  # another scheme is another site
        ("https://xnat.example.com", "GENERAL"),
        ("", "GENERAL"),
    ],
)
def test_a_profile_is_found_by_the_address_of_its_site(address: str, project: str) -> None:
    written(FILE)
    assert resolve(address)["project"] == project


def test_the_site_of_the_settings_has_its_profile_used() -> None:
    written(f'site = "{SITE}"\n{FILE}')
    assert resolve()["user"] == "anna"


def test_a_user_of_the_environment_is_the_user_of_that_site(monkeypatch: pytest.MonkeyPatch) -> None:
    written(FILE)
    monkeypatch.setenv("XNAT_USER", "otto")
    assert resolve(SITE)["user"] == "otto"
    monkeypatch.setenv("XNAT_HOST", "https://other.example.org")
    assert resolve(SITE)["user"] == "anna"
    assert resolve("https://third.example.org")["user"] == ""
    assert resolve()["user"] == "otto"


@pytest.mark.parametrize(
    ("text", "code", "severity", "todo"),
    [
        ("conections = 3", "settings.unknown", Severity.NOTE, "Write `connections`, if that is meant"),
        ("connections = 13", "settings.bad_value", Severity.NOTE, "Write 1 to 12"),
        ("connections = true", "settings.bad_value", Severity.NOTE, "Write 1 to 12"),
        ('limit_rate = "fast"', "settings.bad_value", Severity.NOTE, "Write bytes a second"),
        ('destination = "archiv"', "settings.bad_value", Severity.NOTE, "Write `archive`, if that is meant"),
        ('receiver = "xnat.example.org"', "settings.bad_value", Severity.NOTE, "Write HOST:PORT"),
        ('site = "two words"', "settings.bad_value", Severity.NOTE, "Write an address"),
        ("sites = 3", "settings.bad_value", Severity.NOTE, "Write it so"),
        ('[sites]\n"ftp://x" = 3', "settings.bad_value", Severity.NOTE, "Write it so"),
        (f'[sites]\n"{SITE}" = 3', "settings.bad_value", Severity.NOTE, "Write it so"),
        (f'[sites."{SITE}"]\ntheme = "auto"', "settings.unknown", Severity.NOTE, "Write the line at the top"),
        (f'[sites."{SITE}"]\nprojekt = "A"', "settings.unknown", Severity.NOTE, "Write `project`, if that is meant"),
        ('password = "geheim7"', "settings.secret", Severity.STOP, "Take the line out"),
        (f'[sites."{SITE}"]\napi-token = "geheim7"', "settings.secret", Severity.STOP, "Take the line out"),
        ('site = "https://anna:geheim7@xnat.example.org"', "settings.secret", Severity.STOP, "Take the line out"),
        ('[sites."https://anna:geheim7@x.org"]\nuser = "a"', "settings.secret", Severity.STOP, "Take the line out"),
    ],
)
def test_what_cannot_be_used_is_told_and_everything_else_holds(
    text: str, code: str, severity: Severity, todo: str
) -> None:
    path = written(f'pictures = "ascii"\n{text}\n')
    found = resolve(SITE)
    assert [one.code for one in found.findings] == [code]
    (finding,) = found.findings
    assert finding.severity is severity
    assert finding.todo[0].startswith(todo)
    assert finding.where.startswith(f"{path}:")
    assert "geheim7" not in finding.as_text() + repr(finding)
    assert found["pictures"] == "ascii"
    assert {name for name in found.values if found.is_said(name)} == {"pictures"}


def test_a_bad_variable_is_told_and_the_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    written(FILE)
    monkeypatch.setenv("XNAT_WIZARD_CONNECTIONS", "many")
    found = resolve(SITE)
    assert found["connections"] == 3
    assert [(one.code, one.where) for one in found.findings] == [("settings.bad_value", "XNAT_WIZARD_CONNECTIONS")]
    monkeypatch.setenv("XNAT_HOST", "https://anna:geheim7@x.org")
    assert all("geheim7" not in one.as_text() for one in resolve().findings)


def test_a_variable_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unknown_variables() == ()
    monkeypatch.setenv("XNAT_WIZARD_CONECTIONS", "3")
    assert [one.todo[0] for one in unknown_variables()] == ["Write `XNAT_WIZARD_CONNECTIONS`, if that is meant"]


@pytest.mark.parametrize("words", ["no", "FALSE", "off", "0"])
def test_yes_and_no_are_said_in_words(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_WIZARD_MOUSE", words)
    assert resolve()["mouse"] is False


def test_the_line_of_a_value_is_found_whatever_stands_before_it() -> None:
    text = 'a = """\nb = 1\n"""\n\n# b = 2\n[sites."x y"]\n"b" = [\n 1,\n]\nc.d = 4\n'
    assert line_of(text, ("a",)) == 3
    assert line_of(text, ("b",)) is None
    assert line_of(text, (SITES, "x y", "b")) == 9
    assert line_of(text, (SITES, "x y", "c", "d")) == 10


# -- writing -------------------------------------------------------------------------------------------------------


def test_one_value_of_a_profile_is_changed_and_no_other_word() -> None:
    path = written(FILE)
    keep((SITES, SITE, "connections"), 9)
    assert path.read_text("utf-8") == FILE.replace("connections = 3", "connections = 9")
    keep(("limit_rate",), "4M")
    assert path.read_text("utf-8") == FILE.replace("connections = 3", "connections = 9").replace('"2M"', '"4M"')


def test_a_first_value_of_a_new_profile_makes_the_profile() -> None:
    keep(("theme",), "wizard-dark")
    keep((SITES, SITE, "project"), "DEMO")
    keep((SITES, "https://two.example.org", "project"), "TWO")
    keep(("mouse",), value=False)
    file = read_file()
    assert file.findings == ()
    assert file.sites == {SITE: {"project": "DEMO"}, "https://two.example.org": {"project": "TWO"}}
    assert file.general == {"theme": "wizard-dark", "mouse": False}


def test_a_value_is_taken_out_and_no_other_word() -> None:
    path = written(FILE)
    assert drop(("limit_rate",))
    assert drop((SITES, SITE, "user"))
    assert not drop((SITES, "https://nobody.example.org", "user"))
    assert not drop(("theme",))
    assert path.read_text("utf-8") == FILE.replace('limit-rate = "2M"\n', "").replace('user = "anna"\n', "")


def test_a_file_that_is_none_is_not_changed() -> None:
    path = written("theme = ")
    with pytest.raises(Problem) as told:
        drop(("theme",))
    assert told.value.finding.code == "settings.not_kept"
    assert path.read_text("utf-8") == "theme = "


TEXTS = st.lists(
    st.sampled_from(
        [
            "# a word",
            "mouse = false",
            "connections = 4 # why",
            "limit-rate = '1M'",
            "[keys]",
            '"wizard.next" = "f8"',
            f"[sites.'{SITE}']",
            f'sites."{SITE}".project = "A"',
            "[sites]",
            'user = """\nconnections = 7\n"""',
            "project = 'P'",
        ]
    ),
    max_size=8,
)
PLACES = st.sampled_from([("connections",), ("limit_rate",), (SITES, SITE, "project"), (SITES, SITE, "connections")])


@settings(deadline=None)
@given(TEXTS, PLACES)
def test_a_change_changes_that_and_nothing_else_or_is_refused(lines: list[str], place: tuple[str, ...]) -> None:
    text = "\n".join(lines) + "\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    try:
        after = with_value(text, place, 2)
        gone = without(after, place)
    except ValueError:
        return
    comments = [line for line in lines if line.startswith("#")]
    assert [line for line in after.splitlines() if line.startswith("#")] == comments
    assert apart_from(place, after) == apart_from(place, gone) == apart_from(place, text)


def apart_from(place: tuple[str, ...], text: str) -> dict[str, Any]:
    """Return what a file says beside one setting; a profile that says nothing else counts as none."""
    table: dict[str, Any] = tomllib.loads(text)
    inner = table
    for part in place[:-1]:
        inner = inner.get(part, {})
    for name in (place[-1], place[-1].replace("_", "-")):
        inner.pop(name, None)
    sites = {address: profile for address, profile in table.pop(SITES, {}).items() if profile}
    return {**table, SITES: sites}


@settings(deadline=None)
@given(st.from_regex(r"\A\d{1,6}(\.\d{1,3})? ?[kKmMgG]?(b|B|/s|B/s)?\Z"))
def test_a_limit_is_read_in_one_way(text: str) -> None:
    rate = rate_bytes_s(text)
    assert rate is None or rate == 0 or rate >= 1000
    if rate is None:
        with pytest.raises(Problem):
            parse_rate(text)
    else:
        assert parse_rate(text) == rate
