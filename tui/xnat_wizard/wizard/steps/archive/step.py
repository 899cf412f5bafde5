"""See it in the archive: projects, subjects, sessions, scans, files, a picture, and the receipt."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Problem
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Receipt
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.archive.reading import ReadingStep
from xnat_wizard.wizard.steps.archive.tree import COLUMNS, PROJECT, SUBJECT, Tree
from xnat_wizard.wizard.steps.archive.words import FILE_COLUMNS, SCAN_COLUMNS, has_gaps, receipt_line, url_of
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command
from xnat_wizard.xnat.model import Session

USUAL_COLUMNS = 80


class ArchiveStep(ReadingStep):
    """The archive of the chosen project, or of all: sessions at the left, scans, files and a picture at the right."""

    number: ClassVar[int] = 7
    sentence: ClassVar[str] = "Looking into the archive..."
    has_refresh: ClassVar[bool] = True
    has_next: ClassVar[bool] = False
    HELP = """
# The archive

At the left the sessions by subject, those of this upload first and marked *new*. At the right the scans of the session,
then the files of the scan and a picture of one of them. Where no project is chosen, **Enter** opens and closes one.

- **Tab** goes from list to list, **Up** and **Down** within one. **/** goes to the filter at the left.
- **,** and **.** show the previous and the next image; **Enter** on a file shows it large.
- **g** gets files: this one, those of the scan or resource, or of the session. They are compared with the site's, and
  nothing on this machine is overwritten.
- **f** adds a file of this machine to a resource of the session or scan.
- **r** shows the receipt of this upload: the proof, file by file.
- The line below the lists is the address of the session, for a browser.
- **u** begins another upload, **h** goes Home; **ctrl+q** leaves.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma", "step(-1)", "Previous image", show=False, id="archive.previous"),
        Binding("full_stop", "step(1)", "Next image", show=False, id="archive.next_image"),
        Binding("g", "get", "Get", show=False, id="archive.get", tooltip="Download files"),
        Binding("f", "add", "Add a file", show=False, id="archive.add", tooltip="Put a file into a resource"),
        Binding("r", "receipt", "Receipt", show=False, id="archive.receipt", tooltip="The proof, file by file"),
        Binding("u", "upload_more", "Upload more", show=False, id="archive.more", tooltip="Choose another folder"),
        Binding("h", "home", "Home", show=False, id="archive.home", tooltip="To the four ways"),
        Binding("slash", "filter", "Filter", show=False, id="archive.filter", tooltip="Type a part of a label"),
    ]
    DEFAULT_CSS = """
    ArchiveStep #archive-all { height: 1fr; min-height: 12; }
    ArchiveStep #archive-left { width: 24; margin-right: 1; }
    ArchiveStep.-narrow #archive-left { width: 19; }
    ArchiveStep.-wide #archive-left { width: 38; margin-right: 2; }
    ArchiveStep #archive-sessions { height: 1fr; }
    ArchiveStep #archive-scans { height: 6; }
    ArchiveStep.-tall #archive-scans { height: 9; }
    ArchiveStep #archive-scan { height: 1fr; margin-top: 1; }
    ArchiveStep.-low #archive-scan { margin-top: 0; }
    ArchiveStep #archive-files { width: 1fr; height: 1fr; margin-left: 1; }
    ArchiveStep #archive-look { width: 24; }
    ArchiveStep.-narrow #archive-look { width: 16; }
    ArchiveStep.-wide #archive-look { width: 1fr; }
    ArchiveStep #archive-caption { height: 1; color: $text-muted; text-align: center; }
    ArchiveStep #archive-url { height: auto; color: $text-muted; }
    """

    def __init__(self, choices: Choices, ways: AbstractSet[Move] = frozenset()) -> None:
        """Show the archive of the choices' project, or of all; `ways` are the moves that lead somewhere from here."""
        super().__init__(choices)
        self._ways = ways
        self._project = choices.project.id if choices.project else ""  # "": of all projects
        self._tree = Tree()
        self._receipt, self._mine = _from_journal(choices)

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out sessions, scans, picture, files, and the address of the session."""
        with Horizontal(id="archive-all"):
            with Vertical(id="archive-left"):
                yield Input(placeholder="/ Filter", id="archive-filter", compact=True)
                yield Rows(COLUMNS, empty="Asking the site...", id="archive-sessions")
            with Vertical():
                yield Rows(SCAN_COLUMNS, id="archive-scans")
                with Horizontal(id="archive-scan"):
                    with Vertical(id="archive-look"):
                        yield PictureView(id="archive-picture")
                        yield Static("", id="archive-caption", markup=False)
                    yield Rows(FILE_COLUMNS, id="archive-files")
        yield Static("", id="archive-url", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Lay out the ways on."""
        yield ActionButton("u More", id="archive-more", tooltip="Upload another folder", is_main=True)
        yield ActionButton("Find", id="archive-find", tooltip="Find out where what is missing went")
        yield ActionButton("r Receipt", id="archive-receipt", tooltip="The proof, file by file")
        yield ActionButton("g Get", id="archive-get", tooltip="Download files, compared with the site's")
        yield ActionButton("f Add", id="archive-add", tooltip="Put a file into a resource")
        yield ActionButton("h Home", id="archive-home", tooltip="To the four ways")

    def on_mount(self) -> None:
        """Ask the site."""
        self.query_one(Input).cursor_blink = False
        self.query_one("#archive-receipt").display = self._receipt is not None
        is_lost = self._receipt is not None and has_gaps(self._receipt)
        self.query_one("#archive-find").display = is_lost and Move.TROUBLESHOOT in self._ways
        self.query_one("#archive-sessions").focus()
        self.tell(receipt_line(self._receipt) if self._receipt else "")
        self.load()

    def on_resize(self, _: events.Resize) -> None:
        """Shorten words on buttons where the terminal is narrow."""
        is_narrow = self.size.width < USUAL_COLUMNS
        self.query_one("#archive-more", ActionButton).say("u More" if is_narrow else "u Upload more")
        find = self.query_one("#archive-find", ActionButton)
        find.say("Find" if is_narrow else "Find out")
        self.query_one("#archive-home").display = not (is_narrow or find.display)  # where there is room for all

    def session(self) -> Session | None:
        """Return the session under the cursor."""
        return self._tree.session(self.rows("sessions").key)

    def _rank(self, session: Session) -> int:
        if self.choices.archived_session_id in {session.id, session.label}:
            return 0
        return 1 if {session.id, session.label} & self._mine else 2

    def _show_tree(self, at: str = "") -> None:
        rows = self.rows("sessions")
        part = self.query_one(Input).value
        found = self._tree.rows(part, self._rank, is_single=bool(self._project))
        nothing = f"Nothing matches {part}" if part else "none yet"
        rows.show(found, empty=nothing)
        if at:
            rows.go_to(at)

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="sessions", exclusive=True, exit_on_error=False)
    async def load(self) -> None:
        """Read the sessions of the project, or the list of projects and what of them was open."""
        try:
            if not self._project:
                self._tree.projects = await self.site.projects()
            for project in [self._project] if self._project else sorted(self._tree.opened):
                self._tree.fill(project, await self.site.sessions(project))
        except Problem as problem:
            self.say("The archive could not be read.")
            self.rows("sessions").show((), empty="F5: ask again")
            await self.explain(problem.finding)
            return
        self._show_tree()
        if not self._project:
            count = count_text(len(self._tree.projects), "project")
            self.say(f"The archive: {count}. Enter opens one." if self._tree.projects else "You have no project yet.")
        elif not self._tree.sessions(self._project):
            self.say(f"No session is in the archive of {self._project} yet. Escape goes back.")
        else:
            first = next(row.key for row in self.rows("sessions").rows if self._tree.session(row.key))
            self._show_tree(first)
        self._look()

    @work(group="sessions", exclusive=True, exit_on_error=False)
    async def open_project(self, project: str) -> None:
        """Read the sessions of a project and show them below it."""
        self.say(f"Reading the sessions of {project}...")
        try:
            self._tree.fill(project, await self.site.sessions(project))
        except Problem as problem:
            self.say(f"The sessions of {project} could not be read.")
            await self.explain(problem.finding)
            return
        self.say(f"{project}: {count_text(len(self._tree.sessions(project)), 'session')}.")
        self._show_tree(PROJECT + project)

    def refresh_content(self) -> None:
        """Ask again for everything."""
        self.forget()
        self._tree.forget()
        self.load()

    @on(Rows.Highlighted, "#archive-sessions")
    def _look(self) -> None:
        """Show what the session under the cursor holds."""
        session = self.session()
        url = url_of(self.site.info.url, session) if session else ""
        self.query_one("#archive-url", Static).update(url)
        if session is not None:
            self.look_into(session)
        else:
            self.show_nothing()

    @on(Rows.Chosen, "#archive-sessions")
    def open_row(self, event: Rows.Chosen) -> None:
        """Open or close a project; go on to the scans of a session."""
        if event.key.startswith(PROJECT):
            project = event.key.removeprefix(PROJECT)
            if project in self._tree.opened:
                self._tree.opened.discard(project)
                self._show_tree(event.key)
            elif self._tree.knows(project):
                self._tree.opened.add(project)
                self._show_tree(event.key)
            else:
                self.open_project(project)
        elif event.key.startswith(SUBJECT):
            self.rows("sessions").action_cursor(1)
        else:
            self.rows("scans").focus()

    @on(Rows.Chosen, "#archive-scans")
    def to_files(self) -> None:
        """Go on to the files of the scan."""
        self.rows("files").focus()

    @on(Input.Changed, "#archive-filter")
    def narrow(self) -> None:
        """Show what matches."""
        self._show_tree()

    @on(Input.Submitted, "#archive-filter")
    def to_rows(self) -> None:
        """Go on to the list."""
        self.rows("sessions").focus()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(Input).focus()

    def cancel_work(self) -> bool:
        """Stop a transfer, or clear the filter that one is in."""
        typed = self.query_one(Input)
        if self.focused is typed:
            typed.value = ""
            self.rows("sessions").focus()
            return True
        return super().cancel_work()

    # -- what can be opened, and leaving -------------------------------------------------------------------------

    @on(Button.Pressed, "#archive-receipt")
    def action_receipt(self) -> None:
        """Show the receipt of this upload, and where its files are."""
        if self._receipt is not None and self.choices.journal_path is not None:
            folder = self.choices.journal_path.parent
            names = sorted(path.name for path in folder.glob("receipt*") if path.is_file())
            foot = f"Kept as {', '.join(names)} in\n{folder}" if names else f"Kept in {folder}"
            title = f"Receipt: {self._receipt.verdict}"
            self.app.push_screen(LinesScreen(title, receipts.as_text(self._receipt), foot=foot))

    @on(Button.Pressed, "#archive-more")
    def action_upload_more(self) -> None:
        """Begin another upload: the login and the project stay."""
        fresh = replace(self.choices, survey=None, plan=None, journal_path=None, archived_session_id="")
        self.dismiss(Answer(fresh, Move.UPLOAD_MORE))

    @on(Button.Pressed, "#archive-home")
    def action_home(self) -> None:
        """Go Home."""
        self.dismiss(Answer(self.choices, Move.HOME))

    @on(Button.Pressed, "#archive-find")
    def action_find(self) -> None:
        """Go and find out where the data went."""
        self.dismiss(Answer(self.choices, Move.TROUBLESHOOT))

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        for title, explanation, action in (
            ("Upload more", "Choose another folder", "upload_more"),
            ("Download", "Get a file, a scan, a resource or the session", "get"),
            ("Add a file", "Put a file of this machine into a resource", "add"),
            ("Receipt", "The proof of this upload, file by file", "receipt"),
            ("Home", "To the four ways", "home"),
            ("Next image", "Show the next image of the scan", "step(1)"),
            ("Previous image", "Show the previous image of the scan", "step(-1)"),
        ):
            yield title, explanation, partial(self._run, action)

    async def _run(self, action: str) -> None:
        await self.run_action(action)

    def answer_back(self) -> Answer:
        """Go one step back."""
        return Answer(self.choices, Move.BACK)

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        return parting_words(self.choices.journal_path)


def _from_journal(choices: Choices) -> tuple[Receipt | None, frozenset[str]]:
    """Return the receipt of this upload and the labels and IDs of its archived sessions."""
    mine = {choices.archived_session_id} - {""}
    if choices.journal_path is None or not choices.journal_path.is_file():
        return None, frozenset(mine)
    with Journal.open(choices.journal_path) as journal:
        mine |= {session.session_label for session in journal.progress().sessions}
        return journal.receipt(), frozenset(mine)
