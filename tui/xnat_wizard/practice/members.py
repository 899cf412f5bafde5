"""Who belongs to a project, and in which role (wire contract 1.11)."""

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, table
from xnat_wizard.practice.store import Project

_OWNERS_ONLY = "Access Denied: Only project owners and site managers can access user resources."
_COLUMNS = ("GROUP_ID", "displayname", "login", "firstname", "lastname", "email")


async def list_members(call: Call) -> web.StreamResponse:
    """GET /data/projects/{P}/users, and .../users/{flag} with disabled accounts."""
    project = rights.visible_project(call, call.part("project"))
    is_restricted = call.services.preference("restrictUserListAccessToAdmins")
    if call.is_guest or (is_restricted and not rights.can_delete(call.user, project)):
        raise Refusal(403, _OWNERS_ONLY)
    return _table(call, project)


async def change_member(call: Call) -> web.StreamResponse:
    """PUT and DELETE /data/projects/{P}/users/{group}/{user}."""
    project = rights.visible_project(call, call.part("project"))
    if not rights.can_delete(call.user, project):
        raise Refusal(403, _OWNERS_ONLY)
    role, name = _role(project, call.part("group")), call.part("user")
    if name not in call.store.state.users:
        raise Refusal(404, f"Unable to find the user {name}")
    if call.method == "PUT":
        project.members[name] = role
    elif project.members.get(name) == role:
        del project.members[name]
    call.store.save()
    return _table(call, project)


def _role(project: Project, group: str) -> str:
    """Understand a group's full ID, display name or bare suffix."""
    for role, shown in rights.DISPLAY_NAMES.items():
        if group in {f"{project.id}_{role}", shown, role}:
            return role
    raise Refusal(404, f"Unable to find the group {group}")


def _table(call: Call, project: Project) -> web.StreamResponse:
    users = call.store.state.users
    rows = [
        {
            "GROUP_ID": f"{project.id}_{role}",
            "displayname": rights.DISPLAY_NAMES[role],
            "login": name,
            "firstname": users[name].first_name,
            "lastname": users[name].last_name,
            "email": users[name].email,
        }
        for name, role in project.members.items()
        if name in users and (users[name].enabled or call.parts.get("flag"))
    ]
    return table(call, rows, columns=_COLUMNS, title="Projects")


_P = "/data/projects/{project}/users"
ROUTES = (
    Route("GET", _P, list_members),
    Route("GET", f"{_P}/{{flag}}", list_members),
    Route("PUT", f"{_P}/{{group}}/{{user}}", change_member),
    Route("DELETE", f"{_P}/{{group}}/{{user}}", change_member),
)
