"""What every handler of the practice server works with: the call, the route, the refusal, and the router.

How a handler is written
------------------------
A module lists its handlers in `ROUTES: tuple[Route, ...]` and is named in `routes.MODULES`. A handler takes the
`Call` and returns a response made by one of the functions of `answers.py` (also importable from here):

    async def read_project(call: Call) -> web.StreamResponse:
        project = rights.visible_project(call, call.part("project"))       # raises Refusal(404)
        return text(project.accessibility)

    ROUTES = (Route("GET", "/data/projects/{project}/accessibility", read_project),)

- **Paths** are written once with `/data`; `/REST`, and `/archive` where the wire contract has it (0.1), follow by
  themselves, and so does the context path. `{name}` is one segment, `{name:*}` the rest of the path (may be empty,
  keeps its slashes). `call.part(name)` gives it percent-decoded. A trailing slash never matters for finding a route;
  `call.has_trailing_slash` tells it. More exact paths win over patterns, whatever the order. `HEAD` goes to `GET`.
- **Who calls**: `call.user` is a `User`; on open sites it may be the guest (`call.is_guest`). `Route(is_open=True)`
  lets callers without a login through on closed sites too. What a user may do is asked of `rights.py`.
- **Parameters**: `call.param("x")` is the query's or the form's value ("" when missing; the query wins),
  `call.has_param`, `call.params_of("src")` all values, `call.is_true("x")` the query organiser's truth (0.6),
  `call.is_java_true("x")` Java's. A urlencoded body is already merged when the handler starts (unless `inbody=true`).
- **Small bodies** (XML, JSON, scripts; 16 MiB at most): `await call.body()`, `await call.json()`.
- **Bodies of any size** are never in memory. Either `await call.uploads()` (multipart: file parts are spooled to disk,
  the other parts join the parameters), or `await call.spool()` (the raw body as a file on disk), or
  `call.reader()`: a blocking file object for a worker thread that reads the body as it arrives. Spooled files go away
  when the call is over; a handler that wants one moves it (`Path.replace`).
- **Threads**: the store is changed on the event loop only. Blocking file work runs as `await call.in_thread(fn, ...)`;
  such a function asks for something on the loop with `call.services.on_loop(fn)` and gets its result.
  Work that outlives the answer: `call.services.spawn(coroutine)`.
- **Time** is `call.services.clock.now()` (seconds), so that tests can skip it.
- **Refusals**: `raise Refusal(404, "sentence")`: the HTML page under /data, plain text under /xapi.
- After a change: `call.store.save()` (cheap).
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from multidict import CIMultiDictProxy, MultiDict

from xnat_wizard.practice.answers import (
    Item,
    cell,
    empty,
    html_error,
    item,
    json_answer,
    table,
    text,
    tomcat_error,
    uri_list,
    xapi_error,
)
from xnat_wizard.practice.bodies import BodyReader, Upload, read_multipart, read_small, spool_body
from xnat_wizard.practice.store import Store, User

if TYPE_CHECKING:
    from xnat_wizard.practice.services import LoginSession, Services

__all__ = [
    "Call",
    "Handler",
    "Item",
    "Refusal",
    "Route",
    "Router",
    "Upload",
    "cell",
    "empty",
    "html_error",
    "item",
    "json_answer",
    "table",
    "text",
    "tomcat_error",
    "uri_list",
    "xapi_error",
]

T = TypeVar("T")
Handler = Callable[["Call"], Awaitable[web.StreamResponse]]

# The first segments of the routes that also exist behind /archive (0.1).
_ARCHIVE_ROUTES = ("investigators", "projects", "subjects", "experiments", "scan_types", "config/edit")
_FORM = "application/x-www-form-urlencoded"


class Refusal(Exception):  # noqa: N818  it is an answer, not a fault
    """Ends a handler with an error status; `message` "" gives the status' default sentence."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Route:
    """A method and a path pattern, and who handles them."""

    method: str
    path: str
    handler: Handler
    is_open: bool = False  # answers callers without a login on closed sites, too


