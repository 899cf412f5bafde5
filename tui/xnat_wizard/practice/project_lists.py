"""The three lists of projects that hide behind one URL (wire contract 2.1)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, cell, table
from xnat_wizard.practice.project_fields import field_of, value_of
from xnat_wizard.practice.store import Project, User
from xnat_wizard.practice.times import java_time

DEFAULT_COLUMNS = ("ID", "secondary_ID", "name", "description", "pi_firstname", "pi_lastname", "URI")
_FILTERS = frozenset({
    "accessible", "data", "owner", "member", "collaborator", "activeSince", "recent", "favorite", "admin",
    "prearc_code", "users",
})  # fmt: skip
_EXTRA_COLUMNS = frozenset({"insert_date", "insert_user", "URI"})
_RIGHTS: dict[str, Callable[[User, Project], bool]] = {
    "read": rights.can_read,
    "edit": rights.can_edit,
    "delete": rights.can_delete,
}


async def list_projects(call: Call) -> web.StreamResponse:
    """GET /data/projects: plain, filtered, or by permission, as the parameters say."""
    if any(call.has_param(name) for name in _FILTERS):
        return _filtered(call)
    if call.has_param("permissions"):
        return _by_permission(call)
    return _plain(call)


# -- the plain list ----------------------------------------------------------------------------------


def _plain(call: Call) -> web.StreamResponse:
    shown = [project for project in _all(call) if rights.can_see(call.user, project)]
    if call.is_true("allDataOverride") and rights.reads_all_data(call.user):
        shown = _all(call)
    may = _RIGHTS.get(call.param("restrict"))
    if may is not None:
        shown = [project for project in shown if may(call.user, project)]
    for key, wanted in call.params().items():
        name = field_of(key) or (key if key in _EXTRA_COLUMNS else "")
        if name:
            pattern = _wildcards(wanted)
            shown = [project for project in shown if pattern.fullmatch(cell(value_of(project, name)))]
    columns = [name for part in call.params_of("columns") for name in part.split(",") if name]
    heads = list(dict.fromkeys([*columns, "ID", "URI"])) if columns else list(DEFAULT_COLUMNS)
    return table(call, [{head: _column(project, head) for head in heads} for project in shown], columns=heads)


def _column(project: Project, head: str) -> object:
    return value_of(project, field_of(head) or head)


def _wildcards(wanted: str) -> re.Pattern[str]:
    """Return the pattern of a filter: "%" and "*" stand for anything, "," means or (0.6)."""
    choices = [re.escape(choice).replace("%", ".*").replace(r"\*", ".*") for choice in wanted.split(",")]
    return re.compile("|".join(choices), re.IGNORECASE | re.DOTALL)


# -- by permission -----------------------------------------------------------------------------------


def _by_permission(call: Call) -> web.StreamResponse:
    may = _RIGHTS.get(call.param("permissions"))
    if may is None:
        raise Refusal(501, f"The practice server does not know the permission {call.param('permissions')}")
    rows = [{"id": p.id, "secondary_id": p.running_title} for p in _all(call) if may(call.user, p)]
    return table(call, rows, columns=["id", "secondary_id"], has_total=False)


# -- the filtered list -------------------------------------------------------------------------------


def _filtered(call: Call) -> web.StreamResponse:
    if call.is_true("users"):
        raise Refusal(501, "The practice server does not know the columns that users=true adds")
    user = call.user
    shown = [project for project in _all(call) if _is_wanted(call, project)]
    number = user.id
    heads = ["id", "name", "description", "secondary_id", "pi", "project_invs", "project_access"]
    heads += ["project_access_img", "insert_date", "insert_user", f"user_role_{number}", f"last_accessed_{number}"]
    if call.is_true("prearc_code"):
        heads += ["proj_prearchive_code", "proj_quarantine"]
    rows = [_filtered_row(user, project) for project in shown]
    return table(call, rows, columns=heads, title="Projects", xdat_user_id=number)


def _is_wanted(call: Call, project: Project) -> bool:
    user = call.user
    role = rights.role(user, project)
    if not (rights.can_see(user, project) or (call.is_true("admin") and rights.is_admin(user))):
        return False
    if call.is_true("accessible") and not (role or project.accessibility == "public"):
        return False
    if call.has_param("data"):
        may = {"readable": rights.can_read, "writable": rights.can_edit}.get(call.param("data"))
        if may is None:
            raise Refusal(500)
        if not may(user, project):
            return False
    if call.has_param("activeSince") and _last_change(call, project) < _since(call.param("activeSince")):
        return False
    any_of = [
        role == name if name in rights.ROLES else project.id in (user.recent if name == "recent" else user.favorites)
        for name in (*rights.ROLES, "recent", "favorite")
        if call.is_true(name)
    ]
    return any(any_of) if any_of else True


def _last_change(call: Call, project: Project) -> float:
    return max([project.insert_date, *(s.insert_date for s in call.store.sessions_of(project.id))])


def _since(words: str) -> float:
    for form in ("%m/%d/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(words, form).astimezone(UTC).timestamp()
        except ValueError:
            continue
    raise Refusal(500)


def _filtered_row(user: User, project: Project) -> dict[str, object]:
    names = [project.fields.get("pi_lastname", ""), project.fields.get("pi_firstname", "")]
    image = "globe" if project.accessibility == "public" else "key"
    used = user.recent.get(project.id)
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "secondary_id": project.running_title,
        "pi": ", ".join(name for name in names if name),
        "project_invs": "",
        "project_access": project.accessibility,
        "project_access_img": f"/images/{image}.gif",
        "insert_date": java_time(project.insert_date),
        "insert_user": project.insert_user,
        f"user_role_{user.id}": rights.DISPLAY_NAMES.get(rights.role(user, project), ""),
        f"last_accessed_{user.id}": java_time(used) if used else "",
        "proj_prearchive_code": project.prearchive_code,
        "proj_quarantine": project.quarantine_code,
    }


def _all(call: Call) -> list[Project]:
    return list(call.store.state.projects.values())


ROUTES = (Route("GET", "/data/projects", list_projects),)
