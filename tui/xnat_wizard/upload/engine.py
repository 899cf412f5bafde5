"""Runs an upload from its journal: all sessions, each from the plan to its destination, several at a time.

May be killed between any two lines; the next run asks the site what it has and does what is left.
"""

import asyncio
import random as _random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import outcomes, packing, receipt
from xnat_wizard.upload.control import Control
from xnat_wizard.upload.cstore.peer import no_receiver
from xnat_wizard.upload.cstore.route import DicomRoute
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.ladder import Ladder
from xnat_wizard.upload.lanes import Lanes
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Fate, Receipt, Route, SessionState, UploadState
from xnat_wizard.upload.pace import CHOICE_MOST, Pace
from xnat_wizard.upload.patience import GIVE_UP_AFTER_S, GiveUpError, Patience, StubbornError
from xnat_wizard.upload.readers import Readers
from xnat_wizard.upload.sending import SessionEndedError, Tools, WarmUp, together
from xnat_wizard.upload.session_run import SessionRun
from xnat_wizard.upload.sources import source_of
from xnat_wizard.upload.throttle import Throttle
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, SiteProblem
from xnat_wizard.xnat.model import PrearchiveSession, Session
from xnat_wizard.xnat.site import Site

SESSIONS_AT_ONCE = 4
READERS_END_S = 5.0  # so long those that read are waited for when an upload has ended


async def run(
    journal: Journal,
    site: Site,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = _random.random,
    timer: Callable[[], float] = time.monotonic,
    lock: UploadLock | None = None,
    give_up_after_s: float = GIVE_UP_AFTER_S,
) -> UploadState:
    """Send what the journal's plan says and is not on the server, and prove that it arrived.

    A finished or cancelled upload is left as it is; a failed or incomplete one is tried again.

    Args:
        journal: of the upload.
        site: logged in.
        clock: epoch seconds.
        sleep: waits that many seconds.
        random: 0 up to 1.
        timer: seconds that only grow, for the speed of things.
        lock: when the caller holds it already.
        give_up_after_s: so long a site that does not answer is tried.

    Raises:
        Problem: `upload.running` when another process works on it, `plan.no_receiver` when nobody said whom it goes to.
        asyncio.CancelledError: this task was told to end; the upload can be resumed.
    """
    with (
        lock or UploadLock(journal.path),
        source_of(journal) as source,
    ):
        if journal.progress().state in {UploadState.DONE, UploadState.CANCELLED}:
            return journal.progress().state
        if journal.route is Route.DICOM and not journal.receiver:
            raise Problem(no_receiver())
        count = max(1, min(journal.options().most_connections, CHOICE_MOST))
        async with _readers(count) as executor, site.kept_alive():
            here = await asyncio.get_running_loop().run_in_executor(executor, packing.is_here, site.info.url)
            work = _Upload(
                journal,
                site,
                source,
                clock,
                sleep,
                random,
                timer,
                executor,
                is_here=here,
                give_up_after_s=give_up_after_s,
            )
            return await work.run()


@asynccontextmanager
async def _readers(count: int) -> AsyncIterator[Readers]:
    """Give threads that read files; one that hangs in a read at the end, on a mount that is gone, is left behind."""
    executor = Readers(count)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        end = threading.Thread(target=executor.shutdown, name="readers' end", daemon=True)
        end.start()
        end.join(0.02)
        for _ in range(int(READERS_END_S / 0.05)):
            if not end.is_alive():
                break
            await asyncio.sleep(0.05)


