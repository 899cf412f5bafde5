"""The settings file: what a person likes, read without ever failing, changed without losing a word of theirs."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_wizard.cli.wizard import PICTURES_VARIABLE, prefer_pictures
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.preferences import Pictures, Preferences, keep_theme, read, settings_file
from xnat_wizard.preferences.writing import with_value


def written(text: str) -> Path:
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_lies_in_the_one_folder_when_that_is_set(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_file() == own_home / "config" / "settings.toml"
    monkeypatch.delenv("XNAT_WIZARD_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own_home / "xdg"))
    assert settings_file().name == "settings.toml"
    assert "xnat-wizard" in str(settings_file())
    assert not settings_file().exists()


def test_without_a_file_everything_is_as_usual() -> None:
    assert read() == (Preferences(), ())


def test_what_the_file_says_is_taken() -> None:
    written('theme = "wizard-light"\nmouse = false\npictures = "ascii"\n[keys]\n"wizard.next" = "f8"\n')
    found, findings = read()
    assert findings == ()
    assert found == Preferences("wizard-light", has_mouse=False, pictures=Pictures.ASCII, keys={"wizard.next": "f8"})


@pytest.mark.parametrize(
    ("line", "code", "todo"),
    [
        ('them = "wizard-light"', "settings.unknown", "Write `theme`, if that is meant"),
        ("colour = 3", "settings.unknown", "Write one of: theme, mouse, pictures, site, user"),
        ('theme = "wizard-lite"', "settings.bad_value", "Write `wizard-light`, if that is meant"),
        ("theme = 7", "settings.bad_value", "Write one of: auto, wizard-dark, wizard-light, wizard-contrast-dark"),
        ('mouse = "no"', "settings.bad_value", "Write one of: true, false"),
        ('pictures = "block"', "settings.bad_value", "Write `blocks`, if that is meant"),
        ("keys = 3", "settings.bad_value", 'Write them so: `"wizard.next" = "f8"`, below a line `[keys]`'),
        ('[keys]\n"wizard.next" = 8', "settings.bad_value", ""),
    ],
)
def test_what_cannot_be_used_is_told_with_what_is_meant(line: str, code: str, todo: str) -> None:
    path = written(f"mouse = true\n{line}\n" if not line.startswith("mouse") else f"{line}\n")
    found, findings = read()
    assert found == Preferences()
    assert [finding.code for finding in findings] == [code]
    assert findings[0].todo[0].startswith(todo)
    place, _, number = findings[0].where.rpartition(":")
    assert place == str(path)
    assert (
        path.read_text("utf-8").splitlines()[int(number) - 1].partition(" ")[0] == line.partition(" ")[0].split("\n")[0]
    )
    assert findings[0].severity is Severity.NOTE


@pytest.mark.parametrize("content", [b"theme = ", b"\xff\xfe", b"theme = \x00"])
def test_a_file_that_is_none_is_told_and_nothing_fails(content: bytes) -> None:
    written("").write_bytes(content)
    found, findings = read()
    assert found == Preferences()
    assert [finding.code for finding in findings] == ["settings.unreadable"]


def test_a_folder_in_its_place_is_told() -> None:
    settings_file().mkdir(parents=True)
    assert [finding.code for finding in read()[1]] == ["settings.unreadable"]


def test_a_theme_is_kept_and_every_other_word_stays() -> None:
    before = '# mine\r\nmouse = false # no mouse\r\n theme = "wizard-dark"   # calm\r\n[keys]\r\n"a.b" = "f8"\r\n'
    path = written("")
    path.write_bytes(before.encode())
    path.chmod(0o640)
    assert keep_theme("wizard-light") == path
    assert path.read_bytes().decode() == before.replace("wizard-dark", "wizard-light")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


def test_a_first_theme_makes_the_file_for_its_owner_only() -> None:
    path = keep_theme("wizard-light")
    assert read()[0].theme == "wizard-light"
    assert path.stat().st_mode & 0o077 == 0


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_text("mouse = false\n", encoding="utf-8")
    settings_file().parent.mkdir(parents=True)
    settings_file().symlink_to(target)
    keep_theme("wizard-light")
    assert settings_file().is_symlink()
    assert target.read_text(encoding="utf-8") == 'mouse = false\ntheme = "wizard-light"\n'


@pytest.mark.parametrize("text", ["theme = ", "[theme]\nname = 3\n", '[[theme]]\nname = "wizard-dark"\n'])
def test_a_file_that_cannot_be_changed_safely_is_left_as_it_is(text: str) -> None:
    path = written(text)
    with pytest.raises(Problem) as told:
        keep_theme("wizard-light")
    assert told.value.finding.code == "settings.not_kept"
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.skipif(os.geteuid() == 0, reason="an administrator may write anywhere")
def test_a_folder_that_cannot_be_written_is_told() -> None:
    path = written("mouse = true\n")
    path.parent.chmod(0o500)
    with pytest.raises(Problem):
        keep_theme("wizard-light")
    path.parent.chmod(0o700)


def test_how_pictures_are_drawn_is_passed_on_unless_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from xnat_wizard.wizard.widgets.graphics import VARIABLE

    assert PICTURES_VARIABLE == VARIABLE
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    prefer_pictures(Preferences())
    assert VARIABLE not in os.environ
    prefer_pictures(Preferences(pictures=Pictures.ASCII))
    assert os.environ[VARIABLE] == "ascii"
    prefer_pictures(Preferences(pictures=Pictures.BLOCKS))
    assert os.environ[VARIABLE] == "ascii"


LINES = st.lists(
    st.sampled_from(
        [
            "# a word",
            "mouse = false",
            "theme = 'wizard-dark' # why",
            'theme="auto"',
            "[keys]",
            '"wizard.next" = "f8"',
            "theme = 'not mine'",
            'pictures = """\ntheme = "x"\n"""',
        ]
    ),
    max_size=6,
)


@settings(deadline=None)
@given(LINES)
def test_only_the_theme_changes_or_nothing_does(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    try:
        after = with_value(text, ("theme",), "wizard-light")
    except ValueError:
        return
    assert tomllib.loads(after) == {**before, "theme": "wizard-light"}
    kept = [line for line in after.splitlines() if line and "theme" not in line]  # a table may get an empty line before
    assert kept == [line for line in text.splitlines() if line and "theme" not in line]


def test_what_the_readme_shows_is_a_settings_file_without_a_fault() -> None:
    from xnat_wizard.wizard import app, keymap, theme

    assert app
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    lines = readme.split("## Settings", 1)[1].split("\n## ", 1)[0].splitlines()
    example = "\n".join(line[4:] for line in lines if line.startswith("    ") or not line)
    path = written(example)
    found, findings = read()
    assert findings == ()
    assert found.keys
    assert keymap.usable(found.keys, str(path))[1] == ()
    for name in (*theme.NAMES, *Pictures):
        assert name in example, name
