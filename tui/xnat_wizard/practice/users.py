"""Accounts, roles and groups: who am I, and what an administrator does with users (wire contract 1.4, 1.8, 1.10)."""

import html
from typing import Any

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer, table, text
from xnat_wizard.practice.passwords import hash_password
from xnat_wizard.practice.security import end_sessions
from xnat_wizard.practice.seed import add_account
from xnat_wizard.practice.store import User

ROLES = ("Administrator", "DataManager", "non_expiring", "Dashboards", "Bundles")
SITE_GROUPS = ("ALL_DATA_ADMIN", "ALL_DATA_ACCESS")
_FIELDS = {"firstName": "first_name", "lastName": "last_name", "email": "email"}
_NO_ACCESS = "User does not have privileges to access this project."


# -- who am I ----------------------------------------------------------------------------------------


async def read_username(call: Call) -> web.StreamResponse:
    """GET /xapi/users/username: 401 for guests, too."""
    if call.is_guest:
        raise Refusal(401)
    call.need_plain_text()
    return text(call.user.username)


async def read_profile(call: Call) -> web.StreamResponse:
    """GET /xapi/users/profile."""
    if call.is_guest:
        raise Refusal(401)
    return json_answer(_profile(call.user))


async def read_user(call: Call) -> web.StreamResponse:
    """GET /xapi/users/{user}: oneself, or anybody for an administrator."""
    return json_answer(_profile(_account(call)))


async def read_roles(call: Call) -> web.StreamResponse:
    """GET /xapi/users/{user}/roles."""
    return json_answer(_account(call).roles)


async def read_groups(call: Call) -> web.StreamResponse:
    """GET /xapi/users/{user}/groups: project roles and site-wide groups."""
    return json_answer(groups_of(call, _account(call)))


async def read_editable_projects(call: Call) -> web.StreamResponse:
    """GET /xapi/users/projects: what the caller may edit."""
    if call.is_guest:
        raise Refusal(401)
    projects = call.store.state.projects.values()
    return json_answer([project.id for project in projects if rights.can_edit(call.user, project)])


def groups_of(call: Call, user: User) -> list[str]:
    """Return the names of all groups of a user."""
    found = ((project.id, rights.role(user, project)) for project in call.store.state.projects.values())
    return [f"{project}_{role}" for project, role in found if role] + user.groups


# -- lists -------------------------------------------------------------------------------------------


async def list_users(call: Call) -> web.StreamResponse:
    """GET /data/users."""
    if call.is_guest or (call.services.preference("restrictUserListAccessToAdmins") and not rights.is_admin(call.user)):
        raise Refusal(403, _NO_ACCESS)
    rows = [
        {
            "login": user.username,
            "xdat_user_id": user.id,
            "firstname": user.first_name,
            "lastname": user.last_name,
            "email": user.email,
        }
        for user in call.store.state.users.values()
        if user.enabled
    ]
    return table(call, rows, columns=["xdat_user_id", "login", "firstname", "lastname", "email"])


async def list_usernames(call: Call) -> web.StreamResponse:
    """GET /xapi/users: all names."""
    _need_list_access(call)
    return json_answer(sorted(call.store.state.users))


async def list_profiles(call: Call) -> web.StreamResponse:
    """GET /xapi/users/profiles."""
    _need_list_access(call)
    return json_answer([_profile(user) for user in call.store.state.users.values()])


async def read_logins(call: Call) -> web.StreamResponse:
    """GET /data/user: all logins, for administrators only; no who-am-I."""
    rights.need_admin(call, _NO_ACCESS)
    names = sorted(call.store.state.users)
    if call.format("json") != "xml":
        return json_answer(names)
    logins = "".join(f"    <login>{html.escape(name)}</login>\n" for name in names)
    return text(f'<?xml version="1.0"?>\n<logins>\n{logins}</logins>\n', content_type="text/xml")


async def read_login(call: Call) -> web.StreamResponse:
    """GET /data/user/{name}: for administrators only, too; what they are shown is not described."""
    rights.need_admin(call, _NO_ACCESS)
    raise Refusal(501, "The practice server does not describe single users here: GET /xapi/users/{name} does")


def _need_list_access(call: Call) -> None:
    if call.is_guest:
        raise Refusal(401)
    if call.services.preference("restrictUserListAccessToAdmins"):
        rights.need_admin(call)


# -- what an administrator does ----------------------------------------------------------------------


async def create_user(call: Call) -> web.StreamResponse:
    """POST /xapi/users."""
    rights.need_admin(call)
    wanted = await _details(call)
    name = str(wanted.get("username") or "")
    if not name or not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise Refusal(400, "The user name is missing or has illegal characters")
    if name.lower() in {other.lower() for other in [*call.store.state.users, "guest"]}:
        raise Refusal(409, f"The user {name} already exists.")
    if not wanted.get("password"):
        raise Refusal(400, "A password is wanted")
    user = add_account(
        call.services,
        name,
        str(wanted["password"]),
        enabled=bool(wanted.get("enabled", True)),
        verified=bool(wanted.get("verified", True)),
        modified_ms=call.services.clock.now_ms(),
        **{ours: str(wanted.get(theirs) or "") for theirs, ours in _FIELDS.items()},
    )
    return json_answer(_profile(user), 201)


