"""A moving view of a file that is walked over, and what is remembered from one file to the next."""

import zlib
from dataclasses import dataclass
from typing import Literal

from xnat_wizard.dicom.opened import OpenFile

_FIRST_READ = 8192  # holds the wanted elements of an ordinary image; measured in perf.md's terms: one pread
_NEXT_READ = 4096
_INFLATED_KEPT = 4 << 20
_MOST_STRETCHES = 256
_MOST_INFLATED = 2 << 30


class Broken(Exception):  # noqa: N818  says what the data set is
    """The data set ends or derails: `str()` says how, as the middle of a sentence."""

    is_derailed = False  # the tags had stopped rising: private elements that break the rules, maybe in a whole file


@dataclass(frozen=True, slots=True)
class Coding:
    """How elements are written."""

    is_implicit: bool
    is_little: bool = True

    @property
    def order(self) -> str:
        """Return `struct`'s sign for the byte order."""
        return "<" if self.is_little else ">"

    @property
    def byte_order(self) -> Literal["little", "big"]:
        """Return the byte order as `int.from_bytes` wants it."""
        return "little" if self.is_little else "big"


class Window:
    """A moving view of a file: a piece in memory, the rest read where needed."""

    inner_steps = 0  # made in sequences so far

    def __init__(self, file: OpenFile, stretches: "Stretches | None" = None) -> None:
        self.file = file
        self.stretches = Stretches() if stretches is None else stretches
        self.size = file.size_bytes
        self.is_seekable = file.is_seekable
        self.start = 0
        self.data = file.read_at(0, _FIRST_READ)

    def at(self, position: int, count: int) -> int:
        """Make sure that `count` bytes at `position` are in `data`, as far as the file has them; return the index."""
        index = position - self.start
        if index < 0 or index + count > len(self.data):
            self.data = self._read(position, max(count, _NEXT_READ))
            self.start = position
            return 0
        return index

    def _read(self, position: int, count: int) -> bytes:
        return self.file.read_at(position, count)

    def bytes_at(self, position: int, count: int) -> bytes:
        """Return `count` bytes at `position`; fewer at the end of the file."""
        index = self.at(position, count)
        return self.data[index : index + count]


class Stretches:
    """Stretches of elements that nobody wants, as the files before had them; shared by threads.

    Most of a header is the same in all files of a series. Where the same bytes stand again, a walk over them would end
    at the same place, so they are compared as one piece and stepped over.
    """

    def __init__(self) -> None:
        self._by_coding: dict[Coding, dict[int, tuple[bytes, int]]] = {}

    def of(self, coding: "Coding") -> dict[int, tuple[bytes, int]]:
        """Return the stretches in one coding: bytes and last tag by first tag."""
        known = self._by_coding.setdefault(coding, {})
        if len(known) > _MOST_STRETCHES:
            known.clear()
        return known


class Inflated(Window):
    """The inflated data set of a deflated file: its beginning is kept, all of it is checked."""

    def __init__(self, file: OpenFile, position: int, most_kept: int = _INFLATED_KEPT) -> None:
        self.file, self.start, self.is_seekable, self.stretches = file, 0, False, Stretches()
        size = file.size_bytes
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        kept, total = bytearray(), 0
        try:
            while not inflate.eof and position < size:
                packed = file.read_at(position, 1 << 18)
                if not packed:
                    break
                position += len(packed)
                while packed and not inflate.eof:
                    piece = inflate.decompress(packed, 1 << 20)
                    packed = inflate.unconsumed_tail
                    total += len(piece)
                    if total > _MOST_INFLATED:
                        raise Broken(f"its deflated data set is larger than {_MOST_INFLATED:,} bytes")
                    kept += piece[: max(0, most_kept - len(kept))]
        except zlib.error:
            raise Broken("its deflated data set cannot be inflated") from None
        if not inflate.eof:
            raise Broken("its deflated data set was cut")
        self._kept = self.data = bytes(kept)
        self.size = total

    def _read(self, position: int, count: int) -> bytes:
        if position + count > len(self._kept) < self.size:
            raise BeyondKept
        return self._kept[position : position + count]


class BeyondKept(Exception):  # noqa: N818
    """The walk left what was kept of an inflated data set: it is not followed further."""
