"""A screen over the plan: how it travels. One row a setting; Enter changes it, and nothing counts before OK."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Label, Static

from xnat_wizard.findings import Problem
from xnat_wizard.upload.cstore.echo import echo
from xnat_wizard.upload.estimate import Speed, assumed, speed_to
from xnat_wizard.upload.model import Plan, Route
from xnat_wizard.wizard.steps.plan.travel_rows import SETTINGS, Setting
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.helped import HelpedScreen
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.xnat.site import Site

T = TypeVar("T")
HELP = """\
## How it travels

**Enter** on a row changes it. **Import** sends many files in one request, and is right nearly everywhere. **Gradual**
sends one file in each request: slower, for a site or a proxy that takes no zips. **C-STORE** sends by DICOM to a
receiver of the site: project, subject and session are written into the copies that travel, the files on this disk stay
as they are. Afterwards every image is looked for over HTTPS, so the login is needed all the same.

**t** asks the receiver whether it listens (C-ECHO). **Ctrl+N** or OK keeps the choice, **Escape** changes nothing.
"""


class TravelScreen(HelpedScreen[Plan | None]):
    """Choose how a plan travels; gives the plan, or None when nothing shall change."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="travel.back", tooltip="Change nothing"),
        Binding("ctrl+n", "take", "OK", id="travel.take", tooltip="Keep this choice"),
        Binding("t", "test", "Test", id="travel.test", tooltip="Ask the receiver whether it listens"),
    ]
    AUTO_FOCUS = "Rows"
    DEFAULT_CSS = """
    TravelScreen { align: center middle; background: $background 60%; }
    TravelScreen > Vertical {
        width: 100%; max-width: 96; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    TravelScreen .travel--title { text-style: bold; margin-bottom: 1; }
    TravelScreen Rows { min-height: 7; }
    TravelScreen #travel-detail { height: 3; margin-top: 1; color: $text-muted; }
    TravelScreen #travel-verdict { height: 4; margin-top: 1; }
    TravelScreen .travel--foot { height: 1; color: $text-muted; }
    TravelScreen.-low .travel--title, TravelScreen.-low .dialog-buttons { margin: 0; }
    TravelScreen.-low #travel-verdict { margin: 0; height: 3; }
    """

    def __init__(self, plan: Plan, site: Site) -> None:
        super().__init__()
        self.plan = plan
        self.site = site
        self._speeds: Mapping[Route, Speed] = {route: assumed(route) for route in Route}

    # -- what a setting uses -------------------------------------------------------------------------------------

    async def ask(self, screen: Screen[T]) -> T | None:
        """Show a screen over this one and return what it gives; only in a worker."""
        return await self.app.push_screen_wait(screen)

    def speed(self, route: Route) -> Speed:
        """Return what one reckons with by a route."""
        return self._speeds[route]

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the settings, what the one under the cursor means, and what the receiver answered."""
        with Vertical():
            yield Label("How it travels", classes="travel--title")
            yield Rows((Column("", 14), Column("", 20, grow=1)), has_header=False, id="travel-rows")
            yield Static("", id="travel-detail", markup=False)
            yield Static("", id="travel-verdict", markup=False)
            yield Static("Enter: change   Escape: change nothing   F1: help", classes="travel--foot")
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="travel-ok", tooltip="Keep this choice", is_main=True)
                yield ActionButton("t Test", id="travel-test", tooltip="Ask the receiver whether it listens")
                yield ActionButton("Change nothing", id="travel-leave", tooltip="Leave it as it was")

    def on_mount(self) -> None:
        """Show the settings; reckon with earlier uploads."""
        self._show()
        self.look_back()

    @work(group="speed", exclusive=True, exit_on_error=False)
    async def look_back(self) -> None:
        """Read how fast earlier uploads to this site were, by each route."""
        url = self.site.info.url
        self._speeds = await asyncio.to_thread(lambda: {route: speed_to(url, route) for route in Route})
        self._show_detail()

    def _settings(self) -> dict[str, Setting]:
        return {one.key: one for one in SETTINGS if one.is_of(self.plan)}

    def _show(self) -> None:
        rows, shown = self.query_one(Rows), self._settings()
        rows.styles.height = max(7, len(shown))
        rows.show(Row(one.key, (one.name, plain(one.says(self.plan)))) for one in shown.values())
        self.query_one("#travel-test").display = self.plan.route is Route.DICOM
        self._show_detail()

    @on(Rows.Highlighted)
    def _show_detail(self) -> None:
        one = self._settings().get(self.query_one(Rows).key)
        self.query_one("#travel-detail", Static).update(plain(one.explains(self.plan, self.speed)) if one else "")

    def _verdict(self, mark: str, words: str) -> None:
        self.query_one("#travel-verdict", Static).update(
            Content.assemble((f"{mark}  " if mark else "", "bold"), plain(words))
        )

    # -- acts ----------------------------------------------------------------------------------------------------

    @on(Rows.Chosen)
    @on(Rows.Ticked)
    @work(group="change", exclusive=True, exit_on_error=False)
    async def change(self, event: Rows.About) -> None:
        """Ask for another value of a setting."""
        before = self.plan
        plan = await self._settings()[event.key].change(self, before)
        if plan is None or plan == before:
            return
        self.plan = plan
        self._verdict("", "")
        self._show()
        if plan.route is Route.DICOM and plan.receiver is None:
            self._verdict("warn", "No receiver is chosen yet: Enter on Receiver.")
        elif plan.receiver != before.receiver:
            self.test_receiver()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the test where there is a receiver."""
        if action == "test":
            return self.plan.route is Route.DICOM
        return super().check_action(action, parameters)

    @on(Button.Pressed, "#travel-test")
    def action_test(self) -> None:
        """Ask the receiver whether it listens."""
        if self.plan.receiver is None:
            self._verdict("warn", "No receiver is chosen yet: Enter on Receiver.")
        else:
            self.test_receiver()

    @work(group="echo", exclusive=True, exit_on_error=False)
    async def test_receiver(self) -> None:
        """Send a C-ECHO, and say in words what came of it."""
        peer = self.plan.receiver
        assert peer
        self._verdict("", f"Asking {peer.ae_title} at {peer.host} port {peer.port}...")
        try:
            said = await echo(peer)
        except Problem as problem:
            finding = problem.finding
            self._verdict("FAIL", f"{finding.what}. {finding.why}. Do: {finding.todo[0]}.")
        else:
            self._verdict("ok", f"{said}.")

    @on(Button.Pressed, "#travel-ok")
    def action_take(self) -> None:
        """Keep the choice."""
        self.dismiss(self.plan)

    @on(Button.Pressed, "#travel-leave")
    def action_leave(self) -> None:
        """Change nothing; close the help first."""
        if not self.hide_help():
            self.dismiss(None)
