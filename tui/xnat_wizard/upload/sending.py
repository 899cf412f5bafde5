"""Sends the parts of a session, and finds out about each file whether the server took it.

A part that is refused is cut in halves until the files that the server does not take are found; the others arrive.
A file that is refused in a zip is tried once more through the door for single objects. What is refused for its size
travels in smaller parts. Where nothing was ever taken a few files of each part are tried before it is cut up.

Sending an instance again is harmless while its session waits under the UID it came with: the server names files by
their UIDs and replaces equal ones (wire contract 5.7).
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import bodies, landing, packing, stops
from xnat_wizard.upload.control import Control
from xnat_wizard.upload.ladder import Ladder, Way
from xnat_wizard.upload.lanes import Lanes
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.model import Fate, SessionState
from xnat_wizard.upload.moving import Moving
from xnat_wizard.upload.packing import Packing
from xnat_wizard.upload.parts import MAX_BYTES, Item, SourceChangedError, as_they_travel, find_changed, first_few
from xnat_wizard.upload.patience import GiveUpError, Patience, StubbornError
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.records import FileRow, PartRow, Records, SessionRow
from xnat_wizard.upload.throttle import Throttle
from xnat_wizard.xnat.errors import Refused, Retry, SiteProblem
from xnat_wizard.xnat.model import ImportAnswer, PrearchiveSession
from xnat_wizard.xnat.site import Site

REFUSALS_IN_A_ROW = 20  # files refused one by one without any success: the session ends
WARM_UP_BYTES = 8_000_000  # of files that travel alone
KEPT_NOTHING = "the server answered and kept nothing: a series filter or a script dropped it"
_SECOND_TRY_AFTER_S = 1.0
_NOT_THE_FILES_FAULT = frozenset({403, 404, 405, 406})  # rights and addresses: other files will fare no better
_TOO_LARGE = 413
_UNREADABLE = "import.unreadable"  # a bad file, or trouble of the server that passes

T = TypeVar("T")


class SessionEndedError(Exception):
    """A session cannot go on; the others can."""

    def __init__(self, state: SessionState, finding: Finding) -> None:
        super().__init__(finding.code)
        self.state = state
        self.finding = finding


class WarmUp:
    """Lets the requests of an upload travel alone until one has arrived.

    A burst right after a server's start or a project's creation can be filed elsewhere (wire contract 5.7 step 2).
    """

    def __init__(self, ladder: Ladder) -> None:
        self._lock = asyncio.Lock()
        self._ladder = ladder

    async def first(self, send: Callable[[], Awaitable[None]]) -> None:
        """Send the first part of a session; alone, while no other part of the upload has arrived."""
        if not self._ladder.has_accepted:
            async with self._lock:
                if not self._ladder.has_accepted:
                    await send()
                    return
        await send()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the sessions of one upload share."""

    site: Site
    records: Records
    patience: Patience
    control: Control
    source: LocalSource
    project: str
    executor: Executor  # reads files
    slots: Lanes  # one a connection
    throttle: Throttle
    packing: Packing
    ladder: Ladder
    warm_up: WarmUp
    subject_locks: defaultdict[str, asyncio.Lock]  # sessions of a new subject are archived one after the other
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    tell: Callable[[str], None]


