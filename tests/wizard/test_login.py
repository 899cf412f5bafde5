"""The login step, against a real practice server."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from textual.pilot import Pilot
from textual.widgets import Button, Input

from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from xnat_wizard import settings
from xnat_wizard.logins import StoredLogin, recent_sites, remember_site, store_login, stored_logins
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.store import Store
from xnat_wizard.preferences import settings_file
from xnat_wizard.settings import Secret
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.login import LoginStep
from xnat_wizard.wizard.steps.login import step as login
from xnat_wizard.wizard.steps.login.ways import FORGET_SITE
from xnat_wizard.wizard.widgets.field import SecretInput
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.login import fetch_token
from xnat_wizard.xnat.model import Login

HINT = ("This is the practice server on your own computer.", "owner / owner   owns projects and makes new ones")
SIZE = (80, 24)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home folder without any login in it."""
    folder = tmp_path / "person"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


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


async def test_user_and_certificate_come_from_the_profile_of_the_address() -> None:
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('[sites."http://127.0.0.1:9"]\nuser = "anna"\nca_file = "ca.pem"\n')
    app = WizardApp(steps=(LoginStep,))
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one("#address", Input).value = "http://127.0.0.1:9"
        await pilot.press("tab")
        await pilot.pause()
        assert value_of(app, "username") == "anna"
        assert value_of(app, "ca-file") == str(path.parent / "ca.pem")


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
        await pilot.press("tab", "tab", "tab", "space")
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
        await until_text(app, pilot, "warn The certificate file cannot be used. See below.")
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


# -- while the address is typed --------------------------------------------------------------------------------------


async def test_the_address_is_looked_at_when_typing_pauses(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "LOOK_AFTER_S", 0.01)
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*practice.url)
        await until_text(app, pilot, "ok XNAT")
        assert app.focused is app.screen.query_one("#address")


async def test_typing_on_stops_a_look_that_runs(practice: Practice) -> None:
    practice.server.faults.add(Fault(Kind.LATENCY, seconds=60, path="buildInfo"))
    app = WizardApp(Choices(address=practice.url))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "Looking who answers")
        app.screen.query_one("#address").focus()
        await pilot.press("end", "/")
        await workers_done(app, "look")
        await pilot.pause()
        assert "Looking" not in flat_text(app)


async def test_a_slow_site_is_said_to_be_slow(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "SLOW_AFTER_S", 0.01)
    practice.server.faults.add(Fault(Kind.LATENCY, seconds=60, path="buildInfo"))
    app = WizardApp(Choices(address=practice.url))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "No answer yet. You can go on typing; F5 looks again.")
        practice.server.faults.replace(())
        await pilot.press("f5")
        await until_text(app, pilot, "ok XNAT")


async def test_an_address_without_its_scheme_is_completed_and_told(practice: Practice) -> None:
    app = WizardApp(Choices(address=f"127.0.0.1:{practice.server.port}/app/template/Login.vm"))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, f"answers at {practice.url}; the connection is not encrypted")


async def test_a_certificate_nobody_knows_is_explained_with_the_ways_out(tmp_path: Path) -> None:
    async with https_site(tmp_path) as (address, ca_file):
        app = WizardApp(Choices(address=address, username="anna"))
        async with app.run_test(size=(80, 30)) as pilot:
            await until_text(app, pilot, "What happened: localhost could not prove that it is the site")
            text = flat_text(app)
            for part in ("What happened:", "Why:", "1. Ask the administrator for the file of the site's"):
                assert part in text
            app.screen.query_one("#ca-file", Input).value = str(ca_file)
            app.screen.query_one("#ca-file").focus()
            await pilot.press("tab")
            await until_text(app, pilot, "ok XNAT 1.9 answers")
            assert "Why:" not in flat_text(app)
            app.screen.query_one("#ca-file", Input).value = ""
            app.screen.query_one("#unsafe").focus()
            await until_text(app, pilot, "could not prove")
            await pilot.press("space")
            await until_text(app, pilot, "ok XNAT 1.9 answers")
            assert "could not prove" not in flat_text(app)
            assert "Anyone on the way can read your password" in flat_text(app)


async def test_an_unsafe_login_stays_visible_and_is_not_kept(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner", password=Secret("owner"), is_unsafe=True))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "NOT VERIFIED")
    again = WizardApp()
    async with again.run_test(size=SIZE) as pilot:
        await until_text(again, pilot, "[ ] Do not verify")


# -- what is known here ----------------------------------------------------------------------------------------------


async def test_the_last_site_is_filled_in_and_the_others_are_in_the_list(practice: Practice) -> None:
    remember_site("https://other.example.org", "ben")
    remember_site(practice.url, "owner")
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "sources")
        assert (value_of(app, "address"), value_of(app, "username")) == (practice.url, "owner")
        assert app.focused is app.screen.query_one("#password")
        await pilot.press("f2")
        await until_text(app, pilot, "ben@other.example.org")
        await pilot.press("down", "enter")
        await pilot.pause()
        assert (value_of(app, "address"), value_of(app, "username")) == ("https://other.example.org", "ben")


