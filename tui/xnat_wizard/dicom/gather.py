"""Read every file of a walk and put it in one place: a batch of a series, a PAR/REC candidate, or another file."""

import contextlib
import re
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from threading import Event

from xnat_wizard.dicom import structure
from xnat_wizard.dicom.archive import ArchiveSource
from xnat_wizard.dicom.content import is_litter_file, kind_of
from xnat_wizard.dicom.faults import FaultList
from xnat_wizard.dicom.layout import HOUSE, Layout, Position
from xnat_wizard.dicom.model import Header, Instance, OtherFile, OtherKind, SurveyProgress
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.dicom.parrec import is_candidate
from xnat_wizard.dicom.reading import Answer, Reader
from xnat_wizard.dicom.source import Source, is_hidden, open_source
from xnat_wizard.dicom.walk import Listing, Refused, Stopped, joined
from xnat_wizard.findings import printable

DICOMDIR_SOP_CLASS = "1.2.840.10008.1.3.10"
_UID = re.compile(r"(?=.{3,64}$)[0-9]+(\.[0-9]+)+")

_NEEDED = (
    ("sop_class_uid", "SOP Class UID"),
    ("sop_instance_uid", "SOP Instance UID"),
    ("study_instance_uid", "Study Instance UID"),
    ("series_instance_uid", "Series Instance UID"),
)


@dataclass(slots=True)
class Batch:
    """Instances of one series, one patient and one folder: the unit that rules hold back."""

    folder: str  # below the source
    first: Header
    position: Position
    instances: list[Instance] = field(default_factory=list)
    held_by: list[str] = field(default_factory=list)
    copies: int = 0  # files that were taken out of the source's instances, since these hold the same

    @property
    def subject_folder(self) -> str:
        """Return what names its subject."""
        return self.position.subject

    @property
    def session_folder(self) -> str:
        """Return what names its session, "" where nothing does."""
        return self.position.session

    def hold(self, code: str) -> None:
        """Keep it back for the reason `code`."""
        if code not in self.held_by:
            self.held_by.append(code)


@dataclass(slots=True)
class Gathered:
    """Everything the walk found, each file once."""

    source: Source
    layout: Layout
    faults: FaultList
    batches: dict[tuple[str, ...], Batch] = field(default_factory=dict)
    candidates: dict[str, int] = field(default_factory=dict)  # .par and .rec: path, bytes
    others: list[OtherFile] = field(default_factory=list)
    media: set[str] = field(default_factory=set)  # folders with a DICOMDIR
    folder_count: int = 0


