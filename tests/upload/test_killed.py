"""A worker killed at any moment, over every route and with a site that misbehaves: nothing is lost or there twice.

`XNAT_WIZARD_KILL_RUNS=200` makes that many runs, from seed `XNAT_WIZARD_KILL_FROM` on. 42 seeds in a row have every
route with every fault and both destinations.
"""

import os
import random
import re
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path

import pytest

from dicom.images import write_pair
from support import Practice
from upload.processes import forget, kill, pid_of, until, wait_for_end
from upload.runs import digests, explained
from xnat_wizard.dicom.survey import survey
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.sample import write_study
from xnat_wizard.practice.store import Resource, Store
from xnat_wizard.upload import parts, receipt, worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Plan, Receipt, SessionState, UploadProgress, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

RUNS = int(os.environ.get("XNAT_WIZARD_KILL_RUNS", "7"))
FROM = int(os.environ.get("XNAT_WIZARD_KILL_FROM", "0"))
KILLS = 3
STARTS = 12  # after the last kill: a fault may end a worker, which can be resumed

ROUTES = ("import", "gradual", "resource")
AFTER_LOGIN = r"^(?!/data/JSESSION|/xapi/users/username)"  # a new session lasts at least for the first question
NO_ZIPS = Fault(Kind.STATUS, code=400, only="import", path="import-handler=DICOM-zip")
FAULTS: dict[str, tuple[Fault, ...]] = {
    "none": (),
    "unavailable": (Fault(Kind.STATUS, code=503, chance=0.08),),
    "cut": (
        Fault(Kind.CUT_REQUEST, at=9_000, only="import", chance=0.2),
        Fault(Kind.CUT_REQUEST, at=3_000, only="files", chance=0.2),
    ),
    "unanswered": (Fault(Kind.LOST_ANSWER, only="write", chance=0.2),),
    "slow": (
        Fault(Kind.LATENCY, seconds=0.15, chance=0.3),
        Fault(Kind.BANDWIDTH, rate=200_000, only="import", chance=0.5),
        Fault(Kind.SLOW_ARCHIVE, seconds=1),
    ),
    "expired": (Fault(Kind.EXPIRED_LOGIN, path=AFTER_LOGIN, chance=0.08),),
    "all": (
        Fault(Kind.STATUS, code=503, chance=0.03),
        Fault(Kind.STATUS, code=500, moment="after", only="write", chance=0.03),
        Fault(Kind.CUT_REQUEST, at=9_000, only="import", chance=0.05),
        Fault(Kind.LOST_ANSWER, chance=0.03),
        Fault(Kind.CUT_ANSWER, at=10, only="read", chance=0.03),
        Fault(Kind.LATENCY, seconds=0.1, chance=0.2),
        Fault(Kind.EXPIRED_LOGIN, path=AFTER_LOGIN, chance=0.03),
        Fault(Kind.GATEWAY_TIMEOUT, seconds=0, only="import", chance=0.05),
    ),
}
AFTER_SENDING = (SessionState.BUILDING, SessionState.CHECKING, SessionState.ARCHIVING, SessionState.VERIFYING)


