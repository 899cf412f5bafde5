"""Uploads that an earlier start of the wizard left running or unfinished."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard import settings
from xnat_wizard.findings import Problem
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, UploadProgress, UploadState
from xnat_wizard.upload.worker import is_running

LOOK_BACK = 20  # so many of the newest uploads are looked at


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that runs, or that can be resumed."""

    journal_path: Path
    plan: Plan
    progress: UploadProgress
    is_running: bool

    @property
    def question(self) -> str:
        """Return what to ask about it."""
        runs = "is running" if self.is_running else "did not end"
        return f"An upload to {self.plan.project} {runs}. Show it?"

    @property
    def detail(self) -> str:
        """Return what is known of it, in a sentence or two."""
        now = self.progress
        counts = f"{now.files_sent} of {now.files_total} files were sent, from {self.plan.source}."
        return counts if self.is_running else f"{counts} It can be resumed; nothing is sent twice."


def newest_unfinished(site_url: str) -> Unfinished | None:
    """Find the newest upload to a site that still runs or can be resumed; blocks for as long as the disk takes."""
    with contextlib.suppress(OSError):
        paths = sorted(settings.uploads_dir().glob("*/journal.sqlite"), reverse=True)
        for path in paths[:LOOK_BACK]:
            with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(path) as journal:
                progress, plan = journal.progress(), journal.plan()
                started = progress.state is not UploadState.PLANNED
                is_over = progress.state in {UploadState.DONE, UploadState.CANCELLED, UploadState.INCOMPLETE}
                if plan.site_url == site_url and started and not is_over:
                    return Unfinished(path, plan, progress, is_running(path))
    return None
