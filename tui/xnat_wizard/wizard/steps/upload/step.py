"""Start an upload, watch it, pause or cancel it, and read what came of it. The worker process does the work."""

import asyncio
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.findings import Finding
from xnat_wizard.upload import logout, worker
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import UploadProgress, UploadState
from xnat_wizard.upload.uploads import is_same, unfinished
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.upload.acting import ActingStep
from xnat_wizard.wizard.steps.upload.words import (
    COLUMNS,
    STATE_WORDS,
    amount_text,
    buttons_for,
    event_text,
    headline,
    left_behind,
    plan_text,
    planned_row,
    progress_text,
    session_row,
    trail_text,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.lines import GrowingLines, LinesScreen
from xnat_wizard.wizard.widgets.losing import plan_loss
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.progress import ProgressLine
from xnat_wizard.wizard.widgets.rate import RateMeter, RateTrail
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command

LOOKS_PER_S = 3  # each change costs some 600 bytes on the line
ALIVE_EVERY = 4 * LOOKS_PER_S  # looks between two questions whether the worker lives
USUAL_COLUMNS = 80
LONG_WORDS = (
    ("upload-detach", "Leave running", "Home"),
    ("upload-delete", "d Delete what was sent", "d Delete"),
    ("upload-find", "Find out where it went", "Find it"),
)
ENDING_EVERY = LOOKS_PER_S  # and so many while it should end


class UploadStep(ActingStep):
    """The upload: before the start, while it runs, and after. Everything shown is read from the journal."""

    number: ClassVar[int] = 5
    sentence: ClassVar[str] = "Ready. Press Start to send what the plan says."
    HELP = """
# The upload

**Start** begins the upload in a process of its own. It goes on when you leave this step, close the terminal or lose the
SSH line; nothing that is stored on the site is sent twice. **Leave running** goes Home, which shows it again.

- **p** pauses and goes on.
- **c** cancels: what was sent stays on the site. Afterwards **d** deletes what waits of it in the prearchive.
- **v** sets how fast it may be, before the start or before **Resume**.
- **Resume** goes on with an upload that could not go on; only what is missing is sent.
- **Enter** on a session says what is wrong with it.
- **l** shows the log of what happened, **r** the receipt: what was found on the site, file by file.
- *Speed so far* shows the last minutes: the higher a sign, the faster; a blank is nothing at all.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", show=False, id="upload.pause", tooltip="Pause, or go on"),
        Binding("c", "cancel", "Cancel", show=False, id="upload.cancel", tooltip="Stop sending"),
        Binding("l", "log", "Log", show=False, id="upload.log", tooltip="What happened so far"),
        Binding("r", "receipt", "Receipt", show=False, id="upload.receipt", tooltip="What was found on the site"),
        Binding("v", "speed", "Speed", show=False, id="upload.speed", tooltip="How fast it may be"),
        Binding("d", "delete", "Delete", show=False, id="upload.delete", tooltip="What a cancelled upload left"),
    ]
    DEFAULT_CSS = """
    UploadStep #upload-summary { height: auto; margin-bottom: 1; }
    UploadStep #upload-trail { height: 1; }
    UploadStep Rows { min-height: 4; margin-top: 1; }
    UploadStep #upload-event { height: auto; max-height: 2; margin-top: 1; }
    UploadStep.-low Rows { margin-top: 0; }
    UploadStep.-low #upload-summary { margin-bottom: 0; }
    """

    def __init__(self, choices: Choices, ways: AbstractSet[Move] = frozenset()) -> None:
        """Show the upload of the choices' plan or journal; `ways` are the moves that lead somewhere from here."""
        super().__init__(choices)
        self._ways = ways
        self._rate = RateMeter()
        self._trail = RateTrail()
        self._looks = 0
        self._last_event = 0
        self._texts: dict[str, str] = {}
        self._route = self.plan.route
        self._risk: Finding | None = None  # that a log-out would end the upload
        self._shown_state: tuple[UploadState | None, bool, bool] | None = None

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out summary, totals, sessions, the last event."""
        yield Static("", id="upload-summary", markup=False)
        yield ProgressLine(id="upload-bar")
        yield Static("", id="upload-trail", markup=False)
        yield Rows(COLUMNS, id="upload-sessions")
        yield Static("", id="upload-event", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out every action; those that make no sense now are hidden."""
        yield ActionButton("Start", id="upload-start", tooltip="Begin to send", is_main=True)
        yield ActionButton("Next", id="upload-next", tooltip="Look at the prearchive", is_main=True)
        yield ActionButton("Resume", id="upload-resume", tooltip="Send what is missing")
        yield ActionButton("Start again", id="upload-again", tooltip="Plan the same upload anew")
        yield ActionButton("d Delete", id="upload-delete", tooltip="From the prearchive; it asks first")
        yield ActionButton("p Pause", id="upload-pause", tooltip="Stop sending for a while")
        yield ActionButton("c Cancel", id="upload-cancel", tooltip="Stop sending; what was sent stays on the site")
        yield ActionButton("Home", id="upload-detach", tooltip="Go Home; the upload goes on by itself")
        yield ActionButton("Find it", id="upload-find", tooltip="Look for the data on the site")
        yield ActionButton("v Speed", id="upload-speed", tooltip="How fast it may be, over how many connections")
        yield ActionButton("r Receipt", id="upload-receipt", tooltip="What was found on the site")
        yield ActionButton("l Log", id="upload-log", tooltip="What happened so far")

    def on_mount(self) -> None:
        """Show the running, broken or ended upload of this plan, else offer the start."""
        path = self.choices.journal_path
        if path is not None and path.is_file():
            self._take_up(path)
        if self.journal is None and (path := unfinished(self.plan)):  # of an earlier start, or another terminal's
            self._take_up(path)
        self.show()
        self.look_for_risks()
        self.set_interval(1 / LOOKS_PER_S, self._look)
        if self.journal is None:
            self.query_one("#upload-start").focus()
        elif self.progress is None or not self.progress.state.is_final:
            self.query_one("#upload-resume" if self._is_resume_next else "#upload-sessions").focus()

    def on_resize(self, _: events.Resize) -> None:
        """Shorten words on buttons where the terminal is narrow."""
        for name, words, short in LONG_WORDS:
            self.query_one(f"#{name}", ActionButton).say(short if self.size.width < USUAL_COLUMNS else words)

    @work(group="risks", exit_on_error=False)
    async def look_for_risks(self) -> None:
        """Say before the start when this machine would end the upload at the log-out."""
        self._risk = await asyncio.to_thread(logout.risk)
        if self._risk is not None and self.journal is None:
            self.show()

    def on_unmount(self) -> None:
        """Let go of the journal; the worker goes on."""
        if self.journal is not None:
            self.journal.close()

    def _take_up(self, path: Path) -> None:
        journal = Journal.open(path)
        progress = journal.progress()
        if progress.state.is_final and not is_same(journal.plan(), self.plan):
            journal.close()  # an older upload: this plan is a new one
            return
        self.journal = journal
        self.options, self._route = journal.options(), journal.route
        self.choices = replace(self.choices, journal_path=path)
        self.is_alive = worker.is_running(path)

    def _look(self) -> None:
        """Read the journal when it changed; ask now and then whether the worker lives.

        Not while another screen lies over this one: each change below it would repaint all of it.
        """
        journal = self.journal
        if journal is None or self.app.screen is not self:
            return
        self._looks += 1
        state = self.progress.state if self.progress else UploadState.PLANNED
        every = ENDING_EVERY if state.is_final else ALIVE_EVERY
        if self._looks % every == 0 and (not state.is_final or self.is_alive):
            is_alive = worker.is_running(journal.path)
            if is_alive != self.is_alive:
                self.is_alive = is_alive
                self.show()
        if journal.changed():
            self.show()
        elif state is UploadState.RUNNING and self.progress is not None:
            self._show_bar(self.progress)

    def on_screen_resume(self) -> None:
        """Catch up after another screen lay over this one."""
        if self.journal is not None:
            self.is_alive = worker.is_running(self.journal.path)
            self.show()

    def show(self) -> None:
        """Show the journal as it stands now."""
        journal = self.journal
        before = self.progress.state if self.progress else None
        self.progress = journal.progress() if journal else None
        if journal is None or self.progress is None:
            self._show_plan()
        else:
            self._show_progress(journal, self.progress)
        after = self.progress.state if self.progress else None
        shown = (after, self.is_alive, bool(self.progress and left_behind(self.progress)))
        if shown != self._shown_state:
            self._shown_state = shown
            self._show_buttons()
        if after is not before and after is not None:
            self._state_changed(after)

    def _state_changed(self, state: UploadState) -> None:
        """Say what is new, and put the focus where one goes on."""
        if self.journal is not None and self.progress is not None and state.is_final:
            reason = f"{self.progress.finding.what}. " if self.progress.finding else ""
            self.tell(f"{reason}Kept in {self.journal.path.parent}")
            self.query_one("#upload-resume" if self._is_resume_next else "#upload-next").focus()
        elif state is not UploadState.PLANNED:
            self.tell()

    def _put(self, name: str, text: str) -> None:
        """Write a text where it is another one than before: each repaint travels over the line.

        A text with as many lines as before is laid out as it was: a new layout would repaint what lies below it.
        """
        before = self._texts.get(name)
        if before == text:
            return
        self._texts[name] = text
        target = self.query_one(f"#{name}", Static)
        fits = all(len(line) <= target.size.width for line in f"{before}\n{text}".split("\n"))
        is_laid_out = before is not None and before.count("\n") == text.count("\n") and fits
        target.update(text, layout=not is_laid_out)

    def _show_plan(self) -> None:
        self._put("upload-summary", plan_text(self.plan, self.site.info.url, self._risk, self.options))
        self.query_one("#upload-bar").display = False
        self.query_one("#upload-trail").display = False
        self.query_one(Rows).show(planned_row(one) for one in self.plan.included)

    def _show_progress(self, journal: Journal, progress: UploadProgress) -> None:
        is_alive = self.is_alive
        self._put("sentence", headline(progress, is_alive=is_alive))
        words = progress_text(progress, is_alive=is_alive, options=self.options, route=self._route)
        self._put("upload-summary", words)
        self._show_bar(progress)
        self.query_one(Rows).show(session_row(session) for session in progress.sessions)
        events = journal.events(self._last_event)
        if events:
            self._last_event = events[-1].id
            self._put("upload-event", event_text(events[-1], "%H:%M:%S"))

    def _show_bar(self, progress: UploadProgress) -> None:
        bar = self.query_one("#upload-bar", ProgressLine)
        trail = self.query_one("#upload-trail", Static)
        bar.display = True
        is_running = progress.state is UploadState.RUNNING
        if is_running:
            self._rate.see(time.monotonic(), progress.bytes_sent)
            self._trail.see(time.monotonic(), progress.bytes_sent)
        else:
            self._rate.clear()
            self._trail.pause()
        bar.show(progress.bytes_sent, progress.bytes_total, amount_text(progress, self._rate))
        trail.display = not progress.state.is_final  # its line is there from the start: nothing jumps when it fills
        if trail.display and not self._trail.is_empty:
            self._put("upload-trail", trail_text(self._trail, bar.size.width))

    def _show_buttons(self) -> None:
        state = self.progress.state if self.progress else None
        shown = buttons_for(
            state,
            is_alive=self.is_alive,
            has_receipt=self.journal is not None and self.journal.receipt() is not None,
            has_rest=bool(self.progress and left_behind(self.progress)),
            may_find=Move.TROUBLESHOOT in self._ways,
        )
        focused = self.focused
        for name, is_shown in shown.items():
            self.query_one(f"#{name}").display = is_shown
        self.query_one("#upload-pause", ActionButton).say("p Go on" if state is UploadState.PAUSED else "p Pause")
        if focused is not None and not focused.display:
            self.query_one("#upload-resume" if self._is_resume_next else "#upload-sessions").focus()

    def forget(self) -> None:
        """Show nothing of the present journal any more."""
        self._last_event, self._texts, self._trail = 0, {}, RateTrail()
        self._put("sentence", self.sentence)
        self._put("upload-event", "")
        self.show()

    @property
    def _is_resume_next(self) -> bool:
        """Tell whether the likeliest act is to go on with an upload that stopped before its end."""
        is_incomplete = self.progress is not None and self.progress.state is UploadState.INCOMPLETE
        return self.query_one("#upload-resume").display and not is_incomplete

    # -- what can be opened --------------------------------------------------------------------------------------

    @on(Rows.Chosen, "#upload-sessions")
    def open_session(self, event: Rows.Chosen) -> None:
        """Explain what is wrong with a session."""
        sessions = self.progress.sessions if self.progress else ()
        session = next((one for one in sessions if one.key == event.key), None)
        finding = session.finding if session else None
        if finding is None and self.progress is not None:
            finding = self.progress.finding
        if finding is not None:
            self.explain_soon(finding)
        elif session is not None:
            self.tell(f"{session.session_label}: {STATE_WORDS[session.state][0]}. {session.uri}")

    @on(Button.Pressed, "#upload-log")
    def action_log(self) -> None:
        """Show every event so far, and those to come while it is read."""
        if self.journal is not None:
            foot = f"Kept in {self.journal.path.parent}"
            self.app.push_screen(GrowingLines("What happened so far", _reader(self.journal), foot=foot))

    @on(Button.Pressed, "#upload-receipt")
    def action_receipt(self) -> None:
        """Show the receipt, and where it is kept."""
        receipt = self.journal.receipt() if self.journal else None
        if receipt is not None and self.journal is not None:
            foot, title = f"Kept in {self.journal.path.parent}", f"Receipt: {receipt.verdict}"
            self.app.push_screen(LinesScreen(title, receipts.as_text(receipt), foot=foot))

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        for title, explanation, action in (
            ("Pause or go on", "Stop sending for a while, or go on", "pause"),
            ("Cancel the upload", "Stop sending; what was sent stays on the site", "cancel"),
            ("Leave running", "Go Home; the upload goes on by itself", "detach"),
            ("Speed", "How fast it may be, before the start or before Resume", "speed"),
            ("Delete what was sent", "What a cancelled upload left in the prearchive", "delete"),
            ("Log", "What happened so far", "log"),
            ("Receipt", "What was found on the site", "receipt"),
        ):
            yield title, explanation, partial(self._run, action)

    async def _run(self, action: str) -> None:
        await self.run_action(action)

    # -- leaving -------------------------------------------------------------------------------------------------

    def answer_back(self) -> Answer:
        """Go one step back; a running upload goes on."""
        return Answer(self.choices, Move.BACK)

    @on(Button.Pressed, "#upload-next")
    def go_next(self) -> None:
        """Go on to the prearchive."""
        if self.progress is None:
            self.tell("Nothing was sent yet. Enter on Start begins.")
            self.query_one("#upload-start").focus()
            return
        places = [session.uri for session in self.progress.sessions if "/experiments/" in session.uri]
        first = places[0].rsplit("/", 1)[-1] if places else self.choices.archived_session_id
        self.dismiss(Answer(replace(self.choices, archived_session_id=first), Move.NEXT))

    def would_lose(self) -> str:
        """A plan that was changed and not started is lost."""
        return "" if self.journal else plan_loss(self.choices.plan, self.choices.survey)

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        return parting_words(self.choices.journal_path)


def _reader(journal: Journal) -> Callable[[], str]:
    """Return a function that gives the events since its last call, a line each."""
    last = 0

    def more() -> str:
        nonlocal last
        events = journal.events(last)
        last = events[-1].id if events else last
        return "\n".join(event_text(event, "%Y-%m-%d %H:%M:%S") for event in events)

    return more
