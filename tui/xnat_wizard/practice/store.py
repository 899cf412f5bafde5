"""What the practice server knows: mutable records, their files on disk, and a snapshot that survives a restart.

Touched only on the server's event loop, so nothing is locked. Files lie as XNAT lays them out:

    DATA/archive/{project}/arc001/{session}/SCANS/{scan}/{resource}/...      RESOURCES/{resource}/...
    DATA/archive/{project}/subjects/{subject}/{resource}/...                 resources/{resource}/...
    DATA/prearchive/{project or Unassigned}/{timestamp}/{folder}/SCANS/{scan}/DICOM/...
    DATA/cache/{user}/...
    DATA/state.json  state.{n}.log
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xnat_wizard.practice.snapshot import Snapshot

UNASSIGNED = "Unassigned"


@dataclass
class User:
    """An account (contract 1.10)."""

    id: int
    username: str
    password_hash: str  # never clear text on disk
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    enabled: bool = True
    verified: bool = True
    roles: list[str] = field(default_factory=list)  # "Administrator"
    last_login_ms: int = 0
    groups: list[str] = field(default_factory=list)  # site-wide only: "ALL_DATA_ADMIN"; project roles are in Project
    password_set_ms: int = 0  # 0: it never expires
    must_change_password: bool = False
    failed_logins: int = 0
    locked_until_ms: int = 0
    modified_ms: int = 0
    recent: dict[str, float] = field(default_factory=dict)  # project -> when it was last used
    favorites: list[str] = field(default_factory=list)


@dataclass
class Entry:
    """A file of a resource: what XNAT keeps in a catalog."""

    name: str  # path inside the resource, "/" between parts
    size: int
    md5: str
    format: str = ""
    content: str = ""
    tags: str = ""
    sop_instance_uid: str = ""


@dataclass
class Resource:
    """A resource folder of a project, subject, session or scan (7.2)."""

    id: int
    label: str
    format: str = ""
    content: str = ""
    tags: str = ""
    description: str = ""
    files: dict[str, Entry] = field(default_factory=dict)


@dataclass
class Scan:
    """A scan of a session; `fields` holds XNAT's data fields by shortcut (series_description, UID, quality, ...)."""

    id: str
    xsi_type: str
    number: int = 0  # xnat_imagescandata_id, in the archive
    fields: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)


@dataclass
class Session:
    """An imaging session in the archive (4.3)."""

    id: str  # "XNAT_E00001"
    label: str
    project: str
    subject: str  # the subject's accession ID
    xsi_type: str
    insert_date: float
    insert_user: str
    fields: dict[str, str] = field(default_factory=dict)  # date, time, UID, modality, scanner, note, status, ...
    scans: dict[str, Scan] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    shares: dict[str, str] = field(default_factory=dict)  # project -> label


@dataclass
class Subject:
    """A subject (4.2)."""

    id: str  # "XNAT_S00001"
    label: str
    project: str
    insert_date: float
    insert_user: str
    fields: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    shares: dict[str, str] = field(default_factory=dict)


@dataclass
class Project:
    """A project (2)."""

    id: str
    name: str
    running_title: str
    insert_date: float
    insert_user: str
    description: str = ""
    keywords: str = ""
    note: str = ""
    aliases: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)  # pi_firstname, pi_lastname, other xpaths
    accessibility: str = "protected"
    prearchive_code: int = 4
    quarantine_code: int = 0
    members: dict[str, str] = field(default_factory=dict)  # username -> owner | member | collaborator
    resources: dict[str, Resource] = field(default_factory=dict)


