"""Review the plan: which sessions go where, under which labels, and what XNAT will do with them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.findings import Finding, Problem, Severity, by_weight
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.choosing import twins, with_items, with_subject
from xnat_wizard.upload.estimate import ASSUMED, speed_to
from xnat_wizard.upload.model import Destination, Plan, PlannedSession
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.plan.edits import Edits, is_askable, stopping_codes
from xnat_wizard.wizard.steps.plan.relabel import Asked, RelabelScreen
from xnat_wizard.wizard.steps.plan.saving import SaveScreen
from xnat_wizard.wizard.steps.plan.series import SeriesScreen
from xnat_wizard.wizard.steps.plan.table import Ahead, detail_of, row_of
from xnat_wizard.wizard.steps.plan.words import (
    COLUMNS,
    DESTINATIONS,
    HELP,
    UNNOTED,
    fitting_plan,
    mark,
    reasons,
    speed_words,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.amounts import bytes_text, count_text
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.edit_labels import EditLabels
from xnat_wizard.wizard.widgets.listing import FindingsScreen, OthersScreen
from xnat_wizard.wizard.widgets.losing import plan_loss
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.plain import cut_lines
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen

DETAIL_ROWS = 4


class PlanStep(StepScreen[Answer]):
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
        Binding("s", "save", "Save", show=False, id="plan.save", tooltip="Save the plan to a file"),
        Binding("u,z", "undo", "Undo", id="plan.undo", tooltip="Take the last change back"),
    ]
    DEFAULT_CSS = """
    PlanStep Checklist { height: 2; }
    PlanStep #plan-note { height: auto; max-height: 3; color: $text-muted; }
    PlanStep Rows { min-height: 5; margin-top: 1; }
    PlanStep #plan-detail { height: 4; margin-top: 1; }
    PlanStep #plan-time { height: 1; color: $text-muted; }
    PlanStep.-low Rows, PlanStep.-low #plan-detail { margin-top: 0; }
    """

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.survey
        assert choices.project
        super().__init__(choices.who)
        self._choices = choices
        self._site = choices.site
        self._survey = choices.survey
        plan = fitting_plan(choices, self._survey, self._site.info.url, choices.project.id)
        self._edits = Edits(plan, self._changed)
        self._ahead = Ahead()
        self._news = ""  # what the last edit did, before the count
        self._speed = ASSUMED
        self._saved: Path | None = None
        self._kept: Plan | None = None  # what was saved there
        self._asked = Asked()
        self._of_labels: tuple[Finding, ...] = ()  # what the last rule for all labels had to say
        self._stops = stopping_codes(self._survey, plan.sessions)

    @property
    def _plan(self) -> Plan:
        return self._edits.plan

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out destination, sessions, the chosen one in detail."""
        yield Checklist(DESTINATIONS.items(), [self._plan.destination], is_single=True, id="plan-destination")
        yield Static("", id="plan-note", markup=False)
        yield Rows(COLUMNS, empty="No image was found that can be sent.", id="plan-sessions")
        yield Static("", id="plan-detail", markup=False)
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
        self.query_one("#plan-time", Static).update(speed_words(self._speed, files, size))
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
            self._ahead = Ahead(await planning.forecast(self._plan, self._site), is_checking=False)
        except Problem as problem:
            self._ahead = replace(self._ahead, is_checking=False, unchecked=problem.finding)
        self._show()

    @work(group="speed", exclusive=True, exit_on_error=False)
    async def look_back(self) -> None:
        """Reckon with the speed of earlier uploads to this site."""
        self._speed = await asyncio.to_thread(speed_to, self._site.info.url)
        self._show()

    def refresh_content(self) -> None:
        """Ask the site again."""
        self._ahead = Ahead()
        self.look_ahead()

    # -- edits ---------------------------------------------------------------------------------------------------

    def _changed(self, keys: set[str]) -> None:
        """Ask anew: what the site said of edited sessions no longer counts."""
        self._ahead = self._ahead.without(keys)
        self._news = ""
        self.query_one("#plan-destination", Checklist).tick(self._plan.destination, is_on=True)
        self.look_ahead()

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

    def action_subject(self) -> None:
        """Take all sessions of the subject in, or leave all of them out."""
        session = self._edits.session(self.query_one(Rows).key)
        if session is None:
            return
        plan, subject = with_subject(self._plan, session.key), session.subject_label
        if plan == self._plan:
            self._news = f"Nothing of {subject} may go without your yes (Space). "
            self._show()
            return
        self._edits.take(plan, f"the choice for subject {subject}")
        count = sum(one.is_included for one in plan.sessions if one.subject_label == subject)
        self._news = f"{subject}: {count_text(count, 'session')} to send, u takes it back. "

    def action_series(self) -> None:
        """Choose the series of the session under the cursor."""
        session = self._edits.session(self.query_one(Rows).key)
        if session is not None and session.is_blocked:
            why = reasons(session, self._survey)
            self.explain_soon(why[0] if why else self._findings()[0])
        elif session is not None:
            self.choose_series(session)

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def choose_series(self, session: PlannedSession) -> None:
        """Let series be chosen, and take the choice."""
        going = await self.app.push_screen_wait(SeriesScreen(session))
        if going is not None:
            plan = with_items(self._plan, session.key, going)
            if plan != self._plan:
                self._edits.take(plan, f"the series of {session.session_label}")

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def ask_about_held(self, session: PlannedSession) -> None:
        """Show why something is held and ask what shall be done."""
        why = "\n\n".join(
            f"{mark(one)}  {one.what}\n{one.why}\nWhere: {one.where or '.'}" for one in reasons(session, self._survey)
        )
        has_rest = not all([one.held_by for one in session.series] + [one.held_by for one in session.pairs])
        ways = [Way("rest", "Only the rest", "Leave out what is held and send the other series")] if has_rest else []
        ways.append(Way("none", "Leave it out", "Nothing of this session is sent"))
        ways.append(Way("all", "Yes, send it", "You have looked, and it is right as it is"))
        title = f"{session.session_label}: something is held and needs your yes"
        way = await self.app.push_screen_wait(PickScreen(title, why, ways))
        if way:
            self._edits.settle(self._survey, session, way)

    @on(Rows.Chosen, "#plan-sessions")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def edit_labels(self, event: Rows.Chosen) -> None:
        """Edit the labels of a session."""
        session = self._edits.session(event.key)
        assert session
        place = f"folder {session.subject_folder}" if session.subject_folder else str(self._survey.source.name)

        def check(subject: str, label: str) -> Finding | None:
            try:
                planning.edit(self._plan, session.key, subject_label=subject, session_label=label)
            except Problem as problem:
                return problem.finding
            return None

        old = (session.subject_label, session.session_label)
        labels = await self.app.push_screen_wait(EditLabels(place, old, check=check))
        if labels and labels != old:
            plan = planning.edit(self._plan, session.key, subject_label=labels[0], session_label=labels[1])
            self._edits.take(plan, f"the labels of {labels[1]}")

    @on(Button.Pressed, "#plan-labels")
    def action_relabel(self) -> None:
        """Label all sessions by one rule."""
        self.relabel()

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def relabel(self) -> None:
        """Let a rule be chosen, and take the labels it makes."""
        made = await self.app.push_screen_wait(RelabelScreen(self._plan, self._asked))
        if made is None:
            return
        self._asked, self._of_labels = made.asked, made.findings
        self._edits.take(made.plan, "the labels by a rule")
        self._news = "New labels, u takes them back. "

    def action_undo(self) -> None:
        """Take the last change back."""
        what = self._edits.undo()
        if what == "the labels by a rule":
            self._of_labels = ()
        self._news = f"Taken back: {what}. "
        self._show()

    @on(Button.Pressed, "#plan-save")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_save(self) -> None:
        """Save the plan to a file."""
        path = self._saved or Path.cwd() / f"{self._plan.source.name or 'study'}-plan.json"
        plan = self._plan
        saved = await self.app.push_screen_wait(SaveScreen(plan, path, self._site.identity.username))
        if saved is not None:
            self._saved, self._kept = saved, plan

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
        for finding in by_weight((*planning.check(self._plan), *ahead)):
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
        self.dismiss(Answer(replace(self._choices, plan=self._plan), Move.NEXT))
