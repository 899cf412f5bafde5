"""Say which results go where, by pattern, and see every target before anything is moved."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input, Static

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.resource_transfer.model import Existing, Target
from xnat_wizard.upload.resource_transfer.previewing import Preview, Seen, State
from xnat_wizard.upload.resource_transfer.proposing import names_in, propose
from xnat_wizard.wizard.choices import Answer, Choices, Move, ResultsDraft
from xnat_wizard.wizard.steps.results import words
from xnat_wizard.wizard.steps.results.form import ResultsForm
from xnat_wizard.wizard.steps.results.help import HELP
from xnat_wizard.wizard.steps.results.moving import MovingScreen
from xnat_wizard.wizard.steps.results.options import options_of
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.options import OptionsScreen
from xnat_wizard.wizard.widgets.paths import BrowseScreen, path_of, path_text
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail

WAIT_S = 0.25  # after a key, before anybody is asked
SHOW_EVERY = 8  # targets
SEND = "Choose what is sent where. Nothing is sent yet."
FETCH = "Choose what is fetched, and where to. Nothing is fetched yet."


class ResultsStep(StepScreen[Answer]):
    """Patterns above, what they give below; the moving is a screen over this one."""

    sentence = SEND
    has_refresh = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "browse", "Browse", tooltip="Choose a folder", id="results.browse"),
        Binding("f3", "level", "Level", show=False, tooltip="Project, subject, session or scan", id="results.level"),
        Binding(
            "f4", "options", "Options", show=False, tooltip="Existing files, archives, proof", id="results.options"
        ),
        Binding("f6", "turn", "Other way", show=False, tooltip="Send, or fetch", id="results.turn"),
        Binding("f7", "undo", "Undo", show=False, tooltip="Take back a proposed pattern", id="results.undo"),
    ]
    DEFAULT_CSS = """
    ResultsStep #results-options { height: 1; color: $text-muted; margin: 0 0 1 0; }
    ResultsStep Rows { min-height: 4; }
    ResultsStep.-low #results-options { margin: 0; }
    """
    HELP = HELP

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.project
        super().__init__(choices.who)
        self.choices = choices
        self.site = choices.site
        self.project = choices.project
        may = choices.results if self.project.may_upload else replace(choices.results, is_get=True)
        self.draft = may
        self.seen: dict[Target, Seen] = {}
        self.left_out: set[str] = set()
        self.finding: Finding | None = None  # why there is no target to show
        self._before: tuple[str, str] | None = None  # path and session before a proposal was taken
        self._preview = Preview(self.site, self.project.id)

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the step, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail(f"Results: {plain(self.project.id)}", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield form, options and targets."""
        yield ResultsForm(self.draft)
        yield Static("", id="results-options", markup=False)
        yield Rows(words.PREVIEW_COLUMNS, id="targets")

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Send", id="start", tooltip="Move what is ticked", is_main=True)
        yield ActionButton("Browse", id="browse", tooltip="Choose a folder")
        yield ActionButton("Level", id="level", tooltip="Of the project, a subject, a session or a scan")
        yield ActionButton("Options", id="options", tooltip="Existing files, archives, missing sessions, proof")
        yield ActionButton("Fetch", id="turn", tooltip="The other way: from the site to this computer")
        yield ActionButton("Back", id="back", tooltip="To the project; what you typed is kept")

    def on_mount(self) -> None:
        """Begin at the first field."""
        self._show_draft()
        self.query_one("#path", Input).focus()
        self.look()

    def on_unmount(self) -> None:
        """Let go of the threads."""
        self._preview.close()

    def on_resize(self, event: events.Resize) -> None:
        """Fit footer and buttons to the new width."""
        super().on_resize(event)
        self._show_sums()

    @property
    def _form(self) -> ResultsForm:
        return self.query_one(ResultsForm)

    def _show_draft(self) -> None:
        """Show level, direction and options."""
        self._form.show(self.draft)
        self.query_one("#results-options", Static).update(words.options_line(self.draft))
        self.say(FETCH if self.draft.is_get else SEND)
        self._show_sums()

    def _show_targets(self, empty: str = "") -> None:
        self.query_one("#targets", Rows).show(
            (
                words.preview_row(seen, self.draft, is_ticked=words.key_of(seen.target) not in self.left_out)
                for seen in self.seen.values()
            ),
            empty=plain(empty),
        )
        self._show_sums()

    def _show_sums(self) -> None:
        main, is_wide = "Fetch" if self.draft.is_get else "Send", self.app.size.width >= 80
        count = len(self.going)
        button = self.query_one("#start", ActionButton)
        button.say(f"{main} {count:,}" if count and is_wide else main)
        button.disabled = not count
        turn = self.query_one("#turn", ActionButton)
        turn.say("Send" if self.draft.is_get else "Fetch")
        turn.disabled = not self.project.may_upload
        self.tell(words.sum_words(self.seen.values(), self.draft, self.left_out) if self.seen else "")

    @property
    def going(self) -> list[Seen]:
        """Return what would be moved now."""
        return [
            one for one in self.seen.values() if one.state.can_move and words.key_of(one.target) not in self.left_out
        ]

    # -- looking -------------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self) -> None:
        draft = self._form.typed(self.draft)
        if draft != self.draft:
            self.draft = draft
            self.look()

    @work(group="preview", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Find out what the patterns give, and how each target stands; a key that is typed begins anew."""
        await asyncio.sleep(WAIT_S)
        self.finding = None
        draft = self.draft
        await self._offer(draft)
        if missing := words.lacking(draft):
            self.seen = {}
            self._show_targets(missing)
            return
        try:
            await self._find(draft)
        except Problem as problem:
            self._refuse(problem.finding)
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes a finding
            self._refuse(fault(error))

    def _refuse(self, finding: Finding) -> None:
        self.finding = words.here_words(finding)
        self.seen = {}
        self._show_targets("Nothing fits yet.")
        self.tell(f"FAIL  {finding.why.rstrip('.?')}. Next says what to do.")

    async def _find(self, draft: ResultsDraft) -> None:
        preview, request = self._preview, words.request_of(draft, self.project.id)
        if draft.is_get:
            targets = await preview.targets_to_get(request)
            found = preview.get(targets)
        else:
            targets = await preview.targets_to_put(request, creates=draft.creates)
            found = preview.put(targets, keeps_archive=draft.keeps_archive, creates=draft.creates)
        self.seen = {target: self.seen.get(target, Seen(target)) for target in targets}
        self.seen = {target: replace(one, state=State.LOOKING) for target, one in self.seen.items()}
        self._show_targets()
        number = 0
        async for seen in found:
            self.seen[seen.target] = seen
            number += 1
            if number % SHOW_EVERY == 0:
                self._show_targets()
        self._show_targets()

    async def _offer(self, draft: ResultsDraft) -> None:
        """Say under the path which pattern is proposed for it."""
        field = self._form.field("path")
        text = draft.path.strip()
        if draft.is_get or not text or "{" in text:
            field.say("Each subject's folder; {subject} is the subject's label." if draft.is_get else "")
            return
        pattern, fits = (await self._proposal(path_of(text)))[::2]
        field.say(f"Enter takes the pattern {self._short(pattern)}: it fits {fits:,} here." if pattern else "")

    def _short(self, pattern: str) -> str:
        return plain(f".../{Path(pattern).name}")

    async def _proposal(self, path: Path) -> tuple[str, str, int]:
        """Return the patterns of path and session, and how many fit; "" where there is none."""
        names = await asyncio.to_thread(names_in, path)
        try:
            known = await self._preview.known()
        except Problem:
            return "", "", 0
        proposal = propose(path, names, known.subject_labels, known.session_labels)
        return proposal.path, proposal.session, proposal.fits

    def refresh_content(self) -> None:
        """Ask the site and look at the disk anew."""
        self._preview.forget()
        self.look()

    # -- the fields ----------------------------------------------------------------------------------------------

    @on(Input.Submitted, "#path")
    def _submitted_path(self) -> None:
        self.take_proposal(path_of(self.draft.path))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id != "path":
            self._form.go_on(event.input)

    @work(group="proposal", exclusive=True, exit_on_error=False)
    async def take_proposal(self, path: Path) -> None:
        """Put the proposed patterns in the place of a plain path; F7 takes that back."""
        text = self._form.field("path").value
        if self.draft.is_get or not text.strip() or "{" in text:
            self._form.go_on(self.query_one("#path", Input))
            return
        pattern, session, _ = await self._proposal(path)
        if pattern:
            self._before = text, self._form.field("session").value
            self._form.put("path", path_text(Path(pattern)))
            if session and not self.draft.session.strip():
                self._form.put("session", session)
        self._form.go_on(self.query_one("#path", Input))

    def action_undo(self) -> None:
        """Put back what was typed before a proposal was taken."""
        if self._before is not None:
            (path, session), self._before = self._before, None
            self._form.put("path", path)
            self._form.put("session", session)

    @on(Button.Pressed, "#browse")
    @work(group="browse", exclusive=True, exit_on_error=False)
    async def action_browse(self) -> None:
        """Choose a folder from a tree, and take the pattern that is proposed for it."""
        title = "Where to? Enter takes the folder" if self.draft.is_get else "Which folder holds the results?"
        chosen = await self.app.push_screen_wait(BrowseScreen(title, words.start_of(self.draft), _is_archive))
        if chosen is None:
            return
        if self.draft.is_get:
            self._form.put("path", f"{path_text(chosen)}/{{subject}}")
        else:
            self._form.put("path", path_text(chosen))
            self.take_proposal(chosen)

    # -- level, options, direction -------------------------------------------------------------------------------

    def _choose(self, draft: ResultsDraft) -> None:
        if draft != self.draft:
            self.draft = draft
            self._show_draft()
            self.look()

    @on(Button.Pressed, "#level")
    @work(group="level", exclusive=True, exit_on_error=False)
    async def action_level(self) -> None:
        """Choose what holds the resource."""
        ways = [Way(level, level.capitalize(), text) for level, text in words.LEVELS.items()]
        level = await self.app.push_screen_wait(PickScreen("What does the resource belong to?", "", ways))
        if level:
            self._choose(replace(self.draft, level=level))

    @on(Button.Pressed, "#options")
    @work(group="options", exclusive=True, exit_on_error=False)
    async def action_options(self) -> None:
        """Change the options."""
        self._choose(await self.app.push_screen_wait(OptionsScreen(self.draft, options_of(self.draft))))

    @on(Button.Pressed, "#turn")
    def action_turn(self) -> None:
        """Go the other way; what was typed for each stays."""
        if self.project.may_upload:
            self._choose(replace(self.draft, is_get=not self.draft.is_get))
            self.query_one("#path", Input).focus()

    # -- the targets ---------------------------------------------------------------------------------------------

    def _at_cursor(self, key: str) -> Seen | None:
        return next((one for one in self.seen.values() if f"{words.key_of(one.target)}\0{one.target}" == key), None)

    @on(Rows.Ticked, "#targets")
    def _ticked(self, event: Rows.Ticked) -> None:
        seen = self._at_cursor(event.key)
        if seen is not None and seen.state.can_move:
            self.left_out ^= {words.key_of(seen.target)}
            self._show_targets()

    @on(Rows.Chosen, "#targets")
    def _chosen(self, event: Rows.Chosen) -> None:
        seen = self._at_cursor(event.key)
        if seen is not None and seen.finding is not None:
            self.explain_soon(words.here_words(seen.finding))
        elif seen is not None:
            self.app.push_screen(LinesScreen("Target", words.detail_text(seen, self.draft)))

    # -- going on ------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#start")
    def _pressed_start(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    @work(group="start", exclusive=True, exit_on_error=False)
    async def start(self, going: list[Seen]) -> None:
        """Move what is ticked, on a screen of its own; asks first where files are replaced."""
        others = sum(one.other for one in going)
        if self.draft.existing == Existing.REPLACE and others:
            where = "on this computer" if self.draft.is_get else "on the site"
            question = f"Replace {others:,} file{'s' * (others != 1)} {where}?"
            detail = "They have the same names and other contents. What was there before cannot be brought back."
            if not await self.app.push_screen_wait(ConfirmScreen(question, detail, yes="Replace", no="Back")):
                return
        screen = MovingScreen(
            self.site,
            self.who,
            {one.target: one.size_bytes or 0 for one in going},
            words.wishes_of(self.draft),
            is_get=self.draft.is_get,
        )
        await self.app.push_screen_wait(screen)
        self.refresh_content()

    def go_next(self) -> None:
        """Begin, or say what is in the way."""
        if self.finding is not None:
            self.explain_soon(self.finding)
        elif going := self.going:
            self.start(going)
        else:
            self.tell(words.lacking(self.draft) or "There is nothing to move: no line of the list can go.")

    def answer_back(self) -> Answer:
        """Go back with all that was typed."""
        return Answer(replace(self.choices, results=self.draft), Move.BACK)

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "Fetch" if self.draft.is_get else "Send", "Move what is ticked", self.go_next
        yield "Browse", "Choose a folder", self.query_one("#browse", ActionButton).action_press
        yield "Level", "Project, subject, session or scan", self.query_one("#level", ActionButton).action_press
        yield "Options", "Existing files, archives, proof", self.query_one("#options", ActionButton).action_press
        yield "Other way", "Send to the site, or fetch from it", self.action_turn
        yield "Undo", "Take back a proposed pattern", self.action_undo


def _is_archive(name: str) -> bool:
    return name.casefold().endswith((".zip", ".tar", ".tgz", ".tar.gz"))
