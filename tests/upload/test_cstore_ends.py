"""How an upload by DICOM without a login ends: by a person's word, with the source or the receiver, or with dcmsend."""

import asyncio
import os
import shutil
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from practice.images import instance
from upload.clocks import short_sleep
from upload.dicom_receiver import FILES, Receiver, fates, folder_of, journal_of, peer_of, send
from upload.dicom_sends import by_dicom
from upload.runs import explained, texts
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.cstore import alone, dcmsend
from xnat_wizard.upload.cstore.offered import peer_at, words_of
from xnat_wizard.upload.cstore.peer import Peer, address_of
from xnat_wizard.upload.cstore.wire import Link, open_link
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Request, SessionState, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.inquiries.values import Receiver as SiteReceiver

LOOKS = 2000  # 10 s


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Give the journal of one session of six images."""
    return journal_of(tmp_path, folder_of(tmp_path))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for the receiver or the journal, while the upload goes on."""
    for _ in range(LOOKS):
        if is_so():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


async def while_it_waits(
    journal: Journal, act: Callable[["asyncio.Task[UploadState]"], Awaitable[None]]
) -> UploadState:
    """Run an upload whose last image is not answered before `act` is over."""
    receiver = Receiver()
    receiver.is_silent = lambda _uid, _time: len(receiver.times) == FILES
    with receiver.running():
        task = asyncio.create_task(send(journal, receiver, associations=1))
        await until(lambda: len(receiver.times) == FILES)
        await act(task)
        receiver.held.set()
        return await task


def finding_of(journal: Journal) -> Finding:
    finding = journal.progress().finding
    assert finding is not None, explained(journal)
    return finding


# -- a person's word -------------------------------------------------------------------------------------


async def test_a_cancel_ends_it_with_a_receipt_and_it_stays_cancelled(journal: Journal) -> None:
    async def cancel(_task: "asyncio.Task[UploadState]") -> None:
        journal.request(Request.CANCEL)
        await until(lambda: journal.progress().state is UploadState.CANCELLED)

    assert await while_it_waits(journal, cancel) is UploadState.CANCELLED
    assert [one.state for one in journal.progress().sessions] == [SessionState.CANCELLED]
    left = journal.progress().sessions[0].finding
    assert left is not None  # what was acknowledged may be there
    assert left.code.startswith("upload.cancelled")
    receipt = journal.receipt()
    assert receipt is not None
    assert receipt.verdict != "COMPLETE"
    assert fates(journal)[Fate.SENT] < FILES
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.CANCELLED
    assert not receiver.times


async def test_a_stop_leaves_it_to_be_resumed(journal: Journal) -> None:
    async def stop(task: "asyncio.Task[UploadState]") -> None:
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await while_it_waits(journal, stop)
    assert journal.progress().state is UploadState.FAILED
    acknowledged = fates(journal)[Fate.SENT]
    assert acknowledged < FILES
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.SENT: FILES}
    assert len(receiver.times) == FILES - acknowledged


async def test_what_is_under_way_when_somebody_pauses_may_be_the_last(journal: Journal) -> None:
    async def pause(_task: "asyncio.Task[UploadState]") -> None:
        journal.request(Request.GO_ON)  # of nothing that waits
        journal.request(Request.PAUSE)
        await until(lambda: journal.progress().state is UploadState.PAUSED)

    assert await while_it_waits(journal, pause) is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.SENT: FILES}


async def test_a_session_that_was_proved_is_not_sent_again(tmp_path: Path) -> None:
    folder_of(tmp_path)
    other = tmp_path / "images" / "S2" / "t1"
    other.mkdir(parents=True)
    (other / "1.dcm").write_bytes(instance(study="2"))
    journal = journal_of(tmp_path, tmp_path / "images")
    proved, _ = journal.records.sessions()
    for state in (SessionState.SENDING, SessionState.VERIFYING, SessionState.DONE):
        journal.records.move_session(proved.id, state)
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.INCOMPLETE
    assert set(receiver.times) == {"1.2.2.1.1"}
    assert [one.state for one in journal.progress().sessions] == [SessionState.DONE, SessionState.INCOMPLETE]


