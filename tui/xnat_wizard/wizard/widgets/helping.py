"""Help for a dialog: what it is, and its keys, made of what it says of itself."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import App
from textual.binding import ActiveBinding, Binding, BindingType
from textual.keys import format_key
from textual.screen import Screen

from xnat_wizard.wizard.widgets.lines import LinesScreen

PLAIN_KEYS = {"full_stop": ".", "comma": ",", "pagedown": "Page down", "pageup": "Page up", "question_mark": "?"}


class HelpScreen(LinesScreen):
    """Help over a dialog; F1 or Escape closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="helptext.close", tooltip="Back to where you were"),
    ]


def actions(screen: Screen[Any]) -> list[ActiveBinding]:
    """Return the actions of the wizard that can be asked for on a screen now, each once."""
    found: dict[str, ActiveBinding] = {}
    for active in screen.active_bindings.values():
        if active.binding.id and active.binding.tooltip and active.enabled:
            found.setdefault(active.binding.id, active)
    return list(found.values())


def help_text(screen: Screen[Any], everywhere: Sequence[tuple[str, str]] = ()) -> str:
    """Return the help of a screen as lines: its own words, then a line for each action with its key.

    Args:
        screen: the screen.
        everywhere: keys and words of what works on every screen.
    """
    rows: dict[str, list[str]] = {}
    own = [(active.binding.key, active.binding.tooltip) for active in actions(screen)]
    for key, text in (*own, *everywhere):
        if key_words(key) not in rows.setdefault(text, []):
            rows[text].append(key_words(key))
    width = max(len(" or ".join(keys)) for keys in rows.values()) if rows else 0
    lines = [str(screen.HELP).strip(), ""] if screen.HELP else []
    lines += [f"{' or '.join(keys).ljust(width)}  {text}" for text, keys in rows.items()]
    return "\n".join([*lines, "", "Tab goes from one to the next, Enter presses what has the focus."])


def key_words(key: str) -> str:
    """Return keys as a person reads them: "Escape", "Ctrl+Y"."""
    return " or ".join("+".join(PLAIN_KEYS.get(part, _word(part)) for part in one.split("+")) for one in key.split(","))


def _word(part: str) -> str:
    return part.capitalize() if len(part) > 1 else format_key(part).upper() if part.isalpha() else part


def show_help(app: App[Any], everywhere: Sequence[tuple[str, str]] = ()) -> None:
    """Show the help of the dialog on screen, or hide it."""
    if isinstance(app.screen, HelpScreen):
        app.screen.dismiss(None)
    else:
        app.push_screen(HelpScreen("Help", help_text(app.screen, everywhere)))
