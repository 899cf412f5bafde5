"""Records and sources that are damaged or odd: each is told, and none hides what else is known."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from practice.images import instance
from troubleshoot.conftest import NOW
from troubleshoot.stage import Stage, files_below, send_zip, write_study
from troubleshoot.values import an_object, facts, local_of, policies, project
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import Kind
from xnat_wizard.troubleshoot.case import Case, case_from
from xnat_wizard.troubleshoot.forecast import drops, forecast
from xnat_wizard.troubleshoot.local import read_local
from xnat_wizard.troubleshoot.local_facts import SentFate
from xnat_wizard.troubleshoot.model import Verdict
from xnat_wizard.troubleshoot.records import read_records
from xnat_wizard.troubleshoot.resending import survey_of_missing
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.troubleshoot.sender_log import parse
from xnat_wizard.troubleshoot.window import read_window
from xnat_wizard.xnat.inquiries.values import Filter, Script


def a_receipt(folder: Path, **told: object) -> Path:
    path = folder / "receipt.json"
    path.write_text(json.dumps({"receipt_version": 3, "project_id": "DEMO", **told}))
    return path


def test_a_receipt_with_odd_values_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    events = [{"time_s": 1e30, "text": "sent"}, {"time_s": "x"}, 7]
    sent = read_records(Case(receipt=a_receipt(tmp_path, sessions=None, events=events, objects="../other/x.csv")))
    assert (sent.project, sent.started, sent.files, len(sent.messages)) == ("DEMO", "", (), 2)
    assert read_records(Case(receipt=a_receipt(tmp_path, sessions=5, events="x"))).uris == ()


def test_a_record_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    log = tmp_path / "send.log"
    with pytest.raises(Problem) as caught:
        read_records(Case(log=log))
    assert caught.value.finding.code == "case.record"
    sent = read_records(Case(log=log, receipt=a_receipt(tmp_path)))
    assert sent.project == "DEMO"
    assert sent.messages[-1].text == "The record send.log cannot be read"
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000)
    journal = tmp_path / "journal.sqlite"
    journal.write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    for case in (Case(receipt=deep), Case(journal=journal)):
        with pytest.raises(Problem):
            read_records(case)


async def test_a_record_that_cannot_be_read_does_not_hide_the_folder(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 2})
    async with Search(Case(source=study, log=tmp_path / "no.log"), None, rules=()) as search:
        await search.result()
    assert search.facts.crashes == ()
    assert search.facts.local is not None
    assert len(search.facts.local.objects) == 2
    assert search.facts.sent.evidence


def test_a_zip_that_is_damaged_inside_is_told_apart_from_one_that_is_none(tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    with zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", instance() * 20)
    data = bytearray(good.read_bytes())
    data[60:90] = b"\xff" * 30
    broken = tmp_path / "broken.zip"
    broken.write_bytes(data)
    plain = tmp_path / "plain.zip"
    plain.write_bytes(b"no zip at all")
    for path, is_broken in ((good, False), (broken, True), (plain, False)):
        found = read_local(path, Event(), now=NOW).zip
        assert found is not None
        assert (found.is_broken, found.is_readable) == (is_broken, path is good), path


def test_a_lonely_image_and_a_folder_of_odd_neighbours_are_read(tmp_path: Path) -> None:
    alone = tmp_path / "one" / "alone.dcm"
    alone.parent.mkdir()
    alone.write_bytes(instance())
    assert read_local(alone, Event(), now=NOW).zip is None
    study = write_study(tmp_path / "all", {"t1": 2, "bold": 3})
    (study / "S01" / "notes").mkdir()
    (study / "S01" / "notes" / "a.dcm").write_bytes(b"\0" * 128 + b"DICM\xff\xff")
    deep = study / "S01" / "a" / "b" / "c" / "d" / "e"
    deep.mkdir(parents=True)
    (deep / "x.dcm").write_bytes(instance())
    local = read_local(study / "S01" / "1_t1", Event(), now=NOW)
    assert [one.folder.name for one in local.siblings] == ["2_bold"]


def test_words_that_only_look_like_paths_are_labels(tmp_path: Path) -> None:
    archive = tmp_path / "scan.tar.gz"
    archive.write_bytes(b"x")
    image = tmp_path / "IM0001"
    image.write_bytes(instance())
    case = case_from(["~nobody-of-that-name", "x" * 300])
    assert (case.session, case.subject) == ("~nobody-of-that-name", "x" * 300)
    assert case_from([str(archive)]).source == archive
    assert case_from([str(image)]).source == image
    journal = tmp_path / "journal.sqlite"
    journal.write_bytes(b"SQLite format 3\0")
    assert case_from([str(journal)]).journal == journal


@pytest.mark.parametrize("said", ["9999-12-31", "0001-01-01", "today nonsense", "2025-03-04 10:00..25:00", "x..today"])
def test_a_time_that_no_upload_has_is_none(said: str) -> None:
    with pytest.raises(Problem):
        read_window(said, now=NOW)


def test_a_window_is_said_in_words() -> None:
    window = read_window("tonight", now=NOW)
    assert window.as_text() == "2025-03-05 18:00 to 2025-03-06 06:00"
    assert window.holds(datetime(2025, 3, 5, 20, tzinfo=UTC) + timedelta(hours=1))


LOG = """\
E: Bad DICOM file: /st/notes.txt: Not a DICOM file
E: Bad DICOM file: /st/notes.txt: Not a DICOM file
$ storescu -aec XNAT xnat.example 8104 /st
I: Sending file: /st/a.dcm
DIMSE Status : 0x0000 (Success)
I: Sending Store Request (MsgID 2, MR)
I: Received Store Response (Success)
I: Received Store Response (Success)
E: No presentation context for: 1.2.840.10008.5.1.4.1.1.4 with 'JPEG Lossless' transfer syntax
word 0000
b/c.dcm no presentation context
b/d.dcm 0xA700
"""


def test_a_log_of_every_kind_of_line() -> None:
    sent = parse(LOG.splitlines())
    assert [(one.path, one.fate, one.status) for one in sent.files] == [
        ("/st/notes.txt", SentFate.NOT_SENT, "not DICOM"),
        ("/st/a.dcm", SentFate.ACKNOWLEDGED, "0000"),
        ("", SentFate.ACKNOWLEDGED, "0000"),
        ("b/c.dcm", SentFate.REFUSED, "no presentation context"),
        ("b/d.dcm", SentFate.REFUSED, "A700"),
    ]
    assert [(one.names, one.text) for one in sent.messages] == [("notes.txt", "not DICOM: Not a DICOM file")]
    assert sent.rejected_contexts == (("1.2.840.10008.5.1.4.1.1.4", "JPEG Lossless"), ("", ""))
    assert sent.arguments[:2] == ("-aec", "XNAT")


@pytest.mark.parametrize(
    ("line", "is_dropped"),
    [
        ('(0008,0060) = "MR" ? reject', True),
        ('(0008,0060) != "MR" ? reject', False),
        ('(0008,0060) ~ "M." ? reject', True),
        ('(0008,0060) ~ "M(" ? reject', False),
        ('(0099,0099) = "x" ? reject', False),
        ("reject", True),
        ('remove[(0010,0010)] // reject "x"', False),
    ],
)
def test_a_rejection_is_evaluated_where_it_is_understood(line: str, *, is_dropped: bool) -> None:
    known = facts(
        local_of([an_object("a.dcm", 1)]),
        project=project("DEMO"),
        policies=policies(scripts=[Script("site", is_on=True, text=line)]),
    )
    assert bool(drops(known, forecast(known))) is is_dropped


def test_a_filter_that_cannot_be_followed_drops_nothing_for_sure() -> None:
    for lines in ("(unclosed", "[0008,103E]\n(unclosed"):
        known = facts(
            local_of([an_object("a.dcm", 1)]), policies=policies(filters=[Filter("site", "blacklist", lines)])
        )
        assert drops(known, forecast(known)) == ()
    two = facts(local_of([an_object("a.dcm", 1)]), policies=policies(filters=[Filter("site", "whitelist", "nothing")]))
    assert "nothing" in drops(two, forecast(two))[0].because


def test_without_the_files_nothing_is_sent_again() -> None:
    with pytest.raises(Problem) as caught:
        survey_of_missing(facts())
    assert caught.value.finding.code == "troubleshoot.no_files"


async def test_what_direct_archive_collects_is_waited_for_though_the_site_stumbles(
    stage: Stage, tmp_path: Path
) -> None:
    study = write_study(tmp_path / "study", {"t1": 3})
    labels = {"project": "DEMO", "subject": "S01", "session": "S01_MR1", "Direct-Archive": "true", "rename": "true"}
    uri = send_zip(stage.caller("owner"), files_below(study), **labels).text.strip()
    site = await stage.site("owner")
    waits: list[float] = []

    async def look_on(wait_s: float) -> None:
        if wait_s < 15:
            return
        waits.append(wait_s)
        if len(waits) == 1:
            stage.fault(Kind.STATUS, code=500, path="/xapi/direct-archive", times=1)
        if len(waits) == 3:
            assert stage.caller("owner").call("POST", uri).status == 200

    case = Case(source=study, project="DEMO")
    async with Search(case, site, sleep=look_on, clock=lambda: 0.0, is_patient=True) as search:
        report = await search.result()
    assert len(waits) >= 3
    assert report.verdict in {Verdict.COMPLETE, Verdict.MOVING}