class Call:
    """One request, as handlers see it."""

    def __init__(self, request: web.Request, services: "Services", path: str, parts: dict[str, str]) -> None:
        self.request = request
        self.services = services
        self.path = path  # below the context path, /REST written as /data, without a trailing slash
        self.parts = parts  # of the path, decoded
        self.query: MultiDict[str] = MultiDict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
        self.form: MultiDict[str] = MultiDict()
        self._body: bytes | None = None
        self._uploads: tuple[Upload, ...] | None = None
        self.spooled: list[Path] = []  # removed when the call is over
        self.user: User = services.guest
        self.session: LoginSession | None = None

    # -- the head ----------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """Return what the server knows."""
        return self.services.store

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.request.method

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Return the request's headers."""
        return self.request.headers

    @property
    def is_guest(self) -> bool:
        """Say whether nobody is logged in."""
        return self.user is self.services.guest

    @property
    def is_xapi(self) -> bool:
        """Say whether the call belongs to the other of the two stacks (0.1)."""
        return self.path.startswith("/xapi/")

    @property
    def has_trailing_slash(self) -> bool:
        """Say whether the path ended in a slash: a directory listing (7.5)."""
        return self.request.rel_url.raw_path.endswith("/")

    @property
    def content_type(self) -> str:
        """Return the body's media type without parameters, "" when none was given."""
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def absolute(self, path: str) -> str:
        """Return the absolute URI of a path such as "/data/projects/P", by the host that the caller used."""
        return f"{self.request.scheme}://{self.request.host}{self.services.context_path}{path}"

    # -- parameters --------------------------------------------------------------------------------

    def part(self, name: str) -> str:
        """Return a segment of the path, percent-decoded."""
        return self.parts[name]

    def param(self, name: str, default: str = "") -> str:
        """Return a parameter; the query wins over the form."""
        return self.query.get(name, self.form.get(name, default))

    def has_param(self, name: str) -> bool:
        """Say whether a parameter was given, with whatever value."""
        return name in self.query or name in self.form

    def params_of(self, name: str) -> list[str]:
        """Return all values of a parameter that may be repeated."""
        return [*self.query.getall(name, []), *self.form.getall(name, [])]

    def params(self) -> dict[str, str]:
        """Return all parameters, one value each."""
        merged = dict(self.form.items())
        merged.update(self.query.items())
        return merged

    def is_true(self, name: str) -> bool:
        """Apply `isQueryVariableTrue`: given and neither "false" nor "0" (0.6)."""
        return self.has_param(name) and self.param(name).lower() not in {"false", "0"}

    def is_java_true(self, name: str) -> bool:
        """Apply Java's `Boolean`: "true" in any case, all else is false (0.6)."""
        return self.param(name).lower() == "true"

    def format(self, default: str) -> str:
        """Return the wanted representation: `?format=` wins over `Accept` (0.2)."""
        asked = self.param("format").lower()
        if asked:
            return {"application/json": "json", "text/xml": "xml", "text/csv": "csv", "text/html": "html"}.get(
                asked, asked
            )
        accept = self.headers.get("Accept", "")
        for kind in ("html", "xml", "json", "csv"):
            if re.search(rf"\b{kind}\b", accept):
                return kind
        return default

    def need_plain_text(self) -> None:
        """Refuse callers whose `Accept` leaves no room for text (0.2).

        Raises:
            Refusal: 406.
        """
        accept = self.headers.get("Accept", "*/*")
        if not re.search(r"\*/\*|text/(plain|\*)", accept):
            raise Refusal(406)

    # -- the body ----------------------------------------------------------------------------------

    async def body(self) -> bytes:
        """Read a small body.

        Raises:
            Refusal: 413, it is over 16 MiB.
        """
        if self._body is None:
            try:
                self._body = await read_small(self.request)
            except ValueError as error:
                raise Refusal(413, str(error)) from error
        return self._body

    async def json(self) -> Any:
        """Read a JSON body.

        Raises:
            Refusal: 400, it is no JSON.
        """
        try:
            return json.loads(await self.body())
        except ValueError as error:
            raise Refusal(400, f"JSON parse error: {error}") from error

    async def read_form(self) -> None:
        """Merge a urlencoded body into the parameters; the router has done it before the handler starts."""
        if self.content_type == _FORM and not self.is_true("inbody"):
            words = (await self.body()).decode("utf-8", "replace")
            self.form.extend(parse_qsl(words, keep_blank_values=True))

    async def uploads(self) -> tuple[Upload, ...]:
        """Read a multipart body: its files spooled to disk, its other parts merged into the parameters."""
        if self._uploads is None:
            self._uploads = ()
            if self.content_type.startswith("multipart/"):
                self._uploads = await read_multipart(self.request, self.services, self.form, self.spooled)
        return self._uploads

    async def spool(self) -> Path:
        """Write the raw body to disk as it arrives; return the file."""
        return await spool_body(self.request, self.services, self.spooled)

    def reader(self) -> BodyReader:
        """Return the raw body as a blocking file object, to be read in a thread while it arrives."""
        return BodyReader(self.request.content, self.services.loop)

    async def in_thread(self, act: Callable[..., T], *args: object) -> T:
        """Run blocking file work beside the loop."""
        return await self.services.in_thread(act, *args)


class Router:
    """Finds the route of a path, the most exact one first."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(
            ((_exactness(route.path), _compile(route.path), route) for route in routes), key=lambda r: r[0]
        )

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """Find the route and the decoded parts of its path."""
        wanted = "GET" if method == "HEAD" else method
        for _, pattern, route in self._routes:
            if route.method == wanted and (match := pattern.fullmatch(raw_path)):
                return route, {name: unquote(value or "") for name, value in match.groupdict().items()}
        return None


def normal_path(raw_path: str, context_path: str) -> str | None:
    """Return the path as routes spell it, still percent-encoded; None outside the context path."""
    if context_path:
        if raw_path != context_path and not raw_path.startswith(context_path + "/"):
            return None
        raw_path = raw_path[len(context_path) :]
    path = "/" + raw_path.strip("/")
    if path == "/REST" or path.startswith("/REST/"):
        path = "/data" + path[len("/REST") :]
    head = "/data/archive/"
    if path.startswith(head) and path[len(head) :].startswith(_ARCHIVE_ROUTES):
        path = "/data/" + path[len(head) :]
    return path


def _exactness(path: str) -> tuple[int, ...]:
    return tuple(2 if part.endswith(":*}") else 1 if part.startswith("{") else 0 for part in path.split("/"))


def _compile(path: str) -> re.Pattern[str]:
    pattern = ""
    for part in path.strip("/").split("/"):
        if part.endswith(":*}"):
            pattern += f"(?:/(?P<{part[1:-3]}>.*))?"
        elif part.startswith("{"):
            pattern += f"/(?P<{part[1:-1]}>[^/]+)"
        else:
            pattern += "/" + re.escape(part)
    return re.compile(pattern)


def check_methods(routes: Sequence[Route]) -> None:
    """Refuse two handlers for the same method and path.

    Raises:
        ValueError: names the path.
    """
    seen: set[tuple[str, str]] = set()
    for route in routes:
        key = (route.method, re.sub(r"\{[^:}]*", "{", route.path))
        if key in seen:
            raise ValueError(f"two handlers for {route.method} {route.path}")
        seen.add(key)
