import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from support import Practice
from xnat_wizard.findings import Problem
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.errors import LoginAgain, Retry, SiteProblem
from xnat_wizard.xnat.login import fetch_token, withdraw_token
from xnat_wizard.xnat.model import Login, Role
from xnat_wizard.xnat.pyxnat_port import PyxnatPort
from xnat_wizard.xnat.site import Site, look

BehindProxy = Callable[[str, Path | None], AbstractAsyncContextManager[int]]


def login(practice: Practice, username: str, password: str | None = None) -> Login:
    return Login(practice.url, username, Secret(password if password is not None else username))


async def refusal(given: Login) -> Problem:
    with pytest.raises(Problem) as caught:
        await Site.connect(given)
    finding = caught.value.finding
    assert finding.what
    assert finding.why
    assert finding.todo
    return caught.value


async def serve(app: web.Application, *, context: ssl.SSLContext | None = None) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(app)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await tcp.start()
    return runner, int(runner.addresses[0][1])


def app_answering(text: str, *, status: int = 200, content_type: str = "text/html") -> web.Application:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, content_type=content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def test_a_site_says_what_it_is_before_any_login(practice: Practice) -> None:
    info = await look(practice.url)
    assert info.url == practice.url
    assert info.version[0].isdigit()
    assert await look(practice.url.removeprefix("http://") + "/app/template/Index.vm") == info


async def test_a_person_logs_in_and_is_known_with_their_roles(practice: Practice) -> None:
    async with await Site.connect(login(practice, "owner")) as site:
        assert site.identity.username == "owner"
        assert site.identity.role_in("DEMO") is Role.OWNER
        assert site.info.url == practice.url
    async with await Site.connect(login(practice, "member")) as site:
        assert site.identity.role_in("DEMO") is Role.MEMBER
    async with await Site.connect(login(practice, "admin")) as site:
        assert site.identity.is_admin


async def test_a_wrong_password_is_asked_for_once_and_explained(practice: Practice) -> None:
    problem = await refusal(login(practice, "owner", "wrong"))
    assert problem.finding.code == "login.refused"
    assert "401" in problem.finding.why
    assert "wrong" not in problem.finding.as_text()
    assert practice.on_loop(lambda store: store.state.users["owner"].failed_logins) == 1


async def test_an_unknown_account_is_refused_the_same_way(practice: Practice) -> None:
    assert (await refusal(login(practice, "nobody"))).finding.code == "login.refused"


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("owner", ""), ("ow:ner", "x")])
async def test_an_incomplete_login_is_not_sent(practice: Practice, username: str, password: str) -> None:
    assert (await refusal(login(practice, username, password))).finding.code == "login.incomplete"


async def test_a_disabled_account_is_named_so(practice: Practice) -> None:
    practice.on_loop(lambda store: setattr(store.state.users["owner"], "enabled", False))
    assert (await refusal(login(practice, "owner"))).finding.code in {"login.disabled", "login.refused"}


async def test_a_password_that_must_be_changed_is_named_so(practice: Practice) -> None:
    practice.on_loop(lambda store: setattr(store.state.users["owner"], "must_change_password", True))
    assert (await refusal(login(practice, "owner"))).finding.code == "login.expired_password"


async def test_an_unknown_host_is_named() -> None:
    problem = await refusal(Login("https://xnat.invalid", "a", Secret("b")))
    assert problem.finding.code == "site.unknown_host"
    assert "xnat.invalid" in problem.finding.what


async def test_a_port_where_nothing_listens_is_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    problem = await refusal(Login(f"127.0.0.1:{port}", "a", Secret("b")))
    assert problem.finding.code == "site.unreachable"
    assert isinstance(problem, Retry)
    assert "127.0.0.1" in problem.finding.what


async def test_a_server_that_went_away_is_explained(practice: Practice) -> None:
    practice.stop()
    assert (await refusal(login(practice, "owner"))).finding.code == "site.unreachable"
    practice.start()


async def test_a_web_server_that_is_no_xnat_is_said_to_be_none() -> None:
    runner, port = await serve(app_answering("<html>It works</html>"))
    try:
        problem = await refusal(Login(f"http://127.0.0.1:{port}", "a", Secret("b")))
    finally:
        await runner.cleanup()
    assert problem.finding.code == "site.no_xnat"
    assert f"http://127.0.0.1:{port}/xnat" in problem.finding.why


async def test_a_site_that_is_starting_is_worth_another_try() -> None:
    runner, port = await serve(app_answering("<html>Bad Gateway</html>", status=502))
    try:
        problem = await refusal(Login(f"http://127.0.0.1:{port}", "a", Secret("b")))
    finally:
        await runner.cleanup()
    assert isinstance(problem, Retry)
    assert problem.finding.code == "site.proxy"


async def test_a_site_without_set_up_is_named_so() -> None:
    page = "<html><h3>Site has not yet been configured.</h3></html>"
    runner, port = await serve(app_answering(page, status=403))
    try:
        problem = await refusal(Login(f"http://127.0.0.1:{port}", "a", Secret("b")))
    finally:
        await runner.cleanup()
    assert problem.finding.code == "site.not_initialised"


async def test_a_site_below_a_path_is_found() -> None:
    async def build_info(_: web.Request) -> web.Response:
        return web.json_response({"version": "1.8.10"})

    app = web.Application()
    app.router.add_get("/xnat/xapi/siteConfig/buildInfo", build_info)
    runner, port = await serve(app)
    try:
        info = await look(f"127.0.0.1:{port}")
    finally:
        await runner.cleanup()
    assert info.url == f"http://127.0.0.1:{port}/xnat"
    assert info.version == "1.8.10"


