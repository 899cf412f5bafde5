"""Times of the site: rows carry its local time without a zone (missing data 0.3, rule 9)."""

import zoneinfo
from datetime import datetime, timedelta

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.xnat.inquiries.values import Row


def moment_of(text: str) -> datetime | None:
    """Read a time of the site, without zone; `None` when it is none."""
    try:
        return datetime.fromisoformat(text.strip()[:19]).replace(tzinfo=None)
    except ValueError:
        return None


def idle_s(facts: Facts, row: Row) -> float | None:
    """Return for how many seconds a row has not changed, by the site's own clock; `None` when it does not say.

    The row's zone counts where it has one; without it, the site is taken to be in ours.
    """
    changed = moment_of(row.last_modified)
    if changed is None:
        return None
    there = (facts.now + timedelta(seconds=facts.offset_s)).astimezone(_zone(row.time_zone))
    return (there.replace(tzinfo=None) - changed).total_seconds()


def in_words(seconds: float) -> str:
    """Return a span for a person: "5 minutes", "3 hours", "2 days"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (seconds >= length and unit == "minute"):
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute" if seconds < 60 else "1 minute"


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
