"""The manual in the wizard: opened from help and from the palette, read by keys alone."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Markdown

from support import Practice
from wizard.screens import check_golden, flat_text, until_text
from wizard.stage import logged_in, on_stage, planned
from xnat_wizard.manual.pages import all_pages, sections
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.journey import STEPS
from xnat_wizard.wizard.steps.login import LoginStep
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.widgets.reader import (
    MOST_WIDGETS,
    ManualScreen,
    is_long,
    parts_of,
    shown_text,
    ways_from,
    widgets_of,
)


async def open_manual(app: WizardApp, pilot: Pilot[None], page: str) -> ManualScreen:
    """Open a page, and wait until it is drawn."""
    screen = ManualScreen(page)
    app.push_screen(screen)
    await pilot.pause()
    await until_text(app, pilot, all_pages()[page].title.split(",")[0][:20])
    return screen


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (120, 40)])
async def test_the_manual_is_read_in_any_size(size: tuple[int, int]) -> None:
    app = WizardApp(Choices(), (LoginStep,))
    async with app.run_test(size=size) as pilot:
        await open_manual(app, pilot, "steps/plan")
        await until_text(app, pilot, "One row is one imaging session")
        assert "Escape: close" in flat_text(app)
        if size != (120, 40):
            await check_golden(app, pilot, f"manual-{size[0]}x{size[1]}")


async def test_f2_in_the_help_of_a_step_opens_its_page(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices, on_stage(await planned(choices, study_folder), PlanStep) as (app, pilot):
        await until_text(app, pilot, "Person_01_MR1")
        await pilot.press("f1")
        await until_text(app, pilot, "F2: manual")
        await pilot.press("f2")
        await until_text(app, pilot, "Manual: Plan")
        await pilot.press("escape")
        await until_text(app, pilot, "F2: manual")
        await pilot.press("f1")
        await until_text(app, pilot, "Person_01_MR1")


async def test_f2_opens_the_page_of_a_step_that_has_an_f2_of_its_own(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url), (LoginStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "answers")
        await pilot.press("f1")
        await until_text(app, pilot, "F2: manual")
        await pilot.press("f2")
        await until_text(app, pilot, "Manual: Log in")


async def test_without_help_f2_is_the_key_of_the_step(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url), (LoginStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "answers")
        await pilot.press("f2")
        await pilot.pause()
        assert not isinstance(app.screen, ManualScreen)


async def test_the_palette_has_the_manual() -> None:
    app = WizardApp(Choices(), (LoginStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        commands = {command.title: command.callback for command in app.get_system_commands(app.screen)}
        commands["Manual"]()
        await until_text(app, pilot, "Manual: Log in")


async def test_links_are_followed_by_keys_and_backspace_leads_back() -> None:
    app = WizardApp(Choices(), (LoginStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_manual(app, pilot, "steps/login")
        await pilot.press("enter")
        await until_text(app, pilot, "Where to")
        await pilot.press(*"check")
        await until_text(app, pilot, "check: the way to the site")
        await pilot.press("enter")
        await until_text(app, pilot, "Manual: check: the way to the site")
        assert screen.page == "commands/check"
        await pilot.press("backspace")
        await until_text(app, pilot, "Manual: Log in")
        await pilot.press("i")
        await until_text(app, pilot, "Manual: The manual of xnat-wizard")
        await pilot.press("backspace", "backspace")
        await until_text(app, pilot, "Type your XNAT's address")


async def test_a_long_page_is_read_by_its_parts() -> None:
    app = WizardApp(Choices(), (LoginStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_manual(app, pilot, "findings")
        await until_text(app, pilot, "Enter lists its")
        await pilot.press("enter")
        await until_text(app, pilot, "Where to")
        await pilot.press(*"upload.running")
        await until_text(app, pilot, "on this page")
        await pilot.press("enter")
        await until_text(app, pilot, "The upload is running already")
        await pilot.press("escape")
        await until_text(app, pilot, "Type your XNAT's address")


async def test_a_page_of_every_kind_is_drawn() -> None:
    app = WizardApp(Choices(), (LoginStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_manual(app, pilot, "index")
        for name in ("first-upload", "commands/convert", "missing-data", "settings", "errors"):
            screen.go(name)
            async with asyncio.timeout(30):
                await until_text(app, pilot, "Manual: " + all_pages()[name].title[:30])
            assert screen.query_one(Markdown).source == shown_text(all_pages()[name])


def test_a_step_leads_to_its_own_page() -> None:
    assert {f"steps/{stop.partition(' ')[0]}" for stop in map(str, STEPS)} <= set(all_pages())


def test_long_pages_are_cut_where_their_parts_begin() -> None:
    long = [page for page in all_pages().values() if is_long(page)]
    assert {"errors", "findings", "keys", "settings"} <= {page.name for page in long}
    for page in long:
        assert widgets_of(shown_text(page)) <= MOST_WIDGETS
        assert all(widgets_of(part.text) <= MOST_WIDGETS for part in parts_of(page))
        assert len(parts_of(page)) <= len(sections(page.text))
        assert len({way.key for way in ways_from(page)}) == len(ways_from(page))
