"""Times as a site's lists write them: its local time, without zone (rule 9 of missing data 0.3)."""

from datetime import datetime, timedelta

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.xnat.inquiries.values import Row

_MOST_AHEAD_S = 120.0
_ANY_ZONE = timedelta(hours=14)  # no two zones in use are much further apart


def site_time(text: str, facts: Facts) -> datetime | None:
    """Read a time of a list, taking the site's zone for ours; by our clock.

    `None` where nothing is written, or nothing that is understood.
    """
    plain = text.strip().replace("/", "-")
    if not plain:
        return None
    try:
        read = datetime.fromisoformat(plain)
    except ValueError:
        return None
    if read.tzinfo is None:
        read = read.replace(tzinfo=facts.now.tzinfo)
    return read - timedelta(seconds=facts.offset_s)


def age_s(text: str, facts: Facts) -> float | None:
    """Return how long ago a time of a list was; `None` where it cannot be told.

    A time ahead of ours shows that the site lives in another zone: it is taken by its minutes, which most zones share.
    """
    when = site_time(text, facts)
    if when is None:
        return None
    passed = (facts.now - when).total_seconds()
    return passed if passed >= -_MOST_AHEAD_S else passed % 3600.0


def row_age_s(row: Row, facts: Facts) -> float | None:
    """Return how long ago a row changed."""
    return age_s(row.last_modified or row.uploaded, facts)


def is_in_window(text: str, facts: Facts) -> bool | None:
    """Tell whether a time of a list lies in the case's window; `None` where either is unknown."""
    when = site_time(text, facts)
    if when is None or facts.case.window is None:
        return None
    return facts.case.window.holds(when, offset_s=facts.offset_s)


def is_surely_before(text: str, when: str, facts: Facts) -> bool:
    """Tell whether a time of a list lies before a time of ours, in whatever zone the site lives."""
    listed, ours = site_time(text, facts), site_time(when, facts)
    return listed is not None and ours is not None and ours - listed > _ANY_ZONE
