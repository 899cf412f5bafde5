"""One project: read, create, change, delete, and its settings (wire contract 2.2 to 2.6)."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, empty, item, text
from xnat_wizard.practice.project_fields import as_item, fields_of_parameters, fields_of_xml, set_fields
from xnat_wizard.practice.store import Project, Session, Subject, fresh_folder

LEVELS = ("private", "protected", "public")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_NO_EDIT = "User account doesn't have permission to edit this project."


# -- reading -----------------------------------------------------------------------------------------


async def read_project(call: Call) -> web.StreamResponse:
    """GET /data/projects/{P}."""
    project = rights.visible_project(call, call.part("project"))
    note_use(call, project)
    return item(call, as_item(project))


async def read_setting(call: Call) -> web.StreamResponse:
    """GET /data/projects/{P}/{prearchive_code, quarantine_code, current_arc, accessibility, scan_type_mapping}."""
    project = rights.visible_project(call, call.part("project"))
    values = {
        "prearchive_code": str(project.prearchive_code),
        "quarantine_code": str(project.quarantine_code),
        "current_arc": "arc001",
        "accessibility": project.accessibility,
        "scan_type_mapping": "true" if _maps_scan_types(call, project) else "false",
    }
    return text(values[call.path.rpartition("/")[2]])


def _maps_scan_types(call: Call, project: Project) -> bool:
    """Say whether scan types follow earlier scans: the project's configuration, else the site's preference."""
    if call.services.preference("scanTypeMapping") is False:
        return False
    own = call.store.config("project", "scanTypeMapping", project.id)
    return own.contents.strip().lower() == "true" if own and own.status == "enabled" else True


def note_use(call: Call, project: Project) -> None:
    """Remember that the caller used the project: it is then one of their recent ones."""
    if not call.is_guest and rights.role(call.user, project):
        call.user.recent[project.id] = call.services.clock.now()


# -- creating and changing ---------------------------------------------------------------------------


async def put_project(call: Call) -> web.StreamResponse:
    """PUT /data/projects/{P}: create or change; 200 and empty in both cases."""
    wanted_id = call.part("project")
    fields, aliases = await _sent_fields(call)
    project = call.store.state.projects.get(wanted_id)  # an alias is a taken name here, not an address
    if fields.get("ID", wanted_id) != wanted_id:
        raise Refusal(417, "The project ID for the REST call must match the value in submitted request body.")
    if project is None:
        create_project(call, wanted_id, fields, aliases)
    else:
        _change(call, project, fields, aliases)
    return empty()


async def post_project(call: Call) -> web.StreamResponse:
    """POST /data/projects: create only; the absolute URI is the answer."""
    fields, aliases = await _sent_fields(call)
    if not fields:
        raise Refusal(417, "Need POST Contents")
    if not fields.get("ID"):
        raise Refusal(417, "Requires XNAT ProjectData ID")
    if call.store.state.projects.get(fields["ID"]):
        raise Refusal(409, "Project already exists.")
    project = create_project(call, fields["ID"], fields, aliases)
    uri = call.absolute(f"/data/projects/{project.id}")
    answer = text(uri, content_type="text/uri-list")
    answer.headers["Location"] = uri
    return answer


def create_project(call: Call, project_id: str, fields: dict[str, str], aliases: list[str]) -> Project:
    """Make a project, owned by the caller.

    Raises:
        Refusal: 417 a bad ID, 403 not allowed or burnt, 409 a name is taken.
    """
    user, preference = call.user, call.services.preference
    if call.is_guest or not (preference("uiAllowNonAdminProjectCreation") or rights.is_admin(user)):
        raise Refusal(403, f"User {user.username} doesn't have permission to create projects on this system")
    if not _ID.fullmatch(project_id):
        raise Refusal(417, "Invalid character in project ID.")
    if project_id in call.store.state.burnt_project_ids and not preference("security.allowProjectIdReuse"):
        raise Refusal(403, f"Project '{project_id}' was used in a previously deleted project and cannot be reused.")
    project = Project(
        id=project_id,
        name=fields.get("name") or project_id,
        running_title=fields.get("secondary_ID") or project_id,
        insert_date=call.services.clock.now(),
        insert_user=user.username,
        aliases=aliases,
        accessibility=_first_level(call),
        prearchive_code=int(preference("defaultProjectAutoArchiveSetting")),
        members={user.username: "owner"},
    )
    set_fields(project, {name: value for name, value in fields.items() if value})
    _refuse_clashes(call, project)
    call.store.state.projects[project_id] = project
    fresh_folder(call.store.project_folder(project_id) / "arc001")
    note_use(call, project)
    call.store.save()
    return project


def _change(call: Call, project: Project, fields: dict[str, str], aliases: list[str]) -> None:
    if not rights.can_delete(call.user, project):
        hidden = f"User {call.user.username} doesn't have permission to edit the project {project.id}"
        raise Refusal(403, _NO_EDIT if rights.can_see(call.user, project) else hidden)
    draft = Project(project.id, project.name, project.running_title, 0, "", aliases=aliases or project.aliases)
    set_fields(draft, fields)
    draft.name = draft.name or project.id
    draft.running_title = draft.running_title or project.id
    _refuse_clashes(call, draft)
    set_fields(project, fields)
    project.name, project.running_title, project.aliases = draft.name, draft.running_title, draft.aliases
    note_use(call, project)
    call.store.save()


async def _sent_fields(call: Call) -> tuple[dict[str, str], list[str]]:
    """Return the submitted fields and aliases: query and form, over an XML body."""
    await call.uploads()
    fields: dict[str, str] = {}
    aliases: list[str] = []
    is_xml = call.content_type in {"text/xml", "application/xml"} or call.param("req_format") == "xml"
    body = b"" if call.form else await call.body()
    if body.strip() and (is_xml or call.is_true("inbody") or body.lstrip().startswith(b"<")):
        try:
            fields, aliases = fields_of_xml(body)
        except ValueError as error:
            raise Refusal(400, f"The XML was not understood: {error}") from error
    more, more_aliases = fields_of_parameters(call.params())
    return {**fields, **more}, aliases + more_aliases


def _first_level(call: Call) -> str:
    """Return the accessibility of a new project (2.3)."""
    allows_all = bool(call.services.preference("securityAllowNonPrivateProjects"))
    level = call.param("accessibility").lower() or ("protected" if allows_all else "private")
    if level not in LEVELS:
        raise Refusal(403, f"Unknown accessibility: {level}")
    if level != "private" and not allows_all:
        raise Refusal(403, "This site allows private projects only")
    return level


def _refuse_clashes(call: Call, draft: Project) -> None:
    """Compare with all names of all other projects: one namespace, in which case does not matter.

    Raises:
        Refusal: 409 with a sentence for each clash.
    """
    others = call.store.state.projects.values()
    taken = {name for other in others if other.id != draft.id for name in _names(other)}
    wanted = [("Project Id", draft.id), ("Project Title", draft.name), ("Running Title", draft.running_title)]
    wanted += [("Alias", alias) for alias in draft.aliases]
    problems = [f"Invalid {what}: '{n.lower()}' is already being used." for what, n in wanted if n.lower() in taken]
    own = {"project id": draft.id, "project title": draft.name, "running title": draft.running_title}
    for alias in draft.aliases:
        same = next((what for what, name in own.items() if name.lower() == alias.lower()), "")
        if same:
            problems.append(f"Invalid Alias: '{alias.lower()}' cannot be used as the {same} and an alias.")
    if problems:
        raise Refusal(409, f"Requested new project conflicts with existing projects: {', '.join(problems)}")


def _names(project: Project) -> Iterator[str]:
    return (name.lower() for name in (project.id, project.name, project.running_title, *project.aliases))


# -- settings ----------------------------------------------------------------------------------------


async def write_accessibility(call: Call) -> web.StreamResponse:
    """PUT /data/projects/{P}/accessibility/{level}: the new value is the answer."""
    name, level = call.part("project"), call.part("level").lower()
    project = rights.visible_project(call, name, f"Could not find the project with ID '{name}'")
    _need_owner(call, project)
    if level not in LEVELS:
        raise Refusal(400, f"The submitted accessibility {level} is invalid: must be one of {', '.join(LEVELS)}.")
    if level != "private" and not call.services.preference("securityAllowNonPrivateProjects"):
        raise Refusal(403, "This site allows private projects only")
    project.accessibility = level
    call.store.save()
    return text(level)


async def write_code(call: Call) -> web.StreamResponse:
    """PUT /data/projects/{P}/prearchive_code/{n} and quarantine_code/{n}."""
    project = rights.visible_project(call, call.part("project"))
    _need_owner(call, project)
    kind, raw = call.path.split("/")[-2], call.part("code")
    if not re.fullmatch(r"-?\d+", raw):
        raise Refusal(400, f"The submitted code {raw} is invalid: must be an integer.")
    code = int(raw)
    if kind == "prearchive_code":
        if code and not call.services.preference("projectAllowAutoArchive"):
            raise Refusal(403, "This site does not allow projects to archive by themselves")
        project.prearchive_code = code
    else:
        project.quarantine_code = code
    call.store.save()
    return empty()


def _need_owner(call: Call, project: Project) -> None:
    if not rights.can_delete(call.user, project):
        raise Refusal(403, _NO_EDIT)


# -- deleting ----------------------------------------------------------------------------------------


async def delete_project(call: Call) -> web.StreamResponse:
    """DELETE /data/projects/{P}?removeFiles=true: it silently survives when data of it are shared elsewhere."""
    project = call.store.project(call.part("project"))
    if project is None:
        raise Refusal(400)
    may_delete = call.services.preference("uiAllowProjectDelete") or rights.is_admin(call.user)
    if not may_delete or not rights.can_delete(call.user, project):
        raise Refusal(403, "User account doesn't have permission to delete this project.")
    state = call.store.state
    records: list[Subject | Session] = [*state.subjects.values(), *state.sessions.values()]
    if any(record.shares for record in records if record.project == project.id):
        return empty()
    folders = _forget(call, project)
    if call.param("removeFiles") == "true":
        await call.in_thread(_remove, folders)
    return empty()


def _forget(call: Call, project: Project) -> list[Path]:
    """Drop all records of a project; return the folders of its files."""
    store, state = call.store, call.store.state
    folders = [store.project_folder(project.id), store.folder / "prearchive" / project.id]
    state.subjects = {key: s for key, s in state.subjects.items() if s.project != project.id}
    state.sessions = {key: s for key, s in state.sessions.items() if s.project != project.id}
    records: list[Subject | Session] = [*state.subjects.values(), *state.sessions.values()]
    for shared in records:
        shared.shares.pop(project.id, None)
    state.rows = [row for row in state.rows if row.project != project.id]
    state.direct = [row for row in state.direct if row.project != project.id]
    for user in state.users.values():
        user.recent.pop(project.id, None)
    del state.projects[project.id]
    state.burnt_project_ids.append(project.id)
    store.save()
    return folders


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


_P = "/data/projects/{project}"
ROUTES = (
    Route("POST", "/data/projects", post_project),
    Route("GET", _P, read_project),
    Route("PUT", _P, put_project),
    Route("DELETE", _P, delete_project),
    *(
        Route("GET", f"{_P}/{name}", read_setting)
        for name in ("prearchive_code", "quarantine_code", "current_arc", "accessibility", "scan_type_mapping")
    ),
    Route("PUT", f"{_P}/prearchive_code/{{code}}", write_code),
    Route("PUT", f"{_P}/quarantine_code/{{code}}", write_code),
    Route("PUT", f"{_P}/accessibility/{{level}}", write_accessibility),
)
