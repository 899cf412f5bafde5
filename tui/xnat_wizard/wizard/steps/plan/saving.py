"""A screen over the plan: save it to a file, and say which command runs it without the wizard."""

import asyncio
import os
import shlex
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.model import Plan
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.plain import plain

WHAT = (
    "The plan is a readable file: sessions, labels, files; no password. Only you may read it. "
    "A command sends it later, or by itself at night."
)


def command_for(path: Path, username: str) -> str:
    """Return the command that runs a saved plan, fit to be copied into a shell."""
    user = f"--user {shlex.quote(username)} " if username else ""
    return f"xnat-wizard upload {user}{shlex.quote(os.fspath(path))}"


class SaveScreen(ModalScreen[Path | None]):
    """Ask for a path and save the plan there; gives the path where it was saved, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="save.back", tooltip="Back to the plan"),
        Binding("down", "app.focus_next", "Down", show=False, id="save.down"),
        Binding("up", "app.focus_previous", "Up", show=False, id="save.up"),
    ]
    AUTO_FOCUS = "#save-path"
    DEFAULT_CSS = """
    SaveScreen > Vertical {
        width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    SaveScreen .save--title { text-style: bold; margin-bottom: 1; }
    SaveScreen .save--what { height: auto; color: $text-muted; margin-bottom: 1; }
    SaveScreen #save-verdict { height: auto; min-height: 6; margin-top: 1; }
    """

    def __init__(self, plan: Plan, path: Path, username: str) -> None:
        super().__init__()
        self._plan = plan
        self._first = path
        self._username = username
        self._saved: Path | None = None

    def compose(self) -> ComposeResult:
        """Lay out path and verdict."""
        with Vertical():
            yield Label("Save the plan", classes="save--title")
            yield Static(WHAT, classes="save--what")
            yield Label("File")
            field = Input(plain(os.fspath(self._first)), id="save-path", compact=True, select_on_focus=False)
            field.cursor_blink = False
            yield field
            yield Static("", id="save-verdict", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("Save", id="save-ok", tooltip="Write the file", is_main=True)
                yield ActionButton("Back", id="save-leave", tooltip="Back to the plan")
                copy = ActionButton("Copy command", id="save-copy", tooltip="Hand the command to your terminal")
                copy.display = False
                yield copy

    def _say(self, text: str) -> None:
        self.query_one("#save-verdict", Static).update(text)

    @on(Input.Changed)
    def _typing(self) -> None:
        self._say("")
        self.query_one("#save-copy").display = False

    @on(Input.Submitted)
    @on(Button.Pressed, "#save-ok")
    @work(group="save", exclusive=True, exit_on_error=False)
    async def save(self) -> None:
        """Write the file; a file that is there is overwritten only after a yes."""
        typed = self.query_one("#save-path", Input).value.strip()
        if not typed:
            self._say("FAIL   Type the path of a file.")
            return
        path = _whole(typed)
        if await asyncio.to_thread(os.path.isdir, path):
            self._say("FAIL   This is a folder. Type the name of a file in it.")
            return
        if await asyncio.to_thread(os.path.exists, path) and not await self.app.push_screen_wait(
            ConfirmScreen("Overwrite this file?", plain(os.fspath(path)), yes="Overwrite", no="Keep it")
        ):
            return
        try:
            await asyncio.to_thread(planning.save, self._plan, path)
        except OSError as error:
            self._say(
                f"FAIL   The file cannot be written: {error.strerror or type(error).__name__}.\n{plain(str(path))}"
            )
            return
        self._saved = path
        self._say(
            f"ok     Saved:\n{plain(os.fspath(path))}\n\nThis command sends it, without the wizard:\n"
            f"{plain(command_for(path, self._username))}"
        )
        self.query_one("#save-copy").display = True
        self.query_one("#save-leave").focus()

    @on(Button.Pressed, "#save-copy")
    def copy(self) -> None:
        """Hand the command to the terminal's clipboard (OSC 52); not every terminal takes it."""
        if self._saved is not None:
            self.app.copy_to_clipboard(command_for(self._saved, self._username))
            self.app.notify("Handed to the terminal. Where paste gives something else, select the line.", markup=False)

    @on(Button.Pressed, "#save-leave")
    def action_leave(self) -> None:
        """Go back to the plan."""
        self.dismiss(self._saved)


def _whole(typed: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(typed)))  # noqa: PTH100, PTH111  no error for ~nobody
