"""Files that are in the archive under their names, with other bytes than on disk."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.runs import run
from upload.test_wrong_hands import only_first
from xnat_wizard.findings import Problem
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import receipt, receipt_files
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, Receipt, UploadState
from xnat_wizard.upload.records import OTHER_BYTES
from xnat_wizard.upload.safekeeping import safely_stored
from xnat_wizard.xnat.model import Login, UploadSettings
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

OTHER_MD5 = "0" * 32


def change_an_image(store: Store) -> None:
    """Let one image of the archive have another digest, as after decompression."""
    session = next(iter(store.state.sessions.values()))
    files = next(iter(next(iter(session.scans.values())).resources.values())).files
    next(entry for name, entry in files.items() if name.endswith(".dcm")).md5 = OTHER_MD5


def change_a_pair(store: Store) -> None:
    """Let one PAR file of the archive have another digest."""
    for scan in [scan for session in store.state.sessions.values() for scan in session.scans.values()]:
        for name, entry in scan.resources["PARREC"].files.items() if "PARREC" in scan.resources else ():
            if name.endswith((".PAR", ".par")):
                entry.md5 = OTHER_MD5
                return
    pytest.fail("there is no PAR file")


async def changed(practice: Practice, site: Site, journal: Journal, change: Callable[[Store], None]) -> Receipt:
    """Upload, let the archive change, and look again."""
    assert await run(journal, site) is UploadState.DONE
    practice.on_loop(change)
    return await receipt.verify(journal, site)


async def test_another_digest_that_no_script_explains_is_not_complete(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        made = await changed(practice, site, journal, change_an_image)
        assert made.verdict == "NOT PROVEN"
        (line,) = (line for line in made.lines if line.files_differing)
        assert (line.files_differing, line.files_stored) == (1, line.files_local)
        assert line.remark == f"1 x {OTHER_BYTES}"
        (why,) = made.not_proven
        assert "the bytes of 1 file of session" in why
        assert "decompressed" in why
        assert "corrupt" not in receipt.as_text(made)
        assert "present, 1 differ" in receipt.as_text(made)
        assert "1 with other bytes" in receipt_files.as_page(made)
        raw = json.loads((journal.path.parent / receipt_files.JSON_NAME).read_text())
        series = [one for session in raw["sessions"] for one in session["series"]]
        assert [one["verdict"] for one in series if one["other_bytes"]] == ["NOT PROVEN"]
        assert {one["verdict"] for one in series if not one["other_bytes"]} == {"COMPLETE"}
        with pytest.raises(Problem, match=r"upload\.not_complete"):
            next(safely_stored(journal, made))


async def test_a_script_that_is_on_explains_another_digest(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    practice.anonymize()
    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        made = await changed(practice, site, journal, change_an_image)
    assert made.verdict == "COMPLETE"
    assert not any(line.remark or line.files_differing for line in made.lines)
    assert "script" in made.not_proven[0]


class Closed(Site):
    """Does not let the account read whether a script of the site is on."""

    async def upload_settings(self, project_id: str) -> UploadSettings:
        return replace(await super().upload_settings(project_id), is_site_script_on=None)


async def test_settings_that_the_account_may_not_read_leave_it_open(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    async with await Closed.connect(login) as site:
        with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
            made = await changed(practice, site, journal, change_an_image)
    assert made.verdict == "COMPLETE"
    assert made.not_proven[0].startswith("the bytes of 1 file: ")
    assert "scripts may rewrite headers" in made.not_proven[0]


async def test_an_upload_that_joins_other_bytes_says_so_at_its_end(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = only_first(plan_for(study_folder), "sub")
    with new_journal(plan) as first:
        await changed(practice, site, first, change_an_image)
    with new_journal(plan) as second:
        assert await run(second, site) is UploadState.DONE
        made = second.receipt()
        assert made is not None
        assert made.verdict == "NOT PROVEN"
        assert any("with other bytes" in event.text for event in second.events())


@pytest.mark.parametrize("is_script_on", [False, True])
async def test_no_script_explains_other_bytes_of_a_pair(
    practice: Practice,
    site: Site,
    shared_data: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    is_script_on: bool,  # noqa: FBT001  pytest gives it by name
) -> None:
    if is_script_on:
        practice.anonymize()
    with new_journal(plan_for(shared_data / "trees" / "good" / "parrec-only")) as journal:
        made = await changed(practice, site, journal, change_a_pair)
    assert made.verdict == "NOT PROVEN"
    assert "decompressed" not in made.not_proven[0]


async def test_a_missing_file_weighs_more_than_other_bytes(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def change(store: Store) -> None:
        change_an_image(store)
        session = next(iter(store.state.sessions.values()))
        files = list(session.scans.values())[-1].resources["DICOM"].files
        del files[next(name for name in files if name.endswith(".dcm"))]

    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        made = await changed(practice, site, journal, change)
    assert made.verdict == "INCOMPLETE 1"
    assert any("another digest" in why for why in made.not_proven)
