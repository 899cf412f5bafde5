"""Another study of the same label waits in the prearchive: nothing of it is touched, or taken for ours."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.runs import digests, run
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, SessionState, UploadState
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def only(plan: Plan, number: int, *, like: Plan | None = None) -> Plan:
    """Return the plan of one session, under the labels of another plan's."""
    session = plan.sessions[number]
    if like:
        other = like.sessions[0]
        session = replace(session, subject_label=other.subject_label, session_label=other.session_label)
    return replace(plan, sessions=(session,))


def under(practice: Practice, room: str) -> dict[str, list[str]]:
    """Return the digests of images by the place of their session."""
    root = practice.folder / room
    places = {path.parent.parent.parent for path in root.rglob("*.dcm")}
    return {str(place.relative_to(root)): digests(place) for place in places}


@pytest.mark.parametrize("is_built", [False, True])
@pytest.mark.parametrize("begun", ["", "a run that was killed before its first part"])
async def test_another_study_of_that_label_in_the_prearchive_stays_as_it_is(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    begun: str,
    *,
    is_built: bool,
) -> None:
    theirs = only(plan_for(study_folder, Destination.PREARCHIVE), 0)
    with new_journal(theirs) as journal:
        assert await run(journal, site) is UploadState.DONE
    if not is_built:
        practice.on_loop(lambda store: setattr(store.state.rows[0], "status", "RECEIVING"))
    before = under(practice, "prearchive")
    ours = only(plan_for(study_folder), 1, like=theirs)
    assert ours.sessions[0].study_instance_uid != theirs.sessions[0].study_instance_uid
    with new_journal(ours) as journal:
        if begun:
            journal.records.move_upload(UploadState.RUNNING)
            (session,) = journal.records.sessions()
            journal.records.move_session(session.id, SessionState.SENDING)
        state = await run(journal, site)
        counts = {fate for _, fate, _ in journal.fates()}
        files = sorted(digests(journal.source / "Person_02"))
    assert state is UploadState.DONE, counts
    assert under(practice, "prearchive") == before
    assert list(under(practice, "archive").values()) == [files]
