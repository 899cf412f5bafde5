"""The wizard in a browser: a small web server that starts one wizard a window, and lets in only who has its link.

The link holds a token. The first visit trades it for a cookie, so that it stands in no address line any more; every
later request, the websocket too, needs that cookie. Nothing is loaded from elsewhere: it works without the internet.
"""

import asyncio
import contextlib
import hmac
import html
import secrets
import signal
from collections.abc import Awaitable, Callable
from importlib import resources
from string import Template
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from textual_serve.server import Server, to_int

from xnat_wizard.findings import Finding, Problem

COOKIE = "xnat-wizard"
FONT_SIZES = range(6, 49)
SHUTDOWN_TIMEOUT_S = 5.0
REFUSAL = (
    "This is the XNAT wizard of somebody who works on this machine.\n"
    "To enter, open the link that `xnat-wizard serve` printed when it was started.\n"
    "If you came from a link elsewhere, copy it into the address line.\n"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BrowserServer(Server):
    """Serves the wizard to whoever has the link.

    Args:
        command: the shell command that opens one wizard; it holds no secret, since others can read it.
        host: the address to listen on.
        port: 0 takes a free one.
        token: what the link must hold.
    """

    def __init__(self, command: str, host: str, port: int, token: str) -> None:
        super().__init__(command, host=host, port=port, title="XNAT Wizard")
        self._token = token
        self._pass = secrets.token_urlsafe(32)  # what the cookie holds: the link's token is not stored in browsers
        self._page = Template(resources.files(__package__).joinpath("browser.html").read_text(encoding="utf-8"))

    async def make_app(self) -> web.Application:
        """Return the web application, guarded."""
        app = await self._make_app()
        app.middlewares.append(self._guard)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: who starts this server prints the link."""

    async def run(self, tell: Callable[[int], None]) -> None:
        """Serve until SIGINT or SIGTERM; `tell(port)` is called when the door is open.

        Raises:
            Problem: `serve.no_port` when it cannot listen there.
        """
        runner = web.AppRunner(await self.make_app(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        is_over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(NotImplementedError, ValueError):
                loop.add_signal_handler(number, is_over.set)
        try:
            site = web.TCPSite(runner, self.host, self.port)
            try:
                await site.start()
            except OSError as error:
                raise Problem(_no_port(self.host, self.port, error)) from error
            tell(runner.addresses[0][1])
            await is_over.wait()
        finally:
            await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.query.get("token", "")
        if given and request.path == "/" and _same(given, self._token):
            response: web.StreamResponse = web.HTTPSeeOther("/")
            response.set_cookie(COOKIE, self._pass, httponly=True, samesite="Strict", path="/", secure=request.secure)
        elif not _same(request.cookies.get(COOKIE, ""), self._pass):
            response = web.Response(status=403, text=REFUSAL)
        elif not _is_from_here(request):
            response = web.Response(status=403, text="The page that asks is not from this server.\n")
        else:
            response = await handler(request)
        if not response.prepared:
            _harden(response, request.host)
        return response

    async def handle_index(self, request: web.Request) -> web.Response:
        """Give the page that holds the terminal."""
        size = to_int(request.query.get("fontsize", "16"), 16)
        is_secure = "https" in {request.scheme, request.headers.get("X-Forwarded-Proto", "")}  # TLS ends before here
        page = self._page.substitute(
            websocket_url=html.escape(f"{'wss' if is_secure else 'ws'}://{request.host}/ws"),
            font_size=size if size in FONT_SIZES else 16,
        )
        return web.Response(text=page, content_type="text/html")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="backslashreplace"), wanted.encode())


def _is_from_here(request: web.Request) -> bool:
    """Tell whether a page of this server asks: a cookie is shared by all ports of a host, an origin is not."""
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or urlsplit(origin).netloc == request.host


def _harden(response: web.StreamResponse, host: str) -> None:
    response.headers.update(
        {
            hdrs.CACHE_CONTROL: "no-store",
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
    )


def _no_port(host: str, port: int, error: OSError) -> Finding:
    return Finding(
        "serve.no_port",
        f"The wizard cannot be served on {host}, port {port}",
        f"The system said: {error.strerror or error}",
        ("Give another port with `--port`, or `--port 0` for a free one", "Or end the program that uses this port"),
        where=f"{host}:{port}",
    )
