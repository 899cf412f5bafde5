"""A screen over the folder step that asks how the folders are nested."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.dicom.layout import NAMES, Layout
from xnat_wizard.dicom.model import Survey
from xnat_wizard.findings import Problem
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.plain import plain

PATTERN = "pattern"
WAYS = {  # the names are those that findings speak of
    "subject-series": "subject > series",
    "subject-session-series": "subject > session > series",
    "flat": "subject; headers tell more",
    "headers": "headers tell everything",
    PATTERN: "as you write it here",
}
HINT = "{subject} {session} {series} are names, * is anything"
FIRST_PATTERN = "{subject}/{session}/*/{series}"


class LayoutScreen(ModalScreen[Layout | None]):
    """Choose how the folders of a source are nested; gives `None` when nothing shall change.

    With the survey of a folder it says how well a layout fits what is there.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="layout.back", tooltip="Change nothing"),
        Binding("ctrl+n", "take", "OK", id="layout.take", tooltip="Take this layout"),
    ]
    AUTO_FOCUS = "#layout-way"
    DEFAULT_CSS = """
    LayoutScreen .layout--title { text-style: bold; margin-bottom: 1; }
    LayoutScreen Checklist { height: 5; background: $panel; margin-bottom: 1; }
    LayoutScreen #layout-own { height: 2; }
    LayoutScreen .layout--hint { color: $text-muted; }
    LayoutScreen #layout-verdict { height: 4; margin-top: 1; }
    LayoutScreen.-low .layout--title, LayoutScreen.-low Checklist { margin-bottom: 0; }
    """

    def __init__(self, layout: Layout, survey: Survey | None = None) -> None:
        super().__init__()
        self._is_known = layout.name in NAMES
        self._first = layout
        self._survey = survey

    def compose(self) -> ComposeResult:
        """Lay out the layouts that have names, the pattern, and what is to be said about it."""
        rows = [(key, f"{key:23} {words}") for key, words in WAYS.items()]
        with Vertical(classes="dialog"):
            yield Label("How are the folders nested?", classes="layout--title")
            yield Checklist(rows, [self._first.name if self._is_known else PATTERN], is_single=True, id="layout-way")
            with Vertical(id="layout-own"):
                field = Input(
                    FIRST_PATTERN if self._is_known else self._first.pattern,
                    id="layout-pattern",
                    compact=True,
                    select_on_focus=False,
                )
                field.cursor_blink = False
                yield field
                yield Static(HINT, classes="layout--hint", markup=False)
            yield Static("", id="layout-verdict", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="layout-ok", tooltip="Take this layout", is_main=True)
                yield ActionButton("Change nothing", id="layout-leave", tooltip="Keep the layout as it was")

    def on_mount(self) -> None:
        """Judge the layout of now."""
        self._show_field()
        self._judge()

    @on(Checklist.Changed)
    def change_way(self) -> None:
        """Show the pattern where it is asked for, and go to it."""
        self._show_field()
        self._judge()
        if self._is_own:
            self.query_one("#layout-pattern").focus()

    @property
    def _is_own(self) -> bool:
        return self.query_one(Checklist).ticked == (PATTERN,)

    def _show_field(self) -> None:
        self.query_one("#layout-own").display = self._is_own

    @property
    def _text(self) -> str:
        return self.query_one("#layout-pattern", Input).value if self._is_own else self.query_one(Checklist).ticked[0]

    @on(Input.Changed)
    def _judge(self) -> None:
        """Say what the layout means, and how well it fits; or what is wrong with it."""
        verdict = self.query_one("#layout-verdict", Static)
        try:
            layout = Layout.parse(self._text)
        except Problem as problem:
            finding = problem.finding
            verdict.update(Content.assemble(("FAIL   ", "bold"), plain(f"{finding.what}. {finding.why}.")))
            return
        lines = [
            f"ok     {layout.words.replace(' folder', '')}",
            *(fit_lines(layout, self._survey) if self._survey else ()),
        ]
        verdict.update(Content("\n".join(plain(line) for line in lines)))

    @on(Input.Submitted)
    @on(Button.Pressed, "#layout-ok")
    def action_take(self) -> None:
        """Take the layout that is shown; one that is wrong stays on screen, with the reason."""
        try:
            self.dismiss(Layout.parse(self._text))
        except Problem:
            self._judge()

    @on(Button.Pressed, "#layout-leave")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def fit_lines(layout: Layout, survey: Survey) -> tuple[str, ...]:
    """Return how many series of a survey lie as the layout says, and what it makes of one of them."""
    if not survey.series:
        return ()
    misfit, example, fits = "", "", 0
    for series in survey.series:
        places = [
            (folder, layout.position(folder, series.patient_id or series.patient_name)) for folder in series.folders
        ]
        wrong = next(((folder, place) for folder, place in places if place.misfit or not place.subject), None)
        if wrong is not None:
            misfit = misfit or f"{wrong[1].misfit or 'nothing names the subject'}: {wrong[0] or 'the top'}"
            continue
        fits += 1
        if not example and places:
            folder, place = places[0]
            session = f", session {place.session}" if place.session else ""
            example = f"subject {place.subject}{session}: {folder or 'the top'}"
    word = "ok  " if fits == len(survey.series) else "warn"
    return (
        f"{word}   It fits {fits:,} of {count_text(len(survey.series), 'series', 'series')} here.",
        f"       {misfit or example}",
    )
