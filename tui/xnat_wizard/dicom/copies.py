"""Find files that carry the same SOP Instance UID: copies, sent once, and conflicts, sent after a yes.

Looked for within a subject folder. Between subject folders the same study is a question of its own (`identity`).
"""

from itertools import groupby
from threading import Event

from xnat_wizard.dicom.gather import Batch, Gathered
from xnat_wizard.dicom.model import Instance, OtherFile, OtherKind
from xnat_wizard.dicom.source import Source
from xnat_wizard.dicom.structure import CONFLICTING_COPY, COPY
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import printable

_PIECE = 1 << 20
_PREAMBLE = 128
_MARK = b"DICM"


def take_out_copies(found: Gathered, stop: Event) -> None:
    """Leave one file for each SOP Instance UID of a subject folder; the others become other files.

    Kept is the file in the folder that holds most of its series, then the one with the shortest name. Files are
    compared whole, piece by piece.
    """
    batches = sorted(found.batches.values(), key=lambda batch: batch.subject_folder)
    for _, group in groupby(batches, key=lambda batch: batch.subject_folder):
        _take_out_of_subject(list(group), found, stop)


def _take_out_of_subject(batches: list[Batch], found: Gathered, stop: Event) -> None:
    seen: set[str] = set()
    shared: dict[str, list[tuple[Batch, Instance]]] = {}
    for batch in batches:
        for instance in batch.instances:
            uid = instance.sop_instance_uid
            if uid in seen:
                shared[uid] = []
            seen.add(uid)
    if not shared:
        return
    for batch in batches:
        for instance in batch.instances:
            if instance.sop_instance_uid in shared:
                shared[instance.sop_instance_uid].append((batch, instance))
    dropped: set[str] = set()
    for holders in shared.values():
        dropped |= _keep_one(holders, found, stop)
    for batch in batches:
        batch.instances = [instance for instance in batch.instances if instance.path not in dropped]


def _keep_one(holders: list[tuple[Batch, Instance]], found: Gathered, stop: Event) -> set[str]:
    holders.sort(key=lambda holder: (-len(holder[0].instances), len(holder[1].path), holder[1].path))
    batch, kept = holders[0]
    dropped = set()
    for _, other in sorted(holders[1:], key=lambda holder: holder[1].path):
        dropped.add(other.path)
        folder, _, name = other.path.rpartition("/")
        kept_path = printable(kept.path)
        if _is_equal(found.source, kept, other, stop):
            found.others.append(
                OtherFile(other.path, other.size_bytes, OtherKind.COPY, f"the same image as {kept_path}")
            )
            found.faults.add(COPY, folder, name, f"of {kept.path}")
            batch.copies += 1
        else:
            reason = f"same SOP Instance UID as {kept_path}, other bytes"
            found.others.append(OtherFile(other.path, other.size_bytes, OtherKind.CONFLICTING, reason))
            found.faults.add(CONFLICTING_COPY, folder, name, f"kept is {kept.path}")
            batch.hold(CONFLICTING_COPY)
    return dropped


def _is_equal(source: Source, one: Instance, other: Instance, stop: Event) -> bool:
    """Compare two files whole but for the preamble: 128 bytes that mean nothing and that some programs scribble on."""
    if one.size_bytes != other.size_bytes:
        return False
    try:
        with source.open(one.path) as first, source.open(other.path) as second:
            start = _PREAMBLE + len(_MARK)
            heads = first.read_at(0, start), second.read_at(0, start)
            if heads[0][_PREAMBLE:] != heads[1][_PREAMBLE:] or (heads[0] != heads[1] and not heads[0].endswith(_MARK)):
                return False
            for position in range(start, one.size_bytes, _PIECE):
                if stop.is_set():
                    raise Stopped
                if first.read_at(position, _PIECE) != second.read_at(position, _PIECE):
                    return False
            return (first.size_bytes, second.size_bytes) == (one.size_bytes, one.size_bytes)
    except OSError:  # gone or grown unreadable meanwhile: equal is not proved
        return False
