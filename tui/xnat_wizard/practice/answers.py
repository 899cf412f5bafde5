"""The shapes that answers have on the wire: tables, items, plain text, URI lists and the three kinds of error page.

Wire contract 0.3 to 0.5. Every function returns an aiohttp response; the cookies are added when it is sent.
"""

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

if TYPE_CHECKING:
    from xnat_wizard.practice.http import Call

NAMESPACES = 'xmlns:xnat="http://nrg.wustl.edu/xnat" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

# Fields that the schema keeps as XML attributes; all others are elements.
ATTRIBUTES = frozenset({"ID", "secondary_ID", "label", "project", "UID", "type", "xsi:type", "file_count", "file_size"})

# Lists built on the query organiser, which the site may page without being asked (0.6).
_ORGANISED = re.compile(r"/data/(.*/)?(projects|subjects|experiments)")

_SECTIONS = {
    400: "10.4.1", 401: "10.4.2", 403: "10.4.4", 404: "10.4.5", 405: "10.4.6", 406: "10.4.7", 409: "10.4.10",
    411: "10.4.12", 413: "10.4.14", 415: "10.4.16", 417: "10.4.18", 500: "10.5.1", 501: "10.5.2", 503: "10.5.4",
}  # fmt: skip
_RFC2616 = "http://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec"
_WEBDAV = "http://www.webdav.org/specs/rfc2518.html#STATUS_"
_SENTENCES = {
    400: "The request could not be understood by the server due to malformed syntax",
    401: "The request requires user authentication",
    403: "The server understood the request, but is refusing to fulfill it",
    404: "The server has not found anything matching the request URI",
    405: "The method specified in the request is not allowed for the resource identified by the request URI",
    409: "The request could not be completed due to a conflict with the current state of the resource",
    417: "The expectation given in an Expect request-header field could not be met by this server",
    422: "The server understands the content type of the request entity and the syntax of the request entity is "
    "correct but was unable to process the contained instructions",
    423: "The source or destination resource of a method is locked",
    500: "The server encountered an unexpected condition which prevented it from fulfilling the request",
    501: "The server does not support the functionality required to fulfill the request",
}
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}

_PAGE = """<html>
<head>
   <title>Status page</title>
</head>
<body>
<h3>{message}</h3><p>You can get technical details <a href="{link}">here</a>.<br>
Please continue your visit at our <a href="/">home page</a>.
</p>
</body>
</html>
"""


@dataclass
class Item:
    """One record as XNAT's item JSON and XML show it (0.3).

    `fields` is `data_fields`; keys with "/" become nested elements in XML. `children` maps a field path
    ("scans/scan") to the items below it. `element` is the root element of the XML document ("xnat:MRSession").
    """

    xsi_type: str
    element: str
    fields: dict[str, Any]
    children: dict[str, list["Item"]] = field(default_factory=dict)


def cell(value: object) -> str:
    """Write a value as a table cell: always a string, NULL is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def text(body: str, status: int = 200, content_type: str = "text/plain") -> web.Response:
    """Answer with text."""
    return web.Response(text=body, status=status, content_type=content_type)


def empty(status: int = 200) -> web.Response:
    """Answer without a body."""
    return web.Response(status=status, body=b"")


def uri_list(uris: Iterable[str], *, end: str = "\r\n", status: int = 200) -> web.Response:
    """Answer `text/uri-list`; import and archive service end each URI with CRLF, commit and move with nothing (0.4)."""
    return web.Response(text="".join(f"{uri}{end}" for uri in uris), status=status, content_type="text/uri-list")


def json_answer(value: object, status: int = 200) -> web.Response:
    """Answer JSON as XAPI does: markup characters in strings are escaped (0.5)."""
    body = json.dumps(value)
    for sign in "<>&'":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return web.Response(text=body, status=status, content_type="application/json")


def table(
    call: "Call",
    rows: Iterable[Mapping[str, object]],
    *,
    columns: Sequence[str] | None = None,
    has_uri_columns: bool = False,
    has_total: bool = True,
    is_paged: bool = True,
    **meta: object,
) -> web.Response:
    """Answer a list (0.3): JSON, or XML, CSV or HTML by `?format=`; every cell is a string.

    `columns` chooses and orders the cells; without it each row's own keys are kept. `has_uri_columns` adds the
    `Columns` key of file lists. `meta` (title=..., xdat_user_id=...) stands next to `Result`, before `totalRecords`.
    `sortBy`, `sortOrder`, `limit` and `offset` are honoured (`is_paged=False` where `limit` means something else);
    a paged answer has no total (0.6).
    """
    lines = [{key: cell(row.get(key)) for key in (columns if columns is not None else row)} for row in rows]
    for key in reversed([key for key in call.param("sortBy").split(",") if key]):
        lines.sort(key=partial(_cell_of, key), reverse=call.param("sortOrder").upper() == "DESC")
    total = len(lines)
    is_always_paged = call.services.preference("defaultToPagedRestfulLists") and _ORGANISED.fullmatch(call.path)
    if is_paged and (call.param("limit") or call.param("offset") or (is_always_paged and not meta)):
        has_total = False
        offset = int(call.param("offset") or 0)
        limit = call.param("limit") or "100"
        lines = lines[offset:] if limit == "*" else lines[offset : offset + int(limit)]
    notes = {key: cell(value) for key, value in meta.items()}
    if has_total:
        notes["totalRecords"] = str(total)
    heads = list(columns) if columns is not None else list(dict.fromkeys(key for line in lines for key in line))
    wanted = call.format("json")
    if wanted == "xml":
        return _xml_table(heads, lines, notes)
    if wanted == "csv":
        return _csv_table(heads, lines)
    if wanted == "html":
        return _html_table(heads, lines)
    result: dict[str, object] = {"Columns": [{"key": "URI", "serverRoot": ""}]} if has_uri_columns else {}
    return web.json_response({"ResultSet": {**result, "Result": lines, **notes}})


def item(call: "Call", record: Item, status: int = 200) -> web.Response:
    """Answer a single record: XML unless `format=json` (0.2, 0.3)."""
    wanted = call.format("xml")
    if wanted == "json":
        return web.json_response({"items": [_item_json(record)]}, status=status)
    if wanted == "html":
        shown = "".join(
            f"<tr><th>{html.escape(k)}</th><td>{html.escape(cell(v))}</td></tr>" for k, v in record.fields.items()
        )
        return text(f"<html><body><table>{shown}</table></body></html>", status, "text/html")
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{_item_xml(record, record.element, NAMESPACES)}\n'
    return text(body, status, "text/xml")


def html_error(status: int, message: str = "") -> web.Response:
    """Answer the data API's error page; the message is not escaped, as in XNAT (0.5)."""
    link = f"{_RFC2616}{_SECTIONS[status]}" if status in _SECTIONS else f"{_WEBDAV}{status}"
    words = message or _SENTENCES.get(status, "The server refused the request")
    return text(_PAGE.format(message=words, link=link), status, "text/html")


