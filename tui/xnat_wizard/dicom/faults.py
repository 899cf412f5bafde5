"""Collect faults place by place and make few findings of them: one for each folder, or for more when there are many."""

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.dicom.rules import RULES
from xnat_wizard.dicom.structure import LITTER
from xnat_wizard.findings import Finding, printable

_NAMED = 8  # names with their reasons in one finding; the survey's list of other files names each
_NAMED_BARE = 4  # names without
_FOLDERS_A_SUBJECT = 3  # more of them, and one finding speaks for the subject folder
_FINDINGS_A_CODE = 12  # more of them, and one finding speaks for the source


def shell_word(path: str) -> str:
    """Return a path as one word for a shell; odd bytes in the way that bash, zsh and ksh read."""
    if path.isprintable():
        return shlex.quote(path)
    letters = ((sign if sign not in "\\'" else f"\\{sign}") if sign.isprintable() else _octal(sign) for sign in path)
    return f"$'{''.join(letters)}'"


def _octal(sign: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(sign))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: at which file or folder, how many more files like it, and what is special about it."""

    name: str
    remark: str = ""
    more: int = 0

    def __str__(self) -> str:
        if not self.name:
            return printable(self.remark)
        more = f" and {self.more} more" if self.more else ""
        return printable(f"{self.name}{more} ({self.remark})" if self.remark else self.name + more)


@dataclass(slots=True)
class FaultList:
    """Faults as they are found; `findings` groups them."""

    source: str
    layout: Layout = HOUSE
    is_archive: bool = False
    _faults: dict[str, dict[str, list[Fault]]] = field(default_factory=dict)

    def add(self, code: str, folder: str, name: str, remark: str = "", more: int = 0) -> None:
        """Note a fault of a file or folder `name` in `folder`, which is below the source."""
        remark = re.sub(r"^it (is |was )?", "", remark)
        _put(self._faults.setdefault(code, {}).setdefault(folder, []), Fault(name, remark, more))

    def findings(self) -> Iterable[Finding]:
        """Give the findings, grouped so that a person can read them all."""
        for code, places in self._faults.items():
            for where, faults in (_as_one(places) if code == LITTER else _grouped(places)).items():
                yield self._finding(code, where, faults)

    def _finding(self, code: str, where: str, faults: list[Fault]) -> Finding:
        rule = RULES[code]
        path = f"{self.source}/{where}" if where else self.source
        fill = {
            "names": _names(faults),
            "path": shell_word(path),
            "layout": self.layout.words,
            "example": self.layout.example,
            "first": shell_word(f"{path}/{faults[0].name}" if faults[0].name else path),
        }
        return Finding(
            code=code,
            what=rule.what.format(**fill),
            why=rule.why.format(**fill),
            todo=tuple(self._steps(rule.todo, fill)),
            where=printable(where) or ".",
            severity=rule.severity,
            shareable=f"{code}: {_count(faults)}",
        )

    def _steps(self, steps: tuple[str, ...], fill: dict[str, str]) -> Iterable[str]:
        """Give the steps that fit: in an archive, commands for single files become one step that unpacks it."""
        is_unpacked = False
        for step in steps:
            if 'choose the layout "' in step and self.layout != HOUSE:
                continue
            if not (self.is_archive and ("{path}" in step or "{first}" in step)):
                yield step.format(**fill)
            elif not is_unpacked:
                is_unpacked = True
                yield "Unpack the archive into a new folder, put it right there, and choose that folder"


def _names(faults: list[Fault]) -> str:
    most = _NAMED if any(fault.remark for fault in faults) else _NAMED_BARE
    shown = ", ".join(str(fault) for fault in faults[:most] if str(fault))
    rest = faults[most:]
    if not rest:
        return shown
    return f"{shown} and {_count(rest)} more, {_count(faults)} in all"


def _count(faults: list[Fault]) -> int:
    return sum(1 + fault.more for fault in faults)


def _grouped(places: dict[str, list[Fault]]) -> dict[str, list[Fault]]:
    """Put faults together by folder; by subject folder or for the whole source where there would be too many."""
    by_subject: dict[str, dict[str, list[Fault]]] = {}
    for folder, faults in places.items():
        by_subject.setdefault(folder.partition("/")[0], {})[folder] = faults
    groups: dict[str, list[Fault]] = {}
    for subject, inside in by_subject.items():
        groups |= inside if len(inside) <= _FOLDERS_A_SUBJECT else {subject: _lifted(inside, subject)}
    return groups if len(groups) <= _FINDINGS_A_CODE else _as_one(places)


def _as_one(places: dict[str, list[Fault]]) -> dict[str, list[Fault]]:
    return {"": _lifted(places, "")}


def _lifted(places: dict[str, list[Fault]], top: str) -> list[Fault]:
    """Return the faults named from a folder above."""
    lifted: list[Fault] = []
    for folder, faults in places.items():
        below = folder[len(top) :].strip("/") if top else folder
        for fault in faults:
            name = "/".join(part for part in (below, fault.name) if part)
            _put(lifted, Fault(name, fault.remark, fault.more))
    return lifted


def _put(faults: list[Fault], fault: Fault) -> None:
    """Add a fault; those behind the ones that a finding names are one, since a folder may have hundred thousands."""
    if len(faults) <= _NAMED:
        faults.append(fault)
    else:
        last = faults[-1]
        faults[-1] = Fault(last.name, last.remark or fault.remark, last.more + 1 + fault.more)
