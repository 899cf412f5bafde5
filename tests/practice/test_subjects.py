"""Subjects: what REST makes of labels, fields, sharing and roles."""

from collections.abc import Callable

from practice.conftest import Caller

BASE = "/data/projects/DEMO/subjects"
XML = (
    '<xnat:Subject ID="" project="DEMO" label="X1" group="g" xmlns:xnat="http://nrg.wustl.edu/xnat"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><xnat:demographics xsi:type="xnat:demographicData">'
    "<xnat:dob>1990-05-06</xnat:dob><xnat:gender>female</xnat:gender></xnat:demographics></xnat:Subject>"
)


def project(admin: Caller, name: str, *members: str) -> None:
    assert admin.put(f"/data/projects/{name}").status == 200
    for member in members:
        assert admin.put(f"/data/projects/{name}/users/{name}_owner/{member}").status == 200


def test_a_list_has_exactly_these_cells(as_member: Caller) -> None:
    assert as_member.put(f"{BASE}/S01", gender="male").status == 201
    answer = as_member.get(BASE)
    (row,) = answer.rows
    assert set(row) == {"ID", "project", "label", "insert_date", "insert_user", "URI"}
    assert row | {"insert_date": ""} == {
        "ID": "XNAT_S00001",
        "project": "DEMO",
        "label": "S01",
        "insert_date": "",
        "insert_user": "member",
        "URI": "/data/subjects/XNAT_S00001",
    }
    assert answer.json()["ResultSet"]["totalRecords"] == "1"


def test_an_empty_list_as_csv_still_names_its_columns(as_member: Caller) -> None:
    answer = as_member.get(BASE, format="csv", columns="ID,label,xnat:subjectData/SRC")
    assert answer.text == '"ID","label","xnat:subjectdata/src","URI"\n'


def test_a_subject_is_made_by_xml_and_read_back(as_member: Caller) -> None:
    sent = as_member.call("PUT", f"{BASE}/X1", body=XML, headers={"Content-Type": "text/xml"})
    assert (sent.status, sent.text) == (201, "XNAT_S00001")
    item = as_member.get(f"{BASE}/X1", format="json").json()["items"][0]
    assert item["data_fields"] == {"ID": "XNAT_S00001", "label": "X1", "project": "DEMO", "group": "g"}
    (demographics,) = [child for child in item["children"] if child["field"] == "demographics"]
    assert demographics["items"][0]["data_fields"] == {"dob": "1990-05-06", "gender": "female"}
    assert "<xnat:dob>1990-05-06</xnat:dob>" in as_member.get("/data/subjects/XNAT_S00001").text


def test_dates_may_be_written_the_american_way(as_member: Caller) -> None:
    as_member.put(f"{BASE}/S01", dob="05/06/1990")
    assert as_member.get(BASE, columns="label,dob").rows[0]["dob"] == "1990-05-06"
    assert as_member.put(f"{BASE}/S01", dob="May 1990").status == 400


def test_a_list_can_be_filtered(as_member: Caller) -> None:
    for label, gender in (("A1", "male"), ("A2", "female"), ("B1", "male")):
        as_member.put(f"{BASE}/{label}", gender=gender)
    assert [row["label"] for row in as_member.get(BASE, label="A%").rows] == ["A1", "A2"]
    assert [row["label"] for row in as_member.get(BASE, gender="male", columns="label").rows] == ["A1", "B1"]
    assert [row["label"] for row in as_member.get(BASE, label="A1,B1").rows] == ["A1", "B1"]


def test_a_bad_label_is_a_bare_500(as_member: Caller) -> None:
    answer = as_member.put(f"{BASE}/S%2001")
    assert (answer.status, answer.told[:34]) == (500, "The server encountered an unexpect")
    assert as_member.get(BASE).rows == []


