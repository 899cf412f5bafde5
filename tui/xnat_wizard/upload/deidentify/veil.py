"""The source of an upload whose files are de-identified while they are read; nothing is written anywhere.

Memory: the new beginnings of the last files, at most 32 MB in all; the beginning of each file that is open.
"""

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from xnat_wizard.dicom.opened import DeflatedMember, OpenFile, StoredMember
from xnat_wizard.upload.deidentify.choice import Sealed
from xnat_wizard.upload.deidentify.header import Deidentifier, Veiled
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.parrec import blanked
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms
from xnat_wizard.upload.local import LocalSource

KEPT_BYTES = 32 << 20
KEPT_ONE_BYTES = 4 << 20  # longer beginnings are made anew each time
_PIECE = 1 << 18
_PREAMBLE, _MARK = 128, b"DICM"  # DICOM PS3.10 section 7.1
NO_REC = "it is a REC that holds a DICOM image"
UNPLANNED = "it stands in no session of the plan, so nobody can say what its name becomes"


class _VeiledFile:
    """A file as it is sent; its time and size of now are those of the file on disk.

    A member of a zip is read as a whole on the way, since only so its checksum is compared: what is replaced as well.
    """

    __slots__ = ("_file", "_has_checksum", "_veiled", "is_seekable", "mtime_ns", "size_bytes")

    def __init__(self, file: OpenFile, veiled: Veiled) -> None:
        self._file, self._veiled = file, veiled
        self.size_bytes, self.mtime_ns = veiled.size_bytes, file.mtime_ns
        self.is_seekable = file.is_seekable
        self._has_checksum = isinstance(file, DeflatedMember | StoredMember)

    def read_at(self, position: int, count: int) -> bytes:
        """Return bytes at a position, fewer only at the end.

        Raises:
            OSError: it cannot be read; its archive has another checksum for it.
        """
        data = self._read_at(position, count)
        if self._has_checksum and position + len(data) >= self.size_bytes:
            self._pass_over(self._veiled.end, self._file.size_bytes)
        return data

    def _read_at(self, position: int, count: int) -> bytes:
        head, start, end = self._veiled
        if position + count <= len(head):
            return head[position : position + count]
        first = head[position:]
        place = start + max(0, position - len(head))
        if place >= end:
            return first
        if self._has_checksum and place == start:
            self._pass_over(0, start)
        rest = self._file.read_at(place, min(count - len(first), end - place))
        return first + rest if first else rest

    def _pass_over(self, start: int, end: int) -> None:
        for place in range(start, end, _PIECE):
            self._file.read_at(place, min(_PIECE, end - place))

    def now(self) -> tuple[int, int]:
        """Return bytes and time of change of the file on disk."""
        return self._file.now()

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Veil(LocalSource):
    """A source whose every file comes out de-identified, or not at all; for several threads."""

    def __init__(self, path: Path, sealed: Sealed, subjects: dict[str, str], halves: frozenset[str]) -> None:
        """Prepare; opens nothing.

        Args:
            path: of the source.
            sealed: what was chosen, and the key.
            subjects: the label that stands for the patient, by path below the source. No other file comes out.
            halves: of PAR/REC pairs, likewise; every other file is an image, whatever it is called.
        """
        super().__init__(path)
        self._halves = halves
        self._subjects = subjects
        self._choice = sealed.choice
        self._pseudonyms = Pseudonyms(sealed.key)
        self._deidentifier = Deidentifier(sealed.choice, self._pseudonyms)
        self._kept: OrderedDict[tuple[str, int, int], Veiled | HeldBackError] = OrderedDict()
        self._kept_bytes = 0
        self._kept_lock = Lock()

    def open(self, path: str) -> OpenFile:
        """Open a file as it is sent.

        Raises:
            HeldBackError: it cannot be de-identified.
            OSError: it is not there, or cannot be read.
        """
        subject = self._subjects.get(path)
        if subject is None:
            raise HeldBackError(UNPLANNED)
        file = super().open(path)
        try:
            veiled = self._veiled(file, path, subject)
        except BaseException:
            file.close()
            raise
        if isinstance(file, DeflatedMember | StoredMember):  # its checksum is made from the beginning on
            file.close()
            file = super().open(path)
        return _VeiledFile(file, veiled)

    def wire_bytes(self, path: str) -> int:
        """Return how many bytes a file has as it is sent.

        Raises:
            OSError: see `open`.
        """
        with self.open(path) as file:
            return file.size_bytes

    def _veiled(self, file: OpenFile, path: str, subject: str) -> Veiled:
        key = (path, *file.now())
        with self._kept_lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
        if known is None:
            try:
                known = self._made(file, path, subject)
            except HeldBackError as held:
                known = held
            self._keep(key, known)
        if isinstance(known, HeldBackError):
            raise HeldBackError(known.reason)
        return known

    def _made(self, file: OpenFile, path: str, subject: str) -> Veiled:
        if path not in self._halves:
            return self._deidentifier.veil(file, subject)
        if path[-4:].casefold() == ".par":
            return Veiled(blanked(file, self._choice, self._pseudonyms.days(subject), subject), 0, 0)
        if file.read_at(_PREAMBLE, len(_MARK)) == _MARK:
            raise HeldBackError(NO_REC)
        return Veiled(b"", 0, file.size_bytes)

    def _keep(self, key: tuple[str, int, int], made: Veiled | HeldBackError) -> None:
        size = len(made.head) if isinstance(made, Veiled) else 0
        if size > KEPT_ONE_BYTES:
            return
        with self._kept_lock:
            if key in self._kept:
                return
            self._kept[key] = made
            self._kept_bytes += size + 500
            while self._kept_bytes > KEPT_BYTES:
                _, old = self._kept.popitem(last=False)
                self._kept_bytes -= (len(old.head) if isinstance(old, Veiled) else 0) + 500
