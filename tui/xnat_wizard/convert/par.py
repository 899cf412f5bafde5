"""Read of a PAR header what a conversion needs: its table of images and a few general lines.

Sources: the PAR files' own "IMAGE INFORMATION DEFINITION"; V3 states pixel size and resolution once.
"""

from dataclasses import dataclass
from itertools import pairwise

from xnat_wizard.dicom import parrec
from xnat_wizard.dicom.opened import OpenFile

TYPES = {"0": "M", "1": "R", "2": "I", "3": "P"}  # image_type_mr; the letters are those of DICOM PS3.3 C.8.3.1.1.1


@dataclass(frozen=True, slots=True)
class ParTable:
    """The rows of a PAR by the names of their columns, and its general lines."""

    version: str
    general: dict[str, str]
    columns: dict[str, tuple[int, int]]  # start of a column's name in small letters: first cell, number of cells
    rows: tuple[tuple[str, ...], ...]

    def line(self, start: str) -> str:
        """Return the value of the general line that begins so, or ""."""
        return next((value for name, value in self.general.items() if name.startswith(start)), "")

    def column(self, start: str) -> list[str]:
        """Return a column's first cell of every row; empty when there is no such column."""
        place = next((where for name, where in self.columns.items() if name.startswith(start)), None)
        return [] if place is None else [row[place[0]] for row in self.rows if len(row) > place[0]]

    @property
    def acquisition(self) -> str:
        """Return the number of the acquisition."""
        return self.line("Acquisition nr").split(".")[0]

    @property
    def has_several_orientations(self) -> bool:
        """Tell whether its slices lie in more than one of transverse, sagittal, coronal."""
        return len(set(self.column("slice orientation"))) > 1

    @property
    def has_gradients(self) -> bool:
        """Tell whether it is diffusion-weighted."""
        return any(float(value) > 0 for value in self.column("diffusion_b_factor"))

    @property
    def volume_step_s(self) -> float | None:
        """Return the time from one dynamic to the next in seconds; `None` where there is one, or they are uneven."""
        begins = sorted({float(value) for value in self.column("dyn_scan_begin_time")})
        steps = [later - earlier for earlier, later in pairwise(begins)]
        if steps and max(steps) - min(steps) <= 0.1 * max(steps):
            return round(sum(steps) / len(steps), 4)
        return None

    @property
    def repetition_s(self) -> float | None:
        """Return the repetition time of the sequence in seconds; the first where it has several."""
        words = self.line("Repetition time").split()
        try:
            time_ms = float(words[0]) if words else 0.0
        except ValueError:
            return None
        return round(time_ms / 1000, 6) if time_ms > 0 else None

    def kinds(self) -> dict[tuple[int, str], int]:
        """Count images by echo number and image type letter, in order."""
        echoes = self.column("echo number") or ["1"] * len(self.rows)
        letters = [TYPES.get(value, "DERIVED") for value in self.column("image_type_mr")] or ["M"] * len(self.rows)
        found: dict[tuple[int, str], int] = {}
        for echo, letter in zip(echoes, letters, strict=False):
            key = (int(echo), letter)
            found[key] = found.get(key, 0) + 1
        return dict(sorted(found.items(), key=lambda one: (one[0][0], one[0][1] != "M", one[0][1])))


def read_table(file: OpenFile) -> ParTable:
    """Read a PAR that the survey has found whole.

    Raises:
        OSError: it cannot be read.
    """
    text = parrec.read_text(file)
    lines = text.splitlines()
    columns: dict[str, tuple[int, int]] = {}
    at = 0
    for name, width in parrec.columns(lines).items():
        columns[name.lower()] = (at, width)
        at += width
    return ParTable(
        version=parrec.version_in(text),
        general=parrec.general_lines(lines),
        columns=columns,
        rows=tuple(tuple(row) for row in parrec.image_rows(lines)),
    )


def image_type(letter: str) -> tuple[str, ...]:
    """Return the DICOM Image Type for the letter of a PAR row."""
    return ("DERIVED", "PRIMARY", "MAP") if letter == "DERIVED" else ("ORIGINAL", "PRIMARY", letter)
