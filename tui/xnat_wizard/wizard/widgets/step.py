"""What all steps of the wizard have in common: header, one sentence, content, buttons, keys, footer.

A step subclasses `StepScreen[Answer]` and fills in:

- class variables `number` (1 to 7), `sentence` (what to do here), `HELP` (Markdown for F1), `has_refresh`;
- `compose_content()`: the widgets of the step (they scroll when the terminal is small);
- `compose_buttons()`: `ActionButton`s of the bottom line; their ids are handled with `@on(Button.Pressed, "#id")`;
- `answer_back()`: what the step gives back on Escape, with everything typed so far kept in it; `None` where there is
  nothing before this step;
- `go_next()` (ctrl+n): check and dismiss with the step's answer;
- `refresh_content()` (F5), `cancel_work()` (Escape while something runs), `would_lose()`, `parting_words()`,
  `commands()`, `copyable_text()` as needed.

`say(text)` changes the sentence, `tell(text)` the dim line above the buttons ("Checking..."), `await explain(finding)`
shows a problem in three parts and returns when it was read (call it in a worker; `explain_soon` elsewhere). A worker
does its work inside `async with self.working("Logging in..."):`, which says what goes on, turns every `Problem` and
every fault into a message, and cleans up:

    @work(group="login", exclusive=True, exit_on_error=False)
    async def connect(self, login: Login) -> None:
        async with self.working("Logging in... Escape stops.", then=self.focus_mistake):
            site = await Site.connect(login)
            self.dismiss(...)
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.css.query import NoMatches
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import HelpPanel, Markdown, Static

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.keyline import KeyLine
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.trail import Trail

AnswerT = TypeVar("AnswerT")
Command = tuple[str, str, Callable[[], Awaitable[None] | None]]  # title, help, what to call


class StepScreen(Screen[AnswerT], Generic[AnswerT]):
    """One step of the wizard. It gets what it needs through `__init__` and ends with `dismiss(answer)`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="One step back; what you typed is kept", id="wizard.back"),
        Binding("ctrl+n", "next", "Next", tooltip="Go on to the next step", id="wizard.next"),
        Binding("f1", "toggle_help", "Help", tooltip="Show or hide help for where you are", id="wizard.help"),
        Binding("f5", "refresh_content", "Refresh", tooltip="Ask again", id="wizard.refresh"),
        Binding("down", "app.focus_next", "Down", show=False, id="wizard.down"),
        Binding("up", "app.focus_previous", "Up", show=False, id="wizard.up"),
        Binding("pagedown", "scroll_help(1)", "More help", show=False, priority=True, id="wizard.help_down"),
        Binding("pageup", "scroll_help(-1)", "Help before", show=False, priority=True, id="wizard.help_up"),
    ]
    AUTO_FOCUS = ""  # each step says where to begin, in on_mount
    ESCAPE_TO_MINIMIZE = False

    is_busy = reactive(default=False, bindings=True)  # something runs that Escape can stop

    number: ClassVar[int] = 0
    sentence: ClassVar[str] = ""
    has_refresh: ClassVar[bool] = False
    has_next: ClassVar[bool] = True

    def __init__(self, who: str = "") -> None:
        super().__init__()
        self.who = who

    # -- what a step fills in ------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Yield the widgets of the step."""
        yield from ()

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons of the bottom line."""
        yield from ()

    def answer_back(self) -> AnswerT | None:
        """Return the answer for going back, with all input kept in it; `None`: nowhere to go."""
        return None

    def go_next(self) -> None:
        """Check what was chosen and end the step."""

    def refresh_content(self) -> None:
        """Ask again for what is shown."""

    def cancel_work(self) -> bool:
        """Stop what is running, if anything is; returns whether Escape was used up by that."""
        return False

    def would_lose(self) -> str:
        """Return what quitting now would lose, as a sentence; "" when nothing."""
        return ""

    def parting_words(self) -> str:
        """Return what to print when the wizard was quit here: that an upload goes on; "" for nothing."""
        return ""

    def commands(self) -> Iterable[Command]:
        """Yield the step's own actions for the palette: title, help, callable."""
        yield from ()

    def copyable_text(self) -> str:
        """Return what Copy takes when nothing with the focus has more to say; "": the text of the screen."""
        return ""

    # -- what a step uses ----------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Change the sentence under the header."""
        with contextlib.suppress(NoMatches):
            self.query_one("#sentence", Static).update(plain(text))

    def tell(self, text: str = "") -> None:
        """Change the line above the buttons: what is going on, or what is missing."""
        with contextlib.suppress(NoMatches):
            self.query_one("#status", Static).update(plain(text))

    @contextlib.asynccontextmanager
    async def working(self, text: str = "", then: Callable[[Finding], None] | None = None) -> AsyncIterator[None]:
        """Say what goes on while the body runs; show what went wrong, then call `then` with it. Only in a worker."""
        finding: Finding | None = None
        self.is_busy = True
        self.tell(text)
        try:
            yield
        except Problem as problem:
            finding = problem.finding
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes a finding
            finding = fault(error)
        finally:
            self.is_busy = False
            self.tell()
        if finding is not None and self.is_attached:
            await self.explain(finding)
            if then is not None:
                then(finding)

    async def explain(self, finding: Finding) -> None:
        """Show a problem in three parts; returns when the person has closed it. Only inside a worker."""
        await self.app.push_screen_wait(ProblemScreen(finding))

    def explain_soon(self, finding: Finding, then: Callable[[], None] | None = None) -> None:
        """Show a problem in three parts from a handler; `then` is called when it was closed."""

        def closed(_: None) -> None:
            if then is not None:
                then()

        self.app.push_screen(ProblemScreen(finding), closed)

    # -- Textual -------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the step."""
        yield Trail(self.number, self.who)
        yield Static(self.sentence, id="sentence", markup=False)
        with VerticalScroll(id="content", can_focus=False):
            yield from self.compose_content()
        yield Static("", id="status", markup=False)
        with Horizontal(id="buttons"):
            yield from self.compose_buttons()
        yield KeyLine()

    def on_resize(self, _: events.Resize) -> None:
        """Fit the footer to the new width."""
        self._fit_footer(has_help=bool(self.query("HelpPanel")))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys that do nothing in this step."""
        if action == "refresh_content":
            return self.has_refresh
        if action == "next":
            return self.has_next
        if action == "scroll_help":  # with help on screen; else the key is the list's
            return bool(self.query("HelpPanel"))
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Escape: close the help, else stop what runs, else go one step back."""
        if self.query("HelpPanel"):
            self.action_toggle_help()
        elif not self.cancel_work():
            answer = self.answer_back()
            if answer is not None:
                self.dismiss(answer)

    def action_next(self) -> None:
        """Go on."""
        self.go_next()

    def action_refresh_content(self) -> None:
        """Ask again."""
        self.refresh_content()

    def action_toggle_help(self) -> None:
        """Show or hide the help panel."""
        has_help = not self.query("HelpPanel")
        if has_help:
            self.app.action_show_help_panel()
        else:
            self.app.action_hide_help_panel()
        self.call_after_refresh(self._fit_footer, has_help=has_help)  # a panel is still there while it is taken away
        self.call_after_refresh(self._title_help)

    def _title_help(self) -> None:
        for panel in self.query(HelpPanel):
            panel.border_title = "Help   Page down: more   F2: manual   F1: close"
            if self.focused is None:  # the panel follows the focus; without one it would be empty
                panel.add_class("-show-help")
                panel.query_one("#widget-help", Markdown).update(self.HELP or self.sentence)

    def action_scroll_help(self, direction: int) -> None:
        """Move the help text by what is seen of it, less one line."""
        for text in self.query("HelpPanel #widget-help").results(Markdown):
            text.scroll_relative(y=direction * max(1, text.size.height - 1), animate=False)

    def _fit_footer(self, *, has_help: bool) -> None:
        """Leave the palette's key out of the footer where the step's own keys need the room."""
        footer, has_room = self.query_one(KeyLine), self.size.width >= 80 and not has_help
        if footer.show_command_palette != has_room:
            footer.show_command_palette = has_room
            footer.refresh(recompose=True)  # the footer does not see it by itself
