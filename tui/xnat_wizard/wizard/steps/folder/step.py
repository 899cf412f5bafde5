"""Choose the folder with the images, survey it, and see what was found before anything is sent."""

import asyncio
import operator
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Button, Input, Static, Tree

from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.dicom.model import Series, Survey
from xnat_wizard.dicom.survey import SurveyRun, SurveyStopped
from xnat_wizard.findings import Finding
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.folder.chooser import (
    FolderSuggester,
    FolderTree,
    folder_text,
    is_archive_name,
    nearest_folder,
    typed_path,
)
from xnat_wizard.wizard.steps.folder.found import (
    FoundTree,
    can_send_something,
    found_words,
    progress_words,
    summary_line,
)
from xnat_wizard.wizard.steps.folder.layouts import LayoutScreen
from xnat_wizard.wizard.steps.folder.looking import SeriesPictures
from xnat_wizard.wizard.steps.folder.words import (
    CHOOSE,
    CHOOSE_ANY,
    HELP,
    findings_words,
    layout_line,
    nothing_to_send,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.viewer import ViewerScreen, frames_in_thread, in_thread


class FolderStep(StepScreen[Answer]):
    """First the folder is chosen, then what a survey found in it is shown; Escape goes from the second to the first."""

    number = 3
    sentence = CHOOSE
    has_refresh = True
    BINDINGS = [  # noqa: RUF012  as textual declares it
        Binding("f3", "take_hint", "Sample", tooltip="Take the sample study", id="folder.sample"),
        Binding("v", "view", "View", tooltip="Look at an image of the series under the cursor", id="folder.view"),
        Binding("f4", "layout", "Layout", show=False, tooltip="Say how the folders are nested", id="folder.layout"),
    ]
    HELP = HELP

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
            yield Static("", id="choose-layout", markup=False)
            if self.choices.folder_hint:
                yield Static(
                    f"Sample study to try (F3): {folder_text(Path(self.choices.folder_hint))}",
                    classes="hint",
                    markup=False,
                )
            yield FolderTree(nearest_folder(start), id="folders")
        with Vertical(id="found"):
            yield Static("", id="found-layout", markup=False)
            yield Static("", id="found-summary", classes="heading", markup=False)
            yield FoundTree(id="found-tree")
            yield Static("", id="findings-heading", classes="heading", markup=False)
            yield FindingList(id="findings")

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons of both halves."""
        yield ActionButton("Next", id="next", tooltip="Make a plan of what was found", is_main=True)
        yield ActionButton("View image", id="view", tooltip="Look at an image of the series under the cursor")
        yield ActionButton("Read folder", id="read", tooltip="Look what is in this folder", is_main=True)
        yield ActionButton("Sample study", id="sample", tooltip="Read the sample study")
        yield ActionButton("Layout", id="layout", tooltip="Say how the folders are nested")
        yield ActionButton("Other folder", id="other", tooltip="Choose another folder")
        yield ActionButton("Stop", id="stop", tooltip="Stop reading; nothing is changed")
        yield ActionButton("Back", id="back", tooltip="To the project; what you chose is kept")

    def on_mount(self) -> None:
        """Show what was found before, or ask for a folder."""
        survey = self.choices.survey
        if survey is not None and survey.layout == self.choices.layout and not self.choices.typed_folder:
            self._show_found(survey)
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
        layout = self.choices.layout
        self.say(found_words(self.choices.survey) if is_found else CHOOSE if layout == HOUSE else CHOOSE_ANY)
        for line in self.query("#found-layout, #choose-layout").results(Static):
            line.update(layout_line(layout))
            line.display = layout != HOUSE
        self.refresh_bindings()

    def _show_buttons(self) -> None:
        is_found = self.has_found
        for name, is_shown in (
            ("next", is_found),
            ("view", is_found),
            ("other", is_found),
            ("read", not is_found and not self.is_busy),
            ("sample", not is_found and not self.is_busy and bool(self.choices.folder_hint)),
            ("layout", not self.is_busy),
            ("stop", self.is_busy),
            ("back", not is_found and not self.is_busy),
        ):
            self.query_one(f"#{name}", ActionButton).display = is_shown
        survey = self.choices.survey
        self.query_one("#next", ActionButton).disabled = survey is not None and not can_send_something(survey)

    def watch_is_busy(self) -> None:
        """Show Stop while something is read."""
        if self.is_mounted:
            self._show_buttons()

    @on(Button.Pressed, "#other")
    def _show_chooser(self) -> None:
        self._show_half(is_found=False)
        path = self.query_one("#path", Input)
        path.focus()
        path.cursor_position = len(path.value)

    def _show_found(self, survey: Survey) -> None:
        self._show_summary(survey)
        findings = self.query_one("#findings", FindingList)
        findings.show(survey.findings)
        findings.display = bool(survey.findings)
        self.query_one("#findings-heading", Static).update(findings_words(survey.findings))
        self._show_half(is_found=True)
        tree = self.query_one(FoundTree)
        tree.show(survey, self._line_width())
        tree.focus()

    def _show_summary(self, survey: Survey) -> None:
        words = summary_line(survey, self.app.size.width - 4)
        self.query_one("#found-summary", Static).update(words)

    def _line_width(self) -> int:
        return self.app.size.width - 6

    def on_resize(self, _: events.Resize) -> None:
        """Draw the lines for the new width."""
        if self.choices.survey is not None and self.has_found:
            self.query_one(FoundTree).show(self.choices.survey, self._line_width())
            self._show_summary(self.choices.survey)

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
        self._read(event.path, self.choices.layout)

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
        self._read(sample, self.choices.layout)

    def _read_typed(self) -> None:
        path = self._typed_path()
        if path is not None:
            self._read(path, self.choices.layout)
        else:
            self.query_one(Field).say("Type the path of a folder first.", Mark.WARN)

    def _read(self, source: Path, layout: Layout) -> None:
        if not self.is_busy:
            self.read_source(source, layout)

    # -- the survey ----------------------------------------------------------------------------------------------

    @work(group="survey", exclusive=True, exit_on_error=False)
    async def read_source(self, source: Path, layout: Layout) -> None:
        """Survey a folder or archive and show what is there; Escape or Stop ends it."""
        timer = self.set_interval(1 / 4, self._look)
        try:
            async with self.working(f"Reading {source}...", then=self._to_path):
                is_stopped = False
                async with SurveyRun(source, layout) as run:
                    self.run = run
                    try:
                        survey = await run.result()
                    except SurveyStopped:
                        is_stopped = True
                    else:
                        await self._take(source, survey, layout)
            if is_stopped:
                self.tell("Stopped. Nothing was changed or sent.")
        finally:
            self.run = None
            timer.stop()

    async def _take(self, source: Path, survey: Survey, layout: Layout) -> None:
        """Keep what was found; a plan made of the very same files stays, too."""
        is_same = source == self.choices.source and await asyncio.to_thread(operator.eq, survey, self.choices.survey)
        if not is_same:
            self.choices = replace(
                self.choices, source=source, layout=layout, survey=survey, plan=None, journal_path=None
            )
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
            self._read(self.choices.source, self.choices.layout)
        else:
            self.query_one(FolderTree).reload()

    # -- the layout ----------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#layout")
    @work(group="layout", exclusive=True, exit_on_error=False)
    async def action_layout(self) -> None:
        """Ask how the folders are nested; what was found is read again by it."""
        if self.is_busy:
            return
        source, survey = self.choices.source, self.choices.survey if self.has_found else None
        if source is None or any(is_archive_name(part) for part in source.parts):
            survey = None  # which folder of an archive is taken for its top depends on the layout
        layout = await self.app.push_screen_wait(LayoutScreen(self.choices.layout, survey))
        if layout is None or layout == self.choices.layout:
            return
        if self.has_found and source is not None:
            self._read(source, layout)
        else:
            self.choices = replace(self.choices, layout=layout)
            self._show_half(is_found=False)

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
        item, survey = self.query_one(FoundTree).chosen, self.choices.survey
        if survey is None or not isinstance(item, Series) or not item.instances:
            self.tell("Only DICOM series can be looked at here.")
        else:
            self.view_series(SeriesPictures(survey, item))

    @work(group="view", exclusive=True, exit_on_error=False)
    async def view_series(self, pictures: SeriesPictures) -> None:
        """Show pictures until they are closed, then let go of their source."""
        try:
            load, load_frame = in_thread(pictures.read), frames_in_thread(pictures.read)
            await self.app.push_screen_wait(ViewerScreen(pictures.title, pictures.count, load, load_frame=load_frame))
        finally:
            pictures.stop()
            await asyncio.to_thread(pictures.close)

    @on(Button.Pressed, "#next")
    def _pressed_next(self) -> None:
        self.go_next()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.dismiss(self.answer_back())

    def go_next(self) -> None:
        """Go on with what was found; read the folder first when that was not done."""
        survey = self.choices.survey
        if not self.has_found or survey is None:
            self._read_typed()
        elif not can_send_something(survey):
            self.explain_soon(nothing_to_send(survey))
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
        yield "Layout", "Say how the folders are nested", self.query_one("#layout", ActionButton).action_press
        if self.choices.folder_hint:
            yield "Sample study", "Read the sample study", self.action_take_hint
