"""Records and files after a restart, a crash, or somebody's hand in the folder: they are brought together again."""

import signal
from pathlib import Path

import pytest

from practice.arriving import act, names_in, row_of, rows_of, send_one, until
from practice.calling import Caller
from practice.images import instance, series
from practice.loading import process
from support import Practice
from xnat_wizard.practice import rescan, timers

TO_DEMO = {"project": "DEMO", "subject": "S1", "session": "E1"}
ARCHIVED = "/data/archive/projects/DEMO/subjects/S1/experiments/E1"


def put_by_hand(practice: Practice, folder: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = practice.folder / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def status_after_restart(practice: Practice, caller: Caller, uri: str, status: str) -> dict[str, str]:
    practice.on_loop(lambda store: setattr(store.state.rows[0], "status", status))
    practice.stop()
    practice.start()
    return row_of(caller, uri)


# -- the rescan --------------------------------------------------------------------------------------


def test_a_folder_without_a_row_gets_one_from_its_files(practice: Practice, as_admin: Caller, as_owner: Caller) -> None:
    place = "prearchive/DEMO/20240102_030405678/E7"
    put_by_hand(practice, f"{place}/SCANS/1/DICOM", series(2, PatientName="Anna"))
    put_by_hand(practice, f"{place}/RESOURCES/PARREC", {"a/b.rec": b"123"})
    assert as_admin.put("/data/prearchive").status == 200
    (row,) = rows_of(as_owner)
    assert (row["name"], row["subject"], row["tag"], row["status"]) == ("E7", "Anna", "1.2.1", "READY")
    uri = f"/data{row['url']}"
    assert names_in(as_owner, uri) == {"i1.dcm", "i2.dcm"}
    assert as_owner.get(f"{uri}/resources", format="json").rows[0]["label"] == "PARREC"
    assert act(as_owner, uri, "commit", AA="true").text.endswith("/subjects/Anna/experiments/E7")


def test_a_row_whose_folder_is_gone_goes(practice: Practice, as_admin: Caller, as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    other = send_one(as_owner, series(1, study="2"), **{**TO_DEMO, "session": "E2"})
    (practice.folder / uri.removeprefix("/data/").replace("/projects/", "/")).rename(practice.folder / "elsewhere")
    as_admin.put("/data/prearchive")
    assert [f"/data{row['url']}" for row in rows_of(as_owner)] == [other]


def test_folders_of_no_project_and_without_images_stay_without_a_row(
    practice: Practice, as_admin: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    put_by_hand(practice, "prearchive/NONE/20240102_030405/E1/SCANS/1/DICOM", series(1))
    put_by_hand(practice, "prearchive/DEMO/20240102_030405/E2/SCANS/1/DICOM", {"x.dcm": b"no image"})
    (practice.folder / "prearchive/DEMO/20240102_030405/EMPTY/SCANS").mkdir(parents=True)
    put_by_hand(practice, "prearchive/Unassigned/20240102_030405/E3/SCANS/1/DICOM", series(1))
    as_admin.put("/data/prearchive")
    assert [row["name"] for row in as_admin.get("/data/prearchive", format="json").rows] == ["E3"]
    assert "2 folders of no project, or without images" in caplog.text


def test_what_is_under_way_is_left_alone(practice: Practice, as_admin: Caller, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    practice.on_loop(lambda store: setattr(store.state.rows[0], "status", "_MOVING"))
    (practice.folder / "prearchive/DEMO").rename(practice.folder / "elsewhere")
    as_admin.put("/data/prearchive")
    assert len(rows_of(as_owner)) == 1


def test_only_administrators_of_the_data_rescan(as_owner: Caller) -> None:
    assert as_owner.put("/data/prearchive").status == 403


# -- after a start -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [("QUEUED_ARCHIVING", "READY"), ("BUILDING", "RECEIVING"), ("_ARCHIVING", "_ARCHIVING"), ("ERROR", "ERROR")],
)
def test_queued_work_is_over_and_locks_stay(practice: Practice, as_owner: Caller, before: str, after: str) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    act(as_owner, uri, "build")
    assert status_after_restart(practice, as_owner, uri, before)["status"] == after


def test_an_interrupted_archive_gives_its_files_back(practice: Practice, as_owner: Caller, as_admin: Caller) -> None:
    uri = send_one(as_owner, series(3), **TO_DEMO)
    act(as_owner, uri, "build")

    def interrupt(row: Path) -> None:
        target = practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM"
        target.mkdir(parents=True)
        (row / "SCANS/1/DICOM/i2.dcm").rename(target / "i2.dcm")

    practice.on_loop(lambda store: interrupt(store.row_folder(store.state.rows[0])))
    practice.on_loop(lambda store: setattr(store.state.rows[0], "archiving_as", "E1"))
    assert status_after_restart(practice, as_owner, uri, "_ARCHIVING")["status"] == "_ARCHIVING"
    assert not (practice.folder / "archive/DEMO/arc001/E1").exists()
    as_admin.call("POST", "/data/services/prearchive/rebuild", {"src": uri, "overrideLock": "true"})
    until(lambda: row_of(as_owner, uri)["status"] == "READY")
    assert names_in(as_owner, uri) == {"i1.dcm", "i2.dcm", "i3.dcm"}


def test_an_interrupted_merge_leaves_the_archived_session_as_it_was(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), dest="/archive/projects/DEMO", **TO_DEMO)
    uri = send_one(as_owner, series(1, first=2), **TO_DEMO)
    act(as_owner, uri, "build")

    def interrupt(row: Path) -> None:
        (row / "SCANS/1/DICOM/i2.dcm").rename(practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM/i2.dcm")

    practice.on_loop(lambda store: interrupt(store.row_folder(store.state.rows[0])))
    practice.on_loop(lambda store: setattr(store.state.rows[0], "archiving_as", "E1"))
    status_after_restart(practice, as_owner, uri, "_ARCHIVING")
    archived = sorted(path.name for path in (practice.folder / "archive").rglob("*.dcm"))
    waiting = sorted(path.name for path in (practice.folder / "prearchive").rglob("*.dcm"))
    assert (archived, waiting) == (["i1.dcm"], ["i2.dcm"])


def test_objects_that_the_records_do_not_know_are_waited_for_again(practice: Practice, as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    act(as_owner, uri, "build")
    place = uri.removeprefix("/data/").replace("/projects/", "/")
    put_by_hand(practice, f"{place}/SCANS/1/DICOM", {"late.dcm": instance(number=9), "notes.txt": b"no image"})
    practice.stop()
    practice.start()
    assert row_of(as_owner, uri)["status"] == "RECEIVING"
    act(as_owner, uri, "build")
    assert names_in(as_owner, uri) == {"i1.dcm", "late.dcm"}
    practice.stop()
    practice.start()
    assert row_of(as_owner, uri)["status"] == "READY"


def test_folders_of_no_session_in_the_archive_are_told_and_left(
    practice: Practice, as_owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    send_one(as_owner, series(1), **{**TO_DEMO, "Direct-Archive": "true"})
    put_by_hand(practice, "archive/DEMO/arc001/STRAY", {"a.dcm": b""})
    practice.stop()
    practice.start()
    assert "the archive holds 1 folders that belong to no session" in caplog.text
    assert (practice.folder / "archive/DEMO/arc001/STRAY/a.dcm").exists()


def test_empty_folders_that_a_deletion_has_left_go(practice: Practice, as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    (practice.folder / "prearchive/DEMO/20240102_030405/EMPTY/SCANS").mkdir(parents=True)
    practice.stop()
    practice.start()
    assert not (practice.folder / "prearchive/DEMO/20240102_030405").exists()
    assert row_of(as_owner, uri)["status"] == "RECEIVING"


def test_a_direct_session_under_way_waits_for_the_timer_again(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **{**TO_DEMO, "Direct-Archive": "true"})
    practice.on_loop(lambda store: setattr(store.state.direct[0], "status", "_ARCHIVING"))
    practice.stop()
    practice.start()
    services = practice.server.services
    assert services is not None
    services.clock.skip(600)
    practice._run(timers.look(services))
    assert names_in(as_owner, ARCHIVED) == {"i1.dcm"}


def test_a_new_folder_needs_no_recovery(practice: Practice) -> None:
    assert not rescan._folders_on_disk(practice.folder / "prearchive")


# -- a process that is killed ------------------------------------------------------------------------


def test_a_killed_server_finds_everything_again(tmp_path: Path) -> None:
    with process(tmp_path, "--no-anonymization") as (url, server):
        owner = Caller(url, "owner", "owner")
        waiting = send_one(owner, series(3), prevent_auto_commit="true", VISIT="V1", **TO_DEMO)
        direct = send_one(owner, series(2, study="2"), **{**TO_DEMO, "session": "E2", "Direct-Archive": "true"})
        archived = send_one(owner, series(2, study="3"), dest="/archive/projects/DEMO", subject="S1", session="E3")
        server.send_signal(signal.SIGKILL)
        server.wait()
    with process(tmp_path, "--no-anonymization") as (url, server):
        owner = Caller(url, "owner", "owner")
        row = row_of(owner, waiting)
        assert (row["status"], row["subject"], row["prevent_auto_commit"], row["VISIT"]) == (
            "RECEIVING", "S1", "true", "V1",
        )  # fmt: skip
        assert owner.get(direct).json()["status"] == "RECEIVING"
        assert names_in(owner, archived) == {"i1.dcm", "i2.dcm"}
        assert send_one(owner, series(1, first=4), **TO_DEMO) == waiting
        act(owner, waiting, "build")
        assert names_in(owner, waiting) == {"i1.dcm", "i2.dcm", "i3.dcm", "i4.dcm"}


def test_a_server_killed_while_objects_arrive_keeps_them(tmp_path: Path) -> None:
    with process(tmp_path, "--no-anonymization") as (url, server):
        owner = Caller(url, "owner", "owner")
        uri = send_one(owner, series(5), **TO_DEMO)
        act(owner, uri, "build")
        sent = send_one(owner, series(5, first=6), **TO_DEMO)
        server.send_signal(signal.SIGKILL)
        server.wait()
    assert sent == uri
    with process(tmp_path, "--no-anonymization") as (url, server):
        owner = Caller(url, "owner", "owner")
        assert row_of(owner, uri)["status"] == "RECEIVING"
        act(owner, uri, "build")
        assert len(names_in(owner, uri)) == 10
