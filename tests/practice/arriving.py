"""Steps that tests of arrival share."""

import time
from collections.abc import Callable, Mapping

from practice.calling import Answer, Caller
from practice.images import zipped

IMPORT = "/data/services/import"


def send(caller: Caller, files: Mapping[str, bytes], **params: str) -> Answer:
    """Import a zip as the body."""
    query = {"import-handler": "DICOM-zip", **params}
    return caller.call("POST", IMPORT, query, body=zipped(files), headers={"Content-Type": "application/zip"})


def send_one(caller: Caller, files: Mapping[str, bytes], **params: str) -> str:
    """Import a zip that makes one session; return its URI."""
    answer = send(caller, files, **params)
    assert answer.status == 200, answer.text
    (uri,) = answer.text.splitlines()
    return uri


def act(caller: Caller, uri: str, action: str, **params: str) -> Answer:
    """Ask for an action on a session of the prearchive."""
    return caller.call("POST", uri, {"action": action, **params})


def row_of(caller: Caller, uri: str) -> dict[str, str]:
    """Return a session's line."""
    (row,) = caller.get(uri, format="json").rows
    return row


def rows_of(caller: Caller, project: str = "DEMO") -> list[dict[str, str]]:
    """Return the lines of one project."""
    rows = caller.get(f"/data/prearchive/projects/{project}", format="json").rows
    return [row for row in rows if row["project"] == project]


def names_in(caller: Caller, uri: str, scan: str = "1", resource: str = "DICOM") -> set[str]:
    """Return the file names of a scan, in the prearchive or the archive."""
    return {row["Name"] for row in caller.get(f"{uri}/scans/{scan}/resources/{resource}/files", format="json").rows}


def until(is_so: Callable[[], object]) -> None:
    """Wait for background work, asking again and again."""
    limit = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < limit, "it did not happen"


def settled(caller: Caller, uri: str) -> dict[str, str] | None:
    """Wait for background work to leave a session alone; None when it is gone."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        rows = caller.get(uri, format="json").rows
        if not rows:
            return None
        if rows[0]["status"] in {"READY", "CONFLICT", "ERROR"}:
            return rows[0]
    raise AssertionError(f"still busy: {rows}")
