"""From the prearchive into the archive: merging, conflicts, scripts, and the services' odd answers."""

import concurrent.futures
from typing import Any

import pytest

from practice.arriving import act, names_in, row_of, rows_of, send, send_one, until
from practice.calling import Answer, Caller
from practice.images import CT, instance, series
from support import Practice
from xnat_wizard.practice.store import Config

TO_DEMO = {"project": "DEMO", "subject": "S1", "session": "E1"}
SESSION = "/data/projects/DEMO/subjects/S1/experiments/E1"
URI = "/data/archive/projects/DEMO/subjects/S1/experiments/E1"


def archive(caller: Caller, uri: str, **params: str) -> Answer:
    return caller.call("POST", "/data/services/archive", {"src": uri, **params})


def ready(caller: Caller, files: dict[str, bytes], **params: str) -> str:
    return send_one(caller, files, action="commit", **{**TO_DEMO, **params})


def verdicts(caller: Caller, uri: str, **params: str) -> list[tuple[str, str]]:
    answer = caller.call("POST", "/data/services/validate-archive", {"src": uri, "format": "json", **params})
    return [(row["code"], row["type"]) for row in answer.rows]


def set_script(practice: Practice, script: str) -> None:
    practice.on_loop(
        lambda store: store.state.configs.append(
            Config("anon", "projects/DEMO", "DEMO", script, "enabled", "owner", 0.0, 1)
        )
    )


# -- plain -------------------------------------------------------------------------------------------


def test_one_session_answers_its_uri(practice: Practice, as_owner: Caller) -> None:
    files = series(3)
    uri = ready(as_owner, files)
    assert verdicts(as_owner, uri) == [("12", "WARN")]
    answer = archive(as_owner, uri)
    assert (answer.status, answer.body) == (200, f"{URI}\r\n".encode())
    assert rows_of(as_owner) == []
    assert not list((practice.folder / "prearchive" / "DEMO").iterdir())
    folder = practice.folder / "archive/DEMO/arc001/E1/SCANS/1/DICOM"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_what_the_archive_knows_of_a_session(practice: Practice, as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, series(2)))

    def facts(store: Any) -> tuple[Any, ...]:
        (session,) = store.state.sessions.values()
        (scan,) = session.scans.values()
        entries = scan.resources["DICOM"].files.values()
        subject = store.state.subjects[session.subject]
        return (
            session.id, session.xsi_type, session.fields["date"], session.fields["UID"], session.fields["status"],
            session.insert_user, subject.label, scan.xsi_type, scan.fields["frames"],
            {entry.sop_instance_uid for entry in entries},
        )  # fmt: skip

    assert practice.on_loop(facts) == (
        "XNAT_E00001", "xnat:mrSessionData", "2001-02-03", "1.2.1", "active", "owner", "S1", "xnat:mrScanData", "2",
        {"1.2.1.1.1", "1.2.1.1.2"},
    )  # fmt: skip


def test_an_automatic_project_answers_303(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    uri = send_one(as_owner, series(1), dest="/prearchive/projects/DEMO", subject="S1", session="E1")
    answer = archive(as_owner, uri)
    assert (answer.status, answer.headers["Location"]) == (303, f"{as_owner.url}{URI}")


def test_a_listener_makes_it_asynchronous(as_owner: Caller) -> None:
    answer = archive(as_owner, ready(as_owner, series(1)), **{"http-session-listener": "9"})
    assert answer.status == 303
    until(lambda: as_owner.get("/xapi/event_tracking/9").json()["succeeded"] is not None)
    assert as_owner.get("/xapi/event_tracking/9").json()["finalMessage"] == f"Archive:{URI.removeprefix('/data')}"


def test_several_sessions_answer_a_table(as_owner: Caller) -> None:
    uris = [ready(as_owner, series(1), session=name) for name in ("E1", "E2")]
    answer = as_owner.call("POST", "/data/services/archive?" + "&".join(f"src={uri}" for uri in uris) + "&format=json")
    assert {row["status"] for row in answer.rows} == {"QUEUED_ARCHIVING"}
    until(lambda: not rows_of(as_owner))
    assert as_owner.get("/data/projects/DEMO/subjects/S1/experiments/E2", format="json").status == 200


def test_labels_and_fields_can_be_given(as_owner: Caller) -> None:
    uri = ready(as_owner, series(1))
    given = {"subject": "s2", "session": "A B", "xnat:mrSessionData/note": "mine"}
    assert archive(as_owner, uri, **given).text.strip().endswith("/subjects/s2/experiments/A_B")
    item = as_owner.get("/data/projects/DEMO/experiments/A_B", format="json").json()["items"][0]
    assert item["data_fields"]["note"] == "mine"
    assert (
        archive(as_owner, ready(as_owner, series(1), session="E2"), subject="S2")
        .text.strip()
        .endswith("/subjects/s2/experiments/E2")
    )


def test_quarantine(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "quarantine_code", 1))
    archive(as_owner, ready(as_owner, series(1)))
    assert practice.on_loop(lambda store: [s.fields["status"] for s in store.state.sessions.values()]) == ["quarantine"]


