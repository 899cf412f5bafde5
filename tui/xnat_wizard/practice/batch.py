"""The services for several sessions: archive, validate-archive, and prearchive/move, rebuild, delete (6.6)."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from xnat_wizard.practice import archiving, build, conflicts, prearchive, prearchive_actions, progress, rights
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.conflicts import Options
from xnat_wizard.practice.destinations import parse_prearchive_uri, segments_of
from xnat_wizard.practice.http import Call, Refusal, Route, empty, table, uri_list
from xnat_wizard.practice.prearchive import list_rows, may_edit
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Row

_BUSY = "Operation already in progress on this prearchive entry."
_NO_SESSION = "Unknown prearchive session."


async def _read_parameters(call: Call) -> None:
    if call.content_type.startswith("multipart/"):
        await call.uploads()


# -- archive and validate-archive ----------------------------------------------------------------------


def _sources(call: Call) -> list[Row]:
    """Find the sessions that an archive call names.

    Raises:
        Refusal: 400, 403, 404 or 500.
    """
    uris = call.params_of("src")
    if call.param("dest"):
        raise Refusal(
            501, "The practice server does not archive with dest, which XNAT gets wrong: give subject and session"
        )
    if not uris and call.param("PREARC_TIMESTAMP"):
        names = (call.param("project"), call.param("PREARC_TIMESTAMP"), call.param("PREARC_SESSION_FOLDER"))
        uris = [f"/prearchive/projects/{'/'.join(names)}"]
    if not uris:
        raise Refusal(404, _NO_SESSION)
    return [_source(call, uri) for uri in uris]


def _source(call: Call, uri: str) -> Row:
    if segments_of(uri)[0] == "archive":
        raise Refusal(400, f"Invalid src URI ({uri})")
    key = parse_prearchive_uri(uri)
    if key is None:
        raise Refusal(500, f"{uri} invalid.")
    if key[0] == UNASSIGNED:
        raise Refusal(400, "Cannot archive sessions from the Unassigned folder.")
    if call.store.project(key[0]) is None or not may_edit(call, key[0]):
        raise Refusal(403, "Invalid permissions for new project.")
    row = call.store.row(*key)
    if row is None:
        raise Refusal(404, f"{uri} not found.")
    return row


def _options(call: Call, *, is_single: bool) -> Options:
    overwrite = call.param("overwrite")
    params = call.params()
    label = next((value for key, value in params.items() if key.endswith("SessionData/label")), "")
    return Options(
        user=call.user,
        may_merge=is_single or overwrite in {"append", "delete"},
        is_override=overwrite == "delete" or (is_single and overwrite == "append"),
        replaces_files=call.is_true("overwrite_files"),
        subject=call.param("subject") or call.param("SUBJECT_ID"),
        session=call.param("session") or label or call.param("EXPT_LABEL") or call.param("label"),
        given=params,
        is_quarantined=call.is_java_true("quarantine"),
    )


async def archive(call: Call) -> web.StreamResponse:
    """POST /data/services/archive."""
    await _read_parameters(call)
    rows = _sources(call)
    if any(archiving.is_busy(row) for row in rows):
        raise Refusal(403, _BUSY)
    if len(rows) > 1:
        return _archive_several(call, rows)
    row = rows[0]
    options = _options(call, is_single=True)
    if call.param(progress.LISTENER):
        row.status = "QUEUED_ARCHIVING"
        call.services.spawn(prearchive_actions.archive_later(call, row, options))
        return _see_other(call, "/app/template/XDATScreen_prearchives.vm")
    is_redirected = call.is_true("redirect") or archiving.is_automatic(call.services, row)
    uri = await prearchive_actions.archive_in_time(call, row, options)
    return _see_other(call, uri) if is_redirected else uri_list([uri])


def _see_other(call: Call, path: str) -> web.Response:
    answer = empty(303)
    answer.headers["Location"] = call.absolute(path)
    return answer


def _archive_several(call: Call, rows: Sequence[Row]) -> web.StreamResponse:
    options = _options(call, is_single=False)

    async def work() -> None:
        for row in rows:
            await prearchive_actions.archive_later(call, row, options)

    _queue(call, rows, "QUEUED_ARCHIVING")
    call.services.spawn(work())
    return _xml_table(call, rows)


async def validate(call: Call) -> web.StreamResponse:
    """POST /data/services/validate-archive: changes nothing."""
    await _read_parameters(call)
    if len(call.params_of("src")) > 1:
        raise Refusal(400, "Cannot validate multiple sessions in one request.")
    row = _sources(call)[0]
    found = conflicts.check(call.services, row, _options(call, is_single=True))
    rows = [{"code": verdict.code, "type": verdict.type, "message": verdict.message} for verdict in found]
    return table(call, rows, columns=["code", "type", "message"], has_total=False)


# -- move, rebuild, delete -----------------------------------------------------------------------------


def _xml_table(call: Call, rows: Sequence[Row]) -> web.StreamResponse:
    """Answer the rows: XML unless JSON is asked for."""
    if not call.param("format"):
        call.query["format"] = "xml"
    return list_rows(call, rows)


def _queue(call: Call, rows: Sequence[Row], status: str) -> None:
    for row in rows:
        row.status = status
    call.store.save()


def _batch(call: Call, verb: str) -> list[Row]:
    """Find the sessions that a batch call names.

    Raises:
        Refusal: 403, 404 or 500.
    """
    rows = []
    for uri in call.params_of("src"):
        key = parse_prearchive_uri(uri)
        if key is None:
            raise Refusal(500, f"One or more source values contained a malformed URL: {uri}")
        if key[0] != UNASSIGNED and call.store.project(key[0]) is None:
            raise Refusal(404, f"One or more specified projects does not exist: {key[0]}")
        if not may_edit(call, key[0]):
            who = call.user.username
            words = (
                f"Invalid permissions for user {who} to {verb} prearchive sessions in one or more projects: {key[0]}"
            )
            raise Refusal(403, words)
        row = call.store.row(*key)
        if row is None:
            words = (
                f"No prearchive resource with session {key[2]} and timestamp {key[1]} exists in the project {key[0]}"
            )
            raise Refusal(404, words)
        rows.append(row)
    if not rows:
        raise Refusal(404, _NO_SESSION)
    return rows


def _start(
    call: Call, rows: Sequence[Row], status: str, work: Callable[[Services, Row], Awaitable[None]]
) -> web.StreamResponse:
    """Queue the free ones and work on them one after the other, in the background."""
    free = [row for row in rows if not archiving.is_busy(row)]
    before = {id(row): row.status for row in free}

    async def run() -> None:
        for row in free:
            row.status = before[id(row)]
            await work(call.services, row)

    _queue(call, free, status)
    call.services.spawn(run())
    return _xml_table(call, rows)


async def move(call: Call) -> web.StreamResponse:
    """POST /data/services/prearchive/move."""
    await _read_parameters(call)
    rows = _batch(call, "move")
    name = call.param("newProject")
    if not name:
        raise Refusal(400, f"No project specified to move session {rows[0].folder}")
    target = call.store.project(name)
    if target is None:
        raise Refusal(404, f"One or more specified projects does not exist: {name}")
    if not rights.can_edit(call.user, target):
        who = call.user.username
        words = f"Invalid permissions for user {who} to move prearchive sessions in one or more projects: {name}"
        raise Refusal(403, words)
    for row in rows:
        if call.store.row(target.id, row.timestamp, row.folder):
            raise Refusal(409, f"{row.folder} already exists in the project {target.id}")
    project = target.id
    return _start(call, rows, "QUEUED_MOVING", lambda services, row: prearchive_actions.move(services, row, project))


async def _rebuild_one(services: Services, row: Row) -> None:
    await archiving.settle(arrival_of(services), row)
    await build.build(services, row)


async def rebuild(call: Call) -> web.StreamResponse:
    """POST /data/services/prearchive/rebuild: never archives; `overrideLock` frees a locked row, for admins."""
    await _read_parameters(call)
    rows = _batch(call, "rebuild")
    if call.is_true("overrideLock") and rights.is_admin(call.user):
        for row in rows:
            row.status = "RECEIVING" if archiving.is_busy(row) else row.status
    return _start(call, rows, "QUEUED_BUILDING", _rebuild_one)


async def delete(call: Call) -> web.StreamResponse:
    """POST /data/services/prearchive/delete."""
    await _read_parameters(call)
    return _start(call, _batch(call, "delete"), "QUEUED_DELETING", prearchive.remove)


ROUTES = (
    Route("POST", "/data/services/archive", archive),
    Route("POST", "/data/services/validate-archive", validate),
    Route("POST", "/data/services/prearchive/move", move),
    Route("POST", "/data/services/prearchive/rebuild", rebuild),
    Route("POST", "/data/services/prearchive/delete", delete),
)
