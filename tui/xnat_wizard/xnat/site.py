"""One XNAT site, logged in."""

from collections.abc import AsyncIterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from xnat_wizard.xnat.model import (
    ArchiveVerdict,
    Identity,
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


async def look(address: str, *, ca_file: str = "", is_unsafe: bool = False) -> SiteInfo:
    raise NotImplementedError


class Site:
    info: SiteInfo
    identity: Identity

    @classmethod
    async def connect(cls, login: Login) -> "Site":
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def worker_login(self) -> Login:
        raise NotImplementedError

    def kept_alive(self) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    async def projects(self) -> tuple[Project, ...]:
        raise NotImplementedError

    async def project(self, project_id: str) -> Project:
        raise NotImplementedError

    async def create_project(self, draft: ProjectDraft) -> Project:
        raise NotImplementedError

    async def upload_settings(self, project_id: str) -> UploadSettings:
        raise NotImplementedError

    async def set_project_script(self, project_id: str, is_on: bool) -> None:  # noqa: FBT001  the state itself
        raise NotImplementedError

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
        raise NotImplementedError

    async def prearchive(self, project: str | None = None) -> tuple[PrearchiveSession, ...]:
        raise NotImplementedError

    async def prearchive_session(self, uri: str) -> PrearchiveSession | None:
        raise NotImplementedError

    async def prearchive_log(self, uri: str) -> str:
        raise NotImplementedError

    async def prearchive_scans(self, uri: str) -> tuple[Scan, ...]:
        raise NotImplementedError

    async def prearchive_files(self, uri: str, scan_id: str) -> tuple[RemoteFile, ...]:
        raise NotImplementedError

    async def build(self, uri: str) -> None:
        raise NotImplementedError

    async def commit(self, uri: str, *, to_archive: bool) -> str:
        raise NotImplementedError

    async def move(self, uri: str, project: str) -> str:
        raise NotImplementedError

    async def delete_prearchive(self, uri: str) -> None:
        raise NotImplementedError

    async def validate_archive(self, uri: str, *, subject: str = "", session: str = "") -> tuple[ArchiveVerdict, ...]:
        raise NotImplementedError

    async def archive(self, uri: str, *, overwrite: str = "", subject: str = "", session: str = "") -> str:
        raise NotImplementedError

    async def put_prearchive_file(
        self, uri: str, resource: str, name: str, body: AsyncIterable[bytes], size_bytes: int
    ) -> None:
        raise NotImplementedError

    async def subjects(self, project: str) -> tuple[Subject, ...]:
        raise NotImplementedError

    async def sessions(self, project: str) -> tuple[Session, ...]:
        raise NotImplementedError

    async def session(self, project: str, id_or_label: str) -> Session | None:
        raise NotImplementedError

    async def scans(self, session_id: str) -> tuple[Scan, ...]:
        raise NotImplementedError

    async def scan_files(self, session_id: str, scan_id: str) -> tuple[RemoteFile, ...]:
        raise NotImplementedError

    async def session_resources(self, session_id: str) -> tuple[Resource, ...]:
        raise NotImplementedError

    async def resource_files(self, session_id: str, label: str) -> tuple[RemoteFile, ...]:
        raise NotImplementedError

    async def read_file(self, uri: str, *, limit_bytes: int = 64 * 1024 * 1024) -> bytes:
        raise NotImplementedError

    async def jpeg(self, uri: str) -> bytes:
        raise NotImplementedError

    async def ensure_session(self, project: str, subject: str, session: str, xsi_type: str) -> Session:
        raise NotImplementedError

    async def put_file(self, session_id: str, resource: str, name: str, path: Path) -> None:
        raise NotImplementedError
