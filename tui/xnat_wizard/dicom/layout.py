"""How the folders of a source are nested: what names the subject, the session and the series.

The house rule is subject > series > files. A layout is a pattern of folder names: `{subject}`, `{session}` and
`{series}` stand for what a folder names, `*` and `?` for any letters, everything else for itself. Below a pattern that
names the series, a folder more is a question; below any other, folders say nothing and series come from the headers.
Where a pattern names no subject, the patient ID in the headers does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import or_

from xnat_wizard.findings import Finding, Problem

BAD_PATTERN = "layout.bad_pattern"  # a layout that is neither a known name nor a pattern

_FIELDS = ("subject", "session", "series")
_TOKENS = re.compile(r"\{([^{}]*)\}|\*|\?|[^*?{}]+|.")

NAMES = {  # what a person may say for a pattern
    "subject-series": "{subject}/{series}",
    "subject-session-series": "{subject}/{session}/{series}",
    "flat": "{subject}",  # a folder is a subject; its files, however deep, are told apart by their headers
    "headers": "",  # folders say nothing
}


@dataclass(frozen=True, slots=True)
class Position:
    """What the folder of an image says by a layout."""

    subject: str  # "" when nothing names it
    session: str
    subject_path: str  # the folder that names the subject, below the source
    branch: str  # the folder that the pattern ends with
    misfit: str = ""  # why it does not fit the pattern, one sentence without full stop


@dataclass(frozen=True)
class Layout:
    """A pattern of folders; equal when the patterns are."""

    pattern: str = NAMES["subject-series"]

    @classmethod
    def parse(cls, text: str) -> "Layout":
        """Return the layout of a name or a pattern.

        Raises:
            Problem: `layout.bad_pattern`.
        """
        layout = cls(NAMES.get(text.strip(), text.strip().strip("/")))
        fault = _fault(layout.pattern)
        if fault:
            raise Problem(
                Finding(
                    BAD_PATTERN,
                    f'"{text}" is no layout of folders',
                    fault,
                    (
                        f"Take one of these names: {', '.join(NAMES)}",
                        "Or write a pattern, for instance '{subject}/{session}/*/{series}'",
                    ),
                )
            )
        return layout

    @property
    def name(self) -> str:
        """Return the name of a known pattern, else the pattern."""
        return next((name for name, pattern in NAMES.items() if pattern == self.pattern), self.pattern)

    @property
    def words(self) -> str:
        """Return it as a person says it: "subject folder > series folder > files"."""
        if not self.pattern:
            return "files, wherever they lie"
        parts = (re.sub(r"\{(\w+)\}", r"\1", part) for part in self.pattern.split("/"))
        return " > ".join([*(f"{part} folder" for part in parts), "files"])

    @property
    def example(self) -> str:
        """Return folders to be made by it: "SUBJECT/SERIES"."""
        return re.sub(r"\{(\w+)\}", lambda field: field[1].upper(), self.pattern)

    @property
    def layers(self) -> int:
        """Return the number of folders above a file."""
        return self.pattern.count("/") + 1 if self.pattern else 0

    @property
    def names_subject(self) -> bool:
        """Tell whether a folder names the subject."""
        return "{subject}" in self.pattern

    @property
    def names_series(self) -> bool:
        """Tell whether a folder stands for a series."""
        return "{series}" in self.pattern

    def position(self, folder: str, patient: str) -> Position:
        """Say what the folder of an image says.

        Args:
            folder: below the source.
            patient: from the headers; the subject, where no folder names one.
        """
        parts = folder.split("/") if folder else []
        values = dict.fromkeys(_FIELDS, "")
        misfit, subject_path = "", ""
        expected = self.pattern.split("/") if self.pattern else []
        for index, (pattern, part) in enumerate(zip(expected, parts, strict=False)):
            taken = _taken(pattern, part)
            if taken is None:
                misfit = misfit or f'"{part}" is no {pattern}'
                continue
            values |= taken
            if "subject" in taken:
                subject_path = "/".join(parts[: index + 1])
        if len(parts) < self.layers:
            misfit = f"{len(parts)} of {self.layers} folders deep"
        branch = "/".join(parts[: self.layers])
        subject = values["subject"] if self.names_subject else patient
        session = "" if misfit else values["session"]
        return Position(subject, session, subject_path, branch, misfit)


HOUSE = Layout()


@lru_cache(4096)  # folders are asked about again and again, once for each image in them
def _taken(part: str, name: str) -> Mapping[str, str] | None:
    """Return what the fields in one part of a pattern take of a folder's name, `None` where it does not fit.

    A star takes as much as it can, a field as little. Not by a regular expression: one with ten stars would search
    for years in a long name. This looks at each letter once for each piece, from the end.
    """
    pieces = [(token[0], token[1]) for token in _TOKENS.finditer(part)]
    ends = [[False] * len(name) + [True]]  # for what follows a piece: whether it takes the name from a letter on
    for text, field in reversed(pieces):
        after = ends[-1]
        if text == "*":
            fits = list(accumulate(reversed(after), or_))[::-1]
        elif field is not None:
            fits = [*list(accumulate(reversed(after), or_))[-2::-1], False]
        elif text == "?":
            fits = [*after[1:], False]
        else:
            fits = [name.startswith(text, at) and after[at + len(text)] for at in range(len(name) + 1)]
        ends.append(fits)
    if not ends.pop()[0]:
        return None
    values, at = {}, 0
    for text, field in pieces:
        after, begun = ends.pop(), at
        if text == "*":
            at = len(name) - after[::-1].index(True)
        elif field is not None:
            at = after.index(True, begun + 1)
            values[field] = name[begun:at]
        else:
            at += len(text)
    return values


def _fault(pattern: str) -> str:
    """Say what is wrong with a pattern, one sentence without full stop; "" when nothing is."""
    fields = [token[1] for part in pattern.split("/") for token in _TOKENS.finditer(part) if token[1] is not None]
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown:
        return f"It knows {{subject}}, {{session}} and {{series}}, not {{{unknown[0]}}}"
    if len(set(fields)) < len(fields):
        return "Each of {subject}, {session} and {series} stands in it once"
    if pattern and not fields:
        return "It names neither {subject}, {session} nor {series}"
    if re.sub(r"\{\w+\}", "", pattern).count("{") or re.sub(r"\{\w+\}", "", pattern).count("}"):
        return "Its braces do not fit"
    if pattern and any(part in {"", ".", ".."} for part in pattern.split("/")):
        return "Each part between slashes is the name of a folder"
    return ""
