"""The prearchive: who sees what, how sessions are built, moved, deleted, and what waits for ever."""

import io
import zipfile

import pytest

from practice.arriving import act, names_in, row_of, rows_of, send_one, settled
from practice.calling import Caller
from practice.images import CAPTURE, CT, PET, SR, instance, series
from support import Practice
from xnat_wizard.practice import timers

TO_DEMO = {"project": "DEMO", "subject": "S1", "session": "E1"}
COLUMNS = {
    "project", "timestamp", "lastmod", "uploaded", "scan_date", "scan_time", "subject", "folderName", "name", "tag",
    "status", "url", "autoarchive", "prevent_anon", "prevent_auto_commit", "SOURCE", "VISIT", "PROTOCOL", "TIMEZONE",
}  # fmt: skip


def look(practice: Practice, *, after_s: float = 0) -> None:
    """Let the idle timer look, after some time has passed."""
    services = practice.server.services
    assert services is not None
    services.clock.skip(after_s)
    practice._run(timers.look(services))


# -- lists -------------------------------------------------------------------------------------------


def test_a_line_has_xnats_columns_and_strings_only(as_owner: Caller) -> None:
    uri = send_one(
        as_owner, series(1), SOURCE="uploader", VISIT="V", SUBTYPE="P", prevent_auto_commit="true", **TO_DEMO
    )
    answer = as_owner.get("/data/prearchive/projects/DEMO", format="json")
    assert "totalRecords" not in answer.json()["ResultSet"]
    (row,) = answer.rows
    assert set(row) == COLUMNS
    assert {type(value) for value in row.values()} == {str}
    assert (row["SOURCE"], row["VISIT"], row["PROTOCOL"], row["prevent_auto_commit"]) == ("uploader", "V", "P", "true")
    assert f"/data{row['url']}" == uri


def test_unassigned_lines_are_appended_for_admins_only(as_owner: Caller, as_admin: Caller) -> None:
    send_one(as_owner, series(1), **TO_DEMO)
    send_one(as_owner, series(1), session="LOST")
    listed = as_admin.get("/data/prearchive/projects/DEMO", format="json").rows
    assert [row["project"] for row in listed] == ["DEMO", "Unassigned"]
    assert [row["project"] for row in as_owner.get("/data/prearchive", format="json").rows] == ["DEMO"]
    assert as_owner.get("/data/prearchive/projects/Unassigned", format="json").status == 403
    assert [row["name"] for row in as_admin.get("/data/prearchive", tag="1.2.1", format="json").rows] == ["E1", "LOST"]
    assert as_owner.get("/data/prearchive", tag="1.2.1").status == 403


