"""What archives are made of, whatever their kind."""

from dataclasses import dataclass
from enum import Enum, auto

# A survey holds up to 1 kB for each member and 3 kB for each folder: with these it needs less than 500 MB.
MOST_MEMBERS = 300_000
MOST_FOLDERS = 100_000
MOST_NAME_BYTES = 64 << 20  # of all names, in memory; those of 300,000 images are 50 MB


class BadArchive(Exception):  # noqa: N818  says what the file is
    """An archive that cannot be read as a whole; `str()` is one sentence without full stop."""

    def __init__(self, reason: str, *, is_bomb: bool = False) -> None:
        super().__init__(reason)
        self.is_bomb = is_bomb


class Kind(Enum):
    """What a member stands for."""

    FILE = auto()
    FOLDER = auto()
    LINK = auto()
    SPECIAL = auto()  # pipes and devices


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive, as the archive describes it."""

    name: str  # as it stands there
    kind: Kind
    size_bytes: int
    offset: int  # in a zip of its local header, in a tar of its data
    target: str = ""  # of a link
    packed_bytes: int = 0
    method: int = 0  # of compression, in a zip
    crc: int = 0
    is_locked: bool = False
    trouble: str = ""  # why it cannot be read, one sentence without full stop
