"""Which sessions of the prearchive are meant: by address, by PROJECT/SESSION, by a pattern, or a line each on stdin."""

import argparse
import fnmatch
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import IdleTimer, PrearchiveSession
    from xnat_wizard.xnat.site import Site
    from xnat_wizard.xnat.waiting.stuck import Plight, SiteTime

STUCK = "STUCK"  # no status of XNAT: nothing was heard of it for longer than the site should need
STATUSES = ("READY", "RECEIVING", "BUILDING", "CONFLICT", "ERROR", "ARCHIVING", "MOVING", "DELETING", STUCK)
_PATTERN = re.compile(r"[*?\[]")
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Name:
    """What one word of the command line, or one line of stdin, names."""

    text: str  # as it was given
    project: str  # a pattern; "*" for any
    session: str  # a pattern of label or folder; "" where `uri` says it all
    uri: str = ""

    @property
    def is_pattern(self) -> bool:
        """Tell whether it may mean several sessions."""
        return not self.uri and is_pattern(self.session)

    def names(self, row: "PrearchiveSession") -> bool:
        """Tell whether it names a session."""
        if self.uri:
            return row.uri == self.uri
        return fnmatch.fnmatchcase(row.project, self.project) and any(
            fnmatch.fnmatchcase(text, self.session) for text in (row.label, row.folder)
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """What sessions have to be, beside being named."""

    project: str = ""  # a pattern
    statuses: tuple[str, ...] = ()
    subject: str = ""  # a pattern
    older_than_s: float = 0.0

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Filter":
        """Return the filter of a command line.

        Raises:
            Problem: `terminal.bad_status`, `terminal.bad_age`.
        """
        return cls(
            "" if hasattr(options, "names") else options.project,  # a name says its own
            statuses_in(options.status),
            options.subject,
            seconds_in(getattr(options, "older_than", "")),
        )

    def passes(self, row: "PrearchiveSession", seen: "Seen") -> bool:
        """Tell whether a session passes."""
        plight, age_s = seen.plight(row)
        kinds = {row.plain_status, *((STUCK,) if is_stuck(plight) else ())}
        return (
            (not self.project or fnmatch.fnmatchcase(row.project, self.project))
            and (not self.statuses or bool(kinds & set(self.statuses)))
            and (not self.subject or fnmatch.fnmatchcase(row.subject, self.subject))
            and (not self.older_than_s or (age_s is not None and age_s >= self.older_than_s))
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the prearchive."""

    rows: "tuple[PrearchiveSession, ...]"
    time: "SiteTime"
    timer: "IdleTimer"
    now_s: float
    places: dict[str, str] = field(default_factory=dict)  # by URI: the shortest name that means it alone

    def plight(self, row: "PrearchiveSession") -> "tuple[Plight, float | None]":
        """Return whether a session is stuck, by the site's clock, and for how long nothing was heard of it."""
        from xnat_wizard.xnat.waiting.stuck import plight_of

        age_s = self.time.age_s(row, self.now_s)
        return plight_of(row, age_s, self.timer), age_s

    def place(self, row: "PrearchiveSession") -> str:
        """Return a name that the commands take: PROJECT/SESSION, or the address where that is not enough."""
        return self.places.get(row.uri) or row.uri


async def look(site: "Site", project: str) -> Seen:
    """Read the prearchive of a project, or of all that the account may edit for ""."""
    from xnat_wizard.xnat.waiting.stuck import SiteTime

    timer = await site.idle_timer()
    rows = await site.prearchive(project or None, with_unassigned=not project and site.sees_unassigned)
    time = SiteTime()
    time.see(rows, site.now_s)
    named: dict[str, list[str]] = {}
    for row in rows:
        named.setdefault(f"{row.project}/{row.label or row.folder}", []).append(row.uri)
    places = {uris[0]: name for name, uris in named.items() if len(uris) == 1 and not is_pattern(name)}
    ordered = sorted(rows, key=lambda row: (row.project, row.label, row.timestamp, row.folder))
    return Seen(tuple(ordered), time, timer, site.now_s, places)


def is_pattern(text: str) -> bool:
    """Tell whether a text may mean several things."""
    return bool(_PATTERN.search(text))


def is_stuck(plight: "Plight") -> bool:
    """Tell whether a session waits for nobody."""
    from xnat_wizard.xnat.waiting.words import PLIGHT_REASONS

    return plight in PLIGHT_REASONS


# -- names -----------------------------------------------------------------------------------------


def names_in(words: Iterable[str], project: str) -> tuple[Name, ...]:
    """Read what is named on the command line; `-` stands for the lines of stdin.

    Raises:
        Problem: `terminal.bad_session`.
    """
    found: list[Name] = []
    for word in words:
        if word == "-":
            found += [name for line in sys.stdin if (name := _of_line(line.strip(), project)) is not None]
        else:
            found.append(name_of(word, project))
    return tuple(dict.fromkeys(found))


def name_of(text: str, project: str) -> Name:
    """Read a name: an address in the prearchive, PROJECT/SESSION, or SESSION.

    Raises:
        Problem: `terminal.bad_session`.
    """
    from urllib.parse import unquote

    from xnat_wizard.xnat.uris import normalise

    if "/prearchive/" in text:
        parts = unquote(normalise(text)).split("/")  # "", data, prearchive, projects, P, TS, FOLDER
        if len(parts) == 7 and parts[3] == "projects" and all(parts[4:]):
            return Name(text, parts[4], "", "/".join(parts))
        raise Problem(_bad_session(text))
    home, slash, session = text.rpartition("/")
    if not session or "/" in home or (slash and not home):
        raise Problem(_bad_session(text))
    return Name(text, home or project or "*", session)


def _of_line(line: str, project: str) -> Name | None:
    """Read a line of stdin: a name, or a JSON object of `prearchive list --json`; one that names no session is none."""
    if not line.startswith("{"):
        return name_of(line, project) if line else None
    try:
        fields = json.loads(line)
    except ValueError:
        raise Problem(_bad_session(line)) from None
    uri, home, session = (str(fields.get(key) or "") for key in ("uri", "project", "session"))
    if uri.startswith("/data/prearchive/"):
        return name_of(uri, project)
    return Name(f"{home}/{session}", home, session) if home and session else None


def chosen(seen: Seen, names: Iterable[Name], wanted: Filter) -> "tuple[list[PrearchiveSession], list[Finding]]":
    """Return the sessions that are named and pass the filter, each once, and what was named that is not there.

    Raises:
        Problem: `prearchive.ambiguous` when a name that is no pattern fits several sessions.
    """
    found: dict[str, PrearchiveSession] = {}
    missing: list[Finding] = []
    for name in names:
        rows = [row for row in seen.rows if name.names(row)]
        if len(rows) > 1 and not name.is_pattern:
            raise Problem(_ambiguous(name, rows))
        fitting = {row.uri: row for row in rows if wanted.passes(row, seen)}
        if not rows or (not fitting and not name.is_pattern):
            missing.append(_not_there(name, is_filtered=bool(rows)))
        found |= fitting
    return list(found.values()), missing


# -- values ----------------------------------------------------------------------------------------


def statuses_in(text: str) -> tuple[str, ...]:
    """Read statuses, with commas between.

    Raises:
        Problem: `terminal.bad_status`.
    """
    found = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    for one in found:
        if one not in STATUSES:
            raise Problem(
                Finding(
                    "terminal.bad_status",
                    f"`{one}` is no status of the prearchive",
                    f"There are {', '.join(STATUSES)}",
                    ("Write one of them, or several with commas between: `--status READY,CONFLICT`",),
                )
            )
    return found


def seconds_in(text: str) -> float:
    """Read an age: "90s", "30m", "2h", "3d"; 0 for "".

    Raises:
        Problem: `terminal.bad_age`.
    """
    if not text:
        return 0.0
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise Problem(
            Finding(
                "terminal.bad_age",
                f"`{text}` is no age",
                "It takes a number and s, m, h or d",
                ("Write it as `--older-than 30m`, `2h` or `3d`",),
            )
        )
    return float(found[1]) * _SECONDS[found[2].lower()]


def _bad_session(text: str) -> Finding:
    return Finding(
        "terminal.bad_session",
        f"`{text}` names no session of the prearchive",
        "It is neither an address with /prearchive/projects/ in it, nor PROJECT/SESSION, nor a session label",
        ("Take the first column of `xnat-wizard prearchive list`", "Put a pattern into quotes: 'DEMO/*_MR1'"),
    )


def _not_there(name: Name, *, is_filtered: bool) -> Finding:
    why = (
        "It is there, and does not fit --status or --subject"
        if is_filtered
        else "It was archived, moved or deleted meanwhile, or your account may not edit that project"
    )
    return Finding(
        "prearchive.not_there",
        f"Nothing in the prearchive is meant by {name.text}",
        why,
        ("See what waits: `xnat-wizard prearchive list`", "Capital letters count"),
        where=name.text,
        shareable="A session that was named is not in the prearchive.",
    )


def _ambiguous(name: Name, rows: "list[PrearchiveSession]") -> Finding:
    return Finding(
        "prearchive.ambiguous",
        f"{name.text} means {len(rows)} sessions",
        "Sessions of one label can wait there side by side, each with a time of arrival of its own",
        tuple(f"Name it by its address: {row.uri}" for row in rows[:4]),
        where=name.text,
        shareable="A name fits several sessions of the prearchive.",
    )
