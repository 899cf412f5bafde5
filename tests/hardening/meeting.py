"""Runs one upload that somebody else meddles with, and compares what is said with what is there."""

import asyncio
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from hardening.others import (
    ELSEWHERE,
    NEW_PASSWORD,
    PROJECT,
    Meeting,
    Others,
    Watched,
    changes_our_password,
    deletes_the_project,
    disables_our_account,
    lets_us_only_read,
    removes_us,
    withdraws_our_token,
)
from support import Practice
from upload.clocks import Clock
from upload.dicom_sends import peer_of
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import Secret
from xnat_wizard.upload import engine, parts, receipt
from xnat_wizard.upload.cstore import batch
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Plan, Route, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login, ProjectDraft
from xnat_wizard.xnat.site import Site

_UNWANTED = (".xml", ".json", ".log", ".gif", ".jpg")


@dataclass(frozen=True)
class Row:
    """What came of a meeting."""

    meeting: Meeting
    has_met: bool
    state: str  # of the upload
    session: str  # its state
    said: Finding | None  # what the person reads first
    verdict: str  # of the receipt that was made then
    untrue: int  # files that the journal calls stored and that are not there
    theirs: int  # files of others that were changed or are gone
    twice: int  # files that the project has more than once
    after: str  # the state after what can be cured was cured, and the upload resumed
    after_said: Finding | None
    after_untrue: int
    after_twice: int

    @property
    def is_good(self) -> bool:
        """Tell whether nothing untrue is said, nothing of others is harmed, and whoever reads knows what to do."""
        told = [one for one in (self.said, self.after_said) if one]
        is_told = all(one.what and one.why and one.todo and one.code != "upload.unexpected" for one in told)
        is_said = (self.state == UploadState.DONE) is (self.said is None)
        harm = self.untrue or self.theirs or self.after_untrue
        return self.has_met and is_told and is_said and not harm


async def run_meeting(meeting: Meeting, images: Path, folder: Path) -> Row:
    """Run one meeting in a folder of its own; the study has two people, and the second one's data are others'."""
    practice = Practice(folder / "site")
    try:
        async with await Site.connect(Login(practice.url, "owner", Secret("owner"))) as owner:
            await owner.create_project(ProjectDraft(ELSEWHERE, ELSEWHERE, ELSEWHERE))
            return await _Run(meeting, practice, owner, images, folder).row()
    finally:
        practice.close()


