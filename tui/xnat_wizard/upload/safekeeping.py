"""Which local files are safely stored on the site, by a receipt that proves it (missing-data 4.1)."""

from collections.abc import Iterator
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Receipt
from xnat_wizard.upload.places import is_prearchive

COMPLETE = "COMPLETE"  # the only verdict that proves each file by its identity


def safely_stored(journal: Journal, receipt: Receipt) -> Iterator[tuple[Path, str]]:
    """Give every file that the upload sent: its path here, and why it is not safely stored, "" when it is.

    A file is safe when the site has it where the plan wanted it, and it is here as it was when it was sent.

    Args:
        journal: of the upload.
        receipt: of a look at the server just now.

    Raises:
        Problem: `upload.not_complete` for any verdict but COMPLETE, `upload.no_local_files` for an archive file.
    """
    if receipt.verdict != COMPLETE:
        raise Problem(
            Finding(
                "upload.not_complete",
                "No file is called safely stored",
                f"The verdict is {receipt.verdict}; only {COMPLETE} proves every file by its identity",
                ("Read the receipt: it says what is missing or not proven", "Keep the local files"),
                where=str(journal.path.parent),
            )
        )
    if journal.source.is_file():
        raise Problem(
            Finding(
                "upload.no_local_files",
                "The local files are parts of one archive file, so none can be listed alone",
                "The verdict is COMPLETE for what the plan chose of it; the archive may hold more",
                ("Look in the receipt for what was not sent before you part with the archive file",),
                where=str(journal.source),
            )
        )
    is_for_archive = journal.progress().destination is Destination.ARCHIVE
    for session in journal.records.sessions():
        waits = is_for_archive and is_prearchive(session.uri)
        for file in journal.records.files(session.id):
            path = journal.source / file.path
            if waits:
                yield path, "its session waits in the prearchive"
            elif file.fate is not Fate.STORED:
                yield path, "it is not on the site"
            else:
                yield path, _change(path, file.size_bytes, file.mtime_ns)


def _change(path: Path, size_bytes: int, mtime_ns: int) -> str:
    try:
        now = path.stat()
    except OSError:
        return "it is not here any more"
    if now.st_size != size_bytes or mtime_ns not in {-1, now.st_mtime_ns}:
        return "it has changed since it was sent"
    return ""