@dataclass
class Row:
    """A session in the prearchive (6.1), or one that goes straight into the archive (6.9).

    `scans` is filled by the build, from the files on disk.
    """

    project: str  # or UNASSIGNED
    timestamp: str
    folder: str
    name: str
    subject: str
    tag: str  # StudyInstanceUID
    status: str = "RECEIVING"
    uploaded: float = 0.0
    lastmod: float = 0.0
    scan_date: str = ""
    scan_time: str = ""
    autoarchive: str = ""
    prevent_anon: bool = False
    prevent_auto_commit: bool = False
    source: str = ""
    visit: str = ""
    protocol: str = ""
    timezone: str = ""
    uploader: str = ""
    is_built: bool = False
    xsi_type: str = ""
    fields: dict[str, str] = field(default_factory=dict)  # session fields found by the build
    scans: dict[str, Scan] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    logs: list[dict[str, str]] = field(default_factory=list)  # id (ms), date, entry
    archiving_as: str = ""  # the label under which it is being archived: to find its files after a crash
    direct_id: int = 0  # of a direct-archive session; 0 in the prearchive

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what identifies it: project, timestamp, folder."""
        return (self.project, f"direct/{self.direct_id}" if self.direct_id else self.timestamp, self.folder)


@dataclass
class Config:
    """One version of a configuration (3.1)."""

    tool: str
    path: str
    project: str  # "" for the site
    contents: str
    status: str  # enabled | disabled
    user: str
    created: float
    version: int
    reason: str = ""


@dataclass
class Token:
    """An alias token (1.6)."""

    id: int
    alias: str
    secret: str
    username: str
    created_ms: int
    expires_ms: int
    enabled: bool = True


@dataclass
class Receiver:
    """A DICOM receiver: an AE title on a port (9.1)."""

    id: int
    ae_title: str
    port: int
    created_ms: int
    modified_ms: int
    identifier: str = "dicomObjectIdentifier"
    file_namer: str | None = None
    enabled: bool = True
    custom_processing: bool = False
    direct_archive: bool = False
    anonymization_enabled: bool = True
    whitelist_enabled: bool = False
    whitelist: list[str] = field(default_factory=list)  # AE@host, or either part
    routing_expressions_enabled: bool = False
    project_routing_expression: str | None = None
    subject_routing_expression: str | None = None
    session_routing_expression: str | None = None


@dataclass
class Routing:
    """Where the objects of a study are to go (9.5)."""

    study_instance_uid: str
    project: str
    subject: str
    label: str
    user: str
    created: float
    accessed: float


@dataclass
class State:
    """Everything but the files."""

    users: dict[str, User] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    subjects: dict[str, Subject] = field(default_factory=dict)  # by accession ID
    sessions: dict[str, Session] = field(default_factory=dict)  # by accession ID
    rows: list[Row] = field(default_factory=list)
    direct: list[Row] = field(default_factory=list)  # on their way straight into the archive
    configs: list[Config] = field(default_factory=list)  # all versions, oldest first
    tokens: dict[str, Token] = field(default_factory=dict)  # by alias
    receivers: list[Receiver] = field(default_factory=list)  # oldest first
    routings: dict[str, Routing] = field(default_factory=dict)  # by StudyInstanceUID
    preferences: dict[str, Any] = field(default_factory=dict)
    burnt_project_ids: list[str] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    log_number: int = 1  # of the log that holds what happened after this was written


class Store:
    """The records and the folder they live in."""

    def __init__(self, folder: Path) -> None:
        from xnat_wizard.practice.decoding import read_state  # it knows the records above

        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / "state.json"
        self.state = read_state(file)
        self._snapshot = Snapshot(file, self.state)

    def save(self) -> None:
        """Note that something changed: cheap, the snapshot is written soon and beside the loop."""
        self._snapshot.mark()

    def note(
        self,
        *,
        rows: Sequence[Row] = (),
        subjects: Iterable[Subject] = (),
        sessions: Iterable[Session] = (),
        gone: Iterable[tuple[str, str, str]] = (),
    ) -> None:
        """Note records that are new or changed, and rows (by key) that are gone, so that no crash loses them."""
        self._snapshot.note(
            {
                "rows": [row for row in rows if not row.direct_id],
                "direct": [row for row in rows if row.direct_id],
                "subjects": {one.id: one for one in subjects},
                "sessions": {one.id: one for one in sessions},
                "gone": list(gone),
                "counters": self.state.counters,
            }
        )
        self.save()

    def close(self) -> None:
        """Write what is not written yet."""
        self._snapshot.close()

    def next_number(self, kind: str) -> int:
        """Count up: accession numbers, resource ids, user ids."""
        number = self.state.counters.get(kind, 0) + 1
        self.state.counters[kind] = number
        return number

    # -- where files lie ---------------------------------------------------------------------------

    def project_folder(self, project: str) -> Path:
        """Return a project's folder in the archive."""
        return self.folder / "archive" / project

    def session_folder(self, session: Session) -> Path:
        """Return a session's folder in the archive."""
        return self.project_folder(session.project) / "arc001" / session.label

    def row_folder(self, row: Row) -> Path:
        """Return a session's folder in the prearchive, or where it goes straight into the archive."""
        if row.direct_id:
            return self.project_folder(row.project) / "arc001" / row.folder
        return self.folder / "prearchive" / row.project / row.timestamp / row.folder

    def cache_folder(self, username: str) -> Path:
        """Return a user's cache (5.12)."""
        return self.folder / "cache" / username

    # -- look-ups ----------------------------------------------------------------------------------

    def project(self, id_or_alias: str) -> Project | None:
        """Find a project by its exact ID or alias."""
        found = self.state.projects.get(id_or_alias)
        if found:
            return found
        return next((project for project in self.state.projects.values() if id_or_alias in project.aliases), None)

    def subjects_of(self, project: str) -> Iterator[Subject]:
        """Give the subjects of a project, shared-in ones included, oldest first."""
        return (s for s in self.state.subjects.values() if s.project == project or project in s.shares)

    def sessions_of(self, project: str) -> Iterator[Session]:
        """Give the sessions of a project, shared-in ones included, oldest first."""
        return (s for s in self.state.sessions.values() if s.project == project or project in s.shares)

    def subject(self, project: str, id_or_label: str) -> Subject | None:
        """Find a subject of a project by accession ID or (case-sensitive) label."""
        for subject in self.subjects_of(project):
            if id_or_label in {subject.id, subject.label if subject.project == project else subject.shares[project]}:
                return subject
        return None

    def session(self, project: str, id_or_label: str) -> Session | None:
        """Find a session of a project by accession ID or (case-sensitive) label."""
        for session in self.sessions_of(project):
            if id_or_label in {session.id, session.label if session.project == project else session.shares[project]}:
                return session
        return None

    def row(self, project: str, timestamp: str, folder: str) -> Row | None:
        """Find a row of the prearchive by its URI's three parts."""
        return next((row for row in self.state.rows if row.key == (project, timestamp, folder)), None)

    def config(self, tool: str, path: str, project: str = "") -> Config | None:
        """Find the newest version of a configuration."""
        wanted = (tool, path, project)
        found = [c for c in self.state.configs if (c.tool, c.path, c.project) == wanted]
        return found[-1] if found else None

    # -- removal -----------------------------------------------------------------------------------

    def remove_row(self, row: Row) -> None:
        """Drop a row and its folder, and the timestamp folder when it is empty; files in the archive stay."""
        self.state.rows = [other for other in self.state.rows if other is not row]
        self.state.direct = [other for other in self.state.direct if other is not row]
        if row.direct_id:
            return
        folder = self.row_folder(row)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def fresh_folder(path: Path) -> Path:
    """Make a folder and its parents; return it."""
    os.makedirs(path, exist_ok=True)  # noqa: PTH103  also takes paths that other threads are making
    return path
