"""Shows a running upload: a bar that moves on a terminal, a line now and then in a log or batch job, or JSON."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from xnat_wizard.amounts import bytes_text, duration_text
from xnat_wizard.cli.talk import MANNER, Exit, exit_of, explain, note, put, put_mapping, put_object, say, write
from xnat_wizard.findings import printable
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import UploadProgress, UploadState
from xnat_wizard.wizard.widgets.rate import RateMeter

LOOK_EVERY_S = 0.25
SAME_PERCENT_EVERY = 6  # lines that say the same percentage come so much more rarely
BAR_WIDTH = 20
_EXITS = {UploadState.DONE: Exit.DONE, UploadState.INCOMPLETE: Exit.INCOMPLETE, UploadState.CANCELLED: Exit.STOPPED}


class Follower:
    """Reads a journal and says what is new in it; `look` is called a few times a second."""

    def __init__(
        self,
        journal: Journal,
        *,
        is_json: bool,
        since_event: int = 0,
        has_bar: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to follow.

        Args:
            journal: read a few times a second.
            is_json: show it as JSON.
            since_event: events up to this one are known.
            has_bar: a terminal gets a bar that moves.
            clock: seconds that only grow.
        """
        self._journal = journal
        self._name = journal.path.parent.name
        self._is_json = is_json
        self._is_bar = has_bar and not is_json and not MANNER.is_quiet and _can_move()
        self._clock = clock
        self._last_event = since_event
        self._rate = RateMeter()
        self._said_s = -MANNER.line_every_s * SAME_PERCENT_EVERY + clock()
        self._said_percent = -1
        self._has_bar = False
        self.progress = journal.progress()

    def look(self) -> UploadProgress:
        """Say what is new; return how the upload stands."""
        if self._journal.changed():
            self.progress = self._journal.progress()
            for event in self._journal.events(self._last_event):
                self._last_event = event.id
                self._say_event(event.when_s, event.text)
        now_s = self._clock()
        self._rate.see(now_s, self.progress.bytes_sent)
        if self._is_bar:
            self._draw()
        elif self._is_time(now_s):
            self._said_s, self._said_percent = now_s, self._percent
            if self._is_json:
                put_object("progress", **facts(self._name, self.progress))
            else:
                note(self._numbers())
        return self.progress

    def _is_time(self, now_s: float) -> bool:
        """Tell whether a line is due: a night's upload is not to fill its log with lines that say the same."""
        if MANNER.is_quiet:
            return False
        is_new = self._is_json or self._percent != self._said_percent
        return now_s - self._said_s >= MANNER.line_every_s * (1 if is_new else SAME_PERCENT_EVERY)

    @property
    def _percent(self) -> int:
        now = self.progress
        return 100 * now.bytes_sent // now.bytes_total if now.bytes_total else 0

    def end(self) -> None:
        """Take the bar away."""
        if self._has_bar:
            write("\r\x1b[K")
            self._has_bar = False

    def _say_event(self, when_s: float, text: str) -> None:
        if self._is_json:
            put_object("event", upload=self._name, time=_iso(when_s), text=text)
            return
        self.end()
        note(f"{datetime.fromtimestamp(when_s).astimezone():%H:%M:%S}  {text}")

    def _draw(self) -> None:
        done = self.progress.bytes_sent / self.progress.bytes_total if self.progress.bytes_total else 0.0
        filled = round(BAR_WIDTH * min(1.0, done))
        line = f"[{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {self._numbers()}"
        columns = shutil.get_terminal_size().columns
        write(f"\r{printable(line)[: columns - 1]}\x1b[K")
        self._has_bar = True

    def _numbers(self) -> str:
        now = self.progress
        stored = sum(session.files_stored for session in now.sessions)
        parts = [
            f"{self._percent}%",
            f"{now.files_sent:,} of {now.files_total:,} files sent",
            f"{stored:,} found there",
        ]
        parts.append(f"{bytes_text(now.bytes_sent)} of {bytes_text(now.bytes_total)}")
        left_s = self._rate.left_s(now.bytes_total)
        if now.state is not UploadState.RUNNING:
            parts.append(str(now.state))
        elif left_s and now.bytes_sent < now.bytes_total:
            parts.append(f"{bytes_text(self._rate.rate_per_s)}/s, {duration_text(left_s)} left")
        return "  ".join(parts)


def facts(name: str, progress: UploadProgress) -> dict[str, Any]:
    """Return how an upload stands as one JSON object without its type."""
    return {
        "upload": name,
        "project": progress.project,
        "destination": str(progress.destination),
        "state": str(progress.state),
        "files_total": progress.files_total,
        "files_sent": progress.files_sent,
        "files_stored": sum(session.files_stored for session in progress.sessions),
        "bytes_total": progress.bytes_total,
        "bytes_sent": progress.bytes_sent,
        "started": _iso(progress.started_s),
        "ended": _iso(progress.ended_s),
    }


def report(journal: Journal, *, is_json: bool) -> Exit:
    """Print what came of an upload that has ended: what went wrong as talk, the receipt as data; return how to end."""
    from xnat_wizard.upload.receipt import as_text

    progress, receipt = journal.progress(), journal.receipt()
    findings = [one.finding for one in progress.sessions if one.finding]
    findings += [progress.finding] if progress.finding else []
    for finding in findings:
        explain(finding)
    if is_json:
        for finding in findings:
            put_mapping(finding.as_dict())
        if receipt:
            put_object("receipt", upload=journal.path.parent.name, **asdict(receipt))
        put_object("upload", **facts(journal.path.parent.name, progress))
    elif receipt:
        put(as_text(receipt))
    note(f"Kept in {journal.path.parent}")
    if progress.state in {UploadState.FAILED, UploadState.INCOMPLETE}:
        say(f"To find out where files went: `xnat-wizard troubleshoot {journal.path.parent.name}`")
    if progress.state is UploadState.FAILED and progress.finding:
        return exit_of(progress.finding)
    return _EXITS.get(progress.state, Exit.FAILED)


def _can_move() -> bool:
    """Tell whether a line can be drawn over: on a terminal that is not a bare one, as editors have."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _iso(when_s: float | None) -> str | None:
    return None if when_s is None else datetime.fromtimestamp(when_s).astimezone().isoformat(timespec="seconds")
