"""Why `prearchive` leaves a session as it is, and the ways out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession


def not_archivable(session: "PrearchiveSession") -> Finding | None:
    """Return why a session cannot be archived as it is."""
    from xnat_wizard.xnat.waiting.words import ARCHIVABLE, status_words

    if session.is_unassigned:
        return Finding(
            "prearchive.no_project",
            f"{session.label} has no project, and cannot be archived",
            "The site found no project for it when it arrived",
            (f"Move it first: `xnat-wizard prearchive move {session.uri} --to PROJECT`",),
            where=session.uri,
            shareable="A session without a project cannot be archived.",
        )
    if session.plain_status in ARCHIVABLE and not session.status.startswith("QUEUED"):
        return None
    return Finding(
        "prearchive.not_ready",
        f"{session.label} cannot be archived yet: it is {status_words(session)[0]}",
        "A session is archived once it is whole and built",
        (
            f"Build it, when all of it has come: `xnat-wizard prearchive rebuild {session.uri}`",
            "Or wait, and look again",
        ),
        where=session.uri,
        shareable="A session is not ready to be archived.",
    )


def conflict(
    session: "PrearchiveSession",
    said: str,
    verdicts: "Sequence[ArchiveVerdict]",
    *,
    overwrite: str,
    is_owner: bool,
) -> Finding:
    """Return why a session stays in the prearchive, and the ways out."""
    from xnat_wizard.xnat.waiting.words import is_forbidden

    todo = [f"Archive it under another label: `xnat-wizard prearchive archive {session.uri} --session-label LABEL`"]
    if is_forbidden(verdicts):
        said += ". The site would refuse even with overwriting" if overwrite else ""
    elif not is_owner:
        said += ". Only an owner of the project may overwrite" if overwrite else ""
        todo.append("Ask an owner of the project, who may replace what is there")
    else:
        todo.append("Replace what is there, if it is the same study: the same command with `--overwrite delete`")
    todo.append("Move it into another project, or delete it")
    return Finding(
        "prearchive.conflict",
        f"{session.label} stays in the prearchive: something stands against archiving it",
        said,
        tuple(todo),
        where=session.uri,
        shareable=f"Archiving met: {', '.join(sorted({one.code for one in verdicts}))}.",
    )


def locked(session: "PrearchiveSession") -> Finding:
    """Return why a locked session is not touched."""
    return Finding(
        "prearchive.locked",
        f"{session.label} is locked",
        "The site is doing something with it, or a lock was left behind",
        ("Wait a minute, then look again", "If it stays so: in the wizard, step 6, key x rescues it"),
        where=session.uri,
        shareable="A session of the prearchive is locked.",
    )


def at_work(session: "PrearchiveSession") -> Finding:
    """Return why a session is not touched that the site works on."""
    from xnat_wizard.xnat.waiting.words import status_words

    return Finding(
        "prearchive.busy",
        f"{session.label} was not touched: it is {status_words(session)[0]}",
        "The site is working on it",
        ("Wait a minute, then look again",),
        where=session.uri,
        shareable="A session was not touched: the site works on it.",
    )


def not_tried(session: "PrearchiveSession") -> Finding:
    """Return why a session was left alone after the line was lost."""
    return Finding(
        "site.not_tried",
        f"{session.label} was not tried",
        "The connection to the site was lost before its turn",
        ("Give the same command again, when the site is back",),
        where=session.uri,
        shareable="A session was not tried: the connection was lost before.",
    )
