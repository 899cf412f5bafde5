"""Read every file of a walk and put it in one place: a batch of a series, a PAR/REC candidate, or another file."""

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from threading import Event

from xnat_wizard.dicom import structure
from xnat_wizard.dicom.content import is_litter_file, is_litter_folder, kind_of
from xnat_wizard.dicom.elements import Window
from xnat_wizard.dicom.faults import FaultList, printable
from xnat_wizard.dicom.header import UnreadableDicom, read_open_header
from xnat_wizard.dicom.model import Header, Instance, OtherFile, OtherKind, SurveyProgress
from xnat_wizard.dicom.parrec import is_candidate
from xnat_wizard.dicom.walk import Listing, Stopped, joined, walk

DICOMDIR_SOP_CLASS = "1.2.840.10008.1.3.10"
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_UID_LENGTH = 64
_SLOW_OPEN_S = 0.001  # to open and read 8 kB: a warm local disk takes 0.02 ms, NFS 1 to 4 ms
_READERS = 16
_SAMPLE = 64  # files between two looks at the time

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
    instances: list[Instance] = field(default_factory=list)
    held_by: list[str] = field(default_factory=list)

    @property
    def subject_folder(self) -> str:
        """Return the first part of the path, "" at the top."""
        return self.folder.partition("/")[0]

    @property
    def depth(self) -> int:
        """Return the number of folders above its files: 2 by the house rule."""
        return self.folder.count("/") + 1 if self.folder else 0

    def hold(self, code: str) -> None:
        """Keep it back for the reason `code`."""
        if code not in self.held_by:
            self.held_by.append(code)


