"""The prearchive: lists, one session, its logs, and the actions on it (the wire contract 6.1, 6.2, 6.5)."""

import re
import shutil
from collections.abc import Iterable

from aiohttp import web

from xnat_wizard.practice import archiving, folders, rights
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.fields import SCAN_ELEMENTS, SESSION_ELEMENTS
from xnat_wizard.practice.http import Call, Item, Refusal, Route, empty, item, table, text
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Row
from xnat_wizard.practice.times import java_time

SESSION = "/data/prearchive/projects/{project}/{timestamp}/{folder}"
NO_EDIT = "Unable to modify session data for destination project."
_RECENT_DAYS = 10
_NO_DOCUMENT = (
    "The named session exists, but its XNAT session document is not available. "
    "The session is likely invalid or incomplete."
)


def row_uri(row: Row) -> str:
    """Return a session's URI without /data."""
    return f"/prearchive/projects/{row.project}/{row.timestamp}/{row.folder}"


def cells(row: Row) -> dict[str, object]:
    """Return a session as a line of the list."""
    return {
        "project": row.project,
        "timestamp": row.timestamp,
        "lastmod": java_time(row.lastmod),
        "uploaded": java_time(row.uploaded),
        "scan_date": row.scan_date,
        "scan_time": row.scan_time,
        "subject": row.subject,
        "folderName": row.folder,
        "name": row.name,
        "tag": row.tag,
        "status": row.status,
        "url": row_uri(row),
        "autoarchive": row.autoarchive,
        "prevent_anon": row.prevent_anon,
        "prevent_auto_commit": row.prevent_auto_commit,
        "SOURCE": row.source,
        "VISIT": row.visit,
        "PROTOCOL": row.protocol,
        "TIMEZONE": row.timezone,
    }


def list_rows(call: Call, rows: Iterable[Row]) -> web.Response:
    """Answer the table of 6.1."""
    columns = list(cells(Row("", "", "", "", "", "")))
    return table(call, [cells(row) for row in rows], columns=columns, has_total=False, is_paged=False)


# -- lists -------------------------------------------------------------------------------------------


async def read_all(call: Call) -> web.StreamResponse:
    """GET /data/prearchive: the projects that the caller edits; `tag=` finds by UID, for admins only."""
    sees_all = rights.reads_all_data(call.user)
    rows = call.store.state.rows
    if call.param("tag"):
        if not sees_all:
            raise Refusal(403, "Only site or data administrators can query the prearchive by tag")
        return list_rows(call, [row for row in rows if row.tag == call.param("tag")])
    return list_rows(call, [row for row in rows if sees_all or may_edit(call, row.project)])


async def read_projects(call: Call) -> web.StreamResponse:
    """GET /data/prearchive/projects/{P}: rights to read are enough; Unassigned rows are appended for admins."""
    sees_all = rights.reads_all_data(call.user)
    asked = call.part("project").split(",")
    if len(asked) > 1 and not sees_all:
        raise Refusal(403, f"The current user does not have access to the requested project: {call.part('project')}")
    wanted: set[str] = set()
    for name in asked:
        project = call.store.project(name)
        if name == UNASSIGNED and sees_all:
            continue
        if project is None or not rights.can_read(call.user, project):
            raise Refusal(403, f"The current user does not have access to the requested project: {name}")
        wanted.add(project.id)
    rows = [row for row in call.store.state.rows if row.project in wanted]
    if sees_all:
        rows += [row for row in call.store.state.rows if row.project == UNASSIGNED]
    return list_rows(call, rows)


async def read_recent(call: Call) -> web.StreamResponse:
    """GET /data/prearchive/experiments?recent=N: what came within N days (`true`: 10), in projects that one reads."""
    if not call.has_param("recent"):
        raise Refusal(400, 'Please set the "recent" parameter')
    wanted = call.param("recent")
    if wanted != "true" and not re.fullmatch(r"-?\d+", wanted):
        raise Refusal(400, '"recent" should be a number or true')
    days = _RECENT_DAYS if wanted == "true" else int(wanted)
    if days <= 0:
        raise Refusal(400, '"recent" should not be 0 or less that 0')
    since = call.services.clock.now() - (days + 1) * 86400  # whole days count
    rows = [row for row in call.store.state.rows if row.uploaded > since and _may_read(call, row.project)]
    return list_rows(call, sorted(rows, key=lambda row: row.uploaded))


def _may_read(call: Call, project: str) -> bool:
    known = call.store.state.projects.get(project)
    return rights.can_read(call.user, known) if known else rights.reads_all_data(call.user)


