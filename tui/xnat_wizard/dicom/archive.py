"""A zip or tar file as a source: its members as a tree of folders, nothing unpacked.

Names are never trusted: what would land outside of a folder when unpacked is refused. Every member is one file of the
tree, or is refused with a reason. A tar.gz is read at any place through `gzipped`; what is read in passing while the
members are listed is offered to a visitor, since coming back would inflate it again.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from posixpath import normpath
from threading import Event
from types import TracebackType
from typing import Self

from xnat_wizard.dicom import structure, tarred, zipped
from xnat_wizard.dicom.content import is_litter_folder
from xnat_wizard.dicom.gzipped import GzipReader, is_gzip
from xnat_wizard.dicom.members import MOST_FOLDERS, MOST_NAME_BYTES, BadArchive, Kind, Member
from xnat_wizard.dicom.opened import OpenFile, StoredMember, StreamMember
from xnat_wizard.dicom.walk import LinkTarget, Listing, Refused, Stopped, joined

MOST_INFLATED_BYTES = 64 << 30  # of a tar.gz that shrank so much that it looks like a trap
_TRAP_RATIO = 300
_MOST_LAYERS = 200  # of folders: their paths grow with the square of it

Visit = Callable[[str, OpenFile], None]
_Opener = Callable[[Member], OpenFile]


@dataclass(slots=True)
class _Contents:
    """The members of an archive by their path."""

    files: dict[str, Member] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    links: dict[str, Member] = field(default_factory=dict)
    specials: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    cut: str = ""  # why the archive ends early
    _name_bytes: int = 0

    def add(self, member: Member) -> str:
        """Put a member in its place; return its path, "" when it is refused or no file.

        Raises:
            BadArchive: there are too many folders, or names too long to hold.
        """
        self._count(member.name)
        path, reason = _safe_path(member.name)
        if reason:
            self.refused.append(Refused(member.name, member.size_bytes, structure.MEMBER_NAME, reason))
        elif member.kind is Kind.FILE and member.is_locked:
            self.refused.append(
                Refused(path or member.name, member.size_bytes, structure.MEMBER_LOCKED, member.trouble)
            )
        elif not path:
            return ""
        elif member.kind is Kind.FOLDER:
            self._see(path)
        else:
            self._see(path.rpartition("/")[0])
            if path in self.files:
                older = self.files.pop(path)
                reason = "the archive has a newer file of this name"
                self.refused.append(Refused(path, older.size_bytes, structure.MEMBER_OLDER, reason))
            if member.kind is Kind.FILE:
                self.files[path] = member
                return "" if member.trouble else path
            if member.kind is Kind.LINK:
                self.links[path] = member
            else:
                self.specials.append(path)
        return ""

    def spoil(self, member: Member) -> None:
        """Note that the archive ends inside a member."""
        path, _ = _safe_path(member.name)
        if path in self.files:
            self.files[path] = replace(member, trouble="the archive ends inside it")

    def _see(self, folder: str) -> None:
        while folder and folder not in self.folders:
            self._count(folder)
            self.folders[folder] = None
            folder = folder.rpartition("/")[0]
        if len(self.folders) > MOST_FOLDERS:
            raise BadArchive(f"it has more than {MOST_FOLDERS:,} folders, and that is the limit", is_bomb=True)

    def _count(self, name: str) -> None:
        self._name_bytes += sys.getsizeof(name)
        if self._name_bytes > MOST_NAME_BYTES:
            raise BadArchive(f"the names in it take more than {MOST_NAME_BYTES:,} bytes", is_bomb=True)

    def only_folder(self, layers: int) -> str:
        """Return the folder at the top that holds everything and stands above the subjects, "" when there is none.

        Whether a single folder is the subject or stands above them is told by the depth of most files.
        """
        tops = {path.partition("/")[0] for path in self.files} | {path for path in self.folders if "/" not in path}
        tops = {top for top in tops if not is_litter_folder(top)}
        if len(tops) != 1 or tops <= self.files.keys():
            return ""
        deep = sum(path.count("/") > layers for path in self.files)
        return next(iter(tops)) if 2 * deep > len(self.files) else ""


class ArchiveSource:
    """A zip or tar file, or a folder inside it."""

    is_archive = True

    def __init__(self, path: str, stop: Event | None = None, visit: Visit | None = None) -> None:
        """Read the list of members.

        Raises:
            OSError: it cannot be read.
            BadArchive: it is no archive that can be read here.
            Stopped: `stop` was set.
        """
        self.archive_path = path
        self.inner = ""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._stop = stop
        try:
            self._size_bytes = os.fstat(self._fd).st_size
            self._contents, self._open = self._read(os.pread(self._fd, tarred.BLOCK, 0), visit)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def root(self) -> str:
        """Return what paths are below: the archive, and the folder inside it that was chosen."""
        return joined(self.archive_path, self.inner) if self.inner else self.archive_path

    def enter(self, inner: str) -> bool:
        """Take a folder inside as the top; say whether there is one."""
        if inner not in self._contents.folders:
            return False
        self.inner = inner
        return True

    def look_through(self, layers: int) -> None:
        """Take the single folder that holds everything as the top, if it stands above `layers` of folders."""
        if layers:
            self.inner = self._contents.only_folder(layers)

    def walk(self, stop: Event) -> Iterator[Listing]:
        """Give the listing of the top, then of each folder below, depth first, sorted by name."""
        yield from _Tree(self._contents, self.inner).walk(stop)

    def open(self, path: str) -> OpenFile:
        """Open a file.

        Raises:
            OSError: there is none of this name, or the archive is damaged there.
        """
        return self._open(self._member(path))

    def status(self, path: str) -> tuple[int, int]:
        """Return the bytes of a file, and the time of change of the archive.

        Raises:
            OSError: there is none of this name.
        """
        return self._member(path).size_bytes, os.fstat(self._fd).st_mtime_ns

    def place(self, path: str) -> int:
        """Return where a file lies; files are read quickest in this order."""
        member = self._contents.files.get(self.inside(path))
        return member.offset if member else 0

    def inside(self, path: str) -> str:
        """Return the path of a file from the top of the archive."""
        return joined(self.inner, path)

    def link(self, path: str) -> LinkTarget:
        """Say where a link leads; in an archive none is followed."""
        target = self._contents.links[self.inside(path)].target
        if not target:
            return LinkTarget(structure.LINK_BROKEN, "it is a link, and links in an archive are not followed")
        leads_to = normpath(joined(self.inside(path).rpartition("/")[0], target)) if target[0] != "/" else target
        if leads_to[0] == "/" or leads_to.partition("/")[0] == "..":
            return LinkTarget(structure.LINK_OUTSIDE, f"it leads out of the archive, to {target}")
        below = leads_to[len(self.inner) :].strip("/") if f"{leads_to}/".startswith(f"{self.inner}/") else leads_to
        if leads_to in self._contents.files:
            return LinkTarget(structure.LINK_SKIPPED, f"it leads to {below}")
        if leads_to in self._contents.folders:
            return LinkTarget(structure.LINK_SKIPPED, f"it leads to the folder {below or '.'}")
        return LinkTarget(structure.LINK_BROKEN, f"it leads to nothing: {target}")

    @property
    def cut(self) -> str:
        """Say why the archive ends before it should, "" when it does not."""
        return self._contents.cut

    def close(self) -> None:
        """Let go of the archive; open members must not be used any more."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _member(self, path: str) -> Member:
        member = self._contents.files.get(self.inside(path))
        if member is None:
            raise FileNotFoundError(2, "there is no such file in the archive")
        return member

    def _read(self, head: bytes, visit: Visit | None) -> tuple[_Contents, _Opener]:
        if zipped.is_zip(head):
            return self._read_zip(), lambda member: zipped.open_member(self._fd, member, self._stop)
        if tarred.is_tar(head):
            return self._read_tar(), lambda member: StoredMember(self._fd, member.offset, member.size_bytes)
        if not is_gzip(head):
            raise BadArchive("its content is neither zip, tar nor tar.gz")
        reader = GzipReader(self._fd, self._stop)

        def open_member(member: Member) -> OpenFile:
            return StreamMember(self._fd, reader.read_at, member.offset, member.size_bytes)

        if not tarred.is_tar(_or_nothing(reader)):
            raise BadArchive("it is a gzip, but what is packed in it is no tar")
        return self._read_tar_gz(reader, open_member, visit), open_member

    def _read_zip(self) -> _Contents:
        contents = _Contents()
        for member in zipped.read_members(self._fd, self._size_bytes, self._stop):
            contents.add(member)
        return contents

    def _read_tar(self) -> _Contents:
        contents = _Contents()

        def read_at(position: int, count: int) -> bytes:
            if self._stop is not None and self._stop.is_set():
                raise Stopped
            return os.pread(self._fd, count, position)

        try:
            for member in tarred.read_members(read_at):
                is_cut = member.kind is Kind.FILE and member.offset + member.size_bytes > self._size_bytes
                contents.add(member)
                if is_cut:
                    contents.spoil(member)
                    contents.cut = f"it was cut inside {member.name}"
        except BadArchive as error:
            contents.cut = _end_early(error, contents)
        return contents

    def _read_tar_gz(self, reader: GzipReader, open_member: _Opener, visit: Visit | None) -> _Contents:
        contents = _Contents()
        last: Member | None = None
        try:
            for member in tarred.read_members(reader.read_at):
                last = member
                path = contents.add(member)
                if path and visit:
                    with contextlib.suppress(OSError):
                        visit(path, open_member(member))
                _refuse_trap(reader)
        except BadArchive as error:
            contents.cut = _end_early(error, contents)
        except OSError as error:
            contents.cut = str(error.strerror)
        if last is not None and last.kind is Kind.FILE and last.offset + last.size_bytes > reader.farthest:
            contents.cut = contents.cut or f"it was cut inside {last.name}"
            contents.spoil(last)
        return contents


