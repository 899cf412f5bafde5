"""Find and check Philips PAR/REC pairs (V3, V4, V4.1, V4.2).

A pair is a PAR header and a REC of the same stem in the same folder; the REC must be as long as the PAR's rows say.
Sources: the PAR files' own "IMAGE INFORMATION DEFINITION"; V3 states pixel size and resolution once, later versions
in each row.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import PurePosixPath

from xnat_wizard.amounts import whole_number
from xnat_wizard.dicom.opened import OpenFile

_LIMIT_BYTES = 64 << 20  # a PAR of 100,000 images has some 30 MB
_TITLE = "DATA DESCRIPTION FILE"
_MOST_LINES = 500_000
_VERSION = re.compile(r"Research image export tool\s+(V[\d.]{1,20})")
_DAY = re.compile(r"(?<!\d)(?:(\d{4})[.-](\d{1,2})[.-](\d{1,2})|(\d{1,2})[.](\d{1,2})[.](\d{4}))(?!\d)")
_KIND = re.compile(r"\((?:([0-9]{1,3})\*)?(?:integer|float|string)\)")


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
    study_date: str = ""  # of the examination, YYYYMMDD as in DICOM; "" where it is not said in full


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
    text = read_text(file)
    if _TITLE not in text[:400]:
        raise NoPar
    version = version_in(text)
    if not version:
        raise BrokenPar("it was cut before its version")
    if text.count("\n") > _MOST_LINES:
        raise BrokenPar(f"it has more than {_MOST_LINES:,} lines")
    lines = text.splitlines()
    general = general_lines(lines)
    widths = columns(lines)
    column_count = sum(widths.values())
    is_ended = any("END OF DATA DESCRIPTION FILE" in line for line in lines[-20:])
    image_count = rec_size_bytes = 0
    for row in _rows(lines, column_count):
        if not widths:
            raise BrokenPar("it does not describe the columns of its list of images")
        if len(row) < column_count and not is_ended:
            raise BrokenPar("it was cut in its list of images")
        image_count += 1
        rec_size_bytes += _image_bytes(row, widths, general)
    if not image_count:
        raise BrokenPar("it was cut before its list of images")
    return Par(
        version=version,
        protocol_name=general.get("Protocol name", ""),
        patient_name=general.get("Patient name", ""),
        image_count=image_count,
        rec_size_bytes=rec_size_bytes,
        acquisition=general.get("Acquisition nr", "").split(".")[0],
        reconstruction=general.get("Reconstruction nr", "").split(".")[0],
        study_date=date_in(general.get("Examination date/time", "")),
    )


def read_text(file: OpenFile) -> str:
    """Return the text of a PAR, or of what is named so.

    Raises:
        OSError: the file cannot be read.
    """
    return file.read_at(0, min(file.size_bytes, _LIMIT_BYTES)).decode("latin-1")


def version_in(text: str) -> str:
    """Return the version that a PAR states: "V4.2"; "" when it states none."""
    hit = _VERSION.search(text)
    return hit[1] if hit else ""


def general_lines(lines: Iterable[str]) -> dict[str, str]:
    """Return the general lines of a PAR: name and value."""
    found = (line[1:].partition(":") for line in lines if line[:1] == "." and line[1:2].isspace())
    return {name.strip(): value.strip() for name, colon, value in found if colon and name.strip()}


def columns(lines: Iterable[str]) -> dict[str, int]:
    """Return the columns of a row in order: name and number of values."""
    found = ((line, _KIND.search(line)) for line in lines if line[:1] == "#" and line[1:2].isspace())
    named = ((line[1 : hit.start()].strip(), int(hit[1] or 1)) for line, hit in found if hit)
    return {name: width for name, width in named if name}


def image_rows(lines: Iterable[str]) -> list[list[str]]:
    """Return the rows of the list of images, cell by cell."""
    return list(_rows(lines, -1))


def _rows(lines: Iterable[str], most_cells: int) -> Iterator[list[str]]:
    """Give the rows one after the other; what follows the wanted cells stays one piece."""
    for line in lines:
        if line.strip() and line.lstrip()[0] not in "#.":
            yield line.split(maxsplit=most_cells)


def date_in(text: str) -> str:
    """Return the day of a PAR's "Examination date/time" as YYYYMMDD; exports have it either way round."""
    if hit := _DAY.search(text):
        year, month, day = (hit[1], hit[2], hit[3]) if hit[1] else (hit[6], hit[5], hit[4])
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            return f"{year}{int(month):02}{int(day):02}"
    return ""


def _image_bytes(row: list[str], widths: dict[str, int], general: dict[str, str]) -> int:
    try:
        bits = _cells(row, widths, "image pixel size") or _words(general, "Image pixel size")
        size = _cells(row, widths, "recon resolution") or _words(general, "Recon resolution")
        sizes = [whole_number(one) for one in (bits[0], size[0], size[1])]
    except IndexError:
        sizes = [None]
    if None in sizes:
        raise BrokenPar("a row of its list of images does not say how large the image is")
    return prod(one for one in sizes if one is not None) // 8


def _cells(row: list[str], widths: dict[str, int], start: str) -> list[str]:
    at = 0
    for name, width in widths.items():
        if name.startswith(start):
            return row[at : at + width]
        at += width
    return []


def _words(general: dict[str, str], start: str) -> list[str]:
    return next((value.split() for name, value in general.items() if name.startswith(start)), [])
