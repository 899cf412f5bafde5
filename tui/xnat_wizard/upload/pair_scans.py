"""Which scan of a session a PAR/REC pair goes into: one rule for uploads and for conversions.

A pair lies raw in the resource PARREC of one scan, and no scan takes two pairs. In this order:

1. The scan whose PARREC holds the pair already, by name, size and, where the site keeps one, digest: it was brought by
   an earlier run or by the other command. Nothing is sent twice.
2. The scan that is the same acquisition: its ID is the PAR's acquisition number, or the number that a Philips scanner
   gives to its DICOM series (100 times the acquisition number, plus the reconstruction number), whatever XNAT appended
   to it (`7-MR1`); and its description or type is the PAR's protocol name, but for the scanner's own marks WIP and
   SENSE. A scan of the same number and another protocol is another acquisition.
3. A scan of its own. Its ID is the acquisition number; where that is taken, `7-PAR2`, `7-PAR3`; `PAR1`, `PAR2` where
   the header has no number. It is an xnat:mrScanData, called by its protocol, and its note says that it is no DICOM.

A scan that an interrupted run made and left empty falls under the second case, so another run finds it again.
Sources: wire contract 4.4 on scan IDs and the renaming of equal numbers; the numbers of one exam exported both ways.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from xnat_wizard.amounts import whole_number
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.dicom.parrec import BrokenPar, NoPar, read_open_par
from xnat_wizard.upload.places import PARREC
from xnat_wizard.xnat.model import RemoteFile
from xnat_wizard.xnat.scans import ScanDraft

if TYPE_CHECKING:
    from xnat_wizard.xnat.site import Site

XSI_TYPE = "xnat:mrScanData"
_MARKS = frozenset({"wip", "sense"})  # what a scanner adds to the name that a person gave
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What a PAR says of itself, and by what its files are known on the site."""

    number: str
    reconstruction: str
    protocol: str
    version: str
    par: RemoteFile  # name inside the resource, size and MD5; the URI says nothing
    rec_name: str
    rec_size_bytes: int

    @property
    def description(self) -> str:
        """Return what its scan is called: the protocol, else the name of its file."""
        return self.protocol or PurePosixPath(self.par.name).stem

    def draft(self, scan_id: str) -> ScanDraft:
        """Return what is said of its scan, where that scan does not say it yet."""
        note = f"PAR/REC {self.version}, not DICOM".replace("  ", " ")
        return ScanDraft(scan_id, XSI_TYPE, self.description, self.description, note)


@dataclass(frozen=True, slots=True)
class KnownScan:
    """A scan of the session, or one that it is about to get."""

    id: str
    names: tuple[str, ...]  # description, type, protocol
    pair_files: tuple[RemoteFile, ...] = ()  # of its resource PARREC


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair goes."""

    scan_id: str
    is_new: bool


def read_acquisition(file: OpenFile, par_name: str, rec_name: str, rec_size_bytes: int) -> Acquisition:
    """Read what a PAR says of itself; one that cannot be read as such has no number and no protocol.

    Raises:
        OSError: the file cannot be read.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    for start in range(0, file.size_bytes, _PIECE):
        md5.update(file.read_at(start, min(_PIECE, file.size_bytes - start)))
    par = RemoteFile(par_name, file.size_bytes, "", PARREC, md5.hexdigest())
    try:
        said = read_open_par(file)
    except (NoPar, BrokenPar):
        return Acquisition("", "", "", "", par, rec_name, rec_size_bytes)
    return Acquisition(
        said.acquisition, said.reconstruction, said.protocol_name, said.version, par, rec_name, rec_size_bytes
    )


async def look(site: "Site", session_id: str) -> tuple[KnownScan, ...]:
    """List the scans of an archived session, with the pairs that lie in them."""
    scans = await site.scans(session_id)
    listed = await site.session_resources(session_id, with_scans=True)
    with_pairs = {resource.scan_id for resource in listed if resource.label == PARREC and resource.scan_id}
    return tuple(
        [
            KnownScan(
                scan.id,
                (scan.series_description, scan.type),
                await site.resource_files(session_id, PARREC, scan_id=scan.id) if scan.id in with_pairs else (),
            )
            for scan in scans
        ]
    )


def choose(pair: Acquisition, scans: Sequence[KnownScan], taken: Iterable[str] = ()) -> Place:
    """Decide which scan a pair goes into.

    Args:
        pair: to place.
        scans: all that the session has or is about to get.
        taken: scans that other pairs were given before.
    """
    others = frozenset(taken)
    free = [scan for scan in scans if scan.id not in others]
    for scan in free:
        if _holds(scan, pair):
            return Place(scan.id, is_new=False)
    for scan in free:
        if not scan.pair_files and _is_same(scan, pair):
            return Place(scan.id, is_new=False)
    ids = {scan.id.casefold() for scan in scans} | {one.casefold() for one in others}
    first = _legal(pair.number)
    wanted, at = (first, 1) if first else ("PAR1", 1)
    while wanted.casefold() in ids:
        at += 1
        wanted = f"{first}-PAR{at}" if first else f"PAR{at}"
    return Place(wanted, is_new=True)


def _holds(scan: KnownScan, pair: Acquisition) -> bool:
    par = next((file for file in scan.pair_files if file.name == pair.par.name), None)
    if par is not None:
        return par.size_bytes == pair.par.size_bytes and par.md5 in {"", pair.par.md5}
    return any(file.name == pair.rec_name and file.size_bytes == pair.rec_size_bytes for file in scan.pair_files)


def _is_same(scan: KnownScan, pair: Acquisition) -> bool:
    numbers = {pair.number}
    acquisition, reconstruction = whole_number(pair.number), whole_number(pair.reconstruction)
    if acquisition is not None and reconstruction is not None:
        numbers.add(str(acquisition * 100 + reconstruction))
    is_numbered = bool(pair.number) and scan.id.partition("-")[0] in numbers
    wanted = _words(pair.description)
    return is_numbered and bool(wanted) and any(_words(name) == wanted for name in scan.names)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in unescape(name).casefold().replace("_", " ").split() if word not in _MARKS)


def _legal(number: str) -> str:
    return "".join(sign for sign in number if sign.isascii() and (sign.isalnum() or sign in "_-"))
