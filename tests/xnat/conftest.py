"""A site to work with: the practice server, and people logged in to it."""

import io
import json
import shutil
import ssl
import subprocess
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDict
from yarl import URL

from support import Practice
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

Connect = Callable[[str], Awaitable[Site]]
BehindProxy = Callable[[str, Path | None], AbstractAsyncContextManager[int]]


async def no_wait(_: float) -> None:
    """Stand in for sleeping."""


@pytest.fixture
async def connect(practice: Practice) -> AsyncIterator[Connect]:
    """Give a function that logs one of the practice accounts in; its password is its name."""
    async with AsyncExitStack() as stack:

        async def log_in(username: str) -> Site:
            site = await Site.connect(Login(practice.url, username, Secret(username)), sleep=no_wait)
            return await stack.enter_async_context(site)

        yield log_in


@pytest.fixture
async def owner(connect: Connect) -> Site:
    """Give the site as the owner of DEMO sees it."""
    return await connect("owner")


@pytest.fixture
def subject_zip(study_folder: Path) -> bytes:
    """Give the DICOM files of the first subject of the sample study as a zip with stored entries."""
    subject = min(path for path in study_folder.iterdir() if path.is_dir())
    return zip_of(subject)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a self-signed certificate for localhost; certificate and key in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl: the program that makes certificates is not here")
    made = tmp_path / "site.pem"
    key = tmp_path / "site.key"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, *names, "-keyout", key, "-out", made], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made


@pytest.fixture
def behind_proxy(practice: Practice) -> BehindProxy:
    """Give a function that opens a reverse proxy to the practice server below a path, with TLS or without."""

    @asynccontextmanager
    async def opened(prefix: str, certificate: Path | None) -> AsyncIterator[int]:
        context = None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
        app = web.Application(client_max_size=0)
        app.router.add_route("*", prefix + "/{path:.*}", partial(forward, practice.url, prefix))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        try:
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    return opened


async def forward(url: str, prefix: str, request: web.Request) -> web.Response:
    """Ask the server behind, and hand its answer on as it is."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    async with (
        ClientSession(auto_decompress=False) as client,
        client.request(
            request.method,
            URL(url + request.raw_path.removeprefix(prefix), encoded=True),
            headers=headers,
            data=await request.read() or None,
            allow_redirects=False,
        ) as answer,
    ):
        dropped = {"content-length", "transfer-encoding", "connection"}
        kept = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in dropped)
        return web.Response(status=answer.status, body=await answer.read(), headers=kept)


def zip_of(folder: Path) -> bytes:
    """Zip all files under a folder, stored."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


class Scripted:
    """A site that gives the answers that it was told, and 404 to all else; it notes what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self._says: dict[str, list[tuple[int, str, dict[str, str]]]] = {}

    def says(self, asked: str, body: object = "", *, status: int = 200, **headers: str) -> None:
        """Answer so from now on; what was told for the same call before is said once, first.

        `asked` is a method and a path as they come over the wire; a body that is no text is sent as JSON, and a list of
        rows as a table.
        """
        if isinstance(body, list) and all(isinstance(row, dict) for row in body):
            body = {"ResultSet": {"Result": body}}
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._says.setdefault(asked, []).append((status, text, named))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Say what was told."""
        asked = f"{request.method} {request.raw_path.partition('?')[0]}"
        self.asked.append(asked)
        await request.read()
        told = self._says.get(asked, [(404, "<html><h3>There is no such thing</h3></html>", {})])
        status, text, headers = told.pop(0) if len(told) > 1 else told[0]
        return web.Response(status=status, body=text.encode("utf-8", "surrogateescape"), headers=headers)


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """Give a site that says what it is told."""
    site = Scripted()
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def stranger(scripted: Scripted) -> AsyncIterator[Http]:
    """Give a client of that site, without a login."""
    async with Http(scripted.url) as http:
        yield http


@pytest.fixture
async def visitor(scripted: Scripted) -> AsyncIterator[Site]:
    """Give that site as anna sees it, who is logged in there."""
    scripted.says("GET /xapi/siteConfig/buildInfo", {"version": "1.9.3"})
    scripted.says("GET /data/JSESSION", "0" * 32, Set_Cookie=f"JSESSIONID={'0' * 32}; Path=/")
    scripted.says("GET /xapi/users/username", "anna")
    async with await Site.connect(Login(scripted.url, "anna", Secret("s")), sleep=no_wait) as site:
        yield site
