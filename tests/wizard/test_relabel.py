"""Labels for all sessions at once, in the plan step, against a real practice server."""

from pathlib import Path

import pytest
from textual.widgets import Input

from support import Practice
from wizard.screens import check_golden, flat_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, surveyed
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.widgets.rows import Rows


def labels(app: WizardApp) -> list[tuple[str, ...]]:
    return [row.cells[1:3] for row in app.screen.query_one("#plan-sessions", Rows).rows]


def typed(app: WizardApp, field: str, text: str) -> None:
    app.screen.query_one(f"#relabel-{field}", Input).value = text


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, size=size) as (app, pilot),
    ):
        await pilot.press("b", "down", "down", "enter")
        typed(app, "subjects", "S{n:02}")
        await until_text(app, pilot, "2 of 2 sessions get other labels")
        await workers_done(app, "forecast", "labels")
        await check_golden(app, pilot, f"plan-labels-{size[0]}x{size[1]}")


async def test_a_pattern_by_keyboard_alone_and_taken_back(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        before = labels(app)
        await pilot.press("z")
        await pilot.press("b", "down", "down", "enter", "tab")
        await pilot.press("home", *"X-", "enter")
        await until_text(app, pilot, "X-Person_01_MR1")
        assert labels(app) == [("X-Person_01", "X-Person_01_MR1"), ("X-Person_02", "X-Person_02_MR1")]
        await pilot.press("b")
        await until_text(app, pilot, "Labels for all sessions")
        assert app.screen.query_one("#relabel-subjects", Input).value == "X-{folder}", "what was typed is kept"
        await pilot.press("escape", "z")
        await until_text(app, pilot, "> [x] Person_01 Person_01_MR1")
        assert labels(app) == before
        await workers_done(app, "forecast")


async def test_a_pattern_that_is_none_says_so_and_is_not_taken(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("b", "down", "down", "enter")
        typed(app, "subjects", "{nobody}")
        await until_text(app, pilot, "It knows no {nobody}")
        await pilot.press("tab", "enter")
        await workers_done(app, "labels")
        assert app.screen.query("#relabel-subjects")


async def test_folders_that_become_one_subject_need_a_yes(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("b", "down", "down", "enter")
        typed(app, "subjects", "{folder[0:6]}")
        await until_text(app, pilot, "ask 2 folders become one subject, `Person`")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Take these labels all the same?")
        await pilot.press("enter")  # the default is not to
        await workers_done(app, "labels")
        assert app.screen.query("#relabel-subjects")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Take these labels all the same?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "[4 Plan]")
        assert [subject for subject, _ in labels(app)] == ["Person", "Person"]
        await pilot.press("f")
        await until_text(app, pilot, "2 folders become one subject")


async def test_headers_name_the_subjects(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        assert choices.project
        before = labels(app)
        await pilot.press("b", "down", "enter")
        await until_text(app, pilot, "sessions get other labels")
        await pilot.press("ctrl+n")
        await workers_done(app, "labels", "forecast")
        assert labels(app) != before


async def test_a_table_is_written_changed_and_taken(
    practice: Practice, study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("b", "down", "down", "down", "enter")
        await until_text(app, pilot, "There is no file `study-labels.csv` yet")
        app.screen.query_one("#relabel-write").focus()
        await pilot.press("enter")
        await until_text(app, pilot, "Written, one row a session")
        table = tmp_path / "study-labels.csv"
        table.write_text(table.read_text(encoding="utf-8-sig").replace("_01", "_A"))
        typed(app, "file", "study-labels.cs")
        await until_text(app, pilot, "There is no file `study-labels.cs` yet")
        typed(app, "file", str(table))
        await until_text(app, pilot, "The table has no label")
        text = table.read_text().replace("\nPerson_A", "\nPerson_01")
        table.write_text(text)
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Person_A_MR1")
        assert labels(app)[0] == ("Person_A", "Person_A_MR1")


async def test_names_are_text_not_markup(practice: Practice, study_folder: Path) -> None:
    folders_of(study_folder)[0].rename(study_folder / "[red]P[1")
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("b")
        await until_text(app, pilot, "note `[red]P[1` becomes subject `_red_P_1`")
        assert "0 of 2 sessions" in flat_text(app)
