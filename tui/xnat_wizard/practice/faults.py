"""Faults on demand: what goes wrong, with which calls, and how often.

A fault is set at the start (`xnat-wizard practice --fault SPEC`), while the server runs (`/practice/faults`, below), or
in Python (`server.faults.add(Fault(...))`). `mishaps.py` makes them happen.

What happens
------------
| kind | what the caller meets | settings |
|---|---|---|
| `latency` | the call is taken up late | `seconds` |
| `bandwidth` | bodies move slowly | `rate` (bytes a second), `side` = `both`, `request` or `answer` |
| `status` | an error page instead of the answer: XNAT's own for 500, a proxy's for all others | `code` (500), `retry_after`, `moment` = `before` or `after` the work |
| `cut-request` | the connection is reset when `at` bytes of the body have been taken; what they held is processed | `at` |
| `cut-answer` | the connection closes after `at` bytes of the answer's body | `at` |
| `lost-answer` | the work is done, and the connection closes without an answer | |
| `expired-login` | the call's login session is gone before the call is looked at | |
| `login-page` | the login page with status 200 instead of the answer (0.5); nothing is done | |
| `body-limit` | the proxy refuses bodies over `at` bytes with 413, unread | `at` (1 MiB) |
| `gateway-timeout` | the proxy gives up with 504 `seconds` after the body's end; the work goes on (5.10) | `seconds` (60) |
| `disk-full` | no space is left after `at` bytes that the call stores: 400 `unable to read DICOM object` (5.7) or 500 | `at` |
| `slow-archive` | moving a session into the archive takes `seconds` longer, `_ARCHIVING` meanwhile | `seconds` |

With which calls
----------------
`only` names a group of calls (`GROUPS`), `method` a method, `path` a regular expression that is searched in path and
query ("/data/..." whatever the caller wrote). Of the calls that fit, `nth=3` begins with the third, `times=2` ends after
two, and `chance=0.1` hits one in ten by `seed`. A call that cannot suffer the fault (a body shorter than `at`, no login to
lose) does not fit. All faults that hit a call happen to it; of those that answer, the first.

`slow-archive` counts sessions instead of calls; `path` is searched in the URI in the prearchive.

A specification is `kind` or `kind:setting=value,setting=value`:

    --fault status:code=503,retry_after=2,only=import,nth=3,times=2
    --fault cut-request:at=100000,only=import,times=1
    --fault latency:seconds=0.3 --fault bandwidth:rate=50000

While the server runs
---------------------
`/practice/faults`, for the site's administrator by Basic login: GET lists, POST adds one (the specification as text, or
the settings as JSON with `kind`), PUT takes a list of such in the place of all, DELETE clears. The server listens on
loopback only. Calls to this address never suffer.

The pages of the proxy are nginx's. That a login page, 429, 502 and 503 come after the whole body was taken, and 413 before,
is nginx's behaviour with its defaults, and not part of the wire contract.
"""  # noqa: E501  a row of a table is a line

import random
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from aiohttp import web

GROUPS: Mapping[str, tuple[str, str]] = {
    # name: methods, and a pattern of path and query
    "import": ("POST", r"^/data/services/import\b"),
    "login": ("GET POST PUT", r"^(/data/JSESSION|/data/services/auth|/data/auth|/xapi/users/username)\b"),
    "build": ("POST", r"^/data/prearchive/projects/[^?]*\?.*\baction=build\b"),
    "commit": ("POST", r"^/data/prearchive/projects/[^?]*\?.*\baction=commit\b"),
    "archive": ("POST", r"^/data/services/(archive|validate-archive)\b"),
    "prearchive": ("GET POST PUT DELETE", r"^/data/prearchive\b"),
    "files": ("PUT POST", r"^/data/[^?]*/files\b"),
    "read": ("GET", ""),
    "write": ("PUT POST DELETE", ""),
}
_SIDES = ("both", "request", "answer")
_MOMENTS = ("before", "after")


class Kind(StrEnum):
    """What can go wrong; the table is above."""

    LATENCY = "latency"
    BANDWIDTH = "bandwidth"
    STATUS = "status"
    CUT_REQUEST = "cut-request"
    CUT_ANSWER = "cut-answer"
    LOST_ANSWER = "lost-answer"
    EXPIRED_LOGIN = "expired-login"
    LOGIN_PAGE = "login-page"
    BODY_LIMIT = "body-limit"
    GATEWAY_TIMEOUT = "gateway-timeout"
    DISK_FULL = "disk-full"
    SLOW_ARCHIVE = "slow-archive"


