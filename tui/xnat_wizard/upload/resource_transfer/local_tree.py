"""What lies here to be sent: the files of a folder, a file, or what is in an archive; nothing is unpacked.

Links to files inside the folder are read as those files; what leads elsewhere, pipes and empty folders are left out,
and said so: a resource holds files only.
"""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from xnat_wizard.dicom.source import FolderSource, Source
from xnat_wizard.dicom.walk import Listing, joined
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.parts import Item
from xnat_wizard.upload.resource_transfer.model import note, some
from xnat_wizard.upload.resource_transfer.named_zip import length

ENDINGS = {".zip": ".zip", ".tar": ".tar", ".tgz": ".tar.gz", ".tar.gz": ".tar.gz"}  # and what XNAT is told (8.3)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be sent."""

    name: str  # in the resource, with its folders
    path: str  # below the source; "" for an archive that is made of it
    size_bytes: int
    mtime_ns: int


class _Around(LocalSource):
    """The folder around one file, never looked into: who may not list it may still read what it knows the name of."""

    def opened(self) -> Source:
        """Return the folder."""
        return FolderSource(self.path)


class LocalTree:
    """Files to be sent; several threads may read them. Made by `look`."""

    def __init__(self, path: Path, source: LocalSource) -> None:
        self.path = path
        self.source = source
        self.files: list[LocalFile] = []
        self.packed: list[LocalFile] = []  # what goes into the one archive that `files` then is
        self.findings: list[Finding] = []
        self.unsendable = 0  # files that are there and cannot be sent
        self.archive_ending = ""  # how the archive is packed that they are in
        self.is_whole = True  # the archive may travel as it is: all that it holds is sent

    def item(self, number: int, file: LocalFile) -> Item:
        """Return a file as it is read for its way."""
        return Item(number, self.source, file.path, file.size_bytes, file.mtime_ns)

    def archive(self) -> Item:
        """Return the archive itself, as one file."""
        status = self.path.stat()
        return Item(0, _Around(self.path.parent), self.path.name, status.st_size, status.st_mtime_ns)

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ending_of(path: Path) -> str:
    """Return how an archive is packed, by its name; "" for a file that is none."""
    name = path.name.casefold()
    return next((told for ending, told in ENDINGS.items() if name.endswith(ending)), "")


def look(path: Path, stop: Event, *, keeps_archive: bool = False) -> LocalTree:
    """Look at a source; its files are listed, none is read but the directory of an archive.

    Args:
        path: a folder, a file or an archive.
        stop: ends it.
        keeps_archive: an archive counts as a file, and a folder becomes one archive, called after it.

    Raises:
        Problem: resource.no_source, or why an archive cannot be read.
        Stopped: `stop` was set.
    """
    if not path.is_dir() and not path.is_file():
        raise Problem(_no_source(path))
    if path.is_file() and (keeps_archive or not ending_of(path)):
        tree = LocalTree(path, _Around(path.parent))
        if reason := _add(tree, path.name, path.name):
            tree.unsendable = 1
            tree.findings.append(_unsendable([path.name], reason, os.fspath(path)))
        return tree
    tree = LocalTree(path, LocalSource(path))
    try:
        tree.archive_ending = "" if path.is_dir() else ending_of(path)
        _Walk(tree, tree.source.opened()).run(stop)
    except BaseException:
        tree.close()
        raise
    tree.files.sort(key=lambda file: file.name)
    if keeps_archive and tree.files:
        tree.packed, tree.files = tree.files, []
        name, size_bytes = f"{path.name}.zip", length([(file.name, file.size_bytes) for file in tree.packed])
        newest = max(file.mtime_ns for file in tree.packed)
        tree.files.append(LocalFile(name, "", size_bytes, newest))
    return tree


def bad_name(name: str) -> str:
    """Say why a name cannot be kept by the site, in one sentence without full stop; "" when it can."""
    if any("\ud800" <= sign <= "\udfff" for sign in name):
        return "it is not UTF-8"
    if any(unicodedata.category(sign) == "Cc" or sign in "\ufffe\uffff" for sign in name):
        return "it has control characters, which XNAT's catalogue cannot hold"
    if "\\" in name:
        return "it has a backslash, which would become a folder"
    return ""


def _add(tree: LocalTree, name: str, path: str) -> str:
    """Take a file; return why it cannot be sent."""
    reason = bad_name(name)
    if not reason:
        try:
            size_bytes, mtime_ns = tree.source.status(path)
        except OSError as error:
            reason = f"the system says: {error.strerror}"
        else:
            tree.files.append(LocalFile(name, path, size_bytes, mtime_ns))
    return reason


