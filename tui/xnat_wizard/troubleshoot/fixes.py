"""What can be done about a diagnosis by one key: what it would do, doing it, and looking whether it is done.

Before anything is archived the site is asked what would happen; nothing is sent with `overwrite`; nothing is deleted.
Sources: missing data 0.3 (rules 7, 8), 2.2 (F1 to F17, and the box on `overwrite`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.troubleshoot.model import NextStep, StepKind
from xnat_wizard.troubleshoot.stages_files import samples
from xnat_wizard.xnat.errors import SiteProblem
from xnat_wizard.xnat.inquiry import Inquiry
from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession
from xnat_wizard.xnat.repairs import Repairs
from xnat_wizard.xnat.site import Site

_STATUSES = frozenset({"active", "locked", "quarantine", "obsolete", "auto"})  # of a session in the archive
_EXISTS = frozenset({"1", "14"})  # the label is there: archiving would be a merge


@dataclass(frozen=True, slots=True)
class Preview:
    """What a step would do; asked of the site, nothing changed."""

    does: str  # one sentence
    loses: str = "Nothing is lost or replaced."
    is_possible: bool = True
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step, as it was seen afterwards."""

    says: str
    uri: str = ""  # where the session is now
    is_done: bool = True


def can_do(step: NextStep) -> bool:
    """Tell whether this program does the step itself, after a yes. F16 is done by the upload: see `resending`."""
    return (
        step.kind in {StepKind.ONE_CLICK, StepKind.CONFIRM}
        and step.action in _DO
        and (bool(step.target) or step.action == "F11")
    )


async def preview(site: Site, step: NextStep) -> Preview:
    """Say what a step would do, after asking the site; reads only.

    Raises:
        Problem: the site cannot be asked, or `troubleshoot.no_fix`.
    """
    if step.action in {"F3", "F4"}:
        return await _archive_preview(site, step)
    if step.action == "F2":
        return await _commit_preview(site, step)
    return Preview(_DOES.get(step.action, step.text))


async def apply(site: Site, step: NextStep) -> Outcome:
    """Do a step, then look at the site whether it is done.

    Raises:
        Problem: the site refused it; `troubleshoot.no_fix` for a step that no program does.
    """
    act = _DO.get(step.action)
    if act is None or not can_do(step):
        raise Problem(
            Finding(
                "troubleshoot.no_fix",
                "This step cannot be done from here",
                f"It is: {step.text}",
                ("Do it by hand, or send the letter.",),
            )
        )
    return await act(site, step)


# -- previews ----------------------------------------------------------------------------------------


def _findings(verdicts: tuple[ArchiveVerdict, ...]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            f"archive.check_{verdict.code}",
            verdict.message or f"The site's check has number {verdict.code}",
            f"The site's own check before archiving says {verdict.type}",
            ("Read it before you go on.",),
            severity=Severity.NOTE if verdict.type.upper() == "WARN" else Severity.STOP,
        )
        for verdict in verdicts
    )


async def _archive_preview(site: Site, step: NextStep) -> Preview:
    labels = {key: step.arguments.get(key, "") for key in ("subject", "session")}
    verdicts = await site.validate_archive(step.target, **labels)
    findings = _findings(verdicts)
    is_merge = any(verdict.code in _EXISTS for verdict in verdicts)
    against = [one for one in verdicts if one.type.upper() != "WARN" and one.code not in _EXISTS]
    if step.action == "F3":
        return Preview(
            "Archives the session.",
            is_possible=not against and not is_merge,
            findings=findings,
        )
    scans = [scan.id for scan in await site.prearchive_scans(step.target)]
    row = await site.prearchive_session(step.target)
    label = labels["session"] or (row.label if row else "")
    there = await site.session(row.project, label) if row else None
    is_same = there is not None and row is not None and there.study_instance_uid == row.study_instance_uid
    old = {scan.id for scan in await site.scans(there.id)} if there else set()
    twice = sorted(old & set(scans))
    return Preview(
        f"Adds scans {', '.join(scans)} to {label}." if there else f"Archives the session as {label}.",
        "Nothing is lost or replaced."
        if not twice
        else f"Scans {', '.join(twice)} are there already: they get new IDs.",
        is_possible=not against and (there is None or is_same),
        findings=findings,
    )


