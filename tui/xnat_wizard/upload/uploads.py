"""The uploads of this account on this machine: a folder each, found by name, by plan, or by site."""

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from xnat_wizard import settings
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.cstore.peer import Scheme
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.journal_damage import telling
from xnat_wizard.upload.labels import clean_label
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Fate, Plan, PlannedSession, Route, SessionState, UploadProgress, UploadState
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.worker import is_running

LOOK_BACK = 50  # so many of the newest uploads are looked at
_OVER = frozenset({UploadState.DONE, UploadState.CANCELLED})
_NOTHING_LEFT = _OVER | {UploadState.PLANNED, UploadState.INCOMPLETE}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that runs, or that can be resumed."""

    journal_path: Path
    plan: Plan
    progress: UploadProgress
    is_running: bool


def journals() -> list[Path]:
    """Return the journals of all uploads, the newest first.

    Raises:
        Problem: their folder cannot be made or read.
    """
    return sorted(settings.uploads_dir().glob(f"*/{FILE_NAME}"), reverse=True)


def find(name: str = "") -> Path:
    """Return the journal of an upload by the name of its folder, or the newest.

    Raises:
        Problem: `upload.none` or `upload.unknown`.
    """
    paths = journals()
    if not paths:
        raise Problem(
            Finding(
                "upload.none",
                "There is no upload",
                "No upload was started by this account on this machine",
                ("Start one: `xnat-wizard`, or `xnat-wizard upload PLAN`",),
                where=str(settings.uploads_dir()),
            )
        )
    if not name:
        return paths[0]
    named = [path for path in paths if path.parent.name == name]
    if not named:
        raise Problem(
            Finding(
                "upload.unknown",
                f"There is no upload `{name}`",
                f"The newest are: {', '.join(path.parent.name for path in paths[:3])}",
                ("List them: `xnat-wizard status`",),
                where=str(settings.uploads_dir()),
            )
        )
    return named[0]


def begin(plan: Plan, *, name_end: str = "") -> Path:
    """Begin the journal of a plan in a new folder, and return it; blocks for as long as the disk takes.

    Args:
        plan: what is sent.
        name_end: what the name of the folder ends with.

    Raises:
        OSError: it cannot be written.
        Problem: the folder of all uploads cannot be made; `journal.not_kept`.
    """
    now = datetime.now().astimezone()
    name = f"{now:%Y%m%d-%H%M%S}-{clean_label(plan.project)}{name_end}"
    folder = _new_folder(settings.uploads_dir(), name)
    with telling(str(folder), is_reading=False), Journal.create(folder, plan) as journal:
        return journal.path


def _new_folder(base: Path, name: str) -> Path:
    """Make a folder that no other process has: many may begin in the same second."""
    number = 1
    while True:
        folder = base / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
        else:
            return folder


def unfinished(plan: Plan) -> Path | None:
    """Return the newest journal that sends the same, the same way, and still runs or can be resumed, else None."""

    def sends_the_same(journal: Journal) -> bool:
        if journal.route is not plan.route:
            return False
        return _may_be_same(journal.progress(), plan) and is_same(journal.plan(), plan)

    path = _newest(sends_the_same)
    if path is None:
        return None
    with Journal.open(path) as journal:
        return None if journal.progress().state in _OVER else path


def newest_unfinished(site_url: str) -> Unfinished | None:
    """Find the newest upload to a site that still runs or can be resumed; blocks for as long as the disk takes.

    One that ended incomplete is among them only where a session waits in the prearchive for the rest: nothing finishes
    that one but a person. The other incomplete ones have sent what they could.
    """

    def is_left(journal: Journal) -> bool:
        if journal.site_url != site_url:
            return False
        state = journal.progress().state
        return state not in _NOTHING_LEFT or (state is UploadState.INCOMPLETE and _has_waiting(journal))

    path = _newest(is_left)
    if path is None:
        return None
    with Journal.open(path) as journal:
        return Unfinished(path, journal.plan(), journal.progress(), is_running(path))


def _has_waiting(journal: Journal) -> bool:
    """Tell whether a session ended in mid-sending: the server answered for files, and nobody has counted them since."""
    records = journal.records
    return any(
        session.state is SessionState.FAILED
        and is_prearchive(session.uri)
        and records.count_fates(session.id).get(Fate.SENT)
        for session in records.sessions()
    )


def is_same(sent: Plan, plan: Plan) -> bool:
    """Tell whether a journal's plan sends the same files, the same way, in the same sessions under the same labels.

    Files that changed since are others: an upload leaves out what is no longer as it was surveyed.
    """

    def gist(one: Plan) -> tuple[object, ...]:
        sessions = {(two.key, two.subject_label, two.session_label, _files(two)) for two in one.included}
        place = (one.source.absolute(), one.site_url, one.project, one.destination)
        return *place, one.route, _receiver(one), one.deidentification, sessions

    return gist(sent) == gist(plan)


def _receiver(plan: Plan) -> tuple[str, Scheme] | None:
    """Return what tells receivers apart: whom it goes to, and what is written into the images for it."""
    if plan.receiver is None or plan.route is not Route.DICOM:
        return None
    return plan.receiver.address, plan.receiver.scheme


def _files(session: PlannedSession) -> frozenset[tuple[object, ...]]:
    images = {(one.path, one.size_bytes, one.mtime_ns) for series in session.series for one in series.instances}
    pairs = {(one.par_path, one.rec_path, one.par_size_bytes, one.rec_size_bytes) for one in session.pairs}
    return frozenset(images | pairs)


def cancel(path: Path) -> None:
    """Cancel an upload that no process works on; what was sent stays on the server, and a receipt says what is known.

    Raises:
        Problem: `upload.running` when a process works on it.
    """
    from xnat_wizard.upload.cancelling import cancel_unasked

    with UploadLock(path), Journal.open(path) as journal:
        cancel_unasked(journal)


def _newest(is_wanted: Callable[[Journal], bool]) -> Path | None:
    """Return the newest journal that is wanted; one that cannot be read never is."""
    paths: list[Path] = []
    with contextlib.suppress(OSError, Problem):
        paths = journals()
    for path in paths[:LOOK_BACK]:
        with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(path) as journal:
            if is_wanted(journal):
                return path
    return None


def _may_be_same(progress: UploadProgress, plan: Plan) -> bool:
    """Compare what is cheap to compare."""
    labels = {(one.subject_label, one.session_label, one.file_count) for one in plan.included}
    sent = {(one.subject_label, one.session_label, one.files_total) for one in progress.sessions}
    return progress.project == plan.project and sent == labels