class _Walk:
    """Takes the files of a folder or archive, and remembers what it leaves out."""

    def __init__(self, tree: LocalTree, source: Source) -> None:
        self._tree = tree
        self._source = source
        self._left_out: list[str] = []
        self._reasons: dict[str, str] = {}  # of what cannot be sent, by path
        self._empty: list[str] = []

    def run(self, stop: Event) -> None:
        for listing in self._source.walk(stop):
            self._take(listing)
        tree = self._tree
        tree.unsendable = len(self._reasons)
        tree.is_whole = not (self._left_out or self._reasons or self._source.cut)
        where = str(tree.path)
        if self._reasons:
            first = next(iter(self._reasons))
            tree.findings.append(_unsendable(list(self._reasons), self._reasons[first], where))
        if self._source.cut:
            tree.unsendable += 1
            tree.findings.append(_cut(self._source.cut, where))
        if self._left_out:
            tree.findings.append(_left_out(self._left_out, where))
        if self._empty:
            tree.findings.append(_empty_folders(self._empty, where))

    def _take(self, listing: Listing) -> None:
        if listing.trouble is not None:
            self._reasons[listing.path or "."] = f"the folder cannot be read: {listing.trouble.strerror}"
        for name, _ in listing.files:
            self._file(joined(listing.path, name))
        for name in listing.links:
            path = joined(listing.path, name)
            if self._leads_inside(path):
                self._file(path)
            else:
                self._left_out.append(path)
        self._left_out += [joined(listing.path, name) for name in listing.specials]
        for refused in listing.refused:
            self._reasons[refused.path] = refused.reason
        is_empty = not (listing.files or listing.links or listing.specials or listing.folders or listing.refused)
        if is_empty and listing.path and listing.trouble is None:
            self._empty.append(listing.path)

    def _file(self, path: str) -> None:
        if reason := _add(self._tree, path, path):
            self._reasons[path] = reason

    def _leads_inside(self, path: str) -> bool:
        """Tell whether a link leads to a file of the folder."""
        if self._source.is_archive:
            return False
        root = os.path.realpath(self._source.root)
        target = Path(os.path.realpath(f"{self._source.root}/{path}"))
        return target.is_relative_to(root) and target.is_file()


def parts(
    files: list[LocalFile], *, most_bytes: int, most_files: int, alone_bytes: int
) -> Iterator[tuple[LocalFile, ...]]:
    """Cut files into runs that travel in one request, in their order; a long file travels alone."""
    run: list[LocalFile] = []
    size_bytes = 0
    for file in files:
        is_alone = file.size_bytes >= alone_bytes
        if run and (is_alone or len(run) >= most_files or size_bytes + file.size_bytes > most_bytes):
            yield tuple(run)
            run, size_bytes = [], 0
        if is_alone:
            yield (file,)
        else:
            run.append(file)
            size_bytes += file.size_bytes
    if run:
        yield tuple(run)


def _no_source(path: Path) -> Finding:
    return Finding(
        "resource.no_source",
        f"There is nothing to send at `{path}`",
        "It is not there, or is neither a folder nor a file",
        ("Look for typing errors: ls -l", "Leave this subject out: name the others with --subjects"),
        where=str(path),
        shareable="The source of a resource is not there.",
    )


def _unsendable(names: list[str], reason: str, where: str) -> Finding:
    return Finding(
        "resource.unreadable",
        f"{len(names):,} file{'s' * (len(names) != 1)} cannot be sent: {some(names)}",
        f"Of the first: {reason}",
        ("Let the owner make it readable, or rename it, and send again: what is there is not sent twice",),
        where=where,
        shareable=f"{len(names):,} local files cannot be read or named.",
    )


def _cut(reason: str, where: str) -> Finding:
    return Finding(
        "resource.unreadable",
        "The archive ends early, and what is missing in it cannot be sent",
        f"As it lies here, {reason}",
        ("Copy or make it again, then send it again: what is there is not sent twice",),
        where=where,
        shareable="A local archive is cut.",
    )


def _left_out(names: list[str], where: str) -> Finding:
    return note(
        "resource.left_out",
        f"{len(names):,} link{'s' * (len(names) != 1)} or the like left out: {some(names)}",
        "They lead to folders or out of the source, or hold no bytes; a resource holds files only",
        ("Copy what they lead to into the folder, if it belongs to the result",),
        where,
    )


def _empty_folders(names: list[str], where: str) -> Finding:
    return note(
        "resource.left_out",
        f"{len(names):,} empty folder{'s' * (len(names) != 1)} will not be there: {some(names)}",
        "A resource keeps the folders of its files, and no others",
        ("Nothing needs to be done, unless a program looks for them",),
        where,
    )
