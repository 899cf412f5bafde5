"""The door to a source: a folder, a zip, a tar or a tar.gz. Whoever reads local images reads them through this.

A folder inside an archive is a source, too: its path is that of the archive with the inner folder behind it, for
instance `/data/study.zip/export`. A `Source` may be used by several threads at once; each file it opens by one.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Protocol, Self

from xnat_wizard.dicom import structure, walk
from xnat_wizard.dicom.archive import ArchiveSource, Visit
from xnat_wizard.dicom.content import is_litter_file, is_litter_folder
from xnat_wizard.dicom.members import BadArchive
from xnat_wizard.dicom.opened import FolderFile, OpenFile
from xnat_wizard.dicom.walk import LinkTarget, Listing
from xnat_wizard.findings import Finding, Problem

# code                              what it says
NO_SUCH_FOLDER = "survey.no_such_folder"
NO_PERMISSION = "survey.no_permission"
NOT_A_FOLDER = "survey.not_a_folder"
ARCHIVE = "survey.archive"  # an archive of a kind that is not read here
ARCHIVE_DAMAGED = "survey.archive_damaged"  # one of a known kind that cannot be read
ARCHIVE_TRAP = "survey.archive_trap"  # one that is made to do harm, or is too large

_ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".7z", ".rar")
_UNPACK = {
    ".zip": "unzip {file} -d FOLDER",
    ".7z": "7z x {file} -oFOLDER",
    ".rar": "unrar x {file} FOLDER/",
}


class Source(Protocol):
    """Where images lie."""

    is_archive: bool

    @property
    def root(self) -> str:
        """Return what paths are below."""
        ...

    def walk(self, stop: Event) -> Iterator[Listing]:
        """Give the listing of the source, then of each folder below, depth first, sorted by name.

        Raises:
            Stopped: `stop` was set.
        """
        ...

    def open(self, path: str) -> OpenFile:
        """Open the file at a path below the source.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        ...

    def status(self, path: str) -> tuple[int, int]:
        """Return the bytes of a file and its time of change, in an archive that of the archive; opens nothing.

        Raises:
            OSError: it is not there.
        """
        ...

    def place(self, path: str) -> int:
        """Return where a file lies; files are read quickest in this order. In a folder all are equal."""
        ...

    def inside(self, path: str) -> str:
        """Return the path of a file from the top of the archive, when the source is a folder inside it."""
        ...

    def link(self, path: str) -> LinkTarget:
        """Say where a link leads."""
        ...

    @property
    def cut(self) -> str:
        """Say why an archive ends before it should, "" when it does not."""
        ...

    def close(self) -> None:
        """Let go of it; files that are open must not be used any more."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FolderSource:
    """A folder."""

    is_archive = False
    cut = ""

    def __init__(self, path: str | Path) -> None:
        self.root = os.path.abspath(path)  # noqa: PTH100  Path.absolute keeps ".."

    def walk(self, stop: Event) -> Iterator[Listing]:
        """Give the listing of the folder, then of each one below."""
        return walk.walk(self.root, stop)

    def open(self, path: str) -> OpenFile:
        """Open a file."""
        return FolderFile(f"{self.root}/{path}")

    def status(self, path: str) -> tuple[int, int]:
        """Return the bytes of a file and its time of change."""
        status = os.stat(f"{self.root}/{path}")  # noqa: PTH116  paths may hold stray bytes, and there are many
        return status.st_size, status.st_mtime_ns

    def place(self, _path: str) -> int:
        """Return 0: on a disk no order is known to be quicker."""
        return 0

    def inside(self, path: str) -> str:
        """Return the path as it is."""
        return path

    def link(self, path: str) -> LinkTarget:
        """Say where a link leads; one to a file in a hidden folder of the source is read as that file."""
        root, link = os.path.realpath(self.root), f"{self.root}/{path}"
        try:
            target = os.path.realpath(link, strict=True)
        except OSError:
            return LinkTarget(structure.LINK_BROKEN, f"it leads to nothing: {_pointed(link)}")
        inside = target[len(root) + 1 :] if target.startswith(root + "/") else ""
        if target != root and not inside:
            return LinkTarget(structure.LINK_OUTSIDE, f"it leads out of the source, to {target}")
        if Path(target).is_dir():
            return LinkTarget(structure.LINK_SKIPPED, f"it leads to the folder {inside or '.'}")
        if not Path(target).is_file() or not is_hidden(inside):
            return LinkTarget(structure.LINK_SKIPPED, f"it leads to {inside}")
        return LinkTarget("", size_bytes=Path(target).stat().st_size)

    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_source(path: Path, *, stop: Event | None = None, visit: Visit | None = None) -> Source:
    """Open a folder, an archive, or a folder inside an archive.

    Of a zip this reads the directory, of a tar all headers; a tar.gz is inflated once to its end.

    Args:
        path: of the source.
        stop: ends long work on archives when set.
        visit: is called with each file of a tar.gz while it passes, path inside the archive first.

    Raises:
        Problem: there is no such source, or it cannot be read.
        Stopped: `stop` was set.
    """
    whole = os.path.abspath(path)  # noqa: PTH100  Path.absolute keeps ".."
    outer, inner = whole, ""
    try:
        while True:
            try:
                with os.scandir(outer):
                    pass
            except NotADirectoryError:
                if Path(outer).is_file():
                    break
                outer, _, name = outer.rpartition("/")
                inner = walk.joined(name, inner) if inner else name
                continue
            if inner:
                raise Problem(_no_such_folder(path))
            return FolderSource(whole)
        source = ArchiveSource(outer, stop, visit)
    except FileNotFoundError:
        raise Problem(_no_such_folder(path)) from None
    except PermissionError:
        raise Problem(_no_permission(path)) from None
    except BadArchive as error:
        raise Problem(_bad_archive(outer, error)) from None
    except OSError as error:
        raise Problem(_unreadable(path, error)) from None
    if inner and not source.enter(inner):
        source.close()
        raise Problem(_no_such_folder(path))
    return source


def is_hidden(path: str) -> bool:
    """Tell whether a file is litter, by its name or by a folder above it."""
    *folders, name = path.split("/")
    return is_litter_file(name) or any(is_litter_folder(folder) for folder in folders)


def _pointed(link: str) -> str:
    try:
        return os.fspath(Path(link).readlink())
    except OSError:
        return ""


def unpack_command(path: str) -> str:
    """Return the command that unpacks an archive, quoted for a shell."""
    from xnat_wizard.dicom.faults import shell_word

    ending = next((ending for ending in _UNPACK if path.casefold().endswith(ending)), "")
    return _UNPACK.get(ending, "mkdir FOLDER && tar -xf {file} -C FOLDER").format(file=shell_word(path))


def kind_of(source: Path) -> str:
    """Return what a source is called: by its name an archive or a folder, also one that is not there."""
    is_named_so = source.name.casefold().endswith(_ARCHIVE_ENDINGS)
    return "archive" if is_named_so and not os.path.isdir(source) else "folder"  # noqa: PTH112  no error where one may not look


def _no_such_folder(source: Path) -> Finding:
    return Finding(
        NO_SUCH_FOLDER,
        f'There is no {kind_of(source)} "{source}"',
        "The system does not find it on this machine",
        ("Look for typing errors: ls -d " + str(source.parent), f"Choose the {kind_of(source)} from the list instead"),
        str(source),
    )


def _no_permission(source: Path) -> Finding:
    return Finding(
        NO_PERMISSION,
        f'The {kind_of(source)} "{source}" may not be read',
        "The system refused it to the account that runs this program",
        (
            f"See who may read it: ls -ld {source}",
            "Ask its owner for permission to read: chmod -R g+rX FOLDER",
            "Choose another folder",
        ),
        str(source),
    )


def _unreadable(source: Path, error: OSError) -> Finding:
    return Finding(
        NO_PERMISSION,
        f'The {kind_of(source)} "{source}" cannot be read',
        f"The system says: {error.strerror}",
        ("Check that the disk or network drive is there: df .", "Choose another folder"),
        str(source),
    )


def _bad_archive(path: str, error: BadArchive) -> Finding:
    name = os.path.basename(path)  # noqa: PTH119  may hold stray bytes
    if error.is_bomb:
        return Finding(
            ARCHIVE_TRAP,
            f'The archive "{name}" is not read',
            f"Refused for safety: {error}",
            (
                "Find out where it comes from, and whether it really holds images",
                f"If it does, unpack it into a new folder: {unpack_command(path)}",
                "Choose that folder",
            ),
            path,
        )
    if not name.casefold().endswith(_ARCHIVE_ENDINGS):
        return Finding(
            NOT_A_FOLDER,
            f'"{name}" is a file, not a folder',
            "A source is the folder that holds the subject folders, or a zip or tar file with such a folder in it",
            ("Choose the folder that holds subject folder > series folder > files",),
            path,
        )
    if name.casefold().endswith((".zip", ".tar", ".tgz", ".tar.gz")):
        return Finding(
            ARCHIVE_DAMAGED,
            f'The archive "{name}" cannot be read',
            f"As it lies here, {error}",
            ("Copy or export it again, then compare its size with the original: ls -l", "Choose another source"),
            path,
        )
    return Finding(
        ARCHIVE,
        f'"{name}" is an archive of a kind that is not read here',
        "Folders, zip, tar and tar.gz files can be surveyed",
        (f"Unpack it into a new folder: {unpack_command(path)}", "Choose that folder"),
        path,
    )
