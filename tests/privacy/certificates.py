"""Certificates of every kind that must not be believed, made on the spot, and servers that show them."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Authority:
    """A certificate authority that no machine knows."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("openssl")
        if program is None:
            pytest.skip("openssl: the program that makes certificates is not here")
        self._program = program
        self._folder = folder
        self.file = folder / "authority.pem"
        self._run(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Nobody's authority"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", folder / "authority.key", "-out", self.file),
        )

    def server(self, host: str = "localhost", *, is_old: bool = False, is_own: bool = False) -> ssl.SSLContext:
        """Return the settings of a server whose certificate is for a host.

        Args:
            host: that it is made out to.
            is_old: it is over.
            is_own: it is signed by itself.
        """
        key, request, made = (self._folder / f"site.{end}" for end in ("key", "csr", "pem"))
        names = ("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}")
        if is_own:
            self._run(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, "-keyout", key, "-out", made
            )
        else:
            self._run("req", "-newkey", "rsa:2048", "-nodes", *names, "-keyout", key, "-out", request)
            self._sign(request, made, is_old=is_old)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made, key)
        return context

    def _sign(self, request: Path, made: Path, *, is_old: bool) -> None:
        index, serial, settings = (self._folder / name for name in ("index.txt", "serial", "ca.cnf"))
        index.write_text("")
        serial.write_text("01\n")
        settings.write_text(
            f"[ca]\ndefault_ca=c\n[c]\ndatabase={index}\nserial={serial}\nnew_certs_dir={self._folder}\n"
            "default_md=sha256\npolicy=p\ncopy_extensions=copy\ndefault_days=2\n[p]\ncommonName=supplied\n"
        )
        dates = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z") if is_old else ()
        signer = ("-cert", self.file, "-keyfile", self._folder / "authority.key")
        self._run("ca", "-batch", "-notext", "-config", settings, *signer, *dates, "-in", request, "-out", made)

    def _run(self, *arguments: str | Path) -> None:
        subprocess.run([self._program, *map(str, arguments)], check=True, capture_output=True)


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer every request on a free port of this machine; give the port."""
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def build_info(_: web.Request) -> web.Response:
    """Answer as XNAT answers before any login."""
    return web.json_response({"version": "1.9.3"})
