"""The prearchive: what waits there, what is in it, and what can be done with it (wire contract 6.1 to 6.5)."""

from collections.abc import Iterable, Mapping

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import Answer, cell, number
from xnat_wizard.xnat.errors import Refused, Retry
from xnat_wizard.xnat.files import read_list
from xnat_wizard.xnat.http import WORK_S, Http
from xnat_wizard.xnat.model import UNASSIGNED, IdleTimer, PrearchiveSession, RemoteFile, Resource, Scan
from xnat_wizard.xnat.refusals import why
from xnat_wizard.xnat.tables import Row
from xnat_wizard.xnat.uris import encoded, normalise, path_of, segment

_JSON = {"format": "json"}
MOVED = frozenset({200, 201, 301, 303})  # 301 and 303 are XNAT's success here, not redirects (12)


async def list_prearchive(
    http: Http, project: str | None, *, with_unassigned: bool = False
) -> tuple[PrearchiveSession, ...]:
    """List the sessions of one project, or of all where the account may edit.

    XNAT appends unassigned sessions to a project's list for administrators; they are left out (trap 11 of 10.3)
    unless they are wanted.
    """
    path = "/data/prearchive" if project is None else path_of("data", "prearchive", "projects", project)
    rows = (await http.get(path, _JSON)).rows()
    found = (_session(row) for row in rows)
    return tuple(
        each for each in found if project is None or each.project == project or (with_unassigned and each.is_unassigned)
    )


async def read_session(http: Http, uri: str) -> PrearchiveSession | None:
    """Read one row; `None` when there is none (which XNAT says with 200: trap 12)."""
    try:
        rows = (await http.get(encoded(uri), _JSON)).rows()
    except Refused as problem:
        if problem.status == 404:
            return None
        raise
    return _session(rows[0]) if rows else None


async def read_log(http: Http, uri: str) -> str:
    """Read what the site wrote down about a session, the newest last; "" when nothing."""
    try:
        rows = (await http.get(encoded(uri) + "/logs", _JSON)).rows()
    except Refused as problem:
        if problem.status == 404:
            return ""
        raise
    lines = (" ".join(filter(None, (row.get("date", ""), row.get("entry", "")))) for row in rows)
    return "\n".join(line for line in lines if line)


async def list_scans(http: Http, uri: str) -> tuple[Scan, ...]:
    """List the scans of a built session.

    Raises:
        Refused: prearchive.not_built.
    """
    rows = (await http.get(encoded(uri) + "/scans", _JSON)).rows()
    return scans_of(rows)


def scans_of(rows: Iterable[Row]) -> tuple[Scan, ...]:
    """Return the scans of a list, in the site's order."""
    return tuple(
        Scan(
            id=row["ID"],
            xsi_type=row.get("xsiType", ""),
            type=row.get("type", ""),
            series_description=row.get("series_description", ""),
            quality=row.get("quality", ""),
        )
        for row in rows
        if row.get("ID")
    )


async def list_resources(http: Http, uri: str, scan_id: str) -> tuple[Resource, ...]:
    """List the resource folders of a scan; their counts may be missing (6.4)."""
    place = f"{encoded(uri)}/scans/{segment(scan_id)}/resources"
    return tuple(
        Resource(
            label=row["label"],
            category="scans",
            scan_id=scan_id,
            file_count=number(row.get("file_count", "")),
            size_bytes=number(row.get("file_size", "")),
            format="",
        )
        for row in (await http.get(place, _JSON)).rows()
        if row.get("label")
    )


async def list_files(http: Http, uri: str, scan_id: str) -> tuple[RemoteFile, ...]:
    """List the files of all resources of a scan; the prearchive knows no digests (6.4)."""
    place = f"{encoded(uri)}/scans/{segment(scan_id)}/resources"
    labels = [one.label for one in await list_resources(http, uri, scan_id)]
    found: list[RemoteFile] = []
    for label in labels:
        found += await read_list(http, f"{place}/{segment(label)}/files", collection=label)
    return tuple(found)


async def build(http: Http, uri: str) -> None:
    """Build the session's XML from its files; takes minutes for large ones.

    Raises:
        Retry: prearchive.busy.
    """
    await _act(http, uri, {"action": "build"})


