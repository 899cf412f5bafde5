"""See it in the archive: sessions, scans, files, a picture, and the receipt."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from xnat_wizard.dicom.picture import Picture, picture_from_jpeg
from xnat_wizard.findings import Problem
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Receipt
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.archive.words import (
    FILE_COLUMNS,
    SCAN_COLUMNS,
    SESSION_COLUMNS,
    Holding,
    file_rows,
    holding_row,
    in_order,
    receipt_line,
    session_row,
    summary,
)
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.large_picture import LargePicture
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.parting import parting_words
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.xnat.model import RemoteFile, Session

KEPT_PICTURES = 64


class ArchiveStep(StepScreen[Answer]):
    """The archive of the chosen project: sessions at the left, scans, files and a picture at the right."""

    number: ClassVar[int] = 7
    sentence: ClassVar[str] = "Looking into the archive..."
    has_refresh: ClassVar[bool] = True
    has_next: ClassVar[bool] = False
    HELP = """
# The archive

At the left the sessions of the project, those of this upload first and marked *new*. At the right the scans of the
session, then the files of the scan and a picture of one of them.

- **Tab** goes from list to list, **Up** and **Down** within one.
- **,** and **.** show the previous and the next image; **Enter** on a file shows it large.
- **r** shows the receipt of this upload: the proof, file by file.
- **u** begins another upload; **ctrl+q** leaves.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma", "step(-1)", "Previous image", show=False, id="archive.previous"),
        Binding("full_stop", "step(1)", "Next image", show=False, id="archive.next_image"),
        Binding("r", "receipt", "Receipt", show=False, id="archive.receipt", tooltip="The proof, file by file"),
        Binding("u", "upload_more", "Upload more", show=False, id="archive.more", tooltip="Choose another folder"),
    ]
    DEFAULT_CSS = """
    ArchiveStep #archive-all { height: 1fr; min-height: 13; }
    ArchiveStep #archive-sessions { width: 24; height: 1fr; margin-right: 1; }
    ArchiveStep.-narrow #archive-sessions { width: 19; }
    ArchiveStep.-wide #archive-sessions { width: 38; margin-right: 2; }
    ArchiveStep #archive-scans { height: 6; }
    ArchiveStep.-tall #archive-scans { height: 9; }
    ArchiveStep #archive-scan { height: 1fr; margin-top: 1; }
    ArchiveStep.-low #archive-scan { margin-top: 0; }
    ArchiveStep #archive-files { width: 1fr; height: 1fr; margin-left: 1; }
    ArchiveStep #archive-look { width: 24; }
    ArchiveStep.-narrow #archive-look { width: 16; }
    ArchiveStep.-wide #archive-look { width: 1fr; }
    ArchiveStep #archive-caption { height: 1; color: $text-muted; text-align: center; }
    """

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.project
        super().__init__(choices.who)
        self._choices = choices
        self._site = choices.site
        self._project = choices.project.id
        self._sessions: tuple[Session, ...] = ()
        self._holdings: dict[str, dict[str, Holding]] = {}
        self._pictures: dict[str, Picture | None] = {}
        self._receipt, self._mine = _from_journal(choices)

    # -- what is on screen ---------------------------------------------------------------------------------------

    def compose_content(self) -> ComposeResult:
        """Lay out sessions, scans, picture, files."""
        with Horizontal(id="archive-all"):
            yield Rows(SESSION_COLUMNS, empty="Asking the site...", id="archive-sessions")
            with Vertical():
                yield Rows(SCAN_COLUMNS, id="archive-scans")
                with Horizontal(id="archive-scan"):
                    with Vertical(id="archive-look"):
                        yield PictureView(id="archive-picture")
                        yield Static("", id="archive-caption", markup=False)
                    yield Rows(FILE_COLUMNS, id="archive-files")

    def compose_buttons(self) -> ComposeResult:
        """Lay out the ways on."""
        yield ActionButton("u Upload more", id="archive-more", tooltip="Choose another folder", is_main=True)
        yield ActionButton("r Receipt", id="archive-receipt", tooltip="The proof, file by file")
        yield ActionButton("Quit", id="archive-quit", tooltip="Leave the wizard")

    def on_mount(self) -> None:
        """Ask the site."""
        self.query_one("#archive-receipt").display = self._receipt is not None
        self.query_one("#archive-sessions").focus()
        self.tell(receipt_line(self._receipt) if self._receipt else "")
        self.load()

    def _rows(self, name: str) -> Rows:
        return self.query_one(f"#archive-{name}", Rows)

    def _session(self, session_id: str) -> Session | None:
        return next((one for one in self._sessions if one.id == session_id), None)

    @property
    def _holding(self) -> Holding | None:
        return self._holdings.get(self._rows("sessions").key, {}).get(self._rows("scans").key)

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="sessions", exclusive=True, exit_on_error=False)
    async def load(self) -> None:
        """Read the sessions of the project."""
        try:
            sessions = await self._site.sessions(self._project)
        except Problem as problem:
            self.say("The archive could not be read.")
            self._rows("sessions").show((), empty="F5: ask again")
            await self.explain(problem.finding)
            return
        first = self._choices.archived_session_id

        def place(session: Session) -> tuple[int, str]:
            if first in {session.id, session.label}:
                return 0, ""
            return (1, session.label) if self._is_mine(session) else (2, "")

        newest = sorted(sessions, key=lambda session: session.insert_date, reverse=True)
        self._sessions = tuple(sorted(newest, key=place))
        if not sessions:
            self.say(f"No session is in the archive of {self._project} yet. Escape goes back to the prearchive.")
        rows = [session_row(session, is_new=self._is_mine(session)) for session in self._sessions]
        self._rows("sessions").show(rows, empty="none yet")
        if self._sessions:
            self.look_into(self._rows("sessions").key)

    def _is_mine(self, session: Session) -> bool:
        return bool({session.id, session.label} & self._mine)

    def refresh_content(self) -> None:
        """Ask again for everything."""
        self._holdings.clear()
        self.load()

    @on(Rows.Highlighted, "#archive-sessions")
    def session_highlighted(self, event: Rows.Highlighted) -> None:
        """Show the scans of the session under the cursor."""
        self.look_into(event.key)

    @work(group="scans", exclusive=True, exit_on_error=False)
    async def look_into(self, session_id: str) -> None:
        """Read the scans and resources of a session, then the files of each."""
        session = self._session(session_id)
        if session is None:
            return
        self._show_holdings(session)
        try:
            if session_id not in self._holdings:
                self.say(f"Reading {session.label}...")
                scans = await self._site.scans(session_id)
                own = [one for one in await self._site.session_resources(session_id) if not one.scan_id]
                listed = [Holding(f"scan {one.id}", scan=one) for one in scans]
                listed += [Holding(f"resource {one.label}", resource=one) for one in own]
                self._holdings[session_id] = {one.key: one for one in listed}
                self._show_holdings(session)
            for holding in tuple(self._holdings[session_id].values()):
                if holding.files is None:
                    self._holdings[session_id][holding.key] = await self._with_files(session_id, holding)
                    self._show_holdings(session)
        except Problem as problem:
            self.say(f"{session.label} could not be read whole.")
            await self.explain(problem.finding)

    async def _with_files(self, session_id: str, holding: Holding) -> Holding:
        if holding.scan:
            files = await self._site.scan_files(session_id, holding.scan.id)
        else:
            assert holding.resource
            files = await self._site.resource_files(session_id, holding.resource.label)
        return replace(holding, files=in_order(files))

    def _show_holdings(self, session: Session) -> None:
        holdings = self._holdings.get(session.id, {})
        self._rows("scans").show([holding_row(one) for one in holdings.values()], empty="no scans")
        if holdings and all(one.files is not None for one in holdings.values()):
            self.say(summary(session, holdings.values()))
        self._show_files()

    @on(Rows.Highlighted, "#archive-scans")
    def scan_highlighted(self) -> None:
        """Show the files of the scan under the cursor."""
        self._show_files()

    def _show_files(self) -> None:
        """Show the files of the chosen scan, beginning in its middle."""
        holding = self._holding
        files = holding.files if holding else ()
        rows = self._rows("files")
        if [row.key for row in rows.rows] == [file.uri for file in files or ()]:
            return
        rows.show(file_rows(holding) if holding else (), empty="reading..." if files is None else "no files")
        if files:
            images = [file for file in files if file.collection == "DICOM"] or list(files)
            rows.go_to(images[len(images) // 2].uri)
        else:
            self._show_picture(None, "")

    # -- pictures ------------------------------------------------------------------------------------------------

    @on(Rows.Highlighted, "#archive-files")
    def file_highlighted(self, event: Rows.Highlighted) -> None:
        """Draw the image under the cursor."""
        self.draw(event.key)

    @work(group="picture", exclusive=True, exit_on_error=False)
    async def draw(self, uri: str) -> None:
        """Fetch and draw one image."""
        file = self._file(uri)
        if file is None:
            return
        if uri not in self._pictures:
            self.query_one("#archive-caption", Static).update("Fetching the image...")
        picture, words = await self._picture_of(file)
        self._show_picture(picture, words)

    def _file(self, uri: str) -> RemoteFile | None:
        holding = self._holding
        return next((file for file in (holding.files if holding else None) or () if file.uri == uri), None)

    async def _picture_of(self, file: RemoteFile) -> tuple[Picture | None, str]:
        """Return the picture of a file and its caption; no picture where it cannot be drawn."""
        rows = self._rows("files")
        place = f"{rows.cursor + 1} of {len(rows.rows)}"
        if file.uri not in self._pictures:
            try:
                self._keep(file.uri, picture_from_jpeg(await self._site.jpeg(file.uri)))
            except Problem as problem:
                if not problem.finding.code.startswith("picture."):
                    return None, f"{place}, no picture"
                self._keep(file.uri, None)
        picture = self._pictures[file.uri]
        if picture is None:
            return None, f"{place}, no picture"
        is_blank = len(set(picture.pixels)) == 1
        return picture, f"{place}, {'blank' if is_blank else 'has MD5' if file.md5 else 'no MD5'}"

    def _keep(self, uri: str, picture: Picture | None) -> None:
        while len(self._pictures) >= KEPT_PICTURES:
            self._pictures.pop(next(iter(self._pictures)))
        self._pictures[uri] = picture

    def _show_picture(self, picture: Picture | None, words: str) -> None:
        self.query_one("#archive-picture", PictureView).show(picture)
        self.query_one("#archive-caption", Static).update(words)

    def action_step(self, count: int) -> None:
        """Go to another image of the scan."""
        self._rows("files").cursor += count

    @on(Rows.Chosen, "#archive-files")
    @work(group="large", exclusive=True, exit_on_error=False)
    async def open_picture(self, event: Rows.Chosen) -> None:
        """Show an image as large as the terminal."""
        file = self._file(event.key)
        if file is None:
            return

        async def caption_of(count: int) -> tuple[Picture | None, str]:
            self.action_step(count)
            other = self._file(self._rows("files").key)
            if other is None:
                return None, ""
            picture, words = await self._picture_of(other)
            return picture, words

        await self.app.push_screen_wait(LargePicture(*await caption_of(0), caption_of))

    # -- what can be opened, and leaving -------------------------------------------------------------------------

    @on(Button.Pressed, "#archive-receipt")
    def action_receipt(self) -> None:
        """Show the receipt of this upload."""
        if self._receipt is not None and self._choices.journal_path is not None:
            foot = f"Kept in {self._choices.journal_path.parent}"
            title = f"Receipt: {self._receipt.verdict}"
            self.app.push_screen(LinesScreen(title, receipts.as_text(self._receipt), foot=foot))

    @on(Button.Pressed, "#archive-more")
    def action_upload_more(self) -> None:
        """Begin another upload: the login and the project stay."""
        fresh = replace(self._choices, survey=None, plan=None, journal_path=None, archived_session_id="")
        self.dismiss(Answer(fresh, Move.UPLOAD_MORE))

    @on(Button.Pressed, "#archive-quit")
    async def quit_pressed(self) -> None:
        """Leave the wizard."""
        await self.app.action_quit()

    def commands(self) -> Iterable[Command]:
        """Yield this step's actions for the palette."""
        yield "Upload more", "Choose another folder", self.action_upload_more
        yield "Receipt", "The proof of this upload, file by file", self.action_receipt
        yield "Next image", "Show the next image of the scan", lambda: self.action_step(1)
        yield "Previous image", "Show the previous image of the scan", lambda: self.action_step(-1)

    def answer_back(self) -> Answer:
        """Go back to the prearchive."""
        return Answer(self._choices, Move.BACK)

    def parting_words(self) -> str:
        """Say that a running upload goes on."""
        return parting_words(self._choices.journal_path)


def _from_journal(choices: Choices) -> tuple[Receipt | None, frozenset[str]]:
    """Return the receipt of this upload and the labels and IDs of its archived sessions."""
    mine = {choices.archived_session_id} - {""}
    if choices.journal_path is None or not choices.journal_path.is_file():
        return None, frozenset(mine)
    with Journal.open(choices.journal_path) as journal:
        mine |= {session.session_label for session in journal.progress().sessions}
        return journal.receipt(), frozenset(mine)
