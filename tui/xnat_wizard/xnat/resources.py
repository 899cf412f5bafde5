"""Resource folders of projects, subjects, sessions and scans: find, list, fill (wire contract 7.2, 7.3, 8).

A 200 says little here (trap 3 of 10.3): what exists already is answered with a list of duplicates, and what the account
may not change with nothing at all. So whoever sends looks afterwards; nothing in this module calls a file stored.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from xnat_wizard.findings import Finding
from xnat_wizard.xnat import archive, downloads, files, sessions
from xnat_wizard.xnat.answers import id_of, number
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.http import WORK_S, Http, Upload
from xnat_wizard.xnat.model import RemoteFile
from xnat_wizard.xnat.pyxnat_port import ObjectModel
from xnat_wizard.xnat.scans import ScanDraft, describe_scan
from xnat_wizard.xnat.tables import KEPT_LIMIT, parsed_bytes
from xnat_wizard.xnat.uris import file_path, path_of

CONTENT_TYPES: Mapping[str, str] = {  # by the ending that says how to unpack; trap 16: a packed tar is x-gtar
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".tar.gz": "application/x-gtar",
}
ANSWER_FORMATS = frozenset(
    ["xml", "json", "csv", "txt", "html", "zip", "tar", "tar.gz", "xlist", "xcat", "xar"]
)  # 0.2, 8.3

_BINARY = "application/octet-stream"
_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_SCAN_TYPES = {"xnat:petmrSessionData": "xnat:mrScanData"}  # sessions that hold scans of several other types
_WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Address:
    """A project, or a subject, session or scan in it, by the labels that people see; "" where it does not go on."""

    project: str
    subject: str = ""
    session: str = ""
    scan: str = ""

    @property
    def level(self) -> str:
        """Return what it is, in XNAT's word."""
        if self.session:
            return "scan" if self.scan else "session"
        return "subject" if self.subject else "project"

    def __str__(self) -> str:
        parts = (self.project, self.subject, self.session, f"scan {self.scan}" if self.scan else "")
        return " / ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Holder:
    """An object on the site that holds resources."""

    address: Address
    path: str  # encoded, without /resources
    owner: str  # the project that it belongs to
    is_shared: bool = False  # it belongs to another project than the address says


@dataclass(frozen=True, slots=True)
class ResourceFolder:
    """A resource as its holder lists it; counts are `None` where the site does not say, and may be old (7.2)."""

    label: str
    file_count: int | None
    size_bytes: int | None
    format: str
    content: str
    tags: str


@dataclass(frozen=True, slots=True)
class Details:
    """What is noted of files that are sent (8.3); "" for nothing."""

    format: str = ""
    content: str = ""
    tags: str = ""
    reason: str = ""  # why data are changed, where the site demands one

    def as_query(self) -> dict[str, str]:
        """Return the parameters of a call."""
        given = {"format": self.format, "content": self.content, "tags": self.tags, "event_reason": self.reason}
        return {name: text for name, text in given.items() if text}


