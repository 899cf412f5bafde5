"""The real folder trees, from disk to the archive: what arrives is what is on disk, byte for byte."""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Severity
from xnat_wizard.settings import Secret
from xnat_wizard.upload.engine import run
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, UploadState
from xnat_wizard.upload.plan import check, draft
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

GOOD = [
    "blank-patient-id",
    "deidentified-all-same-patient-id",
    "dicom-and-parrec-side-by-side",
    "headers-match-folders",
    "parrec-only",
    "pet-ct-one-session",
    "two-visits-under-one-subject",
]
MALFORMED = [
    "archives-inside",
    "dicomdir-and-deep-folders",
    "duplicate-instances",
    "empty-folders",
    "extra-layer-above-series",
    "extra-layer-below-series",
    "junk-files",
    "loose-files-at-top",
    "missing-and-bad-attributes",
    "odd-names",
    "parrec-pairs-broken",
    "series-layer-missing",
    "subject-folder-copied-under-another-id",
    "subject-ids-hard-for-xnat",
    "symlinks",
    "two-patients-in-one-series-folder",
    "two-series-in-one-folder",
    "unreadable-files",
    "wrong-patients-series-in-subject-folder",
]
# Nothing is wrong with the files of these; it is the labels made of the folders that the plan must tell.
ONLY_LABELS = {"odd-names", "subject-ids-hard-for-xnat"}


def digests(paths: list[Path]) -> Counter[str]:
    """Count files by content."""
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def files_of(plan: Plan) -> list[Path]:
    """Return every file the plan sends."""
    paths: list[str] = []
    for session in plan.included:
        paths += [instance.path for series in session.series for instance in series.instances]
        for pair in session.pairs:
            paths += [pair.par_path, pair.rec_path]
    return [plan.source / path for path in paths]


def archived(practice: Practice) -> list[Path]:
    """Return every image and resource file in the practice server's archive."""
    folder = practice.folder / "archive"
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("_catalog.xml", ".xml"))]


def upload(practice: Practice, found: Survey, tmp_path: Path, accepted: frozenset[str] = frozenset()) -> Plan:
    """Send the tree to DEMO's archive; return the plan that was carried out."""
    plan = draft(found, site_url=practice.url, project="DEMO", destination=Destination.ARCHIVE, accepted=accepted)
    journal = Journal.create(tmp_path / f"upload-{len(list(tmp_path.glob('upload-*')))}", plan)

    async def send() -> UploadState:
        site = await Site.connect(Login(practice.url, "owner", Secret("owner")))
        try:
            return await run(journal, site)
        finally:
            await site.close()

    try:
        state = asyncio.run(send())
        assert state is UploadState.DONE, [session.finding for session in journal.progress().sessions]
    finally:
        journal.close()
    return plan


@pytest.mark.parametrize("tree", GOOD)
def test_a_good_tree_arrives_whole(practice: Practice, shared_data: Path, tmp_path: Path, tree: str) -> None:
    folder = shared_data / "trees" / "good" / tree
    found = survey(folder)
    assert [finding.code for finding in found.findings if finding.severity is not Severity.NOTE] == []
    upload(practice, found, tmp_path)
    on_disk = [path for path in folder.rglob("*") if path.is_file()]
    assert digests(archived(practice)) == digests(on_disk)


@pytest.mark.parametrize("tree", MALFORMED)
def test_a_broken_tree_is_explained_and_its_good_part_arrives(
    practice: Practice, malformed: Callable[[str], Path], tmp_path: Path, tree: str
) -> None:
    folder = malformed(tree)
    found = survey(folder)
    assert found.file_count == sum(len(files) for _, _, files in os.walk(folder)) + links_to_folders(folder)
    for finding in found.findings:
        assert finding.what
        assert finding.why
        assert finding.todo
        assert finding.where
    everything = draft(found, site_url=practice.url, project="DEMO", destination=Destination.ARCHIVE)
    assert check(everything) if tree in ONLY_LABELS else found.findings
    willing = frozenset(session.key for session in everything.sessions if not session.is_blocked)
    plan = upload(practice, found, tmp_path, accepted=willing)
    assert files_of(plan)
    assert digests(archived(practice)) == digests(files_of(plan))


def links_to_folders(folder: Path) -> int:
    """Count links to folders: the survey names each as one thing it did not follow."""
    return sum(path.is_symlink() and path.is_dir() for path in folder.rglob("*"))
