"""Every step and dialog that shows what files and servers say, with texts that would do something to a terminal."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from aiohttp import web
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Tree

from privacy.certificates import serving
from privacy.hostile import ALL, PAGE, dress, dress_rows, raw_in, sow
from support import Practice
from wizard.screens import flat_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, planned, send
from xnat_wizard.findings import Finding
from xnat_wizard.practice.sample import write_study
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer, Choices, ResultsDraft
from xnat_wizard.wizard.journey import Step, open_ways
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.steps.convert import ConvertStep
from xnat_wizard.wizard.steps.folder import FolderStep
from xnat_wizard.wizard.steps.home import HomeStep
from xnat_wizard.wizard.steps.login import LoginStep
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.steps.prearchive import PrearchiveStep
from xnat_wizard.wizard.steps.project import ProjectStep
from xnat_wizard.wizard.steps.results import ResultsStep
from xnat_wizard.wizard.steps.troubleshoot import TroubleshootStep
from xnat_wizard.wizard.steps.upload import UploadStep
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.helping import actions
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.listing import FindingsScreen
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import StepScreen

SIZE = (130, 45)
LEADS_AWAY = ("wizard.", "archive.home", "archive.more", "folder.sample", "upload.")
ENTER_LEADS_ON = (HomeStep, ProjectStep, UploadStep)
LOOKS = re.compile(r"\x1b\[[\d;]*[mH]|\x1b\]8;[^\x1b\x07]*\x1b\\")  # colours, places, links of Textual's own
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Watcher:
    """Looks at what would be written to the terminal; what is wrong is kept, so that one walk tells of all."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.seen: list[str] = []  # where hostile texts were on screen

    def look(self, app: WizardApp, name: str) -> None:
        """Check the screen that is there now, as the driver would get it."""
        update = app.screen._compositor.render_update(full=True)
        assert isinstance(update, LayoutUpdate | ChopsUpdate)
        written = update.render_segments(app.console)
        text = LOOKS.sub("", written)
        self.faults += [f"{name}: {one!r} is written" for one in raw_in(written.encode())]
        self.faults += [f"{name}: {sign!r} is written" for sign in sorted(set(CONTROL.findall(text)))]
        segments = [segment for strip in app.screen._compositor.render_strips() for segment in strip]
        if any("app.quit" in str(segment.style.meta) for segment in segments if segment.style and segment.style._meta):
            self.faults.append(f"{name}: a text can be clicked")
        shown = re.sub(r"\s", "", flat_text(app))
        if "wizard.fault" in shown:
            self.faults.append(f"{name}: a fault of the wizard's own")
        if "PWNED" in shown:
            self.seen.append(name)
            if "[red]" not in shown:
                self.faults.append(f"{name}: markup was taken for what it says")

    async def walk(self, app: WizardApp, pilot: Pilot[None], name: str) -> None:
        """Look at a step, at what its lists have to say, and at every dialog that a key opens."""
        step = app.screen
        await self.rest(app, pilot)
        self.look(app, name)
        for widget in list(step.focus_chain):
            if isinstance(widget, (Button, Input)) or not widget.display:
                continue
            widget.focus()
            await pilot.press("down")
            await self.rest(app, pilot)
            self.look(app, f"{name}, {type(widget).__name__}")
            if isinstance(widget, (Rows, OptionList, Tree)) and not isinstance(step, ENTER_LEADS_ON):
                await self.open(app, pilot, step, "enter", f"{name}, of {type(widget).__name__}")
        for active in actions(step):
            action = str(active.binding.id)
            if not action.startswith(LEADS_AWAY) and app.screen is step:
                await self.open(app, pilot, step, active.binding.key.split(",")[0], f"{name}, {action}")

    async def open(self, app: WizardApp, pilot: Pilot[None], step: object, key: str, name: str) -> None:
        """Press a key, look at the dialog that it opens, and close it."""
        await pilot.press(key)
        await self.rest(app, pilot)
        if app.step is not step and not isinstance(app.screen, StepScreen):
            self.faults.append(f"{name}: led away")  # then the rest was not looked at
        if app.screen is not step:
            self.look(app, name)
            for _ in range(4):
                if app.screen is not step:
                    await pilot.press("escape")
                    await self.rest(app, pilot)

    @staticmethod
    async def rest(app: WizardApp, pilot: Pilot[None]) -> None:
        """Wait until nothing is going on and nothing changes."""
        before = ""
        for _ in range(300):
            await pilot.pause()
            step = app.step
            shown = flat_text(app)
            if shown == before and not (step and step.is_busy and app.screen is step):
                return
            before = shown
            await asyncio.sleep(0.01)


