"""The facts of a case: everything that was read, here and at the site, as one frozen value for the rules.

`None` (or `NOT_ASKED`) means that nobody looked yet; what was asked and not told says so itself. Rules run more than
once, each time on more facts. Sources: missing data 3.2, 3.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.local_facts import (
    Local,
    LocalObject,
    Message,
    Sent,
    SentFate,
    SentFile,
    Sibling,
    ZipFacts,
)
from xnat_wizard.troubleshoot.model import Certainty, Evidence, Ledger, PlaceKind, Role, Standing, Told
from xnat_wizard.xnat.inquiries.values import (
    CachedFile,
    Experiment,
    Filter,
    Held,
    ImportEvent,
    ProjectName,
    ProjectRights,
    Receiver,
    Row,
    ScanFact,
    Script,
    SiteFacts,
    StoredObject,
    WhoAmI,
)
from xnat_wizard.xnat.model import ArchiveVerdict

__all__ = [
    "Local",
    "LocalObject",
    "Message",
    "Sent",
    "SentFate",
    "SentFile",
    "Sibling",
    "ZipFacts",
]  # of the facts, too


# -- at the site -------------------------------------------------------------------------------------


class Match(StrEnum):
    """How a typed project fits those that are visible."""

    NONE_TYPED = "none typed"
    EXACT = "exact"
    TITLE = "title"  # it is the title of one; its ID is another
    RUNNING_TITLE = "running title"
    FOLDED = "look-alike"  # equal but for case, "-", "_", blanks, O and 0, l and 1, leading zeros
    NONE = "none"  # none that is visible: it may be an alias, or a project this account cannot see


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What became of the project as typed (D3)."""

    typed: str
    match: Match
    id: str = ""  # of the project that is meant, "" when unknown
    alikes: tuple[ProjectName, ...] = ()  # all that fit as well
    visible: tuple[ProjectName, ...] = ()
    role: Role = Role.GUEST  # ours, in the project that is meant
    rights: ProjectRights | None = None
    labels: tuple[str, ...] = ()  # subjects in it, where they were asked
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_visible(self) -> bool:
        """Tell whether the meant project is among those we can see."""
        return any(one.id == self.id for one in self.visible)


@dataclass(frozen=True, slots=True)
class Place:
    """A session at the site, wherever it stands."""

    kind: PlaceKind
    uri: str
    project: str
    label: str
    subject: str
    study_instance_uid: str
    status: str = ""
    row: Row | None = None
    experiment: Experiment | None = None
    held: Held | None = None

    @property
    def shown(self) -> str:
        """Return the place as a person reads it."""
        if self.kind is PlaceKind.ARCHIVE and self.experiment:
            return f"archive/{self.project}/{self.label} ({self.experiment.id})"
        if self.row:
            return f"prearchive/{self.row.project or 'Unassigned'}/{self.row.timestamp}/{self.row.folder}"
        return f"{self.kind}/{self.project}/{self.label}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may hold a local study, and how well it fits (3.4)."""

    study_instance_uid: str  # the local one; "" where no files are at hand
    place: Place
    score: int
    certainty: Certainty
    reasons: tuple[str, ...] = ()  # "study UID", "session label", ...
    has_identity: bool = False  # an identity fact is among them


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a place (D6, D7)."""

    uri: str
    standing: Standing
    scans: tuple[ScanFact, ...] = ()
    files: tuple[StoredObject, ...] = ()
    log: str = ""  # Q13
    has_document: bool | None = None  # the session XML is there
    is_gone: bool = False  # it was listed, and went away while we looked
    status: str = ""  # of an experiment: "quarantine", "active", "locked"
    dry_run: Told[tuple[ArchiveVerdict, ...]] | None = None  # Q29
    unreadable: tuple[str, ...] = ()  # URIs of sampled files that the catalogue has and the server does not give
    sampled: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Policies:
    """What changes or drops what arrives (D8)."""

    filters: Told[tuple[Filter, ...]]
    scripts: Told[tuple[Script, ...]]
    rules: Told[Mapping[str, str]]  # "projectRules", ...: their text; only those that are set
    receivers: Told[tuple[Receiver, ...]]
    processors: Told[tuple[str, ...]]  # names of those that are on


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the site will do with some objects of one study, by the rules that can be read (3.6)."""

    study_instance_uid: str
    paths: tuple[str, ...]  # of the objects
    project: str  # "" is Unassigned
    is_certain: bool  # every rule before it was read and every candidate is visible
    session: str
    subject: str
    because: str  # "parameter", "PatientComments", "StudyDescription", "nothing matched", ...
    candidates: tuple[tuple[str, str], ...] = ()  # (where it stands, text) in the order they are tried
    unsimulated: tuple[str, ...] = ()  # rules that are there and cannot be evaluated here


