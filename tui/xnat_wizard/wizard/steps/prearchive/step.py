"""Look at what waits in the prearchive of a project, or of all; archive it, move it, delete it, build it, rescue it."""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Problem
from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.prearchive.archiving import ArchivingStep
from xnat_wizard.wizard.steps.prearchive.inspecting import SessionScreen
from xnat_wizard.wizard.steps.prearchive.words import (
    COLUMNS,
    COLUMNS_WITH_PROJECT,
    SHOWN,
    is_shown,
    kind_of,
    session_row,
    short,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command
from xnat_wizard.xnat.model import IdleTimer, PrearchiveSession
from xnat_wizard.xnat.waiting.details import Details, look_into
from xnat_wizard.xnat.waiting.stuck import Plight, SiteTime, plight_of
from xnat_wizard.xnat.waiting.words import BUILDABLE, PLIGHT_REASONS

USUAL_COLUMNS = 80
REFRESH_S = 3.0  # between two looks while the site is at work


class PrearchiveStep(ArchivingStep):
    """The prearchive of the chosen project, or of all of them, as a list."""

    number: ClassVar[int] = 6
    sentence: ClassVar[str] = "Sessions wait here until you archive them. Enter: details. Space: choose."
    has_refresh: ClassVar[bool] = True
    HELP = """
# The prearchive

Here sessions wait until somebody has looked at them. *Ready to archive* means: received whole and built.

- **a** archives: the site is asked first whether anything stands against it, and you are told the ways out.
- **e** archives under other labels: XNAT changes those of a waiting session only then.
- **m** moves to another project. **d** deletes on the site; the files on your disk stay.
- **b** builds what is still *receiving*, or failed. **t** lets the site find out anew how a session stands.
- **x** rescues what is *STUCK*: nothing was heard of it for longer than the site should need.
- **Enter** shows scans, files, headers and, after a *CONFLICT* or *ERROR*, the log with its reason.
- **Space** chooses several, **+** all that are shown or none; the keys then work on all of them.
- **/** goes to the filter: type a part of a label. **s** shows only some: ready, needs you, stuck, at work.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "archive", "Archive", show=False, id="prearchive.archive", tooltip="Check, then archive"),
        Binding("e", "labels", "Labels", show=False, id="prearchive.labels", tooltip="Archive under other labels"),
        Binding("m", "move", "Move", show=False, id="prearchive.move", tooltip="Into another project"),
        Binding("d", "delete", "Delete", show=False, id="prearchive.delete", tooltip="Delete on the site"),
        Binding("b", "build", "Build", show=False, id="prearchive.build", tooltip="Build what is receiving or failed"),
        Binding("x", "rescue", "Rescue", show=False, id="prearchive.rescue", tooltip="Help what is stuck"),
        Binding("t", "reset", "Status", show=False, id="prearchive.reset", tooltip="Let the site find it out anew"),
        Binding(
            "plus", "tick_all", "All", show=False, id="prearchive.all", tooltip="Choose all that are shown, or none"
        ),
        Binding("slash", "filter", "Filter", show=False, id="prearchive.filter", tooltip="Type a part of a label"),
        Binding("s", "show_next", "Show", show=False, id="prearchive.show", tooltip="Show only some of them"),
    ]
    DEFAULT_CSS = """
    PrearchiveStep #prearchive-line { height: 1; margin-bottom: 1; }
    PrearchiveStep.-low #prearchive-line { margin-bottom: 0; }
    PrearchiveStep #prearchive-filter { width: 1fr; }
    PrearchiveStep #prearchive-kind { width: auto; margin-left: 2; color: $text-muted; }
    PrearchiveStep Rows { min-height: 5; }
    PrearchiveStep #prearchive-detail { height: 6; margin-top: 1; color: $text-muted; }
    PrearchiveStep.-tall #prearchive-detail { height: 14; }
    PrearchiveStep.-low #prearchive-detail { margin-top: 0; height: 4; }
    PrearchiveStep ActionButton:disabled { display: none; }
    PrearchiveStep.-narrow #prearchive-labels { display: none; }
    """

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self._sessions: tuple[PrearchiveSession, ...] = ()
        self._shown: tuple[PrearchiveSession, ...] = ()
        self._ticked: frozenset[str] = frozenset()
        self._details: dict[tuple[str, str, str], Details] = {}
        self._mine: frozenset[str] = frozenset()
        self._is_uploading = False
        self._shown_details = ""
        self._kind = SHOWN[0]
        self._time = SiteTime()
        self._timer: IdleTimer | None = None
        self._has_projects = not self.project or self.site.sees_unassigned

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out the filter, the sessions and the highlighted one in detail."""
        with Horizontal(id="prearchive-line"):
            yield Input(placeholder="/ Filter: a part of a label", id="prearchive-filter", compact=True)
            yield Static("", id="prearchive-kind", markup=False)
        columns = COLUMNS_WITH_PROJECT if self._has_projects else COLUMNS
        yield Rows(columns, empty="Asking the site...", id="prearchive-sessions")
        yield Static("", id="prearchive-detail", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out the actions; those that cannot be are hidden."""
        yield ActionButton("Next", id="prearchive-next", tooltip="Go on to the archive", is_main=True)
        yield ActionButton("x Rescue", id="prearchive-rescue", tooltip="Help what is stuck")
        yield ActionButton("a Archive", id="prearchive-archive", tooltip="Check, then archive")
        yield ActionButton("e Labels", id="prearchive-labels", tooltip="Archive under other labels")
        yield ActionButton("m Move", id="prearchive-move", tooltip="Into another project")
        yield ActionButton("d Delete", id="prearchive-delete", tooltip="Delete on the site")
        yield ActionButton("b Build", id="prearchive-build", tooltip="Build what is receiving or failed")

    def on_mount(self) -> None:
        """Ask the site, now and while it is at work."""
        self.query_one(Input).cursor_blink = False
        self.query_one(Rows).focus()
        self._show()
        self.tell("Asking the site...")
        self.load()
        self.set_interval(REFRESH_S, self._look_again)

    def _show(self) -> None:
        part = self.query_one(Input).value
        self._shown = tuple(one for one in self._sessions if is_shown(one, self.plight(one)[0], part, self._kind))
        rows = self.query_one(Rows)
        if self._sessions and not self._shown:
            rows.empty = f"Nothing fits {plain(part)}. Escape: all" if part else "None of this kind. s: show others"
        rows.show(
            session_row(
                one,
                is_ticked=one.uri in self._ticked,
                is_arriving=self._is_arriving(one),
                plight=self.plight(one)[0],
                age_s=self.plight(one)[1],
                has_project=self._has_projects,
            )
            for one in self._shown
        )
        self._show_kinds()
        self.show_job()

    def _show_kinds(self) -> None:
        stuck = sum(1 for one in self._sessions if kind_of(one, self.plight(one)[0]) == "stuck")
        words = f"s: {self._kind}, {len(self._shown)} of {len(self._sessions)}"
        if stuck and self._kind == "all":
            words += f", {stuck} stuck"
        self.query_one("#prearchive-kind", Static).update(words if self._sessions else "")

    def look_after(self) -> None:
        """Read the list anew after something was done."""
        self._ticked = frozenset()
        self.load(is_quiet=True)

    def show_job(self) -> None:
        """Enable the actions that make sense for what is chosen, none while one is under way."""
        chosen = self.chosen()
        is_free = not self.job
        free_ones = any(not one.is_locked for one in chosen)
        archivable = sum(1 for one in chosen if self.is_archivable(one))
        is_stuck = any(self.plight(one)[0] in PLIGHT_REASONS for one in chosen)
        can_build = any(one.plain_status in BUILDABLE and not one.is_locked for one in chosen)
        is_full = self.size.width < USUAL_COLUMNS and is_stuck and bool(archivable)  # no room for all buttons
        for name, is_possible in (
            ("archive", archivable),
            ("labels", archivable == len(chosen) == 1),
            ("move", free_ones and not is_full),
            ("delete", free_ones),
            ("build", can_build and not is_stuck),
            ("rescue", is_stuck),
        ):
            self.query_one(f"#prearchive-{name}", ActionButton).disabled = not (is_possible and is_free)

    def _show_details(self, details: Details | None) -> None:
        text = short(details) if details else ""
        if details and (reason := PLIGHT_REASONS.get(self.plight(details.session)[0])):
            text = f"{details.session.label}: {reason}. x: the ways out"
        if text != self._shown_details:
            self._shown_details = text
            self.query_one("#prearchive-detail", Static).update(text)

    def chosen(self) -> list[PrearchiveSession]:
        """Return the ticked sessions that are shown, or else the highlighted one; never one that is being uploaded."""
        ticked = [one for one in self._shown if one.uri in self._ticked]
        highlighted = [one for one in self._shown if one.uri == self.query_one(Rows).key]
        return [one for one in ticked or highlighted if not self._is_arriving(one)]

    def plight(self, session: PrearchiveSession) -> tuple[Plight, float | None]:
        """Return whether a session is stuck, by the site's clock and its idle timer, and for how long it is silent."""
        age_s = self._time.age_s(session, self.site.now_s)
        if self._timer is None or self._is_arriving(session):
            return Plight.NONE, age_s
        return plight_of(session, age_s, self._timer), age_s

    def _is_arriving(self, session: PrearchiveSession) -> bool:
        return self._is_uploading and session.uri in self._mine and not session.is_settled

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="rows", exclusive=True, exit_on_error=False)
    async def load(self, *, is_quiet: bool = False) -> None:
        """Read the list; a quiet look changes nothing on screen when the site does not answer."""
        try:
            if self._timer is None:
                self._timer = await self.site.idle_timer()
            sessions = await self.site.prearchive(self.project or None, with_unassigned=self.site.sees_unassigned)
        except Problem as problem:
            if not is_quiet:
                self.query_one(Rows).show((), empty="The site could not be asked. F5: ask again.")
                self.tell("")
                await self.explain(problem.finding)
            return
        self._time.see(sessions, self.site.now_s)
        self._mine, self._is_uploading = _of_this_upload(self.choices)
        newest = sorted(sessions, key=lambda one: one.uploaded, reverse=True)
        self._sessions = tuple(sorted(newest, key=lambda one: (0, one.label) if one.uri in self._mine else (1, "")))
        self._ticked &= {one.uri for one in sessions}
        whose = f"the prearchive of {self.project}" if self.project else "the prearchive of your projects"
        self.query_one(Rows).empty = f"Nothing waits in {whose}."
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
        session = next((one for one in self._shown if one.uri == uri), None)
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
        session = next((one for one in self._shown if one.uri == event.key), None)
        if session is None:
            return
        try:
            details = await self.know(session)
        except Problem as problem:
            await self.explain(problem.finding)
        else:
            await self.app.push_screen_wait(SessionScreen(self.site, details))

    # -- choosing ------------------------------------------------------------------------------------------------

    @on(Rows.Ticked, "#prearchive-sessions")
    def tick(self, event: Rows.Ticked) -> None:
        """Choose a session, or choose it no longer."""
        self._ticked ^= {event.key}
        self._show_ticked()

    def action_tick_all(self) -> None:
        """Choose all that are shown; none, where all are chosen."""
        shown = {one.uri for one in self._shown}
        self._ticked = frozenset() if shown <= self._ticked else frozenset(shown)
        self._show_ticked()

    def _show_ticked(self) -> None:
        self._show()
        count = sum(1 for one in self._shown if one.uri in self._ticked)
        self.tell(f"{count_text(count, 'session')} chosen." if count else "")

    @on(Input.Changed, "#prearchive-filter")
    def narrow(self) -> None:
        """Show what matches; what is hidden is not acted on."""
        self._show()
        self.look_closer(self.query_one(Rows).key)

    @on(Input.Submitted, "#prearchive-filter")
    def to_rows(self) -> None:
        """Go on to the list."""
        self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(Input).focus()

    def action_show_next(self) -> None:
        """Show the next kind of sessions only."""
        self._kind = SHOWN[(SHOWN.index(self._kind) + 1) % len(SHOWN)]
        self.narrow()

    def cancel_work(self) -> bool:
        """Stop waiting for the site, or clear the filter that one is in."""
        typed = self.query_one(Input)
        if self.focused is typed:
            typed.value = ""
            self.query_one(Rows).focus()
            return True
        return super().cancel_work()

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        for title, explanation, action in (
            ("Archive", "Check, then archive the chosen sessions", "archive"),
            ("Archive under other labels", "Change subject and session label while archiving", "labels"),
            ("Move to another project", "Move the chosen sessions into another prearchive", "move"),
            ("Delete", "Delete the chosen sessions on the site", "delete"),
            ("Build", "Build the chosen sessions that are receiving or failed", "build"),
            ("Rescue", "Help the chosen sessions that are stuck", "rescue"),
            ("Find status anew", "Let the site look how the chosen sessions stand", "reset"),
            ("Choose all", "Choose all sessions that are shown, or none", "tick_all"),
        ):
            yield title, explanation, partial(self._run, action)

    async def _run(self, action: str) -> None:
        await self.run_action(action)

    # -- leaving -------------------------------------------------------------------------------------------------

    def answer_back(self) -> Answer:
        """Go one step back."""
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
