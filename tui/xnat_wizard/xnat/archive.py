"""The archive: from the prearchive into it, and reading what is there (wire contract 4, 6.6, 7)."""

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import cell, id_of, number
from xnat_wizard.xnat.errors import Refused, Retry
from xnat_wizard.xnat.http import WORK_S, Http
from xnat_wizard.xnat.model import ArchiveVerdict, Resource, Scan, Session, Subject
from xnat_wizard.xnat.prearchive import MOVED, scans_of
from xnat_wizard.xnat.refusals import why
from xnat_wizard.xnat.tables import Row
from xnat_wizard.xnat.uris import normalise, path_of

_ALL = {"format": "json", "limit": "*"}
_COLUMNS = "ID,label,project,subject_ID,subject_label,date,xsiType,insert_date,UID"


async def validate(http: Http, uri: str, *, subject: str, session: str) -> tuple[ArchiveVerdict, ...]:
    """Ask what archiving would run into; changes nothing; nothing to say is good news."""
    query = {"src": _source(uri), "format": "json", **_labels(subject, session)}
    answer = await http.call("POST", "/data/services/validate-archive", query)
    return tuple(
        ArchiveVerdict(code=row.get("code", ""), type=row.get("type", ""), message=row.get("message", ""))
        for row in answer.rows()
    )


async def archive(http: Http, uri: str, *, overwrite: str, subject: str, session: str) -> str:
    """Archive a session of the prearchive and wait until it is done; returns its archive URI, /data in front.

    Raises:
        Retry: archive.still_working, prearchive.busy: the site goes on by itself; look again later.
        Refused: archive.* with the reason; the row is then CONFLICT or ERROR.
    """
    query = {"src": _source(uri), **_labels(subject, session)}
    if overwrite:
        query["overwrite"] = overwrite
    answer = await http.call("POST", "/data/services/archive", query, ok=MOVED, answer_s=WORK_S)
    start = answer.location.find("/data/archive/")
    found = answer.location[start:] if start >= 0 else next(iter(answer.uris()), "")
    if not found.startswith("/data/archive/"):
        raise Retry(
            Finding(
                code="archive.still_working",
                what="The site took the session for archiving, and did not say where it is now",
                why=why(answer),
                todo=("Wait a minute, then look at the prearchive and the archive.",),
                shareable="Archiving was accepted without an archive URI.",
            ),
            status=answer.status,
        )
    return found


async def list_subjects(http: Http, project: str) -> tuple[Subject, ...]:
    """List the subjects of a project, by label."""
    rows = (await http.get(path_of("data", "projects", project, "subjects"), _ALL)).rows()
    found = (Subject(id=id_of(row), label=row.get("label", ""), project=row.get("project", "")) for row in rows)
    return tuple(sorted(found, key=lambda subject: (subject.label.casefold(), subject.id)))


async def list_sessions(http: Http, project: str) -> tuple[Session, ...]:
    """List the imaging sessions of a project, by label."""
    path = path_of("data", "projects", project, "experiments")
    rows = (await http.get(path, {**_ALL, "columns": _COLUMNS})).rows()
    found = (_session(row, project) for row in rows if row.get("xsiType", "").endswith("SessionData"))
    return tuple(sorted(found, key=lambda session: (session.label.casefold(), session.id)))


async def read_session(http: Http, project: str, id_or_label: str) -> Session | None:
    """Read one session by its ID or its label in the project; `None` when it is not there (or not for us)."""
    path = path_of("data", "projects", project, "experiments", id_or_label)
    try:
        item = (await http.get(path, {"format": "json"})).item()
    except Refused as problem:
        if problem.status == 404:
            return None
        raise
    fields = item.fields
    subject_label = cell(fields, "subject_label")
    subject_id = cell(fields, "subject_ID", "subject_id")
    if subject_id and not subject_label:
        subject_label = await _subject_label(http, project, subject_id)
    return Session(
        id=id_of(fields),
        label=cell(fields, "label") or id_or_label,
        project=cell(fields, "project") or project,
        subject_label=subject_label,
        xsi_type=item.xsi_type,
        date=cell(fields, "date"),
        insert_date=cell(fields, "insert_date"),
        study_instance_uid=cell(fields, "UID"),
    )


async def subject_exists(http: Http, project: str, subject: str) -> bool:
    """Tell whether the project has a subject of this label or ID."""
    try:
        await http.get(path_of("data", "projects", project, "subjects", subject), {"format": "json"})
    except Refused as problem:
        if problem.status == 404:
            return False
        raise
    return True


async def list_scans(http: Http, session_id: str) -> tuple[Scan, ...]:
    """List the scans of a session, in the site's order."""
    rows = (await http.get(path_of("data", "experiments", session_id, "scans"), _ALL)).rows()
    return scans_of(rows)


async def list_resources(http: Http, session_id: str, *, with_scans: bool = False) -> tuple[Resource, ...]:
    """List the resource folders of a session itself, or also those of its scans."""
    query = {"format": "json", **({"all": "true"} if with_scans else {})}
    rows = (await http.get(path_of("data", "experiments", session_id, "resources"), query)).rows()
    return tuple(
        Resource(
            label=row.get("label", ""),
            category=row.get("category", ""),
            scan_id=row.get("cat_id", "") if row.get("category") == "scans" else "",
            file_count=number(row.get("file_count", "")),
            size_bytes=number(row.get("file_size", "")),
            format=row.get("format", ""),
        )
        for row in rows
    )


async def _subject_label(http: Http, project: str, subject_id: str) -> str:
    try:
        answer = await http.get(path_of("data", "projects", project, "subjects", subject_id), {"format": "json"})
    except Refused as problem:
        if problem.status in {403, 404}:
            return ""
        raise
    return cell(answer.item().fields, "label")


def _session(row: Row, project: str) -> Session:
    return Session(
        id=id_of(row),
        label=row.get("label", ""),
        project=cell(row, "project") or project,
        subject_label=row.get("subject_label", ""),
        xsi_type=row.get("xsiType", ""),
        date=row.get("date", ""),
        insert_date=row.get("insert_date", ""),
        study_instance_uid=cell(row, "UID", "uid"),
    )


def _source(uri: str) -> str:
    """Return a prearchive URI as the services take it: without /data."""
    return normalise(uri).removeprefix("/data")


def _labels(subject: str, session: str) -> dict[str, str]:
    given = {"subject": subject, "session": session}
    return {name: text for name, text in given.items() if text}
