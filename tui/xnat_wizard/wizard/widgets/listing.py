"""Screens over the others that show a list: findings, or rows in columns."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList, Static

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.dicom.model import OtherFile
from xnat_wizard.findings import Finding
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows


class _Listing(ModalScreen[None]):
    """A title, a list, how to close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close", id="listing.close", tooltip="Back to where you were"),
    ]
    DEFAULT_CSS = """
    _Listing > Vertical { width: 96%; height: 92%; border: round $primary; padding: 0 1; background: $background; }
    _Listing .listing--title { text-style: bold; height: auto; margin-bottom: 1; }
    _Listing .listing--foot { color: $text-muted; height: 1; }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """Lay out title, list, how to close."""
        with Vertical():
            yield Label(self._title, markup=False, classes="listing--title")
            yield from self.compose_list()
            yield Static("Up, Down: read   Escape: close", classes="listing--foot")

    def compose_list(self) -> ComposeResult:
        """Yield the list."""
        yield from ()

    def action_close(self) -> None:
        """Go back to where one was."""
        self.dismiss(None)


class FindingsScreen(_Listing):
    """All findings, the heaviest first, with the chosen one explained."""

    AUTO_FOCUS = "OptionList"

    def __init__(self, title: str, findings: Iterable[Finding]) -> None:
        super().__init__(title)
        self._findings = tuple(findings)

    def compose_list(self) -> ComposeResult:
        """Yield the findings."""
        yield FindingList(self._findings, empty="No findings.")

    def on_mount(self) -> None:
        """Begin at the heaviest."""
        if self._findings:
            self.query_one(OptionList).highlighted = 0


class RowsScreen(_Listing):
    """Rows in columns, of any number; the row under the cursor stands whole below."""

    AUTO_FOCUS = "Rows"
    DEFAULT_CSS = """
    RowsScreen #listing-whole { height: 3; margin-top: 1; }
    """

    def __init__(self, title: str, columns: Sequence[Column], rows: Iterable[Row]) -> None:
        super().__init__(title)
        self._columns = tuple(columns)
        self._rows = tuple(rows)

    def compose_list(self) -> ComposeResult:
        """Yield the rows."""
        yield Rows(self._columns, empty="Nothing.")
        yield Static("", id="listing-whole", markup=False)

    def on_mount(self) -> None:
        """Show them."""
        self.query_one(Rows).show(self._rows)

    @on(Rows.Highlighted)
    def show_whole(self, event: Rows.Highlighted) -> None:
        """Show the row under the cursor without cutting it."""
        cells = next((row.cells for row in self._rows if row.key == event.key), ())
        self.query_one("#listing-whole", Static).update("\n".join(cell.strip() for cell in cells if cell))


class OthersScreen(RowsScreen):
    """The files of a source that are not sent, grouped by the reason."""

    def __init__(self, source: Path, others: Iterable[OtherFile]) -> None:
        rows: list[Row] = []
        ordered = sorted(others, key=lambda other: (other.kind, other.path))
        for kind, group in groupby(ordered, key=lambda other: other.kind):
            members = list(group)
            size = bytes_text(sum(other.size_bytes for other in members))
            rows.append(Row(kind, (f"{kind}: {count_text(len(members), 'file')}, {size}", ""), "head"))
            rows += [Row(f"{kind}/{other.path}", (f"  {other.path}", other.reason)) for other in members]
        columns = (Column("File below the folder", 30, grow=1), Column("Why it is not sent", 30, grow=1))
        super().__init__(f"{count_text(len(ordered), 'file')} will not be sent, of {source}", columns, rows)
