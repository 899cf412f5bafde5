"""Buttons as one line in brackets, so that they read as buttons without any colour."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button


class ActionButton(Button):
    """A button of one line, `[ Log in ]`; the arrow keys go to its neighbours, Enter presses it.

    One that cannot be pressed now stands there without brackets, so that it is told apart without colours too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "app.focus_previous", "Previous", show=False, id="button.previous"),
        Binding("right,down", "app.focus_next", "Next", show=False, id="button.next"),
        Binding("space", "press", "Press", show=False, id="button.press"),
    ]

    def __init__(self, label: str, *, id: str, tooltip: str, is_main: bool = False, is_disabled: bool = False) -> None:  # noqa: A002  textual's own word
        self._words = label
        super().__init__(
            self._framed(is_disabled=is_disabled),
            id=id,
            tooltip=tooltip,
            compact=True,
            disabled=is_disabled,
            classes="main" if is_main else None,
        )

    def say(self, label: str) -> None:
        """Change the words on the button, which may need more room than those before."""
        if label != self._words:
            self._words = label
            self._draw()

    def watch_disabled(self, disabled: bool) -> None:  # noqa: FBT001  textual's watchers get the value
        """Take the brackets away, or put them back."""
        super().watch_disabled(disabled)
        self._draw()

    def _draw(self) -> None:
        label = self._framed(is_disabled=self.disabled)
        if label != self.label:
            self.label = label
            self.refresh(layout=True)

    def _framed(self, *, is_disabled: bool) -> Content:
        return Content(f"  {self._words}  " if is_disabled else f"[ {self._words} ]")
