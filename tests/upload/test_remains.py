"""What an upload that ends in the middle of sending leaves in the prearchive, and where that is said."""

from collections.abc import AsyncIterable, Callable, Mapping
from pathlib import Path

import pytest

from support import Practice
from upload.clocks import Clock
from upload.runs import run
from upload.test_wrong_hands import only_first
from xnat_wizard.findings import Finding
from xnat_wizard.upload import engine, parts, uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, Request, SessionProgress, SessionState, UploadState
from xnat_wizard.xnat.errors import Fatal, Refused, Retry, SiteProblem
from xnat_wizard.xnat.model import ImportAnswer, Login, Project
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

FORBIDDEN = Refused(
    Finding("import.forbidden", "The site forbids it", "It answered 403", ("Ask an owner",)), status=403
)
DISK_FULL = Fatal(Finding("site.disk_full", "The disk is full", "It answered 507", ()), status=507)
GONE = Retry(Finding("site.unreachable", "No connection", "It does not answer", ()))


class Breaking(Site):
    """Takes some parts, then fails for good or does what it is told."""

    parts_left = 1
    problem: SiteProblem | None = None
    cancel_in: Path | None = None

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
        if self.parts_left <= 0:
            if self.problem:
                raise self.problem
            assert self.cancel_in
            with Journal.open(self.cancel_in) as wizard:
                wizard.request(Request.CANCEL)
        self.parts_left -= 1
        return await super().import_zip(project, subject, session, body, size_bytes, query=query)

    async def project(self, project_id: str) -> Project:
        if self.problem is GONE and self.parts_left <= 0:
            raise GONE
        return await super().project(project_id)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)


def rows(practice: Practice) -> list[tuple[str, bool]]:
    return practice.on_loop(lambda store: [(row.status, row.prevent_auto_commit) for row in store.state.rows])


def told(session: SessionProgress) -> Finding:
    assert session.finding is not None
    return session.finding


def check_ways_out(finding: Finding, uri: str) -> None:
    assert uri.startswith("/data/prearchive/projects/DEMO/")
    assert finding.where == uri
    assert "not to go on by itself" in finding.why
    assert "RECEIVING" in finding.why
    ways = " ".join(finding.todo)
    for words in ("Resume the upload", "build and archive it in the prearchive step", "delete it there"):
        assert words in ways


async def test_a_session_that_fails_while_it_is_sent_says_what_waits_and_is_offered_again(
    practice: Practice, login: Login, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    path = uploads.begin(only_first(plan_for(study_folder), "sub"))
    async with await Breaking.connect(login) as breaking:
        assert isinstance(breaking, Breaking)
        breaking.problem = FORBIDDEN
        with Journal.open(path) as journal:
            assert await run(journal, breaking) is UploadState.INCOMPLETE
            (session,) = journal.progress().sessions
    assert rows(practice) == [("RECEIVING", True)]
    assert session.state is SessionState.FAILED
    assert told(session).what == "The site forbids it"
    assert "3 of" in told(session).why
    check_ways_out(told(session), session.uri)
    left = uploads.newest_unfinished(practice.url)
    assert left is not None
    assert left.journal_path == path
    with Journal.open(path) as journal:
        assert await run(journal, site) is UploadState.DONE
    assert uploads.newest_unfinished(practice.url) is None


async def test_an_incomplete_upload_with_nothing_waiting_for_the_rest_is_not_offered(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor
) -> None:
    path = uploads.begin(only_first(plan_for(study_folder), "sub"))
    async with await Breaking.connect(login) as breaking:
        assert isinstance(breaking, Breaking)
        breaking.parts_left, breaking.problem = 0, FORBIDDEN
        with Journal.open(path) as journal:
            assert await run(journal, breaking) is UploadState.INCOMPLETE
            (session,) = journal.progress().sessions
    assert "prearchive" not in " ".join(told(session).todo)
    assert uploads.newest_unfinished(practice.url) is None


@pytest.mark.parametrize("problem", [DISK_FULL, GONE])
async def test_an_upload_that_fails_as_a_whole_says_it_of_each_session(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    problem: SiteProblem,
) -> None:
    clock = Clock()
    async with await Breaking.connect(login) as breaking:
        assert isinstance(breaking, Breaking)
        breaking.problem = problem
        with new_journal(only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")) as journal:
            state = await engine.run(journal, breaking, clock=clock, sleep=clock.sleep)
            assert state is UploadState.FAILED
            progress = journal.progress()
            (session,) = progress.sessions
    assert rows(practice) == [("RECEIVING", True)]
    assert told(session).code == "upload.unfinished"
    check_ways_out(told(session), session.uri)
    assert progress.finding is not None
    assert "1 session waits unfinished in the prearchive" in progress.finding.why


async def test_a_session_cancelled_while_it_is_sent_says_that_it_stays(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    async with await Breaking.connect(login) as breaking:
        assert isinstance(breaking, Breaking)
        with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
            breaking.cancel_in = journal.path
            assert await run(journal, breaking) is UploadState.CANCELLED
            (session,) = journal.progress().sessions
    assert {is_kept for _, is_kept in rows(practice)} == {True}
    finding = told(session)
    assert (finding.code, finding.where) == ("upload.cancelled", session.uri)
    assert "not to go on by itself" in finding.why
    ways = " ".join(finding.todo)
    for words in ("Delete the session in the prearchive step", "build and archive it", "plan the upload again"):
        assert words in ways


def test_cancelling_what_nobody_works_on_says_that_files_may_be_there(study_folder: Path, plan_for: PlanFor) -> None:
    path = uploads.begin(only_first(plan_for(study_folder), "sub"))
    with Journal.open(path) as journal:
        records = journal.records
        (session,) = records.sessions()
        records.move_upload(UploadState.RUNNING)
        records.move_session(session.id, SessionState.SENDING)
        records.note_bytes(records.parts(session.id)[0].id, 100)  # then the worker was killed
    uploads.cancel(path)
    with Journal.open(path) as journal:
        finding = told(journal.progress().sessions[0])
    assert finding.code == "upload.cancelled"
    assert "may be on the server" in finding.what
