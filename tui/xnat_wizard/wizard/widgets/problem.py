"""A problem in three parts: what happened, why, what to do."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.copying import finding_lines
from xnat_wizard.wizard.widgets.plain import plain


def finding_text(finding: Finding) -> Content:
    """Return the three parts and the place as plain paragraphs under bold words; nothing in it is markup."""
    parts: list[str | Content | tuple[str, str]] = [("What happened\n", "bold"), plain(finding.what)]
    parts += [("\n\nWhy\n", "bold"), plain(finding.why)]
    if finding.todo:
        parts.append(("\n\nWhat to do\n", "bold"))
        parts.append("\n".join(f"{place}. {plain(step)}" for place, step in enumerate(finding.todo, start=1)))
    if finding.severity is Severity.ASK:
        parts.append("\n\nIt is held back until you say yes.")
    if finding.where:
        parts += [("\n\nWhere\n", "bold"), plain(finding.where)]
    return Content.assemble(*parts)


class ProblemScreen(ModalScreen[None]):
    """Show one finding; Enter or Escape closes it. `await app.push_screen_wait(ProblemScreen(finding))`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", tooltip="Close this message", id="problem.close"),
        Binding("up", "scroll(-1)", "Up", show=False, priority=True, id="problem.up"),
        Binding("down", "scroll(1)", "Down", show=False, priority=True, id="problem.down"),
        Binding("pageup", "scroll(-8)", "Page up", show=False, priority=True, id="problem.page_up"),
        Binding("pagedown", "scroll(8)", "Page down", show=False, priority=True, id="problem.page_down"),
    ]
    AUTO_FOCUS = "#problem-close"

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding

    def compose(self) -> ComposeResult:
        """Lay out the message."""
        with Vertical(classes="dialog problem"):
            with VerticalScroll(can_focus=False, classes="dialog-text"):
                yield Static(finding_text(self.finding), markup=False)
            yield Static(f"code: {self.finding.code}", markup=False, classes="dim", id="problem-code")
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("Close", id="problem-close", tooltip="Close this message", is_main=True)
                yield ActionButton("Copy", id="problem-copy", tooltip="Copy all of it, to the clipboard and to a file")

    def on_mount(self) -> None:
        """Say that there is more, where the text is longer than the dialog."""
        self.call_after_refresh(self._say_if_longer)

    def _say_if_longer(self) -> None:
        if self.query_one(VerticalScroll).max_scroll_y > 0:
            self.query_one("#problem-code", Static).update(f"code: {self.finding.code}   Down: more")

    def action_scroll(self, lines: int) -> None:
        """Move the text."""
        text = self.query_one(VerticalScroll)
        text.scroll_to(y=text.scroll_y + lines, animate=False)

    def copyable_text(self) -> str:
        """Return the whole message with its code."""
        return finding_lines(self.finding)

    @on(Button.Pressed, "#problem-copy")
    async def copy_all(self, event: Button.Pressed) -> None:
        """Copy the whole message; it stays."""
        event.stop()
        await self.run_action("app.copy_chosen")

    @on(Button.Pressed, "#problem-close")
    def close_by_button(self, event: Button.Pressed) -> None:
        """Close."""
        event.stop()
        self.dismiss(None)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
