"""Study routing: the table of which study belongs to which project (wire contract 9.5).

The standard identification does not read it; an assignment ends when its session is archived or deleted.
"""

from collections.abc import Iterable

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, empty, table
from xnat_wizard.practice.store import Routing
from xnat_wizard.practice.times import java_time

_COLUMNS = ("studyInstanceUID", "project", "subject", "user", "created", "accessed", "label")
_FORM = "application/x-www-form-urlencoded"
_INCOMPLETE = "You must specify both a study instance UID and the project ID that you wish to assign."
_PROJECT_ONLY = "This restlet currently only supports assigning to project, not subject or label."


async def list_routings(call: Call) -> web.StreamResponse:
    """GET /data/routing: what belongs to projects that the caller edits."""
    return _table(call, [one for one in call.store.state.routings.values() if _may_edit(call, one.project)])


async def read_routing(call: Call) -> web.StreamResponse:
    """GET /data/routing/{UID}."""
    return _table(call, [_find(call, "view the routing for this study instance UID")])


async def assign(call: Call) -> web.StreamResponse:
    """PUT /data/routing/{UID} with the form field `project`: assign a study, or assign it anew."""
    uid, project = call.part("uid"), call.form.get("project", "")
    if call.content_type != _FORM:
        raise Refusal(415, f"This function currently only supports {_FORM} PUTs.")
    if "subject" in call.form or "label" in call.form:
        raise Refusal(400, _PROJECT_ONLY)
    if not project:
        raise Refusal(400, _INCOMPLETE)
    if not _may_edit(call, project):
        raise Refusal(403, _forbidden("modify study routings for this project"))
    now = call.services.clock.now()
    known = call.store.state.routings.get(uid)
    if known is None:
        call.store.state.routings[uid] = Routing(uid, project, "", "", call.user.username, created=now, accessed=now)
    elif known.project != project:
        if not _may_edit(call, known.project):
            raise Refusal(403, _forbidden("modify study routings for this project"))
        known.project, known.accessed = project, now
    call.store.save()
    return empty()


async def refuse_nothing(_call: Call) -> web.StreamResponse:
    """PUT /data/routing: the study is missing."""
    raise Refusal(400, _INCOMPLETE)


async def end(call: Call) -> web.StreamResponse:
    """DELETE /data/routing/{UID}."""
    del call.store.state.routings[_find(call, "delete study routings for this project").study_instance_uid]
    call.store.save()
    return empty()


async def end_all(call: Call) -> web.StreamResponse:
    """DELETE /data/routing."""
    rights.need_admin(call, "You must be a site administrator to delete all study routings for this site.")
    call.store.state.routings.clear()
    call.store.save()
    return empty()


def _find(call: Call, act: str) -> Routing:
    found = call.store.state.routings.get(call.part("uid"))
    if found is None:
        raise Refusal(404, f"Couldn't find a routing for the study instance UID: {call.part('uid')}")
    if not _may_edit(call, found.project):
        raise Refusal(403, _forbidden(act))
    return found


def _forbidden(act: str) -> str:
    return f"You do not have sufficient privileges to {act}."


def _may_edit(call: Call, project: str) -> bool:
    known = call.store.state.projects.get(project)
    return known is not None and rights.can_edit(call.user, known)


def _table(call: Call, routings: Iterable[Routing]) -> web.Response:
    rows = [
        {
            "studyInstanceUID": one.study_instance_uid,
            "project": one.project,
            "subject": one.subject,
            "user": one.user,
            "created": java_time(one.created),
            "accessed": java_time(one.accessed),
            "label": one.label,
        }
        for one in routings
    ]
    return table(call, rows, columns=_COLUMNS)


ROUTES = (
    Route("GET", "/data/routing", list_routings),
    Route("PUT", "/data/routing", refuse_nothing),
    Route("DELETE", "/data/routing", end_all),
    Route("GET", "/data/routing/{uid}", read_routing),
    Route("PUT", "/data/routing/{uid}", assign),
    Route("DELETE", "/data/routing/{uid}", end),
)
