"""One file of a source, open: read at any place, whether it lies in a folder or in an archive."""

import errno
import io
import os
import zlib
from collections.abc import Callable
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from xnat_wizard.dicom.walk import Stopped

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 1 << 16
_MOST_SKIPPED = 1 << 18


class OpenFile(Protocol):
    """A file of a source; one thread uses it at a time, several may be open at once."""

    size_bytes: int
    mtime_ns: int  # of the file, or of the archive that holds it
    is_seekable: bool  # its end is reached as quickly as its beginning

    def read_at(self, position: int, count: int) -> bytes:
        """Return `count` bytes at `position`, fewer only at the end.

        Raises:
            OSError: it cannot be read; what an archive holds is damaged.
        """
        ...

    def now(self) -> tuple[int, int]:
        """Return its bytes and time of change as they are at this moment."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Closing:
    """Closes at the end of a `with`."""

    __slots__ = ()

    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FolderFile(_Closing):
    """A file in a folder; never waits for the other end of a pipe."""

    __slots__ = ("fd", "mtime_ns", "size_bytes")
    is_seekable = True

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self.fd)
        self.size_bytes, self.mtime_ns = status.st_size, status.st_mtime_ns

    def read_at(self, position: int, count: int) -> bytes:
        """Return `count` bytes at `position`, fewer only at the end."""
        return os.pread(self.fd, count, position)

    def now(self) -> tuple[int, int]:
        """Return its bytes and time of change as they are at this moment."""
        status = os.fstat(self.fd)
        return status.st_size, status.st_mtime_ns

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)


class _Member(_Closing):
    """A member of an archive. The archive stays open when a member is closed.

    When it is read from its beginning, without gaps, its checksum is compared at its end. Read again, it counts once.
    """

    is_seekable = False

    def __init__(self, fd: int, size_bytes: int, crc: int | None) -> None:
        self._fd = fd
        self.size_bytes = size_bytes
        self.mtime_ns = os.fstat(fd).st_mtime_ns
        self._crc = crc
        self._summed = self._sum = 0

    def read_at(self, position: int, count: int) -> bytes:
        """Return `count` bytes at `position`, fewer only at the end."""
        data = self._read(position, min(count, self.size_bytes - position)) if position < self.size_bytes else b""
        if self._crc is not None and position <= self._summed < position + len(data):
            self._sum = zlib.crc32(memoryview(data)[self._summed - position :], self._sum)
            self._summed = position + len(data)
            if self._summed == self.size_bytes and self._sum != self._crc:
                raise damaged("its checksum is not the one that the archive gives")
        return data

    def _read(self, position: int, count: int) -> bytes:
        raise NotImplementedError

    def now(self) -> tuple[int, int]:
        """Return its bytes, and the time of change of the archive at this moment."""
        return self.size_bytes, os.fstat(self._fd).st_mtime_ns


class StoredMember(_Member):
    """A member that lies in its archive as it is."""

    is_seekable = True

    def __init__(self, fd: int, start: int, size_bytes: int, crc: int | None = None) -> None:
        super().__init__(fd, size_bytes, crc)
        self._start = start

    def _read(self, position: int, count: int) -> bytes:
        data = os.pread(self._fd, count, self._start + position)
        if len(data) < count:
            raise damaged("the archive ends inside it")
        return data


class StreamMember(_Member):
    """A member inside a compressed archive, read through that archive's own reader."""

    def __init__(self, fd: int, read_at: Callable[[int, int], bytes], start: int, size_bytes: int) -> None:
        super().__init__(fd, size_bytes, None)
        self._read_stream = read_at
        self._start = start

    def _read(self, position: int, count: int) -> bytes:
        data = self._read_stream(self._start + position, count)
        if len(data) < count:
            raise damaged("the archive ends inside it")
        return data


class DeflatedMember(_Member):
    """A member that is inflated while it is read; going back begins again."""

    def __init__(self, fd: int, start: int, packed_bytes: int, size_bytes: int, crc: int, stop: Event | None) -> None:
        super().__init__(fd, size_bytes, crc)
        self._start, self._packed_bytes, self._stop = start, packed_bytes, stop
        self._rewind()

    def _rewind(self) -> None:
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._taken = self._position = 0

    def _read(self, position: int, count: int) -> bytes:
        if position < self._position:
            self._rewind()
        while self._position < position:
            self._more(min(_MOST_SKIPPED, position - self._position))
        pieces = []
        while count:
            piece = self._more(count)
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _more(self, most: int) -> bytes:
        """Inflate up to `most` bytes more, at least one."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped
        while True:
            left = min(_PIECE, self._packed_bytes - self._taken)
            packed = os.pread(self._fd, left, self._start + self._taken) if left else b""
            try:
                data = self._inflate.decompress(packed, most)
            except zlib.error:
                raise damaged("it cannot be inflated") from None
            used = len(packed) - len(self._inflate.unconsumed_tail)
            self._taken += used
            self._position += len(data)
            if data:
                return data
            if self._inflate.eof or not used:
                raise damaged("it is shorter than the archive says")


def damaged(reason: str) -> OSError:
    """Return the error that says that an archive does not hold what it should."""
    return OSError(errno.EIO, reason)


class AsBinary(io.RawIOBase):
    """An open file of a source as Python's other readers want it."""

    name = ""  # asked for by pydicom

    def __init__(self, file: OpenFile, *, is_owner: bool = False) -> None:
        """Take a file, and close it with this only as its owner."""
        self._file, self._is_owner = file, is_owner
        self._position = 0

    def readable(self) -> bool:
        """Return yes."""
        return True

    def seekable(self) -> bool:
        """Return yes: going back may take longer."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size_bytes}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Return the place."""
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill a buffer."""
        view = memoryview(buffer).cast("B")
        data = self._file.read_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        """Let go of it."""
        if self._is_owner and not self.closed:
            self._file.close()
        super().close()
