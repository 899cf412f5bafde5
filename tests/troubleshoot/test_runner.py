"""Whole searches against the practice server: what is found, in which order, and that nothing is sent but questions."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from practice.arriving import act, send_one
from practice.images import instance
from practice.sending import port_of
from troubleshoot.stage import Stage, files_below, no_wait, send_dicom, send_zip, write_study
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import Kind
from xnat_wizard.settings import Secret
from xnat_wizard.troubleshoot import stages
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Facts, Match
from xnat_wizard.troubleshoot.ledger import holds
from xnat_wizard.troubleshoot.local import read_local
from xnat_wizard.troubleshoot.model import Certainty, Covers, Diagnosis, Fate, PlaceKind, Proof, Report, Role, Verdict
from xnat_wizard.troubleshoot.registry import Rule
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.troubleshoot.window import read_window
from xnat_wizard.upload import engine
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.inquiry import Inquiry
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.told import Standing

HERE = {"project": "DEMO", "subject": "S01", "session": "S01_MR1", "rename": "true"}


async def search(stage: Stage, name: str, case: Case, **more: object) -> tuple[Report, Facts]:
    more = {"rules": (), "sleep": no_wait, **more}
    async with Search(case, await stage.site(name), **more) as run:  # type: ignore[arg-type]  # keywords of tests
        report = await run.result()
        if run.facts.local is not None:
            assert holds(run.facts.ledger, run.facts.local)
        return report, run.facts


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study", {"localizer": 3, "t1": 5, "bold": 8})


def archived(stage: Stage, study: Path, **params: str) -> str:
    owner = stage.caller("owner")
    uri = send_one(owner, files_below(study), **{**HERE, **params})
    answer = act(owner, uri, "commit", AA="true")
    assert answer.status in {200, 301}, answer.text
    return uri


async def test_all_is_there_and_said_with_proof(stage: Stage, study: Path) -> None:
    archived(stage, study)
    report, facts = await search(stage, "member", Case(source=study, project="DEMO", way=Way.ZIP))
    assert report.verdict is Verdict.COMPLETE
    assert report.diagnoses[0].cause_id == "DOC-00"
    assert report.diagnoses[0].certainty is Certainty.CONFIRMED
    assert facts.ledger.totals[Fate.ARRIVED] == 16
    assert {line.proof for line in facts.ledger.lines} == {Proof.UID}
    assert facts.done == ("D0", "D1", "D2", "D3", "D4", "D5", "D6", "D6", "D7")  # and no further
    scans = 3
    assert len(report.asked) <= 25 + 4 * scans


async def test_a_second_run_asks_the_same_in_the_same_order(stage: Stage, study: Path) -> None:
    archived(stage, study)
    (first, _), (second, _) = [await search(stage, "member", Case(source=study, project="DEMO")) for _ in range(2)]
    assert [(one.query, one.asked) for one in first.asked] == [(one.query, one.asked) for one in second.asked]


async def test_a_session_that_waits_is_compared_in_the_prearchive(stage: Stage, study: Path) -> None:
    owner = stage.caller("owner")
    uri = send_one(owner, files_below(study, "t1", "bold"), **HERE)
    act(owner, uri, "build")
    report, facts = await search(stage, "member", Case(source=study, project="DEMO", way=Way.ZIP))
    assert facts.ledger.totals[Fate.ARRIVED] == 13
    assert facts.ledger.totals[Fate.NOT_SENT] == 3
    assert {line.place for line in facts.ledger.of(Fate.ARRIVED)} == {PlaceKind.PREARCHIVE}
    assert report.verdict is Verdict.INCOMPLETE
    assert "13 of 16" in report.verdict_says
    (hit,) = facts.hits()
    assert hit.place.row is not None
    contents = facts.contents_of(hit.place)
    assert contents is not None
    assert contents.dry_run is not None
    assert contents.dry_run.is_known


async def test_unassigned_is_seen_by_an_admin_and_a_blind_spot_for_a_member(stage: Stage, study: Path) -> None:
    uri = send_one(stage.caller("owner"), files_below(study), project="DEMOO", session="S01_MR1", rename="true")
    act(stage.caller("admin"), uri, "build")
    case = Case(source=study, project="DEMOO", way=Way.ZIP)
    report, facts = await search(stage, "admin", case)
    assert {line.place for line in facts.ledger.of(Fate.ARRIVED)} == {PlaceKind.UNASSIGNED}
    assert report.verdict is Verdict.INCOMPLETE
    assert "no project" in report.verdict_says
    report, facts = await search(stage, "member", case)
    assert facts.unassigned is not None
    assert facts.unassigned.is_denied
    assert facts.ledger.totals[Fate.UNVERIFIABLE] == 16
    assert any(spot.who is Role.ADMIN and "Unassigned" in spot.place for spot in report.blind_spots)
    assert report.verdict is Verdict.NOT_PROVEN
    assert [(one.project, one.is_certain) for one in facts.forecasts] == [("", False)]


async def test_a_filter_explains_what_is_not_there(stage: Stage, study: Path) -> None:
    stage.site_setting(enableSitewideSeriesImportFilter=True, sitewideSeriesImportFilter="^local\nphoenix")
    archived(stage, study)
    report, facts = await search(stage, "member", Case(source=study, project="DEMO", way=Way.ZIP))
    assert facts.ledger.totals[Fate.DROPPED] == 3
    assert {line.cause_id for line in facts.ledger.of(Fate.DROPPED)} == {"ROU-12"}
    assert report.verdict is Verdict.ON_PURPOSE
    assert "13 of 16" in report.verdict_says
    assert "3 were dropped on purpose" in report.verdict_says


async def test_a_script_that_changes_names_does_not_hide_the_files(stage: Stage, study: Path) -> None:
    stage.practice.anonymize()
    script = 'version "6.1"\n(0020,000D) := hashUID[(0020,000D)]\n(0008,0018) := hashUID[(0008,0018)]\n'
    stage.site_setting(sitewideAnonymizationScript=script)
    archived(stage, study)
    case = Case(source=study, project="DEMO", session="S01_MR1", subject="S01", way=Way.ZIP)
    report, facts = await search(stage, "member", case)
    assert {line.proof for line in facts.ledger.lines} == {Proof.TOKEN}
    assert report.verdict is Verdict.COMPLETE
    (hit,) = facts.hits()
    assert hit.has_identity
    assert hit.place.study_instance_uid != "1.2.7"


async def test_a_guest_gets_no_negatives(stage: Stage, study: Path) -> None:
    site = await stage.site("owner")
    stage.fault(Kind.EXPIRED_LOGIN, path="/xapi/users/username")
    async with Search(Case(source=study), site, rules=(), sleep=no_wait) as run:
        report = await run.result()
    assert report.verdict is Verdict.VOID
    assert run.facts.done == ("D0", "D1", "D2")
    assert run.facts.rows is None


async def test_a_title_in_the_place_of_an_id_is_understood(stage: Stage, study: Path) -> None:
    stage.project("NEURO01", "Neuro pilot", "NPilot")
    for typed, match in (
        ("neuro pilot", Match.TITLE),
        ("NPilot", Match.RUNNING_TITLE),
        ("neuro-O1", Match.FOLDED),
        ("NEURO01", Match.EXACT),
    ):
        _, facts = await search(stage, "owner", Case(source=study, project=typed))
        assert facts.project is not None
        assert (facts.project.match, facts.project.id) == (match, "NEURO01"), typed
    _, facts = await search(stage, "owner", Case(source=study, project="Elsewhere"))
    assert facts.project is not None
    assert facts.project.match is Match.NONE


async def test_a_collaborator_sees_the_row_and_not_into_it(stage: Stage, study: Path) -> None:
    owner = stage.caller("owner")
    act(owner, send_one(owner, files_below(study), **HERE), "build")
    report, facts = await search(stage, "collaborator", Case(source=study, project="DEMO"))
    (hit,) = facts.hits()
    assert hit.certainty is Certainty.CONFIRMED
    contents = facts.contents_of(hit.place)
    assert contents is not None
    assert not contents.files
    assert facts.ledger.totals[Fate.UNVERIFIABLE] == 16
    assert facts.role is Role.COLLABORATOR
    assert report.verdict is Verdict.NOT_PROVEN


async def test_what_still_arrives_is_waited_for_only_when_asked_to(stage: Stage, study: Path) -> None:
    send_one(stage.caller("owner"), files_below(study), **HERE)
    report, facts = await search(stage, "member", Case(source=study, project="DEMO"))
    assert report.verdict is Verdict.MOVING
    assert facts.moving
    looks: list[float] = []

    async def look_on(wait_s: float) -> None:
        looks.append(wait_s)
        if len(looks) == 2:
            act(stage.caller("owner"), facts.moving[0], "commit", AA="true")

    report, _ = await search(
        stage, "member", Case(source=study, project="DEMO"), is_patient=True, sleep=look_on, clock=lambda: 0.0
    )
    assert looks == [15.0, 30.0]
    assert report.verdict is Verdict.COMPLETE


async def test_a_row_nobody_will_finish_does_not_move(stage: Stage, study: Path) -> None:
    send_one(stage.caller("owner"), files_below(study), **HERE, SOURCE="uploader", prevent_auto_commit="true")
    stage.age(3 * 3600)
    report, facts = await search(stage, "member", Case(source=study, project="DEMO"))
    assert not facts.moving
    assert report.verdict is Verdict.NOT_PROVEN


async def test_c_store_is_forecast_by_the_comments_and_the_network_is_tried(stage: Stage, tmp_path: Path) -> None:
    study = write_study(
        tmp_path / "study", {"t1": 3}, PatientComments="Project:demo Subject:S Session:E", StudyDescription="HEAD"
    )
    send_dicom(stage.practice, files_below(study).values())
    case = Case(source=study, project="demo", way=Way.C_STORE, receiver=("127.0.0.1", port_of(stage.practice), "XNAT"))
    report, facts = await search(stage, "owner", case)
    (forecast,) = facts.forecasts
    assert (forecast.project, forecast.session, forecast.subject) == ("", "E", "S")
    assert forecast.candidates == (("PatientComments", "demo"), ("StudyDescription", "HEAD"))
    assert facts.network is not None
    assert facts.network.echo is True
    assert report.verdict is Verdict.NOT_PROVEN


async def test_a_private_class_is_refused_in_the_probe(stage: Stage, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"ge": 1}, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.99")
    case = Case(source=study, way=Way.C_STORE, receiver=("127.0.0.1", port_of(stage.practice), "XNAT"))
    _, facts = await search(stage, "owner", case)
    assert facts.network is not None
    assert facts.network.association == "accepted"
    case = replace(case, receiver=("127.0.0.1", port_of(stage.practice), "NOPE"))
    _, facts = await search(stage, "owner", case)
    assert facts.network is not None
    assert "called AE title" in facts.network.association
    case = replace(case, receiver=("127.0.0.1", 1, "XNAT"))
    _, facts = await search(stage, "owner", case)
    assert facts.network is not None
    assert facts.network.dicom_error == "refused"


async def test_with_a_label_only_nothing_is_more_than_likely(stage: Stage, study: Path) -> None:
    archived(stage, study)
    case = Case(session="S01_MR1", subject="S01", window=read_window("today", now=datetime.now(UTC).astimezone()))
    report, facts = await search(stage, "member", case)
    assert facts.candidates
    assert facts.candidates[0].certainty is not Certainty.CONFIRMED
    assert facts.candidates[0].place.label == "S01_MR1"
    assert report.verdict is Verdict.NOT_PROVEN


async def test_two_alike_are_both_shown_and_neither_chosen(stage: Stage, tmp_path: Path) -> None:
    for number, project in enumerate(("DEMO", "OTHER"), start=1):
        if project != "DEMO":
            stage.project(project)
        study = write_study(tmp_path / f"s{number}", {"t1": 2}, study=str(number), PatientName="Doe^Jane")
        archived(stage, study, project=project)
    case = Case(session="S01_MR1", subject="S01", window=read_window("today", now=datetime.now(UTC).astimezone()))
    _, facts = await search(stage, "owner", case)
    assert len(facts.candidates) == 2
    assert {one.certainty for one in facts.candidates} == {Certainty.POSSIBLE}


async def test_500_rows_of_others_do_not_hide_ours(stage: Stage, study: Path) -> None:
    uri = send_one(stage.caller("owner"), files_below(study), **HERE)
    act(stage.caller("owner"), uri, "build")

    def crowd(store: object) -> None:
        rows = store.state.rows  # type: ignore[attr-defined]  # the practice server's store
        rows += [replace(rows[0], folder=f"other{n}", name=f"other{n}", tag=f"9.9.{n}") for n in range(500)]

    stage.practice.on_loop(crowd)
    report, facts = await search(stage, "member", Case(source=study, project="DEMO"))
    assert [one.place.label for one in facts.hits()] == ["S01_MR1"]
    assert report.verdict is Verdict.COMPLETE


async def test_a_step_that_crashes_is_a_result(stage: Stage, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*_: object, **__: object) -> Facts:
        raise ZeroDivisionError("patient name")

    monkeypatch.setattr("xnat_wizard.troubleshoot.stages.ask_archive", crash)
    report, facts = await search(stage, "member", Case(source=study, project="DEMO"))
    assert [(one.name, one.error) for one in facts.crashes] == [("D5", "ZeroDivisionError")]
    assert "DOC-01" in {one.cause_id for one in report.diagnoses}
    assert "patient" not in str(report.as_dict())


async def test_stopping_gives_what_is_known_by_then(stage: Stage, study: Path) -> None:
    site = await stage.site("member")
    stage.fault(Kind.LATENCY, path="/data/prearchive", seconds=30.0)
    async with Search(Case(source=study, project="DEMO"), site, rules=(), sleep=no_wait) as run:
        while run.snapshot().step != "D4":  # noqa: ASYNC110  the snapshot is polled, as a screen does
            await asyncio.sleep(0)
        report = await run.stop()
    assert report is not None
    assert run.facts.rows is None
    assert report.verdict is not Verdict.COMPLETE


async def test_without_a_login_only_this_machine_is_looked_at(study: Path) -> None:
    async with Search(Case(source=study), None, rules=()) as run:
        report = await run.result()
    assert report.verdict is Verdict.VOID
    assert run.facts.local is not None
    assert len(run.facts.local.objects) == 16


async def test_rules_are_ranked_by_certainty_then_by_what_they_explain(stage: Stage, study: Path) -> None:
    def some(_: Facts) -> list[Diagnosis]:
        return [
            Diagnosis("VIS-05", Certainty.LIKELY, "a.", "b.", covers=Covers(objects=9)),
            Diagnosis("ROU-10", Certainty.CONFIRMED, "a.", "b."),
            Diagnosis("HSK-13", Certainty.RULED_OUT, "a.", "b."),
            Diagnosis("LOC-01", Certainty.LIKELY, "a.", "b.", covers=Covers(objects=10)),
            Diagnosis("LOC-01", Certainty.LIKELY, "a.", "b.", covers=Covers(objects=10)),
        ]

    report, _ = await search(stage, "member", Case(source=study), rules=(Rule(("ROU-10",), some),))
    assert [one.cause_id for one in report.diagnoses] == ["ROU-10", "LOC-01", "VIS-05", "HSK-13"]
    assert report.find("LOC-01") is not None


async def test_files_named_by_others_are_found_by_their_headers(stage: Stage, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 4})
    owner = stage.caller("owner")
    uri = send_one(owner, files_below(study), project="DEMO", subject="S01", session="S01_MR1")  # no rename
    act(owner, uri, "build")
    _, facts = await search(stage, "member", Case(source=study, project="DEMO"))
    assert facts.ledger.totals[Fate.ARRIVED] == 4
    assert any(one.query == "Q14" for one in facts.asked)


async def test_a_file_that_stopped_the_import_divides_sent_from_not_sent(stage: Stage, tmp_path: Path) -> None:
    study = tmp_path / "study"
    (study / "S01" / "t1").mkdir(parents=True)
    for number in range(1, 5):
        (study / "S01" / "t1" / f"{number}.dcm").write_bytes(instance("7", "1", number))
    (study / "S01" / "t1" / "2_notes.txt").write_text("hello")
    files = files_below(study)
    owner = stage.caller("owner")
    sent = send_zip(owner, files, **HERE)
    assert sent.status == 400
    act(owner, stage_uri(stage), "build")
    case = Case(source=study, project="DEMO", way=Way.ZIP, error_text=sent.text)
    _, facts = await search(stage, "member", case)
    assert facts.sent.messages[0].names == "2_notes.txt"
    fates = {line.path.rpartition("/")[2]: (line.fate, line.cause_id) for line in facts.ledger.lines}
    assert fates["1.dcm"][0] is Fate.ARRIVED
    assert fates["3.dcm"] == (Fate.NOT_SENT, "LOC-01")
    assert fates["4.dcm"] == (Fate.NOT_SENT, "LOC-01")
    assert fates["2_notes.txt"] == (Fate.NOT_SENT, "LOC-01")


def stage_uri(stage: Stage) -> str:
    row = stage.row()
    return f"/data/prearchive/projects/{row.project}/{row.timestamp}/{row.folder}"


async def test_with_nothing_but_a_time_all_that_came_then_is_shown(stage: Stage, study: Path) -> None:
    archived(stage, study)
    send_one(stage.caller("owner"), {"a": instance(study="2")}, project="DEMO", subject="S2", session="S2_MR1")
    now = datetime.now(UTC).astimezone()
    _, facts = await search(stage, "owner", Case(window=read_window("today", now=now)))
    assert {one.place.label for one in facts.candidates} == {"S01_MR1", "S2_MR1"}
    assert {one.certainty for one in facts.candidates} == {Certainty.POSSIBLE}
    _, facts = await search(stage, "owner", Case(window=read_window("2020-01-01", now=now)))
    assert facts.candidates == ()


async def test_our_own_journal_is_enough_to_find_and_compare_all(stage: Stage, study: Path, tmp_path: Path) -> None:
    site = await stage.site("owner")
    plan = draft(survey(study), site_url=site.info.url, project="DEMO", destination=Destination.ARCHIVE)
    with Journal.create(tmp_path / "up", plan) as journal:
        await engine.run(journal, site)
        path = journal.path
    report, facts = await search(stage, "owner", Case(journal=path))
    assert facts.sent.uris
    assert report.verdict is Verdict.COMPLETE
    assert facts.ledger.totals[Fate.ARRIVED] == 16
    (told,) = facts.known.values()
    assert told.value is not None
    stage.caller("owner").delete(f"/data/experiments/{told.value.id}", removeFiles="true")
    report, facts = await search(stage, "owner", Case(journal=path))
    (told,) = facts.known.values()
    assert told.standing is Standing.ABSENT
    assert report.verdict is not Verdict.COMPLETE


async def test_more_sessions_than_are_asked_for_by_uid_are_all_compared(stage: Stage, tmp_path: Path) -> None:
    owner = stage.caller("owner")
    for number in range(1, 13):
        study = write_study(tmp_path / "study", {"t1": 2}, study=str(number), subject=f"S{number:02}")
        files = files_below(study, f"S{number:02}/")
        uri = send_one(owner, files, project="DEMO", subject=f"S{number}", session=f"E{number}", rename="true")
        act(owner, uri, "commit", AA="true")
    report, facts = await search(stage, "owner", Case(source=tmp_path / "study", project="DEMO", way=Way.ZIP))
    assert facts.ledger.totals[Fate.ARRIVED] == 24
    assert report.verdict is Verdict.COMPLETE


async def test_a_site_that_cannot_be_reached_is_said(study: Path) -> None:
    with pytest.raises(Problem) as caught:
        await Site.connect(Login("http://127.0.0.1:1", "owner", Secret("owner")))
    async with Search(Case(source=study), None, rules=(), no_site=caught.value.finding) as run:
        report = await run.result()
    assert report.verdict is Verdict.VOID
    assert "No connection" in report.verdict_says
    assert run.facts.ledger.totals[Fate.UNVERIFIABLE] == 16


async def test_a_row_that_is_archived_while_we_look_is_found_in_the_archive(stage: Stage, study: Path) -> None:
    owner = stage.caller("owner")
    uri = send_one(owner, files_below(study), **HERE)
    act(owner, uri, "build")
    inquiry = Inquiry(await stage.site("member"), sleep=no_wait)
    local = read_local(study, Event(), now=datetime.now(UTC).astimezone())
    facts = Facts(Case(source=study, project="DEMO"), datetime.now(UTC).astimezone(), local=local)
    for step in (
        stages.ask_who, stages.ask_project, stages.ask_prearchive, stages.ask_archive, stages.ask_elsewhere
    ):  # fmt: skip
        facts = await step(facts, inquiry)
    assert [one.place.kind for one in facts.hits()] == [PlaceKind.PREARCHIVE]
    act(owner, uri, "commit", AA="true")
    facts = await stages.open_candidates(facts, inquiry)
    assert [one.place.kind for one in facts.hits()] == [PlaceKind.ARCHIVE]
    assert facts.rows is not None
    assert facts.rows.value == ()
