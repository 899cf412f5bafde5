"""Proposes patterns from what lies in a folder and from what a project has, so that nobody has to write braces.

`erc-wp1-p020`, `erc-wp1-p021` and the subjects `p020`, `p021` give `erc-wp1-{subject}`; their sessions `p020-mri`,
`p021-mri` give `{subject}-mri`. Where no name holds a subject of the project, the part in which the names differ is
taken for the subject.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from xnat_wizard.upload.resource_transfer.pattern import SUBJECT, is_plain

MOST_NAMES = 5_000  # of one folder; more of them make no better proposal
_PARTS = re.compile(r"([-_. ]+)")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Patterns that fit; each is "" where there is none."""

    path: str = ""
    session: str = ""
    fits: int = 0  # names in the folder that the path stands for


def propose(path: Path, names: Sequence[str], subjects: Sequence[str], sessions: Iterable[tuple[str, str]]) -> Proposal:
    """Propose patterns for what lies in a folder.

    Args:
        path: the folder that a person chose: the one around the results, or one of them.
        names: of what lies in it.
        subjects: labels of the project's subjects.
        sessions: of the project, each as subject label and session label.
    """
    known = sorted(set(filter(is_plain, subjects)), key=len, reverse=True)
    session = session_pattern(sessions)
    inside, fits = _most_frequent(_with_subject(name, known) for name in names)
    itself = _with_subject(path.name, known)
    if inside and (fits > 1 or not itself):
        return Proposal(str(path / inside), session, fits)
    if itself:
        return Proposal(str(path.parent / itself), session, 1)
    inside, fits = _where_they_differ(names)
    return Proposal(str(path / inside), session, fits) if inside else Proposal("", session)


def session_pattern(sessions: Iterable[tuple[str, str]]) -> str:
    """Return how most sessions are called after their subject, as `{subject}-mri`; "" when they are not."""
    return _most_frequent(_with_subject(label, [subject]) if subject else "" for subject, label in sessions)[0]


def names_in(path: Path) -> tuple[str, ...]:
    """Return the names in a folder, sorted, without the hidden ones; none where it cannot be read. Blocks."""
    try:
        with os.scandir(path) as entries:
            return tuple(sorted(entry.name for entry in islice(entries, MOST_NAMES) if not entry.name.startswith(".")))
    except OSError:
        return ()


def _most_frequent(patterns: Iterable[str]) -> tuple[str, int]:
    counts = Counter(filter(None, patterns))
    return max(counts.items(), key=lambda one: (one[1], -len(one[0]))) if counts else ("", 0)


def _with_subject(name: str, subjects: Sequence[str]) -> str:
    """Return a name with the first of these subjects in it replaced; "" when it holds none, or braces of its own."""
    if set(name) & set("{}"):
        return ""
    for subject in subjects:
        found = re.search(rf"(?<![A-Za-z0-9]){re.escape(subject)}(?![A-Za-z0-9])", name)
        if found:
            return name[: found.start()] + SUBJECT + name[found.end() :]
    return ""


def _where_they_differ(names: Sequence[str]) -> tuple[str, int]:
    """Return the pattern of the most names that are alike but for one part."""
    counts: Counter[str] = Counter()
    for name in names:
        if set(name) & set("{}"):
            continue
        parts = _PARTS.split(name)
        for place in range(0, len(parts), 2):
            if any(sign.isdigit() for sign in parts[place]):
                counts["".join([*parts[:place], SUBJECT, *parts[place + 1 :]])] += 1
    pattern, fits = _most_frequent(counts.elements())
    return (pattern, fits) if fits > 1 else ("", 0)
