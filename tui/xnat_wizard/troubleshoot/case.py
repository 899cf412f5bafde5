"""The case: what a person knows of the data that cannot be found (missing data 3.1).

All of it is optional; with nothing but a time, the search covers that time.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from xnat_wizard.troubleshoot.window import Window


class Way(StrEnum):
    """How the data were sent."""

    UNKNOWN = "unknown"
    ZIP = "zip"  # in-body import, handler DICOM-zip; this program's own way
    GRADUAL = "gradual"
    SI = "si"
    WEB = "web"  # the Compressed Uploader page
    C_STORE = "c-store"
    DESKTOP = "desktop"
    DIRECT = "direct"

    @property
    def is_http(self) -> bool:
        """Tell whether the project may have been given as a parameter of a request."""
        return self not in {Way.UNKNOWN, Way.C_STORE}


_WAYS = {
    "zip": Way.ZIP,
    "import": Way.ZIP,
    "dicom-zip": Way.ZIP,
    "wizard": Way.ZIP,
    "gradual": Way.GRADUAL,
    "gradual-dicom": Way.GRADUAL,
    "si": Way.SI,
    "web": Way.WEB,
    "browser": Way.WEB,
    "compressed uploader": Way.WEB,
    "c-store": Way.C_STORE,
    "cstore": Way.C_STORE,
    "senddcm2xnat": Way.C_STORE,
    "storescu": Way.C_STORE,
    "dcmsend": Way.C_STORE,
    "desktop": Way.DESKTOP,
    "desktop client": Way.DESKTOP,
    "direct": Way.DIRECT,
    "direct-archive": Way.DIRECT,
}


def way_of(text: str) -> Way:
    """Read how the data were sent from a person's word for it."""
    return _WAYS.get(" ".join(text.split()).casefold(), Way.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of the data, as the person gave it."""

    source: Path | None = None  # folder or archive with the images
    journal: Path | None = None  # of an upload of this program
    receipt: Path | None = None  # a receipt file
    log: Path | None = None  # output of storescu, dcmsend, sendDCM2xnat
    study_instance_uid: str = ""
    subject: str = ""  # label sent, or the patient's identifier
    session: str = ""  # label sent
    window: Window | None = None  # when it was sent
    project: str = ""  # as typed
    way: Way = Way.UNKNOWN
    error_text: str = ""  # what the sending program or page said
    receiver: tuple[str, int, str] | None = None  # host, port, called AE title of a C-STORE
    calling_ae: str = ""
    event_key: str = ""  # of an import that was only "submitted"
    archive_wish: str = ""  # the request's words: "autoArchive=true"

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is known but, perhaps, the time."""
        return not any(
            (self.source, self.journal, self.receipt, self.log, self.study_instance_uid, self.subject, self.session)
        )


_UID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_SQLITE = b"SQLite format 3\0"


def case_from(words: list[str], *, now_window: Window | None = None) -> Case:
    """Sort bare words of a command line: a folder, a journal, a receipt, a log, a UID, else a session label.

    Args:
        words: as given; a word that is no path and no UID is a label.
        now_window: when it was sent, where that was given apart.
    """
    known: dict[str, object] = {"window": now_window}
    for word in words:
        path = _existing(word)
        if path is not None:
            known[_kind_of(path)] = path / "journal.sqlite" if _is_upload_folder(path) else path
        elif len(word) <= 64 and _UID.fullmatch(word):
            known["study_instance_uid"] = word
        else:
            known["subject" if "session" in known else "session"] = word
    return Case(**known)  # type: ignore[arg-type]  # the keys are fields, by construction above


def _existing(word: str) -> Path | None:
    """Return the path that a word is, `None` where it is none: a label may look like one (`~miller`, a long text)."""
    try:
        path = Path(word).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):
        return None


def _is_upload_folder(path: Path) -> bool:
    return path.is_dir() and (path / "journal.sqlite").is_file()


def _kind_of(path: Path) -> str:
    if path.is_dir():
        return "journal" if _is_upload_folder(path) else "source"
    if path.name.endswith((".zip", ".tar", ".tgz", ".tar.gz", ".ZIP")):
        return "source"
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return "log"  # whoever reads it says why it cannot be read
    if head.startswith(_SQLITE):
        return "journal"
    if path.name == "receipt.json" or b'"receipt_version"' in head:
        return "receipt"
    if head[128:132] == b"DICM" or b"\0" in head:
        return "source"
    return "log"
