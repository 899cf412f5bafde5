"""Scans, resources and files of a session in the prearchive (the wire contract 6.4)."""

import contextlib
import shutil
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import folders
from xnat_wizard.practice.destinations import is_plain
from xnat_wizard.practice.http import Call, Refusal, Route, empty, table
from xnat_wizard.practice.prearchive import SESSION, find_row, project_of, row_uri
from xnat_wizard.practice.store import Entry, Resource, Row, Scan

_NOT_BUILT = "Unable to locate prearc resource."
_SCAN = f"{SESSION}/scans/{{scan}}"
_SCAN_RESOURCE = f"{_SCAN}/resources/{{resource}}"
_RESOURCE = f"{SESSION}/resources/{{resource}}"


def _built(call: Call) -> Row:
    row = find_row(call, project_of(call))
    if not row.is_built:
        raise Refusal(404, _NOT_BUILT)
    return row


def _scan(call: Call, row: Row) -> Scan:
    scan = row.scans.get(call.part("scan"))
    if scan is None:
        raise Refusal(404)
    return scan


def _resource(call: Call, resources: dict[str, Resource]) -> Resource:
    resource = resources.get(call.part("resource"))
    if resource is None:
        raise Refusal(404)
    return resource


def _sums(resource: Resource) -> dict[str, object]:
    return {
        "label": resource.label,
        "file_count": len(resource.files),
        "file_size": sum(entry.size for entry in resource.files.values()),
    }


def _list_files(call: Call, resource: Resource, uri: str) -> web.StreamResponse:
    def size(entry: Entry) -> str:
        return f"{entry.size / 1024:.1f} KB" if call.is_true("prettyPrint") else str(entry.size)

    rows = [
        {"Name": entry.name.rpartition("/")[2], "Size": size(entry), "URI": f"{uri}/files/{entry.name}"}
        for entry in sorted(resource.files.values(), key=lambda entry: entry.name)
    ]
    return table(call, rows, columns=["Name", "Size", "URI"], has_total=False)


async def _send(call: Call, resource: Resource, folder: Path) -> web.StreamResponse:
    name = call.part("file")
    entry = resource.files.get(name)
    if entry is None or not (folder / name).is_file():
        raise Refusal(404)
    if call.param("format") == "image/jpeg":
        from xnat_wizard.practice import pictures  # Pillow and numpy take long to load

        try:
            picture = await call.in_thread(pictures.jpeg, folder / name)
        except pictures.NoPictureError as error:
            raise Refusal(400, f"Unable to convert this file to jpeg : {name}") from error
        return web.Response(body=picture, content_type="image/jpeg")
    kind = "application/dicom" if entry.format == "DICOM" else "application/octet-stream"
    return await folders.send_file(call, folder / name, name.rpartition("/")[2], kind)


# -- scans -------------------------------------------------------------------------------------------


async def read_scans(call: Call) -> web.StreamResponse:
    """GET .../scans."""
    rows = [
        {"ID": scan.id, "xsiType": scan.xsi_type, "series_description": scan.fields.get("series_description", "")}
        for scan in _built(call).scans.values()
    ]
    return table(call, rows, columns=["ID", "xsiType", "series_description"], has_total=False)


async def read_scan(call: Call) -> web.StreamResponse:
    """GET .../scans/{id}?format=zip."""
    row = _built(call)
    scan = _scan(call, row)
    kind = call.param("format")
    if kind not in {"zip", "tar", "tar.gz"}:
        raise Refusal(501, "The practice server gives a prearchive scan as zip, tar or tar.gz only")
    return await folders.send_folder(call, call.store.row_folder(row) / "SCANS" / scan.id, scan.id, kind)


async def delete_scan(call: Call) -> web.StreamResponse:
    """DELETE .../scans/{id}: from session and disk."""
    row = _built(call)
    scan = _scan(call, row)
    del row.scans[scan.id]
    call.store.save()
    await call.in_thread(shutil.rmtree, call.store.row_folder(row) / "SCANS" / scan.id, True)  # noqa: FBT003  ignore_errors
    return empty()