@dataclass(slots=True)
class Gathering:
    """One reading of a source; `snapshot` may be called from any thread while `run` works in another."""

    source: Path
    layout: Layout = HOUSE
    stop: Event = field(default_factory=Event)
    _folders: int = 0
    _files: int = 0
    _passed: int = 0
    _instances: int = 0
    _bytes: int = 0
    _current: str = ""
    _strings: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> SurveyProgress:
        """Return a picture of the run."""
        files = max(self._files, self._passed)
        return SurveyProgress(self._folders, files, self._instances, self._bytes, self._current)

    def run(self) -> Gathered:
        """Read the source; the caller closes it when nothing more is read.

        Raises:
            Problem: there is no such source, or it cannot be read.
            Stopped: the stop event was set.
        """
        with contextlib.ExitStack() as stack:
            reader = Reader(self.stop, stack)
            source = open_source(self.source, stop=self.stop, visit=partial(self._pass_by, reader))
            undo = stack.enter_context(contextlib.ExitStack())
            undo.callback(source.close)
            found = self._read_all(source, reader)
            undo.pop_all()
        return found

    def _pass_by(self, reader: Reader, path: str, file: OpenFile) -> None:
        """Read a file of an archive that is listed and inflated at the same time."""
        if not is_hidden(path):
            self._passed += 1
            self._current = printable(path.rpartition("/")[0])
            reader.keep(path, file)

    def _read_all(self, source: Source, reader: Reader) -> Gathered:
        found = Gathered(source, self.layout, FaultList(source.root, self.layout, is_archive=source.is_archive))
        if isinstance(source, ArchiveSource):
            self._note_archive(source, found)
        reader.source = source
        links: list[str] = []
        empties = _EmptyFolders()
        for listing in source.walk(self.stop):
            self._current = printable(listing.path)
            self._folders += 1
            self._look_at(listing, reader, found)
            links += [joined(listing.path, name) for name in listing.links if not listing.is_litter]
            empties.see(listing)
        for path in links:
            self._follow(path, reader, found)
        for path in empties.found():
            found.faults.add(structure.EMPTY_FOLDER, path.rpartition("/")[0], path.rpartition("/")[2])
        found.folder_count = self._folders
        return found

    def _note_archive(self, source: ArchiveSource, found: Gathered) -> None:
        if self.source.name == source.archive_path.rpartition("/")[2]:
            source.look_through(self.layout.layers)
            if source.inner:
                found.faults = FaultList(source.root, self.layout, is_archive=True)
                found.faults.add(structure.ARCHIVE_TOP, "", source.inner)
        if source.cut:
            found.faults.add(structure.ARCHIVE_CUT, "", "", source.cut)

    def _look_at(self, listing: Listing, reader: Reader, found: Gathered) -> None:
        folder = listing.path
        if listing.trouble and not listing.is_litter and folder:
            found.faults.add(structure.FOLDER_UNREADABLE, folder, "", listing.trouble.strerror or "")
        if listing.is_litter:
            names = [*(name for name, _ in listing.files), *listing.links, *listing.specials]
            sizes = dict(listing.files)
            for name in names:
                self._files += 1
                self._litter(joined(folder, name), sizes.get(name, 0), "it lies in a hidden or system folder", found)
            return
        for one in listing.refused:
            self._files += 1
            self._refuse(one, found)
        for name in listing.specials:
            self._files += 1
            self._other(joined(folder, name), 0, OtherKind.NOT_DICOM, "it is a pipe, socket or device", found)
        worth_reading = []
        for name, size_bytes in listing.files:
            if is_litter_file(name):
                self._files += 1
                self._litter(joined(folder, name), size_bytes, "desktops and systems leave it behind", found)
            else:
                worth_reading.append((joined(folder, name), size_bytes))
        for answer in reader.read(worth_reading):
            self._files += 1
            self._sort_in(answer, found)

    def _follow(self, path: str, reader: Reader, found: Gathered) -> None:
        """Say where a link leads, or read what stands there."""
        if self.stop.is_set():
            raise Stopped
        self._files += 1
        target = found.source.link(path)
        if target.code:
            self._link(path, target.code, target.reason, found)
        else:
            for answer in reader.read([(path, target.size_bytes)]):
                self._sort_in(answer, found)

    def _refuse(self, one: Refused, found: Gathered) -> None:
        kind = OtherKind.COPY if one.code == structure.MEMBER_OLDER else OtherKind.UNREADABLE
        found.others.append(OtherFile(one.path, one.size_bytes, kind, one.reason))
        folder, _, name = one.path.rpartition("/")
        if one.code == structure.MEMBER_NAME:
            folder, name = "", one.path
        found.faults.add(one.code, folder, name, one.reason)

    def _link(self, path: str, code: str, reason: str, found: Gathered) -> None:
        found.others.append(OtherFile(path, 0, OtherKind.LINK, printable(reason)))
        folder, _, name = path.rpartition("/")
        found.faults.add(code, folder, name, reason)

    def _litter(self, path: str, size_bytes: int, reason: str, found: Gathered) -> None:
        found.others.append(OtherFile(path, size_bytes, OtherKind.JUNK, reason))
        found.faults.add(structure.LITTER, "", path)

    def _other(self, path: str, size_bytes: int, kind: OtherKind, reason: str, found: Gathered) -> None:
        found.others.append(OtherFile(path, size_bytes, kind, reason))
        folder, _, name = path.rpartition("/")
        code = _CODE_OF_KIND[kind]
        found.faults.add(code, folder, name, "" if reason in _SAID_BY_CODE else reason)

    def _sort_in(self, answer: Answer, found: Gathered) -> None:
        path, header, size_bytes = answer.path, answer.header, answer.size_bytes
        folder, _, name = path.rpartition("/")
        if answer.reason:
            self._other(path, size_bytes, OtherKind.UNREADABLE, answer.reason, found)
        elif header is None:
            if is_candidate(name):
                found.candidates[path] = size_bytes
            else:
                kind, reason = kind_of(name, answer.head, size_bytes)
                self._other(path, size_bytes, kind, reason, found)
        elif header.media_sop_class_uid == DICOMDIR_SOP_CLASS:
            found.media.add(folder)
            self._other(path, size_bytes, OtherKind.DICOMDIR, "it is the directory of a medium", found)
        elif lacking := _lacking(header):
            self._other(path, size_bytes, OtherKind.INCOMPLETE, lacking, found)
        else:
            self._add_instance(answer, header, folder, found)

    def _add_instance(self, answer: Answer, header: Header, folder: str, found: Gathered) -> None:
        keep = self._strings.setdefault
        key = (
            folder,
            header.study_instance_uid,
            header.series_instance_uid,
            header.series_number,
            header.patient_id,
            header.patient_name,
            header.modality,
            header.study_date,
        )
        batch = found.batches.get(key)
        if batch is None:
            position = self.layout.position(folder, header.patient_id or header.patient_name)
            batch = found.batches[key] = Batch(folder, header, position)
        batch.instances.append(
            Instance(
                answer.path,
                answer.size_bytes,
                answer.mtime_ns,
                keep(header.sop_class_uid, header.sop_class_uid),
                header.sop_instance_uid,
                keep(header.transfer_syntax_uid, header.transfer_syntax_uid),
                keep(header.instance_number, header.instance_number),
            )
        )
        self._instances += 1
        self._bytes += answer.size_bytes


