"""Runs one cell of the fault matrix: an upload that meets a fault, is resumed when it has ended, and is counted."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pydicom

from matrix.cases import SENDING, Cell, Line, Phase, Span
from matrix.lines import Relay
from practice.sending import port_of
from support import Practice
from upload.clocks import Clock
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.settings import Secret
from xnat_wizard.upload import engine, receipt
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, Route, UploadState
from xnat_wizard.upload.plan import draft, forecast
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

T = TypeVar("T")

NOT_MET = "not met"  # no call of the phase can suffer it
MOST_RUNS = 6  # of one upload, after the fault is over
_UNWANTED = (".xml", ".json", ".log", ".gif", ".jpg")


@dataclass(frozen=True)
class Row:
    """What came of a cell."""

    cell: Cell
    hits: int  # calls that the fault has met
    outcome: str  # of the run that met it: "went on", "stopped", "refused", "not proved", NOT_MET
    said: Finding | None  # what the person reads then
    state: str  # of the upload after it was resumed
    verdict: str  # of its receipt
    lost: int  # files of the disk that the site does not have
    twice: int  # files and sessions that the site has more than once
    resumed: int

    @property
    def is_good(self) -> bool:
        """Tell whether nothing is lost or there twice, everything is proved, and what was said has three parts."""
        is_said = self.said is None or bool(self.said.what and self.said.why and self.said.todo)
        is_told = self.outcome in {"went on", NOT_MET} or self.said is not None
        return is_said and is_told and not self.lost and not self.twice and self.verdict == "COMPLETE"


async def run_cell(cell: Cell, images: Path, folder: Path) -> Row:
    """Run one cell in a folder of its own."""
    practice = Practice(folder / "site")
    relay = Relay(port_of(practice))
    try:
        with relay.running():
            return await _Run(cell, practice, relay, images, folder).row()
    finally:
        practice.close()


class _Run:
    def __init__(self, cell: Cell, practice: Practice, relay: Relay, images: Path, folder: Path) -> None:
        self.cell = cell
        self.practice = practice
        self.relay = relay
        self.folder = folder
        plan = draft(
            survey(images),
            site_url=practice.url,
            project="DEMO",
            destination=Destination.ARCHIVE if cell.phase is Phase.ARCHIVE else _destination(cell),
        )
        receiver = Peer("127.0.0.1", relay.port, associations=2, connect_s=1, idle_s=1, answer_s=1)
        is_dicom = cell.route is Route.DICOM
        self.plan = replace(plan, route=cell.route, receiver=receiver if is_dicom else None)
        self._fault: Fault | None = None
        self.hits = 0
        self.said: Finding | None = None
        self.outcome = "went on"

    async def row(self) -> Row:
        with self._going_wrong(Phase.LOGIN):
            await self._after(_nothing)
        with self._going_wrong(Phase.PLAN):
            await self._after(lambda site: forecast(self.plan, site))
        with Journal.create(self.folder / "upload", self.plan) as journal:
            return await self._uploaded(journal)

    async def _after(self, ask: Callable[[Site], Awaitable[T]]) -> T:
        """Log in and ask; where it fails, note what was said, end the fault, and do it again as a person would."""
        try:
            return await self._asked(ask)
        except Problem as problem:
            self.outcome, self.said = "refused", problem.finding
        self._end_fault()
        return await self._asked(ask)

    async def _asked(self, ask: Callable[[Site], Awaitable[T]]) -> T:
        login = Login(self.practice.url, "member", Secret("member"))
        if self.cell.phase is Phase.LOGIN:
            async with await Site.connect(login) as site:
                return await ask(site)
        self._pause_fault()
        async with await Site.connect(login) as site:
            self._go_on_with_fault()
            return await ask(site)

    async def _uploaded(self, journal: Journal) -> Row:
        resumed = 0
        with self._going_wrong(*SENDING, Phase.COMMIT, Phase.ARCHIVE, journal=journal):
            state = await self._asked(lambda site: self._engine(journal, site))
        if state is not UploadState.DONE:
            now = journal.progress()
            findings = [now.finding, *(one.finding for one in now.sessions)]
            self.outcome = "stopped"
            self.said = next((one for one in findings if one), None)
        while state is not UploadState.DONE and resumed < MOST_RUNS:
            resumed += 1
            state = await self._asked(lambda site: self._engine(journal, site))
        with self._going_wrong(Phase.VERIFY):
            made = await self._after(lambda site: receipt.verify(journal, site))
        if made.verdict != "COMPLETE" and self.cell.phase is Phase.VERIFY:
            self.outcome, self.said = "not proved", _unproved(made.not_proven)
        made = await self._asked(lambda site: receipt.verify(journal, site))
        lost, twice = self._compared(journal.plan())
        if not self.hits:
            self.outcome = NOT_MET
        return Row(self.cell, self.hits, self.outcome, self.said, str(state), made.verdict, lost, twice, resumed)

    async def _engine(self, journal: Journal, site: Site) -> UploadState:
        clock = Clock()
        return await engine.run(journal, site, clock=clock, sleep=clock.sleep, random=lambda: 0.5)

    # -- the fault -----------------------------------------------------------------------------------------------

    @contextmanager
    def _going_wrong(self, *phases: Phase, journal: Journal | None = None) -> Iterator[None]:
        if self.cell.phase not in phases:
            yield
            return
        if isinstance(self.cell.fault, Line):
            total = journal.progress().bytes_total if journal else 0
            share = {Phase.MIDDLE: 0.5, Phase.LAST: 0.95}.get(self.cell.phase, 0.0)
            times = 1 if self.cell.span is Span.ONCE else 0
            self.relay.misbehave(self.cell.fault, times=times, after_bytes=int(total * share))
        else:
            self._fault = self.cell.http_fault(self._requests(journal))
            self._go_on_with_fault()
        try:
            yield
        finally:
            self._end_fault()

    def _end_fault(self) -> None:
        if isinstance(self.cell.fault, Line):
            self.hits = max(self.hits, self.relay.hits)
            self.relay.behave()
        else:
            self._pause_fault()
            self._fault = None

    def _pause_fault(self) -> None:
        """Let the login before a phase go well."""
        if isinstance(self.cell.fault, Kind):
            self.hits = max(self.hits, self.practice.server.faults.hits(self.cell.fault))
            self.practice.server.faults.clear()

    def _go_on_with_fault(self) -> None:
        if self._fault is not None:
            self.practice.server.faults.replace([self._fault])

    def _requests(self, journal: Journal | None) -> int:
        if journal is None:
            return 1
        if self.cell.route is Route.GRADUAL:
            return journal.progress().files_total
        return sum(len(journal.records.parts_to_send(one.id)) for one in journal.records.sessions())

    # -- what is there -------------------------------------------------------------------------------------------

    def _compared(self, plan: Plan) -> tuple[int, int]:
        """Return how many files of the plan the site lacks, and how many files and sessions it has twice."""
        wanted = Counter(
            instance.sop_instance_uid
            for session in plan.included
            for series in session.series
            for instance in series.instances
        )
        there = Counter(
            str(pydicom.dcmread(BytesIO(path.read_bytes()), stop_before_pixels=True).SOPInstanceUID)
            for place in ("archive", "prearchive")
            for path in (self.practice.folder / place).rglob("*")
            if path.is_file() and not path.name.endswith(_UNWANTED)
        )
        labels = self.practice.on_loop(
            lambda store: [one.label for one in store.state.sessions.values()] + [row.name for row in store.state.rows]
        )
        return (wanted - there).total(), (there - wanted).total() + len(labels) - len(set(labels))


async def _nothing(_: Site) -> None:
    """Only log in."""


def _destination(cell: Cell) -> Destination:
    return Destination.PREARCHIVE if cell.phase is Phase.COMMIT else Destination.ARCHIVE


def _unproved(reasons: tuple[str, ...]) -> Finding:
    return Finding("receipt.not_proven", "Not proven", "; ".join(reasons), ("Verify again",))
