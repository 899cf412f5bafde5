"""Uploads whose source is a zip or tar file: everything arrives byte for byte, and nothing is unpacked to disk."""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest

from dicom.images import on_disk, write_pair
from support import Practice
from upload.runs import digests, run
from xnat_wizard.upload import receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Plan, UploadState
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

KINDS = ["stored.zip", "deflated.zip", "plain.tar", "packed.tar.gz"]


def packed(folder: Path, name: str) -> Path:
    """Pack a folder into an archive beside it, below one folder at the top."""
    path = folder.with_name(name)
    if name.endswith(".zip"):
        method = zipfile.ZIP_DEFLATED if name.startswith("deflated") else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", method) as file:
            for member in on_disk(folder):
                file.write(folder / member, f"export/{member}")
        return path
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as tar:
        for member in sorted(on_disk(folder), key=lambda name: md5(name.encode()).hexdigest()):  # noqa: S324  any order
            tar.add(folder / member, f"export/{member}")
    return path


@pytest.mark.parametrize("kind", KINDS)
async def test_an_archive_arrives_byte_for_byte(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal, kind: str
) -> None:
    write_pair(study_folder / "with pair" / "raw")
    path = packed(study_folder, kind)
    before = sorted(entry.name for entry in path.parent.iterdir())
    with new_journal(plan_for(path)) as journal:
        assert journal.source == path / "export"
        assert await run(journal, site) is UploadState.DONE
        made = await receipt.verify(journal, site)
        assert sorted(entry.name for entry in journal.path.parent.iterdir() if entry.is_dir()) == []
    assert made.verdict == "COMPLETE"
    assert digests(practice.folder / "archive") == digests(study_folder)
    assert {entry.name for entry in path.parent.iterdir()} - set(before) == {"upload1"}


async def test_pairs_of_an_archive_arrive_in_the_prearchive(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    subject = min(entry for entry in study_folder.iterdir() if entry.is_dir())
    write_pair(subject / "raw")
    with new_journal(plan_for(packed(study_folder, "deflated.zip"), Destination.PREARCHIVE)) as journal:
        assert await run(journal, site) is UploadState.DONE
    assert digests(practice.folder / "prearchive") == digests(study_folder)


async def test_an_archive_that_was_replaced_stops_the_upload_and_putting_it_back_resumes_it(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    path = packed(study_folder, "stored.zip")
    kept = path.with_name("kept")
    with new_journal(plan_for(path)) as journal:
        shutil.copy2(path, kept)
        os.utime(path, ns=(1, 1))
        assert await run(journal, site) is UploadState.FAILED
        finding = journal.progress().finding
        assert finding is not None
        assert finding.code == "upload.other_source"
        path.unlink()
        assert await run(journal, site) is UploadState.FAILED
        finding = journal.progress().finding
        assert finding is not None
        assert finding.code == "upload.no_source"
        shutil.copy2(kept, path)
        assert await run(journal, site) is UploadState.DONE
    assert digests(practice.folder / "archive") == digests(study_folder)


async def test_a_damaged_member_is_left_out_and_named(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    path = packed(study_folder, "deflated.zip")
    with zipfile.ZipFile(path) as file:
        spoiled = file.namelist()[0]
        entry = file.getinfo(spoiled)
        place = entry.header_offset + 30 + len(spoiled) + entry.compress_size - 20
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    with new_journal(plan_for(path)) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE
        lost = {name: remark for name, fate, remark in journal.fates() if fate is Fate.NOT_SENT}
    assert list(lost) == [spoiled.removeprefix("export/")]
    assert "cannot be read" in lost[spoiled.removeprefix("export/")]
