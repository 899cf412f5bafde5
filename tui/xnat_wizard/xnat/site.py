"""One XNAT site, logged in: the one door of this room.

Every method asks the site; nothing is kept but the login. All errors are `SiteProblem`, of the kind that says what to
do. A session that the site has forgotten is renewed once, for all tasks; see `http.py`.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Self

from xnat_wizard.xnat import archive, creation, downloads, files, importing, policies, prearchive, projects, sessions
from xnat_wizard.xnat import login as logins
from xnat_wizard.xnat.errors import Fatal, SiteProblem
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.keepalive import KeepAlive
from xnat_wizard.xnat.login import look
from xnat_wizard.xnat.model import (
    ArchiveVerdict,
    ArrivalRules,
    HeaderLine,
    Identity,
    IdleTimer,
    ImportAnswer,
    Login,
    PrearchiveSession,
    Project,
    ProjectDraft,
    RemoteFile,
    Resource,
    Scan,
    Session,
    SiteInfo,
    Subject,
    UploadSettings,
)
from xnat_wizard.xnat.pyxnat_port import ObjectModel, PyxnatPort
from xnat_wizard.xnat.resources import Resources
from xnat_wizard.xnat.scans import ScanDraft, describe_scan
from xnat_wizard.xnat.scripts import Scripts, may_create_projects, read_scripts
from xnat_wizard.xnat.uris import encoded, path_of, segment

__all__ = ["Site", "look"]

Sleep = Callable[[float], Awaitable[None]]


class Site:
    """One site and one person; safe for several tasks of one event loop. Made by `connect`."""

    def __init__(self, info: SiteInfo, identity: Identity, login: Login, http: Http, *, sleep: Sleep) -> None:
        self.info = info
        self.identity = identity
        self._login = login
        self._http = http
        self._model: ObjectModel = PyxnatPort(info.url, login)
        self._keepalive = KeepAlive(http, sleep)
        self._sleep = sleep

    @classmethod
    async def connect(cls, login: Login, *, sleep: Sleep = asyncio.sleep) -> Self:
        """Find the site, log in, and ask who we are.

        Raises:
            Problem: login.refused, login.expired_password, login.disabled, login.incomplete, login.not_kept,
                site.unreachable, site.unknown_host, site.no_xnat, site.tls, site.not_initialised, and others.
        """
        info = await look(login.address, ca_file=login.ca_file, is_unsafe=login.is_unsafe)
        if finding := logins.unasked_plain(login.address, info.url):
            raise Fatal(finding)
        async with contextlib.AsyncExitStack() as undo:
            http = await undo.enter_async_context(Http(info.url, ca_file=login.ca_file, is_unsafe=login.is_unsafe))
            await logins.open_session(http, login)
            identity = await logins.who_am_i(http, login)
            http.log_in = logins.renewal(http, login, identity.username)
            undo.pop_all()
        return cls(info, identity, login, http, sleep=sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Log out and close all connections."""
        await self._keepalive.stop()
        await self._model.close()
        with contextlib.suppress(SiteProblem):
            await self._http.send("DELETE", logins.SESSION, answer_s=5.0)
        await self._http.close()

    def kept_alive(self) -> AbstractAsyncContextManager[None]:
        """Keep the session from idling out inside the block; blocks may nest and overlap."""
        return self._keepalive.held()

    @property
    def now_s(self) -> float:
        """Return the time by the site's own clock, in epoch seconds; this machine's until the site has said it."""
        return time.time() + (self._http.ahead_s or 0.0)

    @property
    def sees_unassigned(self) -> bool:
        """Tell whether the account may see what the site found no project for (6.1)."""
        return self.identity.is_admin or bool({"ALL_DATA_ADMIN", "ALL_DATA_ACCESS"} & set(self.identity.groups))

    async def worker_login(self) -> Login:
        """Return a login for a process that goes on alone: an alias token where the site issues them (1.6)."""
        token = await logins.issue_token(self._http)
        if token is None:
            return dataclasses.replace(self._login, address=self.info.url)
        return dataclasses.replace(self._login, address=self.info.url, username=token[0], password=token[1])

    # Projects

    async def projects(self) -> tuple[Project, ...]:
        """List the projects that the person has to do with, by ID."""
        return await projects.list_projects(self._http, self.identity)

    async def project(self, project_id: str) -> Project:
        """Read one project.

        Raises:
            Refused: project.not_found.
        """
        return await projects.read_project(self._http, self.identity, project_id)

    async def create_project(self, draft: ProjectDraft) -> Project:
        """Create a project and return it as the site then shows it.

        Raises:
            ProjectTaken: project.taken; its `fields` name what clashes.
            Refused: project.bad_id, project.not_allowed, project.incomplete.
        """
        return await creation.create_project(self._http, self._model, self._renew_identity, draft, self._sleep)

    async def upload_settings(self, project_id: str) -> UploadSettings:
        """Read the settings of site and project that change an upload."""
        return await projects.upload_settings(self._http, project_id)

    async def arrival_rules(self, project_id: str) -> ArrivalRules:
        """Read the series import filters and scripts that are switched on for a project."""
        return await policies.arrival_rules(self._http, project_id)

    async def scripts(self, project_id: str) -> Scripts:
        """Read the anonymization scripts of site and project, switched on or not."""
        return await read_scripts(self._http, project_id)

    async def may_create_projects(self) -> bool | None:
        """Tell whether the person may make projects; `None` where the site does not say."""
        return await may_create_projects(self._http, is_admin=self.identity.is_admin)

    async def set_project_script(self, project_id: str, is_on: bool) -> None:  # noqa: FBT001  the state itself
        """Switch the project's anonymization script.

        Raises:
            Refused: project.not_owner, project.script_unchanged.
        """
        await projects.set_project_script(self._http, project_id, is_on=is_on)

    # Import

    async def import_zip(
        self,
        project: str,
        subject: str,
        session: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        query: Mapping[str, str] | None = None,
    ) -> ImportAnswer:
        """Send one zip of DICOM files into the prearchive; see `importing.import_zip`."""
        async with self.kept_alive():
            return await importing.import_zip(self._http, project, subject, session, body, size_bytes, query=query)

    async def import_object(
        self, project: str, subject: str, session: str, body: AsyncIterable[bytes], size_bytes: int
    ) -> ImportAnswer:
        """Send one bare DICOM object into the prearchive; see `importing.import_object`."""
        async with self.kept_alive():
            return await importing.import_object(self._http, project, subject, session, body, size_bytes)

    # Prearchive

    async def prearchive(
        self, project: str | None = None, *, with_unassigned: bool = False
    ) -> tuple[PrearchiveSession, ...]:
        """List the prearchive sessions of one project, or of all that the person may edit."""
        return await prearchive.list_prearchive(self._http, project, with_unassigned=with_unassigned)

    async def idle_timer(self) -> IdleTimer:
        """Read when the site builds by itself; XNAT's own values where it does not say."""
        config = await projects.site_config(self._http)
        return prearchive.idle_timer(config)

    async def prearchive_session(self, uri: str) -> PrearchiveSession | None:
        """Read one row of the prearchive; `None` when it is not there."""
        return await prearchive.read_session(self._http, uri)

    async def prearchive_log(self, uri: str) -> str:
        """Read why a session failed, as the site wrote it down; "" when it wrote nothing."""
        return await prearchive.read_log(self._http, uri)

    async def prearchive_scans(self, uri: str) -> tuple[Scan, ...]:
        """List the scans of a built session.

        Raises:
            Refused: prearchive.not_built.
        """
        return await prearchive.list_scans(self._http, uri)

    async def prearchive_files(self, uri: str, scan_id: str) -> tuple[RemoteFile, ...]:
        """List the files of all resources of a scan; without digests."""
        return await prearchive.list_files(self._http, uri, scan_id)

    async def prearchive_resources(self, uri: str, scan_id: str) -> tuple[Resource, ...]:
        """List the resource folders of a scan; their counts may be missing."""
        return await prearchive.list_resources(self._http, uri, scan_id)

    async def prearchive_resource_files(self, uri: str, label: str) -> tuple[RemoteFile, ...]:
        """List the files of a resource of a session itself; none when there is no such resource."""
        return await files.list_files(self._http, f"{encoded(uri)}/resources/{segment(label)}/files")

    async def build(self, uri: str) -> None:
        """Build a session from its files; may take minutes."""
        async with self.kept_alive():
            await prearchive.build(self._http, uri)

    async def rebuild_locked(self, uri: str) -> None:
        """Queue a build that breaks the session's lock."""
        await prearchive.rebuild_locked(self._http, uri)

    async def reset_status(self, uri: str) -> None:
        """Let the site find out a session's status anew."""
        await prearchive.reset_status(self._http, uri)

    async def headers(self, uri: str) -> tuple[HeaderLine, ...]:
        """List the DICOM header of a file, or of one file of a scan or session."""
        return await files.dump(self._http, uri)

    async def commit(self, uri: str, *, to_archive: bool) -> str:
        """Build, then archive if asked; returns where the session is now."""
        async with self.kept_alive():
            return await prearchive.commit(self._http, uri, to_archive=to_archive)

    async def move(self, uri: str, project: str) -> str:
        """Move a session to another project; returns its URI there."""
        async with self.kept_alive():
            return await prearchive.move(self._http, uri, project)

    async def delete_prearchive(self, uri: str) -> None:
        """Delete a session and its files from the prearchive."""
        await prearchive.delete(self._http, uri)

    async def validate_archive(self, uri: str, *, subject: str = "", session: str = "") -> tuple[ArchiveVerdict, ...]:
        """Ask what archiving would run into; changes nothing."""
        return await archive.validate(self._http, uri, subject=subject, session=session)

    async def archive(self, uri: str, *, overwrite: str = "", subject: str = "", session: str = "") -> str:
        """Archive a session and wait for it; returns its archive URI. `overwrite`: "append" or "delete" (6.6)."""
        async with self.kept_alive():
            return await archive.archive(self._http, uri, overwrite=overwrite, subject=subject, session=session)

    async def put_prearchive_file(
        self, uri: str, resource: str, name: str, body: AsyncIterable[bytes], size_bytes: int
    ) -> None:
        """Put one file into a resource of a prearchive session."""
        parent = f"{encoded(uri)}/resources/{segment(resource)}/files"
        async with self.kept_alive():
            await files.put_prearchive(self._http, parent, name, body, size_bytes)

    @property
    def resources(self) -> Resources:
        """Return the resources of projects, subjects, sessions and scans."""
        return Resources(self._http, self._model, self._sleep, self.kept_alive)

    # Archive

    async def subjects(self, project: str) -> tuple[Subject, ...]:
        """List the subjects of a project, by label."""
        return await archive.list_subjects(self._http, project)

    async def sessions(self, project: str) -> tuple[Session, ...]:
        """List the imaging sessions of a project, by label."""
        return await archive.list_sessions(self._http, project)

    async def session(self, project: str, id_or_label: str) -> Session | None:
        """Read one session; `None` when it is not there."""
        return await archive.read_session(self._http, project, id_or_label)

    async def scans(self, session_id: str) -> tuple[Scan, ...]:
        """List the scans of a session."""
        return await archive.list_scans(self._http, session_id)

    async def scan_files(self, session_id: str, scan_id: str) -> tuple[RemoteFile, ...]:
        """List the files of all resources of a scan."""
        return await files.list_files(self._http, path_of("data", "experiments", session_id, "scans", scan_id, "files"))

    async def session_resources(self, session_id: str, *, with_scans: bool = False) -> tuple[Resource, ...]:
        """List the resource folders of a session itself, or also those of its scans."""
        return await archive.list_resources(self._http, session_id, with_scans=with_scans)

    async def resource_files(self, session_id: str, label: str, *, scan_id: str = "") -> tuple[RemoteFile, ...]:
        """List the files of a resource of a session or of a scan; none when there is no such resource."""
        return await files.list_files(self._http, self._resource(session_id, label, scan_id))

    async def read_file(self, uri: str, *, limit_bytes: int = files.READ_LIMIT) -> bytes:
        """Read a whole file into memory, up to a limit."""
        return await files.read(self._http, uri, limit_bytes=limit_bytes)

    async def save_file(
        self, file: RemoteFile, folder: Path, told: Callable[[int], None] = lambda _: None
    ) -> downloads.Saved:
        """Save a file below a folder of this disk; see `downloads.save`."""
        async with self.kept_alive():
            return await downloads.save(self._http, file, folder, told)

    async def jpeg(self, uri: str) -> bytes:
        """Let the site draw a DICOM file.

        Raises:
            Refused: picture.refused.
        """
        return await files.jpeg(self._http, uri)

    async def ensure_session(self, project: str, subject: str, session: str, xsi_type: str) -> Session:
        """Return the session, after creating what is missing of subject and session."""
        return await sessions.ensure_session(self._http, self._model, project, subject, session, xsi_type, self._sleep)

    async def describe_scan(self, session_id: str, draft: ScanDraft) -> bool:
        """Make a scan, or add to one what it does not say yet; see `scans.describe_scan`."""
        return await describe_scan(self._http, session_id, draft, self._sleep)

    async def put_file(
        self, session_id: str, resource: str, name: str, path: files.Readable, *, scan_id: str = ""
    ) -> None:
        """Put one file into a resource of a session or of a scan, and look that it is there; `name` may hold folders.

        Raises:
            Refused: resource.file_differs, resource.empty_file.
            Retry: resource.not_stored.
            OSError: the file cannot be read.
        """
        async with self.kept_alive():
            await files.put_local(self._http, self._resource(session_id, resource, scan_id), name, path)

    @staticmethod
    def _resource(session_id: str, label: str, scan_id: str = "") -> str:
        place = ("experiments", session_id, *(("scans", scan_id) if scan_id else ()))
        return path_of("data", *place, "resources", label, "files")

    async def _renew_identity(self) -> Identity:
        self.identity = await logins.who_am_i(self._http, self._login)
        return self.identity
