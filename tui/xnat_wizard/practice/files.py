"""Files of resources: lists, downloads in all forms, deleting (wire contract 7.3 to 7.5, 8.4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import downloads, pictures, places, resources
from xnat_wizard.practice.http import Call, Refusal, Route, empty, table, text
from xnat_wizard.practice.places import Holder
from xnat_wizard.practice.store import Entry, Resource

COLUMNS = ("Name", "Size", "URI", "collection", "file_tags", "file_format", "file_content", "cat_ID", "digest")
NOT_FOUND = "Unable to find file."
_INSIDE = re.compile(r"(?P<archive>.*?\.(?:zip|zar|xar|jar))(?:!/?|/)(?P<inner>.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Kept:
    """A file and where it belongs."""

    holder: Holder
    resource: Resource
    entry: Entry

    @property
    def path(self) -> Path:
        """Return where it lies."""
        return self.holder.folder / self.resource.label / self.entry.name

    @property
    def uri(self) -> str:
        """Return its URI, by the resource's number; as on a real site it is not percent-encoded."""
        return f"{self.holder.uri}/resources/{self.resource.id}/files/{self.entry.name}"


def addressed(call: Call) -> Iterator[tuple[Holder, Resource]]:
    """Give the resources that the call's path addresses.

    Raises:
        Refusal: 404, the place or the resource is unknown.
    """
    place = places.place_of(call)
    wanted = call.parts.get("resource", "")
    labels = wanted.split(",") if wanted and wanted not in {"ALL", "*"} else []
    is_found = not labels
    for holder in place.holders(call.store, is_deep=call.is_true("all")):
        chosen = [one for label in labels if (one := holder.find(label))] if labels else list(holder.resources.values())
        is_found = is_found or bool(chosen)
        for resource in chosen:
            yield holder, resource
    if not is_found:
        raise Refusal(404, resources.NOT_FOUND)


def kept_files(call: Call) -> Iterator[Kept]:
    """Give all files that the call's path addresses, in the order of the catalogs."""
    for holder, resource in addressed(call):
        for entry in resource.files.values():
            yield Kept(holder, resource, entry)


def _exact(call: Call, path: str) -> Kept | None:
    """Find a file by its path; quick in resources of any size."""
    for holder, resource in addressed(call):
        if entry := resource.files.get(path):
            return Kept(holder, resource, entry)
    return None


async def read(call: Call) -> web.StreamResponse:
    """List files or a folder, send one file, or stream many as an archive."""
    path = call.parts.get("path", "")
    if path and not call.has_trailing_slash and (exact := _exact(call, path)):
        return await _send_one(call, exact)
    files = [one for one in kept_files(call) if _passes(call, one)]
    if call.has_trailing_slash and path:
        folder = path.rstrip("/") + "/"
        files = [one for one in files if one.entry.name.startswith(folder)]
        if call.param("recursive").lower() in {"false", "0"}:
            files = [one for one in files if "/" not in one.entry.name[len(folder) :]]
        path = ""
        if not files:
            return _missing(call)
    if call.has_param("index"):
        index = call.param("index")
        if not index.isdigit() or int(index) >= len(files):
            return _missing(call)
        return await _send_one(call, files[int(index)])
    if path:
        return await _send_matching(call, files, path)
    kind = downloads.ARCHIVE_KINDS.get(call.param("format").lower())
    if kind:
        return await _send_all(call, files, *kind)
    if call.param("locator") in {"absolutePath", "projectPath"}:
        raise Refusal(403, "The practice server does not tell where files lie.")
    rows = [_row(one) for one in files]
    return table(call, rows, columns=COLUMNS, has_uri_columns=True, title="Files")


def _passes(call: Call, file: Kept) -> bool:
    for parameter, value in (("file_format", file.entry.format), ("file_content", file.entry.content)):
        wanted = call.params_of(parameter)
        if wanted and (value or "NULL") not in wanted:
            return False
    return True


def _row(file: Kept) -> dict[str, object]:
    entry = file.entry
    return {
        "Name": entry.name.rpartition("/")[2],
        "Size": entry.size,
        "URI": file.uri,
        "collection": file.resource.label,
        "file_tags": entry.tags,
        "file_format": entry.format,
        "file_content": entry.content,
        "cat_ID": file.resource.id,
        "digest": entry.md5,
    }


def _missing(call: Call) -> web.StreamResponse:
    if call.is_true("accept-not-found"):
        return empty(204)
    raise Refusal(404, NOT_FOUND)


