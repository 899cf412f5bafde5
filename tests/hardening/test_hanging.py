"""A source on a mount that hangs: an open that never returns. The one double here is that open."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Terminal

from cli import program
from support import Practice
from upload.clocks import short_sleep
from upload.processes import forget, until, wait_for_end
from upload.runs import archived, digests, explained
from xnat_wizard import settings
from xnat_wizard.upload import readers, worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, Request, UploadState
from xnat_wizard.xnat.model import Login

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

HANGS = textwrap.dedent(
    """
    import os, runpy, sys, threading
    from xnat_wizard.upload import readers
    from xnat_wizard.upload.local import LocalSource

    def hang(self, path):
        print("it hangs", file=sys.stderr, flush=True)
        threading.Event().wait()

    LocalSource.{what} = hang
    readers.SLOW_READ_S = 1.0
    sys.argv = sys.argv[3:]
    runpy.run_module("xnat_wizard.upload.worker", run_name="__main__", alter_sys=True)
    """
)
COMMAND = HANGS.replace("sys.argv = sys.argv[3:]", "").replace(
    'runpy.run_module("xnat_wizard.upload.worker", run_name="__main__", alter_sys=True)',
    "from xnat_wizard.cli import main\nsys.exit(main())",
)
WORDS = "No bytes from the disk for"


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_command_whose_source_hangs_says_so_and_can_be_left(
    practice: Practice, study_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    plan = tmp_path / "study.plan.json"
    site = ("--site", practice.url, "--project", "DEMO", "--to", "archive")
    assert program.run("plan", study_folder, *site, "--output", plan).code == 0
    login = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}
    said = tmp_path / "said"
    with said.open("wb") as file:
        command = subprocess.Popen(
            [sys.executable, "-c", COMMAND.format(what="open"), "upload", str(plan)],
            env={**os.environ, **login},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
    until(lambda: WORDS in said.read_text())
    command.send_signal(number)
    assert command.wait(30) == 130, said.read_text()
    assert "Go on with it: `xnat-wizard resume" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert program.run("upload", plan, env=login).code == 0
    assert archived(practice) == digests(study_folder)


def test_the_wizard_shows_that_the_source_of_an_upload_hangs_and_can_be_left(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor
) -> None:
    with Journal.create(settings.uploads_dir() / "20260101-000000-DEMO", plan_for(study_folder)) as journal:
        worker.start(journal.path, login, shelter=(sys.executable, "-c", HANGS.format(what="open")))
        until(lambda: "it hangs" in log_of(journal))
        with Terminal("--site", practice.url, "--user", "owner") as terminal:
            terminal.wait_for("answers")
            terminal.press("owner", "enter")
            terminal.wait_for("Enter goes on")
            terminal.press("tab", "enter")
            terminal.wait_for(WORDS)
            terminal.press("ctrl+q")
            assert terminal.wait_for_end() == 0
        journal.request(Request.CANCEL)
        assert wait_for_end(journal) is UploadState.CANCELLED, explained(journal)


async def test_a_read_that_comes_back_is_told_once_each_way() -> None:
    told, goes_on = list[str](), threading.Event()
    pool = readers.Readers(1)
    watching = asyncio.create_task(pool.watch(told.append, short_sleep))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "SLOW_READ_S", 0.05)
        hanging = asyncio.get_running_loop().run_in_executor(pool, goes_on.wait, 30)
        while not told:  # noqa: ASYNC110  told by another task
            await asyncio.sleep(0.01)
        assert pool.longest_s >= 0.05
        goes_on.set()
        await hanging
        while len(told) < 2:  # noqa: ASYNC110  likewise
            await asyncio.sleep(0.01)
    watching.cancel()
    pool.shutdown()
    assert pool.longest_s == 0
    assert [text.split(" for ")[0] for text in told] == ["No bytes from the disk", "The disk answers again"]
