"""What the plan step asks, each over the plan, and the edits that come of it."""

from pathlib import Path

from textual import on, work
from textual.widgets import Button

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.choosing import with_items, with_subject
from xnat_wizard.upload.model import Plan, PlannedSession
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.steps.plan.edits import Edits
from xnat_wizard.wizard.steps.plan.privacy_choice import PrivacyChoiceScreen
from xnat_wizard.wizard.steps.plan.relabel import Asked, RelabelScreen
from xnat_wizard.wizard.steps.plan.saving import SaveScreen
from xnat_wizard.wizard.steps.plan.series import SeriesScreen
from xnat_wizard.wizard.steps.plan.travel import TravelScreen
from xnat_wizard.wizard.steps.plan.words import fitting_plan, mark, reasons
from xnat_wizard.wizard.widgets.edit_labels import EditLabels
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import StepScreen


class AskingStep(StepScreen[Answer]):
    """The asking half of the step; the subclass shows."""

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
        self._news = ""  # what the last edit did, before the count
        self._saved: Path | None = None
        self._kept: Plan | None = None  # what was saved there
        self._asked = Asked()
        self._of_labels: tuple[Finding, ...] = ()  # what the last rule for all labels had to say

    @property
    def _plan(self) -> Plan:
        return self._edits.plan

    # -- what the subclass fills in ------------------------------------------------------------------------------

    def _changed(self, keys: set[str]) -> None:
        """Take note that sessions are no longer what they were."""
        raise NotImplementedError

    def _show(self) -> None:
        """Show the plan as it is now."""
        raise NotImplementedError

    def _findings(self) -> list[Finding]:
        """Return all that is to be said of folder, plan and site."""
        raise NotImplementedError

    # -- edits ---------------------------------------------------------------------------------------------------

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

    @on(Button.Pressed, "#plan-travel")
    def action_travel(self) -> None:
        """Choose where it goes, by which route, to which receiver, how fast."""
        self.choose_travel()

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def choose_travel(self) -> None:
        """Let be chosen how it travels, and take the choice."""
        plan = await self.app.push_screen_wait(TravelScreen(self._plan, self._site))
        if plan is not None and plan != self._plan:
            self._edits.take(plan, "how it travels")

    @on(Button.Pressed, "#plan-privacy")
    def action_privacy(self) -> None:
        """Choose whether names leave this machine."""
        self.choose_privacy()

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def choose_privacy(self) -> None:
        """Let be chosen what becomes of names, and take the choice."""
        plan = await self.app.push_screen_wait(PrivacyChoiceScreen(self._plan, self._site))
        if plan is not None and plan != self._plan:
            self._edits.take(plan, "what becomes of names")

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