# -- merging -----------------------------------------------------------------------------------------


def test_a_new_scan_is_added(as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, series(2)))
    uri = ready(as_owner, series(2, series="2"))
    assert verdicts(as_owner, uri) == [("1", "CONFLICT")]
    assert archive(as_owner, uri).status == 200
    assert [row["ID"] for row in as_owner.get(f"{SESSION}/scans", format="json").rows] == ["1", "2"]


def test_the_rest_of_a_scan_is_added(as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, series(2)))
    assert archive(as_owner, ready(as_owner, series(2, first=3))).status == 200
    assert names_in(as_owner, SESSION) == {"i1.dcm", "i2.dcm", "i3.dcm", "i4.dcm"}


def test_another_series_with_the_same_number_gets_a_new_one(as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, series(1)))
    uri = ready(as_owner, series(1, series="9", SeriesNumber="1"))
    assert verdicts(as_owner, uri) == [("1", "CONFLICT"), ("17", "CONFLICT")]
    assert archive(as_owner, uri).status == 200
    assert [row["ID"] for row in as_owner.get(f"{SESSION}/scans", format="json").rows] == ["1", "1-MR1"]
    archive(as_owner, ready(as_owner, series(1, first=2, series="9", SeriesNumber="1")))
    assert names_in(as_owner, SESSION, "1-MR1") == {"i1.dcm"}


def test_the_same_files_again_are_a_conflict_until_overwritten(as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, series(2)))
    uri = ready(as_owner, series(2))
    answer = archive(as_owner, uri)
    reason = "Operation Failed: Session already contains a scan (1) with the same UID and number."
    assert (answer.status, answer.told) == (500, f"FAILED: Unable to archive E1: {reason}")
    assert row_of(as_owner, uri)["status"] == "CONFLICT"
    assert as_owner.get(f"{uri}/logs/last").text == reason
    assert archive(as_owner, uri, overwrite="delete").status == 200
    assert len(names_in(as_owner, SESSION)) == 2


def test_the_same_object_under_another_name_replaces_the_old_file(practice: Practice, as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, {"old.dcm": instance()}))
    assert archive(as_owner, ready(as_owner, {"new.dcm": instance()}), overwrite_files="true").status == 200
    assert names_in(as_owner, SESSION) == {"new.dcm"}
    assert [path.name for path in practice.folder.joinpath("archive").rglob("*.dcm")] == ["new.dcm"]


def test_another_object_with_the_same_name_is_renamed(as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, {"a.dcm": instance(number=1)}))
    assert archive(as_owner, ready(as_owner, {"a.dcm": instance(number=2)})).status == 200
    assert len(names_in(as_owner, SESSION)) == 2


@pytest.mark.parametrize(
    ("files", "params", "code", "told", "is_overridable"),
    [
        ({"a": instance(study="2")}, {}, "5", "Invalid modification of session UID via archive process.", True),
        ({"a": instance()}, {"subject": "S2"}, "4", "E1 Already Exists for another Subject", False),
        (
            {"a": instance(number=2, Modality="CT", SOPClassUID=CT)},
            {},
            "19",
            "Invalid modification of session modality",
            True,
        ),
        ({"a": instance(number=2, SeriesNumber="7")}, {}, "18", "with the same UID, but a different number", True),
    ],
)
def test_conflicts(
    as_owner: Caller, files: dict[str, bytes], params: dict[str, str], code: str, told: str, *, is_overridable: bool
) -> None:
    archive(as_owner, ready(as_owner, series(1)))
    uri = ready(as_owner, files, **params)
    assert code in dict(verdicts(as_owner, uri))
    answer = archive(as_owner, uri)
    assert (answer.status, told in answer.told) == (500, True), answer.told
    assert row_of(as_owner, uri)["status"] == "CONFLICT"
    assert archive(as_owner, uri, overwrite="delete").status == (200 if is_overridable else 500)


def test_an_import_without_overwrite_does_not_merge(as_owner: Caller) -> None:
    send_one(as_owner, series(1), dest=URI)
    answer = send(as_owner, series(1, series="2"), dest=URI)
    assert (answer.status, answer.told) == (400, "unable to archive for the Prearchive session")
    (row,) = rows_of(as_owner)
    assert row["status"] == "CONFLICT"
    log = as_owner.get(f"/data{row['url']}/logs/last").text
    assert log == "Operation Failed: Session already exists, retry with overwrite enabled"


