"""CRC and quick deflate: isal where there is a build of it for this machine, else the standard library.

isal deflates some six times as fast as zlib at nearly the same ratio, and its CRC costs next to nothing. Where it is
missing all works the same, more slowly: a line has to be slower then before files are compressed, as that is measured.
"""

import zlib
from typing import NamedTuple, Protocol

try:
    from isal.isal_zlib import compressobj, crc32
except ImportError:  # no build of it for this machine
    from zlib import compressobj, crc32  # type: ignore[assignment]  # the same calls; only its types differ

__all__ = ["LEVEL", "SAMPLE_BYTES", "SHRUNK", "Compressor", "Squeezed", "compressor", "crc32", "deflate", "shrinks"]

LEVEL = 1  # the quickest of both that looks for repetitions
SHRUNK = 0.9  # what does not become smaller than this stays as it is
SAMPLE_BYTES = 64 * 1024


class Squeezed(NamedTuple):
    """What a file will be when it is deflated."""

    crc: int
    packed_bytes: int


class Compressor(Protocol):
    """What deflates a stream in pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Take the next piece, give what is ready."""
        ...

    def flush(self) -> bytes:
        """Give the rest."""
        ...


def compressor() -> Compressor:
    """Return a new stream of raw deflate."""
    return compressobj(LEVEL, zlib.DEFLATED, -15)


def deflate(data: bytes) -> bytes:
    """Deflate data at once, in the raw form of zip files; the same data always gives the same result."""
    stream = compressor()
    return stream.compress(data) + stream.flush()


def shrinks(sample: bytes) -> bool:
    """Tell whether data like this becomes enough smaller to be worth it."""
    return len(deflate(sample)) < SHRUNK * len(sample)
