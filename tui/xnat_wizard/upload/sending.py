"""Sends the parts of a session, and finds out about each file whether the server took it.

A part that is refused is cut in halves until the files that the server does not take are found; the others arrive.
Sending an instance again is harmless while its session waits under the UID it came with: the server names files by
their UIDs and replaces equal ones (wire contract 5.7).
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.control import Control
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.model import Fate, SessionState
from xnat_wizard.upload.parts import Item, SourceChangedError, ZipStream, find_changed, in_thread
from xnat_wizard.upload.patience import GiveUpError, Patience, StubbornError
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.records import FileRow, PartRow, Records, SessionRow
from xnat_wizard.xnat.errors import Refused, SiteProblem
from xnat_wizard.xnat.model import ImportAnswer
from xnat_wizard.xnat.site import Site

CONNECTIONS = 4
REFUSALS_IN_A_ROW = 20  # files refused one by one without any success: the session ends
KEPT_NOTHING = "the server answered and kept nothing: a series filter or a script dropped it"
_ANSWERED = frozenset({Fate.SENT, Fate.STORED, Fate.MISSING})
_TELL_EVERY_S = 0.25
_SECOND_TRY_AFTER_S = 1.0
_NOT_THE_FILES_FAULT = frozenset({403, 404, 405, 406})  # rights and addresses: other files will fare no better


class SessionEndedError(Exception):
    """A session cannot go on; the others can."""

    def __init__(self, state: SessionState, finding: Finding) -> None:
        super().__init__(finding.code)
        self.state = state
        self.finding = finding


class WarmUp:
    """Lets the very first request of an upload travel alone.

    A burst right after a server's start or a project's creation can be filed elsewhere (wire contract 5.7 step 2).
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._is_warm = False

    async def first(self, send: Callable[[], Awaitable[None]]) -> None:
        """Send the first part of a session; alone, while no other part of the upload has arrived."""
        if not self._is_warm:
            async with self._lock:
                if not self._is_warm:
                    await send()
                    self._is_warm = True
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
    slots: asyncio.Semaphore  # one a connection
    warm_up: WarmUp
    subject_locks: defaultdict[str, asyncio.Lock]  # sessions of a new subject are archived one after the other
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    tell: Callable[[str], None]


class _Body:
    """The body of one request; every iteration reads the files anew."""

    def __init__(self, items: Sequence[Item], executor: Executor, on_bytes: Callable[[int], None]) -> None:
        self._items = items
        self._executor = executor
        self._on_bytes = on_bytes
        self.size_bytes = ZipStream(items).size_bytes
        self.stream = ZipStream(items)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.stream = ZipStream(self._items)
        handed_out = 0

        def count(size: int) -> None:
            nonlocal handed_out
            handed_out += size
            self._on_bytes(handed_out)

        async for piece in in_thread(self.stream.pieces(), self._executor, count):
            yield piece