@dataclass(slots=True)
class Gathered:
    """Everything the walk found, each file once."""

    source: str
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
    stop: Event = field(default_factory=Event)
    _folders: int = 0
    _files: int = 0
    _instances: int = 0
    _bytes: int = 0
    _current: str = ""
    _strings: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> SurveyProgress:
        """Return a picture of the run."""
        return SurveyProgress(self._folders, self._files, self._instances, self._bytes, self._current)

    def run(self) -> Gathered:
        """Read the source.

        Raises:
            Stopped: the stop event was set.
        """
        root = os.path.abspath(self.source)  # noqa: PTH100  Path.absolute keeps ".."
        found = Gathered(root, FaultList(root))
        links: list[str] = []
        empties = _EmptyFolders()
        with contextlib.ExitStack() as stack:
            reader = _Reader(root, self.stop, stack)
            for listing in walk(root, self.stop):
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

    def _look_at(self, listing: Listing, reader: "_Reader", found: Gathered) -> None:
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

    def _follow(self, path: str, reader: "_Reader", found: Gathered) -> None:
        """Say where a link leads; one to a file in a hidden folder of the source is read as that file."""
        if self.stop.is_set():
            raise Stopped
        self._files += 1
        root = os.path.realpath(found.source)
        try:
            target = os.path.realpath(f"{found.source}/{path}", strict=True)
        except OSError:
            self._link(path, structure.LINK_BROKEN, f"it leads to nothing: {_target(found.source, path)}", found)
            return
        inside = target[len(root) + 1 :] if target.startswith(root + "/") else ""
        if target != root and not inside:
            self._link(path, structure.LINK_OUTSIDE, f"it leads out of the source, to {target}", found)
        elif Path(target).is_dir():
            self._link(path, structure.LINK_SKIPPED, f"it leads to the folder {inside or '.'}", found)
        elif not Path(target).is_file() or not _is_hidden(inside):
            self._link(path, structure.LINK_SKIPPED, f"it leads to {inside}", found)
        else:
            for answer in reader.read([(path, Path(target).stat().st_size)]):
                self._sort_in(answer, found)

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

    def _sort_in(self, answer: "_Answer", found: Gathered) -> None:
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

    def _add_instance(self, answer: "_Answer", header: Header, folder: str, found: Gathered) -> None:
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
            batch = found.batches[key] = Batch(folder, header)
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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What reading one file gave: a header, or why it could not be read, or the first bytes of something else."""

    path: str
    size_bytes: int
    mtime_ns: int
    header: Header | None
    reason: str
    head: bytes


class _Reader:
    """Reads files one after the other, or 16 at a time once opening proves slow; answers come in the order asked."""

    def __init__(self, root: str, stop: Event, stack: contextlib.ExitStack) -> None:
        self._root, self._stop, self._stack = root, stop, stack
        self._pool: ThreadPoolExecutor | None = None
        self._opening_s: list[float] = []

    def read(self, files: list[tuple[str, int]]) -> Iterator[_Answer]:
        """Read files; each is a path below the source and its size as far as known."""
        for at in range(0, len(files), _SAMPLE):
            yield from self._read_some(files[at : at + _SAMPLE])

    def _read_some(self, files: list[tuple[str, int]]) -> Iterable[_Answer]:
        if self._pool:
            return self._pool.map(self._read_one, files)
        answers = [self._read_one(file) for file in files]
        if len(self._opening_s) >= _SAMPLE:
            # The median, so that a busy processor, which delays a few, is not taken for a slow disk.
            if sorted(self._opening_s)[len(self._opening_s) // 2] > _SLOW_OPEN_S:
                self._pool = self._stack.enter_context(ThreadPoolExecutor(_READERS, "survey reader"))
            self._opening_s.clear()
        return answers

    def _read_one(self, file: tuple[str, int]) -> _Answer:
        if self._stop.is_set():
            raise Stopped
        path, size_bytes = file
        began = time.perf_counter()
        try:
            fd = os.open(f"{self._root}/{path}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except PermissionError:
            return _Answer(path, size_bytes, 0, None, "there is no permission to read it", b"")
        except OSError as error:
            return _Answer(path, size_bytes, 0, None, f"it cannot be opened: {error.strerror}", b"")
        try:
            status = os.fstat(fd)
            window = Window(fd, status.st_size)
            head = window.data
            if self._pool is None:
                self._opening_s.append(time.perf_counter() - began)
            header = read_open_header(window)
            return _Answer(path, status.st_size, status.st_mtime_ns, header, "", head[:1024] if header is None else b"")
        except UnreadableDicom as error:
            return _Answer(path, status.st_size, status.st_mtime_ns, None, error.reason, b"")
        except OSError as error:
            return _Answer(path, size_bytes, 0, None, f"it cannot be read: {error.strerror}", b"")
        finally:
            os.close(fd)


def _lacking(header: Header) -> str:
    """Say which of the UIDs that XNAT needs are missing or malformed; "" when all are there."""
    missing, odd = [], []
    for name, words in _NEEDED:
        value = getattr(header, name)
        if not value:
            missing.append(words)
        elif len(value) > _UID_LENGTH or not _UID.fullmatch(value):
            odd.append(words)
    parts = []
    if missing:
        parts.append(f"it has no {' and no '.join(missing)}")
    if odd:
        parts.append(f"it has a malformed {' and '.join(odd)}")
    return "; ".join(parts)


def _target(source: str, path: str) -> str:
    try:
        return os.fspath(Path(source, path).readlink())
    except OSError:
        return ""


def _is_hidden(path: str) -> bool:
    """Tell whether the walk took a file for litter, by its name or by a folder above it."""
    parts = PurePosixPath(path).parts
    return is_litter_file(parts[-1]) or any(is_litter_folder(part) for part in parts[:-1])


class _EmptyFolders:
    """Finds folders with no file anywhere below; of nested ones only the outermost."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}

    def see(self, listing: Listing) -> None:
        if listing.path and not listing.is_litter:
            self._waiting[listing.path] = None
        if listing.files or listing.links or listing.specials or listing.trouble:
            path = listing.path
            while path:
                self._waiting.pop(path, None)
                path = path.rpartition("/")[0]

    def found(self) -> list[str]:
        return [path for path in self._waiting if path.rpartition("/")[0] not in self._waiting]
