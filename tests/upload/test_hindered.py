"""A receipt that cannot be written, and a login that fails: what is told of an upload stays true."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from upload.processes import wait_for_end
from upload.runs import run, texts
from xnat_wizard.settings import Secret
from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, Request, SessionState, UploadState
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_an_upload_whose_receipt_cannot_be_written_ends_as_it_is(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal, *, is_cancelled: bool
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        (journal.path.parent / "receipt.json.new").mkdir()
        if is_cancelled:
            journal.request(Request.CANCEL)
        assert await run(journal, site) is (UploadState.CANCELLED if is_cancelled else UploadState.DONE)
        made = journal.receipt()
        assert made is not None
        assert is_cancelled or made.verdict == "COMPLETE"
        assert "could not be written" in "".join(texts(journal))


async def test_a_resumed_upload_that_was_incomplete_says_why_it_did_not_begin(
    site: Site, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder)
    gone = study_folder / plan.included[0].series[0].instances[0].path
    gone.unlink()
    with new_journal(plan) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE
        journal.records.note_trouble("The site is not available")
        worker.start(journal.path, replace(login, password=Secret("wrong")))
        assert wait_for_end(journal) is UploadState.FAILED
        now = journal.progress()
        assert now.finding is not None
        assert (now.finding.code, now.trouble) == ("login.refused", "")
        assert {one.state for one in now.sessions} == {SessionState.DONE, SessionState.INCOMPLETE}
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.INCOMPLETE
