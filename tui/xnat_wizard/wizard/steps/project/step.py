"""Choose a project: a list with search, and what the chosen one does with an upload."""

from collections.abc import Iterable
from dataclasses import replace

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Button, DataTable, Input, Static

from xnat_wizard.findings import Problem
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.project.new import NewProjectScreen, Outcome
from xnat_wizard.wizard.steps.project.words import archives_word, no_upload_right, settings_lines
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.field import Field
from xnat_wizard.wizard.widgets.plain import cut, plain
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.xnat.model import Project, Role, UploadSettings
from xnat_wizard.xnat.site import Site

COLUMNS = ("ID", "Title", "Your role", "Archives")
OTHER_COLUMNS_WIDTH = 48  # ID, role, archives and their gaps: the title gets the rest


class ProjectStep(StepScreen[Answer]):
    """Choose where the images go. A project without the right to upload is shown, and explained."""

    number = 2
    sentence = "Choose the project for your images and press Enter, or make a new one."
    has_refresh = True
    BINDINGS = [  # noqa: RUF012  as textual declares it
        Binding("f2", "new_project", "New", tooltip="Make a new project", id="project.new"),
    ]
    HELP = """\
## Project

Type in **Search** to shorten the list; Down goes into it, Enter chooses.

Below the list stands what the project does with an upload: whether sessions are archived by themselves or wait in the
prearchive for a look, and whether a script changes the image headers.

**F2** makes a new project. Sites may keep that to administrators.
"""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.projects: tuple[Project, ...] = ()
        self.is_read = False
        self.settings: dict[str, UploadSettings | str] = {}

    @property
    def site(self) -> Site:
        """Return the site; the login step has made it."""
        if self.choices.site is None:
            raise RuntimeError("the project step needs a login")
        return self.choices.site

    def compose_content(self) -> ComposeResult:
        """Yield search, list, and what is said about the chosen one."""
        yield Field("Search", id="search", placeholder="part of an ID, a title or an investigator's name")
        yield DataTable[Text](id="projects", cursor_type="row", zebra_stripes=False)
        with VerticalScroll(id="project-detail", can_focus=False):
            yield Static("", id="project-words", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Choose", id="choose", tooltip="Use this project and go on", is_main=True)
        yield ActionButton("New project", id="new", tooltip="Make a new project")
        yield ActionButton("Start script", id="script", tooltip="Anonymize on archiving, in this project")
        yield ActionButton("Back", id="back", tooltip="To the login; what you typed is kept")

    def on_mount(self) -> None:
        """Ask for the projects."""
        self.query_one("#script").display = False
        self._table.focus()
        self.load()

    # -- the list ------------------------------------------------------------------------------------------------

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one("#projects", DataTable)

    @property
    def chosen(self) -> Project | None:
        """Return the project under the cursor."""
        table = self._table
        if not table.row_count:
            return None
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
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
            self._fill(before or (self.choices.project.id if self.choices.project else ""))
        self.tell(then)

    def _fill(self, at: str = "") -> None:
        wanted = self.query_one("#search", Input).value.casefold().split()
        shown = [project for project in self.projects if all(word in _search_text(project) for word in wanted)]
        room = max(16, self._table.size.width - OTHER_COLUMNS_WIDTH)
        table = self._table
        table.clear(columns=True)
        table.add_columns(*COLUMNS)
        for project in shown:
            style = "" if project.may_upload else "dim"
            cells = (
                cut(project.id, 20),
                cut(project.name, room),
                str(project.role),
                archives_word(project.prearchive_code) if project.may_upload else "no upload",
            )
            table.add_row(*(Text(cell, style) for cell in cells), key=project.id)
        place = next((row for row, project in enumerate(shown) if project.id == at), 0)
        table.move_cursor(row=place)
        table.display = bool(shown)
        self._describe()

    def on_resize(self, _: events.Resize) -> None:
        """Give the titles the room there is."""
        if self.projects:
            self._fill(self.chosen.id if self.chosen else "")

    @on(Input.Changed, "#search")
    def _searched(self) -> None:
        self._fill(self.chosen.id if self.chosen else "")

    @on(Input.Submitted, "#search")
    def _search_done(self) -> None:
        self._table.focus()

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._describe()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        self.go_next()

    def refresh_content(self) -> None:
        """Read the list anew."""
        self.load()

    # -- the chosen one ------------------------------------------------------------------------------------------

    def _describe(self) -> None:
        project = self.chosen
        self.query_one("#choose", ActionButton).disabled = project is None
        self.query_one("#script").display = False
        if project is None:
            self.query_one("#project-words", Static).update(self._nothing_words())
            return
        known = self.settings.get(project.id)
        if known is None and project.may_upload:
            self.read_settings(project.id)
        self.query_one("#project-words", Static).update(_project_words(project, known))
        if isinstance(known, UploadSettings) and project.role in {Role.OWNER, Role.ADMIN}:
            button = self.query_one("#script", ActionButton)
            button.display = known.is_project_script_on is not None
            button.say("Stop script" if known.is_project_script_on else "Start script")

    def _nothing_words(self) -> str:
        if not self.is_read:
            return ""
        if self.projects:
            return "No project has these words. Shorten the search."
        return "There is no project yet that you can see. Press F2 to make one, or ask for membership in one."

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

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

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
        """Open the form for a new project."""
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
        self._table.focus()
        self.load(outcome.project.id, then=f"Project {outcome.project.id} is made. Press Enter to use it.")

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "New project", "Make a new project", self.action_new_project

    def _with(self, project: Project) -> Choices:
        before = self.choices.project
        if before is not None and before.id != project.id:
            return replace(self.choices, project=project, plan=None, journal_path=None)
        return replace(self.choices, project=project)


def _search_text(project: Project) -> str:
    parts = (project.id, project.name, project.running_title, project.principal_investigator)
    return " ".join(parts).casefold()


def _project_words(project: Project, known: UploadSettings | str | None) -> Content:
    title = f"{project.id}: {project.name}" if project.name and project.name != project.id else project.id
    parts: list[str | tuple[str, str]] = [(plain(title), "bold"), "\n"]
    if project.description:
        parts.append(f"{plain(project.description)}\n")
    if not project.may_upload:
        parts.append("You may look, not upload. An owner can make you a member.")
    elif known is None:
        parts.append("Reading what it does with an upload...")
    elif isinstance(known, str):
        parts.append(f"What it does with an upload could not be read: {plain(known)}")
    else:
        parts.append("\n".join(settings_lines(known)))
    return Content.assemble(*parts)
