"""The upload step, against a real practice server and the real worker process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pydicom
import pytest
from textual.pilot import Pilot
from textual.widgets import Static
from textual.widgets._footer import FooterKey

from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text
from wizard.stage import folders_of, logged_in, on_stage, planned
from xnat_wizard.dicom.survey import survey
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload import logout, worker
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import (
    Destination,
    Fate,
    Options,
    Request,
    SessionState,
    UploadProgress,
    UploadState,
)
from xnat_wizard.upload.plan import draft
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.steps.prearchive import PrearchiveStep
from xnat_wizard.wizard.steps.upload import UploadStep
from xnat_wizard.wizard.steps.upload.words import plan_text, progress_text, trail_text, travel_text
from xnat_wizard.wizard.widgets.rate import RateMeter, RateTrail


@asynccontextmanager
async def uploading(
    practice: Practice, study: Path, destination: Destination
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    """Run the wizard from the upload step on; no worker stays behind."""
    async with logged_in(practice) as choices:
        ready = await planned(choices, study, destination)
        async with on_stage(ready, UploadStep, PrearchiveStep, ArchiveStep) as (app, pilot):
            yield app, pilot


def journal_of(own_home: Path) -> Path:
    (path,) = (own_home / "state" / "uploads").glob("*/journal.sqlite")
    return path


@pytest.fixture
def long_study(study_folder: Path, practice: Practice) -> Path:
    """Give a study that is not sent in a moment: one series of 450 copies, on a slow line."""
    practice.server.faults.add(Fault(Kind.BANDWIDTH, rate=4_000_000, only="import", side="request"))
    series = sorted(path for path in folders_of(study_folder)[0].iterdir() if path.is_dir())[1]
    image = next(path for path in sorted(series.iterdir()) if path.is_file())
    data = image.read_bytes()
    uid = str(pydicom.dcmread(image, specific_tags=["SOPInstanceUID"]).SOPInstanceUID).encode()
    for number in range(450):
        (series / f"copy{number:05}").write_bytes(data.replace(uid, uid[:-5] + f"{number:05}".encode()))
    return study_folder


SIZES = [(80, 24), (60, 20)]


@pytest.mark.parametrize("size", SIZES)
async def test_golden_before_the_start(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        ready = replace(ready, plan=replace(ready.plan, source=Path("/data/study")))  # of the same length everywhere
        async with on_stage(ready, UploadStep, size=size) as (app, pilot):
            hide = {f":{practice.server.port}": ":12345"}
            await check_golden(app, pilot, f"upload-before-{size[0]}x{size[1]}", hide)
            await pilot.press("v")
            await until_text(app, pilot, "How fast may this upload be?")
            await check_golden(app, pilot, f"upload-speed-{size[0]}x{size[1]}", hide)


@asynccontextmanager
async def halfway(practice: Practice, study: Path, own_home: Path) -> AsyncIterator[tuple[Choices, Journal]]:
    """Give an upload as it looks in mid-way: one session sent, another on its way, and a process that has its lock."""
    async with logged_in(practice) as choices:
        ready = await planned(choices, study)
        assert ready.plan
        with Journal.create(own_home / "state" / "uploads" / "halfway", ready.plan) as journal:
            records = journal.records
            records.move_upload(UploadState.RUNNING, now_s=1.0)
            first, second = records.sessions()
            for session in (first, second):
                records.move_session(session.id, SessionState.SENDING)
                records.set_uri(
                    session.id, f"/data/prearchive/projects/DEMO/20260101_120000000/{session.session_label}"
                )
            for part in records.parts(first.id):
                records.record_fates(part.id, Fate.SENT, [file.id for file in records.files_of_part(part.id)])
            records.note_bytes(records.parts(second.id)[0].id, 50_000)
            records.move_session(first.id, SessionState.BUILDING)
            records.note_connections(4)
            records.add_event("Person_01_MR1: all files are sent; the site builds the session", now_s=1_767_268_800.0)
            yield ready, journal


def stable(practice: Practice, own_home: Path) -> dict[str, str]:
    """Return what differs from run to run, and what stands in its place."""
    moment = datetime.fromtimestamp(1_767_268_800.0).astimezone()
    return {
        f":{practice.server.port}": ":12345",
        str(own_home): "/home",
        f"{moment:%H:%M:%S}": "12:00:00",
    }


@pytest.mark.parametrize("size", SIZES)
async def test_golden_in_mid_upload(
    practice: Practice, study_folder: Path, own_home: Path, size: tuple[int, int]
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        with UploadLock(journal.path):
            async with on_stage(choices, UploadStep, size=size) as (app, pilot):
                await until_text(app, pilot, "4 connections, no retries")
                await check_golden(app, pilot, f"upload-running-{size[0]}x{size[1]}", stable(practice, own_home))


@pytest.mark.parametrize("size", SIZES)
async def test_golden_while_it_waits_for_the_site(
    practice: Practice, study_folder: Path, own_home: Path, size: tuple[int, int]
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        journal.records.note_trouble("No connection to the site")
        with UploadLock(journal.path):
            async with on_stage(choices, UploadStep, size=size) as (app, pilot):
                await until_text(app, pilot, "The upload waits for the site")
                await check_golden(app, pilot, f"upload-waits-{size[0]}x{size[1]}", stable(practice, own_home))


@pytest.mark.parametrize("size", SIZES)
async def test_golden_after_a_cancel(
    practice: Practice, study_folder: Path, own_home: Path, size: tuple[int, int]
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        for session in journal.records.sessions():
            journal.records.move_session(session.id, SessionState.CANCELLED)
        journal.records.add_event("Cancelled", now_s=1_767_268_800.0)
        journal.records.move_upload(UploadState.CANCELLED, now_s=66.0)
        shown = replace(choices, journal_path=journal.path)
        async with on_stage(shown, UploadStep, size=size) as (app, pilot):
            await until_text(app, pilot, "The upload was cancelled")
            assert app.step
            app.step.tell("Kept in /home/anna/uploads/1")  # of the same length everywhere
            await check_golden(app, pilot, f"upload-cancelled-{size[0]}x{size[1]}", stable(practice, own_home))


async def test_an_upload_without_a_process_is_cancelled_all_the_same(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, _), on_stage(choices, UploadStep) as (app, pilot):
        await until_text(app, pilot, "has ended before its work was done")
        await pilot.press("c")
        await until_text(app, pilot, "Cancel the upload?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "The upload was cancelled")


async def test_an_upload_is_shown_from_its_journal_alone(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        begun_elsewhere = replace(choices, plan=None, survey=None, journal_path=journal.path)
        with UploadLock(journal.path):
            async with on_stage(begun_elsewhere, UploadStep) as (app, pilot):
                await until_text(app, pilot, "16 of 32 files sent")


async def test_the_log_grows_while_it_is_read(practice: Practice, study_folder: Path, own_home: Path) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        with UploadLock(journal.path):
            async with on_stage(choices, UploadStep) as (app, pilot):
                await until_text(app, pilot, "The upload runs.")
                for number in range(40):
                    journal.records.add_event(f"Event {number}")
                await pilot.press("l")
                await until_text(app, pilot, "Event 39")
                assert "Event 1 " not in flat_text(app), "it opens at its end"
                journal.records.add_event("Something new")
                await until_text(app, pilot, "Something new")
                await pilot.press("home")
                await until_text(app, pilot, "all files are sent")


async def test_below_another_screen_nothing_is_repainted_and_afterwards_all_is_caught_up(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        with UploadLock(journal.path):
            async with on_stage(choices, UploadStep) as (app, pilot):
                await until_text(app, pilot, "16 of 32 files sent")
                await pilot.press("l")
                await until_text(app, pilot, "What happened so far")
                second = journal.records.sessions()[1]
                for part in journal.records.parts(second.id):
                    files = [file.id for file in journal.records.files_of_part(part.id)]
                    journal.records.record_fates(part.id, Fate.SENT, files)
                journal.records.add_event("The rest is sent")
                await until_text(app, pilot, "The rest is sent")
                assert app.step
                assert "16 of 32" in str(app.step.query_one("#upload-summary", Static).content)
                await pilot.press("escape")
                await until_text(app, pilot, "32 of 32 files sent")


async def test_the_speed_is_set_before_the_start_and_shown(
    practice: Practice, long_study: Path, own_home: Path
) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        await until_text(app, pilot, "no limit, at most 8 connections")
        await pilot.press("v")
        await until_text(app, pilot, "How fast may this upload be?")
        await pilot.press(*"fast")
        await until_text(app, pilot, "is no limit for an upload")
        await pilot.press("ctrl+u", *"5M", "tab")
        await pilot.press("backspace", "delete", *"13")
        await until_text(app, pilot, "one from 1 to 12")
        await pilot.press("backspace", "backspace", "3", "enter")
        await until_text(app, pilot, "at most 5.0 MB/s, at most 3 connections")
        app.screen.query_one("#upload-start").focus()
        await pilot.press("enter")
        await until_text(app, pilot, "limit 5.0 MB/s")
        with Journal.open(journal_of(own_home)) as journal:
            assert journal.options() == Options(5_000_000, 3)
        await pilot.press("v")
        await until_text(app, pilot, "The speed is set before the start")
        await pilot.press("c")
        await until_text(app, pilot, "Cancel the upload?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "The upload was cancelled")


async def test_what_a_cancelled_upload_left_is_counted_and_deleted(
    practice: Practice, long_study: Path, own_home: Path
) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        step = app.step
        assert isinstance(step, UploadStep)
        step.options = Options(300_000, 1)
        await pilot.press("enter")
        await until_text(app, pilot, "The upload runs.")
        with Journal.open(journal_of(own_home)) as journal:
            for _ in range(400):
                if journal.progress().files_sent:
                    break
                await asyncio.sleep(0.05)
        await pilot.press("c")
        await until_text(app, pilot, "Cancel the upload?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "The upload was cancelled")
        await until_text(app, pilot, "d Delete what was sent")
        before = await step.site.prearchive("DEMO")
        assert before
        await pilot.press("d")
        await until_text(app, pilot, "from the prearchive?")
        assert "files were sent" in flat_text(app)
        await pilot.press("escape", "d")
        await until_text(app, pilot, "from the prearchive?")
        await pilot.press(*(("2", "enter") if len(before) == 2 else ("tab", "enter")))
        await until_text(app, pilot, "deleted from the prearchive.")
        assert await step.site.prearchive("DEMO") == ()


async def test_leaving_it_running_goes_home_and_finding_it_goes_to_troubleshooting(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        answers: list[Answer | None] = []
        app = WizardApp(choices, (UploadStep,))
        with UploadLock(journal.path):
            async with app.run_test() as pilot:
                await app.push_screen(UploadStep(choices, frozenset({Move.TROUBLESHOOT})), answers.append)
                await until_text(app, pilot, "Leave running")
                assert "Find out" not in screen_text(app)
                app.screen.query_one("#upload-detach").focus()
                await pilot.press("enter")
                journal.records.move_upload(UploadState.FAILED)
                await app.push_screen(UploadStep(choices, frozenset({Move.TROUBLESHOOT})), answers.append)
                await until_text(app, pilot, "Find out where it went")
                app.screen.query_one("#upload-find").focus()
                await pilot.press("enter")
                await pilot.pause()
                app.choices = replace(app.choices, site=None)
        assert [answer.move for answer in answers if answer] == [Move.HOME, Move.TROUBLESHOOT]


async def test_without_a_way_to_troubleshooting_there_is_no_button_for_it(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with halfway(practice, study_folder, own_home) as (choices, journal):
        journal.records.move_upload(UploadState.FAILED)
        async with on_stage(choices, UploadStep) as (app, pilot):
            await until_text(app, pilot, "The upload could not go on.")
            assert "Find out" not in screen_text(app)


async def test_nothing_is_sent_before_start_is_pressed(practice: Practice, study_folder: Path, own_home: Path) -> None:
    async with uploading(practice, study_folder, Destination.PREARCHIVE) as (app, pilot):
        await until_text(app, pilot, "2 sessions, 32 files")
        assert "to the prearchive of project DEMO" in flat_text(app)
        assert "goes on if this terminal closes" in flat_text(app)
        assert not list((own_home / "state").rglob("*.sqlite"))


async def test_upload_to_the_prearchive_and_on(practice: Practice, study_folder: Path, own_home: Path) -> None:
    async with uploading(practice, study_folder, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file was found on the site.")
        folder = journal_of(own_home).parent
        assert "ok: all is there" in screen_text(app)
        assert "32 of 32 files sent, 32 found on the site" in flat_text(app)
        await pilot.press("r")
        await until_text(app, pilot, "Receipt: COMPLETE")
        assert (folder / "receipt.txt").is_file()
        await pilot.press("escape", "l")
        await until_text(app, pilot, "Every file is where it belongs")
        await pilot.press("escape", "enter")  # the focus is on Next
        await until_text(app, pilot, "[6 Prearchive]")
        await until_text(app, pilot, "ready to archive")


async def test_upload_to_the_archive_and_on(practice: Practice, study_folder: Path) -> None:
    async with uploading(practice, study_folder, Destination.ARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file was found on the site.")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Nothing waits in the prearchive of DEMO.")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Person_01_MR1 is in the archive of DEMO: 5 scans, 16 files")
        await until_text(app, pilot, "Receipt of this upload: COMPLETE, 32 of 32 files found")
        await pilot.press("r")
        await until_text(app, pilot, "Receipt: COMPLETE")
        assert "receipt.txt in" in flat_text(app)
        await pilot.press("end")
        await until_text(app, pilot, "Verdict: COMPLETE")


async def test_coming_back_shows_the_upload_again(practice: Practice, study_folder: Path) -> None:
    async with uploading(practice, study_folder, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file was found on the site.")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "[6 Prearchive]")
        await pilot.press("escape")
        await until_text(app, pilot, "Done: every file was found on the site.")


async def test_another_plan_gets_another_upload(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        async with on_stage(ready, PlanStep, UploadStep) as (app, pilot):
            await until_text(app, pilot, "new")
            await pilot.press("down", "space", "ctrl+n")
            await until_text(app, pilot, "1 session, 16 files")
            await pilot.press("enter")
            await until_text(app, pilot, "Done: every file was found on the site.")
            await pilot.press("escape")
            await until_text(app, pilot, "[4 Plan]")
            await pilot.press("down", "space")
            await until_text(app, pilot, "2 of 2 sessions")
            await pilot.press("ctrl+n")
            await until_text(app, pilot, "Ready. Press Start")


async def test_pause_and_go_on(practice: Practice, long_study: Path) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "The upload runs.")
        await pilot.press("p")
        await until_text(app, pilot, "The upload is paused.")
        assert "p Go on" in screen_text(app)
        await pilot.press("c")
        await until_text(app, pilot, "Cancel the upload?")
        assert "They stay on the site" in flat_text(app)
        await pilot.press("enter")  # the default changes nothing
        await until_text(app, pilot, "The upload is paused.")
        await pilot.press("p")
        await until_text(app, pilot, "Done: every file was found on the site.")


async def test_cancel_and_start_again(practice: Practice, long_study: Path) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "The upload runs.")
        await pilot.press("p")
        await until_text(app, pilot, "The upload is paused.")
        await pilot.press("c", "tab", "enter")
        await until_text(app, pilot, "The upload was cancelled.")
        assert "cancelled" in screen_text(app)
        app.screen.query_one("#upload-again").focus()
        await pilot.press("enter")
        await until_text(app, pilot, "Ready. Press Start")
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file was found on the site.")


async def test_quitting_says_that_the_upload_goes_on(practice: Practice, long_study: Path, own_home: Path) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "The upload runs.")
        assert app.step
        assert "goes on by itself" in app.step.parting_words()
    path = journal_of(own_home)
    assert worker.is_running(path), "the wizard is gone, the worker is not"
    with Journal.open(path) as journal:
        journal.request(Request.CANCEL)
        async with asyncio.timeout(20):
            while not journal.progress().state.is_final:
                journal.changed()
                await asyncio.sleep(0.05)


async def test_server_gone_in_mid_upload_is_said_and_the_upload_goes_on(
    practice: Practice, long_study: Path, own_home: Path
) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "The upload runs.")
        practice.stop()
        await until_text(app, pilot, "Trying again in")  # the wait and its reason, in words
        await until_text(app, pilot, "The upload waits for the site")
        assert "The upload runs." not in flat_text(app)
        practice.start()
        await until_text(app, pilot, "Done: every file was found on the site.")


async def test_a_wait_for_the_site_is_the_headline_until_it_is_over(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        with (
            Journal.create(own_home / "state" / "uploads" / "waiting", ready.plan) as journal,
            UploadLock(journal.path),
        ):
            journal.records.move_upload(UploadState.RUNNING, now_s=1.0)
            journal.records.add_event("No connection to x. Trying again in 37 s")
            journal.records.note_trouble("No connection to x")
            async with on_stage(ready, UploadStep) as (app, pilot):
                await until_text(app, pilot, "The upload waits for the site")
                assert "Trying again in 37 s" in flat_text(app)
                assert "No connection in use, 1 retry: No connection to x" in flat_text(app)
                journal.records.note_trouble("")
                journal.records.add_event("Connected again")
                await until_text(app, pilot, "Connected again")
                assert "The upload runs." in flat_text(app)
                assert "Trying again in 37 s" not in flat_text(app)


async def test_while_it_runs_the_prearchive_lets_its_sessions_alone(practice: Practice, long_study: Path) -> None:
    async with uploading(practice, long_study, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "The upload runs.")
        await until_text(app, pilot, "sending")
        await pilot.press("p")
        await until_text(app, pilot, "The upload is paused.")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "being uploaded")
        assert not app.screen.query_one("#prearchive-build").display
        assert "goes on by itself" in app.step.parting_words() if app.step else False
        await pilot.press("escape", "p")
        await until_text(app, pilot, "Done: every file was found on the site.")


async def test_a_worker_that_was_killed_is_noticed_and_resumed(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        folder = own_home / "state" / "uploads" / "killed"
        with Journal.create(folder, ready.plan) as journal:
            journal.records.move_upload(UploadState.RUNNING, now_s=1.0)
            path = journal.path
        assert path.is_file()
        async with on_stage(ready, UploadStep) as (app, pilot):  # as after a new start of the wizard
            await until_text(app, pilot, "has ended before its work was done")
            app.screen.query_one("#upload-resume").focus()
            await pilot.press("enter")
            await until_text(app, pilot, "Done: every file was found on the site.")


async def test_a_failed_upload_explains_itself(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        for path in [path for path in study_folder.rglob("*") if path.is_file()]:
            path.unlink()
        async with on_stage(ready, UploadStep) as (app, pilot):
            await pilot.press("enter")
            await until_text(app, pilot, "The upload ended, and something is missing")
            assert "Resume" in screen_text(app)
            app.screen.query_one("#upload-sessions").focus()
            await pilot.press("enter")
            await until_text(app, pilot, "What happened")
            assert "What to do" in flat_text(app)


async def test_start_that_fails_says_why(practice: Practice, study_folder: Path, own_home: Path) -> None:
    (own_home / "state").mkdir(exist_ok=True)
    (own_home / "state" / "uploads").write_text("in the way")
    async with uploading(practice, study_folder, Destination.PREARCHIVE) as (app, pilot):
        await pilot.press("enter")
        await until_text(app, pilot, "The folder for journals")
        await pilot.press("escape")
        await until_text(app, pilot, "[ Start ]")


async def test_a_machine_that_ends_uploads_at_the_log_out_is_named_before_the_start(
    practice: Practice, study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc/systemd").mkdir(parents=True)
    (tmp_path / "etc/systemd/logind.conf").write_text("[Login]\nKillUserProcesses=yes\n")
    monkeypatch.setattr(logout, "risk", partial(logout.risk, root=tmp_path, username="anna", has_scopes=lambda: False))
    async with uploading(practice, study_folder, Destination.PREARCHIVE) as (app, pilot):
        await until_text(app, pilot, "This machine ends the upload when you log out")
        assert "loginctl enable-linger" in flat_text(app)


async def test_footer_fits_in_80_columns(practice: Practice, study_folder: Path) -> None:
    async with uploading(practice, study_folder, Destination.PREARCHIVE) as (app, _):
        keys = [key for key in app.screen.query(FooterKey) if key.display]
        assert len(keys) <= 7, "six and the palette"
        assert max(key.region.right for key in keys) <= 80


def test_rate_is_taken_over_some_seconds_and_starts_anew_when_numbers_go_back() -> None:
    meter = RateMeter(window_s=4)
    assert meter.left_s(100) is None
    for second in range(10):
        meter.see(second, second * 10)
    assert meter.rate_per_s == pytest.approx(10)
    assert meter.left_s(190) == pytest.approx(10)
    meter.see(10, 50)
    assert meter.rate_per_s == 0


def test_a_running_upload_says_how_it_travels_and_what_it_waits_for() -> None:
    progress = UploadProgress(UploadState.RUNNING, "DEMO", Destination.ARCHIVE, (), 1.0, None, None, connections=4)
    assert progress_text(progress, is_alive=True).endswith("\n4 connections, no retries")
    waiting = replace(progress, connections=1, retries=1, trouble="The site\x1b does not answer")
    assert travel_text(waiting) == "1 connection, 1 retry: The site\ufffd does not answer"
    assert travel_text(replace(progress, connections=0)) == "No connection in use, no retries"
    assert "connection" not in progress_text(waiting, is_alive=False), "what a killed worker left is not true any more"
    ended = replace(waiting, state=UploadState.DONE, ended_s=66.0)
    assert progress_text(ended, is_alive=True).endswith("found on the site, 1:05")


def test_the_trail_of_the_rate_is_read_without_colour() -> None:
    trail = RateTrail(period_s=2, most=4)
    assert trail.is_empty
    for second, amount in enumerate((0, 0, 100, 100, 100, 150, 300, 300, 320, 300, 700)):
        trail.see(float(second), amount)
    assert trail.line(10) == " \u2584\u2581\u2588", "nothing, half, a little, the most"
    assert trail.line(1) == "\u2588"
    assert trail.most_per_s == 190
    assert "top 190 B/s, last 0:08" in trail_text(trail, 60)
    trail.see(12.0, 600)
    assert trail.line(1) == " ", "what is sent again is no progress"


def test_a_pause_leaves_no_gap_in_the_trail() -> None:
    trail = RateTrail(period_s=1)
    trail.see(0, 0)
    trail.see(1, 10)
    trail.pause()
    trail.see(100, 10)
    trail.see(101, 20)
    assert trail.line(10) == "\u2588\u2588"


def test_the_linux_console_gets_signs_that_its_fonts_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    trail = RateTrail(period_s=1)
    for second, amount in enumerate((0, 10, 30)):
        trail.see(float(second), amount)
    assert trail.line(10).isascii()


def test_before_the_start_it_is_said_that_names_are_taken_out(study_folder: Path) -> None:
    plan = draft(survey(study_folder), site_url="http://x", project="DEMO", destination=Destination.PREARCHIVE)
    assert "de-identified" not in plan_text(plan, plan.site_url, None, Options())
    hidden = replace(plan, deidentification=Deidentification())
    assert "by     Import, many files a request, de-identified here\n" in plan_text(
        hidden, plan.site_url, None, Options()
    )
