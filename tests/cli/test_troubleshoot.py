"""`troubleshoot` as a person and a script run it, on a real practice server."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.program import OnTerminal, call
from practice.calling import Caller
from support import Practice
from troubleshoot.stage import files_below, send_zip, write_study

pytestmark = pytest.mark.usefixtures("account")
NewReceipt = Callable[[str], Path]
LABELS = {"subject": "sub-007", "session": "sub-007_mr1", "rename": "true"}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Give a study whose headers name a patient."""
    return write_study(
        tmp_path / "study",
        {"t1": 3, "bold": 4},
        subject="sub-007",
        PatientName="Musterfrau^Erika",
        PatientID="GEHEIM-4711",
        StudyDescription="Tumor Musterfrau",
    )


def sent(practice: Practice, study: Path, *parts: str, project: str = "DEMO") -> str:
    """Send the study, or the series of these names, as the account `owner`; return where the site put it."""
    answer = send_zip(Caller(practice.url, "owner", "owner"), files_below(study, *parts), project=project, **LABELS)
    assert answer.status == 200, answer.text
    return answer.text.strip()


def built(practice: Practice, uri: str) -> None:
    assert Caller(practice.url, "owner", "owner").call("POST", f"{uri}?action=build").status == 200


@pytest.fixture
def receipt(practice: Practice, tmp_path: Path) -> NewReceipt:
    """Give a function that writes the receipt of an upload to DEM0 which the site put somewhere."""

    def write(uri: str) -> Path:
        place = {"kind": "prearchive", "uri": uri}
        now = datetime.now(UTC)
        told = {
            "receipt_version": 1,
            "created": now.isoformat(timespec="seconds"),
            "site_url": practice.url,
            "account": "owner",
            "handler": "DICOM-zip",
            "project_id": "DEM0",
            "sessions": [{**LABELS, "study_uid_local": "1.2.7", "place": place}],
            "events": [{"time_s": now.timestamp(), "text": "sent"}],
            "verdict": "INCOMPLETE",
        }
        path = tmp_path / "receipt.json"
        path.write_text(json.dumps(told), "utf-8")
        return path

    return write


def labels_in(practice: Practice, project: str) -> list[str]:
    answer = Caller(practice.url, "owner", "owner").call("GET", f"/data/projects/{project}/experiments?format=json")
    return [row["label"] for row in json.loads(answer.text)["ResultSet"]["Result"]]


# -- what is said ------------------------------------------------------------------------------------


def test_a_study_that_waits_is_found_and_told_in_plain_lines(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study))
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO")
    assert ended.code == 0, ended.talk
    first, *rest = ended.data.splitlines()
    assert first == "COMPLETE: All 7 objects are in the prearchive."
    assert any(line.startswith("CONFIRMED: The session sub-007_mr1 waits in the prearchive of DEMO") for line in rest)
    assert "      do:    Archive it, after a check." in rest
    assert "Files: 7 arrived" in rest
    assert ended.data.count("All 7 objects are in the prearchive.") == 1
    assert "POSSIBLE" not in ended.data
    assert "Could not look at:" not in ended.data


def test_what_is_missing_ends_with_3_and_every_file_can_be_listed(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study, "1_t1"))
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--files")
    assert ended.code == 3, ended.talk
    assert "INCOMPLETE: 3 of 7 objects are there, 4 are not." in ended.data
    assert "  2 bold: 4 not sent" in ended.data.splitlines()
    assert "sessions without a project (Unassigned)" in ended.data.partition("Could not look at:")[2]
    listed = [line for line in ended.data.splitlines() if ".dcm" in line]
    assert len(listed) == 7
    assert sum(line.startswith("in prearchive ") for line in listed) == 3
    assert sum(line.startswith("not sent ") for line in listed) == 4


def test_what_is_nowhere_ends_with_1(practice: Practice, study: Path) -> None:
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO")
    assert ended.code == 1
    assert "NOT PROVEN: None of the 7 objects is in a place that owner may look at." in ended.data
    assert "not on the server" not in ended.data


def test_a_label_is_enough_to_begin_with(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study))
    ended = call("troubleshoot", "sub-007_mr1", "--site", practice.url, "--project", "DEMO")
    assert ended.code == 1
    assert ended.data.startswith("NOT PROVEN: 1 session fits what is known;")
    assert "POSSIBLE: A session called sub-007_mr1 is at the site, with status READY." in ended.data
    assert "no trace" not in ended.data


def test_a_time_is_enough_to_see_what_came_then(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study))
    ended = call("troubleshoot", "--when", "1 hour", "--site", practice.url)
    assert ended.code == 1
    assert "POSSIBLE: A session called sub-007_mr1 is at the site" in ended.data
    assert "no trace" not in ended.data


def test_details_show_numbers_and_what_was_asked(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study))
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--details")
    assert "CONFIRMED  ROU-10: " in ended.data
    assert "      asked: Q7: GET /data/prearchive" in ended.data
    assert "      next time: " in ended.data


def test_json_is_a_report_and_a_line_a_series(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study, "1_t1"))
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--json", "--files")
    assert ended.code == 3
    report, *series = ended.objects()
    assert [(one["description"], one["counts"]) for one in series] == [
        ("t1", {"in prearchive": 3}),
        ("bold", {"not sent": 4}),
    ]
    assert report["type"] == "report"
    assert report["verdict"] == "INCOMPLETE"
    assert report["account"] == "owner"
    assert report["totals"]["arrived"] == 3
    assert len(report["files"]) == 7
    assert all(one["says"] and one["why"] and one["next"] for one in report["diagnoses"])
    assert "owner:owner" not in ended.data


