"""Review the plan: which sessions go where, under which labels, and what XNAT will do with them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.findings import Finding, Problem, Severity, by_weight
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.model import Destination, Plan, PlannedSession
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.plan.relabel import Asked, RelabelScreen
from xnat_wizard.wizard.steps.plan.words import (
    COLUMNS,
    DESTINATIONS,
    FORECAST_WORDS,
    UNNOTED,
    changed_keys,
    fitting_plan,
    mark,
    reasons,
    telling,
    with_labels_of,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.amounts import bytes_text, count_text, date_text
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.edit_labels import EditLabels
from xnat_wizard.wizard.widgets.listing import FindingsScreen, OthersScreen
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.rows import Row, Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen


class PlanStep(StepScreen[Answer]):
    """The plan as a list of sessions; edits survive going back and forth."""

    number: ClassVar[int] = 4
    sentence: ClassVar[str] = "Check what will be sent. Space: take in or leave out. Enter: edit labels."
    has_refresh: ClassVar[bool] = True
    HELP = """
# The plan

One row is one imaging session in XNAT: one subject, one visit.

- **Space** takes the session in `[x]` or leaves it out `[ ]`. Where something is held back you are asked first.
- **Enter** edits the subject label and the session label; **b** labels all sessions by one rule: from folders,
  headers, a pattern or a CSV table, and **z** takes that back.
- **State** says what XNAT will do: *new*, *merge* (the session exists, what is missing is added), *clash* (another
  label is wanted), *held* (something needs your yes), *STOP* (cannot be sent).
- **Prearchive or archive**: in the prearchive sessions wait for somebody to look at them; that is the careful way.

