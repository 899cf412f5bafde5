"""`upload`, `attach`, `resume`: unattended, in a log, on a terminal that goes away."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import NewPlan, Slow
from cli.program import PROGRAM, OnTerminal, call, until
from support import Practice
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Fate, Options, UploadProgress, UploadState

Uploads = Callable[[], list[Path]]


def progress_of(uploads: Uploads) -> UploadProgress:
    (folder,) = uploads()
    with Journal.open(folder / FILE_NAME) as journal:
        return journal.progress()


def is_sending(uploads: Uploads) -> bool:
    folders = uploads()
    if not folders or not (folders[0] / "worker.lock").exists():
        return False
    return progress_of(uploads).state is UploadState.RUNNING


@pytest.mark.usefixtures("account")
def test_a_plan_runs_to_the_end_with_plain_lines_and_a_receipt(new_plan: NewPlan, uploads: Uploads) -> None:
    ended = call("upload", new_plan())
    assert ended.code == 0, ended.talk
    assert "Verdict: COMPLETE" in ended.data
    assert "32 files sent" in ended.talk
    assert "Every file is where it belongs" in ended.talk
    assert "\x1b" not in ended.talk + ended.data
    assert "\r" not in ended.talk
    assert progress_of(uploads).state is UploadState.DONE


@pytest.mark.usefixtures("account")
def test_how_it_travels_is_kept_in_its_journal(new_plan: NewPlan, uploads: Uploads) -> None:
    refused = call("upload", new_plan(), "--limit-rate", "fast")
    assert refused.code == 2
    assert "`fast` is no limit" in refused.talk
    assert uploads() == []
    ended = call("upload", new_plan(), "--limit-rate", "50M", "--connections", "3")
    assert ended.code == 0, ended.talk
    (folder,) = uploads()
    with Journal.open(folder / FILE_NAME) as journal:
        assert journal.options() == Options(limit_bytes_s=50_000_000, most_connections=3)


@pytest.mark.usefixtures("account")
def test_json_is_one_object_a_line(new_plan: NewPlan) -> None:
    ended = call("upload", new_plan(), "--json")
    assert ended.code == 0, ended.talk
    objects = ended.objects()
    assert {one["type"] for one in objects} == {"started", "event", "progress", "receipt", "upload"}
    assert objects[0]["type"] == "started"
    assert objects[-1]["state"] == "done"
    assert objects[-1]["files_stored"] == objects[-1]["files_total"] == 32
    assert objects[-2]["verdict"] == "COMPLETE"


@pytest.mark.usefixtures("account")
def test_detached_it_goes_on_alone_and_is_watched_from_elsewhere(
    new_plan: NewPlan, uploads: Uploads, slow: Slow, practice: Practice
) -> None:
    slow()
    started = call("upload", new_plan(), "--detach")
    assert started.code == 0, started.talk
    (folder,) = uploads()
    assert started.data == f"{folder.name}\n"
    again = call("upload", new_plan(), "--detach")
    assert (again.code, again.data) == (0, started.data)
    assert "running already" in again.talk
    practice.server.faults.clear()
    watched = call("attach")
    assert watched.code == 0, watched.talk
    assert "Verdict: COMPLETE" in watched.data
    assert call("attach", folder.name).data == watched.data


@pytest.mark.usefixtures("account")
def test_an_unfinished_upload_of_the_same_plan_is_taken_up_again(
    new_plan: NewPlan, uploads: Uploads, slow: Slow, practice: Practice
) -> None:
    slow()
    plan = new_plan()
    first = subprocess.Popen([PROGRAM, "upload", str(plan)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until(lambda: is_sending(uploads))
    first.kill()
    first.wait()
    stuck = call("attach")
    assert stuck.code == 1
    assert "No process works on upload" in stuck.talk
    assert "no process works on it" in call("status").data
    practice.server.faults.clear()
    second = call("upload", plan)
    assert second.code == 0, second.talk
    assert "Going on with upload" in second.talk
    assert len(uploads()) == 1


@pytest.mark.usefixtures("account")
def test_a_signal_to_end_leaves_an_upload_that_can_be_resumed(
    new_plan: NewPlan, uploads: Uploads, slow: Slow, practice: Practice
) -> None:
    slow()
    words = [PROGRAM, "upload", str(new_plan())]
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        until(lambda: is_sending(uploads))
        process.send_signal(number)
        _, talk = process.communicate(timeout=60)
        assert process.returncode == 130, number
        assert b"xnat-wizard resume" in talk
    practice.server.faults.clear()
    resumed = call("resume")
    assert resumed.code == 0, resumed.talk
    assert call("attach").code == 0
    assert progress_of(uploads).state is UploadState.DONE
    over = call("resume")
    assert over.code == 1
    assert "there is nothing to go on with" in over.talk


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("way", ["here", "detached"])
def test_a_terminal_closed_in_mid_upload_ends_no_upload(
    new_plan: NewPlan, uploads: Uploads, slow: Slow, practice: Practice, way: str
) -> None:
    slow()
    program = OnTerminal("upload", new_plan(), *(["--detach"] if way == "detached" else []))
    until(lambda: is_sending(uploads))
    if way == "here":
        program.until("files sent")
    program.hang_up()
    watched = OnTerminal("attach")
    watched.until("files sent")
    practice.server.faults.clear()
    assert watched.wait() == 0, watched.seen
    assert "Verdict: COMPLETE" in watched.read()
    assert program.wait() in {0, -signal.SIGHUP}  # detached, the starter may have been hit; the worker was not
    (folder,) = uploads()
    with Journal.open(folder / FILE_NAME) as journal:
        assert journal.progress().state is UploadState.DONE
        assert {fate for _, fate, _ in journal.fates()} == {Fate.STORED}
        assert all(one.uri.startswith("/data/experiments/") for one in journal.progress().sessions)


@pytest.mark.usefixtures("account")
def test_ctrl_c_ends_the_watching_and_not_the_upload(
    new_plan: NewPlan, uploads: Uploads, slow: Slow, practice: Practice
) -> None:
    slow()
    call("upload", new_plan(), "--detach")
    watched = OnTerminal("attach")
    watched.until("files sent")
    watched.interrupt()
    assert watched.wait() == 130
    assert "The upload goes on" in watched.read()
    practice.server.faults.clear()
    assert call("attach").code == 0
    assert progress_of(uploads).state is UploadState.DONE


# -- logins and places -----------------------------------------------------------------------------


def test_without_a_login_and_a_terminal_it_says_what_to_do(new_plan: NewPlan, uploads: Uploads, tmp_path: Path) -> None:
    ended = call("upload", new_plan(), "--json", env={"HOME": str(tmp_path)})
    assert ended.code == 1
    assert "Set XNAT_USER and XNAT_PASS" in ended.talk
    assert [one["code"] for one in ended.objects()] == ["login.missing"]
    assert uploads() == []


def test_the_password_is_asked_for_on_a_terminal_and_not_shown(new_plan: NewPlan, tmp_path: Path) -> None:
    program = OnTerminal("upload", new_plan(), env={"HOME": str(tmp_path)})
    program.until("User name: ")
    program.type("owner\n")
    program.until("Password of owner at ")
    program.type("owner\n")
    assert program.wait() == 0, program.seen
    assert program.read().count("owner") == 3  # the echo of the name, the question, the receipt


def test_netrc_is_read_for_the_very_host_and_only_when_it_is_private(new_plan: NewPlan, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine elsewhere login x password y\nmachine 127.0.0.1 login owner password owner\n")
    netrc.chmod(0o644)
    refused = call("upload", new_plan(), env={"HOME": str(tmp_path)})
    if os.getuid() == 0 or refused.code == 1:  # POSIX systems
        assert "chmod 600" in refused.talk
    netrc.chmod(0o600)
    assert call("upload", new_plan(), env={"HOME": str(tmp_path)}).code == 0


def test_a_wrong_password_starts_nothing(new_plan: NewPlan, uploads: Uploads) -> None:
    ended = call("upload", new_plan(), "--detach", env={"XNAT_USER": "owner", "XNAT_PASS": "wrong"})
    assert ended.code == 1
    assert "refused the login" in ended.talk
    assert "wrong" not in ended.talk + ended.data
    assert uploads() == []


@pytest.mark.usefixtures("account")
def test_no_connection_has_an_exit_code_of_its_own(new_plan: NewPlan, practice: Practice) -> None:
    plan = new_plan()
    practice.stop()
    assert call("upload", plan).code == 4


def test_what_is_no_plan_is_a_finding(tmp_path: Path) -> None:
    absent = call("upload", tmp_path / "none.json")
    assert absent.code == 1
    assert "There is no such plan" in absent.talk
    folder = call("upload", tmp_path)
    assert folder.code == 1
    assert "This is a folder, and no saved plan" in folder.talk
    (tmp_path / "other.json").write_text("{}")
    other = call("upload", tmp_path / "other.json", "--json")
    assert other.code == 1
    assert json.loads(other.data)["code"] == "plan.unreadable"


@pytest.mark.parametrize("option", [("--limit-rate", "abc"), ("--shard", "4/3")])
def test_a_value_that_is_not_understood_is_wrong_usage(option: tuple[str, str], new_plan: NewPlan) -> None:
    assert call("upload", new_plan(), *option).code == 2


def test_a_home_that_cannot_be_written_is_said_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file is in the way")
    ended = call("status", env={"XNAT_WIZARD_HOME": str(tmp_path / "home")})
    assert ended.code == 1
    assert "The folder for journals, receipts and logs cannot be used" in ended.talk
    assert "why:" in ended.talk
    assert "Set XNAT_WIZARD_HOME" in ended.talk
    assert "Traceback" not in ended.talk
