"""The questions, put to the practice server by every role."""

from pathlib import Path

import pytest

from practice.arriving import act, send_one, settled, until
from practice.images import instance, series
from practice.sending import made
from troubleshoot.stage import Stage, files_below, no_wait, send_dicom, send_zip, write_study
from xnat_wizard.practice.faults import Kind
from xnat_wizard.xnat.inquiry import Inquiry
from xnat_wizard.xnat.told import Standing

HERE = {"project": "DEMO", "subject": "S01", "session": "S01_MR1", "rename": "true"}
STUDY = "1.2.1"


async def ask(stage: Stage, name: str) -> Inquiry:
    return Inquiry(await stage.site(name), sleep=no_wait)


async def test_who_we_are_is_asked_by_the_cookie_alone(stage: Stage) -> None:
    for name, is_admin, editable in (("admin", True, True), ("member", False, True), ("collaborator", False, False)):
        told = await (await ask(stage, name)).who_am_i()
        assert told.is_known
        assert (told.value.username, told.value.is_admin) == (name, is_admin)
        assert ("DEMO" in told.value.editable) is editable
        assert told.evidence[0].query == "Q1"


async def test_a_lost_session_makes_a_guest_and_no_exception(stage: Stage) -> None:
    inquiry = await ask(stage, "owner")
    stage.fault(Kind.EXPIRED_LOGIN, path="/xapi/users/username")
    told = await inquiry.who_am_i()
    assert told.value.is_guest
    assert "not logged in" in told.evidence[0].got or told.evidence[0].got in {"guest", "nobody"}


async def test_settings_of_the_site_say_when_it_builds(stage: Stage) -> None:
    stage.site_setting(sessionXmlRebuilderInterval=3)
    told = await (await ask(stage, "member")).site_facts()
    assert told.value.build_s == 3 * 60 + 60 + 120
    assert told.value.settings["dicomFileNameTemplate"].startswith("${StudyInstanceUID}")


async def test_rows_are_seen_by_role(stage: Stage) -> None:
    send_one(stage.caller("owner"), series(), **HERE)
    send_zip(stage.caller("owner"), {"a": instance(study="2")}, project="NOWHERE", session="lost")
    member, admin, collaborator = [await ask(stage, name) for name in ("member", "admin", "collaborator")]
    assert [row.project for row in (await member.rows()).value] == ["DEMO"]
    assert {row.project for row in (await admin.rows()).value} == {"DEMO", "Unassigned"}
    assert (await collaborator.rows()).value == ()
    assert [row.label for row in (await collaborator.rows_of("DEMO")).value] == ["S01_MR1"]
    assert (await member.unassigned()).is_denied
    assert (await collaborator.rows_by_uid(STUDY)).is_denied
    assert [row.label for row in (await admin.rows_by_uid("1.2.2")).value] == ["lost"]


async def test_an_admins_list_of_a_project_carries_unassigned_rows_with_their_own_project(stage: Stage) -> None:
    send_zip(stage.caller("owner"), {"a": instance(study="2")}, project="NOWHERE", session="lost")
    rows = (await (await ask(stage, "admin")).rows_of("DEMO")).value
    assert [row.project for row in rows] == ["Unassigned"]
    assert rows[0].is_unassigned


async def test_unassigned_refuses_a_stranger_with_what_means_no_right(stage: Stage) -> None:
    uri = send_one(stage.caller("owner"), {"a": instance()}, project="NOWHERE", session="lost")
    inquiry = await ask(stage, "owner")
    assert (await inquiry.row(uri)).standing is Standing.NOT_ALLOWED
    assert (await (await ask(stage, "admin")).row(uri)).value is not None


async def test_a_row_that_is_gone_is_no_row_and_no_error(stage: Stage) -> None:
    told = await (await ask(stage, "owner")).row("/data/prearchive/projects/DEMO/20200101_000000000/x")
    assert told.is_known
    assert told.value is None


async def test_what_is_not_built_has_no_document_and_no_scans(stage: Stage) -> None:
    uri = send_one(stage.caller("owner"), series(), **HERE)
    inquiry = await ask(stage, "owner")
    assert (await inquiry.has_document(uri)).value is False
    assert (await inquiry.waiting_scans(uri)).standing is Standing.ABSENT
    act(stage.caller("owner"), uri, "build")
    settled(stage.caller("owner"), uri)
    assert (await inquiry.has_document(uri)).value is True
    (scan,) = (await inquiry.waiting_scans(uri)).value
    files = await inquiry.waiting_files(uri, scan.id)
    assert len(files.value) == 3
    assert set((await inquiry.distinct_uids(uri, scan.id)).value) == {f"1.2.1.1.{number}" for number in (1, 2, 3)}
    assert (await inquiry.dry_run(uri)).is_known
    assert (await (await ask(stage, "collaborator")).has_document(uri)).is_denied


async def test_the_archive_tells_uids_of_files_and_whether_they_are_readable(stage: Stage) -> None:
    owner = stage.caller("owner")
    uri = send_one(owner, series(), **HERE)
    assert act(owner, uri, "commit", AA="true").status in {200, 301}
    inquiry = await ask(stage, "collaborator")
    (found,) = (await inquiry.by_uid(STUDY)).value
    assert (found.label, found.project, found.subject_label) == ("S01_MR1", "DEMO", "S01")
    (scan,) = (await inquiry.scans(found.id)).value
    assert scan.series_instance_uid == "1.2.1.1"
    files = (await inquiry.scan_files(found.id, scan.id)).value
    assert {file.sop_instance_uid for file in files} == {f"1.2.1.1.{number}" for number in (1, 2, 3)}
    assert all(file.md5 and file.size_bytes for file in files)
    assert (await inquiry.is_readable(files[0].uri)).value is True
    assert (await inquiry.is_readable(files[0].uri + "x")).standing is Standing.ABSENT
    shown = (await inquiry.experiment(found.id)).value
    assert shown is not None
    assert shown.label == "S01_MR1"
    assert (await (await ask(stage, "stranger")).by_uid(STUDY)).value == ()


