"""A bare connection to a site, and plain requests on it without any login: what the probes of the way talk through.

Unlike the client (`xnat/http.py`) it shows headers, leaves bodies away, and can be looked at while nothing happens.
Goes through the machine's proxy where there is one: by CONNECT for https, by whole addresses for http.
"""

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from xnat_wizard.amounts import whole_number
from xnat_wizard.troubleshoot.check.model import Ground, Origin, Proxy
from xnat_wizard.xnat.http import user_agent

CONNECT_S = 6.0
ANSWER_S = 20.0
_NEXT_ADDRESS_S = 0.25  # RFC 8305: a broken IPv6 does not stand in the way
_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 64 * 1024
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")


class NoAnswerError(Exception):
    """The other side closed without an answer, or answered something that is no HTTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, headers with small names, the beginning of the body."""

    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes = b""
    seconds: float = 0.0
    asked: str = ""  # "GET https://host/path"

    def header(self, name: str) -> str:
        """Return a header, "" when it is not there."""
        return next(iter(self.headers.get(name, ())), "")

    def as_evidence(self) -> str:
        """Return it as one line."""
        target = self.header("location").partition("?")[0]  # a query may hold a token
        to = f", to {target}" if target else ""
        return f"{self.asked}: status {self.status}{to} ({self.seconds:.2f} s)"


@dataclass
class Line:
    """An open connection; requests on it one after the other."""

    origin: Origin
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    proxy: Proxy | None = None
    own_address: str = ""

    @property
    def tls(self) -> ssl.SSLObject | None:
        """Return what is known of the encryption."""
        found = self.writer.get_extra_info("ssl_object")
        return found if isinstance(found, ssl.SSLObject) else None

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, answer_s: float = ANSWER_S
    ) -> Reply:
        """Ask and read the answer, at most 64 KiB of its body.

        Raises:
            TimeoutError: no answer in time.
            NoAnswerError: none at all.
            OSError: the connection broke.
        """
        began = time.monotonic()
        async with asyncio.timeout(answer_s):
            await self.put(method, path, headers)
            status, found = await self.head()
            body = b"" if method == "HEAD" or status in {204, 304} else await self._body(found)
        return Reply(status, found, body, time.monotonic() - began, f"{method} {self.origin.url}{path}")

    async def put(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> None:
        """Send the head of a request, and nothing else."""
        target = path
        lines = {"Host": self.origin.netloc, "User-Agent": user_agent(), "Accept": "*/*", **(headers or {})}
        if self.proxy is not None and not self.origin.is_tls:
            target = self.origin.url + path
            if self.proxy.authorization:
                lines["Proxy-Authorization"] = self.proxy.authorization.reveal()
        self.writer.write(_request(method, target, lines))
        await self.writer.drain()

    async def head(self) -> tuple[int, Mapping[str, tuple[str, ...]]]:
        """Read status and headers of an answer.

        Raises:
            NoAnswerError: what comes is no HTTP, or nothing.
        """
        return await _read_head(self.reader)

    async def _body(self, headers: Mapping[str, tuple[str, ...]]) -> bytes:
        if "chunked" in ",".join(headers.get("transfer-encoding", ())).lower():
            return await self._chunks()
        length = whole_number(next(iter(headers.get("content-length", ())), ""))
        if length is not None:
            return await self._exactly(min(length, _BODY_LIMIT))
        body = bytearray()
        while len(body) < _BODY_LIMIT and (piece := await self.reader.read(_BODY_LIMIT - len(body))):
            body += piece
        return bytes(body)

    async def _chunks(self) -> bytes:
        body = bytearray()
        try:
            while len(body) < _BODY_LIMIT:
                size = (await self.reader.readline()).split(b";")[0].strip()
                left = int(size, 16) if _CHUNK_SIZE.fullmatch(size) else -1
                if left < 0:
                    raise NoAnswerError("the answer broke off")
                body += await self._exactly(min(left, _BODY_LIMIT - len(body)))
                if not left or len(body) == _BODY_LIMIT:
                    break
                await self.reader.readline()
        except ValueError:  # a line without end
            raise NoAnswerError("its answer is no HTTP") from None
        return bytes(body)

    async def _exactly(self, size_bytes: int) -> bytes:
        try:
            return await self.reader.readexactly(size_bytes)
        except asyncio.IncompleteReadError:
            raise NoAnswerError("the answer broke off") from None


@asynccontextmanager
async def opened(
    ground: Ground, context: ssl.SSLContext | None, *, origin: Origin | None = None
) -> AsyncIterator[Line]:
    """Connect to the site, through the proxy where there is one; `context` is for https.

    Raises:
        OSError: no connection (`ssl.SSLError` is one, `TimeoutError` too).
        NoAnswerError: the proxy refused.
    """
    to = origin or ground.place
    proxy = ground.proxy
    async with asyncio.timeout(CONNECT_S * 2):
        if proxy is None:
            tls = context if to.is_tls else None
            name = to.host if to.is_tls else None
            reader, writer = await asyncio.open_connection(
                to.host, to.port, ssl=tls, server_hostname=name, limit=_HEAD_LIMIT, happy_eyeballs_delay=_NEXT_ADDRESS_S
            )
        else:
            reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=_HEAD_LIMIT)
    try:
        if proxy is not None and to.is_tls:
            async with asyncio.timeout(CONNECT_S * 2):
                await _tunnel(reader, writer, to, proxy)
                if context is not None:
                    await writer.start_tls(context, server_hostname=to.host)
        yield Line(to, reader, writer, proxy, _own_address(writer))
    finally:
        writer.transport.abort()  # nothing is left to say, and a body was promised that never comes
        with contextlib.suppress(OSError, TimeoutError):
            await writer.wait_closed()


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: Origin, proxy: Proxy) -> None:
    host = f"[{to.host}]" if ":" in to.host else to.host
    lines = {"Host": f"{host}:{to.port}", "User-Agent": user_agent()}
    if proxy.authorization:
        lines["Proxy-Authorization"] = proxy.authorization.reveal()
    writer.write(_request("CONNECT", f"{host}:{to.port}", lines))
    await writer.drain()
    status, _ = await _read_head(reader)
    if status != 200:
        raise NoAnswerError(f"the proxy answered {status} when it was asked to connect to {host}:{to.port}")


def _request(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, tuple[str, ...]]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        said = "something that is no HTTP" if error.partial else "nothing"
        raise NoAnswerError(f"it closed the connection and had said {said}") from None
    except asyncio.LimitOverrunError:
        raise NoAnswerError("its answer is no HTTP") from None
    first, *rest = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/") or whole_number(status[:3]) is None:
        raise NoAnswerError("its answer is no HTTP")
    headers: dict[str, tuple[str, ...]] = {}
    for line in filter(None, rest):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = (*headers.get(name.strip().lower(), ()), value.strip())
    return int(status[:3]), headers


def _own_address(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("sockname")
    return str(name[0]) if isinstance(name, tuple) and name else ""
