"""Subjects: lists, creating, changing, renaming, sharing, deleting (wire contract 4.1, 4.2)."""

import html
import shutil
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import fields, making, places, records, rights
from xnat_wizard.practice.http import Call, Refusal, Route, item, table, text
from xnat_wizard.practice.store import Project, Store, Subject

COLUMNS = ("ID", "project", "label", "insert_date", "insert_user", "URI")
CREATE_REFUSED = "Specified user account has insufficient create privileges for subjects in this project."
EDIT_REFUSED = "Specified user account has insufficient edit privileges for subjects in this project."
NO_DELETE = "User account doesn't have permission to delete this subject."


async def list_of_project(call: Call) -> web.StreamResponse:
    """List a project's subjects, shared-in ones with their local label."""
    project = rights.visible_project(call, call.part("project"))
    if not rights.can_read(call.user, project):
        raise Refusal(403, f"Unable to read subjects for Project: {project.id}")
    if call.is_true("fields"):
        rows = [{"key": key, "xpath": _xpath(key)} for key in sorted(fields.SUBJECT_SHORTCUTS)]
        return table(call, rows, columns=("key", "xpath"))
    return _list(call, [records.subject_row(one, project.id) for one in call.store.subjects_of(project.id)])


async def list_all(call: Call) -> web.StreamResponse:
    """List the subjects of all projects that the caller reads; a caller who reads none gets a 500 (4.2)."""
    readable = {one.id for one in call.store.state.projects.values() if rights.can_read(call.user, one)}
    if not readable:
        raise Refusal(500)
    subjects = (one for one in call.store.state.subjects.values() if one.project in readable)
    return _list(call, [records.subject_row(one, one.project) for one in subjects])


def _list(call: Call, rows: list[records.Row]) -> web.StreamResponse:
    columns = records.wanted_columns(call, COLUMNS)
    kept = records.filtered(call, rows, fields.SUBJECT_SHORTCUTS)
    return table(
        call, [records.shown(row, columns) for row in kept], columns=[records.column_key(key) for key in columns]
    )


def _xpath(key: str) -> str:
    if key in fields.DEMOGRAPHICS:
        return f"{fields.SUBJECT_TYPE}/demographics[@xsi:type=xnat:demographicData]/{key}"
    return f"{fields.SUBJECT_TYPE}/{key}"


async def read(call: Call) -> web.StreamResponse:
    """Show one subject."""
    place = places.place_of(call)
    assert place.subject
    return item(call, records.subject_item(call.store, place.subject))


async def put(call: Call) -> web.StreamResponse:
    """Create a subject (201), change it (200) or rename it (200, empty)."""
    project = rights.visible_project(call, call.part("project"))
    document = await records.sent_document(call)
    subject = call.store.subject(project.id, call.part("subject"))
    given = _given(call, document)
    if subject is None:
        subject = create(call, project, call.part("subject"), given)
        return text(subject.id, 201)
    if not places.may_edit(call, subject.project):
        raise Refusal(403, EDIT_REFUSED)
    label = given.get("label", "")
    if label and label != records.subject_label(subject, project.id):
        if document is not None:
            raise Refusal(501, "The practice server renames subjects by parameter, not by document.")
        rename(call.store, subject, project.id, label)
        call.store.save()
        return text("")
    _change(subject, given)
    call.store.save()
    return text(subject.id, 200)


async def post(call: Call) -> web.StreamResponse:
    """Create a subject below the collection; the answer is its absolute URI."""
    project = rights.visible_project(call, call.part("project"))
    given = _given(call, await records.sent_document(call))
    label = given.get("label", "")
    if label and call.store.subject(project.id, label):
        raise Refusal(409, "Subject already exists.")
    subject = create(call, project, label, given)
    uri = call.absolute(f"/data/projects/{project.id}/subjects/{subject.id}")
    answer = text(uri)
    answer.headers["Location"] = uri
    return answer


def _given(call: Call, document: fields.Document | None) -> dict[str, str]:
    if document is None:
        return call.params()
    if document.xsi_type != fields.SUBJECT_TYPE:
        raise Refusal(400, "Only Subject documents can be PUT to this address.")
    found = {key: value for key, value in document.fields.items() if key in fields.SUBJECT_SHORTCUTS}
    return {**document.attributes, **found, **call.params()}


def create(call: Call, project: Project, label: str, given: dict[str, str]) -> Subject:
    """Make a subject.

    Raises:
        Refusal: 403, the caller may not; 417 or 500, the ID or label is bad.
    """
    if not rights.can_edit(call.user, project):
        raise Refusal(403, CREATE_REFUSED)
    if given.get("ID") and not fields.is_good_label(given["ID"]):
        raise Refusal(417, "Invalid character in subject label.")
    fields.check_label(label)
    said = fields.own_fields("subject", fields.SUBJECT_TYPE, given)
    now = call.services.clock.now()
    subject = making.new_subject(
        call.store, project.id, label, user=call.user.username, now=now, fields=said, accession=given.get("ID", "")
    )
    call.store.save()
    return subject


def _change(subject: Subject, given: dict[str, str]) -> None:
    subject.fields.update(fields.own_fields("subject", fields.SUBJECT_TYPE, given))


