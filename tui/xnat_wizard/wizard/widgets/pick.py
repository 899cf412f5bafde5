"""A screen over the others that asks for one of several ways on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from xnat_wizard.wizard.widgets.rows import Column, Row, Rows

FILTER_FROM = 9  # so many ways and more get a line to type a part of the name


@dataclass(frozen=True, slots=True)
class Way:
    """One way on: its name and what it does."""

    key: str
    name: str
    sentence: str = ""


class PickScreen(ModalScreen[str]):
    """Ask for one of several ways; gives its key, or "" when the person steps back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="pick.back", tooltip="Change nothing"),
        Binding("down", "to_rows", "List", show=False, id="pick.rows"),
    ]
    DEFAULT_CSS = """
    PickScreen { align: center middle; background: $background 60%; }
    PickScreen > Vertical {
        width: 90%; max-width: 100; height: auto; max-height: 95%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    PickScreen .pick--title { text-style: bold; margin-bottom: 1; }
    PickScreen VerticalScroll { height: auto; max-height: 9; margin-bottom: 1; }
    PickScreen VerticalScroll Static { height: auto; }
    PickScreen Rows { height: auto; max-height: 10; min-height: 1; }
    PickScreen .pick--foot { color: $text-muted; }
    """

    def __init__(self, title: str, text: str, ways: Sequence[Way], *, name_width: int = 0) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._ways = tuple(ways)
        self._name_width = name_width or min(30, max((len(way.name) for way in ways), default=10))

    def compose(self) -> ComposeResult:
        """Lay out the question, a filter where the list is long, and the ways."""
        with Vertical():
            yield Label(self._title, markup=False, classes="pick--title")
            if self._text:
                with VerticalScroll(can_focus=False):
                    yield Static(self._text, markup=False)
            if len(self._ways) >= FILTER_FROM:
                yield Input(placeholder="Type a part of the name", compact=True)
            yield Rows(
                (Column("", self._name_width), Column("", 20, grow=1)), has_header=False, empty="Nothing matches."
            )
            yield Static("Enter: choose   Escape: change nothing", classes="pick--foot")

    def on_mount(self) -> None:
        """Show every way."""
        self._fill("")

    def _fill(self, part: str) -> None:
        part = part.strip().lower()
        rows = [
            Row(way.key, (way.name, way.sentence))
            for way in self._ways
            if part in way.name.lower() or part in way.sentence.lower()
        ]
        listed = self.query_one(Rows)
        listed.styles.height = max(1, min(10, len(rows)))
        listed.show(rows)

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Show the ways that match."""
        self._fill(event.value)

    @on(Input.Submitted)
    def take_highlighted(self) -> None:
        """Take the row under the cursor."""
        if key := self.query_one(Rows).key:
            self.dismiss(key)

    @on(Rows.Chosen)
    def take(self, event: Rows.Chosen) -> None:
        """Take the chosen way."""
        self.dismiss(event.key)

    def action_to_rows(self) -> None:
        """Go from the filter to the list."""
        self.query_one(Rows).focus()

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss("")