@dataclass(frozen=True)
class Case:
    """What one run is made of; the seed says it all."""

    seed: int

    @property
    def route(self) -> str:
        return ROUTES[self.seed % len(ROUTES)]

    @property
    def fault(self) -> str:
        return list(FAULTS)[self.seed % len(FAULTS)]

    @property
    def destination(self) -> Destination:
        return list(Destination)[self.seed % len(Destination)]

    @property
    def faults(self) -> list[Fault]:
        some = [replace(one, seed=self.seed * 10 + number) for number, one in enumerate(FAULTS[self.fault])]
        return [*some, NO_ZIPS] if self.route == "gradual" else some

    def __str__(self) -> str:
        return f"{self.seed}-{self.route}-{self.destination}-{self.fault}"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study of three people."""
    return write_study(tmp_path_factory.mktemp("images") / "study", subjects=3, slices=4)


@pytest.fixture(scope="session")
def few_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study of two people: one request a file takes its time."""
    return write_study(tmp_path_factory.mktemp("few") / "study", subjects=2, slices=2)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study of which one person has images and PAR/REC pairs, and one has pairs only."""
    folder = write_study(tmp_path_factory.mktemp("pairs") / "study", subjects=1, slices=2)
    chance = random.Random(1)  # noqa: S311  content, not secret
    for person, count in (("Person_01", 2), ("Person_09", 4)):
        for number in range(count):
            place = folder / person / f"raw_{number}"
            write_pair(place, f"scan_{number}", images=300)
            (place / f"scan_{number}.REC").write_bytes(chance.randbytes(32 * 300))
    return folder


def runs_begun(journal: Journal) -> int:
    return sum(event.text.startswith(("Started", "Resumed")) for event in journal.events())


def kill_somewhere(journal: Journal, begun: int, chance: random.Random) -> str:
    """Kill a worker that has just been started; tell the states of the sessions then, "" when it was gone already."""
    way = chance.choice(["login", "time", "files", "files", "state", "state"])
    now = journal.progress()
    count = chance.randint(now.files_sent, now.files_total)
    state = chance.choice(AFTER_SENDING if now.destination is Destination.ARCHIVE else AFTER_SENDING[:2])

    def is_ready(now: UploadProgress) -> bool:
        if way == "files":
            return now.files_sent >= count
        return way == "time" or any(session.state is state for session in now.sessions)

    if way == "login":
        pid_of(journal)
    else:
        until(lambda: runs_begun(journal) > begun or not worker.is_running(journal.path))
        until(lambda: not worker.is_running(journal.path) or is_ready(journal.progress()))
    threading.Event().wait(chance.uniform(0, 0.5 if way == "time" else 0.08))
    if not worker.is_running(journal.path):
        forget(journal)
        return ""
    kill(journal, signal.SIGKILL)
    return "+".join(sorted({str(session.state) for session in journal.progress().sessions}))


def local_files(journal: Journal) -> Counter[tuple[str, str]]:
    """Count the files of the source by the session they belong to, and digest."""
    return Counter(
        (fact.session, md5((journal.source / fact.path).read_bytes()).hexdigest())  # noqa: S324  compared, not trusted
        for fact in journal.file_facts()
    )


def stored_files(store: Store) -> Counter[tuple[str, str]]:
    """Count the files of archive and prearchive that catalogs name, by session and digest."""

    def entries(label: str, resources: dict[str, Resource]) -> list[tuple[str, str]]:
        return [(label, entry.md5) for resource in resources.values() for entry in resource.files.values()]

    found: Counter[tuple[str, str]] = Counter()
    for session in store.state.sessions.values():
        found.update(entries(session.label, session.resources))
        for scan in session.scans.values():
            found.update(entries(session.label, scan.resources))
    return found


def check_journal(journal: Journal) -> None:
    """See that nothing of the kills is left in the journal or beside it."""
    now = journal.progress()
    assert (now.state, now.finding, now.connections, now.trouble) == (UploadState.DONE, None, 0, "")
    assert {(one.state, one.finding) for one in now.sessions} == {(SessionState.DONE, None)}
    assert all(one.files_sent == one.files_stored == one.files_total for one in now.sessions)
    assert now.bytes_sent == now.bytes_total
    assert {(fate, remark) for _, fate, remark in journal.fates()} == {(Fate.STORED, "")}
    assert journal.records.take_requests() == ()
    with sqlite3.connect(journal.path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert not [path.name for path in journal.path.parent.iterdir() if path.name.endswith(".new")]
    assert not re.findall(r"unexpected|Traceback", (journal.path.parent / worker.LOG_NAME).read_text())


async def looked_at_again(journal: Journal, login: Login) -> Receipt:
    async with await Site.connect(login) as site:
        return await receipt.verify(journal, site)


@pytest.mark.parametrize("case", [Case(seed) for seed in range(FROM, FROM + RUNS)], ids=str)
async def test_a_worker_killed_at_any_moment_loses_nothing_and_leaves_nothing_twice(
    practice: Practice,
    login: Login,
    images: Path,
    few_images: Path,
    pairs: Path,
    new_journal: Callable[[Plan], Journal],
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    case: Case,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)
    chance = random.Random(case.seed)  # noqa: S311  repeatable, not secret
    source = {"import": images, "gradual": few_images, "resource": pairs}[case.route]
    plan = draft(survey(source), site_url=practice.url, project="DEMO", destination=case.destination)
    with new_journal(plan) as journal:
        practice.server.faults.replace(case.faults)
        killed: list[str] = []
        for _ in range(KILLS):
            if journal.progress().state is not UploadState.DONE:
                begun = runs_begun(journal)
                worker.start(journal.path, login)
                killed.append(kill_somewhere(journal, begun, chance))
        starts = 0
        while journal.progress().state is not UploadState.DONE and starts < STARTS:
            worker.start(journal.path, login)
            wait_for_end(journal)
            starts += 1
        record_property("killed while", ",".join(filter(None, killed)))
        record_property("starts to the end", starts)
        record_property("said", "\n".join(explained(journal)))
        assert journal.progress().state is UploadState.DONE, explained(journal)
        practice.server.faults.clear()
        check_journal(journal)
        first = journal.receipt()
        again = await looked_at_again(journal, login)
        assert first is not None
        assert first.verdict == again.verdict == "COMPLETE", again
        check_journal(journal)
        local = local_files(journal)
        where = {session.session_label: session.uri for session in journal.progress().sessions}
    waiting = {label for label, uri in where.items() if uri.startswith("/data/prearchive/")}
    assert bool(waiting) is (case.destination is Destination.PREARCHIVE)
    archived = Counter({key: count for key, count in local.items() if key[0] not in waiting})
    assert practice.on_loop(stored_files) == archived
    rows = practice.on_loop(lambda store: sorted((row.name, row.status) for row in store.state.rows))
    assert rows == sorted((label, "READY") for label in waiting)
    labels = practice.on_loop(lambda store: sorted(one.label for one in store.state.sessions.values()))
    assert labels == sorted(set(where) - waiting)
    for place, is_waiting in (("archive", False), ("prearchive", True)):
        mine = Counter(one for label, one in local.elements() if (label in waiting) is is_waiting)
        assert Counter(digests(practice.folder / place)) == mine
