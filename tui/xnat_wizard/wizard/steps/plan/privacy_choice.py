"""A screen over the plan: whether names leave this machine. What becomes of each detail is shown on a sample."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Problem
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.deidentify.planning import under
from xnat_wizard.upload.deidentify.preview import Preview, preview, sample
from xnat_wizard.upload.model import Plan
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.helped import HelpedScreen
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.xnat.site import Site

SERVER, HERE, BURNT_IN = "server", "here", "burnt-in"
OPTIONS = {  # in words that fit a narrow terminal
    Keep.DATES: "keep full dates and times",
    Keep.SHIFTED_DATES: "keep dates, moved by a random number of days",
    Keep.PATIENT: "keep age, sex, height, weight",
    Keep.DEVICE: "keep names and serial numbers of devices",
    Keep.DESCRIPTIONS: "keep descriptions (free text: may hold names)",
    Keep.PRIVATE: "keep harmless private elements (diffusion, scaling)",
}
BURNT_IN_WORDS = "send pictures that may have writing in them"
MOST_SAMPLED = 200  # series; the table is of a sample
HELP = """\
## Names in the images

**Leave it to the server**: images go as they are, and the anonymization scripts of site and project change them there,
if any is on.

**De-identify here**: each image is changed on its way by the basic profile of DICOM PS3.15 annex E; the files on this
disk stay as they are, and no copy is made. The subject's label takes the place of name and number. UIDs are replaced,
the same way in the whole upload; the receipt proves the bytes that were sent. The options keep more than the profile
does. Dates that are moved keep their distances within a subject.

Pictures are never changed. Those that may have writing in them, reports, and documents are held back; the first of
these go if you say so.