async def change_user(call: Call) -> web.StreamResponse:
    """PUT /xapi/users/{user}: oneself, or anybody for an administrator."""
    user = _account(call)
    wanted = await _details(call)
    changes = any(wanted.get(theirs) not in {None, getattr(user, ours)} for theirs, ours in _FIELDS.items())
    for theirs, ours in _FIELDS.items():
        if wanted.get(theirs) is not None:
            setattr(user, ours, str(wanted[theirs]))
    for flag in ("enabled", "verified"):
        if flag in wanted and bool(wanted[flag]) != getattr(user, flag):
            rights.need_admin(call)
            setattr(user, flag, bool(wanted[flag]))
            changes = True
    if wanted.get("password"):
        user.password_hash = await call.in_thread(hash_password, str(wanted["password"]))
        user.password_set_ms = call.services.clock.now_ms()
        user.must_change_password = False
        changes = True
    if not changes:
        return empty(304)
    _touch(call, user)
    return json_answer(_profile(user))


async def read_flag(call: Call) -> web.StreamResponse:
    """GET /xapi/users/{user}/enabled and /verified."""
    return json_answer(bool(getattr(_account(call), call.path.rpartition("/")[2])))


async def write_flag(call: Call) -> web.StreamResponse:
    """PUT /xapi/users/{user}/enabled/{flag} and /verified/{flag}."""
    rights.need_admin(call)
    user = _account(call)
    name = call.path.split("/")[-2]
    setattr(user, name, _flag(call))
    if name == "enabled":
        user.failed_logins = user.locked_until_ms = 0
    _touch(call, user)
    return empty()


async def change_role(call: Call) -> web.StreamResponse:
    """PUT and DELETE /xapi/users/{user}/roles/{role}."""
    rights.need_admin(call)
    return _change_names(call, _account(call).roles, call.part("role"), ROLES)


async def change_group(call: Call) -> web.StreamResponse:
    """PUT and DELETE /xapi/users/{user}/groups/{group}."""
    rights.need_admin(call)
    user, group = _account(call), call.part("group")
    project_id, _, role = group.rpartition("_")
    project = call.store.state.projects.get(project_id)
    if project is None or role not in rights.ROLES:
        return _change_names(call, user.groups, group, SITE_GROUPS)
    if call.method == "PUT":
        project.members[user.username] = role
    elif project.members.get(user.username) == role:
        del project.members[user.username]
    call.store.save()
    return empty()


def _change_names(call: Call, names: list[str], name: str, known: tuple[str, ...]) -> web.Response:
    if name not in known:
        raise Refusal(404, f"Unable to find requested file or resource: {name}")
    if call.method == "PUT" and name not in names:
        names.append(name)
    elif call.method == "DELETE" and name in names:
        names.remove(name)
    call.store.save()
    return empty()


async def list_active(call: Call) -> web.StreamResponse:
    """GET /xapi/users/active: who has sessions."""
    rights.need_admin(call)
    active: dict[str, dict[str, list[str]]] = {}
    for session in call.services.sessions.values():
        if session.username:
            active.setdefault(session.username, {"sessions": []})["sessions"].append(session.id)
    return json_answer(active)


async def end_user_sessions(call: Call) -> web.StreamResponse:
    """DELETE /xapi/users/active/{user}: end all sessions of a user; their ids are the answer."""
    return json_answer(end_sessions(call.services, _account(call).username))


def _account(call: Call) -> User:
    """Find the user of the path: oneself, or anybody for an administrator."""
    if call.is_guest:
        raise Refusal(401)
    name = call.part("user")
    if name != call.user.username:
        rights.need_admin(call)
    found = call.store.state.users.get(name)
    if found is None:
        raise Refusal(404, f"Unable to find requested file or resource: {name}")
    return found


def _flag(call: Call) -> bool:
    value = call.part("flag").lower()
    if value not in {"true", "false"}:
        raise Refusal(400, f"true or false is wanted, not {value}")
    return value == "true"


def _touch(call: Call, user: User) -> None:
    user.modified_ms = call.services.clock.now_ms()
    call.store.save()


async def _details(call: Call) -> dict[str, Any]:
    wanted = await call.json()
    if not isinstance(wanted, dict):
        raise Refusal(400, "A user's properties are wanted")
    return wanted


def _profile(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "username": user.username,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "lastModified": user.modified_ms or user.password_set_ms,
        "enabled": user.enabled,
        "verified": user.verified,
        "lastSuccessfulLogin": user.last_login_ms,
    }


ROUTES = (
    Route("GET", "/xapi/users/username", read_username),
    Route("GET", "/xapi/users/profile", read_profile),
    Route("GET", "/xapi/users/profiles", list_profiles),
    Route("GET", "/xapi/users/projects", read_editable_projects),
    Route("GET", "/xapi/users/active", list_active),
    Route("DELETE", "/xapi/users/active/{user}", end_user_sessions),
    Route("GET", "/xapi/users", list_usernames),
    Route("POST", "/xapi/users", create_user),
    Route("GET", "/xapi/users/{user}", read_user),
    Route("PUT", "/xapi/users/{user}", change_user),
    Route("GET", "/xapi/users/{user}/enabled", read_flag),
    Route("GET", "/xapi/users/{user}/verified", read_flag),
    Route("PUT", "/xapi/users/{user}/enabled/{flag}", write_flag),
    Route("PUT", "/xapi/users/{user}/verified/{flag}", write_flag),
    Route("GET", "/xapi/users/{user}/roles", read_roles),
    Route("PUT", "/xapi/users/{user}/roles/{role}", change_role),
    Route("DELETE", "/xapi/users/{user}/roles/{role}", change_role),
    Route("GET", "/xapi/users/{user}/groups", read_groups),
    Route("PUT", "/xapi/users/{user}/groups/{group}", change_group),
    Route("DELETE", "/xapi/users/{user}/groups/{group}", change_group),
    Route("GET", "/data/users", list_users),
    Route("GET", "/data/user", read_logins),
    Route("GET", "/data/user/{name}", read_login),
)
