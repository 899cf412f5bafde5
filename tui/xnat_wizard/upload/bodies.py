"""The bodies of requests: files as they travel, read in a thread, within the limit of the upload."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Protocol

from xnat_wizard.upload.deflating import Squeezed
from xnat_wizard.upload.parts import BareStream, Item, Piece, SourceChangedError, ZipStream
from xnat_wizard.upload.reading_ahead import in_thread
from xnat_wizard.upload.throttle import Throttle


class Stream(Protocol):
    """Files as one sequence of bytes; knows each file's MD5 afterwards, where digests are wanted."""

    md5: dict[int, str]
    files_read: int
    failure: SourceChangedError | None

    @property
    def size_bytes(self) -> int:
        """Return the exact length."""
        ...

    def pieces(self) -> Iterator[Piece]:
        """Give it in pieces."""
        ...


class Body:
    """The body of one request; every iteration reads the files anew."""

    def __init__(
        self,
        make: Callable[[], Stream],
        executor: Executor,
        throttle: Throttle,
    ) -> None:
        """Prepare; reads nothing.

        Args:
            make: gives a fresh stream.
            executor: reads.
            throttle: the limit of the whole upload.
        """
        self._make = make
        self._executor = executor
        self._throttle = throttle
        # is told bytes and files that have just left, and bytes that have left in all
        self.on_moved: Callable[[int, int, int], None] = lambda _bytes, _files, _all: None
        self.stream = make()
        self.size_bytes = self.stream.size_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.stream = self._make()
        handed_out = files = 0
        async for piece in in_thread(self.stream.pieces(), self._executor):
            for portion in (piece,) if self._throttle.is_off else self._throttle.cut(piece):
                if not self._throttle.is_off:
                    await self._throttle.take(len(portion))
                yield portion  # type: ignore[misc]  # a view of bytes: to the HTTP library they are alike
                handed_out += len(portion)
                read = self.stream.files_read
                self.on_moved(len(portion), read - files, handed_out)
                files = read


def zip_of(
    items: Sequence[Item], squeezed: Mapping[int, Squeezed], *, is_digesting: bool = True
) -> Callable[[], Stream]:
    """Return what makes a zip of files; those in `squeezed` are deflated."""
    return lambda: ZipStream(items, squeezed, is_digesting=is_digesting)


def bare(item: Item, *, is_digesting: bool = True) -> Callable[[], Stream]:
    """Return what makes a body of one file as it is."""
    return lambda: BareStream(item, is_digesting=is_digesting)
