"""Read the traits of a series that rules look at: of DICOM from every header, of PAR/REC from the PAR's table."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from xnat_wizard.convert import par
from xnat_wizard.convert.model import Traits
from xnat_wizard.dicom.model import ParRecPair, Series
from xnat_wizard.dicom.opened import AsBinary
from xnat_wizard.dicom.source import Source

if TYPE_CHECKING:
    from pydicom import Dataset

_TAGS = (
    "ProtocolName",
    "ImageType",
    "EchoNumbers",
    "EchoTime",
    "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence",
    "SharedFunctionalGroupsSequence",
)
_Kind = tuple[tuple[str, ...], float, int]  # image type, echo time, echo number
_LETTERS = {"MAGNITUDE": "M", "PHASE": "P", "REAL": "R", "IMAGINARY": "I"}  # as classic images have them


def of_pair(source: Source, pair: ParRecPair) -> tuple[str, str, str, tuple[Traits, ...]]:
    """Return patient name, acquisition number, day, and the traits of a pair's kinds of images.

    Raises:
        OSError: the PAR cannot be read.
    """
    with source.open(pair.par_path) as file:
        table = par.read_table(file)
    protocol = pair.protocol_name
    description = protocol or PurePosixPath(pair.par_path).stem
    traits = tuple(
        Traits(description, protocol, par.image_type(letter), echo, count, "MR", "parrec")
        for (echo, letter), count in table.kinds().items()
    )
    return table.line("Patient name"), table.acquisition, pair.study_date, traits


def of_series(source: Source, series: Series) -> tuple[Traits, ...]:
    """Return the traits of a DICOM series' kinds of images, the first echo and magnitude first.

    Some 1 ms a file: every header is read, since echoes and phases may lie in any of them.

    Raises:
        OSError: a file cannot be read.
    """
    protocol, kinds = "", Counter[_Kind]()
    for instance in series.instances:
        own_protocol, own_kinds = _read(source, instance.path)
        protocol = protocol or own_protocol
        kinds.update(own_kinds)
    times = sorted({time for _, time, _ in kinds if time > 0})
    found: dict[tuple[tuple[str, ...], int | None], int] = {}
    for (image_type, time, number), count in kinds.items():
        echo = number or (times.index(time) + 1 if len(times) > 1 and time > 0 else None)
        found[image_type, echo] = found.get((image_type, echo), 0) + count
    order = sorted(found, key=lambda kind: (kind[1] or 0, "P" in kind[0], kind[0]))
    return tuple(
        Traits(series.series_description, protocol, words, echo, found[words, echo], series.modality, "dicom")
        for words, echo in order
    )


def _read(source: Source, path: str) -> tuple[str, tuple[_Kind, ...]]:
    """Return protocol and kinds of a file's images."""
    import pydicom

    with source.open(path) as file:
        reader = io.BufferedReader(AsBinary(file))
        try:
            header = pydicom.dcmread(reader, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
            return str(header.get("ProtocolName", "")), tuple(_kinds(header))  # values are decoded when asked for
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  pydicom raises many kinds for a broken header
            raise OSError(f"its header cannot be read: {type(error).__name__}") from None


def _kinds(header: "Dataset") -> Iterator[_Kind]:
    """Give image type, echo time and echo number of each frame (DICOM PS3.3 C.8.3, C.8.13)."""
    whole = _words(header.get("ImageType"))
    frames = header.get("PerFrameFunctionalGroupsSequence")
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])
    if not frames:
        yield whole, _number(header.get("EchoTime")), int(_number(header.get("EchoNumbers")))
        return
    for frame in frames:
        groups = [frame, *shared]
        words = _words(_of(groups, "MRImageFrameTypeSequence", "FrameType")) or whole
        letter = _LETTERS.get(str(_of(groups, "MRImageFrameTypeSequence", "ComplexImageComponent")), "")
        if letter and letter not in words:
            words = (*words, letter)
        yield words, _number(_of(groups, "MREchoSequence", "EffectiveEchoTime")), 0


def _of(groups: "list[Dataset]", sequence: str, keyword: str) -> object:
    for group in groups:
        items = group.get(sequence)
        if items and keyword in items[0]:
            return items[0].get(keyword)
    return None


def _words(value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (str(value),) if isinstance(value, str) else tuple(str(word) for word in value)  # type: ignore[attr-defined]  # pydicom's MultiValue


def _number(value: object) -> float:
    if isinstance(value, (list, tuple)) or (value is not None and not isinstance(value, (str, int, float))):
        value = next(iter(value), None)  # type: ignore[call-overload]  # pydicom's MultiValue
    try:
        return float(value)  # type: ignore[arg-type]  # judged by the attempt
    except (TypeError, ValueError):
        return 0.0
