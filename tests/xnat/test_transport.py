"""The way to the site breaks, idles out, lies and stalls."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from support import Practice
from xnat_wizard.settings import Secret
from xnat_wizard.xnat import http as transport
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, Retry, RetryAfter
from xnat_wizard.xnat.http import Bytes, Http, Upload
from xnat_wizard.xnat.keepalive import KeepAlive
from xnat_wizard.xnat.model import Login, RemoteFile
from xnat_wizard.xnat.site import Site

Connect = Callable[[str], Awaitable[Site]]
SIZE = 300_000


async def pieces(count: int = 3, size: int = SIZE // 3) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


@dataclass
class OddSite:
    """An XNAT of a few lines that forgets, lies and stalls as told; it counts what it is asked."""

    is_open: bool = False  # guests are served
    sessions: set[str] = field(default_factory=set)
    logins: int = 0
    bodies: list[int] = field(default_factory=list)
    accepts_logins: bool = True
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        session = request.cookies.get("JSESSIONID", "")
        if request.path == "/xapi/siteConfig/buildInfo":
            return web.json_response({"version": "1.9.3"})
        if request.path == "/data/JSESSION" and "Authorization" in request.headers:
            self.logins += 1
            if not self.accepts_logins:
                return web.Response(status=401, text="<html><h3>no</h3></html>", content_type="text/html")
            session = f"{self.logins:032x}"
            self.sessions.add(session)
            return self._with_cookie(web.Response(text=session), session)
        if session not in self.sessions:
            if not self.is_open:
                return web.Response(status=401)
            stranger = web.Response(text='{"ResultSet":{"Result":[]}}')
            return self._with_cookie(stranger, "f" * 32)
        if request.path == "/xapi/users/username":
            return web.Response(text="anna")
        if request.path.startswith("/xapi/users/") or request.method == "DELETE":
            return web.json_response([])
        if self.answer is not None:
            return await self.answer(request)
        self.bodies.append(len(await request.read()))
        if request.method == "POST":
            return web.Response(text="/data/prearchive/projects/P/1/E\r\n")
        return web.Response(text='{"ResultSet":{"Result":[{"id":"P","user_role_1":"Owners"}]}}')

    @staticmethod
    def _with_cookie(response: web.Response, session: str) -> web.Response:
        response.set_cookie("JSESSIONID", session, httponly=True, path="/")
        response.headers.add("Set-Cookie", 'SESSION_EXPIRATION_TIME="1718800465000,600000"; Path=/')
        return response


@contextlib.asynccontextmanager
async def logged_in(odd: OddSite) -> AsyncIterator[Site]:
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", odd.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with await Site.connect(Login(url, "anna", Secret("b"))) as site:
            yield site
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_forgotten_session_is_renewed_once_for_all_tasks(*, is_open: bool) -> None:
    odd = OddSite(is_open=is_open)
    async with logged_in(odd) as site:
        odd.sessions.clear()
        answers = await asyncio.gather(*(site.projects() for _ in range(12)))
        assert {len(projects) for projects in answers} == {1}
        assert odd.logins == 2


async def test_a_login_that_is_refused_later_is_asked_for_once() -> None:
    odd = OddSite()
    async with logged_in(odd) as site:
        odd.sessions.clear()
        odd.accepts_logins = False
        results = await asyncio.gather(*(site.projects() for _ in range(12)), return_exceptions=True)
        assert all(isinstance(result, LoginAgain) for result in results)
        with pytest.raises(LoginAgain):
            await site.projects()
        assert odd.logins == 2


async def test_a_session_that_the_practice_server_forgot_is_renewed(practice: Practice, connect: Connect) -> None:
    site = await connect("owner")
    practice.stop()
    practice.start()  # it keeps no sessions
    assert [project.id for project in await site.projects()] == ["DEMO"]


async def test_a_body_that_can_be_read_twice_is_sent_again_after_a_renewal() -> None:
    odd = OddSite()
    async with logged_in(odd) as site:
        odd.sessions.clear()
        await site.import_zip("P", "S", "E", Bytes(bytes(SIZE)), SIZE)
        assert odd.bodies == [SIZE]
        assert odd.logins == 2


async def test_a_body_that_can_be_read_once_is_asked_for_again() -> None:
    odd = OddSite()
    async with logged_in(odd) as site:
        odd.sessions.clear()
        with pytest.raises(Retry):
            await site.import_zip("P", "S", "E", pieces(), SIZE)
        await site.import_zip("P", "S", "E", pieces(), SIZE)
        assert odd.bodies == [SIZE]


async def test_a_body_travels_with_its_length_and_not_in_chunks() -> None:
    odd = OddSite()
    seen: list[tuple[str | None, str | None, str, str]] = []

    async def note(request: web.Request) -> web.StreamResponse:
        await request.read()
        headers = request.headers
        length, coding = headers.get("Content-Length"), headers.get("Transfer-Encoding")
        seen.append((length, coding, headers["Content-Type"], headers["User-Agent"]))
        assert dict(request.query)["EXPT_LABEL"] == "a&b=c +%ü"
        return web.Response(text="/data/prearchive/projects/P/1/E\r\n")

    odd.answer = note
    async with logged_in(odd) as site:
        answer = await site.import_zip("P", "S", "a&b=c +%ü", pieces(), SIZE)
    assert answer.uris == ("/data/prearchive/projects/P/1/E",)
    ((length, coding, kind, agent),) = seen
    assert (length, coding, kind) == (str(SIZE), None, "application/zip")
    assert agent.startswith("xnat-wizard/")


@pytest.mark.parametrize("count", [1, 5])
async def test_a_body_of_another_length_is_not_sent_to_its_end(count: int) -> None:
    async with logged_in(OddSite()) as site:
        with pytest.raises(Fatal) as caught:
            await site.import_zip("P", "S", "E", pieces(count), SIZE)
        assert caught.value.finding.code == "upload.length"


async def test_what_goes_wrong_while_reading_comes_out_as_it_is() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(10)
        raise OSError(5, "disk gone")

    async with logged_in(OddSite()) as site:
        with pytest.raises(OSError, match="disk gone"):
            await site.import_zip("P", "S", "E", broken(), SIZE)
        assert await site.projects()


async def test_a_server_that_cuts_an_upload_is_worth_another_try() -> None:
    odd = OddSite()

    async def cut(request: web.Request) -> web.StreamResponse:
        await request.content.readany()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    odd.answer = cut
    async with logged_in(odd) as site:
        with pytest.raises(Retry) as caught:
            await site.import_zip("P", "S", "E", pieces(300, 100_000), 30_000_000)
        assert caught.value.finding.code == "site.cut"


async def test_a_refusal_in_the_middle_of_an_upload_is_heard() -> None:
    odd = OddSite()

    async def refuse(request: web.Request) -> web.StreamResponse:
        await request.content.readany()
        return web.Response(status=413, text="<html>nginx</html>", content_type="text/html")

    odd.answer = refuse
    async with logged_in(odd) as site:
        with pytest.raises((Refused, Retry)) as caught:
            await site.import_zip("P", "S", "E", pieces(30, 100_000), 3_000_000)
        assert caught.value.finding.code in {"site.too_large", "site.cut"}


async def test_a_server_that_is_gone_is_worth_another_try(practice: Practice, connect: Connect) -> None:
    site = await connect("owner")
    practice.stop()
    with pytest.raises(Retry) as caught:
        await site.projects()
    assert caught.value.finding.code == "site.unreachable"
    with pytest.raises(Retry):
        await site.import_zip("DEMO", "S", "E", Bytes(bytes(10)), 10)
    practice.start()
    assert await site.projects()


async def test_an_import_that_answers_something_else_is_not_taken_for_rejected_images() -> None:
    odd = OddSite()

    async def submitted(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(text="Submitted for prearchival")

    odd.answer = submitted
    async with logged_in(odd) as site:
        with pytest.raises(Refused) as caught:
            await site.import_zip("P", "S", "E", pieces(), SIZE)
        assert caught.value.finding.code == "site.unclear"


async def test_a_page_in_the_place_of_data_is_found_out() -> None:
    odd = OddSite()

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="\n <!DOCTYPE html><html>Sign on</html>", content_type="application/json")

    odd.answer = page
    async with logged_in(odd) as site:
        with pytest.raises(Refused) as caught:
            await site.prearchive("P")
        assert caught.value.finding.code == "site.page"


async def test_a_login_page_with_200_is_a_lost_session() -> None:
    odd = OddSite()

    async def page(_: web.Request) -> web.StreamResponse:
        text = "<!DOCTYPE html><html><!-- BEGIN xnat-templates/screens/Login.vm --></html>"
        return web.Response(text=text, content_type="text/html")

    odd.answer = page
    async with logged_in(odd) as site:
        with pytest.raises(LoginAgain) as caught:
            await site.prearchive("P")
        assert caught.value.finding.code == "login.lost"
        assert odd.logins == 2


async def test_a_busy_site_says_when_to_come_back() -> None:
    odd = OddSite()

    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "12"})

    odd.answer = busy
    async with logged_in(odd) as site:
        with pytest.raises(RetryAfter) as caught:
            await site.prearchive("P")
        assert caught.value.seconds == 12.0


async def test_a_redirect_is_never_followed() -> None:
    odd = OddSite()
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/data/elsewhere"})

    odd.answer = elsewhere
    async with logged_in(odd) as site:
        with pytest.raises(Fatal) as caught:
            await site.prearchive("P")
        assert caught.value.finding.code == "site.redirect"
        assert asked == ["/data/prearchive/projects/P"]


async def test_a_site_that_says_nothing_is_left_alone() -> None:
    odd = OddSite()
    over = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    odd.answer = silent
    async with logged_in(odd) as site:
        with pytest.raises(Retry) as caught:
            await site._http.call("GET", "/data/prearchive", answer_s=0.05)
        assert caught.value.finding.code == "site.silent"
        over.set()


async def test_an_upload_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "STALL_S", 0.05)
    over = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(10)
        await over.wait()

    async with logged_in(OddSite()) as site:
        with pytest.raises(Retry) as caught:
            await site.import_zip("P", "S", "E", stalled(), SIZE)
        assert caught.value.finding.code == "site.silent"
        over.set()


async def test_a_session_is_kept_alive_while_somebody_holds_it() -> None:
    odd = OddSite()
    beats: asyncio.Queue[float] = asyncio.Queue()
    go_on: asyncio.Queue[None] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        beats.put_nowait(seconds)
        await go_on.get()

    async with logged_in(odd) as site:
        keeper = KeepAlive(site._http, sleep)
        assert site._http.idle_s == 600.0
        async with keeper.held(), keeper.held():
            for _ in range(3):
                assert await beats.get() == 60.0
                go_on.put_nowait(None)
            odd.sessions.clear()
            await beats.get()
            go_on.put_nowait(None)
            await beats.get()
            assert odd.logins == 2
        assert keeper._task is None
        await keeper.stop()


async def test_hostile_names_reach_the_server_as_they_are() -> None:
    odd = OddSite()
    seen: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.Response(text='{"ResultSet":{"Result":[]}}')

    odd.answer = note
    async with logged_in(odd) as site:
        await site.prearchive("a/b?c#d%20..")
        await site.scans("..")
        await site.scan_files("E 1", "ü+&")
    assert [path.partition("?")[0] for path in seen] == [
        "/data/prearchive/projects/a%2Fb%3Fc%23d%2520..",
        "/data/experiments/%2E%2E/scans",
        "/data/experiments/E%201/scans/%C3%BC%2B%26/files",
    ]


async def test_an_upload_of_nothing_has_the_length_nothing() -> None:
    odd = OddSite()
    async with logged_in(odd) as site:
        await site._http.call("PUT", "/data/x", upload=Upload(Bytes(b""), 0, "text/plain"))
    assert odd.bodies == [0]


async def test_a_client_without_a_login_asks_as_a_stranger(practice: Practice) -> None:
    async with Http(practice.url) as http:
        with pytest.raises(LoginAgain):
            await http.get("/data/projects", {"format": "json"})


class FullSink:
    """A disk without room."""

    async def begin(self) -> None:
        pass

    async def take(self, piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "no room")


async def test_trouble_of_this_disk_is_no_trouble_of_the_line() -> None:
    async with logged_in(OddSite()) as site:
        with pytest.raises(OSError, match="no room"):
            await site._http.call("GET", "/data/projects", sink=FullSink())
        assert await site.projects()


@pytest.mark.parametrize(
    "date", ["", "soon", "Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "0", "Mon, 01 Jan 1 0:0:0 -0000"]
)
async def test_a_date_that_is_none_is_passed_over(date: str) -> None:
    odd = OddSite()

    async def dated(_: web.Request) -> web.StreamResponse:
        return web.Response(text='{"ResultSet":{"Result":[]}}', headers={"Date": date})

    async with logged_in(odd) as site:
        odd.answer = dated
        assert await site.projects() == ()


async def test_a_file_that_does_not_end_is_left_at_its_size(tmp_path: Path) -> None:
    odd = OddSite()
    sent_bytes = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent_bytes
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(2000):
                await response.write(bytes(100_000))
                sent_bytes += 100_000
        return response

    async with logged_in(odd) as site:
        odd.answer = endless
        with pytest.raises(Retry) as caught:
            await site.save_file(RemoteFile("x.dcm", 1000, "/data/experiments/E/files/x.dcm", "DICOM", ""), tmp_path)
        assert caught.value.finding.code == "download.differs"
        assert list(tmp_path.iterdir()) == []
    assert sent_bytes < 100_000_000
