"""The cells of the fault matrix: what goes wrong, in which phase of an upload, on which route."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload.model import Route


class Phase(StrEnum):
    """When it goes wrong, in the order of an upload. Reading the folder asks no site: it has no row."""

    LOGIN = "login"
    PLAN = "plan"  # the forecast
    FIRST = "first part"
    MIDDLE = "middle"
    LAST = "last part"
    COMMIT = "commit"
    ARCHIVE = "archive"
    VERIFY = "verify"


SENDING = (Phase.FIRST, Phase.MIDDLE, Phase.LAST)


class Line(StrEnum):
    """What a line to a DICOM receiver does; no HTTP fault meets a C-STORE."""

    REFUSED = "line refused"  # nobody listens
    CUT = "line cut"  # reset in the middle of an instance
    SILENT = "line silent"  # takes everything and never answers


class Span(StrEnum):
    """For how long it goes wrong."""

    ONCE = "once"
    LASTING = "lasting"  # until the upload has given up; then all is well, and it is resumed


GROUP = {  # the calls of a phase
    Phase.LOGIN: "login",
    Phase.PLAN: "read",
    Phase.FIRST: "import",
    Phase.MIDDLE: "import",
    Phase.LAST: "import",
    Phase.COMMIT: "prearchive",
    Phase.ARCHIVE: "archive",
    Phase.VERIFY: "read",
}
_SETTINGS: dict[Kind, dict[str, float]] = {  # short enough for hundreds of cells
    Kind.LATENCY: {"seconds": 0.2},
    Kind.BANDWIDTH: {"rate": 400_000},
    Kind.STATUS: {"code": 503},
    Kind.CUT_REQUEST: {"at": 3_000},
    Kind.CUT_ANSWER: {"at": 10},
    Kind.BODY_LIMIT: {"at": 30_000},
    Kind.GATEWAY_TIMEOUT: {"seconds": 0},
    Kind.DISK_FULL: {"at": 3_000},
    Kind.SLOW_ARCHIVE: {"seconds": 0.5},
}


@dataclass(frozen=True)
class Cell:
    """One cell."""

    phase: Phase
    fault: Kind | Line
    route: Route
    span: Span

    def __str__(self) -> str:
        return f"{self.phase}-{self.fault}-{self.route}-{self.span}".replace(" ", "_")

    def http_fault(self, requests: int) -> Fault:
        """Return the fault to set; of so many requests that send images."""
        assert isinstance(self.fault, Kind)
        nth = {Phase.MIDDLE: max(1, requests // 2), Phase.LAST: requests}.get(self.phase, 1)
        settings: dict[str, object] = {**_SETTINGS.get(self.fault, {}), "nth": nth}
        if self.fault is not Kind.SLOW_ARCHIVE:
            settings["only"] = GROUP[self.phase]
        if self.phase is Phase.COMMIT:
            settings |= {"method": "POST", "path": "action=(build|commit)"}
        if self.span is Span.ONCE:
            settings["times"] = 1
        return Fault(self.fault, **settings)  # type: ignore[arg-type]  # each of its field's type


def cells() -> Iterator[Cell]:
    """Give every cell in which something can go wrong."""
    for phase in Phase:
        for route in Route:
            faults: tuple[Kind | Line, ...] = tuple(Kind)
            if phase in SENDING and route is Route.DICOM:
                faults = tuple(Line)
            for fault in faults:
                if (fault is Kind.SLOW_ARCHIVE) is (phase is not Phase.ARCHIVE) and fault is Kind.SLOW_ARCHIVE:
                    continue
                for span in Span:
                    yield Cell(phase, fault, route, span)
