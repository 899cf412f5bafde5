"""An object on its way to a receiver: its data set as it is on disk, with a few elements of the header replaced.

The source is only read. Pixels are never decoded; of a large file no more than a piece is in memory. Only a deflated
data set (DICOM PS3.5 A.5) is unpacked and packed again as a whole.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Self

from xnat_wizard.dicom.elements import walk
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.dicom.window import Broken, Coding, Stretches, Window
from xnat_wizard.upload.cstore.contexts import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from xnat_wizard.upload.cstore.identification import Change
from xnat_wizard.upload.parts import Item, SourceChangedError, read_unchanged

FIRST_BYTES = 1_100_000  # read at once: all of an ordinary slice
PIECE_BYTES = 512 * 1024
MOST_INFLATED = 1 << 30
_META = Coding(is_implicit=False)
_AFTER_META = 0x00030000
_MARK = b"DICM"
_CUT = "the file cannot be read to its end"

Piece = bytes | memoryview


class _Known:
    """Bytes in memory that are read like a file; what lies behind them is read from the file itself."""

    is_seekable = True

    def __init__(self, data: bytes, size_bytes: int, behind: OpenFile | None = None) -> None:
        self.data = data
        self.size_bytes = size_bytes
        self.mtime_ns = 0
        self._behind = behind

    def read_at(self, position: int, count: int) -> bytes:
        if position + count <= len(self.data) or self._behind is None:
            return self.data[position : position + count]
        return self._behind.read_at(position, count)

    def now(self) -> tuple[int, int]:
        return self.size_bytes, self.mtime_ns

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Outgoing:
    """One object, open: how it is coded, then its data set in pieces. Used once."""

    def __init__(self, item: Item, syntax: str, changes: Sequence[Change], stretches: Stretches) -> None:
        """Open it.

        Args:
            item: the file.
            syntax: its transfer syntax, "" where the file does not say it.
            changes: to make in the copy, in the order of the elements.
            stretches: what is remembered from file to file.

        Raises:
            SourceChangedError: it is not what the survey saw.
        """
        self._item = item
        self._changes = changes
        self._file = read_unchanged(item)
        try:
            first = self._read(0, min(self._file.size_bytes, FIRST_BYTES))
            self._known = _Known(first, self._file.size_bytes, self._file)
            self._start = self._data_set(stretches)
            self._stretches = stretches
            self._coding, self.syntax = _coding(self._known.read_at(self._start, 8), syntax)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pieces(self) -> Iterator[Piece]:
        """Give the data set in pieces; that the file stayed as it was is made sure before the last one.

        Raises:
            SourceChangedError: it changed, or cannot be read, or its header cannot be followed.
        """
        pieces = self._deflated() if self.syntax == DEFLATED else self._copied(self._known, self._start)
        held = next(pieces)
        for piece in pieces:
            yield held
            held = piece
        self._compare()
        yield held

    def _copied(self, known: _Known, start: int) -> Iterator[Piece]:
        head, position = self._head(known, start)
        rest = memoryview(known.data)[position:]
        yield b"".join([*head, rest])
        position = max(position, len(known.data))
        while position < known.size_bytes:
            piece = self._read(position, min(PIECE_BYTES, known.size_bytes - position))
            position += len(piece)
            yield piece

    def _deflated(self) -> Iterator[Piece]:
        unpacked = self._inflated()
        pack = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = b"".join(pack.compress(piece) for piece in self._copied(_Known(unpacked, len(unpacked)), 0))
        packed += pack.flush()
        yield packed + b"\0" * (len(packed) % 2)

    def _inflated(self) -> bytes:
        packed = b"".join(
            self._read(position, min(PIECE_BYTES, self._file.size_bytes - position))
            for position in range(self._start, self._file.size_bytes, PIECE_BYTES)
        )
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = unpack.decompress(packed, MOST_INFLATED)
        except zlib.error as error:
            raise self._unusable("its deflated data set cannot be unpacked") from error
        if not unpack.eof:
            raise self._unusable("its deflated data set was cut, or is too large")
        return data

    def _head(self, known: _Known, start: int) -> tuple[list[Piece], int]:
        """Return the beginning of the data set up to the last change, changed; and where the copying goes on."""
        window = Window(known, self._stretches)
        parts: list[Piece] = []
        done = position = start
        try:
            for change in self._changes:
                position = walk(window, position, self._coding, (), {}, until=change.tag)
                end = walk(window, position, self._coding, (), {}, until=change.tag + 1)
                if change.spares(known.read_at(position, end - position)[8:]):
                    continue
                parts.append(known.read_at(done, position - done))
                if change.value is not None:
                    parts.append(_element(self._coding, change.tag, change.vr, change.value))
                done = position = end
        except (Broken, struct.error) as error:
            raise self._unusable("its header cannot be followed, so nothing can be written into the copy") from error
        except OSError as error:
            raise self._unusable(_CUT) from error
        return parts, done

    def _data_set(self, stretches: Stretches) -> int:
        """Return where the data set begins, behind preamble and meta information."""
        has_mark = self._known.data[128:132] == _MARK
        start = 132 if has_mark else 0
        if not has_mark and self._known.data[:2] != b"\x02\0":
            return 0
        try:
            return walk(Window(self._known, stretches), start, _META, (), {}, until=_AFTER_META)
        except (Broken, struct.error, OSError) as error:
            raise self._unusable("its file meta information cannot be followed") from error

    def _read(self, position: int, count: int) -> bytes:
        try:
            piece = self._file.read_at(position, count)
        except OSError as error:
            raise self._unusable(f"the file cannot be read: {error.strerror or type(error).__name__}") from error
        if count and not piece:
            raise self._unusable("the file was cut while it was read")
        return piece

    def _compare(self) -> None:
        size_bytes, mtime_ns = self._file.now()
        if size_bytes != self._item.size_bytes or self._item.mtime_ns not in {-1, mtime_ns}:
            raise self._unusable("the file was written to while it was sent")

    def _unusable(self, reason: str) -> SourceChangedError:
        return SourceChangedError(self._item.file_id, reason)


def _coding(first: bytes, syntax: str) -> tuple[Coding, str]:
    """Return how the elements are written, corrected by the first one, and the transfer syntax to name."""
    if syntax == DEFLATED:
        return Coding(is_implicit=False), syntax
    vr = first[4:6]
    is_implicit = not (len(vr) == len(vr.strip()) and vr.isalpha() and vr.isupper())
    if syntax:
        return Coding(is_implicit, is_little=syntax != EXPLICIT_BIG), syntax
    return Coding(is_implicit), IMPLICIT_LITTLE if is_implicit else EXPLICIT_LITTLE


def _element(coding: Coding, tag: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    place = struct.pack(f"{coding.order}HH", tag >> 16, tag & 0xFFFF)
    if coding.is_implicit:
        return place + struct.pack(f"{coding.order}L", len(value)) + value
    return place + vr + struct.pack(f"{coding.order}H", len(value)) + value
