"""Imaging sessions and their scans by REST."""

import pytest

from practice.conftest import Caller

BASE = "/data/projects/DEMO/subjects/S01/experiments"
ALL = "/data/projects/DEMO/experiments"
MR = "xnat:mrSessionData"


@pytest.fixture
def session(as_owner: Caller) -> str:
    """Make a session E1 of S01; give its path."""
    assert as_owner.put(f"{BASE}/E1", xsiType=MR, date="03/14/2026", modality="MR", UID="1.2.3").status == 201
    return f"{BASE}/E1"


def test_the_lists_have_exactly_these_cells(as_owner: Caller, session: str) -> None:
    for path in (BASE, ALL):
        (row,) = as_owner.get(path).rows
        assert set(row) == {"ID", "project", "date", "xsiType", "label", "insert_date", "URI"}
        assert (row["ID"], row["date"], row["URI"]) == ("XNAT_E00001", "2026-03-14", "/data/experiments/XNAT_E00001")
    (row,) = as_owner.get("/data/experiments").rows
    assert (row["subject_ID"], row["subject_label"]) == ("XNAT_S00001", "S01")


def test_columns_are_chosen_and_keyed_as_asked(as_owner: Caller, session: str) -> None:
    asked = "ID,subject_label,UID,xnat:mrSessionData/scanner/model"
    (row,) = as_owner.get(ALL, columns=asked).rows
    assert row == {
        "ID": "XNAT_E00001",
        "subject_label": "S01",
        "UID": "1.2.3",
        "xnat:mrsessiondata/scanner/model": "",
        "URI": "/data/experiments/XNAT_E00001",
    }


def test_asking_for_a_type_changes_the_key_of_the_id(as_owner: Caller, session: str) -> None:
    (row,) = as_owner.get(ALL, xsiType=MR).rows
    assert row["xnat:subjectassessordata/id"] == "XNAT_E00001"
    assert "ID" not in row
    assert as_owner.get(ALL, xsiType="xnat:petSessionData").rows == []
    (row,) = as_owner.get(ALL, xsiType=MR, columns="ID,label").rows
    assert row["ID"] == "XNAT_E00001"


def test_a_session_is_found_by_its_study_uid_and_by_date(as_owner: Caller, session: str) -> None:
    as_owner.put(f"{BASE}/E2", xsiType=MR, date="2026-05-01", UID="1.2.4")
    assert [row["label"] for row in as_owner.get("/data/experiments", studyInstanceUID="1.2.4").rows] == ["E2"]
    assert [row["label"] for row in as_owner.get(ALL, date="04/01/2026-06/01/2026").rows] == ["E2"]


def test_recent_needs_both_numbers(as_owner: Caller, session: str) -> None:
    recent = as_owner.get("/data/experiments", recent="30", limit="40").rows
    assert [(row["id"], row["element_name"]) for row in recent] == [("XNAT_E00001", MR)]
    assert "id" not in as_owner.get("/data/experiments", recent="30").rows[0]


@pytest.mark.parametrize(
    ("params", "status", "told"),
    [
        ({}, 417, "Need PUT Contents"),
        (
            {"xsiType": MR, "date": "2026-99"},
            400,
            "cvc-datatype-valid.1.2.1: '2026-99' is not a valid value for 'date'.",
        ),
        ({"xsiType": "xnat:qcManualAssessorData"}, 501, ""),
    ],
)
def test_a_session_is_not_made_from_nothing(as_owner: Caller, params: dict[str, str], status: int, told: str) -> None:
    answer = as_owner.put(f"{BASE}/E9", **params)
    assert answer.status == status
    assert answer.told.startswith(told)
    assert as_owner.get(ALL).rows == []


def test_what_is_refused_when_a_session_changes(as_owner: Caller, session: str) -> None:
    as_owner.put(f"{BASE}/E2", xsiType=MR)
    assert as_owner.put(session, ID="OTHER").told == "ID cannot be modified"
    assert as_owner.put(session, project="P2").told == "Project must be modified through separate URI."
    assert as_owner.put(session, label="E2").told == "Specified label is already in use."
    assert as_owner.put(session, label="E 2").status == 500
    assert as_owner.call("POST", BASE, {"label": "E1", "xsiType": MR}).told == "Specified experiment already exists."


def test_a_session_as_item_shows_scans_with_numbers_as_numbers(as_owner: Caller, session: str) -> None:
    as_owner.put(f"{session}/scans/4", xsiType="xnat:mrScanData", type="T1", frames="176")
    item = as_owner.get(session, format="json").json()["items"][0]
    assert item["meta"] == {"xsi:type": MR, "isHistory": False}
    assert item["data_fields"]["subject_ID"] == "XNAT_S00001"
    (scans,) = [child for child in item["children"] if child["field"] == "scans/scan"]
    assert scans["items"][0]["data_fields"]["frames"] == 176
    document = as_owner.get(session).text
    assert document.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<xnat:MRSession ID="XNAT_E00001"')
    assert '<xnat:scan ID="4"' in document


