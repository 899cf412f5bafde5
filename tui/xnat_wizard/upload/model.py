"""The values of an upload: the plan, its states, and what a screen reads of a running one."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from xnat_wizard.dicom.layout import HOUSE
from xnat_wizard.dicom.model import ParRecPair, Series
from xnat_wizard.findings import Finding
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.deidentify.choice import Deidentification


class Destination(StrEnum):
    """Where sessions end."""

    PREARCHIVE = "prearchive"  # built and checked, waiting for a person
    ARCHIVE = "archive"


class Route(StrEnum):
    """How images travel to the site."""

    IMPORT = "import"  # many files in one request; smaller ones where the site takes no large ones
    GRADUAL = "gradual"  # one file a request, from the start
    DICOM = "c-store"  # to the site's DICOM receiver


class Compression(StrEnum):
    """Whether files are deflated on their way."""

    AUTO = "auto"  # by measuring the line, and never to this machine
    MEASURED = "measured"  # even to this machine: the address is one end of a tunnel
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Options:
    """How fast an upload may be; kept in its journal, obeyed from the next start of its worker."""

    limit_bytes_s: int = 0  # for the whole upload; 0: none
    most_connections: int = 8  # at most 12
    compression: Compression = Compression.AUTO


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """One imaging session to be: one subject, one study."""

    key: str  # stable within a plan
    subject_label: str
    session_label: str
    subject_folder: str
    study_instance_uid: str
    study_date: str
    modality: str  # the session's, after XNAT's rule: "MR", "PET", "CT"
    series: tuple[Series, ...]
    pairs: tuple[ParRecPair, ...]
    is_included: bool
    held_by: tuple[str, ...] = ()  # finding codes that want a yes (ASK) or forbid it (STOP)
    is_blocked: bool = False  # a STOP finding holds it: it cannot be included
    left_out: tuple[Series, ...] = ()  # series of the study that findings keep back while the others go
    left_out_pairs: tuple[ParRecPair, ...] = ()
    session_folder: str = ""  # where the layout has a folder for the session

    @property
    def instance_count(self) -> int:
        """Return the number of DICOM instances."""
        return sum(len(series.instances) for series in self.series)

    @property
    def file_count(self) -> int:
        """Return the number of files, both halves of each PAR/REC pair counted."""
        return self.instance_count + 2 * len(self.pairs)

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all its files."""
        pairs = sum(pair.par_size_bytes + pair.rec_size_bytes for pair in self.pairs)
        return pairs + sum(series.size_bytes for series in self.series)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be sent where. Frozen; saved as a readable file that can be run unattended."""

    source: Path
    site_url: str
    project: str
    destination: Destination
    sessions: tuple[PlannedSession, ...]
    not_sent: tuple[str, ...] = ()  # what of the source is no image to send, counted: "2 files: not DICOM"
    layout: str = HOUSE.pattern  # how the folders of the source were read
    route: Route = Route.IMPORT
    receiver: Peer | None = None  # whom the images go to, of the route by DICOM
    options: Options = Options()  # how fast it may be
    deidentification: Deidentification | None = None  # before sending; None: what the site's scripts do

    @property
    def included(self) -> tuple[PlannedSession, ...]:
        """Return the sessions that will be sent."""
        return tuple(session for session in self.sessions if session.is_included)

    @property
    def kept_back(self) -> tuple[str, ...]:
        """Return which images stay behind, counted and in words: of sessions not included, and held by findings."""
        excluded = sum(session.file_count for session in self.sessions if not session.is_included)
        held = sum(len(one.instances) for session in self.sessions for one in session.left_out if one.held_by)
        held += 2 * sum(bool(one.held_by) for session in self.sessions for one in session.left_out_pairs)
        chosen = sum(len(one.instances) for session in self.sessions for one in session.left_out if not one.held_by)
        chosen += 2 * sum(not one.held_by for session in self.sessions for one in session.left_out_pairs)
        counts = (
            (excluded, "of sessions that were not included"),
            (held, "held back by findings"),
            (chosen, "of series that were left out by choice"),
        )
        return tuple(f"{count} {'file' if count == 1 else 'files'}: {why}" for count, why in counts if count)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an upload, in words for the person whose upload it is."""

    id: int  # grows
    when_s: float  # epoch seconds
    text: str