async def test_a_site_is_taken_off_the_list(practice: Practice) -> None:
    remember_site("https://other.example.org", "ben")
    remember_site(practice.url, "owner")
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "sources")
        await pilot.press("f2")
        await until_text(app, pilot, "Forget a site")
        app.screen.query_one(Rows).go_to(FORGET_SITE)
        await pilot.press("enter")
        await until_text(app, pilot, "Forget which site?")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "The site is off the list.")
        assert value_of(app, "address") == practice.url
    assert [site.url for site in recent_sites()] == [practice.url]


async def test_remember_me_keeps_a_token_that_logs_in_without_a_password(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "sources", "look")
        await pilot.press(*"owner", "tab", "space", "ctrl+n")
        await until_text(app, pilot, "What would you like to do?")
    kept = stored_logins()
    assert [(one.url, one.username) for one in kept] == [(practice.url, "owner")]
    text = (settings.state_dir() / "logins.json").read_text(encoding="utf-8")
    assert kept[0].secret.reveal() in text
    assert kept[0].secret.reveal() != "owner"
    again = WizardApp()
    async with again.run_test(size=SIZE) as pilot:
        await until_text(again, pilot, "ok stored login, until")
        assert value_of(again, "password") == ""
        assert again.focused is again.screen.query_one("#login")
        await pilot.press("enter")
        await until_text(again, pilot, f"owner@127.0.0.1:{practice.server.port}")
        await pilot.press("escape")
        await until_text(again, pilot, "ok stored login, until")
    assert len(practice.on_loop(lambda store: store.state.tokens)) == 1, "no second token for the same login"


async def test_forget_this_login_deletes_it_here_and_withdraws_it_there(practice: Practice) -> None:
    await keep_token(practice)
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "[ Forget this login ]")
        app.screen.query_one("#forget", Button).press()
        await until_text(app, pilot, "Forget the stored login of owner")
        await pilot.press("escape")
        await pilot.pause()
        assert len(stored_logins()) == 1
        app.screen.query_one("#forget", Button).press()
        await until_text(app, pilot, "Forget the stored login of owner")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "The login is forgotten, here and at the site.")
        assert stored_logins() == ()
        assert practice.on_loop(lambda store: len(store.state.tokens)) == 0
        assert "[ Forget this login ]" not in flat_text(app)
        assert app.focused is app.screen.query_one("#password")


async def test_a_site_that_is_away_still_lets_a_login_be_forgotten(practice: Practice) -> None:
    await keep_token(practice)
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "[ Forget this login ]")
        practice.stop()
        app.screen.query_one("#forget", Button).press()
        await until_text(app, pilot, "Forget the stored login of owner")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "site.unreachable")
        assert stored_logins() == ()


async def test_an_expired_login_asks_for_the_password(practice: Practice) -> None:
    await keep_token(practice)
    practice.on_loop(lambda store: store.state.tokens.clear())
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "ok stored login, until")
        await pilot.press("enter")
        await until_text(app, pilot, "login.expired_token")
        await pilot.press("escape")
        await workers_done(app, "login", "look", "sources")
        await pilot.pause()
        assert app.focused is app.screen.query_one("#password")
        assert "stored login" not in flat_text(app)
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "What would you like to do?")


async def test_a_typed_password_takes_the_place_of_a_known_login(practice: Practice) -> None:
    await keep_token(practice)
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "ok stored login")
        app.screen.query_one("#password").focus()
        await pilot.press("x")
        await pilot.pause()
        assert "stored login" not in flat_text(app)
        assert "[ ] Remember me" in flat_text(app)


async def test_the_login_of_the_environment_is_offered_with_its_origin(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("XNAT_HOST", practice.url), ("XNAT_USER", "owner"), ("XNAT_PASS", "owner")):
        monkeypatch.setenv(name, value)
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "ok from XNAT_PASS in the environment")
        await pilot.press("enter")
        await until_text(app, pilot, "What would you like to do?")


async def test_netrc_is_offered_for_its_host_and_explained_when_others_may_read_it(
    practice: Practice, home: Path
) -> None:
    netrc = home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login owner password owner\n", encoding="utf-8")
    netrc.chmod(0o644)
    app = WizardApp(Choices(address=practice.url))
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "sources")
        await pilot.press("f2")
        await until_text(app, pilot, "cannot be used: others than you may read it")
        await pilot.press("end", "enter")
        await until_text(app, pilot, "chmod 600 ~/.netrc")
        await pilot.press("escape")
        netrc.chmod(0o600)
        await pilot.press("f2")
        await until_text(app, pilot, "from ~/.netrc")
        await pilot.press("enter")
        await until_text(app, pilot, "ok from ~/.netrc")
        await pilot.press("enter")
        await until_text(app, pilot, "What would you like to do?")


