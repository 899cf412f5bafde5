"""Read a gzip file at any place.

A gzip can only be read from its beginning. Kept states of the decompressor make that bearable: while it is read for the
first time, its state is noted every few MB (some 45 kB each, at most 512 of them), and a later look begins at the
nearest one. So nothing is unpacked to disk, the first pass costs what `gzip -t` costs, and a look at any place costs
the way from the state before it.
"""

import os
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from threading import Event, Lock

from xnat_wizard.dicom.opened import damaged
from xnat_wizard.dicom.walk import Stopped

_FIRST_SPACING = 4 << 20
_MOST_STATES = 512
_MOST_CURSORS = 5  # one a reading thread, and one for the survey
_PIECE = 1 << 16
_LEAST_PIECE = 1 << 12
_SKIP = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


def is_gzip(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a gzip."""
    return head.startswith(b"\x1f\x8b\x08")


@dataclass(slots=True)
class _Cursor:
    """A decompressor that stands somewhere."""

    inflate: "zlib._Decompress"
    taken: int  # bytes of the file it has used
    position: int  # bytes it has given

    def copy(self) -> "_Cursor":
        return _Cursor(self.inflate.copy(), self.taken, self.position)


class GzipReader:
    """The inflated bytes of a gzip file, at any place; for several threads."""

    def __init__(self, fd: int, stop: Event | None = None) -> None:
        self._fd, self._stop = fd, stop
        self._lock = Lock()
        self._states = [_Cursor(zlib.decompressobj(_GZIP), 0, 0)]
        self._spacing = _FIRST_SPACING
        self._cursors: list[_Cursor] = []
        self.farthest = 0  # inflated so far
        self.taken = 0  # bytes of the file used for it

    def read_at(self, position: int, count: int) -> bytes:
        """Return `count` bytes at `position`, fewer only at the end.

        Raises:
            OSError: the file is cut or damaged.
            Stopped: the stop event was set.
        """
        cursor = self._nearest(position)
        pieces: list[bytes] = []
        while cursor.position < position:
            if not self._more(cursor, min(_SKIP, position - cursor.position)):
                count = 0
                break
        while count and (piece := self._more(cursor, min(_SKIP, count))):
            pieces.append(piece)
            count -= len(piece)
        with self._lock:
            self._cursors = [*self._cursors[-_MOST_CURSORS + 1 :], cursor]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _nearest(self, position: int) -> _Cursor:
        """Return what stands nearest before a place: a cursor that nobody uses, or a copy of a state."""
        with self._lock:
            state = self._states[bisect_right(self._states, position, key=lambda kept: kept.position) - 1]
            usable = [cursor for cursor in self._cursors if state.position <= cursor.position <= position]
            if not usable:
                return state.copy()
            best = max(usable, key=lambda cursor: cursor.position)
            self._cursors = [cursor for cursor in self._cursors if cursor is not best]
            return best

    def _more(self, cursor: _Cursor, most: int) -> bytes:
        """Inflate up to `most` bytes more; nothing at the end."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped
        while True:
            if cursor.inflate.eof:
                if os.pread(self._fd, 3, cursor.taken) != b"\x1f\x8b\x08":
                    return b""
                cursor.inflate = zlib.decompressobj(_GZIP)  # one gzip after the other
            packed = os.pread(self._fd, min(_PIECE, max(_LEAST_PIECE, most)), cursor.taken)
            try:
                data = cursor.inflate.decompress(packed, most)
            except zlib.error:
                raise damaged("the archive is damaged: it cannot be inflated any further") from None
            inflate = cursor.inflate
            used = len(packed) - len(inflate.unused_data if inflate.eof else inflate.unconsumed_tail)
            cursor.taken += used
            cursor.position += len(data)
            if cursor.position > self.farthest:
                self._keep_state(cursor)
            if data:
                return data
            if not used and not cursor.inflate.eof:
                raise damaged("the archive was cut")

    def _keep_state(self, cursor: _Cursor) -> None:
        with self._lock:
            self.farthest = max(self.farthest, cursor.position)
            self.taken = max(self.taken, cursor.taken)
            if cursor.inflate.eof or cursor.position < self._states[-1].position + self._spacing:
                return
            self._states.append(cursor.copy())
            if len(self._states) > _MOST_STATES:
                self._states = self._states[::2]
                self._spacing *= 2
