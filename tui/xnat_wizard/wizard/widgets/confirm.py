"""A question with yes and no, where no is the default."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from xnat_wizard.wizard.widgets.action import ActionButton


class ConfirmScreen(ModalScreen[bool]):
    """Ask before something is lost: `if await app.push_screen_wait(ConfirmScreen(...)):`.

    The button for "no" has the focus; Escape is "no". With `typed` there is no yes before exactly that was typed: for
    what touches more than one thing, and cannot be undone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "No", tooltip="Leave everything as it is", id="confirm.no"),
    ]
    AUTO_FOCUS = "#confirm-typed, #confirm-no"

    def __init__(self, question: str, detail: str = "", *, yes: str = "Yes", no: str = "No", typed: str = "") -> None:
        super().__init__()
        self.question = question
        self.detail = detail
        self.yes = yes
        self.no = no
        self.typed = typed

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with Vertical(classes="dialog"):
            with VerticalScroll(can_focus=False, classes="dialog-text"):
                detail = f"\n\n{self.detail}" if self.detail else ""
                yield Static(Content.assemble((self.question, "bold"), detail), markup=False)
            if self.typed:
                yield Static(f"\nType {self.typed} to {self.yes.lower()}:", markup=False)
                yield Input(id="confirm-typed", compact=True, max_length=20)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton(self.no, id="confirm-no", tooltip="Leave everything as it is", is_main=True)
                yield ActionButton(self.yes, id="confirm-yes", tooltip="Do it", is_disabled=bool(self.typed))

    @on(Input.Changed, "#confirm-typed")
    def judge(self, event: Input.Changed) -> None:
        """Allow the yes once the right thing is typed."""
        self.query_one("#confirm-yes", ActionButton).disabled = event.value.strip() != self.typed

    @on(Input.Submitted, "#confirm-typed")
    def submit(self, event: Input.Submitted) -> None:
        """Take the right thing for a yes; anything else changes nothing."""
        event.stop()
        if event.value.strip() == self.typed:
            self.dismiss(result=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        event.stop()
        self.dismiss(event.button.id == "confirm-yes")

    def action_refuse(self) -> None:
        """Answer no."""
        self.dismiss(result=False)
