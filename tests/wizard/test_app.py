"""The app round the steps: the walk, leaving, faults, palette, colours."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import pexpect
import pytest
from textual.app import ComposeResult
from textual.widgets import Footer, Input

from wizard.screens import flat_text, screen_rows, settled_text, until_text, workers_done
from xnat_wizard.settings import Secret
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.step import StepScreen

SIZE = (80, 24)


class First(StepScreen[Answer]):
    """A step that keeps what is typed."""

    number = 1
    sentence = "The first step."

    def __init__(self, choices: Choices) -> None:
        super().__init__()
        self.choices = choices

    def compose_content(self) -> ComposeResult:
        yield Input(self.choices.address, id="typed")

    def go_next(self) -> None:
        typed = self.query_one("#typed", Input).value
        self.dismiss(Answer(Choices(address=typed, password=self.choices.password), Move.NEXT))


class Second(StepScreen[Answer]):
    """A step that can lose something."""

    number = 2
    sentence = "The second step."
    has_refresh = True

    def __init__(self, choices: Choices) -> None:
        super().__init__("owner@127.0.0.1:8080")
        self.choices = choices

    def go_next(self) -> None:
        self.dismiss(Answer(self.choices, Move.NEXT))

    def answer_back(self) -> Answer:
        return Answer(self.choices, Move.BACK)

    def would_lose(self) -> str:
        return "What you typed is lost."

    def parting_words(self) -> str:
        return "The upload goes on."

    def refresh_content(self) -> None:
        password = self.choices.password.reveal()
        raise RuntimeError(f"a fault near {len(password)} letters")


def wizard(choices: Choices | None = None) -> WizardApp:
    return WizardApp(choices, steps=(First, Second))


async def test_back_keeps_what_was_typed() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one("#typed", Input).focus()
        await pilot.press(*"kept", "ctrl+n")
        await until_text(app, pilot, "The second step.")
        await pilot.press("escape")
        await until_text(app, pilot, "The first step.")
        assert app.screen.query_one("#typed", Input).value == "kept"


async def test_escape_in_the_first_step_goes_nowhere() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("escape")
        await until_text(app, pilot, "The first step.")


async def test_the_end_of_the_walk_ends_the_app() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "The second step.")
        await pilot.press("ctrl+n")
        await workers_done(app, "wizard", "leave")
    assert app.return_code == 0


async def test_quit_asks_only_where_something_would_be_lost() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "The second step.")
        await pilot.press("ctrl+q")
        await until_text(app, pilot, "What you typed is lost.")
        await pilot.press("enter")
        await until_text(app, pilot, "The second step.")
        assert app.is_running
        await pilot.press("ctrl+q")
        await until_text(app, pilot, "What you typed is lost.")
        await pilot.press("tab", "enter")
        await workers_done(app, "leave")
    assert app.return_code == 0


async def test_quit_asks_nothing_where_nothing_is_lost() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+q")
        await workers_done(app, "leave")
    assert app.return_code == 0


async def test_sigterm_leaves_in_good_order() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "The first step.")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            while not app._exit:  # noqa: ASYNC110  the app has no event for it
                await asyncio.sleep(0)
    assert app.return_code == 0


def test_a_lost_terminal_ends_the_wizard_at_once() -> None:
    code = "from xnat_wizard.wizard.app import WizardApp; WizardApp().run()"
    child = pexpect.spawn(sys.executable, ["-c", code], timeout=30)
    child.expect("Log in")
    child.kill(signal.SIGHUP)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 129


async def test_every_action_is_in_the_palette() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "The second step.")
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert titles == {"Next", "Back", "Refresh", "Help", "Manual", "Copy", "Theme", "Quit"}


async def test_help_opens_and_escape_closes_it() -> None:
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f1")
        await pilot.pause()
        assert app.screen.query("HelpPanel")
        await pilot.press("escape")
        await pilot.pause()
        assert not app.screen.query("HelpPanel")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_help_leaves_the_step_its_whole_width_where_that_is_short(size: tuple[int, int]) -> None:
    app = wizard()
    async with app.run_test(size=size) as pilot:
        await pilot.press("f1")
        await pilot.pause()
        panel = app.screen.query_one("HelpPanel")
        assert panel.region.width == size[0]
        assert panel.region.bottom <= size[1]
        assert size[1] // 3 <= panel.region.height <= size[1] // 2
        assert "The first step." in flat_text(app)
        assert app.screen.query_one("#content").region.width == size[0]
        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        assert app.screen.query_one("HelpPanel").region.height > 30, "at the side, where there is room"


async def test_long_help_is_read_with_the_keys() -> None:
    class Wordy(First):
        HELP = "\n\n".join(f"Line {number} of the help." for number in range(40))

    app = WizardApp(steps=(Wordy,))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("tab", "f1")
        await until_text(app, pilot, "Line 0 of the help.")
        await until_text(app, pilot, "Page down: more")
        for _ in range(20):
            await pilot.press("pagedown")
        await until_text(app, pilot, "Line 39 of the help.")
        await pilot.press(*["pageup"] * 20)
        await until_text(app, pilot, "Line 0 of the help.")


@pytest.mark.parametrize("has_colour", [True, False])
async def test_the_step_is_seen_behind_a_dialog(monkeypatch: pytest.MonkeyPatch, *, has_colour: bool) -> None:
    if not has_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    app = wizard()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "The first step.")
        app.push_screen(ConfirmScreen("Really?"))
        await until_text(app, pilot, "Really?")
        assert "The first step." in flat_text(app)


async def test_a_fault_shows_our_words_and_no_secret(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], own_home: Path
) -> None:
    app = wizard(Choices(password=Secret("hunter2")))
    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError):  # noqa: PT012  it comes out where the app ends
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("ctrl+n")
            await until_text(app, pilot, "The second step.")
            await pilot.press("f5")
            await pilot.pause()
    shown = capsys.readouterr().err
    assert "The wizard had a fault of its own" in shown
    assert "hunter2" not in shown + caplog.text
    assert "password =" not in shown
    assert "refresh_content" in caplog.text
    assert app.return_code == 1
    log = own_home / "log" / "wizard.log"
    assert "refresh_content" in log.read_text(encoding="utf-8")
    assert "hunter2" not in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o077 == 0
    assert str(log) in shown.replace("\n", "")


@pytest.mark.parametrize("width", [80, 60])
async def test_the_footer_shows_every_key(width: int) -> None:
    app = wizard()
    async with app.run_test(size=(width, 24)) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "The second step.")
        await settled_text(app, pilot)
        footer = screen_rows(app)[-1]
        for word in ("Back", "Next", "Help", "Refresh", "Quit"):
            assert word in footer
        assert app.screen.query_one(Footer).max_scroll_x == 0


async def test_fewer_colours_take_the_terminals_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")
    app = wizard()
    assert app.theme == "ansi-dark"


async def test_no_color_sends_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = wizard()
    assert app.theme == "ansi-dark"
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "The first step.")
        filters = [type(line_filter).__name__ for line_filter in app.get_line_filters()]
        assert "NoColor" in filters
        assert "The first step." in flat_text(app)
