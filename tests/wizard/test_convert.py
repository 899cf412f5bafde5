"""The convert step, against a real practice server: rules and why not, files that change, converting, into XNAT."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from convert.images import write_pair
from convert.ways import need
from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import logged_in, surveyed
from xnat_wizard.convert.model import Way
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.upload import project_rules
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices, ConvertDraft
from xnat_wizard.wizard.steps.convert import ConvertStep, step
from xnat_wizard.wizard.steps.convert.converting import ConvertingScreen
from xnat_wizard.wizard.steps.convert.reading import Reading
from xnat_wizard.wizard.widgets.rows import Rows

ONE_RULE = """\
[[rule]]
name = "T1w"
match = { description = "*t1w*" }
bids = "anat/T1w"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the person a home of their own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Give a folder with PAR/REC pairs of two subjects."""
    for subject in ("p020", "p021"):
        folder = tmp_path / "images" / subject
        folder.mkdir(parents=True)
        write_pair(folder, "t1", protocol="T1W 3D", number=3)
        write_pair(folder, "other", protocol="B1 [/b]", number=4)
    return tmp_path / "images"


@asynccontextmanager
async def at_convert(
    choices: Choices, folder: Path, draft: ConvertDraft, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    choices = replace(await surveyed(choices, folder), convert=draft)
    app = WizardApp(choices, (ConvertStep,))
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "series")
        await workers_done(app, "rules")
        await pilot.pause()
        try:
            yield app, pilot
        finally:
            app.choices = replace(app.choices, site=None)


def cells(app: WizardApp) -> list[tuple[str, ...]]:
    return [row.cells for row in app.screen.query_one(Rows).rows]


def by_nibabel(target: Path, **more: object) -> ConvertDraft:
    return replace(ConvertDraft(target=str(target), way="nibabel"), **more)  # type: ignore[arg-type]  # fields by name


async def converted(app: WizardApp, pilot: Pilot[None]) -> None:
    """Begin, and wait for the end."""
    await pilot.press("ctrl+n")
    await until_text(app, pilot, "[Convert: at work]")
    await workers_done(app, "converting")
    await pilot.pause()


async def first_image(target: Path) -> None:
    """Wait until there is an image; Pilot would wait until all work is done."""
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.001)
            if list(target.glob("*/*.nii.gz")):
                return


async def test_each_series_shows_its_rule_its_name_and_why_not(
    practice: Practice, study_folder: Path, home: Path
) -> None:
    async with logged_in(practice) as choices, at_convert(choices, study_folder, ConvertDraft()) as (app, pilot):
        assert "[Convert: DEMO]" in flat_text(app)
        assert "The built-in example: 5 rules" in flat_text(app)
        rules = {row[4] for row in cells(app)}
        assert {"T1w", "FLAIR", "rest", "no rule"} <= rules
        first = next(row for row in cells(app) if row[4] == "T1w")
        assert first[5].endswith("_T1w.nii.gz")
        assert first[0] == "[x]"
        nothing = next(number for number, row in enumerate(cells(app)) if row[4] == "no rule")
        assert cells(app)[nothing][0] == " - "
        await pilot.press("home", *["down"] * nothing)
        await until_text(app, pilot, "No rule takes it.")
        await until_text(app, pilot, 'not T1w: description is "')
        await pilot.press("enter")
        await until_text(app, pilot, "not dwi: description is")
        assert home


async def test_a_file_of_rules_is_read_again_when_it_changes(
    practice: Practice, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "LOOK_EVERY_S", 0.05)
    file = tmp_path / "my.toml"
    file.write_text(ONE_RULE)
    async with logged_in(practice) as choices, at_convert(choices, pairs, by_nibabel(tmp_path / "out")) as (app, pilot):
        field = app.screen.query_one("#rules", Input)
        field.focus()
        field.value = str(file)
        await pilot.press("enter")
        await until_text(app, pilot, "The file my.toml: 1 rule")
        assert [row[4] for row in cells(app)] == ["T1w", "no rule"] * 2
        file.write_text(ONE_RULE.replace("*t1w*", "*b1*"))
        os.utime(file, ns=(1, 1))
        async with asyncio.timeout(20):
            while [row[4] for row in cells(app)] != ["no rule", "T1w"] * 2:
                await pilot.pause(0.02)
        file.write_text(ONE_RULE.replace("bids =", "bdis ="))
        os.utime(file, ns=(2, 2))
        await until_text(app, pilot, "FAIL The file of rules cannot be used")
        await until_text(app, pilot, 'did you mean "bids". Next says')
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "convert.rules_bad")
        await pilot.press("escape")
        file.write_text(ONE_RULE)
        await pilot.press("f5")
        await until_text(app, pilot, "The file my.toml: 1 rule")


async def test_rules_are_chosen_copied_and_kept_in_the_project(practice: Practice, pairs: Path, home: Path) -> None:
    async with logged_in(practice) as choices, at_convert(choices, pairs, by_nibabel(home / "out")) as (app, pilot):
        assert choices.site
        await pilot.press("f2", "down", "enter")
        await until_text(app, pilot, 'The project "DEMO" keeps no naming rules')
        await pilot.press("f2", "down", "down", "down", "down", "enter")
        await until_text(app, pilot, "The rules are in this file:")
        file = home / "DEMO-rules.toml"
        assert 'description = "T1W 3D"' in file.read_text()
        await pilot.press("escape")
        await until_text(app, pilot, "The file DEMO-rules.toml: 2 rules")
        file.write_text(ONE_RULE)
        await pilot.press("f5")
        await until_text(app, pilot, "1 rule")
        await pilot.press("f6")
        await until_text(app, pilot, "Keep 1 rule in project DEMO?")
        await pilot.press("escape")
        assert await project_rules.text_of(choices.site, "DEMO") is None
        await pilot.press("f6")
        await until_text(app, pilot, "Keep 1 rule in project DEMO?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "Kept, and seen there")
        assert await project_rules.text_of(choices.site, "DEMO") == ONE_RULE
        await pilot.press("escape", "f6")
        await until_text(app, pilot, "keeps these rules already")
        await pilot.press("escape", "f2", "down", "down", "enter")
        await until_text(app, pilot, "The built-in example")
        await pilot.press("f6")
        await until_text(app, pilot, "Replace the rules of project DEMO?")
        await pilot.press("escape", "f2", "down", "enter")
        await until_text(app, pilot, "The rules of project DEMO: 1 rule")


async def test_rules_that_the_project_keeps_are_used_unless_others_are_chosen(
    practice: Practice, pairs: Path, tmp_path: Path
) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await project_rules.save(choices.site, "DEMO", ONE_RULE)
        async with at_convert(choices, pairs, by_nibabel(tmp_path / "out")) as (app, _):
            assert "The rules of project DEMO: 1 rule" in flat_text(app)
        async with at_convert(choices, pairs, by_nibabel(tmp_path / "out", rules_from="example")) as (app, _):
            assert "The built-in example: 5 rules" in flat_text(app)


async def test_pairs_become_a_dataset_and_what_is_made_stays(practice: Practice, pairs: Path, tmp_path: Path) -> None:
    need(Way.NIBABEL)
    target = tmp_path / "out"
    async with logged_in(practice) as choices, at_convert(choices, pairs, by_nibabel(target)) as (app, pilot):
        await converted(app, pilot)
        await until_text(app, pilot, "Done: 2 images made.")
        assert "BIDS validator" in flat_text(app)
        assert sorted(path.name for path in target.rglob("*.nii.gz")) == ["sub-p020_T1w.nii.gz", "sub-p021_T1w.nii.gz"]
        assert str(target)[-40:] in flat_text(app), screen_text(app)  # of a long path the end is shown
        await pilot.press("r")
        await until_text(app, pilot, "The folder:")
        await pilot.press("escape", "escape")
        await until_text(app, pilot, "Nothing is made yet.")
        await converted(app, pilot)
        await until_text(app, pilot, "Done: 0 images made, 2 were there already.")


async def test_one_that_is_left_out_is_not_made(practice: Practice, pairs: Path, tmp_path: Path) -> None:
    need(Way.NIBABEL)
    target = tmp_path / "out"
    draft = by_nibabel(target, rules_from="none", is_bids=False)
    async with logged_in(practice) as choices, at_convert(choices, pairs, draft) as (app, pilot):
        assert "[/b]" in screen_text(app)
        await until_text(app, pilot, "4 of 4 kinds of images would be converted.")
        await pilot.press("space")
        await until_text(app, pilot, "3 of 4 kinds of images would be converted.")
        await converted(app, pilot)
        await until_text(app, pilot, "Done: 3 images made.")
        assert len(list(target.rglob("*.nii.gz"))) == 3


async def test_a_missing_converter_is_explained_with_the_line_to_install_it(
    practice: Practice, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setitem(sys.modules, "dcm2niix", None)
    draft = ConvertDraft(target=str(tmp_path / "out"))
    async with logged_in(practice) as choices, at_convert(choices, pairs, draft) as (app, pilot):
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "pip install 'xnat-wizard[convert]'")
        await pilot.press("escape")
        await until_text(app, pilot, "g Go on")


async def test_a_folder_inside_the_source_is_refused(practice: Practice, pairs: Path) -> None:
    need(Way.NIBABEL)
    async with logged_in(practice) as choices, at_convert(choices, pairs, by_nibabel(pairs / "out")) as (app, pilot):
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "convert.target_in_source")


async def test_images_go_into_the_scans_of_the_project(practice: Practice, pairs: Path, tmp_path: Path) -> None:
    need(Way.NIBABEL)
    draft = by_nibabel(tmp_path / "out", into_xnat=True)
    async with logged_in(practice) as choices, at_convert(choices, pairs, draft) as (app, pilot):
        await converted(app, pilot)
        await until_text(app, pilot, "Done: 2 images made.")
        sent = [row for row in cells(app) if row[0].startswith("-> ")]
        assert [row[0].rpartition(" / ")[2] for row in sent].count("NIFTI") == 2
        assert {row[1] for row in sent} == {"ok    in XNAT, equal by MD5"}
        stored = {path.name for path in (practice.folder / "archive").rglob("*.nii.gz")}
        assert stored == {"sub-p020_T1w.nii.gz", "sub-p021_T1w.nii.gz"}


async def test_a_conversion_is_stopped_and_goes_on(practice: Practice, tmp_path: Path) -> None:
    need(Way.NIBABEL)
    for number in range(1, 31):
        folder = tmp_path / "images" / "p020"
        folder.mkdir(parents=True, exist_ok=True)
        write_pair(folder, f"s{number}", protocol=f"T1W {number}", number=number)
    target = tmp_path / "out"
    draft = by_nibabel(target, rules_from="none", is_bids=False)
    async with (
        logged_in(practice) as choices,
        at_convert(choices, tmp_path / "images", draft) as (app, pilot),
    ):
        begin = app.screen
        assert isinstance(begin, ConvertStep)
        begin.action_next()
        await first_image(target)
        at_work = app.screen
        assert isinstance(at_work, ConvertingScreen)
        at_work.action_stop()
        await until_text(app, pilot, "g goes on with the rest.")
        made = len(list(target.rglob("*.nii.gz")))
        assert 0 < made < 30
        await pilot.press("g")
        await until_text(app, pilot, f"Done: {30 - made} images made, {made} were there already.")
        assert len(list(target.rglob("*.nii.gz"))) == 30


async def test_options_change_names_at_once_and_back_keeps_them(
    practice: Practice, pairs: Path, tmp_path: Path
) -> None:
    async with logged_in(practice) as choices, at_convert(choices, pairs, by_nibabel(tmp_path / "out")) as (app, pilot):
        await pilot.press("f4")
        await until_text(app, pilot, "BIDS dataset")
        await pilot.press("enter", "escape")
        await until_text(app, pilot, "plain NIfTI, by nibabel")
        await until_text(app, pilot, "p020/003-T1w.nii.gz")
        screen = app.screen
        assert isinstance(screen, ConvertStep)
        screen.query_one("#target", Input).value = "/elsewhere"
        await pilot.pause()
        kept = screen.answer_back().choices.convert
        assert (kept.is_bids, kept.target, kept.way) == (False, "/elsewhere", "nibabel")
        assert not screen.query_one("#keep", Button).disabled


async def test_reading_headers_is_counted_and_stopped_between_two_files(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        survey = (await surveyed(choices, study_folder)).survey
    assert survey
    reading = Reading(survey)
    assert len(reading.read().items) > 4
    assert 0 < reading.done == reading.total
    source = reading.source
    assert source
    reading.end()
    with pytest.raises(Stopped):
        reading.read()


async def test_rules_that_were_typed_and_not_read_are_read_before_anything_is_made(
    practice: Practice, pairs: Path, tmp_path: Path
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(ONE_RULE)
    target = tmp_path / "out"
    async with logged_in(practice) as choices, at_convert(choices, pairs, by_nibabel(target)) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, ConvertStep)
        screen.query_one("#rules", Input).value = str(file)
        await pilot.pause()
        kept = screen.answer_back().choices.convert
        assert (kept.rules_from, kept.rules_path) == ("file", str(file))
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "The file my.toml: 1 rule")
        assert isinstance(app.screen, ConvertStep)
        assert not target.exists()


async def test_findings_speak_of_the_wizard_and_not_of_the_command_line(
    practice: Practice, pairs: Path, tmp_path: Path
) -> None:
    need(Way.NIBABEL)
    draft = by_nibabel(tmp_path / "out", rules_from="none", is_bids=False, existing="fail")
    async with logged_in(practice) as choices, at_convert(choices, pairs, draft) as (app, pilot):
        await converted(app, pilot)
        await pilot.press("escape")
        await until_text(app, pilot, "Nothing is made yet.")
        await converted(app, pilot)
        await pilot.press("enter")
        await until_text(app, pilot, "Options, Existing images")
        assert "--existing" not in flat_text(app)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_convert_golden(practice: Practice, pairs: Path, home: Path, size: tuple[int, int]) -> None:
    need(Way.NIBABEL)
    hide = {str(practice.server.port): "12345", str(home): "/home/anna"}
    name = f"{size[0]}x{size[1]}"
    draft = by_nibabel(Path("~/bids"))
    async with logged_in(practice) as choices, at_convert(choices, pairs, draft, size) as (app, pilot):
        await pilot.press("down")
        await check_golden(app, pilot, f"convert-{name}", hide)
        await pilot.press("f4", "down")
        await until_text(app, pilot, "Reads PAR/REC only.")
        await check_golden(app, pilot, f"convert-options-{name}", hide)
        await pilot.press("escape", "f2")
        await until_text(app, pilot, "Which rules?")
        await check_golden(app, pilot, f"convert-rules-{name}", hide)
        await pilot.press("escape", "f4", "enter", "escape")
        await until_text(app, pilot, "plain NIfTI, by nibabel")
        await until_text(app, pilot, "4 of 4 kinds")
        await converted(app, pilot)
        await check_golden(app, pilot, f"convert-done-{name}", hide)
