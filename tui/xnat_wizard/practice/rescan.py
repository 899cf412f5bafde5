"""Compares the prearchive's table with the disk: on `PUT /data/prearchive`, and after a start.

The snapshot of the records may be a second older than the files when the process was killed. Whatever lies in the
prearchive and has no row gets one, made from its files; a row whose folder is gone goes. Nothing in the archive is
touched: folders there that belong to no session are counted in the log.

Source: the wire contract 6.1, 10.3 no. 22.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from pydicom.dataset import Dataset

from xnat_wizard.practice import archiving, build, folders, headers, identify, rights
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.http import Call, Refusal, Route, empty
from xnat_wizard.practice.intake import AUTO_ARCHIVE
from xnat_wizard.practice.naming import clean_label
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Entry, Resource, Row, Store

log = logging.getLogger(__name__)

_Key = tuple[str, str, str]
_RECEIVING = ("QUEUED_BUILDING", "BUILDING", "RECEIVING_INTERRUPT")


# -- on demand ---------------------------------------------------------------------------------------


async def rescan_now(call: Call) -> web.StreamResponse:
    """PUT /data/prearchive."""
    if not rights.edits_all_data(call.user):
        raise Refusal(403, "Only site or data administrators can refresh the prearchive")
    await rescan(call.services)
    return empty()


async def rescan(services: Services) -> None:
    """Drop rows without a folder, and make rows of folders without one; what is being worked on is left alone."""
    store = services.store
    for row in list(store.state.rows):
        is_held = archiving.is_busy(row) or arrival_of(services).has_open_objects(row)
        if not is_held and not store.row_folder(row).is_dir():
            store.remove_row(row)
    unreadable = 0
    for key in await services.in_thread(_folders_on_disk, store.folder / "prearchive"):
        if not (await _revive(services, key) or store.row(*key)):
            unreadable += 1
    if unreadable:
        log.warning("the prearchive holds %d folders of no project, or without images", unreadable)
    store.save()


def _folders_on_disk(prearchive: Path) -> list[_Key]:
    """Return what looks like sessions; a folder without a single file is what a deletion has left."""
    return [
        (path.parent.parent.name, path.parent.name, path.name)
        for path in sorted(prearchive.glob("*/*/*"))
        if path.is_dir() and any(one.is_file() for one in path.rglob("*"))
    ]


async def _revive(services: Services, key: _Key) -> bool:
    """Make a row from a folder's files, and build it; labels are the folder's name and what the header says."""
    store = services.store
    folder = store.folder / "prearchive" / "/".join(key)
    project = store.state.projects.get(key[0])
    if store.row(*key) or (project is None and key[0] != UNASSIGNED):
        return False
    header = await services.in_thread(_first_header, folder)
    if header is None or store.row(*key) or not folder.is_dir():
        return False
    now = services.clock.now()
    row = Row(
        *key,
        name=clean_label(key[2]),
        subject=identify.identify(header, _rules(store), lambda _: None).subject,
        tag=headers.text(header, "StudyInstanceUID"),
        uploaded=folder.stat().st_mtime,
        lastmod=now,
        autoarchive=AUTO_ARCHIVE.get(project.prearchive_code, "Manual") if project else "",
    )
    row.resources = await services.in_thread(_read_resources, folder / "RESOURCES")
    if store.row(*key):
        return False
    store.state.rows.append(row)
    await build.build(services, row)
    return True


def _rules(store: Store) -> identify.Rules:
    try:
        return identify.site_rules(store)
    except ValueError:
        return identify.NO_RULES


def _first_header(folder: Path) -> Dataset | None:
    for path in _images(folder):
        try:
            return headers.read_header(path)
        except headers.UnreadableObjectError:
            continue
    return None


def _images(folder: Path) -> Iterator[Path]:
    for label in (build.DICOM, build.SECONDARY):
        yield from sorted(path for path in folder.glob(f"SCANS/*/{label}/**/*") if path.is_file())


def _read_resources(folder: Path) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for path in sorted(folder.glob("*/**/*")):
        if path.is_file():
            label, name = path.relative_to(folder).as_posix().split("/", 1)
            resource = found.setdefault(label, Resource(0, label))
            resource.files[name] = Entry(name, path.stat().st_size, "")
    return found


# -- after a start -----------------------------------------------------------------------------------


async def recover(services: Services) -> None:
    """Bring records and files together before the first call comes.

    Work that was queued or under way is over: the row waits for it again. A lock stays, as in XNAT, until an
    administrator breaks it; but the files of a session that was on its way into the archive are all in one place again.
    """
    store = services.store
    if not store.state.projects:
        return  # nothing has been here yet
    for row in list(store.state.direct):
        if not store.row_folder(row).is_dir():
            store.remove_row(row)
        elif row.status != "ERROR":
            row.status = "RECEIVING"
    for row in store.state.rows:
        if row.status == "_ARCHIVING":
            await archiving.take_back(services, row)
        elif row.status in _RECEIVING or (archiving.is_busy(row) and not row.status.startswith("_")):
            row.status = "READY" if row.is_built and row.status not in _RECEIVING else "RECEIVING"
        if row.is_built and not await services.in_thread(_is_complete, store.row_folder(row), row):
            row.is_built = False
            row.status = row.status if row.status.startswith("_") else "RECEIVING"
            row.lastmod = services.clock.now()
    known = {row.key for row in store.state.rows}
    await services.in_thread(_clear_away, store.folder / "prearchive", known)
    await rescan(services)
    strays = await services.in_thread(_count_strays, store.folder / "archive", _known_in_archive(store))
    if strays:
        log.warning("the archive holds %d folders that belong to no session", strays)


def _clear_away(prearchive: Path, known: set[_Key]) -> None:
    """Remove folders without files and row: what was being deleted when the server ended."""
    full = {*_folders_on_disk(prearchive), *known}
    for path in prearchive.glob("*/*/*"):
        if path.is_dir() and (path.parent.parent.name, path.parent.name, path.name) not in full:
            folders.remove_folder(path)
            with contextlib.suppress(OSError):
                path.parent.rmdir()


def _is_complete(folder: Path, row: Row) -> bool:
    """Tell whether a built row lists the images that are there."""
    listed = {
        folder / "SCANS" / scan.id / label / name
        for scan in row.scans.values()
        for label, resource in scan.resources.items()
        for name in resource.files
    }
    there = set(_images(folder))
    return listed <= there and not any(_is_image(path) for path in there - listed)


def _is_image(path: Path) -> bool:
    try:
        headers.read_header(path)
    except headers.UnreadableObjectError:
        return False
    return True


def _known_in_archive(store: Store) -> set[Path]:
    sessions = {store.session_folder(session) for session in store.state.sessions.values()}
    return sessions | {store.row_folder(row) for row in store.state.direct}


def _count_strays(archive: Path, known: set[Path]) -> int:
    return sum(path.is_dir() and path not in known for path in archive.glob("*/arc001/*"))


ROUTES = (Route("PUT", "/data/prearchive", rescan_now),)
