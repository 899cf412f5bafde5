"""Sends some objects over one association, in the thread of whoever calls; says what was answered to each."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event

from xnat_wizard.dicom.window import Stretches
from xnat_wizard.upload.cstore.contexts import Kind
from xnat_wizard.upload.cstore.identification import Change
from xnat_wizard.upload.cstore.statuses import Answer, kind_of
from xnat_wizard.upload.cstore.stream import Outgoing, Piece
from xnat_wizard.upload.cstore.wire import Link, LostError, Reply
from xnat_wizard.upload.parts import Item, SourceChangedError
from xnat_wizard.upload.throttle import Throttle

MOST_FILES = 64
MOST_S = 0.5  # then the journal hears of what was answered


@dataclass(frozen=True, slots=True)
class Sending:
    """One object that is to be sent."""

    item: Item
    sop_class_uid: str
    sop_instance_uid: str
    syntax: str  # "" where the file does not say it


@dataclass(slots=True)
class Told:
    """What came of a batch; what stands nowhere in it was not tried."""

    answered: dict[int, Reply] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)  # files that are no longer what the survey saw
    not_taken: dict[int, Kind] = field(default_factory=dict)  # no context was accepted for their kind
    lost: tuple[int, LostError] | None = None  # the association ended with this file: whether it arrived is unknown
    size_bytes: int = 0  # of what was answered
    is_link_open: bool = True


@dataclass(frozen=True, slots=True)
class Brake:
    """What slows the sending of an upload down, and what ends it."""

    stop: Event  # set, it ends what is under way
    throttle: Throttle

    def held(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Give pieces as they may leave."""
        for piece in pieces:
            for portion in self.throttle.cut(piece):
                self.throttle.hold(len(portion), self.stop)
                yield portion


def send(link: Link, batch: Sequence[Sending], changes: Sequence[Change], stretches: Stretches, brake: Brake) -> Told:
    """Send objects until all are sent, an answer asks for patience, the association ends, or some time has gone by.

    Args:
        link: open.
        batch: the objects.
        changes: to make in each copy.
        stretches: what is remembered from file to file.
        brake: of the upload; stopped, it ends the batch after the object that is under way.
    """
    told = Told()
    until = time.monotonic() + MOST_S
    for one in batch:
        if brake.stop.is_set():
            break
        _send_one(link, one, changes, stretches, brake, told)
        reply = told.answered.get(one.item.file_id)
        is_patience_wanted = reply is not None and kind_of(reply.status) is Answer.AGAIN
        if told.lost or not told.is_link_open or is_patience_wanted or time.monotonic() > until:
            break
    return told


def _send_one(
    link: Link, one: Sending, changes: Sequence[Change], stretches: Stretches, brake: Brake, told: Told
) -> None:
    key = one.item.file_id
    has_begun = False

    def pieces(outgoing: Outgoing) -> Iterator[Piece]:
        nonlocal has_begun
        for piece in brake.held(outgoing.pieces()):
            has_begun = True
            yield piece

    try:
        with Outgoing(one.item, one.syntax, changes, stretches) as outgoing:
            kind = (one.sop_class_uid, outgoing.syntax)
            if kind not in link.accepted:
                told.not_taken[key] = kind
                return
            told.answered[key] = link.store(kind, one.sop_instance_uid, pieces(outgoing))
            told.size_bytes += one.item.size_bytes
    except SourceChangedError as change:
        told.left_out[key] = change.reason
        if has_begun:  # the message is unfinished
            link.abort()
            told.is_link_open = False
    except LostError as lost:
        link.abort()
        told.is_link_open = False
        told.lost = key, lost
