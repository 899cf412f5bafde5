"""No byte of one file ever travels for another: slow lines, cut ones, requests given up, several at a time, TLS."""

import asyncio
import contextlib
import random
import shutil
import socket
import ssl
import struct
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import md5
from io import BytesIO
from pathlib import Path

import pytest

from upload.clocks import short_sleep
from xnat_wizard.upload import bodies, packing
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import READ_WHOLE_BYTES, Item, ZipStream
from xnat_wizard.upload.throttle import Throttle
from xnat_wizard.xnat.errors import Retry
from xnat_wizard.xnat.http import Http, Upload

MB = 1024 * 1024
LANES = 3
SIZES = (0, 1, 700, 40_000, 400_000, 400_000, 400_000, READ_WHOLE_BYTES, 900_000, READ_WHOLE_BYTES + 1, 3 * MB, 524_288)


def pattern(file_id: int, size_bytes: int) -> bytes:
    """Return bytes of which any sixteen say whose they are and where they belong."""
    return b"".join(struct.pack(">IIQ", file_id, 0x5EED, at) for at in range(size_bytes // 16 + 1))[:size_bytes]


def write(folder: Path, lane: int, chance: random.Random) -> list[Item]:
    items = []
    for number, size in enumerate(chance.sample(SIZES, len(SIZES))):
        file_id = lane * 1000 + number
        path = folder / f"{file_id}.dat"
        path.write_bytes(pattern(file_id, size))
        items.append(Item(file_id, LocalSource(folder), path.name, size, path.stat().st_mtime_ns))
    return items


def content(items: list[Item], archive: bytes) -> None:
    """See that a zip holds every file with its own bytes."""
    with zipfile.ZipFile(BytesIO(archive)) as read:
        assert read.testzip() is None
        assert [read.read(one) for one in read.namelist()] == [pattern(one.file_id, one.size_bytes) for one in items]


class Rough:
    """A server that reads in crumbs, cuts connections, answers too early; it keeps what it was sent."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.bodies: defaultdict[str, list[bytes]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def rest(self) -> None:
        """Wait until every connection has ended; the other side has closed them."""
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path, length = head.split()[1], int(head.lower().split("content-length: ")[1].split()[0])
                is_cut = len(self.bodies[path]) < 2 or self._chance.random() < 0.5
                end = self._chance.randrange(length) if is_cut else length
                taken = bytearray()
                while len(taken) < end:
                    piece = await reader.read(min(self._chance.choice((1, 900, 30_000, 200_000)), end - len(taken)))
                    if not piece:
                        break
                    taken += piece
                    if self._chance.random() < 0.05:
                        await short_sleep(0.001)
                self.bodies[path].append(bytes(taken))
                is_whole = len(taken) == length
                if not is_whole and self._chance.random() < 0.5:
                    writer.transport.abort()
                    break
                status = b"200 OK" if is_whole else b"503 Later"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                if not is_whole:
                    break
        writer.transport.abort()


@contextlib.asynccontextmanager
async def served(rough: Rough, certificate: Path | None) -> AsyncIterator[str]:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    server = await asyncio.start_server(rough, sock=listener, ssl=context)
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.close()
        await rough.rest()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl: the program that makes certificates is not here")
    made, key = tmp_path / "site.pem", tmp_path / "site.key"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made


def give_up(task: asyncio.Task[int], at: int, _bytes: int, _files: int, handed_out: int) -> None:
    """Cancel a request once so many bytes have been handed out."""
    if handed_out > at:
        task.cancel()


async def insist(body: bodies.Body, send: Callable[[], Coroutine[None, None, int]], chance: random.Random) -> None:
    """Send a body again and again, as the engine does, and give up some requests in the middle."""
    for _ in range(200):
        task = asyncio.create_task(send())
        give_up_at = chance.randrange(body.size_bytes * 2)

        body.on_moved = partial(give_up, task, give_up_at)
        with contextlib.suppress(asyncio.CancelledError, Retry):
            if await task == 200:
                return
    raise AssertionError("it never arrived")


@pytest.mark.parametrize("is_deflated", [False, True], ids=["stored", "deflated"])
@pytest.mark.parametrize("limit_bytes_s", [0, 400 * MB], ids=["free", "limited"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_every_byte_travels_under_its_own_name(
    tmp_path: Path, request: pytest.FixtureRequest, limit_bytes_s: int, *, is_deflated: bool, is_tls: bool
) -> None:
    chance = random.Random(f"{limit_bytes_s} {is_deflated} {is_tls}")  # noqa: S311  a test that can be repeated
    rough = Rough(chance)
    pem = request.getfixturevalue("certificate") if is_tls else None
    lanes = {f"/{lane}": write(tmp_path, lane, chance) for lane in range(LANES)}
    squeezed = {path: packing.squeeze(items) if is_deflated else {} for path, items in lanes.items()}
    wanted = {path: b"".join(map(bytes, ZipStream(lanes[path], squeezed[path]).pieces())) for path in lanes}
    throttle = Throttle(limit_bytes_s, clock=asyncio.get_running_loop().time, sleep=short_sleep)
    with ThreadPoolExecutor(LANES) as executor:
        async with served(rough, pem) as url, Http(url, is_unsafe=is_tls) as http:

            async def lane(path: str) -> bodies.Body:
                body = bodies.Body(bodies.zip_of(lanes[path], squeezed[path]), executor, throttle)

                async def send() -> int:
                    upload = Upload(body, body.size_bytes, "application/zip")
                    return (await http.send("POST", path, upload=upload)).status

                await insist(body, send, chance)
                return body

            sent = await asyncio.gather(*(lane(path) for path in lanes))
    for (path, items), body in zip(lanes.items(), sent, strict=True):
        content(items, wanted[path])
        assert rough.bodies[path][-1] == wanted[path]
        assert all(wanted[path].startswith(some) for some in rough.bodies[path])
        assert body.stream.md5 == {
            one.file_id: md5(pattern(one.file_id, one.size_bytes)).hexdigest()  # noqa: S324  compared, not trusted
            for one in items
        }
    assert all(len(some) > 2 for some in rough.bodies.values())  # the first ones were cut


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_for_a_while_stays_as_it_was(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a test that can be repeated
    items = write(tmp_path, 0, chance)
    wanted = b"".join(map(bytes, ZipStream(items).pieces()))
    kept: list[tuple[int, bytes | memoryview]] = []
    at = 0
    for piece in ZipStream(items).pieces():
        start = chance.randrange(len(piece))
        kept.append((at + start, memoryview(piece)[start:]))  # as a socket does that took the beginning
        at += len(piece)
        if chance.random() < 0.5:
            kept.pop(chance.randrange(len(kept)))
        del piece
        assert all(wanted[place : place + len(some)] == some for place, some in kept)
    content(items, wanted)
    assert at == len(wanted)