class _Upload:
    """One run of an upload."""

    def __init__(
        self,
        journal: Journal,
        site: Site,
        source: LocalSource,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        timer: Callable[[], float],
        executor: Readers,
        *,
        is_here: bool,
        give_up_after_s: float,
    ) -> None:
        self._journal = journal
        self._records = journal.records
        self._site = site
        progress = journal.progress()
        self._is_by_dicom = journal.route is Route.DICOM
        self._project = progress.project
        self._destination = progress.destination
        self._control = Control(self._records, self._tell)
        self._clock = clock
        self._readers = executor
        self._sleep = sleep
        self._doubts: list[str] = []  # of the receipt
        options = journal.options()
        ladder = Ladder(is_gradual=journal.route is Route.GRADUAL)
        self._tools = Tools(
            site=site,
            records=self._records,
            patience=Patience(
                clock=clock,
                sleep=sleep,
                random=random,
                tell=self._tell,
                probe=partial(site.project, self._project),
                on_trouble=self._records.note_trouble,
                give_up_after_s=give_up_after_s,
            ),
            control=self._control,
            source=source,
            project=self._project,
            executor=executor,
            slots=Lanes(Pace(clock=timer, most=options.most_connections), self._records.note_connections),
            throttle=Throttle(options.limit_bytes_s, clock=timer, sleep=sleep),
            packing=packing.Packing(options.compression, is_here=is_here, clock=timer),
            ladder=ladder,
            warm_up=WarmUp(ladder),
            subject_locks=defaultdict(asyncio.Lock),
            clock=clock,
            sleep=sleep,
            tell=self._tell,
        )
        self._route = DicomRoute(journal, self._tools) if self._is_by_dicom else None

    async def run(self) -> UploadState:
        """Work until every session has ended, somebody cancels, or the site is gone."""
        is_resumed = self._journal.progress().started_s is not None
        self._records.move_upload(UploadState.RUNNING, now_s=self._clock())
        self._records.note_trouble("")  # of a run that was killed
        self._records.note_connections(0)
        self._tell("Resumed: asking the server what it has" if is_resumed else "Started")
        work = asyncio.create_task(self._work())
        watcher = asyncio.create_task(self._control.watch(work, self._sleep))
        of_reads = asyncio.create_task(self._readers.watch(self._tell))
        try:
            await work
        except asyncio.CancelledError:
            if self._control.is_cancelled:
                return await self._cancelled()
            self._failed(outcomes.stopped())
            raise
        except GiveUpError as error:
            return self._failed(error.finding)
        except StubbornError as error:
            return self._failed(error.problem.finding)
        except SiteProblem as problem:
            return self._failed(problem.finding)
        finally:
            watcher.cancel()
            of_reads.cancel()
            await asyncio.gather(watcher, of_reads, return_exceptions=True)
            if self._route:
                await self._route.close()
        return await self._finished()

    async def _work(self) -> None:
        call = self._tools.patience.call
        rows = await call(partial(self._site.prearchive, self._project))
        if self._route:
            rows = await self._route.rows(rows)
        archived = {session.label: session for session in await call(partial(self._site.sessions, self._project))}
        at_once = asyncio.Semaphore(SESSIONS_AT_ONCE)
        waiting = [session for session in self._records.sessions() if session.state is not SessionState.DONE]

        async def one(session_id: int) -> None:
            async with at_once:
                await self._run_session(session_id, rows, archived)

        await together(one(session.id) for session in waiting)

    async def _run_session(
        self, session_id: int, rows: tuple[PrearchiveSession, ...], archived: Mapping[str, Session]
    ) -> None:
        try:
            await SessionRun(self._tools, session_id, self._destination, self._route).run(rows, archived)
        except SessionEndedError as end:
            self._end_session(session_id, end.state, end.finding)
        except StubbornError as error:
            self._end_session(session_id, SessionState.FAILED, error.problem.finding)
            self._doubt(session_id, error.problem.finding)
        except (Fatal, LoginAgain):
            raise
        except Refused as refusal:
            self._end_session(session_id, SessionState.FAILED, refusal.finding)
            self._doubt(session_id, refusal.finding)

    def _doubt(self, session_id: int, finding: Finding) -> None:
        """Do not call what was counted before the site refused to be asked any more proved."""
        if self._records.count_fates(session_id).get(Fate.STORED):
            label = self._records.session(session_id).session_label
            self._doubts.append(f"that session {label} is still as it was counted: {finding.what}")

    def _end_session(self, session_id: int, state: SessionState, finding: Finding) -> None:
        if finding.code in outcomes.NOT_THERE:
            self._records.record_checked(session_id, outcomes.all_gone(self._records.files(session_id)))
        session = self._records.session(session_id)
        finding = outcomes.with_remains(
            finding, self._records.count_fates(session_id), session, is_by_dicom=self._is_by_dicom
        )
        self._records.move_session(session_id, state, finding=finding)
        self._tell(finding.what)

    async def _cancelled(self) -> UploadState:
        begun = {session.key for session in self._journal.progress().sessions if session.bytes_sent}
        for session in self._records.sessions():
            if not session.state.is_final:
                counts = self._records.count_fates(session.id)
                finding = outcomes.cancelled(
                    counts, session, has_begun=session.key in begun, is_by_dicom=self._is_by_dicom
                )
                self._records.move_session(session.id, SessionState.CANCELLED, finding=finding)
                if finding:
                    self._tell(f"{finding.what}: {finding.where}")
        self._tell("Cancelled")
        await self._write_receipt()
        return self._end(UploadState.CANCELLED)

    def _failed(self, finding: Finding) -> UploadState:
        """End for now; the sessions that wait in the prearchive for the rest say so."""
        count = 0
        for session in self._records.sessions():
            waits = outcomes.unfinished(self._records.count_fates(session.id), session, is_by_dicom=self._is_by_dicom)
            if waits:
                count += 1
                self._records.move_session(session.id, session.state, finding=waits)
        return self._end(
            UploadState.FAILED, outcomes.with_count_of_unfinished(finding, count, is_by_dicom=self._is_by_dicom)
        )

    async def _finished(self) -> UploadState:
        made = await self._write_receipt()
        is_done = all(session.state is SessionState.DONE for session in self._records.sessions())
        if is_done and made.verdict == "NOT PROVEN":
            self._tell("Every file is there by its name, some with other bytes than here: read the receipt")
        else:
            self._tell("Every file is where it belongs" if is_done else "Ended, and some files are not on the server")
        return self._end(UploadState.DONE if is_done else UploadState.INCOMPLETE)

    async def _write_receipt(self) -> Receipt:
        made = await receipt.compose(self._journal, self._site, self._doubts)
        receipt.keep_if_possible(self._journal, made)
        return made

    def _end(self, state: UploadState, finding: Finding | None = None) -> UploadState:
        if finding:
            self._tell(finding.what)
        if self._journal.progress().state is UploadState.PAUSED and state is not UploadState.CANCELLED:
            self._records.move_upload(UploadState.RUNNING)  # what was under way has ended in the pause
        self._records.note_trouble("")
        self._records.note_connections(0)
        self._records.move_upload(state, finding, now_s=self._clock())
        return state

    def _tell(self, text: str) -> None:
        self._records.add_event(text, now_s=self._clock())