class _Run:
    def __init__(self, meeting: Meeting, practice: Practice, owner: Site, images: Path, folder: Path) -> None:
        self.meeting = meeting
        self.practice = practice
        self.owner = owner
        self.folder = folder
        self.images = images
        plan = draft(survey(images), site_url=practice.url, project=PROJECT, destination=Destination.ARCHIVE)
        first, second = plan.sessions
        mine = replace(first, subject_label="Ours", session_label="ours")
        receiver = peer_of(practice, associations=1) if meeting.route is Route.DICOM else None
        self.ours = replace(plan, sessions=(mine,), route=meeting.route, receiver=receiver)
        self.theirs = replace(plan, sessions=(replace(second, subject_label="Theirs", session_label="theirs"),))

    async def row(self) -> Row:
        with Journal.create(self.folder / "theirs", self.theirs) as journal:
            assert await _engine(journal, self.owner) is UploadState.DONE
        before = self._theirs()
        login = Login(self.practice.url, "member", Secret("member"))
        alias = ""
        if self.meeting.act is withdraws_our_token:
            async with await Site.connect(login) as site:
                login = await site.worker_login()
            alias = login.username
        with Journal.create(self.folder / "ours", self.ours) as journal:
            async with await Watched.connect(login) as site:
                site.moment = self.meeting.moment
                others = Others(self.practice, self.owner, alias, _zip(self.images, self.ours))
                site.act = lambda: self.meeting.act(others)
                with by_loads(site):
                    state = await _engine(journal, site)
                has_met = site.has_acted
            session, said, made = _session(journal), _said(journal), journal.receipt()
            untrue, twice = self._untrue(journal), self._twice()
            after, after_said = await self._resumed(journal)
            return Row(
                self.meeting,
                has_met,
                str(state),
                session,
                said,
                made.verdict if made else "none",
                untrue,
                0 if self.meeting.act is deletes_the_project else (before - self._theirs()).total(),
                twice,
                after,
                after_said,
                self._untrue(journal),
                self._twice(),
            )

    async def _resumed(self, journal: Journal) -> tuple[str, Finding | None]:
        """Cure what an owner or administrator can cure, log in as one then has to, and resume; then verify."""

        def cure(store: Store) -> None:
            store.state.users["member"].enabled = True
            store.state.projects[PROJECT].members["member"] = "member"

        if self.meeting.act in {lets_us_only_read, removes_us, disables_our_account}:
            self.practice.on_loop(cure)
        password = NEW_PASSWORD if self.meeting.act is changes_our_password else "member"
        try:
            async with await Site.connect(Login(self.practice.url, "member", Secret(password))) as site:
                if journal.progress().state is not UploadState.DONE:
                    await _engine(journal, site)
                elif self.meeting.act is not deletes_the_project:
                    await receipt.verify(journal, site)
        except Problem as problem:
            return "refused", problem.finding
        return str(journal.progress().state), _said(journal)

    # -- what is there -------------------------------------------------------------------------------------------

    def _there(self) -> Counter[str]:
        """Count our instances in the project, by UID."""
        wanted = _uids(self.ours)
        places = [self.practice.folder / room / PROJECT for room in ("archive", "prearchive")]
        found = Counter(
            str(pydicom.dcmread(BytesIO(path.read_bytes()), stop_before_pixels=True).SOPInstanceUID)
            for place in places
            for path in place.rglob("*")
            if path.is_file() and not path.name.endswith(_UNWANTED)
        )
        return Counter({uid: count for uid, count in found.items() if uid in wanted.values()})

    def _untrue(self, journal: Journal) -> int:
        uids, there = _uids(self.ours), self._there()
        return sum(fate is Fate.STORED and not there[uids[path]] for path, fate, _ in journal.fates())

    def _twice(self) -> int:
        return sum(count - 1 for count in self._there().values())

    def _theirs(self) -> Counter[bytes]:
        folder = self.practice.folder / "archive" / PROJECT / "arc001" / "theirs"
        return Counter(path.read_bytes() for path in folder.rglob("*.dcm"))


@contextmanager
def by_loads(site: Watched) -> Iterator[None]:
    """Let a connection of ours count what travels by DICOM beside it, three images at a time."""
    loop, send, most = asyncio.get_running_loop(), batch.send, batch.MOST_FILES

    def counted(*args: Any, **words: Any) -> batch.Told:
        asyncio.run_coroutine_threadsafe(site.before_load(), loop).result(60)
        return send(*args, **words)

    batch.send, batch.MOST_FILES = counted, parts.MAX_FILES
    try:
        yield
    finally:
        batch.send, batch.MOST_FILES = send, most


async def _engine(journal: Journal, site: Site) -> UploadState:
    clock = Clock()
    return await engine.run(journal, site, clock=clock, sleep=clock.sleep, random=lambda: 0.5)


def _uids(plan: Plan) -> dict[str, str]:
    return {
        instance.path: instance.sop_instance_uid
        for session in plan.included
        for series in session.series
        for instance in series.instances
    }


def _zip(images: Path, plan: Plan) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in _uids(plan):
            archive.write(images / path, path)
    return target.getvalue()


def _session(journal: Journal) -> str:
    (session,) = journal.progress().sessions
    return str(session.state)


def _said(journal: Journal) -> Finding | None:
    now = journal.progress()
    return next((one for one in (now.finding, *(one.finding for one in now.sessions)) if one), None)
