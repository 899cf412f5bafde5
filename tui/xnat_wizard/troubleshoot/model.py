"""What troubleshooting says: diagnoses, the ledger of local files, blind spots, and the report of them all.

Sources: missing data 0.1 (roles), 0.2 (certainty), 3.1 (output), 3.7 (ledger), 3.9 (blind spots), 3.10 (wording).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from xnat_wizard.findings import printable
from xnat_wizard.xnat.told import Evidence, Standing, Told

__all__ = ["Evidence", "Standing", "Told"]  # the evidence of a question is the client's, and shown here


class Certainty(StrEnum):
    """How sure a diagnosis is; the order is that of a report."""

    CONFIRMED = "CONFIRMED"  # one identifying fact
    LIKELY = "LIKELY"  # two or more independent indirect facts, none against
    POSSIBLE = "POSSIBLE"  # one indirect fact, or common and not ruled out
    NOT_CHECKABLE = "NOT CHECKABLE"  # the place exists, and this account may not look there
    RULED_OUT = "RULED OUT"  # looked at with sufficient rights, and negative

    @property
    def weight(self) -> int:
        """Return the place in a list sorted by certainty: 0 is the surest."""
        return tuple(Certainty).index(self)


class Role(StrEnum):
    """Whose rights an account has in a project (missing data 0.1)."""

    GUEST = "G"
    COLLABORATOR = "C"
    MEMBER = "M"
    OWNER = "O"
    ALL_DATA = "D"  # sees all, Unassigned included; acts on none of it
    ADMIN = "A"

    @property
    def words(self) -> str:
        """Return who that is, in words."""
        return _ROLE_WORDS[self]

    def may(self, least: "Role") -> bool:
        """Tell whether this role may do what takes at least another one."""
        return self in _MAY_ALSO[least]


_ROLE_WORDS = {
    Role.GUEST: "somebody who is not logged in",
    Role.COLLABORATOR: "a collaborator of the project",
    Role.MEMBER: "a member of the project",
    Role.OWNER: "an owner of the project",
    Role.ALL_DATA: "an account with access to all data",
    Role.ADMIN: "an administrator of the site",
}
_MAY_ALSO = {
    Role.GUEST: frozenset(Role),
    Role.COLLABORATOR: frozenset(Role) - {Role.GUEST},
    Role.MEMBER: frozenset({Role.MEMBER, Role.OWNER, Role.ADMIN}),
    Role.OWNER: frozenset({Role.OWNER, Role.ADMIN}),
    Role.ALL_DATA: frozenset({Role.ALL_DATA, Role.ADMIN}),
    Role.ADMIN: frozenset({Role.ADMIN}),
}


class StepKind(StrEnum):
    """What kind of act a next step is; only ONE_CLICK and CONFIRM are done by the program."""

    WAIT = "wait"
    ONE_CLICK = "one-click"  # after one yes
    CONFIRM = "confirm"  # after a preview of what it changes, and a yes
    RESEND_PART = "resend-part"  # F16: only what is missing
    BY_HAND = "by-hand"  # the person does it: another account, another address, repair of files
    ASK_OWNER = "ask-owner"
    ASK_ADMIN = "ask-admin"
    ASK_IT = "ask-it"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do about a diagnosis."""

    kind: StepKind
    text: str  # one sentence, an order
    action: str = ""  # "F6" of missing data 2.2
    role: Role = Role.MEMBER  # the least that may do it
    template: str = ""  # "T1" of missing data 2.3
    target: str = ""  # the URI it is done to, /data in front
    arguments: Mapping[str, str] = field(default_factory=dict)  # of the action: "project", "subject", "session", ...

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "kind": str(self.kind),
            "text": self.text,
            "action": self.action,
            "role": str(self.role),
            "template": self.template,
            "target": self.target,
            "arguments": dict(self.arguments),
        }


