"""A zip or tar file as the source: chosen in the tree, looked at, and sent."""

import tarfile
import zipfile
from pathlib import Path

import pytest
from textual.widgets import Input

from support import Practice
from wizard.screens import flat_text, screen_text, until_text, workers_done
from wizard.stage import logged_in, on_stage
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.folder import FolderStep
from xnat_wizard.wizard.steps.folder.chooser import FolderTree, is_archive_name, source_text
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.steps.upload import UploadStep
from xnat_wizard.wizard.widgets.paths import complete, nearest_folder
from xnat_wizard.wizard.widgets.picture import PictureView


def packed(study: Path, name: str, inside: str = "") -> Path:
    """Pack a study; `inside` is a folder around it in the archive."""
    archive = study.parent / name
    files = [(path, Path(inside) / path.relative_to(study)) for path in sorted(study.rglob("*")) if path.is_file()]
    if name.endswith(".zip"):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path, member in files:
                zipped.write(path, member)
    else:
        with tarfile.open(archive, "w:gz" if name.endswith("gz") else "w") as tarred:
            for path, member in files:
                tarred.add(path, member)
    return archive


@pytest.mark.parametrize("name", ["study.zip", "study.tar", "study.tgz", "study.tar.gz"])
@pytest.mark.parametrize("inside", ["", "export"], ids=["bare", "in-a-folder"])
async def test_an_archive_is_read_and_an_image_of_it_is_shown(study_folder: Path, name: str, inside: str) -> None:
    archive = packed(study_folder, name, inside)
    app = WizardApp(Choices(), steps=(FolderStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.screen.query_one("#path", Input).value = str(archive)
        await pilot.press("enter")
        heading = f"{name}/{inside}".removesuffix("/")
        await until_text(app, pilot, f"{heading}: 2 subjects, 10 series, 32 images")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "image 2 of 3 MR")
        assert app.screen.query_one(PictureView).picture is not None
        await pilot.press("right")
        await until_text(app, pilot, "image 3 of 3 MR")
        await pilot.press("escape")
        await workers_done(app, "view")
        await until_text(app, pilot, "This was found")


async def test_an_archive_that_has_gone_is_said_where_its_picture_would_be(study_folder: Path) -> None:
    archive = packed(study_folder, "study.zip")
    app = WizardApp(Choices(source=archive), steps=(FolderStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await until_text(app, pilot, "This was found")
        archive.unlink()
        await pilot.press("down", "enter")
        await until_text(app, pilot, "image 2 of 3: There is no archive")
        await pilot.press("escape")
        await until_text(app, pilot, "This was found")


async def test_the_tree_shows_archives_and_enter_takes_one(study_folder: Path) -> None:
    packed(study_folder, "export.tar.gz")
    packed(study_folder, "other.zip").rename(study_folder.parent / "OTHER.ZIP")
    (study_folder.parent / "notes.txt").touch()
    (study_folder.parent / ".hidden.zip").touch()
    app = WizardApp(Choices(source=study_folder.parent), steps=(FolderStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "export.tar.gz")
        text = screen_text(app)
        assert "OTHER.ZIP" in text
        assert "notes.txt" not in text
        assert ".hidden" not in text
        tree = app.screen.query_one(FolderTree)
        tree.focus()
        (line,) = [one.line for one in tree.root.children if str(one.label).strip() == "export.tar.gz"]
        tree.move_cursor_to_line(line)
        await pilot.pause()
        assert app.screen.query_one("#path", Input).value.endswith("/export.tar.gz")
        await pilot.press("space")  # there is nothing to open
        await pilot.pause()
        await pilot.press("enter")
        await until_text(app, pilot, "export.tar.gz: 2 subjects, 10 series")
        await pilot.press("escape")  # to the chooser: the path is there as it was
        await until_text(app, pilot, "Choose the folder")
        assert app.screen.query_one("#path", Input).value.endswith("/export.tar.gz")


async def test_a_folder_inside_an_archive_can_be_typed_and_found_again(study_folder: Path) -> None:
    archive = packed(study_folder, "study.tgz", inside="export/of/today")
    app = WizardApp(Choices(typed_folder=f"{archive}/export/of/today/"), steps=(FolderStep,))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "study.tgz")
        await pilot.press("enter")
        await until_text(app, pilot, "2 subjects, 10 series")
        step = app.screen
        assert isinstance(step, FolderStep)
        assert step.choices.source == archive / "export/of/today"


async def test_a_zip_goes_to_the_archive_from_here_to_done(practice: Practice, study_folder: Path) -> None:
    archive = packed(study_folder, "study.zip", inside="export")
    async with (
        logged_in(practice) as choices,
        on_stage(choices, FolderStep, PlanStep, UploadStep) as (app, pilot),
    ):
        app.screen.query_one("#path", Input).value = str(archive)
        await pilot.press("enter")
        await until_text(app, pilot, "This was found")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "new")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "2 sessions, 32 files")
        await pilot.press("enter")
        await until_text(app, pilot, "Done: every file was found on the site.")
        assert "32 of 32 files sent, 32 found on the site" in flat_text(app)
        await pilot.press("escape")
        await until_text(app, pilot, "[4 Plan]")


def test_completion_and_texts_know_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "study.zip").touch()
    (tmp_path / "other.zip").mkdir()
    assert complete(f"{tmp_path}/st", is_archive_name) == f"{tmp_path}/study.zip"
    assert complete(f"{tmp_path}/ot", is_archive_name) == f"{tmp_path}/other.zip/"
    assert source_text(tmp_path / "study.zip") == "~/study.zip"
    assert source_text(tmp_path / "other.zip") == "~/other.zip/"
    assert nearest_folder(tmp_path / "study.zip" / "export") == tmp_path
