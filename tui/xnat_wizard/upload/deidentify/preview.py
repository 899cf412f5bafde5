"""What stands in headers that tells who somebody is, and what of it is left after de-identification."""

import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.dicom.exposure import DETAILS, Exposed, HeaderTally
from xnat_wizard.dicom.opened import AsBinary, OpenFile
from xnat_wizard.dicom.source import open_source
from xnat_wizard.upload.deidentify.choice import Deidentification, Sealed
from xnat_wizard.upload.deidentify.header import Deidentifier
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LABELLED = frozenset({DETAILS[0x00100010], DETAILS[0x00100020]})


@dataclass(frozen=True, slots=True)
class Row:
    """One detail, before and after."""

    name: str
    before: Exposed
    after: Exposed | None
    is_sent: bool = True  # no image of those read is held back

    @property
    def becomes(self) -> str:
        """Say what becomes of it."""
        if self.after is None:
            return "taken out" if self.is_sent else "taken out, or held back"
        if self.name in LABELLED:
            return "the subject's label"
        same = set(self.before.values) & set(self.after.values)
        if not same:
            return "changed"
        left = "stays" if len(same) == len(self.after.values) else "stays in part"
        return left if self.after.images == self.before.images else f"{left}, in {self.after.images:,}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What was found in a sample."""

    rows: tuple[Row, ...]
    files_read: int
    held_back: dict[str, int]  # by reason; they would not be sent


def preview(
    source: Path,
    files: Sequence[tuple[str, str]],
    choice: Deidentification,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Preview:
    """Read headers, de-identify them in memory, and count the details in both; blocks.

    Args:
        source: of the images.
        files: below the source, each with its subject's label.
        choice: how.
        is_stopped: asked before each; then what was read by now counts.

    Raises:
        Problem: the source is not there.
    """
    deidentifier = Deidentifier(choice, Pseudonyms(Sealed.fresh(choice).key))
    before, after, read = HeaderTally(), HeaderTally(), 0
    held: Counter[str] = Counter()
    with open_source(source) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values are the survey's business
        for path, subject in files:
            if is_stopped():
                break
            try:
                with opened.open(path) as file:
                    before.count(_read(file))
                    read += 1
                    after.count(_read(io.BytesIO(deidentifier.veil(file, subject).head)))
            except HeldBackError as error:
                held[error.reason] += 1
            except Exception:  # noqa: BLE001  readers raise whatever they like at damaged data
                held["its header cannot be read"] += 1
    left = {one.name: one for one in after.rows()}
    rows = (Row(one.name, one, left.get(one.name), is_sent=not held) for one in before.rows())
    return Preview(tuple(rows), read, dict(held))


def _read(file: OpenFile | io.BytesIO) -> "Dataset":
    import pydicom

    stream = file if isinstance(file, io.BytesIO) else io.BufferedReader(AsBinary(file), 1 << 16)
    return pydicom.dcmread(stream, stop_before_pixels=True, force=True)


def sample(
    sessions: Iterable[tuple[str, Sequence[Sequence[str]]]], *, is_all: bool = False
) -> Iterator[tuple[str, str]]:
    """Give files to look at, each with its label: one of each series, or all.

    Args:
        sessions: a subject's label, and the paths of each of its series.
        is_all: every file.
    """
    for label, series in sessions:
        for paths in series:
            for path in paths if is_all else paths[:1]:
                yield path, label
