"""Rows with [x] or (x): the mark itself says on or off, without colour."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Checklist(OptionList):
    """A list of rows to tick with Space or Enter; arrows move.

    Rows are (key, words) pairs. With `is_single` exactly one row is on, drawn as (x). Posts `Changed` with the keys
    that are on, in row order.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Tick", tooltip="Switch the row on or off", show=False, id="checklist.tick"),
    ]

    class Changed(Message):
        """A row was switched."""

        def __init__(self, checklist: "Checklist", ticked: tuple[str, ...]) -> None:
            super().__init__()
            self.checklist = checklist
            self.ticked = ticked

        @property
        def control(self) -> "Checklist":
            """Return the list, for selectors in `on`."""
            return self.checklist

    def __init__(
        self,
        rows: Iterable[tuple[str, str]],
        ticked: Iterable[str] = (),
        *,
        is_single: bool = False,
        id: str | None = None,  # noqa: A002  textual's own word
    ) -> None:
        self._rows = tuple(rows)
        self._ticked = set(ticked)
        self._is_single = is_single
        options = [Option(self._prompt(key), id=f"row-{place}") for place, (key, _) in enumerate(self._rows)]
        super().__init__(*options, id=id, compact=True)
        first = next((place for place, (key, _) in enumerate(self._rows) if key in self._ticked), 0)
        self.highlighted = first if self._rows else None

    @property
    def ticked(self) -> tuple[str, ...]:
        """Return the keys that are on, in row order."""
        return tuple(key for key, _ in self._rows if key in self._ticked)

    def tick(self, key: str, *, is_on: bool) -> None:
        """Switch one row without posting `Changed`."""
        if self._is_single:
            self._ticked = {key}
        elif is_on:
            self._ticked.add(key)
        else:
            self._ticked.discard(key)
        self._redraw()

    def _prompt(self, key: str) -> Content:
        opening, closing = "()" if self._is_single else "[]"
        words = dict(self._rows)[key]
        return Content(f"{opening}{'x' if key in self._ticked else ' '}{closing} {words}")

    def _redraw(self) -> None:
        for place, (key, _) in enumerate(self._rows):
            self.replace_option_prompt_at_index(place, self._prompt(key))

    @on(OptionList.OptionSelected)
    def _toggle(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        key = self._rows[event.option_index][0]
        self.tick(key, is_on=key not in self._ticked)
        self.post_message(self.Changed(self, self.ticked))