class Sender:
    """Sends one session's instances."""

    def __init__(self, tools: Tools, session: SessionRow, *, is_digesting: bool) -> None:
        """Prepare.

        Args:
            tools: of the upload.
            session: to send.
            is_digesting: take MD5s on the way, for a comparison that follows; else whoever compares reads again.
        """
        self._tools = tools
        self._session = session
        self._is_digesting = is_digesting
        self._moving = Moving(tools.records, tools.slots, tools.packing, tools.patience, tools.clock)
        self._refused_in_a_row = 0
        self._set_aside: list[PartRow] = []  # refused while nothing of the upload had arrived
        self.uri = session.uri
        self.left: set[str] = set()

    @property
    def has_work(self) -> bool:
        """Tell whether any instance is still to be sent."""
        return bool(self._tools.records.parts_to_send(self._session.id))

    async def send(self) -> None:
        """Send every instance that is not on the server: a few files alone, then several parts at a time.

        Raises:
            SessionEndedError: the session cannot go on.
            GiveUpError: the upload cannot go on now.
            SiteProblem: nothing more will work with this site.
        """
        waiting = list(self._tools.records.parts_to_send(self._session.id))
        if not waiting:
            return
        await self._check_source(waiting[0])
        begun: list[PartRow] = []
        alone = True
        while waiting and alone:
            begun.append(waiting.pop(0))
            await self._tools.warm_up.first(partial(self._send_part, begun[-1], most_bytes=WARM_UP_BYTES))
            alone = not self._tools.ladder.has_accepted
        waiting = [*(part for part in begun if part not in self._set_aside), *waiting]
        await together(self._send_part(part) for part in waiting)
        for part in self._set_aside:
            async with self._tools.slots:
                await self._send_files(part, self._files_to_send(part), is_thorough=True)

    async def _check_source(self, part: PartRow) -> None:
        """Stop the upload when the source as a whole is away, or is another archive than the one that was surveyed."""
        source = self._tools.source
        file = self._files_to_send(part)[0]
        try:
            is_same = await self._in_thread(partial(source.check, file.path, file.mtime_ns))
        except Problem as problem:
            raise GiveUpError(stops.no_source(source.path)) from problem
        if not is_same:
            raise GiveUpError(stops.other_source(source.path))

    def _files_to_send(self, part: PartRow) -> list[FileRow]:
        return [
            file
            for file in self._tools.records.files_of_part(part.id)
            if file.fate is Fate.NOT_SENT and not file.remark
        ]

    async def _send_part(self, part: PartRow, *, most_bytes: int = MAX_BYTES) -> None:
        async with self._tools.slots:
            files = self._files_to_send(part)
            if most_bytes < part.bytes_total:
                files = files[: first_few([file.size_bytes for file in files], most_bytes)]
            if files:
                await self._send_files(part, await self._unchanged(part, files))

    async def _unchanged(self, part: PartRow, files: list[FileRow]) -> list[FileRow]:
        """Leave out, before anything is sent, the files that are no longer what the survey saw."""
        changed = await self._in_thread(partial(find_changed, self._items(files)))
        for reason in dict.fromkeys(changed.values()):
            self._leave_out(part, [file_id for file_id, why in changed.items() if why == reason], reason)
        return [file for file in files if file.id not in changed]

    def _leave_out(self, part: PartRow, file_ids: list[int], reason: str) -> None:
        self._tools.records.record_fates(part.id, Fate.NOT_SENT, file_ids, reason)
        self._tools.tell(f"{_files(len(file_ids))} of {self._session.session_label} left out: {reason}")

    def _items(self, files: list[FileRow]) -> list[Item]:
        source = self._tools.source
        files = sorted(files, key=lambda file: source.place(file.path))
        return [Item(file.id, source, file.path, file.size_bytes, file.mtime_ns) for file in files]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._tools.executor, work)

    # -- down the ladder -----------------------------------------------------------------------------

    async def _send_files(self, part: PartRow, files: list[FileRow], *, is_thorough: bool = False) -> None:
        """Send files in as few requests as the server takes."""
        ladder = self._tools.ladder
        known, waiting = ladder.rung, ladder.groups(files)
        while waiting:
            if ladder.rung != known:  # what was learnt meanwhile counts for the rest
                known, waiting = ladder.rung, ladder.groups([file for group in waiting for file in group])
            await self._send_group(part, waiting.pop(0), is_thorough=is_thorough)

    async def _send_group(self, part: PartRow, files: list[FileRow], *, is_thorough: bool) -> None:
        if len(files) == 1:
            problem = await self._send_one(part, files[0])
            if problem:
                self._refuse(part, files[0], problem)
            return
        problem = await self._send_at_once(part, files, Way.ZIP)
        if problem is None or not files:
            return
        if problem.status == _TOO_LARGE:
            await self._send_files(part, files, is_thorough=is_thorough)
        elif is_thorough or self._tools.ladder.has_accepted or await self._takes_any(part, files):
            wanted = {file.id for file in files}
            left = [file for file in self._files_to_send(part) if file.id in wanted]
            middle = len(left) // 2
            await self._send_files(part, left[:middle], is_thorough=is_thorough)
            await self._send_files(part, left[middle:], is_thorough=is_thorough)
        else:
            self._set_aside.append(part)

    async def _takes_any(self, part: PartRow, files: list[FileRow]) -> bool:
        """Try the first, middle and last file of a part that was refused; tell whether the server takes one.

        Raises:
            GiveUpError: it was so with several parts, and nothing was ever taken.
        """
        problems: list[SiteProblem] = []
        for place in sorted({0, len(files) // 2, len(files) - 1}):
            problem = await self._send_one(part, files[place], is_patient=not problems)
            if problem is None or self._tools.ladder.has_accepted:
                return True
            problems.append(problem)
        if len({(problem.status, problem.finding.code) for problem in problems}) > 1:
            return True  # of several causes each wants to be found
        self._give_up_if_all_alike(part, problems[0])
        return False

    def _give_up_if_all_alike(self, part: PartRow, problem: SiteProblem) -> None:
        parts = self._tools.ladder.refused(part.id, problem.status, problem.finding.code)
        if parts:
            raise GiveUpError(stops.refused_alike(parts, problem.finding))

    async def _send_one(self, part: PartRow, file: FileRow, *, is_patient: bool = True) -> SiteProblem | None:
        """Send one file in each way that may work, with patience in the last; return the last refusal."""
        ladder = self._tools.ladder
        ways = [Way.BARE, Way.ZIP] if ladder.is_bare else [Way.ZIP, Way.BARE]
        problem: SiteProblem | None = None
        while ways:
            if problem:  # a full disk or a race reads like a bad file (wire contract 5.7)
                await self._tools.sleep(_SECOND_TRY_AFTER_S)
            way = ways.pop(0)
            refusal = await self._send_at_once(
                part, [file], way, was_refused=problem is not None, is_patient=is_patient and not ways
            )
            if refusal is None:
                return None
            if refusal.status == _TOO_LARGE:  # bare it is as large; deflated it is not
                ways = [] if way is Way.DEFLATED else [Way.DEFLATED]
            problem = refusal
        return problem

    def _refuse(self, part: PartRow, file: FileRow, problem: SiteProblem) -> None:
        self._tools.records.record_fates(part.id, Fate.REFUSED, [file.id], problem.finding.what)
        self._tools.tell(f"A file of {self._session.session_label} was refused: {problem.finding.what}")
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= REFUSALS_IN_A_ROW:
            self._give_up_if_all_alike(part, problem)
            finding = stops.all_refused(self._refused_in_a_row, problem.finding)
            raise SessionEndedError(SessionState.FAILED, finding)

    # -- one request ---------------------------------------------------------------------------------

    async def _send_at_once(
        self,
        part: PartRow,
        files: list[FileRow],
        way: Way,
        *,
        was_refused: bool = False,
        is_patient: bool = False,
    ) -> SiteProblem | None:
        """Send files in one request; return why they were refused, or `None`.

        Args:
            part: theirs.
            files: those that changed are taken out of the list and left out.
            way: how.
            was_refused: just before, in another way.
            is_patient: a refusal that may pass is waited for; otherwise the next, smaller request is the second try.
        """
        while files:
            await self._tools.control.gate()
            body = None
            try:
                body = await self._body(part, files, way)
                answer = await self._tools.patience.call(partial(self._attempt, body, way, is_patient=is_patient))
            except SourceChangedError as change:
                self._leave_out(part, [change.file_id], change.reason)
                files[:] = [file for file in files if file.id != change.file_id]
                continue
            except (Refused, StubbornError) as refusal:
                problem = refusal.problem if isinstance(refusal, StubbornError) else refusal
                if problem.status in _NOT_THE_FILES_FAULT or 0 < problem.status < 400:  # a page instead of an answer
                    raise SessionEndedError(SessionState.FAILED, problem.finding) from refusal
                if problem.status == _TOO_LARGE and body and self._tools.ladder.too_large(body.size_bytes):
                    limit = self._tools.ladder.limit_bytes
                    self._tools.tell(f"{problem.finding.what}. Going on with parts of at most {limit / 1e6:.1f} MB")
                return problem
            self._tools.ladder.accepted(way, was_refused=was_refused)
            await self._take(part, files, body, answer)
            return None
        return None

    async def _body(self, part: PartRow, files: list[FileRow], way: Way) -> bodies.Body:
        tools = self._tools
        items = await self._in_thread(partial(as_they_travel, self._items(files)))
        if way is Way.BARE:
            make = bodies.bare(items[0], is_digesting=self._is_digesting)
        else:
            is_packed = way is Way.DEFLATED or await self._is_packing(items)
            squeezed = await self._in_thread(partial(packing.squeeze, items)) if is_packed else {}
            make = bodies.zip_of(items, squeezed, is_digesting=self._is_digesting)
        body = bodies.Body(make, tools.executor, tools.throttle)
        body.on_moved = self._moving.of(
            part, file_bytes=sum(file.size_bytes for file in files), body_bytes=body.size_bytes
        )
        return body

    async def _is_packing(self, items: list[Item]) -> bool:
        tools = self._tools
        if tools.packing.wants_gauge and tools.packing.gauged(*await self._in_thread(partial(packing.gauge, items))):
            tools.tell(f"Files are compressed on their way: the line takes {tools.packing.line_bytes_s / 1e6:.1f} MB/s")
        return tools.packing.is_on

    async def _attempt(self, body: bodies.Body, way: Way, *, is_patient: bool) -> ImportAnswer:
        await self._tools.control.gate()
        session, site = self._session, self._tools.site
        send = site.import_object if way is Way.BARE else site.import_zip
        try:
            return await send(self._tools.project, session.subject_label, session.session_label, body, body.size_bytes)
        except SiteProblem as problem:
            if body.stream.failure is not None:  # the HTTP library saw a cut body; this is why
                raise body.stream.failure from None
            if problem.finding.code == _UNREADABLE and not is_patient:
                raise Refused(problem.finding, status=problem.status) from problem
            if isinstance(problem, Retry) and problem.status != 400:
                self._tools.slots.stumbled()
            raise

    async def _take(self, part: PartRow, files: list[FileRow], body: bodies.Body, answer: ImportAnswer) -> None:
        """Compare where the server says it put the files with where they belong."""
        records = self._tools.records
        ids = [file.id for file in files]
        if not answer.uris:
            records.record_fates(part.id, Fate.REFUSED, ids, KEPT_NOTHING, md5=body.stream.md5)
            self._tools.tell(f"The server kept nothing of {len(ids)} files of {self._session.session_label}")
            return
        self._refused_in_a_row = 0
        records.record_fates(part.id, Fate.SENT, ids, md5=body.stream.md5)
        uri = await landing.find(answer.uris, self.uri, self._session, self._tools.project, self._row)
        if isinstance(uri, Finding):
            if uri.code == "upload.rerouted":
                records.set_uri(self._session.id, uri.where)
            raise SessionEndedError(SessionState.FAILED, uri)
        is_new = uri != self.uri and uri not in self.left
        self.left.update(one for one in (self.uri, *answer.uris) if is_prearchive(one) and one != uri)
        if is_new:
            if is_prearchive(self.uri):
                self._tools.tell(f"{self._session.session_label}: the server goes on in {uri}, no longer in {self.uri}")
            self.uri = uri
            records.set_uri(self._session.id, uri)

    async def _row(self, uri: str) -> PrearchiveSession | None:
        return await self._tools.patience.call(partial(self._tools.site.prearchive_session, uri))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines at the same time; the first failure ends the others and is raised.

    Raises:
        Exception: what the first one that failed raised.
    """
    tasks = [asyncio.create_task(one) for one in work]
    if not tasks:
        return
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
