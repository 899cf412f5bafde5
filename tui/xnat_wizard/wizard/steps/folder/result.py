"""The half of the folder step that shows what was found: the tree, the findings, and the ways between them."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import OptionList, Static

from xnat_wizard.dicom.layout import Layout
from xnat_wizard.dicom.model import Survey
from xnat_wizard.findings import Finding
from xnat_wizard.wizard.steps.folder.found import Found, FoundTree, summary_line
from xnat_wizard.wizard.steps.folder.help import FINDINGS_HELP, HELP
from xnat_wizard.wizard.steps.folder.words import findings_words, layout_line
from xnat_wizard.wizard.widgets.findings import FindingList


class FoundFindings(FindingList):
    """The findings of a survey."""

    HELP = f"{FINDINGS_HELP}\n{HELP}"


class FoundView(Vertical):
    """Tree and findings of a survey. `g` leads from a finding to its place, and from a place to its finding."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "jump", "Go to", show=False, id="folder.jump", tooltip="To the place of a finding, and back"),
    ]

    class Said(Message):
        """Something is to be said in the line above the buttons."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="found")
        self._survey: Survey | None = None
        self._came_from: Finding | None = None

    def compose(self) -> ComposeResult:
        """Lay out summary, tree and findings."""
        yield Static("", id="found-layout", markup=False)
        yield Static("", id="found-summary", classes="heading", markup=False)
        yield FoundTree(id="found-tree")
        yield Static("", id="findings-heading", classes="heading", markup=False)
        yield FoundFindings(id="findings")

    @property
    def chosen(self) -> Found | None:
        """Return the series or pair under the cursor."""
        return self.query_one(FoundTree).chosen

    def show(self, survey: Survey, layout: Layout) -> None:
        """Show what was found, the cursor in the tree."""
        self._survey = survey
        line = self.query_one("#found-layout", Static)
        line.update(layout_line(layout))
        line.display = bool(layout_line(layout))
        findings = self.query_one(FindingList)
        findings.show(survey.findings)
        findings.display = bool(survey.findings)
        self.query_one("#findings-heading", Static).update(findings_words(survey.findings))
        self.fit()
        self.query_one(FoundTree).focus()

    def fit(self) -> None:
        """Draw the lines for the width of now."""
        if self._survey is not None:
            width = self.app.size.width
            self.query_one("#found-summary", Static).update(summary_line(self._survey, width - 4))
            self.query_one(FoundTree).show(self._survey, width - 6)

    def on_resize(self, _: events.Resize) -> None:
        """Draw the lines for the new width."""
        self.fit()

    # -- from finding to place and back --------------------------------------------------------------------------

    @on(FindingList.Highlighted)
    def _reached(self, event: FindingList.Highlighted) -> None:
        if self.query_one(FindingList).has_focus_within:
            self.query_one(FoundTree).go_to(event.finding.where)

    def action_jump(self) -> None:
        """Go from a finding to its place in the tree, or from a line of the tree to what was found about it."""
        if self.query_one(FindingList).has_focus_within:
            self._to_place()
        else:
            self._to_finding()

    def _to_place(self) -> None:
        findings, at = self.query_one(FindingList).findings, self.query_one("#findings OptionList", OptionList)
        finding = findings[at.highlighted] if at.highlighted is not None and at.highlighted < len(findings) else None
        if finding is None:
            return
        if self.query_one(FoundTree).go_to(finding.where):
            self._came_from = finding
            self.query_one(FoundTree).focus()
        else:
            self.post_message(self.Said(f"Not in the tree, since nothing of it can be sent: {finding.where or '.'}"))

    def _to_finding(self) -> None:
        findings, tree = self.query_one(FindingList).findings, self.query_one(FoundTree)
        about = [finding for finding in findings if tree.concerns(finding.where)]
        if not about:
            self.post_message(self.Said("No finding is about this line."))
            return
        finding = self._came_from if self._came_from in about else about[0]
        rows = self.query_one("#findings OptionList", OptionList)
        rows.focus()
        rows.highlighted = findings.index(finding)
