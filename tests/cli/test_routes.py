"""`plan` and `upload` by other routes: one file a request, and a DICOM receiver; against the practice server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import Ended, call
from practice.sending import port_of, rows
from support import Practice
from upload.dicom_sends import free_port
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Compression, Options, Plan, Route, UploadState
from xnat_wizard.upload.plan import load

Uploads = Callable[[], list[Path]]


def at(practice: Practice) -> str:
    return f"127.0.0.1:{port_of(practice)}"


def planned(practice: Practice, study: Path, output: Path, *words: str) -> tuple[Ended, Plan]:
    """Write a plan with these options, and read it."""
    ended = call("plan", study, "--site", practice.url, "--project", "DEMO", "--output", output, *words)
    assert ended.code == 0, ended.talk
    return ended, load(output)


def test_a_plan_file_says_the_route_the_receiver_and_the_speed(
    practice: Practice, study_folder: Path, tmp_path: Path
) -> None:
    words = ("--route", "c-store", "--receiver", "xnat.example.org:104", "--ae-title", "HERE", "--identify", "names")
    more = ("--associations", "2", "--limit-rate", "5M", "--compression", "never", "--calling", "ME")
    ended, plan = planned(practice, study_folder, tmp_path / "p.json", *words, *more)
    assert plan.route is Route.DICOM
    assert plan.receiver == Peer("xnat.example.org", 104, "HERE", "ME", Scheme.NAMES, 2)
    assert plan.options == Options(5_000_000, 8, Compression.NEVER)
    assert "C-STORE to HERE at xnat.example.org port 104: project into Study Description" in ended.talk
    assert "at most 5.0 MB/s, at most 2 connections" in ended.talk


def test_json_shows_how_it_travels(practice: Practice, study_folder: Path, tmp_path: Path) -> None:
    ended, _ = planned(practice, study_folder, tmp_path / "p.json", "--route", "gradual", "--json")
    *sessions, plan = ended.objects()
    assert {one["type"] for one in sessions} == {"session"}
    assert (plan["type"], plan["route"], plan["receiver"]) == ("plan", "gradual", None)
    assert plan["requests"] == plan["files"] == sum(one["files"] for one in sessions)
    assert "32 instead of 10" in ended.talk
    ended, _ = planned(
        practice, study_folder, tmp_path / "q.json", "--route", "c-store", "--receiver", "[::1]:104", "--json"
    )
    receiver = ended.objects()[-1]["receiver"]
    assert (receiver["host"], receiver["port"], receiver["ae_title"]) == ("::1", 104, "XNAT")
    assert (receiver["identify"], receiver["with"]) == ("comments", "own")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--route", "ftp"), "`ftp` is no route"),
        (("--receiver", "xnat:104"), "was given for the route import"),
        (("--route", "gradual", "--identify", "names"), "was given for the route gradual"),
        (("--route", "c-store", "--receiver", "nonsense:x"), "is no address of a DICOM receiver"),
        (("--route", "c-store", "--receiver", "x:1", "--ae-title", "A" * 17), "is no AE title"),
        (("--limit-rate", "fast"), "`fast` is no limit"),
    ],
)
def test_what_cannot_be_is_said_with_its_cure(
    practice: Practice, study_folder: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    output = tmp_path / "p.json"
    ended = call("plan", study_folder, "--site", practice.url, "--project", "DEMO", "--output", output, *words)
    assert ended.code in {1, 2}, ended.talk
    assert said in ended.talk
    assert len(ended.talk.splitlines()) >= 3
    assert not output.exists()


@pytest.mark.usefixtures("account")
def test_a_plan_by_dicom_is_uploaded_like_it_is_sent(
    practice: Practice, study_folder: Path, tmp_path: Path, uploads: Uploads
) -> None:
    planned(practice, study_folder, tmp_path / "p.json", "--route", "c-store", "--receiver", at(practice))
    ended = call("upload", tmp_path / "p.json")
    assert ended.code == 0, ended.talk
    assert "answers an echo" in ended.talk
    assert "XNAT will read: Patient Comments `Project:DEMO Subject:Person_01 Session:Person_01_MR1`" in ended.talk
    assert "2 of 2 sessions go to project DEMO" in ended.talk
    assert "Verdict: COMPLETE" in ended.data
    with Journal.open(uploads()[0] / FILE_NAME) as journal:
        assert journal.route is Route.DICOM
        assert journal.dicom_statuses() == {0: journal.progress().files_total}
    assert {row.project for row in rows(practice)} == {"DEMO"}


@pytest.mark.usefixtures("account")
def test_the_route_of_a_plan_is_overridden_and_the_site_asked_for_its_receiver(
    new_plan: NewPlan, uploads: Uploads
) -> None:
    ended = call("upload", new_plan(), "--route", "c-store")
    assert ended.code == 0, ended.talk
    assert "The site's receiver: XNAT" in ended.talk
    assert "Verdict: COMPLETE" in ended.data
    again = call("upload", new_plan(), "--route", "import")
    assert again.code == 0, again.talk
    assert len(uploads()) == 2  # another way is another upload
    with Journal.open(uploads()[1] / FILE_NAME) as journal:
        assert journal.route is Route.IMPORT


@pytest.mark.usefixtures("account")
def test_by_dicom_an_upload_goes_on_by_itself(practice: Practice, new_plan: NewPlan, uploads: Uploads) -> None:
    ended = call("upload", new_plan(), "--route", "c-store", "--receiver", at(practice), "--detach")
    assert ended.code == 0, ended.talk
    assert "answers an echo" in ended.talk
    watched = call("attach", ended.data.strip())
    assert watched.code == 0, watched.talk
    assert "Verdict: COMPLETE" in watched.data
    with Journal.open(uploads()[0] / FILE_NAME) as journal:
        assert journal.progress().state is UploadState.DONE
        assert journal.dicom_statuses() == {0: journal.progress().files_total}


@pytest.mark.usefixtures("account")
def test_a_receiver_that_does_not_answer_ends_it_before_anything_is_begun(new_plan: NewPlan, uploads: Uploads) -> None:
    ended = call("upload", new_plan(), "--route", "c-store", "--receiver", f"127.0.0.1:{free_port()}", "--json")
    assert ended.code == 4, ended.talk
    assert "No DICOM receiver answers" in ended.talk
    assert ended.objects()[-1]["code"] == "cstore.unreachable"
    assert uploads() == []


@pytest.mark.usefixtures("account")
def test_one_by_one_is_one_file_a_request(practice: Practice, new_plan: NewPlan) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503, path="DICOM-zip", times=1))
    ended = call("upload", new_plan(), "--route", "gradual")
    assert ended.code == 0, ended.talk
    assert "Each file travels in a request of its own" in ended.talk
    assert practice.server.faults.hits(Kind.STATUS) == 0
