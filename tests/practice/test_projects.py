"""Projects: lists, names, settings, members, and what others see of them."""

from collections.abc import Callable

import pytest

from practice.calling import Caller
from support import Practice
from xnat_wizard.practice.store import Project, Store

XML = (
    '<xnat:Project ID="P1" secondary_ID="Run 1" xmlns:xnat="http://nrg.wustl.edu/xnat"><xnat:name>Title 1</xnat:name>'
    "<xnat:aliases><xnat:alias>Al1</xnat:alias></xnat:aliases><xnat:description>d</xnat:description>"
    "<xnat:PI><xnat:firstname>Ada</xnat:firstname><xnat:lastname>Byron</xnat:lastname></xnat:PI></xnat:Project>"
)


def fields(caller: Caller, project: str) -> dict[str, str]:
    found: dict[str, str] = caller.get(f"/data/projects/{project}", format="json").json()["items"][0]["data_fields"]
    return found


@pytest.mark.parametrize(
    "base", ["/data/projects", "/REST/projects", "/data/archive/projects", "/REST/archive/projects"]
)
def test_the_list_has_four_addresses_and_cells_of_text(as_owner: Caller, base: str) -> None:
    answer = as_owner.get(base)
    assert answer.json()["ResultSet"]["totalRecords"] == "1"
    assert answer.rows == [
        {
            "ID": "DEMO",
            "secondary_ID": "DEMO",
            "name": "Demo project",
            "description": "A project to practise with",
            "pi_firstname": "",
            "pi_lastname": "",
            "URI": "/data/projects/DEMO",
        }
    ]


def test_the_list_takes_columns_filters_and_pages(as_owner: Caller) -> None:
    for name in ("A1", "A2", "B1"):
        as_owner.put(f"/data/projects/{name}", keywords=f"k{name}")
    rows = as_owner.get("/data/projects", columns="ID,xnat:projectData/keywords", ID="A%,B1", sortBy="ID").rows
    assert [(row["ID"], row["xnat:projectData/keywords"]) for row in rows] == [
        ("A1", "kA1"),
        ("A2", "kA2"),
        ("B1", "kB1"),
    ]
    paged = as_owner.get("/data/projects", limit="2", offset="1", sortBy="ID", sortOrder="DESC")
    assert [row["ID"] for row in paged.rows] == ["B1", "A2"]
    assert "totalRecords" not in paged.json()["ResultSet"]


def test_the_site_may_page_lists_unasked(practice: Practice, as_owner: Caller) -> None:
    def fill(store: Store) -> None:
        store.state.preferences["defaultToPagedRestfulLists"] = True
        for number in range(150):
            name = f"P{number}"
            store.state.projects[name] = Project(name, name, name, 0, "owner", members={"owner": "owner"})

    practice.on_loop(fill)
    answer = as_owner.get("/data/projects")
    assert len(answer.rows) == 100
    assert "totalRecords" not in answer.json()["ResultSet"]
    assert len(as_owner.get("/data/projects", limit="*").rows) == 151
    assert len(as_owner.get("/data/projects", accessible="true").rows) == 151


def test_all_data_groups_read_or_edit_everything_but_own_nothing(as_admin: Caller, as_stranger: Caller) -> None:
    assert as_stranger.get("/data/projects/DEMO").status == 404
    as_admin.put("/xapi/users/stranger/groups/ALL_DATA_ACCESS")
    assert as_stranger.get("/data/projects/DEMO").status == 200
    assert as_stranger.get("/data/projects", data="writable").rows == []
    as_admin.put("/xapi/users/stranger/groups/ALL_DATA_ADMIN")
    assert [row["id"] for row in as_stranger.get("/data/projects", data="writable").rows] == ["DEMO"]
    assert as_stranger.put("/data/projects/DEMO/prearchive_code/4").status == 403
    assert as_admin.put("/xapi/users/stranger/groups/NONSENSE").status == 404


def test_the_filtered_list_has_other_columns(as_member: Caller) -> None:
    answer = as_member.get("/data/projects", accessible="true", prearc_code="true").json()["ResultSet"]
    number = answer["xdat_user_id"]
    (row,) = answer["Result"]
    assert row[f"user_role_{number}"] == "Members"
    assert set(row) == {
        "id", "name", "description", "secondary_id", "pi", "project_invs", "project_access", "project_access_img",
        "insert_date", "insert_user", f"user_role_{number}", f"last_accessed_{number}", "proj_prearchive_code",
        "proj_quarantine",
    }  # fmt: skip
    assert (row["project_access"], row["proj_prearchive_code"]) == ("private", "0")
    assert (answer["title"], answer["totalRecords"]) == ("Projects", "1")


