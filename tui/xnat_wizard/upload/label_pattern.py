r"""Patterns that labels are made by: `{patient_id}`, `{folder[0:6]}`, `{folder/sub-(\d+)/}`, `{subject}_{modality}{n}`.

A field in braces stands for what is known of a session. It may be cut like a text in Python, searched with a regular
expression (its first group counts, or all that it finds), and `{n:02}` writes a number with two digits at least.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from xnat_wizard.expressions import BadExpression, Expression, Unsearched, expression
from xnat_wizard.findings import Finding, Problem

NUMBER = "n"
SUBJECT = "subject"
FIELDS = {  # what a pattern may name, in words for people
    "folder": "name of the subject folder",
    "session_folder": "name of the session folder, where the layout has one",
    "patient_id": "patient ID in the headers",
    "patient_name": "patient name in the headers",
    "study_date": "date of the study, YYYYMMDD",
    "study_description": "study description in the headers",
    "accession_number": "accession number in the headers",
    "modality": "type of the session: MR, PET, CT",
    NUMBER: "counts what would otherwise have the same label, by date",
    SUBJECT: "the subject label, in a pattern for sessions",
}

_TOKEN = re.compile(
    r"\{(?P<field>\w+)(?:\[(?P<cut>[^\[\]{}]*)\]|/(?P<search>(?:[^/\\]|\\.)+)/|:(?P<digits>\d+))?\}|(?P<plain>[^{}]+)|."
)
_CUT = re.compile(r"(-?\d+)?(:)?(-?\d+)?")
_EXAMPLES = ("Write for instance {folder}, {patient_id} or {patient_id[0:6]}", "Or {subject}_{modality}{n}")


class Unfilled(Exception):  # noqa: N818  says what is missing
    """A pattern has nothing to say of a session; `reason` is one sentence without full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a pattern."""

    name: str
    written: str
    cut: slice | None = None
    search: Expression | None = None
    digits: int = 0

    def of(self, values: Mapping[str, str]) -> str:
        value = values[self.name]
        if not value:
            raise Unfilled(f"It has no {self.name}: {FIELDS[self.name]}")
        if self.name == NUMBER:
            return value.zfill(self.digits)
        if self.search:
            try:
                hit = self.search.search(value) or ("",)
            except Unsearched as error:
                raise Unfilled(error.reason[0].upper() + error.reason[1:]) from None
            value = hit[1] if len(hit) > 1 else hit[0]
        elif self.cut:
            value = value[self.cut]
        if not value:
            raise Unfilled(f"Nothing of `{values[self.name]}` fits {self.written}")
        return value


@dataclass(frozen=True)
class Pattern:
    """A pattern for labels; equal when the texts are. Made by `parse`."""

    text: str

    @classmethod
    def parse(cls, text: str, *, is_for_subjects: bool = False) -> "Pattern":
        """Return the pattern of a text.

        Raises:
            Problem: `label.bad_pattern`.
        """
        pattern = cls(text.strip())
        try:
            fields = pattern.fields
        except ValueError as error:
            raise _bad(text, str(error)) from None
        if is_for_subjects and SUBJECT in fields:
            raise _bad(text, "A pattern for subjects cannot name {subject}: it makes it")
        if not fields:
            raise _bad(text, "It names no field, so all would have the same label")
        return pattern

    @property
    def fields(self) -> frozenset[str]:
        """Return the names of its fields."""
        return frozenset(piece.name for piece in self._pieces if isinstance(piece, _Field))

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text for these values.

        Raises:
            Unfilled: a field has no value, or nothing of it fits.
        """
        return "".join(piece.of(values) if isinstance(piece, _Field) else piece for piece in self._pieces)

    @cached_property
    def _pieces(self) -> tuple[_Field | str, ...]:
        return tuple(_piece(token) for token in _TOKEN.finditer(self.text))


def _piece(token: re.Match[str]) -> _Field | str:
    if token["plain"]:
        return token["plain"]
    name, cut = token["field"], token["cut"]
    if not name:
        raise ValueError("Its braces do not fit")
    if name not in FIELDS:
        raise ValueError(f"It knows no {{{name}}}, only {', '.join(FIELDS)}")
    if name == NUMBER and (cut is not None or token["search"]):
        raise ValueError("{n} is a number: it takes digits only, as in {n:02}")
    if token["digits"]:
        if name != NUMBER or int(token["digits"]) > 9:
            raise ValueError("Only {n} takes digits, nine at most, as in {n:02}")
        return _Field(name, token[0], digits=int(token["digits"]))
    if token["search"]:
        try:
            return _Field(name, token[0], search=expression(token["search"]))
        except BadExpression as error:
            raise ValueError(f"`{token['search']}` is no regular expression: {error}") from None
    if cut is not None:
        return _Field(name, token[0], cut=_slice(cut))
    return _Field(name, token[0])


def _slice(text: str) -> slice:
    hit = _CUT.fullmatch(text.replace(" ", ""))
    if not hit or not (hit[2] or hit[1]) or max(len(hit[1] or ""), len(hit[3] or "")) > 6:
        raise ValueError(f"`[{text}]` is no cut; write [0:4] for the first four letters, [-4:] for the last")
    start = int(hit[1]) if hit[1] else None
    if hit[2]:
        return slice(start, int(hit[3]) if hit[3] else None)
    assert start is not None
    return slice(start, start + 1 or None)


def _bad(text: str, why: str) -> Problem:
    return Problem(Finding("label.bad_pattern", f"`{text}` is no pattern for labels", why, _EXAMPLES))
