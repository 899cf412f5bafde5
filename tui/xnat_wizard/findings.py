"""Findings: whatever is worth saying to a person, as data with three parts.

A finding is made where the knowledge is and travels as a value; a dialog, a line on the command line, JSON and
the log draw it from the same fields.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for the upload; the order is the order of weight."""

    STOP = "stop"  # this part cannot be sent, or this step cannot go on
    ASK = "ask"  # it goes only after a yes
    NOTE = "note"  # worth knowing

    @property
    def weight(self) -> int:
        """Return the place in a list sorted by weight: 0 is the heaviest."""
        return tuple(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying: what happened, why, and what to do."""

    code: str  # "login.refused": stable, documented, greppable
    what: str  # The server refused the password for "anna".
    why: str  # XNAT answered 401 to GET /data/JSESSION.
    todo: tuple[str, ...]  # steps, the likeliest first, each one act
    where: str = ""  # path, series, session
    severity: Severity = Severity.STOP
    shareable: str = ""  # the same without names, for a ticket

    def as_text(self) -> str:
        """Return the finding as plain lines for a terminal without the wizard."""
        lines = [f"{self.severity.upper():4}  {self.what}"]
        if self.where:
            lines.append(f"      where: {self.where}")
        lines.append(f"      why:   {self.why}")
        lines.extend(f"      do:    {step}" for step in self.todo)
        return "\n".join(printable(line) for line in lines)

    def as_dict(self) -> dict[str, object]:
        """Return the finding as one JSON object, keys as the fields are named."""
        return {
            "type": "finding",
            "code": self.code,
            "severity": str(self.severity),
            "what": self.what,
            "why": self.why,
            "todo": list(self.todo),
            "where": self.where,
        }


class Problem(Exception):  # noqa: N818  it is the finding's carrier, and reads so: `raise Problem(finding)`
    """An expected failure: carries the finding that explains it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.code}: {finding.what}")
        self.finding = finding


def printable(text: str) -> str:
    """Return a text as it can be shown on one line of a terminal: control characters and stray bytes as escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")


def by_weight(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings: the heaviest first, then by place and code, so that two runs read the same."""
    return sorted(findings, key=lambda finding: (finding.severity.weight, finding.where, finding.code))
