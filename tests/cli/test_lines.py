"""The checks line by line: questions and answers, without a screen and without moving the cursor."""

from pathlib import Path

import pytest

from cli.program import Ended, OnTerminal, call
from support import Practice
from test_preferences import written
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Destination, Options, Route

pytestmark = pytest.mark.usefixtures("account")
HOUSE_RULE, KEEP, GO_ON = "", "", ""


def talked(practice: Practice, *answers: str | Path) -> Ended:
    """Answer the questions one after the other; the account has one project, so that nobody asks which."""
    done = call("--lines", "--site", practice.url, text="".join(f"{answer}\n" for answer in answers))
    assert "\x1b" not in done.talk, "nothing moves the cursor"
    assert "\r" not in done.talk
    return done


def uploaded(home: Path) -> list[Path]:
    return sorted((home / "state" / "uploads").glob("*"))


def test_the_checks_end_without_anything_sent(practice: Practice, study_folder: Path, own_home: Path) -> None:
    done = talked(practice, study_folder, HOUSE_RULE, "no", "", GO_ON, "no", "no")
    assert done.code == 0, done.talk
    for words in (
        "You are owner at",
        "Project DEMO, Demo project; you are owner.",
        "What the settings of DEMO do to an upload:",
        "2 subject folders",
        "No findings: every file can be sent.",
        "1: subject ",
        "It can be sent as it is.",
        "Start the upload of 2 sessions, ",
        "Nothing was sent.",
    ):
        assert words in done.talk, f"{words}\n{done.talk}"
    assert done.data == ""
    assert uploaded(own_home) == []


def test_from_the_login_to_the_receipt(practice: Practice, study_folder: Path, own_home: Path) -> None:
    done = talked(practice, study_folder, HOUSE_RULE, "no", "2", GO_ON, "yes", "yes")
    assert done.code == 0, done.talk
    (folder,) = uploaded(own_home)
    assert done.data.startswith(f"{folder.name}\n")
    assert "COMPLETE" in done.data


def test_a_wrong_answer_is_asked_again(practice: Practice, study_folder: Path) -> None:
    nowhere = study_folder / "nowhere"
    done = talked(practice, "", nowhere, HOUSE_RULE, study_folder, "9", "1", "no", "x", "1", "7")
    assert f'There is no folder "{nowhere}"' in done.talk or str(nowhere) in done.talk
    for answer in ("9", "x", "7"):
        assert f"`{answer}` is none of these numbers." in done.talk
    assert "There is nobody to answer" in done.talk
    assert done.code == 2


def test_labels_are_edited_and_a_session_stays(practice: Practice, study_folder: Path, tmp_path: Path) -> None:
    plan = tmp_path / "later.json"
    done = talked(
        practice,
        *(study_folder, HOUSE_RULE, "no", "2"),
        *("1", "bad label", "S1", "yes"),
        *("1", "subj-A", "S1", "yes"),
        *("2", KEEP, KEEP, "no"),
        *(GO_ON, "no", "yes", plan),
    )
    assert done.code == 0, done.talk
    assert "bad label" in done.talk
    assert "subject subj-A, session S1" in done.talk
    assert "stays here" in done.talk
    assert f"Saved. Send it with: xnat-wizard upload {plan}" in done.talk
    sent = call("upload", plan)
    assert sent.code == 0, sent.talk
    assert "S1" in sent.data


def test_what_cannot_be_sent_is_told_and_the_plan_can_be_changed(practice: Practice, study_folder: Path) -> None:
    none, again = ("1", KEEP, KEEP, "no", "2", KEEP, KEEP, "no", GO_ON, "yes"), ("1", KEEP, KEEP, "yes", GO_ON, "no")
    done = talked(practice, study_folder, HOUSE_RULE, "no", "1", *none, *again, "no")
    assert "Nothing is chosen for the upload" in done.talk
    assert "It cannot be sent as it is." in done.talk
    assert "Start the upload of " in done.talk.split("It cannot be sent")[1]
    assert done.code == 0, done.talk


def test_findings_and_series_are_read_out(practice: Practice, study_folder: Path) -> None:
    (study_folder / "notes.txt").write_text("no image")
    done = talked(practice, study_folder, HOUSE_RULE, "yes", "yes", "1")
    assert "\nFinding 1 of " in done.talk
    assert "do:    " in done.talk
    assert ", series " in done.talk


def test_one_of_many_projects_is_found_by_a_part_of_its_name(practice: Practice, study_folder: Path) -> None:
    from dataclasses import replace

    def make(store: object) -> None:
        projects = store.state.projects  # type: ignore[attr-defined]  # the practice server's own
        for number in range(30):
            projects[f"P{number}"] = replace(projects["DEMO"], id=f"P{number}", name=f"Study {number}")

    practice.on_loop(make)
    done = talked(practice, "study", "nothing like it", "study 2", "9", "3")
    assert "type more of it" in done.talk
    assert "No project is like that." in done.talk
    assert "What the settings of P2" in done.talk


def test_a_refused_login_is_explained(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_PASS", "hunter2")
    done = talked(practice)
    assert done.code == 1
    assert "refused" in done.talk
    assert "hunter2" not in done.talk


def test_a_certificate_authority_that_cannot_be_read_is_told(practice: Practice, tmp_path: Path) -> None:
    done = call("--lines", "--site", "https://127.0.0.1:9", "--ca-file", str(tmp_path / "none.pem"))
    assert done.code != 0
    assert "none.pem" in done.talk


def test_ctrl_c_ends_it_at_a_question(practice: Practice) -> None:
    terminal = OnTerminal("--lines", "--site", practice.url)
    terminal.until("Path of the folder")
    terminal.interrupt()
    assert terminal.wait() == 130
    assert "Stopped." in terminal.seen.decode()


def test_a_password_is_asked_for_and_not_shown(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XNAT_USER", "XNAT_PASS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(practice.folder))
    terminal = OnTerminal("--lines")
    for question, answer in (
        ("Address of the XNAT site", practice.url),
        ("User name", "owner"),
        ("Password of owner", "hunter2"),
        ("Try again?", ""),
        ("Address of the XNAT site [", ""),
        ("User name", "owner"),
        ("Password of owner", "owner"),
    ):
        terminal.until(question)
        terminal.seen = b""
        terminal.type(f"{answer}\n")
        if question.startswith("Password"):
            terminal.until("Logging in")
            assert answer == "owner" or answer.encode() not in terminal.seen
    terminal.until("Path of the folder")
    terminal.interrupt()
    assert terminal.wait() == 130


def test_where_no_screen_can_be_shown_the_lines_are_named() -> None:
    done = call()
    assert done.code == 2
    assert "xnat-wizard --lines" in done.talk
    assert "`xnat-wizard survey`, `plan` and `upload`" in done.talk


def test_the_settings_of_the_site_are_the_usual_answers(practice: Practice, study_folder: Path, own_home: Path) -> None:
    written(f'[sites."{practice.url}"]\ndestination = "archive"\nconnections = 3\nroute = "gradual"\n')
    done = talked(practice, study_folder, HOUSE_RULE, "no", "", GO_ON, "yes", "yes")
    assert done.code == 0, done.talk
    assert "Where shall the sessions end, 1 to 2 [2]: " in done.talk
    (folder,) = uploaded(own_home)
    with Journal.open(folder / FILE_NAME) as journal:
        assert journal.progress().destination is Destination.ARCHIVE
        assert (journal.options(), journal.route) == (Options(most_connections=3), Route.GRADUAL)
