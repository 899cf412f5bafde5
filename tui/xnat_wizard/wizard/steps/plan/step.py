"""Review the plan: which sessions go where, under which labels, and what XNAT will do with them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.findings import Finding, Problem, Severity, by_weight
from xnat_wizard.troubleshoot.before_sending import forecast
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.choosing import twins
from xnat_wizard.upload.cstore.echo import refusal
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.deidentify.planning import under
from xnat_wizard.upload.estimate import ASSUMED, speed_to
from xnat_wizard.upload.model import Destination, Plan, Route
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.plan.asking import AskingStep
from xnat_wizard.wizard.steps.plan.edits import is_askable, stopping_codes
from xnat_wizard.wizard.steps.plan.table import Ahead, detail_of, row_of
from xnat_wizard.wizard.steps.plan.words import COLUMNS, DESTINATIONS, HELP, UNNOTED, mark, reasons, way_words
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.listing import FindingsScreen, OthersScreen
from xnat_wizard.wizard.widgets.losing import plan_loss
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.plain import cut_lines
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command

DETAIL_ROWS = 4


class PlanStep(AskingStep):
    """The plan as a list of sessions; edits survive going back and forth."""

    number: ClassVar[int] = 4
    sentence: ClassVar[str] = "Check what will be sent. Space: in or out. Enter: labels. e: series."
    has_refresh: ClassVar[bool] = True
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "findings", "Findings", show=False, id="plan.findings", tooltip="All findings, explained"),
        Binding(
            "o", "not_sent", "Not sent", show=False, id="plan.not_sent", tooltip="Files that are not sent, and why"
        ),
        Binding("b", "relabel", "Labels", show=False, id="plan.labels", tooltip="Labels for all sessions by one rule"),
        Binding("e", "series", "Series", show=False, id="plan.series", tooltip="Choose the series of this session"),
        Binding("x", "subject", "Subject", show=False, id="plan.subject", tooltip="This subject goes, or stays"),
        Binding("t", "travel", "Route", show=False, id="plan.travel", tooltip="How it travels: route, receiver, speed"),
        Binding("p", "privacy", "Names", show=False, id="plan.privacy", tooltip="Whether names leave this machine"),
        Binding("s", "save", "Save", show=False, id="plan.save", tooltip="Save the plan to a file"),
        Binding("u,z", "undo", "Undo", id="plan.undo", tooltip="Take the last change back"),
    ]
    DEFAULT_CSS = """
    PlanStep Checklist { height: 2; }
    PlanStep #plan-note { height: auto; max-height: 3; color: $text-muted; }
    PlanStep Rows { min-height: 5; margin-top: 1; }
    PlanStep #plan-detail { height: 4; margin-top: 1; }
    PlanStep #plan-way { height: 1; offset-x: -1; }
    PlanStep #plan-time {
        width: 1fr; height: 1; margin-left: 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis;
    }
    PlanStep.-low Rows, PlanStep.-low #plan-detail { margin-top: 0; }
    """

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self._ahead = Ahead()
        self._speed = ASSUMED
        self._speed_of: Route | None = None  # which route that is the speed of
        self._answer: tuple[Peer, Finding | None] | None = None  # of the receiver that was asked last
        self._stops = stopping_codes(self._survey, self._plan.sessions)

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out destination, sessions, the chosen one in detail."""
        yield Checklist(DESTINATIONS.items(), [self._plan.destination], is_single=True, id="plan-destination")
        yield Static("", id="plan-note", markup=False)
        yield Rows(COLUMNS, empty="No image was found that can be sent.", id="plan-sessions")
        yield Static("", id="plan-detail", markup=False)
        with Horizontal(id="plan-way"):
            yield ActionButton("t Route", id="plan-travel", tooltip="How it travels: route, receiver, speed")
            yield ActionButton("p Names", id="plan-privacy", tooltip="Whether names leave this machine")
            yield Static("", id="plan-time", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out the ways on."""
        yield ActionButton("Next", id="plan-next", tooltip="Go on to the upload", is_main=True)
        yield ActionButton("f Findings", id="plan-findings", tooltip="All findings, explained")
        yield ActionButton("o Not sent", id="plan-not-sent", tooltip="Files that are not sent, and why")
        yield ActionButton("b Labels", id="plan-labels", tooltip="Labels for all sessions by one rule")
        yield ActionButton("s Save", id="plan-save", tooltip="Save the plan to a file, to be sent by a command")

    def on_mount(self) -> None:
        """Show the plan and ask the site."""
        self._show()
        self.query_one(Rows).focus()
        self.look_ahead()
        self.look_back()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the detail, buttons and footer to the new width."""
        super().on_resize(event)
        self._show_buttons()
        self._show_detail(self.query_one(Rows).key)

    def _show(self) -> None:
        rows, same = self.query_one(Rows), twins(self._plan)
        rows.show(row_of(session, self._survey, self._ahead, same) for session in self._plan.sessions)
        self._show_detail(rows.key)
        told = [finding for finding in self._ahead.found.get("", ()) if finding.code not in UNNOTED]
        notes = [f"{mark(finding)}  {finding.what}" for finding in told]
        if self._ahead.unchecked:
            notes.append(f"note  The site could not be asked: {self._ahead.unchecked.what} (F5: ask again)")
        self.query_one("#plan-note", Static).update("\n".join(notes))
        chosen = self._plan.included
        files, size = sum(one.file_count for one in chosen), sum(one.size_bytes for one in chosen)
        counted = f"{len(chosen)} of {count_text(len(self._plan.sessions), 'session')}"
        others = len(self._survey.others)
        left = f" Not sent: {count_text(others, 'file')} (o)" if others else ""
        amount = f"{count_text(files, 'file')}, {bytes_text(size)}"
        self.tell(f"{self._news}{counted}: {amount} to the {self._plan.destination}.{left}")
        self.query_one("#plan-time", Static).update(way_words(self._plan, self._speed))
        self._show_buttons()
        self.refresh_bindings()

    def _show_buttons(self) -> None:
        is_wide = self.app.size.width >= 80
        count = len(self._findings())
        findings = self.query_one("#plan-findings", ActionButton)
        findings.say(f"f Findings ({count})" if is_wide else "f Findings")
        self.query_one("#plan-not-sent").display = is_wide  # the line above the buttons names the key

    def _show_detail(self, key: str) -> None:
        session = self._edits.session(key)
        text = detail_of(session, self._survey, self._ahead, twins(self._plan)) if session else ""
        self.query_one("#plan-detail", Static).update(cut_lines(text, self.app.size.width - 4, DETAIL_ROWS))

    def _findings(self) -> list[Finding]:
        ahead = [finding for found in self._ahead.found.values() for finding in found]
        whole = [self._ahead.unchecked] if self._ahead.unchecked else []
        return by_weight((*planning.check(self._plan), *ahead, *whole, *self._of_labels, *self._survey.findings))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show the key to undo where there is something to take back."""
        if action == "undo":
            return self._edits.can_undo
        return super().check_action(action, parameters)

    # -- the site, and earlier uploads ---------------------------------------------------------------------------

    @work(group="forecast", exclusive=True, exit_on_error=False)
    async def look_ahead(self) -> None:
        """Ask the site what it will do with the plan as it is now; typing goes on meanwhile."""
        self._ahead = replace(self._ahead, is_checking=True, unchecked=None)
        self._show()
        try:
            found = await forecast(self._plan, self._site)
            self._ahead = Ahead({**found, "": (*await self._no_answer(), *found.get("", ()))}, is_checking=False)
        except Problem as problem:
            self._ahead = replace(self._ahead, is_checking=False, unchecked=problem.finding)
        self._show()

    async def _no_answer(self) -> tuple[Finding, ...]:
        """Return why the receiver does not answer, where one is meant; it is asked once, and again after F5."""
        peer = self._plan.receiver
        if self._plan.route is not Route.DICOM or peer is None:
            return ()
        if self._answer is None or self._answer[0] != peer:
            self._answer = peer, await refusal(peer)
        finding = self._answer[1]
        return (replace(finding, severity=Severity.ASK),) if finding else ()

    @work(group="speed", exclusive=True, exit_on_error=False)
    async def look_back(self) -> None:
        """Reckon with the speed of earlier uploads to this site by this route."""
        route = self._speed_of = self._plan.route
        self._speed = await asyncio.to_thread(speed_to, self._site.info.url, route)
        self._show()

    def refresh_content(self) -> None:
        """Ask the site again."""
        self._ahead, self._answer = Ahead(), None
        self.look_ahead()

    # -- edits ---------------------------------------------------------------------------------------------------

    def _changed(self, keys: set[str]) -> None:
        """Ask anew: what the site said of edited sessions no longer counts."""
        self._ahead = self._ahead.without(keys)
        self._news = ""
        self.query_one("#plan-destination", Checklist).tick(self._plan.destination, is_on=True)
        self.look_ahead()
        if self._speed_of is not self._plan.route:
            self.look_back()

    @on(Checklist.Changed, "#plan-destination")
    def change_destination(self, event: Checklist.Changed) -> None:
        """Send to the other place."""
        self._edits.take(planning.with_destination(self._plan, Destination(event.ticked[0])), "the destination")

    @on(Rows.Highlighted, "#plan-sessions")
    def show_highlighted(self, event: Rows.Highlighted) -> None:
        """Show the row under the cursor in detail."""
        self._show_detail(event.key)

    @on(Rows.Ticked, "#plan-sessions")
    def switch(self, event: Rows.Ticked) -> None:
        """Take a session in or leave it out; ask where something is held."""
        session = self._edits.session(event.key)
        assert session
        if is_askable(session, self._stops):
            self.ask_about_held(session)
            return
        try:
            plan = planning.edit(self._plan, session.key, is_included=not session.is_included)
        except Problem as problem:
            why = reasons(session, self._survey)
            self.explain_soon(why[0] if why else problem.finding)
        else:
            self._edits.take(plan, f"{'leaving out' if session.is_included else 'taking in'} {session.session_label}")

    # -- what can be opened --------------------------------------------------------------------------------------

    @on(Button.Pressed, "#plan-findings")
    def action_findings(self) -> None:
        """Show all findings."""
        self.app.push_screen(FindingsScreen("Findings of folder, plan and site", self._findings()))

    @on(Button.Pressed, "#plan-not-sent")
    def action_not_sent(self) -> None:
        """Show the files that are not sent, by kind."""
        self.app.push_screen(OthersScreen(self._survey.source, self._survey.others))

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        yield "Findings", "All findings of folder, plan and site, explained", self.action_findings
        yield "Not sent", "The files that are not sent, and why", self.action_not_sent
        yield "Labels for all sessions", "By folders, headers, a pattern or a table", self.action_relabel
        yield "How it travels", "Route, receiver, speed and compression", self.action_travel
        yield "Names in the images", "Left to the server's scripts, or de-identified here", self.action_privacy
        yield "Series", "Choose the series of the session under the cursor", self.action_series
        yield "Subject", "All sessions of this subject go, or stay", self.action_subject
        yield "Save plan", "Save the plan to a file, to be sent by a command", self._press_save
        if self._edits.can_undo:
            yield "Undo", "Take the last change back", self.action_undo

    def _press_save(self) -> None:
        self.query_one("#plan-save", ActionButton).press()

    # -- leaving -------------------------------------------------------------------------------------------------

    def answer_back(self) -> Answer:
        """Give the plan back, edits and all."""
        return Answer(replace(self._choices, plan=self._plan), Move.BACK)

    def would_lose(self) -> str:
        """A plan that was changed, and neither saved nor sent, is lost."""
        loss = plan_loss(self._plan, self._survey, self._choices.journal_path)
        return f"{loss} s saves it to a file." if loss and self._plan != self._kept else ""

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        return parting_words(self._choices.journal_path)

    @on(Button.Pressed, "#plan-next")
    def next_pressed(self) -> None:
        """Go on."""
        self.go_next()

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def go_next(self) -> None:  # type: ignore[override]  # a worker, so that it can ask
        """Go on to the upload when nothing forbids it; ask where XNAT is known to make trouble later."""
        ahead = [
            finding
            for key in ("", *(one.key for one in self._plan.included))
            for finding in self._ahead.found.get(key, ())
        ]
        plan = await self._looked_through()
        for finding in by_weight((*planning.check(plan), *ahead)):
            if finding.severity is Severity.STOP:
                await self.explain(finding)
                return
        asked = [finding for finding in ahead if finding.severity is Severity.ASK]
        if asked:
            detail = "\n\n".join(f"{one.what}. {one.why}." for one in asked)
            if not await self.app.push_screen_wait(
                ConfirmScreen("Go on all the same?", detail, yes="Go on", no="Stay")
            ):
                return
        self.dismiss(Answer(replace(self._choices, plan=plan), Move.NEXT))

    async def _looked_through(self) -> Plan:
        """Return the plan without what cannot be de-identified: sessions may have come in since that was chosen."""
        if self._plan.deidentification is None:
            return self._plan
        return await asyncio.to_thread(under, self._plan, self._plan.deidentification)
