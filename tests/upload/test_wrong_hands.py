"""Images must not end under another subject, and nothing else may pass for them."""

from collections.abc import Callable
from pathlib import Path

from support import Practice
from upload.clocks import short_sleep
from xnat_wizard.upload import engine
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, SessionState, UploadState
from xnat_wizard.upload.plan import edit
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def only_first(plan: Plan, subject_label: str) -> Plan:
    """Return a plan of its first session alone, for that subject."""
    first, *others = plan.sessions
    for other in others:
        plan = edit(plan, other.key, is_included=False)
    return edit(plan, first.key, subject_label=subject_label, session_label="visit")


async def failure(journal: Journal, site: Site) -> tuple[UploadState, SessionState, str]:
    """Run an upload of one session and return how it ended."""
    state = await engine.run(journal, site, sleep=short_sleep)
    (session,) = journal.progress().sessions
    return state, session.state, session.finding.code if session.finding else ""


async def test_a_session_that_waits_for_another_subject_is_not_archived_under_it(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    wrong = only_first(plan_for(study_folder, Destination.PREARCHIVE), "WRONG")
    with new_journal(wrong) as journal:
        assert await engine.run(journal, site, sleep=short_sleep) is UploadState.DONE
    with new_journal(only_first(plan_for(study_folder), "RIGHT")) as journal:
        assert await failure(journal, site) == (UploadState.INCOMPLETE, SessionState.FAILED, "prearchive.other_subject")
    assert practice.on_loop(lambda store: list(store.state.subjects)) == []
    assert practice.on_loop(lambda store: [row.status for row in store.state.rows]) == ["READY"]


async def test_a_session_archived_for_another_subject_is_not_called_done(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "WRONG")) as journal:
        assert await engine.run(journal, site, sleep=short_sleep) is UploadState.DONE
    for destination in Destination:
        with new_journal(only_first(plan_for(study_folder, destination), "RIGHT")) as journal:
            ended = await failure(journal, site)
            assert ended == (UploadState.INCOMPLETE, SessionState.FAILED, "archive.other_subject")
    assert practice.on_loop(lambda store: [one.label for one in store.state.subjects.values()]) == ["WRONG"]
