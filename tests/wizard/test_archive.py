"""The archive step, against a real practice server."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static
from textual.widgets._footer import FooterKey

from support import Practice
from wizard.screens import check_golden, flat_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, send
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.rows import Rows


def rows_of(app: WizardApp, name: str) -> Rows:
    return app.screen.query_one(f"#archive-{name}", Rows)


async def with_archived(choices: Choices, study: Path) -> None:
    """Put both subjects of the study into the archive."""
    assert choices.site
    for folder in folders_of(study):
        uri = await send(choices, folder, folder.name, f"{folder.name}_MR1")
        await choices.site.build(uri)
        await choices.site.archive(uri)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, archived_session_id="Person_01_MR1"), ArchiveStep, size=size) as (
            app,
            pilot,
        ):
            await until_text(app, pilot, "of 3, has MD5")
            await until_text(app, pilot, "5 scans, 16 files")
            await check_golden(app, pilot, f"archive-{size[0]}x{size[1]}", {f":{practice.server.port}": ":12345"})


async def test_an_empty_archive_says_so(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, ArchiveStep) as (app, pilot):
        await until_text(app, pilot, "No session is in the archive of DEMO yet.")


async def test_a_picture_is_drawn_at_once_and_follows_the_cursor(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, archived_session_id="Person_02_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "Person_02_MR1 is in the archive of DEMO: 5 scans, 16 files")
            await workers_done(app, "picture")
            await pilot.pause()
            view = app.screen.query_one(PictureView)
            first = view.picture
            assert first is not None
            assert len(set(first.pixels)) > 8, "it shows something"
            await pilot.press("tab", "down")  # the next scan
            await until_text(app, pilot, "3 of 4")
            await workers_done(app, "picture")
            second = view.picture
            assert second is not None
            assert second.pixels != first.pixels
            await pilot.press("full_stop")
            await until_text(app, pilot, "4 of 4")
            await workers_done(app, "picture")
            assert view.picture != second


async def test_enter_on_a_file_shows_it_large(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(choices, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "of 3, has MD5")
            rows_of(app, "files").focus()
            await pilot.press("enter")
            await until_text(app, pilot, "Up, Down: other images")
            large = app.screen.query_one(PictureView)
            before = large.picture
            await pilot.press("down")
            await until_text(app, pilot, "3 of 3")
            assert large.picture != before
            await pilot.press("escape")
            await until_text(app, pilot, "[7 Archive]")


async def test_resources_of_the_session_are_listed(practice: Practice, study_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.PAR").write_bytes(b"# === DATA DESCRIPTION FILE ===\n")
    async with logged_in(practice) as choices:
        assert choices.site
        await with_archived(choices, study_folder)
        session = await choices.site.session("DEMO", "Person_01_MR1")
        assert session
        await choices.site.put_file(session.id, "PARREC", "T1/scan.PAR", tmp_path / "scan.PAR")
        async with on_stage(replace(choices, archived_session_id="Person_01_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "5 scans, PARREC, 17 files")
            rows_of(app, "scans").focus()
            await pilot.press("end")
            await until_text(app, pilot, "scan.PAR")
            await until_text(app, pilot, "no picture")


async def test_upload_more_goes_back_to_the_folder_with_the_login(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        begun = replace(choices, journal_path=study_folder / "none", archived_session_id="Person_01_MR1")
        async with on_stage(begun, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "Person_01_MR1 is in the archive")
            before = app.screen
            await pilot.press("u")
            await until_text(app, pilot, "is in the archive")
            assert app.screen is not before
            assert app.choices.journal_path is None
            assert app.choices.site is not None


async def test_a_silent_site_is_explained_and_asked_again(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        practice.stop()
        async with on_stage(choices, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "What happened")
            practice.start()
            await pilot.press("escape", "f5")
            await until_text(app, pilot, "is in the archive of DEMO")


async def test_a_picture_that_cannot_be_made_leaves_a_word(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        for path in (practice.folder / "archive").rglob("*.dcm"):
            path.write_bytes(path.read_bytes()[:2000])
        async with on_stage(choices, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "no picture")
            assert app.screen.query_one(PictureView).picture is None
            assert "no picture" in str(app.screen.query_one("#archive-caption", Static).content)


async def test_footer_fits_in_80_columns(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, ArchiveStep) as (app, pilot):
        await until_text(app, pilot, "No session")
        keys = [key for key in app.screen.query(FooterKey) if key.display]
        assert len(keys) <= 7, "six and the palette"
        assert max(key.region.right for key in keys) <= 80
        assert "Receipt" not in flat_text(app)
