"""The wire between caller and server, as far as it can be slow or break: request bodies and answers of one call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from aiohttp import StreamReader

from xnat_wizard.practice.services import Clock

_PIECE_BYTES = 16 * 1024
_HIGH_BYTES = 64 * 1024
_HEAD_END = b"\r\n\r\n"


class Pace:
    """Lets bytes pass at a rate, by the server's clock."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._start_s = clock.now()
        self._passed = 0

    async def passed(self, size_bytes: int) -> None:
        """Count bytes, and wait until they may have passed."""
        self._passed += size_bytes
        await self._clock.sleep(self._start_s + self._passed / self._rate - self._clock.now())


class Strait:
    """A request's body that passes slowly, or breaks off; in all else the stream that it stands before.

    Raises:
        ConnectionResetError: on reading, `end` bytes have been given; `on_end` has been called.
    """

    def __init__(
        self,
        stream: StreamReader,
        *,
        pace: Pace | None = None,
        end: int | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._stream = stream
        self._pace = pace
        self._left = end
        self._on_end = on_end
        self._kept: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def readany(self) -> bytes:
        """Return what has arrived; nothing at the end."""
        return await self._pass(self._stream.readany, len(self._kept or b""))

    async def read(self, n: int = -1) -> bytes:
        """Return at most `n` bytes that have arrived."""
        return await self._pass(lambda: self._stream.read(n), len(self._kept or b"") if n < 0 else n)

    async def readline(self) -> bytes:
        """Return a line with its end."""
        ahead = (self._kept or b"").find(b"\n") + 1
        return await self._pass(self._stream.readline, ahead or len(self._kept or b""))

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Give what arrives, as it arrives."""
        while data := await self.readany():
            yield data

    def at_eof(self) -> bool:
        """Tell whether all has been given."""
        return not self._kept if self._kept is not None else self._stream.at_eof()

    def keep_rest(self) -> None:
        """Take all that has arrived but not been read, so that the connection may go; only at the body's end."""
        self._kept = self._stream.read_nowait(-1)

    async def _pass(self, read: Callable[[], Awaitable[bytes]], wanted: int) -> bytes:
        if self._left == 0:
            self._break()
        if self._kept is not None:
            data, self._kept = self._kept[:wanted], self._kept[wanted:]
        else:
            data = await read()
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if self._pace is not None:
            await self._pace.passed(len(data))
        return data

    def _break(self) -> None:
        if self._on_end is not None:
            self._on_end()
        raise ConnectionResetError("the connection was cut")


class Line:
    """A connection's transport on which an answer passes slowly, or breaks off; in all else that transport."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        pace: Pace | None = None,
        end: int | None = None,
        loses_head: bool = False,
    ) -> None:
        """Close the connection after `end` bytes of the body, or with `loses_head` instead of the answer."""
        self.transport = transport
        self._pace = pace
        self._left = 0 if loses_head else end
        self._is_in_head = not loses_head
        self._is_over = False
        self._waiting = bytearray()
        self._drip: asyncio.Task[None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Send."""
        self.write(b"".join(pieces))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send what may pass."""
        passing = self._cut(bytes(data))
        if self._pace is None:
            self.transport.write(passing)
        else:
            self._waiting += passing
            if self._drip is None:
                self._drip = asyncio.get_running_loop().create_task(self._send_slowly(self._pace))
        self._is_over = self._left == 0 and not self._is_in_head
        if self._is_over and self._drip is None:
            self.transport.close()

    async def flush(self) -> None:
        """Wait until all has been sent."""
        if self._drip is not None:
            await self._drip

    def is_closing(self) -> bool:
        """Tell whether nothing more can be sent."""
        return self._is_over or self.transport.is_closing()

    def _cut(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        head = b""
        if self._is_in_head:
            at = data.find(_HEAD_END)
            if at < 0:
                return data
            self._is_in_head = False
            head, data = data[: at + len(_HEAD_END)], data[at + len(_HEAD_END) :]
        data = data[: self._left]
        self._left -= len(data)
        return head + data

    async def _send_slowly(self, pace: Pace) -> None:
        protocol: Any = self.transport.get_protocol()
        is_held = False
        while self._waiting and not self.transport.is_closing():
            if not is_held and len(self._waiting) > _HIGH_BYTES:
                protocol.pause_writing()
                is_held = True
            piece = bytes(self._waiting[:_PIECE_BYTES])
            del self._waiting[:_PIECE_BYTES]
            self.transport.write(piece)
            await pace.passed(len(piece))
            if is_held and len(self._waiting) <= _HIGH_BYTES:
                protocol.resume_writing()
                is_held = False
        if is_held and not self.transport.is_closing():
            protocol.resume_writing()
        self._waiting.clear()
        self._drip = None
        if self._is_over:
            self.transport.close()
