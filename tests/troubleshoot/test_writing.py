"""Letters: each of the eight is written by a real search, says what it has to, and names no patient."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from troubleshoot.check_sites import free_port
from troubleshoot.stage import Stage, files_below, no_wait, send_dicom, send_zip, write_study
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.letters import Letter
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.troubleshoot.writing import letters_for

SUBJECT, SESSION = "Erika-M", "Erika-M_2024"
LABELS = {"project": "DEMO", "subject": SUBJECT, "session": SESSION}
PRIVATE = ("Musterfrau", "Erika", "GEHEIM", "Tumor")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Give a study whose headers and folders name a patient."""
    return write_study(
        tmp_path / "study",
        {"t1": 4, "bold": 5},
        subject=SUBJECT,
        PatientName="Musterfrau^Erika",
        PatientID="GEHEIM-4711",
        StudyDescription="Tumor",
    )


def sent(stage: Stage, study: Path, *parts: str, account: str = "member", **params: str) -> str:
    answer = send_zip(stage.caller(account), files_below(study, *parts), rename="true", **{**LABELS, **params})
    assert answer.status == 200, answer.text
    return answer.text.strip()


def receipt(stage: Stage, folder: Path, uri: str) -> Path:
    now = datetime.now(UTC)
    told = {
        "receipt_version": 1,
        "created": now.isoformat(timespec="seconds"),
        "site_url": stage.practice.url,
        "account": "member",
        "project_id": "DEMO",
        "sessions": [
            {
                "subject_sent": SUBJECT,
                "session_sent": SESSION,
                "study_uid_local": "1.2.7",
                "place": {"kind": "prearchive", "uri": uri},
            }
        ],
        "events": [{"time_s": now.timestamp(), "text": "sent"}],
    }
    path = folder / "receipt.json"
    path.write_text(json.dumps(told), "utf-8")
    return path


async def letter(stage: Stage, case: Case, template: str, *, account: str = "member", with_labels: bool = False) -> str:
    """Search, and return the letter of a template; none of the search's letters may name the patient."""
    async with Search(case, await stage.site(account), sleep=no_wait) as search:
        report = await search.result()
        letters = letters_for(search.facts, report, with_labels=with_labels)
    told = {one.template: one for one in letters}
    assert template in told, [(one.cause_id, one.certainty) for one in report.diagnoses]
    if not with_labels:
        for one in letters:
            assert_private(one)
    return told[template].as_text()


def assert_private(one: Letter) -> None:
    text = one.as_text()
    assert text.isascii()
    for private in PRIVATE:
        assert private.casefold() not in text.casefold(), f"{one.template} names {private}"


async def test_t1_asks_for_a_session_of_unassigned(stage: Stage, study: Path, tmp_path: Path) -> None:
    path = receipt(stage, tmp_path, sent(stage, study, project="NOPE"))
    text = await letter(stage, Case(source=study, receipt=path, project="DEMO"), "T1")
    assert "Prearchive > Unassigned" in text
    assert "UID 1.2.7" in text
    assert "action=move&newProject=DEMO" in text


async def test_t2_asks_for_a_study_that_went_to_another_project(stage: Stage, tmp_path: Path) -> None:
    stage.project("OTHER")
    study = write_study(tmp_path / "study", {"t1": 3}, subject=SUBJECT, StudyDescription="OTHER")
    assert set(send_dicom(stage.practice, files_below(study).values())) == {0}
    case = Case(source=study, project="DEMO", way=Way.C_STORE)
    text = await letter(stage, case, "T2", account="owner")
    assert "/data/prearchive?tag=1.2.7" in text
    assert "move it to DEMO" in text


async def test_t3_asks_for_a_session_that_stands_still(stage: Stage, study: Path) -> None:
    sent(stage, study)
    stage.row(status="QUEUED_BUILDING")
    stage.age(3 * 3600)
    text = " ".join((await letter(stage, Case(source=study, project="DEMO"), "T3")).split())
    assert "has status QUEUED_BUILDING, unchanged since" in text
    assert "DEMO/" in text


