"""The wizard as an app: keys that work everywhere, looks, and leaving well. `journey` knows the order of the steps."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import WorkerCancelled, WorkerFailed, get_current_worker

from xnat_wizard import preferences
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard import interruptions, keymap, palette
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.journey import Journey, Step
from xnat_wizard.wizard.logbook import Logbook, log_file
from xnat_wizard.wizard.stylesheet import ParsedOnce
from xnat_wizard.wizard.theme import ANSI_THEME, NAMES, THEMES, VARIABLES, theme_for
from xnat_wizard.wizard.widgets import copying, helping
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.plain import TextOnly
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.reader import ManualScreen
from xnat_wizard.wizard.widgets.step import StepScreen

__all__ = ["Step", "WizardApp"]

log = logging.getLogger(__name__)

T = TypeVar("T")
STOP_WORK_TIMEOUT_S = 3.0
_TEXT_ONLY = TextOnly()


class WizardApp(App[None]):
    """Walks a person from the login to the archive: each step takes the choices so far and gives them back."""

    TITLE = "XNAT Wizard"
    CSS_PATH = "wizard.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-usual"), (110, "-wide")]  # noqa: RUF012  textual says no ClassVar here
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-high"), (34, "-tall")]  # noqa: RUF012  as above
    COMMAND_PALETTE_DISPLAY = "^p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", tooltip="Leave the wizard", priority=True, id="wizard.quit"),
        Binding(
            "ctrl+y",
            "copy_chosen",
            "Copy",
            tooltip="Copy what is chosen, to the clipboard and to a file",
            show=False,
            priority=True,  # else dialogs would not pass it on
            id="wizard.copy",
        ),
        # Here, since several steps have an F2 of their own: with help on screen this one comes first.
        Binding("f2", "manual_page", "Page of the manual", show=False, priority=True, id="wizard.manual"),
        Binding(
            "f1",
            "help",
            "Help",
            tooltip="Show or hide help for where you are",
            priority=True,
            id="wizard.help",
        ),
    ]

    def __init__(self, choices: Choices | None = None, steps: tuple[Step, ...] = ()) -> None:
        """Begin with what is chosen already; `steps` are shown one after the other, instead of the whole journey."""
        # With NO_COLOR the terminal's own colours pass the filter that strips all; greys would be kept otherwise.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.stylesheet = ParsedOnce(variables=self.get_css_variables())
        self.choices = choices or Choices()
        self.journey = Journey.straight(steps) if steps else Journey()
        self.animation_level = "none"
        self.preferences, self._remarks = preferences.read()
        self._has_colours = not self.no_color and self.console.color_system in {"256", "truecolor"}
        self._take_themes()
        self.keys, remarks = keymap.usable(self.preferences.keys, str(preferences.settings_file()))
        self.set_keymap(self.keys)
        self._remarks += remarks
        self._signals: list[signal.Signals] = []
        self._logbook = Logbook()

    def on_mount(self) -> None:
        """Start the walk, and be ready to be ended from outside."""
        self._logbook.open()
        loop = asyncio.get_running_loop()
        for name, is_terminal_lost in (("SIGTERM", False), ("SIGHUP", True)):
            with contextlib.suppress(AttributeError, NotImplementedError, ValueError, RuntimeError):
                number = signal.Signals[name]
                loop.add_signal_handler(number, self.leave, is_terminal_lost)
                self._signals.append(number)
        interruptions.mind_stops(self._driver)
        self.walk()

    async def on_unmount(self) -> None:
        """Give signals and the connection back, however the app ended."""
        loop = asyncio.get_running_loop()
        while self._signals:
            loop.remove_signal_handler(self._signals.pop())
        await self._close_site()
        self._logbook.close()

    @work(group="wizard", exclusive=True, exit_on_error=True)
    async def walk(self) -> None:
        """Show the steps until one leads out, then leave."""
        await self.journey.walk(self)
        self.leave()

    async def show(self, screen: Screen[T]) -> T | None:
        """Show a screen over the others and return what it gives; only inside a worker."""
        if self._remarks:
            self.call_after_refresh(self._tell_remarks)
        self._size_beforehand(screen)
        return await self.push_screen_wait(screen)

    def _size_beforehand(self, screen: Screen[T]) -> None:
        """Name the size of the terminal to the styles: Textual does so after the first layout, and styles all again."""
        for extent, points in zip(self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True):
            screen.add_class([name for start, name in points if extent >= start][-1], update=False)

    def _tell_remarks(self) -> None:
        """Say once what of the settings file is not used."""
        remarks, self._remarks = self._remarks, ()
        if len(remarks) == 1:
            self.push_screen(ProblemScreen(remarks[0]))
        elif remarks:
            text = "\n\n".join(finding.as_text() for finding in remarks)
            self.push_screen(LinesScreen(f"{len(remarks)} lines of the settings file are not used", text))

    # -- looks ---------------------------------------------------------------------------------------------------

    def _take_themes(self) -> None:
        """Offer our themes and no others: theirs are not measured."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_for(self.preferences.theme, has_colours=self._has_colours)
        for name in set(self.available_themes) - set(NAMES):
            self.unregister_theme(name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variables that the style sheet has beyond Textual's."""
        return VARIABLES

    def search_themes(self) -> None:
        """Show the themes that the terminal has the colours for."""
        names = NAMES if self._has_colours else (ANSI_THEME,)
        self.search_commands(palette.themes(names, self.choose_theme), placeholder="Choose colours")

    def choose_theme(self, name: str) -> None:
        """Take a theme, and keep it in the settings file."""
        self.theme = name
        try:
            preferences.keep_theme(name)
        except Problem as problem:
            self._say(problem.finding)

    def _say(self, finding: Finding) -> None:
        self.push_screen(ProblemScreen(finding))

    # -- leaving -------------------------------------------------------------------------------------------------

    @property
    def step(self) -> StepScreen[Answer] | None:
        """Return the step on screen, also when a dialog covers it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, StepScreen)), None)

    async def action_quit(self) -> None:
        """Leave; ask first only where something would be lost."""
        loss = self.step.would_lose() if self.step else ""
        if not loss:
            self.leave()
        elif not isinstance(self.screen, ConfirmScreen):
            question = ConfirmScreen("Quit now?", loss, yes="Quit", no="Stay")
            self.push_screen(question, self._leave_if)

    def _leave_if(self, is_sure: bool | None) -> None:  # noqa: FBT001  a screen's answer
        if is_sure:
            self.leave()

    @work(group="leave", exclusive=True, exit_on_error=False)
    async def leave(self, is_terminal_lost: bool = False) -> None:  # noqa: FBT001, FBT002  called by a signal
        """Stop the work of the screens, then end; hard when the terminal is gone, since writing to it blocks."""
        words = self.step.parting_words() if self.step else ""
        await self._stop_work()
        await self._close_site()
        if is_terminal_lost:
            interruptions.restore_at_once(self._driver)
            os._exit(129)
        self.exit(return_code=0, message=Text(words) if words else None)

    async def _stop_work(self) -> None:
        """Cancel every worker but this one and wait for their clean-up, though not for ever."""
        me = get_current_worker()
        others = [worker for worker in self.workers if worker is not me and not worker.is_finished]
        for worker in others:
            worker.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WORK_TIMEOUT_S):
                for worker in others:
                    with contextlib.suppress(WorkerCancelled, WorkerFailed):
                        await worker.wait()

    async def _close_site(self) -> None:
        site, self.choices = self.choices.site, replace(self.choices, site=None)
        if site is not None:
            await site.close()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every drawn line goes through: at last, nothing of a text is a command to the terminal."""
        return [*super().get_line_filters(), _TEXT_ONLY]

    # -- keys and palette ----------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield every action by name, for the palette."""
        yield from palette.commands(self, screen, self.step, self.show_dialog_help)
        yield SystemCommand("Manual", "Read the manual, from the page of this step on", self.action_manual)
        yield SystemCommand("Copy", "Copy what is chosen, to the clipboard and to a file", self.action_copy_chosen)
        yield SystemCommand("Theme", "Choose colours: dark, light, the terminal's own", self.action_change_theme)
        yield SystemCommand("Quit", "Leave the wizard; asks when something would be lost", self.action_quit)

    def action_copy_chosen(self) -> None:
        """Copy what is chosen on screen, to the clipboard and to a file, and say where it is."""
        if isinstance(self.screen, copying.CopiedScreen):
            return
        try:
            text = copying.chosen_text(self.screen)
        except copying.Secretive:
            if self.step is not None:
                self.step.tell(copying.SECRET)
            return
        is_short = copying.fits_clipboard(text)
        if is_short:
            self.copy_to_clipboard(text)
        self.push_screen(copying.CopiedScreen(text, is_on_clipboard=is_short))

    def action_manual(self) -> None:
        """Show the manual over everything, at the page of the step on screen."""
        if not isinstance(self.screen, ManualScreen):
            room = type(self.step).__module__.partition(".steps.")[2].partition(".")[0] if self.step else ""
            self.push_screen(ManualScreen(f"steps/{room}"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep the key of the manual for a step with its help on screen."""
        if action == "manual_page":
            return isinstance(self.screen, StepScreen) and bool(self.screen.query("HelpPanel"))
        return super().check_action(action, parameters)

    def action_manual_page(self) -> None:
        """Show the page of the manual about the step whose help is on screen."""
        self.action_manual()

    async def action_help(self) -> None:
        """Show help, or hide it: a step has a panel, some dialogs have help of their own."""
        screen = self.screen
        if hasattr(screen, "action_toggle_help"):
            await self.run_action("screen.toggle_help")
        elif hasattr(screen, "action_help"):
            await self.run_action("screen.help")
        elif not isinstance(screen, CommandPalette):
            self.show_dialog_help()

    def show_dialog_help(self) -> None:
        """Show the help of a dialog: its keys, and those that work everywhere."""
        everywhere = [
            (self.keys.get(str(binding.id), binding.key), binding.tooltip)
            for binding in self.BINDINGS
            if isinstance(binding, Binding) and binding.tooltip
        ]
        helping.show_help(self, [*everywhere, ("ctrl+p", "List every action")])

    # -- faults of our own ---------------------------------------------------------------------------------------

    def _fatal_error(self) -> None:
        """Say in our own words that the wizard had a fault: Textual's page prints local variables, passwords too."""
        error: BaseException | None = self._exception or sys.exception()
        if isinstance(error, WorkerFailed):
            error = error.error
        name = type(error).__name__
        trace = error.__traceback__ if error is not None else None
        log.error("app.fault kind=%s\n%s", name, "".join(traceback.format_tb(trace)))
        words = (
            f"The wizard had a fault of its own and had to stop ({name}).\n"
            "What was sent to XNAT stays there; a running upload goes on by itself.\n"
            "Start xnat-wizard again to see it. To report the fault, add this file; it holds no names and no passwords:"
        )
        with contextlib.suppress(Problem):
            words += f"\n{log_file()}"
        self.panic(Text(words))
