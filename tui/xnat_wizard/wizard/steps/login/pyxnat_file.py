"""A question over the login step: where a configuration file of pyxnat lies."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from xnat_wizard.findings import Problem
from xnat_wizard.login_sources import PYXNAT_CONFIGS, Offer, pyxnat_offer
from xnat_wizard.wizard.widgets.plain import plain


class PyxnatFileScreen(ModalScreen[Offer | None]):
    """Ask for the path, and read the file; gives the login in it, or nothing when the person steps back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="pyxnat.back", tooltip="Change nothing"),
    ]
    AUTO_FOCUS = "Input"

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with Vertical(classes="dialog"):
            yield Label("Path of the configuration file of pyxnat", markup=False, classes="heading")
            yield Input(placeholder=f"for example ~/{PYXNAT_CONFIGS[0]}", compact=True, id="pyxnat-path")
            yield Static("Enter: read it   Escape: change nothing", markup=False, classes="dim", id="pyxnat-note")

    @on(Input.Submitted)
    def read(self, event: Input.Submitted) -> None:
        """Read the file; say what is wrong with it under the path."""
        typed = event.value.strip()
        if not typed:
            return
        try:
            self.dismiss(pyxnat_offer(Path(typed).expanduser(), shown=typed))
        except Problem as problem:
            finding = problem.finding
            self.query_one("#pyxnat-note", Static).update(plain(f"FAIL  {finding.why}. {finding.todo[0]}"))
        except (OSError, RuntimeError):  # a home that is not known
            self.query_one("#pyxnat-note", Static).update("FAIL  There is no such path.")

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
