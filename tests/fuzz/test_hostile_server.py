"""A site that answers what no XNAT answers, as the real client hears it: a refusal in three parts, soon."""

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from fuzz.mutation import other_values
from fuzz.targets import told
from xnat_wizard.xnat import http
from xnat_wizard.xnat.errors import SiteProblem
from xnat_wizard.xnat.http import Http

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def site(handler: Handler) -> AsyncIterator[Http]:
    """Serve every path by one handler."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Http(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client
    finally:
        await runner.cleanup()


def answer(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        named: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return handle


async def refusal(client: Http) -> SiteProblem:
    with pytest.raises(SiteProblem) as refused:
        (await client.get("/data/projects", {"format": "json"})).rows()
    told(refused.value.finding)
    return refused.value


@pytest.mark.parametrize(
    "body",
    [
        b"<html><h3>Down</h3></html>",
        b'{"ResultSet": {"Result": [{"ID": "a"',
        b'{"ResultSet": {"Result": {"ID": "a"}}}',
        b'{"ResultSet": []}',
        b"null",
        b"",
        b"\xff\xfe{\x00}\x00",
        b"[" * 200_000,
        b'{"a": ' * 200_000,
        b"9" * 5000,
        b"\x1b]0;owned\x07",
    ],
)
@pytest.mark.parametrize(
    "content_type", ["application/json", "text/html; charset=utf-7", "x/y; charset=klingon", "\x85"]
)
async def test_a_body_that_is_no_table_is_refused(body: bytes, content_type: str) -> None:
    async with site(answer(body, Content_Type=content_type)) as client:
        await refusal(client)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 500, 503, 599])
async def test_no_text_of_a_site_reaches_the_terminal_raw(status: int) -> None:
    hostile = "<h3>\x1b[2J\x1b]52;c;eA==\x07\u202e[red]\0" + "x" * 10_000 + "</h3>"
    async with site(answer(f"<html>{hostile}</html>".encode(), status, Location="//evil.example/\x7f")) as client:
        problem = await refusal(client)
    assert len(problem.finding.as_text()) < 4000


async def test_rows_of_every_wrong_type_are_read_as_texts_or_refused() -> None:
    table = {"ResultSet": {"Result": [{"ID": "x", "label": "a", "Size": "5"}], "totalRecords": "1"}}
    rng = random.Random(5)  # noqa: S311  no secret
    bodies = [json.dumps(other_values(table, rng)).encode() for _ in range(150)]

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=bodies.pop(), content_type="application/json")

    async with site(handle) as client:
        for _ in range(len(bodies)):
            try:
                rows = (await client.get("/data/projects")).rows()
            except SiteProblem as problem:
                told(problem.finding)
            else:
                assert all(isinstance(text, str) for row in rows for text in row.values())


async def test_an_answer_without_end_is_left_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"[1," * 20_000)
            sent += 60_000

    async with site(handle) as client:
        with pytest.raises(SiteProblem, match=r"site\.") as refused:
            await client.call("GET", "/data/projects", limit_bytes=1_000_000)
    told(refused.value.finding)
    assert sent < 20_000_000


def test_no_answer_takes_more_memory_than_a_terminal_program_may() -> None:
    assert http.BODY_LIMIT <= 128 * 1024 * 1024


async def test_a_gzip_bomb_is_left_at_the_limit() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    async with site(answer(bomb, Content_Encoding="gzip")) as client:
        with pytest.raises(SiteProblem) as refused:
            await client.call("GET", "/data/projects", limit_bytes=1_000_000)
    told(refused.value.finding)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 999999 OK\r\n\r\n{}",
        b"\x16\x03\x01\x00\x01",
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
async def test_what_is_no_http_is_a_cut_connection(head: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        await refusal(client)


@pytest.mark.parametrize(
    "cookie",
    [
        "SESSION_EXPIRATION_TIME=1,²",
        "SESSION_EXPIRATION_TIME=1," + "9" * 5000,
        "JSESSIONID=",
        "=;=",
        "x" * 4000,
    ],
)
async def test_cookies_that_are_none_change_nothing(cookie: str) -> None:
    body = b'{"ResultSet": {"Result": []}}'
    async with site(answer(body, Set_Cookie=cookie, Date="Wed, 99 Foo 2024 99:99:99 GMT")) as client:
        assert (await client.get("/data/projects")).rows() == ()
        assert client.idle_s == 900
