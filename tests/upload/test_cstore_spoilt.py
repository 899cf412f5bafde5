"""Files that are damaged, or change under the sender: left out with a reason, and never half sent as a whole."""

import random
import struct
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from practice.images import MR, instance
from upload.dicom_receiver import Receiver, peer_of
from xnat_wizard.dicom.window import Stretches
from xnat_wizard.upload.cstore import batch, stream
from xnat_wizard.upload.cstore.batch import Brake, Sending
from xnat_wizard.upload.cstore.contexts import DEFLATED, EXPLICIT_LITTLE, group
from xnat_wizard.upload.cstore.identification import changes
from xnat_wizard.upload.cstore.peer import Scheme
from xnat_wizard.upload.cstore.stream import FIRST_BYTES, Outgoing
from xnat_wizard.upload.cstore.wire import open_link
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import Item, SourceChangedError
from xnat_wizard.upload.throttle import Throttle

CHANGES = changes(Scheme.COMMENTS, "P", "S", "E")
WHAT = b"Project:P Subject:S Session:E "
LARGE = 3 << 20


def item_of(path: Path) -> Item:
    status = path.stat()
    return Item(1, LocalSource(path.parent), path.name, status.st_size, status.st_mtime_ns)


def large(folder: Path) -> Path:
    path = folder / "large.dcm"
    path.write_bytes(instance(PixelData=b"\1\2" * (LARGE // 2)))
    return path


def sent(item: Item, syntax: str = EXPLICIT_LITTLE) -> bytes:
    with Outgoing(item, syntax, CHANGES, Stretches()) as outgoing:
        return b"".join(outgoing.pieces())


def why_not(item: Item, syntax: str = EXPLICIT_LITTLE) -> str:
    with pytest.raises(SourceChangedError) as caught:
        sent(item, syntax)
    return caught.value.reason


def long_header() -> bytes:
    """Return an image of which the comment stands behind more than is read at first."""
    noise = random.Random(1).randbytes(FIRST_BYTES // 2).hex().encode()  # noqa: S311  no secret; deflates to half
    block = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, len(noise)) + noise
    creator = struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 4) + b"TEST"
    whole = instance(PatientComments="an old comment")
    place = whole.index(struct.pack("<HH", 0x0010, 0x0010))
    return whole[:place] + creator + block * 2 + whole[place:]


# -- headers ---------------------------------------------------------------------------------------------


def test_a_header_longer_than_what_is_read_at_once_is_followed_to_its_comment(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(long_header())
    made = sent(item_of(path))
    assert made.count(WHAT) == 1
    assert b"an old comment" not in made
    assert made.endswith(path.read_bytes()[-128:])
    assert len(made) == len(path.read_bytes()[path.read_bytes().index(b"\x08\0\x16\0") :]) + len(WHAT) - 14


def test_a_file_that_is_no_image_inside_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + struct.pack("<HH2sH", 2, 2, b"UI", 500) + b"1.2")
    assert why_not(item_of(path)) == "its file meta information cannot be followed"
    whole = instance()
    path.write_bytes(whole[: whole.index(struct.pack("<HH", 0x0008, 0x0018)) + 9])
    assert why_not(item_of(path)).startswith("its header cannot be followed")


# -- deflated data sets ----------------------------------------------------------------------------------


@pytest.fixture
def deflated(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    meta = instance()
    meta = meta[: meta.index(b"\x08\0\x16\0")].replace(ExplicitVRLittleEndian.encode() + b"\0", b"", 1)
    head = b"\0" * 128 + b"DICM"
    uid = DeflatedExplicitVRLittleEndian.encode()
    head += struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    path.write_bytes(head + packed())
    return path


def packed() -> bytes:
    import zlib

    whole = instance()
    pack = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return pack.compress(whole[whole.index(b"\x08\0\x16\0") :]) + pack.flush()


def test_a_deflated_image_that_is_cut_or_noise_is_left_out(deflated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = deflated.read_bytes()
    assert sent(item_of(deflated), DEFLATED)
    deflated.write_bytes(whole[:-20])
    assert why_not(item_of(deflated), DEFLATED) == "its deflated data set was cut, or is too large"
    deflated.write_bytes(whole[: -len(packed())] + b"\xff" * 60)
    assert why_not(item_of(deflated), DEFLATED) == "its deflated data set cannot be unpacked"
    deflated.write_bytes(whole)
    monkeypatch.setattr(stream, "MOST_INFLATED", 100)
    assert why_not(item_of(deflated), DEFLATED) == "its deflated data set was cut, or is too large"


# -- files that change -----------------------------------------------------------------------------------


def test_a_file_that_is_cut_or_written_to_while_it_is_sent_is_not_called_whole(tmp_path: Path) -> None:
    path = large(tmp_path)
    for change, reason in ((FIRST_BYTES, "cut while it was read"), (LARGE + 5000, "written to while it was sent")):
        whole = path.read_bytes()
        with Outgoing(item_of(path), EXPLICIT_LITTLE, CHANGES, Stretches()) as outgoing:
            pieces = outgoing.pieces()
            next(pieces)
            with path.open("r+b") as file:
                file.truncate(change)
            with pytest.raises(SourceChangedError, match=reason):
                list(pieces)
        path.write_bytes(whole)


def test_damage_in_an_archive_is_told_wherever_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    pixels = random.Random(3).randbytes(LARGE // 2).hex().encode()  # noqa: S311  no secret; deflates to half
    for name, data in (("header", long_header()), ("pixels", instance(PixelData=pixels))):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("one.dcm", data)
        spoilt = bytearray(path.read_bytes())
        place = len(spoilt) * 4 // 5  # behind what is read at first
        spoilt[place : place + 3000] = random.Random(2).randbytes(3000)  # noqa: S311
        path.write_bytes(spoilt)
        with LocalSource(path) as source:
            size_bytes, mtime_ns = source.status("one.dcm")
            reason = why_not(Item(1, source, "one.dcm", size_bytes, mtime_ns))
        assert "cannot be read" in reason, name


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as one:
        yield one


def sending(path: Path) -> Sending:
    return Sending(item_of(path), MR, "1.2.1.1.1", EXPLICIT_LITTLE)


async def no_sleep(_seconds: float) -> None:
    raise AssertionError("a thread does not sleep like that")


def test_a_file_cut_in_the_middle_of_its_message_ends_the_association_and_is_not_stored(
    receiver: Receiver, tmp_path: Path
) -> None:
    path = large(tmp_path)
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        if looks == 2:  # the first piece leaves
            with path.open("r+b") as file:
                file.truncate(FIRST_BYTES)
        return float(looks)

    link = open_link(peer_of(receiver), group([(MR, EXPLICIT_LITTLE)]).kinds[0])
    brake = Brake(threading.Event(), Throttle(1 << 30, clock=clock, sleep=no_sleep))
    told = batch.send(link, [sending(path)], CHANGES, Stretches(), brake)
    assert list(told.left_out.values()) == ["the file was cut while it was read"]
    assert not told.is_link_open
    assert not told.answered
    assert not receiver.times


def test_nothing_is_begun_when_it_is_to_end(receiver: Receiver, tmp_path: Path) -> None:
    link = open_link(peer_of(receiver), group([(MR, EXPLICIT_LITTLE)]).kinds[0])
    brake = Brake(threading.Event(), Throttle(0, clock=lambda: 0.0, sleep=no_sleep))
    brake.stop.set()
    told = batch.send(link, [sending(large(tmp_path))], CHANGES, Stretches(), brake)
    link.release()
    assert not told.answered
    assert not receiver.times
