"""What a series import filter of XNAT will do with the series of a plan (wire contract 9.4).

XNAT drops what a filter excludes and says nothing. A filter's lines are regular expressions, searched without regard
to case, in the series description or in the element that a `[Keyword]` above them names. Only what the survey has read
of a series is known here, so an answer may also be "not known".
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xnat_wizard.dicom.model import Series
from xnat_wizard.expressions import BadExpression, Expression, Unsearched, expression

_Read = Callable[[Series], frozenset[str]]


def _attribute(name: str) -> _Read:
    return lambda series: frozenset({getattr(series, name)})


_KNOWN: dict[int, _Read] = {
    0x0008103E: _attribute("series_description"),
    0x00080060: _attribute("modality"),
    0x00200011: _attribute("series_number"),
    0x00081030: _attribute("study_description"),
    0x00080020: _attribute("study_date"),
    0x00080030: _attribute("study_time"),
    0x00080050: _attribute("accession_number"),
    0x00080070: _attribute("manufacturer"),
    0x00100020: _attribute("patient_id"),
    0x00100010: _attribute("patient_name"),
    0x0020000D: _attribute("study_instance_uid"),
    0x0020000E: _attribute("series_instance_uid"),
    0x00080016: lambda series: frozenset(instance.sop_class_uid for instance in series.instances),
}
_SERIES_DESCRIPTION = 0x0008103E
_SECTION = re.compile(r"\[\s*(?:\(?([0-9A-Fa-f]{4})\s*,\s*([0-9A-Fa-f]{4})\)?|([A-Za-z0-9]+))\s*\]")


class NotSimulated(Exception):  # noqa: N818  says why
    """A filter that this program cannot evaluate; `reason` is one sentence without full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Line:
    """One condition on one element."""

    tag: int
    pattern: Expression | None  # `None`: presence
    is_presence: bool = True

    def holds(self, series: Series) -> bool | None:
        """Tell whether it holds for the whole series; `None` when that is not known."""
        read = _KNOWN.get(self.tag)
        if read is None:
            return None
        answers = {self._holds_for(value) for value in read(series)}
        return answers.pop() if len(answers) == 1 else None

    def _holds_for(self, value: str) -> bool | None:
        if self.pattern is None:
            return self.is_presence if value else None  # absent, or there and empty: the survey does not tell
        try:
            is_hit = self.pattern.search(value) is not None
        except Unsearched:
            return None
        return is_hit if value or not is_hit else None


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """A filter that can be evaluated."""

    is_whitelist: bool
    lines: tuple[_Line, ...]

    @classmethod
    def parse(cls, mode: str, lines: str) -> "SeriesFilter":
        """Return the filter of a mode and its lines.

        Raises:
            NotSimulated: a mode or a line that is not known here.
        """
        if mode not in {"blacklist", "whitelist"}:
            raise NotSimulated(f"Its mode is `{mode}`")
        parsed = tuple(_parsed(lines))
        if not parsed and mode == "whitelist":
            raise NotSimulated("It lets in nothing, by an empty list")
        return cls(mode == "whitelist", parsed)

    def drops(self, series: Series) -> bool | None:
        """Tell whether XNAT will drop a series; `None` when that cannot be known."""
        answers = [line.holds(series) for line in self.lines]
        if True in answers:
            return not self.is_whitelist
        return None if None in answers else self.is_whitelist


def _parsed(lines: str) -> Iterable[_Line]:
    tag = _SERIES_DESCRIPTION
    for line in map(str.strip, lines.splitlines()):
        section = _tag_of(line)
        if section is not None:
            tag = section
        elif line in {"EXISTS", "!EXISTS"}:
            yield _Line(tag, None, is_presence=line == "EXISTS")
        elif line:
            try:
                yield _Line(tag, expression(line, ignores_case=True))
            except BadExpression:  # Java knows some that Python does not
                raise NotSimulated(f"Its line `{line}` is no regular expression of this program") from None


def _tag_of(line: str) -> int | None:
    """Return the element that a line opens a section for; a class of letters such as `[abc]` opens none."""
    section = _SECTION.fullmatch(line)
    if section is None:
        return None
    if section[1]:
        return int(section[1] + section[2], 16)
    from pydicom.datadict import tag_for_keyword

    return tag_for_keyword(section[3])
