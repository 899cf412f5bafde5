"""Sites for the connection check: with certificates of all kinds, redirects, a proxy of this machine."""

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDict
from yarl import URL

from support import Practice
from xnat_wizard.troubleshoot.check import Check, Question, run_checks

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK_S = 0.05


class Authority:
    """A certificate authority of our own, in a folder."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("openssl")
        if program is None:
            pytest.skip("openssl: the program that makes certificates is not here")
        self._program = program
        self._folder = folder
        self.file = folder / "ca.pem"
        subject = ("-subj", "/CN=Test authority/O=Test", "-keyout", folder / "ca.key", "-out", self.file)
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "400", *subject)

    def sign(self, *names: str, days: int = 90) -> ssl.SSLContext:
        """Return a server's context with a certificate for these names; of 0 days it has expired at once."""
        key, request, made = (self._folder / f"site.{end}" for end in ("key", "csr", "pem"))
        alternative = "subjectAltName=" + ",".join(names)
        subject = ("-subj", "/CN=site/O=Hospital", "-addext", alternative)
        self._run("req", "-newkey", "rsa:2048", "-nodes", *subject, "-keyout", key, "-out", request)
        signing = ("-CA", self.file, "-CAkey", self._folder / "ca.key", "-CAcreateserial", "-copy_extensions", "copy")
        self._run("x509", "-req", "-in", request, *signing, "-days", str(days), "-out", made)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made, key)
        return context

    def _run(self, *arguments: str | Path) -> None:
        subprocess.run([self._program, *map(str, arguments)], check=True, capture_output=True)


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve every request by one handler; give the port."""
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def saying(say: Callable[[bytes], Iterable[bytes]]) -> AsyncIterator[int]:
    """Serve whatever bytes `say` makes of the head of a request, one piece after the other; give the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            for piece in say(await reader.readuntil(b"\r\n\r\n")):
                writer.write(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def forwarding(url: str, *, drop: str = "") -> Handler:
    """Return a handler that asks another server, and hands its answer on; a header can be dropped on the way."""

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in {"host", drop.lower()}}
        async with (
            ClientSession(auto_decompress=False) as client,
            client.request(
                request.method,
                URL(url + request.raw_path, encoded=True),
                headers=headers,
                data=await request.read() or None,
                allow_redirects=False,
            ) as answer,
        ):
            dropped = {"content-length", "transfer-encoding", "connection"}
            kept = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in dropped)
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    return forward


def answering(url: str, answers: dict[str, tuple[int, str]]) -> Handler:
    """Return a handler that gives answers of its own, and asks another server for the rest.

    `answers` may change at any time: "METHOD PATTERN", the pattern searched in path and query, to status and body; HTML
    where the body begins so.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        for asked, (status, body) in answers.items():
            method, _, pattern = asked.partition(" ")
            if request.method == method and re.search(pattern, request.raw_path):
                kind = "text/html" if body.startswith("<") else "text/plain"
                return web.Response(status=status, text=body, content_type=kind)
        return await forwarding(url)(request)

    return answer


def sending_to(target: str) -> Handler:
    """Return a handler that sends everybody elsewhere."""

    async def send(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target + request.raw_path})

    return send


@asynccontextmanager
async def tunnelling(seen: list[str]) -> AsyncIterator[int]:
    """Serve as a proxy that a machine is set to use: CONNECT only; `seen` gets the head of each request.

    It knows every host, as this machine.
    """
    ends: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode() if not reader.at_eof() else ""
        seen.append(head)
        port = head.split(" ")[1].rpartition(":")[2]
        there, back = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer))
        await asyncio.gather(back.wait_closed(), writer.wait_closed(), return_exceptions=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await tunnel(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await asyncio.gather(*ends, return_exceptions=True)


def end_lingering(practice: Practice) -> None:
    """End the practice server's waits for bodies that were announced and never come; it would wait for 10 s each."""

    async def end() -> None:
        waiting = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "RequestHandler.start"]  # type: ignore[union-attr]  # a coroutine
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    practice._run(end())


def free_port() -> int:
    """Return a port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def checked(question: Question) -> dict[str, Check]:
    """Run all checks; return them by name."""
    return {event.name: event async for event in run_checks(question) if isinstance(event, Check)}


def states(checks: dict[str, Check]) -> dict[str, str]:
    """Return how each check has ended."""
    return {name: str(check.state) for name, check in checks.items()}
