"""Direct archive: straight into the archive, silently not, and what becomes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from practice.arriving import names_in, row_of, rows_of, send, send_one, until
from practice.calling import Answer, Caller
from practice.images import instance, series
from practice.sending import made, port_of
from practice.sending import send as sent
from support import Practice
from xnat_wizard.practice import timers

TO_DEMO = {"project": "DEMO", "subject": "S1", "session": "E1", "Direct-Archive": "true"}
URI = "/xapi/direct-archive/DEMO/1.2.1/E1"
ARCHIVED = "/data/archive/projects/DEMO/subjects/S1/experiments/E1"


def pass_time(practice: Practice) -> None:
    """Let the idle timer look after ten minutes."""
    services = practice.server.services
    assert services is not None
    services.clock.skip(600)
    practice._run(timers.look(services))


def listed(caller: Caller, **request: object) -> Answer:
    return caller.call("POST", "/xapi/direct-archive", data=request)


def is_over(caller: Caller) -> Callable[[], bool]:
    return lambda: listed(caller).json() == []


def log_of(caller: Caller, uri: str) -> str:
    return caller.get(f"{uri}/logs/last").text


def test_objects_go_straight_into_the_archive_and_wait_there(practice: Practice, as_owner: Caller) -> None:
    assert send_one(as_owner, series(2), **TO_DEMO) == URI
    assert send_one(as_owner, series(1, first=3), **TO_DEMO) == URI
    assert rows_of(as_owner) == []
    assert as_owner.get(ARCHIVED).status == 404
    folder = practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM"
    assert sorted(path.name for path in folder.iterdir()) == ["i1.dcm", "i2.dcm", "i3.dcm"]
    (one,) = listed(as_owner).json()
    assert {key: one[key] for key in ("id", "project", "subject", "name", "folderName", "tag", "status")} == {
        "id": 1, "project": "DEMO", "subject": "S1", "name": "E1", "folderName": "E1", "tag": "1.2.1",
        "status": "RECEIVING",
    }  # fmt: skip
    assert isinstance(one["uploadDate"], int)
    assert isinstance(one["scan_date"], int)
    assert one["preventAnon"] is False
    assert as_owner.get(URI).json() == one
    assert as_owner.get("/xapi/direct-archive/DEMO/1.2.1/E2").status == 404


def test_the_idle_timer_archives_it_whatever_the_projects_code_and_the_senders_flags(
    practice: Practice, as_owner: Caller
) -> None:
    files = series(2)
    send_one(as_owner, files, SOURCE="uploader", prevent_auto_commit="true", **TO_DEMO)
    pass_time(practice)
    assert listed(as_owner).json() == []
    assert names_in(as_owner, ARCHIVED) == set(files)
    assert as_owner.get(f"{ARCHIVED}/scans/1/resources/DICOM/files/i1.dcm").body == files["i1.dcm"]
    assert rows_of(as_owner) == []
    assert practice.on_loop(lambda store: next(iter(store.state.sessions.values())).insert_user) == "admin"


def test_the_timer_leaves_what_is_not_quiet(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    services = practice.server.services
    assert services is not None
    practice._run(timers.look(services))
    assert [one["status"] for one in listed(as_owner).json()] == ["RECEIVING"]


def test_editors_trigger_the_archive(as_owner: Caller, as_stranger: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    assert as_stranger.call("POST", URI).status == 403
    assert as_owner.call("POST", "/xapi/direct-archive/DEMO/1.2.1/E2").status == 404
    assert as_owner.call("POST", URI).status == 200
    until(is_over(as_owner))
    assert names_in(as_owner, ARCHIVED) == {"i1.dcm"}


def test_gradual_dicom_goes_there_too(as_owner: Caller) -> None:
    query = {"import-handler": "gradual-DICOM", "PROJECT_ID": "DEMO", "SUBJECT_ID": "S1", "EXPT_LABEL": "E1"}
    headers = {"Content-Type": "application/dicom"}
    answer = as_owner.call(
        "POST", "/data/services/import", {**query, "Direct-Archive": "true"}, body=instance(), headers=headers
    )
    assert answer.text.strip() == URI


def test_a_receiver_may_send_images_there(practice: Practice, as_admin: Caller, as_owner: Caller) -> None:
    made(as_admin, aeTitle="DIRECT", port=port_of(practice), directArchive=True)
    comment = "Project:DEMO Subject:S1 Session:E1"
    images = [instance(number=number, PatientComments=comment) for number in (1, 2)]
    assert sent(port_of(practice), *images, called="DIRECT") == [0, 0]
    assert rows_of(as_owner) == []
    assert [one["externalUrl"] for one in listed(as_owner).json()] == [URI]
    pass_time(practice)
    assert len(names_in(as_owner, ARCHIVED)) == 2
    assert sent(port_of(practice), *images, called="DIRECT") == [0, 0]
    assert [row["status"] for row in rows_of(as_owner)] == ["RECEIVING"]


# -- the silent ways out -----------------------------------------------------------------------------


def test_an_experiment_that_is_there_already_sends_it_to_the_prearchive(as_owner: Caller) -> None:
    assert as_owner.put("/data/projects/DEMO/subjects/S1").status == 201
    made = as_owner.put("/data/projects/DEMO/subjects/S1/experiments/E1", xsiType="xnat:mrSessionData")
    assert made.status == 201
    assert send_one(as_owner, series(1), **TO_DEMO).startswith("/data/prearchive/projects/DEMO/")
    assert listed(as_owner).json() == []


def test_an_archived_session_sends_later_objects_to_the_prearchive(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    pass_time(practice)
    uri = send_one(as_owner, series(1), **TO_DEMO)
    assert row_of(as_owner, uri)["status"] == "RECEIVING"


def test_a_session_that_is_no_longer_receiving_sends_them_there_too(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    practice.on_loop(lambda store: setattr(store.state.direct[0], "status", "QUEUED_ARCHIVING"))
    assert send_one(as_owner, series(1, first=2), **TO_DEMO).startswith("/data/prearchive/")


def test_an_unknown_project_is_unassigned(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **{**TO_DEMO, "project": "NONE"})
    assert uri.startswith("/data/prearchive/projects/Unassigned/")


def test_a_commit_does_not_understand_it(as_owner: Caller) -> None:
    answer = send(as_owner, series(1), action="commit", **TO_DEMO)
    assert (answer.status, answer.told) == (400, "unable to archive for the Prearchive session")
    assert [one["status"] for one in listed(as_owner).json()] == ["RECEIVING"]


def test_nothing_stays_when_nothing_was_stored(practice: Practice, as_owner: Caller) -> None:
    assert send(as_owner, {"x.dcm": b"no image"}, **TO_DEMO).status == 400
    assert listed(as_owner).json() == []
    assert not (practice.folder / "archive/DEMO/arc001/E1").exists()


# -- failures ----------------------------------------------------------------------------------------


def test_a_conflict_moves_it_to_the_prearchive(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    as_owner.put("/data/projects/DEMO/subjects/S1")
    as_owner.put("/data/projects/DEMO/subjects/S1/experiments/E1", xsiType="xnat:mrSessionData")
    pass_time(practice)
    assert listed(as_owner).json() == []
    (row,) = rows_of(as_owner)
    assert row["status"] == "CONFLICT"
    uri = f"/data{row['url']}"
    assert log_of(as_owner, uri).startswith("Attempt to direct-archive failed")
    assert "Session already exists" in log_of(as_owner, uri)
    assert names_in(as_owner, uri) == {"i1.dcm"}
    assert not (practice.folder / "archive/DEMO/arc001/E1").exists()


def test_an_error_moves_it_there_too(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, {**series(1), "b.dcm": instance(number=2)}, **TO_DEMO)
    files = practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM"
    (files / "b.dcm").write_bytes(instance(study="9", number=2))
    pass_time(practice)
    (row,) = rows_of(as_owner)
    assert row["status"] == "ERROR"
    log = log_of(as_owner, f"/data{row['url']}")
    assert log.startswith("Attempt to direct-archive failed")
    assert "2 studies" in log


@pytest.mark.parametrize("is_direct", ["true", "false"])
@pytest.mark.parametrize(("version", "status"), [("1.9.3", "RECEIVING"), ("1.10.2", "ERROR")])
def test_a_later_release_marks_the_sessions_of_a_failed_zip(
    practice: Practice, as_owner: Caller, is_direct: str, version: str, status: str
) -> None:
    services = practice.server.services
    assert services is not None
    services.version = version
    files = {"a.dcm": instance(), "b.dcm": b"no image"}
    assert send(as_owner, files, **{**TO_DEMO, "Direct-Archive": is_direct}).status == 400
    found = rows_of(as_owner) or listed(as_owner).json()
    assert [one["status"] for one in found] == [status]
    if status == "ERROR":
        assert "unable to read DICOM object b.dcm" in log_of(as_owner, f"/data{found[0]['url']}")


def test_a_taken_timestamp_gets_a_suffix(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)

    def take_place(folder: Path, timestamp: str) -> None:
        (practice.folder / "prearchive/DEMO" / timestamp / folder).mkdir(parents=True)

    practice.on_loop(lambda store: take_place(Path("E1"), store.state.direct[0].timestamp))
    timestamp = practice.on_loop(lambda store: store.state.direct[0].timestamp)
    files = practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM"
    (files / "i1.dcm").unlink()
    pass_time(practice)
    (row,) = rows_of(as_owner)
    assert (row["timestamp"], row["status"]) == (f"{timestamp}_DA", "ERROR")


def test_the_projects_script_leaves_nothing_behind(practice: Practice, as_owner: Caller) -> None:
    script = 'version "6.1"\n(0010,0010) := "nobody"\n'
    as_owner.call("PUT", "/xapi/anonymize/projects/DEMO", body=script, headers={"Content-Type": "text/plain"})
    as_owner.call("PUT", "/xapi/anonymize/projects/DEMO/enabled", body="true", headers={"Content-Type": "text/plain"})
    send_one(as_owner, series(2), **TO_DEMO)
    pass_time(practice)
    assert names_in(as_owner, ARCHIVED) == {"i1.dcm", "i2.dcm"}
    stored = [path.read_bytes() for path in (practice.folder / "archive/DEMO").rglob("*.dcm")]
    assert len(stored) == 2
    assert all(b"nobody" in data and b"Subject^One" not in data for data in stored)


# -- the table ---------------------------------------------------------------------------------------


def test_the_list_is_paged_sorted_and_shows_readable_projects_only(
    as_owner: Caller, as_stranger: Caller, as_nobody: Caller
) -> None:
    for number in ("1", "2", "3"):
        send_one(as_owner, series(1, study=number), **{**TO_DEMO, "session": f"E{number}"})
    by_name = {"sort_col": "name", "sort_dir": "asc"}
    assert [one["name"] for one in listed(as_owner, **by_name).json()] == ["E1", "E2", "E3"]
    assert [one["name"] for one in listed(as_owner, page=2, size=2, **by_name).json()] == ["E3"]
    assert listed(as_stranger).json() == []
    assert as_stranger.get(URI).status == 403
    assert listed(as_nobody).status == 401


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"filters": {"project": {"operator": "EQ", "value": "DEMO"}}}, 200),
        ({"filters": {"status": {"operator": "EQ", "value": "ERROR"}}}, 501),
        ({"sort_col": "colour"}, 501),
        ({"page": 0}, 400),
    ],
)
def test_what_the_list_understands(as_owner: Caller, request_: dict[str, object], status: int) -> None:
    assert listed(as_owner, **request_).status == status


def test_deleting_leaves_the_files_as_xnat_did(practice: Practice, as_owner: Caller, as_member: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    assert as_member.delete("/xapi/direct-archive/1").status == 403
    assert as_owner.delete("/xapi/direct-archive/7").status == 404
    assert as_owner.delete("/xapi/direct-archive/1").status == 200
    assert listed(as_owner).json() == []
    assert (practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM/i1.dcm").exists()


def test_a_later_release_guards_trigger_and_deletion(practice: Practice, as_owner: Caller, as_admin: Caller) -> None:
    services = practice.server.services
    assert services is not None
    services.version = "1.10.2"
    send_one(as_owner, series(1), **TO_DEMO)
    assert as_owner.delete("/xapi/direct-archive/1").status == 409
    practice.on_loop(lambda store: setattr(store.state.direct[0], "status", "ARCHIVING"))
    assert as_owner.call("POST", URI).status == 409
    assert as_owner.delete("/xapi/direct-archive/1", force="true").status == 409
    assert as_admin.delete("/xapi/direct-archive/1", force="true").status == 200
    assert not (practice.folder / "archive/DEMO/arc001/E1").exists()


def test_it_survives_a_restart(practice: Practice, as_owner: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    practice.stop()
    practice.start()
    assert send_one(as_owner, series(1, first=2), **TO_DEMO) == URI
    pass_time(practice)
    assert names_in(as_owner, ARCHIVED) == {"i1.dcm", "i2.dcm"}
