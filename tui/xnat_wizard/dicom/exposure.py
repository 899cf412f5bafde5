"""Which details of patients and of the house stand in images, and would leave with them.

Only headers are read. Which attributes tell who somebody is: DICOM PS3.15 annex E, the basic profile, in short.
"""

import asyncio
import io
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from xnat_wizard.dicom.model import Series, Survey
from xnat_wizard.dicom.opened import AsBinary
from xnat_wizard.dicom.source import Source, open_source
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Severity

if TYPE_CHECKING:
    from pydicom import Dataset

DETAILS = {  # in the order in which they are shown
    0x00100010: "Patient's name",
    0x00100020: "Patient ID",
    0x00100030: "Birth date",
    0x00100040: "Sex",
    0x00101010: "Age",
    0x00101020: "Height",
    0x00101030: "Weight",
    0x00101000: "Other patient IDs",
    0x00101001: "Other patient names",
    0x00101005: "Birth name",
    0x00101060: "Mother's birth name",
    0x00101040: "Address",
    0x00102154: "Telephone",
    0x00102160: "Ethnic group",
    0x00102180: "Occupation",
    0x001021B0: "Patient history",
    0x00102110: "Allergies",
    0x00104000: "Patient comments",
    0x00080050: "Accession number",
    0x00200010: "Study ID",
    0x00080080: "Institution",
    0x00080081: "Institution address",
    0x00081040: "Department",
    0x00081010: "Station name",
    0x00181000: "Device serial number",
    0x00080090: "Referring physician",
    0x00081048: "Physicians of record",
    0x00081050: "Performing physician",
    0x00081060: "Reading physician",
    0x00321032: "Requesting physician",
    0x00081070: "Operators",
    0x00080020: "Study date",
    0x00081030: "Study description",
    0x0008103E: "Series description",
    0x00204000: "Image comments",
}
NESTED = "Names in sequences"
PRIVATE = "Private elements"
BURNT_IN = "Writing in the picture"
DOCUMENT = "Document inside"
_BURNED_IN, _SOP_CLASS, _MODALITY = 0x00280301, 0x00080016, 0x00080060
_OFTEN_WRITTEN_ON = {"US", "XA", "RF", "ES", "SC", "OT"}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104"
_MOST_VALUES = 10_000  # so many different ones of a detail are counted
_DEEPEST = 4  # sequences in sequences
_PAR_BYTES = 8192
_PAR_NAMES = {"Patient name": "Patient's name", "Examination name": "Study description"}


@dataclass(frozen=True, slots=True)
class Exposed:
    """One detail: in how many images it stands, and which values it has."""

    tag: int  # 0 for what is no single attribute
    name: str
    images: int
    values: tuple[str, ...]  # different ones, sorted; at most 10,000

    @property
    def is_counted_whole(self) -> bool:
        """Tell whether all different values are there."""
        return len(self.values) < _MOST_VALUES


@dataclass(frozen=True, slots=True)
class Exposure:
    """What was found, and in how much of it."""

    rows: tuple[Exposed, ...]
    files_read: int
    files_total: int
    files_unread: int  # could not be read


class _Wanted(NamedTuple):
    path: str
    is_par: bool


class _Tally:
    """Counts while headers are read; touched by one thread."""

    def __init__(self) -> None:
        self.images: dict[tuple[int, str], int] = {}
        self.values: dict[tuple[int, str], set[str]] = {}

    def add(self, tag: int, name: str, values: Iterable[str]) -> None:
        """Count a detail of one image."""
        key = (tag, name)
        self.images[key] = self.images.get(key, 0) + 1
        known = self.values.setdefault(key, set())
        for value in values:
            if len(known) < _MOST_VALUES:
                known.add(value)

    def rows(self) -> tuple[Exposed, ...]:
        """Return what was counted, in the order of `DETAILS`."""
        order = [*DETAILS.values(), NESTED, PRIVATE, BURNT_IN, DOCUMENT]
        return tuple(
            Exposed(tag, name, self.images[tag, name], tuple(sorted(self.values[tag, name])))
            for tag, name in sorted(self.images, key=lambda key: (order.index(key[1]), key[0]))
        )


