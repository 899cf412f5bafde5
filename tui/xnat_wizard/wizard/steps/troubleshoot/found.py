"""The search and what it found: one verdict, the causes by how sure they are, and what can be done about each."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Diagnosis, NextStep, Report, StepKind
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.steps.troubleshoot import doing
from xnat_wizard.wizard.steps.troubleshoot.words import (
    COLUMNS,
    GOOD,
    act_name,
    blind_words,
    detail_of,
    evidence_of,
    files_text,
    files_words,
    row_of,
    verdict_words,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail
from xnat_wizard.xnat.site import Site

LOOK_EVERY_S = 0.25
NOTHING_FOUND = "No cause could be told. Say more in the form, or look at the files and at where nobody could look."


class FoundScreen(StepScreen[Answer | None]):
    """Search for a case and show what was found; ends with an answer that leads on, or `None`: back to the form."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "do", "Do", id="found.do", tooltip="What can be done about the chosen cause"),
        Binding("v", "evidence", "Evidence", id="found.evidence", tooltip="What was asked and answered"),
        Binding("l", "files", "Files", show=False, id="found.files", tooltip="Every file, and what became of it"),
    ]
    sentence = "Searching. Nothing is changed at the site."
    has_refresh = True
    has_next = False
    DEFAULT_CSS = """
    FoundScreen #verdict { height: auto; text-style: bold; margin: 0 0 1 0; }
    FoundScreen #causes { height: 1fr; min-height: 4; }
    FoundScreen #cause-scroll { height: 1fr; min-height: 5; margin-top: 1; scrollbar-size-vertical: 1; }
    FoundScreen #cause, FoundScreen #counted { height: auto; }
    FoundScreen #counted { color: $text-muted; max-height: 4; margin-top: 1; }
    FoundScreen.-low #counted, FoundScreen.-low #cause-scroll { margin-top: 0; }
    FoundScreen.-low #verdict { margin: 0; }
    """
    HELP = """\
## What was found

The first line says what it comes to. Below stand the causes, the surest first:

- **Confirmed** - one fact proves it.  **Likely** - several facts say so, none against.  **Possible** - nothing rules it
  out.  **Not checkable** - this account may not look there; it is said who can.

Enter or **d** shows what can be done about a cause. Each act is shown first, with what it would change, and asked for;
nothing is deleted or replaced here. Where only others can help, the letter is ready: it holds no patient's name.

**v** shows what was asked and answered, **l** every file and what became of it, **F5** searches again.
"""

    def __init__(self, choices: Choices, site: Site, case: Case) -> None:
        super().__init__(choices.who)
        self._choices = choices
        self._site = site
        self._case = case
        self._search: Search | None = None
        self.report: Report | None = None
        self.facts: Facts | None = None

    def compose(self) -> ComposeResult:
        """Lay out the screen, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail("Troubleshoot", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield verdict, causes, the chosen one in detail, the counts."""
        yield Static("", id="verdict", markup=False)
        yield Rows(COLUMNS, empty="Searching...", id="causes")
        with VerticalScroll(can_focus=False, id="cause-scroll"):
            yield Static("", id="cause", markup=False)
        yield Static("", id="counted", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the ways on."""
        yield ActionButton("What to do", id="do", tooltip="What can be done about the chosen cause", is_main=True)
        yield ActionButton("l Files", id="files", tooltip="Every file, and what became of it")
        yield ActionButton("Evidence", id="evidence", tooltip="What was asked and answered")
        yield ActionButton("Back", id="back", tooltip="To the form")

    def on_mount(self) -> None:
        """Search."""
        self.query_one("#causes", Rows).focus()
        self.set_interval(LOOK_EVERY_S, self._look)
        self.search()

    # -- searching -----------------------------------------------------------------------------------------------

    @work(group="search", exclusive=True, exit_on_error=False)
    async def search(self) -> None:
        """Search, and show the report."""
        self.say(self.sentence)
        self.query_one("#causes", Rows).show((), empty="Searching...")
        async with self.working("Beginning... Escape stops; what is known by then is shown."):
            async with Search(self._case, self._site) as search:
                self._search = search
                report = await search.result()
            self._search = None
            self._show(report, search.facts)
        self._search = None

    def _look(self) -> None:
        if self._search is not None and self.is_busy:
            seen = self._search.snapshot()
            self.tell(f"{seen.says}... ({seen.done + 1} of {seen.total}, {seen.requests} questions). Escape stops.")

    @work(group="stop", exclusive=True, exit_on_error=False)
    async def stop_search(self) -> None:
        """End the search early; what is known by then is shown by the search itself."""
        if self._search is not None:
            self.tell("Stopping...")
            await self._search.stop()

    def _show(self, report: Report, facts: Facts) -> None:
        self.report, self.facts = report, facts
        self.say("This was found. Enter shows what can be done." if report.diagnoses else NOTHING_FOUND)
        verdict = self.query_one("#verdict", Static)
        verdict.update(verdict_words(report))
        verdict.set_class(report.verdict in GOOD, "good")
        rows = self.query_one("#causes", Rows)
        rows.show((row_of(place, one) for place, one in enumerate(report.diagnoses)), empty=NOTHING_FOUND)
        counted = "\n".join(filter(None, (files_words(report.ledger), blind_words(report))))
        self.query_one("#counted", Static).update(counted)
        self._show_detail()

    @property
    def chosen(self) -> Diagnosis | None:
        """Return the cause under the cursor."""
        key = self.query_one("#causes", Rows).key
        return self.report.diagnoses[int(key)] if self.report and key.isdigit() else None

    def _show_detail(self) -> None:
        one = self.chosen
        self.query_one("#cause", Static).update(detail_of(one) if one else "")
        self.query_one("#cause-scroll", VerticalScroll).scroll_home(animate=False)

    @on(Rows.Highlighted, "#causes")
    def _highlighted(self) -> None:
        self._show_detail()

    # -- acting --------------------------------------------------------------------------------------------------

    @on(Rows.Chosen, "#causes")
    def _chosen(self) -> None:
        self.action_do()

    def action_do(self) -> None:
        """Offer what can be done about the chosen cause."""
        if not self.is_busy:
            self.offer()

    @work(group="act", exclusive=True, exit_on_error=False)
    async def offer(self) -> None:
        """Let the person choose one of the steps, and take it."""
        one = self.chosen
        if one is None or self.facts is None or self.report is None:
            self.tell("Nothing is chosen.")
            return
        role = self.facts.role
        steps = [step for step in one.next_steps if act_name(step) and (not step.action or role.may(step.role))]
        if not steps:
            self.tell("Nothing can be done from here; what to do by hand stands above.")
            return
        ways = [Way(str(place), act_name(step), step.text) for place, step in enumerate(steps)]
        key = await self.app.push_screen_wait(PickScreen("What to do", one.says, ways))
        if key:
            await self._take(steps[int(key)], one)

    async def _take(self, step: NextStep, one: Diagnosis) -> None:
        assert self.facts
        assert self.report
        if step.kind is StepKind.WAIT:
            self.search()
        elif step.action == "F16":
            async with self.working("Planning what is missing..."):
                self.dismiss(await doing.plan_missing(self._choices, self.facts))
        elif step.action:
            async with self.working("Asking what that would change..."):
                is_early = step.action in {"F2", "F3", "F4"} and any(other.action == "F16" for other in one.next_steps)
                if await doing.act(self.app, self._site, step, warning=doing.FIRST_SEND if is_early else ""):
                    self.search()
        else:
            async with self.working():
                await doing.show_letter(self.app, self.facts, self.report, step, one)

    def action_evidence(self) -> None:
        """Show all that is known of the chosen cause."""
        if (one := self.chosen) is not None:
            self.app.push_screen(LinesScreen("Evidence", evidence_of(one)))

    def action_files(self) -> None:
        """Show every file, and what became of it."""
        if self.facts is not None:
            self.app.push_screen(LinesScreen("What became of each file", files_text(self.facts)))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        match event.button.id:
            case "do":
                self.action_do()
            case "files":
                self.action_files()
            case "evidence":
                self.action_evidence()
            case _:
                self.action_back()

    # -- going ---------------------------------------------------------------------------------------------------

    def refresh_content(self) -> None:
        """Search again."""
        if not self.is_busy:
            self.search()

    def cancel_work(self) -> bool:
        """Stop the search, and show what is known."""
        if self._search is None:
            return False
        self.stop_search()
        return True

    def action_back(self) -> None:
        """Close the help, stop the search, or go back to the form."""
        if self.query("HelpPanel"):
            self.action_toggle_help()
        elif not self.cancel_work():
            self.dismiss(None)

    def copyable_text(self) -> str:
        """Return the chosen cause, as Copy takes it."""
        one = self.chosen
        return evidence_of(one) if one else ""

    def commands(self) -> Iterable[Command]:
        """Yield the screen's actions for the palette."""
        yield "What to do", "What can be done about the chosen cause", self.action_do
        yield "Evidence", "What was asked and answered", self.action_evidence
        yield "Files", "Every file, and what became of it", self.action_files
