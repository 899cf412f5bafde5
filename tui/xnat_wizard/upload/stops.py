"""Findings about why sending cannot go on."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from xnat_wizard.findings import Finding
from xnat_wizard.upload.records import SessionRow


def project_of(uri: str) -> str:
    """Return the project that a prearchive or archive URI names, "" when it names none."""
    _, mark, rest = uri.partition("/projects/")
    return unquote(rest.split("/", 1)[0]) if mark else ""


def no_source(source: Path) -> Finding:
    """Say that the folder of the images is away."""
    return Finding(
        "upload.no_source",
        "The folder or archive with the images is not there",
        "It was there when it was surveyed: a disk or a network drive may not be mounted",
        ("Make it available again at the same place, then resume the upload",),
        where=str(source),
    )


def other_source(source: Path) -> Finding:
    """Say that the archive with the images is no longer the one that was surveyed."""
    return Finding(
        "upload.other_source",
        "The archive with the images is not the one that was surveyed",
        "It was written to or replaced since the survey, so what lies in it is not what was planned",
        (
            "If the first archive still exists, put it back as it was, with its time of change: cp -p",
            "Otherwise choose the archive again, and plan anew: what is on the server already is not sent twice",
        ),
        where=str(source),
    )


def rerouted(uri: str, project: str) -> Finding:
    """Say that data landed somewhere else than it was sent to."""
    there = project_of(uri) or "no project"
    return Finding(
        "upload.rerouted",
        f"The server put the images into `{there}` instead of `{project}`",
        "It did not find the project at that moment, or may not use it, and went by the header of the images. They stay"
        " there: XNAT was told not to go on by itself",
        (
            f"Move the session from `{there}` to `{project}` in the prearchive step, then resume the upload",
            "If it is not listed there, an administrator of the site can move it",
        ),
        where=uri,
        shareable="An import with an explicit project was filed elsewhere by the site.",
    )


def split(uris: Sequence[str], session: SessionRow) -> Finding:
    """Say that the server made several sessions of what is one."""
    return Finding(
        "upload.split",
        f"The server put the images of session `{session.session_label}` into {len(set(uris))} sessions",
        "It answered one request with several places; each holds a part of the images. They stay there: XNAT was told"
        " not to go on by itself",
        (
            "Look at them in the prearchive step, and delete what is not wanted",
            "Ask the administrator of the site which rule divides sessions, then resume the upload",
        ),
        where=", ".join(dict.fromkeys(uris)),
        shareable="An import of one session was answered with several sessions.",
    )


def all_refused(count: int, last: Finding) -> Finding:
    """Say that the server refused many files of a session in a row."""
    return Finding(
        "upload.refused",
        f"The server refused {count} files one after the other",
        f"The last reason: {last.what}. {last.why}",
        (
            "Look at one of the files: the plan names them",
            "Ask the administrator of the site for the reason in its log",
        ),
        where=last.where,
    )


def refused_alike(parts: int, last: Finding) -> Finding:
    """Say that nothing was taken, and that every part was refused for the same reason."""
    return Finding(
        "upload.refused_alike",
        "The server refuses every part of the upload in the same way, so it was stopped",
        f"Files out of {parts} parts were tried, in zips and one by one. The last reason: {last.what}. {last.why}",
        (
            *last.todo,
            "Ask the administrator of the site for the reason in its log",
            "Resume the upload when it is cured",
        ),
        where=last.where,
        shareable=f"Every part of an upload was refused alike. {last.shareable}".strip(),
    )
