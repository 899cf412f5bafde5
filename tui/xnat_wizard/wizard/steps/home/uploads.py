"""The uploads of this account on this machine, as Home shows them: what runs, what broke off, what was proven."""

import contextlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Problem
from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import UploadProgress, UploadState
from xnat_wizard.upload.uploads import LOOK_BACK, journals
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row

COLUMNS = (Column("Project", 10), Column("When", 10, needs=64), Column("How it stands", 20, grow=1))
SHOWN_OVER = 5  # so many uploads that are over are shown
GO_ON = "Enter goes on"


@dataclass(frozen=True, slots=True)
class Kept:
    """One upload as its journal tells it."""

    journal_path: Path
    site_url: str
    progress: UploadProgress
    verdict: str  # of its receipt; "" while there is none
    is_running: bool

    @property
    def is_open(self) -> bool:
        """Tell whether it runs or waits for somebody to go on with it."""
        return self.is_running or self.progress.state not in {
            UploadState.DONE,
            UploadState.INCOMPLETE,
            UploadState.CANCELLED,
        }


class Ledger:
    """Reads the journals; one that is over is read once. Belongs to one thread at a time."""

    def __init__(self) -> None:
        self._over: dict[Path, tuple[int, Kept]] = {}

    def read(self) -> tuple[Kept, ...]:
        """Return the newest uploads, the newest first; a journal that cannot be read is left out. Blocks."""
        paths: list[Path] = []
        with contextlib.suppress(OSError, Problem):
            paths = journals()[:LOOK_BACK]
        found = []
        for path in paths:
            with contextlib.suppress(OSError, Problem, sqlite3.Error, ValueError):
                found.append(self._read(path))
        return tuple(found)

    def _read(self, path: Path) -> Kept:
        changed = path.stat().st_mtime_ns
        wal = path.with_name(f"{path.name}-wal")
        if wal.exists():
            changed = max(changed, wal.stat().st_mtime_ns)
        before = self._over.get(path)
        if before is not None and before[0] == changed:
            return before[1]
        with Journal.open(path) as journal:
            receipt = journal.receipt()
            progress = journal.progress()
            verdict = receipt.verdict if receipt else ""
            kept = Kept(path, journal.site_url, progress, verdict, worker.is_running(path))
        if kept.is_open:
            self._over.pop(path, None)
        else:
            self._over[path] = changed, kept
        return kept


def shown(uploads: Iterable[Kept], site_url: str) -> tuple[Kept, ...]:
    """Return what Home has room for: all that is open, first those to this site, then the last that are over here."""
    ordered = sorted(uploads, key=lambda one: one.site_url != site_url)
    over = [one for one in ordered if not one.is_open and one.site_url == site_url]
    return (*(one for one in ordered if one.is_open), *over[:SHOWN_OVER])


def row(upload: Kept, site_url: str, now: datetime) -> Row:
    """Return one upload as a row; one to another site is told by its address, and quiet."""
    words, tone = state_words(upload)
    if upload.site_url != site_url:
        stands = words.removesuffix(f". {GO_ON}")
        words, tone = f"at {plain(upload.site_url.partition('://')[2])}, {stands}", "quiet"
    progress = upload.progress
    return Row(str(upload.journal_path), (plain(progress.project), when_text(_seconds(upload), now), words), tone)


def state_words(upload: Kept) -> tuple[str, str]:
    """Return in words how an upload stands, and the tone of its row."""
    progress = upload.progress
    counts = f"{progress.files_sent:,} of {count_text(progress.files_total, 'file')}"
    percent = min(99, 100 * progress.bytes_sent // max(1, progress.bytes_total))
    if upload.is_running and not progress.state.is_final:
        if progress.state is UploadState.PAUSED:
            return f"paused: {counts} sent", ""
        if progress.trouble:
            return f"waits for the site: {plain(progress.trouble)}", "warn"
        return f"runs: {counts} sent, {percent} %", ""
    match progress.state:
        case UploadState.PLANNED:
            return f"not started: {count_text(progress.files_total, 'file')}. {GO_ON}", "warn"
        case UploadState.RUNNING | UploadState.PAUSED:
            return f"broke off at {counts}. {GO_ON}", "warn"
        case UploadState.FAILED:
            why = f": {plain(progress.finding.what)}" if progress.finding else ""
            return f"stopped at {counts}{why}. {GO_ON}", "bad"
        case UploadState.CANCELLED:
            return f"cancelled: {counts} sent", "quiet"
        case UploadState.DONE:
            return _over_words(upload, "done"), "good"
        case _:
            return _over_words(upload, "ended, something is missing"), "warn"


def _over_words(upload: Kept, otherwise: str) -> str:
    progress = upload.progress
    stored = sum(session.files_stored for session in progress.sessions)
    sessions = count_text(len(progress.sessions), "session")
    return f"{upload.verdict or otherwise}: {stored:,} of {count_text(progress.files_total, 'file')} stored, {sessions}"


def _seconds(upload: Kept) -> float | None:
    progress = upload.progress
    return progress.ended_s if progress.state.is_final and progress.ended_s else progress.started_s


def when_text(seconds: float | None, now: datetime) -> str:
    """Return the time of today, else the date; "" when it is not known."""
    if seconds is None:
        return ""
    when = datetime.fromtimestamp(seconds, tz=now.tzinfo)
    return f"{when:%H:%M}" if when.date() == now.date() else f"{when:%Y-%m-%d}"
