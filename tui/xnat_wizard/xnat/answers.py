"""What XNAT answers: tables, single items, lists of URIs, error pages. Nothing here talks to a network.

Sources: wire contract 0.3 to 0.5.
"""

import html
import json
import re
from dataclasses import dataclass

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.tables import KEPT_LIMIT, Allowance, Row, TableReader, TooMuchError, as_row, parsed_bytes
from xnat_wizard.xnat.uris import normalise, shape

LOGIN_MARK = "BEGIN xnat-templates/screens/Login.vm"
LOGIN_PAGE = "/Login.vm"
PASSWORD_PAGE = "XDATScreen_UpdateUser"  # noqa: S105  the name of a page
INACTIVE_PAGE = "InactiveAccount"
SETUP_PAGE = "/setup"

_H3 = re.compile(r"<h3>(?!\s*Apache Tomcat)", re.IGNORECASE)  # Tomcat signs its pages in one
_H3_END = re.compile("</h3>", re.IGNORECASE)
_ELSEWHERE = (  # where other pages have their message
    (re.compile("<b>Message</b>", re.IGNORECASE), re.compile("</p>", re.IGNORECASE)),
    (re.compile("<title>", re.IGNORECASE), re.compile("</title>", re.IGNORECASE)),
)
_TAG = re.compile(r"<[^<>]*>")
_LINE = re.compile(r"[^\r\n]+")
_LONGEST = 600  # characters of a message that are shown
PAGE_BYTES = 64 * 1024  # in which the message of a page stands
_TEXT_BYTES = 8 * 1024 * 1024  # no script, value or list of URIs is so long


@dataclass(frozen=True, slots=True)
class Item:
    """A single item: its fields as text, and its type (wire contract 0.3)."""

    fields: Row
    xsi_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read to its end."""

    method: str
    path: str  # as requested, encoded, without query and context path
    status: int
    body: bytes
    content_type: str = ""
    location: str = ""
    retry_after: str = ""
    is_new_session: bool = False  # a session was handed out that nobody asked for: ours is dead (1.2)

    @property
    def is_html(self) -> bool:
        """Tell whether the body is a page, whatever the Content-Type says."""
        return self.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower().startswith((b"<!doctype html", b"<html"))

    @property
    def is_login_page(self) -> bool:
        """Tell whether this is the login page, or sends there: the session is gone (1.4)."""
        if self.status in {301, 302, 303, 307}:
            return LOGIN_PAGE in self.location
        return self.is_html and LOGIN_MARK.encode() in self.body

    @property
    def text(self) -> str:
        """Return the body as text without the white space around it.

        Raises:
            Refused: site.too_long.
        """
        if len(self.body) > _TEXT_BYTES:
            raise Refused(self.too_much(), status=self.status)
        return _decoded(self.body)

    @property
    def bare(self) -> str:
        """Return a bare value: text without white space and without quotes around it."""
        return self.text.strip('"')

    @property
    def message(self) -> str:
        """Return what the server says went wrong, "" when it says nothing (0.5)."""
        said = _decoded(self.body[:PAGE_BYTES])
        return "" if said.startswith(("{", "[")) else error_text(said)

    def json(self) -> object:
        """Return the decoded JSON.

        Raises:
            Refused: it is something else; site.too_long where it would fill the memory.
        """
        if parsed_bytes(self.body) > KEPT_LIMIT:
            raise Refused(self.too_much(), status=self.status)
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refused(self.unclear("JSON"), status=self.status) from None

    def rows(self) -> tuple[Row, ...]:
        """Return the rows of a table.

        Raises:
            Refused: it is something else; site.too_long where they would fill the memory.
        """
        reader, allowance = TableReader(), Allowance()
        rows: list[Row] = []
        try:
            for row in reader.feed(self.body):
                allowance.use(row, *row, *row.values())
                rows.append(row)
        except TooMuchError:
            raise Refused(self.too_much(), status=self.status) from None
        if not reader.end():
            raise Refused(self.unclear("a table"), status=self.status)
        return tuple(rows)

    def item(self) -> Item:
        """Return a single item.

        Raises:
            Refused: it is something else.
        """
        match self.json():
            case {"items": [{"data_fields": dict(fields), **rest}, *_]}:
                meta = rest.get("meta")
                xsi_type = meta.get("xsi:type", "") if isinstance(meta, dict) else ""
                return Item(as_row(fields), str(xsi_type))
            case _:
                raise Refused(self.unclear("an item"), status=self.status)

    def uris(self) -> tuple[str, ...]:
        """Return the URIs of a list, /data in front; lines may end in any way (0.4)."""
        return tuple(filter(None, (normalise(line[0].strip()) for line in _LINE.finditer(self.text))))

    def unclear(self, wanted: str, size_bytes: int | None = None) -> Finding:
        """Say that the answer, of which perhaps only the beginning is known, is not of the kind that was wanted."""
        size = len(self.body) if size_bytes is None else size_bytes
        got = "a web page" if self.is_html else f"{size} bytes of {self.content_type or 'an unnamed type'}"
        return Finding(
            code="site.unclear",
            what="The site's answer could not be read",
            why=f"To {self.method} {self.path} it sent {got} instead of {wanted} (status {self.status}).",
            todo=(
                "Try again; a proxy between here and the site may have answered in its place.",
                "Give the lines above to the site's administrator.",
            ),
            shareable=f"{self.method} {shape(self.path)}: status {self.status}, {got} instead of {wanted}.",
        )

    def too_much(self) -> Finding:
        """Say that what the answer holds would fill the memory of this machine."""
        return too_much(self.method, self.path)


def too_much(method: str, path: str) -> Finding:
    """Say that an answer is larger than this program takes, and was left alone."""
    return Finding(
        code="site.too_long",
        what="The site's answer is larger than this program takes, and was left alone",
        why=f"To {method} {path} it sent so much that it would fill this machine's memory.",
        todo=(
            "Try again; a proxy between here and the site may have answered in its place.",
            "Look at it in a browser, or at a smaller part of it here.",
            "Give the lines above to the site's administrator.",
        ),
        shareable=f"{method} {shape(path)}: the answer is larger than this program takes.",
    )


def cell(row: Row, *names: str) -> str:
    """Return the first of several columns that is there and not empty; column names differ by list (12)."""
    return next((row[name] for name in names if row.get(name)), "")


def id_of(row: Row) -> str:
    """Return the ID of a row: the column is called "ID", or ends so under a full path (4.3)."""
    direct = cell(row, "ID", "id")
    return direct or next((value for key, value in row.items() if key.lower().endswith("/id") and value), "")


def number(text: str) -> int | None:
    """Read a count or size, which is text and may be empty (0.3)."""
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def error_text(page: str) -> str:
    """Return the message in an error page of XNAT or Tomcat, or the plain text itself, in one line (0.5)."""
    if page[:15].lower().startswith(("<!doctype html", "<html")):
        text = _between(page, _H3, _H3_END) or html.unescape(
            next(filter(None, (_TAG.sub("", _between(page, *marks)) for marks in _ELSEWHERE)), "")
        )
    else:
        text = page
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _between(page: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    """Return what stands between two marks, "" where they are not there. One look at a page, however it is made."""
    first = begin.search(page)
    last = end.search(page, first.end()) if first else None
    return page[first.end() : last.start()] if first and last else ""


def _decoded(body: bytes) -> str:
    return body.decode("utf-8-sig", errors="replace").strip()