async def prepared(practice: Practice, choices: Choices, folder: Path) -> Choices:
    """Put a session into the archive and one into the prearchive, and let the site be hostile about both."""
    assert choices.site
    for label in ("Person_01_MR1", "Person_01_MR2"):
        uri = await send(choices, folder, "Person_01", label)
        await choices.site.build(uri)
        if label.endswith("1"):
            await choices.site.archive(uri)
    dress(practice)
    dress_rows(practice)
    return replace(choices, project=await choices.site.project("DEMO"))


async def test_what_files_and_sites_say_is_text_on_every_step(practice: Practice, tmp_path: Path) -> None:
    study = sow(tmp_path)
    watcher = Watcher()

    def home(choices: Choices) -> StepScreen[Answer]:
        return HomeStep(choices, open_ways())

    steps: list[Step] = [
        *(ProjectStep, FolderStep, PlanStep, PrearchiveStep, ArchiveStep, ResultsStep, ConvertStep, TroubleshootStep),
        home,
    ]
    async with logged_in(practice) as login:
        plain = folders_of(write_study(tmp_path / "plain", subjects=1, slices=3))[0]
        choices = await planned(await prepared(practice, login, plain), study)
        choices = replace(choices, results=ResultsDraft(path=str(study), session=ALL, label="R"))
        async with on_stage(choices, UploadStep, size=SIZE) as (app, pilot):
            watcher.look(app, "upload")
            await pilot.press("enter")
            await until_text(app, pilot, "Done: every file")
            await watcher.walk(app, pilot, "upload done")
            for key in ("l", "r"):
                await watcher.open(app, pilot, app.screen, key, f"upload, {key}")
        dress_rows(practice)
        for step in steps:
            async with on_stage(choices, step, size=SIZE) as (app, pilot):
                await watcher.walk(app, pilot, getattr(step, "__name__", "step"))
        async with on_stage(choices, TroubleshootStep, size=SIZE) as (app, pilot):
            app.screen.query_one(Input).value = str(study)
            await pilot.press("enter")
            await workers_done(app, "search")
            await watcher.walk(app, pilot, "what was found")
    assert watcher.faults == [], "\n".join(watcher.faults)
    for name in ("ProjectStep", "FolderStep", "PlanStep", "PrearchiveStep", "ArchiveStep", "ConvertStep", "what"):
        assert any(one.startswith(name) for one in watcher.seen), (name, watcher.seen)


async def test_what_a_site_answers_to_a_login_is_text() -> None:
    async def page(request: web.Request) -> web.Response:
        if request.path.endswith("buildInfo"):
            return web.json_response({"version": f"1.9.3{ALL}"})
        return web.Response(status=500, text=PAGE, content_type="text/html", reason="Bad")

    watcher = Watcher()
    async with serving(page) as port:
        choices = Choices(address=f"http://127.0.0.1:{port}", username="owner")
        async with on_stage(choices, LoginStep, size=SIZE) as (app, pilot):
            await watcher.walk(app, pilot, "login")
            app.screen.query_one("#password", Input).value = "secret"
            app.screen.query_one("#password", Input).focus()
            await watcher.open(app, pilot, app.screen, "enter", "login refused")
    assert watcher.faults == [], "\n".join(watcher.faults)


async def test_every_kind_of_dialog_shows_text_as_text() -> None:
    finding = Finding(code="test.hostile", what=ALL, why=ALL, todo=(ALL, ALL), where=ALL)
    watcher = Watcher()
    async with on_stage(Choices(), LoginStep, size=SIZE) as (app, pilot):
        for dialog in (
            ProblemScreen(finding),
            ConfirmScreen(ALL, ALL, yes="Yes", no="No"),
            LinesScreen(ALL, ALL, foot=ALL),
            FindingsScreen(ALL, [finding, finding]),
            PickScreen(ALL, ALL, [Way("one", ALL, ALL)]),
        ):
            app.push_screen(dialog)
            await watcher.rest(app, pilot)
            watcher.look(app, type(dialog).__name__)
            app.pop_screen()
        step = app.step
        assert step is not None
        step.say(ALL)
        step.tell(ALL)
        await watcher.rest(app, pilot)
        watcher.look(app, "the lines of a step")
    assert watcher.faults == [], "\n".join(watcher.faults)
    assert watcher.seen == [
        "ProblemScreen", "ConfirmScreen", "LinesScreen", "FindingsScreen", "PickScreen", "the lines of a step",
    ]  # fmt: skip
