"""Sessions that go straight into the archive: how they begin, are archived when quiet, or end in the prearchive.

A `Row` with a `direct_id` tracks one; its files arrive in the archive's folder of the session. Whoever takes objects
asks for it by `Wishes(is_direct=True)`: the import service for `Direct-Archive`, a receiver for `directArchive`.

Sources: the wire contract 6.9; missing-data 1.10.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from xnat_wizard.practice import archiving, build, folders
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.conflicts import Options
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Row, Scan, Store, User

FAILED = "Attempt to direct-archive failed"


def row_uri(row: Row) -> str:
    """Return the URI that an import answers."""
    return f"/xapi/direct-archive/{row.project}/{row.tag}/{row.name}"


def find(store: Store, project: str, tag: str, name: str) -> Row | None:
    """Find a session by project, StudyInstanceUID and label."""
    return next((row for row in store.state.direct if (row.project, row.tag, row.name) == (project, tag, name)), None)


def is_open(store: Store, project: str, tag: str, name: str) -> bool:
    """Tell whether an object may go straight into the archive; where not, it goes to the prearchive in silence.

    The session must still be receiving, or be new to the archive: neither its folder nor its experiment is there.
    """
    row = find(store, project, tag, name)
    if row is not None:
        return row.status == "RECEIVING"
    return store.session(project, name) is None and not (store.project_folder(project) / "arc001" / name).exists()


def begin(store: Store, row: Row) -> None:
    """Make a direct-archive session of a new row, which is in no list yet."""
    row.direct_id = store.next_number("direct")
    row.folder = row.name
    row.autoarchive = "AutoArchive"  # the project's code does not count
    store.state.direct.append(row)


def received_file_user(services: Services) -> User:
    """Return who archives: never the uploader."""
    name = str(services.preference("receivedFileUser") or "admin")
    return services.store.state.users.get(name) or User(0, name, "")


async def look(services: Services, before: float) -> None:
    """Archive every session that is receiving and has been quiet since `before`; flags of the sender do not count."""
    for row in list(services.store.state.direct):
        is_quiet = row.lastmod <= before and not arrival_of(services).has_open_objects(row)
        if row.status == "RECEIVING" and is_quiet:
            await archive(services, row)


async def archive(services: Services, row: Row) -> None:
    """Build a session and list it in the archive; what fails moves to the prearchive, with a log."""
    row.status = "QUEUED_BUILDING"  # what comes from now on goes to the prearchive
    await archiving.settle(arrival_of(services), row)
    await build.build(services, row)
    if row.status != "READY":
        await _move_to_prearchive(services, row, row.logs[-1]["entry"])
        return
    folder, project = services.store.row_folder(row), row.project
    arrived = set(_files(folder, row.scans.values()))
    try:
        options = Options(user=received_file_user(services), may_merge=False)
        uri = await archiving.archive(services, row, options)
    except archiving.ArchiveFailedError as error:
        await _move_to_prearchive(services, row, error.reason)
        return
    session = services.store.session(project, uri.rpartition("/")[2])
    if session is not None:
        await services.in_thread(_remove, arrived - set(_files(folder, session.scans.values())))


def _files(folder: Path, scans: Iterable[Scan]) -> Iterator[Path]:
    for scan in scans:
        for label, resource in scan.resources.items():
            for name in resource.files:
                yield folder / "SCANS" / scan.id / label / name


def _remove(paths: set[Path]) -> None:
    """Remove what the project's script rejected or put elsewhere."""
    for path in sorted(paths):
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
            path.parent.parent.rmdir()


async def fail(services: Services, row: Row, reason: str) -> None:
    """Move a session that cannot be completed to the prearchive, as ERROR."""
    row.status = "ERROR"
    await archiving.settle(arrival_of(services), row)
    await _move_to_prearchive(services, row, reason)


async def _move_to_prearchive(services: Services, row: Row, reason: str) -> None:
    """Make a session of the prearchive of it: CONFLICT or ERROR, as archiving left it."""
    store = services.store
    status, row.status = row.status, "_MOVING"
    old, old_key = store.row_folder(row), row.key
    arrival_of(services).forget(old_key)
    store.state.direct = [other for other in store.state.direct if other is not row]
    row.direct_id = 0
    while store.row(row.project, row.timestamp, row.folder) or store.row_folder(row).exists():
        row.timestamp += "_DA"
    store.state.rows.append(row)
    build.add_log(services, row, f"{FAILED}\n{reason}")
    await services.in_thread(folders.move_folder, old, store.row_folder(row))
    row.status = status
    row.lastmod = services.clock.now()
    store.note(rows=[row], gone=[old_key])


async def delete(services: Services, row: Row, *, with_files: bool) -> None:
    """Forget a session; before 1.10.2 its files stay where they are."""
    arrival = arrival_of(services)
    row.status = "_DELETING"
    await archiving.settle(arrival, row)
    arrival.forget(row.key)
    folder = services.store.row_folder(row)
    services.store.remove_row(row)
    if with_files:
        await services.in_thread(folders.remove_folder, folder)
    services.store.save()
