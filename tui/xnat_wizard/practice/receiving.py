"""Receives files into resources: one as the body, several as a form, many as an archive (wire contract 8.3).

A file is written to disk as it arrives, its digest is taken in a thread, and it moves to its place on the event loop,
so that the look at what exists and the move are one step.
"""

import asyncio
import gzip
import hashlib
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from aiohttp import web

from xnat_wizard.practice import headers, places, resources
from xnat_wizard.practice.http import Call, Refusal, Route, text
from xnat_wizard.practice.places import Holder
from xnat_wizard.practice.store import Entry, Resource

BODY_TYPES = (
    "application/zip", "application/x-tar", "application/x-gtar", "application/x-gzip", "application/octet-stream",
    "application/dicom", "application/xar", "application/pdf", "text/plain", "text/xml", "text/csv", "image/", "video/",
)  # fmt: skip
NO_DATA = (
    "You tried to {method} to this service, but didn't provide any data (found request entity size of 0). "
    "Please check the format of your service request."
)
NO_FORM = (
    "You tried to {method} a payload of {size} to this service, but didn't provide any data. If you think you sent "
    "data to upload, you can try to {method} with the query-string parameter inbody=true or use multipart/form-data "
    "encoding."
)
CHUNKED = (
    "In-body File posts must include the file directly as the body of the message. In this case, the request entity "
    "size is -1 but the media type is not application/zip."
)
CORRUPT = "FILE:  {name} - Archive file is corrupt or not a valid archive archive file type."
_TARS = (".tar.gz", ".tgz", ".tar", ".xar")
_BATCH = 50  # files that move at a time before other calls get their turn
_BLOCK_BYTES = 2**20


class Readable(Protocol):
    """Something to read a file's bytes from."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most so many bytes; none at the end."""
        ...


@dataclass(frozen=True)
class Arrived:
    """A file that is on disk, on its way into a resource."""

    name: str  # path inside the resource
    path: Path
    size: int
    md5: str
    sop_instance_uid: str = ""


class UnsafeNameError(Exception):
    """A name that would leave the resource's folder."""


class CorruptArchiveError(Exception):
    """The archive cannot be read."""


async def receive(call: Call) -> web.StreamResponse:
    """Store what the call carries; 200 means little: duplicates and missing rights answer 200, too (10.3 no. 3)."""
    place = places.place_of(call)
    if not places.may_edit(call, place.owner):
        await drain(call)
        return text("")
    if call.has_param("reference"):
        raise Refusal(501, "The practice server takes no files by reference.")
    sent = await sent_files(call)
    path = call.part("path").strip("/")
    holder = place.holder(call.store)
    folder = await call.in_thread(_scratch, call.services.spool_folder)
    try:
        is_extracted, is_dicom = call.is_true("extract"), _is_dicom(call)
        arrived = await call.in_thread(
            partial(_prepare, sent, path, folder, is_extracted=is_extracted, is_dicom=is_dicom)
        )
        resource = _resource(call, holder)
        duplicates = await keep(call, holder, resource, arrived)
    except UnsafeNameError as error:
        raise Refusal(400, f"The path of a file must stay inside its resource: {error}") from error
    except CorruptArchiveError as error:
        raise Refusal(400, CORRUPT.format(name=error)) from error
    finally:
        await call.in_thread(shutil.rmtree, folder, True)  # noqa: FBT003  rmtree's ignore_errors
    if duplicates:
        return text(json.dumps({"duplicates": duplicates}), content_type="text/html")
    return text("")


async def sent_files(call: Call) -> list[tuple[str, Path]]:
    """Return the files that a call carries, by name; "" where only the path names it.

    Raises:
        Refusal: 400, it carries none.
    """
    kind = call.content_type
    if kind.startswith("multipart/"):
        if call.is_true("inbody"):
            await drain(call)
            raise Refusal(406, f"{CHUNKED.partition('.')[0]} (not as part of multi-part form data).")
        uploads = await call.uploads()
        if not uploads:
            raise Refusal(400, NO_DATA.format(method=call.method))
        return [(one.name.replace("\\", "/").rpartition("/")[2], one.path) for one in uploads]
    size = call.request.content_length
    if size == 0 or not call.request.can_read_body:
        raise Refusal(400, NO_DATA.format(method=call.method))
    if not call.is_true("inbody") and not kind.startswith(BODY_TYPES):
        await drain(call)
        raise Refusal(400, NO_FORM.format(method=call.method, size=_human(size or 0)))
    if size is None and kind != "application/zip":
        await drain(call)
        raise Refusal(400, CHUNKED)
    path = await call.spool()
    if not await call.in_thread(lambda: path.stat().st_size):
        raise Refusal(400, NO_DATA.format(method=call.method))
    return [("", path)]


