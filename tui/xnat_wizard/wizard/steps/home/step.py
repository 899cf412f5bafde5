"""Home: the ways on, what is going on with the uploads of this account, and what waits in the prearchive."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Button, Static
from textual.worker import get_current_worker

from xnat_wizard.findings import Problem
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.home.uploads import COLUMNS, Kept, Ledger, row, shown
from xnat_wizard.wizard.steps.home.waiting import waiting_words
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.losing import plan_loss
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail

WAYS = (
    (Move.NEXT, "Upload images", "Send a folder of images to a project"),
    (Move.PREARCHIVE, "Prearchive", "Check, correct, archive what waits"),
    (Move.ARCHIVE, "Archive", "See what is stored, with pictures"),
    (Move.TROUBLESHOOT, "Troubleshoot", "Find images that seem to be missing"),
    (Move.RESULTS, "Results", "Result folders to resources and back"),
    (Move.CONVERT, "Convert", "To NIfTI and BIDS, by naming rules"),
)
NO_UPLOAD = "None yet. Enter on Upload images begins one."
SLOW = "The site takes its time to say what waits in the prearchive. You can go on meanwhile."
LOOK_EVERY_S = 2.0  # at the journals, which are on this machine
ASK_EVERY_S = 60.0  # the site
SLOW_AFTER_S = 4.0


class HomeStep(StepScreen[Answer]):
    """Show the ways on and what is going on. Numbers come from the journals and from the site; none are kept here."""

    sentence = "What would you like to do? Enter goes on."
    has_refresh = True
    DEFAULT_CSS = """
    HomeStep Rows { height: 1; }
    HomeStep #uploads { max-height: 6; }
    HomeStep.-tall #uploads { max-height: 11; }
    HomeStep.-low #uploads { max-height: 4; }
    HomeStep #waiting { height: auto; padding: 0 2; }
    """
    HELP = """\
## Home

Up and Down choose, Enter goes on. Every way ends here again; Escape in its first step leads here too.

**Your uploads** are those that this account has begun on this computer. One that runs goes on by itself, also when the
wizard is closed. Enter shows one: how far it is, or what was proven. One that broke off or stopped can go on there;
nothing is sent twice.

