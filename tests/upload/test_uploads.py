"""Which upload that was left is the same as a plan."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from xnat_wizard.findings import Problem
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, SessionState, UploadState

PlanFor = Callable[..., Plan]


def test_an_upload_that_was_left_is_found_by_its_plan(study_folder: Path, plan_for: PlanFor) -> None:
    path = uploads.begin(plan_for(study_folder))
    assert uploads.unfinished(plan_for(study_folder)) == path


def test_an_upload_of_files_that_changed_since_is_another_one(study_folder: Path, plan_for: PlanFor) -> None:
    uploads.begin(plan_for(study_folder))
    file = next(path for path in sorted(study_folder.rglob("*")) if path.is_file())
    os.utime(file, ns=(1, 1))  # mended, with as many bytes
    assert uploads.unfinished(plan_for(study_folder)) is None


def test_an_upload_cancelled_without_its_site_has_a_receipt_that_proves_nothing(
    study_folder: Path, plan_for: PlanFor
) -> None:
    path = uploads.begin(plan_for(study_folder))
    uploads.cancel(path)
    with Journal.open(path) as journal:
        now, made = journal.progress(), journal.receipt()
    assert now.state is UploadState.CANCELLED
    assert {session.state for session in now.sessions} == {SessionState.CANCELLED}
    assert made is not None
    assert (made.verdict, made.username) == ("NOT PROVEN", "")
    assert "it was not asked" in made.not_proven[0]
    assert sum(line.files_local for line in made.lines) == now.files_total
    assert {line.files_stored for line in made.lines} == {0}
    text = (path.parent / "receipt.txt").read_text()
    assert "Not proven: what the site has" in text
    assert (path.parent / "receipt.json").is_file()


def test_a_cancel_stays_one_when_its_receipt_cannot_be_written(study_folder: Path, plan_for: PlanFor) -> None:
    path = uploads.begin(plan_for(study_folder))
    (path.parent / "receipt.json.new").mkdir()
    uploads.cancel(path)
    with Journal.open(path) as journal:
        assert journal.progress().state is UploadState.CANCELLED
        assert journal.receipt() is not None
        assert "could not be written" in journal.events()[-1].text


def test_uploads_that_begin_in_the_same_second_get_folders_of_their_own(study_folder: Path, plan_for: PlanFor) -> None:
    plan = plan_for(study_folder)
    paths = [uploads.begin(plan, name_end="-x") for _ in range(4)]
    assert len({path.parent for path in paths}) == 4
    assert set(uploads.journals()) == set(paths)
    assert uploads.find(paths[1].parent.name) == paths[1]
    assert uploads.find() == uploads.journals()[0]


def test_a_folder_of_uploads_that_cannot_be_read_hides_no_error_of_its_own(
    study_folder: Path, plan_for: PlanFor, own_home: Path
) -> None:
    plan = plan_for(study_folder)
    uploads.begin(plan)
    (own_home / "state").rename(own_home / "gone")
    (own_home / "state").write_bytes(b"in its place")
    assert uploads.unfinished(plan) is None
    assert uploads.newest_unfinished(plan.site_url) is None
    with pytest.raises(Problem):
        uploads.find()
