"""Uploads run inside the test: without real waits, and what came of them."""

from hashlib import md5
from pathlib import Path

from support import Practice
from upload.clocks import short_sleep
from xnat_wizard.upload import engine
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import UploadState
from xnat_wizard.xnat.site import Site

_ADDED = frozenset({".xml", ".json", ".log", ".gif", ".jpg"})


async def run(journal: Journal, site: Site) -> UploadState:
    """Run an upload to its end; it waits for moments only."""
    return await engine.run(journal, site, sleep=short_sleep)


def digests(folder: Path) -> list[str]:
    """Return the MD5 of every image file below a folder, sorted; what the server adds is passed over."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in _ADDED]
    return sorted(md5(path.read_bytes()).hexdigest() for path in files)  # noqa: S324  compared, not trusted


def archived(practice: Practice) -> list[str]:
    """Return the MD5 of every image file of the archive, sorted."""
    return digests(practice.folder / "archive")


def texts(journal: Journal) -> list[str]:
    """Return what was told."""
    return [event.text for event in journal.events()]


def explained(journal: Journal) -> list[str]:
    """Return all that was said, for a test that fails."""
    now = journal.progress()
    findings = [now.finding, *(one.finding for one in now.sessions)]
    return [*texts(journal), *(one.as_text() for one in findings if one)]
