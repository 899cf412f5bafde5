"""Faults on demand, as plain clients meet them; and what our own client makes of them."""

import dataclasses
import http.client
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from practice.arriving import act, row_of, send, send_one, settled
from practice.calling import Answer, Caller
from practice.images import series, zipped
from support import Practice
from xnat_wizard.practice.faults import GROUPS, Fault, Kind, parse
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.errors import LoginAgain, Refused, Retry, RetryAfter, SiteProblem
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

WHERE = {"PROJECT_ID": "DEMO", "SUBJECT_ID": "S1", "EXPT_LABEL": "E1"}
BIG = {f"i{number}.dcm": data for number, data in enumerate(series(40).values())}


@pytest.fixture
def faults(practice: Practice) -> Callable[[str], None]:
    """Give a function that sets a fault by its specification."""
    return lambda spec: practice.server.faults.add(parse(spec))


def hits(practice: Practice, kind: str) -> int:
    return practice.server.faults.hits(Kind(kind))


def stored(practice: Practice, session: str = "E1") -> set[str]:
    """Return the names of the files in a session of the prearchive."""
    folder = practice.folder / "prearchive"
    return {path.name for path in folder.rglob("*.dcm") if session in path.parts}


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


class Aside:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self.answers: list[Answer] = []
        self._thread = threading.Thread(target=lambda: self.answers.append(call()))
        self._thread.start()

    def result(self) -> Answer:
        self._thread.join(10)
        return self.answers[0]


# -- which calls are hit -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["latency", "status:code=503,only=import,retry_after=2,nth=3,times=2", "bandwidth:rate=5000,side=answer"]
)
def test_a_specification_is_read_and_written_back(spec: str) -> None:
    fault = parse(spec)
    assert parse(fault.spec) == fault
    assert set(fault.spec.replace(":", ",").split(",")) == {
        part.replace("rate=5000", "rate=5000.0") for part in spec.replace(":", ",").split(",")
    }


@pytest.mark.parametrize(
    "spec",
    ["", "flood", "latency:seconds", "latency:seconds=long", "latency:colour=red", "status:code=200", "latency:only=x",
     "latency:path=(", "bandwidth:rate=0", "latency:nth=0", "status:moment=later", "bandwidth:side=left"],
)  # fmt: skip
def test_a_wrong_specification_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(spec)


