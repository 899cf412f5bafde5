"""What a look at the site after an upload cannot prove, and what that means for the files that lie here."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.runs import explained, run
from upload.test_wrong_hands import only_first
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import pixel_check, receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, UploadState
from xnat_wizard.upload.safekeeping import safely_stored
from xnat_wizard.upload.settings_forecast import about_settings
from xnat_wizard.upload.shard_uploads import BY_COUNT, COMPLETE, NOTHING, ShardStand, Summary
from xnat_wizard.upload.sharding import Shard
from xnat_wizard.upload.sources import source_of
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


async def test_images_that_are_away_on_either_side_are_counted_and_not_compared(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def lose_first(store: Store) -> None:
        (session,) = store.state.sessions.values()
        for scan in session.scans.values():
            files = scan.resources["DICOM"].files
            del files[min(files)]

    practice.anonymize()
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE, explained(journal)

        async def compared() -> str:
            with source_of(journal) as source, ThreadPoolExecutor(1) as executor:
                return await pixel_check.compare(journal, site, source, executor, choose=lambda low, _: low)

        whole = await compared()
        assert whole.endswith("were read back, and their pixels are equal")
        (journal.source / next(path for path, _, _ in journal.fates())).unlink()
        assert (await compared()).endswith("pixels are equal; 1 more could not be read or compared")
        practice.on_loop(lose_first)
        assert "more could not be read or compared" in await compared()
        practice.server.faults.add(parse("status:code=404,method=GET,path=files/.*dcm"))
        said = await compared()
        assert said.startswith("0 of ")
        assert "equal" not in said
        assert "could not be read or compared" in said


async def test_what_waits_in_the_prearchive_for_the_archive_is_not_safely_stored(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = await receipt.verify(journal, site)
        assert {reason for _, reason in safely_stored(journal, made)} == {""}
        for name, reason in (("touched", "it has changed since it was sent"), ("gone", "it is not here any more")):
            path = journal.source / next(path for path, _, _ in journal.fates())
            path.write_bytes(b"x") if name == "touched" else path.unlink()
            assert dict(safely_stored(journal, made))[path] == reason
        with pytest.raises(Problem, match=r"upload\.not_complete"):
            list(safely_stored(journal, replace(made, verdict="INCOMPLETE 1")))
    with new_journal(only_first(plan_for(study_folder), "other")) as journal:
        (session,) = journal.records.sessions()
        journal.records.set_uri(session.id, "/data/prearchive/projects/DEMO/x/y")
        assert {reason for _, reason in safely_stored(journal, made)} == {"its session waits in the prearchive"}
        journal.records.set_uri(session.id, "/data/experiments/E1")
        assert {reason for _, reason in safely_stored(journal, made)} == {"it is not on the site"}


async def test_rules_that_cannot_be_read_are_no_reason_to_have_no_receipt(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE
        practice.server.faults.add(parse("status:code=403,path=(anonymize|seriesImportFilter|siteConfig|xapi)"))
        made = await receipt.verify(journal, site)
    assert made.verdict == "COMPLETE"
    assert not any(isinstance(fact, str) and fact for name, fact in made.site_facts.items() if "sha256" in name)


async def test_a_project_in_quarantine_is_told_before_anything_is_sent(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "quarantine_code", 1))
    settings, rules = await site.upload_settings("DEMO"), await site.arrival_rules("DEMO")
    assert [one.code for one in about_settings(plan_for(study_folder), settings, rules)] == ["forecast.quarantine"]


@pytest.mark.parametrize(
    ("verdicts", "all_in_all"),
    [
        ((COMPLETE, COMPLETE), COMPLETE),
        ((COMPLETE, BY_COUNT), BY_COUNT),
        ((COMPLETE, "INCOMPLETE 3", "INCOMPLETE 4", "NOT PROVEN"), "INCOMPLETE 7"),
        ((COMPLETE, "NOT PROVEN"), "NOT PROVEN: 1 shard"),
        ((COMPLETE, ""), "NOT FINISHED: 0 shards missing, 1 without a receipt"),
    ],
)
def test_the_worst_shard_speaks_for_all(verdicts: tuple[str, ...], all_in_all: str) -> None:
    stands = [ShardStand(Shard(at, 9), 1, 10, 100, "done", one, 5) for at, one in enumerate(verdicts, start=1)]
    empty = ShardStand(Shard(9, 9), 0, 0, 0, NOTHING)
    summary = Summary((*stands, empty))
    assert summary.verdict == all_in_all
    assert (summary.files, summary.files_stored) == (10 * len(verdicts), 5 * len(verdicts))
