"""Find and check Philips PAR/REC pairs (V3, V4, V4.1, V4.2).

A pair is a PAR header and a REC of the same stem in the same folder; the REC must be as long as the PAR's rows say.
Sources: the PAR files' own "IMAGE INFORMATION DEFINITION"; V3 states pixel size and resolution once, later versions
in each row.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from xnat_wizard.dicom.opened import OpenFile

_LIMIT_BYTES = 64 << 20  # a PAR of 100,000 images has some 30 MB
_TITLE = "DATA DESCRIPTION FILE"
_VERSION = re.compile(r"Research image export tool\s+(V[\d.]+)")
_GENERAL = re.compile(r"^\.\s+(.+?)\s*:\s*(.*)$")
_COLUMN = re.compile(r"^#\s+(.+?)\s*\((?:(\d+)\*)?(?:integer|float|string)\)")


class NoPar(Exception):  # noqa: N818  says what the file is
    """The file is no PAR header, whatever its name."""


class BrokenPar(Exception):  # noqa: N818
    """The file is a PAR header, but cut or not understood; `str()` is one sentence without full stop."""


@dataclass(frozen=True, slots=True)
class Par:
    """What a PAR header says about its REC."""

    version: str  # "V4.2"
    protocol_name: str
    patient_name: str
    image_count: int
    rec_size_bytes: int
    acquisition: str = ""  # its number within the examination
    reconstruction: str = ""  # its number within the acquisition


@dataclass(frozen=True, slots=True)
class Candidates:
    """Files of one folder that are named .par or .rec, matched by stem."""

    par_path: str  # "" when only the REC is there
    rec_path: str
    is_case_odd: bool = False  # the stems differ in case


def is_candidate(name: str) -> bool:
    """Tell whether a name ends like a PAR or REC file."""
    return name[-4:].casefold() in {".par", ".rec"}


def match(paths: Iterable[str]) -> list[Candidates]:
    """Match PAR and REC files of the same folder by stem; exact spelling first, then without regard to case."""
    pars, recs = [], {}
    for path in sorted(paths):
        if path[-4:].casefold() == ".par":
            pars.append(path)
        else:
            recs[path] = path[:-4]
    found = []
    for is_exact in (True, False):
        left = []
        for par in pars:
            stem = par[:-4]
            rec = next((path for path, other in recs.items() if _same(stem, other, is_exact=is_exact)), "")
            if rec:
                del recs[rec]
                found.append(Candidates(par, rec, is_case_odd=not is_exact))
            else:
                left.append(par)
        pars = left
    found += [Candidates(par, "") for par in pars] + [Candidates("", rec) for rec in recs]
    return sorted(found, key=lambda pair: pair.par_path or pair.rec_path)


def _same(stem: str, other: str, *, is_exact: bool) -> bool:
    if is_exact:
        return stem == other
    one, two = PurePosixPath(stem), PurePosixPath(other)
    return one.parent == two.parent and one.name.casefold() == two.name.casefold()


def read_open_par(file: OpenFile) -> Par:
    """Read what a PAR header says about its REC.

    Raises:
        OSError: the file cannot be read.
        NoPar: it is something else.
        BrokenPar: it was cut, or says nothing about the size of its images.
    """
    text = file.read_at(0, min(file.size_bytes, _LIMIT_BYTES)).decode("latin-1")
    if _TITLE not in text[:400]:
        raise NoPar
    version = _VERSION.search(text)
    if not version:
        raise BrokenPar("it was cut before its version")
    lines = text.splitlines()
    general = _general(lines)
    widths = _widths(lines)
    rows = [line.split() for line in lines if line.strip() and line.lstrip()[0] not in "#."]
    if not rows:
        raise BrokenPar("it was cut before its list of images")
    if not widths:
        raise BrokenPar("it does not describe the columns of its list of images")
    column_count = sum(widths.values())
    is_ended = any("END OF DATA DESCRIPTION FILE" in line for line in lines[-20:])
    short = [row for row in rows if len(row) < column_count]
    if short and not is_ended:
        raise BrokenPar("it was cut in its list of images")
    return Par(
        version=version[1],
        protocol_name=general.get("Protocol name", ""),
        patient_name=general.get("Patient name", ""),
        image_count=len(rows),
        rec_size_bytes=sum(_image_bytes(row, widths, general) for row in rows),
        acquisition=general.get("Acquisition nr", "").split(".")[0],
        reconstruction=general.get("Reconstruction nr", "").split(".")[0],
    )


def _general(lines: Iterable[str]) -> dict[str, str]:
    found = (_GENERAL.match(line) for line in lines)
    return {hit[1]: hit[2].strip() for hit in found if hit}


def _widths(lines: Iterable[str]) -> dict[str, int]:
    """Return the columns of a row in order: name and number of values."""
    found = (_COLUMN.match(line) for line in lines)
    return {hit[1]: int(hit[2] or 1) for hit in found if hit}


def _image_bytes(row: list[str], widths: dict[str, int], general: dict[str, str]) -> int:
    try:
        bits = _cells(row, widths, "image pixel size") or _words(general, "Image pixel size")
        size = _cells(row, widths, "recon resolution") or _words(general, "Recon resolution")
        return int(bits[0]) * int(size[0]) * int(size[1]) // 8
    except (IndexError, ValueError):
        raise BrokenPar("a row of its list of images does not say how large the image is") from None


def _cells(row: list[str], widths: dict[str, int], start: str) -> list[str]:
    at = 0
    for name, width in widths.items():
        if name.startswith(start):
            return row[at : at + width]
        at += width
    return []


def _words(general: dict[str, str], start: str) -> list[str]:
    return next((value.split() for name, value in general.items() if name.startswith(start)), [])
