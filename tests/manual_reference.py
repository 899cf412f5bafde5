"""What the manual says of options, settings, keys and checks, read from the program."""

import argparse
import re
import textwrap
from collections.abc import Iterator

from xnat_wizard.cli import parser_for

_WIDTH = 110


def option_lines(command: str) -> Iterator[str]:
    """Yield the arguments and options of a command and of its own commands; of the program itself for ""."""
    parser = parser_for(command)
    if not command:
        yield from _arguments(parser)
        return
    yield from _whole(_below(parser)[command])


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands below a parser."""
    return _below(parser)


def option_strings(command: str) -> Iterator[str]:
    """Yield every option of a command and of its own commands."""
    parser = parser_for(command)
    yield from _strings(_below(parser)[command] if command else parser, is_deep=bool(command))


def _strings(parser: argparse.ArgumentParser, *, is_deep: bool) -> Iterator[str]:
    for action in parser._actions:
        if action.help != argparse.SUPPRESS:
            yield from action.option_strings
    if is_deep:
        for below in _below(parser).values():
            yield from _strings(below, is_deep=True)


def _below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _whole(parser: argparse.ArgumentParser) -> Iterator[str]:
    below = _below(parser)
    if not below:
        yield from _arguments(parser)
        return
    yield from _arguments(parser)
    for name, inner in below.items():
        yield ""
        yield f"### {parser.prog.removeprefix('xnat-wizard ')} {name}"
        yield ""
        yield from _whole(inner)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    yield "```text"
    yield from textwrap.wrap(usage, 78, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
    yield "```"
    yield ""
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
            continue
        yield _item(f"{_names(action)}: {_words(action)}")


def _names(action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter("xnat-wizard")
    if not action.option_strings:
        return f"`{action.dest}`" if not action.choices else f"`{action.dest}` ({', '.join(map(str, action.choices))})"
    value = "" if action.nargs == 0 else " " + formatter._format_args(action, action.dest.upper())
    return ", ".join(f"`{name}{value}`" for name in action.option_strings)


def _words(action: argparse.Action) -> str:
    words = " ".join((action.help or "").split())
    if "-h" in action.option_strings:
        words = "show the options and end"
    return re.sub(r"%\((\w+)\)s", lambda found: str(getattr(action, found[1], "")), words).replace("%%", "%")


def _item(text: str) -> str:
    return textwrap.fill(f"- {text}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


# -- keys --------------------------------------------------------------------------------------------------------------

_ROOM_NAMES = {
    "wizard": "In every step",
    "over": "In dialogs with help",
    "button": "On the line of buttons",
    "rows": "In lists",
    "confirm": "Where a yes or no is asked",
    "problem": "Where a problem is shown",
    "lines": "Where a long text is shown",
    "helptext": "In the help of a dialog",
    "manual": "In the manual",
    "pick": "Where one of several is asked for",
    "ask": "In the question of troubleshoot",
    "copied": "After copying",
    "viewer": "Looking at images",
    "picture": "Looking at a large picture",
    "save": "Saving a plan",
    "series": "Series of a session in the plan",
    "labels": "Editing labels",
    "relabel": "Labels by a rule",
    "listing": "In lists over a step",
    "path": "Where a path is typed",
    "session": "A session of the prearchive",
    "speed": "The speed of an upload",
    "privacy": "Patient details",
    "found": "What troubleshoot has found",
}


def bindings_by_room() -> dict[str, dict[str, tuple[list[str], str]]]:
    """Return every action that has an id: by room, its keys and what it does."""
    from xnat_wizard.wizard import keymap
    from xnat_wizard.wizard.widgets.helping import key_words

    keymap._load_all()
    import xnat_wizard.wizard.app  # noqa: F401  its keys are loaded with it

    rooms: dict[str, dict[str, tuple[list[str], str]]] = {}
    for binding in keymap.bindings():
        name = str(binding.id)
        room = rooms.setdefault(name.partition(".")[0], {})
        keys, words = room.get(name, ([], ""))
        for word in key_words(binding.key).split(" or "):
            if word not in keys:
                keys.append(word)
        room[name] = (keys, words or binding.tooltip or f"{binding.description}")
    return rooms


def key_lines() -> Iterator[str]:
    """Yield every action with its keys, by where it can be asked for."""
    rooms = bindings_by_room()
    first = {"wizard": 0, "rows": 1}
    for room in sorted(rooms, key=lambda room: (first.get(room, 2), _room_words(room))):
        yield f"### {_room_words(room)}"
        yield ""
        yield "| action | key | what it does |"
        yield "|---|---|---|"
        for name, (keys, words) in sorted(rooms[room].items()):
            shown = ", ".join(keys).replace("|", "\\|")
            yield f"| `{name}` | {shown} | {words} |"
        yield ""


def _room_words(room: str) -> str:
    return _ROOM_NAMES.get(room, f"{room.capitalize()} step")


# -- settings and checks -----------------------------------------------------------------------------------------------


def setting_lines() -> Iterator[str]:
    """Yield every setting with what it may be, and where else it can be said."""
    from xnat_wizard.preferences.table import SETTINGS

    for setting in SETTINGS:
        yield f"### {setting.name}"
        yield ""
        yield f"{setting.words}"
        yield ""
        yield _item(f"may be: {setting.may_be}")
        default = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
        yield _item(f"without it: `{default}`" if str(default) else "without it: nothing")
        if setting.options:
            yield _item(f"for one run: {', '.join(f'`{option}`' for option in setting.options)}")
        yield _item(f"in the environment: `{setting.variable}`")
        yield _item("for one site: may stand in its profile" if setting.is_of_a_site else "for all sites only")
        yield ""


def check_lines() -> Iterator[str]:
    """Yield every check of the connection, in the order in which they are made."""
    from xnat_wizard.troubleshoot.check import PROBES

    yield "| check | what it looks at |"
    yield "|---|---|"
    for probe in PROBES:
        first = (probe.look.__doc__ or "").strip().splitlines()[0]
        yield f"| `{probe.name}` | {probe.title}: {first} |"