class _Tree:
    """The listings of the folders of an archive."""

    def __init__(self, contents: _Contents, inner: str) -> None:
        self._listings = {"": Listing("", is_litter=False)}
        self._inner = inner
        for folder in contents.folders:
            if (path := self._below(folder)) and path not in self._listings:
                self._listings[path] = Listing(path, is_litter=False)
        for folder in list(self._listings):
            if folder:
                self._home(folder).folders.append(folder.rpartition("/")[2])
        for whole, member in contents.files.items():
            if path := self._below(whole):
                self._add_file(path, member)
        for whole in contents.links:
            if path := self._below(whole):
                self._home(path).links.append(path.rpartition("/")[2])
        for whole in contents.specials:
            if path := self._below(whole):
                self._home(path).specials.append(path.rpartition("/")[2])
        self._listings[""].refused = [*self._listings[""].refused, *contents.refused]

    def _below(self, whole: str) -> str:
        if not self._inner:
            return whole
        return whole[len(self._inner) + 1 :] if whole.startswith(self._inner + "/") else ""

    def _home(self, path: str) -> Listing:
        return self._listings[path.rpartition("/")[0]]

    def _add_file(self, path: str, member: Member) -> None:
        home = self._home(path)
        if member.trouble:
            home.refused.append(Refused(path, member.size_bytes, structure.UNREADABLE, member.trouble))
        else:
            home.files.append((path.rpartition("/")[2], member.size_bytes))

    def walk(self, stop: Event) -> Iterator[Listing]:
        waiting = [("", False)]
        while waiting:
            path, is_litter = waiting.pop()
            if stop.is_set():
                raise Stopped
            listing = self._listings[path]
            listing.is_litter = is_litter
            for names in (listing.links, listing.specials, listing.folders):
                names.sort()
            listing.files.sort()
            yield listing
            waiting.extend(
                (joined(path, name), is_litter or is_litter_folder(name)) for name in reversed(listing.folders)
            )


