"""Resource folders: list, create, delete, refresh (wire contract 7.2, 7.8, 8.2, 8.4)."""

import hashlib
import shutil
from pathlib import Path
from xml.sax.saxutils import quoteattr

from aiohttp import web

from xnat_wizard.practice import making, places
from xnat_wizard.practice.http import Call, Refusal, Route, table, text
from xnat_wizard.practice.places import Holder, Place
from xnat_wizard.practice.store import Entry, Resource

COLUMNS = (
    "xnat_abstractresource_id", "label", "element_name", "category", "cat_id", "cat_desc",
    "file_count", "file_size", "tags", "content", "format",
)  # fmt: skip
NO_RIGHT = "User account doesn't have permission to modify this session."
NOT_FOUND = "Unable to find the specified resource."
OPTIONS = frozenset({"append", "checksum", "delete", "populateStats"})


async def list_resources(call: Call) -> web.StreamResponse:
    """List the resources of a place; `all=true` on a session adds those of its scans."""
    place = places.place_of(call)
    rows = [
        {
            "xnat_abstractresource_id": resource.id,
            "label": resource.label,
            "element_name": "xnat:resourceCatalog",
            "category": holder.category,
            "cat_id": holder.cat_id,
            "cat_desc": holder.cat_desc,
            "file_count": len(resource.files),
            "file_size": sum(entry.size for entry in resource.files.values()),
            "tags": resource.tags,
            "content": resource.content,
            "format": resource.format,
        }
        for holder in place.holders(call.store, is_deep=call.is_true("all"))
        for resource in holder.resources.values()
    ]
    return table(call, rows, columns=COLUMNS, title="Resources")


async def read_catalog(call: Call) -> web.StreamResponse:
    """Show the catalog of a resource, an XML document with one entry a file."""
    resource = found(places.place_of(call).holder(call.store), call.part("resource"))
    is_dicom = any(entry.sop_instance_uid for entry in resource.files.values())
    entries = "".join(_entry_xml(entry, is_dicom=is_dicom) for entry in resource.files.values())
    kind = "cat:DCMCatalog" if is_dicom else "cat:Catalog"
    head = f"{kind} ID={quoteattr(resource.label)} {_NAMESPACES}"
    body = f"<{head}><cat:entries>{entries}</cat:entries></{kind}>"
    return text(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n', content_type="text/xml")


def _entry_xml(entry: Entry, *, is_dicom: bool) -> str:
    said = {"ID": entry.name, "URI": entry.name, "UID": entry.sop_instance_uid, "digest": entry.md5}
    said |= {"format": entry.format, "content": entry.content}
    attributes = " ".join(f"{key}={quoteattr(value)}" for key, value in said.items() if value)
    return f'<cat:entry {attributes} xsi:type="cat:{"dicomEntry" if is_dicom else "entry"}"/>'


async def put(call: Call) -> web.StreamResponse:
    """Create an empty resource."""
    place = places.place_of(call)
    if not places.may_edit(call, place.owner):
        raise Refusal(403, NO_RIGHT)
    holder, label = place.holder(call.store), call.part("resource")
    if holder.find(label):
        raise Refusal(409, "Specified resource already exists.")
    make(call, holder, label)
    call.store.save()
    return text("")


def make(call: Call, holder: Holder, label: str) -> Resource:
    """Add a resource to an object, described by the call's parameters."""
    if label in {".", ".."} or "/" in label or "\0" in label:
        raise Refusal(400, "The label of a resource cannot be a path.")
    resource = making.new_resource(call.store, holder.resources, label)
    resource.format, resource.content = call.param("format"), call.param("content")
    resource.tags, resource.description = call.param("tags"), call.param("description")
    return resource


def found(holder: Holder, label_or_id: str) -> Resource:
    """Find a resource of an object.

    Raises:
        Refusal: 404.
    """
    resource = holder.find(label_or_id)
    if resource is None:
        raise Refusal(404, NOT_FOUND)
    return resource


async def delete(call: Call) -> web.StreamResponse:
    """Delete a resource and, when told, its files."""
    place = places.place_of(call)
    holder = place.holder(call.store)
    resource = found(holder, call.part("resource"))
    if not places.may_delete(call, place.owner):
        raise Refusal(403, NO_RIGHT)
    del holder.resources[resource.label]
    call.store.save()
    if call.param("removeFiles") == "true":
        await call.in_thread(shutil.rmtree, holder.folder / resource.label, True)  # noqa: FBT003  rmtree's ignore_errors
    return text("")


async def refresh(call: Call) -> web.StreamResponse:
    """Compare catalogs with what lies on disk: `options=append,checksum,delete,populateStats`."""
    await call.uploads()
    wanted = call.params_of("resource")
    if not wanted:
        raise Refusal(400, "Please specify the resource to refresh")
    options = {name for value in call.params_of("options") for name in value.split(",") if name}
    await refresh_all(call, wanted, options)
    return text("")


async def refresh_all(call: Call, uris: list[str], options: set[str]) -> None:
    """Refresh the catalogs of several places.

    Raises:
        Refusal: 400 no such URI, 403 no right, 404 nothing there, 501 an unknown option.
    """
    unknown = options - OPTIONS
    if unknown:
        raise Refusal(501, f"The practice server does not know the refresh options {', '.join(sorted(unknown))}")
    for uri in uris:
        target = places.target_of(call, uri)
        if target is None:
            raise Refusal(400, f"Invalid resource: {uri}")
        if not places.may_edit(call, target.place.owner):
            raise Refusal(403, NO_RIGHT)
        for holder, resource in _meant(call, target.place, target.resource):
            await _refresh_one(call, holder.folder / resource.label, resource, options)
    call.store.save()


def _meant(call: Call, place: Place, label: str) -> list[tuple[Holder, Resource]]:
    if label:
        holder = place.holder(call.store)
        return [(holder, found(holder, label))]
    return [(holder, one) for holder in place.holders(call.store, is_deep=True) for one in holder.resources.values()]


async def _refresh_one(call: Call, folder: Path, resource: Resource, options: set[str]) -> None:
    known = {} if "checksum" in options else {name: entry.md5 for name, entry in resource.files.items()}
    on_disk = await call.in_thread(_files_below, folder, known)
    for name, (size, digest) in on_disk.items():
        entry = resource.files.get(name)
        if entry is None and "append" in options:
            resource.files[name] = Entry(name, size, digest)
        elif entry is not None:
            entry.size = size
            entry.md5 = digest or entry.md5
    if "delete" in options:
        for name in set(resource.files) - set(on_disk):
            del resource.files[name]


def _files_below(folder: Path, known: dict[str, str]) -> dict[str, tuple[int, str]]:
    """Return size and MD5 of all files; digests that are known are not computed again."""
    listed = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: (path.stat().st_size, known[name] if known.get(name) else digest_of(path))
        for name, path in listed.items()
    }


def digest_of(path: Path) -> str:
    """Return a file's MD5."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


_NAMESPACES = 'xmlns:cat="http://nrg.wustl.edu/catalog" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_PLACES = (*places.PARENTS, *places.SCANS)
ROUTES = (
    *(Route("GET", f"{path}/resources", list_resources) for path in _PLACES),
    *(Route("GET", f"{path}/resources/{{resource}}", read_catalog) for path in _PLACES),
    *(Route("PUT", f"{path}/resources/{{resource}}", put) for path in _PLACES),
    *(Route("DELETE", f"{path}/resources/{{resource}}", delete) for path in _PLACES),
    Route("POST", "/data/services/refresh/catalog", refresh),
)
