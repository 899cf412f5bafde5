"""What a person likes: theme, mouse, pictures, keys. One small TOML file that they may edit by hand.

    theme = "wizard-light"
    mouse = false
    pictures = "ascii"

    [keys]
    "wizard.next" = "f8"

Reading never fails: what cannot be used is a finding, and the usual way is taken. Writing changes the one line that
was asked for, so that comments and order of a hand-edited file stay.
"""

import contextlib
import difflib
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.settings import APP, HOME_VARIABLE

FILE_NAME = "settings.toml"
AUTO = "auto"
MOST_NAMED = 12  # of the words there are
TABLE_LINE = re.compile(r"^\s*\[", re.MULTILINE)


class Pictures(StrEnum):
    """How images are drawn in a terminal."""

    AUTO = "auto"
    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the file says, or the usual."""

    theme: str = AUTO  # by the terminal's colours
    has_mouse: bool = True
    pictures: Pictures = Pictures.AUTO
    keys: Mapping[str, str] = field(default_factory=dict)  # binding id -> keys, as the file has them: not checked


def settings_file() -> Path:
    """Return the path of the file; it need not be there."""
    home = os.environ.get(HOME_VARIABLE)
    return (Path(home) / "config" if home else Path(platformdirs.user_config_dir(APP))) / FILE_NAME


def read(themes: Iterable[str]) -> tuple[Preferences, tuple[Finding, ...]]:
    """Read the file; what it has that cannot be used is told and left out. No file is no finding.

    Args:
        themes: the names of the themes there are.
    """
    path = settings_file()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences(), ()
    except OSError as error:
        return Preferences(), (_unreadable(path, error.strerror or type(error).__name__),)
    except ValueError as error:  # no UTF-8, or no TOML: it names the line
        return Preferences(), (_unreadable(path, str(error)),)
    found = Preferences()
    findings = []
    for name, value in table.items():
        try:
            found = _with(found, name, value, tuple(themes))
        except _Unusable as error:
            findings.append(replace(error.finding, where=str(path)))
    return found, tuple(findings)


class _Unusable(Exception):  # noqa: N818  as Problem: it carries the finding
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


def _with(found: Preferences, name: str, value: Any, themes: tuple[str, ...]) -> Preferences:
    match name, value:
        case "theme", str() if value in {AUTO, *themes}:
            return replace(found, theme=value)
        case "theme", _:
            raise _Unusable(_bad_value(name, value, (AUTO, *themes)))
        case "mouse", bool():
            return replace(found, has_mouse=value)
        case "mouse", _:
            raise _Unusable(_bad_value(name, value, ("true", "false")))
        case "pictures", str() if value in set(Pictures):
            return replace(found, pictures=Pictures(value))
        case "pictures", _:
            raise _Unusable(_bad_value(name, value, tuple(Pictures)))
        case "keys", dict() if all(isinstance(key, str) for key in value.values()):
            return replace(found, keys=dict(value))
        case "keys", _:
            raise _Unusable(_bad_keys())
        case _:
            raise _Unusable(_unknown(name))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "Write `next`" for a word that is nearly a known one, else which words there are."""
    known = tuple(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Write `{near[0]}`, if that is meant"
    shown = ", ".join(known[:MOST_NAMED]) + (", and others" if len(known) > MOST_NAMED else "")
    return f"Write one of: {shown}"


def _finding(code: str, what: str, why: str, *todo: str) -> Finding:
    return Finding(code, what, why, (*todo, "Or leave the line out: the usual way is taken"), severity=Severity.NOTE)


def _unknown(name: str) -> Finding:
    return _finding(
        "settings.unknown",
        f"The settings file has `{name}`, which means nothing here",
        "The line is left out of account",
        did_you_mean(name, ("theme", "mouse", "pictures", "keys")),
    )


def _bad_value(name: str, value: object, known: tuple[str, ...]) -> Finding:
    return _finding(
        "settings.bad_value",
        f"The settings file has `{name} = {value!r}`, which cannot be",
        f"`{name}` can be {', '.join(known)}",
        did_you_mean(str(value), known),
    )


def _bad_keys() -> Finding:
    return _finding(
        "settings.bad_value",
        "The settings file has keys that cannot be read",
        "`[keys]` holds lines of an action in quotes and a key in quotes",
        'Write them so: `"wizard.next" = "f8"`, below a line `[keys]`',
    )


def _unreadable(path: Path, why: str) -> Finding:
    return Finding(
        "settings.unreadable",
        "The settings file cannot be read; the usual settings are taken",
        f"Reading it failed: {why}",
        ("Correct it there", "Or rename it: without it, everything is as usual"),
        where=str(path),
        severity=Severity.NOTE,
    )


# -- writing -------------------------------------------------------------------------------------------------------


def keep_theme(theme: str) -> Path:
    """Write the theme into the file, as the one line that changes; returns the path.

    Raises:
        Problem: `settings.not_kept` when it cannot be written, or when the file is one that cannot be changed safely.
    """
    path = settings_file()
    try:
        before = path.read_bytes().decode() if path.exists() else ""
        after = with_theme(before, theme)
        _replace(Path(os.path.realpath(path)), after)  # a link, as people who keep such files elsewhere have, stays one
    except (OSError, ValueError) as error:
        raise Problem(_not_kept(path, error)) from error
    return path


def with_theme(text: str, theme: str) -> str:
    """Return the text of a settings file with another theme; every other line stays as it is.

    Raises:
        ValueError: it is no TOML, or the line cannot be told from others.
    """
    wanted = {**tomllib.loads(text), "theme": theme}
    table = TABLE_LINE.search(text)
    end = table.start() if table else len(text)
    top, rest = text[:end], text[end:]
    line = re.compile(r"""^([ \t]*(?:theme|"theme"|'theme')[ \t]*=[ \t]*)("[^"\n]*"|'[^'\n]*')""", re.MULTILINE)
    if line.search(top):
        changed = line.sub(lambda found: f'{found[1]}"{theme}"', top, count=1) + rest
    else:
        changed = f'theme = "{theme}"\n{text}'
    if tomllib.loads(changed) != wanted:
        raise ValueError("the line with the theme cannot be told from others")
    return changed


def _replace(path: Path, text: str) -> None:
    """Put a whole new file into the place of the old one; whoever reads sees the one or the other."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as target:  # noqa: PTH123  a descriptor has no path
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _not_kept(path: Path, error: Exception) -> Finding:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Finding(
        "settings.not_kept",
        "The theme is on for now, and will not be remembered",
        f"Writing it into the settings file failed: {why or type(error).__name__}",
        ("Write it there yourself: a line `theme = ...` at the top",),
        where=str(path),
        severity=Severity.NOTE,
    )
