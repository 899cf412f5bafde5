"""`prearchive`: what waits on a site is listed, shown, moved, archived, built and deleted, and looked at afterwards."""

import json
from pathlib import Path

import pytest

from cli.program import Ended, OnTerminal, call
from cli.waiting import archive, archived, fill, make_project, send, silent_since, waiting
from support import Practice
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.store import Store

pytestmark = pytest.mark.usefixtures("account")
BOTH = ["Person_01_MR1", "Person_02_MR1"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the site be known, and no login of this machine be found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XNAT_HOST", practice.url)


def prearchive(*arguments: str, text: str = "") -> Ended:
    return call("prearchive", *arguments, text=text)


def first(study: Path) -> Path:
    return study / "Person_01"


# -- list and show ---------------------------------------------------------------------------------


def test_the_list_says_where_a_session_is_and_how_it_stands(practice: Practice, study_folder: Path) -> None:
    assert prearchive("list").data == ""
    fill(practice, study_folder)
    send(practice, first(study_folder), "Late", is_built=False)
    ended = prearchive("list")
    assert ended.code == 0, ended.talk
    assert [line.split()[0] for line in ended.data.splitlines()] == ["DEMO/Late", *(f"DEMO/{one}" for one in BOTH)]
    assert ended.data.count("READY  ") == 2
    assert "receiving, not built" in ended.data
    objects = prearchive("list", "--project", "DEMO", "--status", "ready", "--json").objects()
    assert [(one["type"], one["session"], one["status"]) for one in objects] == [
        ("session", label, "READY") for label in BOTH
    ]


def test_filters_narrow_the_list(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    silent_since(practice, 3 * 3600)
    send(practice, first(study_folder), "Late", is_built=False)
    assert len(prearchive("list", "--older-than", "2h", "--json").objects()) == 2
    assert prearchive("list", "--older-than", "4h").data == ""
    assert [one["session"] for one in prearchive("list", "--subject", "*_02", "--json").objects()] == BOTH[1:]
    assert len(prearchive("list", "--project", "*").data.splitlines()) == 3
    assert prearchive("list", "--status", "READY,RECEIVING", "--json").data.count('"type"') == 3
    for option, text, code in (
        ("--status", "SLEEPING", "terminal.bad_status"),
        ("--older-than", "x", "terminal.bad_age"),
    ):
        ended = prearchive("list", option, text, "--json")
        assert (ended.code, [one["code"] for one in ended.objects()]) == (2, [code])


def test_what_waits_for_nobody_is_called_stuck(practice: Practice, study_folder: Path) -> None:
    send(practice, first(study_folder), "Left", is_built=False)
    silent_since(practice, 3 * 3600)
    (row,) = prearchive("list", "--status", "STUCK", "--json").objects()
    assert (row["words"], row["is_stuck"]) == ("STUCK for 3 h", True)
    shown = prearchive("show", "DEMO/Left")
    assert "The site does not build it by itself" in shown.data
    assert "xnat-wizard prearchive rebuild DEMO/Left" in shown.data


def test_two_of_one_label_are_told_apart_by_address(practice: Practice, study_folder: Path) -> None:
    one = send(practice, first(study_folder), "Same")
    other = send(practice, study_folder / "Person_02", "Same", subject="Person_02")
    assert {line.split()[0] for line in prearchive("list").data.splitlines()} == {one, other}
    ended = prearchive("delete", "DEMO/Same", "--yes", "--json")
    assert [found["code"] for found in ended.objects()] == ["prearchive.ambiguous"]
    assert waiting(practice) == ["Same", "Same"]
    assert prearchive("delete", other, "--yes").code == 0
    assert waiting(practice) == ["Same"]


def test_one_session_is_shown_with_scans_files_and_the_next_step(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    shown = prearchive("show", "DEMO/Person_01_MR1", "--files")
    assert shown.code == 0, shown.talk
    assert "Scans: 5 scans, 16 files" in shown.data
    assert shown.data.count(".dcm") == 16
    assert "The subject is new and will be created" in shown.data
    assert "Archive it: `xnat-wizard prearchive archive DEMO/Person_01_MR1`" in shown.data
    (facts,) = prearchive("show", "Person_01_MR1", "--project", "DEMO", "--json").objects()
    assert sum(scan["files"] for scan in facts["scans"]) == 16
    assert prearchive("show", "DEMO/nobody", "DEMO/Person_01_MR1").code == 3


def test_a_conflict_is_explained_and_its_log_is_shown(practice: Practice, study_folder: Path) -> None:
    archive(practice, fill(practice, study_folder)[0])
    again = send(practice, first(study_folder), "Person_01_MR1")
    silent_since(practice, 0, "CONFLICT")
    shown = prearchive("show", again)
    assert "The existing session has the same scans already: 1, 2, 3, 4, 5" in shown.data
    assert "--session-label LABEL" in shown.data
    assert "--overwrite delete" in shown.data


def test_text_of_the_site_cannot_drive_the_terminal(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)

    def rename(store: Store) -> None:
        for row in store.state.rows:
            row.subject = "a\x1b[31mred\nline"

    practice.on_loop(rename)
    for ended in (prearchive("list"), prearchive("show", "DEMO/*")):
        assert "red" in ended.data
        assert "\x1b" not in ended.data
    assert len(prearchive("list").data.splitlines()) == 2


# -- archive ---------------------------------------------------------------------------------------


def test_many_are_archived_and_each_is_looked_at(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    dry = prearchive("archive", "DEMO/*", "--dry-run")
    assert dry.code == 0, dry.talk
    assert dry.data.count("would") == 2
    assert (archived(practice), waiting(practice)) == ([], BOTH)
    refused = prearchive("archive", "DEMO/*")
    assert refused.code == 2
    assert "--yes" in refused.talk
    assert (archived(practice), waiting(practice)) == ([], BOTH)
    ended = prearchive("archive", "DEMO/*", "--yes", "--json")
    assert ended.code == 0, ended.talk
    assert [(one["type"], one["session"], one["is_done"]) for one in ended.objects()] == [
        ("outcome", label, True) for label in BOTH
    ]
    assert (archived(practice), waiting(practice)) == (BOTH, [])


def test_the_list_can_be_piped_into_an_act(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    send(practice, first(study_folder), "Late", is_built=False)
    listed = prearchive("list", "--status", "READY", "--json").data
    ended = prearchive("archive", "-", "--yes", text=listed)
    assert ended.code == 0, ended.talk
    assert (archived(practice), waiting(practice)) == (BOTH, ["Late"])
    assert prearchive("delete", "-", "--project", "DEMO", "--yes", text="\nLate\n").code == 0
    assert waiting(practice) == []
    assert prearchive("delete", "-", "--yes", text='{"type": "summary"}\n').code == 0
    assert prearchive("delete", "-", "--yes", text="{no json\n").code == 2


def test_what_stands_against_archiving_keeps_a_session_where_it_is(practice: Practice, study_folder: Path) -> None:
    archive(practice, fill(practice, study_folder)[0])
    send(practice, first(study_folder), "Person_01_MR1")
    ended = prearchive("archive", "DEMO/*", "--yes", "--json")
    assert ended.code == 3
    why = {one["session"]: one["finding"] for one in ended.objects()}
    assert why["Person_02_MR1"] is None
    assert why["Person_01_MR1"]["code"] == "prearchive.conflict"
    assert "has the same scans already" in why["Person_01_MR1"]["why"]
    assert (archived(practice), waiting(practice)) == (BOTH, ["Person_01_MR1"])
    other = prearchive("archive", "DEMO/Person_01_MR1", "--session-label", "Person_01_again", "--yes")
    assert other.code == 0, other.talk
    assert archived(practice) == ["Person_01_MR1", "Person_01_again", "Person_02_MR1"]


def test_only_an_owner_overwrites(practice: Practice, study_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(practice, fill(practice, study_folder)[0])
    send(practice, first(study_folder), "Person_01_MR1")
    monkeypatch.setenv("XNAT_USER", "member")
    monkeypatch.setenv("XNAT_PASS", "member")
    ended = prearchive("archive", "DEMO/Person_01_MR1", "--overwrite", "delete", "--yes")
    assert ended.code == 1
    assert "Only an owner of the project may overwrite" in ended.talk
    monkeypatch.setenv("XNAT_USER", "owner")
    monkeypatch.setenv("XNAT_PASS", "owner")
    dry = prearchive("archive", "DEMO/Person_01_MR1", "--overwrite", "delete", "--dry-run")
    assert "REPLACING files in the archive" in dry.data
    assert waiting(practice) == BOTH
    assert prearchive("archive", "DEMO/Person_01_MR1", "--overwrite", "delete", "--yes").code == 0
    assert waiting(practice) == ["Person_02_MR1"]


def test_what_is_not_built_or_locked_is_not_archived(practice: Practice, study_folder: Path) -> None:
    send(practice, first(study_folder), "Late", is_built=False)
    ended = prearchive("archive", "DEMO/Late", "--yes", "--json")
    assert [one["finding"]["code"] for one in ended.objects()] == ["prearchive.not_ready"]
    silent_since(practice, 0, "_ARCHIVING")
    for act in (("delete",), ("move", "--to", "DEMO"), ("rebuild",), ("archive",)):
        ended = prearchive(*act, "DEMO/Late", "--yes", "--json")
        assert ended.code == 1
        assert [one["finding"]["code"] for one in ended.objects()] == ["prearchive.locked"]
    assert waiting(practice) == ["Late"]


def test_labels_are_given_to_one_session_only_and_have_to_be_legal(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    many = prearchive("archive", "DEMO/*", "--session-label", "One", "--yes", "--json")
    assert [one["code"] for one in many.objects()] == ["terminal.labels_of_many"]
    bad = prearchive("archive", "DEMO/Person_01_MR1", "--session-label", "not legal", "--yes", "--json")
    assert [one["code"] for one in bad.objects()] == ["label.illegal"]
    assert archived(practice) == []


# -- move, rebuild, delete -------------------------------------------------------------------------


def test_sessions_move_to_another_project(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    make_project(practice, "OTHER")
    assert prearchive("move", "DEMO/*", "--to", "OTHER").code == 2
    assert prearchive("move", "DEMO/*", "--to", "NOWHERE", "--yes").code == 1
    assert waiting(practice) == BOTH
    ended = prearchive("move", "DEMO/*", "--to", "OTHER", "--yes", "--json")
    assert ended.code == 0, ended.talk
    assert (waiting(practice), waiting(practice, "OTHER")) == ([], BOTH)
    again = prearchive("move", "-", "--to", "OTHER", "--yes", text=ended.data)
    assert again.code == 0, again.talk
    assert again.data.count("is in OTHER already") == 2


def test_a_move_that_did_not_happen_is_no_success(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    make_project(practice, "OTHER")
    practice.server.faults.add(Fault(Kind.STATUS, code=500, path="Person_01_MR1", nth=1, method="POST"))
    ended = prearchive("move", "DEMO/*", "--to", "OTHER", "--yes", "--json")
    assert ended.code == 3, ended.talk
    assert [one["is_done"] for one in ended.objects()] == [False, True]
    assert waiting(practice) == ["Person_01_MR1"]


def test_what_is_receiving_is_built(practice: Practice, study_folder: Path) -> None:
    send(practice, first(study_folder), "Late", is_built=False)
    assert "would be built" in prearchive("rebuild", "DEMO/Late", "--dry-run").data
    ended = prearchive("rebuild", "DEMO/Late")
    assert ended.code == 0, ended.talk
    assert "ready to archive" in ended.data
    assert [one["status"] for one in prearchive("list", "--json").objects()] == ["READY"]


def test_deleting_takes_the_number_typed(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    for typed in ("y", "1"):
        terminal = OnTerminal("prearchive", "delete", "DEMO/*")
        terminal.until("Type their number, 2")
        terminal.type(f"{typed}\r")
        assert terminal.wait() == 0
        assert b"Nothing was changed" in terminal.seen
    assert waiting(practice) == BOTH
    terminal = OnTerminal("prearchive", "delete", "DEMO/*")
    terminal.until("Type their number, 2")
    assert "5 scans, 16 files" in terminal.read()
    terminal.type("2\r")
    assert terminal.wait() == 0
    assert waiting(practice) == []


def test_a_password_and_names_come_through_stdin(
    practice: Practice, study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(practice, study_folder)
    monkeypatch.delenv("XNAT_PASS")
    ended = prearchive("delete", "-", "--yes", "--password-stdin", text="owner\nDEMO/Person_01_MR1\n")
    assert ended.code == 0, ended.talk
    assert waiting(practice) == ["Person_02_MR1"]


def test_many_are_looked_at_in_their_order(practice: Practice, study_folder: Path) -> None:
    labels = [f"S{n}" for n in range(6)]
    for label in labels:
        send(practice, first(study_folder), label, is_built=False)
    ended = prearchive("delete", *(f"DEMO/{one}" for one in reversed(labels)), "--dry-run", "--json")
    assert [one["session"] for one in ended.objects()] == labels[::-1]
    assert "Looked at 6 of 6 sessions" in ended.talk


def test_a_name_that_means_nothing_is_told_and_the_rest_is_done(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    ended = prearchive("delete", "DEMO/nobody", "DEMO/Person_01_MR1", "DEMO/none_*", "--yes", "--json")
    assert ended.code == 3
    assert [one.get("code", one["type"]) for one in ended.objects()] == ["prearchive.not_there"] * 2 + ["outcome"]
    assert waiting(practice) == ["Person_02_MR1"]
    assert prearchive("delete", "DEMO/nobody", "--yes").code == 1
    for text in ("", "/", "a/b/c", "/data/prearchive/projects/X"):
        assert prearchive("delete", text, "--yes").code == 2, text


def test_what_a_lost_line_leaves_is_not_tried(practice: Practice, study_folder: Path) -> None:
    fill(practice, study_folder)
    practice.server.faults.add(Fault(Kind.LOST_ANSWER, path="prearchive/projects", method="DELETE"))
    ended = prearchive("delete", "DEMO/*", "--yes", "--json")
    assert ended.code == 4, ended.talk
    assert [one["is_done"] for one in ended.objects()] == [False, False]
    assert ended.objects()[1]["finding"]["code"] == "site.not_tried"
    assert waiting(practice) == BOTH[1:], "the site did it, and could not say so"


def test_a_site_that_is_away_is_said(practice: Practice) -> None:
    practice.stop()
    ended = prearchive("list", "--json")
    assert ended.code == 4
    assert json.loads(ended.data)["type"] == "finding"
