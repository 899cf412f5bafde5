"""What holds on every screen: keys that fit, help, a palette that has everything, any size, and a way out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Footer, HelpPanel, Input, Markdown

from support import Practice
from wizard.screens import WAIT_S, flat_text, screen_text, until_text
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.helping import actions, help_text
from xnat_wizard.wizard.widgets.step import StepScreen

USUAL, SMALL, LARGE = (80, 24), (60, 20), (200, 60)
MOST_KEYS = 6


class Inspector:
    """Looks at each screen it is called on; what is wrong is kept, so that one walk tells of all."""

    def __init__(self, app: WizardApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.faults: list[str] = []
        self.seen: list[str] = []

    async def look(self, name: str) -> None:
        """Check the screen that is there now."""
        self.seen.append(name)
        await self.pilot.pause()
        self._footer(name)
        self._palette(name)
        await self._sizes(name)
        await self._help(name)

    def _fault(self, name: str, words: str) -> None:
        self.faults.append(f"{name}: {words}")

    def _footer(self, name: str) -> None:
        """Count the keys of the footer, and look that none is cut off."""
        for footer in self.app.screen.query(Footer):
            shown = {
                active.binding.action for active in self.app.screen.active_bindings.values() if active.binding.show
            }
            if len(shown) > MOST_KEYS:
                self._fault(name, f"{len(shown)} keys in the footer: {sorted(shown)}")
            if footer.max_scroll_x:
                self._fault(name, f"the footer is {footer.max_scroll_x} cells too long")

    def _palette(self, name: str) -> None:
        """Look for every action that has a key among the palette's."""
        commands = list(self.app.get_system_commands(self.app.screen))
        titles = {command.title.casefold() for command in commands}
        names = {getattr(command.callback, "__name__", "") for command in commands}
        for active in actions(self.app.screen):
            action = active.binding.action.partition("(")[0].rpartition(".")[2]
            if active.binding.description.casefold() not in titles and f"action_{action}" not in names:
                self._fault(name, f"not in the palette: {active.binding.description}")

    async def _sizes(self, name: str) -> None:
        """Go small, large and back; nothing typed and no focus is lost."""
        screen, focused = self.app.screen, self.app.focused
        typed = _typed(screen)
        for size in (SMALL, LARGE, SMALL, USUAL):
            await self.pilot.resize_terminal(*size)
            await self.pilot.pause()
            if self.app.screen is not screen:
                self._fault(name, f"another screen at {size}")
                return
            if self.app.focused is not focused:
                self._fault(name, f"the focus went from {focused} to {self.app.focused} at {size}")
            if _typed(screen) != typed:
                self._fault(name, f"what was typed changed at {size}")
            if focused is not None and self.app.focused is focused and not _is_seen(focused.region, size):
                self._fault(name, f"the focus is not to be seen at {size}: {focused.region}")

    async def _help(self, name: str) -> None:
        """Ask for help with F1, and close it with F1."""
        before = self.app.screen
        await self.pilot.press("f1")
        await self.pilot.pause()
        if isinstance(before, StepScreen):
            panels = list(before.query(HelpPanel))
            text = panels[0].query_one("#widget-help", Markdown).source if panels else ""
            if len(text.split()) < 10:
                self._fault(name, f"F1 says only {text!r}")
        elif self.app.screen is before and "Escape" not in flat_text(self.app):
            self._fault(name, "F1 says nothing")
        elif not help_text(before).strip():
            self._fault(name, "the help is empty")
        await self.pilot.press("f1")
        await self.pilot.pause()
        if self.app.screen is not before or before.query(HelpPanel):
            self._fault(name, f"F1 did not close the help: {self.app.screen}")
            await self.pilot.press("escape")


def _typed(screen: Screen[object]) -> list[str]:
    return [field.value for field in screen.query(Input)]


def _is_seen(region: Region, size: tuple[int, int]) -> bool:
    return bool(region.intersection(Region(0, 0, *size)).area)


@asynccontextmanager
async def begun(practice: Practice, study: Path) -> AsyncIterator[tuple[WizardApp, Pilot[None], Inspector]]:
    """Start the whole wizard on the practice server."""
    choices = Choices(address=practice.url, username="owner", folder_hint=str(study))
    app = WizardApp(choices)
    async with app.run_test(size=USUAL) as pilot:
        await until_text(app, pilot, "answers")
        yield app, pilot, Inspector(app, pilot)


class Careless(StepScreen[Answer]):
    """A step that breaks the rules, to see that it is caught."""

    number = 1
    sentence = "A careless step."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"f{key}", f"do({key})", f"Something {key}", id=f"careless.f{key}") for key in range(6, 12)
    ]

    def compose_content(self) -> ComposeResult:
        yield Input("typed")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width < USUAL[0]:
            self.query_one(Input).value = ""
            self.set_focus(None)


async def test_an_inspector_finds_what_is_wrong() -> None:
    app = WizardApp(steps=(lambda _: Careless(),))
    async with app.run_test(size=USUAL) as pilot:
        await until_text(app, pilot, "A careless step.")
        inspector = Inspector(app, pilot)
        await inspector.look("careless")
    told = "\n".join(inspector.faults)
    for words in ("keys in the footer", "cells too long", "the focus went", "what was typed changed", "F1 says only"):
        assert words in told, told


