"""A screen over the step with its options: each row is one, Enter or Space takes its next value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from xnat_wizard.wizard.choices import ResultsDraft
from xnat_wizard.wizard.steps.results.words import EXISTING
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows


@dataclass(frozen=True, slots=True)
class _Option:
    key: str
    name: str
    value: Callable[[ResultsDraft], str]
    sentence: Callable[[ResultsDraft], str]
    turned: Callable[[ResultsDraft], ResultsDraft]
    is_for_get: bool = True


def _next_existing(draft: ResultsDraft) -> ResultsDraft:
    names = list(EXISTING)
    return replace(draft, existing=names[(names.index(draft.existing) + 1) % len(names)])


OPTIONS = (
    _Option(
        "existing",
        "Existing files",
        lambda draft: EXISTING[draft.existing][0],
        lambda draft: EXISTING[draft.existing][1],
        _next_existing,
    ),
    _Option(
        "archive",
        "Folders, archives",
        lambda draft: "kept as archives" if draft.keeps_archive else "as files",
        lambda draft: (
            "A folder becomes one zip in the resource, a zip or tar stays as it is."
            if draft.keeps_archive
            else "The files of a folder, zip or tar lie in the resource one by one, with their sub-folders."
        ),
        lambda draft: replace(draft, keeps_archive=not draft.keeps_archive),
        is_for_get=False,
    ),
    _Option(
        "create",
        "Missing sessions",
        lambda draft: "are made" if draft.creates else "are said so",
        lambda draft: (
            "Subject, session (MR) and scan are made where they are missing."
            if draft.creates
            else "Nothing is made: a result whose session is missing stays here, and is said so."
        ),
        lambda draft: replace(draft, creates=not draft.creates),
        is_for_get=False,
    ),
    _Option(
        "verify",
        "Proof",
        lambda draft: "every byte" if draft.verifies_bytes else "the site's digests",
        lambda draft: (
            "Files of which the site keeps no MD5 are read back and compared byte by byte; that takes its time."
            if draft.verifies_bytes
            else "Files are compared by the MD5 that the site keeps, by size where it keeps none."
        ),
        lambda draft: replace(draft, verifies_bytes=not draft.verifies_bytes),
    ),
)


class OptionsScreen(ModalScreen[ResultsDraft]):
    """Change options; gives the draft with them. Nothing is moved by it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", id="results_options.close", tooltip="Back, with these options"),
    ]
    AUTO_FOCUS = "Rows"
    DEFAULT_CSS = """
    OptionsScreen Rows { height: 4; }
    OptionsScreen .options--title { text-style: bold; margin-bottom: 1; }
    OptionsScreen #options-words { height: 3; margin-top: 1; }
    OptionsScreen .options--foot { color: $text-muted; }
    """

    def __init__(self, draft: ResultsDraft) -> None:
        super().__init__()
        self._draft = draft
        self._options = tuple(one for one in OPTIONS if one.is_for_get or not draft.is_get)

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
        rows = self.query_one(Rows)
        rows.show(Row(one.key, (one.name, one.value(self._draft))) for one in self._options)
        self._describe()

    def _describe(self) -> None:
        key = self.query_one(Rows).key
        words = next((one.sentence(self._draft) for one in self._options if one.key == key), "")
        self.query_one("#options-words", Static).update(words)

    @on(Rows.Highlighted)
    def moved(self) -> None:
        """Say what the option under the cursor does."""
        self._describe()

    @on(Rows.Chosen)
    @on(Rows.Ticked)
    def turn(self, event: Rows.About) -> None:
        """Take the next value."""
        option = next(one for one in self._options if one.key == event.key)
        self._draft = option.turned(self._draft)
        self._show()

    def action_leave(self) -> None:
        """Give the options."""
        self.dismiss(self._draft)
