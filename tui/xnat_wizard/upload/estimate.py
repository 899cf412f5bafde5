"""How long an upload will take: from what earlier uploads to the same site took, or by an assumption that is named.

Routes are kept apart: a request a file and a zip of hundreds are not alike.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from statistics import median

from xnat_wizard.findings import Problem
from xnat_wizard.upload import parts, uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, Route, UploadProgress, UploadState

ASSUMED_BYTES_S = 10e6  # a good part of a line of 100 Mbit/s
ASSUMED_FILES_S = 50.0  # what a busy XNAT takes on several connections
ASSUMED_REQUESTS_S = 10.0  # of one file each: the way to the server and back comes with each of them
_LEAST_BYTES = 1_000_000  # a smaller upload tells about its beginning and end only
_LEAST_S = 1.0
_LOOK_BACK = 30


@dataclass(frozen=True, slots=True)
class Speed:
    """What one may reckon with; `uploads` is how many it was measured in, 0 for an assumption."""

    bytes_s: float
    files_s: float
    uploads: int

    def seconds(self, files: int, size_bytes: int) -> float:
        """Return how long so much takes: many small files are slow by their number, large ones by their bytes."""
        return max(size_bytes / self.bytes_s, files / self.files_s)


ASSUMED = Speed(ASSUMED_BYTES_S, ASSUMED_FILES_S, 0)
ASSUMED_ONE_BY_ONE = Speed(ASSUMED_BYTES_S, ASSUMED_REQUESTS_S, 0)


def assumed(route: Route) -> Speed:
    """Return what one reckons with before anything was measured."""
    return ASSUMED_ONE_BY_ONE if route is Route.GRADUAL else ASSUMED


def requests_of(plan: Plan) -> int:
    """Return how many requests carry the images of a plan, when all goes well; of C-STORE how many messages."""
    if plan.route is Route.IMPORT:
        return sum(len(tuple(parts.cut(series.instances))) for session in plan.included for series in session.series)
    return sum(session.instance_count for session in plan.included)


def speed_to(site_url: str, route: Route = Route.IMPORT) -> Speed:
    """Return the speed of the newest uploads to a site by a route, first request to last look; reads, for a thread."""
    measured = []
    with contextlib.suppress(OSError, Problem):
        for path in uploads.journals()[:_LOOK_BACK]:
            with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(path) as journal:
                if journal.site_url == site_url and journal.route is route:
                    measured.append(journal.progress())
    return speed_of(measured, assumed(route))


def speed_of(measured: list[UploadProgress], otherwise: Speed = ASSUMED) -> Speed:
    """Return the median speed of uploads that went to their end, the assumption where none tells."""
    telling = [
        (one.bytes_total / took_s, one.files_total / took_s)
        for one in measured
        if one.state is UploadState.DONE and one.bytes_total >= _LEAST_BYTES and (took_s := _took_s(one)) >= _LEAST_S
    ]
    if not telling:
        return otherwise
    # Bytes and files of one upload share its time: the median of bytes, and the most files that ever were, bound both.
    return Speed(median(one[0] for one in telling), max(one[1] for one in telling), len(telling))


def _took_s(progress: UploadProgress) -> float:
    if progress.started_s is None or progress.ended_s is None:
        return 0.0
    return progress.ended_s - progress.started_s