async def test_only_rows_with_the_uid_that_was_asked_for_count(stage: Stage) -> None:
    owner = stage.caller("owner")
    act(owner, send_one(owner, series(), **HERE), "commit", AA="true")
    told = await (await ask(stage, "owner")).by_uid("9.9.9")
    assert told.is_known
    assert told.value == ()


async def test_projects_and_what_is_set_in_them(stage: Stage) -> None:
    stage.project("NEURO01", "Neuro pilot", "NPilot", code=4)
    owner = await ask(stage, "owner")
    names = {one.id: one for one in (await owner.project_names()).value}
    assert (names["NEURO01"].title, names["NEURO01"].running_title) == ("Neuro pilot", "NPilot")
    rights = (await owner.project_rights("NEURO01")).value
    assert (rights.prearchive_code, rights.archives_by_itself, rights.owners) == ("4", True, ("owner",))
    assert "NEURO01" not in {one.id for one in (await (await ask(stage, "member")).project_names()).value}
    assert not (await (await ask(stage, "stranger")).project_rights("NEURO01")).is_known


async def test_filters_scripts_rules_and_receivers(stage: Stage) -> None:
    stage.site_setting(enableSitewideSeriesImportFilter=True, sitewideSeriesImportFilter="localizer\nphoenix")
    admin = stage.caller("admin")
    admin.call("PUT", "/data/config/dicom/projectRules", body="(0008,1030):(.*)")
    made(admin, aeTitle="OTHER", port=18104, enabled=False, customProcessing=True, directArchive=True)
    inquiry = await ask(stage, "member")
    site = await inquiry.site_facts()
    (found,) = (await inquiry.filters(site, "DEMO")).value
    assert (found.owner, found.mode, found.lines) == ("site", "blacklist", "localizer\nphoenix")
    stage.practice.anonymize()
    scripts = (await inquiry.scripts(await inquiry.site_facts(), "DEMO")).value
    assert [(one.owner, one.is_on) for one in scripts] == [("site", True), ("project", False)]
    assert "(0010,0010) := subject" in scripts[0].text
    assert (await inquiry.routing_rules()).value == {"projectRules": "(0008,1030):(.*)"}
    receivers = {one.ae_title: one for one in (await inquiry.receivers()).value}
    assert receivers["OTHER"].has_custom_processing
    assert receivers["OTHER"].is_direct_archive
    assert not receivers["OTHER"].is_enabled


async def test_what_direct_archive_holds(stage: Stage) -> None:
    sent = send_zip(stage.caller("owner"), series(), **HERE, **{"Direct-Archive": "true"})
    assert sent.text.startswith("/xapi/direct-archive"), sent.text
    (held,) = (await (await ask(stage, "collaborator")).held()).value
    assert (held.project, held.label, held.study_instance_uid) == ("DEMO", "S01_MR1", STUDY)


async def test_cache_and_pending_imports_are_our_own_only(stage: Stage) -> None:
    owner = stage.caller("owner")
    owner.call("PUT", "/data/user/cache/resources/up1/files/a.zip", {"inbody": "true"}, body=b"PK")
    send_zip(owner, series(), **HERE, **{"http-session-listener": "key1"})
    inquiry = await ask(stage, "owner")
    (file,) = (await inquiry.cached_files()).value
    assert (file.resource, file.name, file.size_bytes) == ("up1", "a.zip", 2)
    event = (await inquiry.import_event("key1")).value
    assert event is not None
    assert event.has_succeeded is True
    other = await ask(stage, "member")
    assert (await other.cached_files()).value == ()
    assert (await other.import_event("key1")).standing is Standing.ABSENT


async def test_a_web_page_in_the_place_of_data_is_no_empty_list(stage: Stage) -> None:
    inquiry = await ask(stage, "owner")
    stage.fault(Kind.LOGIN_PAGE, path="/data/prearchive")
    told = await inquiry.rows()
    assert told.standing is Standing.FAILED
    assert "not logged in" in told.evidence[0].got


@pytest.mark.parametrize("status", [429, 503])
async def test_a_site_that_asks_to_slow_down_is_asked_again(stage: Stage, status: int) -> None:
    waits: list[float] = []

    async def note(wait_s: float) -> None:
        waits.append(wait_s)

    inquiry = Inquiry(await stage.site("owner"), sleep=note)
    stage.fault(Kind.STATUS, path="/data/prearchive", code=status, times=1)
    assert (await inquiry.rows()).is_known
    assert len(waits) == 1


async def test_enough_is_enough(stage: Stage) -> None:
    inquiry = Inquiry(await stage.site("owner"), sleep=no_wait, budget=1)
    assert (await inquiry.rows()).is_known
    told = await inquiry.rows()
    assert told.standing is Standing.NOT_ASKED
    assert inquiry.requests == 1


async def test_c_store_without_a_project_is_seen_by_nobody_but_an_admin(stage: Stage, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 2}, PatientComments="Project:demo Subject:S Session:E")
    assert send_dicom(stage.practice, files_below(study).values()) == [0, 0]
    until(lambda: stage.practice.on_loop(lambda store: len(store.state.rows)))
    assert (await (await ask(stage, "owner")).rows()).value == ()
    (row,) = (await (await ask(stage, "admin")).rows()).value
    assert row.is_unassigned