def test_only_the_calls_named_are_hit(practice: Practice, as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("status:code=500,method=get,path=^/data/projects$")
    assert [as_owner.get(path).status for path in ("/data/projects", "/REST/projects", "/data/archive/projects")] == [
        500
    ] * 3
    assert as_owner.get("/data/projects/DEMO", format="json").status == 200
    assert as_owner.put("/data/projects/NEW").status == 200
    assert hits(practice, "status") == 3


def test_nth_and_times_pick_calls_in_a_row(as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("status:code=502,nth=2,times=2,only=read")
    assert [as_owner.get("/data/projects").status for _ in range(5)] == [200, 502, 502, 200, 200]


def test_chance_is_the_same_for_the_same_seed(practice: Practice, as_owner: Caller) -> None:
    def run(seed: int) -> list[int]:
        practice.server.faults.replace([Fault(Kind.STATUS, chance=0.5, seed=seed)])
        return [as_owner.get("/data/auth").status for _ in range(12)]

    first = run(1)
    assert run(1) == first
    assert run(2) != first
    assert set(first) == {200, 500}


def test_every_group_is_one_of_real_calls(as_owner: Caller, practice: Practice) -> None:
    practice.server.faults.replace([Fault(Kind.LATENCY, seconds=0, only=name) for name in GROUPS])
    uri = send_one(as_owner, series(1), **WHERE)
    act(as_owner, uri, "build")
    act(as_owner, uri, "commit")
    as_owner.call("POST", "/data/services/archive", {"src": uri})
    as_owner.put("/data/projects/DEMO/resources/R/files/x.txt", inbody="true")
    as_owner.get("/data/JSESSION")
    assert [line["fault"] for line in practice.server.faults.listing() if not line["hits"]] == []


# -- the desk ----------------------------------------------------------------------------------------


def test_the_administrator_orders_faults_over_http(as_admin: Caller, as_owner: Caller) -> None:
    desk = "/practice/faults"
    assert as_admin.get(desk).json() == []
    assert as_admin.call("POST", desk, body="status:code=502,only=read").status == 201
    assert as_admin.call("POST", desk, data={"kind": "latency", "seconds": 0, "times": 2}).status == 201
    assert as_owner.get("/data/projects").status == 502
    assert as_admin.get(desk).json() == [
        {"fault": "status:code=502,only=read", "seen": 1, "hits": 1},
        {"fault": "latency:seconds=0.0,times=2", "seen": 1, "hits": 1},
    ]
    replaced = as_admin.call("PUT", desk, data=["login-page:only=import", {"kind": "cut-answer", "at": 3}])
    assert [line["fault"] for line in replaced.json()] == ["login-page:only=import", "cut-answer:at=3"]
    assert as_admin.call("DELETE", desk).json() == []
    assert as_owner.get("/data/projects").status == 200


def test_nobody_else_orders_faults(as_owner: Caller, as_nobody: Caller, as_admin: Caller) -> None:
    desk = "/practice/faults"
    assert as_owner.get(desk).status == 403
    assert as_owner.call("POST", desk, body="latency").status == 403
    assert as_nobody.call("DELETE", desk).status == 401
    assert as_admin.call("POST", desk, body="flood").status == 400
    assert as_admin.call("PUT", desk, data={"kind": "latency"}).status == 400


# -- what happens ------------------------------------------------------------------------------------


def test_latency_holds_a_call_by_the_servers_clock(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None]
) -> None:
    faults("latency:seconds=600,only=read")
    call = Aside(lambda: as_owner.get("/data/projects"))
    wait_until(lambda: hits(practice, "latency") == 1)
    assert call.answers == []
    practice.on_loop(lambda _: practice.server.clock.skip(600))
    assert call.result().status == 200


@pytest.mark.parametrize(("code", "told"), [(502, "502 Bad Gateway"), (503, "503 Service Temporarily Unavailable"),
                                            (429, "429 Too Many Requests")])  # fmt: skip
def test_a_proxy_answers_in_the_place_of_the_site(
    as_owner: Caller, faults: Callable[[str], None], code: int, told: str
) -> None:
    faults(f"status:code={code},retry_after=7,only=import")
    answer = send(as_owner, BIG, **WHERE)
    assert (answer.status, answer.headers["Retry-After"], answer.headers["Server"]) == (code, "7", "nginx")
    assert f"<h1>{told}</h1>" in answer.text
    assert answer.headers.get_all("Set-Cookie") is None


def test_an_error_of_the_site_has_its_own_page(as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("status")
    assert as_owner.get("/data/projects").told.startswith("The server encountered an unexpected condition")
    answer = as_owner.get("/xapi/users/username")
    assert (answer.status, answer.body) == (500, b"")


def test_an_error_after_the_work_leaves_the_work_done(as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("status:code=502,moment=after,method=put")
    answer = as_owner.put("/data/projects/NEW")
    assert (answer.status, answer.headers.get_all("Set-Cookie")) == (502, None)
    assert as_owner.get("/data/projects/NEW", format="json").status == 200


def test_a_request_is_cut_and_what_came_before_stays(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None]
) -> None:
    files = series(8)
    faults(f"cut-request:at={len(zipped(files)) // 2},only=import,times=1")
    with pytest.raises(ConnectionError):
        send(as_owner, files, **WHERE)
    wait_until(lambda: bool(stored(practice)))
    assert send(as_owner, {"i1.dcm": files["i1.dcm"]}, **WHERE).status == 200
    assert set() < stored(practice) < set(files)


def test_a_short_request_is_not_cut(as_owner: Caller, faults: Callable[[str], None], practice: Practice) -> None:
    faults("cut-request:at=10000000,only=import,times=1")
    assert send(as_owner, series(2), **WHERE).status == 200
    assert hits(practice, "cut-request") == 0


def test_a_call_without_a_body_is_cut_at_once(as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("cut-request:only=read,times=1")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        as_owner.get("/data/projects")
    assert as_owner.get("/data/projects").status == 200


@pytest.mark.parametrize("at", [0, 10])
def test_an_answer_breaks_off(as_owner: Caller, faults: Callable[[str], None], at: int) -> None:
    faults(f"cut-answer:at={at},only=read,times=1")
    with pytest.raises(http.client.IncompleteRead) as broken:
        as_owner.get("/data/projects")
    assert len(broken.value.partial) == at
    assert as_owner.get("/data/projects").status == 200


def test_a_download_breaks_off(as_owner: Caller, faults: Callable[[str], None]) -> None:
    uri = send_one(as_owner, BIG, **WHERE)
    act(as_owner, uri, "build")
    faults("cut-answer:at=5000,path=format=zip,times=1")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        as_owner.get(f"{uri}/scans/1/resources/DICOM/files", format="zip")
    assert as_owner.get(f"{uri}/scans/1/resources/DICOM/files", format="json").status == 200


def test_the_work_is_done_but_the_answer_is_lost(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None]
) -> None:
    faults("lost-answer:only=import,times=1")
    with pytest.raises(http.client.RemoteDisconnected):
        send(as_owner, series(3), **WHERE)
    assert stored(practice) == set(series(3))
    assert as_owner.get("/data/projects").status == 200


def test_a_login_ends_at_any_moment(caller: Callable[..., Caller], faults: Callable[[str], None]) -> None:
    person = caller("owner")
    person.get("/data/JSESSION")
    person.name = ""  # the cookie alone
    assert person.get("/data/projects").status == 200
    faults("expired-login:nth=2,times=1")
    assert person.get("/data/projects").status == 200
    assert person.get("/data/projects").status == 401


def test_a_login_page_comes_with_200(as_owner: Caller, faults: Callable[[str], None], practice: Practice) -> None:
    faults("login-page:only=import")
    answer = send(as_owner, series(2), **WHERE)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    assert "<!-- BEGIN xnat-templates/screens/Login.vm -->" in answer.text
    assert practice.on_loop(lambda store: store.state.rows) == []


def test_a_proxy_refuses_large_bodies(as_owner: Caller, faults: Callable[[str], None], practice: Practice) -> None:
    small, large = zipped(series(1)), zipped(series(20))
    faults(f"body-limit:at={len(small)}")
    assert send(as_owner, series(1), **WHERE).status == 200
    answer = send(as_owner, series(20), **WHERE)
    assert (answer.status, answer.headers["Connection"]) == (413, "close")
    assert len(large) > len(small)
    assert hits(practice, "body-limit") == 1


def test_a_body_of_unknown_length_meets_the_limit_too(practice: Practice, faults: Callable[[str], None]) -> None:
    faults("body-limit:at=10")
    head = "POST /data/services/import HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    host = urlsplit(practice.url)
    with socket.create_connection((host.hostname, host.port), 5) as line:
        line.sendall(head.encode())
        assert line.recv(100).startswith(b"HTTP/1.1 413 Request Entity Too Large")


def test_a_proxy_gives_up_and_the_work_goes_on(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None]
) -> None:
    uri = send_one(as_owner, series(3), **WHERE)
    faults("slow-archive:seconds=600")
    faults("gateway-timeout:seconds=0.01,only=commit")
    answer = as_owner.call("POST", uri, {"action": "commit", "AA": "true"})
    assert (answer.status, "504 Gateway Time-out" in answer.text) == (504, True)
    assert row_of(as_owner, uri)["status"] == "_ARCHIVING"
    practice.on_loop(lambda _: practice.server.clock.skip(600))
    assert settled(as_owner, uri) is None
    assert as_owner.get("/data/projects/DEMO/experiments/E1", format="json").status == 200


def test_a_body_that_the_proxy_had_is_worked_on_to_its_end(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None]
) -> None:
    faults("gateway-timeout:seconds=0,only=import")
    assert send(as_owner, BIG, **WHERE).status in {200, 504}
    wait_until(lambda: stored(practice) == set(BIG))


