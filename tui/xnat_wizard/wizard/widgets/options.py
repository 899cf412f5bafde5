"""A screen over the others with options: each row is one, Enter or Space takes its next value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from xnat_wizard.wizard.widgets.rows import Column, Row, Rows

T = TypeVar("T")
Values = tuple[tuple[str, str], ...]  # of one option: each as it is called, and in a sentence


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One option of a value: its name, what it may be, which of these it is, and the value with the next one."""

    name: str
    values: Values
    at: Callable[[T], int]
    turned: Callable[[T, int], T]


class OptionsScreen(ModalScreen[T], Generic[T]):
    """Change options of a value; gives it changed. Nothing is done by it, and each option turns back to its first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", id="options.close", tooltip="Back, with these options"),
    ]
    AUTO_FOCUS = "Rows"
    DEFAULT_CSS = """
    OptionsScreen Rows { height: 4; }
    OptionsScreen .options--title { text-style: bold; margin-bottom: 1; }
    OptionsScreen #options-words { height: 3; margin-top: 1; }
    OptionsScreen .options--foot { color: $text-muted; height: auto; }
    """

    def __init__(self, value: T, options: Sequence[Option[T]]) -> None:
        super().__init__()
        self._value = value
        self._options = {option.name: option for option in options}

    def compose(self) -> ComposeResult:
        """Lay out the options and what the one under the cursor does."""
        with Vertical(classes="dialog"):
            yield Label("Options", classes="options--title")
            yield Rows((Column("", 18), Column("", 20, grow=1)), has_header=False)
            yield Static("", id="options-words", markup=False)
            yield Static("Enter, Space: next value   Escape: close, keeping them", classes="options--foot")

    def on_mount(self) -> None:
        """Show the present values."""
        self.query_one(Rows).styles.height = len(self._options)
        self._show()

    def _show(self) -> None:
        self.query_one(Rows).show(
            Row(name, (name, option.values[option.at(self._value)][0])) for name, option in self._options.items()
        )
        self._describe()

    def _describe(self) -> None:
        option = self._options.get(self.query_one(Rows).key)
        words = option.values[option.at(self._value)][1] if option is not None else ""
        self.query_one("#options-words", Static).update(words)

    @on(Rows.Highlighted)
    def moved(self) -> None:
        """Say what the option under the cursor does."""
        self._describe()

    @on(Rows.Chosen)
    @on(Rows.Ticked)
    def turn(self, event: Rows.About) -> None:
        """Take the next value."""
        option = self._options[event.key]
        self._value = option.turned(self._value, (option.at(self._value) + 1) % len(option.values))
        self._show()

    def action_leave(self) -> None:
        """Give the value."""
        self.dismiss(self._value)
