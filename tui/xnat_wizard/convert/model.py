"""What is converted and what comes out: frozen values that pass between the modules of this room and the command."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from xnat_wizard.dicom.model import ParRecPair, Series
from xnat_wizard.findings import Finding

# code                              what it says
CONVERTER_MISSING = "convert.converter_missing"  # the program or library for the chosen way is not installed
CONVERTER_FAILED = "convert.converter_failed"  # it ended with a fault, or made nothing
CONVERTER_WARNED = "convert.converter_warned"  # what the converter remarks about a series
WAY_UNFIT = "convert.way_unfit"  # this way does not read this kind of series
ORIENTATIONS_VARY = "convert.orientations_vary"  # slices in several directions: no single geometry
HALF_VOXEL = "convert.half_voxel"  # dcm2niix places PAR of V3 and V4 half a voxel apart from later versions
NO_GRADIENTS = "convert.no_gradients"  # the second way writes no gradient table
GEOMETRY_DIFFERS = "convert.geometry_differs"  # two conversions of a series do not lie in the same place
HELD = "convert.held"  # the survey found a fault, so the series is not converted
NOTHING_CHOSEN = "convert.nothing_chosen"  # no series is left to convert
EXISTS = "convert.exists"  # an output is there already
SUBJECT_FROM_HEADER = "convert.subject_from_header"  # no folder names the subject, so the header does
TARGET_IN_SOURCE = "convert.target_in_source"  # the output folder lies inside the source
TARGET_REFUSED = "convert.target_refused"  # the output folder cannot be written
RULES_BAD = "convert.rules_bad"  # the file of rules cannot be used
NO_RULE = "convert.no_rule"  # no rule matches the series, or its rule names no BIDS place
SEVERAL_IMAGES = "convert.several_images"  # one series became images that no rule tells apart
LABEL_CLASH = "convert.label_clash"  # two subjects or sessions get the same BIDS label
BIDS_INCOMPLETE = "convert.bids_incomplete"  # BIDS asks for something that the images do not have
VALIDATOR_MISSING = "convert.validator_missing"  # the BIDS validator is not installed
VALIDATOR_FAILED = "convert.validator_failed"  # it could not judge
BIDS_ERROR = "convert.bids_error"  # an error of the BIDS validator
BIDS_WARNING = "convert.bids_warning"  # a warning of the BIDS validator


class Way(StrEnum):
    """How images become NIfTI."""

    DCM2NIIX = "dcm2niix"
    NIBABEL = "nibabel"


class Existing(StrEnum):
    """What happens to an output that is there already."""

    SKIP = "skip"
    REPLACE = "replace"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Traits:
    """What rules look at: the traits of one kind of images in a series.

    A series has several when it holds several echoes, or magnitude and phase.
    """

    description: str
    protocol: str
    image_type: tuple[str, ...]  # DICOM Image Type; for PAR ("ORIGINAL", "PRIMARY", "M")
    echo: int | None  # counted from 1; `None` where the header does not say
    images: int  # slices, or files where a file is a mosaic
    modality: str
    source: str  # "dicom" or "parrec"


@dataclass(frozen=True, slots=True)
class Item:
    """One series that can be converted: DICOM or a PAR/REC pair."""

    subject: str
    session: str  # what a folder names; "" when nothing does
    number: str  # of the series
    study: str  # what the studies of a subject are told apart by; never shown
    study_date: str  # YYYYMMDD, to order them; never shown
    variants: tuple[Traits, ...]
    series: Series | None = None
    pair: ParRecPair | None = None
    held_by: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """Return what the series is called in its header."""
        first = self.variants[0]
        return first.description or first.protocol

    @property
    def name(self) -> str:
        """Return the series as messages name it."""
        return f"{self.subject} / {self.number or '?'} {self.description or '(no description)'}"

    @property
    def version(self) -> str:
        """Return the version of a PAR header, "" for DICOM."""
        return self.pair.version if self.pair else ""


@dataclass(frozen=True, slots=True)
class Output:
    """One image that a converter made, in its working folder."""

    suffix: str  # what the converter adds to tell outputs apart: "", "_e2", "_ph", "_ADC"
    nifti: Path  # not compressed
    sidecar: Path
    gradients: tuple[Path, ...]  # .bval and .bvec
    traits: Traits
    volume_step_s: float | None = None  # from one dynamic of a PAR to the next
    repetition_s: float | None = None  # of the sequence, as a PAR has it


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a converter made of one series."""

    outputs: tuple[Output, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """One image that lies in the output folder."""

    item: Item
    path: str  # of the NIfTI file, below the output folder
    files: tuple[str, ...]  # all its files, likewise
    rule: str  # name of the rule that named it, or ""
    is_new: bool  # false when it was there and was left
