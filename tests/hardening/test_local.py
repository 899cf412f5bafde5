"""This machine's own faults: a full disk, files that change under the upload, folders that vanish."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import replace
from hashlib import md5
from pathlib import Path

import pytest

from cli import program
from hardening.spoiling import SPOILING, Spoil, become_a_pipe, cut_short, vanish
from practice.sending import port_of
from support import Practice
from upload.clocks import Clock
from upload.processes import forget, kill, pid_of, until, wait_for_end
from upload.runs import archived, digests, explained
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload import engine, parts, worker
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Fate, Plan, Route, UploadState
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


# -- files that change while they are sent -----------------------------------------------------------------------


class Spoiling(Site):
    """A connection over which the first request goes; then a file of those that wait is spoilt."""

    spoil: Callable[[], None] | None = None

    def _once(self) -> None:
        spoil, self.spoil = self.spoil, None
        if spoil:
            spoil()

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
        answer = await super().import_zip(project, subject, session, body, size_bytes, query=query)
        self._once()
        return answer

    async def import_object(
        self, project: str, subject: str, session: str, body: AsyncIterable[bytes], size_bytes: int
    ) -> ImportAnswer:
        answer = await super().import_object(project, subject, session, body, size_bytes)
        self._once()
        return answer


@pytest.mark.parametrize("route", [Route.IMPORT, Route.GRADUAL, Route.DICOM])
@pytest.mark.parametrize("spoil", SPOILING, ids=lambda spoil: spoil.__name__)
async def test_a_file_spoilt_while_others_travel_is_named_and_the_rest_arrives(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    route: Route,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 2)
    receiver = Peer("127.0.0.1", port_of(practice), connect_s=2, idle_s=2, answer_s=2)
    plan = replace(plan_for(study_folder), route=route, receiver=receiver if route is Route.DICOM else None)
    last = plan.included[-1].series[-1].instances[-1].path
    wanted = [one for one in digests(study_folder) if one not in digests_of(study_folder / last)]
    async with await Spoiling.connect(login) as site:
        with new_journal(plan) as journal:
            if route is Route.DICOM:
                spoil(study_folder / last)  # an association takes all in a moment
            else:
                site.spoil = lambda: spoil(study_folder / last)
            clock = Clock()
            assert await engine.run(journal, site, clock=clock, sleep=clock.sleep) is UploadState.INCOMPLETE
            fates = {path: (fate, remark) for path, fate, remark in journal.fates()}
            assert fates.pop(last)[0] is not Fate.STORED
            assert {fate for fate, _ in fates.values()} == {Fate.STORED}, explained(journal)
            made = journal.receipt()
            assert made is not None
            assert made.verdict == "INCOMPLETE 1"
    if route is not Route.DICOM:
        assert archived(practice) == wanted


def digests_of(path: Path) -> list[str]:
    """Return the digest of one file."""
    return [md5(path.read_bytes()).hexdigest()]  # noqa: S324  compared, not trusted


# -- a full disk -------------------------------------------------------------------------------------------------


def limited(size_bytes: int) -> tuple[str, ...]:
    """Return a command that runs another one which can make no file larger than that: a disk that is full."""
    words = (
        "import os,resource,sys;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE,({size_bytes},{size_bytes}));"
        "os.execv(sys.argv[1],sys.argv[1:])"
    )
    return (sys.executable, "-c", words)


@pytest.mark.parametrize("room_bytes", [0, 4_000, 40_000, 90_000])
def test_a_disk_that_gets_full_ends_the_upload_and_loses_nothing(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    room_bytes: int,
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        worker.start(journal.path, login, shelter=limited(room_bytes))
        state = wait_for_end(journal)
        assert state in {UploadState.PLANNED, UploadState.RUNNING}, explained(journal)  # it could note nothing more
        forget(journal)
        assert "Traceback" not in (journal.path.parent / worker.LOG_NAME).read_text()
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE, explained(journal)
    assert archived(practice) == digests(study_folder)


@pytest.mark.parametrize("room_bytes", [10, 20_000, 150_000])
def test_a_command_whose_journal_cannot_be_kept_says_so_and_the_next_goes_on(
    practice: Practice, study_folder: Path, own_home: Path, tmp_path: Path, room_bytes: int
) -> None:
    login = {"XNAT_HOST": practice.url, "XNAT_USER": "owner", "XNAT_PASS": "owner"}
    plan = tmp_path / "study.plan.json"
    made = program.run(
        "plan", study_folder, "--site", practice.url, "--project", "DEMO", "--to", "archive", "--output", plan
    )
    assert made.code == 0, made
    words = [*limited(room_bytes), program.PROGRAM, "upload", str(plan)]
    done = subprocess.run(words, env={**os.environ, **login}, capture_output=True, text=True, timeout=60, check=False)
    assert "The journal of the upload cannot be written" in done.stderr
    assert "a fault in this program" not in done.stderr
    assert (done.returncode, done.stdout) == (1, "")
    again = program.run("upload", plan, env=login)
    assert again.code == 0, again
    assert archived(practice) == digests(study_folder)
    assert len(list((own_home / "state" / "uploads").iterdir())) in {1, 2}  # what could not be begun is left over


# -- signals -----------------------------------------------------------------------------------------------------


def held_up(practice: Practice, seconds: float = 0.3) -> None:
    """Let each request that sends images take its time."""
    practice.server.faults.replace([Fault(Kind.LATENCY, seconds=seconds, only="import")])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_worker_told_to_stop_says_so_and_goes_on_later(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    number: signal.Signals,
) -> None:
    held_up(practice)
    with new_journal(plan_for(study_folder)) as journal:
        worker.start(journal.path, login)
        until(lambda: journal.progress().files_sent > 0)
        kill(journal, number)
        now = journal.progress()
        assert now.state is UploadState.FAILED
        assert now.finding is not None
        assert now.finding.code == "upload.stopped"
        practice.server.faults.clear()
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE
    assert archived(practice) == digests(study_folder)


def test_a_worker_is_not_ended_by_a_terminal_that_goes(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    held_up(practice)
    with new_journal(plan_for(study_folder)) as journal:
        worker.start(journal.path, login)
        until(lambda: journal.progress().files_sent > 0)
        os.kill(pid_of(journal), signal.SIGHUP)
        assert wait_for_end(journal) is UploadState.DONE
    assert archived(practice) == digests(study_folder)


def test_a_machine_that_slept_goes_on_although_the_site_has_forgotten_it(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    held_up(practice)
    with new_journal(plan_for(study_folder)) as journal:
        worker.start(journal.path, login)
        until(lambda: journal.progress().files_sent > 0)
        pid = pid_of(journal)
        os.kill(pid, signal.SIGSTOP)
        practice.stop()  # its connections are cut, and the new server knows none of the old sessions
        practice.start()
        practice.server.clock.skip(10 * 3600)
        os.kill(pid, signal.SIGCONT)
        assert wait_for_end(journal) is UploadState.DONE, explained(journal)
    assert archived(practice) == digests(study_folder)


# -- folders that vanish -----------------------------------------------------------------------------------------


def test_a_state_folder_that_vanishes_loses_nothing_on_the_site(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    held_up(practice)
    plan = plan_for(study_folder)
    with new_journal(plan) as journal:
        worker.start(journal.path, login)
        until(lambda: journal.progress().files_sent > 0)
        pid = pid_of(journal)
        shutil.rmtree(journal.path.parent)
        practice.server.faults.clear()
        until(lambda: not is_alive(pid))
    with new_journal(plan) as journal:
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE, explained(journal)
    assert archived(practice) == digests(study_folder)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize("spoil", [vanish, cut_short, become_a_pipe], ids=lambda spoil: spoil.__name__)
async def test_a_file_spoilt_on_a_way_that_takes_names_out_is_named_as_well(
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 2)
    plan = replace(plan_for(study_folder), deidentification=Deidentification.of(frozenset()))
    last = plan.included[-1].series[-1].instances[-1].path
    async with await Spoiling.connect(login) as site:
        site.spoil = lambda: spoil(study_folder / last)
        with new_journal(plan) as journal:
            clock = Clock()
            assert await engine.run(journal, site, clock=clock, sleep=clock.sleep) is UploadState.INCOMPLETE
            fates = {path: fate for path, fate, _ in journal.fates()}
            assert fates.pop(last) is not Fate.STORED
            assert set(fates.values()) == {Fate.STORED}, explained(journal)
