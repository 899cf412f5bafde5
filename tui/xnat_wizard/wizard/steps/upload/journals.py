"""Which journal an upload is kept in: a new one, or one that is not finished."""

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path

from xnat_wizard import settings
from xnat_wizard.findings import Problem
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, UploadProgress, UploadState

LOOK_BACK = 50  # so many of the newest uploads are looked at


def is_same(sent: Plan, plan: Plan) -> bool:
    """Tell whether a journal's plan sends the same sessions under the same labels to the same place."""

    def gist(one: Plan) -> tuple[object, ...]:
        sessions = {(two.key, two.subject_label, two.session_label, two.file_count) for two in one.included}
        return one.source, one.site_url, one.project, one.destination, sessions

    return gist(sent) == gist(plan)


def write_journal(plan: Plan) -> Path:
    """Begin the journal of a plan in a new folder; blocks for as long as the disk takes."""
    now = datetime.now().astimezone()
    name = f"{now:%Y%m%d-%H%M%S}-{plan.project}"
    base = settings.uploads_dir()
    folder = next(
        place for place in (base / name, *(base / f"{name}-{n}" for n in range(2, 100))) if not place.exists()
    )
    with Journal.create(folder, plan) as journal:
        return journal.path


def unfinished(plan: Plan) -> Path | None:
    """Return the newest journal that sends the same where it still runs or can be resumed, else None."""
    with contextlib.suppress(OSError):
        paths = sorted(settings.uploads_dir().glob("*/journal.sqlite"), reverse=True)
        for path in paths[:LOOK_BACK]:
            with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(path) as journal:
                progress = journal.progress()
                if _may_be_same(progress, plan) and is_same(journal.plan(), plan):
                    return None if progress.state in {UploadState.DONE, UploadState.CANCELLED} else path
    return None


def _may_be_same(progress: UploadProgress, plan: Plan) -> bool:
    """Compare what is cheap to compare."""
    labels = {(one.subject_label, one.session_label, one.file_count) for one in plan.included}
    sent = {(one.subject_label, one.session_label, one.files_total) for one in progress.sessions}
    return progress.project == plan.project and sent == labels
