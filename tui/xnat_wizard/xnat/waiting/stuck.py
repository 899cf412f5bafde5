"""Which sessions wait for nobody: ages by the site's own clock. Missing data 3.3, 3.5, HSK-04 to HSK-06."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from xnat_wizard.xnat.model import IdleTimer, PrearchiveSession

ZONE_STEP_S = 900.0  # zones differ by quarters of an hour
SLACK_S = 120.0
WORK_S = 1800.0  # so long may a build or a move be silent
ARCHIVE_S = 1200.0  # twice the time that XNAT waits for an archive by itself


class Plight(Enum):
    """Whether anything still happens to a session."""

    NONE = ""
    ARRIVING = "arriving"
    FORGOTTEN = "forgotten"  # only its uploader would commit it, and nothing arrives any more
    HELD = "held"  # the site's timer should have built it long ago: a lock
    LOST = "lost"  # work that was begun or queued, and stands still


class SiteTime:
    """Turns the site's times, local and without zone, into ages.

    They are taken for times of this machine's zone until a row shows better: one that changed between two looks was
    changed just now, and none can be from the future.
    """

    def __init__(self) -> None:
        self._shift_s = 0.0
        self._is_sure = False
        self._last: dict[str, str] = {}

    def see(self, rows: Iterable[PrearchiveSession], now_s: float) -> None:
        """Take a list that was read just now."""
        seen = {row.uri: row.last_modified for row in rows}
        for uri, text in seen.items():
            moment_s = local_s(text)
            if moment_s is None:
                continue
            if uri in self._last and self._last[uri] != text:
                self._shift_s = round((now_s - moment_s) / ZONE_STEP_S) * ZONE_STEP_S
                self._is_sure = True
            elif not self._is_sure:
                ahead_s = moment_s + self._shift_s - now_s
                if ahead_s > SLACK_S:
                    self._shift_s -= -(-ahead_s // ZONE_STEP_S) * ZONE_STEP_S
        self._last = seen

    def age_s(self, row: PrearchiveSession, now_s: float) -> float | None:
        """Return for how long nothing was heard of a session; `None` where the site does not say."""
        moment_s = local_s(row.last_modified)
        return None if moment_s is None else max(0.0, now_s - moment_s - self._shift_s)


def local_s(text: str) -> float | None:
    """Read a time of the site as one of this machine's zone, in epoch seconds."""
    try:
        return datetime.fromisoformat(text[:19]).astimezone().timestamp()
    except (ValueError, OverflowError):  # the last day of all years is the day after in another zone
        return None


def plight_of(row: PrearchiveSession, age_s: float | None, timer: IdleTimer) -> Plight:
    """Tell what keeps a session where it is (missing data 3.3)."""
    if row.is_settled:
        return Plight.NONE
    if age_s is None:
        return Plight.ARRIVING
    if not row.is_locked and row.status in {"RECEIVING", "RECEIVING_INTERRUPT"}:
        if age_s < timer.patience_s:
            return Plight.ARRIVING
        return Plight.FORGOTTEN if row.is_left_to_its_sender else Plight.HELD
    is_slow = age_s >= (ARCHIVE_S if row.plain_status == "ARCHIVING" else WORK_S)
    return Plight.LOST if is_slow else Plight.ARRIVING


def age_text(age_s: float | None) -> str:
    """Return an age in one unit: "40 s", "12 min", "3 h", "9 days"."""
    if age_s is None:
        return ""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if age_s >= 2 * size or (unit != "days" and age_s >= size):
            return f"{int(age_s // size)} {unit}"
    return f"{int(age_s)} s"
