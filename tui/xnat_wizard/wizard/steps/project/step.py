"""Choose a project: a list with search, and what the chosen one does with an upload."""

import contextlib
from collections.abc import Iterable
from dataclasses import replace

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from xnat_wizard.findings import Problem
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.project.new import NewProjectScreen, Outcome
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.field import Field
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.plain import cut, plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.xnat.model import Project, Role, UploadSettings
from xnat_wizard.xnat.project_words import (
    archives_word,
    details_text,
    no_create_right,
    no_upload_right,
    rights_line,
    settings_lines,
)
from xnat_wizard.xnat.site import Site

COLUMNS = (
    Column("ID", 14, grow=1),
    Column("Title", 20, grow=3),
    Column("Running title", 16, needs=100),
    Column("Investigator", 18, needs=118),
    Column("Your role", 12),
    Column("Archives", 9, needs=62),
)


class ProjectStep(StepScreen[Answer]):
    """Choose where the images go. A project without the right to upload is shown, and explained."""

    number = 2
    sentence = "Choose the project for your images and press Enter, or make a new one."
    has_refresh = True
    BINDINGS = [  # noqa: RUF012  as textual declares it
        Binding("f2", "new_project", "New", tooltip="Make a new project", id="project.new"),
        Binding("f3", "details", "Details", show=False, tooltip="All settings and scripts", id="project.details"),
    ]
    HELP = """\
## Project

Type to shorten the list: a part of an ID, a title, a running title or an investigator's name; several words must all
fit. Down goes into the list, Enter chooses.

Below the list stands what the project does with an upload: whether sessions are archived by themselves or wait in the
prearchive for a look, and whether a script changes the image headers.

**F2** makes a new project. Sites may keep that to administrators. **F3** shows all settings and the texts of the
scripts. An owner can switch the project's script on and off.
"""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.projects: tuple[Project, ...] = ()
        self.is_read = False
        self.settings: dict[str, UploadSettings | str] = {}
        self.may_create: bool | None = None  # not known yet, or not told
        self._texts: dict[str, str] = {}

    @property
    def site(self) -> Site:
        """Return the site; the login step has made it."""
        if self.choices.site is None:
            raise RuntimeError("the project step needs a login")
        return self.choices.site

    def compose_content(self) -> ComposeResult:
        """Yield search, list, and what is said about the chosen one."""
        yield Field("Search", id="search", placeholder="part of an ID, a title, a name")
        yield Rows(COLUMNS, id="projects")
        with VerticalScroll(id="project-detail", can_focus=False):
            yield Static("", id="project-words", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Choose", id="choose", tooltip="Use this project and go on", is_main=True)
        yield ActionButton("New", id="new", tooltip="Make a new project")
        yield ActionButton("F3 Details", id="details", tooltip="All settings, and the texts of the scripts")
        yield ActionButton("Switch script on", id="script", tooltip="Anonymize on archiving, in this project")

    def on_mount(self) -> None:
        """Ask for the projects."""
        self.query_one("#script").display = False
        self._rows.focus()
        self.load()
        self.ask_rights()

    # -- the list ------------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> Rows:
        return self.query_one("#projects", Rows)

    @property
    def chosen(self) -> Project | None:
        """Return the project under the cursor."""
        key = self._rows.key
        return next((project for project in self.projects if project.id == key), None)

    @work(group="projects", exclusive=True, exit_on_error=False)
    async def load(self, at: str = "", then: str = "") -> None:
        """Read the list anew; the cursor goes to `at`, or stays. What `then` says stands above the buttons."""
        before = at or (self.chosen.id if self.chosen else "")
        async with self.working("Reading your projects..."):
            projects = await self.site.projects()
            self.settings.clear()
            self.is_read = True
            self.projects = tuple(sorted(projects, key=lambda one: (not one.may_upload, one.id.casefold())))
            self._texts = {project.id: _search_text(project) for project in projects}
            self._fill(before or (self.choices.project.id if self.choices.project else ""))
        self.tell(then)

    def _fill(self, at: str = "") -> None:
        wanted = self.query_one("#search", Input).value.casefold().split()
        shown = [one for one in self.projects if all(word in self._texts[one.id] for word in wanted)]
        self._rows.show(
            (_row(project) for project in shown), empty="No project fits." if self.projects else "No project."
        )
        if at:
            self._rows.go_to(at)
        self._describe()

    @on(Input.Changed, "#search")
    def _searched(self) -> None:
        if self.is_read:
            self._fill()

    def on_key(self, event: events.Key) -> None:
        """Take letters typed in the list into the search."""
        if self._rows.has_focus and event.character and event.is_printable and event.character != " ":
            search = self.query_one("#search", Input)
            search.focus()
            search.value += event.character
            search.action_end()
            event.stop()

    @on(Input.Submitted, "#search")
    def _search_done(self) -> None:
        self._rows.focus()

    @on(Rows.Highlighted)
    def _moved(self) -> None:
        self._describe()

    @on(Rows.Chosen)
    def _selected(self) -> None:
        self.go_next()

    def refresh_content(self) -> None:
        """Read the list anew."""
        self.load()

    # -- the chosen one ------------------------------------------------------------------------------------------

    def _describe(self) -> None:
        project = self.chosen
        for name in ("choose", "details"):
            self.query_one(f"#{name}", ActionButton).disabled = project is None
        self.query_one("#script").display = False
        if project is None:
            self.query_one("#project-words", Static).update(self._nothing_words() if self.is_read else "")
            return
        known = self.settings.get(project.id)
        if known is None and project.may_upload:
            self.read_settings(project.id)
        self.query_one("#project-words", Static).update(_project_words(project, known, self.size.width - 8))
        if isinstance(known, UploadSettings) and project.role in {Role.OWNER, Role.ADMIN}:
            button = self.query_one("#script", ActionButton)
            button.display = known.is_project_script_on is not None
            button.say("Switch script off" if known.is_project_script_on else "Switch script on")

    def _nothing_words(self) -> str:
        if self.projects:
            return "No project has these words. Shorten the search."
        if self.may_create is False:
            return "There is no project that you can see. Ask an owner for membership; F2 says more."
        return "There is no project yet that you can see. F2 makes one; or ask for membership."

    @work(group="settings", exclusive=True, exit_on_error=False)
    async def read_settings(self, project_id: str) -> None:
        """Read what the project does with an upload, and show it if the cursor is still there."""
        try:
            self.settings[project_id] = await self.site.upload_settings(project_id)
        except Problem as problem:
            self.settings[project_id] = problem.finding.what
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            self.settings[project_id] = fault(error).why
        if self.is_attached and self.chosen is not None and self.chosen.id == project_id:
            self._describe()

    @work(group="rights", exclusive=True, exit_on_error=False)
    async def ask_rights(self) -> None:
        """Ask whether the person may make projects; where that is not told, the site says it when one is made."""
        with contextlib.suppress(Problem):
            self.may_create = await self.site.may_create_projects()
            if self.is_read and not self.projects:
                self._fill()

    @on(Button.Pressed, "#details")
    @work(group="details", exclusive=True, exit_on_error=False)
    async def action_details(self) -> None:
        """Show everything about the project under the cursor, with the texts of the scripts."""
        project = self.chosen
        if project is None:
            return
        async with self.working("Reading settings and scripts..."):
            known = await self.site.upload_settings(project.id) if project.may_upload else None
            text = details_text(project, known, await self.site.scripts(project.id))
            self.tell()
            await self.app.push_screen_wait(LinesScreen(f"Project {plain(project.id)}", text))

    @on(Button.Pressed, "#script")
    def _pressed_script(self) -> None:
        project = self.chosen
        if project is not None:
            known = self.settings.get(project.id)
            self.switch_script(project.id, not (isinstance(known, UploadSettings) and known.is_project_script_on))

    @work(group="script", exclusive=True, exit_on_error=False)
    async def switch_script(self, project_id: str, is_on: bool) -> None:  # noqa: FBT001  the state itself
        """Switch the project's anonymization script, after a yes."""
        question = f"Switch the anonymization script of {project_id} {'on' if is_on else 'off'}?"
        effect = (
            "It changes the headers of each session that is archived from now on, whoever uploads it."
            if is_on
            else "Sessions archived from now on keep the names and dates in their headers, whoever uploads them."
        )
        if not await self.app.push_screen_wait(ConfirmScreen(question, effect, yes="Switch", no="Leave it")):
            return
        async with self.working("Switching the script..."):
            await self.site.set_project_script(project_id, is_on)
            self.settings.pop(project_id, None)
            self._describe()

    # -- going on ------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#choose")
    def _pressed_choose(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#new")
    def _pressed_new(self) -> None:
        self.action_new_project()

    def go_next(self) -> None:
        """Use the project under the cursor."""
        project = self.chosen
        if project is None:
            self.tell("There is no project to choose yet. F2 makes one.")
        elif not project.may_upload:
            self.explain_soon(no_upload_right(project))
        else:
            self.dismiss(Answer(self._with(project), Move.NEXT))

    def answer_back(self) -> Answer:
        """Keep the project chosen before and the draft of a new one."""
        return Answer(self.choices, Move.BACK)

    def action_new_project(self) -> None:
        """Open the form for a new project, or say why that is not for this person."""
        if self.may_create is False:
            self.explain_soon(no_create_right())
            return
        form = NewProjectScreen(self.site, self.projects, self.choices.project_draft, self.who)
        self.app.push_screen(form, self._form_closed)

    def _form_closed(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        if outcome.project is None:
            self.choices = replace(self.choices, project_draft=outcome.draft)
            return
        cleared = type(outcome.draft)()
        self.choices = replace(self._with(outcome.project), project_draft=cleared)
        self.query_one("#search", Input).value = ""
        self._rows.focus()
        self.load(outcome.project.id, then=f"Project {outcome.project.id} is made. Press Enter to use it.")

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "New project", "Make a new project", self.action_new_project
        yield "Details", "All settings of the chosen project, and its scripts", self._press_details

    def _press_details(self) -> None:
        self.query_one("#details", Button).press()

    def _with(self, project: Project) -> Choices:
        before = self.choices.project
        if before is not None and before.id != project.id:
            return replace(self.choices, project=project, plan=None, journal_path=None)
        return replace(self.choices, project=project)


def _row(project: Project) -> Row:
    cells = (
        project.id,
        project.name,
        project.running_title,
        project.principal_investigator,
        str(project.role),
        archives_word(project.prearchive_code) if project.may_upload else "no upload",
    )
    return Row(project.id, tuple(plain(cell) for cell in cells), "" if project.may_upload else "quiet")


def _search_text(project: Project) -> str:
    parts = (project.id, project.name, project.running_title, project.principal_investigator)
    return " ".join(parts).casefold()


def _project_words(project: Project, known: UploadSettings | str | None, room: int) -> Content:
    title = f"{project.id}: {project.name}" if project.name and project.name != project.id else project.id
    parts: list[str | tuple[str, str]] = [(plain(title), "bold"), "\n"]
    if project.description:
        parts.append(f"{cut(project.description, room)}\n")
    parts.append(rights_line(project))
    if not project.may_upload:
        return Content.assemble(*parts)
    parts.append("\n")
    if known is None:
        parts.append("Reading what it does with an upload...")
    elif isinstance(known, str):
        parts.append(f"What it does with an upload could not be read: {plain(known)}")
    else:
        parts.append("\n".join(settings_lines(known)))
    return Content.assemble(*parts)
