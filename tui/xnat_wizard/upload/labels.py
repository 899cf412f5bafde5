"""Subject and session labels that XNAT takes as they are (wire contract 4.1).

XNAT's import replaces every character outside `[A-Za-z0-9_-]` by `_` without a word, and its archive matches subjects
without regard to case. Cleaning here, before sending, keeps what is shown and what is stored the same.
"""

import hashlib
import re
from collections.abc import Iterable

MAX_LENGTH = 64
FALLBACK = "subject"

_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ILLEGAL_CHARACTER = re.compile(r"[^A-Za-z0-9_-]")
_SOMETHING = re.compile(r"[A-Za-z0-9]")


def is_legal(label: str) -> bool:
    """Tell whether XNAT keeps a label as it is."""
    return _LEGAL.fullmatch(label) is not None


def clean_label(text: str) -> str:
    """Turn any text into a legal label, the way XNAT does it.

    A text longer than 64 characters is cut and ends in a short digest of the whole, so that two long names which
    begin alike stay apart. A text without any letter or digit of ASCII becomes "subject".
    """
    label = _ILLEGAL_CHARACTER.sub("_", text)
    if not _SOMETHING.search(label):
        return FALLBACK
    return _cut(label, text, "")


def with_suffix(label: str, suffix: str) -> str:
    """Append a suffix to a legal label; a label too long for both is cut before it, and stays distinct."""
    return _cut(label, label, suffix)


def _cut(label: str, whole: str, suffix: str) -> str:
    if len(label) + len(suffix) <= MAX_LENGTH:
        return label + suffix
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{label[: MAX_LENGTH - len(suffix) - 9]}_{digest}{suffix}"


def unique_labels(names: Iterable[str], *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Give every name a legal label of its own, in the order of the names.

    Names that are legal already keep themselves; others that meet one after cleaning get `_2`, `_3`, in order.
    Two labels that differ by case only are not told apart by XNAT, so they meet too. `taken` labels are avoided.
    """
    ordered = list(dict.fromkeys(names))
    used = {label.casefold() for label in taken}
    numbers: dict[str, int] = {}  # the last one given: ten thousand names without a letter take no million tries
    labels: dict[str, str] = {}
    for name in sorted(ordered, key=lambda name: clean_label(name) != name):  # stable: only legal ones move ahead
        label = clean = clean_label(name)
        number = numbers.get(clean.casefold(), 1)
        while label.casefold() in used:
            number += 1
            label = _cut(clean, name, f"_{number}")
        numbers[clean.casefold()] = number
        used.add(label.casefold())
        labels[name] = label
    return {name: labels[name] for name in ordered}


def distinct_labels(texts: Iterable[str]) -> list[str]:
    """Give every text a legal label, in their order; one that is taken, case aside, gets `_2`, `_3` and so on."""
    used: set[str] = set()
    numbers: dict[str, int] = {}  # the last one given: a thousand equal texts take no million tries
    labels = []
    for text in texts:
        label = clean = clean_label(text)
        number = numbers.get(clean.casefold(), 1)
        while label.casefold() in used:
            number += 1
            label = _cut(clean, text, f"_{number}")
        numbers[clean.casefold()] = number
        used.add(label.casefold())
        labels.append(label)
    return labels
