"""The memory in which the pieces of a body are made: a few buffers that are filled again and again.

Fresh memory for each piece costs about as much as reading a file into it. A buffer that somebody still looks at is
never filled again: a bytearray of which there are views refuses to change its length, and that is how it is asked.
"""

from collections.abc import Iterator


class Basin:
    """Gathers bytes until a piece is full; for one thread at a time.

    Memory: as many buffers as there are pieces on their way, which is two or three with a reader that is one piece
    ahead; each of the capacity.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = max(1, capacity_bytes)
        self._buffers: list[bytearray] = []
        self._view = memoryview(b"")
        self._filled_bytes = 0

    def made_room(self, size_bytes: int) -> Iterator[memoryview]:
        """Give the piece that is being filled if so much more does not fit into it."""
        if self._filled_bytes + size_bytes > self._capacity_bytes:
            yield from self.rest()

    def claim(self, size_bytes: int) -> memoryview:
        """Return the place of the next bytes, for the caller to fill; there must be room for them."""
        if not self._filled_bytes:
            self._view = memoryview(self._free_buffer())
        start = self._filled_bytes
        self._filled_bytes += size_bytes
        return self._view[start : self._filled_bytes]

    def put(self, data: bytes) -> Iterator[memoryview]:
        """Let bytes follow, a copy of them; give the pieces that are full then."""
        for start in range(0, len(data), self._capacity_bytes):
            portion = data[start : start + self._capacity_bytes]
            yield from self.made_room(len(portion))
            self.claim(len(portion))[:] = portion

    def rest(self) -> Iterator[memoryview]:
        """Give what has been filled and not been given, if anything, and begin anew."""
        if self._filled_bytes:
            piece, self._view = self._view[: self._filled_bytes], memoryview(b"")
            self._filled_bytes = 0
            yield piece

    def _free_buffer(self) -> bytearray:
        for buffer in self._buffers:
            try:
                last = buffer.pop()
            except BufferError:  # a piece of it is still on its way
                continue
            buffer.append(last)
            return buffer
        self._buffers.append(bytearray(self._capacity_bytes))
        return self._buffers[-1]