class ExposureRun:
    """Reads headers in a thread of its own; `async with`, so that no thread is left.

    By default one image of each series is read; with `is_all` every one. What a STOP finding holds cannot leave, and
    is passed over.
    """

    def __init__(self, survey: Survey, *, is_all: bool = False) -> None:
        self._survey = survey
        self._is_all = is_all
        self._stop = Event()
        self._read = 0
        self._pool = ThreadPoolExecutor(1, "exposure")
        self._work: asyncio.Future[Exposure] | None = None
        self._wanted = tuple(_wanted(survey, is_all=is_all))

    async def __aenter__(self) -> Self:
        self._work = asyncio.get_running_loop().run_in_executor(self._pool, self._run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._pool.shutdown()

    async def result(self) -> Exposure:
        """Wait for the end.

        Raises:
            Stopped: `stop` was called before its end.
            Problem: the source is not there any more.
        """
        if self._work is None:
            raise RuntimeError("this runs inside `async with`")
        return await asyncio.shield(self._work)

    def snapshot(self) -> tuple[int, int]:
        """Return how many headers are read, of how many; from any thread."""
        return self._read, len(self._wanted)

    async def stop(self) -> None:
        """Stop and wait until the thread is done; nothing on disk was changed."""
        self._stop.set()
        if self._work is not None:
            await asyncio.wait([self._work])
            if not self._work.cancelled():
                self._work.exception()  # looked at, so that nobody complains of an error never fetched

    def _run(self) -> Exposure:
        tally, unread = _Tally(), 0
        with open_source(self._survey.source, stop=self._stop) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are the survey's business
            for one in self._wanted:
                if self._stop.is_set():
                    raise Stopped
                try:
                    _read_one(source, one, tally)
                except Exception:  # noqa: BLE001  readers raise whatever they like at damaged data
                    unread += 1
                self._read += 1
        total = sum(len(series.instances) for series in _sendable(self._survey)) + len(self._survey.pairs)
        return Exposure(tally.rows(), len(self._wanted), total, unread)


class HeaderTally:
    """Counts the details of headers that somebody else reads; for one thread."""

    def __init__(self) -> None:
        self._tally = _Tally()

    def count(self, header: "Dataset") -> None:
        """Count those of one image."""
        _count(header, self._tally)

    def rows(self) -> tuple[Exposed, ...]:
        """Return what was counted, in the order of `DETAILS`."""
        return self._tally.rows()


def _sendable(survey: Survey) -> Iterator[Series]:
    stops = {finding.code for finding in survey.findings if finding.severity is Severity.STOP}
    return (series for series in survey.series if not stops.intersection(series.held_by))


def _wanted(survey: Survey, *, is_all: bool) -> Iterator[_Wanted]:
    for series in _sendable(survey):
        for instance in series.instances if is_all else series.instances[:1]:
            yield _Wanted(instance.path, is_par=False)
    for pair in survey.pairs:
        yield _Wanted(pair.par_path, is_par=True)


def _read_one(source: Source, one: _Wanted, tally: _Tally) -> None:
    import pydicom

    with source.open(one.path) as file:
        if one.is_par:
            _count_par(file.read_at(0, _PAR_BYTES).decode("latin-1"), tally)
        else:
            _count(pydicom.dcmread(io.BufferedReader(AsBinary(file)), stop_before_pixels=True, force=True), tally)


def _count_par(text: str, tally: _Tally) -> None:
    for line in text.splitlines():
        name, colon, value = line.removeprefix(".").partition(":")
        if line.startswith(".") and colon and name.strip() in _PAR_NAMES and value.strip():
            tally.add(0, _PAR_NAMES[name.strip()], [value.strip()])


def _count(header: "Dataset", tally: _Tally) -> None:
    for tag, name in DETAILS.items():
        value = _text(header, tag)
        if value:
            tally.add(tag, name, [value])
    nested = set(_nested_names(header, 0))
    if nested:
        tally.add(0, NESTED, nested)
    private = {_creator(header, element.tag) for element in header if element.tag.is_private}
    if private:
        tally.add(0, PRIVATE, private - {""} or {"no creator named"})
    written = _written_on(header)
    if written:
        tally.add(0, BURNT_IN, [written])
    if _text(header, _SOP_CLASS).startswith(_ENCAPSULATED):
        tally.add(0, DOCUMENT, [_text(header, 0x00420010) or "without a title"])


def _text(header: "Dataset", tag: int) -> str:
    element = header.get(tag)
    return "" if element is None or element.value is None else str(element.value).strip()


def _nested_names(header: "Dataset", depth: int) -> Iterator[str]:
    for element in header:
        if element.VR == "SQ" and depth < _DEEPEST:
            for item in element.value or ():
                yield from _nested_names(item, depth + 1)
        elif depth and element.VR == "PN" and str(element.value or "").strip():
            yield str(element.value).strip()


def _creator(header: "Dataset", tag: int) -> str:
    """Return who defined a private element (PS3.5 section 7.8.1)."""
    group, element = tag >> 16, tag & 0xFFFF
    block = element if element < 0x100 else element >> 8
    return _text(header, group << 16 | block)


def _written_on(header: "Dataset") -> str:
    """Return why a name may be written in the pixels, "" where nothing points to it."""
    said = _text(header, _BURNED_IN).upper()
    if said == "YES":
        return "the header says so"
    modality = _text(header, _MODALITY)
    if said != "NO" and (modality in _OFTEN_WRITTEN_ON or _text(header, _SOP_CLASS).startswith(_SECONDARY_CAPTURE)):
        return f"may be: {modality or 'secondary capture'}, and the header does not deny it"
    return ""


def exposure(survey: Survey, *, is_all: bool = False) -> Exposure:
    """Read in this thread, for scripts and tests; see `ExposureRun`."""
    run = ExposureRun(survey, is_all=is_all)
    try:
        return run._run()  # noqa: SLF001  the same work without its thread
    finally:
        run._pool.shutdown()  # noqa: SLF001  as above
