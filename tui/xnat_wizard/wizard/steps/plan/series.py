"""A screen over the plan: which series of a session go."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label, Static

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.dicom.model import Series
from xnat_wizard.upload.choosing import Item, items_of
from xnat_wizard.upload.model import PlannedSession
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.helped import HelpedScreen
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows

COLUMNS = (
    Column("", 3),
    Column("No", 5, is_right=True),
    Column("Type", 5),
    Column("Series", 16, grow=1),
    Column("Files", 7, is_right=True),
    Column("Size", 8, is_right=True, needs=56),
)
HELP = """\
## Series of a session

**Space** takes a series in `[x]` or leaves it out `[ ]`. `ask` is held back by a finding: it goes only after your yes
for the whole session, with Space in the plan. **a** takes all or none. **Enter** keeps the choice, **Escape** changes
nothing. A series that stays behind is named in the receipt.
"""


class SeriesScreen(HelpedScreen[frozenset[str] | None]):
    """Choose the series of a session; gives the ids of those that go, or None when nothing shall change."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="series.back", tooltip="Change nothing"),
        Binding("ctrl+n", "take", "OK", id="series.take", tooltip="Keep this choice"),
        Binding("a", "all", "All", id="series.all", tooltip="All or none"),
    ]
    AUTO_FOCUS = "Rows"
    DEFAULT_CSS = """
    SeriesScreen > Vertical {
        width: 100%; max-width: 96; height: 100%; max-height: 30;
        border: round $primary; padding: 0 1; background: $surface;
    }
    SeriesScreen .series--title { text-style: bold; margin-bottom: 1; }
    SeriesScreen Rows { height: 1fr; min-height: 3; }
    SeriesScreen #series-count { height: 1; margin-top: 1; }
    SeriesScreen .series--foot { height: 1; color: $text-muted; }
    SeriesScreen.-low .series--title, SeriesScreen.-low .dialog-buttons { margin: 0; }
    """

    def __init__(self, session: PlannedSession) -> None:
        super().__init__()
        self._session = session
        self._items = {item.id: item for item in items_of(session)}
        self._going = {item.id for item in self._items.values() if item.is_going}

    def compose(self) -> ComposeResult:
        """Lay out the series and their sum."""
        with Vertical():
            yield Label(f"Series of {self._session.session_label}", markup=False, classes="series--title")
            yield Rows(COLUMNS, empty="No series.", id="series-rows")
            yield Static("", id="series-count", markup=False)
            yield Static("Space: in or out   a: all or none   Enter: keep   Escape: back", classes="series--foot")
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="series-ok", tooltip="Keep this choice", is_main=True)
                yield ActionButton("Change nothing", id="series-leave", tooltip="Leave it as it was")

    def on_mount(self) -> None:
        """Show the series."""
        self._show()

    def _show(self) -> None:
        self.query_one(Rows).show(self._row(item) for item in self._items.values())
        chosen = [item for item in self._items.values() if item.id in self._going]
        files, size = sum(_files(item) for item in chosen), sum(_size(item) for item in chosen)
        words = f"{len(chosen)} of {count_text(len(self._items), 'series', 'series')}: {count_text(files, 'file')}, "
        self.query_one("#series-count", Static).update(
            f"{words}{bytes_text(size)}" if chosen else "Nothing: the session is left out"
        )

    def _row(self, item: Item) -> Row:
        thing = item.thing
        mark = "ask" if item.is_held else "[x]" if item.id in self._going else "[ ]"
        if isinstance(thing, Series):
            what = (thing.series_number or "-", thing.modality, thing.series_description or "(no description)")
        else:
            what = ("-", "PAR", thing.protocol_name or thing.par_path)
        cells = (mark, *what, f"{_files(item):,}", bytes_text(_size(item)))
        return Row(item.id, cells, "warn" if item.is_held else "" if item.id in self._going else "quiet")

    @on(Rows.Ticked)
    def _switch(self, event: Rows.Ticked) -> None:
        if self._items[event.key].is_held:
            self.query_one("#series-count", Static).update("ask  A finding holds it: Space in the plan asks about it.")
            return
        self._going ^= {event.key}
        self._show()

    def action_all(self) -> None:
        """Take all or none."""
        free = {item.id for item in self._items.values() if not item.is_held}
        self._going = set() if free <= self._going else free
        self._show()

    @on(Rows.Chosen)
    @on(Button.Pressed, "#series-ok")
    def action_take(self) -> None:
        """Keep the choice."""
        self.dismiss(frozenset(self._going))

    @on(Button.Pressed, "#series-leave")
    def action_leave(self) -> None:
        """Change nothing; hide the help first."""
        if not self.hide_help():
            self.dismiss(None)


def _files(item: Item) -> int:
    return len(item.thing.instances) if isinstance(item.thing, Series) else 2


def _size(item: Item) -> int:
    thing = item.thing
    return thing.size_bytes if isinstance(thing, Series) else thing.par_size_bytes + thing.rec_size_bytes
