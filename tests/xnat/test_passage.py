"""From a zip to the archive: import, prearchive, archive, files, against the real practice server."""

import asyncio
import copy
import errno
import hashlib
import io
import os
import resource
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.findings import Problem
from xnat_wizard.practice.store import Project
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.errors import Refused, Retry, SiteProblem
from xnat_wizard.xnat.http import Bytes
from xnat_wizard.xnat.model import Login, PrearchiveSession, ProjectDraft, RemoteFile
from xnat_wizard.xnat.site import Site

Connect = Callable[[str], Awaitable[Site]]
BehindProxy = Callable[[str, Path | None], AbstractAsyncContextManager[int]]


async def pieces(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def sent(site: Site, content: bytes, *, project: str = "DEMO", session: str = "S1_MR1") -> str:
    answer = await site.import_zip(project, "S1", session, pieces(content), len(content))
    (uri,) = answer.uris
    return uri


async def row(site: Site, uri: str) -> PrearchiveSession:
    found = await site.prearchive_session(uri)
    assert found is not None
    return found


def files_in(content: bytes) -> int:
    return len(zipfile.ZipFile(io.BytesIO(content)).namelist())


def auto_archive(practice: Practice, code: int = 4) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", code))


async def test_a_zip_arrives_waits_and_is_counted(owner: Site, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    assert uri.startswith("/data/prearchive/projects/DEMO/")
    waiting = await row(owner, uri)
    assert (waiting.status, waiting.subject, waiting.label, waiting.source) == ("RECEIVING", "S1", "S1_MR1", "uploader")
    assert waiting.uri == uri
    assert waiting in await owner.prearchive("DEMO")
    assert waiting in await owner.prearchive()
    with pytest.raises(Refused) as caught:
        await owner.prearchive_scans(uri)
    assert caught.value.finding.code == "prearchive.not_built"
    await owner.build(uri)
    built = await row(owner, uri)
    assert built.status == "READY"
    assert built.is_settled
    scans = await owner.prearchive_scans(uri)
    assert scans
    found = [file for scan in scans for file in await owner.prearchive_files(uri, scan.id)]
    assert len(found) == files_in(subject_zip)
    assert all(file.collection == "DICOM" and file.size_bytes and not file.md5 for file in found)
    assert (await owner.read_file(found[0].uri))[128:132] == b"DICM"
    assert (await owner.jpeg(found[0].uri)).startswith(b"\xff\xd8")


async def test_the_same_zip_twice_stays_one_session(owner: Site, subject_zip: bytes) -> None:
    assert await sent(owner, subject_zip) == await sent(owner, subject_zip)
    assert len(await owner.prearchive("DEMO")) == 1


async def test_an_empty_zip_stores_nothing(owner: Site) -> None:
    out = io.BytesIO()
    zipfile.ZipFile(out, "w").close()
    content = out.getvalue()
    answer = await owner.import_zip("DEMO", "S1", "S1_MR1", Bytes(content), len(content))
    assert answer.uris == ()


async def test_a_zip_of_something_else_is_refused(owner: Site) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("notes.txt", "no image")
    with pytest.raises(SiteProblem) as caught:
        await owner.import_zip("DEMO", "S1", "S1_MR1", Bytes(out.getvalue()), len(out.getvalue()))
    assert caught.value.finding.code == "import.unreadable"


async def test_a_session_is_archived_and_read_back(owner: Site, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    verdicts = await owner.validate_archive(uri)
    assert all(verdict.type == "WARN" for verdict in verdicts)
    place = await owner.archive(uri)
    assert place.startswith("/data/archive/projects/DEMO/subjects/S1/experiments/")
    assert await owner.prearchive_session(uri) is None
    assert [subject.label for subject in await owner.subjects("DEMO")] == ["S1"]
    (session,) = await owner.sessions("DEMO")
    assert (session.label, session.subject_label, session.project) == ("S1_MR1", "S1", "DEMO")
    assert session.xsi_type == "xnat:mrSessionData"
    by_label = await owner.session("DEMO", "S1_MR1")
    assert by_label is not None
    assert (by_label.id, by_label.subject_label, by_label.xsi_type) == (session.id, "S1", session.xsi_type)
    assert by_label.study_instance_uid == session.study_instance_uid != ""
    scans = await owner.scans(session.id)
    found = [file for scan in scans for file in await owner.scan_files(session.id, scan.id)]
    assert len(found) == files_in(subject_zip)
    for file in (found[0], found[-1]):
        content = await owner.read_file(file.uri)
        assert len(content) == file.size_bytes
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == file.md5
    assert (await owner.jpeg(found[0].uri)).startswith(b"\xff\xd8")
    assert await owner.session_resources(session.id) == ()


async def test_a_project_that_archives_by_itself_answers_like_a_redirect(
    practice: Practice, owner: Site, subject_zip: bytes
) -> None:
    auto_archive(practice)
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    assert (await row(owner, uri)).status == "READY"
    assert (await owner.archive(uri)).startswith("/data/archive/projects/DEMO/")
    assert len(await owner.sessions("DEMO")) == 1


@pytest.mark.parametrize("to_archive", [True, False])
async def test_a_commit_ends_where_it_was_asked_to(owner: Site, subject_zip: bytes, *, to_archive: bool) -> None:
    uri = await sent(owner, subject_zip)
    place = await owner.commit(uri, to_archive=to_archive)
    assert place.startswith("/data/archive/" if to_archive else "/data/prearchive/")
    assert bool(await owner.sessions("DEMO")) is to_archive


async def test_a_conflict_is_foretold_explained_and_overridden(owner: Site, subject_zip: bytes) -> None:
    for _ in range(2):
        uri = await sent(owner, subject_zip)
        await owner.build(uri)
        verdicts = await owner.validate_archive(uri)
        if not await owner.sessions("DEMO"):
            await owner.archive(uri)
    assert any(verdict.type == "CONFLICT" for verdict in verdicts)
    assert all(verdict.code and verdict.message for verdict in verdicts)
    with pytest.raises(Refused) as caught:
        await owner.archive(uri)
    assert caught.value.finding.code.startswith("archive.")
    assert (await row(owner, uri)).status == "CONFLICT"
    assert await owner.prearchive_log(uri)
    assert await owner.archive(uri, overwrite="delete")
    assert len(await owner.sessions("DEMO")) == 1


async def test_labels_are_changed_on_the_way_into_the_archive(owner: Site, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    await owner.archive(uri, subject="S9", session="S9_MR9")
    (session,) = await owner.sessions("DEMO")
    assert (session.subject_label, session.label) == ("S9", "S9_MR9")


async def test_a_session_moves_between_projects(practice: Practice, connect: Connect, subject_zip: bytes) -> None:
    admin = await connect("admin")
    practice.on_loop(lambda store: store.state.projects.update(P2=second(store.state.projects["DEMO"])))
    uri = await sent(admin, subject_zip)
    await admin.build(uri)
    there = await admin.move(uri, "P2")
    assert there == uri.replace("/DEMO/", "/P2/")
    assert await admin.prearchive_session(uri) is None
    assert [each.uri for each in await admin.prearchive("P2")] == [there]
    await admin.delete_prearchive(there)
    assert await admin.prearchive("P2") == ()


def second(project: Project) -> Project:
    return replace(copy.deepcopy(project), id="P2", name="Second", running_title="Second")


async def test_a_wrong_project_is_told_by_the_uri_not_the_status(
    practice: Practice, connect: Connect, subject_zip: bytes
) -> None:
    member = await connect("member")
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.pop("member"))
    uri = await sent(member, subject_zip)
    assert uri.startswith("/data/prearchive/projects/Unassigned/")
    admin = await connect("admin")
    assert await admin.prearchive("DEMO") == ()
    assert [each.uri for each in await admin.prearchive("Unassigned")] == [uri]


async def test_a_person_without_rights_is_told_so(practice: Practice, connect: Connect, subject_zip: bytes) -> None:
    owner = await connect("owner")
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.pop("member"))
    member = await connect("member")
    for call in (member.build(uri), member.archive(uri), member.prearchive_scans(uri), member.delete_prearchive(uri)):
        with pytest.raises(Refused) as caught:
            await call
        assert caught.value.status in {403, 404, 500}
        assert caught.value.finding.todo
    assert await member.session("DEMO", "S1_MR1") is None


async def test_an_unknown_session_is_none_not_an_error(owner: Site) -> None:
    assert await owner.prearchive_session("/data/prearchive/projects/DEMO/20240101_000000000/NOPE") is None
    assert await owner.session("DEMO", "NOPE") is None
    assert await owner.session("DEMO", "../..") is None
    assert await owner.sessions("DEMO") == ()
    assert await owner.prearchive("DEMO") == ()
    with pytest.raises(Refused) as caught:
        await owner.scans("XNAT_E99999")
    assert caught.value.status == 404


async def test_files_without_images_get_a_session_of_their_own(practice: Practice, owner: Site, tmp_path: Path) -> None:
    session = await owner.ensure_session("DEMO", "S5", "S5_MR1", "xnat:mrSessionData")
    assert (session.label, session.subject_label, session.xsi_type) == ("S5_MR1", "S5", "xnat:mrSessionData")
    assert await owner.ensure_session("DEMO", "S5", "S5_MR1", "xnat:mrSessionData") == session
    names = ("T1 3D/scan 1.PAR", "T1 3D/scan 1.REC", "50%#1+&=?ü.PAR")
    for number, name in enumerate(names):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes([number]) * 3_000_000)
        await owner.put_file(session.id, "PARREC", name, path)
    stored = await owner.resource_files(session.id, "PARREC")
    assert sorted(file.name for file in stored) == sorted(names)
    assert all(file.size_bytes == 3_000_000 for file in stored)
    for file in stored:
        assert len(await owner.read_file(file.uri)) == 3_000_000
    (resource,) = await owner.session_resources(session.id)
    assert resource.label == "PARREC"


async def test_the_same_file_again_is_fine_and_another_one_is_not(owner: Site, tmp_path: Path) -> None:
    session = await owner.ensure_session("DEMO", "S5", "S5_MR1", "xnat:mrSessionData")
    path = tmp_path / "a"
    path.write_bytes(b"one")
    await owner.put_file(session.id, "PARREC", "a.PAR", path)
    await owner.put_file(session.id, "PARREC", "a.PAR", path)
    path.write_bytes(b"two")
    with pytest.raises(Refused) as caught:
        await owner.put_file(session.id, "PARREC", "a.PAR", path)
    assert caught.value.finding.code == "resource.file_differs"
    (stored,) = await owner.resource_files(session.id, "PARREC")
    assert await owner.read_file(stored.uri) == b"one"
    path.write_bytes(b"")
    with pytest.raises(Refused) as caught:
        await owner.put_file(session.id, "PARREC", "b.PAR", path)
    assert caught.value.finding.code == "resource.empty_file"


async def test_a_label_that_xnat_would_choke_on_is_not_sent(owner: Site) -> None:
    for subject, session in (("a b", "x"), ("x", ""), ("x", "ü")):
        with pytest.raises(Refused) as caught:
            await owner.ensure_session("DEMO", subject, session, "xnat:mrSessionData")
        assert caught.value.finding.code == "label.illegal"
    await owner.ensure_session("DEMO", "S5", "S5_MR1", "xnat:mrSessionData")
    with pytest.raises(Refused) as caught:
        await owner.ensure_session("DEMO", "S6", "S5_MR1", "xnat:mrSessionData")
    assert caught.value.finding.code == "label.other_subject"


async def test_a_session_in_a_project_that_is_not_there_creates_no_project(practice: Practice, owner: Site) -> None:
    with pytest.raises(Refused):
        await owner.ensure_session("NOPE", "S5", "S5_MR1", "xnat:mrSessionData")
    assert "NOPE" not in practice.on_loop(lambda store: dict(store.state.projects))


async def test_a_pair_joins_a_session_in_the_prearchive(owner: Site, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    await owner.put_prearchive_file(uri, "PARREC", "T1/a 1.PAR", Bytes(b"hello"), 5)
    await owner.archive(uri)
    (session,) = await owner.sessions("DEMO")
    (stored,) = await owner.resource_files(session.id, "PARREC")
    assert stored.name == "T1/a 1.PAR"
    assert await owner.read_file(stored.uri) == b"hello"


async def test_a_file_larger_than_the_limit_is_left_alone(owner: Site, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    scan = (await owner.prearchive_scans(uri))[0]
    file = (await owner.prearchive_files(uri, scan.id))[0]
    with pytest.raises(Refused) as caught:
        await owner.read_file(file.uri, limit_bytes=100)
    assert caught.value.finding.code == "site.too_long"
    assert await owner.prearchive("DEMO")


async def test_the_whole_passage_works_below_a_path_and_behind_a_proxy(
    behind_proxy: BehindProxy, subject_zip: bytes
) -> None:
    async with (
        behind_proxy("/xnat", None) as port,
        await Site.connect(Login(f"127.0.0.1:{port}", "owner", Secret("owner"))) as site,
    ):
        assert site.info.url == f"http://127.0.0.1:{port}/xnat"
        await site.create_project(ProjectDraft(id="P7"))
        uri = await sent(site, subject_zip, project="P7")
        await site.build(uri)
        place = await site.archive(uri)
        assert place.startswith("/data/archive/projects/P7/")
        (session,) = await site.sessions("P7")
        scan = (await site.scans(session.id))[0]
        (file, *_) = await site.scan_files(session.id, scan.id)
        assert (await site.read_file(file.uri))[128:132] == b"DICM"
        await site.ensure_session("P7", "S8", "S8_MR1", "xnat:mrSessionData")


def as_stuck(practice: Practice, uri: str, status: str) -> None:
    """Leave a session in a status whose work nobody does."""
    key = tuple(uri.split("/")[-3:])
    practice.on_loop(lambda store: setattr(store.row(*key), "status", status))


async def test_the_list_says_who_has_to_commit(owner: Site, subject_zip: bytes) -> None:
    content = subject_zip
    query = {"prevent_auto_commit": "true"}
    answer = await owner.import_zip("DEMO", "S1", "S1_MR1", pieces(content), len(content), query=query)
    waiting = await row(owner, answer.uris[0])
    assert waiting.prevent_auto_commit == "true"
    assert waiting.is_left_to_its_sender
    assert not waiting.is_unassigned


async def test_a_lost_status_is_found_out_anew(owner: Site, practice: Practice, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    await owner.build(uri)
    as_stuck(practice, uri, "QUEUED_BUILDING")
    await owner.reset_status(uri)
    assert (await row(owner, uri)).status == "READY"


async def test_an_administrator_breaks_a_lock(connect: Connect, practice: Practice, subject_zip: bytes) -> None:
    admin = await connect("admin")
    uri = await sent(admin, subject_zip)
    as_stuck(practice, uri, "_RECEIVING")
    await admin.rebuild_locked(uri)
    for _ in range(1000):  # it is queued: the answer comes before the work is done
        if (status := (await row(admin, uri)).status) == "READY":
            break
        await asyncio.sleep(0.01)
    assert status == "READY"


async def test_unassigned_sessions_are_listed_for_those_who_may_see_them(
    connect: Connect, practice: Practice, owner: Site, subject_zip: bytes
) -> None:
    admin = await connect("admin")
    await sent(admin, subject_zip)
    practice.on_loop(lambda store: setattr(store.state.rows[0], "project", "Unassigned"))
    assert admin.sees_unassigned
    assert not owner.sees_unassigned
    assert await admin.prearchive("DEMO") == ()
    (found,) = await admin.prearchive("DEMO", with_unassigned=True)
    assert found.is_unassigned
    assert await owner.prearchive("DEMO", with_unassigned=True) == ()


async def test_the_site_says_when_it_builds_by_itself(owner: Site, practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(sessionXmlRebuilderInterval=7))
    timer = await owner.idle_timer()
    assert (timer.interval_s, timer.patience_s) == (420.0, 420.0 + timer.repeat_s + 120)


async def test_the_sites_clock_comes_from_its_answers(connect: Connect) -> None:
    site = await connect("owner")
    assert abs(site.now_s - time.time()) < 5
    site._http._take_time("Wed, 01 Jan 2020 00:00:00 GMT")
    assert site.now_s == pytest.approx(1577836800, abs=5)
    site._http._take_time("no time at all")
    assert site.now_s == pytest.approx(1577836800, abs=5)


async def test_headers_are_listed_in_both_places(owner: Site, subject_zip: bytes) -> None:
    uri = await sent(owner, subject_zip)
    with pytest.raises(SiteProblem):
        await owner.headers(uri)  # not built
    await owner.build(uri)
    scan = (await owner.prearchive_scans(uri))[0]
    lines = await owner.headers(f"{uri}/scans/{scan.id}")
    assert {line.tag: line.value for line in lines}["(0008,0060)"] == "MR"
    place = await owner.archive(uri)
    assert [line.name for line in await owner.headers(f"{place}/scans/{scan.id}")]


async def archived_file(site: Site, content: bytes) -> RemoteFile:
    uri = await sent(site, content)
    await site.build(uri)
    await site.archive(uri)
    (session,) = await site.sessions("DEMO")
    return (await site.scan_files(session.id, (await site.scans(session.id))[0].id))[0]


async def test_a_file_is_saved_compared_and_never_overwritten(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    file = await archived_file(owner, subject_zip)
    folder = tmp_path / "made" / "for it"
    saved = await owner.save_file(file, folder)
    assert (saved.path, saved.proof, saved.was_there) == (folder / file.name, "MD5", False)
    assert hashlib.md5(saved.path.read_bytes(), usedforsecurity=False).hexdigest() == file.md5
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (await owner.save_file(file, folder)).was_there
    saved.path.write_bytes(b"mine")
    with pytest.raises(Refused) as caught:
        await owner.save_file(file, folder)
    assert caught.value.finding.code == "download.exists"
    assert saved.path.read_bytes() == b"mine"


async def test_what_is_not_the_listed_file_does_not_stay(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    file = await archived_file(owner, subject_zip)
    for wrong in (replace(file, md5="0" * 32), replace(file, size_bytes=1)):
        with pytest.raises(Retry) as caught:
            await owner.save_file(wrong, tmp_path / "here")
        assert caught.value.finding.code == "download.differs"
    with pytest.raises(SiteProblem):
        await owner.save_file(replace(file, uri=file.uri + "x"), tmp_path / "here")
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../out.dcm", "/etc/passwd", "a/../../b", "", "a//b", "x" * 300, "nul\0", "half \ud800 a sign"]
)
async def test_a_name_that_leads_elsewhere_is_refused(owner: Site, tmp_path: Path, name: str) -> None:
    file = RemoteFile(name, 1, "/data/experiments/E/files/x", "DICOM", "")
    with pytest.raises(Refused) as caught:
        await owner.save_file(file, tmp_path)
    assert caught.value.finding.code == "download.bad_name"


async def test_a_folder_that_cannot_be_written_is_named(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    file = await archived_file(owner, subject_zip)
    (tmp_path / "in the way").write_text("no folder")
    with pytest.raises(Problem) as caught:
        await owner.save_file(file, tmp_path / "in the way")
    assert caught.value.finding.code == "download.disk"


async def test_a_file_that_is_a_page_is_saved_like_any_other(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    await archived_file(owner, subject_zip)
    (session,) = await owner.sessions("DEMO")
    page = tmp_path / "quality.html"
    page.write_text("<!DOCTYPE html><html><title>Quality</title></html>")
    await owner.put_file(session.id, "QC", page.name, page)
    (file,) = await owner.resource_files(session.id, "QC")
    assert (await owner.save_file(file, tmp_path / "here")).path.read_bytes() == page.read_bytes()


async def test_a_link_that_lies_here_leads_no_file_elsewhere(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    file = await archived_file(owner, subject_zip)
    (tmp_path / "other").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "sub").symlink_to(tmp_path / "other")
    for name in ("sub/x.dcm", "sub/more/x.dcm"):
        with pytest.raises(Refused) as caught:
            await owner.save_file(replace(file, name=name), tmp_path / "here")
        assert caught.value.finding.code == "download.bad_name"
    assert list((tmp_path / "other").iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path / "other")  # the folder that was asked for may be one
    assert (await owner.save_file(file, tmp_path / "link")).path.is_file()


async def test_a_disk_that_fills_up_is_named_and_keeps_nothing(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    await archived_file(owner, subject_zip)
    (session,) = await owner.sessions("DEMO")
    (tmp_path / "long.bin").write_bytes(bytes(3_000_000))
    await owner.put_file(session.id, "NOTES", "long.bin", tmp_path / "long.bin")
    (file,) = await owner.resource_files(session.id, "NOTES")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(Problem) as caught:
            await owner.save_file(file, tmp_path / "here")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.finding.code == "download.disk"
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("is_full", [False, True])
async def test_a_file_system_without_links_keeps_whole_files_or_none(
    owner: Site, subject_zip: bytes, tmp_path: Path, *, is_full: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not on this file system")

    file = await archived_file(owner, subject_zip)
    with pytest.MonkeyPatch.context() as system:
        system.setattr(os, "link", refuse)
        if is_full:
            system.setattr(os, "replace", refuse)
            with pytest.raises(Problem) as caught:
                await owner.save_file(file, tmp_path / "here")
            assert caught.value.finding.code == "download.disk"
            assert list((tmp_path / "here").iterdir()) == []
            return
        saved = await owner.save_file(file, tmp_path / "here")
    assert hashlib.md5(saved.path.read_bytes(), usedforsecurity=False).hexdigest() == file.md5
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "here").iterdir()) == [saved.path]


async def test_resources_of_scans_are_listed_and_filled(owner: Site, subject_zip: bytes, tmp_path: Path) -> None:
    await archived_file(owner, subject_zip)
    (session,) = await owner.sessions("DEMO")
    scan = (await owner.scans(session.id))[0]
    note = tmp_path / "note.txt"
    note.write_text("seen")
    await owner.put_file(session.id, "NOTES", "note.txt", note, scan_id=scan.id)
    found = {(one.label, one.scan_id) for one in await owner.session_resources(session.id, with_scans=True)}
    assert ("NOTES", scan.id) in found
    assert ("DICOM", scan.id) in found
    assert await owner.session_resources(session.id) == ()
    assert "note.txt" in {file.name for file in await owner.scan_files(session.id, scan.id)}
