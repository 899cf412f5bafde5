"""Where a site, a proxy or somebody on the way sends us: no password, cookie or image goes along."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from privacy.certificates import Authority, build_info, serving
from support import Practice
from xnat_wizard.findings import Problem
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.http import Bytes
from xnat_wizard.xnat.login import fetch_token
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.pyxnat_port import PyxnatPort
from xnat_wizard.xnat.site import Site, look

SITUATIONS = [301, 302, 303, 307, 308]
DROPPED = {"content-length", "transfer-encoding", "connection"}


@dataclass
class Trap:
    """A server that writes down whatever comes."""

    heard: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        told = [name for name in ("Authorization", "Cookie", "Proxy-Authorization") if name in request.headers]
        self.heard.append(f"{request.method} {request.path} {told} {len(body)}")
        return await build_info(request)


class Diverting:
    """The practice server behind a proxy that sends some requests elsewhere."""

    def __init__(self, url: str, target: str, status: int = 307) -> None:
        self._url = url
        self._target = target
        self._status = status
        self.pattern = "never"
        self.diverted: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        asked = f"{request.method} {request.path}"
        if re.search(self.pattern, asked):
            self.diverted.append(asked)
            await request.read()
            return web.Response(status=self._status, headers={"Location": self._target + request.raw_path})
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        where = URL(self._url + request.raw_path, encoded=True)
        body = await request.read() or None
        async with (
            aiohttp.ClientSession(auto_decompress=False) as client,
            client.request(request.method, where, headers=headers, data=body, allow_redirects=False) as answer,
        ):
            kept = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in DROPPED)
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@pytest.fixture
async def trap() -> AsyncIterator[tuple[Trap, str]]:
    """Give a trap and its address, which has the site's host and another port."""
    made = Trap()
    async with serving(made.answer) as port:
        yield made, f"http://127.0.0.1:{port}"


@asynccontextmanager
async def diverting(practice: Practice, target: str, status: int = 307) -> AsyncIterator[tuple[Diverting, str]]:
    made = Diverting(practice.url, target, status)
    async with serving(made.answer) as port:
        yield made, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("status", SITUATIONS)
async def test_a_login_stays_where_it_was_sent(practice: Practice, trap: tuple[Trap, str], status: int) -> None:
    async with diverting(practice, trap[1], status) as (site, url):
        site.pattern = "JSESSION|tokens"
        with pytest.raises(Problem) as caught:
            await Site.connect(Login(url, "owner", Secret("owner")))
        assert caught.value.finding.todo
        with pytest.raises(Problem):
            await fetch_token(Login(url, "owner", Secret("owner")))
        assert site.diverted
    assert trap[0].heard == []


Act = Callable[[Site, Path], Awaitable[object]]


async def _import(site: Site, _: Path) -> object:
    return await site.import_zip("DEMO", "S", "S_MR1", Bytes(b"PK-image"), 8)


async def _put(site: Site, folder: Path) -> object:
    file = folder / "result.txt"
    file.write_text("a result")
    await site.put_file("XNAT_E00001", "RESULTS", "result.txt", file)
    return None


async def _read(site: Site, _: Path) -> object:
    return await site.read_file("/data/experiments/XNAT_E00001/resources/R/files/a.txt")


async def _create(site: Site, _: Path) -> object:
    return await site.ensure_session("DEMO", "S77", "S77_MR1", "xnat:mrSessionData")


async def _list(site: Site, _: Path) -> object:
    return await site.prearchive("DEMO")


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize(
    ("pattern", "act"),
    [
        ("services/import", _import),
        ("RESULTS/files", _put),
        ("files/a.txt", _read),
        ("PUT .*/subjects/", _create),
        ("GET .*/prearchive", _list),
    ],
    ids=["upload", "resource put", "download", "pyxnat", "list"],
)
async def test_no_request_of_a_login_follows_to_another_port(
    practice: Practice, trap: tuple[Trap, str], tmp_path: Path, pattern: str, act: Act, status: int
) -> None:
    async with diverting(practice, trap[1], status) as (site, url):
        async with await Site.connect(Login(url, "owner", Secret("owner"))) as connected:
            site.pattern = pattern
            with pytest.raises(Problem):
                await act(connected, tmp_path)
            assert site.diverted, "the case is not empty"
            site.pattern = "never"
        assert trap[0].heard == []


async def test_pyxnat_keeps_its_password_when_its_own_login_is_sent_elsewhere(
    practice: Practice, trap: tuple[Trap, str]
) -> None:
    async with diverting(practice, trap[1]) as (site, url):
        site.pattern = ".*"
        port = PyxnatPort(url, Login(url, "owner", Secret("owner")))
        with pytest.raises(Problem):
            await port.create_subject("DEMO", "S78")
        await port.close()
        assert site.diverted
    assert trap[0].heard == []


async def test_what_is_found_by_http_leads_to_no_other_port_and_https_never_to_http(
    trap: tuple[Trap, str], tmp_path: Path
) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": trap[1] + request.path})

    async with serving(elsewhere) as port:
        with pytest.raises(Problem) as caught:
            await look(f"http://127.0.0.1:{port}")
        assert trap[1] in caught.value.finding.todo[0], "the way out names where the server points to"
    authority = Authority(tmp_path)
    target = trap[1].replace("127.0.0.1", "localhost")

    async def down(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target + request.path})

    async with serving(down, authority.server()) as port:
        with pytest.raises(Problem) as caught:
            await look(f"https://localhost:{port}", ca_file=str(authority.file))
        assert target in caught.value.finding.todo[0]
    assert trap[0].heard == []


async def test_http_leads_to_https_of_the_same_host_before_any_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    plain: list[str] = []
    async with serving(build_info, authority.server()) as secure:

        async def up(request: web.Request) -> web.Response:
            plain.append(f"{request.path} {'Authorization' in request.headers}")
            return web.Response(status=301, headers={"Location": f"https://localhost:{secure}{request.path}"})

        async with serving(up) as port:
            with pytest.raises(Problem) as caught:
                await Site.connect(Login(f"http://localhost:{port}", "owner", Secret("owner")))
            assert caught.value.finding.code == "site.tls", "its certificate is looked at like any other"
            info = await look(f"http://localhost:{port}", ca_file=str(authority.file))
            assert info.url == f"https://localhost:{secure}"
    assert plain
    assert not any("True" in line for line in plain)


async def test_who_blocks_https_gets_no_password_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    async def between(request: web.Request) -> web.Response:
        if request.method == "CONNECT":
            return web.Response(status=503)
        heard.append(f"{request.method} {request.path} {'Authorization' in request.headers}")
        return web.json_response({"version": "1.9.3"})

    async with serving(between) as port:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://someone:planted-proxy-word@127.0.0.1:{port}")
        with pytest.raises(Problem) as caught:
            await Site.connect(Login("xnat.example.org", "owner", Secret("owner")))
        finding = caught.value.finding
        assert finding.code == "site.tls"
        assert "without encryption" in finding.what
        assert any("http://xnat.example.org" in step for step in finding.todo), "the explicit choice is named"
        assert heard
        assert not any("True" in line for line in heard)
        assert "planted-proxy-word" not in repr(finding)
