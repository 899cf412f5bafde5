"""Troubleshoot on screen: the question, the search, what can be done, and the way to send what is missing."""

from pathlib import Path

import pytest

from practice.calling import Caller
from support import Practice
from troubleshoot.stage import files_below, send_zip, write_study
from wizard.screens import check_golden, screen_text, until_text, workers_done
from wizard.stage import logged_in, on_stage
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import state_dir
from xnat_wizard.wizard.choices import Move
from xnat_wizard.wizard.journey import open_ways
from xnat_wizard.wizard.steps.troubleshoot import TroubleshootStep
from xnat_wizard.wizard.steps.troubleshoot.connection import ConnectionScreen
from xnat_wizard.wizard.steps.troubleshoot.found import FoundScreen


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study", {"t1": 4, "bold": 3}, subject="S01")


def send(practice: Practice, files: dict[str, bytes], **params: str) -> str:
    answer = send_zip(Caller(practice.url, "owner", "owner"), files, rename="true", **params)
    assert answer.status == 200, answer.text
    return answer.text.strip()


def age(store: Store) -> None:
    """Let what waits have waited for hours."""
    for row in store.state.rows:
        row.lastmod -= 9000


def test_home_leads_here() -> None:
    assert Move.TROUBLESHOOT in open_ways()
    assert Move.SEND_PLAN in open_ways()


async def test_a_search_says_where_it_is_and_does_what_it_takes(practice: Practice, study: Path) -> None:
    uri = send(practice, files_below(study), project="DEMO", subject="S01", session="S01_MR1")
    Caller(practice.url, "owner", "owner").call("POST", uri, {"action": "build"})
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep) as (app, pilot):
        await pilot.press(*str(study), "enter")
        await workers_done(app, "search")
        await pilot.pause()
        assert isinstance(app.screen, FoundScreen)
        assert "COMPLETE: All 7 objects are in the prearchive" in screen_text(app)
        await pilot.press("l")
        await until_text(app, pilot, "1 t1: 4 in prearchive")
        await pilot.press("escape")
        assert "waits in the prearchive of DEMO" in screen_text(app)
        rows = [one.cause_id for one in app.screen.report.diagnoses] if app.screen.report else []
        await pilot.press(*["down"] * rows.index("ROU-10"), "d")
        await pilot.pause()
        assert "Archive it" in screen_text(app)
        await pilot.press("enter")
        await until_text(app, pilot, "Do it")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "Done")
        assert "It is archived: S01_MR1 in DEMO" in screen_text(app)
        await pilot.press("escape")
        await workers_done(app, "search")
        await pilot.pause()
        assert "COMPLETE: All 7 objects are in the archive" in screen_text(app)


async def test_what_is_missing_becomes_a_plan(practice: Practice, study: Path) -> None:
    uri = send(
        practice,
        files_below(study, "1_t1"),
        project="DEMO",
        subject="S01",
        session="S01_MR1",
        prevent_auto_commit="true",
        SOURCE="uploader",
    )
    Caller(practice.url, "owner", "owner").call("POST", uri, {"action": "build"})
    practice.on_loop(age)
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep) as (app, pilot):
        await pilot.press(*str(study), "enter")
        await workers_done(app, "search")
        await pilot.pause()
        assert isinstance(app.screen, FoundScreen)
        assert "INCOMPLETE: 4 of 7 objects are there, 3 are not" in screen_text(app)
        assert app.screen.report
        at = [one.cause_id for one in app.screen.report.diagnoses].index("HSK-04")
        await pilot.press(*["down"] * at, "enter")
        await pilot.pause()
        assert "Send what is missing" in screen_text(app)
        await pilot.press("enter")
        await workers_done(app, "act")
        await pilot.pause()
        plan = app.choices.plan
        assert plan is not None
        (session,) = plan.sessions
        assert (session.subject_label, session.session_label, session.file_count) == ("S01", "S01_MR1", 3)


async def test_a_letter_is_written_without_the_patients_name(practice: Practice, study: Path) -> None:
    send(practice, files_below(study), project="NOSUCH", subject="S01", session="S01_MR1")
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep) as (app, pilot):
        await pilot.press(*str(study), "tab", *["backspace"] * 4, *"NOSUCH", "enter")
        await workers_done(app, "search")
        await pilot.pause()
        assert isinstance(app.screen, FoundScreen)
        assert app.screen.report
        at = [one.cause_id for one in app.screen.report.diagnoses].index("ROU-01")
        await pilot.press(*["down"] * at, "enter")
        await pilot.pause()
        await pilot.press("enter")
        await until_text(app, pilot, "Subject: XNAT")
        (letter,) = (state_dir() / "letters").iterdir()
        text = letter.read_text("ascii")
        assert letter.stat().st_mode & 0o777 == 0o600
        assert "Unassigned" in text
        assert "1.2.7" in text
        assert "Subject^One" not in text
        assert "S01" not in text


async def test_a_path_that_is_not_there_is_said_at_its_field(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep) as (app, pilot):
        await pilot.press(*"/nowhere/at/all", "enter")
        await pilot.pause()
        assert isinstance(app.screen, TroubleshootStep)
        assert "FAIL  There is no such folder or file" in screen_text(app)


async def test_back_keeps_the_folder_and_escape_leads_out(practice: Practice, study: Path) -> None:
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep) as (app, pilot):
        await pilot.press(*str(study), "enter")
        await workers_done(app, "search")
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, TroubleshootStep)
        await pilot.press("escape")
        await pilot.pause()
        assert app.choices.typed_folder == str(study)


async def test_the_connection_is_checked_line_by_line(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep) as (app, pilot):
        await pilot.click("#connection")
        await workers_done(app, "check")
        await pilot.pause()
        assert isinstance(app.screen, ConnectionScreen)
        assert {one.name for one in app.screen.checks} >= {"dns", "tcp", "xnat", "login"}
        await pilot.press("p")
        await until_text(app, pilot, "connection.txt")
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert isinstance(app.screen, TroubleshootStep)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_it_looks_as_it_did(practice: Practice, study: Path, size: tuple[int, int]) -> None:
    send(practice, files_below(study), project="NOSUCH", subject="S01", session="S01_MR1")
    hide = {f":{practice.server.port}": ":12345"}
    async with logged_in(practice) as choices, on_stage(choices, TroubleshootStep, size=size) as (app, pilot):
        await check_golden(app, pilot, f"troubleshoot-ask-{size[0]}x{size[1]}", hide)
        await pilot.press(*str(study), "tab", *["backspace"] * 4, *"NOSUCH", "enter")
        await workers_done(app, "search")
        await check_golden(app, pilot, f"troubleshoot-found-{size[0]}x{size[1]}", hide)