async def test_a_file_of_pyxnat_is_read_where_it_lies(practice: Practice, home: Path) -> None:
    path = home / "central.cfg"
    path.write_text(json.dumps({"server": practice.url, "user": "owner", "password": "owner"}), encoding="utf-8")
    path.chmod(0o644)
    app = WizardApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f2")
        await until_text(app, pilot, "A file of pyxnat")
        await pilot.press("end", "enter")
        await until_text(app, pilot, "Path of the configuration file")
        await pilot.press(*"~/central.cfg", "enter")
        await until_text(app, pilot, "FAIL others than you may read it")
        path.chmod(0o600)
        await pilot.press("enter")
        await until_text(app, pilot, "ok from ~/central.cfg")
        assert value_of(app, "address") == practice.url
        await pilot.press("enter")
        await until_text(app, pilot, "What would you like to do?")


async def test_an_alias_token_is_typed_in_the_place_of_name_and_password(practice: Practice) -> None:
    token = await fetch_token(Login(practice.url, "owner", Secret("owner")))
    assert token
    app = WizardApp(Choices(address=practice.url, username="anna"))
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "sources", "look")
        await pilot.press("f2")
        await until_text(app, pilot, "Alias token")
        await pilot.press("enter")
        await until_text(app, pilot, "Secret")
        assert "Alias" in flat_text(app)
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Fill in the alias first.")
        await log_in(app, pilot, token.alias, token.secret.reveal())
        await until_text(app, pilot, f"owner@127.0.0.1:{practice.server.port}")


@pytest.mark.parametrize("state", [{"locked_until_ms": 2**52}, {"verified": False}, {"enabled": False}])
async def test_what_a_refused_account_may_be_is_explained(practice: Practice, state: dict[str, int | bool]) -> None:
    def change(store: Store) -> None:
        for name, value in state.items():
            setattr(store.state.users["owner"], name, value)

    practice.on_loop(change)
    app = WizardApp(Choices(address=practice.url, username="owner", password=Secret("owner")))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Locked?")
        await until_text(app, pilot, "Disabled, or not verified yet?")


async def test_a_password_that_has_expired_is_explained(practice: Practice) -> None:
    practice.on_loop(lambda store: setattr(store.state.users["owner"], "must_change_password", True))
    app = WizardApp(Choices(address=practice.url, username="owner", password=Secret("owner")))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "login.expired_password")
        assert "set a new password" in flat_text(app)


async def test_a_site_without_tokens_is_logged_in_to_and_not_remembered(practice: Practice) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=404, path="tokens/issue"))
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=SIZE) as pilot:
        await workers_done(app, "sources", "look")
        await pilot.press(*"owner", "tab", "space", "ctrl+n")
        await until_text(app, pilot, "login.no_token")
        await pilot.press("escape")
        await until_text(app, pilot, "What would you like to do?")
    assert stored_logins() == ()


async def keep_token(practice: Practice) -> None:
    """Leave a stored login of the owner, as an earlier start would."""
    token = await fetch_token(Login(practice.url, "owner", Secret("owner")))
    assert token
    store_login(StoredLogin(practice.url, "owner", token.alias, token.secret, token.expires_s))
    remember_site(practice.url, "owner")


@asynccontextmanager
async def https_site(folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """Serve an XNAT's build information with a certificate of its own; gives address and certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl: the program that makes certificates is not here")
    made, key = folder / "site.pem", folder / "site.key"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(made)]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made, key)

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"version": "1.9", "buildNumber": "1"})

    served = web.Application()
    served.router.add_get("/xapi/siteConfig/buildInfo", answer)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}", made
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_login_golden(practice: Practice, size: tuple[int, int]) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner", login_hint=HINT))
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "look")
        await until_text(app, pilot, "ok XNAT")
        await check_golden(app, pilot, f"login-{size[0]}x{size[1]}", {practice.url: "http://127.0.0.1:12345"})


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_login_ways_golden(practice: Practice, home: Path, size: tuple[int, int]) -> None:
    await keep_token(practice)
    kept = stored_logins()[0]
    store_login(replace(kept, expires_s=datetime(2126, 1, 2, 12, 0).astimezone().timestamp()))
    netrc = home / ".netrc"
    netrc.write_text("machine xnat.example.org login anna password x\n", encoding="utf-8")
    netrc.chmod(0o600)
    app = WizardApp()
    hide = {practice.url: "http://127.0.0.1:12345", f":{practice.server.port}": ":12345"}
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "look", "sources")
        await until_text(app, pilot, "ok XNAT")
        await check_golden(app, pilot, f"login-known-{size[0]}x{size[1]}", hide)
        await pilot.press("f2")
        await until_text(app, pilot, "Ways to log in")
        await check_golden(app, pilot, f"login-ways-{size[0]}x{size[1]}", hide)
