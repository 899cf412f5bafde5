"""The clock is set a day on or back in mid-upload: of this machine alone, or of the site's as well."""

import time
from collections.abc import AsyncIterable, Callable, Mapping
from pathlib import Path

import pytest

from support import Practice
from upload.clocks import short_sleep
from upload.runs import archived, digests, explained, texts
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload import engine, parts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, UploadState
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

DAY_S = 86_400.0
REAL = time.time


class Jumping(Site):
    """A connection over which a part goes; then the clock is set, before the second and in the trouble after it."""

    jump: Callable[[], None]
    _parts = 0

    async def import_zip(
        self,
        project: str,
        subject: str,
        session: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        query: Mapping[str, str] | None = None,
    ) -> ImportAnswer:
        self._parts += 1
        if self._parts in {2, 5}:
            self.jump()
        return await super().import_zip(project, subject, session, body, size_bytes, query=query)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 4)


@pytest.mark.parametrize("login_by", ["password", "token"])
@pytest.mark.parametrize("whose", ["ours", "all"])
@pytest.mark.parametrize("days", [1, -1])
async def test_an_upload_goes_on_when_the_clock_is_set(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    whose: str,
    login_by: str,
) -> None:
    ahead_s = 0.0

    def now() -> float:
        return REAL() + ahead_s

    def jump() -> None:
        nonlocal ahead_s
        ahead_s += days * DAY_S / 2  # twice

    if login_by == "token":
        async with await Site.connect(login) as site:
            login = await site.worker_login()
    if whose == "all":
        monkeypatch.setattr(time, "time", now)
    async with await Jumping.connect(login) as site:
        site.jump = jump
        practice.server.faults.replace([Fault(Kind.STATUS, code=503, only="import", nth=3, times=4)])
        with new_journal(plan_for(study_folder)) as journal:
            state = await engine.run(journal, site, clock=now, sleep=short_sleep, random=lambda: 0.5)
            assert state is UploadState.DONE, explained(journal)
            assert abs(ahead_s) == DAY_S
            made = journal.receipt()
            assert made is not None
            assert made.verdict == "COMPLETE"
            assert len(texts(journal)) < 40  # nothing is tried again and again
            waits = [text for text in texts(journal) if "Trying again in" in text]
            assert waits
            assert not any(" min" in text or " h" in text.rpartition("Trying")[2] for text in waits), waits
    assert archived(practice) == digests(study_folder)


@pytest.mark.parametrize("days", [1, -1])
async def test_a_token_that_ends_by_the_site_is_told_whatever_our_clock_says(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    days: int,
) -> None:
    def now() -> float:
        return REAL() + days * DAY_S

    async with await Site.connect(login) as first:
        token = await first.worker_login()
    async with await Jumping.connect(token) as site:
        site.jump = lambda: practice.server.clock.skip(3 * DAY_S)  # two days is what a token lasts (wire contract 1.6)
        with new_journal(plan_for(study_folder)) as journal:
            assert await engine.run(journal, site, clock=now, sleep=short_sleep) is UploadState.FAILED
            finding = journal.progress().finding
            assert finding is not None
            assert finding.code == "login.expired_token"
            async with await Site.connect(login) as again:
                token = await again.worker_login()
            async with await Site.connect(token) as later:
                state = await engine.run(journal, later, clock=now, sleep=short_sleep)
                assert state is UploadState.DONE, explained(journal)
    assert archived(practice) == digests(study_folder)
