"""The question: what is known of data that cannot be found. Nothing has to be; the more, the surer the answer."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.troubleshoot import question
from xnat_wizard.wizard.steps.troubleshoot.connection import ConnectionScreen
from xnat_wizard.wizard.steps.troubleshoot.found import FoundScreen
from xnat_wizard.wizard.steps.troubleshoot.question import Typed, case_of, way_note
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.named_trail import NamedTrail
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.trail import Trail

NAMES = ("source", "project", "label", "when", "way", "error")


class TroubleshootStep(StepScreen[Answer]):
    """Ask what is known, and search. The search and its results are a screen over this one."""

    sentence = "What do you know of the images that cannot be found? Leave empty what you do not know."
    HELP = """\
## Troubleshoot

"I sent it, but I cannot find it." Say what you know, then **Search**. The search only reads: it looks through archive,
prearchive and unassigned data, as far as your account may, and compares the images on this computer with what the site
has, file by file.

- **Folder** - the images, as a folder or an archive; or the receipt of an upload, or the log of a sender. With the
  images at hand the answer is surest.
- **Project** - as it was given when it was sent, also if it was wrong.
- **Label or UID** - of subject or session, or the Study Instance UID.
- **When** - as you would say it: yesterday evening, 3 days, a date.
- **How**, **It said** - how it was sent, and what that program said.

**Check the connection** looks at the way to the site, from its name to its receivers.
"""

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        super().__init__(choices.who)
        self._choices = choices
        self._site = choices.site

    def compose(self) -> ComposeResult:
        """Lay out the step, under a header of its own."""
        for widget in super().compose():
            yield NamedTrail("Troubleshoot", self.who) if isinstance(widget, Trail) else widget

    def compose_content(self) -> ComposeResult:
        """Yield the form."""
        choices = self._choices
        source = choices.typed_folder or (str(choices.source) if choices.source else "")
        yield Field("Folder", id="source", value=source, note=question.NO_SOURCE)
        yield Field("Project", id="project", value=choices.project.id if choices.project else "")
        yield Field("Label or UID", id="label", note=question.NO_LABEL)
        yield Field("When", id="when", note=question.NO_WHEN)
        yield Field("How", id="way", note=question.NO_WAY)
        yield Field("It said", id="error", note=question.NO_ERROR)
        if choices.journal_path is not None:
            yield Static(
                "The last upload is known from its journal; nothing of it has to be typed.",
                classes="hint",
                markup=False,
            )

    def compose_buttons(self) -> ComposeResult:
        """Yield the ways on."""
        yield ActionButton("Search", id="search", tooltip="Search for it; only reads", is_main=True)
        yield ActionButton("Check the connection", id="connection", tooltip="Look at the way to the site")
        yield ActionButton("Back", id="back", tooltip="Home")

    def on_mount(self) -> None:
        """Begin at the folder; what stands in a field already is chosen, so that typing replaces it."""
        for field in self.query(Field):
            field.input.select_on_focus = True
        self.query_one("#source", Input).focus()

    def _field(self, name: str) -> Field:
        return next(field for field in self.query(Field) if field.input.id == name)

    @on(Input.Changed, "#way")
    def _judge_way(self, event: Input.Changed) -> None:
        note = way_note(event.value)
        self._field("way").say(note or question.NO_WAY, Mark.WARN if note else Mark.NONE)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#search")
    def _pressed_search(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#connection")
    def _pressed_connection(self) -> None:
        self.check_connection()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    def go_next(self) -> None:
        """Read the form and search."""
        typed = Typed(*(self._field(name).value for name in NAMES))
        for name in ("source", "when"):
            self._field(name).say(question.NO_SOURCE if name == "source" else question.NO_WHEN)
        try:
            case = case_of(typed, self._journal(typed.source.strip()), now=datetime.now(UTC).astimezone())
        except Problem as problem:
            self._refuse(problem.finding)
            return
        choices = replace(self._choices, typed_folder=typed.source.strip())
        self.app.push_screen(FoundScreen(choices, self._site, case), self._come_back)

    def _journal(self, source: str) -> Path | None:
        """Return the journal of the last upload, unless another folder is asked about."""
        is_same = not source or self._choices.source is None or Path(source).expanduser() == self._choices.source
        return self._choices.journal_path if is_same else None

    def _refuse(self, finding: Finding) -> None:
        if finding.where not in NAMES:
            self.explain_soon(finding)
            return
        field = self._field(finding.where)
        field.say(f"{finding.what}. {finding.todo[0]}", Mark.FAIL)
        field.input.focus()

    def _come_back(self, answer: Answer | None) -> None:
        if answer is not None:
            self.dismiss(answer)

    def check_connection(self) -> None:
        """Look at the way to the site."""
        project = self._field("project").value.strip()
        self.app.push_screen(ConnectionScreen(self._choices, project))

    def answer_back(self) -> Answer:
        """Go home, with the folder kept."""
        return Answer(replace(self._choices, typed_folder=self._field("source").value.strip()), Move.BACK)

    def commands(self) -> Iterable[Command]:
        """Yield the step's actions for the palette."""
        yield "Search", "Search for the missing data; only reads", self.go_next
        yield "Check the connection", "From the name of the site to its receivers", self.check_connection
