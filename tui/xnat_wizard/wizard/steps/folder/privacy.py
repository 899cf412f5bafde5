"""A screen over the folder step: which details of patients would leave the house with the images."""

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.dicom.exposure import DETAILS, Exposed, Exposure, ExposureRun
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Problem
from xnat_wizard.upload.script_effects import sure_effects
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.helped import HelpedScreen
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.xnat.site import Site

COLUMNS = (
    Column("Detail", 23),
    Column("Images", 7, is_right=True),
    Column("Different", 9, is_right=True),
    Column("Becomes, for sure", 8, grow=1),
)
SHOWN_VALUES = 40
HELP = """\
## Patient details

Each row is a detail that stands in the headers of these images, in how many of them, and how many different values it
has. What is not listed was not found in what was read.

- **s** shows the values, and hides them again. Look around first: they name people.
- **a** reads every header, not only one of each series. Escape stops it.
- The last column says what a detail becomes by the anonymization script of the site (when it arrives) or of the project
  (when it is archived), where that is sure whatever the image is. An empty cell promises nothing: it may be changed or
  not.

Nothing is sent by looking.
"""


class PrivacyScreen(HelpedScreen[None]):
    """Reads headers and shows what they tell about people; values are hidden until they are asked for."""

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Back", id="privacy.close", tooltip="Stop reading; else back to what was found"),
        Binding("s", "values", "Values", id="privacy.values", tooltip="Show or hide the values"),
        Binding("a", "all", "All", id="privacy.all", tooltip="Read every header"),
    ]
    AUTO_FOCUS = "Rows"
    DEFAULT_CSS = """
    PrivacyScreen > Vertical {
        width: 100%; height: 100%; border: round $primary; padding: 0 1; background: $background;
    }
    PrivacyScreen .privacy--title { text-style: bold; height: auto; }
    PrivacyScreen #privacy-scope { height: auto; max-height: 2; color: $text-muted; }
    PrivacyScreen Rows { height: 1fr; min-height: 3; margin-top: 1; }
    PrivacyScreen #privacy-values { height: 3; margin-top: 1; }
    PrivacyScreen.-low Rows, PrivacyScreen.-low #privacy-values, PrivacyScreen.-low .dialog-buttons { margin-top: 0; }
    """

    def __init__(self, survey: Survey, site: Site | None, project_id: str) -> None:
        super().__init__()
        self._survey = survey
        self._site = site
        self._project_id = project_id
        self._exposure: Exposure | None = None
        self._effects: dict[int, str] = {}
        self._run: ExposureRun | None = None
        self._is_shown = False

    def compose(self) -> ComposeResult:
        """Lay out what was read, the details, and the values of the chosen one."""
        with Vertical():
            yield Label("Details of patients and of the house in these images", classes="privacy--title")
            yield Static("", id="privacy-scope", markup=False)
            yield Rows(COLUMNS, empty="Reading headers...", id="privacy-rows")
            yield Static("", id="privacy-values", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("Back", id="privacy-back", tooltip="Back to what was found", is_main=True)
                yield ActionButton("s Show values", id="privacy-show", tooltip="Show or hide the values")
                yield ActionButton("a Read all headers", id="privacy-all", tooltip="Read every header; Escape stops")

    def on_mount(self) -> None:
        """Read a sample, and ask what the scripts do."""
        self.read(is_all=False)
        self.ask_scripts()

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="exposure", exclusive=True, exit_on_error=False)
    async def read(self, *, is_all: bool) -> None:
        """Read headers; what was read before stays when this is stopped."""
        timer = self.set_interval(1 / 4, self._look)
        try:
            async with ExposureRun(self._survey, is_all=is_all) as run:
                self._run = run
                self._look()
                self._exposure = await run.result()
            self._show()
        except Stopped:
            self._show("Stopped; nothing was changed. ")
        except Problem as problem:
            self._say(f"{problem.finding.what}. {problem.finding.why}")
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            self._say(fault(error).why)
        finally:
            self._run = None
            timer.stop()

    def _look(self) -> None:
        if self._run is not None:
            done, of = self._run.snapshot()
            self._say(f"Reading headers: {done:,} of {of:,}. Escape stops")

    @work(group="scripts", exclusive=True, exit_on_error=False)
    async def ask_scripts(self) -> None:
        """Ask site and project for their scripts; without an answer nothing is promised."""
        if self._site is None or not self._project_id:
            return
        try:
            rules = await self._site.arrival_rules(self._project_id)
        except Problem:
            return
        for whose, script in (("site", rules.site_script), ("project", rules.project_script)):
            for tag, words in sure_effects(script).items():
                self._effects[tag] = f"{words} ({whose})"
        self._show_rows()

    # -- showing -------------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.query_one("#privacy-scope", Static).update(plain(text))

    def _show(self, before: str = "") -> None:
        found = self._exposure
        if found is None:
            self._say(f"{before}Nothing is read yet: a reads all headers.")
            self.query_one(Rows).show((), empty="Nothing is read yet.")
            return
        is_part = found.files_read < found.files_total
        scope = f"{found.files_read:,} of {count_text(found.files_total, 'header')} read"
        unread = f"; {count_text(found.files_unread, 'file')} could not be read" if found.files_unread else ""
        self._say(f"{before}{scope}{': one of each series. a reads all' if is_part else ''}{unread}.")
        self._show_rows()

    def _show_rows(self) -> None:
        if self._exposure is not None:
            rows = self.query_one(Rows)
            rows.show((self._row(one) for one in self._exposure.rows), empty="No such detail was found.")
            self._show_values(rows.key)

    def _row(self, one: Exposed) -> Row:
        different = f"{len(one.values):,}{'' if one.is_counted_whole else '+'}"
        is_of_par = not one.tag and one.name in DETAILS.values()  # its headers have no tags
        name = f"{one.name} (PAR)" if is_of_par else one.name
        return Row(one.name + str(one.tag), (name, f"{one.images:,}", different, self._effects.get(one.tag, "")))

    @on(Rows.Highlighted)
    def _moved(self, event: Rows.Highlighted) -> None:
        self._show_values(event.key)

    def _show_values(self, key: str) -> None:
        rows = self._exposure.rows if self._exposure else ()
        one = next((one for one in rows if one.name + str(one.tag) == key), None)
        text = ""
        if one is not None and self._is_shown:
            more = f" and {len(one.values) - SHOWN_VALUES:,} more" if len(one.values) > SHOWN_VALUES else ""
            text = f"{one.name}: {', '.join(plain(value) for value in one.values[:SHOWN_VALUES])}{more}"
        elif one is not None:
            text = f"{one.name}: {count_text(len(one.values), 'value')}, hidden. s shows them."
        self.query_one("#privacy-values", Static).update(text)

    @on(Button.Pressed, "#privacy-show")
    def action_values(self) -> None:
        """Show or hide the values."""
        self._is_shown = not self._is_shown
        self.query_one("#privacy-show", ActionButton).say("s Hide values" if self._is_shown else "s Show values")
        self._show_values(self.query_one(Rows).key)

    @on(Button.Pressed, "#privacy-all")
    def action_all(self) -> None:
        """Read every header."""
        if self._run is None:
            self.read(is_all=True)

    @on(Button.Pressed, "#privacy-back")
    def action_close(self) -> None:
        """Hide the help, else stop reading where something is read, else close."""
        if self.hide_help():
            return
        if self._run is not None and self._exposure is not None:
            self.stop_reading(self._run)
        else:
            self.dismiss(None)

    @work(group="stop", exclusive=True, exit_on_error=False)
    async def stop_reading(self, run: ExposureRun) -> None:
        """Stop; what was read before stays."""
        await run.stop()
