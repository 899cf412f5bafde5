"""How long a session is waited for that the server works on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from upload.clocks import Clock
from upload.test_wrong_hands import only_first
from xnat_wizard.upload import engine
from xnat_wizard.upload.arriving import DEADLINE_S
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, SessionState, UploadState
from xnat_wizard.xnat.model import Login, PrearchiveSession
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


class Slow(Site):
    """Says for a number of looks that it still builds; the machine sleeps for two hours in between."""

    clock: Clock
    looks_left = 3

    async def prearchive_session(self, uri: str) -> PrearchiveSession | None:
        row = await super().prearchive_session(uri)
        if row and self.looks_left:
            self.looks_left -= 1
            if self.looks_left == 1:
                self.clock.now_s += 7200
            return replace(row, status="_BUILDING")
        return row


async def test_a_machine_that_was_suspended_has_not_waited(
    login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    clock = Clock()
    plan = only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")
    async with await Slow.connect(login) as site:
        assert isinstance(site, Slow)
        site.clock = clock
        with new_journal(plan) as journal:
            assert await engine.run(journal, site, clock=clock, sleep=clock.sleep) is UploadState.DONE


async def test_a_row_that_is_never_finished_ends_the_session_after_half_an_hour(
    login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    clock = Clock()
    plan = only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")
    async with await Slow.connect(login) as site:
        assert isinstance(site, Slow)
        site.clock, site.looks_left = clock, 10_000
        with new_journal(plan) as journal:
            assert await engine.run(journal, site, clock=clock, sleep=clock.sleep) is UploadState.INCOMPLETE
            (session,) = journal.progress().sessions
    assert session.state is SessionState.FAILED
    assert session.finding is not None
    assert session.finding.code == "prearchive.stuck"
    assert DEADLINE_S < sum(wait for wait in clock.waits if wait > 1) < 1.1 * DEADLINE_S