async def commit(http: Http, uri: str, *, to_archive: bool) -> str:
    """Build, then archive if asked; returns where the session is now, /data in front.

    A project that archives by itself does so whatever is asked (trap 7 of 10.3).

    Raises:
        Retry: archive.still_working: the site goes on; ask it later.
        Refused: the archive did not take it; the log says why.
    """
    answer = await _act(http, uri, {"action": "commit", "AA": "true" if to_archive else "false"})
    found = answer.uris() or _location(answer)
    return found[0] if found else uri


async def move(http: Http, uri: str, project: str) -> str:
    """Move a session to another project; returns its URI there.

    Raises:
        Retry: prearchive.busy: it is locked, and nothing was moved (which XNAT says with 200: trap 2).
        Refused: rights.destination, and others.
    """
    answer = await _act(http, uri, {"action": "move", "newProject": project})
    found = answer.uris() or _location(answer)
    if not found:
        raise Retry(_not_moved(answer), status=answer.status)
    return found[0]


async def reset_status(http: Http, uri: str) -> None:
    """Let the site find out anew in which status a session is (6.5); for one whose work was lost."""
    await _act(http, uri, {"action": "reset-status"})


async def rebuild_locked(http: Http, uri: str) -> None:
    """Queue a build that breaks a lock; newer sites do so for administrators only (6.6). It never archives."""
    query = {"src": normalise(uri).removeprefix("/data"), "overrideLock": "true", "format": "json"}
    await http.call("POST", "/data/services/prearchive/rebuild", query, answer_s=WORK_S)


def idle_timer(config: Mapping[str, object]) -> IdleTimer:
    """Read from a site's settings when it builds by itself; XNAT's own values where they do not say (6.8)."""
    usual = IdleTimer()
    minutes = number(str(config.get("sessionXmlRebuilderInterval", "")))
    repeat_ms = number(str(config.get("sessionXmlRebuilderRepeat", "")))
    return IdleTimer(
        usual.interval_s if minutes is None else minutes * 60.0,
        usual.repeat_s if repeat_ms is None else repeat_ms / 1000,
    )


async def delete(http: Http, uri: str) -> None:
    """Delete a session and its files from the prearchive."""
    await http.call("DELETE", encoded(uri), answer_s=WORK_S)


async def _act(http: Http, uri: str, query: dict[str, str]) -> Answer:
    return await http.call("POST", encoded(uri), query, ok=MOVED, answer_s=WORK_S)


def _location(answer: Answer) -> tuple[str, ...]:
    """Return the URI in a Location header, for servers that put it there."""
    start = max(answer.location.find("/data/archive/"), answer.location.find("/data/prearchive/"))
    return (answer.location[start:],) if start >= 0 else ()


def place_of(row: Row) -> tuple[str, str, str]:
    """Return project, timestamp and folder of a row, from its URL where a column is missing (6.1)."""
    place = row.get("url", "").strip("/").split("/")  # prearchive/projects/{P}/{TS}/{FOLDER}
    from_url = place[-3:] if len(place) >= 4 else ["", "", ""]
    return (
        cell(row, "project") or from_url[0] or UNASSIGNED,
        cell(row, "timestamp") or from_url[1],
        cell(row, "folderName") or from_url[2],
    )


def _session(row: Row) -> PrearchiveSession:
    project, timestamp, folder = place_of(row)
    return PrearchiveSession(
        project=project,
        timestamp=timestamp,
        folder=folder,
        label=row.get("name", ""),
        subject=row.get("subject", ""),
        study_instance_uid=row.get("tag", ""),
        status=row.get("status", ""),
        scan_date=row.get("scan_date", ""),
        uploaded=row.get("uploaded", ""),
        last_modified=row.get("lastmod", ""),
        autoarchive=row.get("autoarchive", ""),
        source=row.get("SOURCE", ""),
        prevent_auto_commit=row.get("prevent_auto_commit", "").lower(),
    )


def _not_moved(answer: Answer) -> Finding:
    return Finding(
        code="prearchive.busy",
        what="The session was not moved: the site is still working on it",
        why=f"{why(answer)}, without saying where the session is now",
        todo=("Wait a minute, then look at the prearchive again.",),
        shareable="A session was not moved: it is locked.",
    )
