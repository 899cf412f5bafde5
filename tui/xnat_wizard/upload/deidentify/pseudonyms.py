"""What stands in the place of UIDs and dates: computed from the key of an upload, so the same every time.

Sources: DICOM PS3.5 B.2 (UIDs from 128 bits under 2.25), PS3.15 E.3.6 (dates moved by an amount for each subject).
"""

import hmac
import re
from datetime import date, timedelta
from functools import lru_cache

_WELL_KNOWN = "1.2.840.10008."  # under which DICOM registers classes, transfer syntaxes, coding schemes
_MOST_DAYS, _LEAST_DAYS = 3650, 30
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_MADE_UP = "19000101"  # a date that nobody takes for one


class Pseudonyms:
    """Replaces UIDs and moves dates; for several threads."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.uid = lru_cache(200_000)(self._uid)  # each series and study stands in each of its files

    def _uid(self, uid: str) -> str:
        """Return what stands in the place of a UID; those that DICOM defines, and "", stay."""
        if not uid or (uid.startswith(_WELL_KNOWN) and _is_registered(uid)):
            return uid
        number = int.from_bytes(self._digest("uid", uid)[:16], "big")
        return f"2.25.{number}"

    def days(self, subject: str) -> int:
        """Return by how many days the dates of a subject move: into the past, by a month up to ten years."""
        number = int.from_bytes(self._digest("days", subject)[:8], "big")
        return -(_LEAST_DAYS + number % (_MOST_DAYS - _LEAST_DAYS))

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode("utf-8", "surrogateescape"), "sha256")


def _is_registered(uid: str) -> bool:
    """Tell whether DICOM defines a UID (PS3.6 annex A): some made theirs under its root, and those name a patient."""
    from pydicom._uid_dict import UID_dictionary

    return uid in UID_dictionary


def moved(text: str, days: int) -> str:
    """Move a DA or the date of a DT; what is no date becomes "", a year or month alone its year moved by whole ones."""
    text = text.strip("\0 ")
    found = _DATE.match(text)
    if not found:
        return ""
    try:
        there = date(int(found[1]), int(found[2]), int(found[3])) + timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return f"{there.year:04}{there.month:02}{there.day:02}{text[found.end() :]}"


def made_up(vr: str) -> str:
    """Return a value for a date or time that must not be empty (action D)."""
    return {"DA": _MADE_UP, "DT": f"{_MADE_UP}000000"}.get(vr, "000000")
