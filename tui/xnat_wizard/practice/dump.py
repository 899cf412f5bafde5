"""Lists the elements of DICOM objects on the server (wire contract 7.7)."""

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pydicom
from aiohttp import web
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from xnat_wizard.practice import places, rights
from xnat_wizard.practice.http import Call, Refusal, Route, table
from xnat_wizard.practice.store import UNASSIGNED, Resource, Row, Scan

COLUMNS = ("tag1", "tag2", "vr", "value", "desc")
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SHOWN_CHARACTERS = 1000

Line = dict[str, str]


async def dump(call: Call) -> web.StreamResponse:
    """Show the elements of one file, or with `summary=true` what all files of a scan say."""
    source = call.param("src")
    if not source:
        raise Refusal(400, "Please set the src parameter")
    if source.startswith("/prearchive/"):
        files = _prearchive_files(call, source)
    elif source.startswith("/archive/"):
        files = _archive_files(call, source)
    else:
        raise Refusal(404)
    if not files:
        raise Refusal(404)
    chosen = files if call.is_true("summary") else files[:1]
    tags = [_tag(name) for name in call.params_of("field")]
    try:
        lines = await call.in_thread(_lines_of, chosen, tags)
    except FileNotFoundError as error:
        raise Refusal(404) from error
    except Exception as error:  # pydicom raises whatever a broken file makes it stumble over
        raise Refusal(500) from error
    return table(call, lines, columns=COLUMNS)


def _tag(name: str) -> BaseTag:
    found = tag_for_keyword(name)
    if found is not None:
        return Tag(found)
    try:
        return Tag(int(name, 16))
    except ValueError as error:
        raise Refusal(500) from error


def _archive_files(call: Call, source: str) -> list[Path]:
    target = places.target_of(call, source)
    if target is None or target.place.session is None:
        raise Refusal(404)
    place = target.place
    if place.scans is None and not target.resource:
        scans = tuple(target.place.session.scans.values())
        place = places.Place(place.project, place.subject, place.session, scans)
    return [
        holder.folder / resource.label / name
        for holder in place.holders(call.store, is_deep=False)
        for resource in _wanted(holder.resources, target.resource)
        for name in _names(resource, target.file)
    ]


def _prearchive_files(call: Call, source: str) -> list[Path]:
    """Find files below `/prearchive/projects/{P}/{TS}/{FOLDER}[/scans/{N}[/resources/{R}/files/{F}]]`."""
    parts = source.strip("/").split("/")
    if len(parts) < 5 or parts[1] != "projects":
        raise Refusal(404)
    row = call.store.row(parts[2], parts[3], parts[4])
    if row is None or not row.is_built or not _sees(call, row):
        raise Refusal(404)
    below = dict(zip(parts[5::2], parts[6::2], strict=False))
    file = "/".join(parts[parts.index("files") + 1 :]) if "files" in parts[5:] else ""
    folder = call.store.row_folder(row) / "SCANS"
    return [
        folder / scan.id / resource.label / name
        for scan in _scans(row, below.get("scans", ""))
        for resource in _wanted(scan.resources, below.get("resources", ""))
        for name in _names(resource, file)
    ]


def _sees(call: Call, row: Row) -> bool:
    if row.project == UNASSIGNED:
        return rights.reads_all_data(call.user)
    return places.may_edit(call, row.project)


def _scans(row: Row, scan_id: str) -> list[Scan]:
    if not scan_id:
        return list(row.scans.values())
    return [row.scans[scan_id]] if scan_id in row.scans else []


def _wanted(resources: dict[str, Resource], label: str) -> list[Resource]:
    if label:
        return [one for one in resources.values() if label in {one.label, str(one.id)}]
    return [one for one in resources.values() if one.label in {"DICOM", "secondary"} or one.format == "DICOM"]


def _names(resource: Resource, file: str) -> list[str]:
    if file:
        return [file] if file in resource.files else []
    return list(resource.files)


# -- in a thread -------------------------------------------------------------------------------------


def _lines_of(files: Iterable[Path], tags: list[BaseTag]) -> list[Line]:
    """Read the files; values that differ between them are joined."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")  # odd values are shown all the same
    merged: dict[tuple[str, str], Line] = {}
    for path in files:
        instance = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags or None)
        for line in _lines(instance, tags):
            known = merged.setdefault((line["tag1"], line["tag2"]), line)
            if line["value"] not in known["value"]:  # a value inside another one is lost, as on a real site
                known["value"] += f", {line['value']}"
    return list(merged.values())


def _lines(instance: Dataset, tags: list[BaseTag]) -> Iterator[Line]:
    head = [] if tags else list(getattr(instance, "file_meta", None) or ())
    for element in (*head, *instance):
        if tags and element.tag not in tags:
            continue
        yield _line(element, "")
        if element.VR == "SQ":
            for inner in element.value:
                for below in inner:
                    yield {
                        **_line(below, str(below.tag)),
                        "tag1": _shown_tag(element.tag),
                        "tag2": _shown_tag(below.tag),
                    }


def _line(element: DataElement, inner: str) -> Line:
    return {
        "tag1": _shown_tag(element.tag),
        "tag2": inner,
        "vr": str(element.VR),
        "value": _shown_value(element),
        "desc": _description(element.tag),
    }


def _shown_tag(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"


def _shown_value(element: DataElement) -> str:
    value: Any = element.value
    if value is None or element.VR == "SQ" or element.VR in _BINARY:
        return ""
    if element.VM > 1:
        return "\\".join(str(one) for one in value)[:_SHOWN_CHARACTERS]
    return str(value)[:_SHOWN_CHARACTERS]


def _description(tag: BaseTag) -> str:
    try:
        return dictionary_description(tag)
    except KeyError:
        return "?"


ROUTES = (Route("GET", "/data/services/dicomdump", dump),)
