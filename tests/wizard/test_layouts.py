"""Another layout of the folders than the house rule, in the folder step."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from support import Practice
from wizard.screens import check_golden, flat_text, until_text, workers_done
from wizard.stage import logged_in, on_stage
from xnat_wizard.dicom.layout import HOUSE, NAMES, Layout
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.folder import FolderStep
from xnat_wizard.wizard.steps.folder.words import layout_line
from xnat_wizard.wizard.steps.plan import PlanStep

SESSIONS = Layout(NAMES["subject-session-series"])


@pytest.fixture
def visits(study_folder: Path) -> Path:
    """Give a study with a folder for the visit between subject and series."""
    for subject in [path for path in study_folder.iterdir() if path.is_dir()]:
        visit = subject / "visit1"
        visit.mkdir()
        for series in [path for path in subject.iterdir() if path != visit]:
            shutil.move(series, visit)
    return study_folder


@asynccontextmanager
async def found(source: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    """Run the step until the source was read by the house rule."""
    app = WizardApp(Choices(source=source), steps=(FolderStep,))
    async with app.run_test(size=size) as pilot:
        await pilot.press("enter")
        await until_text(app, pilot, "This was found")
        yield app, pilot


def choices_of(app: WizardApp) -> Choices:
    step = app.step
    assert isinstance(step, FolderStep)
    return step.choices


async def test_a_newcomer_is_not_bothered(study_folder: Path) -> None:
    async with found(study_folder) as (app, _):
        assert choices_of(app).layout == HOUSE
        assert "Layout:" not in flat_text(app)


async def test_another_layout_is_chosen_and_the_folder_read_again_by_it(visits: Path) -> None:
    async with found(visits) as (app, pilot):
        assert "2 ask (goes after your yes in the plan)" in flat_text(app)
        await pilot.press("f4")
        await until_text(app, pilot, "How are the folders nested?")
        await pilot.press("down", "space")
        await until_text(app, pilot, "It fits 10 of 10 series here.")
        assert "subject Person_01, session visit1" in flat_text(app)
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Layout: subject > session > series > files")
        await until_text(app, pilot, "No findings: every file can be sent.")
        survey = choices_of(app).survey
        assert survey is not None
        assert survey.layout == choices_of(app).layout == SESSIONS


async def test_it_is_kept_on_the_way_back_and_forth(visits: Path) -> None:
    async with found(visits) as (app, pilot):
        await pilot.press("f4", "down", "enter", "tab", "enter")  # all by keys: the row, then OK
        await until_text(app, pilot, "Layout: subject > session > series > files")
        await workers_done(app, "survey")
        await pilot.press("escape")
        await until_text(app, pilot, "Choose the folder or archive")
        await pilot.press("escape")
        await until_text(app, pilot, "This was found")
        assert app.choices.layout == SESSIONS
        assert "Layout: subject > session > series > files" in flat_text(app)


async def test_chosen_before_the_first_reading_it_counts_for_that(visits: Path) -> None:
    app = WizardApp(Choices(source=visits), steps=(FolderStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4")
        await until_text(app, pilot, "How are the folders nested?")
        await pilot.press("down", "space", "ctrl+n")
        await until_text(app, pilot, "Layout: subject > session")
        app.screen.query_one("#path", Input).focus()
        await pilot.press("enter")
        await until_text(app, pilot, "No findings: every file can be sent.")


async def test_one_chosen_after_the_reading_does_not_show_what_another_found(study_folder: Path) -> None:
    async with found(study_folder) as (app, pilot):
        await pilot.press("escape", "f4")
        await until_text(app, pilot, "How are the folders nested?")
        await pilot.press("down", "down", "down", "space", "ctrl+n")
        await until_text(app, pilot, "Layout: by the headers alone")
        await pilot.press("escape")  # the walk starts the step again
        await until_text(app, pilot, "Layout: by the headers alone")
        await until_text(app, pilot, "Choose the folder or archive")


async def test_a_pattern_of_ones_own_is_checked_at_every_key(visits: Path) -> None:
    async with found(visits) as (app, pilot):
        await pilot.press("f4")
        await until_text(app, pilot, "How are the folders nested?")
        await pilot.press("end", "space")
        assert app.focused is app.screen.query_one("#layout-pattern")
        app.screen.query_one("#layout-pattern", Input).value = "{subject}/{visit}"
        await until_text(app, pilot, "not {visit}")
        await pilot.press("enter")  # nothing is taken
        await until_text(app, pilot, "How are the folders nested?")
        app.screen.query_one("#layout-pattern", Input).value = "Person_{subject}/{series}/x"
        await until_text(app, pilot, "It fits 0 of 10 series here.")
        app.screen.query_one("#layout-pattern", Input).value = "Person_{subject}/visit?/{series}"
        await until_text(app, pilot, "It fits 10 of 10 series here.")
        await pilot.press("enter")
        await until_text(app, pilot, "Layout: Person_{subject}/visit?/{series}")
        await workers_done(app, "survey")
        await pilot.press("f4")
        await until_text(app, pilot, "(x) pattern")
        assert app.screen.query_one("#layout-pattern", Input).value == "Person_{subject}/visit?/{series}"
        await pilot.press("escape")


async def test_escape_and_the_same_layout_change_nothing(study_folder: Path) -> None:
    async with found(study_folder) as (app, pilot):
        before = choices_of(app)
        for leave in ("escape", "ctrl+n"):
            await pilot.press("f4")
            await until_text(app, pilot, "How are the folders nested?")
            await pilot.press(leave)
            await workers_done(app, "layout", "survey")
            assert choices_of(app) is before


async def test_when_reading_by_another_layout_fails_the_old_one_stays(study_folder: Path) -> None:
    async with found(study_folder) as (app, pilot):
        shutil.rmtree(study_folder)
        await pilot.press("f4", "down", "space", "ctrl+n")
        await until_text(app, pilot, "What to do")
        assert choices_of(app).layout == HOUSE
        await pilot.press("escape")


async def test_the_plan_follows(practice: Practice, visits: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(replace(choices, source=visits, layout=SESSIONS), FolderStep, PlanStep) as (app, pilot),
    ):
        await pilot.press("enter")
        await until_text(app, pilot, "This was found")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Person_01_visi")  # the folder names the session
        await workers_done(app, "forecast")
        await pilot.press("escape")
        await until_text(app, pilot, "[3 Folder]")
        assert app.choices.plan is not None
        assert app.choices.plan.layout == SESSIONS.pattern


def test_the_line_is_empty_for_the_house_rule() -> None:
    assert layout_line(HOUSE) == ""
    assert layout_line(Layout.parse("flat")) == "Layout: subject > files"
    assert layout_line(Layout.parse("A/{subject}")) == "Layout: A/{subject}"


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_golden(visits: Path, size: tuple[int, int]) -> None:
    async with found(visits, size) as (app, pilot):
        await pilot.press("f4", "end", "space")
        await until_text(app, pilot, "It fits 0 of 10 series")
        await check_golden(app, pilot, f"folder-layout-{size[0]}x{size[1]}")
        app.screen.query_one("#layout-pattern", Input).value = NAMES["subject-session-series"]
        await pilot.press("enter")
        await until_text(app, pilot, "Layout: subject > session")
        await workers_done(app, "survey")
        await check_golden(app, pilot, f"folder-found-layout-{size[0]}x{size[1]}")
