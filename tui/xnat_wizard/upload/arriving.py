"""What happens to a session on the server: built in the prearchive, then archived, and waited for all the while.

Calls that take long may end without an answer while the server works on (wire contract 5.10, 6.5): so the row is
asked, never the call believed.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar
from urllib.parse import unquote

from xnat_wizard.upload import outcomes
from xnat_wizard.upload.model import SessionState
from xnat_wizard.upload.patience import may_pass
from xnat_wizard.upload.records import SessionRow
from xnat_wizard.upload.sending import SessionEndedError, Tools
from xnat_wizard.upload.stops import project_of
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, SiteProblem
from xnat_wizard.xnat.model import PrearchiveSession, Session

DEADLINE_S = 1800.0  # of waiting for the server to finish with a row
_QUICK_LOOK_S = 0.1  # the first wait for what may be over in a moment; the next are longer
_REST_S = 2.0  # a row that stays as it is for so long rests
_LAST_LOOK_S = 15.0
_TRIES = 3
_NOT_FOUND = 404
_WAITS_FOR_ARCHIVED = (0.1, 0.4, 1.5, 2.0, 2.0, 2.0, 2.0)

# Verdicts that only say that files of this very study are there already (6.6): 1 session exists, 14 files match,
# 16 scan with the same UID and number, 20 files that are no DICOM.
_MERGE_CODES = frozenset({"1", "14", "16", "20"})
_OVERLAP_CODES = frozenset({"14", "16"})  # those that stop a merge

T = TypeVar("T")


class Arrival:
    """One session on the server."""

    def __init__(self, tools: Tools, session: SessionRow) -> None:
        self._tools = tools
        self._session = session
        self.known: frozenset[str] = frozenset()  # IDs of the sessions that the archive had when the upload began

    async def built(self, uri: str, *, is_changed: bool = False) -> PrearchiveSession | None:
        """Build the session's document, and wait until the row is settled; `None` when the row is gone.

        Args:
            uri: of the row.
            is_changed: files were added since the last build, so one is needed whatever the row says.

        Raises:
            SessionEndedError: the server cannot build it, or does not finish.
        """
        row = await self._settled(uri)
        problem: SiteProblem | None = None
        for attempt in range(_TRIES):
            if row is None or (row.status == "READY" and not (is_changed and attempt == 0)):
                return row
            _, problem = await self._once(partial(self._tools.site.build, uri))
            if problem:
                await self._tools.sleep(_REST_S)
            row = await self._settled(uri, is_answered=problem is None)
        if row is None or row.status == "READY":
            return row
        trouble = problem.finding if problem else None
        end = outcomes.not_built(row, await self._log(uri), self._session, trouble)
        raise SessionEndedError(SessionState.FAILED, end)

    async def archive(self, uri: str, *, is_ours: bool) -> Session | None:
        """Archive the session, after asking whether that would clash; return it as it is in the archive.

        Args:
            uri: the prearchive URI.
            is_ours: the archived session is the same study, or has files of this upload: merging is no surprise.

        Raises:
            SessionEndedError: it clashes, fails, or does not finish.
        """
        try:
            verdicts = await self._tools.patience.call(partial(self._tools.site.validate_archive, uri))
        except Refused as refusal:
            if await self.after(refusal, uri):
                raise
            return await self.archived()
        blocking = [verdict for verdict in verdicts if verdict.type != "WARN"]
        overwrite = ""
        if blocking:
            if not is_ours:  # somebody may have archived the same study just now
                there = await self.archived(is_expected=False)
                uid = self._session.study_instance_uid
                is_ours = there is not None and there.id not in self.known and there.study_instance_uid == uid != ""
            if not (is_ours and {verdict.code for verdict in blocking} <= _MERGE_CODES):
                raise SessionEndedError(SessionState.FAILED, outcomes.clash(blocking, self._session, uri))
            # Merging is allowed anyway; the word also replaces files and overrides what came up meanwhile (6.6).
            overwrite = "append" if {verdict.code for verdict in blocking} & _OVERLAP_CODES else ""
        self._tools.tell(f"{self._session.session_label}: archiving")
        tries_left = _TRIES
        while True:
            await self._tools.control.gate()
            place, problem = await self._once(partial(self._tools.site.archive, uri, overwrite=overwrite))
            row = await self._settled(uri)
            tries_left -= 1
            if row is None:
                return await self.archived(label=unquote((place or "").rpartition("/experiments/")[2]))
            if row.status != "READY" or problem is None or not may_pass(problem) or not tries_left:
                why = await self._log(uri) or (problem.finding.why if problem else "")
                raise SessionEndedError(SessionState.FAILED, outcomes.not_archived(row, why, self._session))
            await self._tools.sleep(_LAST_LOOK_S)

    async def after(self, refusal: Refused, uri: str) -> PrearchiveSession | None:
        """Return how a row stands after a call about it was refused; `None` when somebody has taken it away.

        XNAT says so in several ways, and in none of its own where a page cannot be made (wire contract 6.1, 6.4, 6.6).

        Raises:
            Refused: it was refused for another reason.
        """
        if refusal.status != _NOT_FOUND:
            raise refusal
        row = await self._settled(uri)
        if row is None:
            self._tell_taken()
        return row

    async def has_left(self, uris: Iterable[str]) -> None:
        """Wait until rows that somebody takes away are gone, or rest."""
        for uri in uris:
            if project_of(uri) == self._tools.project:  # elsewhere it is none of ours
                await self._settled(uri)

    async def is_there(self, uri: str) -> bool:
        """Tell whether a row is there still: files that are listed no more may have gone with it."""
        is_there = await self._settled(uri) is not None
        if not is_there:
            self._tell_taken()
        return is_there

    def _tell_taken(self) -> None:
        name = self._session.session_label
        self._tools.tell(f"{name}: somebody archived, moved or deleted it in the prearchive meanwhile")

    async def archived(self, *, is_expected: bool = True, is_whole: bool = True, label: str = "") -> Session | None:
        """Return the session as the archive has it; when it is expected, look again a few times.

        Whoever archives it may give it another label: then it is the one new session of the study.

        Args:
            is_expected: the commit of the transaction can lag behind the answer (wire contract 11.4).
            is_whole: nothing of it waits in the prearchive any more.
            label: what the archive called it, where it said so: it may differ from what was asked for.
        """
        look = partial(self._tools.site.session, self._tools.project, label or self._session.session_label)
        found = await self._tools.patience.call(look)
        for wait_s in _WAITS_FOR_ARCHIVED if is_expected else ():
            if found:
                break
            await self._tools.sleep(wait_s)
            found = await self._tools.patience.call(look)
        return found or (await self._by_study() if is_expected and is_whole else None)

    async def _by_study(self) -> Session | None:
        """Return the session that the archive has got of our study since the upload began."""
        uid = self._session.study_instance_uid
        project = self._tools.project
        there = await self._tools.patience.call(partial(self._tools.site.sessions, project))
        ours = [one for one in there if one.study_instance_uid == uid != "" and one.project == project]
        new = [one for one in ours if one.id not in self.known]
        if len(new) != 1:
            return None
        self._tools.tell(f"{self._session.session_label}: somebody archived it as {new[0].label}")
        return new[0]

    async def _once(self, call: Callable[[], Awaitable[T]]) -> tuple[T | None, SiteProblem | None]:
        """Make a call whose effect is looked up afterwards, however it ends."""
        try:
            return await call(), None
        except SiteProblem as problem:
            if isinstance(problem, Fatal | LoginAgain) and not may_pass(problem):
                raise
            return None, problem

    async def _settled(self, uri: str, *, is_answered: bool = False) -> PrearchiveSession | None:
        """Wait until a row rests, or is as it was answered; `None` when it is gone."""
        waited_s = rested_s = 0.0  # between looks, not by the clock: a machine that was suspended has not waited
        wait_s = _QUICK_LOOK_S
        seen = ""
        while True:
            await self._tools.control.gate()
            row = await self._tools.patience.call(partial(self._tools.site.prearchive_session, uri))
            if row is None:
                return None
            if row.status != seen:
                seen, rested_s = row.status, 0.0
            may_rest = row.is_settled or row.status == "RECEIVING"
            if may_rest and (is_answered or rested_s >= _REST_S or row.status in {"READY", "RECEIVING"}):
                return row
            if waited_s > DEADLINE_S:
                raise SessionEndedError(SessionState.FAILED, outcomes.stuck(row, DEADLINE_S, self._session))
            await self._tools.sleep(wait_s)
            waited_s += wait_s
            rested_s += wait_s
            wait_s = min(_LAST_LOOK_S, wait_s * 1.5)

    async def _log(self, uri: str) -> str:
        try:
            return await self._tools.site.prearchive_log(uri)
        except SiteProblem:
            return ""
