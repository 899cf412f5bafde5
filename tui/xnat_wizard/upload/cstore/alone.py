"""An upload by DICOM without a login: everything is sent and acknowledged, and nothing is proved."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from xnat_wizard.findings import Finding
from xnat_wizard.upload import outcomes, receipt
from xnat_wizard.upload.control import Control
from xnat_wizard.upload.cstore import findings
from xnat_wizard.upload.cstore.exchange import Exchange, Gear
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Fate, SessionState, UploadState
from xnat_wizard.upload.patience import GiveUpError
from xnat_wizard.upload.records import CheckedFile, SessionRow
from xnat_wizard.upload.sending import SessionEndedError
from xnat_wizard.upload.sources import source_of
from xnat_wizard.upload.throttle import Throttle

DOUBT = (
    "what the site has: there was no login, so nobody looked. An acknowledgement by DICOM says that an image was "
    "handled, not into which project it went, nor that it was kept"
)
_ACKNOWLEDGED = frozenset({Fate.SENT, Fate.STORED, Fate.MISSING})


async def run(
    journal: Journal,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> UploadState:
    """Send what was not acknowledged yet; the upload ends incomplete, and can be proved later with a login.

    Args:
        journal: of an upload that has a receiver.
        clock: epoch seconds.
        sleep: waits that many seconds.

    Raises:
        Problem: `upload.running` when another process works on it.
        asyncio.CancelledError: this task was told to end; the upload can be resumed.
    """
    with UploadLock(journal.path), source_of(journal) as source:
        if journal.progress().state in {UploadState.DONE, UploadState.CANCELLED}:
            return journal.progress().state
        return await _Alone(journal, source, clock, sleep).run()


class _Alone:
    """One run."""

    def __init__(
        self,
        journal: Journal,
        source: LocalSource,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._records = journal.records
        self._clock = clock
        self._sleep = sleep
        self._control = Control(self._records, self._tell)
        throttle = Throttle(journal.options().limit_bytes_s, clock=time.monotonic, sleep=sleep)
        self._exchange = Exchange(
            Gear(journal, source, journal.progress().project, throttle, self._control.gate, sleep, self._tell),
            Peer.decoded(journal.receiver),
        )

    async def run(self) -> UploadState:
        """Send every session."""
        is_resumed = self._journal.progress().started_s is not None
        self._records.move_upload(UploadState.RUNNING, now_s=self._clock())
        self._records.note_trouble("")
        self._tell("Resumed: what was acknowledged is not sent again" if is_resumed else "Started")
        work = asyncio.create_task(self._work())
        watcher = asyncio.create_task(self._control.watch(work, self._sleep))
        try:
            await work
        except asyncio.CancelledError:
            if self._control.is_cancelled:
                return self._cancelled()
            self._end(UploadState.FAILED, outcomes.stopped())
            raise
        except GiveUpError as error:
            return self._end(UploadState.FAILED, error.finding)
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            await self._exchange.close()
        self._tell("Everything that could be sent was sent; nobody has looked whether it is there")
        self._keep_receipt()
        return self._end(UploadState.INCOMPLETE)

    async def _work(self) -> None:
        for session in self._records.sessions():
            if session.state is SessionState.DONE:
                continue
            self._records.move_session(session.id, SessionState.WAITING)
            self._forget_failures(session)
            self._records.move_session(session.id, SessionState.SENDING)
            try:
                await self._exchange.send(session)
            except SessionEndedError as end:
                self._close_session(session, end.state, end.finding)
                continue
            counts = self._records.count_fates(session.id)
            sent = sum(counts.get(fate, 0) for fate in _ACKNOWLEDGED)
            if not sent:
                finding = findings.nothing_taken(self._exchange.peer, counts, session)
                self._close_session(session, SessionState.FAILED, finding)
                continue
            finding = findings.not_looked_up(sent, sum(counts.values()), session)
            self._close_session(session, SessionState.INCOMPLETE, finding)

    def _forget_failures(self, session: SessionRow) -> None:
        files = list(self._records.files(session.id))
        again = [CheckedFile(one.id, Fate.NOT_SENT, "", "", "") for one in files if one.fate not in _ACKNOWLEDGED]
        self._records.record_checked(session.id, again)

    def _close_session(self, session: SessionRow, state: SessionState, finding: Finding) -> None:
        self._records.move_session(session.id, state, finding=finding)
        self._tell(finding.what)

    def _cancelled(self) -> UploadState:
        for session in self._records.sessions():
            if not session.state.is_final:
                counts, has_begun = self._records.count_fates(session.id), session.state is SessionState.SENDING
                finding = outcomes.cancelled(counts, session, has_begun=has_begun, is_by_dicom=True)
                self._records.move_session(session.id, SessionState.CANCELLED, finding=finding)
        self._tell("Cancelled")
        self._keep_receipt()
        return self._end(UploadState.CANCELLED)

    def _keep_receipt(self) -> None:
        made = receipt.compose_unasked(self._journal, DOUBT)
        where = " and ".join(filter(None, (made.site_url, self._exchange.peer.address)))
        places = tuple(f"{one.session_label}: not known, nobody looked" for one in self._records.sessions())
        receipt.keep_if_possible(self._journal, replace(made, site_url=where, places=places))

    def _end(self, state: UploadState, finding: Finding | None = None) -> UploadState:
        if finding:
            self._tell(finding.what)
        if self._journal.progress().state is UploadState.PAUSED and state is not UploadState.CANCELLED:
            self._records.move_upload(UploadState.RUNNING)
        self._records.note_trouble("")
        self._records.note_connections(0)
        self._records.move_upload(state, finding, now_s=self._clock())
        return state

    def _tell(self, text: str) -> None:
        self._records.add_event(text, now_s=self._clock())