async def _commit_preview(site: Site, step: NextStep) -> Preview:
    row = await site.prearchive_session(step.target)
    if row is None:
        return Preview("The session is not in the prearchive any more.", is_possible=False)
    settings = await site.upload_settings(row.project)
    there = await site.session(row.project, row.label) if settings.archives_by_itself else None
    if there is not None and there.study_instance_uid != row.study_instance_uid:
        return Preview(
            f"The project archives by itself, and has a {row.label} of another study: it would end in conflict.",
            is_possible=False,
        )
    if there is not None:
        return Preview(f"Finishes the session; the project archives by itself, and adds it to {row.label}.")
    is_archived = settings.archives_by_itself
    return Preview("Finishes the session" + ("; the project archives it by itself." if is_archived else "."))


# -- acts, each looked at afterwards -----------------------------------------------------------------


def _stands(row: PrearchiveSession | None, uri: str) -> Outcome:
    if row is None:
        return Outcome("The session is not in the prearchive any more; look at the archive.", uri, is_done=False)
    is_good = row.status == "READY"
    return Outcome(f"The session {row.label} has status {row.status} now.", uri, is_done=is_good)


async def _build(site: Site, step: NextStep) -> Outcome:
    await site.build(step.target)
    try:
        row = await site.prearchive_session(step.target)
    except SiteProblem:
        if "/projects/Unassigned/" not in step.target:
            raise
        # Whoever sent it may build and move it, and may not look at it there (wire contract 6.3).
        return Outcome(
            "The site says that it is built; this account may not look at it before it is moved.", step.target
        )
    return _stands(row, step.target)


async def _archived(site: Site, step: NextStep, uri: str) -> Outcome:
    """Look whether a session has left the prearchive, and stands in the archive."""
    row = await site.prearchive_session(step.target)
    if row is not None:
        return Outcome(
            f"The site says that it is archived, and still has {row.label} in the prearchive, with status "
            f"{row.status}.",
            step.target,
            is_done=False,
        )
    parts = uri.strip("/").split("/")  # data/archive/projects/{P}/subjects/{S}/experiments/{E}
    project, label = (parts[3], parts[7]) if len(parts) >= 8 else ("", "")
    return await _in_archive(site, project, label, uri, "The site says that it is archived, and does not show it yet.")


async def _in_archive(site: Site, project: str, label: str, uri: str, not_yet: str) -> Outcome:
    session = await site.session(project, label) if project else None
    if session is None:
        return Outcome(not_yet, uri, is_done=False)
    return Outcome(f"It is archived: {session.label} in {session.project} ({session.id}).", session.uri)


async def _commit(site: Site, step: NextStep) -> Outcome:
    uri = await site.commit(step.target, to_archive=False)
    if uri.startswith("/data/archive/"):
        return await _archived(site, step, uri)
    return _stands(await site.prearchive_session(uri), uri)


async def _archive(site: Site, step: NextStep) -> Outcome:
    seen = await preview(site, step)
    if not seen.is_possible:
        raise Problem(
            Finding(
                "troubleshoot.would_clash",
                "The session was not archived",
                "; ".join(one.what for one in seen.findings) or seen.does,
                ("Read what the site's check says, and choose another label, or ask an owner.",),
            )
        )
    uri = await site.archive(
        step.target, subject=step.arguments.get("subject", ""), session=step.arguments.get("session", "")
    )
    return await _archived(site, step, uri)


async def _move(site: Site, step: NextStep) -> Outcome:
    project = step.arguments.get("project", "")
    uri = await site.move(step.target, project)
    row = await site.prearchive_session(uri)
    if row is None or row.project != project:
        return Outcome("The site says that it is moved, and does not show it there yet.", uri, is_done=False)
    return Outcome(f"It is in the prearchive of {project} now, as {row.label}.", uri)


