"""Home, against a real practice server: the ways, the uploads, what waits in the prearchive."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from support import Practice
from wizard.screens import check_golden, flat_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, planned, send
from xnat_wizard import settings
from xnat_wizard.findings import Finding
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Destination, Plan, SessionProgress, SessionState, UploadProgress, UploadState
from xnat_wizard.upload.plan import edit
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices, Move
from xnat_wizard.wizard.journey import STEPS, open_ways
from xnat_wizard.wizard.steps.home import HomeStep
from xnat_wizard.wizard.steps.home import step as home
from xnat_wizard.wizard.steps.home.uploads import Kept, Ledger, row, shown, state_words, when_text
from xnat_wizard.wizard.steps.home.waiting import waiting_words
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.model import PrearchiveSession

LONG_AGO_S = datetime(2026, 1, 2, 12, 0, tzinfo=UTC).timestamp()
EVERY_WAY = frozenset({Move.NEXT, Move.PREARCHIVE, Move.ARCHIVE, Move.TROUBLESHOOT, Move.RESULTS, Move.CONVERT})


@asynccontextmanager
async def at_home(
    choices: Choices, size: tuple[int, int] = (80, 24), ways: frozenset[Move] = EVERY_WAY
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    app = WizardApp(choices, (lambda given: HomeStep(given, ways),))
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "uploads", "waiting")
        await pilot.pause()
        try:
            yield app, pilot
        finally:
            app.choices = replace(app.choices, site=None)


def keep(plan: Plan, name: str, *states: UploadState, began_s: float = LONG_AGO_S) -> Path:
    """Leave the journal of an upload that went through these states."""
    with Journal.create(settings.uploads_dir() / name, plan) as journal:
        for state in states:
            journal.records.move_upload(state, now_s=began_s)
        return journal.path


async def test_the_first_use_says_what_to_do(practice: Practice) -> None:
    async with logged_in(practice) as choices, at_home(choices) as (app, _):
        text = flat_text(app)
        assert "[Home]" in text
        assert "None yet. Enter on Upload images begins one." in text
        assert "Nothing waits in the prearchive of your projects." in text
        assert app.focused is app.screen.query_one("#ways")


async def test_a_way_without_its_step_is_left_out(practice: Practice) -> None:
    ways = EVERY_WAY - {Move.TROUBLESHOOT}
    async with logged_in(practice) as choices, at_home(choices, ways=ways) as (app, _):
        assert "Troubleshoot" not in flat_text(app)
    assert (Move.TROUBLESHOOT in open_ways()) is ("troubleshoot" in STEPS)


async def test_uploads_are_told_in_words_the_open_ones_first(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study_folder)).plan
        assert plan
        keep(plan, "20260103-DEMO", UploadState.RUNNING, UploadState.CANCELLED)
        keep(plan, "20260102-DEMO", UploadState.RUNNING)
        async with at_home(choices) as (app, pilot):
            listed = app.screen.query_one("#uploads", Rows).rows
            assert [one.cells[2] for one in listed] == [
                "broke off at 0 of 32 files. Enter goes on",
                "cancelled: 0 of 32 files sent",
            ]
            keep(plan, "20260104-DEMO", UploadState.RUNNING, UploadState.FAILED)
            await pilot.press("f5")
            await workers_done(app, "uploads")
            await until_text(app, pilot, "stopped at 0 of 32 files. Enter goes on")


async def test_a_running_upload_is_told_and_words_are_left_at_parting(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study_folder)).plan
        assert plan
        with UploadLock(keep(plan, "20260102-DEMO", UploadState.RUNNING)):  # as its worker holds it
            async with at_home(choices) as (app, _):
                assert "runs: 0 of 32 files sent, 0 %" in flat_text(app)
                step = app.screen
                assert isinstance(step, HomeStep)
                assert "The upload goes on by itself" in step.parting_words()


async def test_an_upload_to_another_site_is_told_and_not_opened(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study_folder)).plan
        assert plan
        keep(replace(plan, site_url="https://[b].example.org"), "20260102-DEMO", UploadState.RUNNING)
        async with at_home(choices) as (app, pilot):
            assert "at [b].example.org, broke off" in flat_text(app)
            await pilot.press("tab", "enter")
            await until_text(app, pilot, "This upload goes to https://[b].example.org. Log in there to see it.")


async def test_a_journal_that_cannot_be_read_hides_no_other(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study_folder)).plan
        assert plan
        keep(plan, "20260102-DEMO", UploadState.RUNNING)
        broken = settings.uploads_dir() / "20260103-DEMO" / "journal.sqlite"
        broken.parent.mkdir()
        broken.write_bytes(b"no database at all")
        async with at_home(choices) as (app, _):
            assert len(app.screen.query_one("#uploads", Rows).rows) == 1


async def test_an_upload_whose_project_is_gone_is_explained_and_home_stays(
    practice: Practice, study_folder: Path
) -> None:
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study_folder)).plan
    assert plan
    keep(replace(plan, project="GONE"), "20260102-GONE", UploadState.RUNNING)
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "answers")
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "broke off")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "project.not_found")
        await pilot.press("escape")
        await until_text(app, pilot, "What would you like to do?")


async def test_what_waits_in_the_prearchive_is_counted(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        first, second = folders_of(study_folder)[:2]
        assert choices.site
        await choices.site.build(await send(choices, first, "S1", "S1_MR1"))
        async with at_home(choices) as (app, pilot):
            await until_text(app, pilot, "1 session in the prearchive of 1 project: 1 ready to archive.")
            await choices.site.build(await send(choices, second, "S2", "S2_MR1"))
            await pilot.press("f5")
            await workers_done(app, "waiting")
            await until_text(app, pilot, "2 sessions in the prearchive of 1 project: 2 ready to archive.")


async def test_a_site_that_is_away_leaves_the_rest_usable(practice: Practice) -> None:
    async with logged_in(practice) as choices, at_home(choices) as (app, pilot):
        practice.stop()
        await pilot.press("f5")
        await workers_done(app, "waiting")
        await until_text(app, pilot, "The prearchive could not be read: No connection to 127.0.0.1. F5 asks again.")
        practice.start()
        await pilot.press("f5")
        await workers_done(app, "waiting")
        await until_text(app, pilot, "Nothing waits")


async def test_a_slow_site_is_said_to_be_slow(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "SLOW_AFTER_S", 0.01)
    async with logged_in(practice) as choices, at_home(choices) as (app, pilot):
        practice.server.faults.add(Fault(Kind.LATENCY, seconds=60, only="prearchive"))
        await pilot.press("f5")
        await until_text(app, pilot, "You can go on meanwhile.")
        practice.server.faults.replace(())
        await pilot.press("f5")
        await until_text(app, pilot, "Nothing waits")


async def test_back_asks_only_when_a_changed_plan_would_be_lost(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        as_drafted = await planned(choices, study_folder)
        async with at_home(as_drafted) as (app, _):
            step = app.screen
            assert isinstance(step, HomeStep)
            assert step.would_lose() == ""
        plan = as_drafted.plan
        assert plan
        with_plan = replace(as_drafted, plan=edit(plan, plan.sessions[0].key, is_included=False))
        async with at_home(with_plan) as (app, pilot):
            await pilot.press("escape")
            await until_text(app, pilot, "The plan for DEMO was not uploaded")
            await pilot.press("escape")
            await until_text(app, pilot, "What would you like to do?")
        sent = replace(with_plan, journal_path=study_folder / "journal.sqlite")
        async with at_home(sent) as (app, pilot):
            step = app.screen
            assert isinstance(step, HomeStep)
            assert step.would_lose() == ""


async def test_every_way_begins_at_home_and_back_leads_there_again(practice: Practice) -> None:
    app = WizardApp(Choices(address=practice.url, username="owner"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "answers")
        await pilot.press(*"owner", "enter")
        await until_text(app, pilot, "What would you like to do?")
        await pilot.press("enter")
        await until_text(app, pilot, "[2 Project]")
        await until_text(app, pilot, "Demo project")
        await pilot.press("enter")
        await until_text(app, pilot, "[3 Folder]")
        await pilot.press("escape")
        await until_text(app, pilot, "[2 Project]")
        await pilot.press("escape")
        for downs, there in ((1, "[6 Prearchive]"), (2, "[7 Archive]")):
            await until_text(app, pilot, "What would you like to do?")
            await pilot.press(*["down"] * downs, "enter")
            await until_text(app, pilot, there)
            await pilot.press("escape")
        await until_text(app, pilot, "What would you like to do?")
        app.screen.query_one("#back", Button).press()
        await until_text(app, pilot, "[1 Log in]")


def test_a_journal_that_is_over_is_read_again_when_it_goes_on(practice: Practice, study_folder: Path) -> None:
    async def a_plan() -> Plan:
        async with logged_in(practice) as choices:
            plan = (await planned(choices, study_folder)).plan
            assert plan
            return plan

    path = keep(asyncio.run(a_plan()), "20260102-DEMO", UploadState.RUNNING, UploadState.INCOMPLETE)
    ledger = Ledger()
    assert [one.progress.state for one in ledger.read()] == [UploadState.INCOMPLETE]
    first = ledger.read()[0]
    assert ledger.read()[0] is first
    with Journal.open(path) as journal:
        journal.records.move_upload(UploadState.RUNNING, now_s=time.time())
        assert ledger.read()[0].progress.state is UploadState.RUNNING


def kept(state: UploadState, *, is_running: bool = False, verdict: str = "", trouble: str = "") -> Kept:
    session = SessionProgress("k", "S", "S_1", SessionState.SENDING, 40, 12, 8, 1000, 999, "", None)
    finding = Finding("x", "The [disk] is full", "", ()) if state is UploadState.FAILED else None
    progress = UploadProgress(state, "P", Destination.ARCHIVE, (session,), LONG_AGO_S, None, finding, trouble=trouble)
    return Kept(Path("/j"), "https://x.org", progress, verdict, is_running)


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (kept(UploadState.RUNNING, is_running=True), "runs: 12 of 40 files sent, 99 %"),
        (kept(UploadState.PAUSED, is_running=True), "paused: 12 of 40 files sent"),
        (kept(UploadState.RUNNING, is_running=True, trouble="no answer"), "waits for the site: no answer"),
        (kept(UploadState.PLANNED), "not started: 40 files. Enter goes on"),
        (kept(UploadState.PAUSED), "broke off at 12 of 40 files. Enter goes on"),
        (kept(UploadState.FAILED), "stopped at 12 of 40 files: The [disk] is full. Enter goes on"),
        (kept(UploadState.DONE, verdict="COMPLETE"), "COMPLETE: 8 of 40 files stored, 1 session"),
        (kept(UploadState.INCOMPLETE, verdict="INCOMPLETE 3"), "INCOMPLETE 3: 8 of 40 files stored, 1 session"),
        (kept(UploadState.INCOMPLETE), "ended, something is missing: 8 of 40 files stored, 1 session"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_state_in_words(upload: Kept, words: str) -> None:
    assert state_words(upload)[0] == words


def test_open_uploads_are_all_shown_and_few_that_are_over() -> None:
    over = [kept(UploadState.DONE)] * 9
    here = shown([*over, kept(UploadState.RUNNING)], "https://x.org")
    assert [one.is_open for one in here] == [True] + [False] * 5
    assert len(shown([*over, kept(UploadState.RUNNING)], "https://y.org")) == 1, "what is over elsewhere is left out"
    assert row(kept(UploadState.RUNNING), "https://y.org", datetime.now(UTC)).tone == "quiet"


def test_today_is_told_by_the_clock() -> None:
    now = datetime(2026, 1, 2, 18, 0, tzinfo=UTC)
    assert when_text(LONG_AGO_S, now) == "12:00"
    assert when_text(LONG_AGO_S, now.replace(day=3)) == "2026-01-02"
    assert when_text(None, now) == ""


def test_what_waits_is_told_by_what_has_to_be_done() -> None:
    def one(status: str, project: str = "P") -> PrearchiveSession:
        return PrearchiveSession(project, "t", "f", "l", "s", "", status, "", "", "", "", "")

    sessions = [one("READY"), one("_BUILDING", "Q"), one("CONFLICT"), one("READY"), one("ERROR", "Unassigned")]
    assert waiting_words(sessions) == (
        "5 sessions in the prearchive of 2 projects: 1 in conflict with what is in the archive, 1 with an error, "
        "2 ready to archive, 1 being worked on by the site. 1 without a project."
    )


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_home_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        plan = (await planned(choices, study_folder)).plan
        assert plan
        hide = {str(practice.server.port): "12345"}
        async with at_home(choices, size) as (app, pilot):
            await check_golden(app, pilot, f"home-first-{size[0]}x{size[1]}", hide)
        keep(plan, "20260102-DEMO", UploadState.RUNNING)
        keep(plan, "20260103-DEMO", UploadState.RUNNING, UploadState.CANCELLED)
        keep(replace(plan, site_url="https://xnat.example.org"), "20260104-DEMO", UploadState.RUNNING)
        assert choices.site
        await choices.site.build(await send(choices, folders_of(study_folder)[0], "S1", "S1_MR1"))
        async with at_home(choices, size) as (app, pilot):
            await until_text(app, pilot, "1 ready to archive")
            await pilot.press("tab")
            await check_golden(app, pilot, f"home-{size[0]}x{size[1]}", hide)
