"""The streaming HTTP client of one site: the one owner of aiohttp.

Redirects are never followed (wire contract 12), the session cookie is sent by hand: XNAT silently replaces a dead
session by an anonymous one (1.2), and a cookie jar would take it.
"""

import asyncio
import contextlib
import importlib.metadata
import logging
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from xnat_wizard.amounts import whole_number
from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import PAGE_BYTES, Answer, too_much
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, Retry
from xnat_wizard.xnat.network import no_answer, proxy_for, tls_context
from xnat_wizard.xnat.refusals import SUCCESS, check, problem_of
from xnat_wizard.xnat.uris import shape

CONNECT_S = 20.0
ANSWER_S = 180.0  # listing a large session's files takes tens of seconds (7.3)
WORK_S = 1800.0  # build, commit and archive: the server waits 600 s, then answers (10.2)
STALL_S = 300.0  # no byte moved
_TELL_EVERY_S = 1.0
BODY_LIMIT = 64 * 1024 * 1024  # in memory; a list of files is longer, and is read by a sink while it comes
_START_BYTES = 16 * 1024  # of a long answer that are kept to know a page in the place of data

_log = logging.getLogger(__name__)


class Bytes(AsyncIterable[bytes]):
    """A small body that is in memory already."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


class Sink(Protocol):
    """Where the body of a long answer goes instead of into memory; nothing but a success is given to it."""

    async def begin(self) -> None:
        """Forget what came before: the body comes from its first byte."""
        ...

    async def take(self, piece: bytes) -> None:
        """Keep the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is sent as it is read: exactly `size_bytes`, in pieces of any size.

    An iterable that gives a fresh iterator each time can be sent again after a new login; an iterator cannot.
    """

    pieces: AsyncIterable[bytes]
    size_bytes: int
    content_type: str

    @property
    def is_repeatable(self) -> bool:
        """Tell whether the pieces can be read twice."""
        return not isinstance(self.pieces, AsyncIterator)


class Http:
    """Requests to one site. Safe for several tasks of one event loop."""

    def __init__(self, url: str, *, ca_file: str = "", is_unsafe: bool = False) -> None:
        self.url = url
        self.idle_s = 900.0  # after which the site forgets the session; the cookie says it (1.3)
        self.log_in: Callable[[], Awaitable[None]] | None = None  # gets a new session; set by the login
        self.session_id = ""  # of the HTTP session on the server
        self.ahead_s: float | None = None  # the site's clock against this machine's, as its last answer said
        self._cookies: dict[str, str] = {}
        self._logins = 0
        self._lock = asyncio.Lock()
        self._refusal: LoginAgain | None = None
        self._proxy = proxy_for(url) or None
        is_secured = bool(ca_file) or "https:" in {url[:6], (self._proxy or "")[:6]}
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(  # reading the system's authorities takes 20 ms
                ssl=tls_context(ca_file=ca_file, is_unsafe=is_unsafe) if is_secured else True, limit=32
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            headers={"User-Agent": user_agent()},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; requests under way fail."""
        await self._client.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Read; the answer is a success."""
        return await self.call("GET", path, query)

    async def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        upload: Upload | None = None,
        headers: Mapping[str, str] | None = None,
        ok: frozenset[int] = SUCCESS,
        answer_s: float = ANSWER_S,
        limit_bytes: int = BODY_LIMIT,
        sink: Sink | None = None,
    ) -> Answer:
        """Ask the site as the person who is logged in; the answer is a success.

        When the session is gone, a new one is made once, for all tasks, and the request is repeated (11.1 step 6).

        Raises:
            SiteProblem: of the kind that says what to do; `Retry` also when the session was renewed and the body
                could not be read a second time.
        """
        is_renewed = False
        while True:
            logins = self._logins
            answer = await self.send(
                method,
                path,
                query,
                upload=upload,
                headers=headers,
                answer_s=answer_s,
                limit_bytes=limit_bytes,
                sink=sink,
            )
            is_lost = answer.status == 401 or answer.is_login_page
            if self.log_in is None or not (is_lost or answer.is_new_session) or is_renewed:
                return check(answer, ok=ok)
            await self._renew(logins, answer)
            is_renewed = True
            if upload is not None and not upload.is_repeatable:
                raise Retry(_renewed(answer), status=answer.status)

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        upload: Upload | None = None,
        headers: Mapping[str, str] | None = None,
        answer_s: float = ANSWER_S,
        limit_bytes: int = BODY_LIMIT,
        opens_session: bool = False,
        sink: Sink | None = None,
    ) -> Answer:
        """Ask once and read the answer to its end, whatever it says; a success with data goes to the sink, if any.

        Only a request that opens a session comes without one and keeps the one it is given.

        Raises:
            SiteProblem: no answer came.
            OSError: the sink could not keep the body.
        """
        asked = dict(headers or {})
        cookies = dict(self._cookies) if opens_session else self._cookies | {"JSESSIONID": self.session_id}
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        if sent:
            asked["Cookie"] = sent
        body: _Body | bytes | None = None
        deadline = asyncio.timeout(answer_s)
        if upload is not None:
            deadline = asyncio.timeout(STALL_S)
            body = _Body(upload, deadline, answer_s)
            asked["Content-Length"] = str(upload.size_bytes)
            asked["Content-Type"] = upload.content_type
            if not upload.size_bytes:
                body = b""
        url = URL(self.url + path + _query(query), encoded=True)
        kept = _Kept(sink) if sink is not None else None
        try:
            async with deadline:
                response = await self._client.request(
                    method, url, data=body, headers=asked, allow_redirects=False, proxy=self._proxy
                )
                is_new = self._take_cookies(response, cookies.get("JSESSIONID", ""), opens_session=opens_session)
                self._take_time(response.headers.get("Date", ""))
                try:
                    if kept is not None and response.status == 200 and not is_new:
                        content = await self._pour(response, deadline, answer_s, kept)
                    else:
                        content = await self._read(response, deadline, answer_s, limit_bytes, too_much(method, path))
                finally:
                    if isinstance(body, _Body) and not body.is_finished:
                        response.close()  # it answered before it had read all: do not push the rest
                    else:
                        response.release()
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            if isinstance(body, _Body) and body.error is not None:
                raise body.error from None
            if kept is not None and kept.error is not None:
                raise  # this disk, not the line
            raise no_answer(error, url=self.url, method=method, path=path) from error
        _log.debug("answer method=%s path=%s status=%d bytes=%d", method, shape(path), response.status, len(content))
        return Answer(
            method=method,
            path=path,
            status=response.status,
            body=content,
            content_type=response.headers.get("Content-Type", "").split(";")[0].strip().lower(),
            location=response.headers.get("Location", ""),
            retry_after=response.headers.get("Retry-After", ""),
            is_new_session=is_new,
        )

    @staticmethod
    async def _read(
        response: aiohttp.ClientResponse, deadline: asyncio.Timeout, stall_s: float, limit_bytes: int, refusal: Finding
    ) -> bytes:
        content = bytearray()
        limit_bytes = limit_bytes if response.status < 400 else PAGE_BYTES
        async for piece in response.content.iter_any():
            content += piece
            if len(content) > limit_bytes:
                response.close()
                if response.status >= 400:
                    break  # what went wrong stands at the beginning
                raise Refused(refusal, status=response.status)
            deadline.reschedule(asyncio.get_running_loop().time() + stall_s)
        return bytes(content)

    @staticmethod
    async def _pour(response: aiohttp.ClientResponse, deadline: asyncio.Timeout, stall_s: float, sink: Sink) -> bytes:
        """Give the body to the sink; return its beginning, by which a page in the place of data is known."""
        start = b""
        await sink.begin()
        async for piece in response.content.iter_any():
            start += piece[: _START_BYTES - len(start)]
            await sink.take(piece)
            deadline.reschedule(asyncio.get_running_loop().time() + stall_s)
        return b"" if "Content-Disposition" in response.headers else start  # with it, it is a file, even a page (7.4)

    def _take_time(self, date: str) -> None:
        with contextlib.suppress(ValueError, OverflowError):
            self.ahead_s = parsedate_to_datetime(date).timestamp() - time.time()

    def _take_cookies(self, response: aiohttp.ClientResponse, sent: str, *, opens_session: bool) -> bool:
        """Keep the cookies of an answer; tell whether the site made a new session in the place of the one sent."""
        is_new = False
        for name, morsel in response.cookies.items():
            if name == "SESSION_EXPIRATION_TIME":
                self.idle_s = idle_time_s(morsel.value) or self.idle_s
            elif name != "JSESSIONID":
                self._cookies[name] = morsel.value  # of a load balancer
            elif opens_session:
                self.session_id = morsel.value
            else:
                is_new = bool(sent) and morsel.value != sent
        return is_new

    async def _renew(self, logins: int, lost: Answer) -> None:
        """Log in again, once for all tasks that lost the same session."""
        async with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if self._logins != logins or self.log_in is None:
                return
            _log.info("session lost status=%d", lost.status)
            try:
                await self.log_in()
            except LoginAgain as refusal:
                self._refusal = refusal  # never ask twice: a locked account looks the same (1.8)
                raise
            self._logins += 1


class _Kept:
    """A sink that remembers what went wrong with it, which is no trouble of the connection."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.error: OSError | None = None

    async def begin(self) -> None:
        await self._do(self._sink.begin())

    async def take(self, piece: bytes) -> None:
        await self._do(self._sink.take(piece))

    async def _do(self, act: Awaitable[None]) -> None:
        try:
            await act
        except OSError as error:
            self.error = error
            raise