def tomcat_error(status: int, message: str = "") -> web.Response:
    """Answer the page of the servlet container, which security failures get (0.5); the message is escaped."""
    title = f"HTTP Status {status} – {_REASONS.get(status, 'Error')}"  # noqa: RUF001  Tomcat writes this dash
    told = f"<p><b>Message</b> {html.escape(message)}</p>" if message else ""
    page = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
        f'<hr class="line" /><p><b>Type</b> Status Report</p>{told}<hr class="line" />'
        "<h3>Apache Tomcat</h3></body></html>"
    )
    return text(page, status, "text/html")


def xapi_error(status: int, message: str = "") -> web.Response:
    """Answer as XAPI does: the message as plain text, or nothing (0.5)."""
    return text(message, status) if message else empty(status)


def _cell_of(key: str, line: dict[str, str]) -> str:
    return line.get(key, "")


def _item_json(record: Item) -> dict[str, Any]:
    meta: dict[str, Any] = {"xsi:type": record.xsi_type, "isHistory": False}
    children = [
        {"field": path, "items": [_item_json(child) for child in below]}
        for path, below in record.children.items()
        if below
    ]
    return {
        "children": children,
        "data_fields": {k: v for k, v in record.fields.items() if v not in {None, ""}},
        "meta": meta,
    }


def _item_xml(record: Item, element: str, extra: str = "") -> str:
    shown = {key: cell(value) for key, value in record.fields.items() if value not in {None, ""}}
    attributes = " ".join(f"{key}={quoteattr(value)}" for key, value in shown.items() if key in ATTRIBUTES)
    head = " ".join(part for part in (element, attributes, extra) if part)
    inner: list[str] = []
    for key, value in shown.items():
        if key not in ATTRIBUTES:
            names = [f"xnat:{name}" for name in key.split("/")]
            opening = "".join(f"<{name}>" for name in names)
            inner.append(opening + escape(value) + "".join(f"</{name}>" for name in reversed(names)))
    for path, below in record.children.items():
        *wrappers, last = path.split("/")
        entries = "".join(_item_xml(child, f"xnat:{last}", f'xsi:type="{child.xsi_type}"') for child in below)
        opening = "".join(f"<xnat:{name}>" for name in wrappers)
        inner.append(opening + entries + "".join(f"</xnat:{name}>" for name in reversed(wrappers)))
    return f"<{head}>{''.join(inner)}</{element}>" if inner else f"<{head}/>"


def _xml_table(heads: list[str], lines: list[dict[str, str]], notes: dict[str, str]) -> web.Response:
    columns = "".join(f"<column>{escape(head)}</column>" for head in heads)
    rows = "".join(
        f"<row>{''.join(f'<cell>{escape(line.get(head, str()))}</cell>' for head in heads)}</row>" for line in lines
    )
    told = "".join(f" {key}={quoteattr(value)}" for key, value in notes.items())
    body = f"<ResultSet{told}><results><columns>{columns}</columns><rows>{rows}</rows></results></ResultSet>"
    return text(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', content_type="text/xml")


def _csv_table(heads: list[str], lines: list[dict[str, str]]) -> web.Response:
    sheet = io.StringIO()
    writer = csv.writer(sheet, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([line.get(head, "") for head in heads] for line in lines)
    return text(sheet.getvalue(), content_type="text/csv")


def _html_table(heads: list[str], lines: list[dict[str, str]]) -> web.Response:
    top = "".join(f"<th>{html.escape(head)}</th>" for head in heads)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(line.get(head, str()))}</td>' for head in heads)}</tr>" for line in lines
    )
    return text(f"<html><body><table><tr>{top}</tr>{rows}</table></body></html>", content_type="text/html")
