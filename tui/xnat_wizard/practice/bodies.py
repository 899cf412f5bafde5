"""Request bodies of any size: spooled to disk or read as they arrive, never held in memory.

Memory: about 2 MiB a request (the connection's buffer and one block on its way to disk).
"""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aiohttp import BodyPartReader, StreamReader, web
from multidict import MultiDict

from xnat_wizard.practice import disk

if TYPE_CHECKING:
    from xnat_wizard.practice.services import Services

SMALL_BYTES = 16 * 2**20
_BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Upload:
    """A file part of a multipart body, on disk until the call is over."""

    field: str
    name: str
    content_type: str
    path: Path
    size_bytes: int


class BodyReader(io.RawIOBase):
    """The body as a blocking file object; only for threads other than the loop's.

    `read(n)` returns at most what has arrived, so wrap it in `io.BufferedReader` where exact reads are wanted.

    Raises:
        OSError: on reading, the client has left.
    """

    def __init__(self, content: StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._content = content
        self._loop = loop
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer, as io has it
        """Fill the buffer with what has arrived; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(asyncio.run_coroutine_threadsafe(self._next(), self._loop).result())
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    async def _next(self) -> bytes:
        return await self._content.readany()


async def read_small(request: web.Request) -> bytes:
    """Read a body that fits in memory.

    Raises:
        ValueError: it does not.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > SMALL_BYTES:
            raise ValueError(f"A body of this kind may have at most {SMALL_BYTES} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def spool_body(request: web.Request, services: "Services", spooled: list[Path]) -> Path:
    """Write the raw body to a new file, whose path is also added to `spooled`."""
    path, _ = await _spool(request.content.iter_any(), services, spooled)
    return path


async def read_multipart(
    request: web.Request, services: "Services", form: MultiDict[str], spooled: list[Path]
) -> tuple[Upload, ...]:
    """Read all parts: those with a file name become files, the others parameters (0.7)."""
    uploads: list[Upload] = []
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            continue
        if not part.filename:
            form.add(part.name or "", (await part.read(decode=True)).decode("utf-8", "replace"))
            continue
        path, size = await _spool(_pieces_of(part), services, spooled)
        kind = part.headers.get("Content-Type", "").partition(";")[0].strip()
        uploads.append(Upload(part.name or "", part.filename, kind, path, size))
    return tuple(uploads)


async def _pieces_of(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(_BLOCK_BYTES):
        yield piece


async def _spool(pieces: AsyncIterable[bytes], services: "Services", spooled: list[Path]) -> tuple[Path, int]:
    """Write pieces to a new file, in blocks; return it and its size."""
    path, file = await services.in_thread(_new_file, services.spool_folder)
    spooled.append(path)
    size = 0
    block = bytearray()
    try:
        async for piece in pieces:
            size += len(piece)
            block += piece
            disk.spend(len(piece))
            if len(block) >= _BLOCK_BYTES:
                await services.in_thread(file.write, block)
                block = bytearray()
        await services.in_thread(file.write, block)
    finally:
        file.close()
    return path, size


def _new_file(folder: Path) -> tuple[Path, IO[bytes]]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as made:
        path = Path(made.name)
    return path, path.open("wb")