**f** lists all findings, **o** lists what is not sent and why, **F5** asks the site again.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "findings", "Findings", show=False, id="plan.findings", tooltip="All findings, explained"),
        Binding(
            "o", "not_sent", "Not sent", show=False, id="plan.not_sent", tooltip="Files that are not sent, and why"
        ),
        Binding("b", "relabel", "Labels", show=False, id="plan.labels", tooltip="Labels for all sessions by one rule"),
        Binding("z", "undo_labels", "Undo", show=False, id="plan.undo", tooltip="Undo the last change of all labels"),
    ]
    DEFAULT_CSS = """
    PlanStep Checklist { height: 2; }
    PlanStep #plan-note { height: auto; max-height: 3; color: $text-muted; }
    PlanStep Rows { min-height: 5; margin-top: 1; }
    PlanStep #plan-detail { height: 4; margin-top: 1; }
    PlanStep.-low Rows { margin-top: 0; }
    """

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.survey
        assert choices.project
        super().__init__(choices.who)
        self._choices = choices
        self._site = choices.site
        self._survey = choices.survey
        self._plan = fitting_plan(choices, self._survey, self._site.info.url, choices.project.id)
        self._accepted: frozenset[str] = frozenset()
        self._forecast: dict[str, tuple[Finding, ...]] = {}
        self._news = ""  # what the last edit did, before the count
        self._is_checking = True
        self._unchecked: Finding | None = None
        self._asked = Asked()
        self._of_labels: tuple[Finding, ...] = ()  # what the last rule for all labels had to say
        self._before_labels: Plan | None = None  # for undo
        severity = {code: [f.severity for f in self._survey.findings if f.code == code] for code in self._codes()}
        self._stops = frozenset(code for code, found in severity.items() if not found or Severity.STOP in found)

    def _codes(self) -> set[str]:
        return {code for session in self._plan.sessions for code in session.held_by}

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out destination, sessions, the chosen one in detail."""
        yield Checklist(DESTINATIONS.items(), [self._plan.destination], is_single=True, id="plan-destination")
        yield Static("", id="plan-note", markup=False)
        yield Rows(COLUMNS, empty="No image was found in this folder.", id="plan-sessions")
        yield Static("", id="plan-detail", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out the ways on."""
        yield ActionButton("Next", id="plan-next", tooltip="Go on to the upload", is_main=True)
        yield ActionButton("f Findings", id="plan-findings", tooltip="All findings, explained")
        yield ActionButton("o Not sent", id="plan-not-sent", tooltip="Files that are not sent, and why")
        yield ActionButton("b Labels", id="plan-labels", tooltip="Labels for all sessions by one rule")

    def on_mount(self) -> None:
        """Show the plan and ask the site."""
        self._show()
        self.query_one(Rows).focus()
        self.look_ahead()

    def _show(self) -> None:
        rows = self.query_one(Rows)
        rows.show(self._row(session) for session in self._plan.sessions)
        self._show_detail(rows.key)
        told = [finding for finding in self._forecast.get("", ()) if finding.code not in UNNOTED]
        notes = [f"{mark(finding)}  {finding.what}" for finding in told]
        if self._unchecked:
            notes.append(f"note  The site could not be asked: {self._unchecked.what} (F5: ask again)")
        self.query_one("#plan-note", Static).update("\n".join(notes))
        chosen = self._plan.included
        files, size = sum(one.file_count for one in chosen), sum(one.size_bytes for one in chosen)
        counted = f"{len(chosen)} of {count_text(len(self._plan.sessions), 'session')}"
        others = len(self._survey.others)
        left = f" Not sent: {count_text(others, 'file')} (o)" if others else ""
        amount = f"{count_text(files, 'file')}, {bytes_text(size)}"
        self.tell(f"{self._news}{counted}: {amount} to the {self._plan.destination}.{left}")
        counts = (("#plan-findings", "f Findings", len(self._findings())), ("#plan-not-sent", "o Not sent", others))
        for button, words, count in counts:
            self.query_one(button, ActionButton).say(f"{words} ({count})" if self.size.width >= 80 else words)

    def _row(self, session: PlannedSession) -> Row:
        state, tone = self._state(session)
        cells = (
            "[x]" if session.is_included else " - " if session.is_blocked else "[ ]",
            session.subject_label,
            session.session_label,
            str(len(session.series) + len(session.pairs)),
            str(session.file_count),
            bytes_text(session.size_bytes),
            date_text(session.study_date),
            state,
        )
        return Row(session.key, cells, tone)

    def _state(self, session: PlannedSession) -> tuple[str, str]:
        """Return the state in words, the telling one first, and its tone."""
        why = reasons(session, self._survey)
        held = why[0].what if why else "see the findings"
        if session.is_blocked:
            return f"STOP: {held}", "bad"
        if not session.is_included:
            return (f"held: {held} (Space: say yes)", "warn") if session.held_by else ("left out", "quiet")
        found = self._forecast.get(session.key)
        if found is None:
            return ("checking..." if self._is_checking else "not checked"), "quiet"
        part = ", but a part is held" if session.left_out or session.left_out_pairs else ""
        if not found:
            return f"new{part}", "warn" if part else "good"
        first = telling(found)[0]
        words = FORECAST_WORDS.get(first.code, first.what)
        return f"{words}{part}", "warn" if part or first.severity is not Severity.NOTE else ""

    def _show_detail(self, key: str) -> None:
        session = self._session(key)
        if session is None:
            self.query_one("#plan-detail", Static).update("")
            return
        date = f" of {date_text(session.study_date)}" if session.study_date else ""
        place = f"folder {session.subject_folder}" if session.subject_folder else "no subject folder"
        count = count_text(len(session.series), "series", "series")
        lines = [f"{session.modality}{date}, {place}, {count}"]
        held = reasons(session, self._survey) if session.held_by else []
        for finding in (*held, *telling(self._forecast.get(session.key, ())))[:2]:
            cure = f" Do: {finding.todo[0]}." if finding.todo else ""
            lines.append(f"{mark(finding)}  {finding.what}. {finding.why}.{cure}".replace("..", "."))
        listed = [
            " ".join(f"{one.series_number} {one.series_description} ({len(one.instances)})".split())
            for one in session.series
        ]
        listed += [f"PAR/REC {pair.protocol_name or pair.par_path}" for pair in session.pairs]
        self.query_one("#plan-detail", Static).update("\n".join([*lines, ", ".join(listed)]))

    def _session(self, key: str) -> PlannedSession | None:
        return next((one for one in self._plan.sessions if one.key == key), None)

    def _findings(self) -> list[Finding]:
        ahead = [finding for found in self._forecast.values() for finding in found]
        whole = [self._unchecked] if self._unchecked else []
        return by_weight((*planning.check(self._plan), *ahead, *whole, *self._of_labels, *self._survey.findings))

    # -- the site ------------------------------------------------------------------------------------------------

    @work(group="forecast", exclusive=True, exit_on_error=False)
    async def look_ahead(self) -> None:
        """Ask the site what it will do with the plan as it is now; typing goes on meanwhile."""
        self._is_checking, self._unchecked = True, None
        self._show()
        try:
            self._forecast = await planning.forecast(self._plan, self._site)
        except Problem as problem:
            self._unchecked = problem.finding
        self._is_checking = False
        self._show()

    def refresh_content(self) -> None:
        """Ask the site again."""
        self._forecast = {}
        self.look_ahead()

    # -- edits ---------------------------------------------------------------------------------------------------

    def _take(self, plan: Plan, *keys: str) -> None:
        """Take an edited plan; what the site said of the edited sessions no longer counts."""
        self._plan, self._news = plan, ""
        for key in keys:
            self._forecast.pop(key, None)
        self.look_ahead()

    @on(Checklist.Changed, "#plan-destination")
    def change_destination(self, event: Checklist.Changed) -> None:
        """Send to the other place."""
        self._take(planning.with_destination(self._plan, Destination(event.ticked[0])), "")

    @on(Rows.Highlighted, "#plan-sessions")
    def show_highlighted(self, event: Rows.Highlighted) -> None:
        """Show the row under the cursor in detail."""
        self._show_detail(event.key)

    @on(Rows.Ticked, "#plan-sessions")
    def switch(self, event: Rows.Ticked) -> None:
        """Take a session in or leave it out; ask where something is held."""
        session = self._session(event.key)
        assert session
        if self._askable(session):
            self.ask_about_held(session)
            return
        try:
            plan = planning.edit(self._plan, session.key, is_included=not session.is_included)
        except Problem as problem:
            why = reasons(session, self._survey)
            self.explain_soon(why[0] if why else problem.finding)
        else:
            self._take(plan, session.key)

    def _askable(self, session: PlannedSession) -> bool:
        held = [one.held_by for one in (*session.series, *session.left_out)]
        held += [one.held_by for one in (*session.pairs, *session.left_out_pairs)]
        return any(codes and not self._stops.intersection(codes) for codes in held)

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
            self._settle(session, way)

    def _settle(self, session: PlannedSession, way: str) -> None:
        accepted = self._accepted | {session.key} if way == "all" else self._accepted - {session.key}
        self._accepted = accepted
        fresh = planning.draft(
            self._survey,
            site_url=self._plan.site_url,
            project=self._plan.project,
            destination=self._plan.destination,
            accepted=accepted,
        )
        drafted = next(one for one in fresh.sessions if one.key == session.key)
        new = replace(drafted, subject_label=session.subject_label, session_label=session.session_label)
        if way == "none":
            new = replace(new, is_included=False)
        sessions = tuple(new if one.key == new.key else one for one in self._plan.sessions)
        self._take(replace(self._plan, sessions=sessions), session.key)

    @on(Rows.Chosen, "#plan-sessions")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def edit_labels(self, event: Rows.Chosen) -> None:
        """Edit the labels of a session."""
        session = self._session(event.key)
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
            self._take(plan, session.key)

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
        self._asked, self._of_labels, self._before_labels = made.asked, made.findings, self._plan
        self._take(made.plan, *changed_keys(self._plan, made.plan))
        self._news = "New labels, z takes them back. "

    def action_undo_labels(self) -> None:
        """Take the last rule for all labels back."""
        if self._before_labels is None:
            self._news = "No change of all labels to undo. "
            self._show()
            return
        plan = with_labels_of(self._plan, self._before_labels)
        self._of_labels, self._before_labels = (), None
        self._take(plan, *changed_keys(self._plan, plan))
        self._news = "The labels are as they were. "

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
        yield "Undo labels", "Take the last change of all labels back", self.action_undo_labels

    # -- leaving -------------------------------------------------------------------------------------------------

    def answer_back(self) -> Answer:
        """Give the plan back, edits and all."""
        return Answer(replace(self._choices, plan=self._plan), Move.BACK)

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
            for finding in self._forecast.get(key, ())
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
