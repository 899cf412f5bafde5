"""Settings files that nobody writes on purpose: each is told, none ends the program, and a change loses no word."""

from pathlib import Path

import pytest

from xnat_wizard.findings import Problem
from xnat_wizard.preferences import faults, read_file, resolve, settings_file
from xnat_wizard.preferences.reading import line_of, unknown_variables
from xnat_wizard.preferences.table import SETTINGS, SITES, Kind, rate_bytes_s, setting_of
from xnat_wizard.preferences.writing import drop, keep, with_value, without

DEEP = "mouse = true\nx = " + "[" * 5000 + "]" * 5000 + "\n"


def written(text: str) -> Path:
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["connections", "limit_rate", "mouse", "theme", "user", "site", "receiver"])
def test_a_number_of_thousands_of_digits_is_told_and_not_shown(name: str) -> None:
    written(f"{name} = 0x{'f' * 6000}\n")
    (finding,) = read_file().findings
    assert finding.code == "settings.bad_value"
    assert len(finding.what) < 200


@pytest.mark.parametrize("words", ["9" * 400, "9" * 400 + "G", "9" * 305 + "g"])
def test_a_rate_beyond_all_numbers_is_none(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rate_bytes_s(words) is None
    written(f'limit_rate = "{words}"\n')
    monkeypatch.setenv("XNAT_WIZARD_LIMIT_RATE", words)
    found = resolve()
    assert [one.code for one in found.findings] == ["settings.bad_value", "settings.bad_value"]
    assert found["limit_rate"] == "0"


def test_a_long_value_is_told_shortened() -> None:
    written(f'theme = "{"a" * 100_000}"\n')
    (finding,) = read_file().findings
    assert len(finding.as_text()) < 2000


def test_a_file_that_is_nested_too_deeply_is_told_by_whoever_reads_or_changes_it() -> None:
    path = written(DEEP)
    (finding,) = read_file().findings
    assert finding.code == "settings.unreadable"
    assert "too deeply" in finding.why
    for act in (lambda: keep(("mouse",), value=False), lambda: drop(("mouse",))):
        with pytest.raises(Problem) as told:
            act()
        assert told.value.finding.code == "settings.not_kept"
        assert "too deeply" in told.value.finding.why
    assert path.read_text("utf-8") == DEEP


def test_a_folder_in_the_place_of_the_file_is_told_by_whoever_changes_it() -> None:
    settings_file().mkdir(parents=True)
    for act in (lambda: keep(("mouse",), value=False), lambda: drop(("mouse",))):
        with pytest.raises(Problem) as told:
            act()
        assert told.value.finding.code == "settings.not_kept"
    assert list(settings_file().parent.iterdir()) == [settings_file()]  # and nothing is left beside it


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sites = 'https://x.org'\n", (SITES, "https://x.org", "user")),
        ("sites = 5\n", (SITES, "https://x.org", "user")),
        ("[[sites]]\nuser = 'a'\n", (SITES, "https://x.org", "user")),
        ("[user]\na = 1\n", ("user",)),
        ("[[user]]\na = 1\n", ("user",)),
    ],
)
def test_what_stands_in_the_place_of_a_setting_is_not_overwritten(text: str, place: tuple[str, ...]) -> None:
    path = written(text)
    with pytest.raises(Problem) as told:
        keep(place, "anna")
    assert told.value.finding.code == "settings.not_kept"
    assert path.read_text("utf-8") == text
    if len(place) > 1:
        assert not drop(place)


def test_a_file_without_a_setting_stays_as_it_is() -> None:
    assert without("# mine\n", ("theme",)) == "# mine\n"


@pytest.mark.parametrize("text", ["sites.'https://x.org'.user = 'a'\n", "[sites.'https://x.org']\nuser = 'a' # mine\n"])
def test_a_setting_of_a_profile_is_changed_however_it_is_written(text: str) -> None:
    place = (SITES, "https://x.org", "user")
    assert with_value(text, place, "ben") == text.replace("'a'", '"ben"')


