"""The folder step, on real files."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dicom.images import write_series
from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import logged_in, on_stage, surveyed
from xnat_wizard.dicom.model import OtherFile, OtherKind, Survey
from xnat_wizard.practice.sample import write_faulty_study
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.folder import FolderStep
from xnat_wizard.wizard.steps.folder.chooser import (
    FolderTree,
    candidates_line,
    extended,
    is_archive_name,
)
from xnat_wizard.wizard.steps.folder.found import FoundTree, summary_line
from xnat_wizard.wizard.widgets.dates import marked_date
from xnat_wizard.wizard.widgets.paths import candidates, complete, path_of


@asynccontextmanager
async def folder_step(
    hint: Path | None = None, source: Path | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    choices = Choices(folder_hint=str(hint) if hint else "", source=source)
    app = WizardApp(choices, steps=(FolderStep,))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def read(app: WizardApp, pilot: Pilot[None], path: Path | str) -> None:
    app.screen.query_one("#path", Input).value = os.fspath(path)
    app.screen.query_one("#path", Input).focus()
    await pilot.press("enter")
    await pilot.pause()


async def test_a_typed_folder_is_read_and_shown(study_folder: Path) -> None:
    async with folder_step() as (app, pilot):
        await read(app, pilot, study_folder)
        await until_text(app, pilot, "This was found")
        text = flat_text(app)
        assert "2 subjects, 10 series" in text
        assert "t1_mprage" in text
        assert "No findings" in text
        await pilot.press("ctrl+n")
        await workers_done(app, "wizard")
        assert app.choices.source == study_folder
        assert app.choices.survey is not None


async def test_one_key_takes_the_sample_study(study_folder: Path) -> None:
    async with folder_step(hint=study_folder) as (app, pilot):
        assert f"Sample study to try (F3): {study_folder.anchor}" in flat_text(app)
        await pilot.press("f3")
        await until_text(app, pilot, "This was found")


async def test_an_empty_folder_is_explained_and_the_path_stays(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    async with folder_step() as (app, pilot):
        await read(app, pilot, empty)
        await until_text(app, pilot, "What to do")
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.query_one("#path", Input).value == str(empty)
        assert app.focused is app.screen.query_one("#path")


async def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    async with folder_step() as (app, pilot):
        await read(app, pilot, tmp_path / "nowhere")
        await until_text(app, pilot, "What to do")
        assert "survey." in flat_text(app)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_folder_without_permission_is_explained(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    try:
        async with folder_step() as (app, pilot):
            await read(app, pilot, locked)
            await until_text(app, pilot, "What to do")
    finally:
        locked.chmod(0o700)


async def test_findings_are_sorted_by_weight_and_explained(tmp_path: Path) -> None:
    faulty = write_faulty_study(tmp_path / "faulty")
    async with folder_step() as (app, pilot):
        await read(app, pilot, faulty)
        await until_text(app, pilot, "This was found")
        rows = [
            line.split()[0] for line in screen_text(app).splitlines() if line.strip()[:4] in {"STOP", "ask ", "note"}
        ]
        assert rows == sorted(rows, key=["STOP", "ask", "note"].index)
        await pilot.press("tab", "end", "home", "enter")
        await until_text(app, pilot, "What happened")
        assert "Why" in flat_text(app)


async def test_a_finding_takes_the_cursor_to_its_place(tmp_path: Path) -> None:
    faulty = write_faulty_study(tmp_path / "faulty")
    async with folder_step() as (app, pilot):
        await read(app, pilot, faulty)
        await until_text(app, pilot, "This was found")
        await pilot.press("tab", "down")
        await pilot.pause()
        chosen = app.screen.query_one(FoundTree).chosen
        assert chosen is not None
        assert chosen.subject_folder != ""


async def test_another_width_keeps_the_cursor(study_folder: Path) -> None:
    async with folder_step() as (app, pilot):
        await read(app, pilot, study_folder)
        await until_text(app, pilot, "This was found")
        await pilot.press("down", "down", "down")
        before = app.screen.query_one(FoundTree).chosen
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        await pilot.pause()
        assert app.screen.query_one(FoundTree).chosen == before
        assert "20 kB" in flat_text(app)


async def test_nothing_to_send_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image", encoding="utf-8")
    async with folder_step() as (app, pilot):
        await read(app, pilot, tmp_path)
        await until_text(app, pilot, "There is nothing in this folder that can be sent. 1 file, none of them a")
        assert app.screen.query_one("#next").disabled
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "folder.nothing_to_send")


@pytest.mark.parametrize("width", [80, 60, 44])
async def test_the_summary_line_is_never_cut_without_a_sign(tmp_path: Path, width: int) -> None:
    survey = Survey(tmp_path / "a-study-with-a-long-name", (), (), (), (), 0)
    for count in (2, 12_000):
        others = tuple(OtherFile(f"notes{number}", 1, OtherKind.NOT_DICOM, "") for number in range(count))
        line = summary_line(replace(survey, others=others), width)
        assert len(line) <= width
        assert line.endswith(("; 0 B", "..."))


async def test_escape_leads_from_the_result_to_the_chooser_to_the_step_before(study_folder: Path) -> None:
    async with folder_step() as (app, pilot):
        await read(app, pilot, study_folder)
        await until_text(app, pilot, "This was found")
        await pilot.press("escape")
        await until_text(app, pilot, "Choose the folder")
        assert app.screen.query_one("#path", Input).value == str(study_folder)
        await pilot.press("escape")
        await pilot.pause()
        assert app.choices.survey is not None  # the walk starts the same step again, with everything kept
        await until_text(app, pilot, "This was found")


async def test_a_path_that_was_not_read_is_kept_on_the_way_back(tmp_path: Path) -> None:
    async with folder_step() as (app, pilot):
        app.screen.query_one("#path", Input).value = "~/not/read/yet"
        await pilot.press("escape")
        await pilot.pause()
        assert app.choices.typed_folder == "~/not/read/yet"
        await until_text(app, pilot, "~/not/read/yet")


async def test_reading_the_same_files_again_keeps_the_plan(study_folder: Path) -> None:
    async with folder_step() as (app, pilot):
        await read(app, pilot, study_folder)
        await until_text(app, pilot, "This was found")
        step = app.screen
        assert isinstance(step, FolderStep)
        found = step.choices
        await pilot.press("f5")
        await workers_done(app, "survey")
        assert step.choices is found
        next(study_folder.rglob("*.dcm"), next(path for path in study_folder.rglob("*") if path.is_file())).unlink()
        await pilot.press("f5")
        await workers_done(app, "survey")
        assert step.choices is not found


async def test_names_are_no_markup_and_no_escape_codes(tmp_path: Path) -> None:
    for name in ("[red]a", "[b]", "esc\x1b[31m"):
        (tmp_path / name).mkdir()
    os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")  # noqa: PTH102  a name that is no UTF-8
    async with folder_step(source=tmp_path) as (app, pilot):
        await until_text(app, pilot, "caf")
        text = screen_text(app)
        assert "[red]a" in text
        assert "[b]" in text
        assert "\x1b" not in text
        text.encode("utf-8")


async def test_a_folder_whose_name_is_no_text_can_be_read(tmp_path: Path, study_folder: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd"))
    odd.mkdir()
    study_folder.rename(os.fsdecode(os.fsencode(odd) + b"/caf\xe9"))
    async with folder_step(source=odd) as (app, pilot):
        await until_text(app, pilot, "caf")
        await pilot.press("tab", "down")
        await pilot.pause()
        app.screen.query_one("#path", Input).value.encode("utf-8")
        app.screen.query_one("#path", Input).focus()
        await pilot.press("enter")
        await until_text(app, pilot, "2 subjects")


async def test_stop_ends_the_reading_and_keeps_the_path(study_folder: Path) -> None:
    async with folder_step() as (app, pilot):
        step = app.screen
        assert isinstance(step, FolderStep)
        step.query_one("#path", Input).value = str(study_folder)
        step.go_next()
        while not step.is_busy:  # noqa: ASYNC110  a reactive has no event
            await asyncio.sleep(0)
        step.action_back()
        await workers_done(app, "survey", "stop")
        await pilot.pause()
        assert step.query_one("#path", Input).value == str(study_folder)
        assert not step.is_busy


async def test_a_broken_tree_from_the_shared_data_is_shown(malformed: Callable[[str], Path], shared_data: Path) -> None:
    names = sorted(path.name.removesuffix(".tar.gz") for path in (shared_data / "trees" / "malformed").glob("*.tar.gz"))
    async with folder_step() as (app, pilot):
        await read(app, pilot, malformed(names[0]))
        await until_text(app, pilot, "Enter explains")


def test_a_typed_path_knows_home_and_dots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert path_of("~/a/../b/") == tmp_path / "b"
    assert path_of(" c ") == tmp_path / "c"


def test_completion_offers_the_first_folder(tmp_path: Path) -> None:
    (tmp_path / "study_b").mkdir()
    (tmp_path / "study_a").mkdir()
    (tmp_path / "study_0.txt").touch()
    assert complete(f"{tmp_path}/st", is_archive_name) == f"{tmp_path}/study_a/"
    assert complete(f"{tmp_path}/none", is_archive_name) is None
    assert complete("/no/such/place/x", is_archive_name) is None


def test_tab_completes_what_all_have_in_common(tmp_path: Path) -> None:
    for name in ("study_b", "study_a", "other", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "study_c.zip").touch()
    assert candidates(f"{tmp_path}/st", is_archive_name) == ["study_a/", "study_b/", "study_c.zip"]
    assert extended(f"{tmp_path}/st") == f"{tmp_path}/study_"
    assert extended(f"{tmp_path}/study_") is None
    assert extended(f"{tmp_path}/o") == f"{tmp_path}/other/"
    assert extended(f"{tmp_path}/") is None
    assert extended(f"{tmp_path}/none") is None


def test_candidates_fit_their_line(tmp_path: Path) -> None:
    names = [f"subject_{number:02}/" for number in range(20)]
    line = candidates_line("/x/sub", names, 50)
    assert line == "subject_00/  subject_01/  subject_02/  and 17 more"
    assert candidates_line("/x/", names, 50) == line
    assert candidates_line("", names, 50) == ""
    assert candidates_line("/x/", [], 50) == ""
    assert candidates_line("/x/zzz", [], 50) == 'Nothing here begins with "zzz"'
    assert candidates_line("/x/subject_00", ["subject_00/"], 50) == ""


async def test_typing_shows_what_is_there_and_tab_completes_then_leaves(tmp_path: Path) -> None:
    for name in ("study_a", "study_b"):
        (tmp_path / name).mkdir()
    async with folder_step(source=tmp_path) as (app, pilot):
        app.screen.query_one("#path", Input).value = f"{tmp_path}/"
        await pilot.press("end", "s")
        await until_text(app, pilot, "study_a/ study_b/")
        await pilot.press("tab")
        await pilot.pause()
        assert app.screen.query_one("#path", Input).value == f"{tmp_path}/study_"
        await pilot.press("tab")
        await pilot.pause()
        assert app.focused is app.screen.query_one("#folders")


async def test_the_tree_follows_a_path_of(tmp_path: Path) -> None:
    (tmp_path / "scans" / "person_one").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    async with folder_step(source=tmp_path / "other") as (app, pilot):
        tree = app.screen.query_one(FolderTree)
        for typed, shown in (("scans/p", "scans"), ("nowhere/p", "scans"), ("other/", "other")):
            app.screen.query_one("#path", Input).value = f"{tmp_path}/{typed}"
            await pilot.pause()
            await workers_done(app, "candidates")
            assert Path(tree.path) == tmp_path / shown


async def test_the_button_says_archive_where_one_is_typed(tmp_path: Path) -> None:
    async with folder_step() as (app, pilot):
        app.screen.query_one("#path", Input).value = f"{tmp_path}/study.tar.gz"
        await until_text(app, pilot, "[ Read archive ]")
        app.screen.query_one("#path", Input).value = f"{tmp_path}/study"
        await until_text(app, pilot, "[ Read folder ]")


async def test_g_goes_from_a_finding_to_its_place_and_back(tmp_path: Path) -> None:
    faulty = write_faulty_study(tmp_path / "faulty")
    async with folder_step() as (app, pilot):
        await read(app, pilot, faulty)
        await until_text(app, pilot, "This was found")
        await pilot.press("tab", "down")
        rows = app.focused
        await pilot.pause()
        await pilot.press("g")
        await pilot.pause()
        tree = app.screen.query_one(FoundTree)
        assert app.focused is tree
        await pilot.press("g")
        await pilot.pause()
        assert app.focused is rows
        assert getattr(rows, "highlighted", None) == 1


async def test_a_line_without_a_finding_says_so(study_folder: Path) -> None:
    async with folder_step() as (app, pilot):
        await read(app, pilot, study_folder)
        await until_text(app, pilot, "This was found")
        await pilot.press("g")
        await until_text(app, pilot, "No finding is about this line.")


def test_a_date_that_is_none_is_marked() -> None:
    assert marked_date("20250228") == "2025-02-28"
    assert marked_date("20250230") == "20250230?"
    assert marked_date("2025.02.12") == "2025.02.12?"
    assert marked_date("") == ""


async def test_dates_that_are_none_are_marked_in_the_tree(tmp_path: Path) -> None:
    write_series(tmp_path / "S1/t1")
    write_series(tmp_path / "S1/t2", series=2, StudyDate="20261301")
    async with folder_step() as (app, pilot):
        await read(app, pilot, tmp_path)
        await until_text(app, pilot, "This was found")
        assert "20261301?" in screen_text(app)
        assert "2026-01-02" in screen_text(app)


async def test_patient_details_are_hidden_until_they_are_asked_for(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices, AsyncExitStack() as stack:
        assert choices.site
        await choices.site.set_project_script("DEMO", True)  # noqa: FBT003  the state itself
        ready = await surveyed(choices, study_folder)
        app, pilot = await stack.enter_async_context(on_stage(ready, FolderStep))
        await pilot.press("p")
        await until_text(app, pilot, "10 of 32 headers read: one of each series")
        await until_text(app, pilot, "subject label (project)")
        assert "hidden. s shows them." in flat_text(app)
        assert "Patient's name: " in flat_text(app)
        names = {one.patient_name for one in app.choices.survey.series} if app.choices.survey else set()
        assert names
        assert not any(name in screen_text(app) for name in names)
        await pilot.press("s")
        await until_text(app, pilot, min(names))
        await pilot.press("a")
        await until_text(app, pilot, "32 of 32 headers read")
        await pilot.press("escape")
        await until_text(app, pilot, "This was found")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_privacy_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), FolderStep, size=size) as (app, pilot),
    ):
        await pilot.press("p")
        await until_text(app, pilot, "headers read")
        await workers_done(app, "scripts", "exposure")
        await check_golden(app, pilot, f"folder-privacy-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_folder_golden(study_folder: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(study_folder.parent))
    async with folder_step(hint=Path("/sample"), source=study_folder, size=size) as (app, pilot):
        await until_text(app, pilot, "Person_02")
        await check_golden(app, pilot, f"folder-choose-{size[0]}x{size[1]}")
        await pilot.press("enter")
        await until_text(app, pilot, "This was found")
        await check_golden(app, pilot, f"folder-found-{size[0]}x{size[1]}")
