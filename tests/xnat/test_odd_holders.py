"""Sessions, scans, resources, and what is done with a waiting session, on sites that say something else than usual."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest
from aiohttp import web

from support import Practice
from xnat_wizard.findings import Problem
from xnat_wizard.settings import Secret
from xnat_wizard.xnat import http as transport
from xnat_wizard.xnat.errors import Fatal, Refused, Retry, SiteProblem
from xnat_wizard.xnat.http import Bytes, Http
from xnat_wizard.xnat.inquiry import Inquiry
from xnat_wizard.xnat.keepalive import KeepAlive
from xnat_wizard.xnat.model import Login, PrearchiveSession, Project, ProjectDraft, Role, UploadSettings
from xnat_wizard.xnat.network import no_answer
from xnat_wizard.xnat.project_words import archives_word, details_text, no_upload_right, settings_lines
from xnat_wizard.xnat.pyxnat_port import PyxnatPort
from xnat_wizard.xnat.repairs import Repairs
from xnat_wizard.xnat.resources import Address, Details, Resources
from xnat_wizard.xnat.scans import ScanDraft, describe_scan
from xnat_wizard.xnat.scripts import Scripts
from xnat_wizard.xnat.sessions import ensure_session
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.told import Standing
from xnat_wizard.xnat.waiting import acts
from xnat_wizard.xnat.waiting.details import look_into

P = "/data/projects/P"
E = "/data/experiments/E1"
SESSION = {"ID": "E1", "label": "S1_MR1", "project": "P", "subject_label": "S1"}


class Scripted(Protocol):
    """The site of the fixture, as far as it is used here."""

    url: str
    asked: list[str]

    def says(self, asked: str, body: object = "", *, status: int = 200, **headers: str) -> None: ...


def item(fields: object = SESSION, xsi_type: str = "xnat:petmrSessionData") -> object:
    return {"items": [{"data_fields": fields, "meta": {"xsi:type": xsi_type}}]}


def page(message: str) -> str:
    return f"<html><head><title>Status page</title></head><body><h3>{message}</h3></body></html>"


async def no_wait(_: float) -> None:
    pass


class Noted:
    """An object model that notes what it was to make."""

    def __init__(self) -> None:
        self.made: list[str] = []

    async def create_project(self, draft: ProjectDraft) -> None:
        self.made.append(draft.id)

    async def create_subject(self, project: str, subject: str) -> None:
        self.made.append(f"{project}/{subject}")

    async def create_session(self, project: str, subject: str, session: str, xsi_type: str) -> None:
        self.made.append(f"{project}/{subject}/{session}/{xsi_type}")

    async def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def model() -> Noted:
    """Give an object model that notes what it was to make."""
    return Noted()


@pytest.fixture
def resources(stranger: Http, model: Noted) -> Resources:
    """Give the resources of the site."""
    return Resources(stranger, model, no_wait, nullcontext)


# Sessions and scans


async def test_a_session_of_another_subject_is_not_used(scripted: Scripted, stranger: Http, model: Noted) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    scripted.says(f"GET {P}/experiments/S1_MR1", item())
    with pytest.raises(Refused) as caught:
        await ensure_session(stranger, model, "P", "S2", "S1_MR1", "xnat:mrSessionData", no_wait)
    assert caught.value.finding.code == "label.other_subject"
    found = await ensure_session(stranger, model, "P", "s1", "S1_MR1", "xnat:mrSessionData", no_wait)
    assert (found.id, model.made) == ("E1", [])


@pytest.mark.parametrize(("status", "words"), [(404, "found nothing"), (403, "not yet")])
async def test_a_new_session_that_is_not_shown_is_told(
    scripted: Scripted, stranger: Http, model: Noted, status: int, words: str
) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    scripted.says(f"GET {P}/experiments/X", page("no"), status=404)
    scripted.says(f"GET {P}/experiments/X", page("not yet"), status=status)
    scripted.says(f"GET {P}/subjects/S1", item({"label": "S1"}))
    with pytest.raises(Refused) as caught:
        await ensure_session(stranger, model, "P", "S1", "X", "xnat:mrSessionData", no_wait)
    assert caught.value.finding.code == "session.not_created"
    assert words in caught.value.finding.why
    assert model.made == ["P/S1/X/xnat:mrSessionData"]


async def test_a_new_session_that_is_shown_late_is_waited_for(scripted: Scripted, stranger: Http, model: Noted) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    for status in (404, 403, 404):
        scripted.says(f"GET {P}/experiments/S1_MR1", page("not yet"), status=status)
    scripted.says(f"GET {P}/experiments/S1_MR1", item())
    found = await ensure_session(stranger, model, "P", "S1", "S1_MR1", "xnat:mrSessionData", no_wait)
    assert (found.id, model.made[0]) == ("E1", "P/S1")


async def test_a_site_in_trouble_shows_no_new_session(scripted: Scripted, stranger: Http, model: Noted) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    scripted.says(f"GET {P}/experiments/X", page("no"), status=404)
    scripted.says(f"GET {P}/experiments/X", page("Session must be moved"), status=409)
    with pytest.raises(Refused) as caught:
        await ensure_session(stranger, model, "P", "S1", "X", "xnat:mrSessionData", no_wait)
    assert caught.value.status == 409


@pytest.mark.parametrize(("subject", "session", "kind"), [("", "X", "mr"), ("S 1", "X", "mr"), ("S1", "X", "mr;x")])
async def test_a_label_that_cannot_be_is_not_asked_for(
    scripted: Scripted, stranger: Http, model: Noted, subject: str, session: str, kind: str
) -> None:
    with pytest.raises(Refused) as caught:
        await ensure_session(stranger, model, "P", subject, session, f"xnat:{kind}SessionData", no_wait)
    assert caught.value.finding.code == "label.illegal"
    assert scripted.asked == []


async def test_a_new_scan_that_is_shown_late_is_waited_for_and_one_that_never_is_told(
    scripted: Scripted, stranger: Http
) -> None:
    scripted.says(f"GET {E}/scans", [])
    scripted.says(f"GET {E}/scans", [{"ID": "1"}])
    scripted.says(f"GET {E}/scans", [])
    scripted.says(f"GET {E}/scans", [{"ID": "2"}])
    for scan in (1, 2, 3):
        scripted.says(f"PUT {E}/scans/{scan}", "")
    assert await describe_scan(stranger, "E1", ScanDraft("2", note="a & b " * 100), no_wait)
    with pytest.raises(Refused) as caught:
        await describe_scan(stranger, "E1", ScanDraft("3"), no_wait)
    assert caught.value.finding.code == "scan.not_created"


async def test_what_a_scan_says_already_stays_and_the_rest_is_added(scripted: Scripted, stranger: Http) -> None:
    row = {"ID": "1", "type": "T1", "note": "ours", "series_description": " "}
    scripted.says(f"GET {E}/scans", [row])
    scripted.says(f"PUT {E}/scans/1", "")
    assert not await describe_scan(stranger, "E1", ScanDraft("1", type="T2"), no_wait)
    assert f"PUT {E}/scans/1" not in scripted.asked
    draft = ScanDraft("1", series_description="d", note="new", own_note="ours")
    assert not await describe_scan(stranger, "E1", draft, no_wait)
    assert f"PUT {E}/scans/1" in scripted.asked


# Resources


def test_an_address_says_what_it_is() -> None:
    levels = [Address("P"), Address("P", "S"), Address("P", "S", "X"), Address("P", "", "X", "1")]
    assert [one.level for one in levels] == ["project", "subject", "session", "scan"]
    assert str(levels[3]) == "P / X / scan 1"


async def test_what_an_address_names_is_found_or_is_not_there(scripted: Scripted, resources: Resources) -> None:
    scripted.says(f"GET {P}", item({"ID": "P_1"}))
    scripted.says(f"GET {P}/subjects/S1", item({"label": "S1"}))
    scripted.says(f"GET {P}/experiments/S1_MR1", item({**SESSION, "project": "Q"}))
    scripted.says(f"GET {E}/scans", [{"ID": "1"}])
    project = await resources.find(Address("P"))
    subject = await resources.find(Address("P", "S1"))
    scan = await resources.find(Address("P", "s1", "S1_MR1", "1"))
    assert project is not None
    assert subject is not None
    assert scan is not None
    assert [(one.path, one.owner, one.is_shared) for one in (project, subject, scan)] == [
        (P, "P_1", False),
        (f"{P}/subjects/S1", "P_1", False),
        (f"{E}/scans/1", "Q", True),
    ]
    assert await resources.find(Address("P", "S9")) is None
    assert await resources.find(Address("P", "", "S9")) is None
    assert await resources.find(Address("P", "", "S1_MR1", "9")) is None
    with pytest.raises(Refused) as caught:
        await resources.find(Address("P", "S2", "S1_MR1"))
    assert caught.value.finding.code == "label.other_subject"


@pytest.mark.parametrize(("status", "code"), [(404, "project.not_found"), (403, "rights.missing")])
async def test_a_project_that_is_not_seen_is_told_apart_from_one_that_is_refused(
    scripted: Scripted, resources: Resources, status: int, code: str
) -> None:
    scripted.says("GET /data/projects/Q", page("no"), status=status)
    with pytest.raises(Refused) as caught:
        await resources.find(Address("Q"))
    assert caught.value.finding.code == code


async def test_what_is_missing_is_made_and_read_back(scripted: Scripted, resources: Resources, model: Noted) -> None:
    scripted.says(f"GET {P}", item({}))
    scripted.says(f"GET {P}/subjects/S1", page("no"), status=404)
    scripted.says(f"GET {P}/subjects/S1", page("no"), status=404)
    scripted.says(f"GET {P}/subjects/S1", item({"label": "S1"}))
    holder = await resources.create(Address("P", "S1"), "")
    assert (holder.path, model.made) == (f"{P}/subjects/S1", ["P/S1"])
    assert (await resources.create(Address("P", "S1"), "")).path == f"{P}/subjects/S1"
    assert len(model.made) == 1
    for address in (Address("P", "S 2"), Address("P", "S1", "S1_MR1", "1 2")):
        scripted.says(f"GET {P}/experiments/S1_MR1", item())
        scripted.says(f"GET {E}/scans", [])
        with pytest.raises(Refused) as caught:
            await resources.create(address, "xnat:mrSessionData")
        assert caught.value.finding.code == "label.illegal"


async def test_a_scan_is_made_of_the_kind_of_its_session(scripted: Scripted, resources: Resources) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    scripted.says(f"GET {P}/experiments/S1_MR1", item())
    scripted.says(f"GET {E}/scans", [])
    scripted.says(f"GET {E}/scans", [])
    scripted.says(f"GET {E}/scans", [{"ID": "7"}])
    scripted.says(f"PUT {E}/scans/7", "")
    holder = await resources.create(Address("P", "S1", "S1_MR1", "7"), "xnat:mrSessionData")
    assert holder.path == f"{E}/scans/7"


async def test_what_was_made_and_is_not_shown_is_told(scripted: Scripted, resources: Resources) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    with pytest.raises(Refused) as caught:
        await resources.create(Address("P", "S1"), "")
    assert caught.value.finding.code == "resource.not_created"
    assert "subject" in caught.value.finding.what


async def test_a_resource_is_listed_read_refreshed_and_filled(
    scripted: Scripted, resources: Resources, tmp_path: Path
) -> None:
    scripted.says(f"GET {P}", item({"ID": "P"}))
    scripted.says(f"GET {P}/resources", [{"label": "R", "file_count": "2"}, {"label": "Q", "file_size": "x"}])
    scripted.says(f"GET {P}/resources/R/files", [{"Name": "a.txt", "URI": f"{P}/resources/1/files/a.txt", "Size": "5"}])
    scripted.says(f"GET {P}/resources/1/files/a.txt", "hello")
    scripted.says("POST /data/services/refresh/catalog", "")
    scripted.says(f"PUT {P}/resources/R/files/upload.tar.gz", '{"duplicates": ["a.txt", 5]}')
    scripted.says(f"PUT {P}/resources/R/files/sub/b.txt", "")
    holder = await resources.find(Address("P"))
    assert holder is not None
    first, second = await resources.folders(holder)
    assert (first.file_count, first.size_bytes, second.size_bytes) == (2, None, None)
    (file,) = await resources.files(holder, "R")
    assert await resources.digest(file) == (5, hashlib.md5(b"hello", usedforsecurity=False).hexdigest())
    assert (await resources.save(file, tmp_path)).path.read_bytes() == b"hello"
    await resources.refresh(holder, "R")
    details = Details(format="TEXT", reason="because")
    body = Bytes(b"12345")
    assert await resources.put_archive(holder, "R", body, 5, ending=".tar.gz", details=details) == ("a.txt", "5")
    assert await resources.put_file(holder, "R", "sub/b.txt", body, 5, is_replacing=True) == ()
    scripted.says(f"PUT {P}/resources/R/files/c.txt", {"stored": 1})
    assert await resources.put_file(holder, "R", "c.txt", body, 5) == ()
    scripted.says(f"PUT {P}/resources/R/files/d.txt", '{"duplicates": [' + "[]," * 2_000_000 + "0]}")
    with pytest.raises(Refused) as caught:
        await resources.put_file(holder, "R", "d.txt", body, 5)
    assert caught.value.finding.code == "site.too_long"


# What is done with a session that waits

ROW = PrearchiveSession(
    project="P", timestamp="20240101_000000000", folder="S1", label="S1_MR1", subject="S1", study_instance_uid="1.2",
    status="READY", scan_date="", uploaded="", last_modified="", autoarchive="", source="", prevent_auto_commit="",
)  # fmt: skip
LISTED = {"project": "P", "timestamp": "20240101_000000000", "folderName": "S1", "name": "S1_MR1", "status": "READY"}
ARCHIVED = "/data/archive/projects/P/subjects/S1/experiments/S1_MR1"
Act = Callable[[Site], Awaitable[object]]


async def said(act: Awaitable[object]) -> str:
    """Return what an act says, or the code of its finding."""
    try:
        return str(await act)
    except Problem as problem:
        return problem.finding.code


async def test_a_build_is_believed_when_the_row_is_ready(visitor: Site, scripted: Scripted) -> None:
    scripted.says(f"POST {ROW.uri}", "")
    assert await said(acts.build(visitor, ROW)) == "prearchive.gone"
    scripted.says(f"GET {P}/experiments/S1_MR1", item())
    assert "in the archive" in await said(acts.build(visitor, ROW))
    scripted.says(f"GET {ROW.uri}", [LISTED])
    assert "ready to archive" in await said(acts.build(visitor, ROW))
    scripted.says(f"GET {ROW.uri}", [{**LISTED, "status": "ERROR"}])
    scripted.says(f"GET {ROW.uri}", [{**LISTED, "status": "ERROR"}])
    scripted.says(f"GET {ROW.uri}/logs", [])
    await said(acts.build(visitor, ROW))
    assert await said(acts.build(visitor, ROW)) == "prearchive.not_ready"


async def test_a_commit_merges_nothing_unasked_and_is_looked_for_in_the_archive(
    visitor: Site, scripted: Scripted
) -> None:
    scripted.says(f"POST {ROW.uri}", ROW.uri)
    scripted.says(f"GET {P}/prearchive_code", "0")
    scripted.says(f"GET {ROW.uri}", [LISTED])
    assert "was committed: ready" in await said(acts.commit(visitor, ROW))
    scripted.says(f"POST {ROW.uri}", ARCHIVED)
    scripted.says(f"GET {P}/prearchive_code", "4")
    await said(acts.commit(visitor, ROW))
    assert await said(acts.commit(visitor, ROW)) == "archive.not_seen"
    scripted.says(f"GET {P}/experiments/S1_MR1", page("no"), status=404)
    scripted.says(f"GET {P}/experiments/S1_MR1", item())
    assert await said(acts.commit(visitor, ROW)) == "S1_MR1 was committed: it is in the archive"
    assert await said(acts.commit(visitor, ROW)) == "prearchive.would_merge"


@pytest.mark.parametrize(
    ("act", "order", "before", "after", "expected"),
    [
        (acts.break_lock, "POST /data/services/prearchive/rebuild", "_BUILDING", "_BUILDING", "prearchive.locked"),
        (acts.break_lock, "POST /data/services/prearchive/rebuild", "_BUILDING", "READY", "S1_MR1: the site builds"),
        (acts.break_lock, "POST /data/services/prearchive/rebuild", "_BUILDING", "", "S1_MR1: the site builds"),
        (acts.reset, f"POST {ROW.uri}", "ERROR", "ERROR", "prearchive.unchanged"),
        (acts.reset, f"POST {ROW.uri}", "ERROR", "", "prearchive.gone"),
        (acts.reset, f"POST {ROW.uri}", "ERROR", "READY", "S1_MR1: ready to archive"),
        (acts.delete, f"DELETE {ROW.uri}", "READY", "READY", "prearchive.not_deleted"),
        (acts.delete, f"DELETE {ROW.uri}", "READY", "", "S1_MR1 was deleted"),
    ],
)
async def test_an_act_is_believed_when_its_effect_is_seen(
    visitor: Site,
    scripted: Scripted,
    act: Callable[[Site, PrearchiveSession], Awaitable[str]],
    order: str,
    before: str,
    after: str,
    expected: str,
) -> None:
    from dataclasses import replace

    scripted.says(order, "")
    scripted.says(f"GET {ROW.uri}", [{**LISTED, "status": after}] if after else [])
    assert (await said(act(visitor, replace(ROW, status=before)))).startswith(expected)
    assert order in scripted.asked


async def test_a_move_and_an_archiving_are_looked_for_where_they_lead(visitor: Site, scripted: Scripted) -> None:
    there = ROW.uri.replace("/P/", "/Q/")
    scripted.says(f"POST {ROW.uri}", there)
    assert await said(acts.move(visitor, ROW, "Q")) == "prearchive.not_seen"
    scripted.says(f"GET {there}", [{**LISTED, "project": "Q"}])
    assert await said(acts.move(visitor, ROW, "Q")) == "S1_MR1 is now in the prearchive of Q"
    scripted.says("POST /data/services/archive", ARCHIVED)
    assert await said(acts.archive(visitor, ROW, "", ("", ""))) == "archive.not_seen"
    scripted.says(f"GET {P}/experiments/S1_MR1", item())
    assert await acts.archive(visitor, ROW, "append", ("S1", "X")) == ("X is in the archive", "E1")


async def test_scans_that_cannot_be_read_are_a_note(visitor: Site, scripted: Scripted) -> None:
    scripted.says(f"GET {ROW.uri}/scans", page("no"), status=403)
    assert (await look_into(visitor, ROW)).note.startswith("Its scans cannot be read: ")
    scripted.says(f"GET {ROW.uri}/scans", [{"ID": "1"}])
    scripted.says(f"GET {ROW.uri}/scans", [{"ID": "1"}])
    scripted.says(f"GET {ROW.uri}/scans/1/resources", [{"label": "DICOM"}])
    file = {"Name": "1.dcm", "URI": f"{ROW.uri}/scans/1/resources/DICOM/files/1.dcm", "Size": "7"}
    scripted.says(f"GET {ROW.uri}/scans/1/resources/DICOM/files", [file])
    await look_into(visitor, ROW)
    found = await look_into(visitor, ROW)
    assert (found.file_count, found.size_bytes, found.counted()) == (1, 7, "1 scan, 1 file, 7 B")


async def test_a_catalogue_is_refreshed_whatever_the_address_is_of(visitor: Site, scripted: Scripted) -> None:
    scripted.says("POST /data/services/refresh/catalog", "")
    repairs = Repairs(visitor)
    await repairs.refresh_catalogue(ARCHIVED)
    await repairs.refresh_catalogue(E)
    assert scripted.asked.count("POST /data/services/refresh/catalog") == 2


# Questions


async def test_questions_about_settings_are_answered_by_sites_of_every_kind(visitor: Site, scripted: Scripted) -> None:
    inquiry = Inquiry(visitor, sleep=no_wait, budget=100)
    script = "/xapi/anonymize/projects/P"
    scripted.says(f"GET {script}/enabled", "true")
    scripted.says(f"GET {script}", "version 6")
    found = await inquiry.scripts(None, "P")
    assert [(one.owner, one.is_on, one.text) for one in found.value] == [
        ("site", None, ""),
        ("project", True, "version 6"),
    ]
    scripted.says("GET /data/config/dicom", [{"path": "projectRules", "contents": "(0010,0010):.*"}, {"path": "x"}])
    assert dict((await inquiry.routing_rules()).value) == {"projectRules": "(0010,0010):.*"}
    scripted.says(
        "GET /xapi/dicomscp",
        [{"aeTitle": "XNAT", "port": 8104, "enabled": True, "whitelist": ["A@1.2.3.4"]}, {"port": "x"}],
    )
    scripted.says(
        "GET /data/config/seriesImportFilter/config", [{"status": "enabled", "contents": '{"list": "a\\nb"}'}]
    )
    project_filter = "GET /data/projects/P/config/seriesImportFilter/config"
    scripted.says(project_filter, [{"status": "enabled", "contents": "[]"}])
    filters = await inquiry.filters(None, "P")
    assert [(one.owner, one.mode) for one in filters.value] == [
        ("site", "blacklist"),
        ("project", "of an unknown form"),
    ]
    scripted.says(project_filter, [])
    scripted.says(project_filter, [])
    await inquiry.filters(None, "P")
    assert [one.owner for one in (await inquiry.filters(None, "P")).value] == ["site"]


@pytest.mark.parametrize(("body", "names"), [({"b": 1, "a": 2}, ("a", "b")), ('["x"]', ("x",)), ("5", ())])
async def test_processors_are_read_in_each_form(
    visitor: Site, scripted: Scripted, body: object, names: tuple[str, ...]
) -> None:
    scripted.says("GET /xapi/processors/site/enabled/summary", body)
    assert (await Inquiry(visitor).processors()).value == names


@pytest.mark.parametrize(
    ("body", "count"), [('[{"aeTitle": "XNAT", "port": 8104, "whitelist": ["A"]}, 5, {"port": "x"}]', 2), ("{}", 0)]
)
async def test_receivers_are_read_in_each_form(visitor: Site, scripted: Scripted, body: str, count: int) -> None:
    scripted.says("GET /xapi/dicomscp", body)
    found = (await Inquiry(visitor).receivers()).value
    assert len(found) == count
    assert [(one.port, one.whitelist, one.is_anonymizing) for one in found][:1] == [(8104, ("A",), True)][:count]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"succeeded": None}, "running"),
        ({"succeeded": True, "finalMessage": "done"}, "succeeded"),
        ({"succeeded": False}, "failed"),
        ({"succeeded": "yes"}, "nothing that is understood"),
        ("5", "nothing that is understood"),
    ],
)
async def test_an_import_for_later_is_told_in_words(
    visitor: Site, scripted: Scripted, body: object, words: str
) -> None:
    scripted.says("GET /xapi/event_tracking/k1", body)
    assert (await Inquiry(visitor).import_event("k1")).evidence[0].got == words


async def test_a_cache_that_was_never_used_is_empty_and_others_are_listed(visitor: Site, scripted: Scripted) -> None:
    inquiry = Inquiry(visitor)
    told = await inquiry.cached_files()
    assert (told.standing, told.value) == (Standing.ANSWERED, ())
    cache = "/data/user/cache/resources"
    scripted.says(f"GET {cache}", [{"Resource": "X"}, {}])
    scripted.says(f"GET {cache}/X/files", [{"Name": "a.zip", "Size": "7"}, {}])
    (file,) = (await inquiry.cached_files()).value
    assert (file.uri, file.size_bytes) == (f"{cache}/X/files/a.zip", 7)


async def test_a_site_that_knows_no_filter_by_uid_is_asked_in_the_older_way(visitor: Site, scripted: Scripted) -> None:
    scripted.says("GET /data/experiments", [{"ID": "E1", "label": "L"}])
    scripted.says(
        "GET /data/experiments",
        [{"ID": "E1", "xnat:imagesessiondata/uid": "1.2"}, {"ID": "E2", "xnat:imagesessiondata/uid": "1.3"}],
    )
    told = await Inquiry(visitor).by_uid("1.2")
    assert [one.id for one in told.value] == ["E1"]
    assert len(told.evidence) == 2


async def test_a_catalogue_that_is_none_leaves_the_files_without_uids(visitor: Site, scripted: Scripted) -> None:
    file = {"Name": "1.dcm", "URI": f"{E}/scans/1/resources/DICOM/files/1.dcm", "Size": "7", "collection": "DICOM"}
    scripted.says(f"GET {E}/scans/1/files", [file])
    scripted.says(f"GET {E}/scans/1/resources/DICOM", "<cat", Content_Type="text/xml")
    told = await Inquiry(visitor).scan_files("E1", "1")
    assert [(one.name, one.sop_instance_uid) for one in told.value] == [("1.dcm", "")]
    assert told.evidence[-1].got == "200: site.unclear"


async def test_a_site_that_asks_to_slow_down_is_asked_three_times(visitor: Site, scripted: Scripted) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    scripted.says("GET /xapi/siteConfig", "", status=503, Retry_After="900")
    told = await Inquiry(visitor, sleep=wait).site_facts()
    assert told.standing is Standing.FAILED
    assert waits == [60.0, 60.0]


# Words


def test_what_a_project_does_with_an_upload_is_told_in_words() -> None:
    unknown = UploadSettings("", "", None, None, None, None, "")
    strict = UploadSettings("5", "1", is_site_script_on=True, is_project_script_on=True, has_site_filter=True,
                            has_project_filter=False, file_name_template="${a}")  # fmt: skip
    text = " ".join(settings_lines(unknown))
    assert text.count("may not read") == 2
    text = " ".join(settings_lines(strict))
    for words in ("replaced", "quarantine", "for the site (on arrival) and for the project", "this site drops"):
        assert words in text
    sides = [
        settings_lines(UploadSettings("0", "", site, project, None, None, ""))[-1]
        for site, project in ((True, False), (False, True), (False, False))
    ]
    assert ["on for the site" in sides[0], "on for the project" in sides[1], "off; names" in sides[2]] == [True] * 3
    assert [archives_word(code) for code in ("4", "0", "", "x")] == ["by itself", "by hand", "unknown", "unknown"]


def test_the_details_of_a_project_are_lines_without_control_characters() -> None:
    project = Project("P", "N\x1b[2J", "", "", "L, F", Role.NONE, "odd", "4")
    text = details_text(project, None, None)
    assert "\x1b" not in text
    assert "Who can see it" not in text
    settings = UploadSettings("4", "0", None, None, None, None, "${a}\n")
    text = details_text(project, settings, Scripts("version 6\nx", "", is_site_on=True, is_project_on=None))
    assert "Files are named ${a}\\n." in text
    assert "The script of the project (when sessions are archived; not known whether on or off)" in text
    assert "no role" in no_upload_right(project).why
    assert "private" in details_text(Project("P", "N", "", "", "", Role.OWNER, "private", ""), None, None)


# The line, and pyxnat


@asynccontextmanager
async def serving(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]):  # type: ignore[no-untyped-def]  # noqa: ANN201  an address
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def created(url: str) -> str:
    """Let pyxnat create a subject; return the code of what came of it."""
    port = PyxnatPort(url, Login(url, "anna", Secret("s")))
    try:
        await port.create_subject("P", "S1")
    except SiteProblem as problem:
        return problem.finding.code
    finally:
        await port.close()
    return ""


@pytest.mark.parametrize(
    "body",
    ["5", "[]", "[5]", "{}", '{"ResultSet": 5}', '{"ResultSet": {"Result": 5}}', "null", '"x"', "[" * 100_000, "{"],
)
async def test_json_that_pyxnat_chokes_on_is_told_as_a_problem(body: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/data/JSESSION":
            return web.Response(text="0" * 32)
        return web.Response(text=body, content_type="application/json")

    async with serving(answer) as url:
        assert await created(url) in {"", "pyxnat.failed", "pyxnat.other_path"}


@pytest.mark.parametrize("size", [100, 5000])
async def test_an_answer_that_is_too_large_for_pyxnat_is_left_alone(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from xnat_wizard.xnat import pyxnat_port, tables

    monkeypatch.setattr(pyxnat_port, "BODY_LIMIT", 10_000)
    monkeypatch.setattr(pyxnat_port, "KEPT_LIMIT", 20_000)
    monkeypatch.setattr(tables, "_ALWAYS_FINE", 0)

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text="[" + "[]," * size + "[]]", content_type="application/json")

    async with serving(answer) as url:
        assert await created(url) == "site.too_long"


async def test_a_site_that_hangs_up_on_pyxnat_is_worth_another_try() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/data/JSESSION" and request.method != "DELETE":
            return web.Response(text="0" * 32)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(answer) as url:
        assert await created(url) == "site.cut"


async def test_a_path_that_pyxnat_rewrites_is_not_written(scripted: Scripted) -> None:
    scripted.says("GET /data/JSESSION", "0" * 32)
    scripted.says("GET /data/projects", [])
    port = PyxnatPort(scripted.url, Login(scripted.url, "anna", Secret("s")))
    try:
        with pytest.raises(Fatal) as caught:
            await port.create_subject("P", "assessors")
    finally:
        await port.close()
    assert caught.value.finding.code == "pyxnat.other_path"
    assert not any(asked.startswith("PUT") for asked in scripted.asked)


async def test_a_session_of_pyxnat_that_cannot_be_closed_is_no_trouble(practice: Practice) -> None:
    port = PyxnatPort(practice.url, Login(practice.url, "owner", Secret("owner")))
    await port.create_subject("DEMO", "S1")
    practice.stop()
    await port.close()
    practice.start()
    assert "S1" in str(practice.on_loop(lambda store: [one.label for one in store.state.subjects.values()]))


async def test_a_proxy_is_used_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(f"{request.method} {request.raw_path}")
        return web.Response(status=407)

    async with serving(answer) as url:
        monkeypatch.setenv("http_proxy", url)
        async with Http("http://xnat.invalid") as http:
            with pytest.raises(SiteProblem):
                await http.get("/data/projects")
        assert await created("http://xnat.invalid") != ""
    assert all("xnat.invalid" in one for one in seen)
    assert len(seen) >= 2


def test_what_the_system_says_becomes_words() -> None:
    url = "https://xnat.example.org"
    cut = no_answer(aiohttp.ServerDisconnectedError(), url=url, method="GET", path="/data/projects/SECRET")
    assert isinstance(cut, Retry)
    assert cut.finding.code == "site.cut"
    assert "SECRET" not in cut.finding.shareable
    odd = no_answer(OSError(99_999, "odd"), url=url, method="GET", path="/x")
    assert "odd" in odd.finding.why


async def test_a_keep_alive_goes_on_where_the_site_is_away_and_ends_where_the_login_is_gone(
    scripted: Scripted, stranger: Http
) -> None:
    beats = 0

    async def beat(_: float) -> None:
        nonlocal beats
        beats += 1
        if beats > 5:
            raise AssertionError

    scripted.says("GET /xapi/users/username", "", status=503)
    scripted.says("GET /xapi/users/username", "", status=503)
    scripted.says("GET /xapi/users/username", "", status=401)
    keeper = KeepAlive(stranger, beat)
    async with keeper.held():
        task = keeper._task
        assert task is not None
        await task
    assert beats == 3


def test_a_program_without_its_own_record_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    def missing(_: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert transport.user_agent() == "xnat-wizard/0"
