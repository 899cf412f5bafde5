"""The screen on which series are converted, checked, and brought into XNAT where that is wanted."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.amounts import bytes_text
from xnat_wizard.convert.conversion import Conversion, Result, Validating
from xnat_wizard.convert.model import Placed
from xnat_wizard.convert.run import Started
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import state_dir
from xnat_wizard.upload.converted import Bringing, Tools, Wanted, sessions_of
from xnat_wizard.upload.patience import GiveUpError
from xnat_wizard.upload.resource_transfer import model as transfers
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Outcome, Target
from xnat_wizard.wizard.steps.convert import words
from xnat_wizard.wizard.steps.convert.job import Job
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.listing import FindingsScreen
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.paths import path_of, path_text
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.progress import ProgressLine
from xnat_wizard.wizard.widgets.rows import Row, Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail
from xnat_wizard.xnat.site import Site

LOOKS_PER_S = 4
LOSS = "The conversion stops. Images that lie in their places stay, and the same choices go on with the rest."


class ConvertingScreen(StepScreen[bool]):
    """Convert series; it begins at once. Afterwards a validator judges, and the images go into XNAT where wanted."""

    sentence = "Converting. Escape stops; what is made stays."
    has_next = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", show=False, id="converting.stop", tooltip="Stop; what is made stays"),
        Binding("g", "go_on", "Go on", show=False, id="converting.go_on", tooltip="Do what is left"),
        Binding("r", "report", "Report", show=False, id="converting.report", tooltip="What came of every series"),
    ]
    DEFAULT_CSS = """
    ConvertingScreen Rows { min-height: 4; margin-top: 1; }
    ConvertingScreen #converting-event { height: auto; max-height: 2; margin-top: 1; color: $text-muted; }
    ConvertingScreen.-low Rows, ConvertingScreen.-low #converting-event { margin-top: 0; }
    """
    HELP = """\
## Converting

Each line is one series. *ok* means: its images lie in their place, whole. What the converter remarks, and what is
wrong with a series, stands behind **Enter** on its line; **r** shows all of it, **Ctrl+Y** copies it into a file.

**s** or Escape stops: the series at work leaves nothing, what was made stays, and **g** goes on with the rest.

