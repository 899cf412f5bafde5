"""A screen over the others in which two labels are edited, checked at every key."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from xnat_wizard.findings import Finding
from xnat_wizard.wizard.widgets.findings import finding_detail

Labels = tuple[str, str]
Check = Callable[[str, str], Finding | None]


class EditLabels(ModalScreen[Labels | None]):
    """Edit a subject label and a session label; gives both, or None when nothing shall change.

    `check` says what is wrong with a pair of labels.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="labels.back", tooltip="Keep the labels as they were"),
    ]
    DEFAULT_CSS = """
    EditLabels { align: center middle; background: $background 60%; }
    EditLabels > Vertical {
        width: 90%; max-width: 76; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    EditLabels .labels--title { text-style: bold; margin-bottom: 1; }
    EditLabels #labels-verdict { height: 5; margin-top: 1; }
    EditLabels .labels--foot { color: $text-muted; }
    """

    def __init__(self, place: str, labels: Labels, *, check: Check) -> None:
        super().__init__()
        self._place = place
        self._labels = labels
        self._check = check

    def compose(self) -> ComposeResult:
        """Lay out the two inputs and what is to be said about them."""
        with Vertical():
            yield Label(f"Labels for {self._place}", markup=False, classes="labels--title")
            yield Label("Subject label: names the person in XNAT")
            yield Input(self._labels[0], id="labels-subject", compact=True, max_length=64)
            yield Label("Session label: names this visit, once in the whole project")
            yield Input(self._labels[1], id="labels-session", compact=True, max_length=64)
            yield Static("", id="labels-verdict", markup=False)
            yield Static("Tab: other field   Enter: keep   Escape: back", classes="labels--foot")

    def on_mount(self) -> None:
        """Judge what is there."""
        self._judge()

    @property
    def _typed(self) -> Labels:
        subject = self.query_one("#labels-subject", Input).value
        session = self.query_one("#labels-session", Input).value
        return subject.strip(), session.strip()

    @on(Input.Changed)
    def _judge(self) -> None:
        self.query_one("#labels-verdict", Static).update(self._verdict())

    def _verdict(self) -> Content:
        finding = self._check(*self._typed)
        if finding is None:
            return Content("ok     XNAT takes these labels as they are.")
        return Content.assemble(("FAIL   ", "bold"), f"{finding.what}\n", finding_detail(replace(finding, where="")))

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        if self._check(*self._typed) is None:
            self.dismiss(self._typed)
        else:
            self._judge()

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
