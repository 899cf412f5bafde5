"""Eight imports at once into a practice server of its own: how much memory they take, and how fast they are.

By hand: PYTHONPATH=tests .venv/bin/python -m practice.loading [MEGABYTES [OBJECT_MEGABYTES]]
It sends so many in all, in objects of the second size, archives the sessions, and prints figures.
"""

import base64
import http.client
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from practice.images import instance

PARALLEL = 8
_BLOCK = bytes(2**18)
_PIXELS = b"\xe0\x7f\x10\x00OB\0\0"


@contextmanager
def process(folder: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `xnat-wizard practice`; give its address and itself."""
    command = [sys.executable, "-m", "xnat_wizard", "practice", "--folder", os.fspath(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip(), server
        finally:
            if server.poll() is None:
                server.terminate()


def memory_bytes(process_id: int, key: str) -> int:
    """Return VmRSS (now) or VmHWM (the most there was) of a process, from Linux' /proc."""
    for line in Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)


def send(url: str, session: str, sizes: tuple[int, ...]) -> int:
    """Import one session of a scan whose objects have pixels of so many bytes; archive it; return the status."""
    heads = [_head(session, number, size) for number, size in enumerate(sizes, 1)]
    total = sum(len(head) + size + 60 for head, size in zip(heads, sizes, strict=True))
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    query = {"import-handler": "DICOM-zip", "dest": f"/archive/projects/DEMO/subjects/S/experiments/{session}"}
    headers = {
        "Authorization": "Basic " + base64.b64encode(b"owner:owner").decode(),
        "Content-Type": "application/zip",
        "Content-Length": str(total),
    }
    connection.request("POST", f"/data/services/import?{urlencode(query)}", _zip(heads, sizes), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def _head(session: str, number: int, size: int) -> bytes:
    """Return an object up to its pixels, which are zeros."""
    image = instance(study=session.removeprefix("E"), number=number)
    return image[: image.rindex(_PIXELS)] + _PIXELS + struct.pack("<I", size)


def _zip(heads: list[bytes], sizes: tuple[int, ...]) -> Iterator[bytes]:
    """Give a zip of stored entries in pieces, without the directory at its end."""
    for number, (head, size) in enumerate(zip(heads, sizes, strict=True), 1):
        name = f"{number:026}.dcm".encode()
        crc = zlib.crc32(head)
        for piece in _zeros(size):
            crc = zlib.crc32(piece, crc)
        length = len(head) + size
        yield struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, crc, length, length, len(name), 0) + name
        yield head
        yield from _zeros(size)


def _zeros(size: int) -> Iterator[bytes]:
    for start in range(0, size, len(_BLOCK)):
        yield _BLOCK[: min(len(_BLOCK), size - start)]


def main(megabytes: int = 200, object_megabytes: int = 1) -> None:
    """Measure and print."""
    count = max(1, megabytes // PARALLEL // object_megabytes)
    sizes = (object_megabytes * 10**6,) * count
    with tempfile.TemporaryDirectory() as folder, process(Path(folder)) as (url, server):
        assert send(url, "E100", (1000,)) == 200
        before = memory_bytes(server.pid, "VmRSS")
        start = time.perf_counter()
        with ThreadPoolExecutor(PARALLEL) as threads:
            statuses = set(threads.map(lambda number: send(url, f"E{number}", sizes), range(PARALLEL)))
        took_s = time.perf_counter() - start
        after, most = memory_bytes(server.pid, "VmRSS"), memory_bytes(server.pid, "VmHWM")
    sent = PARALLEL * count * object_megabytes
    print(f"{sent} MB in {PARALLEL} imports of {count} objects: {statuses}, {took_s:.1f} s, {sent / took_s:.0f} MB/s")
    print(f"memory before {before / 1e6:.0f} MB, after {after / 1e6:.0f} MB, at most {most / 1e6:.0f} MB")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
