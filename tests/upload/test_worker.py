"""The worker as a real process: it outlives whoever started it, dies at any moment, and loses nothing."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
from xnat_wizard.practice.sample import write_study
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import Secret
from xnat_wizard.upload import parts, worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.lock import FILE_NAME
from xnat_wizard.upload.model import Destination, Fate, Plan, Request, SessionState, UploadProgress, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login

KILL_RUNS = int(os.environ.get("XNAT_WIZARD_KILL_RUNS", "2"))
PATIENCE_S = 60.0

NewJournal = Callable[[Plan], Journal]


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process; ask it often."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.003)):
        if condition():
            return
        pause.wait(0.003)
    raise AssertionError("the other process did not get there")


def pid_of(journal: Journal) -> int:
    """Return the worker's process number once it has signed the lock."""
    path = journal.path.parent / FILE_NAME
    until(lambda: path.read_text().strip().isdigit())
    return int(path.read_text())


def kill(journal: Journal, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid_of(journal), number)
    until(lambda: not worker.is_running(journal.path))
    (journal.path.parent / FILE_NAME).write_text("")


def wait_for_end(journal: Journal) -> UploadState:
    until(lambda: not worker.is_running(journal.path))
    return journal.progress().state


def journal_for(practice: Practice, folder: Path, new_journal: NewJournal) -> Journal:
    plan = draft(survey(folder), site_url=practice.url, project="DEMO", destination=Destination.ARCHIVE)
    return new_journal(plan)


def stored_sops(store: Store) -> Counter[tuple[str, str]]:
    """Count the files of the archive by scan and digest: two of one would be one too many."""
    return Counter(
        (f"{session.label}/{scan.id}", entry.md5)
        for session in store.state.sessions.values()
        for scan in session.scans.values()
        for resource in scan.resources.values()
        for entry in resource.files.values()
    )


