"""Look at what waits in the prearchive of a project; archive it, move it, delete it, build it."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.findings import Problem
from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.prearchive.acting import ActingStep
from xnat_wizard.wizard.steps.prearchive.details import Details, look_into
from xnat_wizard.wizard.steps.prearchive.words import (
    ARCHIVABLE,
    BUILDABLE,
    COLUMNS,
    session_row,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.amounts import count_text
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command
from xnat_wizard.xnat.model import PrearchiveSession

REFRESH_S = 3.0  # between two looks while the site is at work


class PrearchiveStep(ActingStep):
    """The prearchive of the chosen project as a list."""

    number: ClassVar[int] = 6
    sentence: ClassVar[str] = "Sessions wait here until you archive them. Enter: details. Space: choose."
    has_refresh: ClassVar[bool] = True
    HELP = """
# The prearchive

Here sessions wait until somebody has looked at them. *Ready to archive* means: received whole and built.

- **a** archives: the site is asked first whether anything stands against it, and you are told.
- **m** moves to another project. **d** deletes on the site; the files on your disk stay.
- **b** builds what is still *receiving*: when an upload ended early.
- **Enter** shows scans, files and, after a *CONFLICT* or *ERROR*, why.
- **Space** chooses several; archive, move and delete then work on all of them.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "archive", "Archive", show=False, id="prearchive.archive", tooltip="Check, then archive"),
        Binding("m", "move", "Move", show=False, id="prearchive.move", tooltip="Into another project"),
        Binding("d", "delete", "Delete", show=False, id="prearchive.delete", tooltip="Delete on the site"),
        Binding("b", "build", "Build", show=False, id="prearchive.build", tooltip="Build what is still receiving"),
    ]
    DEFAULT_CSS = """
    PrearchiveStep Rows { min-height: 5; }
    PrearchiveStep #prearchive-detail { height: 6; margin-top: 1; color: $text-muted; }
    PrearchiveStep.-tall #prearchive-detail { height: 14; }
    PrearchiveStep.-low #prearchive-detail { margin-top: 0; height: 4; }
    PrearchiveStep ActionButton:disabled { display: none; }
    """

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self._sessions: tuple[PrearchiveSession, ...] = ()
        self._ticked: frozenset[str] = frozenset()
        self._details: dict[tuple[str, str, str], Details] = {}
        self._mine: frozenset[str] = frozenset()
        self._is_uploading = False
        self._shown_details = ""

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out the sessions and the highlighted one in detail."""
        yield Rows(COLUMNS, empty="Asking the site...", id="prearchive-sessions")
        yield Static("", id="prearchive-detail", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out the actions."""
        yield ActionButton("Next", id="prearchive-next", tooltip="Go on to the archive", is_main=True)
        yield ActionButton("a Archive", id="prearchive-archive", tooltip="Check, then archive")
        yield ActionButton("m Move", id="prearchive-move", tooltip="Into another project")
        yield ActionButton("d Delete", id="prearchive-delete", tooltip="Delete on the site")
        yield ActionButton("b Build", id="prearchive-build", tooltip="Build what is still receiving")

    def on_mount(self) -> None:
        """Ask the site, now and while it is at work."""
        self.query_one(Rows).focus()
        self._show()
        self.tell("Asking the site...")
        self.load()
        self.set_interval(REFRESH_S, self._look_again)

    def _show(self) -> None:
        rows = self.query_one(Rows)
        rows.show(
            session_row(one, is_ticked=one.uri in self._ticked, is_arriving=self._is_arriving(one))
            for one in self._sessions
        )
        self.show_job()

    def look_after(self) -> None:
        """Read the list anew after something was done."""
        self._ticked = frozenset()
        self.load(is_quiet=True)

    def show_job(self) -> None:
        """Enable the actions that make sense for what is chosen, none while one is under way."""
        chosen = self.chosen()
        is_free = not self.job
        can_archive = any(one.plain_status in ARCHIVABLE and not one.is_locked for one in chosen)
        can_build = any(one.plain_status in BUILDABLE and not one.is_locked for one in chosen)
        free_ones = any(not one.is_locked for one in chosen)
        for name, is_possible in (
            ("archive", can_archive),
            ("move", free_ones),
            ("delete", free_ones),
            ("build", can_build),
        ):
            self.query_one(f"#prearchive-{name}", ActionButton).disabled = not (is_possible and is_free)

    def _show_details(self, details: Details | None) -> None:
        text = details.short() if details else ""
        if text != self._shown_details:
            self._shown_details = text
            self.query_one("#prearchive-detail", Static).update(text)

    def chosen(self) -> list[PrearchiveSession]:
        """Return the ticked sessions, or the highlighted one where none is ticked; never one that is being uploaded."""
        ticked = [one for one in self._sessions if one.uri in self._ticked]
        highlighted = [one for one in self._sessions if one.uri == self.query_one(Rows).key]
        return [one for one in ticked or highlighted if not self._is_arriving(one)]

    def _is_arriving(self, session: PrearchiveSession) -> bool:
        return self._is_uploading and session.uri in self._mine and not session.is_settled

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="rows", exclusive=True, exit_on_error=False)
    async def load(self, *, is_quiet: bool = False) -> None:
        """Read the list; a quiet look changes nothing on screen when the site does not answer."""
        try:
            sessions = await self.site.prearchive(self.project)
        except Problem as problem:
            if not is_quiet:
                self.query_one(Rows).show((), empty="The site could not be asked. F5: ask again.")
                self.tell("")
                await self.explain(problem.finding)
            return
        self._mine, self._is_uploading = _of_this_upload(self.choices)
        newest = sorted(sessions, key=lambda one: one.uploaded, reverse=True)
        self._sessions = tuple(sorted(newest, key=lambda one: (0, one.label) if one.uri in self._mine else (1, "")))
        self._ticked &= {one.uri for one in sessions}
        self.query_one(Rows).empty = f"Nothing waits in the prearchive of {self.project}."
        self._show()
        if not is_quiet:
            self.query_one(Rows).refresh()
            self.tell("" if sessions else "Next shows the archive.")
        self.look_closer(self.query_one(Rows).key)

    def _look_again(self) -> None:
        if self.app.screen is self and not self.job and any(not one.is_settled for one in self._sessions):
            self.load(is_quiet=True)

    def refresh_content(self) -> None:
        """Ask the site again."""
        self._details.clear()
        self.tell("Asking the site...")
        self.load()

    @on(Rows.Highlighted, "#prearchive-sessions")
    def highlighted(self, event: Rows.Highlighted) -> None:
        """Look closer at the session under the cursor."""
        self.show_job()
        self.look_closer(event.key)

    @work(group="details", exclusive=True, exit_on_error=False)
    async def look_closer(self, uri: str) -> None:
        """Read scans and log of a session, once for each state of it."""
        session = next((one for one in self._sessions if one.uri == uri), None)
        if session is None:
            self._show_details(None)
            return
        if (uri, session.status, session.last_modified) not in self._details:
            self._show_details(Details(session, note="Counting its files..."))
        try:
            self._show_details(await self.know(session))
        except Problem as problem:
            self._show_details(Details(session, note=problem.finding.what))

    async def know(self, session: PrearchiveSession) -> Details:
        """Return scans and log of a session, asked for once for each state of it."""
        key = (session.uri, session.status, session.last_modified)
        if key not in self._details:
            self._details[key] = await look_into(self.site, session)
        return self._details[key]

    @on(Rows.Chosen, "#prearchive-sessions")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def open_details(self, event: Rows.Chosen) -> None:
        """Show everything about a session."""
        session = next((one for one in self._sessions if one.uri == event.key), None)
        if session is None:
            return
        try:
            details = await self.know(session)
        except Problem as problem:
            await self.explain(problem.finding)
        else:
            await self.app.push_screen_wait(LinesScreen(f"{session.label} in the prearchive", details.long()))

    @on(Rows.Ticked, "#prearchive-sessions")
    def tick(self, event: Rows.Ticked) -> None:
        """Choose a session, or choose it no longer."""
        self._ticked ^= {event.key}
        self._show()
        self.tell(f"{count_text(len(self._ticked), 'session')} chosen." if self._ticked else "")

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        for title, explanation, button in (
            ("Archive", "Check, then archive the chosen sessions", "archive"),
            ("Move to another project", "Move the chosen sessions into another prearchive", "move"),
            ("Delete", "Delete the chosen sessions on the site", "delete"),
            ("Build", "Build the chosen sessions that are still receiving", "build"),
        ):
            yield title, explanation, self.query_one(f"#prearchive-{button}", ActionButton).action_press

    # -- leaving -------------------------------------------------------------------------------------------------

    def answer_back(self) -> Answer:
        """Go back to the upload."""
        return Answer(self.choices, Move.BACK)

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        return parting_words(self.choices.journal_path)

    @on(Button.Pressed, "#prearchive-next")
    def go_next(self) -> None:
        """Go on to the archive."""
        self.dismiss(Answer(self.choices, Move.NEXT))


def _of_this_upload(choices: Choices) -> tuple[frozenset[str], bool]:
    """Return where the sessions of this upload are, and whether it still runs."""
    path = choices.journal_path
    if path is None or not path.is_file():
        return frozenset(), False
    with Journal.open(path) as journal:
        return frozenset(session.uri for session in journal.progress().sessions), worker.is_running(path)
