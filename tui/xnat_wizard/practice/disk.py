"""The disk, as far as it can run full: what a call may still store.

The room belongs to the call whose context this is; threads of `Services.in_thread` see it, too.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class _Room:
    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        with self._lock:
            self._left -= size_bytes
            return self._left >= 0


_room: ContextVar[_Room | None] = ContextVar("room", default=None)


@contextmanager
def only(size_bytes: int) -> Iterator[None]:
    """Leave room for so many bytes."""
    token = _room.set(_Room(size_bytes))
    try:
        yield
    finally:
        _room.reset(token)


def spend(size_bytes: int) -> None:
    """Take room for bytes that are about to be written.

    Raises:
        OSError: ENOSPC, the disk is full.
    """
    room = _room.get()
    if room is not None and not room.take(size_bytes):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
