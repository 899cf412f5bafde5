"""Files in resources: received, listed, sent, deleted; and what goes wrong."""

import gzip
import hashlib
import http.client
import io
import json
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from practice.conftest import Answer, Caller
from support import Practice

SESSION = "/data/projects/DEMO/subjects/S01/experiments/E1"
FILES = f"{SESSION}/resources/R/files"
MR = "xnat:mrSessionData"


@pytest.fixture(autouse=True)
def session(as_owner: Caller) -> None:
    """Make a session with one scan."""
    as_owner.put(SESSION, xsiType=MR)
    as_owner.put(f"{SESSION}/scans/4", xsiType="xnat:mrScanData", type="T1 w", series_description="t1_mpr")


def send(caller: Caller, path: str, body: bytes, method: str = "PUT", **params: str) -> Answer:
    headers = {"Content-Type": "application/octet-stream"}
    return caller.call(method, path, {"inbody": "true", **params}, body=body, headers=headers)


def send_form(caller: Caller, path: str, files: dict[str, bytes], method: str = "POST", **params: str) -> Answer:
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in files.items()
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return caller.call(method, path, params, body=body + b"--b--\r\n", headers=headers)


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def names(caller: Caller, path: str = FILES) -> list[str]:
    return [row["URI"].partition("/files/")[2] for row in caller.get(path).rows]


def test_a_listed_file_has_exactly_these_cells(as_member: Caller) -> None:
    answer = send(
        as_member, f"{SESSION}/scans/4/resources/DICOM/files/sub/a 1.dcm".replace(" ", "%20"), b"abc", format="D"
    )
    assert (answer.status, answer.body) == (200, b"")
    listed = as_member.get(f"{SESSION}/scans/4/resources/DICOM/files").json()["ResultSet"]
    assert listed == {
        "Columns": [{"key": "URI", "serverRoot": ""}],
        "Result": [
            {
                "Name": "a 1.dcm",
                "Size": "3",
                "URI": "/data/experiments/XNAT_E00001/scans/4/resources/1/files/sub/a 1.dcm",
                "collection": "DICOM",
                "file_tags": "",
                "file_format": "D",
                "file_content": "",
                "cat_ID": "1",
                "digest": hashlib.md5(b"abc", usedforsecurity=False).hexdigest(),
            }
        ],
        "title": "Files",
        "totalRecords": "1",
    }


def test_listed_resources_have_exactly_these_cells(as_member: Caller) -> None:
    as_member.put(f"{SESSION}/scans/4/resources/DICOM", format="DICOM", content="RAW", tags="a,b")
    send(as_member, f"{SESSION}/scans/4/resources/DICOM/files/x", b"12345")
    as_member.put(f"{SESSION}/resources/OWN")
    listed = as_member.get(f"{SESSION}/scans/4/resources").json()["ResultSet"]
    assert (listed["title"], listed["totalRecords"]) == ("Resources", "1")
    assert listed["Result"] == [
        {
            "xnat_abstractresource_id": "1",
            "label": "DICOM",
            "element_name": "xnat:resourceCatalog",
            "category": "scans",
            "cat_id": "4",
            "cat_desc": "t1_mpr",
            "file_count": "1",
            "file_size": "5",
            "tags": "a,b",
            "content": "RAW",
            "format": "DICOM",
        }
    ]
    assert [row["label"] for row in as_member.get(f"{SESSION}/resources").rows] == ["OWN"]
    assert [row["label"] for row in as_member.get(f"{SESSION}/resources", all="true").rows] == ["OWN", "DICOM"]
    assert [row["label"] for row in as_member.get("/data/experiments/XNAT_E00001/scans/ALL/resources").rows] == [
        "DICOM"
    ]


def test_duplicates_answer_200_and_are_not_stored(as_member: Caller) -> None:
    send(as_member, f"{FILES}/a.txt", b"old")
    answer = send(as_member, f"{FILES}/a.txt", b"new")
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    assert json.loads(answer.body) == {"duplicates": ["a.txt"]}
    assert as_member.get(f"{FILES}/a.txt").body == b"old"
    assert send(as_member, f"{FILES}/a.txt", b"new", overwrite="true").body == b""
    assert as_member.get(f"{FILES}/a.txt").body == b"new"


