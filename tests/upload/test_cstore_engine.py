"""Uploads by DICOM with a login: sent, found, moved where needed, and proved."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support import Practice
from upload.conftest import PlanFor
from upload.dicom_sends import by_dicom, peer_of
from upload.runs import explained, run
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, SessionState, UploadState
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
