"""The route by DICOM inside an upload with a login: sends, then finds what it sent, so that it can be proved."""

from collections.abc import Iterable

from xnat_wizard.upload.cstore.exchange import Exchange, Gear
from xnat_wizard.upload.cstore.finding import Finder
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.records import SessionRow
from xnat_wizard.upload.sending import Tools
from xnat_wizard.upload.stops import project_of
from xnat_wizard.xnat.model import PrearchiveSession


class DicomRoute:
    """What the sessions of one upload by DICOM share."""

    def __init__(self, journal: Journal, tools: Tools) -> None:
        """Read from the journal whom it goes to; nothing is opened."""
        peer = Peer.decoded(journal.receiver)
        self._tools = tools
        self.exchange = Exchange(
            Gear(journal, tools.source, tools.project, tools.throttle, tools.control.gate, tools.sleep, tools.tell),
            peer,
        )
        self.finder = Finder(
            tools.site,
            tools.records,
            peer,
            tools.project,
            call=tools.patience.call,
            sleep=tools.sleep,
            tell=tools.tell,
        )

    @property
    def believes_journal(self) -> bool:
        """Tell whether what was acknowledged counts although the account cannot see where it may be."""
        return not self._tools.site.sees_unassigned

    async def rows(self, known: Iterable[PrearchiveSession]) -> tuple[PrearchiveSession, ...]:
        """Return the rows that may hold sessions of this upload; see `Finder.rows`."""
        return await self.finder.rows(known)

    def sender(self, tools: Tools, session: SessionRow, *, is_digesting: bool) -> "DicomSender":  # noqa: ARG002  a sender's signature
        """Return what sends one session."""
        return DicomSender(self, tools, session)

    async def close(self) -> None:
        """End all associations."""
        await self.exchange.close()


class DicomSender:
    """Sends one session by DICOM, and finds it on the site."""

    def __init__(self, route: DicomRoute, tools: Tools, session: SessionRow) -> None:
        self._route = route
        self._tools = tools
        self._session = session
        self.uri = session.uri
        self.left: tuple[str, ...] = ()  # it is looked for when all is sent

    @property
    def has_work(self) -> bool:
        """Tell whether something is still to be sent, found, or moved."""
        is_placed = bool(self.uri) and (not is_prearchive(self.uri) or project_of(self.uri) == self._tools.project)
        return not is_placed or bool(self._tools.records.parts_to_send(self._session.id))

    async def send(self) -> None:
        """Send what was not acknowledged, then find it.

        Raises:
            SessionEndedError: it is refused, not found, or elsewhere.
            GiveUpError: nothing more can be sent now.
        """
        await self._route.exchange.send(self._session)
        uri = await self._route.finder.place(self._tools.records.session(self._session.id))
        if uri != self.uri:
            self.uri = uri
            self._tools.records.set_uri(self._session.id, uri)