async def test_a_receipt_that_cannot_be_written_does_not_change_how_it_ended(journal: Journal) -> None:
    (journal.path.parent / "receipt.txt").mkdir()
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.INCOMPLETE
    assert journal.receipt() is not None
    assert any("files of the receipt could not be written" in text for text in texts(journal))


# -- the source and the receiver -------------------------------------------------------------------------


async def test_a_folder_that_is_away_stops_it_before_anything_is_sent(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.FAILED
    assert not receiver.times
    assert finding_of(journal).code == "upload.no_source"


async def test_another_archive_in_the_place_of_the_surveyed_one_stops_it(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"

    def pack(count: int) -> None:
        with zipfile.ZipFile(archive, "w") as made:
            for number in range(1, count + 1):
                made.writestr(f"S1/t1/{number}.dcm", instance(number=number))

    pack(2)
    plan = draft(survey(archive), site_url="", project="DEMO", destination=Destination.PREARCHIVE)
    journal = Journal.create(tmp_path / "upload", plan)
    pack(3)
    os.utime(archive, (1, 1))
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.FAILED
    assert not receiver.times
    assert finding_of(journal).code == "upload.other_source"


async def test_a_file_that_is_gone_is_left_out_and_named(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "images" / "S1" / "t1" / "3.dcm").unlink()
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.SENT: FILES - 1, Fate.NOT_SENT: 1}
    assert any("1 file of S1_MR1 left out" in text for text in texts(journal))


async def test_a_file_that_does_not_say_what_it_is_stays_behind(journal: Journal, tmp_path: Path) -> None:
    plan = journal.plan()
    (session,) = plan.sessions
    (series,) = session.series
    instances = (replace(series.instances[0], sop_class_uid=""), *series.instances[1:])
    session = replace(session, series=(replace(series, instances=instances),))
    changed = Journal.create(tmp_path / "changed", replace(plan, sessions=(session,)))  # as a hand can make it
    with Receiver().running() as receiver:
        assert await send(changed, receiver) is UploadState.INCOMPLETE
    assert fates(changed) == {Fate.SENT: FILES - 1, Fate.NOT_SENT: 1}
    assert "it does not say what kind of object it is" in {remark for *_, remark in changed.fates()}


async def test_many_refusals_in_a_row_end_the_session(tmp_path: Path) -> None:
    journal = journal_of(tmp_path, folder_of(tmp_path, files=30))
    with Receiver(lambda _uid, _time: 0x0124).running() as receiver:
        assert await send(journal, receiver) is UploadState.INCOMPLETE
    (session,) = journal.progress().sessions
    assert session.state is SessionState.FAILED
    assert session.finding is not None
    assert session.finding.code == "cstore.refused"
    assert "not authorized" in session.finding.why
    assert len(receiver.times) < 30


async def test_a_receiver_that_is_full_for_a_while_is_waited_for(journal: Journal) -> None:
    receiver = Receiver()
    receiver.most = 1
    others: list[Link] = []

    async def sleep(seconds: float) -> None:
        if seconds >= 1 and others:
            others.pop().release()
            await until(lambda: not receiver.open_count())
        await short_sleep(seconds)

    with receiver.running():
        others.append(open_link(peer_of(receiver), ()))
        state = await alone.run(by_dicom(journal, peer_of(receiver)), sleep=sleep)
    assert state is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.SENT: FILES}
    said = texts(journal)
    assert any("takes no association at the moment" in text for text in said)
    assert "Connected again" in said


async def test_a_sender_that_is_not_on_the_list_is_told_to_ask_for_it(journal: Journal) -> None:
    receiver = Receiver()
    with receiver.running(calling="SCANNER"):
        assert await send(journal, receiver) is UploadState.FAILED
    assert finding_of(journal).why == "It does not let `XNATWIZARD` in"


