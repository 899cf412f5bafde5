"""Takes one DICOM object after the other into the prearchive: the steps 1 to 8 of the wire contract 5.7.

An `Intake` belongs to one request. It is made on the event loop and used in one worker thread; the records are changed
on the loop only. An object is written to a spool file first, so that nothing half ever stands in a session.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from xnat_wizard.practice import direct, disk, filters, folders, headers, identify, naming, rights, scripts
from xnat_wizard.practice.archives import BLOCK_BYTES, Stream
from xnat_wizard.practice.arrival import Arrival, arrival_of
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Project, Row, User
from xnat_wizard.practice.times import timestamp_now

LASTMOD_S = 15.0  # how often `lastmod` is refreshed at most
AUTO_ARCHIVE = {4: "AutoArchive", 5: "AutoArchiveOverwrite"}
_IDLE = {"RECEIVING", "RECEIVING_INTERRUPT", "READY", "CONFLICT", "ERROR", "BUILDING", "QUEUED_BUILDING"}


class ObjectRefusedError(Exception):
    """An object was not taken; the text is what the sender is told, with a 400."""


class UnreadableEntryError(ObjectRefusedError):
    """The object is no DICOM, or lacks what a session needs."""


@dataclass(frozen=True)
class Wishes:
    """What a request says about all its objects; "" leaves it to the header (5.5)."""

    project: str = ""
    subject: str = ""
    session: str = ""
    timestamp: str = ""
    folder: str = ""
    visit: str = ""
    protocol: str = ""
    timezone: str = ""
    source: str = ""
    prevent_anon: bool = False
    prevent_auto_commit: bool = False
    is_renamed: bool = False
    is_direct: bool = False  # straight into the archive, where that may be
    is_classic: bool = False  # SI: a row of its own for each request, other label rules, any study in a given folder


@dataclass(frozen=True)
class _Slot:
    """Where an object may be written; its name is reserved until it is given back."""

    row: Row
    key: tuple[str, str, str]
    row_folder: Path
    scan: str
    values: dict[str, str]


class Intake:
    """The objects of one request on their way into the prearchive."""

    def __init__(
        self, services: Services, wishes: Wishes, user: User, routing: identify.Rules = identify.NO_RULES
    ) -> None:
        """Look up what is the same for every object; the project hint counts only if `user` may read it.

        `routing` is a receiver's own, for what comes by C-STORE.
        """
        self._services = services
        self._arrival: Arrival = arrival_of(services)
        self._wishes = wishes
        services.spool_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._user = user
        store = services.store
        hinted = store.project(wishes.project) if wishes.project else None
        self._project = hinted.id if hinted and rights.can_read(user, hinted) else ""
        self._receiver = store.state.users.get(str(services.preference("receivedFileUser") or "admin"))
        self._template = str(services.preference("dicomFileNameTemplate") or "")
        self._project_filters: dict[str, filters.SeriesFilter | None] = {}
        self._broken_filters: dict[str, str] = {}
        for project in store.state.projects:
            try:
                self._project_filters[project] = filters.project_filter(store, project)
            except ValueError as error:
                self._broken_filters[project] = str(error)
        self._script: scripts.Script | None = None
        self._broken = ""
        self._rules = identify.Rules()
        self._routing = routing
        self._site_filter: filters.SeriesFilter | None = None
        try:
            self._rules = identify.site_rules(store)
            self._site_filter = filters.site_filter(store)
            if services.preference("enableSitewideAnonymizationScript"):
                self._script = scripts.parse(str(services.preference("sitewideAnonymizationScript") or ""))
        except (ValueError, scripts.ScriptError) as error:
            self._broken = str(error)
        self.rows: list[Row] = []  # in which something was stored, in this order
        self._made: list[Row] = []
        self.stored = 0

    # -- in the worker thread ----------------------------------------------------------------------

    def take(self, name: str, content: Stream) -> None:
        """Take one object; `name` is its last path component. Silent when a filter or a script drops it.

        Raises:
            ObjectRefusedError: it was not stored.
        """
        spooled = self._services.spool_folder / uuid.uuid4().hex
        try:
            with spooled.open("wb") as file:
                while block := content.read(BLOCK_BYTES):
                    disk.spend(len(block))
                    file.write(block)
            self._take_file(name, spooled)
        except ObjectRefusedError:
            raise
        except headers.UnreadableObjectError as error:
            raise UnreadableEntryError(f"unable to read DICOM object {name}") from error
        except Exception as error:  # XNAT tells every failure like a bad file (5.7)
            raise ObjectRefusedError(f"unable to read DICOM object {name}") from error
        finally:
            spooled.unlink(missing_ok=True)

    def _take_file(self, name: str, spooled: Path) -> None:
        more = {*self._rules.tags, *self._routing.tags, *(self._site_filter.tags if self._site_filter else ())}
        more |= {tag for known in self._project_filters.values() if known for tag in known.tags}
        head = headers.read_header(spooled, more)
        if self._broken:
            raise ObjectRefusedError(f"unable to read DICOM object {name}: {self._broken}")
        slot = self._services.on_loop(lambda: self._claim(name, head))
        if slot is None:
            return
        try:
            self._store(slot, name, spooled)
        finally:
            self._arrival.close_object(slot.key)

    def _store(self, slot: _Slot, name: str, spooled: Path) -> None:
        folder = slot.row_folder / "SCANS" / slot.scan / "DICOM"
        target = self._reserve(slot, folder, name)
        rewritten = spooled.with_name(spooled.name + ".rewritten")
        try:
            ready = spooled
            if self._script and not slot.row.prevent_anon:
                names = {"project": slot.row.project, "subject": slot.row.subject, "session": slot.row.name}
                if not scripts.rewrite(spooled, rewritten, self._script, names):
                    return
                ready = rewritten
            folder.mkdir(parents=True, exist_ok=True)
            ready.replace(target)
            if ready is rewritten:
                relative = str(target.relative_to(slot.row_folder))
                self._arrival.remember_uid(slot.row, relative, slot.values["SOPInstanceUID"])
            self.stored += 1
            if not any(slot.row is known for known in self.rows):
                self.rows.append(slot.row)
        except scripts.ScriptError as error:
            raise ObjectRefusedError(f"unable to read DICOM object {name}: {error}") from error
        finally:
            rewritten.unlink(missing_ok=True)
            self._arrival.give_file(target)

    def _reserve(self, slot: _Slot, folder: Path, name: str) -> Path:
        """Choose the file name and reserve it: the sent one, or the template's (5.7 step 7)."""
        from_template = naming.template_name(slot.values, self._template)
        keeps_name = naming.is_legal_name(name) and not self._wishes.is_renamed
        for chosen in [name, from_template] if keeps_name else [from_template]:
            target = folder / chosen
            if not self._arrival.take_file(target):
                raise ObjectRefusedError("Concurrent file sends of the same data is not supported.")
            if chosen == from_template or not self._holds_other_object(slot, target):
                return target
            self._arrival.give_file(target)
        raise AssertionError("the template's name is always taken")

    def _holds_other_object(self, slot: _Slot, target: Path) -> bool:
        if not target.exists():
            return False
        there = self._arrival.original_uid(slot.row, str(target.relative_to(slot.row_folder)))
        if there is None:
            there = headers.text(headers.read_header(target), "SOPInstanceUID")
        return there != slot.values["SOPInstanceUID"]

    # -- on the loop -------------------------------------------------------------------------------

    def _claim(self, name: str, head: Dataset) -> _Slot | None:
        """Find or make the row for an object; None when a filter drops it."""
        found = identify.identify(head, self._rules, self._find_project, self._routing)
        project = self._project or found.project
        if not self._is_let_in(head, project):
            return None
        keywords = naming.template_keywords(self._template) | {
            "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "StudyDate",
        }  # fmt: skip
        values = headers.texts(head, keywords)
        for keyword, spoken in (("SOPClassUID", "SOP Class UID"), ("SOPInstanceUID", "SOP Instance UID")):
            if not values[keyword]:
                raise UnreadableEntryError(f"object {name} contains no {spoken}")
        if self._wishes.is_classic and not values["StudyInstanceUID"]:
            raise UnreadableEntryError(f"object {name} contains no Study Instance UID")
        session = naming.clean_label(self._wishes.session) or self._found_session(head, found)
        subject = self._subject_label(project) or found.subject
        row = self._row(project or UNASSIGNED, session, subject, values, is_auto=found.auto)
        self._arrival.open_object(row)
        scan = naming.scan_folder(values["SeriesNumber"], values["SeriesInstanceUID"])
        return _Slot(row, row.key, self._services.store.row_folder(row), scan, values)

    def _found_session(self, head: Dataset, found: identify.Identity) -> str:
        if not self._wishes.is_classic:
            return found.session or "dicom_upload"
        return naming.clean_session_importer_label(headers.text(head, "PatientID")) or "session"

    def _find_project(self, name: str) -> str | None:
        project = self._services.store.project(name)
        can_use = project and self._receiver and rights.can_read(self._receiver, project)
        return project.id if project and can_use else None

    def _is_let_in(self, head: Dataset, project: str) -> bool:
        if project in self._broken_filters:
            reason = self._broken_filters[project]
            raise ObjectRefusedError(f"The series import filter of {project} cannot be used: {reason}")
        chosen = (self._site_filter, self._project_filters.get(project))
        return all(known.includes(head) for known in chosen if known)

    def _subject_label(self, project: str) -> str:
        """Return the subject asked for; an accession ID stands for its label."""
        known = self._services.store.subject(project, self._wishes.subject) if project else None
        return known.label if known else naming.clean_label(self._wishes.subject)

    def _row(self, project: str, session: str, subject: str, values: dict[str, str], *, is_auto: bool | None) -> Row:
        store = self._services.store
        wishes = self._wishes
        uid = values["StudyInstanceUID"]
        if wishes.is_direct and project != UNASSIGNED and direct.is_open(store, project, uid, session):
            row = direct.find(store, project, uid, session)
            if row is None:
                row = self._new_row(project, session, subject, values, is_auto=is_auto)
                direct.begin(store, row)
                store.note(rows=[row])
            self._touch(row)
            return row
        known = self._made if wishes.is_classic else store.state.rows
        row = next(
            (r for r in known if (r.project, r.tag, r.name) == (project, uid, session) and r.status in _IDLE), None
        )
        if wishes.timestamp and wishes.folder:
            there = store.row(project, wishes.timestamp, wishes.folder)
            if there and there.tag != uid and not wishes.is_classic:
                raise ObjectRefusedError("The destination already holds another study")
            row = there or row
        if row is None:
            row = self._new_row(project, session, subject, values, is_auto=is_auto)
            store.state.rows.append(row)
            store.note(rows=[row])
        elif row.status in {"BUILDING", "QUEUED_BUILDING", "RECEIVING_INTERRUPT"}:
            row.status = "RECEIVING_INTERRUPT"
        else:
            row.status = "RECEIVING"
        self._touch(row)
        return row

    def _touch(self, row: Row) -> None:
        now = self._services.clock.now()
        if now - row.lastmod >= (LASTMOD_S / 60 if self._services.is_fast else LASTMOD_S):
            row.lastmod = now

    def _new_row(
        self, project: str, session: str, subject: str, values: dict[str, str], *, is_auto: bool | None
    ) -> Row:
        store = self._services.store
        wishes = self._wishes
        now = self._services.clock.now()
        timestamp = wishes.timestamp or timestamp_now()
        folder = wished = wishes.folder or session
        number = 0
        while store.row(project, timestamp, folder):
            number += 1
            folder = f"{wished}_{number}"
        day = values["StudyDate"]
        row = Row(
            project=project,
            timestamp=timestamp,
            folder=folder,
            name=session,
            subject=subject,
            tag=values["StudyInstanceUID"],
            uploaded=now,
            lastmod=now,
            scan_date=f"{day[:4]}-{day[4:6]}-{day[6:8]} 00:00:00.0" if len(day) == 8 and day.isdigit() else "",
            autoarchive=_auto_archive(store.state.projects.get(project), is_auto=is_auto),
            prevent_anon=wishes.prevent_anon,
            prevent_auto_commit=wishes.prevent_auto_commit,
            source=wishes.source,
            visit=wishes.visit,
            protocol=wishes.protocol,
            timezone=wishes.timezone,
            uploader=self._user.username,
        )
        self._made.append(row)
        return row

    def finish(self) -> list[Row]:
        """Drop new rows in which nothing was stored; return the rows that hold something, and save."""
        store = self._services.store
        for row in self._made:
            if not self._arrival.has_open_objects(row) and not _has_files(store.row_folder(row)):
                folders.remove_folder(store.row_folder(row))
                store.remove_row(row)
                self._arrival.forget(row.key)
        store.save()
        listed = [*store.state.rows, *store.state.direct]
        return [row for row in self.rows if any(row is other for other in listed)]


def _auto_archive(project: Project | None, *, is_auto: bool | None) -> str:
    """Say what a new row's `autoarchive` is: the header's flag, else the project's code (5.8)."""
    if is_auto is not None:
        return "AutoArchive" if is_auto else "Manual"
    return AUTO_ARCHIVE.get(project.prearchive_code, "Manual") if project else ""


def _has_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))