def test_the_classic_importer_says_what_is_wrong(as_owner: Caller) -> None:
    si = {"import-handler": "SI", "dest": URI}
    send_one(as_owner, series(1), **si)
    answer = send(as_owner, series(1), **si)
    assert (answer.status, answer.told) == (409, "Session already exists, retry with overwrite enabled")


# -- scripts and refusals --------------------------------------------------------------------------------


def test_the_projects_script_runs_on_the_way_in(practice: Practice, as_owner: Caller) -> None:
    set_script(practice, "(0010,0010) := session\n(0020,000D) := hashUID[(0020,000D)]")
    uri = ready(as_owner, series(2))
    assert b"Subject^One" in as_owner.get(f"{uri}/scans/1/resources/DICOM/files/i1.dcm").body
    archive(as_owner, uri)
    assert b"Subject^One" not in as_owner.get(f"{SESSION}/scans/1/resources/DICOM/files/i1.dcm").body
    (uid,) = practice.on_loop(lambda store: [s.fields["UID"] for s in store.state.sessions.values()])
    assert uid.startswith("2.25.")


def test_a_session_that_a_script_rejects_as_a_whole_is_an_error(practice: Practice, as_owner: Caller) -> None:
    set_script(practice, "reject")
    uri = ready(as_owner, series(2))
    assert archive(as_owner, uri).status == 500
    assert row_of(as_owner, uri)["status"] == "ERROR"
    assert practice.on_loop(lambda store: (store.state.sessions, store.state.subjects)) == ({}, {})


def test_a_script_that_is_not_understood_stops_the_archive(practice: Practice, as_owner: Caller) -> None:
    set_script(practice, "shiftDate everything")
    uri = ready(as_owner, series(2))
    assert "line 1" in archive(as_owner, uri).told
    assert names_in(as_owner, uri) == {"i1.dcm", "i2.dcm"}


@pytest.mark.parametrize(
    ("params", "status", "told"),
    [
        ({}, 404, "Unknown prearchive session."),
        ({"src": "/archive/projects/DEMO/subjects/S1/experiments/E1"}, 400, "Invalid src URI"),
        ({"src": "/prearchive/projects/Unassigned/1/2"}, 400, "Cannot archive sessions from the Unassigned folder."),
        ({"src": "/prearchive/projects/DEMO/1/2"}, 404, "/prearchive/projects/DEMO/1/2 not found."),
        ({"src": "/prearchive/projects/NONE/1/2"}, 403, "Invalid permissions for new project."),
        ({"src": "nonsense"}, 500, "nonsense invalid."),
    ],
)
def test_refusals(as_owner: Caller, params: dict[str, str], status: int, told: str) -> None:
    answer = as_owner.call("POST", "/data/services/archive", params)
    assert (answer.status, told in answer.told) == (status, True), answer.text


def test_a_destination_beside_a_source_is_not_understood(as_owner: Caller) -> None:
    params = {"src": "/prearchive/projects/DEMO/1/2", "dest": "/archive/projects/DEMO"}
    assert as_owner.call("POST", "/data/services/archive", params).status == 501


def test_only_one_session_can_be_validated(as_owner: Caller) -> None:
    answer = as_owner.call("POST", "/data/services/validate-archive?src=/a&src=/b")
    assert answer.told == "Cannot validate multiple sessions in one request."


def test_a_commit_merges_but_never_overrides(as_owner: Caller) -> None:
    archive(as_owner, ready(as_owner, series(1)))
    assert act(as_owner, ready(as_owner, series(1, series="2")), "commit", AA="true").status == 301
    uri = ready(as_owner, series(1))
    assert act(as_owner, uri, "commit", AA="true", overwrite="delete").status == 500
    assert act(as_owner, uri, "commit", AA="true", overwrite_files="true").status == 301


def test_sessions_of_one_new_subject_may_be_archived_at_once(practice: Practice, as_owner: Caller) -> None:
    uris = [ready(as_owner, {"a": instance(study=str(n))}, session=f"E{n}") for n in range(6)]

    def one(uri: str) -> int:
        return archive(Caller(practice.url, "owner", "owner"), uri).status

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert set(pool.map(one, uris)) == {200}
    assert practice.on_loop(lambda store: (len(store.state.subjects), len(store.state.sessions))) == (1, 6)


def test_two_archivings_of_one_session_do_not_meet(practice: Practice, as_owner: Caller) -> None:
    si = {"import-handler": "SI", "dest": "/prearchive/projects/DEMO"}
    uris = [ready(as_owner, series(40)), send_one(as_owner, series(20, first=41), **si, **TO_DEMO)]

    def one(uri: str) -> int:
        return archive(Caller(practice.url, "owner", "owner"), uri).status

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(one, uris))
    for row in rows_of(as_owner):
        assert row["status"] == "ERROR"
        assert archive(as_owner, row["url"]).status == 200
    assert statuses in ([200, 200], [200, 500])
    assert len(names_in(as_owner, SESSION)) == 60
