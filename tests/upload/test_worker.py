"""The worker as a real process: it outlives whoever started it, dies at any moment, and loses nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import Practice
from upload.processes import kill, pid_of, until, wait_for_end
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.sample import write_study
from xnat_wizard.settings import Secret
from xnat_wizard.upload import parts, worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, Request, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login

NewJournal = Callable[[Plan], Journal]


def journal_for(practice: Practice, folder: Path, new_journal: NewJournal) -> Journal:
    plan = draft(survey(folder), site_url=practice.url, project="DEMO", destination=Destination.ARCHIVE)
    return new_journal(plan)


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


def test_a_site_that_is_away_for_a_moment_at_the_login_is_asked_again(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503, times=1))
    with journal_for(practice, study_folder, new_journal) as journal:
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE
        assert [event.text for event in journal.events()][:2] == [
            "The site is not available at the moment. Trying again in 1 s",
            "Started",
        ]
        assert (journal.progress().trouble, journal.progress().retries) == ("", 1)


def test_a_cancel_reaches_a_worker_that_waits_for_the_site(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503))
    with journal_for(practice, study_folder, new_journal) as journal:
        worker.start(journal.path, login)
        until(lambda: "Trying again in 2 s" in "".join(event.text for event in journal.events()))
        journal.request(Request.CANCEL)
        assert wait_for_end(journal) is UploadState.CANCELLED
        made = journal.receipt()
        assert made is not None
        assert made.verdict == "NOT PROVEN"
        assert journal.events()[-1].text == "Cancelled"
        assert journal.progress().trouble == ""


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


def test_a_pause_that_is_asked_for_at_once_is_obeyed_and_one_of_before_is_not(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    with journal_for(practice, study_folder, new_journal) as journal:
        journal.request(Request.PAUSE)  # of a worker that died before it looked
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE
    with journal_for(practice, study_folder, new_journal) as journal:
        worker.start(journal.path, login)
        journal.request(Request.PAUSE)  # it has not read its login yet
        until(lambda: journal.progress().state is UploadState.PAUSED)
        journal.request(Request.GO_ON)
        assert wait_for_end(journal) is UploadState.DONE


def test_a_pause_that_is_asked_for_while_the_site_is_away_is_obeyed_once_it_is_back(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal
) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503, times=2))
    with journal_for(practice, study_folder, new_journal) as journal:
        worker.start(journal.path, login)
        until(lambda: "Trying again in 1 s" in "".join(event.text for event in journal.events()))
        journal.request(Request.PAUSE)
        until(lambda: journal.progress().state is UploadState.PAUSED)
        assert journal.progress().files_sent == 0
        journal.request(Request.GO_ON)
        assert wait_for_end(journal) is UploadState.DONE


def test_where_no_process_can_be_started_that_is_told_and_the_upload_can_be_started_later(
    practice: Practice, login: Login, study_folder: Path, new_journal: NewJournal, tmp_path: Path
) -> None:
    with journal_for(practice, study_folder, new_journal) as journal:
        with pytest.raises(Problem) as told:
            worker.start(journal.path, login, shelter=(str(tmp_path / "no such command"),))
        assert told.value.finding.code == "upload.no_worker"
        assert "No such file" in told.value.finding.why
        log = journal.path.parent / worker.LOG_NAME
        log.unlink(missing_ok=True)
        log.mkdir()
        with pytest.raises(Problem, match=r"upload\.no_worker"):
            worker.start(journal.path, login)
        log.rmdir()
        assert not worker.is_running(journal.path)
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE
