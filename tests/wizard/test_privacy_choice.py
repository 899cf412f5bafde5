"""The screen where a person chooses whether names leave this machine, and what comes of it."""

from pathlib import Path

import pydicom
import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from support import Practice
from wizard.screens import check_golden, flat_text, until_text, workers_done
from wizard.stage import logged_in, on_stage, surveyed
from xnat_wizard.upload import uploads
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.steps.plan.privacy_choice import PrivacyChoiceScreen
from xnat_wizard.wizard.steps.plan.step import PlanStep
from xnat_wizard.wizard.steps.upload.step import UploadStep
from xnat_wizard.wizard.widgets.checklist import Checklist

SIZES = [(80, 24), (60, 20), (120, 40)]


def hidden(practice: Practice) -> dict[str, str]:
    return {practice.url.partition("://")[2]: "127.0.0.1:8080"}


def planned_by(step: Screen[object]) -> Plan:
    assert isinstance(step, PlanStep)
    return step._plan


async def opened(app: WizardApp, pilot: Pilot[None]) -> PrivacyChoiceScreen:
    """Open the screen and wait until it has read its sample."""
    await workers_done(app, "forecast", "speed")
    await pilot.press("p")
    await until_text(app, pilot, "Names in the images")
    await workers_done(app, "scripts", "sample")
    screen = app.screen
    assert isinstance(screen, PrivacyChoiceScreen)
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_golden_of_leaving_it_to_the_server(
    practice: Practice, study_folder: Path, size: tuple[int, int]
) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, size=size) as (app, pilot),
    ):
        await opened(app, pilot)
        await check_golden(app, pilot, f"plan-privacy-server-{size[0]}x{size[1]}", hidden(practice))


@pytest.mark.parametrize("size", SIZES)
async def test_golden_of_doing_it_here(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, size=size) as (app, pilot),
    ):
        await opened(app, pilot)
        await pilot.press("down", "space", "tab", "down", "space", "down", "down", "down", "space")
        await workers_done(app, "sample")
        await check_golden(app, pilot, f"plan-privacy-here-{size[0]}x{size[1]}", hidden(practice))


@pytest.mark.parametrize(("is_on", "word"), [(True, "site: on"), (False, "site: off")])
async def test_it_says_whether_the_server_has_a_script_on(
    practice: Practice, study_folder: Path, *, is_on: bool, word: str
) -> None:
    practice.anonymize(is_on=is_on)
    async with (
        logged_in(practice, "admin") as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await opened(app, pilot)
        assert word in flat_text(app)


async def test_of_the_two_options_about_dates_only_one_is_on(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        screen = await opened(app, pilot)
        await pilot.press("down", "space", "tab", "space", "down", "space")
        assert screen.query_one("#choice-options", Checklist).ticked == (Keep.SHIFTED_DATES,)
        await pilot.press("up", "space")
        assert screen.query_one("#choice-options", Checklist).ticked == (Keep.DATES,)


async def test_escape_changes_nothing_and_undo_takes_a_choice_back(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await opened(app, pilot)
        await pilot.press("down", "space", "escape")
        step = app.screen
        assert planned_by(step).deidentification is None
        await opened(app, pilot)
        await pilot.press("down", "space", "ctrl+n")
        await workers_done(app, "take", "ask")
        await until_text(app, pilot, "names taken out: less than a minute")
        assert planned_by(step).deidentification == Deidentification()
        await pilot.press("u")
        assert planned_by(step).deidentification is None


async def test_what_may_have_writing_in_it_stays_behind_and_comes_back(practice: Practice, study_folder: Path) -> None:
    folder = next(path.parent for path in sorted(study_folder.rglob("*")) if path.is_file())
    for path in folder.iterdir():
        header = pydicom.dcmread(path)
        header.BurnedInAnnotation = "YES"
        header.save_as(path)
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await opened(app, pilot)
        step = app.screen_stack[-2]
        assert isinstance(step, PlanStep)
        count = sum(one.file_count for one in step._plan.included)
        await pilot.press("down", "space")
        await until_text(app, pilot, "will be held back")
        await pilot.press("ctrl+n")
        await workers_done(app, "take", "ask")
        assert sum(one.file_count for one in step._plan.included) < count
        assert "deidentify.burnt_in" in {one.code for one in step._findings()}
        await opened(app, pilot)
        await pilot.press("tab", "end", "space", "ctrl+n")
        await workers_done(app, "take", "ask")
        assert sum(one.file_count for one in step._plan.included) == count


async def test_the_choice_reaches_the_upload(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, UploadStep) as (app, pilot),
    ):
        await opened(app, pilot)
        await pilot.press("down", "space", "ctrl+n")
        await workers_done(app, "take", "ask")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Ready")
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file")
        with Journal.open(uploads.find()) as journal:
            assert journal.plan().deidentification == Deidentification()
    headers = [pydicom.dcmread(path) for path in (practice.folder / "prearchive").rglob("*.dcm")]
    assert {one.PatientIdentityRemoved for one in headers} == {"YES"}


@pytest.mark.usefixtures("practice")
async def test_help_closes_first(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        screen = await opened(app, pilot)
        await pilot.press("f1")
        await until_text(app, pilot, "PS3.15 annex E")
        await pilot.press("escape")
        assert app.screen is screen
