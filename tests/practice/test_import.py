"""The import service: what is sent arrives unchanged, and what goes wrong goes wrong as in XNAT."""

import concurrent.futures
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from practice.arriving import IMPORT, act, names_in, row_of, rows_of, send, send_one, until
from practice.calling import Answer, Caller
from practice.images import MR, instance, series, streamed_zip, tarred, zipped
from support import Practice
from xnat_wizard.practice.naming import token

ZIP = {"Content-Type": "application/zip"}
TO_DEMO = {"project": "DEMO", "subject": "S1", "session": "E1"}


def stored(practice: Practice) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (practice.folder / "prearchive").rglob("*") if path.is_file()}


def multipart(name: str, data: bytes) -> tuple[bytes, dict[str, str]]:
    head = f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


# -- good uploads --------------------------------------------------------------------------------------


def test_files_are_stored_byte_for_byte(practice: Practice, as_owner: Caller) -> None:
    files = series(3)
    answer = send(as_owner, {f"x/y/{name}": data for name, data in files.items()}, **TO_DEMO)
    (row,) = rows_of(as_owner)
    assert answer.body == f"/data{row['url']}\r\n".encode()
    assert answer.headers["Content-Type"].startswith("text/uri-list")
    assert stored(practice) == files
    assert (row["status"], row["subject"], row["name"], row["tag"]) == ("RECEIVING", "S1", "E1", "1.2.1")
    assert row["scan_date"] == "2001-02-03 00:00:00.0"
    assert (row["autoarchive"], row["prevent_anon"], row["prevent_auto_commit"]) == ("Manual", "false", "false")


