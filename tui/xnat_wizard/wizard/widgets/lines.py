"""A screen over the others that shows a long text: a receipt, a log, a list."""

import textwrap
from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Label, Static

from xnat_wizard.wizard.widgets.rows import fit


class LongText(ScrollView, can_focus=True):
    """Text by lines, wrapped to the width; only the visible lines are drawn."""

    DEFAULT_CSS = """
    LongText { height: 1fr; scrollbar-size-vertical: 0; overflow-x: hidden; }
    """

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._text = text
        self._lines: list[str] = []

    def show(self, text: str) -> None:
        """Show another text, from its beginning."""
        self._text = text
        self._wrap(self.size.width)
        self.scroll_home(animate=False)

    def copyable_text(self) -> str:
        """Return the whole text, as Copy takes it."""
        return self._text

    def add(self, text: str) -> None:
        """Show more below; who reads the end stays at the end."""
        is_at_end = self.scroll_y >= self.max_scroll_y
        self._text = f"{self._text}\n{text}" if self._text else text
        for line in text.splitlines():
            self._lines.extend(_wrapped(line, max(10, self.size.width)))
        self.virtual_size = Size(self.size.width, len(self._lines))
        self.refresh()
        if is_at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width."""
        self._wrap(event.size.width)

    def _wrap(self, width: int) -> None:
        self._lines = []
        for line in self._text.splitlines():
            self._lines.extend(_wrapped(line, max(10, width)))
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is visible."""
        at = y + round(self.scroll_y)
        text = self._lines[at] if at < len(self._lines) else ""
        return Strip([Segment(fit(text, self.size.width), self.rich_style)], self.size.width)


def _wrapped(line: str, width: int) -> list[str]:
    line = line.replace("\t", "    ")
    if cell_len(line) <= width:
        return [line]
    indent = " " * min(width // 2, len(line) - len(line.lstrip()))
    parts = textwrap.wrap(line.strip(), width - len(indent), break_on_hyphens=False)
    return [indent + piece for part in parts for piece in chop_cells(part, width - len(indent))]


class LinesScreen(ModalScreen[None]):
    """A long text under a title; Escape or Enter closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="lines.close", tooltip="Back to where you were"),
    ]
    DEFAULT_CSS = """
    LinesScreen { align: center middle; background: $background 60%; }
    LinesScreen > Vertical { width: 100%; height: 100%; background: $background; }
    LinesScreen.-wide > Vertical { width: 90; height: 96%; border: round $primary; padding: 0 2; }
    LinesScreen .lines--title { text-style: bold; height: auto; margin-bottom: 1; }
    LinesScreen .lines--foot { color: $text-muted; height: auto; }
    """

    def __init__(self, title: str, text: str, *, foot: str = "") -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._foot = foot

    def compose(self) -> ComposeResult:
        """Lay out title, text, where it stands, how to close."""
        with Vertical():
            yield Label(self._title, markup=False, classes="lines--title")
            yield LongText(self._text)
            if self._foot:
                yield Static(self._foot, markup=False, classes="lines--foot")
            yield Static("Up, Down, Page keys: read on   Escape: close", classes="lines--foot")


class GrowingLines(LinesScreen):
    """A text that grows while one reads it, opened at its end; `more` gives what is new since the last time."""

    def __init__(self, title: str, more: Callable[[], str], *, foot: str = "", every_s: float = 1.0) -> None:
        super().__init__(title, more(), foot=foot)
        self._more = more
        self._every_s = every_s

    def on_mount(self) -> None:
        """Go to the end, and look for more now and then."""
        self.call_after_refresh(self.query_one(LongText).scroll_end, animate=False)
        self.set_interval(self._every_s, self._look)

    def _look(self) -> None:
        text = self._more()
        if text:
            self.query_one(LongText).add(text)
