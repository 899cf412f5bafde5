"""A determinate bar made of characters: it costs a few bytes a repaint and reads without colour."""

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

_DONE, _OPEN = "━", "─"


class ProgressLine(Widget):
    """One line: bar, per cent, and a text; `show(done, total, text)` four times a second at most.

    With `total` 0 there is no bar, just the text: the end is not known.
    """

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002  textual's own word
        super().__init__(id=id, classes="progress-line")
        self._shown: tuple[float, float, str] = (0, 0, text)

    def show(self, done: float, total: float, text: str) -> None:
        """Draw new numbers; nothing is sent to the terminal when they look the same."""
        if (done, total, text) != self._shown:
            self._shown = (done, total, text)
            self.refresh()

    def render(self) -> Content:
        """Draw the line for the present width."""
        done, total, text = self._shown
        if total <= 0:
            return Content(text)
        share = min(1.0, max(0.0, done / total))
        percent = "100 %" if done >= total else f"{min(99, int(share * 100)):3} %"
        width = max(10, min(40, self.size.width - cell_len(text) - 9))
        full = int(width * share)
        return Content.assemble(
            (_DONE * full, "$primary"), (_OPEN * (width - full), "$foreground-muted"), f" {percent}  {text}"
        )
