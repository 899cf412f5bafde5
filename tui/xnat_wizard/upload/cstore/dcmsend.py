"""Sends with DCMTK's dcmsend in the place of our own sender, where a person chose it.

It reads files, so each batch is first written as copies that hold the identification: beside the journal, readable by
this person only, at most some 100 MB a running dcmsend, and gone when it has ended. Its report says what was answered
to each; that is read when it has ended, so a kill in the middle may send a batch twice.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from xnat_wizard.dicom.window import Stretches
from xnat_wizard.findings import Finding
from xnat_wizard.settings import child_environment, new_private
from xnat_wizard.upload.cstore.batch import Brake, Sending, Told
from xnat_wizard.upload.cstore.identification import Change
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.cstore.stream import Outgoing
from xnat_wizard.upload.cstore.wire import LostError, Reply
from xnat_wizard.upload.parts import SourceChangedError

PROGRAM = "dcmsend"
MOST_FILES = 1000
FOLDER = "copies"
_LOOK_EVERY_S = 0.2
_REPORT = "report.txt"
_NAME = re.compile(r"^Filename\s*: .*?(\d+)\.dcm$")
_STATUS = re.compile(r"^DIMSE Status\s*: 0x([0-9a-fA-F]{4})")


def missing() -> Finding | None:
    """Say that dcmsend is not installed, `None` where it is."""
    if shutil.which(PROGRAM):
        return None
    return Finding(
        "cstore.no_dcmsend",
        "dcmsend is not installed",
        "It was chosen with --with, and no program of that name is found",
        ("Leave out --with: this program sends by itself", "Or install DCMTK"),
    )


def send(
    peer: Peer,
    place: Path,
    batch: Sequence[Sending],
    changes: Sequence[Change],
    stretches: Stretches,
    brake: Brake,
) -> Told:
    """Write copies of some objects, let dcmsend send them, and take the copies away; blocks.

    Args:
        peer: the receiver.
        place: a folder of ours, in which the copies get one of their own.
        batch: the objects.
        changes: to make in each copy.
        stretches: what is remembered from file to file.
        brake: of the upload; stopped, it ends dcmsend. A limit slows the copying, so it holds on the whole only.

    Raises:
        OSError: the copies cannot be written.
    """
    told = Told()
    place.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        copied = [one for one in batch if _copy(one, folder, changes, stretches, brake, told)]
        if copied and not brake.stop.is_set():
            code = _run(peer, folder, brake.stop)
            _read(folder / _REPORT, copied, code, told)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return told


def _copy(
    one: Sending, folder: Path, changes: Sequence[Change], stretches: Stretches, brake: Brake, told: Told
) -> bool:
    try:
        with (
            Outgoing(one.item, one.syntax, changes, stretches) as outgoing,
            os.fdopen(new_private(folder / f"{one.item.file_id}.dcm"), "wb") as file,
        ):
            file.write(_meta(one, outgoing.syntax))
            for piece in brake.held(outgoing.pieces()):
                file.write(piece)
    except SourceChangedError as change:
        told.left_out[one.item.file_id] = change.reason
        (folder / f"{one.item.file_id}.dcm").unlink(missing_ok=True)
        return False
    return True


def _meta(one: Sending, syntax: str) -> bytes:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID
    from pynetdicom.dsutils import encode_file_meta

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(one.sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(one.sop_instance_uid)
    meta.TransferSyntaxUID = UID(syntax)
    return b"\0" * 128 + b"DICM" + encode_file_meta(meta)


def _run(peer: Peer, folder: Path, stop: Event) -> int:
    words = [PROGRAM, "--no-halt", "--no-uid-checks", "--decompress-never", "--scan-directories"]
    words += ["--aetitle", peer.calling, "--call", peer.ae_title]
    words += ["--timeout", f"{peer.connect_s:.0f}", "--dimse-timeout", f"{peer.answer_s:.0f}"]
    words += ["--max-send-pdu", "131072", "--create-report-file", str(folder / _REPORT)]
    with subprocess.Popen(
        [*words, peer.host, str(peer.port), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**child_environment(), "TCP_NODELAY": "1"},  # it waits for full packets without it
    ) as process:
        while True:
            try:
                return process.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.terminate()


def _read(report: Path, copied: Sequence[Sending], code: int, told: Told) -> None:
    """Read what was answered to each; what stands in no report was not sent."""
    answered: dict[int, int] = {}
    key = 0
    try:
        lines = report.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if named := _NAME.match(line):
            key = int(named[1])
        elif said := _STATUS.match(line):
            answered[key] = int(said[1], 16)
    for one in copied:
        status = answered.get(one.item.file_id)
        if status is not None:
            told.answered[one.item.file_id] = Reply(status, "")
            told.size_bytes += one.item.size_bytes
    rest = [one for one in copied if one.item.file_id not in told.answered]
    if rest and (code or not told.answered):
        told.lost = rest[0].item.file_id, LostError(f"dcmsend ended with {code} before this file was sent")
    else:
        told.not_taken.update({one.item.file_id: (one.sop_class_uid, one.syntax) for one in rest})
