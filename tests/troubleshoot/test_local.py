"""What is read on this machine: the source with what routes it, and the records of earlier uploads."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from practice.images import instance, streamed_zip
from troubleshoot.conftest import NOW
from troubleshoot.stage import Stage, write_study
from xnat_wizard.dicom.survey import SurveyStopped, survey
from xnat_wizard.findings import Problem
from xnat_wizard.troubleshoot.case import Case, Way, case_from, way_of
from xnat_wizard.troubleshoot.local import read_local
from xnat_wizard.troubleshoot.local_facts import SentFate
from xnat_wizard.troubleshoot.records import message_of, read_records
from xnat_wizard.troubleshoot.window import read_window
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft


def test_each_object_has_what_routes_it(tmp_path: Path) -> None:
    write_study(tmp_path / "study", {"t1": 2}, PatientComments="Project:DEMO Subject:S", AccessionNumber="A1")
    write_study(tmp_path / "study", {"t1": 2, "bold": 1}, StudyDescription="HEAD", SeriesNumber="2")
    local = read_local(tmp_path / "study", Event(), now=NOW)
    by_path = {one.base_name: one for one in local.objects}
    assert by_path["bold_0001.dcm"].study_description == "HEAD"
    assert by_path["bold_0001.dcm"].patient_comments == ""
    assert by_path["t1_0001.dcm"].token
    assert local.evidence[0].query == "Q33"
    assert [one.order for one in local.objects] == list(range(len(local.objects)))


def test_comments_are_read_of_each_file(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "S" / "1_t1"
    folder.mkdir(parents=True)
    (folder / "1.dcm").write_bytes(instance(number=1, PatientComments="Project:A"))
    (folder / "2.dcm").write_bytes(instance(number=2, PatientComments="Project:B"))
    local = read_local(tmp_path / "study", Event(), now=NOW)
    assert [one.patient_comments for one in local.objects] == ["Project:A", "Project:B"]


def test_copies_stand_with_the_object_they_are_copies_of(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 2})
    first = next(study.rglob("*_0001.dcm"))
    (first.parent / "copy.dcm").write_bytes(first.read_bytes())
    local = read_local(study, Event(), now=NOW)
    assert len(local.objects) == 2
    (copied,) = [one for one in local.objects if one.copies]
    assert len(copied.copies) == 1


def test_more_of_the_study_beside_the_source_is_found(tmp_path: Path) -> None:
    write_study(tmp_path / "all", {"t1": 2, "bold": 3})
    source = tmp_path / "all" / "S01" / "1_t1"
    local = read_local(source, Event(), now=NOW)
    (sibling,) = local.siblings
    assert sibling.folder.name == "2_bold"
    assert len(sibling.sop_instance_uids) == 3


def test_an_archive_is_looked_at_from_outside(tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    with zipfile.ZipFile(good, "w") as archive:
        archive.writestr("S/1/a.dcm", instance())
        archive.writestr("S/1/b.nii.gz", b"x")
    local = read_local(good, Event(), now=NOW)
    assert local.zip is not None
    assert local.zip.is_readable
    assert local.zip.inner_archives == ("S/1/b.nii.gz",)
    assert len(local.objects) == 1


def test_a_cut_archive_is_a_fact_and_no_exception(tmp_path: Path) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(streamed_zip({"a.dcm": instance()}))
    local = read_local(cut, Event(), now=NOW)
    assert local.zip is not None
    assert not local.zip.is_readable
    assert local.evidence


def test_a_source_that_is_not_there_says_so(tmp_path: Path) -> None:
    local = read_local(tmp_path / "nothing", Event(), now=NOW)
    assert local.survey is None
    assert "survey" in local.evidence[0].got or "source" in local.evidence[0].got


def test_reading_stops(tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with pytest.raises(SurveyStopped):
        read_local(write_study(tmp_path / "study", {"t1": 2}), stop, now=NOW)


def a_journal(folder: Path, study: Path) -> Path:
    plan = draft(survey(study), site_url="http://x", project="DEMO", destination=Destination.ARCHIVE)
    with Journal.create(folder, plan) as journal:
        return journal.path


def test_a_journal_says_what_was_sent(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 2})
    sent = read_records(Case(journal=a_journal(tmp_path / "up", study)))
    assert (sent.project, sent.way, sent.site_url) == ("DEMO", Way.ZIP, "http://x")
    assert [one.fate for one in sent.files] == [SentFate.NOT_SENT] * 2
    assert sent.has_per_file_record
    assert list(sent.stored_study_uids) == ["1.2.7"]


def test_a_journal_of_the_study_is_found_by_itself(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 2})
    plan = draft(survey(study), site_url="http://x", project="DEMO", destination=Destination.ARCHIVE)
    uploads.begin(plan)
    assert read_records(Case(), ["1.2.7"]).project == "DEMO"
    assert not read_records(Case(), ["9.9"]).is_known
    assert read_records(Case(session=plan.sessions[0].session_label.upper())).is_known
    assert not read_records(Case(window=read_window("today", now=datetime.now(UTC)))).is_known  # it was never started


def test_a_receipt_says_where_it_was(tmp_path: Path) -> None:
    told = {
        "receipt_version": 3,
        "site_url": "http://x",
        "account": "anna",
        "project_id": "DEMO",
        "created": "2025-03-04T10:41:00+01:00",
        "verdict": "COMPLETE",
        "sessions": [
            {
                "subject_sent": "S",
                "session_sent": "E",
                "study_uid_local": "1.2.7",
                "place": {"kind": "archive", "uri": "/data/experiments/XNAT_E1"},
            }
        ],
        "events": [{"time_s": 1741080000, "text": "XNAT answered 504 to POST /data/services/import"}],
        "objects": "receipt.csv",
    }
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(told))
    head = "path,bytes,sop_instance_uid,fate,proof,session,scan,where,md5_local,remark\n"
    (tmp_path / "receipt.csv").write_text(
        head + "S/1.dcm,10,1.2.7.1.1,stored,,,,,,\nS/2.dcm,10,1.2.7.1.2,missing,,,,,,\n"
    )
    sent = read_records(Case(receipt=path))
    assert sent.uris == ("/data/experiments/XNAT_E1",)
    assert (sent.account, sent.session) == ("anna", "E")
    assert sent.verified == ("1.2.7.1.1",)
    assert sent.messages[0].status == 504


def test_a_record_that_is_none_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_text("[]")
    with pytest.raises(Problem) as caught:
        read_records(Case(receipt=path))
    assert caught.value.finding.code == "case.record"


def test_what_a_page_said_gives_status_and_file() -> None:
    message = message_of("400: unable to read DICOM object .DS_Store", is_typed=True)
    assert (message.status, message.names) == (400, ".DS_Store")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("413", 413),
        ("HTTP/1.1 502 Bad Gateway", 502),
        ("Error 401: log in", 401),
        ("504 Gateway Time-out (nginx)", 504),
        ("status code: 503", 503),
        ("it stopped after 413 files", 0),
        ("sent 401 of 512 images in 504 s", 0),
        ("10.5.413.2", 0),
        ("1,413", 0),
    ],
)
def test_a_number_that_a_person_typed_is_a_status_unless_it_counts_something(said: str, status: int) -> None:
    assert message_of(said, is_typed=True).status == status


@pytest.mark.parametrize(
    "event",
    [
        "The server kept nothing of 413 files of S01",
        "401 files of S01_MR1 left out: the file changed",
        "401-MR1: deleted from the prearchive",
        "504: archiving",
    ],
)
def test_numbers_in_our_own_records_are_no_statuses(event: str) -> None:
    assert message_of(event).status == 0
    assert message_of("XNAT answered 413 to POST /data/services/import").status == 413


def test_words_of_a_command_line_are_sorted(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 1})
    log = tmp_path / "log.txt"
    log.write_text("I: Sending file: a\n")
    receipt = tmp_path / "receipt.json"
    receipt.write_text("{}")
    upload = a_journal(tmp_path / "up", study).parent
    case = case_from([str(study), str(log), str(receipt), str(upload), "1.2.840.1", "sub-007_mr1", "sub-007"])
    assert (case.source, case.log, case.receipt) == (study, log, receipt)
    assert case.journal == upload / "journal.sqlite"
    assert (case.study_instance_uid, case.session, case.subject) == ("1.2.840.1", "sub-007_mr1", "sub-007")
    assert not case.is_empty
    assert Case().is_empty


@pytest.mark.parametrize(
    ("said", "way"),
    [("ZIP", Way.ZIP), ("sendDCM2xnat", Way.C_STORE), ("Compressed  Uploader", Way.WEB), ("?", Way.UNKNOWN)],
)
def test_ways_are_read_from_words(said: str, way: Way) -> None:
    assert way_of(said) is way


async def test_stage_is_real(stage: Stage) -> None:
    assert (await stage.site("collaborator")).identity.groups == ("DEMO_collaborator",)
