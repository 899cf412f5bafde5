"""A line to a DICOM receiver that fails as a cell wants it: a small relay in between."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from matrix.cases import Line


class Relay:
    """Relays to a port until it is told to misbehave; what it does holds for connections that begin from then on."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.line: Line | None = None
        self.times = 0  # 0: always
        self.after_bytes = 0  # of all connections together, before anything goes wrong
        self.hits = 0
        self._passed = 0

    def misbehave(self, line: Line, *, times: int, after_bytes: int) -> None:
        """From so many more bytes on do this, so many times; 0: always."""
        self.line, self.times, self.after_bytes, self._passed, self.hits = line, times, after_bytes, 0, 0

    def behave(self) -> None:
        """Relay everything."""
        self.line = None

    def _strikes(self) -> bool:
        if self.line is None or self._passed < self.after_bytes or (self.times and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.line is Line.REFUSED and self._strikes():
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        back = asyncio.create_task(_pump(there_reader, writer))
        with contextlib.suppress(OSError):
            while data := await reader.read(2_000):
                self._passed += len(data)
                if self.line is Line.CUT and self._strikes():
                    writer.transport.abort()
                    there_writer.transport.abort()
                    break
                if self.line is Line.SILENT and self._strikes():
                    back.cancel()
                    while await reader.read(65_536):
                        pass
                    break
                there_writer.write(data)
                await there_writer.drain()
        back.cancel()
        for one in (writer, there_writer):
            one.close()

    @contextmanager
    def running(self) -> Iterator["Relay"]:
        """Listen in a thread of its own."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
        thread.start()

        async def begin() -> asyncio.Server:
            return await asyncio.start_server(self._serve, "127.0.0.1", 0)

        server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
