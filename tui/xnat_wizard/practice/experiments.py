"""Imaging sessions: lists, creating, changing, renaming, moving, sharing, deleting (wire contract 4.3)."""

import html
from collections.abc import Iterable

from aiohttp import web

from xnat_wizard.practice import fields, making, places, records, rights, subjects
from xnat_wizard.practice.http import Call, Refusal, Route, item, table, text
from xnat_wizard.practice.store import Project, Session, Subject
from xnat_wizard.practice.times import java_time

COLUMNS = ("ID", "project", "date", "xsiType", "label", "insert_date", "URI")
RECENT_COLUMNS = (
    "id", "label", "project", "date", "status", "workflow_status", "element_name", "type_desc", "insert_date",
    "activation_date", "last_modified", "workflow_date", "pipeline_name", "action_date", "scanner",
)  # fmt: skip
ODD_ID = "xnat:subjectassessordata/id"
CREATE_REFUSED = "Specified user account has insufficient create privileges for experiments in this project."
EDIT_REFUSED = "Specified user account has insufficient edit privileges for experiments in this project."
NO_DELETE = "User account doesn't have permission to delete this experiment."
_UNSET = "60"


# -- lists -------------------------------------------------------------------------------------------


async def list_of_project(call: Call) -> web.StreamResponse:
    """List a project's sessions."""
    project = _project(call)
    return _list(call, call.store.sessions_of(project.id), project.id, COLUMNS)


async def list_of_subject(call: Call) -> web.StreamResponse:
    """List a subject's sessions within a project."""
    project = _project(call)
    subject = call.store.subject(project.id, call.part("subject"))
    if subject is None:
        raise Refusal(404, f"Unable to identify subject {call.part('subject')}")
    own = (session for session in call.store.sessions_of(project.id) if session.subject == subject.id)
    return _list(call, own, project.id, COLUMNS)


async def list_all(call: Call) -> web.StreamResponse:
    """List the sessions of all projects that the caller reads, or the latest ones (`recent` and `limit`, 10.3)."""
    readable = {one.id for one in call.store.state.projects.values() if rights.can_read(call.user, one)}
    sessions = [session for session in call.store.state.sessions.values() if session.project in readable]
    days, limit = call.param("recent") or _UNSET, call.param("limit") or _UNSET
    if _UNSET not in {days, limit} and days.isdigit() and limit.isdigit():
        return _recent(call, sessions, int(days), int(limit))
    return _list(call, sessions, "", (*COLUMNS[:-1], "subject_ID", "subject_label", "URI"))


def _project(call: Call) -> Project:
    name = call.part("project")
    project = rights.visible_project(call, name, f"Unable to identify project {name}")
    if not rights.can_read(call.user, project):
        raise Refusal(403, f"Unable to read experiments for Project: {project.id}")
    return project


def _list(call: Call, sessions: Iterable[Session], project: str, default: Iterable[str]) -> web.StreamResponse:
    """Answer a list; asking for a type without columns turns the key of the ID into an xpath, as on a real site."""
    columns = records.wanted_columns(call, default)
    types = {name for name in call.param("xsiType").split(",") if name}
    wanted = [one for one in sessions if not types or _is_of(one, types)]
    rows = [records.session_row(call.store, one, project or one.project) for one in wanted]
    kept = records.filtered(call, rows, fields.SESSION_SHORTCUTS)
    lines = [records.shown(row, columns) for row in kept]
    keys = [records.column_key(key) for key in columns]
    if types and not call.param("columns"):
        keys = [ODD_ID if key == "ID" else key for key in keys]
        lines = [{ODD_ID if key == "ID" else key: value for key, value in line.items()} for line in lines]
    return table(call, lines, columns=keys)


def _is_of(session: Session, types: set[str]) -> bool:
    general = {"xnat:imageSessionData", "xnat:subjectAssessorData", "xnat:experimentData"}
    return session.xsi_type in types or bool(types & general)


def _recent(call: Call, sessions: list[Session], days: int, limit: int) -> web.StreamResponse:
    since = call.services.clock.now() - days * 86400
    latest = sorted((one for one in sessions if one.insert_date >= since), key=lambda one: -one.insert_date)[:limit]
    rows = [
        {
            "id": one.id,
            "label": one.label,
            "project": one.project,
            "date": one.fields.get("date"),
            "status": one.fields.get("status", "active"),
            "element_name": one.xsi_type,
            "type_desc": fields.SESSION_ELEMENTS.get(one.xsi_type, "")
            .removeprefix("xnat:")
            .replace("Session", " Session"),
            "insert_date": java_time(one.insert_date),
            "activation_date": java_time(one.insert_date),
            "last_modified": java_time(one.insert_date),
            "action_date": java_time(one.insert_date),
            "scanner": one.fields.get("scanner"),
        }
        for one in latest
    ]
    return table(call, rows, columns=RECENT_COLUMNS, is_paged=False)


