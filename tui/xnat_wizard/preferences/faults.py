"""What the settings can have that cannot be used, as findings with what may be meant."""

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.preferences.table import SETTINGS, Kind, Setting, plain_name

MOST_NAMED = 12  # of the words there are
LONGEST_SHOWN = 120
KNOWN = tuple(one.name for one in SETTINGS)
TOO_DEEP = "its lists or tables are nested too deeply"
LEAVE_OUT = "Or leave the line out: the usual way is taken"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "Write `next`" for a word that is nearly a known one, else which words there are."""
    known = tuple(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Write `{near[0]}`, if that is meant"
    shown = ", ".join(known[:MOST_NAMED]) + (", and others" if len(known) > MOST_NAMED else "")
    return f"Write one of: {shown}"


def _note(code: str, what: str, why: str, *todo: str) -> Finding:
    return Finding(code, what, why, (*todo, LEAVE_OUT), severity=Severity.NOTE)


def unknown(name: str, known: Iterable[str]) -> Finding:
    """Return that a name means nothing."""
    return _note(
        "settings.unknown",
        f"The settings file has `{name}`, which means nothing here",
        "The line is left out of account",
        did_you_mean(plain_name(name), known),
    )


def only_at_the_top(name: str) -> Finding:
    """Return that a setting stands in a profile that is of no site."""
    return _note(
        "settings.unknown",
        f"The settings file has `{name}` in the profile of a site, where it means nothing",
        "It is a setting of this program, and not of one site",
        "Write the line at the top of the file, above every line in [ ]",
    )


def bad_value(name: str, value: object, setting: Setting) -> Finding:
    """Return that a setting cannot have this value."""
    choices = {Kind.CHOICE: setting.choices, Kind.YES_NO: ("true", "false")}.get(setting.kind)
    return _note(
        "settings.bad_value",
        f"The settings file has `{name} = {_shown(value)}`, which cannot be",
        f"`{name}` can be {setting.may_be}",
        did_you_mean(_shown(value, str), choices) if choices else f"Write {setting.may_be}",
    )


def _shown(value: object, how: Callable[[object], str] = repr) -> str:
    """Return a value as it can be shown; nobody reads a whole one of thousands of signs."""
    try:
        text = how(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "..."
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def bad_variable(setting: Setting, words: str) -> Finding:
    """Return that a variable of the environment has a value that cannot be; `words` is "" where it may be a secret."""
    return Finding(
        "settings.bad_value",
        f"The environment has {setting.variable}{f'={words!r}' if words else ''}, which cannot be",
        f"It can be {setting.may_be}",
        ("Set it to one of these", f"Or leave it out: `unset {setting.variable}`"),
        where=setting.variable,
        severity=Severity.NOTE,
    )


def unknown_variable(name: str, known: Iterable[str]) -> Finding:
    """Return that a variable of the environment means nothing."""
    return Finding(
        "settings.unknown",
        f"The environment has {name}, which means nothing here",
        "No setting is read from it",
        (did_you_mean(name, known), f"Or leave it out: `unset {name}`"),
        where=name,
        severity=Severity.NOTE,
    )


def bad_keys() -> Finding:
    """Return that the table of keys cannot be read."""
    return _note(
        "settings.bad_value",
        "The settings file has keys that cannot be read",
        "`[keys]` holds lines of an action in quotes and a key in quotes",
        'Write them so: `"wizard.next" = "f8"`, below a line `[keys]`',
    )


def bad_profiles() -> Finding:
    """Return that the profiles of sites cannot be read."""
    return _note(
        "settings.bad_value",
        "The settings file has a profile that cannot be read",
        "A profile is a table that bears the address of its site",
        'Write it so: a line `[sites."https://xnat.example.org"]`, and below it lines such as `project = "DEMO"`',
    )


def bad_profile(address: str) -> Finding:
    """Return that a profile bears no address."""
    return _note(
        "settings.bad_value",
        f"The settings file has a profile for `{address}`, which is no address of a site",
        "A profile is found by the address of its site, and by nothing else",
        'Write it so: `[sites."https://xnat.example.org"]`',
    )


def secret(name: str) -> Finding:
    """Return that a password or token stands in the file; what it is, is not said."""
    return Finding(
        "settings.secret",
        f"The settings file has `{name}`, which looks like a password or token",
        "Secrets do not belong in this file: it is copied, shown to others and kept in versions. The line is not used",
        (
            "Take the line out of the file, and change the password if others may have read it",
            "Store a login that expires by itself: `xnat-wizard login`",
        ),
        severity=Severity.STOP,
        shareable="The settings file has a key that looks like a password or token",
    )


def unreadable(path: Path, why: str) -> Finding:
    """Return that the file cannot be read at all."""
    return Finding(
        "settings.unreadable",
        "The settings file cannot be read; the usual settings are taken",
        f"Reading it failed: {why}",
        ("Correct it there", "Or rename it: without it, everything is as usual"),
        where=str(path),
        severity=Severity.NOTE,
    )


def not_kept(path: Path, error: Exception, name: str) -> Finding:
    """Return that a setting could not be written."""
    why = error.strerror if isinstance(error, OSError) else str(error)
    if isinstance(error, RecursionError):
        why = TOO_DEEP
    return Finding(
        "settings.not_kept",
        f"`{name}` will not be remembered: the settings file cannot be changed",
        f"Writing it failed: {why or type(error).__name__}",
        (f"Write it there yourself: a line `{name} = ...`", "Or find what is wrong: `xnat-wizard settings check`"),
        where=str(path),
        severity=Severity.NOTE,
    )


def secret_refused(name: str) -> Finding:
    """Return that a password or token is not taken into the file."""
    return Finding(
        "settings.secret",
        f"`{name}` looks like a password or token, and none is written into the settings file",
        "The file is copied, shown to others and kept in versions",
        (
            "Store a login that expires by itself: `xnat-wizard login`",
            "If it was typed just now, take it out of the history of the shell as well",
        ),
    )


def refused_site(address: str) -> Finding:
    """Return that a profile is found by an address, and that this is none."""
    return Finding(
        "settings.bad_value",
        f"`{address.rpartition('@')[2]}` cannot be the address of a profile",
        "A profile bears the address of its site, without user and password",
        ("Give it so: `--site https://xnat.example.org`",),
    )


def refused_name(name: str, known: Iterable[str] = KNOWN, place: str = "") -> Finding:
    """Return that no setting is called so."""
    return Finding(
        "settings.unknown",
        f"There is no setting `{name}`{f' {place}' if place else ''}",
        "Only settings that this program reads can be set",
        (did_you_mean(plain_name(name), known), "See them all: `xnat-wizard settings --show`"),
    )


def refused_value(setting: Setting, words: str) -> Finding:
    """Return that a setting cannot be set so."""
    choices = {Kind.CHOICE: setting.choices, Kind.YES_NO: ("true", "false")}.get(setting.kind)
    return Finding(
        "settings.bad_value",
        f"`{setting.name}` cannot be `{words}`",
        f"It can be {setting.may_be}",
        (did_you_mean(words, choices) if choices else f"Write {setting.may_be}",),
    )