async def _rebuild(site: Site, step: NextStep) -> Outcome:
    await site.rebuild_locked(step.target)
    row = await site.prearchive_session(step.target)
    if row is not None and row.status != "READY":
        return Outcome(f"The rebuild is queued; the session has status {row.status} now.", step.target, is_done=False)
    return _stands(row, step.target)


async def _reset(site: Site, step: NextStep) -> Outcome:
    await site.reset_status(step.target)
    return _stands(await site.prearchive_session(step.target), step.target)


async def _refresh(site: Site, step: NextStep) -> Outcome:
    await Repairs(site).refresh_catalogue(step.target)
    inquiry, session_id = Inquiry(site), step.target.rpartition("/")[2]
    scans = await inquiry.scans(session_id)
    files = [file for scan in scans.value for file in (await inquiry.scan_files(session_id, scan.id)).value]
    tried = [await inquiry.is_readable(uri) for uri in samples(tuple(files))]
    good = sum(one.is_known and one.value for one in tried)
    if not tried:
        says = "The site says that it has read its catalogue anew; no file could be tried."
    elif good < len(tried):
        says = f"The site has read its catalogue anew, and hands out {good} of {len(tried)} files tried."
    else:
        says = f"The site has read its catalogue anew, and hands out what was tried: a file of each scan ({good})."
    return Outcome(says, step.target, is_done=bool(tried) and good == len(tried))


async def _forget(site: Site, step: NextStep) -> Outcome:
    await Repairs(site).forget_rights()
    return Outcome("The site looks up your rights anew: search once more.", step.target)


async def _release(site: Site, step: NextStep) -> Outcome:
    repairs, session_id = Repairs(site), step.target.rpartition("/")[2]
    await repairs.release_quarantine(session_id)
    status = await repairs.session_status(session_id)
    if status not in _STATUSES:
        return Outcome(f"The site took it, and does not say how {session_id} stands now.", step.target, is_done=False)
    return Outcome(f"The session {session_id} is {status} now.", step.target, is_done=status == "active")


async def _import(site: Site, step: NextStep) -> Outcome:
    project = step.arguments.get("project", "")
    uris = await Repairs(site).import_parked(step.target, project)
    if not uris:
        return Outcome("The site took the file, and made no session of it.", is_done=False)
    place = uris[0].removeprefix("/data/")
    if not all(f"/projects/{project}/" in uri for uri in uris):
        return Outcome(f"The site put it elsewhere than into {project}: {place}.", uris[0], is_done=False)
    if await site.prearchive_session(uris[0]) is None:
        return Outcome(f"The site says that it is at {place}, and does not show it there yet.", uris[0], is_done=False)
    return Outcome(f"It is at {place} now.", uris[0])


async def _trigger(site: Site, step: NextStep) -> Outcome:
    await Repairs(site).trigger_direct_archive(step.target)
    project, label = step.target.split("/")[3], step.target.rpartition("/")[2]  # /xapi/direct-archive/{P}/{UID}/{NAME}
    not_yet = "The site has been told to archive it, and does not show it yet: look again in a minute."
    return await _in_archive(site, project, label, step.target, not_yet)


_DO: dict[str, Callable[[Site, NextStep], Awaitable[Outcome]]] = {
    "F1": _build,
    "F2": _commit,
    "F3": _archive,
    "F4": _archive,
    "F6": _move,
    "F7": _rebuild,
    "F8": _reset,
    "F10": _refresh,
    "F11": _forget,
    "F12": _release,
    "F13": _import,
    "F14": _trigger,
}
_DOES = {
    "F1": "Lets the site make a session of the files that came. Files may still be added afterwards.",
    "F6": "Moves the session to the project, in the prearchive. Its files stay as they are.",
    "F7": "Lets the site build the session again, and breaks the lock that holds it.",
    "F8": "Lets the site find out anew in which status the session is.",
    "F10": "Lets the site read anew which files it has for the session. None is removed.",
    "F11": "Lets the site look up your rights anew. Nothing else changes.",
    "F12": "Shows the session to the members of its project.",
    "F13": "Imports the parked file into the prearchive of the project.",
    "F14": "Lets the site archive at once what it collects now.",
}
