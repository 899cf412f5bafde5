"""The project step, against a real practice server."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from support import Practice
from wizard.screens import check_golden, flat_text, until_text, workers_done
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import Secret
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.project import ProjectStep, new
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.draft_checks import check_id, check_running_title, taken_names
from xnat_wizard.xnat.model import Login, Project, ProjectDraft, Role
from xnat_wizard.xnat.site import Site


@asynccontextmanager
async def project_step(
    practice: Practice, username: str = "owner", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    site = await Site.connect(Login(practice.url, username, Secret(username)))
    app = WizardApp(Choices(site=site), steps=(ProjectStep,))
    async with app.run_test(size=size) as pilot:
        await workers_done(app, "projects", "settings")
        await pilot.pause()
        yield app, pilot


def value_of(app: WizardApp, name: str) -> str:
    return app.screen.query_one(f"#{name}", Input).value


async def fill_form(app: WizardApp, pilot: Pilot[None], **values: str) -> None:
    await pilot.press("f2")
    await until_text(app, pilot, "Describe the new project")
    for name, value in values.items():
        app.screen.query_one(f"#{name.replace('_', '-')}", Input).value = value
    await pilot.pause()


async def test_a_project_is_listed_with_role_and_what_it_does(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await until_text(app, pilot, "Archive: by hand")
        text = flat_text(app)
        assert "DEMO" in text
        assert "owner" in text
        assert "Anonymization: off" in text


async def test_enter_takes_the_project(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await pilot.press("enter")
        await workers_done(app, "wizard")
        assert app.choices.project is not None
        assert app.choices.project.id == "DEMO"


async def test_search_shortens_the_list(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        app.screen.query_one("#search", Input).focus()
        await pilot.press(*"nothing like this")
        await pilot.pause()
        assert "No project has these words" in flat_text(app)
        assert app.screen.query_one(Rows).rows == ()


async def test_no_project_yet_says_what_to_do(practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.projects.clear())
    async with project_step(practice) as (app, _):
        assert "There is no project yet that you can see. F2 makes one; or ask for membership." in flat_text(app)


async def test_a_project_without_upload_right_is_shown_and_explained(practice: Practice) -> None:
    async with project_step(practice, "owner") as (app, pilot):
        step = app.screen
        assert isinstance(step, ProjectStep)
        step.projects = (Project("PUB", "[red]Atlas[/b]", "", "", "", Role.NONE, "public", "0"),)
        step._texts = {"PUB": "pub"}
        step._fill()
        await pilot.pause()
        assert "no upload" in flat_text(app)
        assert "[red]Atlas[/b]" in flat_text(app)
        await pilot.press("enter")
        await until_text(app, pilot, "project.no_upload_right")


async def test_a_new_project_is_made_and_chosen(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await fill_form(app, pilot, id="HIPPO", name="Hippocampus in ageing", keywords="brain age")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "HIPPO: Hippocampus in ageing")
        await workers_done(app, "projects", "settings")
        await until_text(app, pilot, "Project HIPPO is made. Press Enter to use it.")
        assert "[ Choose ]" in flat_text(app), "nothing covers the buttons"
        assert not app.screen.query("Toast")
        assert "HIPPO" in practice.on_loop(lambda store: list(store.state.projects))
        await pilot.press("enter")
        await workers_done(app, "wizard")
        assert app.choices.project is not None
        assert app.choices.project.id == "HIPPO"
        assert app.choices.project_draft == ProjectDraft()


async def test_an_id_that_only_the_site_knows_is_taken_and_the_form_keeps_its_input(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        admin = await Site.connect(Login(practice.url, "admin", Secret("admin")))
        await admin.create_project(ProjectDraft(id="SECRET", name="Not for you"))
        await admin.close()
        await fill_form(app, pilot, id="Secret", name="Mine", description="kept")
        assert "FAIL" not in flat_text(app)
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "What to do")
        assert "project.taken" in flat_text(app)
        await pilot.press("escape")
        await until_text(app, pilot, "FAIL")
        assert (value_of(app, "id"), value_of(app, "name"), value_of(app, "description")) == ("Secret", "Mine", "kept")
        assert app.focused is app.screen.query_one("#id")


async def test_a_clash_with_a_known_name_is_shown_while_typing(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await fill_form(app, pilot, id="demo")
        assert "`demo` is already the ID, a title or an alias of project DEMO" in flat_text(app)
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert "Project ID cannot stay like this" in flat_text(app)


async def test_back_from_the_form_keeps_what_was_typed(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await fill_form(app, pilot, id="LATER", running_title="Late")
        await pilot.press("escape")
        await until_text(app, pilot, "Choose the project")
        await pilot.press("f2")
        await until_text(app, pilot, "Describe the new project")
        assert (value_of(app, "id"), value_of(app, "running-title")) == ("LATER", "Late")


async def test_the_script_is_started_only_after_a_yes(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await until_text(app, pilot, "[ Switch script on ]")
        await pilot.click("#script")
        await until_text(app, pilot, "Switch the anonymization script of DEMO on?")
        await pilot.press("enter")
        await until_text(app, pilot, "Choose the project")
        assert "[ Switch script on ]" in flat_text(app)
        await pilot.click("#script")
        await until_text(app, pilot, "Switch the anonymization script of DEMO on?")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "on for the project")


async def test_a_lost_server_is_explained_and_refresh_goes_on(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        practice.stop()
        await pilot.press("f5")
        await until_text(app, pilot, "What to do")
        await pilot.press("escape")
        practice.start()
        await pilot.press("f5")
        await workers_done(app, "projects", "settings")
        await until_text(app, pilot, "DEMO: ")


def many(store: Store, count: int = 2000) -> None:
    """Give the owner many projects."""
    demo = store.state.projects["DEMO"]
    for number in range(count):
        one = dataclasses.replace(demo, id=f"P{number}", name=f"Study {number}", running_title=f"Run {number}")
        store.state.projects[one.id] = one


async def test_one_of_thousands_is_found_by_typing_in_the_list(practice: Practice) -> None:
    practice.on_loop(many)
    async with project_step(practice) as (app, pilot):
        rows = app.screen.query_one(Rows)
        assert len(rows.rows) == 2001
        await pilot.press(*"run 1234")
        await pilot.pause()
        assert app.focused is app.screen.query_one("#search")
        assert [row.key for row in rows.rows] == ["P1234"]
        await pilot.press("down", "enter")
        await workers_done(app, "wizard")
        assert app.choices.project is not None
        assert app.choices.project.id == "P1234"


async def test_the_cursor_stays_on_its_project_while_the_list_is_shortened(practice: Practice) -> None:
    practice.on_loop(lambda store: many(store, 30))
    async with project_step(practice) as (app, pilot):
        step = app.screen
        assert isinstance(step, ProjectStep)
        step.query_one(Rows).go_to("P17")
        await pilot.press(*"p1")
        await pilot.pause()
        assert step.chosen is not None
        assert step.chosen.id == "P17"


@pytest.mark.parametrize(
    ("username", "words"),
    [
        ("owner", "You are owner here: upload, archive, change settings."),
        ("member", "You are member here: upload, and archive what waits."),
        ("admin", "You administer the site: everything is allowed."),
    ],
)
async def test_rights_are_told_in_words(practice: Practice, username: str, words: str) -> None:
    async with project_step(practice, username) as (app, pilot):
        await until_text(app, pilot, words)


async def test_only_who_may_switch_the_script_sees_the_button(practice: Practice) -> None:
    async with project_step(practice, "member") as (app, pilot):
        await until_text(app, pilot, "Archive: by hand")
        assert "script ]" not in flat_text(app)


async def test_details_show_settings_and_the_texts_of_the_scripts(practice: Practice) -> None:
    async with project_step(practice) as (app, pilot):
        await pilot.press("f3")
        await until_text(app, pilot, "What happens to an upload")
        assert "The script of the site (when images arrive; off)" in flat_text(app)
        await pilot.press("end")
        await until_text(app, pilot, "The script of the project")
        await pilot.press("escape")
        await until_text(app, pilot, "Choose the project")


async def test_who_may_make_no_project_sees_why(practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(uiAllowNonAdminProjectCreation=False))
    async with project_step(practice) as (app, pilot):
        await workers_done(app, "rights")
        await pilot.press("f2")
        await until_text(app, pilot, "On this site only administrators create projects")
        await pilot.press("escape")
    practice.on_loop(lambda store: store.state.projects.clear())
    async with project_step(practice) as (app, pilot):
        await workers_done(app, "rights")
        await until_text(app, pilot, "There is no project that you can see. Ask an owner for membership")
    async with project_step(practice, "admin") as (app, pilot):
        await workers_done(app, "rights")
        await pilot.press("f2")
        await until_text(app, pilot, "Describe the new project")


async def test_an_alias_that_no_list_shows_is_found_while_typing(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new, "ASK_AFTER_S", 0.01)
    practice.on_loop(lambda store: store.state.projects["DEMO"].aliases.append("Hippo"))
    async with project_step(practice) as (app, pilot):
        await fill_form(app, pilot, id="NEW", name="Hippo")
        await until_text(app, pilot, "FAIL `Hippo` is already the ID, a title or an alias of project DEMO")
        await pilot.press("ctrl+n")
        await until_text(app, pilot, "Title cannot stay like this")


def test_an_id_has_letters_digits_dash_and_underscore() -> None:
    assert check_id(ProjectDraft(id="A-b_9"), {}).is_wrong is False
    wrong = check_id(ProjectDraft(id="a b.c"), {})
    assert wrong.is_wrong
    assert "blank `.`" in wrong.text


def test_all_names_are_one_namespace_without_case() -> None:
    taken = taken_names([Project("P1", "Title", "Run", "", "", Role.NONE, "", "")])
    assert taken == {"p1": "P1", "title": "P1", "run": "P1"}
    assert check_running_title(ProjectDraft(running_title="TITLE"), taken).is_wrong
    assert check_running_title(ProjectDraft(running_title="x" * 25), {}).is_wrong


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
async def test_project_golden(practice: Practice, size: tuple[int, int]) -> None:
    async with project_step(practice, size=size) as (app, pilot):
        await until_text(app, pilot, "Archive: by hand")
        hide = {str(practice.server.port): "12345"}
        await check_golden(app, pilot, f"project-{size[0]}x{size[1]}", hide)
        await pilot.press("f2")
        await until_text(app, pilot, "Describe")
        await check_golden(app, pilot, f"project-new-{size[0]}x{size[1]}", hide)
