"""Uploads by DICOM with a login: sent, found, moved where needed, and proved."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from practice.sending import rows
from support import Practice
from upload.clocks import short_sleep
from upload.conftest import PlanFor
from upload.dicom_sends import as_admin, by_dicom, peer_of
from upload.runs import explained, run, texts
from xnat_wizard.practice.sample import write_study
from xnat_wizard.practice.seed import add_account
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload.cstore import alone
from xnat_wizard.upload.cstore.peer import Scheme
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, SessionState, UploadState
from xnat_wizard.xnat.site import Site

NewJournal = Callable[..., Journal]


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """Give a study of four subjects."""
    return write_study(tmp_path / "four", subjects=4, slices=3)


@pytest.mark.parametrize("destination", Destination)
async def test_four_subjects_are_sent_and_proved(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, four: Path, destination: Destination
) -> None:
    journal = by_dicom(new_journal(plan_for(four, destination)), peer_of(practice))
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    progress, receipt = journal.progress(), journal.receipt()
    assert len(progress.sessions) >= 4
    assert {one.state for one in progress.sessions} == {SessionState.DONE}
    assert receipt is not None
    assert receipt.verdict == "COMPLETE"
    assert {line.proof for line in receipt.lines} == {"file-name token"}
    assert any("identification was written into their headers" in gap for gap in receipt.not_proven)
    assert journal.dicom_statuses() == {0: progress.files_total}
    assert all(f"/{destination}" in one.uri or destination is Destination.ARCHIVE for one in progress.sessions)


@pytest.mark.parametrize("scheme", Scheme)
async def test_every_way_to_identify_reaches_the_place_of_the_plan(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path, scheme: Scheme
) -> None:
    plan = plan_for(study_folder, Destination.PREARCHIVE)
    journal = by_dicom(new_journal(plan), peer_of(practice, scheme))
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    there = {(row.project, row.subject, row.name) for row in rows(practice)}
    assert there == {("DEMO", one.subject_label, one.session_label) for one in plan.sessions}


async def test_what_went_to_unassigned_is_found_and_moved(
    practice: Practice, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    stranger(practice)
    journal = by_dicom(new_journal(plan_for(study_folder)), peer_of(practice))
    async with await as_admin(practice) as site:
        assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert sum("the server found no project for it" in text for text in texts(journal)) == 2
    assert {one.uri.split("/")[2] for one in journal.progress().sessions} == {"experiments"}
    assert rows(practice) == []


async def test_an_account_that_does_not_see_unassigned_data_says_so_and_sends_nothing_twice(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    stranger(practice)
    journal = by_dicom(new_journal(plan_for(study_folder)), peer_of(practice))
    for _ in range(2):
        assert await run(journal, site) is UploadState.INCOMPLETE
        (code,) = {one.finding.code for one in journal.progress().sessions if one.finding}
        assert code == "cstore.not_found"
    assert [row.project for row in rows(practice)] == ["Unassigned", "Unassigned"]
    async with await as_admin(practice) as admin:
        assert await run(journal, admin) is UploadState.DONE, explained(journal)
    assert journal.dicom_statuses() == {0: journal.progress().files_total}


async def test_a_wrong_project_is_found_by_the_right_plan_and_moved_without_sending_again(
    practice: Practice, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    plan = plan_for(study_folder, Destination.PREARCHIVE)
    wrong = by_dicom(new_journal(replace(plan, project="DEMOO")), peer_of(practice))
    assert await alone.run(wrong, sleep=short_sleep) is UploadState.INCOMPLETE
    assert len(rows(practice)) == 2
    right = by_dicom(new_journal(plan), peer_of(practice))
    async with await as_admin(practice) as site:
        assert await run(right, site) is UploadState.DONE, explained(right)
    assert {row.project for row in rows(practice)} == {"DEMO"}
    assert right.dicom_statuses() == {None: right.progress().files_total}  # nothing was sent again


async def test_without_a_login_it_is_sent_and_not_proved_until_somebody_logs_in(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = by_dicom(new_journal(plan_for(study_folder)), peer_of(practice))
    assert await alone.run(journal, sleep=short_sleep) is UploadState.INCOMPLETE
    receipt = journal.receipt()
    assert receipt is not None
    assert receipt.verdict == "NOT PROVEN"
    assert receipt.not_proven[0].startswith("what the site has: there was no login")
    assert {fate for _, fate, _ in journal.fates()} == {Fate.SENT}
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    proved = journal.receipt()
    assert proved is not None
    assert proved.verdict == "COMPLETE"
    again = await receipts.verify(journal, site)
    assert again.verdict == "COMPLETE"


async def test_a_project_that_archives_by_itself_is_no_trouble(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    journal = by_dicom(new_journal(plan_for(study_folder)), peer_of(practice))
    assert await run(journal, site) is UploadState.DONE, explained(journal)


def stranger(practice: Practice) -> None:
    """Let what arrives be filed by an account that may not use the project."""
    services = practice.server.services
    assert services is not None
    practice.on_loop(lambda _: add_account(services, "stranger", "stranger"))
    practice.on_loop(lambda store: store.state.preferences.update(receivedFileUser="stranger"))


async def test_a_run_that_was_stopped_goes_on_with_what_is_missing(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = by_dicom(new_journal(plan_for(study_folder)), peer_of(practice))
    work = asyncio.create_task(run(journal, site))
    while not work.done() and not any(fate is Fate.SENT for _, fate, _ in journal.fates()):
        await short_sleep(0.001)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert journal.progress().state is UploadState.FAILED
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert not any("did not arrive" in text for text in texts(journal))


async def test_what_was_acknowledged_before_a_kill_is_not_sent_again(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = by_dicom(new_journal(plan_for(study_folder)), peer_of(practice))
    await alone.run(journal, sleep=short_sleep)  # everything is there, and nobody has noted where
    first = journal.records.sessions()[0]
    part = journal.records.parts(first.id)[0]
    (unknown, *_) = journal.records.files_of_part(part.id)
    journal.records.record_fates(part.id, Fate.NOT_SENT, [unknown.id])  # as after a kill before the answer was noted
    before = {row.name: row.lastmod for row in rows(practice)}
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert before.keys() == {one.session_label for one in journal.progress().sessions}


async def test_an_archive_file_is_sent_like_a_folder(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path, tmp_path: Path
) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", study_folder))
    journal = by_dicom(new_journal(plan_for(packed, Destination.PREARCHIVE)), peer_of(practice))
    assert await run(journal, site) is UploadState.DONE, explained(journal)
