"""Series import filters: which objects are let in (the wire contract 9.4)."""

import json
import re
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from xnat_wizard.practice import headers
from xnat_wizard.practice.store import Store

_SERIES_DESCRIPTION = 0x0008103E
_MODALITY = 0x00080060


@dataclass(frozen=True)
class Line:
    """One condition: a pattern searched in an element, or its presence or absence."""

    tag: int
    pattern: re.Pattern[str] | None
    is_presence: bool = True

    def holds(self, header: Dataset) -> bool:
        """Tell whether the object meets the condition."""
        value = headers.text(header, self.tag)
        if self.pattern is None:
            return bool(value) == self.is_presence
        return bool(self.pattern.search(value))


@dataclass(frozen=True)
class SeriesFilter:
    """A filter of the site or of a project."""

    is_whitelist: bool
    lines: tuple[Line, ...]

    @property
    def tags(self) -> tuple[int, ...]:
        """Return the elements that the filter looks at."""
        return tuple(line.tag for line in self.lines)

    def includes(self, header: Dataset) -> bool:
        """Tell whether the object is let in."""
        return any(line.holds(header) for line in self.lines) == self.is_whitelist


def parse_list(text: str) -> tuple[Line, ...]:
    """Read the lines of a filter; `[Element]` opens a section.

    Raises:
        ValueError: an element or a pattern is malformed.
    """
    tag = _SERIES_DESCRIPTION
    lines = []
    for raw in text.splitlines():
        line = raw.strip()
        section = re.fullmatch(r"\[(.+)\]", line)
        if section and (known := _tag(section.group(1))) is not None:
            tag = known
        elif line in {"EXISTS", "!EXISTS"}:
            lines.append(Line(tag, None, is_presence=line == "EXISTS"))
        elif line:
            try:
                lines.append(Line(tag, re.compile(line, re.IGNORECASE)))
            except re.error as error:
                raise ValueError(f"malformed pattern in a series import filter: {line}") from error
    return tuple(lines)


def _tag(name: str) -> int | None:
    numbers = re.fullmatch(r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?", name.strip())
    return int(numbers.group(1) + numbers.group(2), 16) if numbers else tag_for_keyword(name.strip())


def parse_filter(contents: str) -> SeriesFilter | None:
    """Read a filter's JSON.

    Raises:
        ValueError: it is no JSON, or a form this server does not know (`modalityMap`).
    """
    raw: dict[str, Any] = json.loads(contents)
    return make_filter(str(raw.get("mode", "blacklist")), str(raw.get("list", "")))


def make_filter(mode: str, patterns: str) -> SeriesFilter | None:
    """Make a filter of its mode and lines; None when there is nothing to filter by."""
    if mode not in {"blacklist", "whitelist"}:
        raise ValueError(f"the practice server does not know series import filters of the mode {mode}")
    lines = parse_list(patterns)
    return SeriesFilter(mode == "whitelist", lines) if lines else None


def site_filter(store: Store) -> SeriesFilter | None:
    """Return the site's filter while it is enabled."""
    preferences = store.state.preferences
    if not preferences.get("enableSitewideSeriesImportFilter"):
        return None
    mode = preferences.get("sitewideSeriesImportFilterMode") or "blacklist"
    return make_filter(str(mode), str(preferences.get("sitewideSeriesImportFilter") or ""))


def project_filter(store: Store, project: str) -> SeriesFilter | None:
    """Return a project's filter while its configuration is enabled."""
    config = store.config("seriesImportFilter", "config", project)
    return parse_filter(config.contents) if config and config.status == "enabled" else None