# -- letters -----------------------------------------------------------------------------------------


def test_letters_are_private_files_without_patient_data(
    practice: Practice, study: Path, receipt: NewReceipt, tmp_path: Path
) -> None:
    path = receipt(sent(practice, study, project="DEM0"))
    folder = tmp_path / "letters"
    ended = call("troubleshoot", study, path, "--site", practice.url, "--project", "DEM0", "--letters", folder)
    (letter,) = folder.iterdir()
    assert str(letter) in ended.data
    assert letter.name == "letter-T1.txt"
    assert stat.S_IMODE(letter.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = letter.read_text("ascii")
    assert "Prearchive > Unassigned" in text
    assert "1.2.7" in text
    for private in ("Musterfrau", "Erika", "GEHEIM", "sub-007", "Tumor"):
        assert private not in text, private


# -- fixes -------------------------------------------------------------------------------------------


def test_fix_with_yes_brings_our_unassigned_session_into_the_archive(
    practice: Practice, study: Path, receipt: NewReceipt
) -> None:
    path = receipt(sent(practice, study, project="DEM0"))
    ended = call("troubleshoot", study, path, "--site", practice.url, "--project", "DEM0", "--fix", "--yes")
    assert "CONFIRMED: It is at the site, in Unassigned: no project matched." in ended.data
    assert "It is in the prearchive of DEMO now, as sub-007_mr1." in ended.data
    assert "It is archived: sub-007_mr1 in DEMO" in ended.data
    assert labels_in(practice, "DEMO") == ["sub-007_mr1"]
    again = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO")
    assert (again.code, again.data.splitlines()[0]) == (0, "COMPLETE: All 7 objects are in the archive.")


def test_fix_without_anybody_to_ask_does_nothing(practice: Practice, study: Path, receipt: NewReceipt) -> None:
    path = receipt(sent(practice, study, project="DEM0"))
    ended = call("troubleshoot", study, path, "--site", practice.url, "--project", "DEM0", "--fix")
    assert ended.code == 2
    assert "Nobody can answer: Do it?" in ended.talk
    assert "Give `--yes`" in ended.talk
    assert ended.talk.count("Nobody can answer") == 1
    assert labels_in(practice, "DEMO") == []


def test_fix_asks_each_act_on_a_terminal_and_a_no_ends_it(practice: Practice, study: Path) -> None:
    built(practice, sent(practice, study))
    terminal = OnTerminal("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--fix")
    terminal.until("Do it? [y/N]")
    terminal.type("\n")
    assert terminal.wait() == 0
    assert labels_in(practice, "DEMO") == []
    terminal = OnTerminal("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--fix")
    terminal.until("Do it? [y/N]")
    terminal.type("y\n")
    terminal.until("It is archived")
    terminal.wait()
    assert labels_in(practice, "DEMO") == ["sub-007_mr1"]


def test_fix_plans_what_is_missing_and_archives_nothing_before_it_is_sent(
    practice: Practice, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(practice, sent(practice, study, "1_t1"))
    monkeypatch.chdir(tmp_path)
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--fix", "--yes")
    assert "The 4 files that are missing are planned." in ended.data
    assert (tmp_path / "missing.plan.json").exists()
    assert not (tmp_path / "missing-2.plan.json").exists()
    assert labels_in(practice, "DEMO") == []
    sending = call("upload", tmp_path / "missing.plan.json")
    assert sending.code == 0, sending.talk
    again = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO")
    assert again.data.startswith("COMPLETE: All 7 objects")


def test_fix_says_who_may_do_what_this_account_may_not(practice: Practice, study: Path) -> None:
    admin = Caller(practice.url, "admin", "admin")
    details = {"username": "guest2", "password": "guest2", "email": "g@example.org", "enabled": True, "verified": True}
    assert admin.call("POST", "/xapi/users", data=details).status == 201
    assert admin.put("/data/projects/DEMO/users/DEMO_collaborator/guest2").status == 200
    built(practice, sent(practice, study))
    env = {"XNAT_USER": "guest2", "XNAT_PASS": "guest2"}
    ended = call("troubleshoot", study, "--site", practice.url, "--project", "DEMO", "--fix", "--yes", env=env)
    assert "this account may not open it" in ended.data
    assert "This takes a member of the project; you are a collaborator of the project." in ended.talk
    assert labels_in(practice, "DEMO") == []


# -- without a search --------------------------------------------------------------------------------


def test_the_list_names_every_cause_and_asks_nobody() -> None:
    ended = call("troubleshoot", "--list")
    assert ended.code == 0
    assert "ROU-01  No project matched - Unassigned" in ended.data
    assert len(ended.data.splitlines()) == 98
    causes = call("troubleshoot", "--list", "--json").objects()
    assert {one["type"] for one in causes} == {"cause"}
    assert len({one["id"] for one in causes}) == 98


def test_an_unknown_site_and_no_site_and_a_bad_receiver_are_told(study: Path) -> None:
    assert call("troubleshoot", study, "--site", "http://127.0.0.1:1").code == 4
    nowhere = call("troubleshoot", study)
    assert nowhere.code != 0
    assert "It is not known which site to search" in nowhere.talk
    bad = call("troubleshoot", study, "--site", "http://127.0.0.1:1", "--receiver", "nowhere")
    assert "is not a host and a port" in bad.talk
    assert bad.code != 0


def test_the_site_is_taken_from_the_receipt(practice: Practice, study: Path, receipt: NewReceipt) -> None:
    ended = call("troubleshoot", study, receipt(sent(practice, study, project="DEM0")), "--project", "DEM0")
    assert "in Unassigned" in ended.data