@dataclass(frozen=True, slots=True)
class Covers:
    """What part of the loss a diagnosis explains."""

    studies: tuple[str, ...] = ()  # Study Instance UIDs, as they are locally
    series: int = 0
    objects: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"studies": list(self.studies), "series": self.series, "objects": self.objects}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One cause of the catalogue, how sure it is, and what to do."""

    cause_id: str  # "ROU-01"; "DOC-00" for what is no cause: all is there; "DOC-01": a check itself failed
    certainty: Certainty
    says: str  # what: one sentence for the person
    why: str  # one sentence
    where: str = ""  # "prearchive/Unassigned/20250304_101500/S01"
    evidence: tuple[Evidence, ...] = ()
    covers: Covers = Covers()
    next_steps: tuple[NextStep, ...] = ()
    prevent: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return it as one JSON object, keys as the fields are named."""
        return {
            "type": "diagnosis",
            "id": self.cause_id,
            "certainty": str(self.certainty),
            "says": self.says,
            "why": self.why,
            "where": self.where,
            "evidence": [one.as_dict() for one in self.evidence],
            "covers": self.covers.as_dict(),
            "next": [step.as_dict() for step in self.next_steps],
            "prevent": self.prevent,
        }

    def as_text(self, *, has_details: bool = False) -> str:
        """Return it as plain lines: what, why, do; with details also its number and the evidence."""
        head = f"{self.certainty}  {self.cause_id}" if has_details else str(self.certainty)
        lines = [f"{head}: {self.says}", f"      why:   {self.why}"]
        lines += [f"      where: {self.where}"] if self.where else []
        lines += [f"      do:    {step.text}" for step in self.next_steps]
        if has_details:
            lines += [f"      asked: {one.as_text()}" for one in self.evidence]
            lines += [f"      next time: {self.prevent}"] if self.prevent else []
        return "\n".join(printable(line) for line in lines)


class Fate(StrEnum):
    """What became of one local file: exactly one each (3.7)."""

    ARRIVED = "arrived"
    COLLAPSED = "collapsed"  # a copy of another one that counts
    NOT_SENT = "not sent"
    DROPPED = "dropped on purpose"  # by a filter or a script
    REFUSED = "refused"
    ABSENT = "acknowledged but absent"
    UNVERIFIABLE = "unverifiable"  # the server could not be read


class Proof(StrEnum):
    """By what an arrived file was told."""

    NONE = ""
    UID = "SOP Instance UID"
    TOKEN = "file-name token"  # noqa: S105  no secret: a piece of a file name
    NAME = "name"
    COUNT = "count"


