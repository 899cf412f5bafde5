"""A person's own place for files on the server, and moving them into the archive (wire contract 5.12)."""

import shutil
from functools import partial
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import downloads, places, receiving, resources
from xnat_wizard.practice.http import Call, Refusal, Route, empty, table, text

_BASE = "/data/user/cache/resources"
NO_FOLDER = "User directory not found or is not a directory."
NO_FILES = "No matching files found."


def _folder(call: Call, name: str) -> Path:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise Refusal(400, "The name of a cache resource cannot be a path.")
    return call.store.cache_folder(call.user.username) / name


async def list_resources(call: Call) -> web.StreamResponse:
    """List the caller's folders."""
    top = call.store.cache_folder(call.user.username)
    names = await call.in_thread(_names_of_folders, top)
    rows = [{"Resource": name, "URI": f"{_BASE}/{name}"} for name in names]
    return table(call, rows, columns=("Resource", "URI"), has_uri_columns=True)


def _names_of_folders(top: Path) -> list[str]:
    return sorted(path.name for path in top.iterdir() if path.is_dir()) if top.is_dir() else []


async def make(call: Call) -> web.StreamResponse:
    """Make an empty folder."""
    folder = _folder(call, call.part("name"))
    try:
        await call.in_thread(partial(folder.mkdir, parents=True))
    except FileExistsError as error:
        raise Refusal(412, "Resource with this name already exists.") from error
    return text("")


async def store(call: Call) -> web.StreamResponse:
    """Keep a file, or what an archive holds."""
    folder = _folder(call, call.part("name"))
    path = call.part("path").strip("/")
    sent = await receiving.sent_files(call)
    try:
        await call.in_thread(_keep, folder, path, sent, call.is_true("extract"))
    except receiving.UnsafeNameError as error:
        raise Refusal(400, f"The path of a file must stay inside its resource: {error}") from error
    except receiving.CorruptArchiveError as error:
        raise Refusal(422, receiving.CORRUPT.format(name=error)) from error
    return empty(201) if call.method == "POST" else text("")


def _keep(folder: Path, path: str, sent: list[tuple[str, Path]], is_extracted: bool) -> None:  # noqa: FBT001  passed by position to a thread
    for name, file in sent:
        named = name or path.rpartition("/")[2]
        kind = receiving.archive_kind(named) if is_extracted else ""
        if kind:
            scratch = file.with_name(f"{file.name}.unpacked")
            scratch.mkdir()
            try:
                for one in receiving.unpacked(file, named, kind, scratch):
                    _place(one.path, folder / one.name)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        else:
            _place(file, folder / receiving.safe_name(path or name))


def _place(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)


async def read(call: Call) -> web.StreamResponse:
    """List a folder's files, send one, or send all as an archive."""
    name, path = call.part("name"), call.part("path").strip("/")
    folder = _folder(call, name)
    found = await call.in_thread(_files_below, folder)
    if found is None:
        raise Refusal(404, NO_FOLDER)
    kind = downloads.ARCHIVE_KINDS.get(call.param("format").lower())
    if path:
        if path not in found:
            raise Refusal(404, NO_FILES)
        if kind and not path.lower().endswith(kind[1]):
            return await downloads.send_archive(call, kind[0], [(path, folder / path)], Path(path).name + kind[1])
        return await downloads.send_file(call, folder / path)
    if kind:
        entries = [(one, folder / one) for one in found]
        return await downloads.send_archive(call, kind[0], entries, name + kind[1])
    rows = [{"Name": one, "Size": size, "URI": f"{_BASE}/{name}/files/{one}"} for one, size in found.items()]
    return table(call, rows, columns=("Name", "Size", "URI"), has_uri_columns=True)


def _files_below(folder: Path) -> dict[str, int] | None:
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


async def delete_folder(call: Call) -> web.StreamResponse:
    """Delete a folder with all in it."""
    folder = _folder(call, call.part("name"))
    if not await call.in_thread(folder.is_dir):
        raise Refusal(404, NO_FILES)
    await call.in_thread(shutil.rmtree, folder, True)  # noqa: FBT003  rmtree's ignore_errors
    return text("")


async def delete_files(call: Call) -> web.StreamResponse:
    """Delete files, named with commas between them."""
    folder = _folder(call, call.part("name"))
    found = await call.in_thread(_files_below, folder)
    wanted = [name for name in call.part("path").split(",") if name in (found or {})]
    if not wanted:
        raise Refusal(404, NO_FILES)
    for name in wanted:
        await call.in_thread((folder / name).unlink)
    return text("")


async def move(call: Call) -> web.StreamResponse:
    """Move a cached file into a resource of the archive."""
    await call.uploads()
    source, destination = call.param("src"), call.param("dest")
    if not source or not destination:
        raise Refusal(400, "Missing src and dest path")
    file = _cached(call, source)
    target = places.target_of(call, destination)
    if target is None or not target.resource:
        raise Refusal(400, f"Invalid Destination:{destination}")
    place = target.place
    if not places.may_edit(call, place.owner):
        raise Refusal(403, resources.NO_RIGHT)
    try:
        name = receiving.safe_name(target.file or file.name)
    except receiving.UnsafeNameError as error:
        raise Refusal(400, f"Invalid Destination:{destination}") from error
    holder = place.holder(call.store)
    arrived = await call.in_thread(partial(receiving.taken, name, file, is_dicom=target.resource == "DICOM"))
    resource = holder.find(target.resource) or resources.make(call, holder, target.resource)
    if await receiving.keep(call, holder, resource, [arrived]):
        raise Refusal(409, f"{name} already exists.")
    return text("")


def _cached(call: Call, source: str) -> Path:
    parts = source.removeprefix("/data").removeprefix("/REST").strip("/").split("/")
    if parts[:3] != ["user", "cache", "resources"] or len(parts) < 6 or parts[4] != "files" or ".." in parts:
        raise Refusal(400, f"Invalid Source:{source}")
    path = _folder(call, parts[3]).joinpath(*parts[5:])
    if not path.is_file():
        raise Refusal(400, f"Invalid Source:{source}")
    return path


ROUTES = (
    Route("GET", _BASE, list_resources),
    Route("PUT", f"{_BASE}/{{name}}", make),
    Route("DELETE", f"{_BASE}/{{name}}", delete_folder),
    Route("GET", f"{_BASE}/{{name}}/files/{{path:*}}", read),
    Route("PUT", f"{_BASE}/{{name}}/files/{{path:*}}", store),
    Route("POST", f"{_BASE}/{{name}}/files/{{path:*}}", store),
    Route("DELETE", f"{_BASE}/{{name}}/files/{{path:*}}", delete_files),
    Route("POST", "/data/services/move-files", move),
)