# -- one session -------------------------------------------------------------------------------------


def may_edit(call: Call, project: str) -> bool:
    """Tell whether the caller edits a project's prearchive; Unassigned is for admins."""
    if project == UNASSIGNED:
        return rights.edits_all_data(call.user)
    known = call.store.project(project)
    return known is not None and rights.can_edit(call.user, known)


def project_of(call: Call) -> str:
    """Return the project of the path by its ID, after a look at the caller's rights.

    Raises:
        Refusal: 403 no right to edit; 500 no such project.
    """
    name = call.part("project")
    if name != UNASSIGNED:
        known = call.store.project(name)
        if known is None:
            raise Refusal(500, f"No project named {name}")
        name = known.id
    if not may_edit(call, name):
        raise Refusal(403, NO_EDIT)
    return name


def find_row(call: Call, project: str) -> Row:
    """Return the session of the path.

    Raises:
        Refusal: 404.
    """
    row = call.store.row(project, call.part("timestamp"), call.part("folder"))
    if row is None:
        timestamp, folder = call.part("timestamp"), call.part("folder")
        raise Refusal(
            404,
            f"No prearchive resource with session {folder} and timestamp {timestamp} exists in the project {project}",
        )
    return row


async def read_session(call: Call) -> web.StreamResponse:
    """GET one session: its row as JSON (an unknown one is an empty table), its document, or a download."""
    project = project_of(call)
    wanted = call.format("xml")
    if wanted == "json":
        row = call.store.row(project, call.part("timestamp"), call.part("folder"))
        return list_rows(call, [row] if row else [])
    if wanted == "html":
        raise Refusal(500)
    row = find_row(call, project)
    if wanted in {"zip", "tar", "tar.gz"}:
        return await folders.send_folder(call, call.store.row_folder(row), row.folder, wanted)
    if not row.is_built:
        raise Refusal(404, _NO_DOCUMENT)
    return item(call, document(row))


def document(row: Row) -> Item:
    """Return the session's XML document."""
    scans = [
        Item(scan.xsi_type, SCAN_ELEMENTS.get(scan.xsi_type, "xnat:ImageScan"), {"ID": scan.id, **scan.fields})
        for scan in row.scans.values()
    ]
    element = SESSION_ELEMENTS.get(row.xsi_type, "xnat:OtherDicomSession")
    heads = {"project": row.project, "label": row.name, "subject_ID": row.subject}
    return Item(row.xsi_type, element, {**heads, **row.fields}, {"scans/scan": scans})


async def delete_session(call: Call) -> web.StreamResponse:
    """DELETE one session."""
    row = find_row(call, project_of(call))
    if archiving.is_busy(row):
        raise Refusal(409, "Operation already in progress on this prearchive entry.")
    await remove(call.services, row)
    return empty()


async def refuse_part(_call: Call) -> web.StreamResponse:
    """DELETE of something in a session that cannot be deleted by itself."""
    raise Refusal(400)


async def remove(services: Services, row: Row) -> None:
    """Delete a session and its files."""
    row.status = "_DELETING"
    arrival = arrival_of(services)
    await archiving.settle(arrival, row)
    await services.in_thread(shutil.rmtree, services.store.row_folder(row), True)  # noqa: FBT003  ignore_errors
    arrival.forget(row.key)
    services.store.state.routings.pop(row.tag, None)
    services.store.remove_row(row)
    services.store.save()


async def read_logs(call: Call) -> web.StreamResponse:
    """GET .../logs: oldest first; `template` leaves the texts out."""
    row = find_row(call, project_of(call))
    columns = ["id"] if call.param("template") else ["id", "date", "entry"]
    return table(call, row.logs, columns=columns, has_total=False)


async def read_log(call: Call) -> web.StreamResponse:
    """GET .../logs/last and .../logs/{id}."""
    row = find_row(call, project_of(call))
    wanted = call.part("log")
    for log in reversed(row.logs):
        if wanted in {"last", log["id"]}:
            return text(log["entry"])
    raise Refusal(404)


ROUTES = (
    Route("GET", "/data/prearchive", read_all),
    Route("GET", "/data/prearchive/experiments", read_recent),
    Route("GET", "/data/prearchive/projects", read_all),
    Route("GET", "/data/prearchive/projects/{project}", read_projects),
    Route("GET", SESSION, read_session),
    Route("DELETE", SESSION, delete_session),
    Route("DELETE", f"{SESSION}/{{part:*}}", refuse_part),
    Route("GET", f"{SESSION}/logs", read_logs),
    Route("GET", f"{SESSION}/logs/{{log}}", read_log),
)