def test_a_post_names_the_absolute_address_and_refuses_a_second(as_member: Caller) -> None:
    answer = as_member.call("POST", BASE, {"label": "S01"})
    assert answer.status == 200
    assert answer.text == f"{as_member.url}{BASE}/XNAT_S00001"
    again = as_member.call("POST", BASE, {"label": "S01"})
    assert (again.status, again.told) == (409, "Subject already exists.")


def test_labels_differ_by_case_in_rest(as_member: Caller) -> None:
    as_member.put(f"{BASE}/s01")
    assert as_member.get(f"{BASE}/S01", format="json").status == 404


def test_a_rename_does_nothing_else_and_leaves_no_answer(as_member: Caller) -> None:
    as_member.put(f"{BASE}/S01", gender="male")
    as_member.put(f"{BASE}/S02")
    taken = as_member.put(f"{BASE}/S01", label="S02")
    assert (taken.status, taken.told) == (409, "Specified label S02 is already in use.")
    renamed = as_member.put(f"{BASE}/S01", label="S03", gender="female")
    assert (renamed.status, renamed.text) == (200, "")
    assert as_member.get(BASE, label="S03", columns="gender").rows[0]["gender"] == "male"


def test_a_shared_subject_shows_its_owner_and_the_local_label(as_admin: Caller, as_owner: Caller) -> None:
    project(as_admin, "P2", "owner")
    as_owner.put(f"{BASE}/S01")
    assert as_owner.put(f"{BASE}/S01/projects/P2", label="LOCAL").status == 200
    (row,) = as_owner.get("/data/projects/P2/subjects").rows
    assert (row["project"], row["label"]) == ("DEMO", "LOCAL")
    again = as_owner.put(f"{BASE}/S01/projects/P2")
    assert (again.status, again.told) == (409, "Already assigned to project:P2")
    nowhere = as_owner.put(f"{BASE}/S01/projects/NONE")
    assert (nowhere.status, nowhere.told) == (404, "Unable to identify project: NONE")
    rows = as_owner.get(f"{BASE}/S01/projects").rows
    assert [(row["ID"], row["label"]) for row in rows] == [("DEMO", "S01"), ("P2", "LOCAL")]
    assert as_owner.delete("/data/projects/P2/subjects/LOCAL").status == 200
    assert as_owner.get("/data/projects/P2/subjects").rows == []
    assert as_owner.get(f"{BASE}/S01").status == 200


def test_a_subject_moves_with_its_files_when_the_share_becomes_primary(as_admin: Caller, as_owner: Caller) -> None:
    project(as_admin, "P2", "owner")
    as_owner.put(f"{BASE}/S01")
    headers = {"Content-Type": "text/plain"}
    as_owner.call("PUT", f"{BASE}/S01/resources/R/files/a.txt", body=b"a", headers=headers)
    assert as_owner.put(f"{BASE}/S01/projects/P2", primary="true").status == 200
    assert as_owner.get(f"{BASE}/S01").status == 404
    assert as_owner.get("/data/projects/P2/subjects/S01/resources/R/files/a.txt").body == b"a"


def test_members_make_but_do_not_delete_and_strangers_see_nothing(
    as_member: Caller, as_stranger: Caller, as_admin: Caller
) -> None:
    as_member.put(f"{BASE}/S01")
    assert as_member.delete(f"{BASE}/S01").status == 403
    assert as_stranger.get(f"{BASE}/S01").status == 404
    assert as_stranger.get(BASE).status == 404
    assert as_stranger.get("/data/subjects").status == 500
    as_admin.put("/data/projects/DEMO/accessibility/protected")
    assert as_stranger.get(BASE).told == "Unable to read subjects for Project: DEMO"
    assert as_stranger.put(f"{BASE}/S02").status == 403


def test_deleting_a_subject_takes_its_sessions_along(as_owner: Caller, caller: Callable[..., Caller]) -> None:
    as_owner.put(f"{BASE}/S01/experiments/E1", xsiType="xnat:mrSessionData")
    assert as_owner.delete(f"{BASE}/S01", removeFiles="true").status == 200
    assert as_owner.get("/data/projects/DEMO/experiments").rows == []