class Resources:
    """The resources of one site; made by `Site.resources`."""

    def __init__(
        self,
        http: Http,
        model: ObjectModel,
        sleep: Callable[[float], Awaitable[None]],
        kept_alive: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._http = http
        self._model = model
        self._sleep = sleep
        self._kept_alive = kept_alive

    # Holders

    async def find(self, address: Address) -> Holder | None:
        """Find what an address names; `None` when subject, session or scan is not there.

        Raises:
            Refused: project.not_found, label.other_subject, and what the site refuses.
        """
        project, path = await self._project(address), path_of("data", "projects", address.project)
        if not address.session:
            if not address.subject:
                return Holder(address, path, project)
            if not await archive.subject_exists(self._http, address.project, address.subject):
                return None
            return Holder(address, path + path_of("subjects", address.subject), project)
        found = await archive.read_session(self._http, address.project, address.session)
        if found is None:
            return None
        if address.subject and found.subject_label.casefold() not in {"", address.subject.casefold()}:
            raise Refused(_other_subject(address, found.subject_label))
        place: tuple[str, ...] = ("data", "experiments", found.id)
        if address.scan:
            scans = await archive.list_scans(self._http, found.id)  # a path with "ALL" or "1,2" would fit several
            if all(scan.id != address.scan for scan in scans):
                return None
            place = (*place, "scans", address.scan)
        is_shared = found.project not in {address.project, project}
        return Holder(address, path_of(*place), found.project, is_shared)

    async def create(self, address: Address, xsi_type: str) -> Holder:
        """Return what an address names, after making what is missing: subject and session through pyxnat.

        Raises:
            Refused: label.illegal, label.other_subject, session.not_created, and what the site refuses.
        """
        await self._project(address)  # or pyxnat would make that as well
        if address.session:
            await sessions.ensure_session(
                self._http, self._model, address.project, address.subject, address.session, xsi_type, self._sleep
            )
            if address.scan and await self.find(address) is None:
                await self._create_scan(address)
        elif address.subject and not await archive.subject_exists(self._http, address.project, address.subject):
            if not _LABEL.fullmatch(address.subject):
                raise Refused(_illegal(address.subject))
            await self._model.create_subject(address.project, address.subject)
        for wait_s in _WAITS_S:
            if wait_s:
                await self._sleep(wait_s)
            if holder := await self.find(address):
                return holder
        raise Refused(_not_created(address))

    async def _project(self, address: Address) -> str:
        """Return the ID of the project, which may be addressed by an alias.

        Raises:
            Refused: project.not_found.
        """
        path = path_of("data", "projects", address.project)
        try:
            fields = (await self._http.get(path, {"format": "json"})).item().fields
        except Refused as problem:
            if problem.status != 404:
                raise
            raise Refused(_no_project(address, problem), status=404) from None
        return id_of(fields) or address.project

    async def _create_scan(self, address: Address) -> None:
        session = await archive.read_session(self._http, address.project, address.session)
        if session is None or not _LABEL.fullmatch(address.scan):
            raise Refused(_illegal(address.scan))
        kind = _SCAN_TYPES.get(session.xsi_type) or session.xsi_type.replace("SessionData", "ScanData")
        await describe_scan(self._http, session.id, ScanDraft(address.scan, kind), self._sleep)

    # Reading

    async def folders(self, holder: Holder) -> tuple[ResourceFolder, ...]:
        """List the resources of a holder itself, in the site's order."""
        rows = (await self._http.get(f"{holder.path}/resources", {"format": "json"})).rows()
        return tuple(
            ResourceFolder(
                label=row.get("label", ""),
                file_count=number(row.get("file_count", "")),
                size_bytes=number(row.get("file_size", "")),
                format=row.get("format", ""),
                content=row.get("content", ""),
                tags=row.get("tags", ""),
            )
            for row in rows
        )

    async def files(self, holder: Holder, label: str) -> tuple[RemoteFile, ...]:
        """List the files of a resource; none when there is no such resource."""
        return await files.list_files(self._http, _files(holder, label))

    async def digest(self, file: RemoteFile) -> tuple[int, str]:
        """Read a file of any size from the site, and return its bytes and their MD5; nothing is kept."""
        sink = _Digest()
        async with self._kept_alive():
            await files.pour(self._http, file.uri, sink)
        return sink.size_bytes, sink.md5.hexdigest()

    async def refresh(self, holder: Holder, label: str) -> None:
        """Let the site look which files a resource has on its disk, and take their digests.

        A crash between file and catalogue leaves files that no list shows and that count as duplicates (7.8, 8.3).
        """
        place = unquote(holder.path + path_of("resources", label)).removeprefix("/data")
        query = {"resource": f"/archive{place}", "options": "append,checksum,populateStats"}
        async with self._kept_alive():
            await self._http.call("POST", "/data/services/refresh/catalog", query, answer_s=WORK_S)

    async def save(
        self, file: RemoteFile, folder: Path, told: Callable[[int], None] = lambda _: None
    ) -> downloads.Saved:
        """Save a file below a folder of this disk, under its name on the site; see `downloads.save`."""
        async with self._kept_alive():
            return await downloads.save(self._http, file, folder, told)

    # Sending

    async def put_archive(
        self,
        holder: Holder,
        label: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        ending: str = ".zip",
        details: Details = Details(),
        is_replacing: bool = False,
    ) -> tuple[str, ...]:
        """Send an archive that the site unpacks into a resource; return what existed and was left as it was (8.3).

        Args:
            holder: of the resource, which is made by its first file.
            label: of the resource.
            body: the archive.
            size_bytes: its exact length.
            ending: says how it is packed, as in `CONTENT_TYPES`.
            details: are noted of every file.
            is_replacing: files that exist are overwritten.
        """
        query = {"extract": "true", **details.as_query()}
        name = f"upload{ending}"  # decides how it is unpacked, and is kept nowhere
        upload = Upload(body, size_bytes, CONTENT_TYPES[ending])
        return await self._put(file_path(_files(holder, label), name), query, upload, is_replacing=is_replacing)

    async def put_file(
        self,
        holder: Holder,
        label: str,
        name: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        details: Details = Details(),
        is_replacing: bool = False,
    ) -> tuple[str, ...]:
        """Send one file as it is, under a name that may hold folders; return it if it existed and was left as it was.

        An empty file cannot be sent so: XNAT takes no empty body (8.3).
        """
        upload = Upload(body, size_bytes, _BINARY)
        path = file_path(_files(holder, label), name)
        return await self._put(path, details.as_query(), upload, is_replacing=is_replacing)

    async def _put(self, path: str, query: Mapping[str, str], upload: Upload, *, is_replacing: bool) -> tuple[str, ...]:
        asked = {"inbody": "true", "overwrite": "true" if is_replacing else "false", **query}
        async with self._kept_alive():
            answer = await self._http.call("PUT", path, asked, upload=upload, answer_s=WORK_S)
        if parsed_bytes(answer.body) > KEPT_LIMIT:
            raise Refused(answer.too_much(), status=answer.status)
        return duplicates_in(answer.body)


def duplicates_in(said: str | bytes) -> tuple[str, ...]:
    """Return the names of files that were left as they are, from the answer to a file that was sent (8.3)."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return ()
    match found:
        case {"duplicates": list(names)}:
            return tuple(map(str, names))
        case _:
            return ()


class _Digest:
    """Takes the bytes of a file, and keeps their number and MD5."""

    def __init__(self) -> None:
        self.size_bytes, self.md5 = 0, hashlib.md5(usedforsecurity=False)

    async def begin(self) -> None:
        self.size_bytes, self.md5 = 0, hashlib.md5(usedforsecurity=False)

    async def take(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        self.md5.update(piece)


def _files(holder: Holder, label: str) -> str:
    return holder.path + path_of("resources", label, "files")


def _illegal(text: str) -> Finding:
    return Finding(
        code="label.illegal",
        what=f'"{text}" cannot be a label',
        why="XNAT takes letters A to Z, digits, _ and - in labels.",
        todo=("Change the label.",),
        where=text,
        shareable="A label has characters that XNAT does not take.",
    )


def _other_subject(address: Address, subject: str) -> Finding:
    return Finding(
        code="label.other_subject",
        what=f'The session "{address.session}" belongs to another subject: "{subject}"',
        why="Session labels are unique in a project, across its subjects.",
        todo=("Look whether the subject or the session was mistyped.", "Leave the subject out: the session is enough."),
        where=str(address),
        shareable="A session of this label belongs to another subject.",
    )


def _no_project(address: Address, problem: Refused) -> Finding:
    return Finding(
        code="project.not_found",
        what=f'There is no project "{address.project}" that your account may see',
        why=problem.finding.why,
        todo=("Look for typing errors; capitals count.", "If it exists: ask one of its owners to make you a member."),
        where=address.project,
        shareable="A project was not found, or the account may not see it.",
    )


def _not_created(address: Address) -> Finding:
    return Finding(
        code="resource.not_created",
        what=f"The site took a new {address.level}, and does not show it",
        why="Reading it back found nothing.",
        todo=("Look at the project in a minute.", "Ask an owner whether your account may create data in it."),
        where=str(address),
        shareable=f"A new {address.level} cannot be read back.",
    )
