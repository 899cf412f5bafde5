"""Finds what a path addresses: project, subject, session, scans; and where their resources lie.

Unknown and invisible objects are both 404 (wire contract 0.1, 7).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal
from xnat_wizard.practice.store import Project, Resource, Scan, Session, Store, Subject

PARENTS = (
    "/data/projects/{project}",
    "/data/projects/{project}/subjects/{subject}",
    "/data/projects/{project}/subjects/{subject}/experiments/{session}",
    "/data/projects/{project}/experiments/{session}",
    "/data/subjects/{subject}",
    "/data/subjects/{subject}/experiments/{session}",
    "/data/experiments/{session}",
)
SESSIONS = tuple(path for path in PARENTS if path.endswith("{session}"))
SCANS = tuple(f"{path}/scans/{{scan}}" for path in SESSIONS)

_URI = re.compile(
    r"(?:/(?:data|REST))?(?:/archive)?(?:/projects/(?P<project>[^/]+))?(?:/subjects/(?P<subject>[^/]+))?"
    r"(?:/experiments/(?P<session>[^/]+))?(?:/scans/(?P<scan>[^/]+))?(?:/resources/(?P<resource>[^/]+))?"
    r"(?:/files/(?P<file>.+))?"
)


@dataclass(frozen=True)
class Holder:
    """One object with resources."""

    resources: dict[str, Resource]
    folder: Path  # one folder a resource
    uri: str  # of the object, as lists show it
    zip_path: str  # of the object in a zip: "S01_MR1/scans/4-T1"
    category: str = "resources"
    cat_id: str = ""
    cat_desc: str = ""

    def find(self, label_or_id: str) -> Resource | None:
        """Find a resource by label or number."""
        if label_or_id in self.resources:
            return self.resources[label_or_id]
        return next((one for one in self.resources.values() if str(one.id) == label_or_id), None)


@dataclass(frozen=True)
class Place:
    """What a path addresses; `project` is the one it names, or the one that owns the object."""

    project: Project
    subject: Subject | None = None
    session: Session | None = None
    scans: tuple[Scan, ...] | None = None  # None: the path does not go down to scans

    @property
    def owner(self) -> str:
        """Return the ID of the project that owns the object: its rights count for changes."""
        if self.session:
            return self.session.project
        return self.subject.project if self.subject else self.project.id

    @property
    def name(self) -> str:
        """Return what a download of the place is called."""
        if self.session:
            return self.session.label
        return self.subject.label if self.subject else self.project.id

    def holder(self, store: Store) -> Holder:
        """Return the one object whose resources are meant; the first scan of several."""
        return next(self.holders(store, is_deep=False))

    def holders(self, store: Store, *, is_deep: bool) -> Iterator[Holder]:
        """Give the objects whose resources are meant; `is_deep` adds a session's scans."""
        if self.session and self.scans is not None:
            for scan in self.scans:
                yield scan_holder(store, self.session, scan)
            return
        if self.session:
            session = self.session
            folder = store.session_folder(session) / "RESOURCES"
            yield Holder(session.resources, folder, f"/data/experiments/{session.id}", session.label)
            if is_deep:
                for scan in session.scans.values():
                    yield scan_holder(store, session, scan)
        elif self.subject:
            subject = self.subject
            folder = subject_folder(store, subject)
            yield Holder(subject.resources, folder, f"/data/subjects/{subject.id}", subject.label)
        else:
            project = self.project
            folder = store.project_folder(project.id) / "resources"
            yield Holder(project.resources, folder, f"/data/projects/{project.id}", project.id)


def scan_holder(store: Store, session: Session, scan: Scan) -> Holder:
    """Return a scan as a holder of resources."""
    kind = re.sub(r"[^A-Za-z0-9_-]", "_", scan.fields.get("type", ""))
    name = f"{scan.id}-{kind}" if kind else scan.id
    return Holder(
        resources=scan.resources,
        folder=store.session_folder(session) / "SCANS" / scan.id,
        uri=f"/data/experiments/{session.id}/scans/{scan.id}",
        zip_path=f"{session.label}/scans/{name}",
        category="scans",
        cat_id=scan.id,
        cat_desc=scan.fields.get("series_description") or scan.fields.get("type", ""),
    )


