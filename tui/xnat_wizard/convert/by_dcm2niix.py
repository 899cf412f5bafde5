"""The first way: dcm2niix, a program of its own, converts DICOM and PAR/REC.

It sees one series at a time in a working folder, and its warnings become findings.
Source: dcm2niix's own `-h`; its PARREC/README for what it says of old versions.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event

from xnat_wizard.convert import children, outputs
from xnat_wizard.convert.model import (
    CONVERTER_FAILED,
    CONVERTER_MISSING,
    CONVERTER_WARNED,
    HALF_VOXEL,
    Conversion,
    Item,
)
from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.settings import child_environment

_OLD_PAR = frozenset({"V3", "V4"})
_REMARK = re.compile(r"^\s*(Warning|Error|Note|DICOM images may be missing)\b[:,]?\s*(.*)$", re.IGNORECASE)
# What it says of every PAR or every enhanced file is no news about this one.
_ALWAYS = ("dcm2niix PAR is not actively supported", "Philips enhanced DICOMs (hint", "Check that 2D images")


def program() -> Path:
    """Return the converter: the one installed beside this program, else the one on the PATH.

    Raises:
        Problem: `convert.converter_missing`.
    """
    beside = Path(sys.executable).with_name("dcm2niix")
    if beside.is_file():
        return beside
    found = shutil.which("dcm2niix")
    if found:
        return Path(found)
    raise Problem(
        Finding(
            CONVERTER_MISSING,
            "The converter dcm2niix is not installed",
            "It is neither beside this program nor on the PATH",
            (
                "Install it: pip install 'xnat-wizard[convert]'",
                "Or use the other way, for PAR/REC only: --with nibabel",
            ),
        )
    )


def version() -> str:
    """Return what the converter says of its version, such as "v1.0.20250505"."""
    done = subprocess.run(
        [program(), "-v"], capture_output=True, text=True, check=False, errors="replace", env=child_environment()
    )
    hit = re.search(r"v\d+\.\d+\.\d+", done.stdout)
    return hit[0] if hit else ""


def convert(item: Item, staged: Path, folder: Path, *, keep_details: bool, stop: Event | None = None) -> Conversion:
    """Convert one series that was laid out; `keep_details` lets patient details into the sidecar.

    Raises:
        Problem: `convert.converter_missing`; `convert.converter_failed` when nothing came out.
        Stopped: `stop` was set.
        OSError: it cannot be started.
    """
    arguments = ["-b", "y", "-ba", "n" if keep_details else "y", "-z", "n", "-w", "0", "-f", "s", "-o", str(folder)]
    done = children.run([str(program()), *arguments, str(staged)], stop)
    said = done.said.decode("utf-8", "replace")
    made = outputs.gather(item, folder)
    if not made:
        raise Problem(_failed(item, done.code, said, (str(folder), str(staged))))
    remarks = _remarks(said, (str(folder), str(staged)))
    findings = [_warned(item, remarks)] if remarks else []
    if done.code:
        findings.append(_failed(item, done.code, said, (str(folder), str(staged))))
    if item.version in _OLD_PAR:
        findings.append(_half_voxel(item))
    return Conversion(made, tuple(findings))


def _remarks(said: str, places: tuple[str, ...]) -> tuple[str, ...]:
    """Return what it remarked, each once, without the names of working folders."""
    found: dict[str, None] = {}
    for line in said.splitlines():
        hit = _REMARK.match(line)
        if not hit or any(text in line for text in _ALWAYS):
            continue
        text = line.strip() if hit[1].startswith("DICOM") else hit[2].strip()
        for place in places:
            text = text.replace(place, "the series")
        found[text] = None
    return tuple(found)


def _warned(item: Item, remarks: tuple[str, ...]) -> Finding:
    return Finding(
        CONVERTER_WARNED,
        "dcm2niix has remarks about a series",
        "; ".join(remarks),
        ("Look at the converted images before they are used",),
        where=item.name,
        severity=Severity.NOTE,
    )


def _half_voxel(item: Item) -> Finding:
    return Finding(
        HALF_VOXEL,
        "The images may lie half a voxel off in the plane",
        f"dcm2niix takes the centre of a PAR {item.version} to be half a voxel elsewhere than in V4.1 and V4.2",
        (
            "Convert with nibabel (--with nibabel; V4 and later) where the place matters",
            "Export the series again as V4.2 or DICOM",
        ),
        where=item.name,
        severity=Severity.NOTE,
    )


def _failed(item: Item, code: int, said: str, places: tuple[str, ...]) -> Finding:
    remarks = _remarks(said, places)
    return Finding(
        CONVERTER_FAILED,
        "dcm2niix did not convert a series whole",
        "; ".join(remarks) or f"It ended with {code} and gave no reason",
        (
            "See whether its files are whole: xnat-wizard survey SOURCE",
            "For PAR/REC try the other way: --with nibabel",
            "Leave the series out: --series",
        ),
        where=item.name,
    )
