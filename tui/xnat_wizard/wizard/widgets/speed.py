"""A screen over a step that asks how fast an upload may be, and over how many connections."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from xnat_wizard.amounts import bytes_text
from xnat_wizard.findings import Problem
from xnat_wizard.upload.model import Options
from xnat_wizard.upload.pace import CHOICE_MOST
from xnat_wizard.upload.throttle import parse_rate
from xnat_wizard.upload.travel_words import options_text
from xnat_wizard.wizard.widgets.action import ActionButton


class SpeedScreen(ModalScreen[Options | None]):
    """Edit the limit and the number of connections; gives the options, or None when nothing shall change."""

    AUTO_FOCUS = "#speed-limit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="speed.back", tooltip="Keep everything as it was"),
        Binding("down", "app.focus_next", "Down", show=False, id="speed.down"),
        Binding("up", "app.focus_previous", "Up", show=False, id="speed.up"),
    ]
    DEFAULT_CSS = """
    SpeedScreen .speed--title { text-style: bold; margin-bottom: 1; }
    SpeedScreen Input { margin-bottom: 1; }
    SpeedScreen #speed-verdict { height: 3; }
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options

    def compose(self) -> ComposeResult:
        """Lay out the two inputs and what is to be said about them."""
        limit = bytes_text(self._options.limit_bytes_s).replace(" ", "") if self._options.limit_bytes_s else ""
        with Vertical(classes="dialog"):
            yield Label("How fast may this upload be?", markup=False, classes="speed--title")
            yield Label("At most bytes a second: 800k, 5M; empty: no limit", markup=False)
            yield Input(limit, id="speed-limit", compact=True, max_length=12)
            yield Label(f"At most connections: 1 to {CHOICE_MOST}", markup=False)
            yield Input(f"{self._options.most_connections}", id="speed-connections", compact=True, max_length=2)
            yield Static("", id="speed-verdict", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="speed-keep", tooltip="Send at most so fast", is_main=True)
                yield ActionButton("Change nothing", id="speed-leave", tooltip="Keep everything as it was")

    def on_mount(self) -> None:
        """Judge what is there."""
        for one in self.query(Input):
            one.cursor_blink = False
        self.judge()

    def _typed(self) -> Options | str:
        """Return what is typed, or why it cannot be."""
        limit = self.query_one("#speed-limit", Input).value.strip()
        connections = self.query_one("#speed-connections", Input).value.strip()
        if not connections.isascii() or not connections.isdigit() or not 1 <= int(connections) <= CHOICE_MOST:
            return f"The number of connections is one from 1 to {CHOICE_MOST}: more would be at others' expense"
        try:
            rate = parse_rate(limit) if limit else 0
        except Problem as problem:
            return f"{problem.finding.what}. {problem.finding.todo[0]}"
        return Options(rate, int(connections), self._options.compression)

    @on(Input.Changed)
    def judge(self) -> None:
        """Say at every key what it would mean."""
        typed = self._typed()
        is_wrong = isinstance(typed, str)
        words = typed if isinstance(typed, str) else options_text(typed)
        verdict = Content.assemble(("FAIL  " if is_wrong else "ok    ", "bold"), words)
        self.query_one("#speed-verdict", Static).update(verdict)
        self.query_one("#speed-keep", ActionButton).disabled = is_wrong

    @on(Input.Submitted)
    @on(Button.Pressed, "#speed-keep")
    def keep(self) -> None:
        """Give what is typed, where it can be."""
        typed = self._typed()
        if isinstance(typed, Options):
            self.dismiss(typed)

    @on(Button.Pressed, "#speed-leave")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
