"""A screen over the plan: labels for all sessions by one rule, with what becomes of them before it is taken."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.upload.label_pattern import FIELDS
from xnat_wizard.upload.label_table import read_table
from xnat_wizard.upload.labelling import BY_FOLDER, BY_HEADER, ByPattern, Rule, relabel, write_template
from xnat_wizard.upload.model import Plan, PlannedSession
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows

FOLDERS, HEADERS, PATTERN, TABLE = "folders", "headers", "pattern", "table"
WAYS = {
    FOLDERS: "Folders  the subject folder, as in a new plan",
    HEADERS: "Headers  the patient ID in the headers",
    PATTERN: "Pattern  as you write it here",
    TABLE: "Table    a CSV file that you fill in",
}
COLUMNS = (
    Column("Session now", 20, grow=1),
    Column("", 2),
    Column("Subject", 14, grow=1),
    Column("Session", 16, grow=1),
)
_FIELD_NAMES = " ".join(f"{{{name}}}" for name in FIELDS)
HINTS = {
    PATTERN: f"{_FIELD_NAMES}   a part: {{folder[0:4]}} {{folder/([0-9]+)/}}   two digits: {{n:02}}",
    TABLE: "First row: subject_folder, patient_id or study_date; subject_label, session_label. "
    '"Write it" makes the file with the labels of now; change it and come back.',
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed here, to find it again next time."""

    way: str = FOLDERS
    subjects: str = "{folder}"
    sessions: str = "{subject}_{modality}{n}"
    file: str = ""


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A plan with new labels, what is to be said about them, and how they were asked for."""

    plan: Plan
    findings: tuple[Finding, ...]
    asked: Asked


class RelabelScreen(ModalScreen[Relabelled | None]):
    """Choose a rule for all labels, see what it does, take it; gives None when nothing shall change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="relabel.back", tooltip="Change nothing"),
        Binding("ctrl+n", "take", "OK", id="relabel.take", tooltip="Take these labels"),
        Binding("down", "app.focus_next", "Down", show=False, id="relabel.down"),
        Binding("up", "app.focus_previous", "Up", show=False, id="relabel.up"),
    ]
    AUTO_FOCUS = "#relabel-way"
    DEFAULT_CSS = """
    RelabelScreen { align: center middle; background: $background 60%; }
    RelabelScreen > Vertical {
        width: 100%; max-width: 110; height: 100%; max-height: 34;
        border: round $primary; padding: 0 1; background: $surface; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    RelabelScreen .relabel--title { text-style: bold; }
    RelabelScreen Checklist { height: 4; margin-bottom: 1; }
    RelabelScreen.-low Checklist { margin-bottom: 0; }
    RelabelScreen .relabel--line { height: 1; }
    RelabelScreen .relabel--line Label { width: 9; }
    RelabelScreen #relabel-hint { height: auto; color: $text-muted; }
    RelabelScreen Rows { height: 1fr; min-height: 3; margin-top: 1; }
    RelabelScreen.-low Rows, RelabelScreen.-low .dialog-buttons { margin-top: 0; }
    RelabelScreen.-low #relabel-verdict { height: auto; max-height: 3; }
    RelabelScreen #relabel-verdict { height: 3; }
    """

    def __init__(self, plan: Plan, asked: Asked) -> None:
        super().__init__()
        self._plan = plan
        self._asked = asked if asked.file else replace(asked, file=f"{plan.source.name or 'study'}-labels.csv")

    def compose(self) -> ComposeResult:
        """Lay out the ways, what each needs, the labels it makes, and the verdict."""
        with Vertical():
            yield Label("Labels for all sessions", classes="relabel--title")
            yield Checklist(WAYS.items(), [self._asked.way], is_single=True, id="relabel-way")
            for key, name in (("subjects", "Subjects"), ("sessions", "Sessions"), ("file", "File")):
                with Horizontal(classes="relabel--line", id=f"relabel-{key}-line"):
                    yield Label(name)
                    field = Input(getattr(self._asked, key), id=f"relabel-{key}", compact=True, select_on_focus=False)
                    field.cursor_blink = False
                    yield field
            yield Static("", id="relabel-hint", markup=False)
            yield Rows(COLUMNS, empty="The plan has no session.", id="relabel-rows")
            yield Static("", id="relabel-verdict", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="relabel-ok", tooltip="Take these labels", is_main=True)
                yield ActionButton("Change nothing", id="relabel-leave", tooltip="Keep the labels as they were")
                yield ActionButton("Write it", id="relabel-write", tooltip="Write the table with the labels of now")

    def on_mount(self) -> None:
        """Show what the way of last time does."""
        self._show_fields()
        self.preview()

    # -- what is asked for ---------------------------------------------------------------------------------------

    @property
    def _typed(self) -> Asked:
        values = {
            key: self.query_one(f"#relabel-{key}", Input).value.strip() for key in ("subjects", "sessions", "file")
        }
        return Asked(self.query_one(Checklist).ticked[0], **values)

    async def _rule(self, asked: Asked) -> Rule:
        match asked.way:
            case "folders":
                return BY_FOLDER
            case "headers":
                return BY_HEADER
            case "pattern":
                return ByPattern.parse(asked.subjects, asked.sessions)
        path = _path(asked)
        try:
            if path.is_file():
                return await asyncio.to_thread(read_table, path)
        except OSError as error:
            raise Problem(_unreadable(path, error.strerror or type(error).__name__)) from error
        raise Problem(_unreadable(path))

    @on(Checklist.Changed)
    def change_way(self) -> None:
        """Show what the other way needs."""
        self._show_fields()
        self.preview()

    def _show_fields(self) -> None:
        way = self._typed.way
        for key, shown_for in (("subjects", PATTERN), ("sessions", PATTERN), ("file", TABLE)):
            self.query_one(f"#relabel-{key}-line").display = way == shown_for
        hint = self.query_one("#relabel-hint", Static)
        hint.display = way in HINTS
        hint.update(HINTS.get(way, ""))
        self.query_one("#relabel-write").display = way == TABLE

    # -- what becomes of it --------------------------------------------------------------------------------------

    async def _made(self) -> Relabelled | None:
        """Apply the rule and show what it does; None when it cannot be applied."""
        asked = self._typed
        try:
            plan, findings = relabel(self._plan, await self._rule(asked))
        except Problem as problem:
            self._show(self._plan.sessions)
            self._tell("FAIL", problem.finding)
            return None
        self._show(plan.sessions)
        changes = sum(new != old for old, new in zip(self._plan.sessions, plan.sessions, strict=True))
        asks = [finding for finding in findings if finding.severity is not Severity.NOTE]
        said = f"ok     {changes} of {count_text(len(plan.sessions), 'session')} get other labels."
        if findings:
            self._tell("ask" if asks else "note", findings[0], said, len(findings) - 1)
        else:
            self._say(said)
        return Relabelled(plan, findings, asked)

    @on(Input.Changed)
    @work(group="labels", exclusive=True, exit_on_error=False)
    async def preview(self) -> None:
        """Show the labels that the rule makes."""
        await self._made()

    def _show(self, sessions: Iterable[PlannedSession]) -> None:
        self.query_one(Rows).show(
            Row(
                old.key,
                (old.session_label, "->" if new != old else "=", new.subject_label, new.session_label),
                "" if new != old else "quiet",
            )
            for old, new in zip(self._plan.sessions, sessions, strict=True)
        )

    def _tell(self, word: str, finding: Finding, before: str = "", more: int = 0) -> None:
        rest = f" (and {more} more: all under Findings)" if more else ""
        lines = [before] if before else []
        lines.append(f"{word:7}{finding.what}{rest}")
        lines.append(f"       {finding.why}")
        self._say("\n".join(lines))

    def _say(self, text: str) -> None:
        verdict = self.query_one("#relabel-verdict", Static)
        verdict.update(Content(plain_lines(text)))

    # -- leaving -------------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    @on(Button.Pressed, "#relabel-ok")
    @on(Rows.Chosen)
    def action_take(self) -> None:
        """Take the labels as they are shown."""
        self.take()

    @work(group="labels", exclusive=True, exit_on_error=False)
    async def take(self) -> None:
        """Take the labels; ask first where something is in doubt."""
        made = await self._made()
        if made is None:
            return
        doubts = [finding for finding in made.findings if finding.severity is not Severity.NOTE]
        if doubts:
            detail = "\n\n".join(f"{one.what}. {one.why}." for one in doubts)
            question = ConfirmScreen("Take these labels all the same?", plain_lines(detail), yes="Take them", no="Back")
            if not await self.app.push_screen_wait(question):
                return
        self.dismiss(made)

    @on(Button.Pressed, "#relabel-write")
    @work(group="labels", exclusive=True, exit_on_error=False)
    async def write_table(self) -> None:
        """Write the table with the labels of now, to be changed in an editor or a spreadsheet."""
        path = _path(self._typed)
        try:
            await asyncio.to_thread(write_template, self._plan, path)
        except Problem as problem:
            self._tell("FAIL", problem.finding)
        except OSError as error:
            self._tell("FAIL", _unreadable(path, error.strerror or type(error).__name__))
        else:
            self._say(f"ok     Written, one row a session:\n       {path}\n       Change it, then come back here.")

    @on(Button.Pressed, "#relabel-leave")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def plain_lines(text: str) -> str:
    """Return a text of several lines, each fit to be shown."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _path(asked: Asked) -> Path:
    path = Path(asked.file)
    return (path.expanduser() if asked.file.startswith("~") else path).absolute()


def _unreadable(path: Path, why: str = "") -> Finding:
    return Finding(
        "label.no_table",
        f"The file `{path.name}` cannot be used" if why else f"There is no file `{path.name}` yet",
        why or f"Looked for in {path.parent}",
        ("Write it here, and fill it in", "Or type the path of a table that is there"),
        where=str(path),
    )
