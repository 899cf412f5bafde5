"""What is known on this machine: the source as it was surveyed, and what journals, receipts and logs say was sent.

Sources: missing data 3.2 (D0, D1), questions Q33 and Q34.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from xnat_wizard.dicom.model import OtherFile, Survey
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.model import Evidence

# -- on this machine ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LocalObject:
    """One DICOM file of the source."""

    path: str  # below the source
    size_bytes: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    instance_number: str
    study_instance_uid: str
    series_key: str
    series_instance_uid: str
    series_number: str
    series_description: str
    modality: str
    study_date: str
    study_time: str
    study_description: str
    accession_number: str
    patient_id: str
    patient_name: str
    token: str  # of the name that the site gives it
    patient_comments: str = ""
    study_comments: str = ""
    patient_history: str = ""
    copies: tuple[str, ...] = ()  # paths of further files with the same SOP Instance UID
    order: int = 0  # place in the order of sending, where it is known; else of the paths

    @property
    def base_name(self) -> str:
        """Return the file's name without folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ZipFacts:
    """What an archive file looks like from outside (LOC-14, NET-07)."""

    name: str
    is_readable: bool
    reason: str = ""  # why not
    is_broken: bool = False  # it is a zip that ends early, or is damaged
    is_encrypted: bool = False
    has_stored_with_descriptor: bool = False  # Java's stream reader refuses those
    inner_archives: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()  # in their order


@dataclass(frozen=True, slots=True)
class Sibling:
    """A folder outside of the source that holds more of the same study (LOC-06)."""

    folder: Path
    study_instance_uid: str
    sop_instance_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Local:
    """The source as it was surveyed, or nothing of it where the files are gone."""

    survey: Survey | None
    objects: tuple[LocalObject, ...] = ()  # distinct ones, by path
    others: tuple[OtherFile, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    zip: ZipFacts | None = None
    evidence: tuple[Evidence, ...] = ()  # Q33

    @property
    def studies(self) -> tuple[str, ...]:
        """Return the Study Instance UIDs, in order."""
        return tuple(dict.fromkeys(one.study_instance_uid for one in self.objects))

    def of_study(self, study_instance_uid: str) -> tuple[LocalObject, ...]:
        """Return the objects of a study."""
        return tuple(one for one in self.objects if one.study_instance_uid == study_instance_uid)

    def by_series(self, study_instance_uid: str = "") -> dict[str, tuple[LocalObject, ...]]:
        """Return the objects by series key, of one study or of all."""
        series: dict[str, list[LocalObject]] = {}
        for one in self.objects:
            if not study_instance_uid or one.study_instance_uid == study_instance_uid:
                series.setdefault(one.series_key, []).append(one)
        return {key: tuple(objects) for key, objects in series.items()}


# -- what was sent -----------------------------------------------------------------------------------


class SentFate(StrEnum):
    """What a sender's own record says of one file."""

    ACKNOWLEDGED = "acknowledged"  # handled; not proof that it is stored
    REFUSED = "refused"
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file in a sender's record."""

    path: str  # as the record has it
    fate: SentFate
    status: str = ""  # "0000", "C000", "400", "no presentation context"
    sop_instance_uid: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Something a server or program said while sending."""

    text: str
    status: int = 0  # of HTTP, where there was one
    at: str = ""
    names: str = ""  # the file it names, "" for none


@dataclass(frozen=True, slots=True)
class Sent:
    """What journals, receipts and logs say was sent (Q34)."""

    is_known: bool = False  # there is a record at all
    origin: str = ""  # "journal", "receipt", "log of storescu", ...
    way: Way = Way.UNKNOWN
    site_url: str = ""
    account: str = ""
    project: str = ""
    subject: str = ""  # label of the only one; "" where several were sent
    session: str = ""  # likewise
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # subject and session by local study UID
    started: str = ""  # ISO 8601
    ended: str = ""
    uris: tuple[str, ...] = ()  # of sessions that the server named, /data in front
    files: tuple[SentFile, ...] = ()
    messages: tuple[Message, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)  # of the request, without secrets
    arguments: tuple[str, ...] = ()  # of a script's call
    rejected_contexts: tuple[tuple[str, str], ...] = ()  # (SOP class, transfer syntax), "" where not told
    association_error: str = ""  # "rejected: calling AE title not recognized", "connection refused", ...
    has_per_file_record: bool = False
    stored_uids: Mapping[str, str] = field(default_factory=dict)  # local to stored SOP Instance UID
    stored_study_uids: Mapping[str, str] = field(default_factory=dict)
    verified: tuple[str, ...] = ()  # SOP Instance UIDs that an earlier receipt saw on the server
    source: Path | None = None  # where the files were
    evidence: tuple[Evidence, ...] = ()

    def labels_of(self, study_instance_uid: str) -> tuple[str, str]:
        """Return under which subject and session a study was sent; "" where the records do not say."""
        return self.labels.get(study_instance_uid, (self.subject, self.session))