def test_a_proxy_with_patience_passes_the_answer_on(as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("gateway-timeout:seconds=60")
    assert as_owner.get("/data/projects").status == 200
    assert send(as_owner, series(2), **WHERE).status == 200


def test_a_full_disk_reads_like_a_bad_file(practice: Practice, as_owner: Caller, faults: Callable[[str], None]) -> None:
    files = series(4)
    faults(f"disk-full:at={len(files['i1.dcm']) * 2},only=import,times=1")
    answer = send(as_owner, files, **WHERE)
    assert (answer.status, answer.told) == (400, "unable to read DICOM object i3.dcm")
    assert stored(practice) == {"i1.dcm", "i2.dcm"}
    assert send(as_owner, files, **WHERE).status == 200


def test_a_full_disk_stops_a_resource(as_owner: Caller, faults: Callable[[str], None]) -> None:
    faults("disk-full:at=5,only=files")
    path = "/data/projects/DEMO/resources/R/files/x.bin"
    answer = as_owner.call("PUT", path, {"inbody": "true"}, body=b"ten bytes.")
    assert answer.status == 500
    assert as_owner.get(path).status == 404


@pytest.mark.parametrize("side", ["request", "answer", "both"])
def test_bodies_move_slowly(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None], side: str, tmp_path: Path
) -> None:
    path = "/data/projects/DEMO/resources/R/files/x.bin"
    content = bytes(range(256)) * 1024
    faults(f"bandwidth:rate=1000,side={side}")
    passed_s = len(content) / 1000 + 60

    def moved(call: Callable[[], Answer], *, is_slow: bool) -> Answer:
        before = hits(practice, "bandwidth")
        aside = Aside(call)
        wait_until(lambda: hits(practice, "bandwidth") > before)
        while is_slow and not aside.answers and aside._thread.is_alive():
            practice.on_loop(lambda _: practice.server.clock.skip(passed_s))
            time.sleep(0.002)
        return aside.result()

    put = moved(lambda: as_owner.call("PUT", path, {"inbody": "true"}, body=content), is_slow=True)
    assert put.status == 200
    assert moved(lambda: as_owner.get(path), is_slow=True).body == content


