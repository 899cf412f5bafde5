"""`status`, `pause`, `cancel`: what is asked of uploads from anywhere, through their journals."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import NewPlan, Slow
from cli.program import PROGRAM, OnTerminal, call, until
from support import Practice
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload import uploads as uploads_of_account
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Destination, UploadState
from xnat_wizard.upload.plan import load

Uploads = Callable[[], list[Path]]


def state_of(uploads: Uploads) -> UploadState:
    (folder,) = uploads()
    with Journal.open(folder / FILE_NAME) as journal:
        return journal.progress().state


def prearchive_labels(practice: Practice) -> list[str]:
    return practice.on_loop(lambda store: sorted(row.folder for row in store.state.rows))


@pytest.fixture
def running(new_plan: NewPlan, slow: Slow, account: None, uploads: Uploads) -> str:
    """Start an upload that takes some seconds, on its own; return its ID."""
    slow()
    ended = call("upload", new_plan(), "--detach")
    assert ended.code == 0, ended.talk
    until(lambda: state_of(uploads) is UploadState.RUNNING)
    return ended.data.strip()


def test_no_upload_is_said_and_not_shown_as_an_empty_list() -> None:
    assert call("status").data == ""
    for command in ("attach", "pause", "resume", "cancel", "verify"):
        ended = call(command)
        assert ended.code == 1
        assert "There is no upload" in ended.talk


def test_status_lists_all_and_shows_the_sessions_of_one(running: str, practice: Practice) -> None:
    assert "(working)" in call("status").data
    unknown = call("status", "20200101-000000-DEMO")
    assert unknown.code == 1
    assert running in unknown.talk
    practice.server.faults.clear()
    assert call("attach").code == 0
    one = call("status", running)
    assert one.data.count("/data/experiments/") == 2
    (whole, *sessions) = call("status", "newest", "--json").objects()
    assert (whole["type"], whole["state"], whole["is_running"]) == ("upload", "done", False)
    assert [one["files_stored"] for one in sessions] == [16, 16]


def test_a_journal_that_cannot_be_read_hides_no_other(running: str, own_home: Path) -> None:
    broken = own_home / "state" / "uploads" / "19990101-000000-OLD"
    broken.mkdir()
    (broken / FILE_NAME).write_text("no database")
    ended = call("status")
    assert ended.code == 1
    assert running in ended.data
    assert "is not the journal of an upload" in ended.talk
    assert call("cancel", running, "--yes").code == 0


def test_pause_and_resume_reach_a_running_upload(running: str, uploads: Uploads, practice: Practice) -> None:
    paused = call("pause")
    assert paused.code == 0, paused.talk
    assert state_of(uploads) is UploadState.PAUSED
    practice.server.faults.clear()
    assert call("resume", running).data == f"{running}\n"
    assert call("attach").code == 0
    assert call("pause").code == 1


def test_a_running_upload_is_cancelled_and_what_it_left_is_deleted_only_when_asked(
    running: str, uploads: Uploads, practice: Practice
) -> None:
    practice.server.faults.clear()
    practice.server.faults.add(parse("latency:seconds=3,only=import,nth=3"))
    until(lambda: len(prearchive_labels(practice)) > 0)
    unasked = call("cancel")
    assert unasked.code == 2
    assert "Give `--yes`" in unasked.talk
    cancelled = call("cancel", "--yes")
    assert cancelled.code == 0, cancelled.talk
    assert state_of(uploads) is UploadState.CANCELLED
    left = prearchive_labels(practice)
    assert left
    assert "stay in the prearchive: /data/prearchive/projects/DEMO/" in cancelled.talk
    assert f"xnat-wizard cancel {running} --delete" in cancelled.talk
    assert call("attach").code == 130
    deleted = call("cancel", running, "--delete", "--yes")
    assert deleted.code == 0, deleted.talk
    assert prearchive_labels(practice) == []
    assert call("cancel", "--delete", "--yes").code == 0
    assert "nowhere" not in call("status", running).data


def test_no_is_the_answer_unless_somebody_types_yes(running: str, uploads: Uploads) -> None:
    for answer, state in (("\n", UploadState.RUNNING), ("y\n", UploadState.CANCELLED)):
        program = OnTerminal("cancel")
        program.until("[y/N]")
        program.type(answer)
        assert program.wait() == 0
        assert state_of(uploads) is state


@pytest.mark.usefixtures("account")
def test_a_session_with_files_of_somebody_else_is_not_deleted(
    new_plan: NewPlan, uploads: Uploads, practice: Practice
) -> None:
    plan = new_plan(Destination.PREARCHIVE)
    raw = json.loads(plan.read_text())
    for session in raw["sessions"]:
        session["series"] = session["series"][:1]
    part = plan.with_name("part.plan.json")
    part.write_text(json.dumps(raw))
    assert call("upload", plan).code == 0  # somebody else's: the whole study
    assert call("upload", part).code == 0
    newest = uploads()[-1] / FILE_NAME
    with Journal.open(newest) as journal:
        database = journal.records._database
        database.execute("UPDATE upload SET state = 'failed'")
        database.execute("UPDATE session SET state = 'failed'")
    uploads_of_account.cancel(newest)
    before = prearchive_labels(practice)
    ended = call("cancel", "--delete", "--yes")
    assert ended.code == 1
    assert "not all in it is of this upload" in ended.talk
    assert prearchive_labels(practice) == before


def test_an_upload_without_a_process_is_cancelled_in_its_journal(new_plan: NewPlan, own_home: Path) -> None:
    path = uploads_of_account.begin(load(new_plan()))
    assert path.is_relative_to(own_home)
    ended = call("cancel", "--yes")
    assert ended.code == 0, ended.talk
    assert "Nothing of it is on the site" in ended.talk
    with Journal.open(path) as journal:
        assert journal.progress().state is UploadState.CANCELLED


def test_a_cancel_that_came_too_late_for_its_worker_still_counts(new_plan: NewPlan) -> None:
    path = uploads_of_account.begin(load(new_plan()))
    with Journal.open(path) as journal:
        with UploadLock(path):  # a worker that ends for another reason, and does not look any more
            asked = subprocess.Popen([PROGRAM, "cancel", "--yes"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
            until(lambda: bool(journal.records.take_requests()))
            journal.records.move_upload(UploadState.FAILED)
        _, talk = asked.communicate(timeout=60)
        assert asked.returncode == 0, talk
        assert b"is cancelled" in talk
        assert journal.progress().state is UploadState.CANCELLED
