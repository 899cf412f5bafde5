"""Walk over a source folder: every entry once, in a stable order, links not followed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

from xnat_wizard.dicom.content import is_litter_folder


class Stopped(Exception):  # noqa: N818  an event, past tense
    """The stop event was set."""


@dataclass(slots=True)
class Listing:
    """The direct contents of one folder, each list sorted by name."""

    path: str  # below the source; "" for the source itself
    is_litter: bool  # it, or a folder above it, is hidden or a system's own
    files: list[tuple[str, int]] = field(default_factory=list)  # name, bytes
    links: list[str] = field(default_factory=list)
    specials: list[str] = field(default_factory=list)  # pipes, sockets, devices: never opened
    folders: list[str] = field(default_factory=list)
    refused: list["Refused"] = field(default_factory=list)  # members of an archive
    trouble: OSError | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A member of an archive that cannot be read or may not be trusted."""

    path: str
    size_bytes: int
    code: str  # of `structure`
    reason: str  # one sentence without full stop


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """Where a link leads: a fault, or a file to be read in its place."""

    code: str  # of `structure`; "" when it is read
    reason: str = ""
    size_bytes: int = 0


def walk(source: str, stop: Event) -> Iterator[Listing]:
    """Give the listing of the source, then of each folder below, depth first, sorted by name.

    Names that are not UTF-8 come with surrogate escapes, as `os.fsdecode` gives them. A folder that cannot be read
    is a listing with `trouble`.

    Raises:
        Stopped: `stop` was set.
    """
    waiting = [("", False)]
    while waiting:
        path, is_litter = waiting.pop()
        listing = _list(source, path, is_litter, stop)
        yield listing
        waiting.extend((joined(path, name), is_litter or is_litter_folder(name)) for name in reversed(listing.folders))


def joined(folder: str, name: str) -> str:
    """Return the path of a name in a folder below the source."""
    return f"{folder}/{name}" if folder else name


def _list(source: str, path: str, is_litter: bool, stop: Event) -> Listing:  # noqa: FBT001  a row's flag
    listing = Listing(path, is_litter)
    try:
        with os.scandir(f"{source}/{path}" if path else source) as entries:
            for entry in entries:
                if stop.is_set():
                    raise Stopped
                _sort_in(listing, entry)
    except OSError as error:
        listing.trouble = error
    for names in (listing.links, listing.specials, listing.folders):
        names.sort()
    listing.files.sort()
    return listing


def _sort_in(listing: Listing, entry: os.DirEntry[str]) -> None:
    if entry.is_symlink():
        listing.links.append(entry.name)
    elif entry.is_dir(follow_symlinks=False):
        listing.folders.append(entry.name)
    elif entry.is_file(follow_symlinks=False):
        try:
            size_bytes = entry.stat(follow_symlinks=False).st_size
        except OSError:  # gone, or in a folder that may be listed but not entered
            size_bytes = 0
        listing.files.append((entry.name, size_bytes))
    else:
        listing.specials.append(entry.name)