def _safe_path(name: str) -> tuple[str, str]:
    """Return the path of a name, and why it may not be used; one sentence without full stop."""
    if name.startswith("/") or name[1:3] in {":\\", ":/"}:
        return "", "its name begins at the top of a disk"
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        return "", 'its name leads out of the archive by ".."'
    if "\0" in name:
        return "", "its name holds a zero byte"
    if len(parts) > _MOST_LAYERS:
        return "", f"it lies more than {_MOST_LAYERS} folders deep"
    path = "/".join(parts)
    return name if path == name else path, ""  # one text in memory, not two


def _refuse_trap(reader: GzipReader) -> None:
    if reader.farthest > max(MOST_INFLATED_BYTES, _TRAP_RATIO * reader.taken):
        raise BadArchive(f"it grows to more than {_TRAP_RATIO} times its size", is_bomb=True)


def _or_nothing(reader: GzipReader) -> bytes:
    try:
        return reader.read_at(0, tarred.BLOCK)
    except OSError:
        return b""


def _end_early(error: BadArchive, contents: _Contents) -> str:
    """Return why the list of members ends, or raise when that says that nothing of it is to be trusted."""
    if error.is_bomb or not (contents.files or contents.folders):
        raise error
    return f"{error} behind its first {len(contents.files)} files"