async def test_every_step_keeps_the_rules(practice: Practice, study_folder: Path) -> None:
    async with begun(practice, study_folder) as (app, pilot, inspector):

        async def go(keys: list[str], words: str, name: str) -> None:
            await pilot.press(*keys)
            await until_text(app, pilot, words)
            await inspector.look(name)

        await inspector.look("login")
        await go([*"owner", "enter"], "What would you like to do?", "home")
        await go(["enter"], "Demo project", "project")
        await go(["f2"], "Title", "new project")
        await go(["escape"], "Demo project", "project again")
        await go(["enter"], "Choose the folder", "folder")
        await go(["f3"], "2 subjects", "found")
        await go(["ctrl+n"], "[4 Plan]", "plan")
        await until_text(app, pilot, "new")
        await go(["ctrl+n"], "[5 Upload]", "upload")
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file")
        await inspector.look("upload done")
        await go(["r"], "COMPLETE", "receipt")
        await pilot.press("escape")
        await until_text(app, pilot, "Done: every file")
        await go(["ctrl+n"], "[6 Prearchive]", "prearchive")
        await until_text(app, pilot, "Person_01")
        await inspector.look("prearchive with sessions")
        await go(["ctrl+n"], "[7 Archive]", "archive")
    assert inspector.faults == [], "\n".join(inspector.faults)


async def test_results_and_convert_keep_the_rules(practice: Practice, study_folder: Path) -> None:
    async with begun(practice, study_folder) as (app, pilot, inspector):

        async def go(keys: list[str], words: str, name: str) -> None:
            await pilot.press(*keys)
            await until_text(app, pilot, words)
            await inspector.look(name)

        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "What would you like to do?")
        await pilot.press(*["down"] * 4)
        await go(["enter"], "[Results: project]", "project of results")
        await until_text(app, pilot, "Demo project")
        await go(["enter"], "[Results: DEMO]", "results")
        await go(["f2"], "Which folder holds the results?", "browse")
        await pilot.press("escape")
        await go(["f3"], "What does the resource belong to?", "level")
        await pilot.press("up", "up", "enter")
        await until_text(app, pilot, "Level: project")
        await go(["f4"], "stop and say so", "options of results")
        await pilot.press("escape")
        app.screen.query_one("#path", Input).value = str(study_folder)
        app.screen.query_one("#label", Input).value = "STUDY"
        await until_text(app, pilot, "1 of 1 can be sent")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Done: every file was found")
        await inspector.look("moved")
        await pilot.press("escape", "escape")
        await until_text(app, pilot, "[Results: project]")
        await pilot.press("escape")
        await until_text(app, pilot, "What would you like to do?")
        await pilot.press(*["down"] * 5)
        await go(["enter"], "[Convert: project]", "project of convert")
        await until_text(app, pilot, "Demo project")
        await go(["enter"], "[Convert: folder]", "folder of convert")
        await go(["f3"], "2 subjects", "found for convert")
        await go(["ctrl+n"], "The built-in example", "convert")
        await until_text(app, pilot, "would be converted")
        await go(["f4"], "Patient details", "options of convert")
        await pilot.press("escape")
        await go(["f2"], "Which rules?", "rules")
        await pilot.press("escape")
    assert inspector.faults == [], "\n".join(inspector.faults)


async def test_escape_leads_from_every_step_home_and_to_the_login(practice: Practice, study_folder: Path) -> None:
    async with begun(practice, study_folder) as (app, pilot, _):
        for keys, words in (
            ([*"owner", "enter"], "What would you like to do?"),
            (["enter"], "Demo project"),
            (["enter"], "Choose the folder"),
            (["f3"], "2 subjects"),
            (["ctrl+n"], "[4 Plan]"),
            (["space"], "1 of 2 sessions"),
            (["ctrl+n"], "[5 Upload]"),
        ):
            await pilot.press(*keys)
            await until_text(app, pilot, words)
        visited = []
        for _ in range(20):
            before = (type(app.screen), screen_text(app))
            visited.append(type(app.screen).__name__)
            if visited[-1] == "HomeStep":
                break
            await pilot.press("escape")
            for _ in range(200):
                await pilot.pause(0.01)
                if (type(app.screen), screen_text(app)) != before:
                    break
            else:
                pytest.fail(f"Escape leads nowhere:\n{screen_text(app)}")
        assert visited[-1] == "HomeStep", visited
        await pilot.press("escape")
        await until_text(app, pilot, "Go back to the login?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "[1 Log in]")


@pytest.mark.parametrize("way", [1, 2, 3, 4, 5])
async def test_every_way_from_home_leads_back_to_it(practice: Practice, study_folder: Path, way: int) -> None:
    async with begun(practice, study_folder) as (app, pilot, inspector):
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "What would you like to do?")
        await pilot.press(*["down"] * way, "enter")
        for _ in range(400):
            await pilot.pause(0.01)
            if type(app.screen).__name__ != "HomeStep":
                break
        await inspector.look(type(app.screen).__name__)
        for _ in range(10):
            if type(app.screen).__name__ == "HomeStep":
                break
            await pilot.press("escape")
            await pilot.pause(0.1)
        await until_text(app, pilot, "What would you like to do?")
    assert inspector.seen[0] != "HomeStep"
    assert inspector.faults == [], "\n".join(inspector.faults)


async def test_quit_asks_nothing_where_an_upload_goes_on_by_itself(practice: Practice, study_folder: Path) -> None:
    async with begun(practice, study_folder) as (app, pilot, _):
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "What would you like to do?")
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert not isinstance(app.screen, ConfirmScreen)


async def test_the_palette_key_is_in_the_footer_again_when_the_help_is_closed() -> None:
    app = WizardApp(steps=(lambda _: Quiet(),))
    async with app.run_test(size=USUAL) as pilot:
        await until_text(app, pilot, "^p palette")
        await pilot.press("f1")
        await until_text(app, pilot, "F1: close")
        async with asyncio.timeout(WAIT_S):
            while "^p palette" in flat_text(app):
                await pilot.pause()
        await pilot.press("f1")
        await until_text(app, pilot, "^p palette")


class Quiet(StepScreen[Answer]):
    """A step with nothing in it."""

    number = 1
    sentence = "A quiet step."
