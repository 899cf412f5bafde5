"""What came of one question put to a site: the value, or why there is none, and the evidence of both.

A question that is not allowed is an answer, and so is one that failed: nothing here is an exception. Sources: missing
data 0.4 (how to read an answer).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Standing(StrEnum):
    """What came of a question."""

    ANSWERED = "answered"
    NOT_ALLOWED = "not allowed"  # 401, 403, or what stands for it: says nothing about what is there
    ABSENT = "absent"  # 404: not there, or hidden from this account
    FAILED = "failed"  # no answer, an error of the server, a page in the place of data
    NOT_ASKED = "not asked"  # the budget is spent, or nobody needed it


@dataclass(frozen=True, slots=True)
class Evidence:
    """One question and its answer, short enough to be shown; no secrets, no patient names."""

    query: str  # "Q7": as the catalogue of missing data numbers them
    asked: str  # "GET /data/prearchive?format=json"
    got: str  # "3 rows", "403: not allowed"
    at: str  # ISO 8601 with zone, by the site's clock where it is known

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"query": self.query, "asked": self.asked, "got": self.got, "at": self.at}

    def as_text(self) -> str:
        """Return it as one line."""
        return f"{self.query}: {self.asked} -> {self.got} ({self.at})"


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What a site told: `value` is the answer when `is_known`, and an empty stand-in otherwise."""

    value: T
    standing: Standing
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_known(self) -> bool:
        """Tell whether the site answered."""
        return self.standing is Standing.ANSWERED

    @property
    def is_denied(self) -> bool:
        """Tell whether the account may not ask this: then nothing is known of what is there."""
        return self.standing is Standing.NOT_ALLOWED