# -- one ---------------------------------------------------------------------------------------------


async def read(call: Call) -> web.StreamResponse:
    """Show one session with its scans."""
    session = places.place_of(call).session
    assert session
    return item(call, records.session_item(session))


async def read_status(call: Call) -> web.StreamResponse:
    """Say whether the session is active, quarantined or locked."""
    session = places.place_of(call).session
    assert session
    return text(session.fields.get("status", "active"))


async def list_projects(call: Call) -> web.StreamResponse:
    """List the projects in which a session is seen."""
    session = places.place_of(call).session
    assert session
    return subjects.projects_table(call, {session.project: session.label, **session.shares})


# -- making and changing -----------------------------------------------------------------------------


async def put(call: Call) -> web.StreamResponse:
    """Create a session (201), change it (200), or rename it (200, empty)."""
    document = await records.sent_document(call)
    given = _given(call, document)
    project = rights.visible_project(call, call.part("project"))
    name = call.part("session")
    session = call.store.session(project.id, name)
    in_path = call.part("subject") if "/subjects/" in call.path else ""
    if session is None:
        wanted = in_path or given.get("subject_ID", "")
        session = _create(call, project, wanted, name, given, document)
        return text(session.id, 201)
    return _modify(call, session, project, given)


async def put_by_id(call: Call) -> web.StreamResponse:
    """Change a session that is addressed by its accession ID."""
    document = await records.sent_document(call)
    session = places.place_of(call).session
    assert session
    project = call.store.project(session.project)
    assert project
    return _modify(call, session, project, _given(call, document))


async def post(call: Call) -> web.StreamResponse:
    """Create a session below a subject that exists; the answer is its absolute URI."""
    project = rights.visible_project(call, call.part("project"))
    document = await records.sent_document(call)
    given = _given(call, document)
    subject = call.store.subject(project.id, call.part("subject"))
    if subject is None:
        raise Refusal(404, "Unable to find the specified subject.")
    label = given.get("label", "")
    if label and call.store.session(project.id, label):
        raise Refusal(409, "Specified experiment already exists.")
    session = _create(call, project, subject.id, label, given, document)
    uri = call.absolute(f"/data/projects/{project.id}/subjects/{subject.id}/experiments/{session.id}")
    answer = text(uri)
    answer.headers["Location"] = uri
    return answer


def _given(call: Call, document: fields.Document | None) -> dict[str, str]:
    """Merge the document's values and the parameters; what a document leaves empty counts as not said."""
    if document is None:
        return call.params()
    said = {**document.attributes, **document.fields, "xsiType": document.xsi_type, **call.params()}
    return {key: value for key, value in said.items() if value}


def _create(
    call: Call, project: Project, subject_name: str, label: str, given: dict[str, str], document: fields.Document | None
) -> Session:
    if not rights.can_edit(call.user, project):
        raise Refusal(403, CREATE_REFUSED)
    xsi_type = given.get("xsiType", "")
    if not xsi_type and document is None:
        raise Refusal(417, "Need PUT Contents")
    if xsi_type not in fields.SESSION_ELEMENTS:
        raise Refusal(501, "The practice server keeps imaging sessions only, no other experiments.")
    if given.get("ID") and not fields.is_good_label(given["ID"]):
        raise Refusal(417, "Invalid character in experiment label.")
    fields.check_label(label)
    said = fields.own_fields("session", xsi_type, given)
    subject = _subject(call, project, subject_name)
    session = making.new_session(
        call.store,
        subject,
        project.id,
        label,
        xsi_type,
        user=call.user.username,
        now=call.services.clock.now(),
        accession=given.get("ID", ""),
    )
    session.fields.update(said)
    call.store.save()
    return session


def _subject(call: Call, project: Project, name: str) -> Subject:
    """Find the session's subject; a missing one is made (4.3)."""
    if not name:
        raise Refusal(422, "Submitted experiment record must include the subject.")
    return call.store.subject(project.id, name) or subjects.create(call, project, name, {})


