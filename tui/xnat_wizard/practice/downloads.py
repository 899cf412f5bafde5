"""Sends files and streams archives of files; nothing is held in memory (wire contract 7.4, 7.5)."""

import asyncio
import io
import mimetypes
import os
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

from aiohttp import web

from xnat_wizard.practice.http import Call, Refusal
from xnat_wizard.practice.times import java_time

_BLOCK_BYTES = 2**18
_STALLED_S = 60
ARCHIVE_KINDS = {
    "zip": ("zip", ".zip"), "application/zip": ("zip", ".zip"),
    "tar": ("tar", ".tar"), "application/x-tar": ("tar", ".tar"),
    "tar.gz": ("tar.gz", ".tar.gz"), "application/x-gtar": ("tar.gz", ".tar.gz"),
}  # fmt: skip
_TYPES = {"zip": "application/zip", "tar": "application/x-tar", "tar.gz": "application/x-gtar"}


def content_type_of(name: str) -> str:
    """Return the media type of a file by its name."""
    kind, encoding = mimetypes.guess_type(name)
    return "application/octet-stream" if encoding or not kind else kind


def disposition(name: str, *, is_attachment: bool) -> str:
    """Return the header that names a download."""
    plain = name.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "_")
    extra = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{"attachment" if is_attachment else "inline"}; filename="{plain}"{extra}'


async def send_file(call: Call, path: Path) -> web.StreamResponse:
    """Send a file's bytes, with length and time.

    Raises:
        Refusal: 404, it is not on disk.
    """
    try:
        file, size, changed_s = await call.in_thread(_opened, path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise Refusal(404, "Unable to find file.") from error
    with file:
        kind = content_type_of(path.name)
        answer = web.StreamResponse(headers={"Content-Type": kind})
        answer.headers["Content-Disposition"] = disposition(path.name, is_attachment=kind == "text/html")
        answer.last_modified = changed_s
        answer.content_length = size
        await answer.prepare(call.request)
        return await _copy(call, file, answer)


def _opened(path: Path) -> tuple[IO[bytes], int, float]:
    file = path.open("rb")
    state = os.fstat(file.fileno())
    return file, state.st_size, state.st_mtime


async def send_stream(call: Call, file: IO[bytes], name: str) -> web.StreamResponse:
    """Send an open file of unknown length."""
    answer = web.StreamResponse(headers={"Content-Type": content_type_of(name)})
    answer.headers["Content-Disposition"] = disposition(name, is_attachment=False)
    await answer.prepare(call.request)
    return await _copy(call, file, answer)


async def _copy(call: Call, file: IO[bytes], answer: web.StreamResponse) -> web.StreamResponse:
    if call.method == "HEAD":
        return answer
    try:
        while block := await call.in_thread(file.read, _BLOCK_BYTES):
            await answer.write(block)
        await answer.write_eof()
    except ConnectionError:
        pass  # the client has left
    return answer


async def send_archive(
    call: Call, kind: str, entries: Sequence[tuple[str, Path]], name: str, *, compression: int = 6
) -> web.StreamResponse:
    """Stream files as an archive, "zip", "tar" or "tar.gz"; `entries` are names inside and files on disk.

    Raises:
        Refusal: 404, there are no files.
    """
    if not entries:
        raise Refusal(404)
    answer = web.StreamResponse(headers={"Content-Type": _TYPES[kind]})
    answer.headers["Content-Disposition"] = disposition(name, is_attachment=True)
    await answer.prepare(call.request)
    if call.method == "HEAD":
        return answer
    sink = _Sink(answer, call.services.loop)
    try:
        await call.in_thread(_write_zip if kind == "zip" else _write_tar, sink, entries, kind, compression)
        await answer.write_eof()
    except ConnectionError:
        pass  # the client has left
    except OSError:  # a file went away in the middle: the archive ends truncated, as on a real site
        if call.request.transport:
            call.request.transport.abort()
    return answer


class _Sink(io.RawIOBase):
    """A file to write to in a thread; what is written goes to the client, who sets the pace."""

    def __init__(self, answer: web.StreamResponse, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._answer = answer
        self._loop = loop
        self._block = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # any buffer, as io has it
        self._block += data
        if len(self._block) >= _BLOCK_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._block:
            block, self._block = bytes(self._block), bytearray()
            asyncio.run_coroutine_threadsafe(self._answer.write(block), self._loop).result(_STALLED_S)


def _write_zip(sink: _Sink, entries: Iterable[tuple[str, Path]], _kind: str, compression: int) -> None:
    method = zipfile.ZIP_DEFLATED if compression else zipfile.ZIP_STORED
    with zipfile.ZipFile(sink, "w", method, compresslevel=compression or None, strict_timestamps=False) as archive:
        for name, path in entries:
            archive.write(path, name)
    sink.flush()


def _write_tar(sink: _Sink, entries: Iterable[tuple[str, Path]], kind: str, _compression: int) -> None:
    with tarfile.open(fileobj=sink, mode="w|gz" if kind == "tar.gz" else "w|") as archive:
        for name, path in entries:
            archive.add(path, name)
    sink.flush()


def zip_entries(path: Path) -> list[dict[str, object]]:
    """List what is inside a zip.

    Raises:
        Refusal: 400, it is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                {"Name": one.filename, "Size": one.file_size, "Date": java_time(0) if not one.date_time else _when(one)}
                for one in archive.infolist()
                if not one.is_dir()
            ]
    except zipfile.BadZipFile as error:
        raise Refusal(400, "The file is not a zip archive.") from error


def _when(entry: zipfile.ZipInfo) -> str:
    year, month, day, hour, minute, second = entry.date_time
    return f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}.0"


async def send_zip_member(call: Call, path: Path, inner: str) -> web.StreamResponse:
    """Send one file from inside a zip.

    Raises:
        Refusal: 404, it is not in there.
    """
    try:
        archive = await call.in_thread(zipfile.ZipFile, path)
    except (OSError, zipfile.BadZipFile) as error:
        raise Refusal(404, "Unable to find file.") from error
    with archive:
        try:
            member = archive.open(inner)
        except KeyError as error:
            raise Refusal(404, "Unable to find file.") from error
        with member:
            return await send_stream(call, member, inner.rpartition("/")[2])
