"""A site that sends too much: what it takes in memory is measured in a process of its own."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

LIMIT_MB = 500  # of the whole program; a child without screens stays below it by what they take
SCREENS_MB = 80
MB = 1_000_000

CHILD = """
import asyncio, resource, sys
from pathlib import Path
from xnat_wizard.findings import Problem
from xnat_wizard.xnat.files import list_files
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.inquiries.archived import _catalogue
from xnat_wizard.xnat.inquiries.asking import Asker

def peak_mb():
    status = Path("/proc/self/status")  # getrusage counts the process that started this one as well
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) // 1000

async def ask(http, way):
    match way:
        case "files":
            return f"{len(await list_files(http, '/data/files'))} files"
        case "catalogue":
            told = await _catalogue(Asker(http), "/data/e", "DICOM")
            return told.evidence[0].got
        case _:
            answer = await http.get("/data/answer")
    match way:
        case "rows":
            return f"{len(answer.rows())} rows"
        case "json":
            return type(answer.json()).__name__
        case "uris":
            return f"{len(answer.uris())} URIs"

async def main(url, way):
    async with Http(url) as http:
        try:
            said = await ask(http, way)
        except Problem as problem:
            said = problem.finding.code
            assert problem.finding.what and problem.finding.why and problem.finding.todo
    print(said, peak_mb(), sep=";")

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.asynccontextmanager
async def site_that_sends(status: int, begin: bytes, part: bytes, end: bytes, size_bytes: int) -> AsyncIterator[str]:
    """Serve one answer of any length, which is not in memory here either."""

    async def send(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await response.write(begin)
            times = MB // len(part) or 1
            for _ in range(size_bytes // (times * len(part))):
                await response.write(part * times)
            await response.write(end)
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", send)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def asked(url: str, way: str) -> tuple[str, int]:
    """Ask in a process of its own; return what came of it, and the most memory that it had, in MB."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, way, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, trouble = await child.communicate()
    assert child.returncode == 0, trouble.decode()
    said, peak_mb = out.decode().strip().split(";")
    return said, int(peak_mb)


TABLE, TABLE_END = b'{"ResultSet":{"Result":[', b"{}]}}"
FILE = (
    b'{"Name":"p1.dat","Size":"52428","URI":"/data/experiments/XNAT_E00001/resources/1234/files/subject/p1.dat",'
    b'"file_tags":"","file_format":"","file_content":"","collection":"RAW","cat_ID":"1234",'
    b'"digest":"0123456789abcdef0123456789abcdef"},'
)
WIDE = "\N{SMILING FACE WITH SMILING EYES}".encode()

ANSWERS = [  # 128 MB where that is refused early, and less where the memory does not grow with it
    pytest.param("files", 12, TABLE, b"[],", TABLE_END, "0 files", id="lists for files"),
    pytest.param("files", 6, TABLE, b"[" * 900 + b"]" * 900 + b",", TABLE_END, "0 files", id="deep lists for files"),
    pytest.param("files", 128, TABLE, b'{"Name":"ab"},', TABLE_END, "site.too_long", id="short names"),
    pytest.param("files", 128, TABLE + b"[", b"[],", b"[]]]}}", "site.unclear", id="one long row of files"),
    pytest.param("files", 128, TABLE + b'{"Name":"', WIDE, b'"}]}}', "site.unclear", id="one long name"),
    pytest.param("files", 128, b"", b" ", b"", "site.unclear", id="nothing for files"),
    pytest.param("rows", 12, TABLE, b"[],", TABLE_END, "1 rows", id="fewer lists for rows"),
    pytest.param("rows", 65, TABLE, b'{"a":"' + WIDE + b'"},', TABLE_END, "site.too_long", id="wide rows"),
    pytest.param("json", 128, b"[", b"[],", b"[]]", "site.too_long", id="lists"),
    pytest.param("json", 10, b"[", b"[[[[[[]]]]]],", b"[]]", "site.too_long", id="deep lists"),
    pytest.param("json", 4, b"[", b"[],", b"[]]", "list", id="few lists"),
    pytest.param("json", 65, b'["', WIDE * 1000, b'"]', "site.too_long", id="one wide text"),
    pytest.param("json", 40, b'["' + WIDE, b"a", b'"]', "site.too_long", id="one long text with a wide sign"),
    pytest.param("json", 40, b'["', b"a", b'\\ud83d\\ude0a"]', "list", id="one long text with an escape"),
    pytest.param("uris", 128, b"", b"/data/projects/P\n", b"", "site.too_long", id="URIs"),
    pytest.param("uris", 8, b"", b"/data/p\n", b"", "1000000 URIs", id="fewer URIs"),
    pytest.param("catalogue", 128, b"<a>", b"<a/>", b"</a>", "200: site.too_long", id="catalogue"),
    pytest.param("catalogue", 6, b"<a>", b"<a/>", b"</a>", "0 rows", id="elements"),
    pytest.param("catalogue", 65, b"<a>", b"<a>", b"", "200: site.unclear", id="elements in elements"),
    pytest.param("catalogue", 65, b"<a ", b"a='' ", b"", "200: site.unclear", id="a tag without end"),
    pytest.param("catalogue", 65, b"<a>", b"<entry URI='ab' UID='12'/>", b"</a>", "200: site.too_long", id="entries"),
]


@pytest.mark.parametrize(("way", "size_mb", "begin", "part", "end", "expected"), ANSWERS)
async def test_no_answer_takes_more_than_the_memory(
    way: str, size_mb: int, begin: bytes, part: bytes, end: bytes, expected: str
) -> None:
    async with site_that_sends(200, begin, part, end, size_mb * MB) as url:
        said, peak_mb = await asked(url, way)
    assert said == expected
    assert peak_mb < LIMIT_MB - SCREENS_MB


async def test_a_list_of_half_a_million_files_is_read() -> None:
    async with site_that_sends(200, TABLE, FILE, TABLE_END, len(FILE) * 520_000) as url:
        said, peak_mb = await asked(url, "files")
    count, word = said.split()
    assert (int(count) > 500_000, word) == (True, "files")
    assert peak_mb < LIMIT_MB - SCREENS_MB


async def test_a_page_of_an_error_without_end_is_left_after_its_beginning() -> None:
    async with site_that_sends(500, b"<html><h3>No space left on device</h3>", b"<h3>", b"", 128 * MB) as url:
        said, peak_mb = await asked(url, "json")
    assert said == "site.disk_full"
    assert peak_mb < 100
