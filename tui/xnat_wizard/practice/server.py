"""The practice server itself: a stand-in XNAT on loopback, in a folder of its own."""

import asyncio
import ipaddress
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from pathlib import Path

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from xnat_wizard.practice import mishaps, rescan, routes, seed
from xnat_wizard.practice.answers import html_error, tomcat_error, xapi_error
from xnat_wizard.practice.faults import Fault, Faults
from xnat_wizard.practice.http import Call, Refusal, Router, check_methods, normal_path
from xnat_wizard.practice.receiver import Listeners
from xnat_wizard.practice.security import add_cookies, admit, challenge
from xnat_wizard.practice.services import Clock, Services
from xnat_wizard.practice.store import Store

log = logging.getLogger(__name__)

# The call whose answer is being sent: each request is a task of its own, and so has a value of its own.
_current_call: ContextVar[Call | None] = ContextVar("call", default=None)

DEFAULT_VERSION = "1.9.3"
_READ_BUFFER_BYTES = 2**20
_GRACE_S = 0.2  # for calls under way when the server stops


class PracticeServer:
    """One server; `start`, `stop` and the store belong to one event loop.

    Raises:
        ValueError: `host` is no loopback address.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        scp_port: int = 0,
        is_fast: bool = False,
        anonymize: bool = True,
        version: str = DEFAULT_VERSION,
        context_path: str = "",
        faults: Iterable[Fault] = (),
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the practice server listens on loopback only, not on {host}")
        self._host = host
        self.port = port
        self._scp_port = scp_port
        self._is_fast = is_fast
        self._anonymize = anonymize
        self._version = version
        self._context_path = context_path.rstrip("/")
        self._runner: web.AppRunner | None = None
        self._listeners: Listeners | None = None
        self.store = Store(folder)
        self.faults = Faults(faults)
        self.services: Services | None = None
        handlers = [route for module in routes.MODULES for route in module.ROUTES]
        check_methods(handlers)
        self._router = Router(handlers)

    @property
    def url(self) -> str:
        """Return the address of the site, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}{self._context_path}"

    @property
    def dicom_url(self) -> str:
        """Return where images are received, as `dicom://XNAT@127.0.0.1:8104`; "" where none are."""
        return self._listeners.address if self._listeners else ""

    @property
    def clock(self) -> Clock:
        """Return the server's time; only while it runs."""
        assert self.services is not None
        return self.services.clock

    async def start(self) -> None:
        """Seed an empty store, and serve.

        Raises:
            OSError: a port is taken.
        """
        services = Services(
            self.store,
            version=self._version,
            context_path=self._context_path,
            is_fast=self._is_fast,
            faults=self.faults,
        )
        shutil.rmtree(services.spool_folder, ignore_errors=True)
        for name in ("archive", "prearchive", "cache", "spool"):
            (self.store.folder / name).mkdir(mode=0o700, exist_ok=True)
        self.services = services
        await rescan.recover(services)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        app.on_response_prepare.append(_send_cookies)
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_GRACE_S, read_bufsize=_READ_BUFFER_BYTES
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        seed.fill(services, site_url=self.url, anonymize=self._anonymize)
        self._listeners = Listeners(services, self._host)
        try:
            self._listeners.begin(self._scp_port)
        except OSError:
            await self.stop()
            raise
        for background in routes.BACKGROUND:
            services.spawn(background(services))

    async def stop(self) -> None:
        """Cut connections, end background work, write the store."""
        if self._listeners is not None:
            await self._listeners.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.services is not None:
            await self.services.stop()
        self.store.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        assert self.services is not None
        _current_call.set(None)
        path = normal_path(request.rel_url.raw_path, self._context_path) or ""
        struck = self.faults.strike(request, path, is_logged_in=mishaps.has_login(request, self.services))
        if struck:
            return await mishaps.suffer(request, struck, self.services, self._serve)
        return await self._serve(request)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        answer = await self._respond(request)
        if not answer.prepared:
            answer.set_status(answer.status, "")  # Tomcat sends no reason phrase (0.5)
        return answer

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        assert self.services is not None
        path = normal_path(request.rel_url.raw_path, self._context_path)
        if path is None:
            return tomcat_error(404, f"No web application answers at {request.rel_url.raw_path}")
        found = self._router.find(request.method, path)
        call = Call(request, self.services, path, found[1] if found else {})
        _current_call.set(call)
        try:
            refused = await admit(call, is_open=bool(found and found[0].is_open))
            if refused is not None:
                return refused
            if found is None:
                return _not_here(call)
            await call.read_form()
            return await found[0].handler(call)
        except Refusal as refusal:
            return _error(call, refusal.status, refusal.message)
        except (ConnectionError, ClientPayloadError, HttpProcessingError):
            return html_error(400)  # the client has left or sent no proper HTTP; nobody may be there to read this
        except Exception:
            log.exception("handler failed: %s %s", request.method, found[0].path if found else "?")
            return _error(call, 500)
        finally:
            if call.session is not None:
                call.session.touched_s = self.services.clock.now()
            if call.spooled:
                await self.services.in_thread(_remove, tuple(call.spooled))


async def _send_cookies(_request: web.Request, answer: web.StreamResponse) -> None:
    call = _current_call.get()
    if call is not None:
        add_cookies(call, answer)


def _error(call: Call, status: int, message: str = "") -> web.Response:
    if not call.is_xapi:
        return html_error(status, message)
    answer = xapi_error(status, message)
    if status == 401:
        answer.headers["WWW-Authenticate"] = challenge(call)
    return answer


def _not_here(call: Call) -> web.Response:
    return _error(call, 501, f"The practice server does not implement {call.method} {call.path}")


def _remove(paths: tuple[Path, ...]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def run(
    folder: Path,
    host: str,
    port: int,
    *,
    scp_port: int,
    is_fast: bool,
    anonymize: bool,
    on_ready: Callable[[str, str], None],
    faults: Iterable[Fault] = (),
) -> int:
    """Serve until SIGINT or SIGTERM; `on_ready` learns the address for HTTP and for DICOM. Return the exit code.

    Raises:
        OSError: a port is taken, or the folder cannot be made.
    """

    async def serve() -> None:
        server = PracticeServer(
            folder, host=host, port=port, scp_port=scp_port, is_fast=is_fast, anonymize=anonymize, faults=faults
        )
        await server.start()
        is_over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM"):
            loop.add_signal_handler(getattr(signal, name), is_over.set)
        try:
            on_ready(server.url, server.dicom_url)
            await is_over.wait()
        finally:
            await server.stop()

    os.umask(0o077)
    asyncio.run(serve())
    return 0
