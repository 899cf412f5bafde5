"""The config service, and the three families of endpoints that reach the anonymization scripts (wire contract 3).

Two configurations of the site are mirrored in site preferences, in both directions: `anon`/`script` and
`seriesImportFilter`/`config`. The preferences are what counts. A project's script is stored under the path that
`project_script_path` gives.
"""

import json
from typing import Any

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, empty, table, text
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Config, Project, Store
from xnat_wizard.practice.times import java_time

SITE_SCRIPT = ("anon", "script")
SERIES_FILTER = ("seriesImportFilter", "config")
STATUSES = ("enabled", "disabled")
_NO_PRIVILEGES = "User does not have privileges to modify config for this project"
_COLUMNS = (
    "tool", "path", "project", "user", "create_date", "reason", "contents", "unversioned", "version", "status",
)  # fmt: skip
_JSON_KEYS = frozenset({"contents", "status", "reason", "unversioned", "tool", "path", "project"})


# -- what other rooms of the server ask --------------------------------------------------------------


def project_script_path(project: str) -> str:
    """Return the path of a project's anonymization script: literally "projects/{P}" (3.1)."""
    return f"projects/{project}"


def site_script(store: Store) -> Config | None:
    """Return the site's script while it is enabled."""
    if not store.state.preferences.get("enableSitewideAnonymizationScript"):
        return None
    return store.config(*SITE_SCRIPT)


def project_script(store: Store, project: str) -> Config | None:
    """Return a project's script while it is enabled."""
    found = store.config("anon", project_script_path(project), project)
    return found if found is not None and found.status == "enabled" else None


def script_id(store: Store, config: Config) -> str:
    """Return the id of a stored script: what images get as its trace."""
    return str(store.state.configs.index(config) + 1)


# -- storing -----------------------------------------------------------------------------------------


def put_config(
    services: Services, key: tuple[str, str, str], user: str, *, contents: str | None, status: str, reason: str = ""
) -> bool:
    """Store a new version of a configuration; return whether it is the first.

    `contents` None keeps the contents, `status` "" the status (a first version is enabled).

    Raises:
        Refusal: 404, there is nothing to change the status of.
    """
    store = services.store
    tool, path, project = key
    old = store.config(tool, path, project)
    if contents is None:
        if old is None:
            raise Refusal(404, not_found(key, user))
        contents = old.contents
    status = status or (old.status if old else "enabled")
    if old is None or (old.contents, old.status) != (contents, status):
        version = old.version + 1 if old else 1
        now = services.clock.now()
        store.state.configs.append(Config(tool, path, project, contents, status, user, now, version, reason))
    if not project:
        _mirror(store, (tool, path), contents, is_on=status == "enabled")
    store.save()
    return old is None


