"""What is written into the copy of a header that travels, so that XNAT files it where the plan says.

XNAT reads the three comments before anything else, PatientComments first (wire contract 9.2): what stands in an
earlier one would win, so the copy loses what would. All that is written is plain ASCII, which every character set of
DICOM holds (PS3.3 C.12.1.1.2).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload.cstore.peer import Scheme

PATIENT_COMMENTS, STUDY_COMMENTS, HISTORY = 0x00104000, 0x00324000, 0x001021B0
STUDY_DESCRIPTION, PATIENT_NAME, PATIENT_ID = 0x00081030, 0x00100010, 0x00100020
_COMMENTS = (PATIENT_COMMENTS, STUDY_COMMENTS, HISTORY)  # in the order in which XNAT looks
_OF_SCHEME = {
    Scheme.COMMENTS: PATIENT_COMMENTS,
    Scheme.STUDY_COMMENTS: STUDY_COMMENTS,
    Scheme.HISTORY: HISTORY,
}
_NAMES = {
    Scheme.COMMENTS: "Patient Comments",
    Scheme.STUDY_COMMENTS: "Study Comments",
    Scheme.HISTORY: "Additional Patient History",
}
_LONGEST = 64  # characters of LO, and of a component of PN (DICOM PS3.5 table 6.2-1)
_WORD = re.compile(r"[A-Za-z0-9_-]+")  # what a `Key:VALUE` can hold (9.2)
_KEY = re.compile(rb"(?<![\w-])(?:project|subject|session|aa)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one element of the copy."""

    tag: int
    vr: bytes = b""
    value: bytes | None = None  # None: the element goes
    only_if_key: bool = False  # it goes only if it holds what XNAT would read as `Project:` and the like

    def spares(self, old: bytes) -> bool:
        """Tell whether an element stays as it is."""
        return self.only_if_key and not _KEY.search(old)


def changes(scheme: Scheme, project: str, subject: str, session: str) -> tuple[Change, ...]:
    """Return what to change, in the order of the elements.

    Group lengths of the groups that change go as well: they are retired, and would be wrong (PS3.5 section 7.2).
    """
    wanted: dict[int, Change] = {}
    if scheme is Scheme.NAMES:
        for tag, vr, text in (
            (STUDY_DESCRIPTION, b"LO", project),
            (PATIENT_NAME, b"PN", subject),
            (PATIENT_ID, b"LO", session),
        ):
            wanted[tag] = Change(tag, vr, text.encode("ascii"))
        earlier: tuple[int, ...] = _COMMENTS
    else:
        tag = _OF_SCHEME[scheme]
        text = f"Project:{project} Subject:{subject} Session:{session}"
        wanted[tag] = Change(tag, b"LT", text.encode("ascii"))
        earlier = _COMMENTS[: _COMMENTS.index(tag)]
    for tag in earlier:
        wanted[tag] = Change(tag, only_if_key=True)
    for tag in list(wanted):
        wanted[tag & 0xFFFF0000] = Change(tag & 0xFFFF0000)
    return tuple(wanted[tag] for tag in sorted(wanted))


def example(scheme: Scheme, project: str, subject: str, session: str) -> str:
    """Say what XNAT will read in the images of a session, element by element."""
    if scheme is Scheme.NAMES:
        return f"Study Description `{project}`, Patient's Name `{subject}`, Patient ID `{session}`"
    return f"{_NAMES[scheme]} `Project:{project} Subject:{subject} Session:{session}`"


def explained(scheme: Scheme) -> str:
    """Say where the identification is written, in words."""
    if scheme is Scheme.NAMES:
        return "project into Study Description, subject into Patient's Name, session into Patient ID"
    return f"project, subject and session into {_NAMES[scheme]}"


def check(scheme: Scheme, project: str, labels: Iterable[tuple[str, str]]) -> tuple[Finding, ...]:
    """Say what cannot be written so that XNAT reads it as it is meant.

    Args:
        scheme: where it is to be written.
        project: its ID.
        labels: subject and session labels.
    """
    words = [("project", project)]
    for subject, session in labels:
        words += [("subject label", subject), ("session label", session)]
    found = []
    for what, word in dict.fromkeys(words):
        why = _fault(scheme, word)
        if why:
            found.append(
                Finding(
                    "cstore.bad_identification",
                    f"The {what} `{word}` cannot be written into the images as `{scheme}`",
                    why,
                    ("Choose another way with --identify", "Or upload over HTTP, which needs nothing written"),
                    severity=Severity.STOP,
                )
            )
    return tuple(found)


def _fault(scheme: Scheme, word: str) -> str:
    if not word:
        return "It is empty"
    if scheme is not Scheme.NAMES:
        return "" if _WORD.fullmatch(word) else "XNAT reads letters, digits, `_` and `-` there, and nothing else"
    if len(word) > _LONGEST:
        return f"It has {len(word)} characters, and the element holds {_LONGEST}"
    is_plain = word.isascii() and word.isprintable() and not set(word) & set("\\^=") and word == word.strip()
    return "" if is_plain else "The element takes plain letters, digits and signs only"
