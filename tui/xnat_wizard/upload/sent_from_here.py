"""What the journals of this account know of a session that waits in the prearchive: whether all of it was sent."""

import contextlib
import sqlite3
from dataclasses import dataclass

from xnat_wizard.findings import Problem
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.worker import is_running


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A session of which an upload from here has not sent everything."""

    upload: str  # the name of its folder
    files_planned: int
    files_sent: int
    is_running: bool  # the rest may be on its way

    def words(self) -> str:
        """Return it as one sentence for people."""
        rest = "it is still sending" if self.is_running else "the rest was not sent"
        return f"Upload {self.upload} has sent {self.files_sent} of {self.files_planned} files of it: {rest}"


def shortfall(uri: str, site_url: str) -> Shortfall | None:
    """Say which newest upload from here put a session where it is, if it has not sent all of it; blocks for the disk.

    Args:
        uri: of the session in the prearchive.
        site_url: of its site.
    """
    with contextlib.suppress(OSError, Problem):
        for path in uploads.journals()[: uploads.LOOK_BACK]:
            with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(path) as journal:
                if journal.site_url != site_url:
                    continue
                mine = [one for one in journal.progress().sessions if one.uri == uri]
                if mine:
                    planned, sent = mine[0].files_total, mine[0].files_sent
                    return Shortfall(path.parent.name, planned, sent, is_running(path)) if sent < planned else None
    return None
