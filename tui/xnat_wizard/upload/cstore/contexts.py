"""Presentation contexts: which kinds of objects an association is asked to carry.

Each pair of SOP class and transfer syntax is a context of its own, so that the receiver says yes or no to exactly what
the files are; nothing is decoded on the way. An association holds 128 (DICOM PS3.8 section 9.3.2.2), so many kinds
need several associations.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MOST = 128
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

Kind = tuple[str, str]  # SOP class, transfer syntax


@dataclass(frozen=True, slots=True)
class Groups:
    """The kinds of an upload, cut into what one association can be asked for."""

    kinds: tuple[tuple[Kind, ...], ...]

    def of(self, kind: Kind) -> int:
        """Return the number of the group that holds a kind.

        Raises:
            LookupError: none does.
        """
        return next(number for number, group in enumerate(self.kinds) if kind in group)

    def has(self, kind: Kind) -> bool:
        """Tell whether a kind is in any group."""
        return any(kind in group for group in self.kinds)


def group(kinds: Iterable[Kind], most: int = MOST) -> Groups:
    """Sort kinds into groups of at most `most`; those of one SOP class stay side by side.

    A file that does not say its transfer syntax is in one of two, so both are asked for.
    """
    wanted: set[Kind] = set()
    for sop_class, syntax in kinds:
        if sop_class:
            wanted |= {(sop_class, one) for one in ([syntax] if syntax else [IMPLICIT_LITTLE, EXPLICIT_LITTLE])}
    ordered = sorted(wanted)
    return Groups(tuple(tuple(ordered[start : start + most]) for start in range(0, len(ordered), most)))
