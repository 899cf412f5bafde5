"""Sites that take some images and not others, images that vanish: what is tried again, what is told, what arrives."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support import Practice
from upload.clocks import short_sleep
from upload.runs import digests, explained, run
from upload.test_wrong_hands import only_first
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload import engine, parts, sending
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Plan, SessionState, UploadState
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

REFUSED = "status:code=422,only=import"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 4)


def ended(journal: Journal) -> tuple[SessionState, str]:
    """Return how the only session ended, and the code of what is told of it."""
    (session,) = journal.progress().sessions
    return session.state, session.finding.code if session.finding else ""


async def test_a_part_that_was_refused_before_anything_arrived_is_tried_again_at_the_end(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    practice.server.faults.add(parse(f"{REFUSED},times=7"))  # a zip, and three of its files in two ways
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE, explained(journal)
        assert practice.server.faults.listing()[0]["hits"] == 7
        sent = sorted(digests(journal.source / "Person_01"))
    assert digests(practice.folder / "archive") == sent


async def test_a_site_that_refuses_all_from_some_image_on_is_not_asked_for_each(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "REFUSALS_IN_A_ROW", 5)
    practice.server.faults.add(parse(f"{REFUSED},nth=2"))
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE, explained(journal)
        assert ended(journal) == (SessionState.FAILED, "upload.refused")
        (session,) = journal.progress().sessions
        fates = journal.records.count_fates(1)
        assert session.finding
        assert "files one after the other" in session.finding.what
        assert "in the prearchive" in session.finding.why  # what was taken before waits there
        assert fates[Fate.SENT] in range(1, 5)  # of the first part
        assert fates[Fate.REFUSED] in range(5, 5 + 8)  # up to eight connections end what they are at
        assert fates[Fate.NOT_SENT] > 0
        practice.server.faults.clear()
        assert await run(journal, site) is UploadState.DONE, explained(journal)


async def test_a_session_of_which_every_image_is_gone_says_so(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        for path, _, _ in list(journal.fates()):
            (journal.source / path).unlink()
        assert await run(journal, site) is UploadState.INCOMPLETE, explained(journal)
        assert ended(journal) == (SessionState.FAILED, "upload.nothing_sent")
        assert {remark for _, _, remark in journal.fates()} == {"the file is gone since the survey"}


@pytest.mark.parametrize("destination", Destination)
async def test_images_that_all_change_while_the_site_is_away_are_not_sent_as_they_are_then(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    destination: Destination,
) -> None:
    practice.server.faults.add(parse("status:code=503,only=import,times=1"))
    with new_journal(only_first(plan_for(study_folder, destination), "sub")) as journal:
        files = [journal.source / path for path, _, _ in journal.fates()]

        async def meanwhile(seconds: float) -> None:
            while journal.progress().trouble and files:
                files.pop().write_bytes(b"another")
            await short_sleep(seconds)

        assert await engine.run(journal, site, sleep=meanwhile) is UploadState.INCOMPLETE, explained(journal)
        assert ended(journal) == (SessionState.FAILED, "upload.nothing_sent")
        assert {fate for _, fate, _ in journal.fates()} == {Fate.NOT_SENT}
    assert digests(practice.folder / "prearchive") == []
