"""Who cannot prove to be the site gets no password: refused in words, with a way out, and never by way of http."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from cli.program import run
from privacy.certificates import Authority, build_info, serving
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.pyxnat_port import PyxnatPort
from xnat_wizard.xnat.site import Site, look

WORD = "planted-word-of-pass"
KINDS = ("own", "old", "other host", "unknown authority")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a certificate authority."""
    return Authority(tmp_path)


def context_of(authority: Authority, kind: str) -> ssl.SSLContext:
    match kind:
        case "own":
            return authority.server(is_own=True)
        case "old":
            return authority.server(is_old=True)
        case "other host":
            return authority.server("elsewhere.example")
        case _:
            return authority.server()


async def refusal(address: str, ca_file: str = "") -> Finding:
    with pytest.raises(Problem) as caught:
        await look(address, ca_file=ca_file)
    finding = caught.value.finding
    assert finding.what
    assert finding.why
    assert finding.todo
    return finding


@pytest.mark.parametrize(
    ("kind", "has_authority", "said"),
    [
        ("own", False, "signed by itself"),
        ("old", True, "expired"),
        ("other host", True, "another host name"),
        ("unknown authority", False, "authority that this machine does not know"),
    ],
)
async def test_a_certificate_that_proves_nothing_ends_it(
    authority: Authority, kind: str, said: str, *, has_authority: bool
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return await build_info(request)

    ca_file = str(authority.file) if has_authority else ""
    async with serving(answer, context_of(authority, kind)) as port:
        for address in (f"https://localhost:{port}", f"localhost:{port}"):
            finding = await refusal(address, ca_file)
            assert finding.code == "site.tls"
            assert said in finding.what
            with pytest.raises(Problem) as caught:
                await Site.connect(Login(address, "owner", Secret(WORD), ca_file=ca_file))
            assert caught.value.finding.code == "site.tls"
        more = ["--ca-file", ca_file] if ca_file else []
        ended = await asyncio.to_thread(
            run, "login", f"https://localhost:{port}", "--user", "o", "--password-stdin", *more, text=f"{WORD}\n"
        )
        assert ended.code == 4
        assert said in ended.talk
        assert "do:" in ended.talk
        assert WORD not in ended.talk + ended.data
        assert asked == [], "nothing is asked of a server that cannot prove who it is"


async def test_the_authority_of_the_site_is_the_way_out_and_the_switch_is_another(authority: Authority) -> None:
    async with serving(build_info, authority.server()) as port:
        address = f"https://localhost:{port}"
        assert (await look(address, ca_file=str(authority.file))).version == "1.9.3"
        assert (await look(address, is_unsafe=True)).version == "1.9.3"
        assert (await refusal(address)).code == "site.tls"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_an_old_version_of_tls_is_not_spoken_and_http_is_not_tried_instead(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.server()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with handshakes(context) as (port, heard):
        for typed in (f"https://localhost:{port}", f"localhost.localdomain:{port}"):
            for unsafe in (False, True):
                with pytest.raises(Problem) as caught:
                    await Site.connect(
                        Login(typed, "owner", Secret(WORD), ca_file=str(authority.file), is_unsafe=unsafe)
                    )
                finding = caught.value.finding
                if finding.code == "site.unknown_host":
                    continue  # this machine has one name only
                assert finding.code == "site.tls"
                assert "TLS 1.2 is the oldest" in finding.why
                assert "administrator" in finding.todo[0]
                assert not any("http://" in step for step in finding.todo)
    assert heard
    assert all(first == HANDSHAKE for first in heard), "nothing but the beginning of TLS was ever said"


HANDSHAKE = 0x16  # the first byte of a record of TLS that begins a connection


@contextmanager
def handshakes(context: ssl.SSLContext) -> Iterator[tuple[int, list[int]]]:
    """Try TLS with whoever comes, in a thread; give the port and the first byte of each who came."""
    heard: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = door.accept()
                    line.settimeout(5)
                    heard.extend(line.recv(1, socket.MSG_PEEK))
                    with suppress(OSError), context.wrap_socket(line, server_side=True) as secure:
                        secure.close()
                    line.close()

        thread = threading.Thread(target=serve, name="old TLS", daemon=True)
        thread.start()
        yield door.getsockname()[1], heard
        door.shutdown(socket.SHUT_RDWR)
        thread.join(10)


async def test_pyxnat_gives_no_password_to_who_cannot_prove_to_be_the_site(authority: Authority) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="1.9.3")

    for kind in KINDS:
        async with serving(answer, context_of(authority, kind)) as port:
            ca_file = "" if kind in {"own", "unknown authority"} else str(authority.file)
            port_of_pyxnat = PyxnatPort(f"https://localhost:{port}", Login("", "owner", Secret(WORD), ca_file=ca_file))
            with pytest.raises(Problem) as caught:
                await port_of_pyxnat.create_subject("DEMO", "S1")
            await port_of_pyxnat.close()
            assert WORD not in repr(caught.value.finding)
    assert asked == []
