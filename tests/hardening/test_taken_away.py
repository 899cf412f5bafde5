"""Somebody takes a session out of the prearchive at the worst moments: right before each request, and within a part.

What has gone from the prearchive is looked for in the archive and counted there; only what is nowhere is missing.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from hardening.others import ELSEWHERE, PROJECT
from support import Practice
from upload.runs import digests, explained, run, texts
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import Secret
from xnat_wizard.upload import parts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, Route, UploadState
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.errors import SiteProblem
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import ImportAnswer, Login, ProjectDraft
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]
Take = Callable[[Site, str], Awaitable[object]]


async def archives(owner: Site, uri: str) -> None:
    await owner.build(uri)
    await owner.archive(uri)


async def archives_as_other(owner: Site, uri: str) -> None:
    await owner.build(uri)
    await owner.archive(uri, session=f"{uri.rpartition('/')[2]}-by-others")


async def archives_for_other(owner: Site, uri: str) -> None:
    await owner.build(uri)
    await owner.archive(uri, subject="Else", session=f"{uri.rpartition('/')[2]}-for-others")


async def deletes(owner: Site, uri: str) -> None:
    await owner.delete_prearchive(uri)


async def moves(owner: Site, uri: str) -> None:
    await owner.move(uri, ELSEWHERE)


@dataclass
class Taking:
    """Takes a session away right before the request of that number, of those that come while the session waits."""

    practice: Practice
    owner: Site
    take: Take
    label: str
    number: int
    count: int = 0
    is_taking: bool = False
    taken_before: str = ""  # the request

    def uri(self) -> str:
        def find(store: Store) -> str:
            rows = [row for row in store.state.rows if row.name == self.label and row.status != "_ARCHIVING"]
            return next((f"/data/prearchive/projects/{'/'.join(row.key)}" for row in rows), "")

        return self.practice.on_loop(find)

    async def before(self, method: str, path: str) -> None:
        """Act when it is time."""
        if self.is_taking or self.taken_before:
            return
        uri = self.uri()
        if not uri or path.startswith("/data/services/import"):  # between and within parts: see below
            return
        self.count += 1
        if self.count == self.number:
            self.is_taking = True
            try:
                await self.take(self.owner, uri)
            finally:  # whoever asked may have given up: the list beside it was refused
                self.is_taking = False
                self.taken_before = f"{method} {path}"


@pytest.fixture
async def owner(practice: Practice) -> AsyncIterator[Site]:
    async with await Site.connect(Login(practice.url, "owner", Secret("owner"))) as owner:
        await owner.create_project(ProjectDraft(ELSEWHERE, ELSEWHERE, ELSEWHERE))
        yield owner


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Taking]:
    """Let the last of this list see every request before it is sent."""
    watching: list[Taking] = []
    send = Http.send

    @wraps(send)
    async def seen(self: Http, method: str, path: str, *args: Any, **words: Any) -> Answer:
        if watching:
            await watching[-1].before(method, path)
        return await send(self, method, path, *args, **words)

    monkeypatch.setattr(Http, "send", seen)
    return watching


@pytest.fixture
def one(study_folder: Path, plan_for: PlanFor) -> Callable[..., Plan]:
    """Give a function that plans one session of a few files, under a label of its own."""

    def plan(label: str, route: Route = Route.IMPORT) -> Plan:
        whole = plan_for(study_folder, Destination.ARCHIVE)
        session = whole.sessions[0]
        series = tuple(replace(each, instances=each.instances[:2]) for each in session.series[:2])
        mine = replace(session, subject_label="Ours", session_label=label, series=series)
        return replace(whole, sessions=(mine,), route=route)

    return plan


def wanted(plan: Plan, folder: Path) -> list[str]:
    """Return the digests of what is planned."""
    (session,) = plan.sessions
    paths = [folder / instance.path for series in session.series for instance in series.instances]
    return sorted(md5(path.read_bytes()).hexdigest() for path in paths)  # noqa: S324  compared, not trusted


def in_archive(practice: Practice, label: str) -> list[str]:
    return digests(practice.folder / "archive" / PROJECT / "arc001" / label)


KEEPS = {archives: "{}", archives_as_other: "{}-by-others"}  # where all of it is then
TAKES = (archives, archives_as_other, archives_for_other, deletes, moves)


@pytest.mark.parametrize("take", TAKES, ids=lambda take: take.__name__)
async def test_a_session_that_goes_right_before_any_request_is_found_or_told_and_a_resume_ends_it(
    practice: Practice,
    owner: Site,
    watched: list[Taking],
    one: Callable[..., Plan],
    new_journal: NewJournal,
    study_folder: Path,
    take: Take,
) -> None:
    number, met = 0, []
    while True:
        number += 1
        label = f"s{number}"
        plan = one(label)
        async with await Site.connect(Login(practice.url, "member", Secret("member"))) as site:
            with new_journal(plan) as journal:
                watched.append(Taking(practice, owner, take, label, number))
                state = await run(journal, site)
                if not watched[-1].taken_before:
                    assert state is UploadState.DONE
                    break
                met.append(watched[-1].taken_before)
                context = (watched[-1].taken_before, explained(journal))
                if take in KEEPS:
                    assert state is UploadState.DONE, context
                    assert in_archive(practice, KEEPS[take].format(label)) == wanted(plan, study_folder), context
                    assert (practice.folder / "archive" / PROJECT / "arc001" / label).exists() is (take is archives)
                if state is not UploadState.DONE:
                    (session,) = journal.progress().sessions
                    assert session.finding is not None, context
                    assert session.finding.code in {"upload.gone", "archive.other_subject"}, context
                    assert session.finding.todo
                    assert await run(journal, site) is UploadState.DONE, (*context, explained(journal))
                    assert in_archive(practice, label) == wanted(plan, study_folder), context
                made = journal.receipt()
                assert made is not None
                assert made.verdict == "COMPLETE", context
    assert any("validate-archive" in each for each in met), met
    assert any("services/archive" in each for each in met), met
    assert any(each.endswith("/files") for each in met), met


class MidPart(Site):
    """A connection over which a part stops in the middle until somebody has begun to take the session away."""

    nth: int  # the part
    take: Callable[[], Coroutine[None, None, None]]
    taking: asyncio.Task[None]
    has_arrived: Callable[[], bool]
    is_going: Callable[[], bool]

    async def import_zip(
        self,
        project: str,
        subject: str,
        session: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        query: Mapping[str, str] | None = None,
    ) -> ImportAnswer:
        self.nth -= 1
        whole = body if self.nth else self._halved(body, size_bytes)
        return await super().import_zip(project, subject, session, whole, size_bytes, query=query)

    async def _halved(self, body: AsyncIterable[bytes], size_bytes: int) -> AsyncIterator[bytes]:
        data = b"".join([piece async for piece in body])
        yield data[: size_bytes * 2 // 3]
        while not self.has_arrived():  # noqa: ASYNC110  the server's state has no event
            await asyncio.sleep(0.01)
        self.taking = asyncio.create_task(self.take())
        while not (self.is_going() or self.taking.done()):  # noqa: ASYNC110  likewise
            await asyncio.sleep(0.01)
        yield data[size_bytes * 2 // 3 :]


@pytest.mark.parametrize("take", TAKES, ids=lambda take: take.__name__)
@pytest.mark.parametrize("nth", [1, 2])
async def test_a_part_that_comes_while_the_session_is_taken_away_arrives_in_two_places_and_all_is_found(
    practice: Practice,
    owner: Site,
    one: Callable[..., Plan],
    new_journal: NewJournal,
    study_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    take: Take,
    nth: int,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 2)
    practice.server.faults.replace([Fault(Kind.SLOW_ARCHIVE, seconds=0.3)])
    plan = one("ours")

    def rows() -> list[tuple[str, str]]:
        def find(store: Store) -> list[tuple[str, str]]:
            return [
                (f"/data/prearchive/projects/{'/'.join(row.key)}", row.status)
                for row in store.state.rows
                if row.name == "ours"
            ]

        return practice.on_loop(find)

    def has_arrived() -> bool:
        waiting = practice.folder / "prearchive" / PROJECT
        return sum(path.is_file() for path in waiting.rglob("*")) == nth * 2 - 1

    async def away() -> None:
        with suppress(SiteProblem):
            await take(owner, rows()[0][0])

    async with await MidPart.connect(Login(practice.url, "member", Secret("member"))) as site:
        site.nth, site.take, site.has_arrived = nth, away, has_arrived
        site.is_going = lambda: not rows() or rows()[0][1] in {"_ARCHIVING", "_MOVING", "_DELETING"}
        with new_journal(plan) as journal:
            state = await run(journal, site)
            await site.taking
            if take is moves and nth == 1:
                # An answer that names another project is the sign of a stray (wire contract 5.7 step 2), and of a
                # session that is not known yet nobody can tell that it was moved since.
                (session,) = journal.progress().sessions
                assert session.finding is not None
                assert session.finding.code == "upload.rerouted", explained(journal)
                state = await run(journal, site)
            assert state is UploadState.DONE, explained(journal)
            made = journal.receipt()
            assert made is not None
            assert made.verdict == "COMPLETE", texts(journal)
    assert in_archive(practice, "ours") == wanted(plan, study_folder)
