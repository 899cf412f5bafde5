"""The results step, against a real practice server: patterns, the preview, sending, stopping, going on, fetching."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from support import Practice
from upload.resources import contents, write
from wizard.screens import check_golden, flat_text, screen_text, until_text, workers_done
from wizard.stage import logged_in
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer, Choices, Move, ResultsDraft
from xnat_wizard.wizard.steps.results import ResultsStep, moving
from xnat_wizard.wizard.steps.results import step as step_module
from xnat_wizard.wizard.steps.results.moving import MovingScreen
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.resources import Address

SUBJECTS = ("p020", "p021", "p022", "p023")
QBOLD = {
    "maps/R2prime.nii": b"\x00\x01" * 40_000,
    "maps/T2s/echo1.nii.gz": b"one",
    "log.txt": "läuft".encode(),
}
DRAFT = ResultsDraft(session="{subject}-mri", label="qBOLD")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look right after a key."""
    monkeypatch.setattr(step_module, "WAIT_S", 0.0)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Give the folder around the results of four subjects."""
    for subject in SUBJECTS:
        write(tmp_path / "results" / f"erc-wp1-{subject}", {**QBOLD, "name": subject.encode()})
    return tmp_path / "results"


@asynccontextmanager
async def with_sessions(practice: Practice, subjects: tuple[str, ...] = SUBJECTS) -> AsyncIterator[Choices]:
    """Give a login to a project that has a session of each subject."""
    async with logged_in(practice) as choices:
        assert choices.site
        for one in subjects:
            await choices.site.resources.create(Address("DEMO", one, f"{one}-mri"), "xnat:mrSessionData")
        yield choices


@asynccontextmanager
async def at_results(
    choices: Choices, draft: ResultsDraft = DRAFT, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    app = WizardApp(replace(choices, results=draft), (ResultsStep,))
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "preview")
        await pilot.pause()
        try:
            yield app, pilot
        finally:
            app.choices = replace(app.choices, site=None)


def pattern(results: Path) -> ResultsDraft:
    return replace(DRAFT, path=f"{results}/erc-wp1-{{subject}}")


def standings(app: WizardApp) -> list[str]:
    return [row.cells[-1] for row in app.screen.query_one(Rows).rows]


async def type_into(app: WizardApp, pilot: Pilot[None], name: str, text: str) -> None:
    app.screen.query_one(f"#{name}", Input).value = text
    await pilot.pause()
    await workers_done(app, "preview")
    await pilot.pause()


async def sent(app: WizardApp, pilot: Pilot[None]) -> None:
    """Begin, and wait for the end."""
    await pilot.press("ctrl+n")
    await until_text(app, pilot, "Back")
    await workers_done(app, "moving")
    await pilot.pause()


def stored(practice: Practice, subject: str, label: str = "qBOLD") -> dict[str, bytes]:
    folders = [
        path for path in (practice.folder / "archive").rglob(label) if path.is_dir() and f"{subject}-mri" in path.parts
    ]
    return contents(folders[0]) if folders else {}


async def test_the_first_look_says_what_to_do(practice: Practice) -> None:
    async with with_sessions(practice, ()) as choices, at_results(choices, ResultsDraft()) as (app, pilot):
        await until_text(app, pilot, "Type the folder with the results, or press F2.")
        assert "[Results: DEMO]" in flat_text(app)
        assert app.screen.query_one("#start", Button).disabled
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Type the folder with the results")


async def test_a_folder_becomes_a_pattern_and_its_sessions_are_found(practice: Practice, results: Path) -> None:
    draft = ResultsDraft(label="qBOLD")
    async with with_sessions(practice) as choices, at_results(choices, draft) as (app, pilot):
        await type_into(app, pilot, "path", str(results))
        await until_text(app, pilot, "Enter takes the pattern .../erc-wp1-{subject}: it fits 4 here.")
        await pilot.press("enter")
        await until_text(app, pilot, "4 of 4 can be sent: 16 files, 320 kB.")
        assert app.screen.query_one("#path", Input).value.endswith("/results/erc-wp1-{subject}")
        assert app.screen.query_one("#session", Input).value == "{subject}-mri"
        assert standings(app) == ["new"] * 4
        assert "p020-mri / qBOLD" in flat_text(app)
        await pilot.press("f7")
        await until_text(app, pilot, "Type how sessions are called")
        assert app.screen.query_one("#path", Input).value == str(results)


async def test_a_folder_is_chosen_from_the_tree(practice: Practice, results: Path) -> None:
    draft = ResultsDraft(label="qBOLD", path=str(results.parent))
    async with with_sessions(practice) as choices, at_results(choices, draft) as (app, pilot):
        await pilot.press("f2")
        await until_text(app, pilot, "Which folder holds the results?")
        await until_text(app, pilot, "results")
        await pilot.press("down", "down", "enter")
        await until_text(app, pilot, "4 of 4 can be sent")


async def test_each_state_is_told_before_anything_is_sent(practice: Practice, results: Path) -> None:
    async with with_sessions(practice, ("p020", "p021", "p023")) as choices:
        async with at_results(choices, replace(pattern(results), subjects="p020")) as (app, pilot):
            await sent(app, pilot)
        (results / "erc-wp1-p021" / "maps" / "R2prime.nii").unlink()
        for path in (results / "erc-wp1-p023").rglob("*"):
            if path.is_file():
                path.unlink()
        async with at_results(choices, pattern(results)) as (app, pilot):
            await until_text(app, pilot, "2 of 4 can be sent")
            assert standings(app) == ["exists, same sizes", "new", "no such session", "nothing here"]
            (results / "erc-wp1-p020" / "name").write_bytes(b"another")
            (results / "erc-wp1-p020" / "new").write_bytes(b"1")
            await pilot.press("f5")
            await until_text(app, pilot, "exists, 1 differs")
            rows = app.screen.query_one(Rows)
            rows.focus()
            await pilot.press("down", "down", "enter")
            await until_text(app, pilot, "There is no such session in project `DEMO`")
            assert "--create" not in flat_text(app)
            await pilot.press("escape")
            await type_into(app, pilot, "session", "p020-mri")
            assert standings(app)[:3] == ["ambiguous"] * 3


async def test_four_results_arrive_with_their_sub_folders(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices, at_results(choices, pattern(results)) as (app, pilot):
        await sent(app, pilot)
        await until_text(app, pilot, "Done: every file was found at the other end.")
        assert standings(app) == ["ok    equal by MD5"] * 4
        for subject in SUBJECTS:
            assert stored(practice, subject) == contents(results / f"erc-wp1-{subject}")
        await pilot.press("r")
        await until_text(app, pilot, "4 files, 80 kB: 4 sent, 0 there already")
        await pilot.press("escape", "escape")
        await until_text(app, pilot, "exists, same sizes")


async def test_what_is_stopped_in_the_middle_goes_on(
    practice: Practice, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 1)
    async with with_sessions(practice) as choices, at_results(choices, pattern(results)) as (app, pilot):
        practice.server.faults.add(Fault(Kind.LATENCY, seconds=60, path="p022"))
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "2 of 4 done")
        await pilot.press("escape")
        await workers_done(app, "moving", "stop")
        await until_text(app, pilot, "Stopped. What is there stays; g goes on with the rest.")
        assert standings(app)[:2] == ["ok    equal by MD5"] * 2
        practice.server.faults.replace(())
        await pilot.press("g")
        await until_text(app, pilot, "Done: every file was found at the other end.")
        for subject in SUBJECTS:
            assert stored(practice, subject) == contents(results / f"erc-wp1-{subject}")


async def test_one_that_is_left_out_stays_here(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices, at_results(choices, pattern(results)) as (app, pilot):
        app.screen.query_one(Rows).focus()
        await pilot.press("down", "space")
        await until_text(app, pilot, "3 of 4 can be sent")
        await sent(app, pilot)
        await until_text(app, pilot, "Done")
        assert stored(practice, "p021") == {}
        assert stored(practice, "p022")


async def test_other_files_are_left_alone_until_replacing_is_chosen_and_confirmed(
    practice: Practice, results: Path
) -> None:
    draft = replace(pattern(results), subjects="p020")
    async with with_sessions(practice, ("p020",)) as choices, at_results(choices, draft) as (app, pilot):
        await sent(app, pilot)
        await pilot.press("escape")
        before = stored(practice, "p020")
        (results / "erc-wp1-p020" / "name").write_bytes(b"another")
        await pilot.press("f5")
        await until_text(app, pilot, "exists, 1 differs")
        await sent(app, pilot)
        await until_text(app, pilot, "warn 1 in the way")
        await pilot.press("enter")
        await until_text(app, pilot, "Options, Existing files")
        assert "--existing" not in flat_text(app)
        await pilot.press("escape", "escape")
        await until_text(app, pilot, "Nothing is sent yet")
        assert stored(practice, "p020") == before
        await pilot.press("f4")
        await until_text(app, pilot, "stop and say so")
        await pilot.press("enter", "enter")
        await until_text(app, pilot, "Files of the same names that differ are replaced.")
        await pilot.press("escape")
        await until_text(app, pilot, "F4 Options: replace existing")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Replace 1 file on the site?")
        await pilot.press("escape")
        await until_text(app, pilot, "Nothing is sent yet")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Replace 1 file on the site?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "Done: every file")
        assert stored(practice, "p020")["name"] == b"another"


async def test_missing_sessions_are_made_where_that_is_chosen(practice: Practice, results: Path) -> None:
    async with with_sessions(practice, ()) as choices, at_results(choices, pattern(results)) as (app, pilot):
        assert standings(app) == ["no such session"] * 4
        await pilot.press("f4", "down", "down", "space", "escape")
        await until_text(app, pilot, "new, session too")
        await sent(app, pilot)
        await until_text(app, pilot, "Done")
        assert stored(practice, "p023") == contents(results / "erc-wp1-p023")


async def test_a_folder_may_be_kept_as_one_archive_of_a_scan(practice: Practice, results: Path) -> None:
    draft = replace(pattern(results), keeps_archive=True, creates=True)
    async with with_sessions(practice, ()) as choices, at_results(choices, draft) as (app, pilot):
        await pilot.press("f3")
        await until_text(app, pilot, "What does the resource belong to?")
        await pilot.press("down", "down", "down", "enter")
        await until_text(app, pilot, "Type the number of the scan.")
        await type_into(app, pilot, "scan", "4")
        await until_text(app, pilot, "p020-mri scan 4")
        await sent(app, pilot)
        await until_text(app, pilot, "Done")
        assert list(stored(practice, "p021")) == ["erc-wp1-p021.zip"]


async def test_resources_are_fetched_by_the_same_pattern(practice: Practice, results: Path, tmp_path: Path) -> None:
    draft = replace(pattern(results), folder=f"{tmp_path}/here/{{subject}}")
    async with with_sessions(practice) as choices, at_results(choices, draft) as (app, pilot):
        await sent(app, pilot)
        await pilot.press("escape", "f6")
        await until_text(app, pilot, "4 of 4 can be saved here: 16 files")
        await sent(app, pilot)
        await until_text(app, pilot, "Done: every file was found")
        for subject in SUBJECTS:
            assert contents(tmp_path / "here" / subject) == contents(results / f"erc-wp1-{subject}")
        await pilot.press("escape")
        await until_text(app, pilot, "exists, same sizes")
        await pilot.press("f6")
        await until_text(app, pilot, "exists, same sizes")
        assert app.screen.query_one("#path", Input).value == draft.path


async def test_who_may_not_upload_can_fetch(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices:
        assert choices.project
        reader = replace(choices.project, role=choices.project.role.COLLABORATOR)
        async with at_results(replace(choices, project=reader), pattern(results)) as (app, pilot):
            assert "Nothing is fetched yet" in flat_text(app)
            await pilot.press("f6")
            await pilot.pause()
            assert "Nothing is fetched yet" in flat_text(app)
            assert app.screen.query_one("#turn", Button).disabled


async def test_a_wrong_pattern_is_told_and_explained(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices, at_results(choices, pattern(results)) as (app, pilot):
        await type_into(app, pilot, "path", f"{results}/[red]erc-{{person}}")
        await until_text(app, pilot, "It knows no {person}, only {subject}. Next says")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "resource.bad_pattern")
        await pilot.press("escape")
        await type_into(app, pilot, "path", f"{results}/other-{{subject}}")
        await until_text(app, pilot, "is called like")
        await type_into(app, pilot, "path", f"{results}/erc-wp1-{{subject}}")
        await type_into(app, pilot, "subjects", "p023..p020")
        await until_text(app, pilot, "Its end comes before its beginning")


async def test_a_site_that_is_away_is_told_and_asked_again(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices, at_results(choices, pattern(results)) as (app, pilot):
        practice.stop()
        await pilot.press("f5")
        await until_text(app, pilot, "FAIL")
        practice.start()
        await pilot.press("f5")
        await until_text(app, pilot, "4 of 4 can be sent")


async def test_back_keeps_what_was_typed(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices:
        kept: list[Answer | None] = []
        app = WizardApp(choices)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            app.push_screen(ResultsStep(replace(choices, results=pattern(results))), kept.append)
            await until_text(app, pilot, "4 of 4 can be sent")
            await type_into(app, pilot, "label", "maps")
            await pilot.press("escape")
            await pilot.pause()
            app.choices = replace(app.choices, site=None)
        assert kept[0]
        assert kept[0].move is Move.BACK
        assert kept[0].choices.results == replace(pattern(results), label="maps")


async def test_quitting_while_it_runs_is_asked(practice: Practice, results: Path) -> None:
    async with with_sessions(practice) as choices, at_results(choices, pattern(results)) as (app, pilot):
        practice.server.faults.add(Fault(Kind.LATENCY, seconds=60, path="p022"))
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "s Stop")
        await pilot.press("ctrl+q")
        await until_text(app, pilot, "What runs here stops.")
        await pilot.press("escape", "s")
        await workers_done(app, "moving", "stop")
        assert isinstance(app.screen, MovingScreen)
        assert app.screen.would_lose() == ""


async def test_names_are_never_markup(practice: Practice, tmp_path: Path) -> None:
    folder = write(tmp_path / "[r]p020[b]", {"[/b]": b"1"})
    draft = replace(DRAFT, path=f"{folder.parent}/[r]{{subject}}[b]", label="[bold]x")
    async with with_sessions(practice, ("p020",)) as choices, at_results(choices, draft) as (app, pilot):
        await until_text(app, pilot, "1 of 1 can be sent")
        assert "[r]p020[b]" in screen_text(app)
        assert "[bold]x" in screen_text(app)
        await sent(app, pilot)
        await until_text(app, pilot, "Done")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_results_golden(practice: Practice, results: Path, size: tuple[int, int]) -> None:
    hide = {str(practice.server.port): "12345", str(results): "/results"}
    async with with_sessions(practice, ("p020", "p021", "p022")) as choices:
        async with at_results(choices, ResultsDraft(), size) as (app, pilot):
            await check_golden(app, pilot, f"results-first-{size[0]}x{size[1]}", hide)
        async with at_results(choices, replace(pattern(results), subjects="p020"), size) as (app, pilot):
            await sent(app, pilot)
        async with at_results(choices, pattern(results), size) as (app, pilot):
            app.screen.query_one(Rows).focus()
            path = app.screen.query_one("#path", Input)
            with path.prevent(Input.Changed):
                path.value = "/results/erc-wp1-{subject}"
            await check_golden(app, pilot, f"results-{size[0]}x{size[1]}", hide)
            await sent(app, pilot)
            await check_golden(app, pilot, f"results-done-{size[0]}x{size[1]}", hide)