def test_slow_archiving_shows_the_state_meanwhile(
    practice: Practice, as_owner: Caller, faults: Callable[[str], None]
) -> None:
    uri = send_one(as_owner, series(2), **WHERE)
    act(as_owner, uri, "build")
    faults("slow-archive:seconds=600,times=1")
    call = Aside(lambda: as_owner.call("POST", "/data/services/archive", {"src": uri}))
    wait_until(lambda: hits(practice, "slow-archive") == 1)
    assert practice.on_loop(lambda store: [row.status for row in store.state.rows]) == ["_ARCHIVING"]
    practice.on_loop(lambda _: practice.server.clock.skip(600))
    assert call.result().status in {200, 301, 303}


def test_several_faults_hit_one_call(as_owner: Caller, faults: Callable[[str], None], practice: Practice) -> None:
    faults("latency:seconds=0.01")
    faults("bandwidth:rate=10000000")
    faults("status:code=503")
    faults("status:code=502")
    assert as_owner.get("/data/projects").status == 503
    assert [line["hits"] for line in practice.server.faults.listing()] == [1, 1, 1, 1]


# -- at the start ------------------------------------------------------------------------------------


def test_switches_at_the_start_are_read(tmp_path: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "xnat_wizard", "practice", "--folder", str(tmp_path / "data"),
               "--until-stdin-ends",
               "--fault", "status:code=503,only=read", "--fault", "latency:seconds=0"]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            assert Caller(url, "owner", "owner").get("/data/projects").status == 503
            faults = Caller(url, "admin", "admin").get("/practice/faults").json()
        finally:
            server.stdin.close()
    assert [line["fault"] for line in faults] == ["status:code=503,only=read", "latency:seconds=0.0"]
    wrong = subprocess.run([*command[:-1], "flood"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, "a fault is one of" in wrong.stderr) == (2, True)


# -- our own client ----------------------------------------------------------------------------------


@pytest.fixture
async def site(practice: Practice) -> AsyncIterator[Site]:
    """Log in with our own client."""
    made = await Site.connect(Login(practice.url, "owner", Secret("owner")))
    yield made
    await made.close()


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def import_one(site: Site, body: bytes) -> Any:
    return await site.import_zip("DEMO", "S1", "E1", pieces(body), len(body))


@pytest.mark.parametrize(
    ("spec", "kind", "code"),
    [
        ("status:code=500", Retry, ""),
        ("status:code=502", Retry, ""),
        ("status:code=503,retry_after=7", RetryAfter, ""),
        ("status:code=429,retry_after=7", RetryAfter, ""),
        ("cut-request:at=1000", Retry, ""),
        ("cut-answer:at=5", Retry, ""),
        ("lost-answer", Retry, ""),
        ("body-limit:at=100", Refused, ""),
        ("login-page", Retry, "login.renewed"),  # a body that cannot be read twice
        ("disk-full:at=10", Retry, ""),
    ],
)
async def test_our_client_says_what_to_do(
    practice: Practice, site: Site, spec: str, kind: type[SiteProblem], code: str
) -> None:
    practice.server.faults.add(dataclasses.replace(parse(spec), only="import"))
    with pytest.raises(kind) as problem:
        await import_one(site, zipped(series(20)))
    finding = problem.value.finding
    assert code in finding.code
    assert finding.what
    assert finding.todo
    if isinstance(problem.value, RetryAfter):
        assert problem.value.seconds == 7


async def test_our_client_waits_no_longer_than_the_proxy(practice: Practice, site: Site) -> None:
    uri = (await import_one(site, zipped(series(2)))).uris[0]
    await site.build(uri)
    practice.server.faults.add(Fault(Kind.SLOW_ARCHIVE, seconds=600))
    practice.server.faults.add(Fault(Kind.GATEWAY_TIMEOUT, seconds=0, only="archive"))
    with pytest.raises(Retry):
        await site.archive(uri)
    practice.on_loop(lambda _: practice.server.clock.skip(600))


async def test_our_client_renews_a_login_that_ended(practice: Practice, site: Site) -> None:
    practice.server.faults.add(Fault(Kind.EXPIRED_LOGIN, times=1))
    assert [project.id for project in await site.projects()] == ["DEMO"]
    assert practice.server.faults.hits(Kind.EXPIRED_LOGIN) == 1


async def test_our_client_gives_up_on_a_site_that_shows_its_login_page(practice: Practice, site: Site) -> None:
    practice.server.faults.add(Fault(Kind.LOGIN_PAGE, only="read", path="^/data/projects"))
    with pytest.raises(LoginAgain):
        await site.projects()
