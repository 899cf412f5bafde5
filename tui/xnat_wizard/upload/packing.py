"""Whether files are deflated on their way: measured, not asked.

The first parts travel as they are, and show how fast the line is; then a few files show how fast this machine deflates
files like these and what it gains. Files are deflated when the line is slower than half of that, and when it proves to
make the upload no slower. Never between two programs on one machine: they would share its processor.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from xnat_wizard.upload import deflating, parts
from xnat_wizard.upload.deflating import Squeezed
from xnat_wizard.upload.model import Compression
from xnat_wizard.upload.parts import Item, read_pieces, read_sample

MEASURE_BYTES = 16_000_000  # more than fits into the buffers on the way
MEASURE_S = 1.0
PROVE_S = 3.0
SHARE = 0.5  # of the speed of deflating; each file is deflated twice, on one of several connections
GAUGE_BYTES = 4_000_000


class _Stage(StrEnum):
    MEASURING = "measuring"
    GAUGING = "gauging"  # the line is known, the files are not
    PROVING = "proving"
    ON = "on"
    OFF = "off"


class Packing:
    """The decision of one run of an upload; asked on its loop."""

    def __init__(self, compression: Compression, *, is_here: bool, clock: Callable[[], float]) -> None:
        """Begin to measure, or not.

        Args:
            compression: what is wanted.
            is_here: the server is on this machine.
            clock: seconds that only grow.
        """
        self._clock = clock
        is_out = compression is Compression.NEVER or (compression is Compression.AUTO and is_here)
        self._stage = _Stage.OFF if is_out else _Stage.MEASURING
        self.line_bytes_s = 0.0
        self._bytes = 0
        self._began_s: float | None = None

    @property
    def is_on(self) -> bool:
        """Tell whether the next part is to be deflated."""
        return self._stage in {_Stage.PROVING, _Stage.ON}

    @property
    def wants_gauge(self) -> bool:
        """Tell whether it has to be found out now how fast and how small files like these become."""
        return self._stage is _Stage.GAUGING

    def moved(self, size_bytes: int) -> None:
        """Take note of bytes of files that have left; as they are on disk, even if they travel deflated."""
        if self._stage not in {_Stage.MEASURING, _Stage.PROVING}:
            return
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s  # what has left by now took time that nobody measured
            return
        self._bytes += size_bytes
        elapsed_s = now_s - self._began_s
        if self._stage is _Stage.MEASURING and elapsed_s >= MEASURE_S and self._bytes >= MEASURE_BYTES:
            self.line_bytes_s = self._bytes / elapsed_s
            self._stage = _Stage.GAUGING
        elif self._stage is _Stage.PROVING and elapsed_s >= PROVE_S and self._bytes >= MEASURE_BYTES:
            is_slower = self._bytes / elapsed_s < self.line_bytes_s
            self._stage = _Stage.OFF if is_slower else _Stage.ON

    def gauged(self, bytes_s: float, ratio: float) -> bool:
        """Decide by how fast files are deflated and to what part of their size; tell whether they will be from now on.

        Several parts may find out at once; the first decides.
        """
        if self._stage is not _Stage.GAUGING:
            return False
        is_worth_it = ratio < deflating.SHRUNK and self.line_bytes_s < SHARE * bytes_s
        self._stage = _Stage.PROVING if is_worth_it else _Stage.OFF
        self._began_s, self._bytes = None, 0
        return is_worth_it


def gauge(items: Sequence[Item]) -> tuple[float, float]:
    """Deflate the first few files and return bytes a second and the part of their size that is left; takes a moment.

    Raises:
        SourceChangedError: a file is not what the survey saw.
    """
    size_bytes = packed_bytes = 0
    began_s = time.thread_time()
    for item in items:
        stream = deflating.compressor()
        for piece in read_pieces(item):
            size_bytes += len(piece)
            packed_bytes += len(stream.compress(piece))
            if size_bytes >= GAUGE_BYTES:
                break
        packed_bytes += len(stream.flush())
        if size_bytes >= GAUGE_BYTES:
            break
    elapsed_s = max(time.thread_time() - began_s, 1e-6)
    return size_bytes / elapsed_s, packed_bytes / max(size_bytes, 1)


def squeeze(items: Sequence[Item]) -> dict[int, Squeezed]:
    """Return how long the files are when they are deflated, by number; those that hardly shrink are left out.

    Raises:
        SourceChangedError: a file is not what the survey saw.
    """
    found: dict[int, Squeezed] = {}
    for item in items:
        squeezed = _squeezed(item)
        if squeezed and squeezed.packed_bytes < deflating.SHRUNK * item.length:
            found[item.file_id] = squeezed
    return found


def _squeezed(item: Item) -> Squeezed | None:
    """Deflate a file in the very steps in which it will travel: other steps may give another length."""
    if item.length <= parts.READ_WHOLE_BYTES:
        data = b"".join(read_pieces(item))
        middle = len(data) // 2
        if not deflating.shrinks(data[middle : middle + deflating.SAMPLE_BYTES]):
            return None
        return Squeezed(deflating.crc32(data), len(deflating.deflate(data)))
    if not deflating.shrinks(read_sample(item, deflating.SAMPLE_BYTES)):
        return None
    stream, crc, packed_bytes = deflating.compressor(), 0, 0
    for piece in read_pieces(item):
        crc = deflating.crc32(piece, crc)
        packed_bytes += len(stream.compress(piece))
    return Squeezed(crc, packed_bytes + len(stream.flush()))


def is_here(url: str) -> bool:
    """Tell whether an address is this machine; asks the name service, so it may take a while."""
    host = urlsplit(url).hostname or ""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return any(_is_ours(address) for address in found)


def _is_ours(address: str) -> bool:
    plain = ipaddress.ip_address(address.partition("%")[0])
    if plain.is_loopback:
        return True
    family = socket.AF_INET6 if plain.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))  # only an address of this machine can be bound
        except OSError:
            return False
    return True