def test_a_worker_uploads_by_itself_and_ends(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    with journal_for(practice, study_folder, new_journal) as journal:
        assert not worker.is_running(journal.path)
        worker.start(journal.path, login)
        assert worker.is_running(journal.path)
        with pytest.raises(Problem, match=r"upload\.running"):
            worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE
        log = (journal.path.parent / worker.LOG_NAME).read_text()
    assert "started" in log
    assert not {"owner", "Person", str(study_folder), "Traceback"} & set(log.split())
    assert {path.stat().st_mode & 0o777 for path in journal.path.parent.iterdir()} == {0o600}
    assert json.loads((journal.path.parent / "receipt.json").read_text())["verdict"] == "COMPLETE"


def test_a_wrong_login_is_a_finding_and_the_upload_can_be_resumed(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    with journal_for(practice, study_folder, new_journal) as journal:
        for _ in range(2):
            worker.start(journal.path, Login(practice.url, "owner", Secret("wrong")))
            assert wait_for_end(journal) is UploadState.FAILED
            finding = journal.progress().finding
            assert finding is not None
            assert finding.code == "login.refused"
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE


def test_the_worker_outlives_the_process_and_the_terminal_it_came_from(
    practice: Practice, study_folder: Path, new_journal: NewJournal
) -> None:
    with journal_for(practice, study_folder, new_journal) as journal:
        starter = (
            "import sys; from pathlib import Path; from xnat_wizard.upload import worker;"
            "from xnat_wizard.xnat.model import Login; from xnat_wizard.settings import Secret;"
            f"worker.start(Path({str(journal.path)!r}), Login({practice.url!r}, 'owner', Secret('owner')))"
        )
        subprocess.run([sys.executable, "-c", starter], check=True, start_new_session=True)
        pid = pid_of(journal)
        assert os.getsid(pid) == pid
        os.kill(pid, signal.SIGHUP)
        assert wait_for_end(journal) is UploadState.DONE


@pytest.mark.parametrize("closes", [False, True])
def test_a_worker_can_be_run_by_a_command_that_shelters_it(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal, tmp_path: Path, *, closes: bool
) -> None:
    tool = tmp_path / "shelter"
    close = 'for name in /proc/self/fd/*; do n=${name##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done' if closes else ""
    tool.write_text(f'#!/bin/bash\necho sheltered >> {tmp_path}/seen\n{close}\nexec "$@"\n')
    tool.chmod(0o700)
    with journal_for(practice, study_folder, new_journal) as journal:
        worker.start(journal.path, login, shelter=(str(tool),))
        until(lambda: journal.progress().state.is_final)
        assert wait_for_end(journal) is UploadState.DONE
    assert (tmp_path / "seen").read_text() == "sheltered\n"


def big_study(folder: Path) -> Path:
    return write_study(folder, subjects=3, slices=12)


def test_a_stop_leaves_an_upload_that_can_be_resumed(
    practice: Practice, login: Login, tmp_path: Path, new_journal: NewJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 2)
    study = big_study(tmp_path / "big")
    with journal_for(practice, study, new_journal) as journal:
        worker.start(journal.path, login)
        until(lambda: journal.progress().files_sent > 5)
        kill(journal, signal.SIGTERM)
        progress = journal.progress()
        assert progress.state is UploadState.FAILED
        assert progress.finding is not None
        assert progress.finding.code == "upload.stopped"
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE


def test_a_cancel_reaches_the_worker(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    with journal_for(practice, study_folder, new_journal) as journal:
        journal.request(Request.CANCEL)
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.CANCELLED


def runs_begun(journal: Journal) -> int:
    return sum(event.text.startswith(("Started", "Resumed")) for event in journal.events())


def kill_somewhere(journal: Journal, chance: random.Random) -> None:
    """Kill a worker that has just been started: at a number of files, in a state, or after a time."""
    begun = runs_begun(journal)
    until(lambda: runs_begun(journal) > begun or not worker.is_running(journal.path))
    count = chance.randint(journal.progress().files_sent, journal.progress().files_total)
    state = chance.choice(
        [SessionState.BUILDING, SessionState.CHECKING, SessionState.ARCHIVING, SessionState.VERIFYING]
    )
    moments: dict[str, Callable[[UploadProgress], bool]] = {
        "files": lambda progress: progress.files_sent >= count,
        "state": lambda progress: any(session.state is state for session in progress.sessions),
        "time": lambda _progress: True,
    }
    moment = moments[chance.choice(list(moments))]
    until(lambda: not worker.is_running(journal.path) or moment(journal.progress()))
    threading.Event().wait(chance.uniform(0, 0.3))
    if worker.is_running(journal.path):
        kill(journal, signal.SIGKILL)


@pytest.mark.parametrize("seed", range(KILL_RUNS))
def test_a_worker_killed_at_any_moment_loses_nothing_and_sends_nothing_twice(
    practice: Practice,
    login: Login,
    tmp_path: Path,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)
    study = big_study(tmp_path / "big")
    with journal_for(practice, study, new_journal) as journal:
        total = journal.progress().files_total
        chance = random.Random(seed)  # noqa: S311  repeatable, not secret
        for _ in range(3):
            worker.start(journal.path, login)
            kill_somewhere(journal, chance)
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE, journal.progress()
        assert all(fate is Fate.STORED for _, fate, _ in journal.fates())
        made = journal.receipt()
        assert made is not None
        assert made.verdict == "COMPLETE"
        labels = [session.session_label for session in journal.progress().sessions]
    arrived = practice.on_loop(stored_sops)
    assert max(arrived.values()) == 1
    assert arrived.total() == total
    assert practice.on_loop(lambda store: sorted(one.label for one in store.state.sessions.values())) == sorted(labels)
    assert practice.on_loop(lambda store: [row.status for row in store.state.rows]) == []


@pytest.mark.parametrize("descriptor", range(3, 8))
def test_a_number_that_became_another_file_is_not_taken_for_the_lock(
    practice: Practice, study_folder: Path, new_journal: NewJournal, descriptor: int
) -> None:
    login = {"address": practice.url, "username": "owner", "password": "wrong", "ca_file": "", "is_unsafe": False}
    with journal_for(practice, study_folder, new_journal) as journal:
        path = journal.path
    command = [sys.executable, "-m", "xnat_wizard.upload.worker", os.fspath(path), "--lock", str(descriptor)]
    ended = subprocess.run(command, input=json.dumps(login).encode(), capture_output=True, check=False, timeout=60)
    assert ended.returncode == 1
    with Journal.open(path) as journal:
        assert journal.progress().state is UploadState.FAILED
        assert len(list(journal.fates())) > 0
