"""The actions on one session of the prearchive: build, commit, move, reset-status, set-status.

Source: the wire contract 6.5.
"""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from xnat_wizard.practice import archiving, build, folders, progress, rights
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.conflicts import Options
from xnat_wizard.practice.http import Call, Refusal, Route, empty, text, uri_list
from xnat_wizard.practice.prearchive import NO_EDIT, SESSION, find_row, project_of, row_uri
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Row

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
    services.spawn(_await_end(work))  # it goes on when the caller has left
    limit = float(services.preference("sessionArchiveTimeoutInterval") or 600)
    done, _ = await asyncio.wait({work}, timeout=limit)
    if not done:
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
    old, old_key = services.store.row_folder(row), row.key
    arrival.forget(old_key)
    row.project = project
    await services.in_thread(folders.move_folder, old, services.store.row_folder(row))
    is_waiting = before in {"RECEIVING", "RECEIVING_INTERRUPT"} or not row.is_built
    row.status = "RECEIVING" if is_waiting else "READY"
    row.lastmod = services.clock.now()
    services.store.note(rows=[row], gone=[old_key])


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


ROUTES = (Route("POST", SESSION, act),)
