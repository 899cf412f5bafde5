"""The ten scenarios of missing data 5, set up on a practice server, each searched for and put right.

S1 typed wrong, S2 title for ID, S3 wrong case by DICOM, S4 a filter, S5 an uploader that was closed, S6 a label that is
taken, S7 a time-out that was none, S8 the wrong account, S9 a file that is no image, S10 a deeper folder and a refused
class.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from practice.images import MR, instance
from troubleshoot.stage import Stage, files_below, no_wait, send_dicom, send_zip, write_study
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.fixes import apply
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate, NextStep, PlaceKind, Report, Role, Verdict
from xnat_wizard.troubleshoot.resending import plan_of_missing
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.xnat.site import Site

PRIVATE = "1.2.840.113619.4.26"  # a class of GE's that the receiver does not take


async def search(site: Site, case: Case) -> tuple[Report, Facts]:
    async with Search(case, site, sleep=no_wait) as running:
        report = await running.result()
        return report, running.facts


def found(report: Report, cause_id: str) -> Diagnosis:
    one = report.find(cause_id)
    assert one is not None, f"{cause_id} is not among {[each.cause_id for each in report.diagnoses]}"
    return one


def step_of(one: Diagnosis, action: str) -> NextStep:
    return next(step for step in one.next_steps if step.action == action)


def actions(report: Report) -> set[str]:
    return {step.action for one in report.diagnoses for step in one.next_steps if step.action}


def all_text(report: Report) -> str:
    return "\n".join(one.as_text(has_details=True) for one in report.diagnoses) + report.verdict_says


def write_receipt(folder: Path, stage: Stage, *, account: str, project: str, uris: Iterable[str], study: str) -> Path:
    """Write a receipt as this program does, of an upload whose places are known."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = {
        "receipt_version": 1,
        "created": now,
        "site_url": stage.practice.url,
        "account": account,
        "handler": "DICOM-zip",
        "project_id": project,
        "sessions": [
            {
                "subject_sent": "sub-007",
                "session_sent": "sub-007_mr1",
                "study_uid_local": study,
                "place": {"kind": "prearchive", "uri": uri},
            }
            for uri in uris
        ],
        "events": [{"time_s": datetime.now(UTC).timestamp(), "text": "sent"}],
        "verdict": "INCOMPLETE",
    }
    path = folder / "receipt.json"
    path.write_text(json.dumps(told), "utf-8")
    return path


def neuro(stage: Stage, *, code: int = 0) -> None:
    stage.project("NEURO01", "Neuro pilot", "NPilot", code=code)
    stage.join("member", "member", "NEURO01")
    stage.join("collaborator", "collaborator", "NEURO01")


def import_uri(stage: Stage, account: str, files: dict[str, bytes], **params: str) -> str:
    answer = send_zip(stage.caller(account), files, rename="true", **params)
    assert answer.status == 200, answer.text
    return answer.text.strip()


# -- S1 ----------------------------------------------------------------------------------------------


