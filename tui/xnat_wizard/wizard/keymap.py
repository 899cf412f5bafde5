"""Keys that a person chose: which actions there are, and which keys cannot do.

A key that a plain terminal, tmux or screen never passes on, or that the wizard is worked with, is refused with the
reason: an action that no key reaches would be worse than an unusual key.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys
from textual.screen import ModalScreen

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.preferences import did_you_mean
from xnat_wizard.wizard import steps, widgets

PACKAGE = "xnat_wizard."
EVERYWHERE = "wizard"  # the room of what works in every step
REFUSED = {
    "ctrl+i": "it is Tab in a plain terminal",
    "ctrl+m": "it is Enter in a plain terminal",
    "ctrl+h": "it is Backspace in a plain terminal",
    "ctrl+j": "it is Enter in a plain terminal",
    "ctrl+b": "tmux takes it for itself",
    "ctrl+a": "screen takes it for itself",
    "ctrl+z": "it puts programs to sleep",
    "ctrl+c": "it stops programs",
    "ctrl+s": "it can halt the terminal",
    "ctrl+left_square_bracket": "it is Escape in a plain terminal",
    "ctrl+p": "it opens the list of all actions",
    "tab": "it goes from field to field",
    "shift+tab": "it goes from field to field",
    "enter": "it presses what has the focus",
    "space": "it is typed, and ticks rows",
    "backspace": "it deletes what was typed",
}
NAMES = {key.value.rpartition("+")[2] for key in Keys} | {"comma", "full_stop", "minus", "slash", "question_mark"}
MODIFIERS = {"ctrl", "shift", "alt"}


def bindings(of: type[DOMNode] = DOMNode) -> Iterator[Binding]:
    """Yield the bindings with an id of every screen and widget of the wizard that is loaded."""
    for kind in _kinds(of):
        for binding in kind.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id and kind.__module__.startswith(PACKAGE):
                yield binding


def _kinds(kind: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def usable(wanted: Mapping[str, str], where: str) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the keymap of what can be used, and what is to be said about the rest.

    Args:
        wanted: binding ids and keys, several keys parted by commas.
        where: the path of the file they stand in.
    """
    if wanted:
        _load_all()
    known: dict[str, set[str]] = {}
    for binding in bindings():
        known.setdefault(str(binding.id), set()).update(_split(binding.key))
    keymap: dict[str, str] = {}
    findings = []
    for name, keys in wanted.items():
        taken = {**known, **{other: set(_split(chosen)) for other, chosen in keymap.items()}}
        if reason := _refusal(name, keys, taken, set(wanted) - set(keymap)):
            findings.append(_refused(name, keys, *reason, where))
        else:
            keymap[name] = ",".join(_split(keys))
    return keymap, tuple(findings)


def _names() -> set[str]:
    return NAMES | {f"ctrl+{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"}


def _load_all() -> None:
    """Load every step and widget: one that is loaded later has keys, too."""
    for place in (steps, widgets):
        for module in pkgutil.walk_packages(place.__path__, f"{place.__name__}."):
            importlib.import_module(module.name)


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]


def _refusal(name: str, keys: str, taken: Mapping[str, set[str]], moving: set[str]) -> tuple[str, str] | None:
    """Return why an action cannot have these keys and what to do, or None.

    Args:
        name: the id of the action.
        keys: the keys wanted for it.
        taken: the keys of each action as things are.
        moving: the actions that the file gives other keys, the keys of which are free therefore.
    """
    if name not in taken:
        return "There is no action of this name", did_you_mean(name, sorted(taken))
    wanted = _split(keys)
    for key in wanted:
        *modifiers, base = key.split("+")
        if not set(modifiers) <= MODIFIERS or (base not in NAMES and len(base) != 1):
            return f"There is no key `{key}`", did_you_mean(key.lower(), sorted(_names()))
        if key in REFUSED:
            return f"`{key}` cannot be chosen: {REFUSED[key]}", "Choose a function key or Ctrl and another letter"
        if len(key) == 1 and _room(name) == EVERYWHERE:
            return f"`{key}` is typed into fields", "Choose a function key or Ctrl and a letter"
    if not wanted or all(key.startswith("alt+") for key in wanted):
        return "Many terminals never pass Alt on, so the action needs another key beside it", f'Write "f8,{keys}"'
    dialogs = {_room(str(binding.id)) for binding in bindings(ModalScreen)}
    for other, keys_of in taken.items():
        is_near = other != name and other not in moving and _do_meet({_room(other), _room(name)}, dialogs)
        if is_near and (both := keys_of.intersection(wanted)):
            return f"`{min(both)}` is the key of `{other}` already", "Choose another key, or move that one too"
    return None


def _room(name: str) -> str:
    return name.partition(".")[0]


def _do_meet(rooms: set[str], dialogs: set[str]) -> bool:
    """Tell whether actions of these rooms can be asked for at the same time: a dialog covers the step below it."""
    return len(rooms) == 1 or (EVERYWHERE in rooms and not rooms & dialogs)


def _refused(name: str, keys: str, why: str, todo: str, where: str) -> Finding:
    return Finding(
        "settings.bad_key",
        f"The settings file gives `{name}` the key `{keys}`, which cannot be",
        why,
        (todo, "Or leave the line out: the usual key is taken"),
        where=where,
        severity=Severity.NOTE,
    )