class Sender:
    """Sends one session's instances."""

    def __init__(self, tools: Tools, session: SessionRow) -> None:
        self._tools = tools
        self._session = session
        self._refused_in_a_row = 0
        self.uri = session.uri

    @property
    def has_work(self) -> bool:
        """Tell whether any instance is still to be sent."""
        return any(self._files_to_send(part) for part in self._tools.records.parts(self._session.id))

    async def send(self) -> None:
        """Send every instance that is not on the server: the first part alone, then several at a time.

        Raises:
            SessionEndedError: the session cannot go on.
            GiveUpError: the upload cannot go on now.
            SiteProblem: nothing more will work with this site.
        """
        waiting = [part for part in self._tools.records.parts(self._session.id) if self._files_to_send(part)]
        if not waiting:
            return
        await self._check_source(waiting[0])
        await self._tools.warm_up.first(partial(self._send_part, waiting[0]))
        await together(self._send_part(part) for part in waiting[1:])

    async def _check_source(self, part: PartRow) -> None:
        """Stop the upload when the source as a whole is away, or is another archive than the one that was surveyed."""
        source = self._tools.source
        file = self._files_to_send(part)[0]
        try:
            is_same = await asyncio.get_running_loop().run_in_executor(
                self._tools.executor, source.check, file.path, file.mtime_ns
            )
        except Problem as problem:
            raise GiveUpError(no_source(source.path)) from problem
        if not is_same:
            raise GiveUpError(other_source(source.path))

    def _files_to_send(self, part: PartRow) -> list[FileRow]:
        if part.is_pair:
            return []
        return [
            file
            for file in self._tools.records.files_of_part(part.id)
            if file.fate is Fate.NOT_SENT and not file.remark
        ]

    async def _send_part(self, part: PartRow) -> None:
        async with self._tools.slots:
            await self._send_files(part, await self._unchanged(part, self._files_to_send(part)))

    async def _unchanged(self, part: PartRow, files: list[FileRow]) -> list[FileRow]:
        """Leave out, before anything is sent, the files that are no longer what the survey saw."""
        look = partial(find_changed, self._items(files))
        changed = await asyncio.get_running_loop().run_in_executor(self._tools.executor, look)
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

    async def _send_files(self, part: PartRow, files: list[FileRow], *, is_second_try: bool = False) -> None:
        while files:
            await self._tools.control.gate()
            body = _Body(self._items(files), self._tools.executor, self._progress_of(part))
            try:
                answer = await self._tools.patience.call(partial(self._attempt, body))
            except SourceChangedError as change:
                self._leave_out(part, [change.file_id], change.reason)
                files = [file for file in files if file.id != change.file_id]
                continue
            except (Refused, StubbornError) as refusal:
                problem = refusal.problem if isinstance(refusal, StubbornError) else refusal
                await self._after_refusal(part, files, problem, is_second_try=is_second_try)
                return
            self._take(part, files, body, answer)
            return

    async def _attempt(self, body: _Body) -> ImportAnswer:
        await self._tools.control.gate()
        session = self._session
        try:
            return await self._tools.site.import_zip(
                self._tools.project, session.subject_label, session.session_label, body, body.size_bytes
            )
        except SiteProblem:
            if body.stream.failure is not None:  # the HTTP library saw a cut body; this is why
                raise body.stream.failure from None
            raise

    def _progress_of(self, part: PartRow) -> Callable[[int], None]:
        last_told_s = 0.0
        done = sum(file.size_bytes for file in self._tools.records.files_of_part(part.id) if file.fate in _ANSWERED)

        def note(handed_out: int) -> None:
            nonlocal last_told_s
            now_s = self._tools.clock()
            if now_s - last_told_s >= _TELL_EVERY_S:
                last_told_s = now_s
                self._tools.records.note_bytes(part.id, min(part.bytes_total, done + handed_out))

        return note

    async def _after_refusal(
        self, part: PartRow, files: list[FileRow], problem: SiteProblem, *, is_second_try: bool
    ) -> None:
        if problem.status in _NOT_THE_FILES_FAULT or 0 < problem.status < 400:  # a page in the place of an answer
            raise SessionEndedError(SessionState.FAILED, problem.finding)
        if len(files) > 1:
            middle = len(files) // 2
            await self._send_files(part, files[:middle])
            await self._send_files(part, files[middle:])
            return
        if not is_second_try:  # a full disk or a race reads like a bad file (wire contract 5.7)
            await self._tools.sleep(_SECOND_TRY_AFTER_S)
            await self._send_files(part, files, is_second_try=True)
            return
        self._tools.records.record_fates(part.id, Fate.REFUSED, [files[0].id], problem.finding.what)
        self._tools.tell(f"A file of {self._session.session_label} was refused: {problem.finding.what}")
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= REFUSALS_IN_A_ROW:
            raise SessionEndedError(SessionState.FAILED, _all_refused(self._refused_in_a_row, problem.finding))

    def _take(self, part: PartRow, files: list[FileRow], body: _Body, answer: ImportAnswer) -> None:
        """Compare where the server says it put the files with where they belong."""
        records = self._tools.records
        records.record_md5(body.stream.md5)
        ids = [file.id for file in files]
        if not answer.uris:
            records.record_fates(part.id, Fate.REFUSED, ids, KEPT_NOTHING)
            self._tools.tell(f"The server kept nothing of {len(ids)} files of {self._session.session_label}")
            return
        self._refused_in_a_row = 0
        records.record_fates(part.id, Fate.SENT, ids)
        for uri in answer.uris:
            if project_of(uri) != self._tools.project:
                records.set_uri(self._session.id, uri)
                raise SessionEndedError(SessionState.FAILED, rerouted(uri, self._tools.project))
        if len(set(answer.uris)) > 1:
            raise SessionEndedError(SessionState.FAILED, split(answer.uris, self._session))
        uri = answer.uris[-1]
        if uri != self.uri:
            if is_prearchive(self.uri):
                self._tools.tell(f"{self._session.session_label}: the server goes on in {uri}, no longer in {self.uri}")
            self.uri = uri
            records.set_uri(self._session.id, uri)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def project_of(uri: str) -> str:
    """Return the project that a prearchive or archive URI names, "" when it names none."""
    _, mark, rest = uri.partition("/projects/")
    return unquote(rest.split("/", 1)[0]) if mark else ""


def no_source(source: Path) -> Finding:
    """Say that the folder of the images is away."""
    return Finding(
        "upload.no_source",
        "The folder or archive with the images is not there",
        "It was there when it was surveyed: a disk or a network drive may not be mounted",
        ("Make it available again at the same place, then resume the upload",),
        where=str(source),
    )


def other_source(source: Path) -> Finding:
    """Say that the archive with the images is no longer the one that was surveyed."""
    return Finding(
        "upload.other_source",
        "The archive with the images is not the one that was surveyed",
        "It was written to or replaced since the survey, so what lies in it is not what was planned",
        (
            "If the first archive still exists, put it back as it was, with its time of change: cp -p",
            "Otherwise choose the archive again, and plan anew: what is on the server already is not sent twice",
        ),
        where=str(source),
    )


def rerouted(uri: str, project: str) -> Finding:
    """Say that data landed somewhere else than it was sent to."""
    there = project_of(uri) or "no project"
    return Finding(
        "upload.rerouted",
        f"The server put the images into `{there}` instead of `{project}`",
        "It did not find the project at that moment, or may not use it, and went by the header of the images",
        (
            f"Move the session from `{there}` to `{project}` in the prearchive step, then resume the upload",
            "If it is not listed there, an administrator of the site can move it",
        ),
        where=uri,
        shareable="An import with an explicit project was filed elsewhere by the site.",
    )


def split(uris: Sequence[str], session: SessionRow) -> Finding:
    """Say that the server made several sessions of what is one."""
    return Finding(
        "upload.split",
        f"The server put the images of session `{session.session_label}` into {len(set(uris))} sessions",
        "It answered one request with several places; each holds a part of the images",
        (
            "Look at them in the prearchive step, and delete what is not wanted",
            "Ask the administrator of the site which rule divides sessions, then resume the upload",
        ),
        where=", ".join(dict.fromkeys(uris)),
        shareable="An import of one session was answered with several sessions.",
    )


def _all_refused(count: int, last: Finding) -> Finding:
    return Finding(
        "upload.refused",
        f"The server refused {count} files one after the other",
        f"The last reason: {last.what}. {last.why}",
        (
            "Look at one of the files: the plan names them",
            "Ask the administrator of the site for the reason in its log",
        ),
        where=last.where,
    )


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
