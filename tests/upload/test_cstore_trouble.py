"""Receivers that refuse, run out of room, hang up or never answer; and what is sent when it goes on."""

import os
import signal
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pynetdicom import _config

from cli.program import PROGRAM
from practice.images import instance
from upload.clocks import short_sleep
from upload.dicom_receiver import FILES, Receiver, fates, folder_of, journal_of, peer_of, send
from upload.dicom_sends import by_dicom, until
from upload.runs import explained, texts
from xnat_wizard.upload.cstore import alone, contexts, statuses
from xnat_wizard.upload.cstore.peer import Peer, address_of
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Fate, SessionState, UploadState


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Give the journal of one session of six images."""
    return journal_of(tmp_path, folder_of(tmp_path))


async def test_what_is_sent_says_where_it_belongs(journal: Journal) -> None:
    with Receiver().running() as receiver:
        assert await send(journal, receiver) is UploadState.INCOMPLETE, explained(journal)
    assert fates(journal) == {Fate.SENT: FILES}
    assert receiver.comments == {"Project:DEMO Subject:S1 Session:S1_MR1"}
    assert set(receiver.times.values()) == {1}


async def test_want_of_room_is_waited_for(journal: Journal) -> None:
    with Receiver(lambda uid, time: 0xA700 if uid.endswith(".3") and time < 3 else 0).running() as receiver:
        await send(journal, receiver)
    assert fates(journal) == {Fate.SENT: FILES}
    assert receiver.times["1.2.1.1.3"] == 3
    assert any("out of resources (status A700). Trying again" in text for text in texts(journal))


async def test_a_receiver_without_room_ends_the_upload_which_goes_on_later(journal: Journal) -> None:
    with Receiver(lambda _uid, _time: 0xA702).running() as receiver:
        assert await send(journal, receiver) is UploadState.FAILED
        finding = journal.progress().finding
        assert finding is not None
        assert finding.code == "cstore.out_of_resources"
        receiver.answer = lambda _uid, _time: 0
        assert await send(journal, receiver) is UploadState.INCOMPLETE
    assert fates(journal) == {Fate.SENT: FILES}


async def test_a_file_that_is_refused_stands_alone(journal: Journal) -> None:
    with Receiver(lambda uid, _time: 0xC000 if uid.endswith(".2") else 0).running() as receiver:
        await send(journal, receiver)
    assert fates(journal) == {Fate.SENT: FILES - 1, Fate.REFUSED: 1}
    (remark,) = [remark for _, fate, remark in journal.fates() if fate is Fate.REFUSED]
    assert "status C000" in remark
    assert "as the test wants it" in remark
    assert journal.dicom_statuses() == {0: FILES - 1, 0xC000: 1}
    assert receiver.times["1.2.1.1.2"] == 1


async def test_a_warning_is_kept_and_counts_as_taken(journal: Journal) -> None:
    with Receiver(lambda _uid, _time: 0xB000).running() as receiver:
        await send(journal, receiver)
    assert fates(journal) == {Fate.SENT: FILES}
    assert {remark for *_, remark in journal.fates()} == {"values were changed by the receiver (status B000)"}


async def test_an_association_that_is_aborted_is_made_anew(journal: Journal) -> None:
    receiver = Receiver()
    receiver.hangs_up = lambda uid, time: uid.endswith((".2", ".5")) and time == 1
    with receiver.running():
        await send(journal, receiver)
    assert fates(journal) == {Fate.SENT: FILES}, explained(journal)
    assert receiver.times["1.2.1.1.2"] == 2


async def test_what_is_never_answered_has_an_end(journal: Journal) -> None:
    receiver = Receiver()
    receiver.is_silent = lambda uid, _time: uid.endswith(".4")
    with receiver.running():
        await send(journal, receiver, answer_s=0.2)
    assert fates(journal) == {Fate.SENT: FILES - 1, Fate.REFUSED: 1}
    (remark,) = [remark for _, fate, remark in journal.fates() if fate is Fate.REFUSED]
    assert "no answer in 0 s, 4 times" in remark


async def test_a_receiver_that_takes_one_association_gets_one(journal: Journal) -> None:
    receiver = Receiver()
    receiver.most = 1
    gate = threading.Event()
    receiver.is_silent = lambda _uid, _time: gate.wait(0.1)  # long enough for others to ask
    with receiver.running():
        await send(journal, receiver, associations=4)
    assert fates(journal) == {Fate.SENT: FILES}, explained(journal)
    assert any("takes no more than" in text or "takes no association" in text for text in texts(journal))


async def test_who_is_not_let_in_is_told_why(journal: Journal) -> None:
    with Receiver().running() as receiver:
        stranger = by_dicom(journal, replace(peer_of(receiver), ae_title="OTHER"))
        assert await alone.run(stranger, sleep=short_sleep) is UploadState.FAILED
    finding = journal.progress().finding
    assert finding is not None
    assert finding.why == "It does not know itself as `OTHER`"


async def test_nobody_there_is_said_after_some_tries(journal: Journal) -> None:
    assert await send(journal, Receiver()) is UploadState.FAILED
    finding = journal.progress().finding
    assert finding is not None
    assert finding.code == "cstore.unreachable"
    assert sum("Trying again in" in text for text in texts(journal)) >= 5


async def test_a_kind_that_is_not_taken_is_named(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", False)
    with Receiver().running(sop_class="") as receiver:
        await send(journal, receiver)
    assert fates(journal) == {Fate.REFUSED: FILES}
    (session,) = journal.progress().sessions
    assert session.state is SessionState.FAILED
    assert session.finding is not None
    assert session.finding.code == "cstore.nothing_taken"
    assert any("takes no MR Image Storage as Explicit VR Little Endian" in text for text in texts(journal))


async def test_more_kinds_than_an_association_holds_take_several(tmp_path: Path) -> None:
    folder = tmp_path / "many" / "S1" / "t1"
    folder.mkdir(parents=True)
    classes = [f"1.2.840.99999.{number}" for number in range(150)]
    for number, sop_class in enumerate(classes, start=1):
        (folder / f"{number}.dcm").write_bytes(instance(number=number, SOPClassUID=sop_class))
    journal = journal_of(tmp_path, folder.parents[1])
    assert len(contexts.group(journal.dicom_kinds()).kinds) == 2
    with Receiver().running() as receiver:
        await send(journal, receiver)
    assert fates(journal) == {Fate.SENT: 150}, explained(journal)


def test_a_kill_in_the_middle_loses_nothing_and_sends_nothing_twice(tmp_path: Path, own_home: Path) -> None:
    folder = tmp_path / "images" / "S1" / "t1"
    folder.mkdir(parents=True)
    for number in range(1, 401):
        (folder / f"{number}.dcm").write_bytes(instance(number=number))
    receiver = Receiver()
    receiver.is_silent = lambda _uid, _time: len(receiver.times) > 250
    words = [PROGRAM, "send", str(folder.parents[1]), "--project", "DEMO", "--receiver", f"127.0.0.1:{receiver.port}"]

    def sent() -> set[str]:
        (path,) = (own_home / "state" / "uploads").glob(f"*/{FILE_NAME}")
        with Journal.open(path) as journal:
            return {path for path, fate, _ in journal.fates() if fate is Fate.SENT}

    with receiver.running():
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
        until(lambda: len(receiver.times) > 250)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        acknowledged = sent()
        receiver.is_silent = lambda _uid, _time: False
        receiver.held.set()
        assert 0 < len(acknowledged) < 400
        assert subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == 3
        assert len(sent()) == 400
    assert len(receiver.times) == 400
    twice = {uid.rpartition(".")[2] for uid, count in receiver.times.items() if count > 1}
    assert not twice & {Path(path).stem for path in acknowledged}


def test_statuses_mean_what_the_standard_says() -> None:
    kinds = {status: statuses.kind_of(status).name for status in (0, 0xB007, 0xA700, 0xA901, 0xC123, 0x0122, 0xFF00)}
    assert kinds == {
        0: "STORED",
        0xB007: "WARNED",
        0xA700: "AGAIN",
        0xA901: "REFUSED",
        0xC123: "REFUSED",
        0x0122: "REFUSED",
        0xFF00: "REFUSED",
    }
    assert all(statuses.words(status) for status in kinds)


def test_addresses_as_people_write_them() -> None:
    assert address_of("host") == ("host", 8104)
    assert address_of("host:104") == ("host", 104)
    assert address_of("[::1]:104") == ("::1", 104)
    assert Peer.decoded(Peer("h", 1).encoded()) == Peer("h", 1)