The table shows one image of each series: what stands there, and what becomes of it. **Space** ticks, **Ctrl+N** or OK
keeps the choice, **Escape** changes nothing.
"""


class PrivacyChoiceScreen(HelpedScreen[Plan | None]):
    """Choose whether images are de-identified on their way; gives the plan, or None when nothing shall change."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="privacy_choice.back", tooltip="Change nothing"),
        Binding("ctrl+n", "take", "OK", id="privacy_choice.take", tooltip="Keep this choice"),
    ]
    AUTO_FOCUS = "#choice-where"
    DEFAULT_CSS = """
    PrivacyChoiceScreen { align: center middle; background: $background 60%; }
    PrivacyChoiceScreen > Vertical {
        width: 100%; max-width: 96; height: 100%; max-height: 34;
        border: round $primary; padding: 0 1; background: $surface;
    }
    PrivacyChoiceScreen .choice--title { text-style: bold; height: 1; }
    PrivacyChoiceScreen #choice-where { height: 2; margin-top: 1; }
    PrivacyChoiceScreen #choice-state { height: 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    PrivacyChoiceScreen #choice-options { height: 7; padding-left: 2; }
    PrivacyChoiceScreen Rows { height: 1fr; min-height: 3; }
    PrivacyChoiceScreen #choice-told { height: 2; color: $text-muted; }
    PrivacyChoiceScreen .choice--foot { height: 1; color: $text-muted; }
    PrivacyChoiceScreen .dialog-buttons { margin-top: 0; }
    PrivacyChoiceScreen.-low #choice-where { margin-top: 0; }
    PrivacyChoiceScreen.-low #choice-options { height: 4; }
    """

    def __init__(self, plan: Plan, site: Site | None) -> None:
        super().__init__()
        self._plan = plan
        self._site = site
        self._stop = Event()  # of the sample that is being read
        self._shown: dict[Deidentification, Preview] = {}

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the two ways, the options, what becomes of a sample, and what is held back."""
        old = self._plan.deidentification
        ways = {
            SERVER: "Leave it to the server's scripts",
            HERE: "De-identify here, before anything is sent",
        }
        ticked = [*map(str, old.keep), *([BURNT_IN] if old.is_burnt_in_sent else [])] if old else []
        options = [*((str(key), words) for key, words in OPTIONS.items()), (BURNT_IN, BURNT_IN_WORDS)]
        with Vertical():
            yield Label("Names in the images", classes="choice--title")
            yield Checklist(ways.items(), [HERE if old else SERVER], is_single=True, id="choice-where")
            yield Static("", id="choice-state", markup=False)
            yield Checklist(options, ticked, id="choice-options")
            yield Rows(
                (Column("Detail", 20), Column("Images", 7, is_right=True), Column("Becomes", 16, grow=1)),
                empty="Reading headers...",
                id="choice-rows",
            )
            yield Static("", id="choice-told", markup=False)
            yield Static("Space: tick   Ctrl+N: OK   Escape: change nothing   F1: help", classes="choice--foot")
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="choice-ok", tooltip="Keep this choice", is_main=True)
                yield ActionButton("Change nothing", id="choice-leave", tooltip="Leave it as it was")

    def on_mount(self) -> None:
        """Show the choice on a sample, and ask what the server does."""
        self._show()
        self.ask_scripts()

    def on_unmount(self) -> None:
        """Let a sample that is still read end."""
        self._stop.set()

    @property
    def _choice(self) -> Deidentification | None:
        if self.query_one("#choice-where", Checklist).ticked != (HERE,):
            return None
        ticked = self.query_one("#choice-options", Checklist).ticked
        keep = [Keep(key) for key in ticked if key != BURNT_IN]
        return Deidentification.of(keep, is_burnt_in_sent=BURNT_IN in ticked)

    def _show(self) -> None:
        self.query_one("#choice-options", Checklist).disabled = self._choice is None
        self.read_sample()

    # -- the server's scripts ------------------------------------------------------------------------------------

    @work(group="scripts", exclusive=True, exit_on_error=False)
    async def ask_scripts(self) -> None:
        """Ask whether scripts of site and project are on."""
        state: tuple[bool | None, bool | None] = (None, None)
        if self._site is not None:
            try:
                found = await self._site.upload_settings(self._plan.project)
                state = found.is_site_script_on, found.is_project_script_on
            except Problem:
                pass
        words = [f"{whose}: {_state(is_on)}" for whose, is_on in zip(("site", "project"), state, strict=True)]
        self.query_one("#choice-state", Static).update(f"    Anonymization scripts: {', '.join(words)}")

    # -- the sample ----------------------------------------------------------------------------------------------

    @work(group="sample", exclusive=True, exit_on_error=False)
    async def read_sample(self) -> None:
        """Read one header of each series, and show what becomes of it."""
        self._stop.set()
        self._stop = stop = Event()
        choice = self._choice
        asked = choice or Deidentification()
        if asked not in self._shown:
            self._tell("Reading headers...")
            try:
                made = await self._previewed(asked, stop)
            except Problem as problem:
                self._tell(f"{problem.finding.what}. {problem.finding.why}")
                return
            except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
                self._tell(fault(error).why)
                return
            if stop.is_set():
                return
            self._shown[asked] = made
        self._show_preview(self._shown[asked], is_here=choice is not None)

    async def _previewed(self, choice: Deidentification, stop: Event) -> Preview:
        files = list(sample(_series_of(self._plan)))[:MOST_SAMPLED]
        work = partial(preview, self._plan.source, files, choice, stop.is_set)
        pool = ThreadPoolExecutor(1, "sample")
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        finally:
            pool.shutdown(wait=False)

    def _show_preview(self, made: Preview, *, is_here: bool) -> None:
        rows = self.query_one(Rows)
        rows.show(
            (
                Row(one.name, (one.name, f"{one.before.images:,}", one.becomes if is_here else "leaves as it is"))
                for one in made.rows
            ),
            empty="No such detail was found.",
        )
        told = f"{count_text(made.files_read, 'header')} read, one of each series. Pictures themselves are not changed."
        held = sum(made.held_back.values()) if is_here else 0
        if held:
            reason = max(made.held_back, key=lambda key: made.held_back[key])
            told = f"{count_text(held, 'series', 'series')} of {made.files_read} will be held back: {reason}."
        self._tell(told)

    def _tell(self, text: str) -> None:
        self.query_one("#choice-told", Static).update(plain(text))

    # -- acts ----------------------------------------------------------------------------------------------------

    @on(Checklist.Changed, "#choice-where")
    def change_way(self) -> None:
        """Show what the other way means."""
        self._show()

    @on(Checklist.Changed, "#choice-options")
    def change_option(self, event: Checklist.Changed) -> None:
        """Take an option; of the two about dates only one is on."""
        listed = event.checklist
        if {Keep.DATES, Keep.SHIFTED_DATES} <= set(event.ticked):
            row = listed.highlighted or 0
            listed.tick(str(Keep.SHIFTED_DATES if row == 0 else Keep.DATES), is_on=False)
        self._show()

    @on(Button.Pressed, "#choice-ok")
    @work(group="take", exclusive=True, exit_on_error=False)
    async def action_take(self) -> None:
        """Keep the choice; one header of each series says what cannot go."""
        self._tell("Looking what can be de-identified...")
        try:
            plan = await asyncio.to_thread(under, self._plan, self._choice)
        except Problem as problem:
            self._tell(f"{problem.finding.what}. {problem.finding.why}")
            return
        self.dismiss(plan)

    @on(Button.Pressed, "#choice-leave")
    def action_leave(self) -> None:
        """Change nothing; close the help first."""
        if not self.hide_help():
            self.dismiss(None)


def _state(is_on: bool | None) -> str:  # noqa: FBT001  the server's own three answers
    return "not known" if is_on is None else "on" if is_on else "off"


def _series_of(plan: Plan) -> Iterable[tuple[str, list[list[str]]]]:
    """Give the labels of a plan's sessions with the files of each series that would go, or is held back."""
    for session in plan.included:
        held = [one for one in session.left_out if any(code.startswith("deidentify.") for code in one.held_by)]
        yield session.subject_label, [[file.path for file in one.instances] for one in (*session.series, *held)]


def names_text(plan: Plan) -> str:
    """Say in a few words what becomes of names."""
    choice = plan.deidentification
    if choice is None:
        return "left to the server's scripts"
    return f"de-identified here, keeps {', '.join(choice.keep)}" if choice.keep else "de-identified here"
