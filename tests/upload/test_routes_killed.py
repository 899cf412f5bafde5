"""A worker killed at any moment on the routes that a plan can choose beside the usual one.

Bytes are not compared: identification is written into what travels by DICOM. Counts and SOP instances are.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.dicom_sends import peer_of
from upload.processes import wait_for_end
from upload.runs import explained
from upload.test_killed import KILLS, STARTS, check_journal, kill_somewhere, looked_at_again, runs_begun
from xnat_wizard.dicom.survey import survey
from xnat_wizard.practice.sample import write_study
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import parts, worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Options, Plan, Route, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login

CASES = [
    (Route.DICOM, Destination.ARCHIVE, 1),
    (Route.DICOM, Destination.PREARCHIVE, 2),
    (Route.DICOM, Destination.ARCHIVE, 3),
    (Route.GRADUAL, Destination.ARCHIVE, 4),
]


def stored(store: Store) -> Counter[str]:
    """Count the images of the archive by session."""
    found: Counter[str] = Counter()
    for session in store.state.sessions.values():
        found[session.label] += sum(
            len(resource.files) for scan in session.scans.values() for resource in scan.resources.values()
        )
    return found


@pytest.mark.parametrize(("route", "destination", "seed"), CASES)
async def test_nothing_is_lost_and_nothing_is_there_twice(
    practice: Practice,
    login: Login,
    tmp_path: Path,
    new_journal: Callable[[Plan], Journal],
    monkeypatch: pytest.MonkeyPatch,
    route: Route,
    destination: Destination,
    seed: int,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)
    chance = random.Random(seed)  # noqa: S311  repeatable, not secret
    source = write_study(tmp_path / "study", subjects=2, slices=4)
    plan = draft(survey(source), site_url=practice.url, project="DEMO", destination=destination)
    plan = replace(plan, route=route, receiver=peer_of(practice), options=Options(limit_bytes_s=2_000_000))
    with new_journal(plan) as journal:
        for _ in range(KILLS):
            if journal.progress().state is not UploadState.DONE:
                begun = runs_begun(journal)
                worker.start(journal.path, login)
                kill_somewhere(journal, begun, chance)
        starts = 0
        while journal.progress().state is not UploadState.DONE and starts < STARTS:
            worker.start(journal.path, login)
            wait_for_end(journal)
            starts += 1
        assert journal.progress().state is UploadState.DONE, explained(journal)
        check_journal(journal)
        assert (await looked_at_again(journal, login)).verdict == "COMPLETE"
        planned = {one.session_label: one.files_total for one in journal.progress().sessions}
    rows = practice.on_loop(lambda store: sorted((row.project, row.name, row.status) for row in store.state.rows))
    if destination is Destination.ARCHIVE:
        assert practice.on_loop(stored) == planned
        assert rows == []
    else:
        assert rows == sorted(("DEMO", label, "READY") for label in planned)
