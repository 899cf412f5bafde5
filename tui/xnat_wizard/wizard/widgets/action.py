"""Buttons as one line in brackets, so that they read as buttons without any colour."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button


class ActionButton(Button):
    """A button of one line, `[ Log in ]`; the arrow keys go to its neighbours, Enter presses it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "app.focus_previous", "Previous", show=False, id="button.previous"),
        Binding("right,down", "app.focus_next", "Next", show=False, id="button.next"),
        Binding("space", "press", "Press", show=False, id="button.press"),
    ]

    def __init__(self, label: str, *, id: str, tooltip: str, is_main: bool = False, is_disabled: bool = False) -> None:  # noqa: A002  textual's own word
        super().__init__(
            Content(f"[ {label} ]"),
            id=id,
            tooltip=tooltip,
            compact=True,
            disabled=is_disabled,
            classes="main" if is_main else None,
        )

    def say(self, label: str) -> None:
        """Change the words on the button."""
        self.label = Content(f"[ {label} ]")