def test_the_filters_combine(as_owner: Caller, as_stranger: Caller) -> None:
    as_owner.put("/data/projects/PUB", accessibility="public")
    as_owner.put("/data/projects/PROT")

    def ids(caller: Caller, **params: str) -> list[str]:
        return [row["id"] for row in caller.get("/data/projects", **params).rows]

    assert ids(as_stranger, accessible="true") == ["PUB"]
    assert ids(as_stranger, data="writable") == []
    assert ids(as_stranger, data="readable") == ["PUB"]
    assert ids(as_owner, owner="true") == ["DEMO", "PUB", "PROT"]
    assert ids(as_owner, recent="true") == ["PUB", "PROT"]
    assert as_owner.get("/data/projects", data="other").status == 500


def test_the_picker_list_has_ids_only(as_member: Caller) -> None:
    answer = as_member.get("/data/projects", permissions="edit", dataType="xnat:subjectData").json()
    assert answer == {"ResultSet": {"Result": [{"id": "DEMO", "secondary_id": "DEMO"}]}}


def test_a_bare_put_makes_a_protected_project_that_archives_by_itself(as_stranger: Caller) -> None:
    answer = as_stranger.put("/data/projects/NEW")
    assert (answer.status, answer.body) == (200, b"")
    assert fields(as_stranger, "NEW")["name"] == "NEW"
    assert as_stranger.get("/data/projects/NEW/accessibility").text == "protected"
    assert as_stranger.get("/data/projects/NEW/prearchive_code").text == "4"
    assert as_stranger.get("/xapi/users/stranger/groups").json() == ["NEW_owner"]


def test_a_project_is_made_by_xml(as_owner: Caller) -> None:
    assert as_owner.call("PUT", "/data/projects/P1", body=XML, headers={"Content-Type": "text/xml"}).status == 200
    assert (fields(as_owner, "Al1")["name"], fields(as_owner, "P1")["secondary_ID"]) == ("Title 1", "Run 1")
    (row,) = as_owner.get("/data/projects", ID="P1").rows
    assert (row["pi_firstname"], row["pi_lastname"]) == ("Ada", "Byron")
    shown = as_owner.get("/data/projects/P1")
    assert "xml" in shown.headers["Content-Type"]
    assert '<xnat:Project ID="P1" secondary_ID="Run 1"' in shown.text
    assert "<xnat:PI " in shown.text
    wrong = as_owner.call("PUT", "/data/projects/P2", body=XML, headers={"Content-Type": "text/xml"})
    assert wrong.status == 417
    assert "must match the value in submitted request body" in wrong.told


def test_a_project_is_made_by_form_and_post(as_owner: Caller) -> None:
    answer = as_owner.call("POST", "/data/projects", form={"ID": "P1", "name": "a & b", "note": "n"})
    assert answer.status == 200
    assert answer.text == answer.headers["Location"] == f"{as_owner.url}/data/projects/P1"
    assert fields(as_owner, "P1")["name"] == "a &amp; b"
    assert as_owner.call("POST", "/data/projects", form={"ID": "P1"}).told == "Project already exists."
    assert as_owner.call("POST", "/data/projects").told == "Need POST Contents"
    assert as_owner.call("POST", "/data/projects", form={"name": "x"}).told == "Requires XNAT ProjectData ID"


@pytest.mark.parametrize("field", ["name", "secondary_ID", "alias"])
def test_all_names_share_one_space_in_which_case_does_not_matter(as_owner: Caller, field: str) -> None:
    as_owner.put("/data/projects/P1", name="T1", secondary_ID="R1", alias="A1")
    for taken in ("p1", "t1", "r1", "a1"):
        answer = as_owner.put("/data/projects/P2", **{field: taken.upper()})
        assert answer.status == 409
        assert f"'{taken}' is already being used." in answer.told
    for taken in ("p1", "T1", "R1", "A1"):
        assert as_owner.put(f"/data/projects/{taken}").status == 409
    assert as_owner.get("/data/projects/P2").status == 404


