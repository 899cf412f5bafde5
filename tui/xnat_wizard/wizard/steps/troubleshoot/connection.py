"""The connection check on a screen: one line a check, as they come, and the page for IT."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from xnat_wizard.settings import state_dir
from xnat_wizard.troubleshoot.check import PROBES, Check, Question, Running, State, run_checks
from xnat_wizard.troubleshoot.check.page import page
from xnat_wizard.troubleshoot.letters import save
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.wizard.widgets.trail import Trail
from xnat_wizard.xnat.model import Login

COLUMNS = (Column("", 7), Column("Check", 22), Column("What was seen", 30, grow=1))
_TONES = {State.OK: "good", State.WARN: "warn", State.FAIL: "bad", State.SKIPPED: "quiet"}


class ConnectionScreen(StepScreen[None]):
    """Check the way to the site, and show each result as it comes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "page", "Page for IT", id="connection.page", tooltip="Write a page for the IT department"),
    ]
    sentence = "The way to the site, step by step. Nothing is changed there."
    has_refresh = True
    has_next = False
    DEFAULT_CSS = """
    ConnectionScreen #checks { height: 1fr; min-height: 6; }
    ConnectionScreen #check-scroll { height: 7; margin-top: 1; scrollbar-size-vertical: 1; }
    ConnectionScreen #check { height: auto; }
    ConnectionScreen.-low #check-scroll { height: 4; margin-top: 0; }
    """
    HELP = """\
## Connection check

From the name of the site to its DICOM receivers, the cheapest first. **ok** is well, **warn** works and is worth
knowing, **FAIL** does not work: why, and what to do, stands below the list. What a failed check keeps others from is
**skipped**.

**p** writes a page for the IT department: what was asked and answered, without passwords and names. **F5** checks
again, **Escape** stops, then goes back.
"""

    def __init__(self, choices: Choices, project: str) -> None:
        super().__init__(choices.who)
        login = Login(
            choices.address, choices.username, choices.password, ca_file=choices.ca_file, is_unsafe=choices.is_unsafe
        )
        has_login = bool(choices.username and choices.password)
        self._question = Question(
            choices.site.info.url if choices.site else choices.address,
            login=login if has_login else None,
            project=project,
            ca_file=choices.ca_file,
        )
        self.checks: list[Check] = []

    def compose(self) -> ComposeResult:
        """Lay out the screen, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail("Connection", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield the checks, and the chosen one in detail."""
        yield Rows(COLUMNS, has_header=False, empty="Beginning...", id="checks")
        with VerticalScroll(can_focus=False, id="check-scroll"):
            yield Static("", id="check", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the ways on."""
        yield ActionButton("p Page for IT", id="page", tooltip="Write a page for the IT department", is_main=True)
        yield ActionButton("Back", id="back", tooltip="To the form")

    def on_mount(self) -> None:
        """Check."""
        self.query_one("#checks", Rows).focus()
        self.check()

    @work(group="check", exclusive=True, exit_on_error=False)
    async def check(self) -> None:
        """Make every check, and show it as it ends."""
        self.checks = []
        async with (
            self.working(f"Checking... 1 of {len(PROBES)}. Escape stops."),
            contextlib.aclosing(run_checks(self._question)) as events,
        ):
            async for event in events:
                if isinstance(event, Running):
                    self.tell(f"{event.title}... ({len(self.checks) + 1} of {len(PROBES)}). Escape stops.")
                else:
                    self.checks.append(event)
                    self._show()

    def _show(self) -> None:
        rows = self.query_one("#checks", Rows)
        rows.show(
            Row(str(place), (str(one.state), one.title, plain(one.said)), _TONES[one.state])
            for place, one in enumerate(self.checks)
        )
        self._show_detail()

    @on(Rows.Highlighted, "#checks")
    def _show_detail(self) -> None:
        key = self.query_one("#checks", Rows).key
        self.query_one("#check", Static).update(_detail(self.checks[int(key)]) if key.isdigit() else "")

    @on(Rows.Chosen, "#checks")
    def _chosen(self, event: Rows.Chosen) -> None:
        one = self.checks[int(event.key)]
        self.app.push_screen(LinesScreen(one.title, "\n".join((_detail(one), "", *map(plain, one.evidence)))))

    def action_page(self) -> None:
        """Write the page for IT."""
        if self.checks and not self.is_busy:
            self.write_page()

    @work(group="page", exclusive=True, exit_on_error=False)
    async def write_page(self) -> None:
        """Write the page, keep it in a file of this person's, and show both."""
        async with self.working():
            text = page(self._question, tuple(self.checks), now=datetime.now(UTC).astimezone())
            path = state_dir() / "connection.txt"
            await asyncio.to_thread(save, text, path)
            await self.app.push_screen_wait(LinesScreen("Page for IT", text, foot=str(path)))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "page":
            self.action_page()
        else:
            self.action_back()

    def refresh_content(self) -> None:
        """Check again."""
        if not self.is_busy:
            self.check()

    def cancel_work(self) -> bool:
        """Stop; what was checked stays."""
        if not self.is_busy:
            return False
        self.workers.cancel_group(self, "check")
        self.tell("Stopped. What stands above was checked.")
        return True

    def action_back(self) -> None:
        """Close the help, stop, or go back to the form."""
        if self.query("HelpPanel"):
            self.action_toggle_help()
        elif not self.cancel_work():
            self.dismiss(None)


def _detail(one: Check) -> str:
    lines = [plain(one.said)]
    if one.finding is not None:
        lines.append(f"Why:    {plain(one.finding.why)}")
        lines += [f"Do:     {plain(step)}" for step in one.finding.todo]
    return "\n".join(lines)