# -- dcmsend ---------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which a program is looked for first."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def program(folder: Path, script: str) -> None:
    path = folder / dcmsend.PROGRAM
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def with_dcmsend(journal: Journal, port: int = 1) -> UploadState:
    peer = Peer("127.0.0.1", port, associations=1, is_dcmsend=True)
    return await alone.run(by_dicom(journal, peer), sleep=short_sleep)


async def test_a_dcmsend_that_breaks_off_has_sent_nothing(journal: Journal, programs: Path) -> None:
    program(programs, "exit 63")
    assert await with_dcmsend(journal) is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.REFUSED: FILES}
    assert any("dcmsend ended with 63 before this file was sent" in text for text in texts(journal))
    assert not (journal.path.parent / dcmsend.FOLDER).exists()


async def test_a_dcmsend_that_is_no_longer_installed_stops_it_in_words(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await with_dcmsend(journal) is UploadState.FAILED
    assert finding_of(journal).code == "cstore.no_dcmsend"
    assert fates(journal) == {Fate.NOT_SENT: FILES}


async def test_copies_that_cannot_be_made_stop_it_in_words(journal: Journal, programs: Path) -> None:
    program(programs, "exit 0")
    (journal.path.parent / dcmsend.FOLDER).write_text("a file in the place of the folder")
    assert await with_dcmsend(journal) is UploadState.FAILED
    assert finding_of(journal).code == "cstore.no_copies"
    assert fates(journal) == {Fate.NOT_SENT: FILES}


async def test_dcmsend_gets_no_file_that_has_changed(journal: Journal, programs: Path, tmp_path: Path) -> None:
    marks = tmp_path / "called"
    program(programs, f"touch {marks}")
    for path in (tmp_path / "images" / "S1" / "t1").iterdir():
        path.write_bytes(path.read_bytes() + b"\0\0")
    assert await with_dcmsend(journal) is UploadState.INCOMPLETE
    assert not marks.exists()
    assert fates(journal) == {Fate.NOT_SENT: FILES}
    assert all(remark for *_, remark in journal.fates())


async def test_a_stop_ends_dcmsend_and_takes_its_copies_away(journal: Journal, programs: Path, tmp_path: Path) -> None:
    marks = tmp_path / "called"
    program(programs, f"touch {marks}; exec sleep 600")
    task = asyncio.create_task(with_dcmsend(journal))
    await until(marks.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (journal.path.parent / dcmsend.FOLDER).exists()
    assert fates(journal) == {Fate.NOT_SENT: FILES}


@pytest.mark.skipif(not shutil.which("dcmsend"), reason="DCMTK: dcmsend is not installed")
async def test_a_file_spoilt_while_dcmsend_is_fed_is_left_out(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "images" / "S1" / "t1" / "2.dcm").write_bytes(b"")
    with Receiver().running() as receiver:
        assert await with_dcmsend(journal, receiver.port) is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.SENT: FILES - 1, Fate.NOT_SENT: 1}


# -- addresses -------------------------------------------------------------------------------------------


def test_an_address_of_version_6_needs_no_brackets_without_a_port() -> None:
    assert address_of("fe80::1") == ("fe80::1", 8104)
    assert address_of("host:") == ("host", 8104)
    for text in ("", ":104", "host:0", "host:70000", "host:x", "a b:104", "u@host"):
        with pytest.raises(Problem, match=r"cstore\.bad_address"):
            address_of(text)


def test_a_receiver_of_a_site_is_reached_where_its_page_is() -> None:
    told = SiteReceiver("SCANS", 11112, is_enabled=True)
    usual = peer_at("https://xnat.example.org:8443/x", told)
    assert (usual.host, usual.port, usual.ae_title, usual.calling) == ("xnat.example.org", 11112, "SCANS", "XNATWIZARD")
    like = replace(usual, host="other", calling="ME", associations=1)
    assert peer_at("https://xnat.example.org", told, like) == replace(like, host="xnat.example.org")
    assert words_of(replace(told, is_enabled=False, has_routing=True)) == (
        "SCANS  port 11112  off, has routing rules of its own"
    )
