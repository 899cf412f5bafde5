"""The login step, against a real practice server."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from xnat_wizard.settings import Secret
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.login import LoginStep
from xnat_wizard.wizard.widgets.field import SecretInput

HINT = ("This is the practice server on your own computer.", "owner / owner   owns projects and makes new ones")
SIZE = (80, 24)


def value_of(app: WizardApp, name: str) -> str:
    return app.screen.query_one(f"#{name}", Input).value


async def log_in(app: WizardApp, pilot: Pilot[None], username: str, password: str) -> None:
    app.screen.query_one("#username", Input).value = username
    app.screen.query_one("#password", Input).value = password
    app.screen.query_one("#password", Input).focus()
    await pilot.press("enter")
    await workers_done(app, "login", "look")
    await pilot.pause()


async def test_the_address_is_looked_at_when_the_field_is_left(practice: Practice) -> None:
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*practice.url, "tab")
        await workers_done(app, "look")
        await until_text(app, pilot, "ok XNAT")
        assert "answers" in flat_text(app)


async def test_typing_another_address_takes_the_note_away(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url))
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "look")
        await until_text(app, pilot, "ok XNAT")
        app.screen.query_one("#address", Input).focus()
        await pilot.press("end", "x")
        await pilot.pause()
        assert "ok XNAT" not in flat_text(app)


async def test_right_password_leads_home(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "What would you like to do?")
        assert f"owner@127.0.0.1:{practice.server.port}" in flat_text(app)
        assert app.choices.site is not None


async def test_wrong_password_says_so_in_three_parts_and_keeps_everything(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url))
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one("#username", Input).value = "owner"
        app.screen.query_one("#password", Input).value = "wrong"
        app.screen.query_one("#password", Input).focus()
        await pilot.press("enter")
        await until_text(app, pilot, "What happened")
        text = flat_text(app)
        assert "Why" in text
        assert "What to do" in text
        assert "login.refused" in text
        assert "wrong" not in screen_text(app).replace("wrongly", "")
        await pilot.press("enter")
        await pilot.pause()
        assert value_of(app, "username") == "owner"
        assert value_of(app, "address") == practice.url
        assert app.focused is app.screen.query_one("#password")


async def test_unknown_host_puts_the_cursor_on_the_address() -> None:
    app = WizardApp(Choices(address="http://no-such-host.invalid", username="anna", password=Secret("x")))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("enter")
        await until_text(app, pilot, "What to do")
        assert "site." in flat_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert value_of(app, "username") == "anna"
        assert app.focused is app.screen.query_one("#address")


async def test_a_server_that_refuses_is_explained(practice: Practice) -> None:
    url = practice.url
    practice.stop()
    app = WizardApp(Choices(address=url, username="owner", password=Secret("owner")))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("enter")
        await until_text(app, pilot, "site.unreachable")
        await pilot.press("escape")
        practice.start()
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "What would you like to do?")


async def test_the_line_under_the_address_says_what_the_login_found(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner", password=Secret("owner")))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "ok XNAT")
        practice.stop()
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "site.unreachable")
        await pilot.press("escape")
        await until_text(app, pilot, "warn No connection to 127.0.0.1.")
        assert "ok XNAT" not in flat_text(app)


async def test_an_empty_field_is_asked_for() -> None:
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert "Fill in the address first." in flat_text(app)


async def test_the_first_address_and_name_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_HOST", "xnat.invalid")
    monkeypatch.setenv("XNAT_USER", "anna")
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert value_of(app, "address") == "xnat.invalid"
        assert value_of(app, "username") == "anna"
        assert app.focused is app.screen.query_one("#password")


async def test_the_password_is_never_copied() -> None:
    app = WizardApp(Choices(address="xnat.invalid", username="anna"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"secret")
        field = app.screen.query_one("#password", SecretInput)
        field.select_all()
        field.action_copy()
        field.action_cut()
        await pilot.pause()
        assert app.clipboard == ""
        assert field.value == "secret"
        assert "secret" not in screen_text(app)
        assert "A password is not copied. Delete removes it. [ Log in ]" in flat_text(app)


async def test_not_verifying_is_a_visible_choice() -> None:
    app = WizardApp(Choices(address="xnat.invalid", username="anna"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("tab", "tab", "space")
        await pilot.pause()
        text = flat_text(app)
        assert "[x] Do not verify" in text
        assert "Anyone on the way can read your password" in text


async def test_a_certificate_file_that_is_none_is_named(tmp_path: Path) -> None:
    choices = Choices(
        address="https://127.0.0.1:1", username="anna", password=Secret("x"), ca_file=str(tmp_path / "no.pem")
    )
    app = WizardApp(choices)
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "look")
        await until_text(app, pilot, "warn")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "tls.ca_file")
        await pilot.press("escape")
        await pilot.pause()
        assert app.focused is app.screen.query_one("#ca-file")


async def test_escape_stops_logging_in_and_keeps_the_form(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner", password=Secret("owner")))
    async with app.run_test(size=SIZE) as pilot:
        step = app.screen
        assert isinstance(step, LoginStep)
        step.go_next()
        while not step.is_busy:  # noqa: ASYNC110  a reactive has no event
            await asyncio.sleep(0)
        step.action_back()
        await workers_done(app, "login")
        await pilot.pause()
        assert "[1 Log in]" in flat_text(app)
        assert value_of(app, "username") == "owner"


async def test_going_back_from_home_keeps_what_was_typed(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url))
    async with app.run_test(size=SIZE) as pilot:
        await log_in(app, pilot, "owner", "owner")
        await until_text(app, pilot, "What would you like to do?")
        await pilot.press("escape")
        await until_text(app, pilot, "[1 Log in]")
        assert value_of(app, "username") == "owner"
        assert value_of(app, "password") == "owner"
        await workers_done(app, "look")


async def test_text_from_outside_is_no_markup() -> None:
    app = WizardApp(Choices(login_hint=("[red]look[/red] [/b]",)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "[red]look[/red] [/b]" in flat_text(app)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_login_golden(practice: Practice, size: tuple[int, int]) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner", login_hint=HINT))
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "look")
        await until_text(app, pilot, "ok XNAT")
        await check_golden(app, pilot, f"login-{size[0]}x{size[1]}", {practice.url: "http://127.0.0.1:12345"})
