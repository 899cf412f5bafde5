"""XNAT's things as frozen values, named by XNAT's own words. Sections refer to XNAT's REST wire contract."""

from dataclasses import dataclass
from enum import StrEnum

from xnat_wizard.amounts import whole_number
from xnat_wizard.settings import Secret

UNASSIGNED = "Unassigned"  # what stands for the project of a prearchive session that has none


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in to a site; `username` and `password` may be an alias token's alias and secret (1.6)."""

    address: str  # as typed; connect() finds the real one
    username: str
    password: Secret
    ca_file: str = ""  # a private certificate authority
    is_unsafe: bool = False  # do not verify TLS: an explicit, visible choice


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """What a site says of itself without a login (1.9)."""

    url: str  # with context path, without trailing slash
    version: str  # "1.9.3"; "" when it does not say


class Role(StrEnum):
    """A person's role in a project (0.8)."""

    ADMIN = "site admin"
    OWNER = "owner"
    MEMBER = "member"
    COLLABORATOR = "collaborator"
    NONE = "no role"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is logged in (1.10)."""

    username: str
    is_admin: bool
    groups: tuple[str, ...]  # "P1_owner"

    def role_in(self, project_id: str) -> Role:
        """Return the role in a project; a site admin is one everywhere."""
        if self.is_admin:
            return Role.ADMIN
        for role in (Role.OWNER, Role.MEMBER, Role.COLLABORATOR):
            if f"{project_id}_{role}" in self.groups:
                return role
        return Role.NONE


class Accessibility(StrEnum):
    """Who may see a project (2.4)."""

    PRIVATE = "private"
    PROTECTED = "protected"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Project:
    """A project as the filtered list shows it (2.1)."""

    id: str
    name: str  # XNAT's "title"
    running_title: str  # XNAT's secondary_ID
    description: str
    principal_investigator: str
    role: Role
    accessibility: str  # an `Accessibility`, or "" when the site does not say
    prearchive_code: str  # "0", "4", "5", or ""

    @property
    def may_upload(self) -> bool:
        """Tell whether the person may create data in it (0.8)."""
        return self.role in {Role.ADMIN, Role.OWNER, Role.MEMBER}


@dataclass(frozen=True, slots=True)
class ProjectDraft:
    """A project as a person types it, before it exists (2.3)."""

    id: str = ""
    name: str = ""
    running_title: str = ""
    description: str = ""
    keywords: str = ""
    accessibility: Accessibility = Accessibility.PRIVATE


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """The settings of site and project that change an upload; `None` where the account may not read them."""

    prearchive_code: str  # 2.5
    quarantine_code: str
    is_site_script_on: bool | None  # 3
    is_project_script_on: bool | None
    has_site_filter: bool | None  # 9.4
    has_project_filter: bool | None
    file_name_template: str  # dicomFileNameTemplate; "" when unknown

    @property
    def archives_by_itself(self) -> bool:
        """Tell whether built sessions go to the archive without anybody asking (2.5: the server tests code >= 4)."""
        return (whole_number(self.prearchive_code) or 0) >= 4


@dataclass(frozen=True, slots=True)
class SeriesFilterText:
    """A series import filter as it is stored (9.4)."""

    mode: str  # "blacklist", "whitelist", "modalityMap"
    lines: str


@dataclass(frozen=True, slots=True)
class ArrivalRules:
    """What is switched on to filter and rewrite what arrives; `None` or "" where nothing is, as far as can be read."""

    site_filter: SeriesFilterText | None
    project_filter: SeriesFilterText | None
    site_script: str
    project_script: str
    unread: tuple[str, ...] = ()  # "site", "project": whose filter may be on and cannot be read


@dataclass(frozen=True, slots=True)
class ImportAnswer:
    """What the import service answered: one URI per session touched; empty when all was rejected (5.6)."""

    uris: tuple[str, ...]  # each with /data in front


@dataclass(frozen=True, slots=True)
class PrearchiveSession:
    """A row of the prearchive (6.1)."""

    project: str  # "Unassigned" when none
    timestamp: str
    folder: str
    label: str
    subject: str
    study_instance_uid: str
    status: str  # as XNAT says it; "_" and "QUEUED_" variants included
    scan_date: str
    uploaded: str  # the server's local time without zone
    last_modified: str
    autoarchive: str
    source: str
    prevent_auto_commit: str = ""  # "true", "false", or ""

    @property
    def is_unassigned(self) -> bool:
        """Tell whether the site found no project for it (6.1)."""
        return self.project == UNASSIGNED

    @property
    def is_left_to_its_sender(self) -> bool:
        """Tell whether the site never builds it by itself: it waits for its uploader to commit it (6.8)."""
        return self.prevent_auto_commit == "true" or self.source == "uploader"

    @property
    def uri(self) -> str:
        """Return the canonical URI, /data in front, segments not yet percent-encoded."""
        return f"/data/prearchive/projects/{self.project}/{self.timestamp}/{self.folder}"

    @property
    def plain_status(self) -> str:
        """Return the status without lock and queue marks, for display (6.3)."""
        return self.status.removeprefix("_").removeprefix("QUEUED_")

    @property
    def is_locked(self) -> bool:
        """Tell whether an operation holds the row (6.3)."""
        return self.status.startswith("_")

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing is going on: the row waits for somebody (6.3, 11.4)."""
        return self.status in {"READY", "CONFLICT", "ERROR"}


@dataclass(frozen=True, slots=True)
class ArchiveVerdict:
    """One line of validate-archive (6.6)."""

    code: str
    type: str  # "WARN", "CONFLICT", "FAIL"
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of a project (4.2)."""

    id: str
    label: str
    project: str


@dataclass(frozen=True, slots=True)
class Session:
    """An imaging session: XNAT's experiment (4.3)."""

    id: str
    label: str
    project: str
    subject_label: str
    xsi_type: str
    date: str
    insert_date: str
    study_instance_uid: str

    @property
    def uri(self) -> str:
        """Return the URI that works from any project."""
        return f"/data/experiments/{self.id}"


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of a session, in the archive (4.4) or the prearchive (6.4)."""

    id: str  # a string: "12-MR1"
    xsi_type: str
    type: str
    series_description: str
    quality: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource folder (7.2); counts are `None` where the server does not say."""

    label: str
    category: str  # "scans", "resources", ...
    scan_id: str  # XNAT's cat_id; "" for a resource of the session
    file_count: int | None
    size_bytes: int | None
    format: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the server (6.4, 7.3)."""

    name: str
    size_bytes: int
    uri: str  # /data in front
    collection: str  # the resource's label
    md5: str  # lower-case hex; "" when never computed


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """One element of a DICOM file as the site lists it (7.7)."""

    tag: str  # "(0010,0010)"; of an element inside a sequence, both tags
    vr: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class IdleTimer:
    """When the site builds by itself what no longer receives anything (6.8)."""

    interval_s: float = 300.0
    repeat_s: float = 60.0

    @property
    def patience_s(self) -> float:
        """Return after how long without news a session counts as forgotten (missing data 3.5)."""
        return self.interval_s + self.repeat_s + 120.0
