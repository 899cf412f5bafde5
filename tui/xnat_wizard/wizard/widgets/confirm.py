"""A question with yes and no, where no is the default."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from xnat_wizard.wizard.widgets.action import ActionButton


class ConfirmScreen(ModalScreen[bool]):
    """Ask before something is lost: `if await app.push_screen_wait(ConfirmScreen(...)):`.

    The button for "no" has the focus; Escape is "no".
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "No", tooltip="Leave everything as it is", id="confirm.no"),
    ]
    AUTO_FOCUS = "#confirm-no"

    def __init__(self, question: str, detail: str = "", *, yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self.question = question
        self.detail = detail
        self.yes = yes
        self.no = no

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with Vertical(classes="dialog"):
            with VerticalScroll(can_focus=False, classes="dialog-text"):
                detail = f"\n\n{self.detail}" if self.detail else ""
                yield Static(Content.assemble((self.question, "bold"), detail), markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton(self.no, id="confirm-no", tooltip="Leave everything as it is", is_main=True)
                yield ActionButton(self.yes, id="confirm-yes", tooltip="Do it")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        event.stop()
        self.dismiss(event.button.id == "confirm-yes")

    def action_refuse(self) -> None:
        """Answer no."""
        self.dismiss(result=False)
