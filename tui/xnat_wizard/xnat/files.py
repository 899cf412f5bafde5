"""Files on the site: lists, reading, pictures, and sending single ones (wire contract 6.4, 7.3, 7.4, 8.3)."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from io import BufferedReader
from sys import intern
from typing import Literal, Protocol
from urllib.parse import unquote

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import Answer, number, too_much
from xnat_wizard.xnat.errors import Refused, Retry
from xnat_wizard.xnat.http import WORK_S, Http, Sink, Upload
from xnat_wizard.xnat.model import HeaderLine, RemoteFile
from xnat_wizard.xnat.tables import Allowance, Row, TableReader, TooMuchError
from xnat_wizard.xnat.uris import file_path, normalise, readings

PIECE_BYTES = 512 * 1024
READ_LIMIT = 64 * 1024 * 1024
LIST_LIMIT = 1024 * 1024 * 1024  # of a list, of which only the files are kept
PICTURE_LIMIT = 32 * 1024 * 1024

_BINARY = "application/octet-stream"


class Readable(Protocol):
    """A local file as far as it must be known to send it; a `Path` is one."""

    def open(self, mode: Literal["rb"], /) -> BufferedReader:
        """Open it for reading."""
        ...

    def stat(self) -> os.stat_result:
        """Return its size; nothing else is looked at."""
        ...


def files_of(rows: Iterable[Row], *, collection: str = "") -> tuple[RemoteFile, ...]:
    """Return the files of a list; names keep the folders inside the resource."""
    return tuple(_file(row, collection) for row in rows if _is_file(row))


async def list_files(http: Http, path: str) -> tuple[RemoteFile, ...]:
    """List the files under an encoded path; none where there is no such resource.

    Raises:
        Refused: site.unclear; site.too_long where the list would fill the memory.
    """
    try:
        return await read_list(http, path)
    except Refused as problem:
        if problem.status == 404:
            return ()
        raise


async def read_list(http: Http, path: str, *, collection: str = "") -> tuple[RemoteFile, ...]:
    """List the files under an encoded path, as they come: a list of 500,000 has 150 MB.

    Raises:
        Refused: as `list_files`; site.not_found.
    """
    sink = _List(path, collection)
    answer = await http.call("GET", path, {"format": "json"}, sink=sink)
    if not sink.is_whole():
        raise Refused(answer.unclear("a table", sink.size_bytes), status=answer.status)
    return tuple(sink.files)


class _List:
    """Takes the bytes of a list of files, and keeps the files."""

    def __init__(self, path: str, collection: str) -> None:
        self._path = path
        self._collection = collection
        self.files: list[RemoteFile] = []
        self.size_bytes = 0
        self._reader, self._allowance = TableReader(), Allowance()

    async def begin(self) -> None:
        self.files, self.size_bytes = [], 0
        self._reader, self._allowance = TableReader(), Allowance()

    async def take(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        try:
            for row in filter(_is_file, self._reader.feed(piece)):
                file = _file(row, self._collection)
                self._allowance.use(file, file.name, file.size_bytes, file.uri, file.md5)
                self.files.append(file)
        except TooMuchError:
            raise Refused(too_much("GET", self._path), status=200) from None
        if self.size_bytes > LIST_LIMIT:
            raise Refused(too_much("GET", self._path), status=200)

    def is_whole(self) -> bool:
        return self._reader.end()


async def read(http: Http, uri: str, *, limit_bytes: int = READ_LIMIT) -> bytes:
    """Read a whole file into memory.

    Raises:
        Refused: site.not_found; site.too_long when it has more than the limit.
    """
    return (await _download(http, uri, {}, limit_bytes)).body


async def jpeg(http: Http, uri: str) -> bytes:
    """Let the site draw a DICOM file.

    Raises:
        Refused: picture.refused: it cannot draw this one.
    """
    answer = await _download(http, uri, {"format": "image/jpeg"}, PICTURE_LIMIT)
    if not answer.body.startswith(b"\xff\xd8\xff"):
        raise Refused(
            Finding(
                code="picture.refused",
                what="The site did not draw the file",
                why=f"Instead of a JPEG it sent {len(answer.body)} bytes of type {answer.content_type or '?'}.",
                todo=("Look at another file of the scan.",),
            ),
            status=answer.status,
        )
    return answer.body


async def pour(http: Http, uri: str, sink: Sink) -> None:
    """Read a file of any size into a sink.

    Raises:
        Refused: site.not_found.
    """
    await _download(http, uri, {}, READ_LIMIT, sink)


async def dump(http: Http, uri: str) -> tuple[HeaderLine, ...]:
    """List the elements of a DICOM file, as the site reads it; of one file, where the URI is of a session or scan.

    Raises:
        Refused: site.not_found: also a session of the prearchive that is not built (7.7).
    """
    query = {"src": normalise(uri).removeprefix("/data"), "format": "json"}
    rows = (await http.get("/data/services/dicomdump", query)).rows()
    return tuple(
        HeaderLine(
            tag=" ".join(filter(None, (row.get("tag1", ""), row.get("tag2", "")))),
            vr=row.get("vr", ""),
            name=row.get("desc", ""),
            value=row.get("value", ""),
        )
        for row in rows
    )


async def put_stream(http: Http, parent: str, name: str, body: AsyncIterable[bytes], size_bytes: int) -> None:
    """Send one file to a resource whose encoded path of files is `parent`; nothing is overwritten (8.3).

    Raises:
        Refused: resource.file_exists, resource.empty_file.
    """
    if not size_bytes:
        raise Refused(_empty(name))
    answer = await http.call(
        "PUT",
        file_path(parent, name),
        {"inbody": "true", "overwrite": "false"},
        upload=Upload(body, size_bytes, _BINARY),
        answer_s=WORK_S,
    )
    if b'"duplicates"' in answer.body:
        raise Refused(_duplicate(name), status=answer.status)


async def put_prearchive(http: Http, parent: str, name: str, body: AsyncIterable[bytes], size_bytes: int) -> None:
    """Send one file to a resource of a prearchive session, and look whether it is there.

    Raises:
        Refused: resource.file_exists, resource.empty_file.
        Retry: resource.not_stored.
    """
    await put_stream(http, parent, name, body, size_bytes)
    listed = await list_files(http, parent)  # empty before the session is built (6.4)
    if listed and not any(each.name == name and each.size_bytes == size_bytes for each in listed):
        raise Retry(_not_stored(name))


async def put_local(http: Http, parent: str, name: str, path: Readable) -> RemoteFile:
    """Send one file from disk, and look whether it is there: a 200 does not say so (trap 3 of 10.3).

    A file that is there already, equal to this one, is as good as sent.

    Raises:
        Refused: resource.file_differs: another file has that name; resource.empty_file.
        Retry: resource.not_stored.
        OSError: the file cannot be read.
    """
    source = _Source(path)
    size_bytes = await asyncio.to_thread(lambda: path.stat().st_size)
    is_duplicate = False
    try:
        await put_stream(http, parent, name, source, size_bytes)
    except Refused as problem:
        if problem.finding.code != "resource.file_exists":
            raise
        is_duplicate = True
    stored = next((each for each in await list_files(http, parent) if each.name == name), None)
    if stored is None:
        raise Retry(_not_stored(name))
    digest = source.md5 or await asyncio.to_thread(_digest, path)
    if stored.size_bytes != size_bytes or (stored.md5 and stored.md5 != digest):
        raise Refused(_differs(name)) if is_duplicate else Retry(_not_stored(name))
    return stored


class _Source(AsyncIterable[bytes]):
    """A file on disk, read in a thread, from its start each time; never whole in memory."""

    def __init__(self, path: Readable) -> None:
        self._path = path
        self.md5 = ""  # of what was read, once all of it was

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.md5 = ""
        digest = hashlib.md5(usedforsecurity=False)
        file = await asyncio.to_thread(self._path.open, "rb")
        try:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                digest.update(piece)
                yield piece
        finally:
            file.close()
        self.md5 = digest.hexdigest()


async def _download(http: Http, uri: str, query: dict[str, str], limit_bytes: int, sink: Sink | None = None) -> Answer:
    """Read a file at a URI of the server, whichever way its name is to be read."""
    ways = readings(uri)
    for way in ways[:-1]:
        try:
            return await http.call("GET", way, query, limit_bytes=limit_bytes, sink=sink)
        except Refused as problem:
            if problem.status != 404:
                raise
    return await http.call("GET", ways[-1], query, limit_bytes=limit_bytes, sink=sink)


def _digest(path: Readable) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _is_file(row: Row) -> bool:
    return bool(row.get("Name") or row.get("URI"))


def _file(row: Row, collection: str) -> RemoteFile:
    return RemoteFile(
        name=_name(row),
        size_bytes=number(row.get("Size", "")) or 0,
        uri=normalise(row.get("URI", "")),
        collection=intern(row.get("collection") or collection),
        md5=row.get("digest", "").lower(),
    )


def _name(row: Row) -> str:
    """Return the path inside the resource, from the URI; the column "Name" may leave folders out."""
    uri = row.get("URI", "")
    inside = uri.partition("/files/")[2]
    plain = row.get("Name", "")
    ways = (inside, unquote(inside))
    return next((way for way in ways if plain and way.endswith("/" + plain)), plain or inside)


def _empty(name: str) -> Finding:
    return Finding(
        code="resource.empty_file",
        what=f'The file "{name}" is empty, and XNAT takes no empty files',
        why="It has 0 bytes.",
        todo=("Leave it out.",),
        where=name,
        shareable="An empty file cannot be sent.",
    )


def _duplicate(name: str) -> Finding:
    return Finding(
        code="resource.file_exists",
        what=f'The file "{name}" is there already, and was left as it is',
        why="The site answered that it is a duplicate.",
        todo=("Nothing needs to be done if it is the same file.",),
        where=name,
        shareable="A file of this name is there already.",
    )


def _differs(name: str) -> Finding:
    return Finding(
        code="resource.file_differs",
        what=f'Another file called "{name}" is there already, and was left as it is',
        why="Its size or its digest differs from the one on disk.",
        todo=("Rename the file on disk, and send it again.", "Or delete the one on the site in a browser first."),
        where=name,
        shareable="Another file of this name is there already.",
    )


def _not_stored(name: str) -> Finding:
    return Finding(
        code="resource.not_stored",
        what=f'The site took the file "{name}", and does not have it',
        why="It answered with success; the list of files does not show it with this size and digest.",
        todo=("Send it again.", "Ask an owner of the project whether your account may change data in it."),
        where=name,
        shareable="A file that was accepted is not in the list of files.",
    )
