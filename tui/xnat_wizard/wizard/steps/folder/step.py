"""Choose the folder with the images, survey it, and see what was found before anything is sent."""

import asyncio
import operator
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Button

from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.dicom.model import Series, Survey
from xnat_wizard.dicom.survey import SurveyRun, SurveyStopped
from xnat_wizard.findings import Finding
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.folder.chooser import FolderTree, is_archive_name
from xnat_wizard.wizard.steps.folder.choosing import FolderChooser
from xnat_wizard.wizard.steps.folder.found import FoundTree, can_send_something, found_words, progress_words
from xnat_wizard.wizard.steps.folder.help import HELP
from xnat_wizard.wizard.steps.folder.layouts import LayoutScreen
from xnat_wizard.wizard.steps.folder.looking import SeriesPictures
from xnat_wizard.wizard.steps.folder.privacy import PrivacyScreen
from xnat_wizard.wizard.steps.folder.result import FoundView
from xnat_wizard.wizard.steps.folder.words import CHOOSE, CHOOSE_ANY, kind_of, nothing_to_send
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.wizard.widgets.viewer import ViewerScreen, frames_in_thread, in_thread


class FolderStep(StepScreen[Answer]):
    """First the folder is chosen, then what a survey found in it is shown; Escape goes from the second to the first."""

    number = 3
    sentence = CHOOSE
    has_refresh = True
    BINDINGS = [  # noqa: RUF012  as textual declares it
        Binding("f3", "take_hint", "Sample", tooltip="Take the sample study", id="folder.sample"),
        Binding("v", "view", "View", show=False, tooltip="Look at the images of this series", id="folder.view"),
        Binding("p", "privacy", "Privacy", tooltip="Which patient details would leave", id="folder.privacy"),
        Binding("f4", "layout", "Layout", show=False, tooltip="Say how the folders are nested", id="folder.layout"),
    ]
    HELP = HELP

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.run: SurveyRun | None = None

    def compose_content(self) -> ComposeResult:
        """Yield the two halves of the step; one is shown at a time."""
        yield FolderChooser(self.choices)
        yield FoundView()

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons of both halves."""
        yield ActionButton("Next", id="next", tooltip="Make a plan of what was found", is_main=True)
        yield ActionButton("View image", id="view", tooltip="Look at an image of the series under the cursor")
        yield ActionButton("Privacy", id="privacy", tooltip="Which details of patients would leave with the images")
        yield ActionButton("Read folder", id="read", tooltip="Look what is in it", is_main=True)
        yield ActionButton("Sample study", id="sample", tooltip="Read the sample study")
        yield ActionButton("Layout", id="layout", tooltip="Say how the folders are nested")
        yield ActionButton("Other folder", id="other", tooltip="Choose another folder or archive")
        yield ActionButton("Stop", id="stop", tooltip="Stop reading; nothing is changed")
        yield ActionButton("Back", id="back", tooltip="To the step before; what you chose is kept")

    def on_mount(self) -> None:
        """Show what was found before, or ask for a folder."""
        survey = self.choices.survey
        if survey is not None and survey.layout == self.choices.layout and not self.choices.typed_folder:
            self._show_found(survey)
        else:
            self._show_chooser()

    @property
    def _chooser(self) -> FolderChooser:
        return self.query_one(FolderChooser)

    # -- which half is shown -------------------------------------------------------------------------------------

    @property
    def has_found(self) -> bool:
        """Tell whether the result is on screen."""
        return self.query_one(FoundView).display

    def _show_half(self, *, is_found: bool) -> None:
        self._chooser.display = not is_found
        self.query_one(FoundView).display = is_found
        self._show_buttons()
        layout = self.choices.layout
        self.say(found_words(self.choices.survey) if is_found else CHOOSE if layout == HOUSE else CHOOSE_ANY)
        self._chooser.show_layout(layout)
        self.refresh_bindings()

    def _show_buttons(self) -> None:
        is_found = self.has_found
        for name, is_shown in (
            ("next", is_found),
            ("view", is_found),
            ("privacy", is_found),
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
        self._fit_buttons()

    def _fit_buttons(self) -> None:
        """Say less on the buttons where the line is short."""
        is_wide = self.app.size.width >= 74
        kind = kind_of(self.choices.source) if self.choices.source else "folder"
        self.query_one("#view", ActionButton).say("View image" if is_wide else "View")
        self.query_one("#other", ActionButton).say(f"Other {kind}" if is_wide else "Other")

    def on_resize(self, event: events.Resize) -> None:
        """Fit buttons and footer to the new width."""
        super().on_resize(event)
        self._fit_buttons()

    def watch_is_busy(self) -> None:
        """Show Stop while something is read."""
        if self.is_mounted:
            self._show_buttons()

    @on(Button.Pressed, "#other")
    def _show_chooser(self) -> None:
        self._show_half(is_found=False)
        self._chooser.begin()

    def _show_found(self, survey: Survey) -> None:
        self._show_half(is_found=True)
        self.query_one(FoundView).show(survey, self.choices.layout)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show the keys of the half that is on screen."""
        if action in {"view", "privacy"}:
            return self.is_mounted and self.has_found
        if action == "take_hint":
            return bool(self.choices.folder_hint) and self.is_mounted and not self.has_found
        return super().check_action(action, parameters)

    # -- choosing ------------------------------------------------------------------------------------------------

    @on(FolderTree.Taken)
    def _taken(self, event: FolderTree.Taken) -> None:
        self._read(event.path, self.choices.layout)

    @on(FolderChooser.Entered)
    @on(Button.Pressed, "#read")
    def _entered(self) -> None:
        self._read_typed()

    @on(FolderChooser.Typing)
    def _typing(self, event: FolderChooser.Typing) -> None:
        is_archive = event.path is not None and is_archive_name(event.path.name)
        self.query_one("#read", ActionButton).say("Read archive" if is_archive else "Read folder")

    @on(Button.Pressed, "#sample")
    def action_take_hint(self) -> None:
        """Read the sample study."""
        sample = Path(self.choices.folder_hint)
        self._chooser.put(sample)
        self._read(sample, self.choices.layout)

    def _read_typed(self) -> None:
        path = self._chooser.path
        if path is not None:
            self._read(path, self.choices.layout)
        else:
            self._chooser.warn("Type the path of a folder or archive first.")

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

    @on(FoundView.Said)
    def _said(self, event: FoundView.Said) -> None:
        self.tell(event.text)

    @on(Button.Pressed, "#privacy")
    def action_privacy(self) -> None:
        """Show which details of patients would leave with the images."""
        if self.choices.survey is not None:
            project = self.choices.project.id if self.choices.project else ""
            self.app.push_screen(PrivacyScreen(self.choices.survey, self.choices.site, project))

    @on(Button.Pressed, "#view")
    @on(FoundTree.Looked)
    def _pressed_view(self) -> None:
        self.action_view()

    def action_view(self) -> None:
        """Look at the images of the series under the cursor."""
        item, survey = self.query_one(FoundView).chosen, self.choices.survey
        if survey is None or not isinstance(item, Series) or not item.instances:
            self.tell("Only DICOM series can be looked at; PAR/REC pairs and empty lines have no picture here.")
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
        is_read = self.has_found or self._chooser.path in {None, self.choices.source}
        typed = "" if is_read else self._chooser.typed.value.strip()
        return Answer(replace(self.choices, typed_folder=typed), Move.BACK)

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "Read folder", "Look what is in the folder", self._read_typed
        if self.has_found:
            yield "View image", "Look at an image of the series under the cursor", self.action_view
            yield "Privacy", "Which details of patients would leave with the images", self.action_privacy
            yield "Go to", "From a finding to its place in the tree, and back", self.query_one(FoundView).action_jump
            yield "Other folder", "Choose another folder or archive", self._show_chooser
        yield "Layout", "Say how the folders are nested", self.query_one("#layout", ActionButton).action_press
        if self.choices.folder_hint:
            yield "Sample study", "Read the sample study", self.action_take_hint