_DEFAULT_AT = {Kind.BODY_LIMIT: 2**20}
_DEFAULT_S = {Kind.LATENCY: 1.0, Kind.GATEWAY_TIMEOUT: 60.0, Kind.SLOW_ARCHIVE: 30.0}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; what the settings mean is in the table above.

    Raises:
        ValueError: a setting has no such value.
    """

    kind: Kind
    seconds: float = -1  # the kind's own default below 0
    at: int = -1  # bytes; likewise
    rate: float = 100_000  # bytes a second
    side: str = "both"
    code: int = 500
    retry_after: str = ""  # seconds or a date, sent as it is
    moment: str = "before"
    only: str = ""
    method: str = ""
    path: str = ""
    nth: int = 1
    times: int = 0  # 0: always
    chance: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        set_value = object.__setattr__  # the instance is frozen from here on
        set_value(self, "kind", Kind(self.kind))
        if self.seconds < 0:
            set_value(self, "seconds", _DEFAULT_S.get(self.kind, 0.0))
        if self.at < 0:
            set_value(self, "at", _DEFAULT_AT.get(self.kind, 0))
        set_value(self, "method", self.method.upper())
        for name, value, known in (("only", self.only, ("", *GROUPS)), ("side", self.side, _SIDES),
                                   ("moment", self.moment, _MOMENTS)):  # fmt: skip
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(filter(None, known))}, not {value!r}")
        if self.rate <= 0 or self.nth < 1 or self.times < 0 or not 0 <= self.chance <= 1 or not 400 <= self.code <= 599:
            raise ValueError(f"a setting of {self.kind} is out of range")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error

    @property
    def spec(self) -> str:
        """Return the specification that makes this fault."""
        changed = {name: value for name, value in self.as_dict().items() if name != "kind"}
        return self.kind + (":" if changed else "") + ",".join(f"{name}={value}" for name, value in changed.items())

    def as_dict(self) -> dict[str, object]:
        """Return the settings that differ from the defaults, and the kind."""
        plain = Fault(self.kind)
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in known.items() if name == "kind" or value != getattr(plain, name)}

    def fits(self, method: str, target: str) -> bool:
        """Tell whether a call is one of those that may be hit; `target` is path and query."""
        methods, pattern = GROUPS.get(self.only, ("", ""))
        if methods and method not in methods.split():
            return False
        if self.method and method != self.method:
            return False
        return bool(re.search(pattern, target) and re.search(self.path, target))


def parse(spec: str) -> Fault:
    """Read a specification.

    Raises:
        ValueError: names what is wrong.
    """
    kind, _, rest = spec.strip().partition(":")
    settings: dict[str, object] = {"kind": kind}
    for part in filter(None, rest.split(",")):
        name, sign, value = part.partition("=")
        if not sign:
            raise ValueError(f"a setting is name=value, not {part!r}")
        settings[name.strip()] = value
    return from_settings(settings)


def from_settings(settings: Mapping[str, object]) -> Fault:
    """Make a fault of named settings, texts or numbers.

    Raises:
        ValueError: names what is wrong.
    """
    known = {one.name: one.type for one in fields(Fault)}
    if unknown := set(settings) - set(known):
        raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
    kind = str(settings.get("kind", ""))
    if kind not in set(Kind):
        raise ValueError(f"a fault is one of {', '.join(Kind)}, not {kind!r}")
    values: dict[str, object] = {"kind": Kind(kind)}
    for name, value in settings.items():
        if name != "kind":
            values[name] = {int: int, float: float, str: str}[known[name]](str(value))  # type: ignore[index]  # types
    return Fault(**values)  # type: ignore[arg-type]  # each value was made by its field's type


class _Watch:
    """A fault that is set, and what it has seen."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.hits = 0
        self._random = random.Random(fault.seed)  # noqa: S311  repeatable on purpose

    def strikes(self) -> bool:
        """Count a call that fits, and tell whether it is hit."""
        self.seen += 1
        if self.seen < self.fault.nth or (self.fault.times and self.hits >= self.fault.times):
            return False
        if self.fault.chance < 1 and self._random.random() >= self.fault.chance:
            return False
        self.hits += 1
        return True


class Faults:
    """The faults that are set on one server. Safe for all threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._watches = [_Watch(fault) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._watches.append(_Watch(fault))

    def replace(self, faults: Iterable[Fault]) -> None:
        """Set these and no others; all counts begin anew."""
        with self._lock:
            self._watches = [_Watch(fault) for fault in faults]

    def clear(self) -> None:
        """Let everything go well."""
        self.replace(())

    def hits(self, kind: Kind) -> int:
        """Return how many calls the faults of a kind have hit so far."""
        with self._lock:
            return sum(watch.hits for watch in self._watches if watch.fault.kind is kind)

    def listing(self) -> list[dict[str, object]]:
        """Return each fault's specification and counts."""
        with self._lock:
            return [{"fault": watch.fault.spec, "seen": watch.seen, "hits": watch.hits} for watch in self._watches]

    def strike(self, request: web.Request, path: str, *, is_logged_in: bool) -> tuple[Fault, ...]:
        """Return what happens to a call."""
        with self._lock:
            if not self._watches or path.startswith("/practice"):
                return ()
            query = request.rel_url.raw_query_string
            target = f"{path}?{query}" if query else path
            return tuple(
                watch.fault
                for watch in self._watches
                if watch.fault.kind is not Kind.SLOW_ARCHIVE
                and watch.fault.fits(request.method, target)
                and _can_suffer(request, watch.fault, is_logged_in=is_logged_in)
                and watch.strikes()
            )

    def archive_delay_s(self, uri: str) -> float:
        """Return how much longer archiving this session takes."""
        with self._lock:
            hit = [
                watch.fault.seconds
                for watch in self._watches
                if watch.fault.kind is Kind.SLOW_ARCHIVE and re.search(watch.fault.path, uri) and watch.strikes()
            ]
        return sum(hit)


def _can_suffer(request: web.Request, fault: Fault, *, is_logged_in: bool) -> bool:
    if fault.kind is Kind.EXPIRED_LOGIN:
        return is_logged_in
    if fault.kind not in {Kind.CUT_REQUEST, Kind.BODY_LIMIT}:
        return True
    size = request.content_length
    if size is None:
        return request.body_exists or (fault.kind is Kind.CUT_REQUEST and not fault.at)
    return size > fault.at