@dataclass(frozen=True, slots=True)
class Drop:
    """An object that a filter or a script is predicted to drop."""

    path: str
    cause_id: str  # ROU-12, ROU-13, ROU-14
    is_certain: bool
    because: str  # "the site's filter: localizer"


@dataclass(frozen=True, slots=True)
class Network:
    """What the way to the receiver and the site is like now (D9); `None`: not tried."""

    web_connects: bool | None = None
    dicom_connects: bool | None = None
    dicom_error: str = ""  # "refused", "timed out", ...
    echo: bool | None = None
    association: str = ""  # "accepted", "rejected: ...", "aborted"
    refused_contexts: tuple[tuple[str, str], ...] = ()  # (SOP class, transfer syntax) of those the case needs
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Crash:
    """A check that failed by itself: a result as well."""

    name: str
    error: str  # the kind of error, without values


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known. A frozen value: the runner makes the next one with `adding`."""

    case: Case
    now: datetime  # with zone, here
    offset_s: float = 0.0  # the site's clock minus ours
    local: Local | None = None
    sent: Sent = field(default_factory=Sent)
    no_site: Finding | None = None  # why the site could not be asked at all
    who: Told[WhoAmI] | None = None
    site: Told[SiteFacts] | None = None
    project: ProjectFacts | None = None
    rows: Told[tuple[Row, ...]] | None = None  # all that we may see, of every project
    unassigned: Told[tuple[Row, ...]] | None = None  # Q9, Q10
    by_uid: Told[tuple[Experiment, ...]] | None = None  # Q15, UIDs compared here
    in_projects: Mapping[str, Told[tuple[Experiment, ...]]] = field(default_factory=dict)  # Q16 by project ID
    known: Mapping[str, Told[Experiment | None]] = field(default_factory=dict)  # Q20: by experiment ID or label
    earlier: Mapping[str, Told[Row | None]] = field(default_factory=dict)  # Q11: rows that our records name, by URI
    held: Told[tuple[Held, ...]] | None = None  # Q28
    cache: Told[tuple[CachedFile, ...]] | None = None  # Q27
    event: Told[ImportEvent | None] | None = None  # Q26
    candidates: tuple[Candidate, ...] = ()  # best first
    contents: Mapping[str, Contents] = field(default_factory=dict)  # by URI
    policies: Policies | None = None
    forecasts: tuple[Forecast, ...] = ()
    drops: tuple[Drop, ...] = ()
    network: Network | None = None
    ledger: Ledger = field(default_factory=Ledger)
    moving: tuple[str, ...] = ()  # URIs of sessions that changed while we looked, or may still
    done: tuple[str, ...] = ()  # the steps that were taken: "D0", "D1", ...
    crashes: tuple[Crash, ...] = ()
    asked: tuple[Evidence, ...] = ()

    def adding(self, **changes: object) -> "Facts":
        """Return the facts with more of them."""
        return replace(self, **changes)  # type: ignore[arg-type]  # field names, checked by the dataclass itself

    @property
    def role(self) -> Role:
        """Return our role: in the project that is meant, else the best one that we have anywhere."""
        if self.who is None or self.who.value.is_guest:
            return Role.GUEST
        if self.who.value.is_admin:
            return Role.ADMIN
        if self.who.value.sees_all:
            return Role.ALL_DATA
        if self.project and self.project.role is not Role.GUEST:
            return self.project.role
        return Role.MEMBER if self.who.value.editable else Role.COLLABORATOR

    @property
    def studies(self) -> tuple[str, ...]:
        """Return the Study Instance UIDs that are looked for, from files, records and the person."""
        local = self.local.studies if self.local else ()
        given = (self.case.study_instance_uid, *self.sent.stored_study_uids)
        return tuple(dict.fromkeys(uid for uid in (*local, *given) if uid))

    def hits(self, study_instance_uid: str = "", *kinds: PlaceKind) -> tuple[Candidate, ...]:
        """Return the places that are at least LIKELY, of one study or all, of some kinds or all; best first."""
        return tuple(
            one
            for one in self.candidates
            if one.certainty in {Certainty.CONFIRMED, Certainty.LIKELY}
            and (not study_instance_uid or one.study_instance_uid == study_instance_uid)
            and (not kinds or one.place.kind in kinds)
        )

    def contents_of(self, place: Place) -> Contents | None:
        """Return what is in a place, where it was opened."""
        return self.contents.get(place.uri)

    def evidence(self, *queries: str, about: str = "") -> tuple[Evidence, ...]:
        """Return the questions of these numbers, in order; `about` must stand in what was asked."""
        return tuple(one for one in self.asked if one.query in queries and about in one.asked)
