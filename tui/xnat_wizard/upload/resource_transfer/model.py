"""The values of a transfer: what is wanted, what is between here and there, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.xnat.resources import Address, Details


class Existing(StrEnum):
    """What is done with a file whose name is taken by another one; equal ones are always left alone."""

    FAIL = "fail"  # it is a finding, and nothing of this target is moved
    SKIP = "skip"  # the other one stays
    REPLACE = "replace"


class Verdict(StrEnum):
    """How one target ended."""

    DONE = "done"  # every file is there, and was looked at
    INCOMPLETE = "incomplete"  # some are
    FAILED = "failed"  # none was moved
    PLANNED = "planned"  # only looked at: `--dry-run`


@dataclass(frozen=True, slots=True)
class Target:
    """Files on this disk, and a resource on the site."""

    subject: str  # what `{subject}` stands for; "" where no pattern names it
    path: Path  # the source of a put, the folder of a get
    address: Address
    label: str  # of the resource

    def __str__(self) -> str:
        return f"{self.address} / {self.label}"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How targets are to be worked on."""

    existing: Existing = Existing.FAIL
    is_dry: bool = False  # look at everything, change nothing
    verifies_bytes: bool = False  # read files back from the site where it keeps no digest
    keeps_archive: bool = False  # an archive is stored as it is, a folder as one
    creates: bool = False
    xsi_type: str = "xnat:mrSessionData"  # of a session that is made
    details: Details = field(default_factory=Details)


@dataclass(slots=True)
class Tally:
    """Counts of one target while it is worked on; read by whoever shows them."""

    files: int = 0
    size_bytes: int = 0  # of all of them
    to_move: int = 0  # have to travel
    moved: int = 0  # files that travelled and were found equal at the other end
    moved_bytes: int = 0
    there: int = 0  # were there, equal
    left: int = 0  # were there, differ, and stay
    by_size: int = 0  # of moved and there: compared by size alone
    failed: int = 0
    travelled_bytes: int = 0  # of bodies under way, as they go
    to_travel_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target."""

    target: Target
    verdict: Verdict
    tally: Tally
    findings: tuple[Finding, ...] = ()

    @property
    def proof(self) -> str:
        """Say by what the files are known to be equal: "MD5", "size", or both in numbers."""
        equal = self.tally.moved + self.tally.there
        if not equal or self.verdict is Verdict.PLANNED:
            return "-"
        if not self.tally.by_size:
            return "MD5"
        return "size" if self.tally.by_size == equal else f"MD5, {self.tally.by_size} by size"

    def as_dict(self) -> dict[str, object]:
        """Return it as one JSON object without its type."""
        tally, address = self.tally, self.target.address
        return {
            "subject_name": self.target.subject,
            "path": str(self.target.path),
            "project": address.project,
            "subject": address.subject,
            "session": address.session,
            "scan": address.scan,
            "resource": self.target.label,
            "verdict": str(self.verdict),
            "files": tally.files,
            "bytes": tally.size_bytes,
            "moved": tally.moved,
            "moved_bytes": tally.moved_bytes,
            "there": tally.there,
            "left": tally.left,
            "failed": tally.failed,
            "proof": self.proof,
            "findings": [finding.code for finding in self.findings],
        }


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first of many names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def note(code: str, what: str, why: str, todo: tuple[str, ...], where: str = "") -> Finding:
    """Return a finding that stops nothing."""
    return Finding(code, what, why, todo, where, Severity.NOTE)