async def _send_matching(call: Call, files: list[Kept], path: str) -> web.StreamResponse:
    if "*" in path:
        pattern = re.compile(".*".join(re.escape(piece) for piece in path.split("*")))
        matching = [one for one in files if pattern.fullmatch(one.entry.name)]
        if len(matching) == 1:
            return await _send_one(call, matching[0])
    if inside := _INSIDE.fullmatch(path):
        archive = [one for one in files if one.entry.name == inside["archive"]]
        if archive:
            return await downloads.send_zip_member(call, archive[0].path, inside["inner"])
    return _missing(call)


async def _send_one(call: Call, file: Kept) -> web.StreamResponse:
    asked = call.param("format").lower()
    if call.is_true("listContents"):
        return table(call, await call.in_thread(downloads.zip_entries, file.path), columns=("Name", "Size", "Date"))
    if asked in {"image/jpeg", "jpeg", "jpg"}:
        return web.Response(body=await _jpeg(call, file.path), content_type="image/jpeg")
    kind = downloads.ARCHIVE_KINDS.get(asked)
    if kind and not file.entry.name.lower().endswith(kind[1]):
        name = file.entry.name.rpartition("/")[2]
        return await downloads.send_archive(call, kind[0], [(name, file.path)], name + kind[1])
    return await downloads.send_file(call, file.path)


async def _jpeg(call: Call, path: Path) -> bytes:
    try:
        return await call.in_thread(pictures.jpeg, path)
    except FileNotFoundError as error:
        raise Refusal(404, NOT_FOUND) from error
    except pictures.NoPictureError as error:
        raise Refusal(400, f"Unable to convert this file to jpeg : {error}") from error


async def _send_all(call: Call, files: list[Kept], kind: str, suffix: str) -> web.StreamResponse:
    structure = call.param("structure") or "default"
    if structure not in {"default", "simplified", "improved"}:
        raise Refusal(501, f"The practice server does not know the zip structure '{structure}'.")
    asked = call.param("compression")
    compression = int(asked) if asked.isdigit() and int(asked) < 10 else 6
    entries = [(archive_name(one, structure), one.path) for one in files]
    name = places.place_of(call).name + suffix
    return await downloads.send_archive(call, kind, entries, name, compression=compression)


def archive_name(file: Kept, structure: str) -> str:
    """Return a file's name in a downloaded archive (7.5)."""
    holder, label, name = file.holder, file.resource.label, file.entry.name
    if structure == "improved":
        parts = "_".join(part for part in (holder.cat_id, holder.cat_desc) if part)
        return "/".join(part for part in (holder.category, parts, label, name) if part)
    if structure == "simplified":
        return f"{holder.zip_path}/{label}/{name}"
    return f"{holder.zip_path}/resources/{label}/files/{name}"


async def delete(call: Call) -> web.StreamResponse:
    """Delete a file, a folder with all below it, or what a name with `*` matches."""
    place = places.place_of(call)
    path = call.parts.get("path", "").strip("/")
    pattern = re.compile(".*".join(re.escape(piece) for piece in path.split("*")))
    files = [
        one for one in kept_files(call) if pattern.fullmatch(one.entry.name) or one.entry.name.startswith(f"{path}/")
    ]
    if not path or not files:
        raise Refusal(404, "File missing")
    if not places.may_delete(call, place.owner):
        raise Refusal(403, resources.NO_RIGHT)
    gone = [(one.path, one.holder.folder / one.resource.label) for one in files]
    for one in files:
        del one.resource.files[one.entry.name]
    call.store.save()
    if call.param("removeFiles").lower() not in {"false", "0"}:
        await call.in_thread(_remove, gone)
    return text("")


def _remove(gone: list[tuple[Path, Path]]) -> None:
    """Remove files, and the folders that they leave empty, up to the resource's own."""
    for path, top in gone:
        path.unlink(missing_ok=True)
        folder = path.parent
        while folder != top and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


_PLACES = (*places.PARENTS, *places.SCANS)
ROUTES = (
    *(Route("GET", f"{path}/files/{{path:*}}", read) for path in _PLACES),
    *(Route("GET", f"{path}/resources/{{resource}}/files/{{path:*}}", read) for path in _PLACES),
    *(Route("DELETE", f"{path}/resources/{{resource}}/files/{{path:*}}", delete) for path in _PLACES),
)