def test_bad_and_burnt_ids_are_refused(as_owner: Caller) -> None:
    assert as_owner.put("/data/projects/a.b").told == "Invalid character in project ID."
    as_owner.put("/data/projects/P1")
    assert as_owner.delete("/data/projects/P1", removeFiles="true").status == 200
    assert as_owner.get("/data/projects/P1").status == 404
    answer = as_owner.put("/data/projects/P1")
    assert answer.status == 403
    assert answer.told == "Project 'P1' was used in a previously deleted project and cannot be reused."


def test_who_may_change_what(as_owner: Caller, as_member: Caller, as_stranger: Caller) -> None:
    hidden = as_stranger.put("/data/projects/DEMO", description="x")
    assert hidden.told == "User stranger doesn't have permission to edit the project DEMO"
    assert as_member.put("/data/projects/DEMO", description="x").status == 403
    assert as_member.put("/data/projects/DEMO/prearchive_code/4").status == 403
    assert as_stranger.put("/data/projects/DEMO/accessibility/public").status == 404
    assert as_owner.put("/data/projects/DEMO", description="x").status == 200
    assert fields(as_owner, "DEMO")["description"] == "x"
    assert as_owner.put("/data/projects/DEMO/prearchive_code/x").told == (
        "The submitted code x is invalid: must be an integer."
    )
    assert as_owner.put("/data/projects/DEMO/quarantine_code/1").status == 200
    assert as_owner.get("/data/projects/DEMO/quarantine_code").text == "1"
    assert as_owner.put("/data/projects/DEMO/accessibility/protected").text == "protected"
    assert as_stranger.get("/data/projects/DEMO").status == 200


def test_the_site_may_forbid(as_admin: Caller, as_owner: Caller) -> None:
    settings = {"uiAllowNonAdminProjectCreation": False, "projectAllowAutoArchive": False}
    as_admin.call("POST", "/xapi/siteConfig", data={**settings, "securityAllowNonPrivateProjects": False})
    assert as_owner.put("/data/projects/P1").told == (
        "User owner doesn't have permission to create projects on this system"
    )
    assert as_owner.put("/data/projects/DEMO/prearchive_code/4").status == 403
    assert as_owner.put("/data/projects/DEMO/accessibility/public").status == 403
    as_admin.put("/data/projects/P1")
    assert as_admin.get("/data/projects/P1/accessibility").text == "private"


def test_members_are_listed_granted_and_revoked(as_owner: Caller, as_member: Caller, as_stranger: Caller) -> None:
    rows = as_owner.get("/data/projects/DEMO/users").rows
    assert [(row["GROUP_ID"], row["displayname"], row["login"]) for row in rows] == [
        ("DEMO_owner", "Owners", "owner"),
        ("DEMO_member", "Members", "member"),
    ]
    assert as_member.put("/data/projects/DEMO/users/Owners/member").status == 403
    for group, role in (("Collaborators", "collaborator"), ("DEMO_member", "member"), ("owner", "owner")):
        assert as_owner.put(f"/data/projects/DEMO/users/{group}/stranger").status == 200
        assert as_stranger.get("/xapi/users/stranger/groups").json() == [f"DEMO_{role}"]
    as_owner.delete("/data/projects/DEMO/users/Owners/stranger")
    assert as_stranger.get("/data/projects/DEMO/users").status == 404


def test_a_project_comes_back_after_a_restart(
    practice: Practice, as_owner: Caller, caller: Callable[..., Caller]
) -> None:
    as_owner.put("/data/projects/P1", alias="A1", keywords="k")
    practice.stop()
    practice.start()
    assert fields(caller("owner"), "A1")["keywords"] == "k"
    assert (practice.folder / "state.json").stat().st_mode & 0o777 == 0o600
    assert "owner:owner" not in (practice.folder / "state.json").read_text()


def test_scan_types_are_mapped_unless_site_or_project_says_no(practice: Practice, as_owner: Caller) -> None:
    path = "/data/projects/DEMO/scan_type_mapping"
    assert as_owner.get(path).text == "true"
    as_owner.call("PUT", "/data/projects/DEMO/config/project/scanTypeMapping", {"inbody": "true"}, body="false")
    assert as_owner.get(path).text == "false"
    as_owner.call("PUT", "/data/projects/DEMO/config/project/scanTypeMapping", {"inbody": "true"}, body="true")
    practice.on_loop(lambda store: store.state.preferences.update(scanTypeMapping=False))
    assert as_owner.get(path).text == "false"
