"""The prearchive step, against a real practice server."""

from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, send
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.steps.prearchive import PrearchiveStep
from xnat_wizard.wizard.steps.prearchive.details import Details
from xnat_wizard.wizard.steps.prearchive.words import (
    hindrances,
    is_forbidden,
    log_words,
    status_words,
    verdict_lines,
)
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession, ProjectDraft


def rows_of(app: WizardApp) -> Rows:
    return app.screen.query_one("#prearchive-sessions", Rows)


async def with_ready(choices: Choices, study: Path) -> list[str]:
    """Put both subjects of the study into the prearchive, built."""
    assert choices.site
    uris = []
    for folder in folders_of(study):
        uri = await send(choices, folder, folder.name, f"{folder.name}_MR1")
        await choices.site.build(uri)
        uris.append(uri)
    return uris


async def archived(choices: Choices) -> list[str]:
    assert choices.site
    return sorted(session.label for session in await choices.site.sessions("DEMO"))


async def waiting(choices: Choices, project: str = "DEMO") -> list[str]:
    assert choices.site
    return sorted(session.label for session in await choices.site.prearchive(project))


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await with_ready(choices, study_folder)
        moments = {row.uploaded[:16]: "2026-01-01 12:00" for row in await choices.site.prearchive("DEMO")}
        async with on_stage(choices, PrearchiveStep, size=size) as (app, pilot):
            await until_text(app, pilot, "5 scans")
            hide = {f":{practice.server.port}": ":12345", **moments}
            await check_golden(app, pilot, f"prearchive-{size[0]}x{size[1]}", hide)


async def test_an_empty_prearchive_says_so(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, PrearchiveStep, ArchiveStep) as (app, pilot):
        await until_text(app, pilot, "Nothing waits in the prearchive of DEMO.")
        await check_golden(app, pilot, "prearchive-empty-80x24", {f":{practice.server.port}": ":12345"})
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "[7 Archive]")