**In the prearchive** stands what waits in your projects until somebody has looked at it. The site is asked once a
minute; F5 asks now.
"""

    def __init__(self, choices: Choices, ways: frozenset[Move]) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.ways = tuple(way for way in WAYS if way[0] in ways)
        self.uploads: tuple[Kept, ...] = ()
        self._ledger = Ledger()
        self._is_reading = False

    def compose(self) -> ComposeResult:
        """Lay out the step, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail("Home", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield the ways, the uploads, and what waits in the prearchive."""
        yield Rows((Column("", 14), Column("", 20, grow=1)), has_header=False, id="ways")
        yield Static("Your uploads", classes="heading section")
        yield Rows(COLUMNS, has_header=False, empty="Looking...", id="uploads")
        yield Static("In the prearchive", classes="heading section")
        yield Static("Asking the site...", id="waiting", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Go on", id="go", tooltip="The way under the cursor", is_main=True)
        yield ActionButton("Other login", id="back", tooltip="To the login; uploads go on")

    def on_mount(self) -> None:
        """Begin at the first way; look at the journals and ask the site in the background."""
        ways = self.query_one("#ways", Rows)
        ways.styles.height = len(self.ways)
        ways.show(Row(move.value, (name, words)) for move, name, words in self.ways)
        ways.focus()
        self.refresh_content()
        self.set_interval(LOOK_EVERY_S, self._look_again)
        self.set_interval(ASK_EVERY_S, self.ask)

    def on_screen_resume(self) -> None:
        """Look anew after something covered this."""
        self._look_again()

    def refresh_content(self) -> None:
        """Look at the journals and ask the site now."""
        self._look_again()
        self.ask()

    # -- uploads -------------------------------------------------------------------------------------------------

    def _look_again(self) -> None:
        if not self._is_reading:
            self.look()

    @work(group="uploads", exit_on_error=False)
    async def look(self) -> None:
        """Read the journals and show them; what looks the same is not drawn again."""
        self._is_reading = True
        try:
            self.uploads = shown(await asyncio.to_thread(self._ledger.read), self._site_url)
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            self.query_one("#uploads", Rows).show((), empty=fault(error).why)
        else:
            now = datetime.now().astimezone()
            listed = self.query_one("#uploads", Rows)
            listed.styles.height = max(1, len(self.uploads))
            listed.show((row(upload, self._site_url, now) for upload in self.uploads), empty=NO_UPLOAD)
        finally:
            self._is_reading = False

    @property
    def _site_url(self) -> str:
        return self.choices.site.info.url if self.choices.site else ""

    @on(Rows.Chosen, "#uploads")
    def _chosen_upload(self, event: Rows.Chosen) -> None:
        upload = next((one for one in self.uploads if str(one.journal_path) == event.key), None)
        if upload is None:
            return
        if upload.site_url != self._site_url:
            self.tell(f"This upload goes to {upload.site_url}. Log in there to see it.")
        else:
            self.dismiss(Answer(replace(self.choices, journal_path=upload.journal_path), Move.SHOW_UPLOAD))

    # -- the prearchive ------------------------------------------------------------------------------------------

    @work(group="waiting", exclusive=True, exit_on_error=False)
    async def ask(self) -> None:
        """Ask the site what waits in the prearchive; say so when it takes long."""
        site = self.choices.site
        if site is None:
            return
        me = get_current_worker()
        slow = self.set_timer(SLOW_AFTER_S, partial(self._say_waiting, SLOW))
        try:
            words = waiting_words(await site.prearchive())
        except Problem as problem:
            words = f"The prearchive could not be read: {plain(problem.finding.what)}. F5 asks again."
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            words = fault(error).why
        finally:
            slow.stop()
        if not me.is_cancelled and self.is_attached:
            self._say_waiting(words)

    def _say_waiting(self, words: str) -> None:
        self.query_one("#waiting", Static).update(words)

    # -- going on ------------------------------------------------------------------------------------------------

    @on(Rows.Chosen, "#ways")
    def _chosen_way(self, event: Rows.Chosen) -> None:
        self._go(Move(event.key))

    @on(Button.Pressed, "#go")
    def _pressed_go(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    def go_next(self) -> None:
        """Go the way under the cursor; from the list of uploads, show the one under the cursor."""
        uploads = self.query_one("#uploads", Rows)
        (uploads if uploads.has_focus else self.query_one("#ways", Rows)).action_choose()

    def _go(self, move: Move) -> None:
        self.dismiss(Answer(self.choices, move))

    def action_back(self) -> None:
        """Go to the login; ask first where another login would lose something."""
        loss = self.would_lose()
        if self.query("HelpPanel") or not loss:
            super().action_back()
            return
        detail = f"{loss} It is kept if the same person logs in again."
        question = ConfirmScreen("Go back to the login?", detail, yes="To the login", no="Stay")
        self.app.push_screen(question, self._back_if)

    def _back_if(self, is_sure: bool | None) -> None:  # noqa: FBT001  a screen's answer
        if is_sure:
            self.dismiss(self.answer_back())

    def answer_back(self) -> Answer:
        """Go to the login."""
        return Answer(self.choices, Move.BACK)

    def would_lose(self) -> str:
        """A plan that was changed and not sent is lost."""
        return plan_loss(self.choices.plan, self.choices.survey, self.choices.journal_path)

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        running = next((one.journal_path for one in self.uploads if one.is_running), None)
        return parting_words(running)

    def commands(self) -> Iterable[Command]:
        """Yield the ways by name."""
        for move, name, words in self.ways:
            yield name, words, partial(self._go, move)
        yield "Log in elsewhere", "Go to the login; running uploads go on", self.action_back
