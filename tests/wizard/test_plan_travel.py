"""How a plan travels, chosen in the plan step: route, receiver, speed; against a real practice server."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from practice.sending import port_of
from support import Practice
from upload.builders import series, survey
from upload.dicom_sends import free_port, peer_of
from upload.processes import wait_for_end
from wizard.screens import check_golden, flat_text, until_text, workers_done
from wizard.stage import logged_in, on_stage, planned, surveyed
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import uploads
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.estimate import ASSUMED, Speed
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Compression, Destination, Options, Plan, Route, UploadState
from xnat_wizard.upload.plan import draft, load
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.steps.plan import PlanStep
from xnat_wizard.wizard.steps.plan.travel import TravelScreen
from xnat_wizard.wizard.steps.plan.words import way_words
from xnat_wizard.wizard.steps.upload import UploadStep
from xnat_wizard.wizard.widgets.rows import Rows

SIZES = [(80, 24), (60, 20)]


def plan_in(app: WizardApp) -> Plan:
    screen = app.screen
    assert isinstance(screen, PlanStep)
    return screen._plan


async def open_row(app: WizardApp, pilot: Pilot[None], key: str) -> None:
    """Go to a row, wherever it stands among the others, and press Enter."""
    app.screen.query_one(Rows).go_to(key)
    await pilot.press("enter")


def hidden(practice: Practice) -> dict[str, str]:
    return {f":{practice.server.port}": ":12345", f"port {port_of(practice)}": "port 10104"}


@pytest.mark.parametrize("size", SIZES)
async def test_golden(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, size=size) as (app, pilot),
    ):
        await workers_done(app, "forecast", "speed")
        await pilot.press("t")
        await until_text(app, pilot, "at most 8 connections")
        await workers_done(app, "speed")
        await check_golden(app, pilot, f"plan-travel-{size[0]}x{size[1]}")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "By which route?")
        await check_golden(app, pilot, f"plan-travel-routes-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES)
async def test_golden_of_a_receiver_that_answers(practice: Practice, study_folder: Path, size: tuple[int, int]) -> None:
    async with (
        logged_in(practice, "admin") as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, size=size) as (app, pilot),
    ):
        await workers_done(app, "forecast", "speed")
        await pilot.press("t", "down", "enter")
        await until_text(app, pilot, "By which route?")
        await pilot.press("down", "down", "enter")
        await until_text(app, pilot, "No receiver is chosen yet")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "Which receiver of the site?")
        await pilot.press("enter")
        await until_text(app, pilot, "answers an echo")
        await workers_done(app, "speed")
        await check_golden(app, pilot, f"plan-travel-c-store-{size[0]}x{size[1]}", hidden(practice))


async def test_a_receiver_of_the_site_is_chosen_tested_and_sent_to(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice, "admin") as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep, UploadStep) as (app, pilot),
    ):
        await workers_done(app, "forecast", "speed")
        await pilot.press("t", "down", "enter")
        await until_text(app, pilot, "By which route?")
        await pilot.press("down", "down", "enter")
        await until_text(app, pilot, "No receiver is chosen yet")
        await pilot.press("down", "enter")
        await until_text(app, pilot, f"XNAT port {port_of(practice)}")
        await pilot.press("enter")
        await until_text(app, pilot, "answers an echo")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "C-STORE to XNAT: less than a minute")
        await workers_done(app, "forecast", "speed")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, f"by C-STORE to XNAT at 127.0.0.1 port {port_of(practice)}")
        await pilot.press("enter")
        await workers_done(app, "start")
        (path,) = uploads.journals()
        with Journal.open(path) as journal:
            assert wait_for_end(journal) is UploadState.DONE
            assert journal.dicom_statuses() == {0: journal.progress().files_total}
        await until_text(app, pilot, "Done: every file was found")


async def test_where_the_site_shows_no_receiver_it_is_typed(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        practice.on_loop(lambda store: store.state.receivers.clear())
        await pilot.press("t", "down", "enter")
        await until_text(app, pilot, "By which route?")
        await pilot.press("down", "down", "enter")
        await until_text(app, pilot, "No receiver is chosen yet")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "The DICOM receiver")
        field = app.screen.query_one("#receiver-port", Input)
        field.value = "nonsense"
        await until_text(app, pilot, "is no address of a DICOM receiver")
        await pilot.press("enter")
        assert app.screen.query("#receiver-port"), "what is no receiver is not taken"
        field.value = f"{free_port()}"
        app.screen.query_one("#receiver-title", Input).value = "HERE"
        await until_text(app, pilot, "OK takes it")
        await pilot.press("enter")
        await until_text(app, pilot, "FAIL No DICOM receiver answers at 127.0.0.1")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "C-STORE to HERE")
        await until_text(app, pilot, "ask No DICOM receiver answers")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Go on all the same?")


async def test_without_a_receiver_the_plan_does_not_go_on(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        plan = replace(ready.plan, route=Route.DICOM)
        ready = replace(await surveyed(ready, study_folder), plan=plan)
        async with on_stage(ready, PlanStep, UploadStep) as (app, pilot):
            await until_text(app, pilot, "C-STORE to nobody yet")
            await pilot.press("ctrl+n")
            await until_text(app, pilot, "does not say to which")


async def test_all_of_it_is_one_edit_that_is_taken_back_and_saved(
    practice: Practice, study_folder: Path, tmp_path: Path
) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("t")
        await until_text(app, pilot, "Compression")
        await pilot.press("enter")
        await until_text(app, pilot, "Where do sessions end?")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "the archive")
        await open_row(app, pilot, "compression")
        await until_text(app, pilot, "Are files compressed")
        await pilot.press("down", "down", "enter")
        await until_text(app, pilot, "Never")
        await open_row(app, pilot, "speed")
        await until_text(app, pilot, "How fast may this upload be?")
        app.screen.query_one("#speed-limit", Input).value = "5M"
        await pilot.press("enter")
        await until_text(app, pilot, "at most 5.0 MB/s")
        await open_row(app, pilot, "route")
        await until_text(app, pilot, "By which route?")
        await pilot.press("down", "enter")
        await until_text(app, pilot, "32 requests instead of 10")
        assert "Compression" not in flat_text(app)  # single objects travel as they are
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Gradual: ")
        chosen = plan_in(app)
        assert (chosen.destination, chosen.route) == (Destination.ARCHIVE, Route.GRADUAL)
        assert chosen.options == Options(5_000_000, 8, Compression.NEVER)
        await pilot.press("s")
        app.screen.query_one("#save-path", Input).value = str(tmp_path / "plan.json")
        await pilot.press("enter")
        await until_text(app, pilot, "ok Saved")
        assert load(tmp_path / "plan.json") == chosen
        await pilot.press("escape", "u")
        await until_text(app, pilot, "Taken back: how it travels")
        assert (plan_in(app).destination, plan_in(app).route) == (Destination.PREARCHIVE, Route.IMPORT)
        assert plan_in(app).options == Options()
        await until_text(app, pilot, "Import: ")


async def test_escape_and_the_button_change_nothing(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        before = plan_in(app)
        for leave in ("escape", "#travel-leave"):
            await pilot.press("t")
            await until_text(app, pilot, "How it travels")
            await pilot.press("down", "enter", "down", "enter")
            await until_text(app, pilot, "Gradual")
            if leave == "escape":
                await pilot.press("f1")
                await until_text(app, pilot, "Enter on a row changes it")
                await pilot.press("escape")  # the help first
                assert isinstance(app.screen, TravelScreen)
                await pilot.press("escape")
            else:
                await pilot.click(leave)
            await until_text(app, pilot, "Check what will be sent")
            assert plan_in(app) == before


async def test_how_the_identification_is_written_and_over_how_many_associations(
    practice: Practice, study_folder: Path
) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        plan = replace(ready.plan, route=Route.DICOM, receiver=peer_of(practice))
        ready = replace(await surveyed(ready, study_folder), plan=plan)
        async with on_stage(ready, PlanStep) as (app, pilot):
            await pilot.press("t")
            await until_text(app, pilot, "How it travels")
            await open_row(app, pilot, "scheme")
            await until_text(app, pilot, "Where is the identification written?")
            await pilot.press("end", "enter")
            await until_text(app, pilot, "Names and IDs")
            await open_row(app, pilot, "speed")
            await until_text(app, pilot, "How fast may this upload be?")
            app.screen.query_one("#speed-connections", Input).value = "2"
            await pilot.press("enter")
            await until_text(app, pilot, "at most 2 connections")
            await pilot.press("t")
            await until_text(app, pilot, "answers an echo")
            await pilot.press("ctrl+n")
            await workers_done(app, "forecast", "speed")
            peer = plan_in(app).receiver
            assert peer is not None
            assert (peer.scheme, peer.associations) == (Scheme.NAMES, 2)
            assert plan_in(app).options.most_connections == 8  # over HTTP as before


async def test_a_receiver_is_not_kept_for_another_site(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        plan = replace(ready.plan, site_url="http://other", route=Route.DICOM, receiver=Peer("other", 1))
        ready = replace(await surveyed(ready, study_folder), plan=plan)
        async with on_stage(ready, PlanStep) as (app, pilot):
            await until_text(app, pilot, "Import: ")
            assert plan_in(app).receiver is None


async def test_the_palette_has_it(practice: Practice, study_folder: Path) -> None:
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, pilot),
    ):
        await pilot.press("ctrl+p", *"how it travels")
        await until_text(app, pilot, "Route, receiver, speed and compression")
        await pilot.press("enter")
        await until_text(app, pilot, "Ends in")
        assert "Change nothing" in flat_text(app)


def test_the_way_is_said_with_its_time() -> None:
    plan = draft(survey(series("A/one")), site_url="", project="P", destination=Destination.ARCHIVE)
    assert way_words(plan, ASSUMED) == "Import: less than a minute, at 10 MB/s (assumed)"
    assert way_words(plan, Speed(0.1, 100, 3)) == "Import: about 3 minutes, at 0 B/s as in 3 earlier uploads"
    dicom = replace(plan, route=Route.DICOM, receiver=Peer("h", 1, "HERE"))
    assert way_words(dicom, ASSUMED).startswith("C-STORE to HERE: ")
    nothing = replace(plan, sessions=())
    assert way_words(nothing, ASSUMED) == "Import"


async def test_where_the_rules_of_the_receiver_file_a_session_is_told_in_its_row(
    practice: Practice, study_folder: Path
) -> None:
    def route(store: Store) -> None:
        store.state.receivers[0].routing_expressions_enabled = True
        store.state.receivers[0].session_routing_expression = "(0008,0060):(MR)"

    practice.on_loop(route)
    async with logged_in(practice, "admin") as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        plan = replace(ready.plan, route=Route.DICOM, receiver=peer_of(practice))
        ready = replace(await surveyed(ready, study_folder), plan=plan)
        async with on_stage(ready, PlanStep, size=(120, 40)) as (app, pilot):
            await until_text(app, pilot, "other labels: the site")
            await until_text(app, pilot, "session `MR` of subject")
            await pilot.press("ctrl+n")
            await until_text(app, pilot, "Go on all the same?")


async def test_before_the_start_the_speed_is_that_of_the_associations(practice: Practice, study_folder: Path) -> None:
    async with logged_in(practice) as choices:
        ready = await planned(choices, study_folder)
        assert ready.plan
        plan = replace(ready.plan, route=Route.DICOM, receiver=peer_of(practice))
        async with on_stage(replace(ready, plan=plan), UploadStep) as (app, pilot):
            await until_text(app, pilot, "speed no limit, at most 4 connections")
            await pilot.press("v")
            await until_text(app, pilot, "How fast may this upload be?")
            assert app.screen.query_one("#speed-connections", Input).value == "4"
            app.screen.query_one("#speed-connections", Input).value = "3"
            await pilot.press("enter")
            await until_text(app, pilot, "speed no limit, at most 3 connections")
            await pilot.press("enter")
            await workers_done(app, "start")
            (path,) = uploads.journals()
            with Journal.open(path) as journal:
                assert wait_for_end(journal) is UploadState.DONE
                kept = journal.plan()
                assert kept.receiver is not None
                assert (kept.receiver.associations, kept.options.most_connections) == (3, 8)