def test_strangers_see_nothing(as_owner: Caller, as_stranger: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    assert as_stranger.get("/data/prearchive", format="json").rows == []
    assert as_stranger.get("/data/prearchive/projects/DEMO", format="json").status == 403
    assert as_stranger.get(uri, format="json").status == 403
    assert as_stranger.delete(uri).status == 403


def test_an_unknown_session_is_an_empty_table_and_an_unknown_project_a_500(as_owner: Caller) -> None:
    answer = as_owner.get("/data/prearchive/projects/DEMO/20000101_000000/X", format="json")
    assert (answer.status, answer.rows) == (200, [])
    answer = as_owner.get("/data/prearchive/projects/NONE/20000101_000000/X", format="json")
    assert (answer.status, answer.told) == (500, "No project named NONE")


def test_recent_sessions_are_those_of_some_days(practice: Practice, as_owner: Caller, as_stranger: Caller) -> None:
    for number in ("1", "2"):
        send_one(as_owner, series(1, study=number), **{**TO_DEMO, "session": f"E{number}"})
    send_one(as_owner, series(1), session="LOST")
    practice.on_loop(lambda store: setattr(store.state.rows[0], "uploaded", store.state.rows[0].uploaded - 5 * 86400))

    def names(caller: Caller, recent: str) -> list[str]:
        return [row["name"] for row in caller.get("/data/prearchive/experiments", recent=recent, format="json").rows]

    assert names(as_owner, "true") == ["E1", "E2"]
    assert names(as_owner, "3") == ["E2"]
    assert names(as_stranger, "true") == []
    assert as_owner.get("/data/prearchive/experiments").told == 'Please set the "recent" parameter'
    assert as_owner.get("/data/prearchive/experiments", recent="0").status == 400
    assert as_owner.get("/data/prearchive/experiments", recent="soon").status == 400


# -- building ----------------------------------------------------------------------------------------


def test_parts_of_a_session_are_not_deleted_by_themselves(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    assert as_owner.delete(f"{uri}/logs").status == 400
    assert as_owner.delete(f"{uri}/anything/else").status == 400
    assert row_of(as_owner, uri)["status"] == "RECEIVING"


def test_before_the_build_there_is_no_content(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    assert "session document is not available" in as_owner.get(uri).told
    assert as_owner.get(f"{uri}/scans", format="json").told == "Unable to locate prearc resource."


def test_a_build_finds_scans_and_files(as_owner: Caller) -> None:
    files = series(2)
    uri = send_one(as_owner, files, **TO_DEMO)
    assert act(as_owner, uri, "build").text == uri
    row = row_of(as_owner, uri)
    assert (row["status"], row["scan_date"], row["scan_time"]) == ("READY", "2001-02-03 00:00:00.0", "04:05:06")
    assert as_owner.get(f"{uri}/scans", format="json").rows == [
        {"ID": "1", "xsiType": "xnat:mrScanData", "series_description": "series 1"}
    ]
    (resource,) = as_owner.get(f"{uri}/scans/1/resources", format="json").rows
    assert (resource["label"], resource["file_count"]) == ("DICOM", "2")
    (first, _) = as_owner.get(f"{uri}/scans/1/resources/DICOM/files", format="json").rows
    assert first["Size"] == str(len(files["i1.dcm"]))
    assert as_owner.get(first["URI"]).body == files["i1.dcm"]
    assert "<xnat:MRSession" in as_owner.get(uri).text
    with zipfile.ZipFile(io.BytesIO(as_owner.get(uri, format="zip").body)) as archive:
        assert sorted(archive.namelist()) == ["E1/SCANS/1/DICOM/i1.dcm", "E1/SCANS/1/DICOM/i2.dcm"]


@pytest.mark.parametrize(
    ("kinds", "xsi_type"),
    [
        ([("MR", "1.2.840.10008.5.1.4.1.1.4")], "xnat:mrSessionData"),
        ([("PT", PET), ("CT", CT)], "xnat:petSessionData"),
        ([("PT", PET), ("MR", "1.2.840.10008.5.1.4.1.1.4")], "xnat:petmrSessionData"),
        ([("SR", SR), ("CT", CT)], "xnat:ctSessionData"),
        ([("XX", CT)], "xnat:otherDicomSessionData"),
    ],
)
def test_the_type_of_a_session(
    practice: Practice, as_owner: Caller, kinds: list[tuple[str, str]], xsi_type: str
) -> None:
    files = {
        f"{number}.dcm": instance(series=str(number), Modality=modality, SOPClassUID=sop_class)
        for number, (modality, sop_class) in enumerate(kinds, 1)
    }
    uri = send_one(as_owner, files, **TO_DEMO)
    act(as_owner, uri, "build")
    assert practice.on_loop(lambda store: store.state.rows[0].xsi_type) == xsi_type
    assert len(as_owner.get(f"{uri}/scans", format="json").rows) == len(kinds)


def test_objects_that_are_no_primary_images_go_to_secondary(as_owner: Caller) -> None:
    files = {
        **series(2),
        "report": instance(number=8, SOPClassUID=SR),
        "capture": instance(number=9, SOPClassUID=CAPTURE),
    }
    uri = send_one(as_owner, files, **TO_DEMO)
    act(as_owner, uri, "build")
    assert names_in(as_owner, uri) == {"i1.dcm", "i2.dcm"}
    assert names_in(as_owner, uri, resource="secondary") == {"report", "capture"}
    act(as_owner, uri, "build")
    assert names_in(as_owner, uri, resource="secondary") == {"report", "capture"}


def test_two_series_with_one_number_become_two_scans(practice: Practice, as_owner: Caller) -> None:
    files = {f"{end}.dcm": instance(series=end, SeriesNumber="4") for end in ("7", "8")}
    uri = send_one(as_owner, files, **TO_DEMO)
    for _ in range(2):
        act(as_owner, uri, "build")
        assert [scan["ID"] for scan in as_owner.get(f"{uri}/scans", format="json").rows] == ["4-MR1", "4-MR2"]
        assert names_in(as_owner, uri, "4-MR2") == {"8.dcm"}
    send_one(as_owner, files, **TO_DEMO)
    act(as_owner, uri, "build")
    assert sorted(path.name for path in practice.folder.joinpath("prearchive").rglob("*.dcm")) == ["7.dcm", "8.dcm"]


def test_a_series_without_number_is_named_by_its_uid(as_owner: Caller) -> None:
    uri = send_one(as_owner, {"a": instance(SeriesNumber=None)}, **TO_DEMO)
    act(as_owner, uri, "build")
    assert [scan["ID"] for scan in as_owner.get(f"{uri}/scans", format="json").rows] == ["1_2_1_1"]


def test_two_studies_in_one_folder_are_an_error_with_a_log(as_owner: Caller) -> None:
    dest = "/prearchive/projects/DEMO/20000101_000000/F"
    for study in ("1", "2"):
        send_one(as_owner, {study: instance(study=study)}, dest=dest, **{"import-handler": "SI"})
    (row,) = rows_of(as_owner)
    assert row["status"] == "ERROR"
    (log,) = as_owner.get(f"/data{dest}/logs", format="json").rows
    assert "2 studies" in log["entry"]
    assert as_owner.get(f"/data{dest}/logs/last").text == log["entry"]
    assert as_owner.get(f"/data{dest}/logs/{log['id']}").text == log["entry"]


def test_new_data_reopen_a_session(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    act(as_owner, uri, "build")
    assert send_one(as_owner, series(1, first=2), **TO_DEMO) == uri
    assert row_of(as_owner, uri)["status"] == "RECEIVING"


# -- actions -----------------------------------------------------------------------------------------


def test_actions_must_be_known(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    assert "unsupported action" in act(as_owner, uri, "rebuild").told
    assert act(as_owner, uri, "build", SOURCE="x").status == 200
    assert as_owner.call("POST", uri).told == "No action parameter was specified for the request by user owner"
    assert act(as_owner, uri, "set-status", status="CONFLICT").body == b""
    assert row_of(as_owner, uri)["status"] == "CONFLICT"
    assert act(as_owner, uri, "set-status", status="HAPPY").status == 400
    assert act(as_owner, uri, "reset-status").text == uri
    assert row_of(as_owner, uri)["status"] == "READY"
    assert act(as_owner, "/data/prearchive/projects/DEMO/20000101_000000/X", "build").status == 404


def test_parameters_may_come_as_json(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    answer = as_owner.call("POST", f"{uri}?action=commit", data={"AA": "true", "session": "NEW"})
    assert (answer.status, answer.text) == (301, "/data/archive/projects/DEMO/subjects/S1/experiments/NEW")
    assert answer.headers["Location"] is None


def test_a_locked_session_stays_where_it_is(practice: Practice, as_owner: Caller, as_admin: Caller) -> None:
    as_admin.put("/data/projects/OTHER")
    uri = send_one(as_owner, series(1), **TO_DEMO)
    practice.on_loop(lambda store: setattr(store.state.rows[0], "status", "_ARCHIVING"))
    moved = as_admin.call("POST", uri, {"action": "move", "newProject": "OTHER"})
    assert (moved.status, moved.body) == (200, b"")
    assert act(as_owner, uri, "build").told == "session document locked"
    archived = as_owner.call("POST", "/data/services/archive", {"src": uri})
    assert (archived.status, archived.told) == (403, "Operation already in progress on this prearchive entry.")
    assert as_owner.delete(uri).status == 409
    send_one(as_owner, series(1), **TO_DEMO)
    assert len(rows_of(as_owner)) == 2
    as_admin.call("POST", "/data/services/prearchive/rebuild", {"src": uri, "overrideLock": "true"})
    assert (settled(as_owner, uri) or {})["status"] == "READY"


def test_a_move_answers_301_and_keeps_timestamp_and_folder(
    practice: Practice, as_owner: Caller, as_admin: Caller
) -> None:
    as_admin.put("/data/projects/OTHER")
    uri = send_one(as_owner, series(2), **TO_DEMO)
    act(as_owner, uri, "build")
    assert (
        act(as_owner, uri, "move", newProject="OTHER").told == "Unable to modify session data for destination project."
    )
    assert act(as_owner, uri, "move", newProject="NONE").status == 404
    moved = act(as_admin, uri, "move", newProject="OTHER")
    new = uri.replace("DEMO", "OTHER")
    assert (moved.status, moved.text, moved.headers["Location"]) == (301, new, None)
    assert names_in(as_admin, new) == {"i1.dcm", "i2.dcm"}
    assert row_of(as_admin, new)["status"] == "READY"
    assert not list((practice.folder / "prearchive" / "DEMO").glob("*/*"))


def test_whoever_knows_the_uri_may_rescue_unassigned_data(as_member: Caller) -> None:
    uri = send_one(as_member, series(1), session="E1")
    assert as_member.get(uri, format="json").status == 403
    assert act(as_member, uri, "build").status == 200
    assert act(as_member, uri, "move", newProject="DEMO").status == 301
    assert [row["name"] for row in rows_of(as_member)] == ["E1"]


def test_deleting_leaves_nothing(practice: Practice, as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO)
    answer = as_owner.delete(uri)
    assert (answer.status, answer.body) == (200, b"")
    assert rows_of(as_owner) == []
    assert not [path for path in (practice.folder / "prearchive").rglob("*") if path.is_file()]


def test_batch_services_work_in_the_background(as_owner: Caller) -> None:
    uris = [send_one(as_owner, series(1), **{**TO_DEMO, "session": name}) for name in ("E1", "E2")]
    query = "&".join(f"src={uri.removeprefix('/data')}" for uri in uris)
    answer = as_owner.call("POST", f"/data/services/prearchive/rebuild?{query}&format=json")
    assert len(answer.rows) == 2
    for uri in uris:
        assert (settled(as_owner, uri) or {})["status"] == "READY"
    assert as_owner.call("POST", f"/data/services/prearchive/delete?{query}").text.startswith("<?xml")
    for uri in uris:
        assert settled(as_owner, uri) is None


@pytest.mark.parametrize(
    ("params", "status", "told"),
    [
        ({"src": "/prearchive/projects/NONE/1/2"}, 404, "One or more specified projects does not exist: NONE"),
        ({"src": "/prearchive/projects/Unassigned/1/2"}, 403, "Invalid permissions for user owner to delete"),
        ({"src": "/prearchive/projects/DEMO/1/2"}, 404, "No prearchive resource with session 2 and timestamp 1 exists"),
        ({"src": "nonsense"}, 500, "malformed URL"),
    ],
)
def test_refusals_of_batch_services(as_owner: Caller, params: dict[str, str], status: int, told: str) -> None:
    answer = as_owner.call("POST", "/data/services/prearchive/delete", params)
    assert (answer.status, told in answer.told) == (status, True), answer.text


def test_files_can_be_added_to_a_session(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), action="commit", **TO_DEMO)
    path = f"{uri}/resources/PARREC/files/a/scan.par"
    assert (
        as_owner.call("PUT", path, {"inbody": "true"}, body=b"# PAR", headers={"Content-Type": "text/plain"}).status
        == 200
    )
    (resource,) = as_owner.get(f"{uri}/resources", format="json").rows
    assert (resource["label"], resource["file_count"], resource["file_size"]) == ("PARREC", "1", "5")
    assert as_owner.get(path).body == b"# PAR"
    archived = act(as_owner, uri, "commit", AA="true").text
    assert as_owner.get(f"{archived}/resources/PARREC/files/a/scan.par").body == b"# PAR"


# -- the idle timer ------------------------------------------------------------------------------------


def test_quiet_sessions_are_built_and_prevented_ones_are_not(practice: Practice, as_owner: Caller) -> None:
    quiet = send_one(as_owner, series(1), **TO_DEMO)
    held = [
        send_one(as_owner, series(1), **{**TO_DEMO, "session": "E2"}, prevent_auto_commit="true"),
        send_one(as_owner, series(1), **{**TO_DEMO, "session": "E3"}, SOURCE="uploader"),
    ]
    look(practice, after_s=1)
    assert row_of(as_owner, quiet)["status"] == "RECEIVING"
    look(practice, after_s=6)
    assert row_of(as_owner, quiet)["status"] == "READY"
    assert {row_of(as_owner, uri)["status"] for uri in held} == {"RECEIVING"}


@pytest.mark.parametrize(("code", "status"), [(4, "CONFLICT"), (5, None)])
def test_the_timer_archives_where_the_project_says_so(
    practice: Practice, as_owner: Caller, code: int, status: str | None
) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", code))
    for expected in (None, status):
        uri = send_one(as_owner, series(2), **TO_DEMO)
        look(practice, after_s=10)
        rows = as_owner.get(uri, format="json").rows
        assert (rows[0]["status"] if rows else None) == expected
    archived = "/data/projects/DEMO/subjects/S1/experiments/E1"
    assert names_in(as_owner, archived) == {"i1.dcm", "i2.dcm"}


def test_the_prearchive_outlives_a_restart(practice: Practice, as_owner: Caller) -> None:
    uri = send_one(as_owner, series(2), **TO_DEMO)
    act(as_owner, uri, "build")
    before = row_of(as_owner, uri)
    practice.stop()
    practice.start()
    assert row_of(as_owner, uri) == before
    assert send_one(as_owner, series(1, first=3), **TO_DEMO) == uri
    archived = act(as_owner, uri, "commit", AA="true").text
    assert names_in(as_owner, archived) == {"i1.dcm", "i2.dcm", "i3.dcm"}