async def keep(call: Call, holder: Holder, resource: Resource, arrived: list[Arrived]) -> list[str]:
    """Move files into a resource; return the names that exist and were not replaced."""
    duplicates: list[str] = []
    is_replacing = call.is_true("overwrite")
    top = holder.folder / resource.label
    is_digesting = call.services.preference("checksums") is not False
    for count, file in enumerate(arrived, start=1):
        if file.name in resource.files and not is_replacing:
            duplicates.append(file.name)
            continue
        target = top / file.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file.path.replace(target)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise Refusal(500, "A file and a folder cannot have the same name.") from error
        resource.files[file.name] = Entry(
            file.name,
            file.size,
            file.md5 if is_digesting else "",
            format=call.param("format") or resource.format,
            content=call.param("content") or resource.content,
            tags=call.param("tags"),
            sop_instance_uid=file.sop_instance_uid,
        )
        if not count % _BATCH:
            await asyncio.sleep(0)
    call.store.save()
    return duplicates


def _resource(call: Call, holder: Holder) -> Resource:
    label = call.parts.get("resource") or next(iter(holder.resources), "NO_LABEL")
    return holder.find(label) or resources.make(call, holder, label)


def _is_dicom(call: Call) -> bool:
    return "DICOM" in {call.param("format"), call.path.partition("/resources/")[2].partition("/")[0]}


async def drain(call: Call) -> None:
    """Take the body and drop it, so that the client reads the answer instead of a cut connection."""
    async for _ in call.request.content.iter_any():
        pass


def _human(size: int) -> str:
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} KB" if size < 2**20 else f"{size / 2**20:.1f} MB"


# -- in a thread -------------------------------------------------------------------------------------


def _scratch(spool_folder: Path) -> Path:
    spool_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(dir=spool_folder))


def _prepare(
    sent: list[tuple[str, Path]], path: str, scratch: Path, *, is_extracted: bool, is_dicom: bool
) -> list[Arrived]:
    """Unpack what is to be unpacked, and take digests."""
    arrived: list[Arrived] = []
    for name, file in sent:
        named = name or path.rpartition("/")[2]
        if is_extracted and (kind := archive_kind(named)):
            arrived += unpacked(file, named, kind, scratch, is_dicom=is_dicom)
        else:
            arrived.append(taken(safe_name(path or name), file, is_dicom=is_dicom))
    return arrived


def taken(name: str, file: Path, *, is_dicom: bool) -> Arrived:
    """Describe a file that is on its way into a resource."""
    uid = sop_instance_uid(file) if is_dicom else ""
    return Arrived(name, file, file.stat().st_size, resources.digest_of(file), uid)


def archive_kind(name: str) -> str:
    """Return "zip", "tar" or "gz" by a file's name, "" for no archive (8.3)."""
    lower = name.lower()
    if lower.endswith((".zip", ".zar")):
        return "zip"
    if lower.endswith(_TARS):
        return "tar"
    return "gz" if lower.endswith(".gz") else ""


def unpacked(file: Path, name: str, kind: str, scratch: Path, *, is_dicom: bool = False) -> list[Arrived]:
    """Unpack an archive into a scratch folder, under numbers; inner folders stay in the names.

    Raises:
        CorruptArchiveError: it cannot be read.
        UnsafeNameError: an entry would leave the folder.
    """
    arrived: list[Arrived] = []
    try:
        for inner, member in archive_members(file, name, kind):
            target = scratch / str(len(arrived))
            size, digest = _write(member, target)
            uid = sop_instance_uid(target) if is_dicom else ""
            arrived.append(Arrived(safe_name(inner), target, size, digest, uid))
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, OSError) as error:
        raise CorruptArchiveError(name) from error
    return arrived


def archive_members(file: Path, name: str, kind: str) -> Iterator[tuple[str, Readable]]:
    """Give the files in an archive with their open contents, one after another."""
    if kind == "zip":
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as member:
                        yield entry.filename, member
    elif kind == "tar":
        with tarfile.open(file) as bundle:
            for one in bundle:
                content = bundle.extractfile(one) if one.isreg() else None
                if content:
                    yield one.name, content
    else:
        with gzip.open(file) as single:
            yield name[: -len(".gz")], single


def _write(source: Readable, target: Path) -> tuple[int, str]:
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with target.open("wb") as file:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            size += file.write(block)
    return size, digest.hexdigest()


def safe_name(name: str) -> str:
    """Return a path inside a resource, as catalogs spell it.

    Raises:
        UnsafeNameError: it would leave the resource, or is empty.
    """
    plain = name.replace("\\", "/").lstrip("/")
    parts = [part for part in plain.split("/") if part not in {"", "."}]
    if not parts or ".." in parts or "\0" in plain:
        raise UnsafeNameError(name)
    return "/".join(parts)


def sop_instance_uid(path: Path) -> str:
    """Return a DICOM file's SOP Instance UID, "" for anything else."""
    try:
        return headers.text(headers.read_header(path), "SOPInstanceUID")
    except headers.UnreadableObjectError:
        return ""


_PLACES = (*places.PARENTS, *places.SCANS)
ROUTES = tuple(
    Route(method, f"{path}{middle}/files/{{path:*}}", receive)
    for path in _PLACES
    for middle in ("/resources/{resource}", "")
    for method in ("PUT", "POST")
)
