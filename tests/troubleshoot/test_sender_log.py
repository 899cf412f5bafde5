"""What senders print, as they really print it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from practice.sending import port_of
from troubleshoot.stage import Stage, write_study
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.local_facts import SentFate
from xnat_wizard.troubleshoot.sender_log import parse, read_log

STORESCU = """\
I: Requesting Association
I: Association Accepted (Max Send PDV: 131060)
I: Sending file: /st/T1/i1.dcm
I: Converting transfer syntax: Little Endian Explicit -> Little Endian Explicit
I: Sending Store Request (MsgID 1, MR)
XMIT: .
I: Received Store Response (Success)
I: Sending file: /st/T1/i2.dcm
I: Sending Store Request (MsgID 2, MR)
I: Received Store Response (Refused: OutOfResources)
I: Sending file: /st/GE/x1.dcm
E: No presentation context for: (unknown SOP class) 1.2.840.113619.4.26
E: Store SCU Failed: 0006:0208 DIMSE No valid Presentation Context ID
I: Aborting Association
"""
REPORT = """\
Detailed Report on the Transfer of Instances
============================================

Communication Peer : 127.0.0.1:40243
AE Titles used     : DCMSEND -> XNAT
Current Date/Time  : 2026-11-24 11:26:48

Number        : 1
Filename      : /st/T1/i1.dcm
SOP Instance  : 1.2.7.1.1
SOP Class     : 1.2.840.10008.5.1.4.1.1.4 = MRImageStorage
DIMSE Status  : 0x0000 (Success)

Number        : 2
Filename      : /st/T1/i2.dcm
SOP Instance  : 1.2.7.1.2
DIMSE Status  : 0xC000 (Error)

Status Summary
--------------
"""


def fates(text: str) -> list[tuple[str, SentFate, str]]:
    return [(one.path, one.fate, one.status) for one in parse(text.splitlines()).files]


def test_storescu_tells_each_file() -> None:
    assert fates(STORESCU) == [
        ("/st/T1/i1.dcm", SentFate.ACKNOWLEDGED, "0000"),
        ("/st/T1/i2.dcm", SentFate.REFUSED, "A700"),
        ("/st/GE/x1.dcm", SentFate.REFUSED, "no presentation context"),
    ]
    sent = parse(STORESCU.splitlines())
    assert sent.rejected_contexts == (("1.2.840.113619.4.26", ""),)
    assert sent.way is Way.C_STORE
    assert sent.has_per_file_record


def test_a_report_of_dcmsend_tells_uids_and_the_time() -> None:
    sent = parse(REPORT.splitlines())
    assert [(one.sop_instance_uid, one.status) for one in sent.files] == [("1.2.7.1.1", "0000"), ("1.2.7.1.2", "C000")]
    assert sent.started == "2026-11-24T11:26:48"
    assert sent.origin == "report of dcmsend"


def test_a_rejection_says_its_reason() -> None:
    text = "F: Association Rejected:\nF: Result: Rejected Permanent\nF: Reason: Calling AE Title Not Recognized"
    sent = parse(text.splitlines())
    assert sent.association_error == "rejected: calling ae title not recognized"
    assert sent.files == ()
    assert sent.is_known


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "F: Association Request Failed: 0006:031c TCP Initialization Error: Connection refused",
            "tcp initialization error: connection refused",
        ),
        ("F: cannot negotiate network association: DUL Association Rejected", "rejected"),
    ],
)
def test_no_association_at_all(line: str, error: str) -> None:
    assert parse([line]).association_error == error


def test_a_call_of_the_script_gives_its_labels() -> None:
    sent = parse(["$ ./sendDCM2xnat sub-12 sub-12_mr1 neuro01 10.0.0.1 8104 /data/sub-12"])
    assert (sent.subject, sent.session, sent.project) == ("sub-12", "sub-12_mr1", "neuro01")
    assert sent.arguments[4] == "8104"


def test_a_plain_list_of_paths_and_statuses() -> None:
    text = "/d/T1/1.dcm 0000\nd/T1/2.dcm status 0xC000\nGE/3.dcm: no presentation context accepted\nhello world\n"
    assert fates(text) == [
        ("/d/T1/1.dcm", SentFate.ACKNOWLEDGED, "0000"),
        ("d/T1/2.dcm", SentFate.REFUSED, "C000"),
        ("GE/3.dcm", SentFate.REFUSED, "no presentation context"),
    ]


def test_a_file_without_an_answer_is_not_acknowledged() -> None:
    text = "I: Sending file: /a/1.dcm\nI: Sending Store Request (MsgID 1, MR)\nF: Peer aborted Association"
    assert fates(text) == [("/a/1.dcm", SentFate.REFUSED, "no answer")]


def test_what_says_nothing_is_not_known() -> None:
    assert not parse(["", "nothing to see"]).is_known


@pytest.mark.parametrize("program", ["storescu", "dcmsend"])
def test_the_real_programs_are_understood(stage: Stage, tmp_path: Path, program: str) -> None:
    command = shutil.which(program)
    if command is None:
        pytest.skip(f"DCMTK: {program} is not here")
    study = write_study(tmp_path / "study", {"t1": 2, "bold": 3})
    port = str(port_of(stage.practice))
    log = tmp_path / "log.txt"
    with log.open("w") as out:
        subprocess.run(
            [command, "-v", "-aec", "XNAT", "+sd", "+r", "127.0.0.1", port, study], stdout=out, stderr=out, check=True
        )
    sent = read_log(log)
    assert [one.status for one in sent.files] == ["0000"] * 5
    assert sent.evidence[0].got.startswith("5 acknowledged")