def test_an_archive_stores_what_is_new_and_names_the_rest(as_member: Caller) -> None:
    send(as_member, f"{FILES}/in/a.txt", b"old")
    packed = zipped({"in/a.txt": b"new", "in/b.txt": b"b", "in/": b""})
    answer = send(as_member, f"{FILES}/ignored/x.zip", packed, extract="true")
    assert json.loads(answer.body) == {"duplicates": ["in/a.txt"]}
    assert names(as_member) == ["in/a.txt", "in/b.txt"]
    assert as_member.get(f"{FILES}/in/a.txt").body == b"old"


def test_a_lone_gzip_is_unpacked_by_its_name(as_member: Caller) -> None:
    assert send(as_member, f"{FILES}/a.nii.gz", gzip.compress(b"nifti"), extract="true").status == 200
    assert names(as_member) == ["a.nii"]
    assert as_member.get(f"{FILES}/a.nii").body == b"nifti"


@pytest.mark.parametrize("bad", ["../out.txt", "a/../../out.txt"])
def test_entries_that_leave_the_resource_are_refused_and_nothing_is_stored(
    as_member: Caller, practice: Practice, bad: str
) -> None:
    before = {path for path in practice.folder.rglob("*") if path.is_file() and path.name != "state.json"}
    for name, packed in (
        ("x.zip", zipped({"good.txt": b"g", bad: b"b"})),
        ("x.tar", tarred({"good.txt": b"g", bad: b"b"})),
    ):
        answer = send(as_member, f"{FILES}/{name}", packed, extract="true")
        assert answer.status == 400
        assert "must stay inside" in answer.told
    after = {path for path in practice.folder.rglob("*") if path.is_file() and path.name != "state.json"}
    assert after == before


