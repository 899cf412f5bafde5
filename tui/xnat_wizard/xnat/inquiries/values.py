"""What the questions of an inquiry answer: frozen values, all texts as the site has them.

Sources: missing data 2.1 (the questions), wire contract 1.9, 4.3, 5.11, 5.12, 6.1, 6.9, 9.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xnat_wizard.amounts import whole_number

UNASSIGNED = "Unassigned"


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Whom the site takes us for (Q1)."""

    username: str
    roles: tuple[str, ...] = ()  # "Administrator"
    groups: tuple[str, ...] = ()  # "P1_owner", "ALL_DATA_ADMIN"
    editable: tuple[str, ...] = ()  # IDs of the projects whose data may be changed (Q5)

    @property
    def is_guest(self) -> bool:
        """Tell whether nobody is logged in: then every empty list is void."""
        return self.username.lower() in {"", "guest"}

    @property
    def is_admin(self) -> bool:
        """Tell whether this is an administrator of the site."""
        return "Administrator" in self.roles

    @property
    def sees_all(self) -> bool:
        """Tell whether the account lists everything, Unassigned included."""
        return self.is_admin or any(group.startswith("ALL_DATA_") for group in self.groups)


@dataclass(frozen=True, slots=True)
class ProjectName:
    """A project as the list of visible ones has it (Q4)."""

    id: str
    title: str  # "name"
    running_title: str  # "secondary_ID"


@dataclass(frozen=True, slots=True)
class ProjectRights:
    """What is set in one project, and who owns it (Q5, Q6); "" where it could not be read."""

    project: str
    accessibility: str = ""
    prearchive_code: str = ""
    quarantine_code: str = ""
    owners: tuple[str, ...] = ()  # logins

    @property
    def archives_by_itself(self) -> bool:
        """Tell whether built sessions are archived without anybody asking."""
        return (whole_number(self.prearchive_code) or 0) >= 4


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the prearchive with all its columns (Q7 to Q11)."""

    project: str  # of the row, never of the question; "Unassigned" when none
    timestamp: str
    folder: str
    label: str
    subject: str
    study_instance_uid: str  # "tag": as it arrived while RECEIVING, as it is stored after the build
    status: str
    last_modified: str = ""  # the site's local time without zone
    uploaded: str = ""
    scan_date: str = ""
    scan_time: str = ""
    autoarchive: str = ""
    prevent_anon: str = ""
    prevent_auto_commit: str = ""
    source: str = ""
    time_zone: str = ""

    @property
    def uri(self) -> str:
        """Return the canonical URI, /data in front, segments not yet percent-encoded."""
        return f"/data/prearchive/projects/{self.project}/{self.timestamp}/{self.folder}"

    @property
    def is_unassigned(self) -> bool:
        """Tell whether no project was found for it."""
        return self.project in {UNASSIGNED, ""}

    @property
    def plain_status(self) -> str:
        """Return the status without the marks of lock and queue."""
        return self.status.removeprefix("_").removeprefix("QUEUED_")

    @property
    def is_locked(self) -> bool:
        """Tell whether an operation holds the row, or waits to."""
        return self.status.startswith(("_", "QUEUED_"))

    @property
    def is_settled(self) -> bool:
        """Tell whether the row waits for a person."""
        return self.status in {"READY", "CONFLICT", "ERROR"}


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment of the archive (Q15, Q16, Q20)."""

    id: str
    label: str  # in the project that was asked
    project: str  # the primary one
    subject_label: str = ""
    xsi_type: str = ""
    date: str = ""
    insert_date: str = ""  # the site's local time without zone
    insert_user: str = ""
    study_instance_uid: str = ""
    status: str = ""  # "quarantine", "active", ...; "" when it was not asked
    seen_in: str = ""  # the project whose list showed it; "" when it was found by UID

    @property
    def uri(self) -> str:
        """Return the URI that works from any project."""
        return f"/data/experiments/{self.id}"

    @property
    def is_shared_in(self) -> bool:
        """Tell whether the project that showed it is not its own."""
        return bool(self.seen_in) and self.seen_in != self.project


@dataclass(frozen=True, slots=True)
class Held:
    """A session that direct archive holds: files in the archive, and no experiment yet (Q28)."""

    project: str
    subject: str
    label: str
    folder: str
    study_instance_uid: str
    status: str
    last_built: str = ""
    source: str = ""

    @property
    def uri(self) -> str:
        """Return the URI that triggers its archiving."""
        return f"/xapi/direct-archive/{self.project}/{self.study_instance_uid}/{self.label}"


@dataclass(frozen=True, slots=True)
class ScanFact:
    """A scan of a session (Q12, Q18)."""

    id: str
    series_instance_uid: str = ""
    series_description: str = ""
    type: str = ""
    xsi_type: str = ""
    frames: str = ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file in a scan (Q12, Q19)."""

    scan_id: str
    resource: str  # "DICOM", "secondary", ...
    name: str
    size_bytes: int
    uri: str
    sop_instance_uid: str = ""  # from the catalogue; "" where it is not known
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A DICOM receiver (Q24)."""

    ae_title: str
    port: int
    is_enabled: bool
    has_custom_processing: bool = False
    is_direct_archive: bool = False
    is_anonymizing: bool = True
    has_whitelist: bool = False
    whitelist: tuple[str, ...] = ()
    has_routing: bool = False
    project_routing: str = ""
    subject_routing: str = ""
    session_routing: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A series import filter that is switched on (Q21)."""

    owner: str  # "site", "project"
    mode: str
    lines: str


@dataclass(frozen=True, slots=True)
class Script:
    """An anonymization script (Q23)."""

    owner: str  # "site", "project"
    is_on: bool | None  # `None`: not told
    text: str


@dataclass(frozen=True, slots=True)
class CachedFile:
    """An upload parked in the account's cache (Q27)."""

    resource: str
    name: str
    size_bytes: int
    uri: str  # /data in front


@dataclass(frozen=True, slots=True)
class ImportEvent:
    """What became of an import that was taken for later (Q26)."""

    key: str
    has_succeeded: bool | None  # `None`: it runs
    message: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What a site says of itself (Q2, Q3); the settings by XNAT's names, those that were told."""

    url: str
    version: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def build_s(self) -> float:
        """Return after how long without a change a session should have been built (missing data 3.5)."""
        return self._number("sessionXmlRebuilderInterval", 5.0) * 60 + self._repeat_s + 120

    @property
    def interval_s(self) -> float:
        """Return how long a session must be idle before it is built."""
        return self._number("sessionXmlRebuilderInterval", 5.0) * 60

    @property
    def archive_s(self) -> float:
        """Return after how long archiving should have ended: twice the site's limit, or 20 minutes."""
        limit = self._number("sessionArchiveTimeoutInterval", 0.0)
        return 2 * limit if limit else 1200.0

    @property
    def _repeat_s(self) -> float:
        return self._number("sessionXmlRebuilderRepeat", 60000.0) / 1000

    def _number(self, name: str, default: float) -> float:
        try:
            return float(self.settings.get(name, ""))
        except ValueError:
            return default
