"""Names by the Brain Imaging Data Structure: datatypes, suffixes, entities and their order, labels.

Magnetic resonance only: anat, func, dwi, fmap. Source: BIDS 1.10, "File name structure" and "Magnetic Resonance
Imaging"; the entity table of its schema.
"""

import difflib
import re
from dataclasses import dataclass, replace

ORDER = ("task", "acq", "ce", "rec", "dir", "run", "mod", "echo", "flip", "inv", "mt", "part", "chunk")
SUFFIXES = {
    "anat": frozenset(
        [
            "T1w",
            "T2w",
            "PDw",
            "T2starw",
            "FLAIR",
            "inplaneT1",
            "inplaneT2",
            "PDT2",
            "angio",
            "T2star",
            "FLASH",
            "PD",
            "T1map",
            "T2map",
            "T2starmap",
            "R1map",
            "R2map",
            "R2starmap",
            "PDmap",
            "MTRmap",
            "MTsat",
            "UNIT1",
            "T1rho",
            "MWFmap",
            "MTVmap",
            "Chimap",
            "S0map",
            "M0map",
            "VFA",
            "IRT1",
            "MP2RAGE",
            "MESE",
            "MEGRE",
            "MTR",
            "MTS",
            "MPM",
        ]
    ),
    "func": frozenset({"bold", "cbv", "sbref"}),
    "dwi": frozenset({"dwi", "sbref"}),
    "fmap": frozenset(["phasediff", "phase1", "phase2", "magnitude", "magnitude1", "magnitude2", "fieldmap", "epi"]),
}
_ENTITIES = {
    "anat": frozenset(["acq", "ce", "rec", "run", "echo", "flip", "inv", "mt", "part", "chunk"]),
    "func": frozenset(["task", "acq", "ce", "rec", "dir", "run", "echo", "part", "chunk"]),
    "dwi": frozenset(["acq", "rec", "dir", "run", "part", "chunk"]),
    "fmap": frozenset(["acq", "ce", "dir", "run", "chunk"]),
}
_NUMBERED = frozenset({"run", "echo", "flip", "inv"})
_LABEL = re.compile(r"[A-Za-z0-9]+")


class BadName(Exception):  # noqa: N818  says what it is
    """It is no name by BIDS; `str()` is one sentence without full stop."""


@dataclass(frozen=True, slots=True)
class BidsName:
    """Where an image belongs below its subject: `func/task-rest_dir-AP_bold`."""

    datatype: str
    suffix: str
    entities: tuple[tuple[str, str], ...] = ()  # without subject and session, in the order of the standard

    @classmethod
    def parse(cls, text: str) -> "BidsName":
        """Read a name such as `anat/T1w` or `func/task-rest_run-2_bold`.

        Raises:
            BadName: it is none.
        """
        datatype, slash, rest = text.partition("/")
        if not slash or datatype not in SUFFIXES:
            raise BadName(f"it must begin with one of {', '.join(f'{known}/' for known in SUFFIXES)}")
        *pairs, suffix = rest.split("_")
        if suffix not in SUFFIXES[datatype]:
            known = sorted(SUFFIXES[datatype])
            near = difflib.get_close_matches(suffix, known, 1) or [
                one for one in known if one.casefold() == suffix.casefold()
            ]
            hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
            raise BadName(f'"{suffix}" is no suffix of {datatype}; {hint}')
        found: dict[str, str] = {}
        for pair in pairs:
            key, dash, value = pair.partition("-")
            if not dash or key not in _ENTITIES[datatype]:
                raise BadName(
                    f'"{pair}" is no entity of {datatype}; there are {", ".join(sorted(_ENTITIES[datatype]))}'
                )
            if key in found:
                raise BadName(f'"{key}" stands there twice')
            if not _LABEL.fullmatch(value) or (key in _NUMBERED and not value.isdecimal()):
                raise BadName(f'"{value}" must be {"a number" if key in _NUMBERED else "letters and digits only"}')
            found[key] = value
        missing = _missing(datatype, suffix, found)
        if missing:
            raise BadName(f'{datatype}/{suffix} needs the entity "{missing}-"')
        return cls(datatype, suffix, _ordered(found))

    def with_entity(self, key: str, value: str, *, is_new: bool = False) -> "BidsName":
        """Return the name with one entity more; one that stands there already stays, unless this is a new one."""
        entities = dict(self.entities)
        if key not in _ENTITIES[self.datatype]:
            return self
        if is_new or key not in entities:
            entities[key] = value
        return replace(self, entities=_ordered(entities))

    def value(self, key: str) -> str:
        """Return the value of an entity, or ""."""
        return dict(self.entities).get(key, "")

    def takes(self, key: str) -> bool:
        """Tell whether the standard knows the entity for this datatype."""
        return key in _ENTITIES[self.datatype]

    def path(self, subject: str, session: str = "") -> str:
        """Return the path below the dataset, without ending; labels without `sub-` and `ses-`."""
        folder = f"sub-{subject}" + (f"/ses-{session}" if session else "")
        who = f"sub-{subject}" + (f"_ses-{session}" if session else "")
        return f"{folder}/{self.datatype}/{'_'.join([who, *self._words()])}"

    def _words(self) -> list[str]:
        return [*(f"{key}-{value}" for key, value in self.entities), self.suffix]

    def __str__(self) -> str:
        return f"{self.datatype}/{'_'.join(self._words())}"


def label(text: str, prefix: str) -> str:
    """Return a subject's or session's name as a BIDS label: letters and digits only, a `sub-` at its front left out."""
    return "".join(_LABEL.findall(text.removeprefix(f"{prefix}-")))


def _ordered(entities: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, entities[key]) for key in ORDER if key in entities)


def _missing(datatype: str, suffix: str, entities: dict[str, str]) -> str:
    if datatype == "func" and "task" not in entities:
        return "task"
    return "dir" if suffix == "epi" and "dir" not in entities else ""
