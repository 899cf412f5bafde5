"""Texts that would do something to a terminal, in every place where files and servers can put one."""

from pathlib import Path

import pydicom
from pydicom import config

from support import Practice
from xnat_wizard.practice.sample import write_study
from xnat_wizard.practice.store import Store

TITLE = "\x1b]0;PWNED-title\x07"
CLIPBOARD = "\x1b]52;c;UFdORUQ=\x07"  # would put text on the clipboard
CLEAR = "\x1b[2J\x1b[31m"
C1 = "\x9b31m"  # the same in one character
TURNED = "\u202egnp.exe"  # what follows is shown from right to left
NULL = "\x00\x08\x7f"
ISOLATED = "\u2067rlo\u2069\u200f"  # the newer signs for the same
MARKUP = "[red]x[/red][@click=app.quit]y[/]"
WIDE = "\u6f22\u5b57e\u0301\u200b\u200d\ufeff"  # of two cells, of none
FORGED = "\nFORGED  every file is stored"

ALL = f"A{MARKUP}{WIDE}{TITLE}{CLIPBOARD}{CLEAR}{C1}{TURNED}{ISOLATED}{NULL}{FORGED}Z"
NAME = f"A[red]{TITLE}{CLIPBOARD}{CLEAR}{C1}{TURNED}\x08\x7f{FORGED}Z"  # of a file: no slash, no null byte
PAGE = f"<html><head><title>{ALL}</title></head><body><h1>{ALL}</h1>{ALL}</body></html>"

SAID = {"series_description": ALL, "type": ALL, "quality": ALL, "note": ALL}  # of a scan

SPEAKING = (
    b"PWNED-title\x07",
    b"\x1b]52;c;UFdORUQ=",
    "\x9b".encode(),
    "\u202e".encode(),
    "\u2067".encode(),
    b"\x00",
    b"\x08",
    b"\x7f",
)


def raw_in(data: bytes) -> list[bytes]:
    """Return what of the hostile texts came through as it is."""
    return [one for one in SPEAKING if one in data]


def is_forged(data: bytes) -> bool:
    """Tell whether a text has made a line of its own."""
    return any(line.startswith(b"FORGED") for line in data.splitlines())


def sow(folder: Path) -> Path:
    """Write a study whose names and headers are hostile."""
    study = write_study(folder / "study", subjects=1, slices=3)
    person = next(path for path in study.iterdir() if path.is_dir())
    validation = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    config.settings.reading_validation_mode = config.settings.writing_validation_mode = config.IGNORE
    try:
        for path in sorted(path for path in person.rglob("*") if path.is_file()):
            dataset = pydicom.dcmread(path)
            dataset.SpecificCharacterSet = "ISO_IR 192"
            for keyword in ("PatientName", "PatientID", "SeriesDescription", "ProtocolName", "StudyDescription"):
                setattr(dataset, keyword, ALL)
            dataset.save_as(path)
    finally:
        config.settings.reading_validation_mode, config.settings.writing_validation_mode = validation
    series = sorted(path for path in person.iterdir() if path.is_dir())
    series[0].rename(series[0].with_name(NAME))
    first = min(path for path in series[1].iterdir())
    first.rename(first.with_name(NAME))
    (person / f"{NAME}.txt").write_text("no image")
    return study


def dress(practice: Practice) -> None:
    """Let the site say hostile texts wherever it may say one."""

    def act(store: Store) -> None:
        project = store.state.projects["DEMO"]
        project.name = project.description = project.keywords = project.running_title = ALL
        project.fields["pi_lastname"] = ALL

        for subject in store.state.subjects.values():
            subject.label = ALL
        for session in store.state.sessions.values():
            session.label = ALL
            session.fields |= {"note": ALL, "scanner": ALL, "scanner/model": ALL}
            for scan in session.scans.values():
                scan.fields |= SAID
                for resource in scan.resources.values():
                    resource.description = resource.content = resource.format = ALL

    practice.on_loop(act)


def dress_rows(practice: Practice) -> None:
    """Do the same with what waits in the prearchive."""

    def act(store: Store) -> None:
        for row in store.state.rows:
            row.status = "ERROR"
            row.source = row.protocol = row.visit = ALL
            row.logs.append({"id": "1", "date": "2026-01-01", "entry": ALL})
            for scan in row.scans.values():
                scan.fields |= SAID

    practice.on_loop(act)