@pytest.mark.parametrize("count", [2001, 5000])
def test_a_fault_in_a_file_of_thousands_of_lines_is_told_without_its_line(count: int) -> None:
    path = written("# a line\n" * count + "colour = 3\n")
    (finding,) = read_file().findings
    assert finding.where == str(path)


def test_a_key_that_is_not_there_has_no_line() -> None:
    assert line_of("a = 1\n[b]\nc = 2\n", ("a", "b")) is None
    assert line_of('a = """\nb\n"""\nc = 1\n', ("c",)) == 4


@pytest.mark.parametrize("key", ["[sites.'http://[']\nuser = 'a'", "[sites.'https://a:b@[']\nuser = 'a'"])
def test_a_profile_for_half_an_address_is_told_without_what_may_be_a_password(key: str) -> None:
    written(key + "\n")
    (finding,) = read_file().findings
    assert finding.code == "settings.bad_value"
    assert "a:b" not in finding.as_text()


def test_every_kind_of_setting_says_what_it_may_be() -> None:
    said = {setting.kind: setting.may_be for setting in SETTINGS}
    assert set(said) == set(Kind)
    assert all(said.values())
    for setting in SETTINGS:
        told = faults.refused_value(setting, "\x00")
        assert setting.may_be in told.why or setting.choices
        assert told.todo[0].startswith("Write ")


def test_a_path_in_the_file_is_meant_from_its_folder_and_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    path = written("ca_file = 'site.pem'\n")
    assert resolve().text("ca_file") == str(path.parent / "site.pem")
    written("ca_file = '~/site.pem'\n")
    assert resolve().text("ca_file") == "/home/anna/site.pem"


def test_where_a_value_comes_from_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    written("connections = 4\n[sites.'https://x.org']\nproject = 'A'\n")
    monkeypatch.setenv("XNAT_WIZARD_MOUSE", "no")
    found = resolve("https://x.org", {"user": ("--user", "anna")})
    words = {name: found.origin_words(name) for name in ("connections", "project", "mouse", "user", "theme")}
    assert words == {
        "connections": "settings.toml line 1",
        "project": "settings.toml line 3",
        "mouse": "environment XNAT_WIZARD_MOUSE",
        "user": "option --user",
        "theme": "default",
    }
    assert (found.number("connections"), found["mouse"], found.text("user")) == (4, False, "anna")


@pytest.mark.parametrize(("words", "is_shown"), [("https://anna:geheim7@x.org", False), ("two words", True)])
def test_a_bad_variable_is_shown_unless_a_password_may_be_in_it(
    words: str, *, is_shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XNAT_HOST", words)
    (finding,) = resolve().findings
    assert (repr(words) in finding.what) is is_shown
    assert ("geheim7" in finding.as_text()) is False


def test_a_variable_that_looks_like_one_of_ours_is_told_with_the_one_that_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XNAT_WIZARD_CONECTIONS", "3")
    (finding,) = unknown_variables()
    assert finding.todo[0] == "Write `XNAT_WIZARD_CONNECTIONS`, if that is meant"


def test_an_option_is_a_setting_only_of_its_commands() -> None:
    found = {command: setting_of("--to", command) for command in ("send", "plan", "logout", "settings set", "check")}
    assert {command for command, setting in found.items() if setting is not None} == {"send", "plan"}
    resource = setting_of("--project", "resource put")
    assert resource is not None
    assert resource.name == "project"
    assert setting_of("--site", "logout") is None


def test_a_file_that_only_its_owner_may_read_stays_so_when_it_changes() -> None:
    path = written("mouse = true\n")
    path.chmod(0o640)
    keep(("mouse",), value=False)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("mouse = true\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Problem) as told:
        keep(("mouse",), value=False)
    assert "No space left on device" in told.value.finding.why
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.read_text("utf-8") == "mouse = true\n"
