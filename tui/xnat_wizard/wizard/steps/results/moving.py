"""The screen on which targets are moved: how far each is, stop and go on, and what was proven in the end."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from xnat_wizard.amounts import bytes_text, count_text, duration_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import state_dir
from xnat_wizard.upload.patience import GiveUpError
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Outcome, Target, Verdict, Wishes
from xnat_wizard.upload.resource_transfer.transfer import AT_ONCE, Snapshot, Transfer
from xnat_wizard.wizard.steps.results.words import MOVING_COLUMNS, here_words, moving_row, report_text
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.listing import FindingsScreen
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.progress import ProgressLine
from xnat_wizard.wizard.widgets.rate import RateMeter
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail
from xnat_wizard.xnat.site import Site

LOOKS_PER_S = 4
LOSS = "What runs here stops. What is there stays, and the same choices go on with the rest."


class MovingScreen(StepScreen[bool]):
    """Move targets; it begins at once. What is proven stays shown; the rest can go on after a stop."""

    sentence = "Moving..."
    has_next = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", show=False, id="moving.stop", tooltip="Stop; what is there stays"),
        Binding("g", "go_on", "Go on", show=False, id="moving.go_on", tooltip="Move what is missing"),
        Binding("r", "report", "Report", show=False, id="moving.report", tooltip="What came of every target"),
    ]
    DEFAULT_CSS = """
    MovingScreen Rows { min-height: 4; margin-top: 1; }
    MovingScreen #moving-event { height: auto; max-height: 2; margin-top: 1; color: $text-muted; }
    MovingScreen.-low Rows, MovingScreen.-low #moving-event { margin-top: 0; }
    """
    HELP = """\
## Moving

Each line is one result folder and its resource. Two are worked on at a time; first both sides are compared, and what
is equal is not moved again.

- **s** or Escape stops. Whole files stay where they are; **g** goes on with what is missing, now or another day: the
  same choices lead to the same place.
- **Enter** on a line says what was found about it, and what to do.
- **r** shows the report: every target with its counts and its proof. **Ctrl+Y** copies it into a file.

