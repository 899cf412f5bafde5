"""Looks at the site after each act: nothing counts as done that was not seen (wire contract 10.3, traps 2 and 7)."""

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.xnat.model import PrearchiveSession
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.waiting.words import log_words, status_words


async def build(site: Site, session: PrearchiveSession) -> str:
    """Build a session, and look whether it is ready.

    Raises:
        Problem: it is not, or the site refused.
    """
    await site.build(session.uri)
    return f"{session.label} was built: {await _built(site, session)}"


async def commit(site: Site, session: PrearchiveSession) -> str:
    """Say in its sender's place that a session is whole, and look where it is.

    In a project that archives by itself a commit archives, and merges into a session of the same label without a word;
    then it is not sent.

    Raises:
        Problem: prearchive.would_merge; it is not where it should be; or the site refused.
    """
    settings = await site.upload_settings(session.project)
    if settings.archives_by_itself and await site.session(session.project, session.label) is not None:
        raise Problem(
            Finding(
                "prearchive.would_merge",
                f"{session.label} was not committed: it would be merged into the session of that label",
                f"{session.project} archives by itself, and a commit does not ask.",
                ("Build it, then archive it: the site is asked first, and you are told.",),
                where=session.uri,
            )
        )
    uri = await site.commit(session.uri, to_archive=settings.archives_by_itself)
    if not uri.startswith("/data/archive/"):
        return f"{session.label} was committed: {await _built(site, session)}"
    if await site.session(session.project, uri.rstrip("/").rsplit("/", 1)[-1]) is None:
        raise Problem(_not_in_archive(session, uri))
    return f"{session.label} was committed: it is in the archive"


async def _built(site: Site, session: PrearchiveSession) -> str:
    """Return the status of a session that should be ready.

    Raises:
        Problem: prearchive.not_ready.
    """
    row = await site.prearchive_session(session.uri)
    if row is None:
        place = await site.session(session.project, session.label)
        if place is not None:
            return "the project archives by itself, and it is in the archive"
        raise Problem(_gone(session))
    if row.status == "READY":
        return "ready to archive"
    log = await site.prearchive_log(session.uri)
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "nothing")
    raise Problem(
        Finding(
            "prearchive.not_ready",
            f"{session.label} is {status_words(row)[0]} now",
            log_words(log) or f"The site wrote down: {last}",
            ("Look at its log.", "Look again in a minute, if the site still works on it."),
            where=session.uri,
        )
    )


async def break_lock(site: Site, session: PrearchiveSession) -> str:
    """Queue a build that breaks the lock, and look whether the site took it.

    Raises:
        Problem: nothing changed, or the site refused.
    """
    await site.rebuild_locked(session.uri)
    row = await site.prearchive_session(session.uri)
    if row is not None and row.is_locked and row.status == session.status:
        raise Problem(
            Finding(
                "prearchive.locked",
                f"{session.label} is still locked",
                "The site took the order and did not break the lock: newer ones let administrators only.",
                ("Ask the site's administrator to rebuild it, and give the address below.",),
                where=session.uri,
            )
        )
    return f"{session.label}: the site builds it anew. Look again in a minute"


async def reset(site: Site, session: PrearchiveSession) -> str:
    """Let the site find out the status anew, and look what it is.

    Raises:
        Problem: it is the same, or the site refused.
    """
    await site.reset_status(session.uri)
    row = await site.prearchive_session(session.uri)
    if row is None:
        raise Problem(_gone(session))
    if row.status == session.status:
        raise Problem(
            Finding(
                "prearchive.unchanged",
                f"{session.label} still has the status {session.status}",
                "The site found nothing else when it looked at it anew.",
                ("Build it.", "If that does not help either, give its address to the site's administrator."),
                where=session.uri,
            )
        )
    return f"{session.label}: {status_words(row)[0]}"


async def move(site: Site, session: PrearchiveSession, project: str) -> str:
    """Move a session, and look whether it is there: an answer 200 means that nothing moved.

    Raises:
        Problem: it is not there, or the site refused.
    """
    uri = await site.move(session.uri, project)
    row = await site.prearchive_session(uri)
    if row is None or row.project != project:
        raise Problem(
            Finding(
                "prearchive.not_seen",
                f"{session.label} was moved, and is not in the prearchive of {project}",
                "A project that archives by itself may have taken it on at once; else the site still moves it.",
                (f"Look into the archive of {project}.", "Look at the prearchive again in a minute."),
                where=uri,
            )
        )
    return f"{session.label} is now in the prearchive of {project}"


async def delete(site: Site, session: PrearchiveSession) -> str:
    """Delete a session, and look whether it is gone.

    Raises:
        Problem: it is still there, or the site refused.
    """
    await site.delete_prearchive(session.uri)
    if await site.prearchive_session(session.uri) is not None:
        raise Problem(
            Finding(
                "prearchive.not_deleted",
                f"{session.label} is still there",
                "The site took the order to delete it, and lists it yet.",
                ("Look again in a minute.", "Delete it again."),
                where=session.uri,
            )
        )
    return f"{session.label} was deleted from the prearchive"


async def archive(site: Site, session: PrearchiveSession, overwrite: str, labels: tuple[str, str]) -> tuple[str, str]:
    """Archive a session, and look whether it is in the archive; returns the words and the session's ID.

    Raises:
        Problem: it is not there, or the site refused.
    """
    uri = await site.archive(session.uri, overwrite=overwrite, subject=labels[0], session=labels[1])
    name = uri.rstrip("/").rsplit("/", 1)[-1]
    found = await site.session(session.project, name)
    if found is None:
        raise Problem(_not_in_archive(session, uri))
    return f"{labels[1] or session.label} is in the archive", found.id


def _gone(session: PrearchiveSession) -> Finding:
    return Finding(
        "prearchive.gone",
        f"{session.label} is not in the prearchive any more",
        "Somebody else archived, moved or deleted it meanwhile.",
        ("Look at the list again, and into the archive.",),
        where=session.uri,
    )


def _not_in_archive(session: PrearchiveSession, uri: str) -> Finding:
    return Finding(
        "archive.not_seen",
        f"{session.label} was archived, and your account does not see it there",
        f"The site says it is at {uri}.",
        ("Look again in a minute: XNAT notices changes of rights late.", "Ask an owner of the project to look."),
        where=uri,
    )
