"""A screen over the others that has help of its own: F1 shows and hides it, Escape closes it first."""

from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import HelpPanel

ResultT = TypeVar("ResultT")


class HelpedScreen(ModalScreen[ResultT], Generic[ResultT]):
    """Shows `HELP`, that of the screen or of the widget with the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", tooltip="Show or hide help for where you are", id="over.help"),
    ]

    def action_help(self) -> None:
        """Show or hide the help."""
        if not self.hide_help():
            self.app.action_show_help_panel()

    def hide_help(self) -> bool:
        """Hide the help; tells whether it was there."""
        if not self.query(HelpPanel):
            return False
        self.app.action_hide_help_panel()
        return True
