"""Lengths of time as site preferences write them: "15 minutes", "1 hour", "2 days" (wire contract appendix C)."""

import re

_SECONDS = {
    "second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400, "week": 7 * 86400,
    "month": 30 * 86400, "mon": 30 * 86400, "year": 365 * 86400,
}  # fmt: skip


def seconds_of(interval: object) -> float:
    """Return the length of a PostgreSQL-like interval in seconds; a bare number is seconds.

    Raises:
        ValueError: it is no interval.
    """
    words = str(interval).strip().lower()
    if re.fullmatch(r"-?\d+(\.\d+)?", words):
        return float(words)
    found = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)", words)
    if not found or any(unit.rstrip("s") not in _SECONDS for _, unit in found):
        raise ValueError(f"no interval: {words!r}")
    return sum(float(number) * _SECONDS[unit.rstrip("s")] for number, unit in found)
