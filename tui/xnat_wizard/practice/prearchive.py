"""The prearchive: lists, one session, its logs, and the actions on it (the wire contract 6.1, 6.2, 6.5)."""

import asyncio
import shutil
from collections.abc import Iterable, Mapping

from aiohttp import web

from xnat_wizard.practice import archiving, build, folders, progress, rights
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.conflicts import Options
from xnat_wizard.practice.fields import SCAN_ELEMENTS, SESSION_ELEMENTS
from xnat_wizard.practice.http import Call, Item, Refusal, Route, empty, item, table, text, uri_list
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Row, java_time

SESSION = "/data/prearchive/projects/{project}/{timestamp}/{folder}"
NO_EDIT = "Unable to modify session data for destination project."
STATUSES = frozenset(
    name
    for plain in (
        "ARCHIVING",
        "BUILDING",
        "DELETING",
        "MOVING",
        "SEPARATING",
        "RECEIVING",
        "RECEIVING_INTERRUPT",
        "CONFLICT",
    )
    for name in (plain, f"_{plain}", f"QUEUED_{plain}")
) | {"READY", "ERROR"}
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


async def rescan(call: Call) -> web.StreamResponse:
    """PUT /data/prearchive: the table is never apart from the disk here, so only the right is looked at."""
    if not rights.edits_all_data(call.user):
        raise Refusal(403, "Only site or data administrators can refresh the prearchive")
    return empty()


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


async def remove(services: Services, row: Row) -> None:
    """Delete a session and its files."""
    row.status = "_DELETING"
    arrival = arrival_of(services)
    await archiving.settle(arrival, row)
    await services.in_thread(shutil.rmtree, services.store.row_folder(row), True)  # noqa: FBT003  ignore_errors
    arrival.forget(row.key)
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


# -- actions -----------------------------------------------------------------------------------------


async def act(call: Call) -> web.StreamResponse:
    """POST one session: build, commit, move, reset-status, set-status."""
    given = await _parameters(call)
    action = given.get("action", "")
    name = call.part("project")
    is_rescue = name == UNASSIGNED and action in {"build", "move", "commit"}
    project = name if is_rescue and not call.is_guest else project_of(call)
    if not action:
        raise Refusal(400, f"No action parameter was specified for the request by user {call.user.username}")
    handler = {"build": _build, "commit": _commit, "move": _move, "reset-status": _reset, "set-status": _set}.get(
        action
    )
    if handler is None:
        shown = f"/prearchive/projects/{project}/{call.part('timestamp')}/{call.part('folder')}"
        message = f"User {call.user.username} requested an unsupported action on prearchive session: {shown}"
        raise Refusal(400, message)
    return await handler(call, find_row(call, project), given)


async def _parameters(call: Call) -> dict[str, str]:
    """Merge the parameters of query, form and JSON body."""
    given = {}
    if call.content_type == "application/json" and (await call.body()).strip():
        body = await call.json()
        if isinstance(body, dict):
            given = {str(key): str(value) for key, value in body.items()}
    if call.content_type.startswith("multipart/"):
        await call.uploads()
    return {**given, **call.params()}


def _plain_uri(row: Row, status: int = 200) -> web.Response:
    return uri_list([f"/data{row_uri(row)}"], end="", status=status)


async def _build_first(call: Call, row: Row, given: Mapping[str, str]) -> None:
    if archiving.is_busy(row):
        raise Refusal(409, "session document locked")
    row.visit = given.get("VISIT", row.visit)
    row.protocol = given.get("PROTOCOL", row.protocol)
    row.timezone = given.get("TIMEZONE", row.timezone)
    row.source = given.get("SOURCE", row.source)
    await archiving.settle(arrival_of(call.services), row)
    await build.build(call.services, row)


async def _build(call: Call, row: Row, given: Mapping[str, str]) -> web.StreamResponse:
    await _build_first(call, row, given)
    return _plain_uri(row)


