"""Deletes from the prearchive what a cancelled upload has left there, and nothing else."""

from collections.abc import AsyncIterator

from xnat_wizard.findings import Finding
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import SessionState
from xnat_wizard.upload.places import PARREC, is_for_subject, is_prearchive, read_prearchive
from xnat_wizard.upload.records import SessionRow
from xnat_wizard.xnat.errors import SiteProblem
from xnat_wizard.xnat.site import Site


async def remove(journal: Journal, site: Site) -> AsyncIterator[tuple[str, Finding | None]]:
    """Delete the cancelled sessions of an upload from the prearchive; give each label, and why it was not deleted.

    A session is deleted only when every file in it is one of this upload's. It is built first where it has to be, since
    only a built session can be listed.
    """
    for session in journal.records.sessions():
        if session.state is SessionState.CANCELLED and is_prearchive(session.uri):
            try:
                finding = await _remove(journal, site, session)
            except SiteProblem as problem:
                finding = problem.finding
            if finding is None:
                journal.records.set_uri(session.id, "")
                journal.records.add_event(f"{session.session_label}: deleted from the prearchive")
            yield session.session_label, finding


async def _remove(journal: Journal, site: Site, session: SessionRow) -> Finding | None:
    row = await site.prearchive_session(session.uri)
    if row is not None and row.status == "RECEIVING":
        await site.build(row.uri)
        row = await site.prearchive_session(session.uri)
    if row is None:
        return None  # it is gone already
    if not row.is_settled:
        return Finding(
            "upload.busy",
            f"Session `{session.session_label}` was not deleted",
            f"The site works on it just now: it is {row.plain_status}",
            ("Try again in a minute",),
            where=row.uri,
        )
    there = await read_prearchive(site, row.uri)
    pairs = await site.prearchive_resource_files(row.uri, PARREC)
    files = list(journal.records.files(session.id))
    tokens = {file.token for file in files} - {""}
    names = {file.name for file in files} - {""}
    foreign = sum(one.token not in tokens for one in there) + sum(one.name not in names for one in pairs)
    if foreign or not is_for_subject(row, session):
        return Finding(
            "upload.not_only_ours",
            f"Session `{session.session_label}` was not deleted: not all in it is of this upload",
            f"{foreign} of its {len(there) + len(pairs)} files are none of those that were sent"
            if foreign
            else f"It is filed under subject `{row.subject}`",
            ("Look at it in the prearchive step of the wizard, and delete it there if it is not wanted",),
            where=row.uri,
        )
    await site.delete_prearchive(row.uri)
    return None
