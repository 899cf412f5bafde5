"""Makes records of the archive with their numbers: subjects, sessions, scans, resources (wire contract 4.1).

The one place that hands out accession IDs, so that arrival and the REST calls never give the same one twice.
"""

from collections.abc import Container

from xnat_wizard.practice.store import Resource, Scan, Session, Store, Subject


def new_subject(
    store: Store,
    project: str,
    label: str,
    *,
    user: str,
    now: float,
    fields: dict[str, str] | None = None,
    accession: str = "",
) -> Subject:
    """Add a subject to a project; the label has been checked."""
    accession = accession or _accession(store, "subject", "S", store.state.subjects)
    subject = Subject(accession, label, project, now, user, dict(fields or {}))
    store.state.subjects[subject.id] = subject
    return subject


def new_session(
    store: Store,
    subject: Subject,
    project: str,
    label: str,
    xsi_type: str,
    *,
    user: str,
    now: float,
    accession: str = "",
) -> Session:
    """Add an empty session of a subject to a project; the label has been checked."""
    accession = accession or _accession(store, "session", "E", store.state.sessions)
    session = Session(accession, label, project, subject.id, xsi_type, now, user)
    store.state.sessions[session.id] = session
    return session


def new_scan(store: Store, session: Session, scan_id: str, xsi_type: str) -> Scan:
    """Add an empty scan to a session."""
    scan = Scan(scan_id, xsi_type, store.next_number("scan"))
    session.scans[scan_id] = scan
    return scan


def new_resource(store: Store, resources: dict[str, Resource], label: str) -> Resource:
    """Add an empty resource to an object's resources."""
    resource = Resource(store.next_number("resource"), label)
    resources[label] = resource
    return resource


def _accession(store: Store, kind: str, letter: str, taken: Container[str]) -> str:
    prefix = str(store.state.preferences.get("siteId") or "XNAT")
    while True:
        accession = f"{prefix}_{letter}{store.next_number(kind):05d}"
        if accession not in taken:
            return accession
