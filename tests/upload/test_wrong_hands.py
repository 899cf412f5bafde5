"""Images must not end under another subject, and nothing else may pass for them."""

from collections.abc import AsyncIterable, Callable, Mapping
from pathlib import Path

from support import Practice
from upload.runs import run
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, SessionState, UploadState
from xnat_wizard.upload.plan import edit
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.refusals import problem_of
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def only_first(plan: Plan, subject_label: str) -> Plan:
    """Return a plan of its first session alone, for that subject."""
    first, *others = plan.sessions
    for other in others:
        plan = edit(plan, other.key, is_included=False)
    return edit(plan, first.key, subject_label=subject_label, session_label="visit")


def set_status(status: str, *, is_built: bool) -> Callable[[Store], None]:
    """Return a change of the one row of the prearchive."""

    def change(store: Store) -> None:
        (row,) = store.state.rows
        row.status, row.is_built = status, is_built

    return change


async def failure(journal: Journal, site: Site) -> tuple[UploadState, SessionState, str]:
    """Run an upload of one session and return how it ended."""
    state = await run(journal, site)
    (session,) = journal.progress().sessions
    return state, session.state, session.finding.code if session.finding else ""


async def test_a_session_that_waits_for_another_subject_is_not_archived_under_it(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    wrong = only_first(plan_for(study_folder, Destination.PREARCHIVE), "WRONG")
    with new_journal(wrong) as journal:
        assert await run(journal, site) is UploadState.DONE
    with new_journal(only_first(plan_for(study_folder), "RIGHT")) as journal:
        assert await failure(journal, site) == (UploadState.INCOMPLETE, SessionState.FAILED, "prearchive.other_subject")
    assert practice.on_loop(lambda store: list(store.state.subjects)) == []
    assert practice.on_loop(lambda store: [row.status for row in store.state.rows]) == ["READY"]


async def test_a_session_archived_for_another_subject_is_not_called_done(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "WRONG")) as journal:
        assert await run(journal, site) is UploadState.DONE
    for destination in Destination:
        with new_journal(only_first(plan_for(study_folder, destination), "RIGHT")) as journal:
            ended = await failure(journal, site)
            assert ended == (UploadState.INCOMPLETE, SessionState.FAILED, "archive.other_subject")
    assert practice.on_loop(lambda store: [one.label for one in store.state.subjects.values()]) == ["WRONG"]


async def test_a_session_that_cannot_be_listed_just_now_is_not_called_missing(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE
        for status, is_built in (("RECEIVING", True), ("_BUILDING", True), ("ERROR", False)):
            practice.on_loop(set_status(status, is_built=is_built))
            made = await receipt.verify(journal, site)
            assert made.verdict == "NOT PROVEN"
            assert {line.files_stored == line.files_local for line in made.lines} == {True}
        practice.on_loop(set_status("READY", is_built=True))
        assert (await receipt.verify(journal, site)).verdict == "COMPLETE"


async def test_a_file_cut_short_by_an_earlier_try_is_sent_again(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")
    with new_journal(plan) as journal:
        assert await run(journal, site) is UploadState.DONE
    stored = next(path for path in sorted((practice.folder / "prearchive").rglob("*.dcm")))
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1000])
    practice.on_loop(set_status("RECEIVING", is_built=False))
    with new_journal(plan) as journal:  # as after a crash before the answer came
        assert await run(journal, site) is UploadState.DONE
    assert stored.read_bytes() == whole


class SplittingSite(Site):
    """A connection to a site that files what it gets in two places."""

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
        answer = await super().import_zip(project, subject, session, body, size_bytes, query=query)
        other = await super().import_zip(project, subject, f"{session}-2", body, size_bytes, query=query)
        return ImportAnswer((*answer.uris, *other.uris))


async def test_a_session_that_the_server_divides_is_not_archived(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    async with await SplittingSite.connect(login) as site:
        with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
            assert await failure(journal, site) == (UploadState.INCOMPLETE, SessionState.FAILED, "upload.split")
    assert practice.on_loop(lambda store: list(store.state.sessions)) == []


async def test_a_page_instead_of_an_answer_does_not_cut_parts_to_pieces(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    asked: list[str] = []

    class BehindSignOnPage(Site):
        """A connection on which somebody else answers imports."""

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
            asked.append(session)
            page = Answer("POST", "/data/services/import", 200, b"<html><body>Please sign on</body></html>")
            raise problem_of(page) or AssertionError

    async with await BehindSignOnPage.connect(login) as site:
        with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
            assert await failure(journal, site) == (UploadState.INCOMPLETE, SessionState.FAILED, "site.page")
    assert len(asked) == 1