`ok equal by MD5` means: every file was found at the other end with the same digest.
"""

    def __init__(self, site: Site, who: str, targets: Mapping[Target, int], wishes: Wishes, *, is_get: bool) -> None:
        """Move targets, each of so many bytes as far as is known."""
        super().__init__(who)
        self._site = site
        self._targets = tuple(targets)
        self._sizes = targets
        self._wishes = wishes
        self._is_get = is_get
        self._transfer: Transfer | None = None
        self._outcomes: dict[Target, Outcome] = {}
        self._rate = RateMeter()

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the screen, under a header of its own."""
        place = "Results: fetching" if self._is_get else "Results: sending"
        for widget in super().compose():
            yield NamedTrail(place, self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield totals, targets, and the last event."""
        yield ProgressLine(id="moving-bar")
        yield Rows(MOVING_COLUMNS, id="moving-targets")
        yield Static("", id="moving-event", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield every action; those that make no sense now are hidden."""
        yield ActionButton("s Stop", id="moving-stop", tooltip="Stop; what is there stays", is_main=True)
        yield ActionButton("g Go on", id="moving-go-on", tooltip="Move what is missing", is_main=True)
        yield ActionButton("r Report", id="moving-report", tooltip="What came of every target")
        yield ActionButton("Back", id="moving-back", tooltip="To the choices")

    def on_mount(self) -> None:
        """Begin."""
        self.query_one(Rows).focus()
        self.set_interval(1 / LOOKS_PER_S, self._look)
        self.move()

    def _look(self) -> None:
        if self.is_busy and self._transfer is not None and self.app.screen is self:
            self._rate.see(time.monotonic(), self._transfer.snapshot().travelled_bytes)
            self.show()

    def on_screen_resume(self) -> None:
        """Catch up after another screen lay over this one."""
        self.show()

    def show(self) -> None:
        """Show how every target stands."""
        transfer = self._transfer
        self.query_one(Rows).show(
            moving_row(
                target,
                transfer.tally(target) if transfer is not None else None,
                self._outcomes.get(target),
                is_running=self.is_busy,
            )
            for target in self._targets
        )
        if self.is_busy and transfer is not None:
            self._show_bar(transfer.snapshot())
        self._show_buttons()

    def _show_bar(self, now: Snapshot) -> None:
        done = f"{len(self._outcomes):,} of {len(self._targets):,} done"
        total = now.to_travel_bytes + self._waiting_bytes()
        said = [done, f"{bytes_text(now.travelled_bytes)} of {bytes_text(total)}"]
        left_s = self._rate.left_s(total)
        if left_s and now.travelled_bytes < total:
            said.append(f"{bytes_text(self._rate.rate_per_s)}/s, {duration_text(left_s)} left")
        self.query_one(ProgressLine).show(now.travelled_bytes, max(1, total), ", ".join(said))

    def _waiting_bytes(self) -> int:
        """Return the bytes of targets that were not looked at yet: all of them may have to travel."""
        transfer = self._transfer
        waiting = [one for one in self.rest if one not in self._outcomes and not (transfer and transfer.tally(one))]
        return sum(self._sizes[one] for one in waiting)

    def _show_buttons(self) -> None:
        for name, is_shown in (
            ("stop", self.is_busy),
            ("go-on", not self.is_busy and bool(self.rest)),
            ("back", not self.is_busy),
        ):
            self.query_one(f"#moving-{name}", ActionButton).display = is_shown

    @property
    def rest(self) -> tuple[Target, ...]:
        """Return the targets of which not everything is proven."""
        done = {target for target, one in self._outcomes.items() if one.verdict is Verdict.DONE}
        return tuple(target for target in self._targets if target not in done)

    # -- the work ------------------------------------------------------------------------------------------------

    @work(group="moving", exclusive=True, exit_on_error=False)
    async def move(self) -> None:
        """Move what is missing; a cancelled worker leaves whole files only."""
        rest = self.rest
        self._outcomes = {target: one for target, one in self._outcomes.items() if target not in rest}
        self._rate.clear()
        self.is_busy = True
        project = rest[0].address.project
        count = count_text(len(rest), "target")
        self.say(
            f"Fetching {count} from {project}. Escape stops." if self._is_get else
            f"Sending {count} to {project}. Escape stops."
        )  # fmt: skip
        self._tell_event("")
        finding: Finding | None = None
        try:
            with Journal(state_dir()) as journal:
                await self._run(journal, rest)
        except asyncio.CancelledError:
            self._end("Stopped. What is there stays; g goes on with the rest.")
            raise
        except GiveUpError as end:
            finding = end.finding
        except Problem as problem:
            finding = problem.finding
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes a finding
            finding = fault(error)
        self._end(self._verdict_words())
        if finding is not None and self.is_attached:
            await self.explain(here_words(finding))

    async def _run(self, journal: Journal, targets: tuple[Target, ...]) -> None:
        self._transfer = Transfer(
            self._site, journal, self._wishes, clock=time.time, sleep=asyncio.sleep, random=random.random,
            tell=self._tell_event, at_once=AT_ONCE,
        )  # fmt: skip
        moved = self._transfer.get(targets) if self._is_get else self._transfer.put(targets)
        async with contextlib.aclosing(moved) as outcomes:
            async for outcome in outcomes:
                self._outcomes[outcome.target] = outcome
                self.show()

    def _end(self, words: str) -> None:
        self.is_busy = False
        if self.is_attached:
            self.say(words)
            self._tell_event("")
            self.query_one(ProgressLine).show(0, 0, self._sums())
            self.show()

    def _verdict_words(self) -> str:
        if not self.rest:
            return "Done: every file was found at the other end."
        done = len(self._targets) - len(self.rest)
        return f"{done:,} of {len(self._targets):,} are done. Enter on a line says what is wrong with it."

    def _sums(self) -> str:
        tallies = [one.tally for one in self._outcomes.values()]
        moved = sum(tally.moved for tally in tallies)
        said = f"{count_text(moved, 'file')} {'saved' if self._is_get else 'sent'}"
        said += f", {bytes_text(sum(tally.moved_bytes for tally in tallies))}"
        return f"{said}; {sum(tally.there for tally in tallies):,} were there already"

    def _tell_event(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#moving-event", Static).update(plain(text))

    # -- what a person does --------------------------------------------------------------------------------------

    @on(Button.Pressed, "#moving-stop")
    def action_stop(self) -> None:
        """Stop; what is there stays."""
        self.cancel_work()

    @on(Button.Pressed, "#moving-go-on")
    def action_go_on(self) -> None:
        """Move what is missing."""
        if not self.is_busy and self.rest:
            self.move()
            self.query_one(Rows).focus()

    @on(Button.Pressed, "#moving-report")
    def action_report(self) -> None:
        """Show what came of every target."""
        self.app.push_screen(LinesScreen("Report", self.copyable_text()))

    @on(Button.Pressed, "#moving-back")
    def _pressed_back(self) -> None:
        self.action_back()

    @on(Rows.Chosen, "#moving-targets")
    def _chosen(self, event: Rows.Chosen) -> None:
        target = next((one for one in self._targets if f"{one.path}\0{one}" == event.key), None)
        outcome = self._outcomes.get(target) if target is not None else None
        if target is None:
            return
        if outcome is None or not outcome.findings:
            self.app.push_screen(LinesScreen(plain(str(target)), self._report([target])))
        elif len(outcome.findings) == 1:
            self.explain_soon(here_words(outcome.findings[0]))
        else:
            self.app.push_screen(FindingsScreen(plain(str(target)), map(here_words, outcome.findings)))

    def _report(self, targets: Iterable[Target]) -> str:
        return report_text(targets, self._outcomes, is_get=self._is_get)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what makes no sense now."""
        if action == "stop":
            return self.is_busy
        if action == "go_on":
            return not self.is_busy and bool(self.rest)
        return super().check_action(action, parameters)

    def cancel_work(self) -> bool:
        """Stop what runs."""
        if not self.is_busy:
            return False
        self.tell("Stopping...")
        self.stop_moving()
        return True

    @work(group="stop", exclusive=True, exit_on_error=False)
    async def stop_moving(self) -> None:
        """Cancel the run; its end says what stays."""
        self.workers.cancel_group(self, "moving")
        self.tell("")

    def answer_back(self) -> bool:
        """Go back to the choices; tells whether everything is done."""
        return not self.rest

    def would_lose(self) -> str:
        """Say that a run stops with the wizard."""
        return LOSS if self.is_busy else ""

    def copyable_text(self) -> str:
        """Return the report."""
        return self._report(self._targets)

    def commands(self) -> Iterable[Command]:
        """Yield what can be done now."""
        if self.is_busy:
            yield "Stop", "Stop; what is there stays", self.action_stop
        elif self.rest:
            yield "Go on", "Move what is missing", self.action_go_on
        yield "Report", "What came of every target", partial(self.action_report)
