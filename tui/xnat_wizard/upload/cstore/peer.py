"""Whom images go to by DICOM, and how: kept in the journal as one JSON text."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from xnat_wizard.findings import Finding, Problem

USUAL_PORT = 8104  # XNAT's (wire contract 9.1)
MOST_ASSOCIATIONS = 16
_LONGEST_TITLE = 16  # DICOM PS3.5 table 6.2-1, AE


class Scheme(StrEnum):
    """Which elements say project, subject and session to XNAT (wire contract 9.2)."""

    COMMENTS = "comments"  # PatientComments: "Project:P Subject:S Session:E"
    STUDY_COMMENTS = "study-comments"  # the same in StudyComments
    HISTORY = "history"  # the same in AdditionalPatientHistory
    NAMES = "names"  # StudyDescription, PatientName and PatientID


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM receiver, and how it is spoken to."""

    host: str
    port: int
    ae_title: str = "XNAT"
    calling: str = "XNATWIZARD"
    scheme: Scheme = Scheme.COMMENTS
    associations: int = 4
    connect_s: float = 10.0
    idle_s: float = 60.0  # while an instance is sent, without the receiver taking any more of it
    answer_s: float = 120.0  # from the last byte of an instance to the answer
    is_dcmsend: bool = False  # DCMTK's dcmsend sends, and not this program

    def __post_init__(self) -> None:
        """Refuse AE titles that DICOM does not know.

        Raises:
            Problem: `cstore.bad_title`.
        """
        for title in (self.ae_title, self.calling):
            if not is_title(title):
                raise Problem(_bad_title(title))

    @property
    def address(self) -> str:
        """Return where it is, as a person reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"dicom://{self.ae_title}@{host}:{self.port}"

    def encoded(self) -> str:
        """Return it as one JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def decoded(cls, text: str) -> "Peer":
        """Read what `encoded` wrote."""
        raw = json.loads(text)
        return cls(**{**raw, "scheme": Scheme(raw["scheme"])})


def is_title(title: str) -> bool:
    """Tell whether a text can be an AE title: up to 16 printable ASCII characters, no backslash, not only blanks."""
    is_plain = title.isascii() and title.isprintable() and "\\" not in title
    return is_plain and bool(title.strip()) and len(title) <= _LONGEST_TITLE


def address_of(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`, `HOST`, or `[IPV6]:PORT`; XNAT's usual port where none is given.

    Raises:
        Problem: `cstore.bad_address`.
    """
    rest = text.strip().removeprefix("dicom://")
    if rest.startswith("["):
        host, _, tail = rest[1:].partition("]")
        port = tail.removeprefix(":")
    elif rest.count(":") > 1:
        host, port = rest, ""
    else:
        host, _, port = rest.partition(":")
    number = int(port) if port.isascii() and port.isdigit() else 0 if port else USUAL_PORT
    if not host or any(letter.isspace() or letter in "/@" for letter in host) or not 0 < number < 65536:
        raise Problem(_bad_address(text))
    return host, number


def no_receiver() -> Finding:
    """Say that a plan goes by DICOM, and to nobody."""
    return Finding(
        "plan.no_receiver",
        "The plan goes to a DICOM receiver, and does not say to which",
        "Its route is c-store, which needs a host, a port and an AE title",
        (
            f"Give it with --receiver, as in --receiver xnat.example.org:{USUAL_PORT}",
            "In the wizard: choose it in the plan step, under Route",
            "Or choose the route import, which needs none",
        ),
    )


def _bad_address(text: str) -> Finding:
    return Finding(
        "cstore.bad_address",
        f"`{text}` is no address of a DICOM receiver",
        "It has a host and a port from 1 to 65535, with a colon between them",
        (f"Give it like this: --receiver xnat.example.org:{USUAL_PORT}",),
    )


def _bad_title(title: str) -> Finding:
    return Finding(
        "cstore.bad_title",
        f"`{title}` is no AE title",
        "An AE title has 1 to 16 plain characters and no backslash",
        ("Give the receiver's with --ae-title, and yours with --calling",),
    )
