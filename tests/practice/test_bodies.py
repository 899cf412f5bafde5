"""Bodies of any size: read as they arrive, spooled to disk, gone after the call."""

import hashlib
import http.client
import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import web

from practice.calling import Caller
from support import Practice
from xnat_wizard.practice import routes
from xnat_wizard.practice.http import Call, Refusal, Route, Router, json_answer, normal_path, text

SIZE = 40 * 2**20
BLOCK = bytes(range(256)) * 4096
FORM_HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="label"\r\n\r\nfrom form\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: application/zip\r\n\r\n'
)
FORM_TAIL = b"\r\n--b--\r\n"


def digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


async def read_streamed(call: Call) -> web.StreamResponse:
    def digest() -> str:
        found = hashlib.md5(usedforsecurity=False)
        stream = io.BufferedReader(call.reader(), 2**18)
        while block := stream.read(2**20):
            found.update(block)
        call.services.on_loop(lambda: call.store.state.preferences.update(seen=found.hexdigest()))
        return found.hexdigest()

    return text(await call.in_thread(digest))


async def read_spooled(call: Call) -> web.StreamResponse:
    return text(await call.in_thread(digest_file, await call.spool()))


async def read_parts(call: Call) -> web.StreamResponse:
    (upload,) = await call.uploads()
    found = await call.in_thread(digest_file, upload.path)
    return json_answer([found, upload.name, upload.content_type, upload.size_bytes, call.param("label")])


async def fail(_call: Call) -> web.StreamResponse:
    raise RuntimeError("nobody has seen this coming")


@pytest.fixture(autouse=True)
def more_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("more")
    vars(module)["ROUTES"] = (
        Route("POST", "/data/test/streamed", read_streamed),
        Route("POST", "/data/test/spooled", read_spooled),
        Route("POST", "/data/test/parts", read_parts),
        Route("GET", "/data/test/fail", fail),
    )
    monkeypatch.setattr(routes, "MODULES", (*routes.MODULES, module))


def blocks(head: bytes = b"", tail: bytes = b"") -> Iterator[bytes]:
    yield head
    for _ in range(SIZE // len(BLOCK)):
        yield BLOCK
    yield tail


def wanted() -> str:
    found = hashlib.md5(usedforsecurity=False)
    for block in blocks():
        found.update(block)
    return found.hexdigest()


def send(practice: Practice, owner: Caller, path: str, pieces: Iterator[bytes], kind: str) -> tuple[int, bytes]:
    owner.get("/data/auth")
    connection = http.client.HTTPConnection("127.0.0.1", practice.server.port, timeout=60)
    try:
        headers = {"Cookie": f"JSESSIONID={owner.session_id}", "Content-Type": kind}
        connection.request("POST", path, body=pieces, headers=headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("way", ["streamed", "spooled"])
def test_a_raw_body_arrives_whole_in_little_memory(practice: Practice, as_owner: Caller, way: str) -> None:
    tracemalloc.start()
    try:
        status, body = send(practice, as_owner, f"/data/test/{way}", blocks(), "application/zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (status, body.decode()) == (200, wanted())
    assert peak < SIZE / 3
    practice.stop()
    assert not list((practice.folder / "spool").glob("*"))
    practice.start()


def test_parts_become_files_and_parameters(practice: Practice, as_owner: Caller) -> None:
    pieces = blocks(FORM_HEAD, FORM_TAIL)
    status, body = send(practice, as_owner, "/data/test/parts", pieces, "multipart/form-data; boundary=b")
    assert status == 200
    assert body.decode() == f'["{wanted()}", "a.bin", "application/zip", {SIZE}, "from form"]'
    pieces = iter([FORM_HEAD, b"x", FORM_TAIL])
    _, body = send(practice, as_owner, "/data/test/parts?label=query", pieces, "multipart/form-data; boundary=b")
    assert body.endswith(b'"query"]')


def test_a_crash_is_a_500_without_words(as_owner: Caller) -> None:
    answer = as_owner.get("/data/test/fail")
    assert answer.status == 500
    assert "unexpected condition" in answer.told
    assert "nobody" not in answer.text


@pytest.mark.parametrize("way", ["streamed", "spooled"])
def test_the_server_stops_while_bodies_arrive(practice: Practice, as_owner: Caller, way: str) -> None:
    as_owner.get("/data/auth")
    connection = http.client.HTTPConnection("127.0.0.1", practice.server.port, timeout=20)
    connection.putrequest("POST", f"/data/test/{way}")
    connection.putheader("Cookie", f"JSESSIONID={as_owner.session_id}")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"only the beginning")
    as_owner.get("/data/auth")
    practice.stop()
    connection.close()
    practice.start()
    as_owner.session_id = ""
    assert as_owner.get("/data/auth").status == 200


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/REST/projects/A%20B/", "/data/projects/A%20B"),
        ("/data/archive/projects/P", "/data/projects/P"),
        ("/data/archive/config/edit/image", "/data/config/edit/image"),
        ("/data/archive/config/anon", "/data/archive/config/anon"),
        ("/data/archive/prearchive", "/data/archive/prearchive"),
    ],
)
def test_aliases_lead_to_one_path(raw: str, expected: str) -> None:
    assert normal_path(raw, "") == expected
    assert normal_path("/xnat" + raw, "/xnat") == expected
    assert normal_path(raw, "/xnat") is None


def test_the_most_exact_route_wins() -> None:
    found = {path: Route("GET", path, fail) for path in ("/data/{a}/{rest:*}", "/data/{a}/b", "/data/x/b", "/data/x")}
    router = Router(found.values())

    def find(path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
        match = router.find(method, path)
        return (match[0].path, match[1]) if match else None

    assert find("/data/x/b") == ("/data/x/b", {})
    assert find("/data/y%2Fz/b", "HEAD") == ("/data/{a}/b", {"a": "y/z"})
    assert find("/data/x") == ("/data/x", {})
    assert find("/data/y") == ("/data/{a}/{rest:*}", {"a": "y", "rest": ""})
    assert find("/data/y/c/d%20e") == ("/data/{a}/{rest:*}", {"a": "y", "rest": "c/d e"})
    assert find("/data/y", "POST") is None


def test_refusals_say_their_status() -> None:
    assert str(Refusal(404, "not here")) == "404 not here"


def test_two_handlers_for_one_path_are_refused() -> None:
    from xnat_wizard.practice.http import check_methods

    twice: Callable[[str], Route] = lambda path: Route("GET", path, fail)  # noqa: E731  shorter than a def here
    with pytest.raises(ValueError, match="two handlers for GET /data/"):
        check_methods([twice("/data/{a}"), twice("/data/{b}")])