async def test_https_where_only_http_is_spoken_is_explained(practice: Practice) -> None:
    problem = await refusal(Login(practice.url.replace("http://", "https://"), "a", Secret("b")))
    assert problem.finding.code == "site.tls"
    assert any("http://" in step for step in problem.finding.todo)


async def test_a_site_that_drops_cookies_is_found_out() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("buildInfo"):
            return web.json_response({"version": "1.9"})
        if request.path.endswith("JSESSION"):
            return web.Response(text="0" * 32)
        return web.Response(text="guest")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner, port = await serve(app)
    try:
        problem = await refusal(Login(f"http://127.0.0.1:{port}", "anna", Secret("b")))
    finally:
        await runner.cleanup()
    assert problem.finding.code == "login.not_kept"


async def test_a_private_certificate_is_refused_until_it_is_given(certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    runner, port = await serve(app_answering('{"version": "1.9"}', content_type="application/json"), context=context)
    address = f"https://localhost:{port}"
    try:
        with pytest.raises(Problem) as caught:
            await look(address)
        finding = caught.value.finding
        assert finding.code == "site.tls"
        assert "signed by itself" in finding.what
        assert "certificate authority" in finding.todo[0]
        assert (await look(address, ca_file=str(certificate))).version == "1.9"
        assert (await look(address, is_unsafe=True)).version == "1.9"
        with pytest.raises(Problem) as caught:
            await look(f"https://127.0.0.1:{port}", ca_file=str(certificate))
        assert "another address" in caught.value.finding.what
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)


@pytest.mark.parametrize("is_unsafe", [False, True])
async def test_pyxnat_trusts_what_we_trust(
    practice: Practice, behind_proxy: BehindProxy, certificate: Path, *, is_unsafe: bool
) -> None:
    async with behind_proxy("", certificate) as port:
        given = Login(f"https://localhost:{port}", "owner", Secret("owner"), is_unsafe=is_unsafe)
        if not is_unsafe:
            pyxnat = PyxnatPort(given.address, given)
            with pytest.raises(SiteProblem):
                await pyxnat.create_subject("DEMO", "S0")
            await pyxnat.close()
            given = replace(given, ca_file=str(certificate))
        async with await Site.connect(given) as site:
            await site.ensure_session("DEMO", "S1", "S1_MR1", "xnat:mrSessionData")
            assert [subject.label for subject in await site.subjects("DEMO")] == ["S1"]


async def test_a_certificate_file_that_is_none_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("hello")
    for path in (wrong, tmp_path / "missing.pem"):
        with pytest.raises(Problem) as caught:
            await look("https://localhost:1", ca_file=str(path))
        assert caught.value.finding.code == "tls.ca_file"
        assert str(path) in caught.value.finding.what


async def test_a_worker_gets_a_token_and_works_with_it(practice: Practice) -> None:
    async with await Site.connect(login(practice, "owner")) as site:
        given = await site.worker_login()
    assert given.username != "owner"
    assert given.password.reveal() not in repr(given)
    async with await Site.connect(given) as again:
        assert again.identity.username == "owner"
        assert again.identity.role_in("DEMO") is Role.OWNER


async def test_a_withdrawn_token_is_refused_with_the_way_out(practice: Practice) -> None:
    async with await Site.connect(login(practice, "owner")) as site:
        given = await site.worker_login()
    practice.on_loop(lambda store: store.state.tokens.clear())
    problem = await refusal(given)
    assert isinstance(problem, LoginAgain)
    assert any("user name and password" in step for step in problem.finding.todo)


async def test_a_token_stands_for_the_person_and_can_be_withdrawn(practice: Practice) -> None:
    token = await fetch_token(login(practice, "owner"))
    assert token is not None
    assert token.expires_s is not None
    assert token.secret.reveal() not in repr(token)
    by_token = Login(practice.url, token.alias, token.secret)
    async with await Site.connect(by_token) as site:
        assert site.identity.username == "owner"
    assert practice.on_loop(lambda store: list(store.state.tokens)) == [token.alias]
    await withdraw_token(by_token)
    assert practice.on_loop(lambda store: list(store.state.tokens)) == []
    assert (await refusal(by_token)).finding.code == "login.expired_token"
    await withdraw_token(by_token)  # forgotten already


async def test_an_expired_token_is_named_so_on_open_and_closed_sites(practice: Practice) -> None:
    token = await fetch_token(login(practice, "owner"))
    assert token is not None
    by_token = Login(practice.url, token.alias, token.secret)
    practice.on_loop(lambda store: setattr(store.state.tokens[token.alias], "expires_ms", 1))
    assert (await refusal(by_token)).finding.code == "login.expired_token"
    practice.on_loop(lambda store: store.state.preferences.update(requireLogin=False))
    practice.on_loop(lambda store: store.state.tokens.clear())
    assert (await refusal(by_token)).finding.code == "login.expired_token"


@pytest.mark.parametrize("state", [{"locked_until_ms": 2**52}, {"verified": False}, {"enabled": False}])
async def test_what_a_refusal_can_mean_is_said(practice: Practice, state: dict[str, int | bool]) -> None:
    def change(store: Store) -> None:
        for name, value in state.items():
            setattr(store.state.users["owner"], name, value)

    practice.on_loop(change)
    text = (await refusal(login(practice, "owner"))).finding.as_text()
    for word in ("Locked?", "Disabled, or not verified yet?", "401"):
        assert word in text