def _mirror(store: Store, key: tuple[str, str], contents: str, *, is_on: bool) -> None:
    preferences = store.state.preferences
    if key == SITE_SCRIPT:
        preferences.update(enableSitewideAnonymizationScript=is_on, sitewideAnonymizationScript=contents)
    elif key == SERIES_FILTER:
        preferences["enableSitewideSeriesImportFilter"] = is_on
        try:
            parsed = json.loads(contents)
            mode, patterns = str(parsed["mode"]), str(parsed.get("list", parsed.get("modalities", "")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        preferences.update(sitewideSeriesImportFilterMode=mode, sitewideSeriesImportFilter=patterns)


def take_over_preferences(services: Services, changed: set[str], user: str) -> None:
    """Store what site preferences say about the two mirrored configurations."""
    value = services.preference
    if changed & {"enableSitewideAnonymizationScript", "sitewideAnonymizationScript"}:
        status = "enabled" if value("enableSitewideAnonymizationScript") else "disabled"
        contents = str(value("sitewideAnonymizationScript") or "")
        put_config(services, (*SITE_SCRIPT, ""), user, contents=contents, status=status)
    names = {"enableSitewideSeriesImportFilter", "sitewideSeriesImportFilterMode", "sitewideSeriesImportFilter"}
    if changed & names:
        is_on = bool(value("enableSitewideSeriesImportFilter"))
        contents = json.dumps(
            {
                "mode": value("sitewideSeriesImportFilterMode"),
                "enabled": "true" if is_on else "false",
                "list": value("sitewideSeriesImportFilter") or "",
            }
        )
        status = "enabled" if is_on else "disabled"
        put_config(services, (*SERIES_FILTER, ""), user, contents=contents, status=status)


def not_found(key: tuple[str, str, str], user: str) -> str:
    """Return XNAT's sentence for a configuration that is not there."""
    tool, path, project = key
    return f"Couldn't find config for user {user} and project {project} on tool [{tool}] path [{path}]"


# -- the config service ------------------------------------------------------------------------------


def _key(call: Call, *, changes: bool) -> tuple[str, str, str]:
    """Return tool, path and project of a call, after a look at the caller's rights."""
    tool, path = call.part("tool"), call.part("path")
    if "project" not in call.parts:
        if changes:
            rights.need_admin(call, _NO_PRIVILEGES)
        return tool, path, ""
    name = call.part("project")
    found = rights.readable_project(call, name, not_found((tool, path, name), call.user.username))
    if changes and not rights.can_delete(call.user, found):
        raise Refusal(403, _NO_PRIVILEGES)
    if tool == "anon" and path == "script":
        path = project_script_path(found.id)
    return tool, path, found.id


async def read_config(call: Call) -> web.StreamResponse:
    """GET .../config/{tool}/{path}: the newest version, one version, or all."""
    key = _key(call, changes=False)
    versions = [c for c in call.store.state.configs if (c.tool, c.path, c.project) == key]
    if call.param("version"):
        versions = [c for c in versions if str(c.version) == call.param("version")]
    if not versions:
        if call.is_true("accept-not-found"):
            return empty(204)
        raise Refusal(404, not_found(key, call.user.username))
    if call.is_true("contents"):
        return text(versions[-1].contents)
    shown = versions if call.param("action") == "getHistory" else versions[-1:]
    columns = [name for name in _COLUMNS if not (name == "contents" and call.is_true("meta"))]
    return table(call, [_row(c) for c in shown], columns=columns, has_total=False)


async def write_config(call: Call) -> web.StreamResponse:
    """PUT .../config/{tool}/{path}: contents, status, or both."""
    key = _key(call, changes=True)
    status, reason = call.param("status"), call.param("reason")
    contents = await _sent_contents(call)
    if isinstance(contents, dict):
        status, reason = str(contents.get("status", status)), str(contents.get("reason", reason))
        contents = contents.get("contents")
    if status and status not in STATUSES:
        raise Refusal(400, f"Invalid status: {status}. Must be enabled or disabled.")
    if not contents and not status:
        raise Refusal(400, "No contents: a configuration needs a body or a status")
    is_new = put_config(call.services, key, call.user.username, contents=contents or None, status=status, reason=reason)
    return empty(201 if is_new else 200)


async def disable_config(call: Call) -> web.StreamResponse:
    """DELETE .../config/{tool}/{path}: disable it."""
    put_config(call.services, _key(call, changes=True), call.user.username, contents=None, status="disabled")
    return empty()


async def list_configs(call: Call) -> web.StreamResponse:
    """GET .../config and .../config/{tool}: the tools, or the newest versions of a tool's configurations."""
    project = rights.readable_project(call, call.part("project")).id if "project" in call.parts else ""
    newest = {(c.tool, c.path): c for c in call.store.state.configs if c.project == project}
    if "tool" not in call.parts:
        tools = sorted({tool for tool, _ in newest})
        return table(call, [{"tool": tool} for tool in tools], columns=["tool"], has_total=False)
    found = [c for c in newest.values() if c.tool == call.part("tool")]
    if not found:
        raise Refusal(404, f"Config not found for user {call.user.username} and tool [{call.part('tool')}]")
    return table(call, [_row(c) for c in found], columns=_COLUMNS, has_total=False)


async def _sent_contents(call: Call) -> str | dict[str, Any] | None:
    uploads = await call.uploads()
    if uploads:
        return await call.in_thread(uploads[0].path.read_text, "utf-8")
    if call.form.keys() & {"status", "contents"}:
        return dict(call.form.items())
    body = (await call.body()).decode("utf-8", "replace")
    if call.content_type == "application/json" and body:
        parsed = await call.json()
        if isinstance(parsed, dict) and parsed and parsed.keys() <= _JSON_KEYS:
            return parsed
    return body or None


def _row(config: Config) -> dict[str, object]:
    return {
        "tool": config.tool,
        "path": config.path,
        "project": config.project,
        "user": config.user,
        "create_date": java_time(config.created),
        "reason": config.reason,
        "contents": config.contents,
        "unversioned": False,
        "version": config.version,
        "status": config.status,
    }


def script_key(project: Project | None) -> tuple[str, str, str]:
    """Return where the script of a project, or of the site (None), is stored."""
    return ("anon", project_script_path(project.id), project.id) if project else (*SITE_SCRIPT, "")


ROUTES = tuple(
    Route(method, scope + tail, handler)
    for scope in ("/data/config", "/data/projects/{project}/config")
    for method, tail, handler in (
        ("GET", "", list_configs),
        ("GET", "/{tool}", list_configs),
        ("GET", "/{tool}/{path:*}", read_config),
        ("PUT", "/{tool}/{path:*}", write_config),
        ("DELETE", "/{tool}/{path:*}", disable_config),
    )
)