class SessionState(StrEnum):
    """Where one session of an upload stands; legal moves are a table in the journal."""

    WAITING = "waiting"
    SENDING = "sending"
    BUILDING = "building"
    CHECKING = "checking"  # counting the prearchive against the plan
    ARCHIVING = "archiving"
    VERIFYING = "verifying"  # counting the archive against the plan
    DONE = "done"
    INCOMPLETE = "incomplete"  # ended, and the receipt has gaps
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more will happen to it in this run."""
        return self in {SessionState.DONE, SessionState.INCOMPLETE, SessionState.FAILED, SessionState.CANCELLED}


class UploadState(StrEnum):
    """Where an upload as a whole stands."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"  # every session is done
    INCOMPLETE = "incomplete"  # ended, and some files are missing or some sessions failed
    CANCELLED = "cancelled"
    FAILED = "failed"  # could not go on: the last finding says why; can be resumed

    @property
    def is_final(self) -> bool:
        """Tell whether the worker has ended, or should have."""
        return self not in {UploadState.PLANNED, UploadState.RUNNING, UploadState.PAUSED}


@dataclass(frozen=True, slots=True)
class SessionProgress:
    """One session of a running upload, as a screen shows it."""

    key: str
    subject_label: str
    session_label: str
    state: SessionState
    files_total: int
    files_sent: int
    files_stored: int  # seen on the server
    bytes_total: int
    bytes_sent: int
    uri: str  # where it is now, /data in front; "" before the first answer
    finding: Finding | None  # why it failed or what is missing


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """An upload in numbers: one cheap query, read 4 times a second."""

    state: UploadState
    project: str
    destination: Destination
    sessions: tuple[SessionProgress, ...]
    started_s: float | None  # epoch seconds
    ended_s: float | None
    finding: Finding | None  # why it stopped as a whole
    connections: int = 0  # in use now
    retries: int = 0  # so far, over all runs
    trouble: str = ""  # why it is waiting to try again, in words; "" when it is not

    @property
    def files_total(self) -> int:
        """Return the number of files of all sessions."""
        return sum(session.files_total for session in self.sessions)

    @property
    def files_sent(self) -> int:
        """Return the number of files the server has answered for."""
        return sum(session.files_sent for session in self.sessions)

    @property
    def bytes_total(self) -> int:
        """Return the bytes of all sessions."""
        return sum(session.bytes_total for session in self.sessions)

    @property
    def bytes_sent(self) -> int:
        """Return the bytes on their way or there; may go back when a part is sent again."""
        return sum(session.bytes_sent for session in self.sessions)


class Request(StrEnum):
    """What a person asks of a running worker; a row in the journal."""

    PAUSE = "pause"
    GO_ON = "go on"
    CANCEL = "cancel"


class Fate(StrEnum):
    """What became of one local file: exactly one each."""

    STORED = "stored"
    SENT = "sent"  # answered for, not yet seen
    MISSING = "missing"  # answered for, not found
    REFUSED = "refused"  # the server said no
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One series of the receipt."""

    subject_label: str
    session_label: str
    scan_id: str  # on the server; "" when not found
    series_description: str
    modality: str
    files_local: int
    files_sent: int
    files_stored: int
    proof: str  # "MD5", "file-name token", "name and size", "count", ""
    remark: str
    files_differing: int = 0  # of those stored: the server has other bytes, and no script explains it
    copies: int = 0  # further local files with the same images, which were not sent


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof, made by reading the server, never by adding up answers."""

    created: str  # ISO 8601 with zone
    site_url: str
    site_version: str
    username: str
    project: str
    lines: tuple[ReceiptLine, ...]
    places: tuple[str, ...]  # where each session is now
    verdict: str  # COMPLETE, COMPLETE BY COUNT, INCOMPLETE n, NOT PROVEN
    not_proven: tuple[str, ...]
    not_sent: tuple[str, ...]  # "2 not DICOM", ...
    site_facts: dict[str, str | bool | None] = field(default_factory=dict)  # settings that change what is stored
    deidentification: str = ""  # what was done to the images on their way, in words; "" for nothing
    pixel_check: str = ""  # what came of comparing pixels, in words; "" when nobody asked for it
