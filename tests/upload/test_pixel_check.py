"""Pixels read back from the site: the only proof where a script rewrites every header."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from support import Practice
from upload.runs import explained, run
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, UploadState
from xnat_wizard.upload.receipt import as_text, verify
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def first_of(low: int, _high: int) -> int:
    return low


@pytest.mark.parametrize("destination", Destination)
async def test_pixels_are_equal_where_headers_are_rewritten_and_a_change_is_found(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    destination: Destination,
) -> None:
    practice.anonymize()
    with new_journal(plan_for(study_folder, destination)) as journal:
        assert await run(journal, site) is UploadState.DONE, explained(journal)
        total = journal.progress().files_total
        made = await verify(journal, site, has_pixel_check=True, choose=first_of)
        assert made.verdict == "COMPLETE"
        told = f"28 of {total} files whose bytes are not proved were read back, and their pixels are equal"
        assert made.pixel_check == told
        assert f"Pixel check: {told}"[:70] in as_text(made)
        stored = min((practice.folder / destination).rglob("*.dcm"))
        dataset = dcmread(stored)
        dataset.PixelData = bytes(len(dataset.PixelData))
        dataset.save_as(stored)
        made = await verify(journal, site, has_pixel_check=True, choose=first_of)
        assert "28 of" in made.pixel_check
        assert "and 1 have other pixels than here" in made.pixel_check
        stored.write_bytes(b"x" * stored.stat().st_size)
        made = await verify(journal, site, has_pixel_check=True, choose=first_of)
        assert made.pixel_check.endswith("pixels are equal; 1 more could not be read or compared")
        assert journal.receipt() == made


async def test_nothing_is_read_back_where_every_byte_is_proved(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = await verify(journal, site, has_pixel_check=True)
        assert made.pixel_check.startswith("not needed")
        assert (await verify(journal, site)).pixel_check == ""
