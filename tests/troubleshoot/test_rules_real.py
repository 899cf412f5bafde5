"""Rules on the real practice server: the state is made there, a search finds it, and the cause is told.

The rules' own cases are in `rule_cases`; here stands what depends on how a site really answers.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from troubleshoot.stage import Stage, files_below, no_wait, send_dicom, send_zip, write_study
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Report, Role, Verdict
from xnat_wizard.troubleshoot.runner import Search

LABELS = {"project": "DEMO", "subject": "S01", "session": "S01_MR1"}
C, L = Certainty.CONFIRMED, Certainty.LIKELY


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study", {"t1": 3, "bold": 4})


def sent(stage: Stage, study: Path, *parts: str, account: str = "owner", **params: str) -> str:
    answer = send_zip(stage.caller(account), files_below(study, *parts), rename="true", **{**LABELS, **params})
    assert answer.status == 200, answer.text
    return answer.text.strip()


async def archived(stage: Stage, study: Path, *parts: str, **params: str) -> str:
    """Send and archive; return the number of the session."""
    site = await stage.site("owner")
    uri = sent(stage, study, *parts, **params)
    await site.build(uri)
    await site.archive(uri)
    session = await site.session(params.get("project", "DEMO"), params.get("session", "S01_MR1"))
    assert session is not None
    return session.id


def receipt(stage: Stage, folder: Path, *uris: str, project: str = "DEMO", account: str = "owner") -> Path:
    now = datetime.now(UTC)
    session = {"subject_sent": "S01", "session_sent": "S01_MR1", "study_uid_local": "1.2.7"}
    told = {
        "receipt_version": 1,
        "created": now.isoformat(timespec="seconds"),
        "site_url": stage.practice.url,
        "account": account,
        "project_id": project,
        "sessions": [{**session, "place": {"kind": "prearchive", "uri": uri}} for uri in uris],
        "events": [{"time_s": now.timestamp(), "text": "sent"}],
    }
    path = folder / "receipt.json"
    path.write_text(json.dumps(told), "utf-8")
    return path


async def report_of(stage: Stage, case: Case, account: str = "owner") -> Report:
    async with Search(case, await stage.site(account), sleep=no_wait) as search:
        return await search.result()


def told(report: Report, cause_id: str, certainty: Certainty) -> Diagnosis:
    one = report.find(cause_id)
    assert one is not None, [(each.cause_id, str(each.certainty)) for each in report.diagnoses]
    assert one.certainty is certainty, one.says
    return one


def causes(report: Report) -> set[str]:
    return {one.cause_id for one in report.diagnoses}


# -- gone, moved, hidden -----------------------------------------------------------------------------


async def test_hsk_02_a_deleted_session_is_missed_and_its_number_is_told(
    stage: Stage, study: Path, tmp_path: Path
) -> None:
    number = await archived(stage, study)
    path = receipt(stage, tmp_path, f"/data/experiments/{number}")
    case = Case(source=study, receipt=path, project="DEMO")
    before = await report_of(stage, case)
    assert before.verdict is Verdict.COMPLETE
    assert "HSK-02" not in causes(before)
    assert stage.caller("owner").call("DELETE", f"/data/experiments/{number}?removeFiles=true").status == 200
    gone = told(await report_of(stage, case), "HSK-02", C)
    assert number in gone.says
    told(await report_of(stage, case, "member"), "HSK-02", L)


async def test_hsk_01_is_not_said_of_a_row_that_was_archived(stage: Stage, study: Path, tmp_path: Path) -> None:
    site = await stage.site("owner")
    uri = sent(stage, study)
    path = receipt(stage, tmp_path, uri)
    await site.build(uri)
    await site.archive(uri)
    report = await report_of(stage, Case(source=study, receipt=path, project="DEMO"))
    assert report.verdict is Verdict.COMPLETE
    assert not {"HSK-01", "HSK-02", "HSK-03", "HSK-13"} & causes(report)


async def test_hsk_03_a_row_that_was_moved_is_found_where_it_is(stage: Stage, study: Path, tmp_path: Path) -> None:
    stage.project("OTHER")
    site = await stage.site("owner")
    uri = sent(stage, study)
    await site.build(uri)
    await site.move(uri, "OTHER")
    report = await report_of(stage, Case(source=study, receipt=receipt(stage, tmp_path, uri), project="DEMO"))
    moved = told(report, "HSK-03", C)
    assert "from DEMO to OTHER" in moved.says
    assert next(step for step in moved.next_steps if step.action == "F6").arguments == {"project": "DEMO"}


async def test_rou_16_a_quarantined_session_is_told_as_such_and_not_as_deleted(
    stage: Stage, study: Path, tmp_path: Path
) -> None:
    assert stage.caller("owner").put("/data/projects/DEMO/quarantine_code/1").status == 200
    number = await archived(stage, study)
    case = Case(source=study, receipt=receipt(stage, tmp_path, f"/data/experiments/{number}"), project="DEMO")
    seen = told(await report_of(stage, case), "ROU-16", C)
    assert next(step for step in seen.next_steps if step.action == "F12").role is Role.OWNER
    as_member = await report_of(stage, case, "member")  # this site shows a member that it is there
    told(as_member, "ROU-16", C)
    assert "HSK-02" not in causes(as_member)


# -- other labels, other projects --------------------------------------------------------------------


async def test_vis_12_a_renamed_session_is_found_by_its_number(stage: Stage, study: Path, tmp_path: Path) -> None:
    number = await archived(stage, study)
    path = receipt(stage, tmp_path, "/data/archive/projects/DEMO/subjects/S01/experiments/" + number)
    renamed = stage.caller("owner").put("/data/projects/DEMO/subjects/S01/experiments/S01_MR1", label="NEW")
    assert renamed.status == 200, renamed.text
    report = await report_of(stage, Case(source=study, receipt=path, project="DEMO"))
    assert "is called NEW now" in told(report, "VIS-12", C).says
    assert "MRG-04" not in causes(report)


async def test_vis_06_a_shared_session_is_told_with_its_home(stage: Stage, study: Path) -> None:
    stage.project("OTHER")
    await archived(stage, study)
    path = "/data/projects/DEMO/subjects/S01/experiments/S01_MR1/projects/OTHER"
    assert stage.caller("owner").put(path, label="THEIRS").status == 200
    report = await report_of(stage, Case(source=study, project="OTHER"))
    assert {"VIS-06", "ROU-18", "MRG-04"} & causes(report)
    where = next(one for one in report.diagnoses if one.cause_id in {"VIS-06", "ROU-18", "MRG-04"})
    assert "DEMO" in where.says


async def test_rou_18_another_project_was_chosen(stage: Stage, study: Path) -> None:
    stage.project("OTHER")
    await archived(stage, study, project="OTHER")
    report = await report_of(stage, Case(source=study, project="DEMO"))
    assert "OTHER" in told(report, "ROU-18", C).says


async def test_mrg_04_the_study_is_there_under_another_label(stage: Stage, study: Path) -> None:
    await archived(stage, study)
    report = await report_of(stage, Case(source=study, project="DEMO", session="S99"))
    assert "S01_MR1" in told(report, "MRG-04", C).says


async def test_mrg_14_the_session_hangs_at_another_subject(stage: Stage, study: Path) -> None:
    await archived(stage, study, subject="WRONG")
    report = await report_of(stage, Case(source=study, project="DEMO", subject="S01"))
    assert '"WRONG"' in told(report, "MRG-14", C).says


async def test_mrg_08_a_session_of_which_half_waits_covers_that_half(stage: Stage, study: Path) -> None:
    await archived(stage, study, "1_t1")
    site = await stage.site("owner")
    await site.build(sent(stage, study, "2_bold"))
    report = await report_of(stage, Case(source=study, project="DEMO"))
    told(report, "MRG-08", C)
    for one in report.diagnoses:
        if one.cause_id in {"ROU-10", "VIS-05", "MRG-01"}:
            assert one.covers.objects == 4, one.cause_id


async def test_mrg_01_what_came_twice_is_not_merged_and_not_called_split(stage: Stage, study: Path) -> None:
    await archived(stage, study)
    site = await stage.site("owner")
    await site.build(sent(stage, study))
    report = await report_of(stage, Case(source=study, project="DEMO"))
    twice = told(report, "MRG-01", C)
    assert not {step.action for step in twice.next_steps} - {""}
    assert "MRG-08" not in causes(report)


async def test_mrg_13_another_study_has_the_label(stage: Stage, study: Path, tmp_path: Path) -> None:
    await archived(stage, write_study(tmp_path / "first", {"t1": 2}, study="9"))
    site = await stage.site("owner")
    await site.build(sent(stage, study))
    report = await report_of(stage, Case(source=study, project="DEMO"))
    step = next(step for step in told(report, "MRG-01", C).next_steps if step.action)
    assert (step.action, step.arguments["session"]) == ("F3", "S01_MR1_2")
    told(report, "MRG-13", C)


# -- on the way --------------------------------------------------------------------------------------


async def test_net_15_a_parked_upload_is_found_in_the_cache(stage: Stage, study: Path) -> None:
    owner = stage.caller("owner")
    assert owner.put("/data/user/cache/resources/up1").status in {200, 201}
    put = owner.call("PUT", "/data/user/cache/resources/up1/files/scan.zip", {"inbody": "true"}, body=b"PK")
    assert put.status in {200, 201}, put.text
    report = await report_of(stage, Case(source=study, project="DEMO", way=Way.WEB))
    parked = told(report, "NET-15", L)
    assert "scan.zip" in parked.says
    assert parked.next_steps[0].action == "F13"
    assert "NET-01" not in causes(report)


async def test_rou_06_a_study_of_two_targets_is_seen_by_an_administrator(stage: Stage, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 3}, PatientComments="Project:DEMO Subject:S01 Session:S01_MR1")
    other = write_study(tmp_path / "other", {"x": 1, "bold": 4}, StudyDescription="HEAD")
    (study / "S01" / "2_bold").mkdir()
    for path in (other / "S01" / "2_bold").iterdir():
        (study / "S01" / "2_bold" / path.name).write_bytes(path.read_bytes())
    files = files_below(study)
    assert set(send_dicom(stage.practice, files.values())) == {0}
    log = tmp_path / "send.log"
    log.write_text("".join(f"{name} 0000\n" for name in files), "utf-8")
    case = Case(source=study, log=log, project="DEMO", way=Way.C_STORE)
    site = await stage.site("admin")
    for row in await site.prearchive():
        await site.build(row.uri)
    seen = told(await report_of(stage, case, "admin"), "ROU-06", C)
    assert seen.covers.objects == 4
    guessed = told(await report_of(stage, case), "ROU-06", L)
    assert guessed.covers.objects == 4
    assert "T1" in {step.template for step in guessed.next_steps}


async def test_what_is_well_found_is_said_first_and_in_few_words(stage: Stage, study: Path) -> None:
    await archived(stage, study)
    for account in ("owner", "member", "collaborator", "admin"):
        report = await report_of(stage, Case(source=study, project="DEMO"), account)
        assert report.verdict is Verdict.COMPLETE
        assert report.diagnoses[0].cause_id == "DOC-00"
        assert len(report.diagnoses) <= 2, causes(report)
