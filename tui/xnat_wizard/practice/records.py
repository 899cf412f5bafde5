"""Subjects, sessions and scans as items and as table rows (wire contract 0.3, 4)."""

import re
from collections.abc import Callable, Iterable, Mapping

from xnat_wizard.practice import fields
from xnat_wizard.practice.http import Call, Item, Refusal
from xnat_wizard.practice.store import Resource, Scan, Session, Store, Subject
from xnat_wizard.practice.times import java_time

Row = dict[str, object]

_NUMBERS = frozenset({"frames", "age", "yob", "height", "weight", "education"})
_ALIASES = {"studyInstanceUID": "UID"}
_CONTROL = frozenset(
    {
        "format",
        "columns",
        "sortBy",
        "sortOrder",
        "limit",
        "offset",
        "fields",
        "recent",
        "XNAT_CSRF",
        "timestamp",
        "_",
        "xsiType",
    }
)


def subject_label(subject: Subject, project: str) -> str:
    """Return a subject's label as a project sees it."""
    return subject.shares.get(project, subject.label)


def session_label(session: Session, project: str) -> str:
    """Return a session's label as a project sees it."""
    return session.shares.get(project, session.label)


# -- items -------------------------------------------------------------------------------------------


def subject_item(store: Store, subject: Subject) -> Item:
    """Return a subject with its demographics and its sessions."""
    said = {key: _typed(key, value) for key, value in subject.fields.items()}
    demographics = {key: value for key, value in said.items() if key in fields.DEMOGRAPHICS}
    plain = {key: value for key, value in said.items() if key not in fields.DEMOGRAPHICS}
    children: dict[str, list[Item]] = {"sharing/share": _shares(subject.shares)}
    if demographics:
        children["demographics"] = [Item("xnat:demographicData", "xnat:demographics", demographics)]
    own = [session for session in store.state.sessions.values() if session.subject == subject.id]
    children["experiments/experiment"] = [session_item(session) for session in own]
    children["resources/resource"] = [_resource_item(one) for one in subject.resources.values()]
    head = {"ID": subject.id, "label": subject.label, "project": subject.project}
    return Item(fields.SUBJECT_TYPE, "xnat:Subject", {**head, **plain}, children)


def session_item(session: Session) -> Item:
    """Return a session with its scans and resources."""
    head = {"ID": session.id, "label": session.label, "project": session.project, "subject_ID": session.subject}
    said = {key: _typed(key, value) for key, value in session.fields.items() if key != "status"}
    children = {
        "sharing/share": _shares(session.shares),
        "scans/scan": [scan_item(session, scan) for scan in session.scans.values()],
        "resources/resource": [_resource_item(one) for one in session.resources.values()],
    }
    element = fields.SESSION_ELEMENTS.get(session.xsi_type, "xnat:ImageSession")
    return Item(session.xsi_type, element, {**head, **said}, children)


def scan_item(session: Session, scan: Scan) -> Item:
    """Return a scan with its resources."""
    head: Row = {"ID": scan.id, "xnat_imagescandata_id": scan.number, "image_session_ID": session.id}
    said = {key: _typed(key, value) for key, value in scan.fields.items()}
    files = {"file": [_resource_item(one) for one in scan.resources.values()]}
    return Item(scan.xsi_type, fields.SCAN_ELEMENTS.get(scan.xsi_type, "xnat:ImageScan"), {**head, **said}, files)


def _resource_item(resource: Resource) -> Item:
    said: Row = {
        "xnat_abstractresource_id": resource.id,
        "label": resource.label,
        "file_count": len(resource.files),
        "file_size": sum(entry.size for entry in resource.files.values()),
        "format": resource.format,
        "content": resource.content,
        "description": resource.description,
    }
    return Item("xnat:resourceCatalog", "xnat:resource", said)


def _shares(shares: Mapping[str, str]) -> list[Item]:
    return [
        Item("xnat:projectParticipant", "xnat:share", {"project": p, "label": label}) for p, label in shares.items()
    ]


def _typed(key: str, value: str) -> object:
    return int(value) if key in _NUMBERS and value.isdigit() else value


# -- rows --------------------------------------------------------------------------------------------