async def test_a_session_is_archived_after_a_yes_and_shown_next(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            rows_of(app).go_to(next(row.key for row in rows_of(app).rows if row.cells[1] == "Person_01_MR1"))
            await pilot.press("a")
            await until_text(app, pilot, "Archive Person_01_MR1 in DEMO?")
            assert "5 scans, 16 files" in flat_text(app)
            await pilot.press("enter")  # the default is no
            assert await archived(choices) == []
            await pilot.press("a")
            await until_text(app, pilot, "Archive Person_01_MR1 in DEMO?")
            await pilot.press("tab", "enter")
            await until_text(app, pilot, "Person_01_MR1 is in the archive. Next shows it.")
            assert await archived(choices) == ["Person_01_MR1"]
            await until_text(app, pilot, "Person_02_MR1")
            await workers_done(app, "rows")
            assert [row.cells[1] for row in rows_of(app).rows] == ["Person_02_MR1"]
            await pilot.press("ctrl+n")
            await until_text(app, pilot, "Person_01_MR1 is in the archive of DEMO: 5 scans, 16 files")


async def test_several_are_archived_at_once(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            await pilot.press("space", "down", "space")
            await until_text(app, pilot, "2 sessions chosen")
            await pilot.press("a")
            await until_text(app, pilot, "Archive 2 sessions in DEMO?")
            await pilot.press("tab", "enter")
            await until_text(app, pilot, "2 of 2 sessions archived")
            assert await archived(choices) == ["Person_01_MR1", "Person_02_MR1"]
            await until_text(app, pilot, "Nothing waits")


async def test_a_conflict_is_explained_with_its_ways_out(practice: Practice, study_folder: Path) -> None:
    first = folders_of(study_folder)[0]
    async with logged_in(practice) as choices:
        assert choices.site
        uri, _ = await with_ready(choices, study_folder)
        await choices.site.archive(uri)
        again = await send(choices, first, "Person_01", "Person_01_MR1")
        await choices.site.build(again)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "Person_01_MR1")
            rows_of(app).go_to(again)
            await pilot.press("a")
            await until_text(app, pilot, "Something stands against archiving Person_01_MR1")
            assert "The existing session has the same scans already: 1, 2, 3, 4, 5" in flat_text(app)
            assert "Overwrite" in screen_text(app)
            await pilot.press("enter")  # other labels
            await until_text(app, pilot, "Labels for Person_01_MR1")
            app.screen.query_one("#labels-session", Input).value = "Person 01 again"
            await until_text(app, pilot, "XNAT would change the session label")
            app.screen.query_one("#labels-session", Input).value = "Person_01_again"
            await pilot.press("enter")
            await until_text(app, pilot, "Person_01_again is in the archive")
            assert await archived(choices) == ["Person_01_MR1", "Person_01_again"]


async def test_overwriting_is_a_way_out(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        uri, _ = await with_ready(choices, study_folder)
        await choices.site.archive(uri)
        again = await send(choices, folders_of(study_folder)[0], "Person_01", "Person_01_MR1")
        await choices.site.build(again)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "Person_01_MR1")
            rows_of(app).go_to(again)
            await pilot.press("a")
            await until_text(app, pilot, "Something stands against")
            await pilot.press("down", "enter")
            await until_text(app, pilot, "Person_01_MR1 is in the archive")
            assert await waiting(choices) == ["Person_02_MR1"]


async def test_after_a_failure_the_log_is_read_in_plain_words(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        uri, _ = await with_ready(choices, study_folder)
        await choices.site.archive(uri)
        again = await send(choices, folders_of(study_folder)[0], "Person_01", "Person_01_MR1")
        await choices.site.build(again)
        with pytest.raises(Exception, match="archive"):
            await choices.site.archive(again)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "CONFLICT")
            rows_of(app).go_to(again)
            await until_text(app, pilot, "These images are in the archive already")
            await pilot.press("enter")
            await until_text(app, pilot, "Person_01_MR1 in the prearchive")
            await pilot.press("end")
            await until_text(app, pilot, "same UID and number")


async def test_a_session_moves_to_another_project(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await choices.site.create_project(ProjectDraft("OTHER", "Other project", "Other"))
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            label = next(row.cells[1] for row in rows_of(app).rows)
            await pilot.press("m")
            await until_text(app, pilot, f"Move {label} to which project?")
            await pilot.press("enter")
            await until_text(app, pilot, f"{label} is now in the prearchive of OTHER")
            assert await waiting(choices, "OTHER") == [label]


async def test_deleting_names_the_count_and_asks(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            label = next(row.cells[1] for row in rows_of(app).rows)
            await pilot.press("d")
            await until_text(app, pilot, f"Delete {label} from the prearchive?")
            assert f"{label}: 5 scans, 16 files" in flat_text(app)
            assert "cannot be undone" in flat_text(app)
            await pilot.press("escape", "d")
            await until_text(app, pilot, f"Delete {label} from the prearchive?")
            await pilot.press("tab", "enter")
            await until_text(app, pilot, f"{label} was deleted")
            assert label not in await waiting(choices)


async def test_what_is_still_receiving_can_be_built(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await send(choices, folders_of(study_folder)[0], "Person_01", "Person_01_MR1")
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "receiving, not built")
            assert app.screen.query_one("#prearchive-archive").disabled
            await pilot.press("b")
            await until_text(app, pilot, "Person_01_MR1 was built")
            await until_text(app, pilot, "ready to archive")


async def test_a_silent_site_is_explained_and_asked_again(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        practice.stop()
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "What happened")
            practice.start()
            await pilot.press("escape", "f5")
            await until_text(app, pilot, "ready to archive")


async def test_footer_fits_in_80_columns(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, PrearchiveStep) as (app, _):
        keys = [key for key in app.screen.query(FooterKey) if key.display]
        assert len(keys) <= 7, "six and the palette"
        assert max(key.region.right for key in keys) <= 80


def session_in(status: str) -> PrearchiveSession:
    return PrearchiveSession("P", "1", "S", "S", "S", "1.2", status, "", "", "", "", "")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("READY", "ready to archive"),
        ("_ARCHIVING", "locked, being archived"),
        ("QUEUED_DELETING", "queued, then being deleted"),
        ("SOMETHING_NEW", "in progress: something_new"),
    ],
)
def test_a_status_is_said_in_words(status: str, words: str) -> None:
    assert status_words(session_in(status))[0] == words


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("Operation Failed: Session already exists, retry with overwrite enabled", "exists in the archive already"),
        ("Invalid modification of session UID via archive process.", "Another study has this session label"),
        (
            "Invalid modification of session subject via archive process.: L Already Exists for another Subject",
            "belongs to another subject",
        ),
        ("Session already contains a scan (3) with the same UID and number.", "are in the archive already"),
        ("Duplicate archive attempt.  Destination session in use.", "was archiving it already"),
    ],
)
def test_a_reason_in_the_log_is_said_in_words_with_its_way_out(log: str, words: str) -> None:
    assert words in log_words(log)


def test_an_unknown_reason_stays_as_the_site_said_it() -> None:
    details = Details(session_in("ERROR"), log="2026 something\n  quite new went wrong\n")
    assert log_words(details.log) == ""
    assert "Why: quite new went wrong" in details.short()


def test_verdicts_of_one_kind_make_one_line() -> None:
    scans = [ArchiveVerdict("16", "CONFLICT", f"Session already contains a scan ({n}) with the same UID") for n in "12"]
    verdicts = [ArchiveVerdict("1", "CONFLICT", "exists"), *scans, ArchiveVerdict("12", "WARN", "new subject")]
    assert verdict_lines(verdicts) == [
        "warn  The session exists in the archive: what is new is added to it",
        "warn  The existing session has the same scans already: 1, 2",
        "note  The subject is new and will be created",
    ]
    assert [one.code for one in hindrances(verdicts)] == ["16", "16"]
    assert not is_forbidden(verdicts)
    assert is_forbidden([ArchiveVerdict("4", "FAIL", "subject mismatch")])
