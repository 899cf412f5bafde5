"""Downloads of several sessions at once, by a list that the server keeps (wire contract 7.5)."""

import secrets
import weakref
from typing import Any

from aiohttp import web

from xnat_wizard.practice import downloads, files, places, resources
from xnat_wizard.practice.files import Kept
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer, text
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Session

_OPTIONS = frozenset({"simplified"})
_lists: "weakref.WeakKeyDictionary[Services, dict[str, tuple[str, list[Kept]]]]" = weakref.WeakKeyDictionary()


async def prepare(call: Call) -> web.StreamResponse:
    """Make a list of files; answer its id as text."""
    made = await _prepare(call)
    return empty(204) if made is None else text(made[0])


async def prepare_with_size(call: Call) -> web.StreamResponse:
    """Make a list of files; answer its id and the size of all files."""
    made = await _prepare(call)
    return empty(204) if made is None else json_answer({"id": made[0], "size": str(made[1])})


async def _prepare(call: Call) -> tuple[str, int] | None:
    wanted: dict[str, Any] = await call.json()
    if not wanted.get("sessions") or not (wanted.get("projectIds") or wanted.get("project_ids")):
        return None
    unknown = set(wanted.get("options") or ()) - _OPTIONS
    if unknown or wanted.get("assessors") or wanted.get("reconstructions"):
        raise Refusal(501, "The practice server lists scans and session resources only, with the option 'simplified'.")
    kept = [one for entry in wanted["sessions"] for one in _files_of(call, _session(call, str(entry)), wanted)]
    structure = "simplified" if wanted.get("options") else "default"
    key = f"{call.user.username}-{secrets.token_hex(8)}"
    _lists.setdefault(call.services, {})[key] = (structure, kept)
    return key, sum(one.entry.size for one in kept)


def _session(call: Call, entry: str) -> Session:
    """Find a session by its "project:subject:label:accession ID"."""
    accession = entry.rpartition(":")[2]
    session = call.store.state.sessions.get(accession)
    if session is None:
        raise Refusal(404, f"Unable to find requested file or resource: {accession}")
    try:
        return places.find_session(call, None, accession)
    except Refusal as refusal:
        raise Refusal(403) from refusal


def _files_of(call: Call, session: Session, wanted: dict[str, Any]) -> list[Kept]:
    types, formats, labels = (set(wanted.get(key) or ()) for key in ("scan_types", "scan_formats", "resources"))
    found: list[Kept] = []
    for scan in session.scans.values():
        if types and scan.fields.get("type", "") not in types:
            continue
        holder = places.scan_holder(call.store, session, scan)
        chosen = [one for one in scan.resources.values() if {one.label, one.format} & formats]
        found += [Kept(holder, resource, entry) for resource in chosen for entry in resource.files.values()]
    project = call.store.project(session.project)
    if project:
        holder = places.Place(project, None, session).holder(call.store)
        own = [one for one in session.resources.values() if one.label in labels]
        found += [Kept(holder, resource, entry) for resource in own for entry in resource.files.values()]
    return found


async def send(call: Call) -> web.StreamResponse:
    """Stream the files of a list as a zip."""
    key = call.part("list")
    listed = _lists.get(call.services, {}).get(key)
    if listed is None or not key.startswith(f"{call.user.username}-"):
        raise Refusal(404)
    structure, kept = listed
    entries = [(files.archive_name(one, structure), one.path) for one in kept]
    return await downloads.send_archive(call, "zip", entries, f"{key}.zip")


async def refresh(call: Call) -> web.StreamResponse:
    """Compare catalogs with what lies on disk, for a JSON list of archive URIs (7.8)."""
    asked = call.parts.get("operations", "All").split(",")
    names = {name.lower(): name for name in resources.OPTIONS}
    options = set(resources.OPTIONS) if "All" in asked else {names.get(name.lower(), name) for name in asked}
    await resources.refresh_all(call, [str(uri) for uri in await call.json()], options)
    return empty()


ROUTES = (
    Route("POST", "/xapi/archive/download", prepare),
    Route("POST", "/xapi/archive/downloadwithsize", prepare_with_size),
    Route("GET", "/xapi/archive/download/{list}/zip", send),
    Route("PUT", "/xapi/archive/catalogs/refresh", refresh),
    Route("PUT", "/xapi/archive/catalogs/refresh/{operations}", refresh),
)