def _modify(call: Call, session: Session, project: Project, given: dict[str, str]) -> web.StreamResponse:
    if not places.may_edit(call, session.project):
        raise Refusal(403, EDIT_REFUSED)
    if given.get("ID", session.id) != session.id:
        raise Refusal(400, "ID cannot be modified")
    if given.get("project", project.id) not in {project.id, session.project}:
        raise Refusal(409, "Project must be modified through separate URI.")
    if given.get("xsiType", session.xsi_type) != session.xsi_type:
        raise Refusal(501, "The practice server does not change the type of a session.")
    label = given.get("label", "")
    if label and label != records.session_label(session, project.id):
        if label and call.content_type in {"text/xml", "application/xml"}:
            raise Refusal(400, "Label must be modified through separate URI.")
        rename(call, session, project.id, label)
        return text("")
    if call.is_true("pullDataFromHeaders"):
        raise Refusal(501, "The practice server does not read headers again into a session.")
    for parameter, status in (("activate", "active"), ("quarantine", "quarantine")):
        if call.is_true(parameter):
            if not places.may_delete(call, session.project):
                raise Refusal(403, EDIT_REFUSED)
            session.fields["status"] = status
    session.fields.update(fields.own_fields("session", session.xsi_type, given))
    if given.get("subject_ID"):
        session.subject = _subject(call, project, given["subject_ID"]).id
    if call.is_true("fixScanTypes"):
        for scan in session.scans.values():
            if not scan.fields.get("type"):
                scan.fields["type"] = scan.fields.get("series_description", "")
    call.store.save()
    return text(session.id)


def rename(call: Call, session: Session, project: str, label: str) -> None:
    """Give a session another label in a project; its files follow it.

    Raises:
        Refusal: 409, the label is taken; 500, it is bad.
    """
    fields.check_label(label)
    if call.store.session(project, label):
        raise Refusal(409, "Specified label is already in use.")
    if project in session.shares:
        session.shares[project] = label
    else:
        _relocate(call, session, session.project, label)
    call.store.save()


def _relocate(call: Call, session: Session, project: str, label: str) -> None:
    old_place = (session.project, session.label)
    old = call.store.session_folder(session)
    session.project, session.label = project, label
    try:
        subjects.move_folder(old, call.store.session_folder(session))
    except Refusal:
        session.project, session.label = old_place
        raise


async def share(call: Call) -> web.StreamResponse:
    """Show a session in another project, too; `primary=true` moves it there (4.3)."""
    session = places.place_of(call).session
    assert session
    target = subjects.share_target(call, session.project, session.shares)
    label = call.param("label") or session.label
    if call.store.session(target.id, label):
        raise Refusal(409, f"Label already in use:{html.escape(label)}")
    if call.param("primary") == "true":
        _relocate(call, session, target.id, label)
    else:
        session.shares[target.id] = label
    call.store.save()
    return text("")


async def unshare(call: Call) -> web.StreamResponse:
    """Take a session out of a project that it was shared with."""
    session = places.place_of(call).session
    assert session
    subjects.take_out(call, session.shares, call.part("other"))
    return text("")


async def delete(call: Call) -> web.StreamResponse:
    """Delete a session; below a project it is only shared with, end the sharing."""
    place = places.place_of(call)
    session = place.session
    assert session
    if place.project.id in session.shares:
        subjects.take_out(call, session.shares, place.project.id)
        return text("")
    if not places.may_delete(call, session.project):
        raise Refusal(403, NO_DELETE)
    folder = call.store.session_folder(session)
    del call.store.state.sessions[session.id]
    call.store.save()
    if call.param("removeFiles") == "true":
        await call.in_thread(subjects.remove_folders, [folder])
    return text("")


ROUTES = (
    Route("GET", "/data/projects/{project}/experiments", list_of_project),
    Route("GET", "/data/projects/{project}/subjects/{subject}/experiments", list_of_subject),
    Route("GET", "/data/experiments", list_all),
    *(Route("GET", path, read) for path in places.SESSIONS),
    *(Route("GET", f"{path}/status", read_status) for path in places.SESSIONS),
    *(Route("GET", f"{path}/projects", list_projects) for path in places.SESSIONS),
    *(Route("PUT", path, put) for path in places.SESSIONS if "{project}" in path),
    Route("PUT", "/data/experiments/{session}", put_by_id),
    Route("POST", "/data/projects/{project}/subjects/{subject}/experiments", post),
    *(Route("PUT", f"{path}/projects/{{other}}", share) for path in places.SESSIONS),
    *(Route("DELETE", f"{path}/projects/{{other}}", unshare) for path in places.SESSIONS),
    *(Route("DELETE", path, delete) for path in places.SESSIONS),
)
