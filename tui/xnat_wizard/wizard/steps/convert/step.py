"""Test naming rules on what was found, choose where the images go, and see every name before anything is made."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.convert import selection, tester
from xnat_wizard.convert.model import Item
from xnat_wizard.convert.rules import template
from xnat_wizard.convert.selection import Offer
from xnat_wizard.convert.tester import Tested
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import project_rules
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.convert import book, words
from xnat_wizard.wizard.steps.convert.book import Book
from xnat_wizard.wizard.steps.convert.converting import ConvertingScreen
from xnat_wizard.wizard.steps.convert.help import HELP
from xnat_wizard.wizard.steps.convert.job import Job
from xnat_wizard.wizard.steps.convert.options import OPTIONS
from xnat_wizard.wizard.steps.convert.reading import Reading
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.options import OptionsScreen
from xnat_wizard.wizard.widgets.paths import BrowseScreen, PathSuggester, path_of, path_text
from xnat_wizard.wizard.widgets.pick import PickScreen
from xnat_wizard.wizard.widgets.plain import cut, plain
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail

LOOK_EVERY_S = 2.0  # at the file of rules


class ConvertStep(StepScreen[Answer]):
    """Rules and folder above, series with their names and the reasons below; converting is a screen over this one."""

    sentence = "Which rule takes which series. Nothing is made yet."
    has_refresh = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "rules", "Rules", tooltip="Choose where the rules come from", id="convert.rules"),
        Binding("f4", "options", "Options", show=False, tooltip="Names, converter, into XNAT", id="convert.options"),
        Binding("f6", "keep", "Keep", show=False, tooltip="Keep the rules in the project", id="convert.keep"),
    ]
    DEFAULT_CSS = """
    ConvertStep #convert-options { height: 1; color: $text-muted; margin: 0 0 1 0; }
    ConvertStep Rows { min-height: 4; }
    ConvertStep #why { height: 4; margin: 1 0 0 0; color: $text-muted; }
    ConvertStep.-tall #why { height: 9; }
    ConvertStep.-low #why, ConvertStep.-low #convert-options { margin: 0; }
    ConvertStep.-low #why { height: 3; }
    """
    HELP = HELP

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.project
        assert choices.survey
        super().__init__(choices.who)
        self.choices = choices
        self.site = choices.site
        self.project = choices.project
        self.survey = choices.survey
        target = choices.convert.target or f"~/xnat-converted/{self.project.id}"
        self.draft = replace(choices.convert, target=target)
        self.offer: Offer | None = None  # as read; what the survey asks about is held
        self.book: Book | None = None
        self.tests: tuple[Tested, ...] = ()
        self.finding: Finding | None = None  # why there are no tests to show
        self._changed_ns = 0
        self._reading = Reading(self.survey)

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the step, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail(f"Convert: {plain(self.project.id)}", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield fields, options, series, and why."""
        is_file = self.draft.rules_from == "file"
        yield Field(
            "Rules file", id="rules", value=self.draft.rules_path if is_file else "", placeholder="F2 chooses",
            suggester=PathSuggester(book.is_toml),
        )  # fmt: skip
        yield Field("Into folder", id="target", value=self.draft.target, suggester=PathSuggester(lambda _: False))
        yield Static("", id="convert-options", markup=False)
        yield Rows(words.SERIES_COLUMNS, id="series", empty="Reading the headers...")
        yield Static("", id="why", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Convert", id="start", tooltip="Make the images", is_main=True)
        yield ActionButton("Rules", id="choose-rules", tooltip="Choose where the rules come from")
        yield ActionButton("Keep", id="keep", tooltip="Keep the rules in the project, for everybody")
        yield ActionButton("Options", id="options", tooltip="Names, converter, into XNAT")
        yield ActionButton("Back", id="back", tooltip="To the folder; what you chose is kept")

    def on_mount(self) -> None:
        """Read the headers, and the rules."""
        self._show_draft()
        self.query_one("#series", Rows).focus()
        self.read_series()
        self.set_interval(LOOK_EVERY_S, self.watch_file)

    def on_unmount(self) -> None:
        """Let go of the source, when nobody reads it any more."""
        self._reading.end()

    def on_resize(self, event: events.Resize) -> None:
        """Fit footer and buttons to the new width."""
        super().on_resize(event)
        self._show_why()
        self._show_sums()

    def _show_draft(self) -> None:
        self.query_one("#convert-options", Static).update(words.options_line(self.draft))
        self.query_one("#keep", ActionButton).disabled = not (self.project.may_upload and self.book and self.book.text)

    def _show_series(self, empty: str = "") -> None:
        self.query_one("#series", Rows).show(
            (words.series_row(number, test, self.draft) for number, test in enumerate(self.tests)), empty=empty
        )
        self._show_why()
        self._show_sums()

    def _show_sums(self) -> None:
        count = len(self.chosen)
        button = self.query_one("#start", ActionButton)
        button.say(f"Convert {count:,}" if count and self.app.size.width >= 80 else "Convert")
        button.disabled = not count
        if self.tests and self.book is not None:
            self.tell(words.sums(self.tests, tester.unused(self.book.rules, self.tests), self.draft))

    def _show_why(self) -> None:
        test = self.at_cursor
        lines = words.why_lines(test)[1:] if test is not None else []
        room = max(20, self.app.size.width - 6)
        self.query_one("#why", Static).update("\n".join(cut(line, room) for line in lines))

    @property
    def at_cursor(self) -> Tested | None:
        """Return what is under the cursor."""
        key = self.query_one("#series", Rows).key
        return self.tests[int(key)] if key and int(key) < len(self.tests) else None

    @property
    def chosen(self) -> list[Item]:
        """Return the series that would be converted now."""
        found: dict[int, Item] = {}
        for test in self.tests:
            if words.is_taken(test, self.draft):
                found.setdefault(id(test.item), test.item)
        return list(found.values())

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="series", exclusive=True, exit_on_error=False)
    async def read_series(self) -> None:
        """Read the headers that rules look at, then test the rules."""
        timer = self.set_interval(1 / 4, self._tell_reading)
        try:
            async with self.working("Reading the headers...", then=self._cannot):
                loop = asyncio.get_running_loop()
                self.offer = await loop.run_in_executor(self._reading.executor, self._reading.read)
        finally:
            timer.stop()
        if self.offer is not None:
            self.read_rules()

    def _tell_reading(self) -> None:
        if self.is_busy:
            self.tell(f"Reading headers: {self._reading.done:,} of {self._reading.total:,} files. Escape goes back.")

    def _cannot(self, finding: Finding) -> None:
        self.finding = finding
        self._show_series("The folder cannot be read any more.")

    @work(group="rules", exclusive=True, exit_on_error=False)
    async def read_rules(self) -> None:
        """Read the rules, and ask them about every series."""
        if self.offer is None:
            return
        self.finding = None
        try:
            self._changed_ns = await asyncio.to_thread(book.changed_ns, self.draft)
            self.book = await book.read(self.draft, self.site, self.project.id)
            offer = selection.accept(self.offer, self.survey) if self.draft.includes_held else self.offer
            is_bids = self.draft.is_bids and self.draft.rules_from != "none"
            rules = self.book.rules
            self.tests = await asyncio.to_thread(tester.ask, rules, offer.items, is_bids=is_bids)
        except Problem as problem:
            self._refuse(problem.finding)
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes a finding
            self._refuse(fault(error))
        else:
            self._field("rules").say(self.book.words, Mark.OK)
            self._show_series(words.NO_SERIES)
        self._show_draft()

    def _refuse(self, finding: Finding) -> None:
        self.finding = words.here_words(finding)
        self.tests = ()
        self._field("rules").say(finding.what, Mark.FAIL)
        self._show_series("No rules to test.")
        self.tell(f"FAIL  {finding.why.rstrip('.?')}. Next says what to do.")

    @work(group="watch", exclusive=True, exit_on_error=False)
    async def watch_file(self) -> None:
        """Read the file of rules again when it has changed."""
        changed_ns = await asyncio.to_thread(book.changed_ns, self.draft)
        if changed_ns and changed_ns != self._changed_ns and self.offer is not None:
            self._changed_ns = changed_ns
            self.read_rules()

    def refresh_content(self) -> None:
        """Read the rules again."""
        self.read_rules()

    # -- rules ---------------------------------------------------------------------------------------------------

    def _field(self, name: str) -> Field:
        return next(field for field in self.query(Field) if field.input.id == name)

    @on(Input.Submitted, "#rules")
    def _typed_rules(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._use("file", event.value.strip())
        self.query_one("#series", Rows).focus()

    @on(Input.Changed, "#target")
    def _typed_target(self, event: Input.Changed) -> None:
        self.draft = replace(self.draft, target=event.value)

    @on(Input.Submitted, "#target")
    def _target_done(self) -> None:
        self.query_one("#series", Rows).focus()

    @property
    def unread(self) -> str:
        """Return a path of rules that was typed and not read yet; "" when there is none."""
        typed = self.query_one("#rules", Input).value.strip()
        is_read = self.draft.rules_from == "file" and typed == self.draft.rules_path.strip()
        return "" if is_read else typed

    def _use(self, rules_from: str, path: str = "") -> None:
        self.draft = replace(self.draft, rules_from=rules_from, rules_path=path or self.draft.rules_path)
        self.query_one("#rules", Input).value = path
        self.read_rules()

    @on(Button.Pressed, "#choose-rules")
    @work(group="choosing", exclusive=True, exit_on_error=False)
    async def action_rules(self) -> None:
        """Choose where the rules come from."""
        way = await self.app.push_screen_wait(
            PickScreen("Which rules?", self.book.words if self.book else "", book.SOURCES)
        )
        if way == "file":
            start = path_of(self.draft.rules_path or "~")
            path = await self.app.push_screen_wait(BrowseScreen("Which file of rules?", start, book.is_toml))
            if path is not None:
                self._use("file", path_text(path))
        elif way in {"copy", "template"}:
            text = self.book.text if way == "copy" and self.book else template(self.offer.items if self.offer else ())
            try:
                written = await asyncio.to_thread(book.write_new, text, self.project.id)
            except OSError as error:
                await self.explain(book.not_written(error))
            else:
                self._use("file", path_text(written))
                await self.app.push_screen_wait(LinesScreen("Written", book.WRITTEN.format(written)))
        elif way:
            self._use(way)

    @on(Button.Pressed, "#keep")
    @work(group="keep", exclusive=True, exit_on_error=False)
    async def action_keep(self) -> None:
        """Keep the rules in the project, after a yes."""
        kept = self.book
        if kept is None or not kept.text or not self.project.may_upload:
            self.tell("There are no rules to keep, or your account may not change this project.")
            return
        async with self.working("Asking the project for its rules..."):
            there = await project_rules.text_of(self.site, self.project.id)
            if there == kept.text:
                said = f"The project keeps these rules already: {project_rules.place(self.project.id)}"
            else:
                count = count_text(len(kept.rules.rules), "rule")
                question = f"Keep {count} in project {self.project.id}?"
                detail = "Everybody who converts for this project can use them."
                if there is not None:
                    question = f"Replace the rules of project {self.project.id}?"
                    detail = "It keeps other rules now. Everybody who uses them gets yours instead."
                yes = "Keep" if there is None else "Replace"
                if not await self.app.push_screen_wait(ConfirmScreen(question, detail, yes=yes, no="Leave it")):
                    return
                await project_rules.save(self.site, self.project.id, kept.text, is_replacing=there is not None)
                said = f"Kept, and seen there: {project_rules.place(self.project.id)}"
            await self.app.push_screen_wait(LinesScreen("Rules of the project", said))

    # -- options and series --------------------------------------------------------------------------------------

    @on(Button.Pressed, "#options")
    @work(group="options", exclusive=True, exit_on_error=False)
    async def action_options(self) -> None:
        """Change the options."""
        draft = await self.app.push_screen_wait(OptionsScreen(self.draft, OPTIONS))
        if draft != self.draft:
            self.draft = draft
            self._show_draft()
            self.read_rules()

    @on(Rows.Highlighted, "#series")
    def _moved(self) -> None:
        self._show_why()

    @on(Rows.Ticked, "#series")
    def _ticked(self) -> None:
        test = self.at_cursor
        if test is not None and test.held is None and test.path:
            self.draft = replace(self.draft, left_out=self.draft.left_out ^ {test.item.name})
            self._show_series()

    @on(Rows.Chosen, "#series")
    def _chosen(self) -> None:
        test = self.at_cursor
        if test is not None:
            self.app.push_screen(LinesScreen("Which rule, and why", "\n".join(words.why_lines(test))))

    # -- going on ------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#start")
    def _pressed_start(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    @work(group="start", exclusive=True, exit_on_error=False)
    async def start(self, job: Job) -> None:
        """Convert, on a screen of its own."""
        await self.app.push_screen_wait(ConvertingScreen(self.who, self.site, self.project.id, job))

    def go_next(self) -> None:
        """Begin, or say what is in the way."""
        target = self.draft.target.strip()
        if self.unread:
            self._use("file", self.unread)
            self.tell("The rules that you typed were not read yet. They are now: look at the list, then convert.")
        elif self.finding is not None:
            self.explain_soon(self.finding)
        elif self._reading.source is None or self.offer is None or self.book is None:
            self.tell("The headers are still being read.")
        elif not target:
            self._field("target").say("Type the folder for the images.", Mark.WARN)
            self.query_one("#target", Input).focus()
        elif not self.chosen:
            self.tell("No series would be converted: no rule gives one a name. F2 chooses other rules.")
        elif self.draft.into_xnat and not self.project.may_upload:
            self.tell("Your account may not add data to this project. F4: leave Into XNAT out.")
        else:
            offer = selection.accept(self.offer, self.survey) if self.draft.includes_held else self.offer
            chosen = {id(item) for item in self.chosen}
            items = tuple(test.item for test in self.tests if id(test.item) in chosen)
            unique = tuple({id(item): item for item in items}.values())
            self.start(Job(self.survey, self._reading.source, offer.items, unique, self.book.rules, self.draft))

    def answer_back(self) -> Answer:
        """Go back with all that was chosen."""
        draft = replace(self.draft, rules_from="file", rules_path=self.unread) if self.unread else self.draft
        return Answer(replace(self.choices, convert=draft), Move.BACK)

    def copyable_text(self) -> str:
        """Return which rule takes what, and why, of every series."""
        return "\n\n".join("\n".join(words.why_lines(test)) for test in self.tests)

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "Convert", "Make the images", self.go_next
        yield "Rules", "Choose where the rules come from", self.query_one("#choose-rules", ActionButton).action_press
        yield "Keep", "Keep the rules in the project, for everybody", self.query_one("#keep", ActionButton).action_press
        yield "Options", "Names, converter, into XNAT", self.query_one("#options", ActionButton).action_press
