"""A search for a folder of several subjects, which one upload has sent: each session is held against its own labels."""

from pathlib import Path

import pytest

from troubleshoot.stage import Stage, no_wait
from upload.runs import explained, run
from xnat_wizard.dicom.survey import survey
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.model import Report
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.site import Site


async def uploaded(site: Site, folder: Path) -> Path:
    plan = draft(survey(folder), site_url=site.info.url, project="DEMO", destination=Destination.ARCHIVE)
    assert len({session.subject_label for session in plan.included}) > 1
    with Journal.open(uploads.begin(plan)) as journal:
        assert await run(journal, site) is UploadState.DONE, explained(journal)
        return journal.path


async def report_of(site: Site, case: Case) -> Report:
    async with Search(case, site, sleep=no_wait) as search:
        return await search.result()


@pytest.mark.parametrize("origin", ["folder", "journal", "receipt"])
async def test_what_arrived_as_planned_is_held_against_no_other_label(
    stage: Stage, study_folder: Path, origin: str
) -> None:
    site = await stage.site("owner")
    path = await uploaded(site, study_folder)
    case = {
        "folder": Case(source=study_folder, project="DEMO"),
        "journal": Case(journal=path),
        "receipt": Case(receipt=path.with_name("receipt.json"), source=study_folder),
    }[origin]
    report = await report_of(site, case)
    assert not {one.cause_id for one in report.diagnoses} & {"MRG-04", "MRG-14", "VIS-12", "LOC-10"}


async def test_a_session_that_was_renamed_since_is_told_among_others(stage: Stage, study_folder: Path) -> None:
    site = await stage.site("owner")
    await uploaded(site, study_folder)
    renamed = next(one for one in await site.sessions("DEMO") if one.label == "Person_02_MR1")
    stage.practice.on_loop(lambda store: setattr(store.state.sessions[renamed.id], "label", "Person_02_new"))
    report = await report_of(site, Case(source=study_folder, project="DEMO"))
    told = report.find("VIS-12")
    assert told is not None
    assert "is called Person_02_new now; it was archived as Person_02_MR1" in told.says
