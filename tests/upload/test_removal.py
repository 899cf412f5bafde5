"""What a cancelled upload left in the prearchive is deleted, where all of it is this upload's, and nothing else is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support import Practice
from upload.runs import run
from upload.test_remains import Breaking, NewJournal, PlanFor
from upload.test_wrong_hands import only_first
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.store import Row, Store
from xnat_wizard.upload import parts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, SessionState, UploadState
from xnat_wizard.upload.removal import remove
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)


async def cancelled(journal: Journal, login: Login) -> None:
    """Cancel an upload after its first part."""
    async with await Breaking.connect(login) as breaking:
        assert isinstance(breaking, Breaking)
        breaking.cancel_in = journal.path
        assert await run(journal, breaking) is UploadState.CANCELLED


async def removed(journal: Journal, site: Site) -> list[str]:
    """Return the code of each session that was to be deleted, "" for one that was."""
    return [finding.code if finding else "" async for _, finding in remove(journal, site)]


def with_row(practice: Practice, act: Callable[[Row], None]) -> None:
    def there(store: Store) -> None:
        (row,) = store.state.rows
        act(row)

    practice.on_loop(there)


def on_disk(practice: Practice) -> list[Path]:
    return sorted((practice.folder / "prearchive").rglob("*.dcm"))


async def test_what_is_not_all_ours_or_cannot_be_looked_at_stays_until_it_is(
    practice: Practice, login: Login, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        await cancelled(journal, login)
        (session,) = journal.progress().sessions
        count = len(on_disk(practice))
        practice.server.faults.add(parse("status:code=403,only=prearchive"))
        (refused,) = await removed(journal, site)
        assert refused
        practice.server.faults.clear()

        with_row(practice, lambda row: setattr(row, "status", "_BUILDING"))
        assert await removed(journal, site) == ["upload.busy"]

        with_row(practice, lambda row: setattr(row, "status", "RECEIVING"))
        with_row(practice, lambda row: setattr(row, "subject", "another"))
        assert await removed(journal, site) == ["upload.not_only_ours"]
        with_row(practice, lambda row: setattr(row, "subject", "sub"))

        stranger = on_disk(practice)[0].with_name("1.2.3-4-5-strange.dcm")
        on_disk(practice)[0].rename(stranger)
        with_row(practice, lambda row: setattr(row, "status", "RECEIVING"))
        findings = [finding async for _, finding in remove(journal, site)]
        assert [(one.code, one.why[:9]) for one in findings if one] == [("upload.not_only_ours", "1 of its ")]

        assert len(on_disk(practice)) == count > 0
        assert journal.progress().sessions[0].uri == session.uri
        stranger.unlink()
        with_row(practice, lambda row: setattr(row, "status", "RECEIVING"))
        assert await removed(journal, site) == [""]
        assert on_disk(practice) == []
        assert journal.progress().sessions[0].uri == ""
        assert await removed(journal, site) == []


async def test_what_is_gone_already_needs_no_deleting_and_what_was_not_cancelled_is_left_alone(
    practice: Practice, login: Login, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        await cancelled(journal, login)
        practice.on_loop(lambda store: store.state.rows.clear())
        assert await removed(journal, site) == [""]
        assert journal.records.session(1).state is SessionState.CANCELLED
    with new_journal(only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE
        kept = on_disk(practice)
        assert await removed(journal, site) == []
        assert on_disk(practice) == kept
