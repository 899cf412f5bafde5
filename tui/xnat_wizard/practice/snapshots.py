"""Snapshots and thumbnails of scans: GIFs made when first asked for, kept as resource SNAPSHOTS (wire contract 7.6)."""

import re
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import making, pictures, places, resources
from xnat_wizard.practice.downloads import send_file
from xnat_wizard.practice.http import Call, Refusal, Route
from xnat_wizard.practice.places import Holder
from xnat_wizard.practice.store import Entry

LABEL = "SNAPSHOTS"
_GRID = re.compile(r"([1-9]\d?)X([1-9]\d?)")
_SUFFIX = {"snapshot": "qc", "thumbnail": "qc_t"}


async def snapshot(call: Call) -> web.StreamResponse:
    """Send the picture of a scan in full size."""
    return await _send(call, "snapshot")


async def thumbnail(call: Call) -> web.StreamResponse:
    """Send the small picture of a scan."""
    return await _send(call, "thumbnail")


async def _send(call: Call, kind: str) -> web.StreamResponse:
    session = places.place_of_session(call)
    scan = session.scans.get(call.part("scan"))
    if scan is None:
        raise Refusal(404)
    columns, rows = _grid(call)
    holder = places.scan_holder(call.store, session, scan)
    grid = "" if columns == rows == 1 else f"_{columns}X{rows}"
    name = f"{session.label}_{scan.id}_{_SUFFIX[kind]}{grid}.gif"
    kept = holder.resources.get(LABEL)
    path = holder.folder / LABEL / name
    if kept is None or name not in kept.files:
        entry = await call.in_thread(_draw, _images(holder), path, name, (columns, rows), kind)
        resource = holder.resources.get(LABEL) or making.new_resource(call.store, holder.resources, LABEL)
        resource.format, resource.files[name] = "GIF", entry
        call.store.save()
    return await send_file(call, path)


def _grid(call: Call) -> tuple[int, int]:
    asked = call.parts.get("grid", "1X1")
    match = _GRID.fullmatch(asked)
    if match is None:
        raise Refusal(400, f"Invalid grid view: {asked}")
    return int(match[1]), int(match[2])


def _images(holder: Holder) -> list[Path]:
    resource = holder.resources.get("DICOM") or next(
        (r for r in holder.resources.values() if r.format == "DICOM"), None
    )
    if resource is None or not resource.files:
        raise Refusal(404)
    return [holder.folder / resource.label / name for name in sorted(resource.files, key=_natural)]


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _draw(images: list[Path], path: Path, name: str, grid: tuple[int, int], kind: str) -> Entry:
    try:
        drawn = pictures.gif(images, *grid, is_thumbnail=kind == "thumbnail")
    except (pictures.NoPictureError, OSError) as error:
        raise Refusal(404) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn)
    content = "THUMBNAIL" if kind == "thumbnail" else "ORIGINAL"
    return Entry(name, len(drawn), resources.digest_of(path), format="GIF", content=content)


_PARENTS = (
    "/xapi/experiments/{session}",
    "/xapi/projects/{project}/experiments/{session}",
    "/xapi/projects/{project}/subjects/{subject}/experiments/{session}",
)
ROUTES = tuple(
    Route("GET", f"{parent}/scan/{{scan}}/{word}{end}", handler)
    for parent in _PARENTS
    for word, handler in (("snapshot", snapshot), ("thumbnail", thumbnail))
    for end in ("", "/{grid}")
)
