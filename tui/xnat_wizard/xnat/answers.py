"""What XNAT answers: tables, single items, lists of URIs, error pages. Nothing here talks to a network.

Sources: wire contract 0.3 to 0.5.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.uris import normalise, shape

Row = Mapping[str, str]  # every cell is text; "" for NULL

LOGIN_MARK = "BEGIN xnat-templates/screens/Login.vm"
LOGIN_PAGE = "/Login.vm"
PASSWORD_PAGE = "XDATScreen_UpdateUser"  # noqa: S105  the name of a page
INACTIVE_PAGE = "InactiveAccount"
SETUP_PAGE = "/setup"

_H3 = re.compile(r"<h3>(?!\s*Apache Tomcat)(.*?)</h3>", re.DOTALL | re.IGNORECASE)  # Tomcat signs its pages in one
_TOMCAT = re.compile(r"<b>Message</b>(.*?)</p>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_LONGEST = 600  # characters of a message that are shown


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
        """Return the body as text without the white space around it."""
        return self.body.decode("utf-8", errors="replace").strip()

    @property
    def bare(self) -> str:
        """Return a bare value: text without white space and without quotes around it."""
        return self.text.strip('"')

    @property
    def message(self) -> str:
        """Return what the server says went wrong, "" when it says nothing (0.5)."""
        return error_text(self.text) if self.is_html or not self._is_json else ""

    @property
    def _is_json(self) -> bool:
        return self.text[:1] in {"{", "["}

    def json(self) -> object:
        """Return the decoded JSON.

        Raises:
            Refused: it is something else.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refused(self.unclear("JSON"), status=self.status) from None

    def rows(self) -> tuple[Row, ...]:
        """Return the rows of a table.

        Raises:
            Refused: it is something else.
        """
        match self.json():
            case {"ResultSet": {"Result": list(rows)}}:
                return tuple(_as_row(row) for row in rows if isinstance(row, dict))
            case _:
                raise Refused(self.unclear("a table"), status=self.status)

    def item(self) -> Item:
        """Return a single item.

        Raises:
            Refused: it is something else.
        """
        match self.json():
            case {"items": [{"data_fields": dict(fields), **rest}, *_]}:
                meta = rest.get("meta")
                xsi_type = meta.get("xsi:type", "") if isinstance(meta, dict) else ""
                return Item(_as_row(fields), str(xsi_type))
            case _:
                raise Refused(self.unclear("an item"), status=self.status)

    def uris(self) -> tuple[str, ...]:
        """Return the URIs of a list, /data in front; lines may end in any way (0.4)."""
        return tuple(filter(None, (normalise(line.strip()) for line in re.split(r"[\r\n]+", self.text))))

    def unclear(self, wanted: str) -> Finding:
        """Say that the answer is not of the kind that was wanted."""
        got = "a web page" if self.is_html else f"{len(self.body)} bytes of {self.content_type or 'an unnamed type'}"
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
        found = _H3.search(page) or _TOMCAT.search(page) or _TITLE.search(page)
        text = found.group(1) if found else ""
        if found is not None and found.re is not _H3:
            text = html.unescape(_TAG.sub("", text))
    else:
        text = page
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _as_row(fields: Mapping[object, object]) -> Row:
    return {str(key): _as_text(value) for key, value in fields.items()}


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