async def read_scan_resources(call: Call) -> web.StreamResponse:
    """GET .../scans/{id}/resources."""
    scan = _scan(call, _built(call))
    rows = [_sums(resource) for resource in scan.resources.values()]
    return table(call, rows, columns=["label", "file_count", "file_size"], has_total=False)


async def read_scan_files(call: Call) -> web.StreamResponse:
    """GET .../scans/{id}/resources/{label}/files[/{name}]."""
    row = _built(call)
    scan = _scan(call, row)
    resource = _resource(call, scan.resources)
    if call.part("file"):
        return await _send(call, resource, call.store.row_folder(row) / "SCANS" / scan.id / resource.label)
    uri = f"/data{row_uri(row)}/scans/{scan.id}/resources/{resource.label}"
    return _list_files(call, resource, uri)


# -- resources of the session ------------------------------------------------------------------------


async def read_resources(call: Call) -> web.StreamResponse:
    """GET .../resources."""
    row = _built(call)
    rows = [{"category": "resources", "cat_id": "", **_sums(resource)} for resource in row.resources.values()]
    return table(call, rows, columns=["category", "cat_id", "label", "file_count", "file_size"], has_total=False)


async def read_files(call: Call) -> web.StreamResponse:
    """GET .../resources/{label}/files[/{name}]."""
    row = _built(call)
    resource = _resource(call, row.resources)
    if call.part("file"):
        return await _send(call, resource, _folder(call, row, resource))
    return _list_files(call, resource, f"/data{row_uri(row)}/resources/{resource.label}")


def _folder(call: Call, row: Row, resource: Resource) -> Path:
    return call.store.row_folder(row) / "RESOURCES" / resource.label


async def write_files(call: Call) -> web.StreamResponse:
    """PUT .../resources/{label}/files/{name}: adds files and makes the resource."""
    row = _built(call)
    label = call.part("resource")
    if call.content_type.startswith("multipart/"):
        arrived = [(call.part("file") or upload.name, upload.path) for upload in await call.uploads()]
    else:
        arrived = [(call.part("file"), await call.spool())]
    if not is_plain(label) or not all(all(is_plain(part) for part in name.split("/")) for name, _ in arrived):
        raise Refusal(400, "The file needs a name inside the resource")
    folder = call.store.row_folder(row) / "RESOURCES" / label
    resource = row.resources.setdefault(label, Resource(0, label))
    for name, path in arrived:
        size = path.stat().st_size
        await call.in_thread(_put, path, folder / name)
        resource.files[name] = Entry(name, size, "")
    call.store.save()
    return empty()


def _put(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


async def delete_file(call: Call) -> web.StreamResponse:
    """DELETE .../resources/{label}/files/{name}."""
    row = _built(call)
    resource = _resource(call, row.resources)
    if resource.files.pop(call.part("file"), None) is None:
        raise Refusal(404)
    with contextlib.suppress(OSError):
        (_folder(call, row, resource) / call.part("file")).unlink()
    call.store.save()
    return empty()


ROUTES = (
    Route("GET", f"{SESSION}/scans", read_scans),
    Route("GET", _SCAN, read_scan),
    Route("DELETE", _SCAN, delete_scan),
    Route("GET", f"{_SCAN}/resources", read_scan_resources),
    Route("GET", f"{_SCAN_RESOURCE}/files/{{file:*}}", read_scan_files),
    Route("GET", f"{SESSION}/resources", read_resources),
    Route("GET", f"{_RESOURCE}/files/{{file:*}}", read_files),
    Route("PUT", f"{_RESOURCE}/files/{{file:*}}", write_files),
    Route("POST", f"{_RESOURCE}/files/{{file:*}}", write_files),
    Route("DELETE", f"{_RESOURCE}/files/{{file:*}}", delete_file),
)
