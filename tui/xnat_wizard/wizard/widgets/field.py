"""One line of a form: label, input, and a note below that says in words whether the input will do."""

from enum import StrEnum

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, Label, Static

from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.step import StepScreen


class Mark(StrEnum):
    """The word in front of a note; the word carries the meaning, the colour only repeats it."""

    NONE = ""
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"

    @property
    def style(self) -> str:
        """Return the colour that repeats the word."""
        return {"ok": "bold $text-success", "warn": "bold $text-warning", "FAIL": "bold $text-error"}.get(self, "")


class SecretInput(Input):
    """A password field that never gives its clear text to the clipboard."""

    def __init__(self, value: str = "", *, id: str) -> None:  # noqa: A002  textual's own word
        super().__init__(value, password=True, id=id, compact=True)

    def action_copy(self) -> None:
        """Refuse: the stock field copies the clear text."""
        self._tell("A password is not copied.")

    def action_cut(self) -> None:
        """Refuse: the stock field copies the clear text."""
        self._tell("A password is not copied. Delete removes it.")

    def _tell(self, words: str) -> None:
        if isinstance(self.screen, StepScreen):  # a toast would cover the buttons
            self.screen.tell(words)


class Field(Vertical):
    """A labelled input with a note; the input has the id that is given, the note sits below it.

    `say(text, mark)` sets the note; an empty one takes no room.
    """

    def __init__(
        self,
        label: str,
        *,
        id: str,  # noqa: A002  textual's own word
        value: str = "",
        placeholder: str = "",
        note: str = "",
        is_secret: bool = False,
        max_length: int = 0,
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__(classes="form-row")
        self.label = label
        self._note = note
        if is_secret:
            self.input: Input = SecretInput(value, id=id)
        else:
            self.input = Input(
                value,
                placeholder=placeholder,
                id=id,
                compact=True,
                max_length=max_length,
                suggester=suggester,
                select_on_focus=False,
            )
        self.input.cursor_blink = False
        self._mark = Mark.NONE

    @property
    def value(self) -> str:
        """Return what is typed."""
        return self.input.value

    def compose(self) -> ComposeResult:
        """Lay out label, input, note."""
        with Horizontal(classes="form-line"):
            yield Label(self.label, classes="form-label", markup=False)
            yield self.input
        yield Static("", classes="form-note", markup=False)

    def on_mount(self) -> None:
        """Show the first note."""
        self.say(self._note)

    def say(self, text: str, mark: Mark = Mark.NONE) -> None:
        """Set the note: a word for the mark, then the text; nothing in it is markup."""
        self._mark = mark
        self.input.set_class(mark is Mark.FAIL, "-invalid")
        note = self.query_one(".form-note", Static)
        note.display = bool(text)
        note.update(Content.assemble((f"{mark}  " if mark else "", mark.style), plain(text)))

    @property
    def is_wrong(self) -> bool:
        """Tell whether the last note said that this cannot be."""
        return self._mark is Mark.FAIL