@pytest.mark.parametrize(
    ("name", "kind", "pack"),
    [
        ("a.zip", "application/zip", zipped), ("a.zip", "application/zip", streamed_zip),
        ("a.tar", "application/x-tar", tarred), ("a.tgz", "application/x-gtar", lambda files: tarred(files, "w:gz")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_body", [True, False])
def test_every_form_of_archive(
    practice: Practice,
    as_owner: Caller,
    name: str,
    kind: str,
    pack: Callable[[dict[str, bytes]], bytes],
    *,
    is_body: bool,
) -> None:
    files = series(2)
    body, headers = (pack(files), {"Content-Type": kind}) if is_body else multipart(name, pack(files))
    answer = as_owner.call("POST", IMPORT, {"import-handler": "DICOM-zip", **TO_DEMO}, body=body, headers=headers)
    assert answer.status == 200, answer.text
    assert stored(practice) == files


def test_parts_of_a_study_meet_in_one_row(as_owner: Caller) -> None:
    uris = {send_one(as_owner, series(2, first=n), **TO_DEMO) for n in (1, 3, 5)}
    assert len(uris) == 1
    uri = uris.pop()
    assert act(as_owner, uri, "build").text == uri
    assert len(names_in(as_owner, uri)) == 6


def test_two_studies_make_two_sessions(as_owner: Caller) -> None:
    answer = send(as_owner, {"a": instance(study="1"), "b": instance(study="2")}, **TO_DEMO)
    assert len(answer.text.splitlines()) == 2
    assert {row["tag"] for row in rows_of(as_owner)} == {"1.2.1", "1.2.2"}


def test_gradual_takes_one_object_and_the_upper_case_names_only(as_owner: Caller) -> None:
    params = {
        "import-handler": "gradual-DICOM",
        "PROJECT_ID": "DEMO",
        "SUBJECT_ID": "S1",
        "session": "ignored",
        "rename": "true",
    }
    answer = as_owner.call("POST", IMPORT, params, body=instance(), headers={"Content-Type": "application/dicom"})
    assert row_of(as_owner, answer.text.strip())["name"] == "S_1"


def test_names_by_template(as_owner: Caller) -> None:
    uri = send_one(as_owner, series(1), rename="true", **TO_DEMO)
    act(as_owner, uri, "build")
    assert names_in(as_owner, uri) == {f"1.2.1-1-1-{token(MR, '1.2.1.1.1')}.dcm"}


def test_the_same_name_for_another_object_gives_the_templates_name(practice: Practice, as_owner: Caller) -> None:
    first, second = instance(number=1), instance(number=2)
    for data in (first, second, first, second):
        send_one(as_owner, {"same.dcm": data}, **TO_DEMO)
    assert stored(practice) == {"same.dcm": first, f"1.2.1-1-2-{token(MR, '1.2.1.1.2')}.dcm": second}


def test_eight_at_once(as_owner: Caller, practice: Practice) -> None:
    def one(number: int) -> Answer:
        return send(Caller(practice.url, "owner", "owner"), series(10, first=10 * number + 1), **TO_DEMO)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(stored(practice)) == 80


def test_a_commit_to_the_archive_in_one_call(as_owner: Caller) -> None:
    uri = "/archive/projects/DEMO/subjects/S1/experiments/E1"
    assert send_one(as_owner, series(2), dest=uri) == f"/data{uri}"
    files = as_owner.get(f"/data{uri}/scans/1/resources/DICOM/files", format="json").rows
    assert {row["digest"] for row in files} == {hashlib.md5(data).hexdigest() for data in series(2).values()}  # noqa: S324  XNAT's digest
    assert rows_of(as_owner) == []


def test_a_dest_in_the_prearchive_keeps_the_session_there(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    uri = send_one(as_owner, series(2), dest="/prearchive/projects/DEMO/20000101_000000/F")
    row = row_of(as_owner, uri)
    assert (row["status"], row["url"], row["autoarchive"]) == (
        "READY",
        "/prearchive/projects/DEMO/20000101_000000/F",
        "AutoArchive",
    )
    other = send(as_owner, {"a": instance(study="2")}, dest="/prearchive/projects/DEMO/20000101_000000/F")
    assert other.status == 400


def test_a_project_that_archives_by_itself_ignores_aa_false(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    assert send_one(as_owner, series(1), action="commit", AA="false", **TO_DEMO).startswith("/data/archive/")


# -- where it goes when the destination is no good -----------------------------------------------------


def test_an_unreadable_project_is_ignored_in_silence(as_stranger: Caller, as_admin: Caller) -> None:
    uri = send_one(as_stranger, series(1), project="DEMO", session="E1")
    assert uri.startswith("/data/prearchive/projects/Unassigned/")
    assert rows_of(as_admin, "Unassigned")[0]["name"] == "E1"


def test_the_header_can_send_it_into_a_project_the_sender_cannot_open(as_stranger: Caller) -> None:
    uri = send_one(as_stranger, series(1, PatientComments="Project:DEMO"), project="TYPO")
    assert uri.startswith("/data/prearchive/projects/DEMO/")


def test_a_filter_drops_in_silence(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(
        lambda store: store.state.preferences.update(
            enableSitewideSeriesImportFilter=True, sitewideSeriesImportFilter="series"
        )
    )
    answer = send(as_owner, series(2), **TO_DEMO)
    assert (answer.status, answer.body) == (200, b"")
    assert rows_of(as_owner) == []


# -- scripts at the door -------------------------------------------------------------------------------


def test_the_sites_script_runs_on_arrival(practice: Practice, as_owner: Caller) -> None:
    practice.anonymize()
    send_one(as_owner, {"a.dcm": instance()}, **TO_DEMO)
    (data,) = stored(practice).values()
    assert b"Subject^One" not in data
    assert data.count(b"DEMO") == 1


def test_prevent_anon_keeps_it_as_it_is(practice: Practice, as_owner: Caller) -> None:
    practice.anonymize()
    send_one(as_owner, series(1), prevent_anon="true", **TO_DEMO)
    assert stored(practice) == series(1)


def test_a_script_that_is_not_understood_refuses_the_object(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(
        lambda store: store.state.preferences.update(
            enableSitewideAnonymizationScript=True, sitewideAnonymizationScript="removeAllPrivateTags"
        )
    )
    answer = send(as_owner, series(1), **TO_DEMO)
    assert answer.status == 400
    assert "unable to read DICOM object i1.dcm: line 1" in answer.told
    assert stored(practice) == {}
    assert rows_of(as_owner) == []


def test_what_a_script_rejects_is_gone_without_a_word(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(
        lambda store: store.state.preferences.update(
            enableSitewideAnonymizationScript=True, sitewideAnonymizationScript='(0008,0060) = "MR" ? reject'
        )
    )
    answer = send(as_owner, series(2), **TO_DEMO)
    assert (answer.status, answer.body) == (200, b"")
    assert rows_of(as_owner) == []


# -- what goes wrong -----------------------------------------------------------------------------------


def test_earlier_entries_stay_when_a_later_one_is_bad(practice: Practice, as_owner: Caller) -> None:
    answer = send(as_owner, {**series(2), "letter.txt": b"no image", "z.dcm": instance(number=9)}, **TO_DEMO)
    assert answer.status == 400
    assert answer.told == "unable to read DICOM object letter.txt"
    assert stored(practice) == series(2)
    assert rows_of(as_owner)[0]["status"] == "RECEIVING"


def test_unreadable_entries_can_be_ignored(practice: Practice, as_owner: Caller) -> None:
    files = {"__MACOSX/._i1.dcm": b"junk", **series(2), "DICOMDIR": b""}
    send_one(as_owner, files, **TO_DEMO, **{"Ignore-Unparsable": "true"})
    assert stored(practice) == series(2)
    answer = send(as_owner, {"a": b"junk"}, **TO_DEMO, **{"Ignore-Unparsable": "true"})
    assert (answer.status, answer.told) == (400, "unable to read DICOM object a")


def test_a_commit_ignores_unreadable_entries_but_a_dest_does_not(as_owner: Caller) -> None:
    files = {"note.txt": b"no image", **series(1)}
    assert send(as_owner, files, action="commit", **TO_DEMO).status == 200
    assert send(as_owner, files, dest="/prearchive/projects/DEMO").status == 400


ONE = zipped(series(1))
UNREAD = zipped({"a": b"junk"})
TWO_STUDIES = zipped({"a": instance(), "b": instance(study="2")})


@pytest.mark.parametrize(
    ("params", "body", "status", "told"),
    [
        ({"import-handler": "nonsense"}, ONE, 404, "Unknown importer implementation specified: nonsense"),
        ({"import-handler": "inbox"}, ONE, 501, "does not implement the import handler inbox"),
        ({"Direct-Archive-Overwrite": "true"}, ONE, 501, "Direct-Archive"),
        ({"Sender-AE-Title": "SCANNER"}, ONE, 501, "Sender-AE-Title"),
        ({"import-handler": "SI", "prearc-importer": "ECAT"}, ONE, 501, "ECAT"),
        ({}, b"", 400, "File posts must include the file directly"),
        ({}, b"junk", 400, "unable to read data from file"),
        ({}, streamed_zip(series(1), is_stored=True), 400, "unable to read data from file"),
        ({}, zipped({"x.nii.gz": b"1"}), 400, "Unsupported format GZ"),
        ({}, zipped({"a": instance(SOPInstanceUID=None)}), 400, "contains no SOP Instance UID"),
        ({"dest": "/somewhere"}, ONE, 400, "Parameter dest format error"),
        ({"prearchive_code": "1", "overwrite": "append"}, ONE, 400, "Overwrite flag was not set to a valid option."),
        ({"import-handler": "SI", "project": "DEMO"}, UNREAD, 400, "did not include parsable files"),
        ({"import-handler": "SI", "dest": "/archive/projects/DEMO"}, TWO_STUDIES, 400, "multiple imaging sessions"),
    ],
)
def test_refusals(as_owner: Caller, params: dict[str, str], body: bytes, status: int, told: str) -> None:
    answer = as_owner.call("POST", IMPORT, {"import-handler": "DICOM-zip", **params}, body=body, headers=ZIP)
    assert (answer.status, told in answer.told) == (status, True), answer.text


@pytest.mark.parametrize(
    ("params", "headers", "status", "told"),
    [
        ({}, {}, 400, "Unable to identify upload format."),
        ({}, {"Content-Type": "application/octet-stream"}, 400, "Unsupported format UNKNOWN"),
        ({"inbody": "true"}, {"Content-Type": "application/gzip"}, 400, "Unsupported format UNKNOWN"),
        ({"src": "/nowhere"}, {}, 400, "src uri is invalid."),
        ({"src": "/user/cache/resources/X/files/a.zip"}, {}, 404, "Unknown src file."),
    ],
)
def test_refusals_of_other_forms(
    as_owner: Caller, params: dict[str, str], headers: dict[str, str], status: int, told: str
) -> None:
    params = {"import-handler": "DICOM-zip", **params}
    answer = as_owner.call("POST", IMPORT, params, body=b"x" if headers else None, headers=headers)
    assert (answer.status, told in answer.told) == (status, True), answer.text


def test_a_form_as_the_body_is_refused(as_owner: Caller) -> None:
    body, headers = multipart("a.zip", zipped(series(1)))
    params = {"import-handler": "DICOM-zip", "inbody": "true"}
    assert as_owner.call("POST", IMPORT, params, body=body, headers=headers).status == 406


def test_two_writers_of_one_file_name_collide(practice: Practice, as_owner: Caller) -> None:
    from xnat_wizard.practice.arrival import arrival_of

    uri = send_one(as_owner, series(1), **TO_DEMO)
    path = (
        practice.folder
        / uri.removeprefix("/data/").replace("prearchive/projects", "prearchive")
        / "SCANS/1/DICOM/i1.dcm"
    )
    services = practice.server.services
    assert services is not None
    assert arrival_of(services).take_file(path)
    answer = send(as_owner, series(1), **TO_DEMO)
    assert (answer.status, answer.told) == (400, "Concurrent file sends of the same data is not supported.")


def test_a_client_that_leaves_in_the_middle_leaves_no_half_file(practice: Practice, as_owner: Caller) -> None:
    files = {f"i{number}.dcm": instance(number=number, ImageComments="x" * 50000) for number in (1, 2)}
    whole = zipped(files, 0)
    cut = whole.index(b"i2.dcm") + 20000
    address = urlsplit(practice.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        head = (
            f"POST {IMPORT}?import-handler=DICOM-zip&project=DEMO&session=E1 HTTP/1.1\r\nHost: x\r\n"
            "Authorization: Basic b3duZXI6b3duZXI=\r\nContent-Type: application/zip\r\n"
            f"Content-Length: {len(whole)}\r\n\r\n"
        )
        connection.sendall(head.encode() + whole[:cut])
        until(lambda: stored(practice))  # the first file is on its way
    spool = practice.folder / "spool"
    until(lambda: not any(spool.iterdir()))
    assert stored(practice) == {"i1.dcm": files["i1.dcm"]}
    assert rows_of(as_owner)[0]["status"] == "RECEIVING"


# -- listeners, answers --------------------------------------------------------------------------------


def test_a_listener_hears_how_it_went(as_owner: Caller, as_member: Caller) -> None:
    uri = send_one(as_owner, series(1), **TO_DEMO, **{"http-session-listener": "42"})
    told = as_owner.get("/xapi/event_tracking/42").json()
    assert (told["succeeded"], told["finalMessage"]) == (True, f"Prearchive:{uri.removeprefix('/data')}")
    assert as_member.get("/xapi/event_tracking/42").status == 404
    (messages,) = as_owner.get("/data/status/42", format="json").json()["msgs"]
    assert messages[-1]["terminal"] is True
    assert as_owner.get("/data/status/43", format="json").json() == {"msgs": [[]]}


def test_answers_as_text_and_as_html(as_owner: Caller) -> None:
    assert send(as_owner, series(1), format="txt", **TO_DEMO).text.endswith("/E1")
    assert "<a href" in send(as_owner, series(1), format="html", **TO_DEMO).text
    answer = send(as_owner, {"a": b"junk"}, format="html", **TO_DEMO)
    assert (answer.status, "ERROR: The process could not be completed" in answer.text) == (200, True)


@pytest.mark.parametrize("tree", ["headers-match-folders", "pet-ct-one-session", "two-visits-under-one-subject"])
def test_real_trees_arrive_unchanged(practice: Practice, as_owner: Caller, shared_data: Path, tree: str) -> None:
    paths = [path for path in sorted((shared_data / "trees" / "good" / tree).rglob("*")) if path.is_file()]
    paths = [path for path in paths if path.read_bytes()[128:132] == b"DICM"]
    assert paths
    files = {f"{number}/{path.name}": path.read_bytes() for number, path in enumerate(paths)}
    answer = send(as_owner, files, project="DEMO", rename="true")
    assert answer.status == 200, answer.text
    found = sorted(path.read_bytes() for path in (practice.folder / "prearchive").rglob("*") if path.is_file())
    assert found == sorted(files.values())
    for number, uri in enumerate(answer.text.splitlines()):
        assert act(as_owner, uri, "commit", AA="true", session=f"E{number}").status == 301
    archived = sorted(path.read_bytes() for path in (practice.folder / "archive").rglob("*") if path.is_file())
    assert archived == sorted(files.values())


def test_a_file_of_the_user_cache_is_imported_in_the_background(as_owner: Caller) -> None:
    path = "/user/cache/resources/U1/files/a.zip"
    put = as_owner.call("PUT", f"/data{path}", {"inbody": "true"}, body=zipped(series(2)), headers=ZIP)
    assert put.status in {200, 201}
    params = {"import-handler": "DICOM-zip", "src": path, "action": "commit", "http-session-listener": "U1", **TO_DEMO}
    answer = as_owner.call("POST", IMPORT, params)
    assert (answer.status, answer.text) == (200, "Submitted for prearchival")
    until(lambda: as_owner.get("/xapi/event_tracking/U1").json()["succeeded"] is not None)
    assert [row["status"] for row in rows_of(as_owner)] == ["READY"]


def test_other_methods_are_refused(as_owner: Caller) -> None:
    assert {as_owner.call(method, IMPORT).status for method in ("GET", "PUT")} == {405}


def test_an_object_without_prefix_is_taken_as_it_is(practice: Practice, as_owner: Caller) -> None:
    bare = instance()[132:]
    send_one(as_owner, {"bare": bare}, **TO_DEMO)
    assert stored(practice) == {"bare": bare}


@pytest.mark.parametrize(
    "dest", ["/prearchive/projects/DEMO/../x", "/prearchive/projects/DEMO/1/..%2F..%2Fx", "/archive/projects/.."]
)
def test_a_dest_cannot_leave_its_folder(as_owner: Caller, dest: str) -> None:
    assert send(as_owner, series(1), dest=dest).told == "Parameter dest format error"


@pytest.mark.parametrize(
    "src", ["/user/cache/resources/X/files/..%2F..%2Fstate.json", "/user/cache/resources/%2Fetc/files/hosts"]
)
def test_a_src_cannot_leave_the_cache(as_owner: Caller, src: str) -> None:
    answer = as_owner.call("POST", IMPORT, {"import-handler": "DICOM-zip", "src": src})
    assert answer.told == "src uri is invalid."
