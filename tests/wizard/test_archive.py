"""The archive step, against a real practice server."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Static
from textual.widgets._footer import FooterKey

from support import Practice
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import folders_of, logged_in, on_stage, planned, send
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Receipt
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.archive import ArchiveStep
from xnat_wizard.wizard.steps.archive.transfer import named
from xnat_wizard.wizard.steps.archive.tree import Tree
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.model import ProjectDraft, Session


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


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_golden_of_projects(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await choices.site.create_project(ProjectDraft("OTHER", "Other project", "Other"))
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, project=None), ArchiveStep, size=size) as (app, pilot):
            await until_text(app, pilot, "2 projects. Enter opens one.")
            await pilot.press("enter")
            await until_text(app, pilot, "DEMO: 2 sessions.")
            hide = {f":{practice.server.port}": ":12345"}
            await check_golden(app, pilot, f"archive-projects-{size[0]}x{size[1]}", hide)


async def test_an_empty_archive_says_so(practice: Practice) -> None:
    async with logged_in(practice) as choices, on_stage(choices, ArchiveStep) as (app, pilot):
        await until_text(app, pilot, "No session is in the archive of DEMO yet.")


async def test_a_picture_is_drawn_at_once_and_follows_the_cursor(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, archived_session_id="Person_02_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "Person_02_MR1 is in the archive of DEMO: 5 scans, 16 files")
            await until_text(app, pilot, "2 of 3, has MD5")
            await workers_done(app, "picture")
            await pilot.pause()
            view = app.screen.query_one(PictureView)
            first = view.picture
            assert first is not None
            assert len(set(first.pixels)) > 8, "it shows something"
            await pilot.press("tab", "down")  # the next scan
            await until_text(app, pilot, "3 of 4, has MD5")
            await workers_done(app, "picture")
            second = view.picture
            assert second is not None
            assert second.pixels != first.pixels
            await pilot.press("full_stop")
            await until_text(app, pilot, "4 of 4, has MD5")
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


async def test_enter_leads_from_session_to_scans_to_files(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(choices, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "of 3, has MD5")
            for name in ("archive-scans", "archive-files"):
                await pilot.press("enter")
                await pilot.pause()
                assert app.focused is not None
                assert app.focused.id == name


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


async def test_projects_are_opened_where_none_is_chosen(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        assert choices.site
        await choices.site.create_project(ProjectDraft("OTHER", "Other project", "Other"))
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, project=None), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "2 projects. Enter opens one.")
            await pilot.press("enter")
            await until_text(app, pilot, "- DEMO")
            await until_text(app, pilot, "Person_01_MR1")
            await pilot.press("down", "down")
            await until_text(app, pilot, "is in the archive of DEMO: 5 scans, 16 files")
            await pilot.press("up", "up", "enter")
            await until_text(app, pilot, "+ DEMO")
            assert "Person_01_MR1" not in screen_text(app)
            await pilot.press("down", "enter")
            await until_text(app, pilot, "no session yet")


async def test_typing_narrows_the_sessions(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(choices, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "is in the archive")
            await pilot.press("slash", *"02")
            await until_text(app, pilot, "Person_02_MR1 is in the archive")
            assert "Person_01" not in screen_text(app)
            await pilot.press("escape")
            await until_text(app, pilot, "Person_01_MR1")


async def test_files_are_read_for_what_is_looked_at_only(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(choices, ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "2 of 3, has MD5")
            step = app.step
            assert isinstance(step, ArchiveStep)
            session = step.session()
            assert session
            read = [one.key for one in step._holdings[session.id].values() if one.files is not None]
            assert read in (["scan 1"], ["scan 101"])


async def test_a_scan_is_downloaded_and_compared(practice: Practice, study_folder: Path, tmp_path: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, archived_session_id="Person_01_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "2 of 3, has MD5")
            await pilot.press("g")
            await until_text(app, pilot, "Download what?")
            await pilot.press("down", "enter")
            await until_text(app, pilot, "Save 3 files")
            field = app.screen.query_one("#ask-0", Input)
            field.value = str(study_folder / "later" / "on")
            await until_text(app, pilot, "is made, for you only")
            await pilot.press("enter")
            await until_text(app, pilot, "3 files saved")
            assert "3 equal to the site's by MD5" in flat_text(app)
            folder = study_folder / "later" / "on" / "DEMO" / "Person_01_MR1" / "scan-1" / "DICOM"
            saved = sorted(folder.iterdir())
            assert len(saved) == 3
            assert {path.stat().st_mode & 0o777 for path in saved} == {0o600}
            assert folder.stat().st_mode & 0o777 == 0o700
            await pilot.press("escape", "g")
            await until_text(app, pilot, "Download what?")
            saved[0].write_bytes(b"mine")
            await pilot.press("down", "enter")
            await until_text(app, pilot, "Save 3 files")
            await pilot.press("enter")  # the folder is remembered
            await until_text(app, pilot, "1 file could not be saved")
            assert "2 files of them there already, and equal" in flat_text(app)
            assert saved[0].read_bytes() == b"mine"


async def test_a_whole_session_is_downloaded(practice: Practice, study_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("seen")
    async with logged_in(practice) as choices:
        assert choices.site
        await with_archived(choices, study_folder)
        session = await choices.site.session("DEMO", "Person_01_MR1")
        assert session
        await choices.site.put_file(session.id, "NOTES", "a/note.txt", tmp_path / "note.txt")
        async with on_stage(replace(choices, archived_session_id="Person_01_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "5 scans, NOTES, 17 files")
            await pilot.press("g")
            await until_text(app, pilot, "Download what?")
            await pilot.press("end", "enter")
            await until_text(app, pilot, "Save 17 files")
            app.screen.query_one("#ask-0", Input).value = str(study_folder / "all")
            await pilot.press("enter")
            await until_text(app, pilot, "17 files saved")
            place = study_folder / "all" / "DEMO" / "Person_01_MR1"
            assert (place / "NOTES" / "a" / "note.txt").read_text() == "seen"
            assert len([path for path in place.rglob("*") if path.is_file()]) == 17


async def test_a_stopped_download_leaves_no_half_file(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, archived_session_id="Person_01_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "2 of 3, has MD5")
            await pilot.press("g")
            await until_text(app, pilot, "Download what?")
            await pilot.press("end", "enter")
            await until_text(app, pilot, "Save 16 files")
            app.screen.query_one("#ask-0", Input).value = str(study_folder / "all")
            practice.stop()  # it goes away just now
            await pilot.press("enter")
            await until_text(app, pilot, "could not be saved")
            assert "16 files not saved" in flat_text(app)
            assert [path for path in (study_folder / "all").rglob("*") if path.is_file()] == []
            practice.start()


async def test_a_file_is_added_to_a_scan_and_seen_there(practice: Practice, study_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("seen")
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
        async with on_stage(replace(choices, archived_session_id="Person_01_MR1"), ArchiveStep) as (app, pilot):
            await until_text(app, pilot, "2 of 3, has MD5")
            await pilot.press("f")
            await until_text(app, pilot, "Add a file to what?")
            await pilot.press("enter")
            await until_text(app, pilot, "Add a file to scan 1 of Person_01_MR1")
            path, label = app.screen.query_one("#ask-0", Input), app.screen.query_one("#ask-1", Input)
            path.value = str(tmp_path / "none.txt")
            await until_text(app, pilot, "There is no file")
            path.value = str(tmp_path / "note.txt")
            label.value = "MY NOTES"
            await until_text(app, pilot, "named with letters")
            label.value = "NOTES"
            await pilot.press("enter")
            await until_text(app, pilot, "note.txt is in the resource NOTES of scan 1 of Person_01_MR1")
            await until_text(app, pilot, "NOTES: note.txt")


async def test_a_collaborator_cannot_add_a_file(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        await with_archived(choices, study_folder)
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.update(member="collaborator"))
    async with logged_in(practice, "member") as choices, on_stage(choices, ArchiveStep) as (app, pilot):
        await until_text(app, pilot, "is in the archive")
        await pilot.press("f")
        await until_text(app, pilot, "Your account may not add files in DEMO")


async def test_what_is_missing_leads_to_troubleshooting_where_there_is_such_a_way(
    practice: Practice, study_folder: Path, own_home: Path
) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        with Journal.create(own_home / "state" / "uploads" / "gaps", ready.plan) as journal:
            gaps = Receipt("2026", practice.url, "1.9.3", "owner", "DEMO", (), (), "INCOMPLETE 3", (), ())
            journal.records.keep_receipt(gaps)
        shown = replace(ready, journal_path=journal.path)
        answers: list[Answer | None] = []
        app = WizardApp(shown, (ArchiveStep,))
        async with app.run_test() as pilot:
            await until_text(app, pilot, "INCOMPLETE 3")
            assert not app.screen.query_one("#archive-find").display
            await app.push_screen(ArchiveStep(shown, frozenset({Move.TROUBLESHOOT})), answers.append)
            await until_text(app, pilot, "Find out")
            app.screen.query_one("#archive-find").focus()
            await pilot.press("enter")
            await app.push_screen(ArchiveStep(shown), answers.append)
            await until_text(app, pilot, "No session")
            await pilot.press("h")
            await pilot.pause()
            app.choices = replace(app.choices, site=None)
        assert [answer.move for answer in answers if answer] == [Move.TROUBLESHOOT, Move.HOME]


@pytest.mark.parametrize("label", ["..", ".", "a/b", "", "x" * 300, "Person_01_MR1"])
def test_a_label_never_leads_to_another_folder(tmp_path: Path, label: str) -> None:
    assert (tmp_path / named(label)).resolve().parent == tmp_path.resolve()


async def test_thousands_of_sessions_are_listed_at_once() -> None:
    tree = Tree()
    tree.fill(
        "P",
        [
            Session(f"E{n}", f"S{n // 3}_MR{n}", "P", f"S{n // 3}", "xnat:mrSessionData", "", f"{n:06}", "")
            for n in range(9000)
        ],
    )
    rows = tree.rows("", lambda _: 2, is_single=True)
    assert len(rows) == 12000
    assert [row.cells[0] for row in rows[:2]] == ["S2999", "  S2999_MR8999"], "the newest first"
    assert [row.key for row in tree.rows("mr8998", lambda _: 2, is_single=True)] == ["subject:P/S2999", "E8998"]
    assert tree.rows("", lambda one: 0 if one.id == "E0" else 2, is_single=True)[1].key == "E0"


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
