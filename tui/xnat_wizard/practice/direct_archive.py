"""The direct-archive table: list, look, trigger, delete (wire contract 6.9)."""

import math
from datetime import datetime
from typing import Any

from aiohttp import web

from xnat_wizard.practice import direct, rights
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer
from xnat_wizard.practice.security import version_numbers
from xnat_wizard.practice.store import Row, Store

_PAGE_SIZE = 50
_SESSION = "/xapi/direct-archive/{project}/{tag}/{name}"
_CAN_BE_QUEUED = frozenset({"RECEIVING", "ERROR"})
_IS_LATE = (1, 10, 2)  # the release that guards the trigger, and deletes the files with the row


async def list_sessions(call: Call) -> web.StreamResponse:
    """POST /xapi/direct-archive: a page of the sessions in projects that the caller reads."""
    wanted = await call.json()
    if not isinstance(wanted, dict):
        raise Refusal(400, "A page request is wanted: a JSON object")
    shown = [_shown(call.store, row) for row in call.store.state.direct if _may_read(call, row.project)]
    project = _project_filter(wanted.get("filters") or {})
    shown = [one for one in shown if project in {None, one["project"]}]
    column = str(wanted.get("sort_col") or "lastBuiltDate")
    if column not in _shown(call.store, Row("", "", "", "", "", "")):
        raise Refusal(501, f"The practice server does not sort direct-archive sessions by {column}")
    is_falling = str(wanted.get("sort_dir") or "desc").lower() == "desc"
    shown.sort(key=lambda one: (one[column] is not None, one[column] or 0), reverse=is_falling)
    page, size = _number(wanted, "page", 1), _number(wanted, "size", _PAGE_SIZE)
    return json_answer(shown[(page - 1) * size : page * size])


def _project_filter(filters: Any) -> str | None:
    """Return the project asked for; other filters are not described."""
    if filters == {}:
        return None
    project = filters.get("project") if isinstance(filters, dict) and len(filters) == 1 else None
    if isinstance(project, dict) and project.get("operator") == "EQ" and isinstance(project.get("value"), str):
        return str(project["value"])
    raise Refusal(501, "The practice server filters direct-archive sessions by one project only, with the operator EQ")


def _number(wanted: dict[str, Any], name: str, default: int) -> int:
    value = wanted.get(name, default)
    if not isinstance(value, int) or value < 1:
        raise Refusal(400, f"{name} must be a number from 1")
    return value


async def read_session(call: Call) -> web.StreamResponse:
    """GET one session."""
    return json_answer(_shown(call.store, _find(call)))


async def trigger(call: Call) -> web.StreamResponse:
    """POST one session: close it, and archive it in the background."""
    project = call.store.state.projects.get(call.part("project"))
    if project is None or not rights.can_edit(call.user, project):
        raise Refusal(403, f"User cannot trigger archive for project {call.part('project')}")
    row = _find(call)
    is_forced = call.is_true("force") and rights.is_admin(call.user)
    if _is_late(call) and row.status not in _CAN_BE_QUEUED and not is_forced:
        raise Refusal(409, f"The session {row.name} cannot be queued while it is {row.status}")
    row.status = "QUEUED_BUILDING"
    call.store.save()
    call.services.spawn(direct.archive(call.services, row))
    return empty()


async def delete_session(call: Call) -> web.StreamResponse:
    """DELETE by number."""
    row = next((one for one in call.store.state.direct if str(one.direct_id) == call.part("id")), None)
    if row is None:
        raise Refusal(404, f"No direct archive session with ID {call.part('id')}")
    project = call.store.state.projects.get(row.project)
    if not rights.edits_all_data(call.user) and not (project and rights.can_delete(call.user, project)):
        raise Refusal(403, f"User cannot delete direct archive sessions of project {row.project}")
    is_forced = call.is_true("force") and rights.is_admin(call.user)
    if _is_late(call) and row.status != "ERROR" and not is_forced:
        raise Refusal(409, f"The session {row.name} cannot be deleted while it is {row.status}")
    await direct.delete(call.services, row, with_files=_is_late(call))
    return empty()


def _find(call: Call) -> Row:
    if not _may_read(call, call.part("project")):
        raise Refusal(403)
    row = direct.find(call.store, call.part("project"), call.part("tag"), call.part("name"))
    if row is None:
        raise Refusal(404, f"No direct archive session {call.part('name')} in project {call.part('project')}")
    return row


def _may_read(call: Call, project: str) -> bool:
    known = call.store.state.projects.get(project)
    return known is not None and rights.can_read(call.user, known)


def _is_late(call: Call) -> bool:
    return version_numbers(call.services.version) >= _IS_LATE


def _shown(store: Store, row: Row) -> dict[str, Any]:
    return {
        "id": row.direct_id,
        "project": row.project,
        "subject": row.subject,
        "name": row.name,
        "folderName": row.folder,
        "tag": row.tag,
        "timestamp": row.timestamp,
        "status": row.status.lstrip("_"),
        "url": str(store.row_folder(row)),
        "externalUrl": direct.row_uri(row),
        "autoArchive": row.autoarchive or None,
        "preventAnon": row.prevent_anon,
        "preventAutoCommit": row.prevent_auto_commit,
        "source": row.source or None,
        "visit": row.visit or None,
        "protocol": row.protocol or None,
        "timeZone": row.timezone or None,
        "uploadDate": math.floor(row.uploaded * 1000),
        "lastBuiltDate": math.floor(row.lastmod * 1000),
        "scan_date": _milliseconds(row.scan_date),
        "scan_time": row.scan_time or None,
        "message": row.logs[-1]["entry"] if row.logs else None,
    }


def _milliseconds(day: str) -> int | None:
    """Return a date such as "2001-02-03 00:00:00.0", local time, as milliseconds since 1970."""
    return int(datetime.fromisoformat(day[:10]).astimezone().timestamp() * 1000) if day else None


ROUTES = (
    Route("POST", "/xapi/direct-archive", list_sessions),
    Route("GET", _SESSION, read_session),
    Route("POST", _SESSION, trigger),
    Route("DELETE", "/xapi/direct-archive/{id}", delete_session),
)
