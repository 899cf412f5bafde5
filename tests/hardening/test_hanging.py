"""A source on a mount that hangs: an open that never returns. The one double here is that open."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from support import Practice
from upload.processes import forget, until, wait_for_end
from upload.runs import archived, digests, explained
from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, Request, UploadState
from xnat_wizard.xnat.model import Login

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

HANGS = textwrap.dedent(
    """
    import os, runpy, sys, threading
    from xnat_wizard.upload.local import LocalSource

    def hang(self, path):
        print("it hangs", file=sys.stderr, flush=True)
        threading.Event().wait()

    LocalSource.{what} = hang
    sys.argv = sys.argv[3:]
    runpy.run_module("xnat_wizard.upload.worker", run_name="__main__", alter_sys=True)
    """
)


def log_of(journal: Journal) -> str:
    """Return what the worker has logged."""
    return (journal.path.parent / worker.LOG_NAME).read_text()


def test_an_upload_whose_source_hangs_is_cancelled_and_its_process_ends(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder)
    for what in ("open", "check"):
        with new_journal(plan) as journal:
            arguments = "self, path" if what == "open" else "self, path, mtime_ns"
            shelter = (sys.executable, "-c", HANGS.replace("self, path", arguments).format(what=what))
            worker.start(journal.path, login, shelter=shelter)
            until(lambda: "it hangs" in log_of(journal))
            journal.request(Request.CANCEL)
            assert wait_for_end(journal) is UploadState.CANCELLED, explained(journal)
            forget(journal)
            assert "Traceback" not in log_of(journal)
    with new_journal(plan) as journal:
        worker.start(journal.path, login)
        assert wait_for_end(journal) is UploadState.DONE
    assert archived(practice) == digests(study_folder)