async def test_t4_asks_for_rights_and_for_a_release(stage: Stage, study: Path, tmp_path: Path) -> None:
    await (await stage.site("member")).build(sent(stage, study))
    case = Case(source=study, project="DEMO")
    text = await letter(stage, case, "T4", account="collaborator")
    assert "I am only a collaborator" in text
    assert "the rights of a member" in " ".join(text.split())

    assert stage.caller("owner").put("/data/projects/DEMO/quarantine_code/1").status == 200
    owner = await stage.site("owner")
    (row,) = await owner.prearchive("DEMO")
    await owner.archive(row.uri)
    session = await owner.session("DEMO", SESSION)
    assert session is not None
    path = receipt(stage, tmp_path, session.uri)
    text = await letter(stage, Case(source=study, receipt=path, project="DEMO"), "T4")
    assert "is quarantined. Please activate it" in " ".join(text.split())
    assert session.id in text


async def test_t5_lays_a_conflict_before_an_owner(stage: Stage, study: Path) -> None:
    site = await stage.site("member")
    first = sent(stage, study, "1_t1")
    await site.build(first)
    await site.archive(first)
    await site.build(sent(stage, study, "2_bold"))
    stage.row(status="CONFLICT")
    text = " ".join((await letter(stage, Case(source=study, project="DEMO"), "T5")).split())
    assert "cannot be archived: 1 " in text
    assert "Same study (UIDs equal): yes" in text
    assert "I propose: Add scans 2" in text


async def test_t6_counts_what_was_acknowledged_and_is_not_there(stage: Stage, study: Path, tmp_path: Path) -> None:
    files = files_below(study)
    gone = {name for name in files if name.endswith(("t1_0002.dcm", "bold_0003.dcm"))}
    kept = {name: data for name, data in files.items() if name not in gone}
    answer = send_zip(stage.caller("member"), kept, rename="true", **LABELS)
    await (await stage.site("member")).build(answer.text.strip())
    log = tmp_path / "send.log"
    log.write_text("".join(f"{name} 0000\n" for name in files), "utf-8")
    text = await letter(stage, Case(source=study, log=log, way=Way.C_STORE, project="DEMO"), "T6")
    assert "2 of 9 objects are missing" in text
    assert "series 1, t1, " in text
    assert "series 2, bold, " in text


async def test_t7_tells_the_people_of_the_network_what_happened(stage: Stage, study: Path) -> None:
    receiver = ("127.0.0.1", free_port(), "ELSEWHERE")
    case = Case(source=study, project="DEMO", way=Way.C_STORE, receiver=receiver)
    text = await letter(stage, case, "T7")
    assert f"127.0.0.1:{receiver[1]}" in text
    assert "is no receiver of this site" in " ".join(text.split())


async def test_t8_asks_what_became_of_data_that_were_there(stage: Stage, study: Path, tmp_path: Path) -> None:
    uri = sent(stage, study)
    await (await stage.site("member")).build(uri)
    path = receipt(stage, tmp_path, uri)
    assert stage.caller("owner").call("DELETE", uri).status == 200
    text = " ".join((await letter(stage, Case(source=study, receipt=path, project="DEMO"), "T8")).split())
    assert "receipt attached" in text
    assert "deletion back-up" in text


async def test_labels_go_out_when_the_person_says_so(stage: Stage, study: Path, tmp_path: Path) -> None:
    path = receipt(stage, tmp_path, sent(stage, study, project="NOPE"))
    case = Case(source=study, receipt=path, project="DEMO")
    text = await letter(stage, case, "T1", with_labels=True)
    assert f"subject {SUBJECT}, session {SESSION}" in text


async def test_a_label_that_only_the_site_knows_is_left_out_too(stage: Stage, study: Path) -> None:
    await (await stage.site("member")).build(sent(stage, study))
    stage.row(status="ERROR")
    text = await letter(stage, Case(source=study, project="DEMO"), "T3")
    assert "(left out)" in text