async def test_s1_a_typo_with_a_receipt_is_found_in_unassigned_and_brought_home(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    study = write_study(tmp_path / "study", {"localizer": 3, "t1": 176, "bold": 300, "t2": 33}, subject="sub-007")
    uri = import_uri(stage, "member", files_below(study), project="NEUR01", subject="sub-007", session="sub-007_mr1")
    receipt = write_receipt(tmp_path, stage, account="member", project="NEUR01", uris=[uri], study="1.2.7")
    site = await stage.site("member")
    case = Case(source=study, receipt=receipt, project="NEUR01", way=Way.ZIP)

    report, _ = await search(site, case)
    lost = found(report, "ROU-01")
    assert lost.certainty is Certainty.CONFIRMED
    assert "Unassigned" in lost.where
    assert [step.action for step in lost.next_steps if step.action] == ["F1", "F6", "F3"]
    assert "T1" in {step.template for step in lost.next_steps}
    alike = found(report, "LOC-13")
    assert alike.certainty is Certainty.LIKELY
    assert "NEURO01" in alike.says
    assert "F16" not in actions(report)
    assert "not on the server" not in all_text(report)
    assert any("Unassigned" in spot.place for spot in report.blind_spots)

    assert (await apply(site, step_of(lost, "F1"))).is_done
    moved = await apply(site, step_of(lost, "F6"))
    assert moved.is_done
    again, _ = await search(site, replace(case, project="NEURO01"))
    arrived = again.ledger.of(Fate.ARRIVED)
    assert len(arrived) == 512
    assert {line.place for line in arrived} == {PlaceKind.PREARCHIVE}


# -- S2 ----------------------------------------------------------------------------------------------


async def test_s2_a_title_is_no_id(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    study = write_study(tmp_path / "study", {"t1": 5}, subject="sub-007")
    import_uri(stage, "member", files_below(study), project="Neuro pilot", subject="sub-007", session="sub-007_mr1")
    case = Case(source=study, project="Neuro pilot")

    report, _ = await search(await stage.site("member"), case)
    title = found(report, "LOC-12")
    assert "title" in title.says
    assert "NEURO01" in title.says
    lost = found(report, "ROU-01")
    assert lost.certainty is Certainty.LIKELY
    assert "T1" in {step.template for step in lost.next_steps}
    assert any("Unassigned" in spot.place and spot.who is Role.ADMIN for spot in report.blind_spots)
    assert Certainty.CONFIRMED not in {one.certainty for one in report.diagnoses}

    admin = await stage.site("admin")
    report, _ = await search(admin, case)
    lost = found(report, "ROU-01")
    assert lost.certainty is Certainty.CONFIRMED
    assert (await apply(admin, step_of(lost, "F6"))).is_done


# -- S3 ----------------------------------------------------------------------------------------------


async def test_s3_the_wrong_case_by_dicom_is_worked_out_from_the_headers(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    comment = "Project:neuro01 Subject:sub-12 Session:sub-12_mr1"
    study = write_study(
        tmp_path / "study", {"t1": 860}, subject="sub-12", PatientComments=comment, StudyDescription="HEAD"
    )
    statuses = send_dicom(stage.practice, files_below(study).values())
    log = tmp_path / "send.log"
    log.write_text(
        "".join(f"{name} 0x{status:04x}\n" for name, status in zip(files_below(study), statuses, strict=True)), "utf-8"
    )
    case = Case(source=study, log=log, way=Way.C_STORE, project="neuro01")

    report, _ = await search(await stage.site("owner"), case)
    lost = found(report, "ROU-01")
    assert lost.certainty is Certainty.LIKELY
    assert lost.covers.objects == 860
    assert "T1" in {step.template for step in lost.next_steps}
    assert "NEURO01" in found(report, "LOC-13").says
    assert not [one for one in report.diagnoses if one.cause_id.startswith("NET-")]
    assert "lost" not in all_text(report).lower().replace("is lost on the way", "")


# -- S4 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", ["localizer\nphoenix", "localizer"])
async def test_s4_what_a_filter_drops_is_told_and_not_sent_again(stage: Stage, tmp_path: Path, lines: str) -> None:
    neuro(stage)
    series = {"localizer": 3, "t1": 176, "bold": 300, "PhoenixZIPReport": 1, "t2": 30}
    study = write_study(tmp_path / "study", series, subject="sub-007")
    is_whole = lines.endswith("phoenix")
    contents = json.dumps({"enabled": True, "mode": "blacklist", "list": "localizer\nphoenix"})
    path = "/data/config/seriesImportFilter/config"
    assert stage.caller("admin").call("PUT", path, {"status": "enabled"}, body=contents.encode()).status in {200, 201}
    site = await stage.site("member")
    uri = import_uri(stage, "member", files_below(study), project="NEURO01", subject="sub-007", session="sub-007_mr1")
    await site.build(uri)
    await site.archive(uri)
    if not is_whole:
        contents = json.dumps({"enabled": True, "mode": "blacklist", "list": lines})
        assert stage.caller("admin").call("PUT", path, {"status": "enabled"}, body=contents.encode()).status in {
            200,
            201,
        }
    log = tmp_path / "send.log"
    log.write_text("".join(f"{name} 0000\n" for name in files_below(study)), "utf-8")

    report, _ = await search(site, Case(source=study, log=log, way=Way.ZIP, project="NEURO01"))
    dropped = found(report, "ROU-12")
    if is_whole:
        assert dropped.certainty is Certainty.CONFIRMED
        assert report.verdict is Verdict.ON_PURPOSE
        assert report.ledger.count(Fate.ARRIVED) == 506
        assert report.ledger.count(Fate.DROPPED) == 4
        assert "F16" not in actions(report)
        assert "incomplete" not in all_text(report).lower()
    else:
        assert report.ledger.count(Fate.DROPPED) == 3
        assert report.ledger.count(Fate.ABSENT) == 1


# -- S5 ----------------------------------------------------------------------------------------------


async def test_s5_an_uploader_that_was_closed_is_finished_with_what_is_missing(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    series = {"a": 100, "b": 200, "c": 300, "d": 10, "e": 200, "f": 90}
    study = write_study(tmp_path / "study", series, subject="sub-007")
    first = files_below(study, "1_a", "2_b", "3_c", "4_d")
    assert len(first) == 610
    import_uri(
        stage,
        "member",
        first,
        project="NEURO01",
        subject="sub-007",
        session="sub-007_mr1",
        prevent_auto_commit="true",
        SOURCE="uploader",
    )
    stage.age(3 * 3600)
    site = await stage.site("member")
    case = Case(source=study, way=Way.DESKTOP, project="NEURO01")

    report, _ = await search(site, case)
    waiting = found(report, "HSK-04")
    assert waiting.certainty is Certainty.CONFIRMED
    assert [step.action for step in waiting.next_steps] == ["F1"]
    assert "F9" not in actions(report)
    assert "F2" not in actions(report)

    assert (await apply(site, step_of(waiting, "F1"))).is_done
    stage.age(3 * 3600)
    report, facts = await search(site, case)
    assert report.ledger.count(Fate.ARRIVED) == 610
    assert report.ledger.count(Fate.NOT_SENT) == 290
    waiting = found(report, "HSK-04")
    assert [step.action for step in waiting.next_steps] == ["F16", "F2"]
    assert "290" in step_of(waiting, "F16").text

    plan = plan_of_missing(facts, site_url=stage.practice.url, project="NEURO01")
    (session,) = plan.sessions
    assert session.instance_count == 290
    assert session.session_label == "sub-007_mr1"
    rest = {name: data for name, data in files_below(study).items() if name not in first}
    import_uri(
        stage,
        "member",
        rest,
        project="NEURO01",
        subject="sub-007",
        session="sub-007_mr1",
        prevent_auto_commit="true",
        SOURCE="uploader",
    )
    assert (await apply(site, step_of(waiting, "F2"))).is_done
    report, _ = await search(site, case)
    assert report.verdict is Verdict.COMPLETE


# -- S6 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_same_study", [True, False])
async def test_s6_a_label_that_is_taken(stage: Stage, tmp_path: Path, *, is_same_study: bool) -> None:
    neuro(stage)
    series = {"a": 2, "b": 2, "c": 2, "d": 2, "e": 2, "f": 2}
    study = write_study(tmp_path / "study", series, subject="sub-007")
    site = await stage.site("member")
    old = files_below(study, "1_a", "2_b", "3_c", "4_d")
    if not is_same_study:
        old = files_below(write_study(tmp_path / "other", {"x": 2}, study="9", subject="sub-007"))
    labels = {"project": "NEURO01", "subject": "sub-007", "session": "sub-007_mr1"}
    first = import_uri(stage, "member", old, **labels)
    await site.build(first)
    await site.archive(first)
    new = files_below(study, "5_e", "6_f") if is_same_study else files_below(study)
    second = import_uri(stage, "member", new, **labels)
    await site.build(second)
    stage.row(status="CONFLICT")

    report, _ = await search(site, Case(source=study, project="NEURO01"))
    taken = found(report, "MRG-01")
    assert taken.certainty is Certainty.CONFIRMED
    assert not {"F5", "F9"} & actions(report)
    if is_same_study:
        merge = step_of(taken, "F4")
        assert "5, 6" in merge.text
        assert "UIDs are equal" in taken.why
        assert "4 + 2 = 6" in found(report, "MRG-08").says
        assert (await apply(site, merge)).is_done
        report, _ = await search(site, Case(source=study, project="NEURO01"))
        assert report.verdict is Verdict.COMPLETE
    else:
        assert "F4" not in {step.action for step in taken.next_steps}
        assert step_of(taken, "F3").arguments["session"] == "sub-007_mr1_2"
        assert (await apply(site, step_of(taken, "F3"))).is_done


# -- S7 ----------------------------------------------------------------------------------------------


async def test_s7_a_time_out_that_was_none_is_waited_for(stage: Stage, tmp_path: Path) -> None:
    neuro(stage, code=4)
    study = write_study(tmp_path / "study", {"t1": 1024}, subject="sub-007")
    labels = {"project": "NEURO01", "subject": "sub-007", "session": "sub-007_mr1"}
    uri = import_uri(stage, "member", files_below(study), **labels, prevent_auto_commit="true")
    site = await stage.site("member")
    case = Case(
        source=study, project="NEURO01", session="sub-007_mr1", way=Way.ZIP, error_text="504 Gateway Time-out (nginx)"
    )

    report, _ = await search(site, case)
    assert "goes on" in found(report, "NET-02").says
    assert report.verdict is Verdict.MOVING
    assert "wait" in {str(step.kind) for step in found(report, "NET-02").next_steps}
    assert "F16" not in actions(report)

    await site.commit(uri, to_archive=False)  # the site's own timer, at last
    report, _ = await search(site, case)
    assert report.verdict is Verdict.COMPLETE
    assert not [one for one in report.diagnoses if one.cause_id in {"HSK-01", "HSK-02"}]


async def test_s7_it_looks_again_at_most_every_15_seconds(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    study = write_study(tmp_path / "study", {"t1": 4}, subject="sub-007")
    labels = {"project": "NEURO01", "subject": "sub-007", "session": "sub-007_mr1"}
    uri = import_uri(stage, "member", files_below(study), **labels, prevent_auto_commit="true")
    site = await stage.site("member")
    waits: list[float] = []
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds
        if len(waits) == 3:
            await site.build(uri)

    case = Case(source=study, project="NEURO01", way=Way.ZIP, error_text="504 Gateway Time-out")
    async with Search(case, site, sleep=sleep, clock=lambda: now, is_patient=True) as running:
        report = await running.result()
    assert len(waits) >= 3
    assert min(waits) >= 15
    assert report.ledger.count(Fate.ARRIVED) == 4


# -- S8 ----------------------------------------------------------------------------------------------


async def test_s8_the_search_of_a_collaborator_says_who_can_look(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    study = write_study(tmp_path / "study", {"t1": 5}, subject="sub-007")
    labels = {"project": "NEURO01", "subject": "sub-007", "session": "sub-007_mr1"}
    uri = import_uri(stage, "member", files_below(study), **labels)
    site = await stage.site("member")
    await site.build(uri)
    receipt = write_receipt(tmp_path, stage, account="member", project="NEURO01", uris=[uri], study="1.2.7")

    report, _ = await search(await stage.site("collaborator"), Case(source=study, receipt=receipt, project="NEURO01"))
    assert found(report, "ROU-08").certainty is Certainty.CONFIRMED
    assert "READY" in found(report, "ROU-08").says
    assert found(report, "VIS-03").certainty is Certainty.CONFIRMED
    assert "member" in found(report, "VIS-01").says
    assert "T4" in {step.template for step in found(report, "ROU-08").next_steps}
    assert not {"HSK-01", "HSK-02", "NET-01"} & {one.cause_id for one in report.diagnoses}
    assert "not found" not in all_text(report).lower()


# -- S9 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_archived", [False, True])
async def test_s9_a_file_that_is_no_image_stopped_the_zip(stage: Stage, tmp_path: Path, *, is_archived: bool) -> None:
    neuro(stage, code=4 if is_archived else 0)
    study = write_study(tmp_path / "study", {"t1": 399}, subject="sub-007")
    files = files_below(study)
    stray = study / "sub-007" / "1_t1" / "t1_0250.dcm.DS_Store"
    names = list(files)
    stray = stray.with_name(".DS_Store")
    stray.write_bytes(b"\0\0\0\1Bud1")
    ordered = {name: files[name] for name in names[:250]}
    ordered[stray.relative_to(study).as_posix()] = stray.read_bytes()
    ordered |= {name: files[name] for name in names[250:]}
    labels = {"project": "NEURO01", "subject": "sub-007", "session": "sub-007_mr1"}
    answer = send_zip(stage.caller("member"), ordered, rename="true", **{"Ignore-Unparsable": "false"}, **labels)
    assert answer.status == 400, answer.text
    site = await stage.site("member")
    (row,) = await site.prearchive("NEURO01")
    await site.commit(row.uri, to_archive=False)

    case = Case(source=study, project="NEURO01", way=Way.ZIP, error_text=answer.told or answer.text)
    report, facts = await search(site, case)
    stopped = found(report, "LOC-01")
    assert stopped.certainty is Certainty.CONFIRMED
    assert ".DS_Store" in stopped.says
    assert "250 objects" in stopped.says
    assert "149 objects" in stopped.says
    assert "looks finished and is not" in stopped.why
    assert report.ledger.count(Fate.ARRIVED) == 250
    assert stopped.covers.objects == 149
    assert "149" in step_of(stopped, "F16").text
    assert "Ignore-Unparsable=true" not in all_text(report)
    plan = plan_of_missing(facts, site_url=stage.practice.url, project="NEURO01")
    assert sum(session.instance_count for session in plan.sessions) == 149


# -- S10 ---------------------------------------------------------------------------------------------


async def test_s10_a_deeper_folder_and_a_refused_class_are_told_apart(stage: Stage, tmp_path: Path) -> None:
    neuro(stage)
    folder = tmp_path / "subjID"
    comment = "Project:NEURO01 Subject:subjID Session:subjID_mr1"
    parts = (
        ("T1", "1", 176, MR),
        ("BOLD/run1", "2", 150, MR),
        ("BOLD/run2", "3", 150, MR),
        ("GEprivate", "4", 20, PRIVATE),
    )
    for name, number, count, sop_class in parts:
        (folder / name).mkdir(parents=True)
        for index in range(1, count + 1):
            data = instance("7", number, index, SOPClassUID=sop_class, PatientComments=comment)
            (folder / name / f"{index:04d}.dcm").write_bytes(data)
    sent = files_below(folder, "T1/")
    assert set(send_dicom(stage.practice, sent.values())) == {0}
    site = await stage.site("owner")
    (row,) = await site.prearchive("NEURO01")
    await site.build(row.uri)
    await site.archive(row.uri)
    log = tmp_path / "send.log"
    lines = [f"{name} 0000" for name in sent]
    lines += [f"{name} no presentation context accepted" for name in files_below(folder, "GEprivate/")]
    log.write_text("\n".join(lines) + "\n", "utf-8")

    report, facts = await search(site, Case(source=folder, log=log, way=Way.C_STORE, project="NEURO01"))
    assert report.ledger.count(Fate.ARRIVED) == 176
    assert report.ledger.count(Fate.NOT_SENT) == 300
    assert report.ledger.count(Fate.REFUSED) == 20
    deeper = found(report, "LOC-06")
    assert deeper.certainty is Certainty.CONFIRMED
    assert deeper.covers.objects == 300
    assert "BOLD/run1" in deeper.where
    refused = found(report, "NET-11")
    assert refused.certainty is Certainty.CONFIRMED
    assert refused.covers.objects == 20
    assert not {"ROU-12", "ROU-13"} & {one.cause_id for one in report.diagnoses}
    plan = plan_of_missing(facts, site_url=stage.practice.url, project="NEURO01")
    assert sum(session.instance_count for session in plan.sessions) == 320
