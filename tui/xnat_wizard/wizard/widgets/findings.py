"""Findings as a list sorted by weight, with the chosen one explained below."""

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.wizard.widgets.plain import plain

MARKS = {
    Severity.STOP: ("STOP", "bold $text-error"),
    Severity.ASK: ("ask ", "bold $text-warning"),
    Severity.NOTE: ("note", "$foreground-muted"),
}


def finding_row(finding: Finding) -> Content:
    """Return one line: a word for the weight, and what happened; nothing in it is markup."""
    return Content.assemble(MARKS[finding.severity], "  ", plain(finding.what))


def finding_detail(finding: Finding) -> Content:
    """Return place, reason and cure of one finding as short labelled lines."""
    parts: list[str | tuple[str, str]] = []
    if finding.where:
        parts += [("Where  ", "bold"), f"{plain(finding.where)}\n"]
    parts += [("Why    ", "bold"), plain(finding.why)]
    for place, step in enumerate(finding.todo):
        parts += [("\nDo     " if place == 0 else "\n       ", "bold"), plain(step)]
    return Content.assemble(*parts)


class FindingList(Vertical):
    """A list of findings, the heaviest first, and the detail of the one under the cursor.

    `show(findings)` replaces them. Posts `Highlighted` when the cursor moves, `Selected` on Enter.
    """

    class Highlighted(Message):
        """The cursor moved to a finding."""

        def __init__(self, finding: Finding) -> None:
            super().__init__()
            self.finding = finding

    class Selected(Message):
        """Enter was pressed on a finding."""

        def __init__(self, finding: Finding) -> None:
            super().__init__()
            self.finding = finding

    def __init__(
        self,
        findings: Iterable[Finding] = (),
        *,
        empty: str = "Nothing to say.",
        id: str | None = None,  # noqa: A002  textual's own word
    ) -> None:
        super().__init__(id=id)
        self.findings = tuple(by_weight(findings))
        self._empty = empty

    def compose(self) -> ComposeResult:
        """Lay out list and detail."""
        yield OptionList(*self._options(), compact=True, classes="finding-rows")
        with VerticalScroll(can_focus=False, classes="finding-detail"):
            yield Static("", markup=False)

    def show(self, findings: Iterable[Finding]) -> None:
        """Show other findings; the cursor stays on the same row where there is one."""
        self.findings = tuple(by_weight(findings))
        rows = self.query_one(OptionList)
        at = rows.highlighted or 0
        rows.clear_options()
        rows.add_options(self._options())
        rows.highlighted = min(at, len(self.findings) - 1) if self.findings else None
        self._show_detail(rows.highlighted)

    def _options(self) -> list[Option]:
        if not self.findings:
            return [Option(Content(self._empty), disabled=True)]
        return [Option(finding_row(finding)) for finding in self.findings]

    def _show_detail(self, place: int | None) -> None:
        text = finding_detail(self.findings[place]) if place is not None and place < len(self.findings) else Content("")
        self.query_one(Static).update(text)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_detail(event.option_index)
        if event.option_index < len(self.findings):
            self.post_message(self.Highlighted(self.findings[event.option_index]))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self.findings):
            self.post_message(self.Selected(self.findings[event.option_index]))
