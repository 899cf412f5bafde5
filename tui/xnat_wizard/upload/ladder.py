"""What an upload has learnt of what the server, or a proxy before it, takes: only memory, no requests.

The rungs: a zip of a whole part, smaller zips, one file a zip, one bare file through another door. What was refused
once for its size is not tried again for the rest of the upload.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum

from xnat_wizard.upload.records import FileRow

ALIKE = 3  # parts that were refused in the same way, and nothing was ever taken: the rest will fare no better
GRADUAL_AFTER = 3  # files in a row that were refused in a zip and taken bare
_ENTRY_BYTES = 300  # of headers around a file in a zip


class Way(StrEnum):
    """How a request carries files."""

    ZIP = "zip"
    DEFLATED = "deflated zip"  # even where the line is quick: a smaller body may pass a limit
    BARE = "bare"  # one object, with the handler for single objects


class Ladder:
    """The memory of one run of an upload; `is_gradual` begins, and stays, on the rung of bare files."""

    def __init__(self, *, is_gradual: bool = False) -> None:
        self._is_gradual = is_gradual
        self.limit_bytes = 0  # of a request's body; 0: none is known
        self.has_accepted = False
        self._bare_in_a_row = 0
        self._refused: defaultdict[tuple[int, str], set[int]] = defaultdict(set)

    @property
    def is_bare(self) -> bool:
        """Tell whether each file travels bare: it was asked for, or zips are refused and bare files are taken."""
        return self._is_gradual or self._bare_in_a_row >= GRADUAL_AFTER

    @property
    def rung(self) -> tuple[int, bool]:
        """Return what decides about groups; it changes when something is learnt."""
        return self.limit_bytes, self.is_bare

    def groups(self, files: Sequence[FileRow]) -> list[list[FileRow]]:
        """Cut the files of a part into what may travel in one request each."""
        if self.is_bare:
            return [[file] for file in files]
        made: list[list[FileRow]] = []
        room = 0
        for file in files:
            size = file.size_bytes + _ENTRY_BYTES
            if not made or (self.limit_bytes and size > room):
                made.append([])
                room = self.limit_bytes
            made[-1].append(file)
            room -= size
        return made

    def too_large(self, size_bytes: int) -> bool:
        """Remember that a body was refused for its size; tell whether that was news."""
        limit = max(1, size_bytes // 2)
        if self.limit_bytes and self.limit_bytes <= limit:
            return False
        self.limit_bytes = limit
        return True

    def accepted(self, way: Way, *, was_refused: bool) -> None:
        """Remember that something was taken.

        Args:
            way: how it travelled.
            was_refused: the same file had been refused in a zip just before.
        """
        self.has_accepted = True
        if way is not Way.BARE:
            self._bare_in_a_row = 0
        elif was_refused:
            self._bare_in_a_row += 1

    def refused(self, part_id: int, status: int, code: str) -> int:
        """Remember that all samples of a part were refused alike; return how many were, once going on is of no use."""
        alike = self._refused[status, code]
        alike.add(part_id)
        return len(alike) if not self.has_accepted and len(alike) >= ALIKE else 0
