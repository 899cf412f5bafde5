"""Brings one session from the plan to its destination.

ask the site what it has -> send the rest -> build -> count -> archive -> count again

Every step looks before it acts, so a run that was interrupted anywhere starts from the top and does only what is left.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Protocol

from xnat_wizard.findings import Finding
from xnat_wizard.upload import outcomes
from xnat_wizard.upload.arriving import Arrival
from xnat_wizard.upload.looking import Look, look
from xnat_wizard.upload.model import Destination, Fate, SessionState
from xnat_wizard.upload.places import is_for_subject, is_prearchive, is_row_of
from xnat_wizard.upload.records import CheckedFile, FileRow, SessionRow
from xnat_wizard.upload.resources import PairSender
from xnat_wizard.upload.sending import KEPT_NOTHING, Sender, SessionEndedError, Tools
from xnat_wizard.upload.stops import project_of
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import PrearchiveSession, Session

RESENDS = 1  # of files that were answered for and are not listed
LOOKS_AGAIN = 2  # at a session that is there and could not be listed


class AnySender(Protocol):
    """Sends one session's instances, and knows where they are then."""

    @property
    def uri(self) -> str:
        """Return where the session is, "" before anything was sent."""
        ...

    @property
    def left(self) -> Collection[str]:
        """Return where it was before, while files were sent: somebody took it away from there."""
        ...

    @property
    def has_work(self) -> bool:
        """Tell whether anything is left to do."""
        ...

    async def send(self) -> None:
        """Send every instance that is not on the server."""
        ...


class Route(Protocol):
    """Another way than HTTP into the prearchive."""

    @property
    def believes_journal(self) -> bool:
        """Tell whether what was acknowledged counts although the account cannot see where it may be."""
        ...

    def sender(self, tools: Tools, session: SessionRow, *, is_digesting: bool) -> AnySender:
        """Return what sends one session."""
        ...


