"""The connection check against servers that answer oddly: no probe crashes, and each says what is wrong."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from practice.calling import Caller
from support import Practice
from troubleshoot.check_sites import (
    QUICK_S,
    Authority,
    answering,
    checked,
    end_lingering,
    forwarding,
    free_port,
    saying,
    serving,
)
from xnat_wizard.findings import Finding
from xnat_wizard.settings import Secret
from xnat_wizard.troubleshoot.check import Check, DicomPeer, Question, State, run_checks
from xnat_wizard.troubleshoot.check.model import Origin
from xnat_wizard.xnat.model import Login

INFO = b'{"version": "1.9.3"}'


@pytest.fixture
def practice(practice: Practice) -> Iterator[Practice]:
    """Give the practice server, and leave no call waiting on it."""
    yield practice
    end_lingering(practice)


def head(status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


def whole(body: bytes = INFO, status: str = "200 OK", **headers: str) -> bytes:
    return head(status, Content_Length=str(len(body)), **headers) + body


async def looked_at(*pieces: bytes, names: tuple[str, ...] = (), **more: object) -> dict[str, Check]:
    """Run the checks on a site that says these pieces to everything; only up to the last of the names, if any."""
    async with saying(lambda _: pieces) as port:
        question = replace(Question(f"http://127.0.0.1:{port}/x", idle_s=0), **more)  # type: ignore[arg-type]  # its fields
        found: dict[str, Check] = {}
        async with contextlib.aclosing(run_checks(question)) as run:
            async for event in run:
                if isinstance(event, Check):
                    found[event.name] = event
                    if names and set(names) <= found.keys():
                        break
    return found


def finding_of(check: Check) -> Finding:
    assert check.finding is not None, check
    return check.finding


# -- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        (
            head(Transfer_Encoding="chunked"),
            b"A\r\n" + INFO[:10] + b"\r\n",
            b"a;x=1\r\n" + INFO[10:] + b"\r\n0\r\n\r\n",
        ),
        (head(Connection="close"), INFO[:7], INFO[7:]),
        (head(Transfer_Encoding="chunked") + b"10000\r\n" + INFO.ljust(0x10000) + b"\r\n", b"endless"),
    ],
    ids=["chunked", "to the end", "longer than is read"],
)
async def test_an_answer_is_read_however_it_is_framed(pieces: tuple[bytes, ...]) -> None:
    found = await looked_at(*pieces, names=("answer",))
    assert found["answer"].state is State.OK, found["answer"]


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ((head(Transfer_Encoding="chunked"), b"-5\r\nabc\r\n"), "the answer broke off"),
        ((head(Transfer_Encoding="chunked"), b"zz\r\n"), "the answer broke off"),
        ((head(Transfer_Encoding="chunked"), b"20\r\nabc"), "the answer broke off"),
        ((head(Transfer_Encoding="chunked"), b"1" * 70_000), "its answer is no HTTP"),
        ((head(Content_Length="100"), b"abc"), "the answer broke off"),
        ((b"220 welcome\r\n\r\n",), "its answer is no HTTP"),
        ((b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,), "its answer is no HTTP"),
        ((b"HTTP/1.1 2",), "something that is no HTTP"),
        ((), "had said nothing"),
    ],
)
async def test_an_answer_that_is_none_is_told_and_no_probe_crashes(pieces: tuple[bytes, ...], said: str) -> None:
    found = await looked_at(*pieces, names=("login",))
    failed = next(check for check in found.values() if check.state is State.FAIL)
    assert failed.name == "plain"
    assert said in failed.evidence[0]
    assert finding_of(failed).code == "site.cut"


async def test_what_falls_silent_after_the_first_answer_is_told() -> None:
    asked: list[bytes] = []

    def once(request: bytes) -> list[bytes]:
        asked.append(request)
        return [whole()] if len(asked) == 1 else []

    async with saying(once) as port:
        found = await checked(Question(f"http://127.0.0.1:{port}/x", idle_s=QUICK_S))
    assert finding_of(found["answer"]).code == "site.cut"
    assert found["xnat"].because == "answer"


@pytest.mark.parametrize("location", ["http://[::1", "https://127.0.0.1:99999/x"])
async def test_a_redirect_to_what_is_no_address_is_told(location: str) -> None:
    found = await looked_at(whole(b"", "302 Found", Location=location), names=("xnat",))
    assert found["redirects"].state is State.FAIL
    assert finding_of(found["redirects"]).code == "site.redirect"


async def test_a_redirect_on_the_same_host_names_the_address_to_use() -> None:
    moved = await looked_at(whole(b"", "302 Found", Location="/y/xapi/siteConfig/buildInfo"), names=("redirects",))
    assert moved["redirects"].state is State.WARN
    assert finding_of(moved["redirects"]).todo[0].endswith("/y as the address")
    page = await looked_at(whole(b"", "302 Found", Location="/app/login.html?to=x"), names=("redirects",))
    assert "/app/" not in finding_of(page["redirects"]).todo[0]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Via": "1.1 squid"}, "Something stands in front of XNAT: 1.1 squid"),
        ({"Set_Cookie": "AWSALB=x; Path=/"}, "Something stands in front of XNAT: a load balancer"),
        ({"Server": "nginx/1.24"}, "A proxy answers in front of XNAT: nginx/1.24"),
        ({"Server": "Apache-Coyote/1.1"}, "Nothing tells of a proxy in front of XNAT"),
    ],
)
async def test_what_stands_in_front_is_told_by_its_headers(headers: dict[str, str], said: str) -> None:
    assert (await looked_at(whole(INFO, "200 OK", **headers), names=("front",)))["front"].said == said


async def test_a_time_without_zone_is_that_of_greenwich() -> None:
    now = datetime.now(UTC)
    for zone in ("-0000", ""):
        found = await looked_at(whole(Date=f"{now:%a, %d %b %Y %H:%M:%S} {zone}".strip()), names=("clock",))
        assert found["clock"].state is State.OK, found["clock"]
    assert (await looked_at(whole(), names=("clock",)))["clock"].state is State.SKIPPED
    far = (await looked_at(whole(Date="Sat, 01 Jan 2000 00:00:00 GMT"), names=("clock",)))["clock"]
    assert far.said.endswith("days behind this machine's")


async def test_an_old_xnat_and_one_that_is_not_set_up_are_told(practice: Practice) -> None:
    answers = {"GET /xapi/siteConfig/buildInfo": (200, '{"version": "1.7.6-SNAPSHOT"}')}
    async with serving(answering(practice.url, answers)) as port:
        old = await checked(Question(f"http://127.0.0.1:{port}", idle_s=0))
        assert old["xnat"].state is State.WARN
        assert finding_of(old["xnat"]).code == "check.old_version"
        answers["GET /xapi/siteConfig/buildInfo"] = (200, '{"buildDate": "today"}')
        unnamed = await checked(Question(f"http://127.0.0.1:{port}", idle_s=0))
        assert "of an unknown version" in unnamed["xnat"].said


@pytest.mark.parametrize("shows_version", [True, False])
async def test_a_site_that_is_not_set_up_yet_is_told(*, shows_version: bool) -> None:
    def new(request: bytes) -> list[bytes]:
        is_shown = shows_version and b"buildInfo" in request
        return [whole() if is_shown else whole(b"", "302 Found", Location="/setup")]

    async with saying(new) as port:
        found = await checked(Question(f"http://127.0.0.1:{port}", idle_s=0))
    assert found["xnat"].state is State.OK
    assert (found["initialised"].state, finding_of(found["initialised"]).code) == (State.FAIL, "site.not_initialised")
    assert found["login"].because == "initialised"


async def test_a_busy_site_and_a_proxy_that_wants_a_login_are_told_apart() -> None:
    busy = await looked_at(whole(b"Bad Gateway", "502 Bad Gateway"), names=("answer",))
    assert finding_of(busy["answer"]).code == "site.proxy"
    barred = await looked_at(whole(b"", "407 Proxy Authentication Required"), names=("answer",))
    assert finding_of(barred["answer"]).code == "check.proxy_login"


# -- the way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("socks5://127.0.0.1:1080", "This program talks to proxies by http only"),
        ("http://proxy.invalid:port", "A proxy is written as http://HOST:PORT"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_told(url: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    found = await checked(Question("https://xnat.invalid"))
    assert (found["proxy"].state, finding_of(found["proxy"]).why) == (State.FAIL, why)
    assert found["login"].because == "proxy"


async def test_a_proxy_of_this_machine_is_used_for_plain_http_too(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []
    port = int(practice.url.rpartition(":")[2])

    def relay(request: bytes) -> list[bytes]:
        heads.append(request)
        path = request.split(b" ")[1].partition(b".invalid")[2]
        with socket.create_connection(("127.0.0.1", port)) as there:
            there.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return [b"".join(iter(lambda: there.recv(65536), b""))]

    async with saying(relay) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:geheim@127.0.0.1:{proxy}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        found = await checked(Question("http://xnat.invalid", idle_s=0))
    assert found["plain"].state is State.WARN
    assert finding_of(found["plain"]).code == "check.plain_http"
    assert found["answer"].state is State.OK
    assert heads[0].startswith(b"GET http://xnat.invalid/xapi/siteConfig/buildInfo HTTP/1.1")
    assert b"Proxy-Authorization: Basic bWU6Z2VoZWlt" in heads[0]


async def test_a_proxy_that_refuses_to_connect_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with saying(lambda _: [head("403 Forbidden")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        found = await checked(Question("https://xnat.invalid"))
    handshake = found["tls.handshake"]
    assert handshake.state is State.FAIL
    assert "the proxy answered 403 when it was asked to connect to xnat.invalid:443" in handshake.evidence[0]


async def test_a_host_of_which_one_address_is_dead_is_a_warning(practice: Practice) -> None:
    port = int(practice.url.rpartition(":")[2])  # it listens at one of the addresses of localhost
    found = await checked(Question(f"http://localhost:{port}", idle_s=0))
    has_both = any(":" in line for line in found["dns"].evidence[1:2]) and "none" not in found["dns"].evidence[1]
    assert found["tcp"].state is (State.WARN if has_both else State.OK)
    assert found["xnat"].state is State.OK


async def test_https_that_only_looks_like_http_is_found_by_what_the_port_says(
    practice: Practice, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    nginx = b"<html>The plain HTTP request was sent to HTTPS port</html>"
    assert practice
    async with saying(lambda _: [whole(nginx, "400 Bad Request")]) as port:
        found = await checked(Question(f"127.0.0.1:{port}", ca_file=str(authority.file)))
    assert found["plain"].said == "The port speaks no plain http; https is tried"
    assert found["tls.handshake"].state is not State.OK


def test_an_address_of_the_newer_kind_is_written_in_brackets() -> None:
    assert Origin("https", "::1", 443).url == "https://[::1]"
    assert Origin("http", "::1", 8080).netloc == "[::1]:8080"


# -- certificates ------------------------------------------------------------------------------------


async def test_a_file_that_is_no_authority_is_the_cause(practice: Practice, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    other = tmp_path / "notes.txt"
    other.write_text("no certificate")
    async with serving(forwarding(practice.url), authority.sign("DNS:localhost")) as port:
        found = await checked(Question(f"https://localhost:{port}", ca_file=str(other)))
    assert finding_of(found["tls.chain"]).code == "tls.ca_file"


async def test_a_port_that_speaks_no_tls_at_all_is_told() -> None:
    async with saying(lambda _: []) as port:
        found = await checked(Question(f"https://127.0.0.1:{port}"))
    assert found["tls.handshake"].state is State.FAIL
    assert finding_of(found["tls.handshake"]).code == "site.tls"


# -- limits ------------------------------------------------------------------------------------------


async def test_a_proxy_that_closes_on_large_bodies_is_told_from_one_that_says_so() -> None:
    def limited(request: bytes) -> list[bytes]:
        if not request.startswith(b"POST"):
            return [whole()]
        size = int(request.lower().partition(b"content-length: ")[2].split(b"\r")[0])
        return [] if size > 150 * 2**20 else [head("401 Unauthorized", Content_Length="0")]

    async with saying(limited) as port:
        found = await checked(Question(f"http://127.0.0.1:{port}", idle_s=QUICK_S))
    assert found["body"].state is State.OK
    assert found["body"].said.startswith("Bodies of 100 MB are let in, those of 256 MB are not")
    assert "256 MB: refused by closing the connection" in found["body"].evidence


async def test_a_connection_is_closed_or_lives_on_or_cannot_be_watched(practice: Practice) -> None:
    closing = await looked_at(whole(Connection="close"), idle_s=QUICK_S)
    assert closing["idle"].said == "Connections are closed after each answer"
    living = await checked(Question(practice.url, idle_s=QUICK_S))
    assert living["idle"].said == "An idle connection lives longer than 0 s"
    assert (await checked(Question(practice.url, idle_s=0)))["idle"].state is State.SKIPPED


# -- the account -------------------------------------------------------------------------------------


def owner_at(port: int, **more: object) -> Question:
    login = Login(f"http://127.0.0.1:{port}", "owner", Secret("owner"))
    return replace(Question(login.address, login=login, project="DEMO", idle_s=0), **more)  # type: ignore[arg-type]  # its fields


async def test_a_site_that_answers_half_of_it_is_told_probe_by_probe(practice: Practice) -> None:
    answers = {
        "GET /data/services/tokens/issue": (500, "No tokens today"),
        "GET /xapi/dicomscp": (403, "Not yours"),
    }
    async with serving(answering(practice.url, answers)) as port:
        found = await checked(owner_at(port))
        assert (found["tokens"].state, found["tokens"].said) == (State.WARN, "The site did not issue a token")
        assert (found["dicom.receivers"].state, found["dicom.receivers"].said) == (
            State.WARN,
            "The site does not show its DICOM receivers",
        )
        answers.clear()
        answers["GET /data/services/tokens/issue"] = (404, "No such service")
        answers["GET /xapi/dicomscp"] = (200, "[]")
        found = await checked(owner_at(port))
        assert found["tokens"].said.startswith("The site issues no tokens")
        assert found["dicom.receivers"].said == "The site has no DICOM receiver"
        answers.clear()
        answers["GET /data/services/tokens/invalidate"] = (500, "Not now")
        kept = (await checked(owner_at(port)))["tokens"]
    assert kept.state is State.OK
    assert "could not be handed back (status 500)" in kept.evidence[0]
    assert practice.on_loop(lambda store: len(store.state.tokens)) == 1  # it says so, and it is so


async def test_rights_and_settings_that_change_an_upload_are_told(practice: Practice) -> None:
    as_admin = Caller(practice.url, "admin", "admin")
    details = {"username": "guest2", "password": "guest2", "email": "g@example.org", "enabled": True, "verified": True}
    assert as_admin.call("POST", "/xapi/users", data=details).status == 201
    assert as_admin.put("/data/projects/DEMO/users/DEMO_collaborator/guest2").status == 200
    assert as_admin.put("/data/projects/DEMO/quarantine_code/1").status == 200
    login = Login(practice.url, "guest2", Secret("guest2"))
    found = await checked(Question(practice.url, login=login, project="DEMO", idle_s=0))
    assert found["project"].state is State.FAIL
    assert finding_of(found["project"]).code == "check.project_rights"
    assert "new sessions are quarantined" in found["settings"].said
    answers = {"GET /xapi/users/projects": (200, '["DEMO"]')}  # a group of the project's own making may edit
    async with serving(answering(practice.url, answers)) as port:
        edits = await checked(Question(f"http://127.0.0.1:{port}", login=replace(login, address=f"http://127.0.0.1:{port}"),
                                       project="DEMO", idle_s=0))  # fmt: skip
        assert edits["project"].said == "DEMO: collaborator: may upload; sessions stay in the prearchive"
        answers["GET /xapi/users/projects"] = (500, "Not now")
        unsure = await checked(Question(f"http://127.0.0.1:{port}", login=replace(login, address=f"http://127.0.0.1:{port}"),
                                        project="DEMO", idle_s=0))  # fmt: skip
        assert unsure["project"].state is State.FAIL


async def test_filters_and_scripts_are_worth_knowing(practice: Practice) -> None:
    question = owner_at(int(practice.url.rpartition(":")[2]), login=Login(practice.url, "owner", Secret("owner")))
    practice.anonymize()
    assert "changed by the site's anonymization script" in (await checked(question))["settings"].said
    practice.on_loop(lambda store: store.state.preferences.update(enableSitewideSeriesImportFilter=True))
    assert "the site's series filter drops series" in (await checked(replace(question, project="")))["settings"].said


async def test_a_session_is_told_by_when_it_expires(practice: Practice) -> None:
    async def named(cookie: str) -> Check:
        async def with_cookie(request: web.Request) -> web.StreamResponse:
            answer = await forwarding(practice.url)(request)
            if "JSESSIONID" in request.headers.get("Cookie", ""):
                answer.headers.popall("Set-Cookie", None)
                answer.headers.add("Set-Cookie", cookie)
            return answer

        async with serving(with_cookie) as port:
            return (await checked(owner_at(port)))["session"]

    now_ms = datetime.now(UTC).timestamp() * 1000
    short = await named(f"SESSION_EXPIRATION_TIME={now_ms + 120_000:.0f}")
    assert (short.state, "forgotten after 2 min, which is short" in short.said) == (State.WARN, True)
    over = await named("SESSION_EXPIRATION_TIME=12")
    assert over.said == "The site does not tell after how long it forgets a login"


async def test_a_password_is_not_sent_over_a_line_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a scheme https is meant: a site that has only http gets no password."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    heads: list[bytes] = []

    def seen(request: bytes) -> list[bytes]:
        heads.append(request)
        return [] if request.startswith(b"CONNECT") else [whole()]

    async with saying(seen) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        login = Login("xnat.invalid", "owner", Secret("geheim"))
        found = await checked(Question("xnat.invalid", login=login, idle_s=0))
    assert found["login"].state is not State.OK
    assert not any(b"geheim" in one or b"Authorization: Basic" in one for one in heads)


# -- DICOM -------------------------------------------------------------------------------------------


async def test_a_receiver_that_is_off_or_for_listed_senders_is_told(practice: Practice) -> None:
    port = practice.on_loop(lambda store: store.state.receivers[0].port)
    here = int(practice.url.rpartition(":")[2])
    login = Login(practice.url, "owner", Secret("owner"))
    question = owner_at(here, login=login, dicom=DicomPeer("127.0.0.1", port))
    practice.on_loop(lambda store: setattr(store.state.receivers[0], "enabled", False))
    off = (await checked(question))["dicom.receivers"]
    assert (off.said, finding_of(off).code) == ("XNAT is switched off on the site", "dicom.off")
    practice.on_loop(lambda store: store.state.preferences.update(enableDicomReceiver=False))
    all_off = (await checked(question))["dicom.receivers"]
    assert all_off.said == "The site's DICOM receivers are switched off"


async def test_a_receiver_that_accepts_and_does_not_echo_is_told() -> None:
    from pynetdicom import AE, evt

    receiver = AE("XNAT")
    receiver.add_supported_context("1.2.840.10008.1.1")
    port = free_port()
    server = receiver.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda _: 0x0122)])
    assert server
    try:
        found = await checked(Question("http://", dicom=DicomPeer("127.0.0.1", port)))
    finally:
        await asyncio.to_thread(server.shutdown)
    assert found["dicom.titles"].state is State.OK
    assert (found["dicom.echo"].state, found["dicom.echo"].evidence) == (State.FAIL, ("C-ECHO: status 0x0122",))


async def test_a_receiver_with_too_many_callers_says_for_now() -> None:
    from pynetdicom import AE

    receiver = AE("XNAT")
    receiver.add_supported_context("1.2.840.10008.1.1")
    receiver.maximum_associations = 0
    port = free_port()
    server = receiver.start_server(("127.0.0.1", port), block=False)
    assert server
    try:
        found = await checked(Question("http://", dicom=DicomPeer("127.0.0.1", port)))
    finally:
        await asyncio.to_thread(server.shutdown)
    refused = finding_of(found["dicom.titles"])
    assert refused.code == "dicom.rejected"
    assert refused.what.endswith("rejected the association for now")
