"""The connection check against real servers: what each of its probes says, and what it does not do."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from support import Practice
from troubleshoot.check_sites import (
    QUICK_S,
    Authority,
    checked,
    end_lingering,
    forwarding,
    free_port,
    sending_to,
    serving,
    states,
    tunnelling,
)
from xnat_wizard.practice.faults import parse
from xnat_wizard.settings import Secret
from xnat_wizard.troubleshoot.check import PROBES, Check, DicomPeer, Question, Running, State, run_checks
from xnat_wizard.troubleshoot.check.model import Ground, Outcome, Probe, ok
from xnat_wizard.troubleshoot.check.page import page
from xnat_wizard.xnat.model import Login


@pytest.fixture
def practice(practice: Practice) -> Iterator[Practice]:
    """Give the practice server, and leave no call waiting on it."""
    yield practice
    end_lingering(practice)


def signed_in(practice: Practice) -> list[str]:
    services = practice.server.services
    assert services is not None
    return [one.username for one in services.sessions.values() if one.username]


def ask(practice: Practice, username: str = "", **more: object) -> Question:
    login = Login(practice.url, username, Secret(username)) if username else None
    return replace(Question(practice.url, login=login, idle_s=QUICK_S), **more)  # type: ignore[arg-type]  # its fields


def receiver(practice: Practice, **more: str) -> DicomPeer:
    port = practice.on_loop(lambda store: store.state.receivers[0].port)
    return DicomPeer("127.0.0.1", port, **more)


# -- all is well -------------------------------------------------------------------------------------


async def test_a_good_connection_passes_every_check(practice: Practice) -> None:
    question = ask(practice, "owner", project="DEMO", dicom=receiver(practice))
    checks = await checked(question)
    assert list(checks) == [probe.name for probe in PROBES]
    http_only = {"dns", "tls.handshake", "tls.chain", "tls.name", "tls.expiry"}
    assert {name for name, check in checks.items() if check.state is not State.OK} == http_only
    assert checks["xnat"].said == f"XNAT 1.9.3 at {practice.url}"
    assert checks["login"].said == "Logged in as owner, a user"
    assert checks["project"].said == "DEMO: owner: may upload; sessions stay in the prearchive"
    assert checks["dicom.echo"].evidence == ("C-ECHO: status 0x0000",)


async def test_nothing_is_left_behind(practice: Practice) -> None:
    await checked(ask(practice, "owner", project="DEMO", dicom=receiver(practice)))
    assert practice.on_loop(lambda store: len(store.state.tokens)) == 0
    assert [path for path in (practice.folder / "prearchive").rglob("*") if path.is_file()] == []
    assert signed_in(practice) == []


async def test_without_an_account_what_needs_one_is_skipped_and_says_so(practice: Practice) -> None:
    checks = await checked(ask(practice))
    for name in ("login", "session", "tokens", "project", "settings", "dicom.receivers"):
        assert (checks[name].state, checks[name].said) == (State.SKIPPED, "No account was given"), name
        assert checks[name].because == ""
    assert checks["dicom.port"].said == "No DICOM receiver was given"


async def test_two_runs_say_the_same(practice: Practice) -> None:
    question = ask(practice, "owner", project="DEMO")
    first, second = await checked(question), await checked(question)
    assert {name: check.said for name, check in first.items() if name != "answer"} == {
        name: check.said for name, check in second.items() if name != "answer"
    }


# -- the way -----------------------------------------------------------------------------------------


async def test_an_unknown_host_ends_the_way_and_what_stands_on_it_names_the_cause() -> None:
    checks = await checked(Question("no-such-host.invalid"))
    assert checks["dns"].state is State.FAIL
    assert checks["dns"].finding is not None
    assert checks["dns"].finding.code == "site.unknown_host"
    assert "(XW-020)" in checks["dns"].finding.why
    apart = {"address", "proxy", "dns", "dicom.port", "dicom.titles", "dicom.echo"}
    assert {check.because for name, check in checks.items() if name not in apart} == {"dns"}
    assert checks["login"].said == "Not reached: `Name service` failed"


async def test_a_closed_port_is_told_from_a_dead_machine() -> None:
    port = free_port()
    checks = await checked(Question(f"http://127.0.0.1:{port}"))
    finding = checks["tcp"].finding
    assert finding is not None
    assert finding.code == "site.unreachable"
    assert finding.why == "The machine is there, and nothing listens at this port (XW-021)"
    assert checks["tcp"].evidence[0] == f"127.0.0.1 port {port}: refused, nothing listens there"


async def test_what_is_no_address_is_said_and_nothing_is_asked() -> None:
    checks = await checked(Question("http://"))
    assert checks["address"].state is State.FAIL
    assert {check.state for check in list(checks.values())[1:]} == {State.SKIPPED}


async def test_a_server_that_says_nothing_of_http_is_reported() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with server:
        checks = await checked(Question(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert checks["plain"].state is State.FAIL
    assert "its answer is no HTTP" in checks["plain"].evidence[0]


async def test_a_web_server_that_is_no_xnat_is_reported() -> None:
    async def hello(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    async with serving(hello) as port:
        checks = await checked(Question(f"127.0.0.1:{port}", idle_s=QUICK_S))
    assert checks["answer"].state is State.OK
    assert checks["xnat"].finding is not None
    assert checks["xnat"].finding.code == "site.no_xnat"
    assert checks["body"].because == "xnat"


# -- TLS ---------------------------------------------------------------------------------------------


async def test_a_good_certificate_passes(practice: Practice, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(forwarding(practice.url), authority.sign("DNS:localhost", "IP:127.0.0.1")) as port:
        login = Login(f"https://localhost:{port}", "owner", Secret("owner"), ca_file=str(authority.file))
        question = Question(login.address, login=login, ca_file=login.ca_file, idle_s=QUICK_S)
        checks = await checked(question)
    assert {name: check.state for name, check in checks.items() if name.startswith("tls")} == {
        "tls.handshake": State.OK,
        "tls.chain": State.OK,
        "tls.name": State.OK,
        "tls.expiry": State.OK,
    }
    assert checks["tls.chain"].evidence == ("issued by Test authority, Test",)
    assert checks["login"].state is State.OK
    assert checks["session"].state is State.OK


async def test_an_unknown_authority_keeps_the_password_back(practice: Practice, tmp_path: Path) -> None:
    async with serving(forwarding(practice.url), Authority(tmp_path).sign("DNS:localhost")) as port:
        login = Login(f"https://localhost:{port}", "owner", Secret("owner"))
        checks = await checked(Question(login.address, login=login))
    finding = checks["tls.chain"].finding
    assert finding is not None
    assert "signed by" in finding.what
    assert any("PEM" in step or "certificate authority" in step for step in finding.todo)
    assert checks["tls.name"].state is State.OK
    assert checks["login"].because == "tls.chain"


async def test_an_expired_certificate_for_another_host_is_both(practice: Practice, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(forwarding(practice.url), authority.sign("DNS:*.example.org", days=0)) as port:
        checks = await checked(Question(f"https://localhost:{port}", ca_file=str(authority.file)))
    assert states(checks)["tls.chain"] == "ok"
    assert states(checks)["tls.name"] == "FAIL"
    assert states(checks)["tls.expiry"] == "FAIL"
    assert checks["tls.expiry"].finding is not None
    assert "has expired on" in checks["tls.expiry"].finding.what
    assert checks["tls.name"].evidence[1] == "made out to *.example.org"


async def test_a_certificate_that_expires_soon_is_a_warning(practice: Practice, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(forwarding(practice.url), authority.sign("DNS:localhost", days=5)) as port:
        checks = await checked(Question(f"https://localhost:{port}", ca_file=str(authority.file), idle_s=QUICK_S))
    assert checks["tls.expiry"].state is State.WARN
    assert checks["tls.expiry"].said == "The certificate expires in 4 days"
    assert checks["xnat"].state is State.OK


async def test_https_is_found_where_the_scheme_was_not_typed(practice: Practice, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(forwarding(practice.url), authority.sign("DNS:localhost")) as port:
        checks = await checked(Question(f"localhost:{port}", ca_file=str(authority.file), idle_s=QUICK_S))
    assert checks["plain"].said == "The port speaks no plain http; https is tried"
    assert checks["tls.chain"].state is State.OK
    assert checks["xnat"].said == f"XNAT 1.9.3 at https://localhost:{port}"


async def test_https_at_a_port_of_http_is_said(practice: Practice) -> None:
    checks = await checked(Question(practice.url.replace("http://", "https://")))
    finding = checks["tls.handshake"].finding
    assert finding is not None
    assert finding.todo[0] == "If the site has no https, write http:// in front of the address"


# -- redirects ---------------------------------------------------------------------------------------


async def test_a_login_never_follows_to_another_host(practice: Practice) -> None:
    port = practice.url.rpartition(":")[2]
    async with serving(sending_to(f"http://localhost:{port}")) as front:
        login = Login(f"http://127.0.0.1:{front}", "owner", Secret("owner"))
        checks = await checked(Question(login.address, login=login))
    finding = checks["redirects"].finding
    assert finding is not None
    assert (finding.code, finding.what) == ("site.redirect", "The address leads to another host: localhost")
    assert finding.todo[0] == f"If that is your XNAT: use http://localhost:{port} as the address"
    assert checks["login"].because == "redirects"


async def test_http_that_leads_to_https_is_followed_for_looking(practice: Practice, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        serving(forwarding(practice.url), authority.sign("DNS:localhost")) as secure,
        serving(sending_to(f"https://localhost:{secure}")) as plain,
    ):
        checks = await checked(Question(f"http://localhost:{plain}", ca_file=str(authority.file), idle_s=QUICK_S))
    assert checks["plain"].state is State.WARN
    assert checks["plain"].finding is not None
    assert checks["plain"].finding.todo == (f"Use the address https://localhost:{secure}",)
    assert checks["tls.chain"].state is State.OK
    assert checks["xnat"].said == f"XNAT 1.9.3 at https://localhost:{secure}"


async def test_a_site_below_a_path_is_found(practice: Practice) -> None:
    async def below(request: web.Request) -> web.StreamResponse:
        if not request.path.startswith("/xnat/"):
            return web.Response(status=404, text="nothing here")
        return await forwarding(practice.url)(request.clone(rel_url=request.raw_path.removeprefix("/xnat")))

    async with serving(below) as port:
        checks = await checked(Question(f"127.0.0.1:{port}", idle_s=QUICK_S))
    assert checks["xnat"].said == f"XNAT 1.9.3 at http://127.0.0.1:{port}/xnat"
    assert checks["initialised"].state is State.OK


# -- the proxy of this machine -----------------------------------------------------------------------


async def test_a_proxy_of_this_machine_is_used_and_named_without_its_password(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, seen = Authority(tmp_path), list[str]()
    async with tunnelling(seen) as proxy, serving(forwarding(practice.url), authority.sign("DNS:xnat.invalid")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:geheim@127.0.0.1:{proxy}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        login = Login(f"https://xnat.invalid:{port}", "owner", Secret("owner"), ca_file=str(authority.file))
        question = Question(login.address, login=login, ca_file=login.ca_file, idle_s=QUICK_S)
        checks = await checked(question)
    assert checks["proxy"].said == f"Requests go through the proxy 127.0.0.1:{proxy}, which is there"
    assert checks["dns"].said == "This machine does not know xnat.invalid; its proxy may"
    assert checks["tcp"].said == "Requests go through the proxy"
    assert {checks[name].state for name in ("tls.chain", "tls.name", "xnat", "login", "session", "body")} == {State.OK}
    assert {head.partition("\r\n")[0] for head in seen} == {f"CONNECT xnat.invalid:{port} HTTP/1.1"}
    assert all("Proxy-Authorization: Basic bWU6Z2VoZWlt" in head for head in seen)
    found = list(checks.values())
    for text in (json.dumps([check.as_dict() for check in found]), page(question, found, now=datetime.now(UTC))):
        assert "geheim" not in text
        assert "bWU6Z2VoZWlt" not in text


async def test_a_proxy_that_is_not_there_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    checks = await checked(Question("https://xnat.invalid"))
    assert checks["proxy"].state is State.FAIL
    assert checks["proxy"].evidence == ("HTTPS_PROXY is set",)
    assert checks["login"].because == "proxy"


# -- what answers ------------------------------------------------------------------------------------


async def test_a_proxy_that_refuses_large_bodies_is_measured_and_gets_none(practice: Practice) -> None:
    practice.server.faults.add(parse(f"body-limit:at={50 * 2**20}"))
    check = (await checked(ask(practice)))["body"]
    assert check.state is State.WARN
    assert check.said == "Bodies of 32 MB are let in, those of 100 MB are not"
    assert "100 MB: refused with 413" in check.evidence
    assert "32 MB: let in, then answered with 401" in check.evidence


async def test_a_limit_below_one_image_is_a_failure(practice: Practice) -> None:
    practice.server.faults.add(parse("body-limit:at=1000"))
    check = (await checked(ask(practice)))["body"]
    assert check.finding is not None
    assert (check.state, check.finding.code) == (State.FAIL, "site.too_large")


async def test_the_size_is_announced_and_no_byte_of_a_body_is_sent() -> None:
    heads: list[bytes] = []
    rest: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head)
        if head.startswith(b"POST"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            with contextlib.suppress(OSError):
                rest.append(await reader.read())
        else:
            body = b'{"version": "1.9.3"}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        checks = await checked(Question(f"http://127.0.0.1:{port}", idle_s=QUICK_S))
    posts = [head for head in heads if head.startswith(b"POST")]
    assert checks["body"].said == "Bodies up to 4 GB are let in, or more"
    assert len(posts) == 1
    assert posts[0].startswith(b"POST /data/xnat-wizard/size-of-body ")
    assert b"Expect: 100-continue" in posts[0]
    assert b"Authorization" not in posts[0]
    assert b"Cookie" not in posts[0]
    assert b"".join(rest) == b""


async def test_an_idle_connection_that_is_closed_is_timed() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"version": "1.9.3"}'
        writer.write(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        check = (await checked(Question(f"http://127.0.0.1:{port}", idle_s=20)))["idle"]
    assert check.said == "An idle connection is closed after 0 s"
    assert check.evidence[1] == "Keep-Alive: timeout=5"


async def test_a_wrong_clock_is_a_warning(practice: Practice) -> None:
    behind = datetime.now(UTC) - timedelta(hours=3)
    found = {
        event.name: event async for event in run_checks(ask(practice), now=lambda: behind) if isinstance(event, Check)
    }
    assert found["clock"].state is State.WARN
    assert found["clock"].said == "The site's clock is 3 h ahead of this machine's"


async def test_a_busy_gateway_is_no_missing_xnat(practice: Practice) -> None:
    practice.server.faults.add(parse("status:code=502"))
    checks = await checked(ask(practice))
    assert checks["answer"].finding is not None
    assert checks["answer"].finding.code == "site.proxy"


# -- the account -------------------------------------------------------------------------------------


async def test_a_wrong_password_is_tried_once(practice: Practice) -> None:
    question = replace(ask(practice), login=Login(practice.url, "owner", Secret("wrong")), project="DEMO")
    checks = await checked(question)
    assert checks["login"].finding is not None
    assert checks["login"].finding.code == "login.refused"
    assert "(XW-009)" in checks["login"].finding.why
    assert checks["project"].because == "login"
    assert checks["body"].state is State.OK


async def test_a_lost_cookie_is_not_taken_for_a_login(practice: Practice) -> None:
    async with serving(forwarding(practice.url, drop="Cookie")) as port:
        login = Login(f"http://127.0.0.1:{port}", "owner", Secret("owner"))
        checks = await checked(Question(login.address, login=login, idle_s=QUICK_S))
    assert checks["login"].finding is not None
    assert checks["login"].finding.code == "login.not_kept"


async def test_rights_that_are_missing_are_named_with_who_gives_them(practice: Practice) -> None:
    checks = await checked(ask(practice, "member", project="NOPE"))
    assert checks["project"].finding is not None
    assert checks["project"].finding.code == "project.not_found"
    assert checks["settings"].state is not State.FAIL


async def test_an_open_site_is_told_because_a_lost_login_looks_empty(practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(requireLogin=False))
    checks = await checked(ask(practice))
    assert "open to guests" in checks["initialised"].said


# -- DICOM -------------------------------------------------------------------------------------------


async def test_a_wrong_title_is_told_from_an_unknown_sender(practice: Practice) -> None:
    checks = await checked(ask(practice, dicom=receiver(practice, ae_title="OTHER")))
    assert checks["dicom.titles"].finding is not None
    assert checks["dicom.titles"].finding.code == "dicom.called"
    assert checks["dicom.echo"].because == "dicom.titles"

    def close_to_strangers(store: object) -> None:
        row = store.state.receivers[0]  # type: ignore[attr-defined]  # the practice server's store
        row.whitelist_enabled, row.whitelist = True, ["SCANNER"]

    practice.on_loop(close_to_strangers)
    checks = await checked(ask(practice, "owner", dicom=receiver(practice)))
    assert checks["dicom.receivers"].finding is not None
    assert checks["dicom.receivers"].finding.code == "dicom.whitelist"
    assert checks["dicom.titles"].finding is not None
    assert checks["dicom.titles"].finding.code == "dicom.calling"
    assert "result 1, source 1, reason 3" in checks["dicom.titles"].evidence[1]
    fine = await checked(ask(practice, "owner", dicom=receiver(practice, calling="SCANNER")))
    assert states(fine)["dicom.receivers"] == states(fine)["dicom.echo"] == "ok"


async def test_a_receiver_of_another_system_is_named(practice: Practice) -> None:
    checks = await checked(ask(practice, "owner", dicom=DicomPeer("127.0.0.1", free_port())))
    assert checks["dicom.receivers"].finding is not None
    assert checks["dicom.receivers"].finding.code == "dicom.not_listed"
    assert checks["dicom.port"].finding is not None
    assert checks["dicom.port"].finding.code == "dicom.unreachable"


async def test_dicom_is_looked_at_even_when_the_site_is_not_there(practice: Practice) -> None:
    question = Question(f"http://127.0.0.1:{free_port()}", dicom=receiver(practice))
    assert (await checked(question))["dicom.echo"].state is State.OK


async def test_a_port_that_is_no_receiver_is_reported(practice: Practice) -> None:
    port = int(practice.url.rpartition(":")[2])
    checks = await checked(ask(practice, dicom=DicomPeer("127.0.0.1", port)))
    assert checks["dicom.port"].state is State.OK
    assert checks["dicom.titles"].finding is not None
    assert checks["dicom.titles"].finding.code in {"dicom.silent", "dicom.rejected"}


# -- the runner --------------------------------------------------------------------------------------


async def broken(_: Ground) -> Outcome:
    raise KeyError("patient Miller")


async def fine(_: Ground) -> Outcome:
    return ok("Fine")


async def endless(_: Ground) -> Outcome:
    await asyncio.Event().wait()
    return ok("Never")


async def test_a_probe_that_crashes_is_a_result_and_tells_no_names() -> None:
    probes = (Probe("one", "One", broken), Probe("two", "Two", fine, ("one",)), Probe("three", "Three", fine))
    found = [event async for event in run_checks(Question("x"), probes=probes) if isinstance(event, Check)]
    assert [(check.name, check.state) for check in found] == [
        ("one", State.FAIL),
        ("two", State.SKIPPED),
        ("three", State.OK),
    ]
    assert found[0].finding is not None
    assert found[0].finding.code == "check.crashed"
    assert "KeyError at test_check.py:" in found[0].finding.why
    assert "Miller" not in json.dumps(found[0].as_dict())


async def test_a_slow_probe_says_so_and_can_be_left() -> None:
    events: list[Running | Check] = []
    probes = (Probe("one", "One", fine), Probe("two", "Two", endless))
    async with contextlib.aclosing(run_checks(Question("x"), probes=probes, slow_s=0.01)) as run:
        async for event in run:
            events.append(event)
            if isinstance(event, Running) and event.name == "two" and event.seconds:
                break
    assert [type(event).__name__ for event in events] == ["Running", "Check", "Running", "Running"]
    assert len(asyncio.all_tasks()) == 1


async def test_leaving_in_the_middle_logs_out(practice: Practice) -> None:
    async with contextlib.aclosing(run_checks(ask(practice, "owner"))) as run:
        async for event in run:
            if isinstance(event, Check) and event.name == "session":
                break
    assert signed_in(practice) == []


async def test_every_failure_has_three_parts_and_one_sentence(practice: Practice) -> None:
    practice.server.faults.add(parse("body-limit:at=1000"))
    runs = [
        await checked(Question("no-such-host.invalid", dicom=DicomPeer("127.0.0.1", free_port()))),
        await checked(ask(practice, "member", project="NOPE", dicom=receiver(practice, ae_title="X"))),
    ]
    failed = [check for run in runs for check in run.values() if check.state is State.FAIL]
    assert len(failed) >= 4
    for check in failed:
        assert check.finding is not None
        assert check.said == check.finding.what
        assert not check.said.endswith(".")
        assert check.finding.why
        assert check.finding.todo


# -- the page ----------------------------------------------------------------------------------------


async def test_the_page_has_the_facts_and_neither_secrets_nor_long_lines(practice: Practice) -> None:
    practice.server.faults.add(parse("body-limit:at=1000"))
    question = ask(practice, "owner", project="DEMO", dicom=receiver(practice))
    found = list((await checked(question)).values())
    text = page(question, found, now=datetime(2026, 3, 4, 12, tzinfo=UTC))
    assert text.startswith("Subject: XNAT: Connection from ")
    assert "1 MB: refused with 413" in text
    assert "2026-03-04 12:00:00 UTC" in text
    assert text.isascii()
    assert all(len(line) <= 72 for line in text.splitlines() if " " in line.strip())
    services = practice.server.services
    assert services is not None
    assert not any(key in text for key in services.sessions)


async def test_the_page_does_not_tell_a_stored_login() -> None:
    alias = "6f0d5b4c-7f4e-4c43-9ea2-3d3f8a0f9f11"
    question = Question("http://", login=Login("http://", alias, Secret("geheim")))
    text = page(question, list((await checked(question)).values()), now=datetime.now(UTC))
    assert alias not in text
    assert "Account: (a stored login)" in text
