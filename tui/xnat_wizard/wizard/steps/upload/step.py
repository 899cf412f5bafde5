"""Start an upload, watch it, pause or cancel it, and read what came of it. The worker process does the work."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import logout, worker
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Request, UploadProgress, UploadState
from xnat_wizard.upload.uploads import begin, is_same, unfinished
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.upload.words import (
    COLUMNS,
    STATE_WORDS,
    amount_text,
    buttons_for,
    cancel_text,
    cannot_write,
    event_text,
    headline,
    plan_text,
    planned_row,
    progress_text,
    session_row,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.progress import ProgressLine
from xnat_wizard.wizard.widgets.rate import RateMeter
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen

LOOKS_PER_S = 4
ALIVE_EVERY = 4 * LOOKS_PER_S  # looks between two questions whether the worker lives


class UploadStep(StepScreen[Answer]):
    """The upload: before the start, while it runs, and after. Everything shown is read from the journal."""

    number: ClassVar[int] = 5
    sentence: ClassVar[str] = "Ready. Press Start to send what the plan says."
    HELP = """
# The upload

**Start** begins the upload in a process of its own. It goes on when you leave this step, close the terminal or lose the
SSH line; nothing that is stored on the site is sent twice.

- **p** pauses and goes on.
- **c** cancels: what was sent stays on the site.
- **Resume** goes on with an upload that could not go on; only what is missing is sent.
- **Enter** on a session says what is wrong with it.
- **l** shows the log of what happened, **r** the receipt: what was found on the site, file by file.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", show=False, id="upload.pause", tooltip="Pause, or go on"),
        Binding("c", "cancel", "Cancel", show=False, id="upload.cancel", tooltip="Stop sending"),
        Binding("l", "log", "Log", show=False, id="upload.log", tooltip="What happened so far"),
        Binding("r", "receipt", "Receipt", show=False, id="upload.receipt", tooltip="What was found on the site"),
    ]
    DEFAULT_CSS = """
    UploadStep #upload-summary { height: auto; margin-bottom: 1; }
    UploadStep #upload-bar { margin-bottom: 1; }
    UploadStep Rows { min-height: 4; }
    UploadStep #upload-event { height: auto; max-height: 2; margin-top: 1; }
    UploadStep.-low #upload-bar { margin-bottom: 0; }
    """

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.plan
        super().__init__(choices.who)
        self._choices = choices
        self._site = choices.site
        self._plan = choices.plan
        self._journal: Journal | None = None
        self._progress: UploadProgress | None = None
        self._rate = RateMeter()
        self._looks = 0
        self._last_event = 0
        self._is_alive = True
        self._texts: dict[str, str] = {}
        self._risk: Finding | None = None  # that a log-out would end the upload
        self._shown_state: tuple[UploadState | None, bool] | None = None

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out summary, totals, sessions, the last event."""
        yield Static("", id="upload-summary", markup=False)
        yield ProgressLine(id="upload-bar")
        yield Rows(COLUMNS, id="upload-sessions")
        yield Static("", id="upload-event", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out every action; those that make no sense now are hidden."""
        yield ActionButton("Start", id="upload-start", tooltip="Begin to send", is_main=True)
        yield ActionButton("Next", id="upload-next", tooltip="Look at the prearchive", is_main=True)
        yield ActionButton("Resume", id="upload-resume", tooltip="Send what is missing")
        yield ActionButton("Start again", id="upload-again", tooltip="Plan the same upload anew")
        yield ActionButton("p Pause", id="upload-pause", tooltip="Stop sending for a while")
        yield ActionButton("c Cancel", id="upload-cancel", tooltip="Stop sending; what was sent stays on the site")
        yield ActionButton("l Log", id="upload-log", tooltip="What happened so far")
        yield ActionButton("r Receipt", id="upload-receipt", tooltip="What was found on the site")

    def on_mount(self) -> None:
        """Show the running, broken or ended upload of this plan, else offer the start."""
        path = self._choices.journal_path
        if path is not None and path.is_file():
            self._take_up(path)
        if self._journal is None and (path := unfinished(self._plan)):  # of an earlier start of the wizard
            self._take_up(path)
        self._show()
        self.look_for_risks()
        self.set_interval(1 / LOOKS_PER_S, self._look)
        if self._journal is None:
            self.query_one("#upload-start").focus()
        elif self._progress is None or not self._progress.state.is_final:
            self.query_one("#upload-resume" if self._is_resume_next else "#upload-sessions").focus()

    @work(group="risks", exit_on_error=False)
    async def look_for_risks(self) -> None:
        """Say before the start when this machine would end the upload at the log-out."""
        self._risk = await asyncio.to_thread(logout.risk)
        if self._risk is not None and self._journal is None:
            self._show()

    def on_unmount(self) -> None:
        """Let go of the journal; the worker goes on."""
        if self._journal is not None:
            self._journal.close()

    def _take_up(self, path: Path) -> None:
        journal = Journal.open(path)
        progress = journal.progress()
        if progress.state.is_final and not is_same(journal.plan(), self._plan):
            journal.close()  # an older upload: this plan is a new one
            return
        self._journal = journal
        self._choices = replace(self._choices, journal_path=path)
        self._is_alive = progress.state.is_final or worker.is_running(path)

    def _look(self) -> None:
        """Read the journal when it changed; ask now and then whether the worker lives."""
        journal = self._journal
        if journal is None:
            return
        self._looks += 1
        state = self._progress.state if self._progress else UploadState.PLANNED
        if self._looks % ALIVE_EVERY == 0 and not state.is_final:
            is_alive = worker.is_running(journal.path)
            if is_alive != self._is_alive:
                self._is_alive = is_alive
                self._show()
        if journal.changed():
            self._show()
        elif state is UploadState.RUNNING and self._progress is not None:
            self._show_bar(self._progress)

    def _show(self) -> None:
        journal = self._journal
        before = self._progress.state if self._progress else None
        self._progress = journal.progress() if journal else None
        if journal is None or self._progress is None:
            self._show_plan()
        else:
            self._show_progress(journal, self._progress)
        after = self._progress.state if self._progress else None
        shown = (after, self._is_alive)
        if shown != self._shown_state:
            self._shown_state = shown
            self._show_buttons()
        if after is not before and after is not None:
            self._state_changed(after)

    def _state_changed(self, state: UploadState) -> None:
        """Say what is new, and put the focus where one goes on."""
        if self._journal is not None and self._progress is not None and state.is_final:
            reason = f"{self._progress.finding.what}. " if self._progress.finding else ""
            self.tell(f"{reason}Kept in {self._journal.path.parent}")
            self.query_one("#upload-resume" if self._is_resume_next else "#upload-next").focus()
        elif state is not UploadState.PLANNED:
            self.tell()

    def _put(self, name: str, text: str) -> None:
        """Write a text where it is another one than before: each repaint travels over the line."""
        if self._texts.get(name) != text:
            self._texts[name] = text
            self.query_one(f"#{name}", Static).update(text)

    def _show_plan(self) -> None:
        self._put("upload-summary", plan_text(self._plan, self._site.info.url, self._risk))
        self.query_one("#upload-bar").display = False
        self.query_one(Rows).show(planned_row(one) for one in self._plan.included)

    def _show_progress(self, journal: Journal, progress: UploadProgress) -> None:
        self._put("sentence", headline(progress, is_alive=self._is_alive))
        self._put("upload-summary", progress_text(progress, is_alive=self._is_alive))
        self._show_bar(progress)
        self.query_one(Rows).show(session_row(session) for session in progress.sessions)
        for event in journal.events(self._last_event):
            self._last_event = event.id
            self._put("upload-event", event_text(event, "%H:%M:%S"))

    def _show_bar(self, progress: UploadProgress) -> None:
        bar = self.query_one("#upload-bar", ProgressLine)
        bar.display = True
        if progress.state is UploadState.RUNNING:
            self._rate.see(time.monotonic(), progress.bytes_sent)
        else:
            self._rate.clear()
        bar.show(progress.bytes_sent, progress.bytes_total, amount_text(progress, self._rate))

    def _show_buttons(self) -> None:
        state = self._progress.state if self._progress else None
        has_receipt = self._journal is not None and self._journal.receipt() is not None
        shown = buttons_for(state, is_alive=self._is_alive, has_receipt=has_receipt)
        focused = self.focused
        for name, is_shown in shown.items():
            self.query_one(f"#{name}").display = is_shown
        self.query_one("#upload-pause", ActionButton).say("p Go on" if state is UploadState.PAUSED else "p Pause")
        if focused is not None and not focused.display:
            self.query_one("#upload-resume" if self._is_resume_next else "#upload-sessions").focus()

    @property
    def _is_resume_next(self) -> bool:
        """Tell whether the likeliest act is to go on with an upload that stopped before its end."""
        is_incomplete = self._progress is not None and self._progress.state is UploadState.INCOMPLETE
        return self.query_one("#upload-resume").display and not is_incomplete

    # -- start, pause, cancel ------------------------------------------------------------------------------------

    @on(Button.Pressed, "#upload-start")
    @on(Button.Pressed, "#upload-resume")
    @work(group="start", exclusive=True, exit_on_error=False)
    async def start_upload(self) -> None:
        """Write the journal where there is none yet, and start the worker."""
        self.tell("Starting...")
        try:
            if self._journal is None:
                path = await asyncio.to_thread(begin, self._plan)
                self._choices = replace(self._choices, journal_path=path)
                self._journal = Journal.open(path)
            login = await self._site.worker_login()
            await asyncio.to_thread(worker.start, self._journal.path, login)
        except Problem as problem:
            await self._not_started(problem.finding)
        except OSError as error:
            await self._not_started(cannot_write(error))
        else:
            self._is_alive = True
            self.tell()
            self._show()

    async def _not_started(self, finding: Finding) -> None:
        self._is_alive = False
        self.tell("The upload did not start.")
        self._show()
        await self.explain(finding)

    @on(Button.Pressed, "#upload-again")
    def begin_again(self) -> None:
        """Leave the cancelled upload as it is and offer the start of a new one."""
        self.on_unmount()
        self._journal, self._last_event, self._texts = None, 0, {}
        self._choices = replace(self._choices, journal_path=None)
        self._put("sentence", self.sentence)
        self._put("upload-event", "")
        self.tell()
        self._show()
        self.query_one("#upload-start").focus()

    @on(Button.Pressed, "#upload-pause")
    def action_pause(self) -> None:
        """Pause, or go on."""
        if self._journal is None or self._progress is None or self._progress.state.is_final:
            return
        is_paused = self._progress.state is UploadState.PAUSED
        self._journal.request(Request.GO_ON if is_paused else Request.PAUSE)
        self.tell("Going on..." if is_paused else "Pausing: parts that are on their way are finished first...")

    @on(Button.Pressed, "#upload-cancel")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_cancel(self) -> None:
        """Ask, then cancel."""
        if self._journal is None or self._progress is None or self._progress.state.is_final:
            return
        question = ConfirmScreen(
            "Cancel the upload?", cancel_text(self._progress), yes="Cancel the upload", no="Let it run"
        )
        is_sure = await self.app.push_screen_wait(question)
        if is_sure and not self._progress.state.is_final:  # it may have ended while the question stood there
            self._journal.request(Request.CANCEL)
            self.tell("Cancelling...")

    # -- what can be opened --------------------------------------------------------------------------------------

    @on(Rows.Chosen, "#upload-sessions")
    def open_session(self, event: Rows.Chosen) -> None:
        """Explain what is wrong with a session."""
        sessions = self._progress.sessions if self._progress else ()
        session = next((one for one in sessions if one.key == event.key), None)
        finding = session.finding if session else None
        if finding is None and self._progress is not None:
            finding = self._progress.finding
        if finding is not None:
            self.explain_soon(finding)
        elif session is not None:
            self.tell(f"{session.session_label}: {STATE_WORDS[session.state][0]}. {session.uri}")

    @on(Button.Pressed, "#upload-log")
    def action_log(self) -> None:
        """Show every event so far."""
        if self._journal is None:
            return
        lines = [event_text(event, "%Y-%m-%d %H:%M:%S") for event in self._journal.events()]
        foot = f"Kept in {self._journal.path.parent}"
        self.app.push_screen(LinesScreen("What happened so far", "\n".join(lines) or "Nothing yet.", foot=foot))

    @on(Button.Pressed, "#upload-receipt")
    def action_receipt(self) -> None:
        """Show the receipt, and where it is kept."""
        receipt = self._journal.receipt() if self._journal else None
        if receipt is not None and self._journal is not None:
            foot, title = f"Kept in {self._journal.path.parent}", f"Receipt: {receipt.verdict}"
            self.app.push_screen(LinesScreen(title, receipts.as_text(receipt), foot=foot))

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        yield "Pause or go on", "Stop sending for a while, or go on", self.action_pause
        yield (
            "Cancel the upload",
            "Stop sending; what was sent stays on the site",
            self.query_one("#upload-cancel", ActionButton).action_press,
        )
        yield "Log", "What happened so far", self.action_log
        yield "Receipt", "What was found on the site", self.action_receipt

    # -- leaving -------------------------------------------------------------------------------------------------

    def answer_back(self) -> Answer:
        """Go back to the plan; a running upload goes on."""
        return Answer(self._choices, Move.BACK)

    @on(Button.Pressed, "#upload-next")
    def go_next(self) -> None:
        """Go on to the prearchive."""
        if self._progress is None:
            self.tell("Nothing was sent yet. Enter on Start begins.")
            self.query_one("#upload-start").focus()
            return
        places = [session.uri for session in self._progress.sessions if "/experiments/" in session.uri]
        first = places[0].rsplit("/", 1)[-1] if places else self._choices.archived_session_id
        self.dismiss(Answer(replace(self._choices, archived_session_id=first), Move.NEXT))

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        return parting_words(self._choices.journal_path)
