"""When it was sent, from a person's words: "yesterday evening", "3 days", "2024-03-04 10:00..12:00".

Sources: missing data 3.1 and rule 9 of 0.3: rows carry the site's local time without zone, so a window is widened by an
hour, or by how far the site's clock is off.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from xnat_wizard.findings import Finding, Problem

_PARTS = {
    "": (time(0, 0), timedelta(days=1)),
    "night": (time(0, 0), timedelta(hours=6)),
    "morning": (time(5, 0), timedelta(hours=7)),
    "noon": (time(11, 0), timedelta(hours=3)),
    "afternoon": (time(12, 0), timedelta(hours=6)),
    "evening": (time(17, 0), timedelta(hours=7)),
}
_DAYS = {"today": 0, "yesterday": 1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AGO = re.compile(r"(?:last\s+)?(\d{1,4})\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)(?:\s+ago)?")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ISO = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{1,2}):?(\d{2})(?::?(\d{2}))?)?")
_MOST_YEARS = 200
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time with zone; both ends belong to it."""

    start: datetime
    end: datetime
    said: str = ""  # as the person said it

    def holds(self, when: datetime, *, offset_s: float = 0.0) -> bool:
        """Tell whether a moment lies in it, give or take an hour, or the difference of the clocks where it is more."""
        slack = timedelta(seconds=max(3600.0, abs(offset_s)))
        return self.start - slack <= when <= self.end + slack

    def as_text(self) -> str:
        """Return it for a person."""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"


def read_window(text: str, *, now: datetime) -> Window:
    """Read a window from a person's words.

    Args:
        text: "today", "yesterday evening", "this morning", "last night", "monday", "3 days", "2 h", an ISO date or
            time, or two of them with ".." or " to " between.
        now: with zone.

    Raises:
        Problem: `case.window` when it is none of these.
    """
    plain = " ".join(text.split()).casefold()
    for parts in (plain.split(".."), plain.split(" to ")):
        if len(parts) == 2 and all(part.strip() for part in parts):
            first, last = (_single(part.strip(), now) for part in parts)
            if first is None:
                raise Problem(_unclear(text))
            last = last or _clock_on(parts[1].strip(), first.start)
            if last is None or last.end < first.start:
                raise Problem(_unclear(text))
            return Window(first.start, last.end, text)
    found = _single(plain, now)
    if found is None:
        raise Problem(_unclear(text))
    return Window(found.start, found.end, text)


def _single(text: str, now: datetime) -> Window | None:
    readers: tuple[Callable[[str, datetime], Window | None], ...] = (_named_day, _ago, _iso)
    return next((found for found in (reader(text, now) for reader in readers) if found is not None), None)


def _named_day(text: str, now: datetime) -> Window | None:
    words = text.split()
    if text == "now":
        return Window(now - timedelta(hours=1), now)
    if text in {"last night", "tonight"}:
        day = now.date() - timedelta(days=text == "last night")
        start = _at(day, time(18, 0), now)
        return Window(start, start + timedelta(hours=12))
    if not words or len(words) > 2:
        return None
    day_word, part = words[0], words[1] if len(words) == 2 else ""
    if part not in _PARTS:
        return None
    if day_word in _DAYS:
        day = now.date() - timedelta(days=_DAYS[day_word])
    elif day_word == "this" and part:
        day = now.date()
    elif day_word in _WEEKDAYS:
        back = (now.weekday() - _WEEKDAYS.index(day_word)) % 7
        day = now.date() - timedelta(days=back or 7)
    else:
        return None
    clock, length = _PARTS[part]
    begin = _at(day, clock, now)
    return Window(begin, begin + length - timedelta(seconds=1))


def _ago(text: str, now: datetime) -> Window | None:
    found = _AGO.fullmatch(text)
    if found is None:
        return None
    span = timedelta(**{_UNITS[found[2][0]]: int(found[1])})
    return Window(now - span, now)


def _iso(text: str, now: datetime) -> Window | None:
    found = _ISO.fullmatch(text.upper())
    if found is None:
        return _zoned(text)
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if abs(day.year - now.year) > _MOST_YEARS:
            return None
        if found[4] is None:
            start = _at(day, time(0, 0), now)
            return Window(start, start + timedelta(days=1, seconds=-1))
        moment = _at(day, time(int(found[4]), int(found[5]), int(found[6] or 0)), now)
    except ValueError:
        return None
    return Window(moment, moment + timedelta(seconds=59 if found[6] is None else 0))


def _zoned(text: str) -> Window | None:
    """Read a moment that says its own zone, as logs and receipts write it."""
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return Window(moment, moment) if moment.tzinfo is not None else None


def _clock_on(text: str, start: datetime) -> Window | None:
    """Read the second half of "2024-03-04 10:00..12:00": a time of the first half's day."""
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    moment = start.replace(hour=int(found[1]), minute=int(found[2]), second=59)
    return Window(moment, moment)


def _at(day: date, clock: time, now: datetime) -> datetime:
    return datetime.combine(day, clock, tzinfo=now.tzinfo)


def _unclear(text: str) -> Finding:
    return Finding(
        code="case.window",
        what=f'"{text}" is no time that is understood here',
        why="Known are: today, yesterday evening, monday, 3 days, 2 hours, a date such as 2024-03-04, or two of them",
        todo=("Write the time as one of these, for instance: 2024-03-04 10:00..12:00",),
    )