def subject_row(subject: Subject, project: str) -> Row:
    """Return all that a list can show of a subject."""
    return {
        **subject.fields,
        "ID": subject.id,
        "project": subject.project,
        "label": subject_label(subject, project),
        "insert_date": java_time(subject.insert_date),
        "insert_user": subject.insert_user,
        "last_modified": java_time(subject.insert_date),
        "xsiType": fields.SUBJECT_TYPE,
        "URI": f"/data/subjects/{subject.id}",
    }


def session_row(store: Store, session: Session, project: str) -> Row:
    """Return all that a list can show of a session."""
    subject = store.state.subjects.get(session.subject)
    return {
        **session.fields,
        "ID": session.id,
        "project": session.project,
        "date": session.fields.get("date", ""),
        "xsiType": session.xsi_type,
        "label": session_label(session, project),
        "insert_date": java_time(session.insert_date),
        "insert_user": session.insert_user,
        "last_modified": java_time(session.insert_date),
        "subject_ID": session.subject,
        "subject_label": subject_label(subject, project) if subject else "",
        "URI": f"/data/experiments/{session.id}",
    }


def scan_row(session: Session, scan: Scan) -> Row:
    """Return all that a list can show of a scan."""
    return {
        **scan.fields,
        "xnat_imagescandata_id": scan.number,
        "ID": scan.id,
        "xsiType": scan.xsi_type,
        "insert_date": java_time(session.insert_date),
        "insert_user": session.insert_user,
        "last_modified": java_time(session.insert_date),
        "URI": f"/data/experiments/{session.id}/scans/{scan.id}",
    }


def wanted_columns(call: Call, default: Iterable[str]) -> list[str]:
    """Return the columns that a call asks for; the URI is always among them."""
    asked = [key for key in call.param("columns").split(",") if key]
    return list(dict.fromkeys([*asked, "URI"])) if asked else list(default)


def shown(row: Row, columns: Iterable[str]) -> Row:
    """Return a row's cells; an xpath is keyed by itself in lower case, as the query organiser has it."""
    return {column_key(key): row.get(key) if key in row else row.get(fields.field_name(key)) for key in columns}


def column_key(column: str) -> str:
    """Return the key under which a list shows a column."""
    return column.lower() if "/" in column else column


def filtered(call: Call, rows: Iterable[Row], known: Iterable[str]) -> list[Row]:
    """Keep the rows that match all filters among the call's parameters (0.6)."""
    names = {*known, *_ALIASES, "ID", "label", "project", "insert_user", "subject_ID", "subject_label"}
    tests: list[tuple[str, Callable[[str], bool]]] = [
        (_filter_name(key), _matcher(_filter_name(key), value))
        for key, value in call.query.items()
        if key not in _CONTROL and (key in names or "/" in key) and value
    ]
    return [row for row in rows if all(test(str(row.get(name) or "")) for name, test in tests)]


def _filter_name(key: str) -> str:
    return _ALIASES.get(key) or fields.field_name(key)


def _matcher(name: str, wanted: str) -> Callable[[str], bool]:
    """Return a test: "," means or; "%" and "*" stand for anything; dates may be a range with "-"."""
    if name in {"date", "dob"}:
        first, dash, last = wanted.partition("-")
        low = fields.in_schema(name, first)
        high = fields.in_schema(name, last) if dash else low
        return lambda value: bool(value) and low <= value <= high
    patterns = [
        re.compile(".*".join(re.escape(piece) for piece in re.split(r"[%*]", choice)), re.DOTALL)
        for choice in wanted.split(",")
    ]
    return lambda value: any(pattern.fullmatch(value) for pattern in patterns)


# -- documents ---------------------------------------------------------------------------------------


async def sent_document(call: Call) -> fields.Document | None:
    """Read the XML item that a call carries in its body or as a form's file; None when it carries none (0.7).

    Raises:
        Refusal: 400, broken; 501, the sender means something else.
    """
    kind, form = call.content_type, call.param("req_format")
    if kind.startswith("multipart/"):
        files = await call.uploads()
        return fields.read_document(await call.in_thread(files[0].path.read_bytes)) if files else None
    if kind in {"text/xml", "application/xml"} or form == "xml" or call.is_true("inbody"):
        body = await call.body()
        return fields.read_document(body) if body.strip() else None
    if kind == "application/json" and await call.body():
        raise Refusal(501, "The practice server reads records from parameters and XML, not from JSON.")
    return None
