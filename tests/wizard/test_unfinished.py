"""An upload that an earlier start of the wizard left behind is shown at Home and taken up from there."""

import time
from dataclasses import replace
from pathlib import Path

from support import Practice
from wizard.screens import until_text
from wizard.stage import logged_in, planned
from xnat_wizard import settings
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, UploadState
from xnat_wizard.upload.uploads import newest_unfinished
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices


async def leave_an_upload(practice: Practice, study: Path, state: UploadState) -> None:
    """Leave a journal as a worker leaves it that was killed right after it began, or that ended."""
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study, Destination.ARCHIVE)).plan
    assert plan
    with Journal.create(settings.uploads_dir() / "20260101-000000-DEMO", plan) as journal:
        journal.records.move_upload(UploadState.RUNNING, now_s=time.time())
        if state is not UploadState.RUNNING:
            journal.records.move_upload(state, now_s=time.time())


async def test_it_is_shown_taken_up_and_ends_in_the_archive(practice: Practice, study_folder: Path) -> None:
    await leave_an_upload(practice, study_folder, UploadState.RUNNING)
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "answers")
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "Enter goes on")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "Resume")
        await pilot.press("enter")  # the focus is on Resume
        await until_text(app, pilot, "Done: every file was found on the site.")
        await pilot.press("escape")
        await until_text(app, pilot, "What would you like to do?")


async def test_one_that_failed_begins_with_resume(practice: Practice, study_folder: Path) -> None:
    await leave_an_upload(practice, study_folder, UploadState.FAILED)
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "answers")
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "Enter goes on")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "Resume")
        await pilot.pause()
        assert app.focused is not None
        assert app.focused.id == "upload-resume"


async def test_only_unfinished_uploads_to_the_same_site_are_offered(practice: Practice, study_folder: Path) -> None:
    assert newest_unfinished(practice.url) is None
    await leave_an_upload(practice, study_folder, UploadState.CANCELLED)
    assert newest_unfinished(practice.url) is None
    await leave_an_upload_elsewhere(practice, study_folder)
    assert newest_unfinished(practice.url) is None


async def leave_an_upload_elsewhere(practice: Practice, study: Path) -> None:
    """Leave a running upload to another site."""
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study)).plan
    assert plan
    other = replace(plan, site_url="https://other.example.org")
    with Journal.create(settings.uploads_dir() / "20260102-000000-DEMO", other) as journal:
        journal.records.move_upload(UploadState.RUNNING, now_s=time.time())