def subject_folder(store: Store, subject: Subject) -> Path:
    """Return where a subject's resources lie."""
    return store.project_folder(subject.project) / "subjects" / subject.label


def place_of(call: Call) -> Place:
    """Find what the call's path addresses.

    Raises:
        Refusal: 404, unknown or invisible.
    """
    return _find(call, {name: call.parts.get(name, "") for name in ("project", "subject", "session", "scan")})


@dataclass(frozen=True)
class Target:
    """What a URI in a parameter addresses: a place, and perhaps a resource and a file of it."""

    place: Place
    resource: str
    file: str


def target_of(call: Call, uri: str) -> Target | None:
    """Find what an archive URI addresses, with or without /data and /archive (0.1); None when it is no such URI.

    Raises:
        Refusal: 404, unknown or invisible.
    """
    match = _URI.fullmatch(uri.rstrip("/"))
    if match is None:
        return None
    parts = {name: unquote(value or "") for name, value in match.groupdict().items()}
    if not any(parts[name] for name in ("project", "subject", "session")) or (parts["scan"] and not parts["session"]):
        return None
    return Target(_find(call, parts), parts["resource"], parts["file"])


def _find(call: Call, parts: Mapping[str, str]) -> Place:
    store = call.store
    project_id, subject_id, session_id, scan_id = (parts[name] for name in ("project", "subject", "session", "scan"))
    project = rights.readable_project(call, project_id) if project_id else None
    if project and not (subject_id or session_id):
        return Place(project)
    subject = find_subject(call, project, subject_id) if subject_id else None
    session = find_session(call, project, session_id, subject) if session_id else None
    owner = project or store.project(session.project if session else subject.project if subject else "")
    if owner is None:
        raise Refusal(404)
    if session is None or not scan_id:
        return Place(owner, subject, session)
    return Place(owner, subject, session, _scans(session, scan_id))


def place_of_session(call: Call) -> Session:
    """Find the session that the call's path goes through, whatever scan it names.

    Raises:
        Refusal: 404, unknown or invisible.
    """
    project_id, subject_id = (call.parts.get(name, "") for name in ("project", "subject"))
    project = rights.readable_project(call, project_id) if project_id else None
    subject = find_subject(call, project, subject_id) if subject_id else None
    return find_session(call, project, call.part("session"), subject)


def find_subject(call: Call, project: Project | None, id_or_label: str) -> Subject:
    """Find a subject of a project, or by accession ID alone.

    Raises:
        Refusal: 404, unknown or invisible.
    """
    if project:
        subject = call.store.subject(project.id, id_or_label)
    else:
        subject = call.store.state.subjects.get(id_or_label)
        if subject and not any(_reads(call, one) for one in (subject.project, *subject.shares)):
            subject = None
    if subject is None:
        raise Refusal(404)
    return subject


def find_session(call: Call, project: Project | None, id_or_label: str, subject: Subject | None = None) -> Session:
    """Find a session of a project (and subject), or by accession ID alone.

    Raises:
        Refusal: 404, unknown or invisible.
    """
    if project:
        session = call.store.session(project.id, id_or_label)
    else:
        session = call.store.state.sessions.get(id_or_label)
        if session and not any(_reads(call, one) for one in (session.project, *session.shares)):
            session = None
    if session is None or (subject and session.subject != subject.id):
        raise Refusal(404)
    return session


def _scans(session: Session, wanted: str) -> tuple[Scan, ...]:
    """Find scans by ID, by several IDs with commas, by type, or all (`ALL`, `*`)."""
    if wanted in session.scans:
        return (session.scans[wanted],)
    if wanted in {"ALL", "*"}:
        return tuple(session.scans.values())
    names = set(wanted.split(","))
    found = tuple(scan for scan in session.scans.values() if scan.id in names or scan.fields.get("type") in names)
    if not found:
        raise Refusal(404)
    return found


def _reads(call: Call, project_id: str) -> bool:
    project = call.store.project(project_id)
    return project is not None and rights.can_read(call.user, project)


def may_edit(call: Call, project_id: str) -> bool:
    """Say whether the caller may change data of a project."""
    project = call.store.project(project_id)
    return project is not None and rights.can_edit(call.user, project)


def may_delete(call: Call, project_id: str) -> bool:
    """Say whether the caller may delete data of a project."""
    project = call.store.project(project_id)
    return project is not None and rights.can_delete(call.user, project)