class SessionRun:
    """One session on its way; used once."""

    def __init__(self, tools: Tools, session_id: int, destination: Destination, route: "Route | None" = None) -> None:
        self._tools = tools
        self._route = route
        self._records = tools.records
        self._session = tools.records.session(session_id)
        self._destination = destination
        self._arrival = Arrival(tools, self._session)
        self._subject_lock = tools.subject_locks[self._session.subject_label.casefold()]
        self._archived: Session | None = None
        self._waiting: PrearchiveSession | None = None  # built before this run
        self._has_sent = False
        self._is_ours = False  # some of our files are in the archived session already, or it is the same study

    async def run(self, rows: Iterable[PrearchiveSession], archived: Mapping[str, Session]) -> None:
        """Do all that is left to do.

        Args:
            rows: what the prearchive of the project had when the upload began.
            archived: the sessions that the archive of the project had then, by label.

        Raises:
            SessionEndedError: this session cannot go on.
            GiveUpError, StubbornError, SiteProblem: the site does not do its part.
        """
        session = self._session
        self._move(SessionState.WAITING)
        row = next((row for row in rows if is_row_of(row, session)), None)
        self._archived = archived.get(session.session_label)
        self._arrival.known = frozenset(one.id for one in archived.values())
        await self._ask(row)
        if session.has_instances:
            await self._bring_instances()
        else:
            await self._bring_pairs()

    # -- what the site has ---------------------------------------------------------------------------

    async def _ask(self, row: PrearchiveSession | None) -> None:
        """Find out which files are on the server already; the others are to be sent."""
        uri = row.uri if row else ""
        stray = self._session.uri
        if project_of(stray) not in {self._tools.project, ""} and stray != uri:
            self._tools.tell(f"{self._session.session_label}: images of an earlier try may still be in {stray}")
        is_readable = False
        if row:
            self._require_our_subject(row)
            if row.uri == self._session.uri and row.status == "RECEIVING":
                self._go_on_as_noted()
                return
            row = await self._built_before(row.uri)
            is_readable = row is not None and row.status == "READY"
            if row is None:
                self._archived = await self._arrival.archived()
                uri = ""
        if not is_readable and self._archived is None:
            self._waiting = row if uri else None
            self._records.set_uri(self._session.id, uri)
            if self._route and self._route.believes_journal and not uri:
                self._go_on_as_noted()
            else:
                self._records.record_all_to_be_sent(self._session.id)
            return
        found, row = await self._look_at(row if is_readable else None)
        if is_readable and row is None:  # somebody took it away just now
            uri = ""
        if found.is_all_in_archive and uri:
            self._tools.tell(f"{self._session.session_label}: a second copy waits in the prearchive and is left there")
            uri = ""
        self._waiting = row if uri else None
        self._records.set_uri(self._session.id, uri or (self._archived.uri if self._archived and self._is_ours else ""))
        self._records.record_checked(
            self._session.id,
            [one if one.fate is Fate.STORED else _to_be_sent(one) for one in found.checked],
        )
        if found.stored_count:
            there = f"{found.stored_count} of {len(found.checked)} files are on the server already"
            self._tools.tell(f"{self._session.session_label}: {there}")

    def _go_on_as_noted(self) -> None:
        """Believe the journal: a session that still takes files lists none before it is built, and counting follows.

        Building it now could close it to the rest: a script may give it another UID (missing-data 1.2 B4).
        """
        files = list(self._records.files(self._session.id))
        again = [_to_be_sent(one) for one in files if one.fate not in {Fate.SENT, Fate.STORED}]
        self._records.record_checked(self._session.id, again)

    async def _built_before(self, uri: str) -> PrearchiveSession | None:
        """Build what an earlier run left; what cannot be built is sent again as a whole, over what is there."""
        try:
            return await self._arrival.built(uri)
        except SessionEndedError as end:
            if end.finding.code != "prearchive.not_built":
                raise
            return await self._tools.patience.call(partial(self._tools.site.prearchive_session, uri))

    async def _look(self, uri: str) -> Look:
        """Look which files are there, in the prearchive row of that URI and in the archive, under our subject."""
        tools = self._tools
        found = await look(
            tools.site,
            self._records,
            self._records.session(self._session.id),
            source=tools.source,
            executor=tools.executor,
            call=tools.patience.call,
            prearchive_uri=uri,
            archived=self._archived,
            is_rewritten=self._route is not None,
        )
        if found.is_in_archive:
            self._require_our_subject(self._archived)
        self._is_ours = found.is_in_archive or (
            self._archived is not None and self._archived.study_instance_uid == self._session.study_instance_uid != ""
        )
        return found

    def _require_our_subject(self, place: PrearchiveSession | Session | None) -> None:
        """Leave a session alone that is filed under another subject: nobody's images get under another name."""
        if isinstance(place, PrearchiveSession) and not is_for_subject(place, self._session):
            raise SessionEndedError(SessionState.FAILED, outcomes.waits_for_other_subject(place, self._session))
        if isinstance(place, Session) and place.project != self._tools.project:
            raise SessionEndedError(SessionState.FAILED, outcomes.in_other_project(place, self._session))
        if isinstance(place, Session) and not is_for_subject(place, self._session):
            raise SessionEndedError(SessionState.FAILED, outcomes.archived_for_other_subject(place, self._session))

    def _require_our_study(self, row: PrearchiveSession | None) -> None:
        """Send nothing after a session that got another UID: it would become a second session of the same label."""
        if row and row.study_instance_uid not in {self._session.study_instance_uid, ""}:
            raise SessionEndedError(SessionState.INCOMPLETE, outcomes.rewritten(row, self._session))

    # -- DICOM ---------------------------------------------------------------------------------------

    async def _bring_instances(self) -> None:
        is_compared = self._destination is Destination.ARCHIVE  # the prearchive keeps no digests (wire contract 6.4)
        new_sender = self._route.sender if self._route else Sender
        sender: AnySender = new_sender(self._tools, self._records.session(self._session.id), is_digesting=is_compared)
        if sender.has_work:
            self._require_our_study(self._waiting)
            self._move(SessionState.SENDING)
            await sender.send()
            self._has_sent = True
        if not is_prearchive(sender.uri):
            if self._route and sender.uri:  # a receiver's session may be archived by itself
                self._archived = await self._arrival.archived(label=sender.uri.rpartition("/")[2])
            elif self._archived is None or not self._counts().get(Fate.STORED):
                raise SessionEndedError(SessionState.FAILED, outcomes.nothing_arrived(self._counts(), self._session))
            await self._bring_pairs()
            return
        uri = await self._counted(sender)
        if not uri:  # somebody archived it while we were counting
            await self._bring_pairs()
        elif self._destination is Destination.PREARCHIVE:
            self._end()
        else:
            self._move(SessionState.ARCHIVING)
            async with self._subject_lock:  # two at a time would both create a new subject
                self._archived = await self._arrival.archive(uri, is_ours=self._is_ours)
            await self._bring_pairs()

    async def _counted(self, sender: AnySender) -> str:
        """Build the session in the prearchive and count it; return its URI, "" when it is in the archive by now."""
        for resends_left in range(RESENDS, -1, -1):
            self._move(SessionState.BUILDING)
            row = await self._arrival.built(sender.uri, is_changed=self._has_sent)
            self._require_our_subject(row)
            if row and self._session.has_pairs and self._destination is Destination.PREARCHIVE:
                await PairSender(self._tools, self._session).put_into_prearchive(row.uri)
            self._move(SessionState.CHECKING)
            await self._arrival.has_left(sender.left)
            self._archived = await self._arrival.archived(
                is_expected=row is None or bool(sender.left), is_whole=row is None
            )
            found, row = await self._look_at(row)
            checked = found.checked
            self._records.record_checked(self._session.id, checked)
            missing = [one for one in checked if one.fate is Fate.MISSING]
            if not missing:
                return row.uri if row else ""
            self._require_our_study(row)
            if resends_left:
                self._tools.tell(
                    f"{self._session.session_label}: {len(missing)} files did not arrive, sending them again"
                )
                # Where files get lost, an answer that names nothing may be the same mishap and no filter.
                again = {one.id for one in checked if one.fate is Fate.MISSING or one.remark == KEPT_NOTHING}
                self._records.record_checked(self._session.id, [_to_be_sent(one) for one in checked if one.id in again])
                self._move(SessionState.SENDING)
                await sender.send()
                self._has_sent = True
        raise SessionEndedError(SessionState.INCOMPLETE, outcomes.incomplete(self._counts(), self._session))

    async def _look_at(self, row: PrearchiveSession | None) -> tuple[Look, PrearchiveSession | None]:
        """Look which files are there; a row that somebody took away or changed meanwhile is looked at as it is then."""
        tries_left = LOOKS_AGAIN
        was_there = row is not None
        while row:
            try:
                found = await self._look(row.uri)
            except Refused as refusal:
                row = await self._arrival.after(refusal, row.uri)
                if row and not tries_left:
                    raise
                tries_left -= 1
                continue
            if not found.has_gaps or await self._arrival.is_there(row.uri):
                return found, row
            row = None
        if was_there:
            self._archived = await self._arrival.archived()
        return await self._look(""), None

    # -- PAR/REC, and the end ------------------------------------------------------------------------

    async def _bring_pairs(self) -> None:
        """Put PAR/REC pairs into the archived session, then verify it."""
        if self._session.has_pairs:
            pairs = PairSender(self._tools, self._session)
            if not self._session.has_instances:
                self._move(SessionState.SENDING)
                async with self._subject_lock:
                    self._archived = await pairs.ensure_session()
            self._require_our_subject(self._archived)
            if self._archived:
                await pairs.put_into_archive(self._archived)
        await self._verify()

    async def _verify(self) -> None:
        if self._archived is None:
            raise SessionEndedError(SessionState.FAILED, outcomes.gone(self._session))
        self._require_our_subject(self._archived)
        self._move(SessionState.VERIFYING, uri=self._archived.uri)
        self._records.record_checked(self._session.id, (await self._look("")).checked)
        self._end()

    def _end(self) -> None:
        counts = self._counts()
        total = sum(counts.values())
        if counts.get(Fate.STORED, 0) == total:
            self._move(SessionState.DONE)
            uri = self._records.session(self._session.id).uri
            where = "the prearchive" if is_prearchive(uri) else "the archive"
            self._tools.tell(f"{self._session.session_label}: all {total} files are in {where}")
            return
        raise SessionEndedError(SessionState.INCOMPLETE, outcomes.incomplete(counts, self._session))

    def _counts(self) -> dict[Fate, int]:
        return self._records.count_fates(self._session.id)

    def _move(self, state: SessionState, *, finding: Finding | None = None, uri: str | None = None) -> None:
        self._records.move_session(self._session.id, state, finding=finding, uri=uri)


def _to_be_sent(one: CheckedFile | FileRow) -> CheckedFile:
    return CheckedFile(one.id, Fate.NOT_SENT, "", "", "")
