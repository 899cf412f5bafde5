"""The form for a new project: checked while it is typed, made on Enter, kept when it fails."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from textual import on, work
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.xnat import draft_checks as checks
from xnat_wizard.xnat.model import Accessibility, Project, ProjectDraft
from xnat_wizard.xnat.project_words import ACCESSIBILITY_WORDS
from xnat_wizard.xnat.site import Site

FIELD_OF_WORD = {"ID": "id", "title": "name", "running title": "running-title"}  # as the site's refusal names them
ASK_AFTER_S = 0.7  # without a key
FIELDS = ("id", "name", "running-title", "description", "keywords")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the form gives back: what was typed, and the project when it was made."""

    draft: ProjectDraft
    project: Project | None = None


class NewProjectScreen(StepScreen[Outcome]):
    """Describe a project and create it."""

    number = 2
    sentence = "Describe the new project. Only the ID is needed; you become its owner."
    HELP = """\
## A new project

The **ID** is part of every address in XNAT and can never be changed: letters, digits, `-` and `_`.

ID, title and running title must differ from those of every other project, capital letters or not, also from projects
that you cannot see. Where one of those has the name, XNAT refuses, and you can choose another here.
"""

    def __init__(self, site: Site, projects: Iterable[Project], draft: ProjectDraft, who: str) -> None:
        super().__init__(who)
        self.site = site
        self.draft = draft
        self.taken = checks.taken_names(projects)
        self._free: set[str] = set()  # names that the site was asked for
        self._pause: Timer | None = None

    def compose_content(self) -> ComposeResult:
        """Yield the form."""
        draft = self.draft
        yield Field("Project ID", id="id", value=draft.id, placeholder="for example HIPPO2026", max_length=64)
        yield Field(
            "Title", id="name", value=draft.name, placeholder="for example Hippocampus in ageing", max_length=255
        )
        yield Field("Running title", id="running-title", value=draft.running_title)
        yield Field("Description", id="description", value=draft.description)
        yield Field("Keywords", id="keywords", value=draft.keywords, placeholder="words, divided by blanks")
        yield Static("Who can see it", classes="heading section")
        rows = [(str(kind), words) for kind, words in ACCESSIBILITY_WORDS.items()]
        yield Checklist(rows, [str(draft.accessibility)], is_single=True, id="accessibility")

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Create project", id="create", tooltip="Make this project", is_main=True)
        yield ActionButton("Back", id="back", tooltip="To the list; what you typed is kept")

    def on_mount(self) -> None:
        """Begin with the ID."""
        self._check()
        self.query_one("#id", Input).focus()

    @on(Input.Changed)
    @on(Checklist.Changed)
    def _changed(self) -> None:
        self._check()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(ASK_AFTER_S, self.ask_for_names)

    @work(group="names", exclusive=True, exit_on_error=False)
    async def ask_for_names(self) -> None:
        """Ask the site for names that no list shows: aliases, which it takes in the place of an ID (2.2)."""
        draft = self._typed()
        for name in dict.fromkeys((draft.id, draft.name, draft.running_title)):
            key = name.casefold()
            if not name or key in self.taken or key in self._free:
                continue
            try:
                owner = await checks.owner_of(self.site, name)
            except Problem:
                return
            if owner is None:
                self._free.add(key)  # or it is not for this person to see: then the site says it on creating
            else:
                self.taken[key] = owner
                self._check()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if event.input.id == FIELDS[-1]:
            self.query_one("#accessibility").focus()
        else:
            self.query_one(f"#{FIELDS[FIELDS.index(event.input.id or '') + 1]}").focus()

    @on(Button.Pressed, "#create")
    def _pressed_create(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    def answer_back(self) -> Outcome:
        """Keep what was typed."""
        return Outcome(self._typed())

    def would_lose(self) -> str:
        """A form that nobody sent is lost."""
        is_new = self._typed() != ProjectDraft()
        return "The new project is not created yet; what you typed is lost." if is_new else ""

    def commands(self) -> Iterable[Command]:
        """Yield what this form can do."""
        yield "Create project", "Make this project", self.go_next

    def go_next(self) -> None:
        """Create the project, when nothing is wrong."""
        draft = self._typed()
        wrong = next((field for field in self.query(Field) if field.is_wrong), None)
        if not draft.id:
            self.tell("Fill in the project ID first.")
            self.query_one("#id", Input).focus()
        elif wrong is not None:
            self.tell(f"{wrong.label} cannot stay like this; see the line below it.")
            wrong.input.focus()
        elif not self.is_busy:
            self.create(draft)

    @work(group="create", exclusive=True, exit_on_error=False)
    async def create(self, draft: ProjectDraft) -> None:
        """Ask the site to make it; on a refusal the form keeps its input."""
        async with self.working("Creating the project...", then=self._to_mistake):
            project = await self.site.create_project(draft)
            self.dismiss(Outcome(draft, project))

    def cancel_work(self) -> bool:
        """Hold Escape while the site is asked: whether the project was made would stay unknown."""
        if self.is_busy:
            self.tell("Creating the project... This takes a few seconds and is not stopped in the middle.")
        return self.is_busy

    def _to_mistake(self, finding: Finding) -> None:
        """Mark the fields that the site named, and put the cursor into the first."""
        names = [FIELD_OF_WORD[word] for word in finding.where.split(", ") if word in FIELD_OF_WORD]
        fields = [self._field(name) for name in names if self._field(name).value.strip()] or [self._field("id")]
        if finding.code == "project.taken":
            self.taken |= {field.value.strip().casefold(): "that is there already" for field in fields}
            self._check()
        fields[0].input.focus()

    def _typed(self) -> ProjectDraft:
        def value(name: str) -> str:
            return self.query_one(f"#{name}", Input).value.strip()

        ticked = self.query_one("#accessibility", Checklist).ticked
        return replace(
            self.draft,
            id=value("id"),
            name=value("name"),
            running_title=value("running-title"),
            description=value("description"),
            keywords=value("keywords"),
            accessibility=Accessibility(ticked[0]) if ticked else Accessibility.PRIVATE,
        )

    def _check(self) -> None:
        draft = self._typed()
        for name, check in (
            ("id", checks.check_id(draft, self.taken)),
            ("name", checks.check_name(draft, self.taken)),
            ("running-title", checks.check_running_title(draft, self.taken)),
        ):
            self._field(name).say(check.text, Mark.FAIL if check.is_wrong else Mark.NONE)
        self.tell("")

    def _field(self, name: str) -> Field:
        return next(field for field in self.query(Field) if field.input.id == name)
