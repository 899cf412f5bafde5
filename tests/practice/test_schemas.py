"""The data types that clients ask for before they do anything: schemas and search elements."""

from xml.etree import ElementTree as ET

import pytest

from practice.arriving import send_one
from practice.calling import Caller
from practice.images import series
from xnat_wizard.practice import datatypes, fields

XS = "{http://www.w3.org/2001/XMLSchema}"


def test_the_schemas_are_listed_and_read(as_owner: Caller) -> None:
    names = as_owner.get("/xapi/schemas").json()
    assert names == ["xdat", "xnat"]
    for name in names:
        answer = as_owner.get(f"/xapi/schemas/{name}")
        assert answer.headers.get_content_type() == "application/xml"
        assert answer.body == as_owner.get(f"/xapi/schemas/{name}/{name}").body
        assert ET.fromstring(answer.body).get("targetNamespace") == f"http://nrg.wustl.edu/{name}"  # noqa: S314  our own


def test_every_type_extends_one_that_is_there_and_names_only_types_that_are_there(as_owner: Caller) -> None:
    root = ET.fromstring(as_owner.get("/xapi/schemas/xnat").body)  # noqa: S314  our own
    types = {f"xnat:{one.get('name')}" for one in root.iter(f"{XS}complexType") if one.get("name")}
    named = {one.get("base") or "" for one in root.iter(f"{XS}extension")}
    named |= {one.get("type") or "xs:string" for kind in ("element", "attribute") for one in root.iter(XS + kind)}
    assert {name for name in named if not name.startswith("xs:")} <= types
    assert {*fields.SESSION_ELEMENTS, *fields.SCAN_ELEMENTS, "xnat:projectData", fields.SUBJECT_TYPE} <= types
    modalities = ("MR", "PT", "CT", "US", "SR", "XX", "SEG", "RTIMAGE")
    assert {datatypes.session_type([one])[0] for one in modalities} <= types
    assert {datatypes.scan_type(one, ["1.2"]) for one in modalities} <= types


def test_an_unknown_schema_is_named(as_owner: Caller) -> None:
    for path, file in (("nothing", "nothing/nothing"), ("xnat/xdat", "xnat/xdat")):
        answer = as_owner.get(f"/xapi/schemas/{path}")
        told = f"Unable to find requested file or resource: classpath:schemas/{file}.xsd"
        assert (answer.status, answer.text) == (404, told)


def test_strangers_get_no_schema(as_nobody: Caller) -> None:
    assert as_nobody.get("/xapi/schemas").status == 401


def test_types_are_counted(as_owner: Caller, as_stranger: Caller) -> None:
    where = {"dest": "/archive/projects/DEMO/subjects/S1/experiments/E1"}
    send_one(as_owner, series(1), **where)

    def counts(caller: Caller, **params: str) -> dict[str, str]:
        return {row["ELEMENT_NAME"]: row["COUNT"] for row in caller.get("/data/search/elements", **params).rows}

    mine = {"xnat:projectData": "1", "xnat:subjectData": "1", "xnat:mrSessionData": "1"}
    assert counts(as_owner, used="true") == mine
    assert counts(as_stranger, used="true") == mine
    assert counts(as_stranger, used="true", readable="true") == {}
    assert counts(as_owner)["xnat:petSessionData"] == "0"
    line = next(row for row in as_owner.get("/data/search/elements").rows if row["COUNT"] == "1")
    assert line == {"ELEMENT_NAME": "xnat:projectData", "SINGULAR": "Project", "PLURAL": "Projects", "SECURED": "true",
                    "COUNT": "1"}  # fmt: skip


def test_no_field_can_be_searched(as_owner: Caller) -> None:
    told = as_owner.get("/data/search/elements/xnat:mrSessionData", format="json").json()["ResultSet"]
    assert (told["Result"], told["element_name"]) == ([], "xnat:mrSessionData")
    assert as_owner.get("/data/search/elements/xnat:nothingData").status == 404
    assert as_owner.call("POST", "/data/search", body=b"<search/>").status == 501


@pytest.mark.parametrize("path", ["", "/scans/1"])
def test_an_item_and_all_inside_it_say_that_they_are_no_history(as_owner: Caller, path: str) -> None:
    uri = send_one(as_owner, series(1), dest="/archive/projects/DEMO/subjects/S1/experiments/E1")
    (top,) = as_owner.get(uri + path, format="json").json()["items"]
    inside = [item for child in top["children"] for item in child["items"]]
    assert inside
    assert {item["meta"]["isHistory"] for item in (top, *inside)} == {False}
