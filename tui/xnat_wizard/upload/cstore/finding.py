"""Where the site has filed what a receiver acknowledged: asked over REST, and moved out of Unassigned.

A C-STORE is answered before anybody knows a URI, so the row is looked for by study and labels (wire contract 6.1).
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from xnat_wizard.upload import outcomes
from xnat_wizard.upload.cstore import findings
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.looking import Caller
from xnat_wizard.upload.model import Fate, SessionState
from xnat_wizard.upload.places import is_for_subject, is_row_of
from xnat_wizard.upload.records import Records, SessionRow
from xnat_wizard.upload.sending import SessionEndedError
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import PrearchiveSession

if TYPE_CHECKING:
    from xnat_wizard.xnat.site import Site

_NOT_FOUND = 404
WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)  # the row may be committed a moment after the answer
_ANSWERED = (Fate.SENT, Fate.STORED, Fate.MISSING)


class Finder:
    """Finds the sessions of one upload on the site."""

    def __init__(
        self,
        site: "Site",
        records: Records,
        peer: Peer,
        project: str,
        *,
        call: Caller,
        sleep: Callable[[float], Awaitable[None]],
        tell: Callable[[str], None],
    ) -> None:
        self._site = site
        self._records = records
        self._peer = peer
        self._project = project
        self._call = call
        self._sleep = sleep
        self._tell = tell

    async def rows(self, known: Iterable[PrearchiveSession]) -> tuple[PrearchiveSession, ...]:
        """Return the rows of the project and, where they may be seen, unassigned ones of this upload.

        Where images were acknowledged in an earlier run, the row that holds them is noted: what is in it is not sent
        again, even while it cannot be listed.
        """
        found = list(known)
        sessions = [one for one in self._records.sessions() if one.state is not SessionState.DONE]
        if any(not _row(found, one) for one in sessions) and self._site.sees_unassigned:
            everywhere = await self._call(partial(self._site.prearchive, with_unassigned=True))
            found += [row for row in everywhere if row.is_unassigned]
        for session in sessions:
            row = _row(found, session)
            counts = self._records.count_fates(session.id)
            if row and not session.uri and any(counts.get(fate) for fate in _ANSWERED):
                self._records.set_uri(session.id, row.uri)
        return tuple(found)

    async def place(self, session: SessionRow) -> str:
        """Return the URI of a session in the project, after moving it there if it is unassigned.

        Raises:
            SessionEndedError: it is not seen, is elsewhere, or cannot be moved.
        """
        for wait_s in WAITS_S:
            await self._sleep(wait_s)
            uri = await self._look(session)
            if uri:
                return uri
        counts = self._records.count_fates(session.id)
        count = sum(counts.get(fate, 0) for fate in _ANSWERED)
        if not count:
            raise SessionEndedError(SessionState.FAILED, findings.nothing_taken(self._peer, counts, session))
        finding = findings.not_found(
            self._peer, count, self._project, session, sees_unassigned=self._site.sees_unassigned
        )
        raise SessionEndedError(SessionState.INCOMPLETE, finding)

    async def _look(self, session: SessionRow) -> str:
        row = _row(await self._call(partial(self._site.prearchive, self._project)), session)
        if row:
            return row.uri
        archived = await self._call(partial(self._site.session, self._project, session.session_label))
        if archived and archived.study_instance_uid in {session.study_instance_uid, ""}:
            return archived.uri
        uri = await self._otherwise_archived(session)
        if uri:
            return uri
        everywhere = await self._call(partial(self._site.prearchive, with_unassigned=True))
        mine = [row for row in everywhere if session.study_instance_uid == row.study_instance_uid != ""]
        unassigned = [row for row in mine if row.is_unassigned]
        for row in unassigned:
            if _has_label(row, session) and is_for_subject(row, session):
                return await self._moved(row, session)
        there = next(iter(unassigned + mine), None)
        if there is None:
            return ""
        where = f"{there.project} as {there.label}" if there.is_unassigned else there.project
        finding = findings.elsewhere(there.uri, where, self._project, session)
        if there.project == self._project:
            finding = findings.under_other_labels(there, session)
        raise SessionEndedError(SessionState.FAILED, finding)

    async def _otherwise_archived(self, session: SessionRow) -> str:
        """Return where the archive has the study under another label, "" when it has not.

        Raises:
            SessionEndedError: there it is another subject's.
        """
        known = await self._call(partial(self._site.sessions, self._project))
        uid = session.study_instance_uid
        mine = [one for one in known if one.study_instance_uid == uid != "" and one.project == self._project]
        if len(mine) != 1:
            return ""
        if not is_for_subject(mine[0], session):
            raise SessionEndedError(SessionState.FAILED, outcomes.archived_for_other_subject(mine[0], session))
        return mine[0].uri

    async def _moved(self, row: PrearchiveSession, session: SessionRow) -> str:
        self._records.set_uri(session.id, row.uri)
        self._tell(f"{session.session_label}: the server found no project for it; moving it to {self._project}")
        try:
            uri = await self._call(partial(self._site.move, row.uri, self._project))
        except Refused as refusal:
            ask = partial(self._site.prearchive_session, row.uri)
            if refusal.status == _NOT_FOUND and await self._call(ask) is None:
                return ""  # somebody else has moved it just now
            finding = findings.not_moved(row.uri, self._project, refusal.finding.why, session)
            raise SessionEndedError(SessionState.INCOMPLETE, finding) from refusal
        self._records.set_uri(session.id, uri)
        self._tell(f"{session.session_label}: moved to {self._project}")
        return uri


def _row(rows: Iterable[PrearchiveSession], session: SessionRow) -> PrearchiveSession | None:
    return next((row for row in rows if is_row_of(row, session) and is_for_subject(row, session)), None)


def _has_label(row: PrearchiveSession, session: SessionRow) -> bool:
    return row.label.casefold() == session.session_label.casefold()
