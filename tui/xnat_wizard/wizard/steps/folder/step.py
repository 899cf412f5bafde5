"""Choose the folder with the images, survey it, and see what was found before anything is sent."""

import asyncio
import operator
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Button, Input, Static, Tree

from xnat_wizard.dicom.model import Series, Survey
from xnat_wizard.dicom.picture import Picture, read_picture
from xnat_wizard.dicom.survey import SurveyRun, SurveyStopped
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.folder.chooser import FolderSuggester, FolderTree, folder_text, typed_path
from xnat_wizard.wizard.steps.folder.found import FoundTree, can_send_something, progress_words, summary_words
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.viewer import ViewerScreen, in_thread

CHOOSE = "Choose the folder with one folder per subject in it, then press Enter."
FOUND = "This was found; nothing is sent yet. Next makes a plan of it."


class FolderStep(StepScreen[Answer]):
    """First the folder is chosen, then what a survey found in it is shown; Escape goes from the second to the first."""

    number = 3
    sentence = CHOOSE
    has_refresh = True
    BINDINGS = [  # noqa: RUF012  as textual declares it
        Binding("f3", "take_hint", "Sample", tooltip="Take the sample study", id="folder.sample"),
        Binding("v", "view", "View", tooltip="Look at an image of the series under the cursor", id="folder.view"),
    ]
    HELP = """\
## Folder

The wizard expects **subject > series > files**: a folder with one folder for each subject, in it one folder for each
series. What is found elsewhere is listed with the reason and the cure.

In the tree: Right or Space opens a folder, Left closes it, Backspace goes up, Enter reads the folder. While you type a
path, Right completes it.

Reading looks at the headers only and changes nothing. Escape stops it.

`ok` goes as it is, `ask` is held back until you say yes in the plan, `STOP` cannot be sent.
"""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.run: SurveyRun | None = None
        self._put: tuple[str, Path] | None = None  # what the path field was given, and the path it stands for

    def compose_content(self) -> ComposeResult:
        """Yield the two halves of the step; one is shown at a time."""
        typed = self.choices.typed_folder
        start = typed_path(typed) if typed else self.choices.source or Path.cwd()
        with Vertical(id="choose-folder"):
            yield Field("Folder", id="path", value=typed or self._path_text(start), suggester=FolderSuggester())
            if self.choices.folder_hint:
                yield Static(
                    f"Sample study to try (F3): {folder_text(Path(self.choices.folder_hint))}",
                    classes="hint",
                    markup=False,
                )
            yield FolderTree(start if start.is_dir() else Path.cwd(), id="folders")
        with Vertical(id="found"):
            yield Static("", id="found-summary", classes="heading", markup=False)
            yield FoundTree(id="found-tree")
            yield Static("", id="findings-heading", classes="heading", markup=False)
            yield FindingList(id="findings")

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons of both halves."""
        yield ActionButton("Next", id="next", tooltip="Make a plan of what was found", is_main=True)
        yield ActionButton("View image", id="view", tooltip="Look at an image of the series under the cursor")
        yield ActionButton("Other folder", id="other", tooltip="Choose another folder")
        yield ActionButton("Read folder", id="read", tooltip="Look what is in this folder", is_main=True)
        yield ActionButton("Sample study", id="sample", tooltip="Read the sample study")
        yield ActionButton("Stop", id="stop", tooltip="Stop reading; nothing is changed")
        yield ActionButton("Back", id="back", tooltip="To the project; what you chose is kept")

    def on_mount(self) -> None:
        """Show what was found before, or ask for a folder."""
        if self.choices.survey is not None and not self.choices.typed_folder:
            self._show_found(self.choices.survey)
        else:
            self._show_chooser()

    # -- the path ------------------------------------------------------------------------------------------------

    def _path_text(self, path: Path) -> str:
        """Return a path for the field, and keep it: a name that is no text cannot be read back from what is shown."""
        text = plain(folder_text(path))
        self._put = (text, path)
        return text

    def _typed_path(self) -> Path | None:
        text = self.query_one("#path", Input).value.strip()
        if self._put is not None and text == self._put[0].strip():
            return self._put[1]
        return typed_path(text) if text else None

    # -- which half is shown -------------------------------------------------------------------------------------

    @property
    def has_found(self) -> bool:
        """Tell whether the result is on screen."""
        return self.query_one("#found").display

    def _show_half(self, *, is_found: bool) -> None:
        self.query_one("#choose-folder").display = not is_found
        self.query_one("#found").display = is_found
        self._show_buttons()
        self.say(FOUND if is_found else CHOOSE)
        self.refresh_bindings()

    def _show_buttons(self) -> None:
        is_found = self.has_found
        for name, is_shown in (
            ("next", is_found),
            ("view", is_found),
            ("other", is_found),
            ("read", not is_found and not self.is_busy),
            ("sample", not is_found and not self.is_busy and bool(self.choices.folder_hint)),
            ("stop", self.is_busy),
            ("back", not self.is_busy),
        ):
            self.query_one(f"#{name}", ActionButton).display = is_shown

    def watch_is_busy(self) -> None:
        """Show Stop while something is read."""
        if self.is_mounted:
            self._show_buttons()

    def _show_chooser(self) -> None:
        self._show_half(is_found=False)
        path = self.query_one("#path", Input)
        path.focus()
        path.cursor_position = len(path.value)

    def _show_found(self, survey: Survey) -> None:
        self.query_one("#found-summary", Static).update(f"{plain(_name(survey.source))}: {summary_words(survey)}")
        findings = self.query_one("#findings", FindingList)
        findings.show(survey.findings)
        findings.display = bool(survey.findings)
        self.query_one("#findings-heading", Static).update(_findings_words(survey.findings))
        self._show_half(is_found=True)
        tree = self.query_one(FoundTree)
        tree.show(survey, self._line_width())
        tree.focus()

    def _line_width(self) -> int:
        return self.app.size.width - 6

    def on_resize(self, _: events.Resize) -> None:
        """Draw the lines for the new width."""
        if self.choices.survey is not None and self.has_found:
            self.query_one(FoundTree).show(self.choices.survey, self._line_width())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show the keys of the half that is on screen."""
        if action == "view":
            return self.is_mounted and self.has_found
        if action == "take_hint":
            return bool(self.choices.folder_hint) and self.is_mounted and not self.has_found
        return super().check_action(action, parameters)

    # -- choosing ------------------------------------------------------------------------------------------------

    @on(Tree.NodeHighlighted, "#folders")
    def _moved_in_tree(self, event: Tree.NodeHighlighted[object]) -> None:
        path = getattr(event.node.data, "path", None)
        if isinstance(path, Path) and self.focused is event.control:
            self.query_one("#path", Input).value = self._path_text(path)

    @on(FolderTree.Taken)
    def _taken(self, event: FolderTree.Taken) -> None:
        self._read(event.path)

    @on(Input.Submitted, "#path")
    @on(Button.Pressed, "#read")
    def _entered(self) -> None:
        self._read_typed()

    @on(Input.Changed, "#path")
    def _typing(self) -> None:
        self.query_one(Field).say("")

    @on(Button.Pressed, "#sample")
    def action_take_hint(self) -> None:
        """Read the sample study."""
        sample = Path(self.choices.folder_hint)
        self.query_one("#path", Input).value = self._path_text(sample)
        self._read(sample)

    def _read_typed(self) -> None:
        path = self._typed_path()
        if path is not None:
            self._read(path)
        else:
            self.query_one(Field).say("Type the path of a folder first.", Mark.WARN)

    def _read(self, source: Path) -> None:
        if not self.is_busy:
            self.read_source(source)

    # -- the survey ----------------------------------------------------------------------------------------------

    @work(group="survey", exclusive=True, exit_on_error=False)
    async def read_source(self, source: Path) -> None:
        """Survey a folder and show what is there; Escape or Stop ends it."""
        timer = self.set_interval(1 / 4, self._look)
        try:
            async with self.working(f"Reading {source}...", then=self._to_path):
                is_stopped = False
                async with SurveyRun(source) as run:
                    self.run = run
                    try:
                        survey = await run.result()
                    except SurveyStopped:
                        is_stopped = True
                    else:
                        await self._take(source, survey)
            if is_stopped:
                self.tell("Stopped. Nothing was changed or sent.")
        finally:
            self.run = None
            timer.stop()

    async def _take(self, source: Path, survey: Survey) -> None:
        """Keep what was found; a plan made of the very same files stays, too."""
        is_same = source == self.choices.source and await asyncio.to_thread(operator.eq, survey, self.choices.survey)
        if not is_same:
            self.choices = replace(self.choices, source=source, survey=survey, plan=None, journal_path=None)
        self._show_found(survey)

    def _look(self) -> None:
        if self.run is not None and self.is_busy:
            self.tell(progress_words(self.run.snapshot()))

    def _to_path(self, _: Finding) -> None:
        self._show_chooser()

    @work(group="stop", exclusive=True, exit_on_error=False)
    async def stop_survey(self) -> None:
        """Stop reading."""
        run, self.run = self.run, None
        if run is not None:
            self.tell("Stopping...")
            await run.stop()
        else:
            self.workers.cancel_group(self, "survey")

    @on(Button.Pressed, "#stop")
    def _pressed_stop(self) -> None:
        self.cancel_work()

    def cancel_work(self) -> bool:
        """Stop the survey; from the result go back to choosing a folder."""
        if self.is_busy:
            self.stop_survey()
            return True
        if self.has_found:
            self._show_chooser()
            return True
        return False

    def refresh_content(self) -> None:
        """Read the folder again."""
        if self.has_found and self.choices.source is not None:
            self._read(self.choices.source)
        else:
            self.query_one(FolderTree).reload()

    # -- what was found ------------------------------------------------------------------------------------------

    @on(FindingList.Selected)
    def _finding_chosen(self, event: FindingList.Selected) -> None:
        self.explain_soon(event.finding)

    @on(FindingList.Highlighted)
    def _finding_reached(self, event: FindingList.Highlighted) -> None:
        if self.query_one("#findings").has_focus_within:
            self.query_one(FoundTree).go_to(event.finding.where)

    @on(Button.Pressed, "#view")
    @on(FoundTree.Looked)
    def _pressed_view(self) -> None:
        self.action_view()

    def action_view(self) -> None:
        """Look at the images of the series under the cursor."""
        item = self.query_one(FoundTree).chosen
        source = self.choices.source
        if source is None or not isinstance(item, Series) or not item.instances:
            self.tell("Only DICOM series can be looked at here.")
            return

        def read(place: int) -> Picture:
            return read_picture(Path(os.path.join(source, item.instances[place].path)))  # noqa: PTH118  as in the survey

        title = f"{item.subject_folder}  {item.series_number} {item.series_description}"
        self.app.push_screen(ViewerScreen(title, len(item.instances), in_thread(read)))

    @on(Button.Pressed, "#next")
    def _pressed_next(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#other")
    def _pressed_other(self) -> None:
        self._show_chooser()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.dismiss(self.answer_back())

    def go_next(self) -> None:
        """Go on with what was found; read the folder first when that was not done."""
        survey = self.choices.survey
        if not self.has_found or survey is None:
            self._read_typed()
        elif not can_send_something(survey):
            self.explain_soon(_nothing_to_send(survey))
        else:
            self.dismiss(Answer(replace(self.choices, typed_folder=""), Move.NEXT))

    def answer_back(self) -> Answer:
        """Keep the folder, what was found, and a path that was typed and not read."""
        is_read = self.has_found or self._typed_path() in {None, self.choices.source}
        typed = "" if is_read else self.query_one("#path", Input).value.strip()
        return Answer(replace(self.choices, typed_folder=typed), Move.BACK)

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "Read folder", "Look what is in the folder", self._read_typed
        if self.has_found:
            yield "View image", "Look at an image of the series under the cursor", self.action_view
            yield "Other folder", "Choose another folder", self._show_chooser
        if self.choices.folder_hint:
            yield "Sample study", "Read the sample study", self.action_take_hint


def _name(path: Path) -> str:
    return path.name or str(path)


def _findings_words(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "No findings: every file can be sent."
    words = {Severity.STOP: "STOP", Severity.ASK: "ask (goes after your yes in the plan)", Severity.NOTE: "note"}
    counts = {severity: sum(1 for finding in findings if finding.severity is severity) for severity in words}
    found = ", ".join(f"{counts[severity]} {words[severity]}" for severity in words if counts[severity])
    return f"{found}. Enter explains"


def _nothing_to_send(survey: Survey) -> Finding:
    if not survey.series and not survey.pairs:
        why = f"Of {survey.file_count:,} files, none is a DICOM image or a whole PAR/REC pair."
    else:
        why = "Each series is held back by a finding marked STOP."
    return Finding(
        code="folder.nothing_to_send",
        what="There is nothing in this folder that can be sent",
        why=why,
        todo=(
            "Read the findings below the list: each says what to do.",
            "Choose another folder, for example the one above or below.",
        ),
        where=str(survey.source),
    )