async def _commit(call: Call, row: Row, given: Mapping[str, str]) -> web.StreamResponse:
    """Build; archive where 5.8 says so, merging but never overriding."""
    await _build_first(call, row, given)
    asked = next((given[name].lower() == "true" for name in ("AA", "auto-archive") if name in given), None)
    if not archiving.is_automatic(call.services, row, wish=asked):
        return _plain_uri(row)
    flag = given.get("overwrite_files")
    options = Options(
        user=call.user,
        replaces_files=flag is not None and flag.lower() not in {"false", "0"},
        subject=given.get("subject") or given.get("SUBJECT_ID", ""),
        session=given.get("session") or given.get("EXPT_LABEL", ""),
        given=given,
        is_quarantined=given.get("quarantine", "").lower() == "true",
    )
    if given.get(progress.LISTENER):
        call.services.spawn(archive_later(call, row, options))
        return empty()
    return text(await archive_in_time(call, row, options), 301)


async def archive_in_time(call: Call, row: Row, options: Options) -> str:
    """Archive and wait for it, as long as the site waits; the work goes on after that (6.5).

    Raises:
        Refusal: 500, with the reason.
    """
    folder = row.folder
    shown = "/".join(row.key)
    services = call.services
    work = services.loop.create_task(archiving.archive(services, row, options))
    limit = float(services.preference("sessionArchiveTimeoutInterval") or 600)
    done, _ = await asyncio.wait({work}, timeout=limit)
    if not done:
        services.spawn(_await_end(work))
        message = (
            f"The session {shown} did not return a valid data URI within the timeout interval of {limit:g} seconds."
        )
        raise Refusal(500, message)
    try:
        return work.result()
    except archiving.ArchiveFailedError as error:
        raise Refusal(500, f"FAILED: Unable to archive {folder}: Operation Failed: {error.reason}") from error


async def _await_end(work: "asyncio.Task[str]") -> None:
    try:
        await work
    except archiving.ArchiveFailedError:
        return  # the row's log says so


async def archive_later(call: Call, row: Row, options: Options) -> None:
    """Archive in the background, telling the listener."""
    teller = progress.start(call)
    teller.tell("Determining destination")
    try:
        teller.succeed([await archiving.archive(call.services, row, options)])
    except archiving.ArchiveFailedError as error:
        teller.fail(f"Operation Failed: {error.reason}")


async def _move(call: Call, row: Row, _given: Mapping[str, str]) -> web.StreamResponse:
    target = call.store.state.projects.get(call.query.get("newProject", ""))
    if target is None:
        raise Refusal(404, f"No project named {call.query.get('newProject', '')}")
    if not rights.can_edit(call.user, target):
        raise Refusal(403, NO_EDIT)
    if archiving.is_busy(row):
        return empty()  # nothing is moved, and the answer does not say so (10.3 no. 2)
    if call.store.row(target.id, row.timestamp, row.folder):
        raise Refusal(409, f"{row.folder} already exists in the project {target.id}")
    await move(call.services, row, target.id)
    return text(f"/data{row_uri(row)}", 301)


async def move(services: Services, row: Row, project: str) -> None:
    """Move a session to another project, with its timestamp and folder."""
    before = row.status
    row.status = "_MOVING"
    arrival = arrival_of(services)
    await archiving.settle(arrival, row)
    old = services.store.row_folder(row)
    arrival.forget(row.key)
    row.project = project
    await services.in_thread(folders.move_folder, old, services.store.row_folder(row))
    is_waiting = before in {"RECEIVING", "RECEIVING_INTERRUPT"} or not row.is_built
    row.status = "RECEIVING" if is_waiting else "READY"
    row.lastmod = services.clock.now()
    services.store.save()


async def _reset(call: Call, row: Row, _given: Mapping[str, str]) -> web.StreamResponse:
    row.status = "READY" if row.is_built else "RECEIVING"
    call.store.save()
    return _plain_uri(row)


async def _set(call: Call, row: Row, given: Mapping[str, str]) -> web.StreamResponse:
    if given.get("status") not in STATUSES:
        raise Refusal(400, f"{given.get('status', '')} is no status of the prearchive")
    row.status = given["status"]
    call.store.save()
    return empty()


ROUTES = (
    Route("GET", "/data/prearchive", read_all),
    Route("PUT", "/data/prearchive", rescan),
    Route("GET", "/data/prearchive/projects", read_all),
    Route("GET", "/data/prearchive/projects/{project}", read_projects),
    Route("GET", SESSION, read_session),
    Route("POST", SESSION, act),
    Route("DELETE", SESSION, delete_session),
    Route("GET", f"{SESSION}/logs", read_logs),
    Route("GET", f"{SESSION}/logs/{{log}}", read_log),
)