class _Body(AsyncIterable[bytes]):
    """Counts the pieces, keeps the deadline moving, remembers what went wrong while reading."""

    def __init__(self, upload: Upload, deadline: asyncio.Timeout, answer_s: float) -> None:
        self._upload = upload
        self._deadline = deadline
        self._answer_s = answer_s
        self.is_finished = False
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        now_s = asyncio.get_running_loop().time
        left, told_s = self._upload.size_bytes, 0.0
        try:
            async for piece in self._upload.pieces:
                left -= len(piece)
                if left < 0:
                    break
                if not left or now_s() - told_s >= _TELL_EVERY_S:  # moving it costs as much as sending 100 kB
                    told_s = now_s()
                    self._move_deadline(told_s + (STALL_S if left else self._answer_s))
                yield piece
        except Exception as error:
            self.error = error
            raise
        if left:
            self.error = Fatal(_wrong_length(self._upload.size_bytes))
            raise self.error
        self.is_finished = True

    def _move_deadline(self, when_s: float) -> None:
        with contextlib.suppress(RuntimeError):  # it is over: the site has answered already
            self._deadline.reschedule(when_s)


def user_agent() -> str:
    """Return who we are: never like a browser, or a dead session gets a page instead of 401 (1.4)."""
    try:
        version = importlib.metadata.version("xnat-wizard")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    return f"xnat-wizard/{version}"


def idle_time_s(cookie: str) -> float | None:
    """Read the idle time from the cookie of 1.9 and older, "NOW_MS,MAXIDLE_MS"; 1.10's holds none (1.3)."""
    parts = cookie.replace("\\054", ",").strip('"').split(",")
    idle_ms = whole_number(parts[1]) if len(parts) == 2 else None
    return idle_ms / 1000 if idle_ms is not None and idle_ms >= 1000 else None


def _query(query: Mapping[str, str] | None) -> str:
    return "?" + urlencode(query, quote_via=quote, safe="", errors="surrogateescape") if query else ""


def _renewed(answer: Answer) -> Finding:
    problem = problem_of(answer)
    return Finding(
        code="login.renewed",
        what="The site had forgotten the login; there is a new one now",
        why=problem.finding.why if problem else "The site served the request as a stranger's.",
        todo=("Send it again.",),
    )


def _wrong_length(size_bytes: int) -> Finding:
    return Finding(
        code="upload.length",
        what="What was read is not as long as announced",
        why=f"{size_bytes} bytes were announced; a file changed while it was read.",
        todo=("Look at the folder again, then send it again.",),
    )