def rename(store: Store, subject: Subject, project: str, label: str) -> None:
    """Give a subject another label in a project; its files follow it.

    Raises:
        Refusal: 409, the label is taken; 500, it is bad.
    """
    fields.check_label(label)
    if store.subject(project, label):
        raise Refusal(409, f"Specified label {html.escape(label)} is already in use.")
    if project in subject.shares:
        subject.shares[project] = label
        return
    old = places.subject_folder(store, subject)
    subject.label = label
    move_folder(old, places.subject_folder(store, subject))


def move_folder(old: Path, new: Path) -> None:
    """Move a folder, if there is one.

    Raises:
        Refusal: 409, something lies there already.
    """
    if old.exists() and old != new:
        if new.exists() and not old.samefile(new):
            raise Refusal(409, "File system destination contains pre-existing files")
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)


async def share(call: Call) -> web.StreamResponse:
    """Show a subject in another project, too; `primary=true` moves it there (4.2)."""
    place = places.place_of(call)
    subject = place.subject
    assert subject
    target = share_target(call, subject.project, subject.shares)
    label = call.param("label") or subject.label
    if call.store.subject(target.id, label):
        raise Refusal(409, f"Label already in use:{html.escape(label)}")
    if call.param("primary") == "true":
        old = places.subject_folder(call.store, subject)
        subject.project, subject.label = target.id, label
        move_folder(old, places.subject_folder(call.store, subject))
    else:
        subject.shares[target.id] = label
    call.store.save()
    return text("")


def share_target(call: Call, owner: str, shares: dict[str, str]) -> Project:
    """Find the project to share with.

    Raises:
        Refusal: 403, 404 or 409, with XNAT's sentence.
    """
    target = call.store.project(call.part("other"))
    if target is None or not rights.can_see(call.user, target):
        raise Refusal(404, f"Unable to identify project: {html.escape(call.part('other'))}")
    if not (rights.can_edit(call.user, target) and places.may_edit(call, owner)):
        raise Refusal(403, "Specified user account has insufficient privileges for this project.")
    if target.id == owner or target.id in shares:
        raise Refusal(409, f"Already assigned to project:{target.id}")
    return target


async def unshare(call: Call) -> web.StreamResponse:
    """Take a subject out of a project that it was shared with."""
    subject = places.place_of(call).subject
    assert subject
    take_out(call, subject.shares, call.part("other"))
    return text("")


def take_out(call: Call, shares: dict[str, str], project: str) -> None:
    """End the sharing with a project.

    Raises:
        Refusal: 403, no right there; 404, not shared with it.
    """
    if project not in shares:
        raise Refusal(404, f"Unable to identify project: {html.escape(project)}")
    if not places.may_delete(call, project):
        raise Refusal(403, NO_DELETE)
    del shares[project]
    call.store.save()


async def list_projects(call: Call) -> web.StreamResponse:
    """List the projects in which a subject is seen."""
    subject = places.place_of(call).subject
    assert subject
    return projects_table(call, {subject.project: subject.label, **subject.shares})


def projects_table(call: Call, labels: dict[str, str]) -> web.StreamResponse:
    """List projects with the label that an object has in each."""
    found = [(call.store.project(key), label) for key, label in labels.items()]
    rows = [
        {"label": label, "ID": project.id, "Secondary_ID": project.running_title, "Name": project.name}
        for project, label in found
        if project
    ]
    return table(call, rows, columns=("label", "ID", "Secondary_ID", "Name"))


async def delete(call: Call) -> web.StreamResponse:
    """Delete a subject with its sessions; below a project it is only shared with, end the sharing."""
    place = places.place_of(call)
    subject = place.subject
    assert subject
    if place.project.id in subject.shares:
        take_out(call, subject.shares, place.project.id)
        return text("")
    if not places.may_delete(call, subject.project):
        raise Refusal(403, NO_DELETE)
    gone = [session for session in call.store.state.sessions.values() if session.subject == subject.id]
    folders = [places.subject_folder(call.store, subject), *(call.store.session_folder(session) for session in gone)]
    for session in gone:
        del call.store.state.sessions[session.id]
    del call.store.state.subjects[subject.id]
    call.store.save()
    if call.param("removeFiles") == "true":
        await call.in_thread(remove_folders, folders)
    return text("")


def remove_folders(folders: list[Path]) -> None:
    """Remove folders that may not exist."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


_ONE = "/data/projects/{project}/subjects/{subject}"
ROUTES = (
    Route("GET", "/data/projects/{project}/subjects", list_of_project),
    Route("GET", "/data/subjects", list_all),
    Route("GET", _ONE, read),
    Route("GET", "/data/subjects/{subject}", read),
    Route("PUT", _ONE, put),
    Route("POST", "/data/projects/{project}/subjects", post),
    Route("DELETE", _ONE, delete),
    Route("DELETE", "/data/subjects/{subject}", delete),
    Route("GET", f"{_ONE}/projects", list_projects),
    Route("PUT", f"{_ONE}/projects/{{other}}", share),
    Route("DELETE", f"{_ONE}/projects/{{other}}", unshare),
)
