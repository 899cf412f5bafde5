"""Compares files here with what the site lists: by name, size and MD5; by reading them back where it keeps no MD5."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from threading import Event
from typing import TypeVar

from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.upload import parts
from xnat_wizard.upload.resource_transfer.local_tree import LocalFile, LocalTree
from xnat_wizard.upload.resource_transfer.named_zip import NamedZip
from xnat_wizard.upload.resource_transfer.tools import Tools
from xnat_wizard.xnat.model import RemoteFile

_KEEP_EVERY = 200  # digests that are written into the journal at a time

T = TypeVar("T")


class Standing(StrEnum):
    """How a file here stands to what is there."""

    MISSING = "missing"
    EQUAL = "equal"
    EQUAL_BY_SIZE = "equal by size"  # the site has no digest, and nobody read it back
    DIFFERS = "differs"
    IN_THE_WAY = "in the way"  # a file stands where a folder has to be, or the other way round
    UNREADABLE = "unreadable"  # here, by now

    @property
    def is_equal(self) -> bool:
        """Tell whether nothing has to be sent."""
        return self in {Standing.EQUAL, Standing.EQUAL_BY_SIZE}


def zip_of(tree: LocalTree, files: Iterable[LocalFile]) -> NamedZip:
    """Return files as one zip, numbered in their order."""
    return NamedZip([(file.name, tree.item(number, file)) for number, file in enumerate(files)])


class Comparing:
    """Digests of the files of one target, taken when they are needed and once."""

    def __init__(self, tools: Tools, key: str, tree: LocalTree) -> None:
        self._tools = tools
        self._key = key
        self._tree = tree
        self._md5: dict[str, str] = {}
        self._to_keep: list[tuple[LocalFile, str]] = []

    async def all(
        self, files: Iterable[LocalFile], stored: Mapping[str, RemoteFile], *, reads_doubtful: bool = False
    ) -> dict[str, Standing]:
        """Return how each file stands, by name.

        Args:
            files: here.
            stored: there, by name.
            reads_doubtful: what has the right size and another digest is read back: the digest may be an old one.
        """
        folders = {folder for name in stored for folder in _folders(name)}
        found = {}
        for file in files:
            if file.name in folders or any(folder in stored for folder in _folders(file.name)):
                found[file.name] = Standing.IN_THE_WAY
            elif file.name not in stored:
                found[file.name] = Standing.MISSING
            else:
                found[file.name] = await self._one(file, stored[file.name], reads_doubtful=reads_doubtful)
        self.keep()
        return found

    def remember(self, file: LocalFile, md5: str) -> None:
        """Take a digest that was found on the way."""
        self._md5[file.name] = md5
        if file.path:
            self._to_keep.append((file, md5))
            if len(self._to_keep) >= _KEEP_EVERY:
                self.keep()

    def keep(self) -> None:
        """Write the digests that were taken into the journal."""
        kept, self._to_keep = self._to_keep, []
        if kept and not self._tools.wishes.is_dry:
            self._tools.journal.keep(self._key, self._tree.path, kept)

    async def _one(self, file: LocalFile, there: RemoteFile, *, reads_doubtful: bool) -> Standing:
        if there.size_bytes != file.size_bytes:
            return Standing.DIFFERS
        is_read_back = not there.md5 and self._tools.wishes.verifies_bytes
        if not there.md5 and not is_read_back:
            return Standing.EQUAL_BY_SIZE
        try:
            md5 = await self.md5_of(file)
        except parts.SourceChangedError:
            return Standing.UNREADABLE
        if there.md5 == md5:
            return Standing.EQUAL
        if not is_read_back and not reads_doubtful:
            return Standing.DIFFERS
        size_bytes, found = await self._tools.patience.call(lambda: self._tools.resources.digest(there))
        return Standing.EQUAL if (size_bytes, found) == (file.size_bytes, md5) else Standing.DIFFERS

    async def md5_of(self, file: LocalFile) -> str:
        """Return the MD5 of a file here.

        Raises:
            SourceChangedError: it cannot be read, or is not what was looked at.
        """
        known = self._md5.get(file.name)
        if known is None:
            known = self._tools.journal.md5(self._key, self._tree.path, file) if file.path else ""
            if not known:
                known = await in_thread(self._tools, lambda: _digest(self._tree, file, self._tools.stop))
                self.remember(file, known)
            self._md5[file.name] = known
        return known


def _folders(name: str) -> list[str]:
    steps = name.split("/")
    return ["/".join(steps[:depth]) for depth in range(1, len(steps))]


def _digest(tree: LocalTree, file: LocalFile, stop: Event) -> str:
    pieces = parts.read_pieces(tree.item(0, file)) if file.path else zip_of(tree, tree.packed).pieces()
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        if stop.is_set():
            raise Stopped
        md5.update(piece)
    return md5.hexdigest()


async def in_thread(tools: Tools, act: Callable[[], T]) -> T:
    """Read files beside the loop."""
    return await asyncio.get_running_loop().run_in_executor(tools.executor, act)