_SAID_BY_CODE = frozenset({"it is not DICOM", "it is the directory of a medium"})
_CODE_OF_KIND = {
    OtherKind.NOT_DICOM: structure.NOT_DICOM,
    OtherKind.UNREADABLE: structure.UNREADABLE,
    OtherKind.INCOMPLETE: structure.INCOMPLETE_HEADER,
    OtherKind.DICOMDIR: structure.DICOMDIR,
    OtherKind.ARCHIVE: structure.ARCHIVE,
}


@lru_cache(1024)
def _is_known_uid(text: str) -> bool:
    return bool(_UID.fullmatch(text))


def _lacking(header: Header) -> str:
    """Say which of the UIDs that XNAT needs are missing or malformed; "" when all are there."""
    if (
        _UID.fullmatch(header.sop_instance_uid)
        and _is_known_uid(header.sop_class_uid)
        and _is_known_uid(header.series_instance_uid)
        and _is_known_uid(header.study_instance_uid)
    ):
        return ""
    missing, odd = [], []
    for name, words in _NEEDED:
        value = getattr(header, name)
        if not value:
            missing.append(words)
        elif not _UID.fullmatch(value):
            odd.append(words)
    parts = []
    if missing:
        parts.append(f"it has no {' and no '.join(missing)}")
    if odd:
        parts.append(f"it has a malformed {' and '.join(odd)}")
    return "; ".join(parts)


class _EmptyFolders:
    """Finds folders with no file anywhere below; of nested ones only the outermost."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}

    def see(self, listing: Listing) -> None:
        if listing.path and not listing.is_litter:
            self._waiting[listing.path] = None
        if listing.files or listing.links or listing.specials or listing.refused or listing.trouble:
            path = listing.path
            while path:
                self._waiting.pop(path, None)
                path = path.rpartition("/")[0]

    def found(self) -> list[str]:
        return [path for path in self._waiting if path.rpartition("/")[0] not in self._waiting]