A dataset by the BIDS standard is checked by the BIDS validator where it is installed; its line stands below the series.
What goes into XNAT has a line for each resource, and is compared there by MD5.
"""

    def __init__(self, who: str, site: Site, project: str, job: Job) -> None:
        super().__init__(who)
        self._site = site
        self._project = project
        self._job = job
        self._conversion: Conversion | None = None
        self._bringing: Bringing | None = None
        self._said: deque[Started | Placed | Finding | Validating] = deque()  # by the converting thread
        self._at = -1  # number of the series at work
        self._placed: dict[int, list[Placed]] = {}
        self._findings: dict[int, list[Finding]] = {}
        self._further: list[Finding] = []  # of no series
        self._result: Result | None = None
        self._targets: dict[Target, Outcome | None] = {}
        self._is_again = False
        self._is_whole = False  # nothing is left to be done
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="converter")

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the screen, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail("Convert: at work", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield totals, series, and the folder."""
        yield ProgressLine(id="converting-bar")
        yield Rows(words.RUN_COLUMNS, id="converting-rows", has_header=False)
        yield Static("", id="converting-event", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield every action; those that make no sense now are hidden."""
        yield ActionButton("s Stop", id="converting-stop", tooltip="Stop; what is made stays", is_main=True)
        yield ActionButton("g Go on", id="converting-go-on", tooltip="Do what is left", is_main=True)
        yield ActionButton("r Report", id="converting-report", tooltip="What came of every series")
        yield ActionButton("Back", id="converting-back", tooltip="To the rules")

    def on_mount(self) -> None:
        """Begin."""
        self.query_one(Rows).focus()
        self._show_target()
        self.set_interval(1 / LOOKS_PER_S, self._look)
        self.convert()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the path into the new width."""
        super().on_resize(event)
        self._show_target()

    def _show_target(self) -> None:
        """Show where the images go; of a path that is too long its end, which says most."""
        path = plain(path_text(path_of(self._job.draft.target)))
        room = max(20, self.size.width - 6)  # a long path has a row of its own
        shown = path if len(path) <= room else f"...{path[3 - room :]}"
        self.query_one("#converting-event", Static).update(f"Into {shown}")

    def on_unmount(self) -> None:
        """Let go of the thread."""
        self._executor.shutdown(wait=False)

    def _look(self) -> None:
        if self.is_busy and self.app.screen is self:
            self.show()

    def on_screen_resume(self) -> None:
        """Catch up after another screen lay over this one."""
        self.show()

    def rows(self) -> list[Row]:
        """Return every line: series, validator, resources."""
        is_over = not self.is_busy or self._result is not None
        found = [
            replace(
                words.item_row(
                    item,
                    self._placed.get(number, ()),
                    self._findings.get(number, ()),
                    is_begun=number == self._at,
                    is_over=is_over or number < self._at,
                ),
                key=str(number),
            )
            for number, item in enumerate(self._job.chosen)
        ]
        if self._result is not None and self._result.validation is not None:
            found.append(words.validator_row(self._result.validation))
        found += [
            words.target_row(target, outcome, is_over=not self.is_busy) for target, outcome in self._targets.items()
        ]
        return found

    def show(self) -> None:
        """Show how everything stands."""
        self._take_said()
        self.query_one(Rows).show(self.rows())
        bar = self.query_one(ProgressLine)
        if self._bringing is not None and self.is_busy:
            now = self._bringing.snapshot()
            text = f"into XNAT: {bytes_text(now.travelled_bytes)} of {bytes_text(now.to_travel_bytes)}"
            bar.show(now.travelled_bytes, max(1, now.to_travel_bytes), text)
        elif self._conversion is not None and self.is_busy:
            now_at = self._conversion.snapshot()
            bar.show(now_at.series_done, max(1, now_at.series_total), words.progress_text(now_at))
        else:
            bar.show(0, 0, words.progress_text(self._conversion.snapshot()) if self._conversion is not None else "")
        for name, is_shown in (
            ("stop", self.is_busy),
            ("go-on", not self.is_busy and not self._is_whole),
            ("back", not self.is_busy),
        ):
            self.query_one(f"#converting-{name}", ActionButton).display = is_shown

    def _take_said(self) -> None:
        """Take what the converting thread has said since the last look."""
        while self._said:
            said = self._said.popleft()
            if isinstance(said, Started):
                self._at = said.number - 1
                self._placed[self._at], self._findings[self._at] = [], []
            elif isinstance(said, Validating):
                self._at = len(self._job.chosen)
            elif isinstance(said, Placed):
                self._placed.setdefault(self._at, []).append(said)
            else:
                self._findings.setdefault(self._at, []).append(words.here_words(said))

    # -- the work ------------------------------------------------------------------------------------------------

    @work(group="converting", exclusive=True, exit_on_error=False)
    async def convert(self) -> None:
        """Convert, check, and bring into XNAT; what is cancelled leaves whole images only."""
        self._begin()
        finding: Finding | None = None
        try:
            result = await self._convert()
            if not result.is_stopped and self._job.draft.into_xnat:
                self.say("Bringing the images into XNAT. Escape stops; what is there stays.")
                await self._bring(result)
        except asyncio.CancelledError:
            self._end("Stopped. What is made stays; g goes on with the rest.", is_whole=False)
            raise
        except GiveUpError as end:
            finding = end.finding
        except Problem as problem:
            finding = words.here_words(problem.finding)
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes a finding
            finding = fault(error)
        else:
            is_whole = not result.is_stopped and all(
                outcome is not None and outcome.verdict is transfers.Verdict.DONE for outcome in self._targets.values()
            )
            self._end(words.end_words(result), is_whole=is_whole)
        if finding is not None:
            self._further.append(finding)
            self._end(f"Not done: {finding.what}.", is_whole=False)
            if self.is_attached:
                await self.explain(finding)

    def _begin(self) -> None:
        self.is_busy = True
        self._result, self._bringing = None, None
        self._at = -1
        self._placed, self._findings, self._further, self._targets = {}, {}, [], {}
        self.say(self.sentence)

    async def _convert(self) -> Result:
        job = self._job
        conversion = Conversion(job.source, job.offered, job.chosen, job.order(is_again=self._is_again))
        self._conversion, self._is_again = conversion, True
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._executor, conversion.run, self._said.append)
        try:
            result = await asyncio.shield(done)
        except asyncio.CancelledError:
            conversion.stop()
            with contextlib.suppress(Exception):
                await done
            raise
        self._result = result
        return result

    async def _bring(self, result: Result) -> None:
        """Send what was made into the scans of the project."""
        job, site = self._job, self._site
        wanted = Wanted(
            project=self._project,
            sessions=await asyncio.to_thread(
                sessions_of, job.survey, site_url=site.info.url, project=self._project
            ),
            output=path_of(job.draft.target),
            is_bids=job.order(is_again=False).is_bids,
            existing=transfers.Existing(job.draft.existing),
        )  # fmt: skip
        with Journal(state_dir()) as journal:
            tools = Tools(journal, time.time, asyncio.sleep, random.random, self._tell_event)
            self._bringing = Bringing(site, job.source, wanted, tools)
            async with contextlib.aclosing(self._bringing.run(job.offered, job.chosen, result)) as steps:
                async for said in steps:
                    if isinstance(said, Target):
                        self._targets[said] = None
                    elif isinstance(said, Outcome):
                        self._targets[said.target] = said
                    else:
                        self._further.append(said)
                    self.show()

    def _end(self, text: str, *, is_whole: bool) -> None:
        self.is_busy = False
        self._is_whole = is_whole
        if self.is_attached:
            self.say(text)
            self.tell()
            self.show()

    def _tell_event(self, text: str) -> None:
        if self.is_attached:
            self.tell(text)

    # -- what a person does --------------------------------------------------------------------------------------

    @on(Button.Pressed, "#converting-stop")
    def action_stop(self) -> None:
        """Stop; what is made stays."""
        self.cancel_work()

    @on(Button.Pressed, "#converting-go-on")
    def action_go_on(self) -> None:
        """Do what is left."""
        if not self.is_busy and not self._is_whole:
            self.convert()
            self.query_one(Rows).focus()

    @on(Button.Pressed, "#converting-report")
    def action_report(self) -> None:
        """Show what came of every series."""
        self.app.push_screen(LinesScreen("Report", self.copyable_text()))

    @on(Button.Pressed, "#converting-back")
    def _pressed_back(self) -> None:
        self.action_back()

    @on(Rows.Chosen, "#converting-rows")
    def _chosen(self, event: Rows.Chosen) -> None:
        row = next((one for one in self.rows() if one.key == event.key), None)
        if row is None:
            return
        findings = self._findings_of(event.key)
        if len(findings) == 1:
            self.explain_soon(findings[0])
        elif findings:
            self.app.push_screen(FindingsScreen(row.cells[0], findings))
        else:
            files = [name for one in self._placed.get(_number(event.key), ()) for name in one.files]
            self.app.push_screen(LinesScreen(row.cells[0], "\n".join([row.cells[1], "", *map(plain, files)])))

    def _findings_of(self, key: str) -> list[Finding]:
        if (number := _number(key)) >= 0:
            return self._findings.get(number, [])
        for target, outcome in self._targets.items():
            if key == words.target_row(target, None, is_over=True).key:
                return list(outcome.findings) if outcome is not None else []
        return self._findings.get(len(self._job.chosen), [])  # what the validator said

    def _all_findings(self) -> list[Finding]:
        found = [finding for some in self._findings.values() for finding in some] + self._further
        return found + [
            finding for outcome in self._targets.values() if outcome is not None for finding in outcome.findings
        ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what makes no sense now."""
        if action == "stop":
            return self.is_busy
        if action == "go_on":
            return not self.is_busy and not self._is_whole
        return super().check_action(action, parameters)

    def cancel_work(self) -> bool:
        """Stop what runs: the converter ends by itself, a transfer is cancelled."""
        if not self.is_busy:
            return False
        self.tell("Stopping...")
        if self._result is None and self._conversion is not None:
            self._conversion.stop()
        else:
            self.workers.cancel_group(self, "converting")
        return True

    def answer_back(self) -> bool:
        """Go back to the rules; tells whether everything is done."""
        return self._is_whole

    def would_lose(self) -> str:
        """Say that a conversion stops with the wizard."""
        return LOSS if self.is_busy else ""

    def copyable_text(self) -> str:
        """Return what came of everything."""
        return "\n".join(words.report_lines(self.rows(), self._all_findings(), str(path_of(self._job.draft.target))))

    def commands(self) -> Iterable[Command]:
        """Yield what can be done now."""
        if self.is_busy:
            yield "Stop", "Stop; what is made stays", self.action_stop
        elif not self._is_whole:
            yield "Go on", "Do what is left", self.action_go_on
        yield "Report", "What came of every series", self.action_report


def _number(key: str) -> int:
    """Return the number of a series by the key of its row; -1 for another row."""
    return int(key) if key.isdecimal() else -1
