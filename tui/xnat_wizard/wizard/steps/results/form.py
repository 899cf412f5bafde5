"""The fields of the results step; which of them are there depends on level and direction."""

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from xnat_wizard.wizard.choices import ResultsDraft
from xnat_wizard.wizard.widgets.field import Field
from xnat_wizard.wizard.widgets.paths import PathSuggester
from xnat_wizard.wizard.widgets.rows import Rows

FIELDS = ("path", "subjects", "subject", "session", "scan", "label")
_IN_SESSION = ("session", "scan")


class ResultsForm(Vertical):
    """Fields for the patterns; they keep what is typed while they are not shown."""

    DEFAULT_CSS = """
    ResultsForm { height: auto; }
    """

    def __init__(self, draft: ResultsDraft) -> None:
        super().__init__()
        self._draft = draft

    def compose(self) -> ComposeResult:
        """Yield every field."""
        draft = self._draft
        path = draft.folder if draft.is_get else draft.path
        yield Field("Folder here", id="path", value=path, suggester=PathSuggester())
        yield Field("Subjects", id="subjects", value=draft.subjects, placeholder="all that fit, or p020..p023, p031")
        yield Field("Subject", id="subject", value=draft.subject)
        yield Field("Session", id="session", value=draft.session, placeholder="such as {subject}-mri")
        yield Field("Scan", id="scan", value=draft.scan, placeholder="its number")
        yield Field("Resource", id="label", value=draft.label, placeholder="its name, such as qBOLD")

    def field(self, name: str) -> Field:
        """Return a field by the id of its input."""
        return next(field for field in self.query(Field) if field.input.id == name)

    def put(self, name: str, text: str) -> None:
        """Put a text into a field, the cursor behind it."""
        field = self.field(name).input
        field.value = text
        field.cursor_position = len(text)

    def typed(self, draft: ResultsDraft) -> ResultsDraft:
        """Return a draft with what is typed."""
        path, subjects, subject, session, scan, label = (self.field(name).value for name in FIELDS)
        draft = replace(draft, subjects=subjects, subject=subject, session=session, scan=scan, label=label)
        return replace(draft, folder=path) if draft.is_get else replace(draft, path=path)

    def show(self, draft: ResultsDraft) -> None:
        """Show the fields that level and direction need, and the path of this direction."""
        in_session = draft.level in _IN_SESSION
        shown = {
            "subject": draft.level == "subject" or (in_session and draft.creates and not draft.is_get),
            "session": in_session,
            "scan": draft.level == "scan",
        }
        for name in FIELDS:
            self.field(name).display = shown.get(name, True)
        path = draft.folder if draft.is_get else draft.path
        if self.field("path").value != path:
            self.put("path", path)

    def go_on(self, after: Input) -> None:
        """Go to the first field after this one that is empty; to the list when all are filled."""
        names = list(FIELDS)
        for name in names[names.index(str(after.id)) + 1 :]:
            field = self.field(name)
            if field.display and not field.value.strip() and name != "subjects":
                field.input.focus()
                return
        self.screen.query_one("#targets", Rows).focus()
