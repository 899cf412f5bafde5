"""Runs a search: the steps D0 to D11 in their order, cheapest first, until all is explained (missing data 3.2).

    async with Search(case, site) as search:
        report = await search.result()        # `search.snapshot()` meanwhile, `await search.stop()` to end early

A step that crashes is a result. The order of everything is the same in each run.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.survey import SurveyRun, SurveyStopped
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot import network, stages, stages_files, waiting
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Crash, Facts
from xnat_wizard.troubleshoot.forecast import way_of
from xnat_wizard.troubleshoot.ledger import reconcile
from xnat_wizard.troubleshoot.local import read_local
from xnat_wizard.troubleshoot.local_facts import Message, Sent
from xnat_wizard.troubleshoot.model import Evidence, Report, Standing
from xnat_wizard.troubleshoot.records import read_records
from xnat_wizard.troubleshoot.registry import Rule, all_rules, judge
from xnat_wizard.troubleshoot.verdict import is_explained, report
from xnat_wizard.xnat.inquiry import Inquiry
from xnat_wizard.xnat.site import Site

_HELD_S = 900.0  # for what direct archive collects
T = TypeVar("T")
Step = Callable[[Facts], Awaitable[Facts]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """A picture of a running search; cheap, from any thread."""

    step: str  # "D4"
    says: str  # "Looking at the prearchive"
    done: int  # steps taken
    total: int
    requests: int


STEPS = (
    ("D0", "Reading journals, receipts and logs"),
    ("D1", "Reading the folder"),
    ("D2", "Asking the site who we are"),
    ("D3", "Asking for the project and our rights in it"),
    ("D4", "Looking at the prearchive"),
    ("D5", "Looking at the archive"),
    ("D6", "Opening what may be it"),
    ("D7", "Comparing files"),
    ("D8", "Reading filters, scripts and rules"),
    ("D9", "Trying the way to the receiver"),
    ("D10", "Waiting for the server"),
    ("D11", "Putting it together"),
)


class Search:
    """One search for one case; leaving the `async with` stops it."""

    def __init__(
        self,
        case: Case,
        site: Site | None,
        *,
        rules: Sequence[Rule] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
        sleep: waiting.Sleep = asyncio.sleep,
        clock: waiting.Clock = time.monotonic,
        is_patient: bool = False,
        tries_network: bool = True,
        no_site: Finding | None = None,
    ) -> None:
        """Make a search.

        Args:
            case: what is known.
            site: logged in; `None` where nobody could log in: then only this machine is looked at.
            rules: of the catalogue; all that there are by default.
            now: the time, with zone.
            sleep: waits.
            clock: in seconds, for waiting.
            is_patient: wait for what moves, and look again (D10).
            tries_network: connect to the receiver where that may explain something (D9).
            no_site: why there is no site.
        """
        self.facts = Facts(case, now(), no_site=no_site)
        self._site = site
        self._rules = tuple(all_rules() if rules is None else rules)
        self._now, self._sleep, self._clock = now, sleep, clock
        self._is_patient, self._tries_network = is_patient, tries_network
        self._inquiry = Inquiry(site, sleep=sleep) if site else None
        self._stop = threading.Event()  # for the thread that reads
        self._stopping = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "search")
        self._work: asyncio.Task[Report] | None = None
        self._step, self._done = STEPS[0], 0

    async def __aenter__(self) -> Self:
        self._work = asyncio.create_task(self._run(), name="search")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)

    async def result(self) -> Report:
        """Wait for the report."""
        if self._work is None:
            raise RuntimeError("a search runs inside `async with`")
        return await asyncio.shield(self._work)

    async def stop(self) -> Report | None:
        """Stop, and return the report of what is known by then; nothing was changed anywhere."""
        self._stop.set()
        self._stopping.set()
        if self._work is None:
            return None
        await asyncio.wait([self._work])
        return None if self._work.cancelled() or self._work.exception() else self._work.result()

    def snapshot(self) -> SearchProgress:
        """Return a picture of the run."""
        requests = self._inquiry.requests if self._inquiry else 0
        return SearchProgress(*self._step, self._done, len(STEPS), requests)

    # -- the steps -----------------------------------------------------------------------------------

    async def _run(self) -> Report:
        await self._take("D0", self._read_records)
        await self._take("D1", self._read_local)
        if self._inquiry is not None:
            await self._ask(self._inquiry)
        self._begin("D11")
        composed = await self._in_thread(self._compose)
        self._done = len(STEPS)
        return composed

    def _compose(self) -> Report:
        if not self.facts.ledger.lines:  # no step came as far as comparing
            self.facts = self.facts.adding(ledger=reconcile(self.facts))
        said, crashes = judge(self.facts, self._rules)
        return report(self.facts, said, crashes)

    async def _ask(self, inquiry: Inquiry) -> None:
        await self._take("D2", partial(stages.ask_who, inquiry=inquiry))
        who = self.facts.who
        if who is None or not who.is_known or who.value.is_guest:
            return  # every later negative would be void
        await self._take("D3", partial(stages.ask_project, inquiry=inquiry))
        await self._look(inquiry)
        if is_explained(self.facts):
            return
        await self._take("D8", partial(stages_files.explain_rest, inquiry=inquiry))
        if any(one.place.uri not in self.facts.contents for one in self.facts.hits()):  # more fits, by what was read
            await self._take("D6", partial(stages.open_candidates, inquiry=inquiry))
            await self._take("D7", partial(stages_files.compare_files, inquiry=inquiry))
        if self._needs_network():
            await self._take("D9", self._try_network)
        if self.facts.moving and self._is_patient:
            await self._take("D10", partial(self._wait, inquiry=inquiry))

    async def _look(self, inquiry: Inquiry) -> None:
        """Take D4 to D7."""
        await self._take("D4", partial(stages.ask_prearchive, inquiry=inquiry))
        await self._take("D5", partial(stages.ask_archive, inquiry=inquiry))
        await self._take("D6", partial(stages.ask_elsewhere, inquiry=inquiry))
        await self._take("D6", partial(stages.open_candidates, inquiry=inquiry))
        await self._take("D7", partial(stages_files.compare_files, inquiry=inquiry))

    def _begin(self, name: str) -> None:
        self._step = next(step for step in STEPS if step[0] == name)
        self._done = STEPS.index(self._step)

    async def _take(self, name: str, step: Step) -> None:
        """Take one step; one that fails is noted, and the facts stay as they were."""
        if self._stop.is_set():
            return
        self._begin(name)
        work = asyncio.ensure_future(step(self.facts))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait([work])
        facts = self.facts
        if not work.cancelled():
            try:
                facts = work.result()
            except SurveyStopped:
                pass
            except Exception as error:  # noqa: BLE001  the door of the steps: a crash is a result
                _log.warning("step failed name=%s error=%s", name, type(error).__name__)
                facts = facts.adding(crashes=(*facts.crashes, Crash(f"{name}", type(error).__name__)))
        asked = self._inquiry.asked if self._inquiry else ()
        self.facts = facts.adding(done=(*facts.done, name), asked=(*stages_files.evidence_of(facts), *asked))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)

    async def _read_records(self, facts: Facts) -> Facts:
        try:
            return facts.adding(sent=await self._in_thread(partial(read_records, facts.case)))
        except Problem as problem:
            return facts.adding(sent=_unread(facts, problem, self._now()))

    async def _read_local(self, facts: Facts) -> Facts:
        path = facts.case.source
        if path is None and facts.sent.source is not None and facts.sent.source.exists():
            path = facts.sent.source  # our own record knows where the files were
        if path is None:
            return facts
        surveyed: Survey | Problem
        try:
            async with SurveyRun(path) as run:
                surveyed = await run.result()
        except Problem as problem:
            surveyed = problem
        local = await self._in_thread(partial(read_local, path, self._stop, now=self._now(), surveyed=surveyed))
        facts = facts.adding(local=local)
        if not facts.sent.is_known and local.studies:  # a journal of ours may know these studies
            try:
                found = await self._in_thread(partial(read_records, facts.case, local.studies))
            except Problem as problem:
                found = _unread(facts, problem, self._now())
            facts = facts.adding(sent=found if found.is_known or found.evidence else facts.sent)
        return facts

    def _needs_network(self) -> bool:
        is_dicom = way_of(self.facts) is Way.C_STORE
        return self._tries_network and (is_dicom or self.facts.case.receiver is not None)

    async def _try_network(self, facts: Facts) -> Facts:
        target = network.target_of(facts)
        if target is None:
            return facts
        objects = facts.local.objects if facts.local else ()
        act = partial(network.probe, target, objects, calling=facts.case.calling_ae, now=self._now())
        return facts.adding(network=replace(await self._in_thread(act), web_connects=True))

    async def _wait(self, facts: Facts, inquiry: Inquiry) -> Facts:
        """Wait for what moves, then look again at all of it."""
        rows = {one.place.uri: one.place.row for one in facts.candidates if one.place.uri in facts.moving}
        uri, row = next(((uri, row) for uri, row in rows.items() if row), (facts.moving[0], None))

        async def look() -> str:
            if row is None:  # direct archive collects it
                told = await inquiry.held()
                one = next((held for held in told.value if held.uri == uri), None)
                return _seen(told.standing, f"{one.status} {one.last_built}" if one else "")
            found = await inquiry.row(uri)
            return _seen(found.standing, f"{found.value.status} {found.value.last_modified}" if found.value else "")

        await waiting.wait_for(
            look,
            is_done=lambda seen: seen.split(" ")[0] in {"", "READY", "CONFLICT", "ERROR"},
            patience_s=waiting.patience_s(row, facts.site.value if facts.site else None) if row else _HELD_S,
            clock=self._clock,
            sleep=self._sleep,
        )
        inquiry.allow(12)
        facts = facts.adding(now=self._now(), contents={}, candidates=(), moving=())
        for step in (stages.ask_prearchive, stages.ask_archive, stages.ask_elsewhere, stages.open_candidates):
            facts = await step(facts, inquiry)
        return await stages_files.compare_files(facts, inquiry)


def _seen(standing: Standing, state: str) -> str:
    """Return a state as it was seen; where the site could not say, it may be working still."""
    return "UNKNOWN" if standing is Standing.FAILED else state


def _unread(facts: Facts, problem: Problem, now: datetime) -> Sent:
    evidence = Evidence("Q34", "our records", f"{problem.finding.code}: {problem.finding.why}", now.isoformat())
    return replace(facts.sent, messages=(Message(problem.finding.what),), evidence=(evidence,))
