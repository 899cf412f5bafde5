"""Passes on how a body moves: to what decides by the speed, and now and then to the journal."""

from collections.abc import Callable

from xnat_wizard.upload.lanes import Lanes
from xnat_wizard.upload.packing import Packing
from xnat_wizard.upload.patience import Patience
from xnat_wizard.upload.records import PartRow, Records

TELL_EVERY_S = 0.25


class Moving:
    """What is told of one body on its way."""

    def __init__(
        self, records: Records, lanes: Lanes, packing: Packing, patience: Patience, clock: Callable[[], float]
    ) -> None:
        self._records = records
        self._lanes = lanes
        self._packing = packing
        self._patience = patience
        self._clock = clock

    def of(self, part: PartRow, *, file_bytes: int, body_bytes: int) -> Callable[[int, int, int], None]:
        """Return what a body of files of a part is to call: with bytes and files just left, and bytes left in all."""
        last_told_s = 0.0
        done = self._records.bytes_answered(part.id)
        unpacked = file_bytes / max(body_bytes, 1)  # bytes of files a byte of the body

        def note(size_bytes: int, file_count: int, handed_out: int) -> None:
            nonlocal last_told_s
            self._lanes.moved(int(size_bytes * unpacked), file_count)
            self._packing.moved(int(size_bytes * unpacked))
            self._patience.moved(handed_out)
            now_s = self._clock()
            if now_s - last_told_s >= TELL_EVERY_S:
                last_told_s = now_s
                self._records.note_bytes(part.id, min(part.bytes_total, done + int(handed_out * unpacked)))

        return note
