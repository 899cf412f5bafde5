"""An upload that nobody watches for a week: logins that end, and a site that is away each night.

A part takes four hours here. The site's clock goes with ours, so its sessions time out and its tokens expire as they
do there; nothing keeps a session alive in between.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from cli import program
from support import Practice
from upload.clocks import Clock
from upload.runs import archived, digests, texts
from xnat_wizard import settings
from xnat_wizard.findings import Finding
from xnat_wizard.practice.passwords import hash_password
from xnat_wizard.settings import Secret
from xnat_wizard.upload import engine, parts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, UploadState
from xnat_wizard.upload.patience import GIVE_UP_AFTER_S, UNATTENDED_GIVE_UP_AFTER_S
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
NIGHT_FROM_S, NIGHT_TO_S = 22 * HOUR_S, 30 * HOUR_S  # 30: six in the morning


class Week(Clock):
    """A clock by which the site lives as well: it has its nights, if any, and its own time."""

    def __init__(self, practice: Practice, *, has_nights: bool = False) -> None:
        super().__init__()
        self.began_s = self.now_s
        self._practice = practice
        self._has_nights = has_nights
        self._is_away = False
        self._skipped_s = 0.0
        self.requests = 0  # on their way: they take no time

    @property
    def passed_s(self) -> float:
        """Return how much time has passed since the beginning, at six in the morning."""
        return self.now_s - self.began_s

    @property
    def is_night(self) -> bool:
        """Tell whether the site is away."""
        hour_s = 6 * HOUR_S + self.passed_s % DAY_S
        return self._has_nights and NIGHT_FROM_S <= hour_s < NIGHT_TO_S

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        while self.requests:  # noqa: ASYNC110  they come and go one by one
            await asyncio.sleep(0.001)
        if self.is_night and not self._is_away:
            self._practice.stop()
            self._skipped_s = 0.0
        elif self._is_away and not self.is_night:
            self._practice.start()
        self._is_away = self.is_night
        if not self._is_away:
            self._practice.server.clock.skip(self.passed_s - self._skipped_s)
            self._skipped_s = self.passed_s


class Slow(Site):
    """A connection over which a part takes four hours."""

    week: Week
    on_hour: Callable[[], None] | None = None

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
        for _ in range(4):
            if self.week.is_night:
                break  # nobody takes it: that is known at once
            await self.week.sleep(HOUR_S)
            if self.on_hour:
                self.on_hour()
        return await super().import_zip(project, subject, session, body, size_bytes, query=query)


NewWeek = Callable[..., Week]


@pytest.fixture(autouse=True)
def one_file_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 1)


@pytest.fixture
def new_week(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> NewWeek:
    """Give a function that makes the one week of a test."""

    def make(*, has_nights: bool = False) -> Week:
        week = Week(practice, has_nights=has_nights)
        send = Http.send

        @wraps(send)
        async def counted(*args: Any, **words: Any) -> Answer:
            week.requests += 1
            try:
                return await send(*args, **words)
            finally:
                week.requests -= 1

        monkeypatch.setattr(Http, "send", counted)
        return week

    return make


@pytest.fixture
def journal(study_folder: Path, plan_for: PlanFor, new_journal: NewJournal) -> Journal:
    made = new_journal(plan_for(study_folder))
    assert made.progress().files_total >= 40 / len(made.progress().sessions)  # some days, with two at a time
    return made


async def work(
    journal: Journal,
    login: Login,
    week: Week,
    on_hour: Callable[[], None] | None = None,
    give_up_after_s: float = GIVE_UP_AFTER_S,
) -> tuple[UploadState, Finding | None]:
    async with await Slow.connect(login) as site:
        site.week, site.on_hour = week, on_hour
        state = await engine.run(journal, site, clock=week, sleep=week.sleep, give_up_after_s=give_up_after_s)
    return state, journal.progress().finding


async def test_a_password_lasts_for_a_week_although_every_session_times_out(
    practice: Practice, login: Login, journal: Journal, study_folder: Path, new_week: NewWeek
) -> None:
    week = new_week()
    state, _ = await work(journal, login, week)
    assert state is UploadState.DONE
    assert week.passed_s > 2 * DAY_S
    assert archived(practice) == digests(study_folder)


async def test_a_token_ends_after_two_days_and_the_upload_goes_on_with_a_new_one(
    practice: Practice, login: Login, journal: Journal, study_folder: Path, new_week: NewWeek
) -> None:
    week = new_week()

    async def token() -> Login:
        async with await Site.connect(login) as site:
            return await site.worker_login()

    state, finding = await work(journal, await token(), week)
    assert state is UploadState.FAILED
    assert finding is not None
    assert finding.code == "login.expired_token"
    assert finding.todo
    assert 2 * DAY_S <= week.passed_s < 3 * DAY_S
    sent = journal.progress().files_sent
    assert sent > 0
    while state is not UploadState.DONE:
        before = week.passed_s
        state, finding = await work(journal, await token(), week)
        assert state is UploadState.DONE or (finding and finding.code == "login.expired_token")
        assert week.passed_s > before
    assert archived(practice) == digests(study_folder)


async def test_a_password_changed_in_the_middle_stops_it_until_it_gets_the_new_one(
    practice: Practice, login: Login, journal: Journal, study_folder: Path, new_week: NewWeek
) -> None:
    week = new_week()
    new = Secret("another")

    def change() -> None:
        if week.passed_s >= DAY_S:
            secret = hash_password(new.reveal())
            practice.on_loop(lambda store: setattr(store.state.users["owner"], "password_hash", secret))

    state, finding = await work(journal, login, week, change)
    assert state is UploadState.FAILED
    assert finding is not None
    assert finding.code == "login.refused"
    state, _ = await work(journal, Login(login.address, login.username, new), week)
    assert state is UploadState.DONE
    assert archived(practice) == digests(study_folder)


async def test_a_site_that_is_away_each_night_stops_it_each_night_and_every_morning_it_goes_on(
    practice: Practice, login: Login, journal: Journal, study_folder: Path, new_week: NewWeek
) -> None:
    week = new_week(has_nights=True)
    nights = 0
    state, finding = await work(journal, login, week)
    while state is not UploadState.DONE:
        nights += 1
        assert nights < 9
        assert finding is not None
        assert finding.code == "upload.server_gone"
        assert any("Resume" in way for way in finding.todo)
        while week.is_night:
            await week.sleep(HOUR_S)
        state, finding = await work(journal, login, week)
    assert nights >= 2
    assert archived(practice) == digests(study_folder)


async def test_where_nobody_waits_for_it_an_upload_outlasts_the_nights(
    practice: Practice, login: Login, journal: Journal, study_folder: Path, new_week: NewWeek
) -> None:
    week = new_week(has_nights=True)
    state, finding = await work(journal, login, week, give_up_after_s=UNATTENDED_GIVE_UP_AFTER_S)
    assert state is UploadState.DONE, finding
    assert week.passed_s > DAY_S
    assert archived(practice) == digests(study_folder)
    waits = [text for text in texts(journal) if "Trying again in" in text]
    nights = sum("Connected again" in text for text in texts(journal))
    assert nights >= 1
    assert len(waits) < 400 * nights  # a line each two minutes: the log of a night can still be read


async def test_an_upload_that_lost_its_site_for_too_long_says_so_and_status_how_to_go_on(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor
) -> None:
    plan, clock, name = plan_for(study_folder), Clock(), "20260101-000000-DEMO"
    with Journal.create(settings.uploads_dir() / name, plan) as journal:
        async with await Site.connect(login) as site:
            practice.stop()
            for seconds, words in ((GIVE_UP_AFTER_S, "10 minutes"), (UNATTENDED_GIVE_UP_AFTER_S, "12 hours")):
                before_s = clock.now_s
                state = await engine.run(
                    journal, site, clock=clock, sleep=clock.sleep, random=lambda: 0.5, give_up_after_s=seconds
                )
                assert state is UploadState.FAILED
                finding = journal.progress().finding
                assert finding is not None
                assert f"Tried for {words}" in finding.why
                assert seconds < clock.now_s - before_s < 1.1 * seconds
        practice.start()
    listed, told = program.run("status"), program.run("status", name)
    assert f"{name}  DEMO  failed" in listed.data
    assert "to go on: `resume`" in listed.data
    assert "Resume the upload then" in told.talk
    assert f"xnat-wizard resume {name}" in told.talk
    assert program.run("resume", env={"XNAT_USER": "owner", "XNAT_PASS": "owner"}).code == 0
    ended = program.run("attach")
    assert ended.code == 0, ended
    assert archived(practice) == digests(study_folder)
