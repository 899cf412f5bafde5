"""What a survey of a source finds: frozen values, in a stable order.

Every file of the source is in exactly one place of a `Survey`: an instance of a series, a half of a PAR/REC pair, or
an `OtherFile` that says why it is neither.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.findings import Finding


@dataclass(frozen=True, slots=True)
class Header:
    """The attributes a plan needs of one DICOM instance; absent or empty ones are "".

    Texts are decoded with the file's character set and stripped of padding. Sources: DICOM PS3.10 section 7.1 (file
    meta information), PS3.3 C.7 (patient, study, series), C.12.1 (SOP common).
    """

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    series_number: str
    series_description: str
    instance_number: str
    study_date: str  # YYYYMMDD as in the file
    study_time: str
    study_description: str
    patient_id: str
    patient_name: str
    manufacturer: str
    media_sop_class_uid: str = ""  # (0002,0002) of the file meta information; tells a DICOMDIR
    accession_number: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file that can be sent."""

    path: str  # below the source, "/" between parts; bytes that are not UTF-8 as surrogate escapes
    size_bytes: int
    mtime_ns: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    instance_number: str


@dataclass(frozen=True, slots=True)
class Series:
    """The instances of one series that lie under one subject folder, in path order.

    A series is told apart by study, Series Instance UID and Series Number: scanners are known to give one UID to
    several numbers, and XNAT files scans by number.
    """

    key: str  # stable within a survey; never shown
    subject_folder: str  # what the layout takes for the subject's name, by the house rule the first path part; or ""
    folders: tuple[str, ...]  # every folder that holds some of it, below the source
    study_instance_uid: str
    series_instance_uid: str
    series_number: str
    series_description: str
    modality: str
    study_date: str
    study_time: str
    study_description: str
    patient_id: str
    patient_name: str
    manufacturer: str
    instances: tuple[Instance, ...]
    held_by: tuple[str, ...] = ()  # codes of the STOP and ASK findings that keep it back
    session_folder: str = ""  # what the layout takes for the session's name, if it names one
    accession_number: str = ""
    copies: int = 0  # files that hold the same instances as its own and are not sent

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all its instances."""
        return sum(instance.size_bytes for instance in self.instances)


@dataclass(frozen=True, slots=True)
class ParRecPair:
    """A Philips PAR header and its REC data, whole and of one name."""

    subject_folder: str
    folder: str
    par_path: str  # both below the source
    rec_path: str
    par_size_bytes: int
    rec_size_bytes: int
    version: str  # "V4.2"
    protocol_name: str
    held_by: tuple[str, ...] = ()
    session_folder: str = ""
    study_date: str = ""  # YYYYMMDD, as the header of the PAR has it
    acquisition_number: str = ""  # likewise


class OtherKind(StrEnum):
    """Why a file is not sent as an image."""

    NOT_DICOM = "not DICOM"
    UNREADABLE = "unreadable"  # meant to be an image, or cannot be opened
    COPY = "copy"  # the same bytes of the same instance are sent from another path
    CONFLICTING = "conflicting copy"  # the same SOP Instance UID with other bytes
    INCOMPLETE = "incomplete header"  # DICOM without the UIDs that XNAT needs
    JUNK = "litter"  # .DS_Store, Thumbs.db, ._x
    DICOMDIR = "medium directory"
    ARCHIVE = "archive"  # zip, tar, gzip inside the source
    LINK = "link"  # leads outside, round in a circle, to nothing, or to a file that is sent anyway
    PARREC = "PAR/REC without partner"


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file that is not sent, and why."""

    path: str
    size_bytes: int
    kind: OtherKind
    reason: str  # one sentence without full stop


@dataclass(frozen=True, slots=True)
class Survey:
    """What a read-only look at a source found."""

    source: Path
    series: tuple[Series, ...]
    pairs: tuple[ParRecPair, ...]
    others: tuple[OtherFile, ...]
    findings: tuple[Finding, ...]  # sorted by weight
    folder_count: int
    layout: Layout = HOUSE

    @property
    def file_count(self) -> int:
        """Return the number of files seen, each counted once."""
        return sum(len(series.instances) for series in self.series) + 2 * len(self.pairs) + len(self.others)

    @property
    def subject_folders(self) -> tuple[str, ...]:
        """Return the subject folders that hold images, in order."""
        names = {series.subject_folder for series in self.series} | {pair.subject_folder for pair in self.pairs}
        return tuple(sorted(names))


@dataclass(frozen=True, slots=True)
class SurveyProgress:
    """A picture of a running survey; cheap, from any thread."""

    folders_read: int
    files_seen: int
    instances_found: int
    bytes_found: int
    current: str  # the folder being read
