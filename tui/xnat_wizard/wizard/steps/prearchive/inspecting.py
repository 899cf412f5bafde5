"""A screen over the list that shows one session: what it is, its scans, their files and headers, and the log."""

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.listing import RowsScreen
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.waiting.details import Details

SCAN_COLUMNS = (
    Column("Scan", 5, is_right=True),
    Column("Description", 20, grow=1),
    Column("Files", 6, is_right=True),
    Column("Size", 8, is_right=True),
)
FILE_COLUMNS = (
    Column("File", 20, grow=1, keeps_end=True),
    Column("Folder", 10, needs=60),
    Column("Size", 8, is_right=True),
)
HEADER_COLUMNS = (
    Column("Tag", 11),
    Column("Name", 20, grow=1),
    Column("Value", 20, grow=2),
)


class SessionScreen(ModalScreen[None]):
    """One session of the prearchive; the wire contract 6.4 and 7.7 say what can be asked of it."""

    AUTO_FOCUS = "Rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close", id="session.close", tooltip="Back to the list"),
        Binding("h", "headers", "Header", id="session.headers", tooltip="The DICOM header of a file of this scan"),
        Binding("l", "log", "Log", id="session.log", tooltip="What the site wrote down"),
    ]
    DEFAULT_CSS = """
    SessionScreen > Vertical { width: 96%; height: 94%; border: round $primary; padding: 0 1; background: $background; }
    SessionScreen.-narrow > Vertical { width: 100%; height: 100%; border: none; }
    SessionScreen .session--title { text-style: bold; height: auto; }
    SessionScreen #session-facts { height: auto; max-height: 12; margin-bottom: 1; }
    SessionScreen Rows { min-height: 4; }
    SessionScreen #session-status { height: 1; color: $text-muted; }
    """

    def __init__(self, site: Site, details: Details) -> None:
        super().__init__()
        self._site = site
        self._details = details

    def compose(self) -> ComposeResult:
        """Lay out the facts, the scans, the keys."""
        with Vertical():
            yield Label(f"{self._details.session.label} in the prearchive", markup=False, classes="session--title")
            yield Static(plain_lines(self._details.facts()), id="session-facts", markup=False)
            yield Rows(SCAN_COLUMNS, empty="No scans are known.", id="session-scans")
            yield Static("", id="session-status", markup=False)

    def on_mount(self) -> None:
        """Show the scans."""
        self.query_one(Rows).show(
            Row(
                one.scan.id,
                (
                    one.scan.id,
                    one.scan.series_description or one.scan.type or "-",
                    f"{one.file_count}",
                    bytes_text(one.size_bytes),
                ),
            )
            for one in self._details.scans
        )
        self._tell()

    def _tell(self, words: str = "") -> None:
        keys = "Enter: files   h: header   l: log   Escape: close" if self._details.scans else "l: log   Escape: close"
        self.query_one("#session-status", Static).update(words or keys)

    @on(Rows.Chosen, "#session-scans")
    @work(group="look", exclusive=True, exit_on_error=False)
    async def open_files(self, event: Rows.Chosen) -> None:
        """List the files of a scan."""
        self._tell("Asking the site for the files...")
        try:
            files = await self._site.prearchive_files(self._details.session.uri, event.key)
        except Problem as problem:
            await self._explain(problem.finding)
            return
        self._tell()
        rows = [Row(one.uri, (one.name, one.collection, bytes_text(one.size_bytes))) for one in files]
        title = f"Scan {event.key}: {count_text(len(files), 'file')}"
        await self.app.push_screen_wait(RowsScreen(title, FILE_COLUMNS, rows))

    @work(group="look", exclusive=True, exit_on_error=False)
    async def action_headers(self) -> None:
        """List the DICOM header of one file of the scan under the cursor, as the site reads it."""
        scan_id = self.query_one(Rows).key
        if not scan_id:
            self._tell("Headers are known once the session is built.")
            return
        self._tell("Asking the site for the header...")
        try:
            lines = await self._site.headers(f"{self._details.session.uri}/scans/{scan_id}")
        except Problem as problem:
            await self._explain(problem.finding)
            return
        self._tell()
        rows = [Row(f"{at}", (one.tag, one.name, one.value)) for at, one in enumerate(lines)]
        title = f"Scan {scan_id}: the header of one of its files"
        await self.app.push_screen_wait(RowsScreen(title, HEADER_COLUMNS, rows))

    async def _explain(self, finding: Finding) -> None:
        self._tell()
        await self.app.push_screen_wait(ProblemScreen(finding))

    def action_log(self) -> None:
        """Show what the site wrote down."""
        title = f"The log of {self._details.session.label}"
        self.app.push_screen(LinesScreen(title, self._details.log_text()))

    def action_close(self) -> None:
        """Go back to the list."""
        self.dismiss(None)


def plain_lines(text: str) -> str:
    """Return lines of a site's words, each fit to be shown."""
    return "\n".join(plain(line) for line in text.split("\n"))