def tarred(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as bundle:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            bundle.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def test_a_corrupt_archive_is_said_to_be_one(as_member: Caller) -> None:
    packed = zipped({"a.txt": bytes(1000)})
    answer = send(as_member, f"{FILES}/x.zip", packed[: len(packed) // 2], extract="true")
    assert answer.status == 400
    assert "x.zip - Archive file is corrupt" in answer.told
    assert as_member.get(FILES).status == 404


def test_bodies_that_carry_nothing_are_refused_with_the_reason(as_member: Caller) -> None:
    empty = as_member.call("PUT", f"{FILES}/a.txt", {"inbody": "true"}, body=b"")
    assert empty.status == 400
    assert empty.told.startswith("You tried to PUT to this service, but didn't provide any data (found request entity")
    odd = as_member.call("POST", f"{FILES}/a.txt", body=b"some", headers={"Content-Type": "application/x-unknown"})
    assert odd.status == 400
    assert "inbody=true or use multipart/form-data encoding" in odd.told


def test_a_chunked_body_must_be_a_zip(as_member: Caller, practice: Practice) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    def chunked(kind: str) -> int:
        connection = http.client.HTTPConnection(urlsplit(practice.url).netloc, timeout=20)
        headers = {"Content-Type": kind, "Cookie": f"JSESSIONID={as_member.session_id}"}
        connection.request("PUT", f"{FILES}/{kind[-3:]}", body=pieces(), headers=headers, encode_chunked=True)
        status = connection.getresponse().status
        connection.close()
        return status

    as_member.get("/data/projects")
    assert chunked("application/octet-stream") == 400
    assert chunked("application/zip") == 200
    assert as_member.get(f"{FILES}/zip").body == b"onetwo"


def test_who_may_not_edit_gets_200_and_nothing_is_stored(
    as_owner: Caller, as_admin: Caller, as_stranger: Caller
) -> None:
    as_admin.put("/data/projects/DEMO/users/DEMO_collaborator/stranger")
    answer = send(as_stranger, f"{FILES}/a.txt", b"a" * 3_000_000)
    assert (answer.status, answer.body) == (200, b"")
    assert as_owner.get(f"{SESSION}/files").rows == []


def test_a_site_without_checksums_shows_none(as_member: Caller, practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(checksums=False))
    send(as_member, f"{FILES}/a.txt", b"a")
    assert as_member.get(FILES).rows[0]["digest"] == ""


def test_names_that_are_paths_are_refused(as_member: Caller, practice: Practice) -> None:
    assert as_member.put(f"{SESSION}/scans/..%2F..%2Fx", xsiType="xnat:mrScanData").status == 400
    assert as_member.put(f"{SESSION}/resources/..").status in {400, 501}
    assert send(as_member, f"{SESSION}/resources/a%2Fb/files/c.txt", b"c").status == 400
    assert send(as_member, f"{FILES}/..%2F..%2Fc.txt", b"c").status == 400
    assert send(as_member, "/data/user/cache/resources/..%2Fx/files/c.txt", b"c").status == 400
    assert list(practice.folder.rglob("c.txt")) == []


def test_a_form_is_no_body(as_member: Caller) -> None:
    answer = send_form(as_member, FILES, {"a.txt": b"a"}, inbody="true")
    assert answer.status == 406
    assert "(not as part of multi-part form data)" in answer.told


def test_several_files_of_a_form_keep_their_own_names(as_member: Caller) -> None:
    assert send_form(as_member, FILES, {"a.txt": b"a", "C:\\\\dir\\\\b.txt": b"b"}).status == 200
    assert names(as_member) == ["a.txt", "b.txt"]


def test_a_client_that_leaves_in_the_middle_leaves_no_half_file(as_member: Caller, practice: Practice) -> None:
    as_member.get("/data/projects")
    connection = http.client.HTTPConnection(urlsplit(practice.url).netloc, timeout=20)
    connection.putrequest("PUT", f"{FILES}/a.bin?inbody=true")
    connection.putheader("Content-Length", "1000000")
    connection.putheader("Cookie", f"JSESSIONID={as_member.session_id}")
    connection.endheaders()
    connection.send(bytes(1000))
    connection.close()
    assert as_member.get(f"{SESSION}/files").rows == []
    assert send(as_member, f"{FILES}/a.bin", b"whole").body == b""
    assert as_member.get(f"{FILES}/a.bin").body == b"whole"


def test_parallel_uploads_into_one_resource_all_arrive_and_one_of_each_name_wins(
    as_member: Caller, caller: Callable[..., Caller]
) -> None:
    as_member.get("/data/projects")

    def work(number: int) -> list[Answer]:
        mine = caller("member")
        own = [send(mine, f"{FILES}/{number}/{n}.bin", bytes(1000)) for n in range(5)]
        return [*own, send(mine, f"{FILES}/same.bin", f"{number}".encode())]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for result in pool.map(work, range(8)) for answer in result]
    assert {answer.status for answer in answers} == {200}
    assert sum(b"duplicates" in answer.body for answer in answers) == 7
    assert len(as_member.get(FILES).rows) == 41
    assert [row["label"] for row in as_member.get(f"{SESSION}/resources").rows] == ["R"]


def test_a_client_that_leaves_a_download_hurts_nobody(as_member: Caller, practice: Practice) -> None:
    for n in range(4):
        send(as_member, f"{FILES}/{n}.bin", bytes(4_000_000))
    connection = http.client.HTTPConnection(urlsplit(practice.url).netloc, timeout=20)
    headers = {"Cookie": f"JSESSIONID={as_member.session_id}"}
    connection.request("GET", f"{FILES}?format=zip&compression=0", headers=headers)
    answer = connection.getresponse()
    assert answer.read(1000)
    answer.close()
    connection.close()
    assert len(as_member.get(f"{FILES}/3.bin").body) == 4_000_000


def test_a_file_is_no_folder(as_member: Caller) -> None:
    send(as_member, f"{FILES}/a", b"a")
    assert send(as_member, f"{FILES}/a/b", b"b").status == 500
    assert names(as_member) == ["a"]


def test_a_big_file_is_not_held_in_memory(as_member: Caller, practice: Practice) -> None:
    block, count = bytes(2**20), 30

    def blocks() -> Iterator[bytes]:
        for _ in range(count):
            yield block

    as_member.get("/data/projects")
    connection = http.client.HTTPConnection(urlsplit(practice.url).netloc, timeout=60)
    headers = {"Content-Length": str(count * len(block)), "Cookie": f"JSESSIONID={as_member.session_id}"}
    tracemalloc.start()
    connection.request("PUT", f"{FILES}/big.bin?inbody=true", body=blocks(), headers=headers)
    assert connection.getresponse().status == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    connection.close()
    assert peak < 16 * 2**20
    assert as_member.get(FILES).rows[0]["Size"] == str(count * len(block))


# -- out ---------------------------------------------------------------------------------------------


def test_a_file_comes_with_length_name_and_time(as_member: Caller) -> None:
    send(as_member, f"{FILES}/page.html", b"<b>")
    answer = as_member.get(f"{FILES}/page.html")
    assert answer.headers["Content-Length"] == "3"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="page.html"'
    assert answer.headers["Last-Modified"].endswith("GMT")
    send(as_member, f"{FILES}/a.nii.gz", b"packed")
    packed = as_member.get(f"{FILES}/a.nii.gz")
    assert (packed.headers.get_content_type(), packed.headers["Content-Encoding"]) == ("application/octet-stream", None)


def test_a_missing_file_may_be_204(as_member: Caller) -> None:
    send(as_member, f"{FILES}/a.txt", b"a")
    assert as_member.get(f"{FILES}/none").told == "Unable to find file."
    assert as_member.get(f"{FILES}/none", **{"accept-not-found": "true"}).status == 204


def test_a_file_inside_a_zip_can_be_had_alone(as_member: Caller) -> None:
    send(as_member, f"{FILES}/x.zip", zipped({"in/a.txt": b"inner", "b.txt": b""}))
    assert as_member.get(f"{FILES}/x.zip!/in/a.txt").body == b"inner"
    assert as_member.get(f"{FILES}/x.zip!/none").status == 404
    assert [row["Name"] for row in as_member.get(f"{FILES}/x.zip", listContents="true").rows] == ["in/a.txt", "b.txt"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_session_comes_as_an_archive(as_member: Caller, kind: str) -> None:
    send(as_member, f"{SESSION}/scans/4/resources/DICOM/files/1.dcm", b"one")
    send(as_member, f"{FILES}/sub/a.txt", b"a")
    answer = as_member.get(f"{SESSION}/files", format=kind, all="true")
    assert answer.headers["Content-Length"] is None
    assert unpacked(answer.body, kind) == {
        "E1/resources/R/files/sub/a.txt": b"a",
        "E1/scans/4-T1_w/resources/DICOM/files/1.dcm": b"one",
    }
    only = as_member.get(f"{SESSION}/scans/ALL/resources/DICOM/files", format=kind)
    assert list(unpacked(only.body, kind)) == ["E1/scans/4-T1_w/resources/DICOM/files/1.dcm"]


def test_an_archive_of_nothing_is_404_and_structures_differ(as_member: Caller) -> None:
    assert as_member.get(f"{SESSION}/files", format="zip").status == 404
    send(as_member, f"{FILES}/a.txt", b"a")
    simple = as_member.get(FILES, format="zip", structure="simplified").body
    assert list(unpacked(simple, "zip")) == ["E1/R/a.txt"]
    assert as_member.get(FILES, format="zip", structure="legacy").status == 501


def unpacked(data: bytes, kind: str) -> dict[str, bytes]:
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=io.BytesIO(data)) as bundle:
        return {one.name: content.read() for one in bundle if (content := bundle.extractfile(one))}


# -- away and back -----------------------------------------------------------------------------------


def test_deleting_takes_a_file_a_folder_or_a_pattern(as_owner: Caller, as_member: Caller, practice: Practice) -> None:
    for name in ("a.txt", "b.txt", "b.log", "sub/c.txt", "sub/deep/d.txt"):
        send(as_member, f"{FILES}/{name}", b"x")
    assert as_member.delete(f"{FILES}/a.txt").status == 403
    assert as_owner.delete(f"{FILES}/sub").status == 200
    assert as_owner.delete(f"{FILES}/b.*").status == 200
    assert names(as_owner) == ["a.txt"]
    folder = practice.folder / "archive/DEMO/arc001/E1/RESOURCES/R"
    assert [path.name for path in folder.rglob("*")] == ["a.txt"]
    assert as_owner.delete(f"{FILES}/none").told == "File missing"


def test_a_refresh_finds_what_was_put_there_by_hand(as_member: Caller, practice: Practice) -> None:
    send(as_member, f"{FILES}/a.txt", b"a")
    send(as_member, f"{FILES}/b.txt", b"b")
    folder = practice.folder / "archive/DEMO/arc001/E1/RESOURCES/R"
    (folder / "a.txt").unlink()
    (folder / "c.txt").write_bytes(b"ccc")
    params = {"resource": "/archive/experiments/XNAT_E00001/resources/R", "options": "append,delete,checksum"}
    assert as_member.call("POST", "/data/services/refresh/catalog", params).status == 200
    assert [(row["Name"], row["Size"]) for row in as_member.get(FILES).rows] == [("b.txt", "1"), ("c.txt", "3")]
    (folder / "d.txt").write_bytes(b"d")
    paths = ["/archive/projects/DEMO/subjects/S01/experiments/E1"]
    assert as_member.call("PUT", "/xapi/archive/catalogs/refresh/Append", data=paths).status == 200
    assert names(as_member) == ["b.txt", "c.txt", "d.txt"]


def test_a_catalog_names_the_entries(as_member: Caller) -> None:
    send(as_member, f"{FILES}/a&b.txt", b"a")
    document = as_member.get(f"{SESSION}/resources/R").text
    assert '<cat:entry ID="a&amp;b.txt" URI="a&amp;b.txt" digest="' in document


def test_files_survive_a_restart(as_member: Caller, practice: Practice, caller: Callable[..., Caller]) -> None:
    send(as_member, f"{FILES}/a.txt", b"a")
    practice.stop()
    practice.start()
    assert caller("member").get(f"{FILES}/a.txt").body == b"a"


# -- the user cache ----------------------------------------------------------------------------------

CACHE = "/data/user/cache/resources"


def test_the_user_cache_is_ones_own(as_member: Caller, as_owner: Caller) -> None:
    assert send(as_member, f"{CACHE}/U1/files/a.zip", zipped({"a": b"1"})).body == b""
    assert send_form(as_member, f"{CACHE}/U1/files", {"b.txt": b"b"}).status == 201
    made = as_member.put(f"{CACHE}/U1")
    assert (made.status, made.told) == (412, "Resource with this name already exists.")
    assert [row["Resource"] for row in as_member.get(CACHE).rows] == ["U1"]
    listed = as_member.get(f"{CACHE}/U1/files")
    assert [(row["Name"], row["URI"]) for row in listed.rows][1] == ("b.txt", f"{CACHE}/U1/files/b.txt")
    assert listed.json()["ResultSet"]["totalRecords"] == "2"
    assert as_member.get(f"{CACHE}/U1/files/b.txt").body == b"b"
    assert as_owner.get(f"{CACHE}/U1/files").told == "User directory not found or is not a directory."
    assert as_member.delete(f"{CACHE}/U1/files/b.txt,none").status == 200
    assert as_member.delete(f"{CACHE}/U1/files/b.txt").told == "No matching files found."
    assert as_member.delete(f"{CACHE}/U1").status == 200
    assert as_member.get(CACHE).rows == []


def test_the_user_cache_unpacks_and_tells_a_corrupt_archive(as_member: Caller) -> None:
    assert send_form(as_member, f"{CACHE}/U/files", {"a.zip": zipped({"in/a": b"1"})}, extract="true").status == 201
    assert [row["Name"] for row in as_member.get(f"{CACHE}/U/files").rows] == ["in/a"]
    answer = send_form(as_member, f"{CACHE}/U/files", {"a.zip": b"no zip"}, extract="true")
    assert answer.status == 422
    assert answer.told == "FILE:  a.zip - Archive file is corrupt or not a valid archive archive file type."


def test_cached_files_move_into_the_archive(as_member: Caller) -> None:
    send(as_member, f"{CACHE}/U/files/a.txt", b"a")
    move = "/data/services/move-files"
    assert as_member.call("POST", move).told == "Missing src and dest path"
    bad = as_member.call("POST", move, {"src": "/user/cache/resources/U/files/none", "dest": "/archive/x"})
    assert bad.told.startswith("Invalid Source:")
    params = {
        "src": "/user/cache/resources/U/files/a.txt",
        "dest": "/archive/projects/DEMO/subjects/S01/experiments/E1/resources/R/files/sub/b.txt",
    }
    answer = as_member.call("POST", move, params)
    assert (answer.status, answer.body) == (200, b"")
    assert as_member.get(f"{FILES}/sub/b.txt").body == b"a"
    assert as_member.get(f"{CACHE}/U/files").rows == []
