"""The wizard in a browser: who has the link gets in, nobody else does."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pyte
import pytest
from yarl import URL

from cli.program import PROGRAM, run
from support import Practice
from xnat_wizard.cli.serve import is_loopback, wizard_command

LINK = re.compile(r"^http://127\.0\.0\.1:\d+/\?token=[\w-]{43}$")


@asynccontextmanager
async def served(*arguments: str) -> AsyncIterator[tuple[URL, asyncio.subprocess.Process]]:
    """Run `xnat-wizard serve` on a free port; give its link."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "serve", "--port", "0", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            link = (await process.stdout.readline()).decode().strip()
        assert LINK.match(link)
        yield URL(link), process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(60):
            await process.wait()


def browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_without_the_link_nothing_is_given() -> None:
    async with served() as (link, _), browser() as stranger:
        home = link.with_query(None)
        for path in ("/", "/?token=", "/?token=wrong", "/?token=%FF%ED%B3%A9", "/ws", "/static/js/textual.js", "/none"):
            async with stranger.get(home.join(URL(path, encoded=True))) as answer:
                assert answer.status == HTTPStatus.FORBIDDEN, path
                assert "Set-Cookie" not in answer.headers
        async with stranger.get(link / "static/js/textual.js") as answer:
            assert answer.status == HTTPStatus.FORBIDDEN, "the token opens the door alone"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stranger.ws_connect(home / "ws")
        assert refused.value.status == HTTPStatus.FORBIDDEN
        async with stranger.get(home, headers={"Cookie": "xnat-wizard=wrong"}) as answer:
            assert answer.status == HTTPStatus.FORBIDDEN


async def test_the_link_becomes_a_cookie_that_scripts_and_other_sites_cannot_use() -> None:
    async with served() as (link, _), browser() as person:
        async with person.get(link, allow_redirects=False) as answer:
            assert answer.status == HTTPStatus.SEE_OTHER
            assert answer.headers["Location"] == "/"
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert link.query["token"] not in cookie
        async with person.get(link) as answer:
            page = await answer.text()
        assert answer.url == link.with_query(None), "the token does not stay in the address line"
        assert f"ws://127.0.0.1:{link.port}/ws" in page
        assert link.query["token"] not in page


async def test_a_page_of_another_origin_may_not_open_the_wizard() -> None:
    async with served() as (link, _), browser() as person:
        await (await person.get(link)).read()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await person.ws_connect(link.with_query(None) / "ws", origin="http://127.0.0.1:1")
        assert refused.value.status == HTTPStatus.FORBIDDEN


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    async with served() as (link, _), browser() as person:
        async with person.get(link) as answer:
            page = await answer.text()
            rules = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in rules
        addresses = re.findall(r"(?:href|src)=\"([^\"]+)\"|url\(\"([^\"]+)\"\)", page)
        paths = [path for pair in addresses for path in pair if path and not path.startswith("data:")]
        assert len(paths) >= 4
        for path in paths:
            assert path.startswith("/")
            async with person.get(link.with_query(None).join(URL(path))) as answer:
                assert answer.status == HTTPStatus.OK, path


async def test_the_wizard_runs_in_the_browser(practice: Practice) -> None:
    async with served("--site", practice.url, "--user", "owner") as (link, process), browser() as person:
        await (await person.get(link)).read()
        screen = pyte.Screen(80, 24)
        stream = pyte.ByteStream(screen)
        async with person.ws_connect(link.with_query({"width": "80", "height": "24"}) / "ws") as socket:
            await _until(socket, stream, screen, "XNAT 1.9.3 answers")
            assert practice.url in "\n".join(screen.display)
            await socket.send_json(["stdin", "owner\r"])
            await _until(socket, stream, screen, "owner@127.0.0.1")
            await socket.send_json(["stdin", "\x11"])
            async with asyncio.timeout(60):
                async for _ in socket:  # it ends when the wizard has ended
                    pass
        assert process.returncode is None, "the server waits for the next window"
        process.terminate()
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def _until(
    socket: aiohttp.ClientWebSocketResponse, stream: pyte.ByteStream, screen: pyte.Screen, words: str
) -> None:
    async with asyncio.timeout(60):
        while words not in "\n".join(screen.display):
            message = await socket.receive()
            assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}, f"it ended before {words!r}"
            if message.type is aiohttp.WSMsgType.BINARY:
                stream.feed(message.data)


async def test_a_taken_port_is_said_in_words(tmp_path: Path) -> None:
    async with served() as (link, _):
        done = await asyncio.to_thread(run, "serve", "--port", str(link.port))
    assert done.code == 1
    assert "cannot be served on 127.0.0.1" in done.talk
    assert "--port 0" in done.talk
    assert done.data == ""


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("here", False)],  # noqa: S104  refused
)
def test_what_other_machines_reach_is_known(host: str, *, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_the_command_of_a_window_cannot_be_more_than_one() -> None:
    command = wizard_command("http://x/; rm -rf '$HOME'", "$(id)")
    assert command.endswith("""'--site=http://x/; rm -rf '"'"'$HOME'"'"'' '--user=$(id)'""")


def test_a_window_loads_no_module_of_the_folder_it_is_started_in(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(86)")
    command = wizard_command("", "").split()
    ended = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout[:12]) == (0, "xnat-wizard ")
