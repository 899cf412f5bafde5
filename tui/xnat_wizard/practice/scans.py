"""Scans of a session: list, creating, changing, deleting (wire contract 4.4)."""

from aiohttp import web

from xnat_wizard.practice import fields, making, places, records, subjects
from xnat_wizard.practice.http import Call, Refusal, Route, item, table, text
from xnat_wizard.practice.store import Scan, Session

COLUMNS = ("xnat_imagescandata_id", "ID", "type", "quality", "xsiType", "note", "series_description", "URI")
CREATE_REFUSED = "Specified user account has insufficient create privileges for sessions in this project."
NO_DELETE = "User account doesn't have permission to modify this session."
EXPECTED = "Only Scan documents can be PUT to this address. Expected: xnat:imageScanData"
GENERIC = "Multiple scan modalities can be associated here. Please specify the xsiType of the scan."


async def list_scans(call: Call) -> web.StreamResponse:
    """List a session's scans."""
    session = places.place_of(call).session
    assert session
    columns = records.wanted_columns(call, COLUMNS)
    rows = [records.scan_row(session, scan) for scan in session.scans.values()]
    types = {name for name in call.param("xsiType").split(",") if name}
    kept = [
        row
        for row in records.filtered(call, rows, fields.SCAN_SHORTCUTS)
        if not types or row["xsiType"] in types or "xnat:imageScanData" in types
    ]
    keys = [records.column_key(key) for key in columns]
    return table(call, [records.shown(row, columns) for row in kept], columns=keys)


async def read(call: Call) -> web.StreamResponse:
    """Show one scan."""
    session, scan = _one(call)
    return item(call, records.scan_item(session, scan))


async def put(call: Call) -> web.StreamResponse:
    """Create or change a scan; the answer is empty."""
    document = await records.sent_document(call)
    session = _session(call)
    scan_id = call.part("scan")
    given = call.params()
    if document is not None:
        given = {**document.attributes, **document.fields, "xsiType": document.xsi_type, **given}
    _check_type(given.get("xsiType", ""))
    scan = session.scans.get(scan_id)
    if scan is None:
        scan = _create(call, session, scan_id, given)
    elif not places.may_edit(call, session.project):
        raise Refusal(403, CREATE_REFUSED)
    elif given.get("xsiType", scan.xsi_type) != scan.xsi_type:
        raise Refusal(409, "Specified xsiType differs from existing xsiType")
    else:
        scan.fields.update(fields.own_fields("scan", scan.xsi_type, given))
    call.store.save()
    return text("")


async def post(call: Call) -> web.StreamResponse:
    """Create a scan below the collection; the answer is its absolute URI."""
    document = await records.sent_document(call)
    session = _session(call)
    given = call.params()
    if document is not None:
        given = {**document.attributes, **document.fields, "xsiType": document.xsi_type, **given}
    _check_type(given.get("xsiType", ""))
    scan_id = given.get("ID") or str(len(session.scans) + 1)
    if scan_id in session.scans:
        raise Refusal(409, "Specified scan already exists.")
    _create(call, session, scan_id, given)
    call.store.save()
    uri = call.absolute(f"/data/experiments/{session.id}/scans/{scan_id}")
    answer = text(uri)
    answer.headers["Location"] = uri
    return answer


async def delete(call: Call) -> web.StreamResponse:
    """Delete a scan and, when told, its files."""
    session, scan = _one(call)
    if not places.may_delete(call, session.project):
        raise Refusal(403, NO_DELETE)
    folder = places.scan_holder(call.store, session, scan).folder
    del session.scans[scan.id]
    call.store.save()
    if call.param("removeFiles") == "true":
        await call.in_thread(subjects.remove_folders, [folder])
    return text("")


def _session(call: Call) -> Session:
    """Find the session of a scan that is being made or changed."""
    try:
        session = places.place_of_session(call)
    except Refusal as refusal:
        raise Refusal(404, "Specified image session doesn't exist.") from refusal
    return session


def _one(call: Call) -> tuple[Session, Scan]:
    session = places.place_of_session(call)
    scan = session.scans.get(call.part("scan"))
    if scan is None:
        raise Refusal(404, "Unable to find the specified scan.")
    return session, scan


def _check_type(xsi_type: str) -> None:
    if xsi_type == "xnat:imageScanData":
        raise Refusal(400, GENERIC)
    if xsi_type and xsi_type not in fields.SCAN_ELEMENTS:
        raise Refusal(400, EXPECTED)


def _create(call: Call, session: Session, scan_id: str, given: dict[str, str]) -> Scan:
    if not places.may_edit(call, session.project):
        raise Refusal(403, CREATE_REFUSED)
    xsi_type = given.get("xsiType", "")
    if not xsi_type:
        raise Refusal(417, "Need PUT Contents")
    if scan_id in {".", ".."} or set(scan_id) & set("/\\\0"):
        raise Refusal(400, "The ID of a scan cannot be a path.")
    said = fields.own_fields("scan", xsi_type, given)
    scan = making.new_scan(call.store, session, scan_id, xsi_type)
    scan.fields.update(said)
    return scan


ROUTES = (
    *(Route("GET", f"{path}/scans", list_scans) for path in places.SESSIONS),
    *(Route("POST", f"{path}/scans", post) for path in places.SESSIONS),
    *(Route("GET", path, read) for path in places.SCANS),
    *(Route("PUT", path, put) for path in places.SCANS),
    *(Route("DELETE", path, delete) for path in places.SCANS),
)
