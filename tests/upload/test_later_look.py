"""Digests that were not taken on the way into the prearchive are taken when something can be compared with them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from upload.runs import run
from xnat_wizard.upload import receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, UploadState
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def first_file(journal: Journal) -> Path:
    return journal.source / next(path for path, _, _ in journal.fates())


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def unreadable(path: Path) -> None:
    path.unlink()


def rewritten(path: Path) -> None:
    """Change a byte behind the back of size and time, as a disk that fails does."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"\xee")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [None, changed, unreadable, rewritten])
async def test_what_was_archived_later_is_compared_by_its_bytes(
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    change: Callable[[Path], None] | None,
) -> None:
    with new_journal(plan_for(study_folder, Destination.PREARCHIVE)) as journal:
        assert await run(journal, site) is UploadState.DONE
        assert {fact.md5 for fact in journal.file_facts()} == {""}
        before = journal.receipt()
        assert before is not None
        assert "the prearchive keeps no digests" in before.not_proven[0]
        for row in await site.prearchive("DEMO"):
            await site.archive(row.uri)
        path = first_file(journal)
        if change:
            change(path)
        made = await receipt.verify(journal, site)
        proofs = [fact.proof for fact in journal.file_facts()]
    assert set(proofs[1:]) == {"MD5"}
    assert proofs[0] == ("file-name token" if change else "MD5")
    assert made.verdict == ("NOT PROVEN" if change is rewritten else "COMPLETE")
    if change in {changed, unreadable}:
        assert made.not_proven == (
            "the bytes of 1 file: it changed here since it was planned, or cannot be read here any more",
        )
    elif change is rewritten:
        assert "another digest than the file" in made.not_proven[0]
    else:
        assert made.not_proven == ()
