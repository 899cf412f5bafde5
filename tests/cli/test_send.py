"""`send`: the heir of sendDCM2xnat, from the command line, against the practice server's receiver."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.conftest import NewPlan
from cli.program import PROGRAM, call, until
from practice.sending import port_of, rows
from support import Practice
from upload.dicom_sends import free_port
from xnat_wizard.findings import Problem
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload.cstore.dcmsend import missing
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Destination, UploadState

Uploads = Callable[[], list[Path]]


def at(practice: Practice) -> str:
    return f"127.0.0.1:{port_of(practice)}"


@pytest.mark.usefixtures("account")
def test_four_subjects_from_a_folder_are_sent_found_and_proved(practice: Practice, tmp_path: Path) -> None:
    four = write_study(tmp_path / "four", subjects=4, slices=2)
    ended = call("send", four, "--project", "DEMO", "--site", practice.url, "--subjects", "X{n:02}")
    assert ended.code == 0, ended.talk
    assert "answers an echo" in ended.talk
    assert "The site's receiver: XNAT" in ended.talk
    assert "Verdict: COMPLETE" in ended.data
    assert all(f"Subject X0{number} " in ended.data for number in range(1, 5))


@pytest.mark.usefixtures("account")
def test_a_saved_plan_goes_where_it_says(practice: Practice, new_plan: NewPlan) -> None:
    ended = call("send", new_plan(Destination.ARCHIVE), "--receiver", at(practice), "--identify", "names")
    assert ended.code == 0, ended.talk
    assert "archive /data/experiments/" in ended.data
    assert "identification was written into their" in ended.data


@pytest.mark.usefixtures("account")
def test_without_a_login_nothing_is_proved_and_later_it_is(
    practice: Practice, study_folder: Path, uploads: Uploads
) -> None:
    words = ("send", study_folder, "--project", "DEMO", "--receiver", at(practice))
    ended = call(*words)
    assert ended.code == 3, ended.talk
    assert "Verdict: NOT PROVEN" in ended.data
    assert "Account (not logged in)" in ended.data
    assert "nobody looked" in ended.data
    assert "not looked up" in ended.data
    assert f"Site dicom://XNAT@{at(practice)}" in ended.data
    again = call(*words)
    assert again.code == 3
    assert "what was acknowledged is not sent again" in again.talk
    assert len(uploads()) == 1
    with Journal.open(uploads()[0] / FILE_NAME) as journal:
        assert journal.progress().state is UploadState.INCOMPLETE
        assert journal.dicom_statuses() == {0: journal.progress().files_total}
    proved = call(*words, "--site", practice.url)
    assert proved.code == 0, proved.talk
    assert "Verdict: COMPLETE" in proved.data


@pytest.mark.usefixtures("account")
def test_a_dry_run_and_the_list_send_nothing(practice: Practice, study_folder: Path, uploads: Uploads) -> None:
    listed = call("send", "--list-receivers", "--site", practice.url)
    assert (listed.code, listed.data.split("  ")[0]) == (0, "XNAT")
    ended = call("send", study_folder, "--project", "DEMO", "--receiver", at(practice), "--dry-run")
    assert ended.code == 0, ended.talk
    assert "Nothing was sent" in ended.talk
    assert "into Patient Comments" in ended.talk
    assert uploads() == []


def test_a_wrong_project_name_is_found_in_unassigned_and_moved(
    practice: Practice, study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("send", study_folder, "--project", "DEMOO", "--receiver", at(practice)).code == 3
    assert {row.project for row in rows(practice)} == {"Unassigned"}
    monkeypatch.setenv("XNAT_USER", "admin")
    monkeypatch.setenv("XNAT_PASS", "admin")
    ended = call("send", study_folder, "--project", "DEMO", "--site", practice.url)
    assert ended.code == 0, ended.talk
    assert "moving it to DEMO" in ended.talk
    assert "Verdict: COMPLETE" in ended.data
    assert {row.project for row in rows(practice)} == {"DEMO"}


@pytest.mark.usefixtures("account")
def test_one_that_was_killed_is_resumed_on_its_own(practice: Practice, tmp_path: Path, uploads: Uploads) -> None:
    folder = write_study(tmp_path / "many", subjects=2, slices=40)
    words = [PROGRAM, "send", str(folder), "--project", "DEMO", "--site", practice.url, "--to", "archive"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: bool(uploads()) and statuses(uploads).get(0, 0) > 20)
    process.kill()
    process.wait(20)
    resumed = call("resume")
    assert resumed.code == 0, resumed.talk
    ended = call("attach")
    assert ended.code == 0, ended.talk
    assert "Verdict: COMPLETE" in ended.data
    assert statuses(uploads) == {0: 306}


def statuses(uploads: Uploads) -> dict[int | None, int]:
    """Count what was answered to each C-STORE."""
    path = uploads()[0] / FILE_NAME
    try:
        with Journal.open(path) as journal:
            return journal.dicom_statuses()
    except (FileNotFoundError, Problem):  # it is just being made
        return {}


@pytest.mark.usefixtures("account")
@pytest.mark.skipif(missing() is not None, reason="DCMTK: dcmsend is not installed")
def test_dcmsend_is_used_where_it_is_chosen(practice: Practice, study_folder: Path) -> None:
    ended = call("send", study_folder, "--project", "DEMO", "--site", practice.url, "--with", "dcmsend")
    assert ended.code == 0, ended.talk
    assert "Verdict: COMPLETE" in ended.data


def test_a_program_that_is_not_there_is_not_used(study_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(study_folder))
    ended = call("send", study_folder, "--project", "DEMO", "--receiver", "127.0.0.1:1", "--with", "dcmsend")
    assert ended.code == 1
    assert "dcmsend is not installed" in ended.talk


def test_what_cannot_be_is_said_before_anything_is_sent(
    practice: Practice, study_folder: Path, uploads: Uploads
) -> None:
    nobody = call("send", study_folder, "--project", "DEMO", "--receiver", f"127.0.0.1:{free_port()}")
    assert nobody.code == 4
    assert "No DICOM receiver answers" in nobody.talk
    web = call("send", study_folder, "--project", "DEMO", "--receiver", f"127.0.0.1:{urlsplit(practice.url).port}")
    assert web.code == 4
    assert "does not speak DICOM" in web.talk or "closed the connection" in web.talk
    wrong = call("send", study_folder, "--project", "DEMO", "--receiver", at(practice), "--ae-title", "OTHER")
    assert wrong.code == 4
    assert "It does not know itself as `OTHER`" in wrong.talk
    bad = call("send", study_folder, "--project", "my demo", "--receiver", at(practice))
    assert bad.code == 1
    assert "cannot be written into the images" in bad.talk
    assert call("send", study_folder, "--project", "DEMO").code == 1
    assert call("send", study_folder, "--receiver", at(practice)).code == 1
    assert call("send", study_folder, "--project", "DEMO", "--receiver", "nonsense:x").code == 1
    assert uploads() == []


@pytest.mark.usefixtures("account")
def test_a_project_that_is_not_there_is_said_before_anything_is_sent(
    practice: Practice, study_folder: Path, uploads: Uploads
) -> None:
    ended = call("send", study_folder, "--project", "DEMOO", "--site", practice.url)
    assert ended.code == 1, ended.talk
    assert "DEMOO" in ended.talk
    assert uploads() == []
