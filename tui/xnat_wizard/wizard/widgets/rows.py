"""A list of rows in columns, drawn line by line: a million rows cost what the visible ones cost.

Text is data here: cells are cut by terminal cells, never read as markup. The chosen row has a mark in front, so it
is seen without colour too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its width in cells, and what happens when there is more or less room than that."""

    title: str
    width: int
    grow: int = 0  # share of the room left over
    is_right: bool = False
    needs: int = 0  # hidden while the list is narrower than this
    keeps_end: bool = False  # what is too long loses its beginning: names that differ at their end


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `tone` colours it and never carries the meaning alone: "", "quiet", "good", "warn", "bad", "head"."""

    key: str
    cells: tuple[str, ...]
    tone: str = ""


def fit(text: str, width: int, *, is_right: bool = False, keeps_end: bool = False) -> str:
    """Cut or pad a text to exactly `width` cells; "…" stands where something was cut."""
    text = text if text.isprintable() else " ".join(text.split())
    length = cell_len(text)
    if length > width > 0:
        if keeps_end:
            return "…" + set_cell_size(text[::-1], width - 1)[::-1]
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if is_right else text + " " * (width - length)


class Rows(ScrollView, can_focus=True):
    """Rows with a cursor; Enter chooses, Space ticks: both are told, neither is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor(-1)", "Up", show=False, id="rows.up"),
        Binding("down", "cursor(1)", "Down", show=False, id="rows.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="rows.page_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="rows.page_down"),
        Binding("home", "edge(False)", "First", show=False, id="rows.first"),
        Binding("end", "edge(True)", "Last", show=False, id="rows.last"),
        Binding("enter", "choose", "Open", show=False, id="rows.choose"),
        Binding("space", "tick", "Tick", show=False, id="rows.tick"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--head",
        "rows--cursor",
        "rows--quiet",
        "rows--good",
        "rows--warn",
        "rows--bad",
    }
    DEFAULT_CSS = """
    Rows { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Rows > .rows--head { text-style: bold; color: $text-muted; }
    Rows > .rows--quiet { color: $text-muted; }
    Rows > .rows--good { color: $text-success; }
    Rows > .rows--warn { color: $text-warning; }
    Rows > .rows--bad { color: $text-error; }
    Rows > .rows--cursor { text-style: bold; }
    Rows:focus > .rows--cursor { text-style: reverse bold; }
    """

    cursor: reactive[int] = reactive(0)

    class About(Message):
        """Something happened to a row; `key` is "" when there is none."""

        def __init__(self, rows: "Rows", key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> "Rows":
            """Return the list it happened in."""
            return self.rows

    class Highlighted(About):
        """The cursor is on another row."""

    class Chosen(About):
        """Enter was pressed on a row."""

    class Ticked(About):
        """Space was pressed on a row."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        has_header: bool = True,
        id: str | None = None,  # noqa: A002  Textual's own name
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._top = 1 if has_header else 0
        self._told = ""
        self.empty = empty

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return what is shown."""
        return self._rows

    @property
    def key(self) -> str:
        """Return the key of the row under the cursor, "" when there is none."""
        return self._rows[self.cursor].key if self.cursor < len(self._rows) else ""

    def show(self, rows: Iterable[Row], *, empty: str | None = None) -> None:
        """Show these rows; the cursor stays on its row, or as near as it can. Only changed lines are drawn anew."""
        key, old, new = self.key, self._rows, tuple(rows)
        is_whole = empty is not None and empty != self.empty
        if is_whole and empty is not None:
            self.empty = empty
        self._rows = new
        if is_whole or not old or [row.key for row in old] != [row.key for row in new]:
            self.virtual_size = Size(self.size.width, len(new) + self._top)
            at = next(
                (index for index, row in enumerate(new) if row.key == key), min(self.cursor, max(0, len(new) - 1))
            )
            if at == self.cursor:
                self._tell()
            self.cursor = at
            self.refresh()
            return
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                self._refresh_row(index)

    def _refresh_row(self, index: int) -> None:
        if index >= round(self.scroll_y):
            self.refresh_line(index + self._top)

    def go_to(self, key: str) -> None:
        """Put the cursor on the row with this key, where there is one."""
        at = next((index for index, row in enumerate(self._rows) if row.key == key), None)
        if at is not None:
            self.cursor = at

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor inside the list."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Show the new place and tell it."""
        self._scroll_to_cursor()
        self._refresh_row(before)
        self._refresh_row(after)
        self._tell()

    def _tell(self) -> None:
        if self._told != self.key:
            self._told = self.key
            self.post_message(self.Highlighted(self, self.key))

    def _scroll_to_cursor(self) -> None:
        room = max(1, self.size.height - self._top)
        first = round(self.scroll_y)
        if self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= first + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False, immediate=True)

    def on_resize(self, event: events.Resize) -> None:
        """Take the new width."""
        self.virtual_size = Size(event.size.width, len(self._rows) + self._top)
        self._scroll_to_cursor()

    def action_cursor(self, step: int) -> None:
        """Go up or down; at an end the key goes on to the screen, which may leave the list."""
        if not 0 <= self.cursor + step < len(self._rows):
            raise SkipAction
        self.cursor += step

    def action_page(self, direction: int) -> None:
        """Go a screenful."""
        self.cursor += direction * max(1, self.size.height - self._top - 1)

    def action_edge(self, is_last: bool) -> None:  # noqa: FBT001  Textual passes action arguments by place
        """Go to the first or last row."""
        self.cursor = len(self._rows) - 1 if is_last else 0

    def action_choose(self) -> None:
        """Tell that Enter was pressed."""
        if self.key:
            self.post_message(self.Chosen(self, self.key))

    def action_tick(self) -> None:
        """Tell that Space was pressed."""
        if self.key:
            self.post_message(self.Ticked(self, self.key))

    def on_click(self, event: events.Click) -> None:
        """Go to the clicked row; a second click there opens it."""
        at = event.y + round(self.scroll_y) - self._top
        if event.y < self._top or not 0 <= at < len(self._rows):
            return
        if at == self.cursor:
            self.action_choose()
        self.cursor = at

    def widths(self, room: int) -> tuple[int, ...]:
        """Return each column's width in `room` cells; 0 hides it."""
        shown = [column.width if room >= column.needs else 0 for column in self._columns]
        gaps = GAP * max(0, sum(1 for width in shown if width) - 1)
        left = room - 2 - sum(shown) - gaps
        growing = [index for index, column in enumerate(self._columns) if column.grow and shown[index]]
        shares = sum(self._columns[index].grow for index in growing)
        done = 0
        for index in growing:
            extra = left * self._columns[index].grow // shares
            shown[index] = max(1, shown[index] + extra)
            done += extra
        if growing:
            shown[growing[-1]] = max(1, shown[growing[-1]] + left - done)
        return tuple(shown)

    def _line(self, cells: Sequence[str], room: int) -> str:
        parts = [
            fit(cell, width, is_right=column.is_right, keeps_end=column.keeps_end)
            for cell, width, column in zip(cells, self.widths(room), self._columns, strict=False)
            if width
        ]
        return (" " * GAP).join(parts)

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is visible."""
        width = self.scrollable_content_region.width
        if y < self._top:
            style = self.get_component_rich_style("rows--head")
            text = "  " + self._line([column.title for column in self._columns], width)
            return Strip([Segment(fit(text, width), style)], width)
        at = y + round(self.scroll_y) - self._top
        if at >= len(self._rows):
            is_note = not self._rows and at == 0 and self.empty
            text = f"  {self.empty}" if is_note else ""
            return Strip([Segment(fit(text, width), self.get_component_rich_style("rows--quiet"))], width)
        row = self._rows[at]
        is_here = at == self.cursor
        text = fit(("> " if is_here else "  ") + self._line(row.cells, width), width)
        return Strip([Segment(text, self._style(row, is_here=is_here))], width)

    def _style(self, row: Row, *, is_here: bool) -> Style:
        tone = self.get_component_rich_style(f"rows--{row.tone}") if row.tone else self.rich_style
        if not is_here:
            return tone
        base = self.rich_style if self.has_focus else tone  # reversed colours would shout
        return base + self.get_component_rich_style("rows--cursor", partial=True)
