"""The config service and the anonymization scripts."""

import json

import pytest

from practice.calling import Caller
from support import Practice
from xnat_wizard.practice import config

SCRIPT = 'version "6.1"\n(0010,0010) := "X"'


@pytest.fixture(params=["site", "project"])
def place(request: pytest.FixtureRequest, as_admin: Caller, as_owner: Caller) -> tuple[Caller, str]:
    if request.param == "site":
        return as_admin, "/data/config/tool/a/b"
    return as_owner, "/data/projects/DEMO/config/tool/a/b"


def put(place: tuple[Caller, str], body: str, kind: str = "text/plain") -> int:
    return place[0].call("PUT", place[1], body=body, headers={"Content-Type": kind}).status


def test_versions_are_kept_and_statuses_toggled(place: tuple[Caller, str]) -> None:
    caller, path = place
    assert caller.get(path).status == 404
    assert caller.get(path, **{"accept-not-found": "true"}).status == 204
    assert [put(place, text) for text in ("one", "two", "two")] == [201, 200, 200]
    (row,) = caller.get(path, format="json").rows
    assert set(row) == {
        "tool", "path", "project", "user", "create_date", "reason", "contents", "unversioned", "version", "status",
    }  # fmt: skip
    assert (row["tool"], row["path"], row["version"], row["contents"]) == ("tool", "a/b", "2", "two")
    assert caller.get(path, contents="true").text == "two"
    assert caller.get(path, contents="true", version="1").text == "one"
    assert caller.put(path, status="disabled").status == 200
    assert caller.get(path).rows[0]["status"] == "disabled"
    assert caller.put(path, status="foo").status == 400
    assert caller.call("PUT", path).status == 400
    assert len(caller.get(path, action="getHistory").rows) == 3
    assert "contents" not in caller.get(path, meta="true").rows[0]


def test_json_gives_contents_and_status_at_once(place: tuple[Caller, str]) -> None:
    caller, path = place
    assert put(place, json.dumps({"contents": "c", "status": "disabled", "reason": "r"}), "application/json") == 201
    (row,) = caller.get(path).rows
    assert (row["contents"], row["status"], row["reason"]) == ("c", "disabled", "r")


def test_rights_on_a_projects_configuration(as_owner: Caller, as_member: Caller, as_stranger: Caller) -> None:
    path = "/data/projects/DEMO/config/tool/a"
    assert as_member.call("PUT", path, body="x").told == (
        "User does not have privileges to modify config for this project"
    )
    as_owner.call("PUT", path, body="x")
    assert as_member.get(path).rows[0]["contents"] == "x"
    answer = as_stranger.get(path)
    assert answer.status == 404
    assert answer.told.startswith("Couldn't find config for user stranger and project DEMO")
    assert as_owner.call("PUT", "/data/config/tool/a", body="x").status == 403


def test_three_families_reach_one_project_script(practice: Practice, as_owner: Caller, as_member: Caller) -> None:
    base = "/xapi/anonymize/projects/DEMO"
    assert as_owner.get(base).status == 204
    assert as_owner.get(f"{base}/enabled").text == "false"
    assert as_member.call("PUT", base, body=SCRIPT).status == 403
    assert as_owner.call("PUT", base, body=SCRIPT, headers={"Content-Type": "text/plain"}).status == 200
    assert as_owner.get(f"{base}/enabled").text == "true"
    for path in ("projects/DEMO", "script"):
        assert as_owner.get(f"/data/projects/DEMO/config/anon/{path}", contents="true").text == SCRIPT
    legacy = "/data/config/edit/projects/DEMO/image/dicom"
    assert as_owner.get(f"{legacy}/script").rows[0]["script"] == SCRIPT
    assert as_owner.get(f"/data/archive{legacy[5:]}/status").rows[0]["edit"] == "true"
    assert practice.on_loop(lambda store: config.project_script(store, "DEMO")) is not None
    assert as_owner.put(f"{legacy}/status", activate="false").status == 200
    assert as_owner.get(f"{base}/enabled").text == "false"
    assert practice.on_loop(lambda store: config.project_script(store, "DEMO")) is None


def test_switching_on_what_is_not_there_is_no_success(as_owner: Caller) -> None:
    assert as_owner.put("/xapi/anonymize/projects/DEMO/enabled", enable="true").status == 404
    assert as_owner.get("/data/config/edit/projects/NONE/image/dicom/status").told == "This project does not exist."


def test_the_sites_script_and_its_preferences_are_one(practice: Practice, as_admin: Caller, as_owner: Caller) -> None:
    settings = {"enableSitewideAnonymizationScript": True, "sitewideAnonymizationScript": SCRIPT}
    as_admin.call("POST", "/xapi/siteConfig", data=settings)
    assert as_owner.get("/xapi/anonymize/site").text == SCRIPT
    assert as_owner.get("/xapi/anonymize/site/enabled").text == "true"
    assert as_owner.get("/data/config/anon/script").rows[0]["status"] == "enabled"
    assert as_owner.put("/xapi/anonymize/site/enabled", enable="false").status == 403
    as_admin.put("/xapi/anonymize/site/enabled", enable="false")
    assert as_owner.get("/xapi/siteConfig/enableSitewideAnonymizationScript").text == "false"
    assert practice.on_loop(config.site_script) is None
    assert "subject" in as_owner.get("/xapi/anonymize/default").text


def test_the_sites_series_filter_and_its_preferences_are_one(as_admin: Caller, as_owner: Caller) -> None:
    wanted = {"mode": "whitelist", "enabled": "true", "list": "t1\nt2"}
    path = "/data/config/seriesImportFilter/config"
    body = json.dumps(wanted)
    assert as_admin.call("PUT", path, body=body, headers={"Content-Type": "text/plain"}).status == 201
    names = "enableSitewideSeriesImportFilter,sitewideSeriesImportFilterMode,sitewideSeriesImportFilter"
    assert list(as_owner.get(f"/xapi/siteConfig/values/{names}").json().values()) == [True, "whitelist", "t1\nt2"]
    as_admin.call("POST", "/xapi/siteConfig", data={"enableSitewideSeriesImportFilter": False})
    (row,) = as_owner.get(path).rows
    assert row["status"] == "disabled"
    assert json.loads(row["contents"])["list"] == "t1\nt2"
