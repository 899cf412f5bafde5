"""A line with a rate and a delay, in user space: `python -m bench.link URL BITS_PER_S DELAY_S [LOSS]`.

All connections share the rate, each way has its own, and a byte arrives DELAY_S after it has passed. It holds no more
than the line and 256 kB of buffer do, as a router would. With LOSS, each connection has a window as a TCP sender has:
it grows by one unit a round trip, and a lost unit (of 64 kB, which is what the kernel hands down at a time) halves it
and costs a round trip. TCP's own retransmissions are not here, and its headers are not counted.
"""

import asyncio
import contextlib
import random
import sys
from urllib.parse import urlsplit

_CHUNK_BYTES = 16 * 1024
_UNIT_BYTES = 64 * 1024
_ROUTER_BYTES = 256 * 1024


class _Way:
    """One direction of the line."""

    def __init__(self, bytes_per_s: float, delay_s: float) -> None:
        self.bytes_per_s = bytes_per_s
        self.delay_s = delay_s
        self._free_at = 0.0

    async def passed(self, size: int) -> float:
        """Take a place in the line; return when the last byte arrives, once there is room for it."""
        loop = asyncio.get_running_loop()
        self._free_at = max(loop.time(), self._free_at) + size / self.bytes_per_s
        arrives_at = self._free_at + self.delay_s
        ahead_s = self._free_at - loop.time() - _ROUTER_BYTES / self.bytes_per_s
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        return arrives_at


class _Window:
    """How much one connection has under way at most, after the rules of TCP Reno."""

    def __init__(self, loss: float, round_trip_s: float) -> None:
        self._loss = loss
        self._round_trip_s = round_trip_s
        self._units = 10.0
        self._ceiling = float("inf")
        self._taken = 0
        self._since_s = 0.0

    async def take(self, size: int) -> None:
        """Wait until the window has room."""
        if not self._loss:
            return
        loop = asyncio.get_running_loop()
        self._taken += size
        if self._taken < self._units * _UNIT_BYTES:
            return
        lost = random.random() > (1 - self._loss) ** (self._taken / _UNIT_BYTES)  # noqa: S311  no secret
        self._taken = 0
        await asyncio.sleep(max(0.0, self._since_s + self._round_trip_s * (2 if lost else 1) - loop.time()))
        self._since_s = loop.time()
        if lost:
            self._units = self._ceiling = max(2.0, self._units / 2)
        else:
            self._units = self._units * 2 if self._units < self._ceiling / 2 else self._units + 1
            self._units = min(self._units, 256.0)  # 16 MB, what Linux allows a socket


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, way: _Way, window: _Window) -> None:
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    arrived = asyncio.create_task(_deliver(under_way, target))
    try:
        while data := await source.read(_CHUNK_BYTES):
            await window.take(len(data))
            under_way.put_nowait((await way.passed(len(data)), data))
        under_way.put_nowait((0.0, b""))
        await arrived
    finally:
        arrived.cancel()


async def _deliver(under_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        arrives_at, data = await under_way.get()
        if not data:
            target.write_eof()
            return
        if (wait_s := arrives_at - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        target.write(data)
        await target.drain()


async def _main(url: str, bits_per_s: float, delay_s: float, loss: float) -> None:
    there = urlsplit(url)
    up, down = _Way(bits_per_s / 8, delay_s), _Way(bits_per_s / 8, delay_s)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)
        with contextlib.suppress(OSError):
            await asyncio.gather(
                _carry(reader, far_writer, up, _Window(loss, 2 * delay_s)),
                _carry(far_reader, writer, down, _Window(0, 0)),
            )
        for one in (writer, far_writer):
            one.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_CHUNK_BYTES)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    arguments = [float(part) for part in sys.argv[2:]]
    asyncio.run(_main(sys.argv[1], arguments[0], arguments[1], arguments[2] if len(arguments) > 2 else 0.0))