class PlaceKind(StrEnum):
    """Where on a server a session can be (missing data 1.0)."""

    NOWHERE = ""
    ARCHIVE = "archive"
    PREARCHIVE = "prearchive"
    UNASSIGNED = "unassigned"
    DIRECT = "direct archive"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One local file, and its one fate."""

    path: str  # below the source
    fate: Fate
    study_instance_uid: str = ""
    series_key: str = ""  # of the survey; "" for what belongs to no series
    sop_instance_uid: str = ""
    proof: Proof = Proof.NONE
    place: PlaceKind = PlaceKind.NOWHERE
    where: str = ""  # the session's URI
    scan_id: str = ""
    merged_into: str = ""  # the label of an older session that it was added to
    cause_id: str = ""  # of the catalogue, where one explains the fate
    remark: str = ""

    @property
    def outcome(self) -> str:
        """Return the fate as a person reads it, with the place."""
        if self.fate is Fate.UNVERIFIABLE:
            return "could not be looked up"
        if self.fate is not Fate.ARRIVED:
            return str(self.fate)
        return f"merged into {self.merged_into}" if self.merged_into else f"in {self.place}"

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "type": "file",
            "path": printable(self.path),
            "fate": str(self.fate),
            "outcome": self.outcome,
            "sop_instance_uid": self.sop_instance_uid,
            "proof": str(self.proof),
            "where": self.where,
            "scan": self.scan_id,
            "cause": self.cause_id,
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every local file once, in path order; and what the server has beyond them."""

    lines: tuple[LedgerLine, ...] = ()
    extra: tuple[tuple[str, int], ...] = ()  # (URI of a session, files there without a local partner)

    def count(self, *fates: Fate) -> int:
        """Return the number of files of these fates; all files when none is given."""
        return sum(line.fate in fates for line in self.lines) if fates else len(self.lines)

    def of(self, *fates: Fate) -> tuple[LedgerLine, ...]:
        """Return the files of these fates."""
        return tuple(line for line in self.lines if line.fate in fates)

    @property
    def totals(self) -> dict[Fate, int]:
        """Return how many files have each fate; they add up to all files."""
        counts = Counter(line.fate for line in self.lines)
        return {fate: counts[fate] for fate in Fate}

    @property
    def object_count(self) -> int:
        """Return the number of distinct DICOM objects."""
        return sum(bool(line.sop_instance_uid) and line.fate is not Fate.COLLAPSED for line in self.lines)

    @property
    def unexplained(self) -> tuple[LedgerLine, ...]:
        """Return the files that no cause explains yet: absent, unverifiable, or not sent for no known reason."""
        open_fates = {Fate.ABSENT, Fate.UNVERIFIABLE, Fate.NOT_SENT}
        return tuple(line for line in self.lines if line.fate in open_fates and not line.cause_id)

    def by_series(self) -> dict[str, "Ledger"]:
        """Return the lines of each series, by its key, in the order of the paths."""
        series: dict[str, list[LedgerLine]] = {}
        for line in self.lines:
            series.setdefault(line.series_key, []).append(line)
        return {key: Ledger(tuple(lines)) for key, lines in series.items()}


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """A place this account could not look at, and who can."""

    place: str
    why: str
    who: Role
    evidence: tuple[Evidence, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "type": "blind_spot",
            "place": self.place,
            "why": self.why,
            "who": str(self.who),
            "evidence": [one.as_dict() for one in self.evidence],
        }


class Verdict(StrEnum):
    """What a report comes to; the words of a receipt (4.1), and two of the search."""

    COMPLETE = "COMPLETE"
    BY_COUNT = "COMPLETE BY COUNT"
    ON_PURPOSE = "COMPLETE EXCEPT ON PURPOSE"
    INCOMPLETE = "INCOMPLETE"
    NOT_PROVEN = "NOT PROVEN"
    MOVING = "STILL MOVING"  # wait: see 3.5
    VOID = "RESULTS VOID"  # not logged in, or the site could not be asked


@dataclass(frozen=True, slots=True)
class Report:
    """What troubleshooting found, best first."""

    verdict: Verdict
    verdict_says: str  # one sentence with the numbers
    diagnoses: tuple[Diagnosis, ...]
    ledger: Ledger = Ledger()
    blind_spots: tuple[BlindSpot, ...] = ()
    account: str = ""
    site_url: str = ""
    asked: tuple[Evidence, ...] = ()  # every question, in order
    letters: tuple[tuple[str, str], ...] = ()  # (template, text), once they are written

    def find(self, cause_id: str) -> Diagnosis | None:
        """Return the surest diagnosis of a cause."""
        return next((one for one in self.diagnoses if one.cause_id == cause_id), None)

    def as_dict(self, *, has_files: bool = False) -> dict[str, object]:
        """Return it as one JSON object; the files of the ledger only when they are wanted."""
        return {
            "type": "report",
            "verdict": str(self.verdict),
            "verdict_says": self.verdict_says,
            "account": self.account,
            "site_url": self.site_url,
            "diagnoses": [one.as_dict() for one in self.diagnoses],
            "totals": {str(fate): count for fate, count in self.ledger.totals.items()},
            "blind_spots": [one.as_dict() for one in self.blind_spots],
            "files": [line.as_dict() for line in self.ledger.lines] if has_files else [],
            "asked": [one.as_dict() for one in self.asked],
        }
