"""Moves a session from the prearchive into the archive: the stages A1 to A8 of missing-data 1.3.

The records change on the event loop, before and after; in between a worker thread runs the project's script, computes
digests and moves the files.
"""

import asyncio
import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from xnat_wizard.practice import build, config, conflicts, fields, folders, headers, making, naming, scripts
from xnat_wizard.practice.arrival import Arrival, arrival_of
from xnat_wizard.practice.conflicts import Options, Target
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Entry, Resource, Row, Scan, Session

BUSY = {
    "ARCHIVING",
    "QUEUED_ARCHIVING",
    "MOVING",
    "QUEUED_MOVING",
    "DELETING",
    "QUEUED_DELETING",
    "QUEUED_BUILDING",
    "BUILDING",
}
_SETTLE_S = 0.02


class ArchiveFailedError(Exception):
    """The session stays in the prearchive; the text is the reason, without "Operation Failed: "."""

    def __init__(self, reason: str, *, is_conflict: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_conflict = is_conflict


@dataclass
class _Copy:
    """One resource of the prearchive on its way to one of the archive."""

    source: Path
    target: Path
    new: Resource
    kept: Resource | None  # what is there already
    scan: Scan | None = None  # whose resource it is; None for the session's own
    scan_id: str = ""  # in the archive
    entries: dict[str, Entry] = field(default_factory=dict)  # filled by the thread
    dropped: set[str] = field(default_factory=set)  # names that are replaced under another name


def is_busy(row: Row) -> bool:
    """Tell whether some operation holds the row."""
    return row.status.startswith("_") or row.status in BUSY


def is_automatic(services: Services, row: Row, *, wish: bool | None = None) -> bool:
    """Tell whether a built session goes on into the archive by itself (5.8); `wish` is `AA` of a commit."""
    project = services.store.state.projects.get(row.project)
    if project is None:
        return False
    if row.autoarchive in {"AutoArchive", "AutoArchiveOverwrite"}:
        return True
    return wish if wish is not None else project.prearchive_code >= 4


async def settle(arrival: Arrival, row: Row) -> None:
    """Wait until the objects that are on their way into a row have arrived."""
    while arrival.has_open_objects(row):  # noqa: ASYNC110  threads close objects, and an event belongs to the loop
        await asyncio.sleep(_SETTLE_S)


async def archive(services: Services, row: Row, options: Options) -> str:
    """Archive a session; return its URI.

    Raises:
        ArchiveFailedError: the row is CONFLICT or ERROR, and its log says why.
    """
    store = services.store
    arrival = arrival_of(services)
    if not row.is_built or row.status in {"RECEIVING", "RECEIVING_INTERRUPT"}:
        await settle(arrival, row)
        await build.build(services, row)
        if not row.is_built or row.status == "ERROR":
            raise ArchiveFailedError(
                row.logs[-1]["entry"] if row.logs else "The session cannot be built", is_conflict=False
            )
    obstacle = conflicts.first_obstacle(services, row, options)
    if obstacle:
        raise _failed(services, row, obstacle.message, is_conflict=obstacle.makes_conflict)
    place = (row.project, conflicts.target_of(store, row, options).label)
    if place in arrival.archiving:
        raise _failed(services, row, "Duplicate archive attempt.  Destination session in use.", is_conflict=False)
    arrival.archiving.add(place)
    row.status, row.archiving_as = "_ARCHIVING", place[1]
    uri = f"/data/prearchive/projects/{row.project}/{row.timestamp}/{row.folder}"
    try:
        store.note(rows=[row])
        await services.clock.sleep(services.faults.archive_delay_s(uri))
        await settle(arrival, row)
        return await _move_in(services, row, options)
    except scripts.ScriptError as error:
        raise _failed(
            services, row, f"The project's anonymization script failed: {error}", is_conflict=False
        ) from error
    except (OSError, headers.UnreadableObjectError) as error:
        await take_back(services, row)
        raise _failed(services, row, f"Files cannot be moved: {type(error).__name__}", is_conflict=False) from error
    finally:
        arrival.archiving.discard(place)


async def take_back(services: Services, row: Row) -> None:
    """Return to a session of the prearchive what an interrupted move has brought into the archive; it is not built."""
    if row.direct_id:
        return  # it has its files in the archive
    store = services.store
    session = store.session(row.project, row.archiving_as)
    folder = store.project_folder(row.project) / "arc001" / row.archiving_as
    kept: set[Path] = set()
    for scan in session.scans.values() if session else ():
        kept |= _listed(folder / "SCANS" / scan.id, scan.resources)
    kept |= _listed(folder / "RESOURCES", session.resources if session else {})
    await services.in_thread(folders.move_others, folder, store.row_folder(row), kept)
    row.is_built = False


def _listed(folder: Path, resources: dict[str, Resource]) -> set[Path]:
    return {folder / label / name for label, resource in resources.items() for name in resource.files}


def _failed(services: Services, row: Row, reason: str, *, is_conflict: bool) -> ArchiveFailedError:
    row.status = "CONFLICT" if is_conflict else "ERROR"
    row.lastmod = services.clock.now()
    build.add_log(services, row, f"Operation Failed: {reason}")
    services.store.save()
    return ArchiveFailedError(reason, is_conflict=is_conflict)


async def _move_in(services: Services, row: Row, options: Options) -> str:
    store = services.store
    source = store.row_folder(row)
    target = conflicts.target_of(store, row, options)
    script = _project_script(services, row)
    built = build.Built(row.xsi_type, (row.tag,), dict(row.fields), dict(row.scans))
    staging: Path | None = None
    try:
        if script:
            names = {"project": row.project, "subject": target.subject_label, "session": target.label}
            staging = await services.in_thread(_make_staging, services.spool_folder)
            await services.in_thread(_anonymize, source, staging, script, names)
            built = await services.in_thread(build.read_session, staging)
            if not built.scans:
                reason = "All files were rejected by the project's anonymization script"
                raise _failed(services, row, reason, is_conflict=False)
        copies = _plan(services, target, built, row, staging or source)
        is_by_uid = bool(services.preference("useSopInstanceUidToUniquelyIdentifyDicom"))
        has_digests = services.preference("checksums") is not False
        replaces = options.is_override or options.replaces_files
        for copy in copies:
            await services.in_thread(_move_files, copy, is_by_uid, has_digests, replaces)
    finally:
        if staging:
            await services.in_thread(shutil.rmtree, staging, True)  # noqa: FBT003  ignore_errors
    return _commit(services, row, options, target, built, copies)


def _project_script(services: Services, row: Row) -> scripts.Script | None:
    stored = None if row.prevent_anon else config.project_script(services.store, row.project)
    return scripts.parse(stored.contents) if stored else None


def _make_staging(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def _anonymize(source: Path, staging: Path, script: scripts.Script, names: dict[str, str]) -> None:
    for path in sorted((source / "SCANS").rglob("*")):
        if path.is_file():
            target = staging / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            scripts.rewrite(path, target, script, names)


def _plan(services: Services, target: Target, built: build.Built, row: Row, source: Path) -> list[_Copy]:
    """Say which resource goes where; scans whose number is taken by another series get a new one (4.4)."""
    store = services.store
    there = target.existing
    folder = store.session_folder(there) if there else store.project_folder(row.project) / "arc001" / target.label
    copies = []
    for old_id, scan in list(built.scans.items()):
        same = conflicts.match_scan(scan, there) if there else None
        scan_id = same.id if same else _free_number(scan, there)
        for label, resource in scan.resources.items():
            kept = same.resources.get(label) if same else None
            places = (source / "SCANS" / old_id / label, folder / "SCANS" / scan_id / label)
            copies.append(_Copy(*places, resource, kept, scan, scan_id))
    for label, resource in row.resources.items():
        places = (store.row_folder(row) / "RESOURCES" / label, folder / "RESOURCES" / label)
        copies.append(_Copy(*places, resource, there.resources.get(label) if there else None))
    return copies


def _free_number(scan: Scan, session: Session | None) -> str:
    if session is None or scan.id not in session.scans:
        return scan.id
    counter = 1
    while (chosen := f"{scan.id}-{scan.fields.get('modality', 'OT')}{counter}") in session.scans:
        counter += 1
    return chosen


def _move_files(copy: _Copy, is_by_uid: bool, has_digests: bool, replaces: bool) -> None:  # noqa: FBT001  run in a thread, which takes positions
    """Move one resource's files; the same object replaces its older copy, another with its name is renamed."""
    copy.target.mkdir(parents=True, exist_ok=True)
    kept = copy.kept.files if copy.kept else {}
    by_uid = {entry.sop_instance_uid: entry.name for entry in kept.values() if entry.sop_instance_uid}
    for entry in copy.new.files.values():
        path = copy.source / entry.name
        name = entry.name
        there = kept.get(name)
        if there and is_by_uid and there.sop_instance_uid and there.sop_instance_uid != entry.sop_instance_uid:
            head = headers.read_header(path)
            name = naming.template_name(headers.texts(head, naming.template_keywords("")))
        older = by_uid.get(entry.sop_instance_uid) if is_by_uid and replaces else None
        if older and older != name:
            copy.dropped.add(older)
            (copy.target / older).unlink(missing_ok=True)
        digest = _md5(path) if has_digests else ""
        (copy.target / name).parent.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size
        path.replace(copy.target / name)
        copy.entries[name] = Entry(name, size, digest, entry.format, entry.content, entry.tags, entry.sop_instance_uid)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _commit(
    services: Services, row: Row, options: Options, target: Target, built: build.Built, copies: list[_Copy]
) -> str:
    """List the new records, drop the row, and return the session's URI."""
    store = services.store
    user, now = options.user.username, services.clock.now()
    latest = conflicts.target_of(store, row, options)  # another session may have made the subject meanwhile
    subject = latest.subject or making.new_subject(store, row.project, target.subject_label, user=user, now=now)
    session = latest.existing
    if session is None:
        session = making.new_session(store, subject, row.project, target.label, built.xsi_type, user=user, now=now)
    _fill_fields(services, row, options, session, built, is_new=target.existing is None)
    for copy in copies:
        holder = _scan_in(services, session, copy).resources if copy.scan else session.resources
        resource = holder.get(copy.new.label)
        if resource is None:
            resource = making.new_resource(store, holder, copy.new.label)
            resource.format, resource.content = copy.new.format, copy.new.content
        for name in copy.dropped:
            resource.files.pop(name, None)
        resource.files.update(copy.entries)
    arrival_of(services).forget(row.key)
    store.state.routings.pop(row.tag, None)
    store.note(subjects=[subject], sessions=[session], gone=[row.key])  # before the rest of its folder goes
    store.remove_row(row)
    label = subject.label if subject.project == row.project else subject.shares[row.project]
    return f"/data/archive/projects/{row.project}/subjects/{label}/experiments/{session.label}"


def _scan_in(services: Services, session: Session, copy: _Copy) -> Scan:
    """Find or make the scan of the archive; what it had stays."""
    assert copy.scan is not None
    kept = session.scans.get(copy.scan_id)
    if kept is None:
        kept = making.new_scan(services.store, session, copy.scan_id, copy.scan.xsi_type)
    kept.fields = {**copy.scan.fields, **{key: value for key, value in kept.fields.items() if value}}
    return kept


def _fill_fields(
    services: Services, row: Row, options: Options, session: Session, built: build.Built, *, is_new: bool
) -> None:
    """Set the session's fields: what it had stays, what the caller gives wins."""
    given = {key: value for key, value in options.given.items() if "/scans/" not in key}
    own = fields.own_fields("session", session.xsi_type, {key: value for key, value in given.items() if "/" in key})
    own = {key: value for key, value in own.items() if key not in {"subject_id", "subject_ID"}}
    session.fields = {**built.fields, **{key: value for key, value in session.fields.items() if value}, **own}
    for key, value in (("visit_id", row.visit), ("protocol", row.protocol)):
        if value:
            session.fields.setdefault(key, value)
    if is_new:
        project = services.store.state.projects[row.project]
        is_quarantined = options.is_quarantined or project.quarantine_code == 1
        session.fields["status"] = "quarantine" if is_quarantined else "active"
    scans = list(built.scans.values())
    for key, value in options.given.items():
        path = key.partition("/scans/scan[")[2]
        index = path.partition("]")[0]
        if path and index.isdigit() and int(index) < len(scans):
            scans[int(index)].fields[fields.field_name("x/" + path.rpartition("/")[2])] = value