def test_a_document_with_other_records_inside_is_not_half_read(as_owner: Caller, session: str) -> None:
    as_owner.put(f"{session}/scans/4", xsiType="xnat:mrScanData")
    document = as_owner.get(session).text
    answer = as_owner.call("PUT", session, body=document, headers={"Content-Type": "text/xml"})
    assert answer.status == 501
    assert "scans" in answer.told


def test_a_quarantined_session_is_released_by_owners_only(as_owner: Caller, as_member: Caller, session: str) -> None:
    assert as_owner.get(f"{session}/status").text == "active"
    as_owner.put(session, quarantine="true")
    assert as_owner.get(f"{session}/status").text == "quarantine"
    assert as_member.put(session, activate="true").status == 403
    as_owner.put(session, activate="true")
    assert as_owner.get(f"{session}/status").text == "active"


def test_a_session_is_shared_and_taken_back(as_admin: Caller, as_owner: Caller, session: str) -> None:
    as_admin.put("/data/projects/P2")
    assert as_owner.put(f"{session}/projects/P2").status == 403
    as_admin.put("/data/projects/P2/users/P2_owner/owner")
    assert as_owner.put(f"{session}/projects/P2", label="L2").status == 200
    (row,) = as_owner.get("/data/projects/P2/experiments").rows
    assert (row["label"], row["project"]) == ("L2", "DEMO")
    as_owner.put(f"{BASE}/E2", xsiType=MR)
    assert as_owner.put(f"{BASE}/E2/projects/P2", label="L2").told == "Label already in use:L2"
    assert as_owner.delete("/data/projects/P2/experiments/L2").status == 200
    assert as_owner.get(session).status == 200
    assert as_owner.get("/data/projects/P2/experiments").rows == []


def test_unknown_things_are_named(as_owner: Caller, as_stranger: Caller) -> None:
    assert as_owner.get("/data/projects/NONE/experiments").told == "Unable to identify project NONE"
    assert as_owner.get("/data/projects/DEMO/subjects/NONE/experiments").told == "Unable to identify subject NONE"
    assert as_owner.get(f"{ALL}/NONE").status == 404
    assert as_stranger.get(ALL).status == 404


# -- scans -------------------------------------------------------------------------------------------


def test_scans_are_listed_with_exactly_these_cells(as_owner: Caller, session: str) -> None:
    answer = as_owner.put(f"{session}/scans/4-MR1", xsiType="xnat:mrScanData", type="T1", quality="usable")
    assert (answer.status, answer.text) == (200, "")
    listed = as_owner.get(f"{session}/scans")
    assert listed.json()["ResultSet"]["totalRecords"] == "1"
    assert listed.rows == [
        {
            "xnat_imagescandata_id": "1",
            "ID": "4-MR1",
            "type": "T1",
            "quality": "usable",
            "xsiType": "xnat:mrScanData",
            "note": "",
            "series_description": "",
            "URI": "/data/experiments/XNAT_E00001/scans/4-MR1",
        }
    ]


def test_scans_are_refused_with_their_sentences(as_owner: Caller, session: str) -> None:
    scan = f"{session}/scans/1"
    assert as_owner.put(scan).told == "Need PUT Contents"
    assert as_owner.put(scan, xsiType="xnat:imageScanData").told.startswith(
        "Multiple scan modalities can be associated"
    )
    assert as_owner.put(scan, xsiType=MR).told.startswith("Only Scan documents can be PUT to this address.")
    assert (
        as_owner.put(f"{BASE}/NONE/scans/1", xsiType="xnat:mrScanData").told == "Specified image session doesn't exist."
    )
    assert as_owner.get(scan).status == 404
    assert as_owner.get(f"{BASE}/NONE/scans").status == 404


def test_a_field_of_another_modality_is_passed_over(as_owner: Caller, session: str) -> None:
    scan = f"{session}/scans/1"
    as_owner.put(scan, xsiType="xnat:mrScanData", note="mine")
    assert as_owner.put(scan, **{"xnat:ctScanData/note": "other"}).status == 200
    assert as_owner.get(scan, format="json").json()["items"][0]["data_fields"]["note"] == "mine"


def test_members_do_not_delete_scans(as_owner: Caller, as_member: Caller, session: str) -> None:
    as_owner.put(f"{session}/scans/1", xsiType="xnat:mrScanData")
    assert as_member.delete(f"{session}/scans/1").status == 403
    assert as_owner.delete(f"{session}/scans/1").status == 200
    assert as_owner.delete(f"{session}/scans/1").status == 404
