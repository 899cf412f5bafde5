"""The XAPI and the legacy "edit" service for anonymization scripts (wire contract 3.2 and 3.3)."""

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.config import put_config, script_id, script_key
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer, table, text
from xnat_wizard.practice.seed import DEFAULT_SCRIPT
from xnat_wizard.practice.store import Config, Project
from xnat_wizard.practice.times import java_time

_NO_ACCESS = "User does not have privileges to access this project or study"


def _project(call: Call, *, changes: bool) -> Project | None:
    """Return the project of the path, None for the site; look at the caller's rights.

    Raises:
        Refusal: 403 or 404; 400 for an unknown project on the legacy service.
    """
    if "project" not in call.parts:
        if changes:
            rights.need_admin(call, "" if call.is_xapi else _NO_ACCESS)
        return None
    found = call.store.project(call.part("project"))
    if found is None or not rights.can_see(call.user, found):
        if call.is_xapi:
            raise Refusal(404, f"Unable to find requested project: {call.part('project')}")
        raise Refusal(400, "This project does not exist.")
    if not (rights.can_delete if changes else rights.can_read)(call.user, found):
        raise Refusal(403, "" if call.is_xapi else _NO_ACCESS)
    return found


def _stored(call: Call, project: Project | None) -> Config | None:
    return call.store.config(*script_key(project))


def _is_on(call: Call, project: Project | None) -> bool:
    if project is None:
        return bool(call.services.preference("enableSitewideAnonymizationScript"))
    stored = _stored(call, project)
    return stored is not None and stored.status == "enabled"


def _write(call: Call, project: Project | None, contents: str | None, status: str) -> None:
    put_config(call.services, script_key(project), call.user.username, contents=contents, status=status)


async def _script(call: Call) -> str:
    contents = (await call.body()).decode("utf-8", "replace")
    if not contents.strip():
        raise Refusal(400, "No script: the body is empty")
    return contents


# -- XAPI --------------------------------------------------------------------------------------------


async def read_default(call: Call) -> web.StreamResponse:
    """GET /xapi/anonymize/default."""
    call.need_plain_text()
    return text(DEFAULT_SCRIPT)


async def read_script(call: Call) -> web.StreamResponse:
    """GET /xapi/anonymize/site and /projects/{P}: 204 without a script."""
    call.need_plain_text()
    stored = _stored(call, _project(call, changes=False))
    return text(stored.contents) if stored else empty(204)


async def write_script(call: Call) -> web.StreamResponse:
    """PUT /xapi/anonymize/site and /projects/{P}."""
    project = _project(call, changes=True)
    _write(call, project, await _script(call), "")
    return empty()


async def read_enabled(call: Call) -> web.StreamResponse:
    """GET /xapi/anonymize/.../enabled: a JSON literal."""
    return json_answer(_is_on(call, _project(call, changes=False)))


async def write_enabled(call: Call) -> web.StreamResponse:
    """PUT /xapi/anonymize/.../enabled?enable=true."""
    project = _project(call, changes=True)
    _write(call, project, None, "enabled" if call.param("enable", "true").lower() == "true" else "disabled")
    return empty()


# -- the legacy service ------------------------------------------------------------------------------


async def read_legacy_script(call: Call) -> web.StreamResponse:
    """GET /data/config/edit/.../image/dicom/script."""
    stored = _stored(call, _project(call, changes=False))
    rows = [] if stored is None else [{**_about(call, stored), "script": stored.contents}]
    return table(call, rows, columns=["project", "user", "create_date", "script", "id"], has_total=False)


async def read_legacy_status(call: Call) -> web.StreamResponse:
    """GET /data/config/edit/.../image/dicom/status."""
    project = _project(call, changes=False)
    stored = _stored(call, project)
    row = _about(call, stored) if stored else {"project": project.id if project else ""}
    columns = ["project", "edit", "create_date", "user", "id"]
    return table(call, [{**row, "edit": _is_on(call, project)}], columns=columns, has_total=False)


async def write_legacy_script(call: Call) -> web.StreamResponse:
    """PUT /data/config/edit/.../image/dicom/script."""
    return await write_script(call)


async def write_legacy_status(call: Call) -> web.StreamResponse:
    """PUT /data/config/edit/.../image/dicom/status?activate=true."""
    project = _project(call, changes=True)
    if not call.has_param("activate"):
        raise Refusal(400, "The parameter activate is missing")
    _write(call, project, None, "enabled" if call.is_java_true("activate") else "disabled")
    return empty()


def _about(call: Call, stored: Config) -> dict[str, object]:
    return {
        "project": stored.project,
        "user": stored.user,
        "create_date": java_time(stored.created),
        "id": script_id(call.store, stored),
    }


_XAPI = (
    ("GET", "", read_script),
    ("PUT", "", write_script),
    ("GET", "/enabled", read_enabled),
    ("PUT", "/enabled", write_enabled),
)
_LEGACY = (
    ("GET", "script", read_legacy_script),
    ("PUT", "script", write_legacy_script),
    ("GET", "status", read_legacy_status),
    ("PUT", "status", write_legacy_status),
)
ROUTES = (
    Route("GET", "/xapi/anonymize/default", read_default),
    *(
        Route(method, f"/xapi/anonymize/{scope}{tail}", handler)
        for scope in ("site", "projects/{project}")
        for method, tail, handler in _XAPI
    ),
    *(
        Route(method, f"/data/config/edit/{scope}image/dicom/{tail}", handler)
        for scope in ("", "projects/{project}/")
        for method, tail, handler in _LEGACY
    ),
)
