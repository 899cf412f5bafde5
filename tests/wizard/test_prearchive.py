"""The prearchive step, against a real practice server."""

import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, send
from xnat_wizard.dicom.survey import survey
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.steps.prearchive import PrearchiveStep
from xnat_wizard.wizard.steps.prearchive.words import short
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.model import ArchiveVerdict, IdleTimer, PrearchiveSession, ProjectDraft
from xnat_wizard.xnat.waiting.details import Details
from xnat_wizard.xnat.waiting.stuck import Plight, SiteTime, age_text, plight_of
from xnat_wizard.xnat.waiting.words import hindrances, is_forbidden, log_words, status_words, verdict_lines


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


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden_of_what_is_stuck(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await send(choices, folders_of(study_folder)[0], "Person_01", "Person_01_MR1")
        silent_since(practice, 3 * 3600 + 60)
        noon_s = datetime(2026, 1, 1, 12).astimezone().timestamp()
        practice.on_loop(lambda store: setattr(store.state.rows[0], "uploaded", noon_s))
        async with on_stage(choices, PrearchiveStep, size=size) as (app, pilot):
            await until_text(app, pilot, "STUCK for 3 h")
            hide = {f":{practice.server.port}": ":12345"}
            await check_golden(app, pilot, f"prearchive-stuck-{size[0]}x{size[1]}", hide)
            await pilot.press("x")
            await until_text(app, pilot, "Rescue Person_01_MR1")
            await check_golden(app, pilot, f"prearchive-rescue-{size[0]}x{size[1]}", hide)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden_of_one_session(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await with_ready(choices, study_folder)
        rows = await choices.site.prearchive("DEMO")
        hide = {f":{practice.server.port}": ":12345"}
        for row in rows:
            hide |= {row.uploaded[:19]: "2026-01-01 12:00:00", row.last_modified[:19]: "2026-01-01 12:00:00"}
            hide |= {row.timestamp: "20260101_120000000", row.uploaded[:16]: "2026-01-01 12:00"}
        async with on_stage(choices, PrearchiveStep, size=size) as (app, pilot):
            await until_text(app, pilot, "5 scans")
            rows_of(app).go_to(next(one.uri for one in rows if one.label == "Person_01_MR1"))
            await until_text(app, pilot, "localizer")
            await pilot.press("enter")
            await until_text(app, pilot, "h: header")
            await check_golden(app, pilot, f"prearchive-session-{size[0]}x{size[1]}", hide)


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


async def test_what_an_upload_from_here_still_owes_is_said_before_archiving(
    practice: Practice, study_folder: Path
) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        plan = draft(survey(study_folder), site_url=practice.url, project="DEMO", destination=Destination.PREARCHIVE)
        uri = (await with_ready(choices, study_folder))[0]
        with Journal.open(uploads.begin(plan)) as journal:
            journal.records.set_uri(journal.records.sessions()[0].id, uri)
            total = journal.progress().sessions[0].files_total
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "5 scans")
            rows_of(app).go_to(uri)
            await pilot.press("a")
            await until_text(app, pilot, "the rest was not sent")
            assert f"has sent 0 of {total} files of it" in flat_text(app)


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
            assert "Overwrite" in screen_text(app), "the person is an owner of the project"
            await pilot.press("enter")  # other labels
            await until_text(app, pilot, "Labels for Person_01_MR1")
            app.screen.query_one("#labels-session", Input).value = "Person 01 again"
            await until_text(app, pilot, "XNAT would change the session label")
            app.screen.query_one("#labels-session", Input).value = "Person_01_again"
            await pilot.press("enter")
            await until_text(app, pilot, "Archive Person_01_MR1 in DEMO as Person_01_again?")
            await pilot.press("tab", "enter")
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
            await pilot.press("end", "enter")
            await until_text(app, pilot, "Overwrite Person_01_MR1 in the archive?")
            assert "cannot be brought back" in flat_text(app)
            await pilot.press("tab", "enter")
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
            await pilot.press("l", "end")
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


async def test_a_member_is_not_offered_to_overwrite(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice, "member") as choices:
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
            assert "An owner of the project could overwrite" in flat_text(app)
            await pilot.press("end", "up", "up", "enter")  # leave it here
            await until_text(app, pilot, "[6 Prearchive]")
            assert await waiting(choices) == ["Person_01_MR1", "Person_02_MR1"]


async def test_more_of_the_same_study_is_merged_without_overwriting(practice: Practice, study_folder: Path) -> None:
    first = folders_of(study_folder)[0]
    series = sorted(path for path in first.iterdir() if path.is_dir())
    later = study_folder / "later"
    later.mkdir()
    series[-1].rename(later / series[-1].name)
    async with logged_in(practice) as choices:
        assert choices.site
        uri = await send(choices, first, "Person_01", "Person_01_MR1")
        await choices.site.build(uri)
        await choices.site.archive(uri)
        await choices.site.build(await send(choices, later, "Person_01", "Person_01_MR1"))
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            await pilot.press("a")
            await until_text(app, pilot, "Merge Person_01_MR1 into the session in DEMO?")
            assert "Nothing that is there is replaced" in flat_text(app)
            await pilot.press("tab", "enter")
            await until_text(app, pilot, "Person_01_MR1 is in the archive")
            (session,) = await choices.site.sessions("DEMO")
            assert len(await choices.site.scans(session.id)) == len(series)


async def test_labels_are_changed_while_archiving(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            await pilot.press("e")
            await until_text(app, pilot, "given when it is archived")
            app.screen.query_one("#labels-subject", Input).value = "S_new"
            app.screen.query_one("#labels-session", Input).value = "S_new_MR1"
            await pilot.press("enter")
            await until_text(app, pilot, "in DEMO as S_new_MR1?")
            await pilot.press("tab", "enter")
            await until_text(app, pilot, "S_new_MR1 is in the archive")
            (session,) = await choices.site.sessions("DEMO")
            assert (session.label, session.subject_label) == ("S_new_MR1", "S_new")


async def test_deleting_several_wants_their_number(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            await pilot.press("plus", "d")
            await until_text(app, pilot, "Type 2 to delete")
            await pilot.press("1", "enter")
            assert app.screen.query_one("#confirm-yes").disabled
            assert len(await waiting(choices)) == 2
            await pilot.press("backspace", "2", "enter")
            await until_text(app, pilot, "2 of 2 sessions deleted")
            assert await waiting(choices) == []


async def test_of_several_each_outcome_is_told(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        uris = await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "ready to archive")
            await choices.site.delete_prearchive(uris[0])  # somebody else was quicker
            await pilot.press("plus", "d")
            await until_text(app, pilot, "Type 2 to delete")
            await pilot.press("2", "enter")
            await until_text(app, pilot, "1 deleted, 1 not")
            assert "FAIL" in screen_text(app)
            await pilot.press("down")  # the whole of a row stands below
            await until_text(app, pilot, "Person_02_MR1 was deleted from the prearchive")
            await pilot.press("escape")
            await until_text(app, pilot, "1 of 2 sessions deleted, 1 not")


async def test_typing_and_a_key_narrow_the_list_and_what_is_acted_on(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await with_ready(choices, study_folder)
        await send(choices, folders_of(study_folder)[1], "Late", "Late_MR1")
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "s: all, 3 of 3")
            await pilot.press("plus", "slash", *"person_02")
            await until_text(app, pilot, "s: all, 1 of 3")
            step = app.step
            assert isinstance(step, PrearchiveStep)
            assert [one.label for one in step.chosen()] == ["Person_02_MR1"], "what is hidden is not acted on"
            await pilot.press("escape")
            await until_text(app, pilot, "s: all, 3 of 3")
            await pilot.press("s")
            await until_text(app, pilot, "s: ready, 2 of 3")
            await pilot.press("s")
            await until_text(app, pilot, "None of this kind")
            await pilot.press("s", "s")
            await until_text(app, pilot, "s: at work, 1 of 3")


async def test_all_projects_are_shown_where_none_is_chosen(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await choices.site.create_project(ProjectDraft("OTHER", "Other project", "Other"))
        first, second = await with_ready(choices, study_folder)
        await choices.site.move(first, "OTHER")
        async with on_stage(replace(choices, project=None), PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "OTHER")
            assert "DEMO" in screen_text(app)
            rows_of(app).go_to(second)
            await pilot.press("a")
            await until_text(app, pilot, "Archive Person_02_MR1 in DEMO?")
            await pilot.press("tab", "enter")
            await until_text(app, pilot, "Person_02_MR1 is in the archive")


async def test_unassigned_data_is_seen_by_an_administrator_and_moved_before_it_is_archived(
    practice: Practice, study_folder: Path
) -> None:
    async with logged_in(practice, "admin") as choices:
        assert choices.site
        await with_ready(choices, study_folder)
        with_no_project(practice, "Person_01_MR1")
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "Unassigned")
            rows_of(app).go_to(next(row.key for row in rows_of(app).rows if "Unassigned" in row.cells))
            await until_text(app, pilot, "Person_01_MR1: ready")
            assert app.screen.query_one("#prearchive-archive").disabled
            await pilot.press("m")
            await until_text(app, pilot, "Move Person_01_MR1 to which project?")
            await pilot.press("enter")
            await until_text(app, pilot, "Person_01_MR1 is now in the prearchive of DEMO")
            assert await waiting(choices) == ["Person_01_MR1", "Person_02_MR1"]


async def test_unassigned_data_is_not_shown_to_others(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        with_no_project(practice, "Person_01_MR1")
        async with on_stage(replace(choices, project=None), PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "Person_02_MR1")
            assert "Person_01" not in screen_text(app)


async def test_what_nobody_commits_is_recognised_by_the_sites_clock_and_rescued(
    practice: Practice, study_folder: Path
) -> None:
    async with logged_in(practice) as choices:
        await send(choices, folders_of(study_folder)[0], "Person_01", "Person_01_MR1")
        silent_since(practice, 3 * 3600)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "STUCK for 3 h")
            assert "The site does not build it by itself" in flat_text(app)
            await pilot.press("x")
            await until_text(app, pilot, "Rescue Person_01_MR1")
            assert "RECEIVING, last change 3 h ago" in flat_text(app)
            await pilot.press("enter")
            await until_text(app, pilot, "Person_01_MR1 was built: ready to archive")
            await until_text(app, pilot, "5 scans, 16 files")


async def test_a_commit_is_not_sent_where_it_would_merge_unasked(practice: Practice, study_folder: Path) -> None:
    first = folders_of(study_folder)[0]
    async with logged_in(practice) as choices:
        assert choices.site
        uri = await send(choices, first, "Person_01", "Person_01_MR1")
        await choices.site.build(uri)
        await choices.site.archive(uri)
        await send(choices, first, "Person_01", "Person_01_MR1")
        await send(choices, first, "Person_01", "Person_01_MR2")
        silent_since(practice, 3 * 3600)
        practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "STUCK for 3 h")
            await pilot.press("plus", "x")
            await until_text(app, pilot, "Rescue 2 sessions")
            await pilot.press("down", "enter")
            await until_text(app, pilot, "1 committed, 1 not")
            assert "Person_01_MR1" in screen_text(app)
            await pilot.press("down")
            await until_text(app, pilot, "Person_01_MR2 was committed: it is in the archive")
            assert await archived(choices) == ["Person_01_MR1", "Person_01_MR2"]
            assert await waiting(choices) == ["Person_01_MR1"]


async def test_lost_work_is_found_out_anew(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        silent_since(practice, 7200, "QUEUED_ARCHIVING")
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "STUCK for 2 h")
            await pilot.press("plus", "x")
            await until_text(app, pilot, "Rescue 2 sessions")
            await pilot.press("enter")
            await until_text(app, pilot, "2 of 2 sessions looked at")
            await until_text(app, pilot, "ready to archive")


async def test_what_arrives_just_now_is_not_stuck(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await send(choices, folders_of(study_folder)[0], "Person_01", "Person_01_MR1")
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "receiving, not built")
            assert "STUCK" not in screen_text(app)
            await pilot.press("x")
            await until_text(app, pilot, "Nothing that is chosen is stuck")


async def test_files_and_header_of_a_scan_are_listed(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_ready(choices, study_folder)
        async with on_stage(choices, PrearchiveStep) as (app, pilot):
            await until_text(app, pilot, "5 scans")
            await pilot.press("enter")
            await until_text(app, pilot, "h: header")
            await pilot.press("enter")
            await until_text(app, pilot, ": 3 files")
            assert ".dcm" in screen_text(app)
            await pilot.press("escape", "h")
            await until_text(app, pilot, "(0008,0016)")
            await pilot.press("escape", "l")
            await until_text(app, pilot, "The site wrote down nothing")
            await pilot.press("escape", "escape")
            await until_text(app, pilot, "[6 Prearchive]")


def with_no_project(practice: Practice, label: str) -> None:
    """Let a session lie where the site puts what names no project."""

    def act(store: Store) -> None:
        row = next(one for one in store.state.rows if one.name == label)
        old = store.row_folder(row)
        row.project = "Unassigned"
        new = store.row_folder(row)
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)

    practice.on_loop(act)


def silent_since(practice: Practice, seconds: float, status: str = "") -> None:
    """Let all waiting sessions have been without news for so long."""

    def act(store: Store) -> None:
        for row in store.state.rows:
            row.lastmod = time.time() - seconds
            row.status = status or row.status

    practice.on_loop(act)


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


NOW = 1_800_000_000.0
TIMER = IdleTimer()


def changed(seconds_ago: float, status: str = "RECEIVING", source: str = "", hold: str = "") -> PrearchiveSession:
    text = datetime.fromtimestamp(NOW - seconds_ago).astimezone().strftime("%Y-%m-%d %H:%M:%S.0")
    return replace(session_in(status), last_modified=text, source=source, prevent_auto_commit=hold)


@pytest.mark.parametrize(
    ("session", "plight"),
    [
        (changed(400), Plight.ARRIVING),
        (changed(500), Plight.HELD),
        (changed(500, source="uploader"), Plight.FORGOTTEN),
        (changed(500, hold="true"), Plight.FORGOTTEN),
        (changed(500, hold="false"), Plight.HELD),
        (changed(86400, "READY"), Plight.NONE),
        (changed(86400, "CONFLICT"), Plight.NONE),
        (changed(1000, "_RECEIVING"), Plight.ARRIVING),
        (changed(2000, "_RECEIVING"), Plight.LOST),
        (changed(1000, "QUEUED_BUILDING"), Plight.ARRIVING),
        (changed(1900, "QUEUED_BUILDING"), Plight.LOST),
        (changed(1300, "ARCHIVING"), Plight.LOST),
        (changed(1300, "MOVING"), Plight.ARRIVING),
    ],
)
def test_what_is_stuck_follows_from_status_and_age(session: PrearchiveSession, plight: Plight) -> None:
    assert plight_of(session, SiteTime().age_s(session, NOW), TIMER) is plight


def test_a_session_without_a_time_is_never_called_stuck() -> None:
    assert plight_of(session_in("RECEIVING"), SiteTime().age_s(session_in("RECEIVING"), NOW), TIMER) is Plight.ARRIVING


def test_a_row_from_the_future_shows_that_the_sites_zone_lies_east() -> None:
    clock = SiteTime()
    east = changed(-3600 + 60)  # an hour ahead, written a minute ago
    clock.see([east], NOW)
    assert clock.age_s(east, NOW) == pytest.approx(60)


def test_a_row_that_changes_while_one_looks_shows_the_sites_zone() -> None:
    clock = SiteTime()
    clock.see([changed(7300)], NOW - 10)  # two hours behind
    after = changed(7200 + 5)
    clock.see([after], NOW)
    assert clock.age_s(after, NOW) == pytest.approx(5)
    assert plight_of(after, clock.age_s(after, NOW), TIMER) is Plight.ARRIVING


@pytest.mark.parametrize(
    ("age_s", "text"),
    [(5, "5 s"), (61, "1 min"), (3600, "1 h"), (86400, "24 h"), (200_000, "2 days"), (None, "")],
)
def test_an_age_is_said_in_one_unit(age_s: float | None, text: str) -> None:
    assert age_text(age_s) == text


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
    assert "Why: quite new went wrong" in short(details)


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
