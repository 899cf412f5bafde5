"""The plan step, against a real practice server."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from dicom.images import write_series
from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, planned, send, surveyed
from xnat_wizard.practice.sample import write_faulty_study
from xnat_wizard.practice.store import Store
from xnat_wizard.upload.estimate import ASSUMED, Speed
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import edit, load
from xnat_wizard.upload.travel_words import time_text
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.steps.prearchive import PrearchiveStep
from xnat_wizard.wizard.steps.upload import UploadStep
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import StepScreen


def rows_of(app: WizardApp) -> Rows:
    return app.screen.query_one("#plan-sessions", Rows)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        ready = await surveyed(choices, study_folder)
        async with on_stage(ready, PlanStep, size=size) as (app, pilot):
            await workers_done(app, "forecast")
            await check_golden(app, pilot, f"plan-{size[0]}x{size[1]}", {f":{practice.server.port}": ":12345"})


async def test_sessions_are_listed_with_what_the_site_will_do(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await until_text(app, pilot, "Person_02_MR1 16")
        await workers_done(app, "forecast")
        await pilot.pause()
        assert [row.cells[-1] for row in rows_of(app).rows] == ["new", "new"]
        assert "2 of 2 sessions: 32 files" in flat_text(app)


async def test_space_leaves_a_session_out_and_takes_it_in_again(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("space")
        await until_text(app, pilot, "1 of 2 sessions: 16 files")
        assert "[ ]" in screen_text(app)
        await pilot.press("down", "space")
        await until_text(app, pilot, "0 of 2 sessions")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Nothing is chosen for the upload")
        await pilot.press("escape", "space")
        await until_text(app, pilot, "1 of 2 sessions")


async def test_labels_are_edited_in_place_and_survive_going_back(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("enter")
        app.screen.query_one("#labels-subject", Input).value = "S 1"
        await until_text(app, pilot, "XNAT would change the subject label `S 1`")
        assert "Take `S_1` instead" in flat_text(app)
        await pilot.press("enter")
        assert app.screen.query("#labels-subject"), "an illegal label is not taken"
        app.screen.query_one("#labels-subject", Input).value = "S1"
        app.screen.query_one("#labels-session", Input).value = "S1_baseline"
        await until_text(app, pilot, "ok XNAT takes these labels")
        await pilot.press("enter")
        await until_text(app, pilot, "S1_baseline")
        before = app.screen
        await pilot.press("escape")  # one step back is this step again here
        await until_text(app, pilot, "S1_baseline")
        assert app.screen is not before


async def test_a_label_that_is_taken_is_refused(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("enter")
        app.screen.query_one("#labels-session", Input).value = "person_02_mr1"
        await until_text(app, pilot, "Another session of this plan is called")
        await pilot.press("escape")
        assert [row.cells[2] for row in rows_of(app).rows] == ["Person_01_MR1", "Person_02_MR1"]


async def test_destination_goes_on_with_the_plan(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, UploadStep) as (app, pilot),
    ):
        app.screen.query_one("#plan-destination").focus()
        await pilot.press("down", "enter")
        await until_text(app, pilot, "to the archive")
        await workers_done(app, "forecast")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "[5 Upload]")
        assert app.choices.plan
        assert app.choices.plan.destination is Destination.ARCHIVE


async def test_forecast_says_what_exists(practice: Practice, study_folder: Path) -> None:
    first, second = folders_of(study_folder)
    async with logged_in(practice) as choices:
        assert choices.site
        uri = await send(choices, first, "Person_01", "Person_01_MR1")
        await choices.site.build(uri)
        await choices.site.archive(uri)
        await send(choices, second, "Person_02", "Person_02_MR1")
        async with on_stage(await surveyed(choices, study_folder), PlanStep, size=(120, 40)) as (app, pilot):
            await until_text(app, pilot, "merge: exists in the archive")
            await until_text(app, pilot, "merge: waits in the prearchive")
            assert "what is there is not sent again" in flat_text(app)


async def test_a_clash_is_asked_about_before_going_on(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        uri = await send(choices, folders_of(study_folder)[0], "Somebody", "Person_01_MR1")
        await choices.site.build(uri)
        await choices.site.archive(uri)
        async with on_stage(await surveyed(choices, study_folder), PlanStep, UploadStep) as (app, pilot):
            await until_text(app, pilot, "clash: belongs")
            await pilot.press("ctrl+n")
            await until_text(app, pilot, "Go on all the same?")
            await pilot.press("enter")  # the default is to stay
            await until_text(app, pilot, "[4 Plan]")
            await pilot.press("ctrl+n", "tab", "enter")
            await until_text(app, pilot, "[5 Upload]")


async def test_what_is_held_goes_only_after_a_yes(practice: Practice, tmp_path: Path) -> None:
    study = write_faulty_study(tmp_path / "faulty")
    async with logged_in(practice) as choices, on_stage(await surveyed(choices, study), PlanStep) as (app, pilot):
        await workers_done(app, "forecast")
        rows = rows_of(app)
        held = next(row for row in rows.rows if row.cells[-1].startswith("held: "))
        rows.go_to(held.key)
        await pilot.press("space")
        await until_text(app, pilot, "something is held and needs your yes")
        await pilot.press("escape")
        assert next(row for row in rows.rows if row.key == held.key).cells[0] == "[ ]"
        await pilot.press("space")
        await until_text(app, pilot, "Yes, send it")
        await pilot.press("end", "enter")
        await until_text(app, pilot, "[4 Plan]")
        await workers_done(app, "ask", "forecast")
        assert next(row for row in rows.rows if row.key == held.key).cells[0] == "[x]"


async def test_what_cannot_be_sent_says_why(practice: Practice, tmp_path: Path) -> None:
    study = write_faulty_study(tmp_path / "faulty")
    async with logged_in(practice) as choices, on_stage(await surveyed(choices, study), PlanStep) as (app, pilot):
        rows = rows_of(app)
        blocked = next(row for row in rows.rows if row.cells[-1].startswith("STOP: "))
        rows.go_to(blocked.key)
        await pilot.press("space")
        await until_text(app, pilot, "What happened")
        assert "What to do" in flat_text(app)
        await pilot.press("escape")
        assert next(row for row in rows.rows if row.key == blocked.key).cells[0] == " - "


async def test_what_is_not_sent_can_be_opened(practice: Practice, tmp_path: Path) -> None:
    study = write_faulty_study(tmp_path / "faulty")
    async with logged_in(practice) as choices, on_stage(await surveyed(choices, study), PlanStep) as (app, pilot):
        await pilot.press("o")
        await until_text(app, pilot, "will not be sent")
        assert ".DS_Store" in screen_text(app)
        await pilot.press("escape", "f")
        await until_text(app, pilot, "Findings of folder, plan and site")


async def test_a_silent_site_blocks_nothing(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        ready = await surveyed(choices, study_folder)
        practice.stop()
        async with on_stage(ready, PlanStep) as (app, pilot):
            await pilot.press("space")
            await until_text(app, pilot, "1 of 2 sessions")
            await until_text(app, pilot, "The site could not be asked")
            practice.start()
            await pilot.press("f5")
            await until_text(app, pilot, "new")


async def test_names_are_text_not_markup(practice: Practice, study_folder: Path) -> None:
    folders_of(study_folder)[0].rename(study_folder / "[red]P[1")
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("end")
        await until_text(app, pilot, "folder [red]P[1")
        await pilot.press("enter")
        await until_text(app, pilot, "Labels for folder [red]P[1")


async def test_footer_fits_in_80_columns(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices, on_stage(await planned(choices, study_folder), PlanStep) as (app, _):
        keys = [key for key in app.screen.query(FooterKey) if key.display]
        assert len(keys) <= 7, "six and the palette"
        assert max(key.region.right for key in keys) <= 80


@pytest.mark.parametrize("step", [PlanStep, UploadStep, PrearchiveStep, ArchiveStep])
async def test_every_later_step_has_help_and_names_its_actions(
    practice: Practice, study_folder: Path, step: type[StepScreen[Answer]]
) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        async with on_stage(ready, step) as (app, pilot):
            await pilot.press("f1")
            await pilot.pause()
            assert app.screen.query("HelpPanel")
            await pilot.press("escape")
            await pilot.pause()
            assert not app.screen.query("HelpPanel")
            named = {command.title for command in app.get_system_commands(app.screen)}
            assert {title for title, _, _ in app.step.commands()} <= named if app.step else False
            await pilot.press("ctrl+p")
            await until_text(app, pilot, "Search for commands")


async def test_what_filters_and_quarantine_will_do_is_said(practice: Practice, study_folder: Path) -> None:
    def change(store: Store) -> None:
        store.state.projects["DEMO"].quarantine_code = 1
        store.state.preferences.update(
            enableSitewideSeriesImportFilter=True,
            sitewideSeriesImportFilterMode="blacklist",
            sitewideSeriesImportFilter="localizer",
        )

    practice.on_loop(change)
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, UploadStep) as (app, pilot),
    ):
        await until_text(app, pilot, "filter drops a part")
        await until_text(app, pilot, "will not arrive: 1 localizer")
        assert "keeps archived sessions in quarantine" in flat_text(app)
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Go on all the same?")


# -- series, subjects, undo ----------------------------------------------------------------------------------


async def test_series_are_left_out_and_taken_in_again(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, UploadStep) as (app, pilot),
    ):
        await pilot.press("e")
        await until_text(app, pilot, "Series of Person_01_MR1")
        await pilot.press("space", "down", "space")
        await until_text(app, pilot, "3 of 5 series: 9 files")
        await pilot.press("enter")
        await until_text(app, pilot, "2 of 2 sessions: 25 files")
        await until_text(app, pilot, "new, but not all")
        assert "2 left out" in flat_text(app)
        await pilot.press("u")
        await until_text(app, pilot, "Taken back: the series of Person_01_MR1. 2 of 2 sessions: 32 files")
        await pilot.press("e", "a", "enter")
        await until_text(app, pilot, "1 of 2 sessions: 16 files")
        await pilot.press("e", "space", "ctrl+n")
        await workers_done(app, "ask", "forecast")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "[5 Upload]")
        assert app.choices.plan
        assert app.choices.plan.kept_back


async def test_escape_leaves_the_series_as_they_were(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("e", "space", "escape")
        await until_text(app, pilot, "2 of 2 sessions: 32 files")
        assert isinstance(app.screen, PlanStep)
        assert not app.screen._edits.can_undo


async def test_the_series_have_help_that_escape_closes_first(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("e", "f1")
        await until_text(app, pilot, "Series of a session")
        await pilot.press("escape")
        await pilot.pause()
        assert not app.screen.query("HelpPanel")
        assert app.screen.query("#series-rows")


async def test_a_whole_subject_stays_behind_and_comes_back(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("x")
        await until_text(app, pilot, "Person_01: 0 sessions to send, u takes it back. 1 of 2 sessions")
        await pilot.press("down", "space")
        await until_text(app, pilot, "0 of 2 sessions")
        await pilot.press("u", "u")
        await until_text(app, pilot, "Taken back: the choice for subject Person_01. 2 of 2 sessions: 32 files")


async def test_undo_takes_the_destination_back_too(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("shift+tab", "down", "enter")
        await until_text(app, pilot, "to the archive")
        await pilot.press("tab", "u")
        await until_text(app, pilot, "to the prearchive")
        assert "(x) Prearchive" in flat_text(app)


async def test_the_same_study_in_two_folders_is_marked(practice: Practice, tmp_path: Path) -> None:
    write_series(tmp_path / "S1/t1", patient="P1")
    write_series(tmp_path / "S2/t1", patient="P1", series=2)
    async with logged_in(practice) as choices, on_stage(await surveyed(choices, tmp_path), PlanStep) as (app, pilot):
        await workers_done(app, "forecast")
        for row in rows_of(app).rows:
            rows_of(app).go_to(row.key)
            if row.cells[0] == "[ ]":
                await pilot.press("space")
                await until_text(app, pilot, "Yes, send it")
                await pilot.press("end", "enter")
                await until_text(app, pilot, "[4 Plan]")
        await until_text(app, pilot, "twice: also S1_MR1")
        await pilot.press("x")
        await pilot.pause()
        assert "twice: " not in flat_text(app)


# -- time, and a file -----------------------------------------------------------------------------------------


def test_the_time_is_told_with_its_source() -> None:
    assert time_text(ASSUMED, 3, 1_000_000) == "Less than a minute, at 10 MB/s (assumed)"
    assert time_text(Speed(1e6, 100, 3), 3, 600_000_000) == "About 10 minutes, at 1.0 MB/s as in 3 earlier uploads"
    assert time_text(Speed(1e6, 100, 1), 3, 20_000_000_000).startswith("About 6 hours")
    assert time_text(ASSUMED, 0, 0) == ""


async def test_a_plan_is_saved_and_its_command_stands_alone(
    practice: Practice, study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my plans").mkdir()
    monkeypatch.chdir(tmp_path / "my plans")
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, size=(200, 50)) as (app, pilot),
    ):
        await pilot.press("space", "s")
        await until_text(app, pilot, "Save the plan")
        await pilot.press("enter")
        await until_text(app, pilot, "ok Saved:")
        path = tmp_path / "my plans" / "study-plan.json"
        lines = [line.strip(" │") for line in screen_text(app).splitlines()]
        assert str(path) in lines
        assert f"xnat-wizard upload --user owner '{path}'" in lines
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(load(path).included) == 1
        await pilot.press("enter", "s", "enter")
        await until_text(app, pilot, "Overwrite this file?")
        await pilot.press("enter")
        app.screen.query_one("#save-path", Input).value = str(tmp_path)
        app.screen.query_one("#save-path", Input).focus()
        await pilot.press("enter")
        await until_text(app, pilot, "This is a folder")
        app.screen.query_one("#save-path", Input).value = str(tmp_path / "no" / "where.json")
        await pilot.press("enter")
        await until_text(app, pilot, "The file cannot be written: No such file or directory.")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_goldens_of_the_screens_over_it(
    practice: Practice, study_folder: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study_folder)
    async with logged_in(practice) as choices:
        ready = await surveyed(choices, study_folder)
        async with on_stage(ready, PlanStep, size=size) as (app, pilot):
            await workers_done(app, "forecast", "speed")
            await pilot.press("e", "space")
            await check_golden(app, pilot, f"plan-series-{size[0]}x{size[1]}", {f":{practice.server.port}": ":12345"})
            await pilot.press("escape", "s")
            app.screen.query_one("#save-path", Input).value = "/home/anna/study-plan.json"
            await check_golden(app, pilot, f"plan-save-{size[0]}x{size[1]}", {f":{practice.server.port}": ":12345"})


async def test_quitting_asks_when_a_changed_plan_is_neither_saved_nor_sent(
    practice: Practice, study_folder: Path, tmp_path: Path
) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        step = app.screen
        assert isinstance(step, PlanStep)
        assert step.would_lose() == ""
        await pilot.press("space", "ctrl+q")
        await until_text(app, pilot, "Quit now? The plan for DEMO was not uploaded")
        await pilot.press("escape", "s")
        await until_text(app, pilot, "Save the plan")
        app.screen.query_one("#save-path", Input).value = str(tmp_path / "kept.json")
        await pilot.press("enter")
        await until_text(app, pilot, "Saved:")
        await pilot.press("escape")
        await until_text(app, pilot, "1 of 2 sessions")
        assert step.would_lose() == ""


async def test_quitting_before_the_start_asks_when_a_changed_plan_would_be_lost(
    practice: Practice, study_folder: Path
) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        changed = replace(ready, plan=edit(ready.plan, ready.plan.sessions[0].key, is_included=False))
        for one, loss in ((ready, ""), (changed, "what you changed in it is lost")):
            async with on_stage(one, UploadStep) as (app, pilot):
                await until_text(app, pilot, "Press Start")
                step = app.screen
                assert isinstance(step, UploadStep)
                assert loss in step.would_lose()
                assert bool(loss) == bool(step.would_lose())
