"""How receivers are defined, whom they let in, and how they route."""

import pytest

from practice.calling import Caller
from practice.images import instance
from practice.sending import RECEIVERS, define, made, port_of, rejection, rows, send
from support import Practice
from xnat_wizard.practice import whitelist


def test_the_default_receiver_reads_as_in_xnat(practice: Practice, as_member: Caller, as_nobody: Caller) -> None:
    (found,) = as_member.get(RECEIVERS).json()
    port = port_of(practice)
    assert {name: found[name] for name in ("id", "aeTitle", "port", "label", "enabled", "whitelist", "disabled")} == {
        "id": 1, "aeTitle": "XNAT", "port": port, "label": f"XNAT:{port}", "enabled": True, "whitelist": [],
        "disabled": 0,
    }  # fmt: skip
    assert found["identifier"] in as_member.get(f"{RECEIVERS}/identifiers").json()
    assert as_nobody.get(RECEIVERS).status == 401
    for path in ("1", f"title/XNAT/{port}", "1/enabled"):
        assert as_member.get(f"{RECEIVERS}/{path}").status == 403


def test_receivers_are_made_changed_and_deleted(practice: Practice, as_admin: Caller) -> None:
    port = port_of(practice)
    path = f"{RECEIVERS}/{made(as_admin, aeTitle='SECOND', port=port)}"
    assert as_admin.get(f"{RECEIVERS}/title/SECOND/{port}").json() == as_admin.get(path).json()
    assert send(port, instance(StudyDescription="DEMO"), called="SECOND") == [0]
    assert as_admin.call("PUT", path, data={"aeTitle": "RENAMED", "id": 77}).json()["label"] == f"RENAMED:{port}"
    assert rejection(port, called="SECOND") == 7
    assert as_admin.put(f"{path}/enabled/false").json()["enabled"] is False
    assert as_admin.get(f"{path}/enabled").json() is False
    assert rejection(port, called="RENAMED") == 7
    assert as_admin.delete(path).status == 200
    assert as_admin.get(path).status == as_admin.delete(path).status == 404
    assert as_admin.get(f"{RECEIVERS}/title/RENAMED/{port}").status == 404
    assert rejection(port) == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"aeTitle": "XNAT"}, "already exists"),
        ({"aeTitle": "A" * 17}, "Invalid AE-title"),
        ({"aeTitle": " A"}, "Invalid AE-title"),
        ({"aeTitle": "A\\B"}, "Invalid AE-title"),
        ({"aeTitle": ""}, "Invalid AE-title"),
        ({"identifier": "routedObjectIdentifier"}, "unknown DICOM Object Identifier"),
        ({"port": 0}, "Invalid port"),
        ({"port": "8104"}, "port cannot be read"),
        ({"enabled": "yes"}, "enabled cannot be read"),
        ({"whitelist": ["A@not-an-address"]}, "Invalid Ip Address in whitelist: not-an-address"),
        ({"whitelist": ["A\\B@127.0.0.1"]}, "Invalid AE-title in whitelist"),
        ({"whitelist": ["a@b@c"]}, "Invalid item in whitelist"),
        ({"whitelist": ["A TITLE THAT IS TOO LONG"]}, "Invalid item in whitelist"),
        ({"whitelist": "A"}, "whitelist cannot be read"),
        ({"projectRoutingExpression": "PatientID:(.*)"}, "project routing expression cannot be used"),
        ({"sessionRoutingExpression": "(0010,0020):(.*"}, "session routing expression cannot be used"),
    ],
)
def test_receivers_that_xnat_refuses_are_refused(
    practice: Practice, as_admin: Caller, values: dict[str, object], told: str
) -> None:
    answer = define(as_admin, **{"aeTitle": "NEW", "port": port_of(practice), **values})
    assert answer.status == 400
    assert told in answer.text
    assert len(as_admin.get(RECEIVERS).json()) == 1


def test_only_listed_callers_are_let_in(practice: Practice, as_admin: Caller) -> None:
    port = port_of(practice)
    number = made(as_admin, aeTitle="CLOSED", port=port, whitelistEnabled=True, whitelist=["FRIEND", " ", "FRIEND"])
    assert as_admin.get(f"{RECEIVERS}/{number}").json()["whitelist"] == ["FRIEND"]
    assert rejection(port, called="CLOSED", calling="STRANGER") == 3
    assert rejection(port, called="CLOSED", calling="FRIEND") == 0


@pytest.mark.parametrize(
    ("entry", "is_admitted"),
    [
        ("A", True), ("B", False), ("127.0.0.1", True), ("10.0.0.1", False), ("127.0.0.0/8", True), ("localhost", True),
        ("A@127.0.0.1", True), ("A@127.0.0.2", False), ("B@127.0.0.1", False), ("A@127.0.0.0/30", True), (" A ", True),
    ],
)  # fmt: skip
def test_an_entry_names_a_title_a_host_or_both(entry: str, is_admitted: bool) -> None:  # noqa: FBT001  a table's column
    assert whitelist.admits([entry], "A", "127.0.0.1") is is_admitted


def test_a_receivers_routing_comes_before_the_sites(practice: Practice, as_admin: Caller) -> None:
    port = port_of(practice)
    as_admin.call(
        "PUT", "/data/config/dicom/sessionRules", data={"contents": "(0010,0020):(.*) t:S r:site", "status": "enabled"}
    )
    made(
        as_admin,
        aeTitle="ROUTED",
        port=port,
        routingExpressionsEnabled=True,
        projectRoutingExpression="(0008,103E):(.*) x",
        subjectRoutingExpression="(0010,0010):(\\w+)\\^.*",
        sessionRoutingExpression="(0010,0020):(.*) t:S r:own",
    )
    image = instance(SeriesDescription="DEMO x", StudyDescription="nothing")
    assert send(port, image, called="ROUTED") == send(port, image) == [0]
    own, site = rows(practice)
    assert (own.project, own.subject, own.name) == ("DEMO", "Subject", "own_1")
    assert (site.project, site.subject, site.name) == ("Unassigned", "Subject_One", "site_1")


def test_routing_that_is_switched_off_or_names_no_project_is_passed_over(practice: Practice, as_admin: Caller) -> None:
    port = port_of(practice)
    made(as_admin, aeTitle="OFF", port=port, projectRoutingExpression="(0008,103E):(.*) x")
    made(as_admin, aeTitle="ON", port=port, projectRoutingExpression="(0010,0020):(.*)", routingExpressionsEnabled=True)
    assert send(port, instance("1", SeriesDescription="DEMO x"), called="OFF") == [0]
    assert send(port, instance("2", StudyDescription="DEMO"), called="ON") == [0]
    assert [row.project for row in rows(practice)] == ["Unassigned", "DEMO"]


def test_a_namer_of_files_is_not_known(practice: Practice, as_admin: Caller) -> None:
    assert define(as_admin, aeTitle="NEW", port=port_of(practice), fileNamer="templatedFileNamer").status == 501
