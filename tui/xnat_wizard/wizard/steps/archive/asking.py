"""Screens over the archive that ask: into which folder, and which file into which resource."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from xnat_wizard.amounts import bytes_text
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.plain import plain

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
Typed = tuple[str, ...]
Verdict = tuple[bool, str]


class AskScreen(ModalScreen[Typed | None]):
    """Ask for one or two texts, judged at every key; gives them, or None when the person steps back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="ask.back", tooltip="Change nothing"),
        Binding("down", "app.focus_next", "Down", show=False, id="ask.down"),
        Binding("up", "app.focus_previous", "Up", show=False, id="ask.up"),
    ]
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    AskScreen .ask--title { text-style: bold; margin-bottom: 1; }
    AskScreen Input { margin-bottom: 1; }
    AskScreen #ask-verdict { height: 3; }
    """

    def __init__(
        self, title: str, asked: tuple[tuple[str, str], ...], judge: Callable[[Typed], Verdict], *, yes: str
    ) -> None:
        """Ask.

        Args:
            title: the question.
            asked: for each text what it is, and what stands there first.
            judge: tells whether the texts can be taken, and in words what follows or why not.
            yes: the word on the button.
        """
        super().__init__()
        self._title = title
        self._asked = asked
        self._judge = judge
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Lay out the texts and what is to be said about them."""
        with Vertical(classes="dialog"):
            yield Label(self._title, markup=False, classes="ask--title")
            for place, (what, first) in enumerate(self._asked):
                yield Label(what, markup=False)
                yield Input(first, id=f"ask-{place}", compact=True, select_on_focus=False)
            yield Static("", id="ask-verdict", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton(self._yes, id="ask-yes", tooltip="Do it", is_main=True)
                yield ActionButton("Back", id="ask-no", tooltip="Change nothing")

    def on_mount(self) -> None:
        """Judge what is there."""
        for one in self.query(Input):
            one.cursor_blink = False
        self.judge()

    @property
    def _typed(self) -> Typed:
        return tuple(self.query_one(f"#ask-{place}", Input).value.strip() for place in range(len(self._asked)))

    @on(Input.Changed)
    def judge(self) -> None:
        """Say at every key what would follow."""
        is_good, words = self._judge(self._typed)
        mark = "ok    " if is_good else "FAIL  " if self._typed[0] else ""
        verdict = Content.assemble((mark, "bold"), plain(words))
        self.query_one("#ask-verdict", Static).update(verdict)
        self.query_one("#ask-yes", ActionButton).disabled = not is_good

    @on(Input.Submitted)
    @on(Button.Pressed, "#ask-yes")
    def take(self) -> None:
        """Give what is typed, where it can be taken."""
        if self._judge(self._typed)[0]:
            self.dismiss(self._typed)

    @on(Button.Pressed, "#ask-no")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def path_of(text: str) -> Path:
    """Return a path as a person types it."""
    return Path(text).expanduser().absolute()


def judge_folder(typed: Typed) -> Verdict:
    """Tell whether files may be saved below a folder that was typed."""
    if not typed[0]:
        return False, "Type a folder"
    try:
        path = path_of(typed[0])
        above = path
        while not above.exists():
            above = above.parent
        if not above.is_dir():
            return False, f"{above} is a file"
        if not os.access(above, os.W_OK | os.X_OK):
            return False, f"{above} may not be written"
    except (OSError, RuntimeError, ValueError) as error:
        return False, f"This is no folder: {getattr(error, 'strerror', None) or error}"
    return True, f"{path}, which {'is there' if path == above else 'is made, for you only'}. Nothing is overwritten"


def judge_file(typed: Typed) -> Verdict:
    """Tell whether a file may be put into a resource, both as typed."""
    path_text, label = typed
    if not path_text:
        return False, "Type the path of a file on this machine"
    try:
        path = path_of(path_text)
        if not path.is_file():
            return False, f"There is no file {path}"
        size = path.stat().st_size
        if not size:
            return False, "It is empty, and XNAT takes no empty files"
        if not os.access(path, os.R_OK):
            return False, f"{path} may not be read"
    except (OSError, RuntimeError, ValueError) as error:
        return False, f"This is no file: {getattr(error, 'strerror', None) or error}"
    if not _LABEL.fullmatch(label):
        return False, "A resource is named with letters, digits, _ . and -"
    return True, f"{path.name}, {bytes_text(size)}, goes into the resource {label}; a file of that name is not replaced"
