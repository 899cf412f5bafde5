"""What is asked of a connection check and what it says: values, and the ground that its probes stand on."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding
from xnat_wizard.settings import Secret

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.check.certificate import Certificate
    from xnat_wizard.troubleshoot.check.line import Reply
    from xnat_wizard.xnat.http import Http
    from xnat_wizard.xnat.model import Identity, Login


class State(StrEnum):
    """How one check has ended; the words are those that are shown."""

    OK = "ok"
    WARN = "warn"  # it works, and something about it is worth knowing
    FAIL = "FAIL"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class DicomPeer:
    """A DICOM receiver, and who we say we are."""

    host: str
    port: int
    ae_title: str = "XNAT"
    calling: str = "XNATWIZARD"


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be checked."""

    address: str  # as typed
    login: "Login | None" = None  # without one, what needs an account is skipped
    project: str = ""
    dicom: DicomPeer | None = None
    ca_file: str = ""
    idle_s: float = 6.0  # how long an idle connection is watched; Apache closes it after 5 s, nginx after 75 s


@dataclass(frozen=True, slots=True)
class Check:
    """What one probe has found."""

    name: str  # "tls.expiry": stable
    title: str
    state: State
    said: str  # one sentence without full stop
    evidence: tuple[str, ...] = ()  # what was asked and answered; no secrets
    finding: Finding | None = None  # where it failed, and where a warning has a cure
    seconds: float = 0.0
    because: str = ""  # of a skipped one: the check that failed before it, "" when there was nothing to check
    is_way: bool = False  # without it there is no connection to the site at all

    def as_dict(self) -> dict[str, object]:
        """Return it as one JSON object, keys as the fields are named."""
        return {
            "type": "check",
            "name": self.name,
            "title": self.title,
            "state": str(self.state),
            "said": self.said,
            "evidence": list(self.evidence),
            "finding": self.finding.as_dict() if self.finding else None,
            "seconds": round(self.seconds, 3),
            "because": self.because,
        }


@dataclass(frozen=True, slots=True)
class Running:
    """A probe that has begun (`seconds` is 0), or that takes its time."""

    name: str
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a probe returns."""

    state: State
    said: str
    evidence: tuple[str, ...] = ()
    finding: Finding | None = None


class Skip(Exception):  # noqa: N818  it is no error: `raise Skip("no account was given")`
    """There is nothing to check; the text says why."""


def ok(said: str, *evidence: str) -> Outcome:
    """Say that all is well."""
    return Outcome(State.OK, said, evidence)


def warn(said: str, *evidence: str, finding: Finding | None = None) -> Outcome:
    """Say that it works, and what is worth knowing about it."""
    return Outcome(State.WARN, said, evidence, finding)


def fail(finding: Finding, *evidence: str) -> Outcome:
    """Say what does not work."""
    return Outcome(State.FAIL, finding.what, evidence, finding)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a site."""

    scheme: str
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        """Tell whether it is https."""
        return self.scheme == "https"

    @property
    def netloc(self) -> str:
        """Return host and port as in a URL; the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return it as a URL."""
        return f"{self.scheme}://{self.netloc}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that this machine sends its requests through."""

    host: str
    port: int
    authorization: Secret = field(default_factory=Secret)  # a header's value


@dataclass
class Ground:
    """What the probes of one run have learned so far; each probe writes what later ones stand on."""

    question: Question
    now: Callable[[], datetime]
    origins: tuple[Origin, ...] = ()  # what the address can mean, the likeliest first
    paths: tuple[str, ...] = ()
    origin: Origin | None = None  # the one that answers
    proxy: Proxy | None = None
    own_address: str = ""  # of this machine, on the way there
    certificate: "Certificate | None" = None
    reply: "Reply | None" = None  # to the first request
    url: str = ""  # of the site, with its context path
    version: str = ""
    is_initialised: bool = True
    http: "Http | None" = None  # logged in
    identity: "Identity | None" = None
    echo_status: int | None = None
    undo: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def place(self) -> Origin:
        """Return the origin that answers.

        Raises:
            Skip: none does.
        """
        if self.origin is None:
            raise Skip("nothing answers at this address")
        return self.origin


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at."""

    name: str
    title: str
    look: Callable[[Ground], Awaitable[Outcome]]
    needs: tuple[str, ...] = ()  # probes that must not have failed
    is_way: bool = False
