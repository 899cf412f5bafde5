"""Buttons: told apart without colours, as wide as their words, and none cut off where the terminal is narrow."""

import pytest
from textual.app import ComposeResult

from wizard.screens import screen_rows, settled_text, until_text
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.step import StepScreen


class Buttons(StepScreen[Answer]):
    """A step with buttons that just fit into 60 columns."""

    number = 1

    def compose_buttons(self) -> ComposeResult:
        yield ActionButton("Read folder", id="read", tooltip="Read", is_main=True)
        yield ActionButton("Sample study", id="sample", tooltip="Take the sample")
        yield ActionButton("Layout", id="layout", tooltip="Say how", is_disabled=True)
        yield ActionButton("Back", id="back", tooltip="Back")


def app_with_buttons() -> WizardApp:
    return WizardApp(steps=(lambda _: Buttons(),))


@pytest.mark.parametrize("has_colours", [True, False])
async def test_a_button_that_cannot_be_pressed_has_no_brackets(
    monkeypatch: pytest.MonkeyPatch, *, has_colours: bool
) -> None:
    if not has_colours:
        monkeypatch.setenv("NO_COLOR", "1")
    app = app_with_buttons()
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "[ Back ]")
        assert "Layout" in screen_rows(app)[-2]
        assert "[ Layout ]" not in screen_rows(app)[-2]
        button = app.screen.query_one("#layout", ActionButton)
        button.disabled = False
        await until_text(app, pilot, "[ Layout ] [ Back ]")
        button.disabled = True
        await settled_text(app, pilot)
        assert "[ Layout ]" not in screen_rows(app)[-2]


async def test_a_button_takes_the_room_of_its_new_words() -> None:
    app = app_with_buttons()
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "[ Back ]")
        app.screen.query_one("#read", ActionButton).say("Read archive")
        await until_text(app, pilot, "[ Read archive ] [ Sample study ]")
        app.screen.query_one("#read", ActionButton).say("Read")
        await until_text(app, pilot, "[ Read ] [ Sample study ]")


@pytest.mark.parametrize("has_colours", [True, False])
async def test_no_button_is_cut_off_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, *, has_colours: bool) -> None:
    if not has_colours:
        monkeypatch.setenv("NO_COLOR", "1")
    app = app_with_buttons()
    async with app.run_test(size=(60, 20)) as pilot:
        await until_text(app, pilot, "[ Read folder ]")
        await settled_text(app, pilot)
        assert screen_rows(app)[-2].endswith("[ Back ]")
