"""Paths and labels with `{subject}` in them, and which subjects are meant.

`/results/erc-wp1-{subject}` stands for one folder a subject, `{subject}-mri` for its session. Subjects are named, as
`p020..p023,p031`, or found: every folder that fits the pattern.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xnat_wizard.findings import Finding, Problem

SUBJECT = "{subject}"
MOST_SUBJECTS = 10_000

_RANGE = re.compile(r"(?P<head>.*?)(?P<first>\d+)(?P<tail>\D*)\.\.(?P<end>.+)")
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Pattern:
    """A text that may name the subject; made by `parse`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Return the pattern of a text.

        Raises:
            Problem: resource.bad_pattern.
        """
        names = _BRACES.findall(text)
        rest = _BRACES.sub("", text)
        other = next((name for name in names if name != "subject"), None)
        if other is not None:
            raise Problem(_bad_pattern(text, f"It knows no {{{other}}}, only {SUBJECT}"))
        if "{" in rest or "}" in rest or "\0" in text:
            raise Problem(_bad_pattern(text, "Its braces do not fit" if "\0" not in text else "It holds a zero byte"))
        return cls(text)

    @property
    def names_subject(self) -> bool:
        """Tell whether it gives something else for each subject."""
        return SUBJECT in self.text

    def fill(self, subject: str) -> str:
        """Return the text for a subject."""
        return self.text.replace(SUBJECT, subject)

    def match(self, text: str) -> str | None:
        """Return the subject that gives this text, `None` when none does; "" is none."""
        found = self._expression.fullmatch(text)
        if found is None or not self.names_subject:
            return None
        subject = found["subject"]
        return subject if is_plain(subject) else None

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        head, *tails = (re.escape(part) for part in self.text.split(SUBJECT))
        if not tails:
            return re.compile(head)
        return re.compile(head + "(?P<subject>.+)" + "(?P=subject)".join(tails), re.DOTALL)


def is_plain(name: str) -> bool:
    """Tell whether a name is one step of a path: it leads to no other folder, and braces in it mean nothing."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\0{}")


def read_subjects(text: str) -> tuple[str, ...]:
    """Read which subjects are meant: names and ranges with commas between, as `p020..p023,p031`, in their order.

    Raises:
        Problem: resource.bad_subjects.
    """
    subjects: dict[str, None] = {}
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        for subject in _range(piece) if ".." in piece else (piece,):
            if not is_plain(subject):
                raise Problem(_bad_subjects(piece, "A subject is one name, without slashes and braces"))
            subjects[subject] = None
    if not subjects:
        raise Problem(_bad_subjects(text, "It names nobody"))
    return tuple(subjects)


def _range(piece: str) -> tuple[str, ...]:
    """Return the names from one to another: they count up in their last digits, with as many digits as the first."""
    found = _RANGE.fullmatch(piece)
    if found is None:
        raise Problem(_bad_subjects(piece, "A range goes from one name with a number to another"))
    head, first, tail, end = found["head"], found["first"], found["tail"], found["end"]
    if end.startswith(head) and end.endswith(tail) and len(end) > len(head) + len(tail):
        end = end[len(head) : len(end) - len(tail)]
    if not (end.isascii() and end.isdigit() and first.isascii()) or max(len(end), len(first)) > 12:
        raise Problem(_bad_subjects(piece, "Both ends of a range differ in their number only"))
    start, stop = int(first), int(end)
    if stop < start or stop - start >= MOST_SUBJECTS:
        why = "Its end comes before its beginning" if stop < start else f"It names more than {MOST_SUBJECTS:,} subjects"
        raise Problem(_bad_subjects(piece, why))
    return tuple(f"{head}{number:0{len(first)}}{tail}" for number in range(start, stop + 1))


def find_sources(pattern: Pattern) -> tuple[tuple[str, Path], ...]:
    """Return every subject and its path that fits a pattern of paths, sorted; links to folders count as folders.

    Raises:
        Problem: resource.no_match.
    """
    steps = absolute(pattern.text).split("/")
    at = next(number for number, step in enumerate(steps) if SUBJECT in step)
    base, step, rest = "/".join(steps[:at]) or "/", Pattern(steps[at]), Pattern("/".join(steps[at + 1 :]))
    try:
        names = sorted(os.listdir(base))  # noqa: PTH208  the names alone
    except OSError as error:
        raise Problem(_no_match(pattern, f"The folder `{base}` cannot be read: {error.strerror}")) from None
    found = []
    for name in names:
        subject = step.match(name)
        if subject is not None:
            path = Path(base, name, rest.fill(subject)) if rest.text else Path(base, name)
            if os.path.lexists(path):
                found.append((subject, path))
    if not found:
        raise Problem(_no_match(pattern, f"Nothing in `{base}` is called like `{step.text}`"))
    return tuple(found)


def absolute(path: str) -> str:
    """Return a path from the top, with `~` for the home of whoever asks."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  a pattern is no path yet


def _bad_pattern(text: str, why: str) -> Finding:
    todo = (f"Write {SUBJECT} where the name of the subject stands", "Put it into single quotes, for the shell")
    return Finding("resource.bad_pattern", f"`{text}` is no pattern", why, todo)


def _bad_subjects(text: str, why: str) -> Finding:
    todo = ("Write names and ranges with commas between: p020..p023,p031",)
    return Finding("resource.bad_subjects", f"`{text}` does not say which subjects are meant", why, todo)


def _no_match(pattern: Pattern, why: str) -> Finding:
    return Finding(
        "resource.no_match",
        f"No folder or file fits `{pattern.text}`",
        why,
        ("Look for typing errors: ls the folder", "Or name the subjects: --subjects p020..p023"),
        where=pattern.text,
    )
