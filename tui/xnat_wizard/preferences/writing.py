"""Changes the settings file without losing a word of its owner's: comments, order and every other line stay.

`tomlkit` edits; `tomllib` reads the result back before it takes the place of the old file.
"""

import contextlib
import os
import stat
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xnat_wizard.findings import Problem
from xnat_wizard.preferences import faults
from xnat_wizard.preferences.reading import settings_file
from xnat_wizard.preferences.table import Plain, plain_name

Place = tuple[str, ...]  # the tables, then the name


def keep(place: Place, value: Plain) -> Path:
    """Write one setting into the file; returns the path of the file.

    Raises:
        Problem: `settings.not_kept` when it cannot be written, or when the file is one that cannot be changed safely.
    """
    return _change(place, lambda text: with_value(text, place, value))


def drop(place: Place) -> bool:
    """Take one setting out of the file; tell whether it was there.

    Raises:
        Problem: as `keep`.
    """
    path = settings_file()
    try:
        text = path.read_bytes().decode() if path.exists() else ""
        has_it = _written_name(tomllib.loads(text), place) is not None
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(faults.not_kept(path, error, place[-1])) from error
    if has_it:
        _change(place, lambda before: without(before, place))
    return has_it


def with_value(text: str, place: Place, value: Plain) -> str:
    """Return the text of a settings file with another value; every other line stays as it is.

    Raises:
        ValueError: it is no TOML, or the change would change something else.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = tomllib.loads(text)
    name = _written_name(wanted, place) or place[-1]
    try:
        document: Any = tomlkit.parse(text)
        inner, table = wanted, document
        for part in place[:-1]:
            if part not in table:
                is_outer = part != place[-2]
                table[part] = tomlkit.table(is_super_table=is_outer)
                inner[part] = {}
            table, inner = table[part], inner[part]
        has_a_table = isinstance(inner.get(name), dict | list)
        table[name] = value
    except (TOMLKitError, TypeError, AttributeError) as error:
        raise ValueError("the file has something else in its place") from error
    if has_a_table:
        raise ValueError("the file has a table in its place")
    inner[name] = value
    return _checked(tomlkit.dumps(document), wanted)


def without(text: str, place: Place) -> str:
    """Return the text of a settings file without a setting; every other line stays as it is.

    Raises:
        ValueError: as `with_value`.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = tomllib.loads(text)
    name = _written_name(wanted, place)
    if name is None:
        return text
    try:
        document: Any = tomlkit.parse(text)
        inner, table = wanted, document
        for part in place[:-1]:
            table, inner = table[part], inner[part]
        table.remove(name)
    except (TOMLKitError, TypeError, AttributeError, KeyError) as error:
        raise ValueError("the line cannot be told from others") from error
    del inner[name]
    return _checked(tomlkit.dumps(document), wanted)


def _written_name(table: dict[str, Any], place: Place) -> str | None:
    """Return how a setting is written in the file: `limit_rate` may be `limit-rate` there; None where it is not."""
    found: Any = table
    for part in place[:-1]:
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    return next((name for name in found if name == place[-1] or plain_name(name) == place[-1]), None)


def _checked(text: str, wanted: dict[str, Any]) -> str:
    if tomllib.loads(text) != wanted:
        raise ValueError("the line cannot be told from others")
    return text


def _change(place: Place, edit: Callable[[str], str]) -> Path:
    path = settings_file()
    try:
        before = path.read_bytes().decode() if path.exists() else ""
        _replace(Path(os.path.realpath(path)), edit(before))  # a link, as people who keep such files elsewhere have it
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(faults.not_kept(path, error, place[-1])) from error
    return path


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
