"""How an upload ends when the site does not tell any more what it has, and what is called proved then."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.clocks import short_sleep
from upload.conftest import PlanFor
from upload.runs import explained, run, texts
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import parse as parse_fault
from xnat_wizard.upload import engine
from xnat_wizard.upload.cancelling import cancel_unasked
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, Route, SessionState, UploadState
from xnat_wizard.xnat.site import Site

NewJournal = Callable[[Plan], Journal]


async def test_a_plan_by_dicom_to_nobody_is_refused_before_anything_is_asked(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(replace(plan_for(study_folder), route=Route.DICOM)) as journal:
        with pytest.raises(Problem, match=r"plan\.no_receiver"):
            await engine.run(journal, site, sleep=short_sleep)
        assert journal.progress().state is UploadState.PLANNED


@pytest.mark.parametrize("code", [500, 403])
async def test_what_cannot_be_counted_at_the_end_is_not_called_proved(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal, code: int
) -> None:
    practice.server.faults.add(parse_fault(rf"status:code={code},method=GET,path=/data/experiments/.*"))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) in {UploadState.INCOMPLETE, UploadState.FAILED}, explained(journal)
        receipt = journal.receipt()
        assert receipt is None or receipt.verdict != "COMPLETE"
        assert not any(one.state is SessionState.DONE for one in journal.progress().sessions)
        practice.server.faults.clear()
        assert await run(journal, site) is UploadState.DONE, explained(journal)
        receipt = journal.receipt()
        assert receipt is not None
        assert receipt.verdict == "COMPLETE"


async def test_a_site_that_lists_nothing_any_more_ends_the_upload_and_it_goes_on_later(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    practice.server.faults.add(parse_fault("status:code=500,method=GET,path=^/data/prearchive/projects"))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.FAILED, explained(journal)
        assert journal.progress().finding is not None
        assert journal.progress().trouble == ""
        practice.server.faults.clear()
        assert await run(journal, site) is UploadState.DONE, explained(journal)


async def test_a_cancel_without_a_look_leaves_what_is_done_as_it_is(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder, Destination.PREARCHIVE)
    first, second = plan.sessions
    name = second.session_label
    practice.server.faults.add(parse_fault(f"status:code=500,path=/data/prearchive/projects/DEMO/.*/{name}"))
    with new_journal(plan) as journal:
        assert await run(journal, site) is not UploadState.DONE
        states = {one.session_label: one.state for one in journal.progress().sessions}
        assert states[first.session_label] is SessionState.DONE
        cancel_unasked(journal)
        states = {one.session_label: one.state for one in journal.progress().sessions}
        assert states == {first.session_label: SessionState.DONE, name: SessionState.CANCELLED}
        assert journal.progress().state is UploadState.CANCELLED
        assert texts(journal)[-1] == "Cancelled"
