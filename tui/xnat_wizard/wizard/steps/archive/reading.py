"""What a session holds, read as far as somebody looks: counts first, files of the scan under the cursor, pictures."""

import asyncio
from dataclasses import replace

from textual import on, work
from textual.widgets import Static

from xnat_wizard.dicom.picture import Picture, picture_from_jpeg
from xnat_wizard.findings import Problem
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.archive.transfer import TransferStep
from xnat_wizard.wizard.steps.archive.words import Holding, file_rows, holding_row, holdings_of, in_order, summary
from xnat_wizard.wizard.widgets.large_picture import LargePicture
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.rows import Rows
from xnat_wizard.xnat.model import RemoteFile, Session

KEPT_PICTURES = 64
KEPT_SESSIONS = 20  # whose files are kept
REST_S = 0.15  # so long must the cursor rest before the site is asked


class ReadingStep(TransferStep):
    """The right half of the step: scans, files, picture; the subclass has the list of sessions."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self._holdings: dict[str, dict[str, Holding]] = {}
        self._pictures: dict[str, Picture | None] = {}

    def session(self) -> Session | None:
        """Return the session under the cursor."""
        raise NotImplementedError

    def rows(self, name: str) -> Rows:
        """Return one of the lists: sessions, scans, files."""
        return self.query_one(f"#archive-{name}", Rows)

    @property
    def holding(self) -> Holding | None:
        """Return the scan or resource under the cursor."""
        session = self.session()
        return self._holdings.get(session.id, {}).get(self.rows("scans").key) if session else None

    def chosen(self) -> tuple[Session | None, Holding | None, RemoteFile | None]:
        """Return the session, the scan or resource, and the file under the cursors."""
        return self.session(), self.holding, self._file(self.rows("files").key)

    def forget(self) -> None:
        """Know nothing of any session any more."""
        self._holdings.clear()

    def read_again(self, session: Session) -> None:
        """Ask the site again what a session holds."""
        self._holdings.pop(session.id, None)
        self.look_into(session)

    # -- scans and files -----------------------------------------------------------------------------------------

    @work(group="scans", exclusive=True, exit_on_error=False)
    async def look_into(self, session: Session) -> None:
        """Read what a session holds, counted; then the files of what is under the cursor."""
        self._show_holdings(session)
        try:
            if session.id not in self._holdings:
                await asyncio.sleep(REST_S)
                self.say(f"Reading {session.label}...")
                scans, resources = await asyncio.gather(
                    self.site.scans(session.id), self.site.session_resources(session.id, with_scans=True)
                )
                while len(self._holdings) >= KEPT_SESSIONS:
                    self._holdings.pop(next(iter(self._holdings)))
                self._holdings[session.id] = holdings_of(scans, resources)
                self._show_holdings(session)
            self._read_files(session)
            for holding in tuple(self._holdings[session.id].values()):
                if holding.file_count is None:  # the site has not counted
                    await self._fill(session, holding)
        except Problem as problem:
            self.say(f"{session.label} could not be read whole.")
            await self.explain(problem.finding)

    async def _fill(self, session: Session, holding: Holding) -> Holding:
        """Read the files of a scan or resource, once."""
        if holding.files is None:
            if holding.scan:
                files = await self.site.scan_files(session.id, holding.scan.id)
            else:
                files = await self.site.resource_files(session.id, holding.resource.label if holding.resource else "")
            holding = replace(holding, files=in_order(files))
            self._holdings.setdefault(session.id, {})[holding.key] = holding
            if self.session() == session:
                self._show_holdings(session)
        return holding

    @work(group="files", exclusive=True, exit_on_error=False)
    async def _read_files(self, session: Session) -> None:
        holding = self.holding
        if holding is None or holding.files is not None:
            return
        await asyncio.sleep(REST_S)
        try:
            await self._fill(session, holding)
        except Problem as problem:
            self.say(f"The files of {holding.title} could not be read.")
            await self.explain(problem.finding)

    async def all_holdings(self, session: Session) -> list[Holding]:
        """Return all that a session holds, with its files.

        Raises:
            Problem: the site does not say.
        """
        return [await self._fill(session, one) for one in tuple(self._holdings.get(session.id, {}).values())]

    def _show_holdings(self, session: Session) -> None:
        holdings = self._holdings.get(session.id, {})
        is_known = session.id in self._holdings
        self.rows("scans").show(
            [holding_row(one) for one in holdings.values()], empty="no scans" if is_known else "reading..."
        )
        if is_known and all(one.file_count is not None for one in holdings.values()):
            self.say(summary(session, holdings.values()))
        self._show_files()

    def show_nothing(self) -> None:
        """Show no scans, files and picture: no session is under the cursor."""
        self.workers.cancel_group(self, "scans")
        self.rows("scans").show((), empty="")
        self.rows("files").show((), empty="")
        self._show_picture(None, "")

    @on(Rows.Highlighted, "#archive-scans")
    def scan_highlighted(self) -> None:
        """Show the files of the scan under the cursor."""
        session = self.session()
        self._show_files()
        if session is not None and session.id in self._holdings:
            self._read_files(session)

    def _show_files(self) -> None:
        """Show the files of the chosen scan, beginning in its middle."""
        holding = self.holding
        files = holding.files if holding else ()
        rows = self.rows("files")
        if files and [row.key for row in rows.rows] == [file.uri for file in files]:
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
            await asyncio.sleep(REST_S)
        picture, words = await self._picture_of(file)
        self._show_picture(picture, words)

    def _file(self, uri: str) -> RemoteFile | None:
        holding = self.holding
        return next((file for file in (holding.files if holding else None) or () if file.uri == uri), None)

    async def _picture_of(self, file: RemoteFile) -> tuple[Picture | None, str]:
        """Return the picture of a file and its caption; no picture where it cannot be drawn."""
        rows = self.rows("files")
        place = f"{rows.cursor + 1} of {len(rows.rows)}"
        if file.uri not in self._pictures:
            try:
                self._keep(file.uri, picture_from_jpeg(await self.site.jpeg(file.uri)))
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
        self.rows("files").cursor += count

    @on(Rows.Chosen, "#archive-files")
    @work(group="large", exclusive=True, exit_on_error=False)
    async def open_picture(self, event: Rows.Chosen) -> None:
        """Show an image as large as the terminal."""
        if self._file(event.key) is None:
            return

        async def caption_of(count: int) -> tuple[Picture | None, str]:
            self.action_step(count)
            other = self._file(self.rows("files").key)
            return await self._picture_of(other) if other is not None else (None, "")

        await self.app.push_screen_wait(LargePicture(*await caption_of(0), caption_of))
