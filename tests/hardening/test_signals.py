"""Signals in mid-upload, to `send` and to the wizard itself; and two wizards at once on one upload.

Whatever comes, the upload goes on or is resumed, the terminal is as it was before, and nothing is lost or there twice.
"""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest
from terminal import Terminal

from cli import program
from practice.sending import port_of
from support import Practice
from upload.processes import wait_for_end
from upload.runs import archived, digests, explained
from xnat_wizard import settings
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload import worker
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Plan, UploadState

PlanFor = Callable[..., Plan]

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOGIN = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}


# -- `send` -------------------------------------------------------------------------------------------------------


def statuses(home: Path) -> dict[int | None, int]:
    """Count what was answered to each C-STORE."""
    for path in (home / "state" / "uploads").glob(f"*/{FILE_NAME}"):
        with suppress(FileNotFoundError, Problem), Journal.open(path) as journal:  # it is just being made
            return journal.dicom_statuses()
    return {}


@pytest.mark.parametrize("kind", ["proved", "alone"])
@pytest.mark.parametrize("number", [*ENDING, signal.SIGKILL, signal.SIGSTOP], ids=lambda number: number.name)
def test_send_goes_on_or_is_gone_on_with(
    practice: Practice, own_home: Path, tmp_path: Path, number: signal.Signals, kind: str
) -> None:
    has_login = kind == "proved"
    folder = write_study(tmp_path / "many", subjects=2, slices=6)
    count = sum(path.is_file() for path in folder.rglob("*"))
    words = ["send", str(folder), "--project", "DEMO", "--receiver", f"127.0.0.1:{port_of(practice)}"]
    words += ["--site", practice.url] if has_login else ["--no-login"]
    command = subprocess.Popen(
        [program.PROGRAM, *words, "--limit-rate", "700k"],
        env={**os.environ, **LOGIN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    program.until(lambda: statuses(own_home).get(0, 0) > 5)
    command.send_signal(number)
    if number is signal.SIGSTOP:
        practice.stop()  # associations are cut, and the new server has forgotten the login
        practice.start()
        command.send_signal(signal.SIGCONT)
    data, said = command.communicate(timeout=program.PATIENCE_S)
    good = 0 if has_login else 3  # nobody looked
    if number in {signal.SIGHUP, signal.SIGSTOP}:
        assert command.returncode == good, (data, said)
    else:
        assert command.returncode == (130 if number is not signal.SIGKILL else -signal.SIGKILL)
        assert number is signal.SIGKILL or "Go on with it: `xnat-wizard resume" in said
        before = statuses(own_home)[0]
        assert before < count
        again = program.run(*words, "--limit-rate", "0", env=LOGIN)
        assert again.code == good, again
        assert "Going on with upload" in again.talk
    assert "a fault in this program" not in said
    assert statuses(own_home) == {0: count}
    there = digests(practice.folder / "prearchive")
    assert len(there) == len(set(there)) == count


# -- the wizard ---------------------------------------------------------------------------------------------------


class Window(Terminal):
    """A terminal whose program gets signals."""

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._child.pid, number)

    def hang_up(self) -> None:
        """Close the terminal, as a lost line does."""
        with suppress(pexpect.ExceptionPexpect):  # it may take a moment to end
            self._child.close(force=False)
        program.until(lambda: not self._child.isalive())

    def log_in(self) -> None:
        self.wait_for("answers")
        self.press("owner", "enter")
        self.wait_for("Enter goes on")

    def take_up(self) -> None:
        """Open the unfinished upload, and have it go on."""
        self.press("tab", "enter")
        self.wait_for("Resume")
        self.press("enter")

    @property
    def is_restored(self) -> bool:
        """Tell whether the terminal is as it was: the main screen, the cursor, no mouse, no pasting in brackets."""
        modes = dict(re.findall(rb"\x1b\[\?(25|1049|1000|1003|1006|2004)([hl])", self.drawn))
        return modes.pop(b"25", b"h") == b"h" and set(modes.values()) <= {b"l"}


@pytest.fixture
def left(practice: Practice, study_folder: Path, plan_for: PlanFor) -> Iterator[Journal]:
    """Give an upload that a worker left that was killed right after it began; the site takes its time with it."""
    with Journal.create(settings.uploads_dir() / "20260101-000000-DEMO", plan_for(study_folder)) as journal:
        journal.records.move_upload(UploadState.RUNNING, now_s=time.time())
        practice.server.faults.replace([Fault(Kind.LATENCY, seconds=1.0, only="import")])
        yield journal


def slow_down(practice: Practice) -> None:
    """Let the site take so long that two wizards can be opened meanwhile."""
    practice.server.faults.replace([Fault(Kind.LATENCY, seconds=6.0, only="import")])


def in_the_middle(journal: Journal) -> bool:
    return worker.is_running(journal.path) and journal.progress().files_sent > 0


def ends_well(journal: Journal, practice: Practice, study: Path) -> None:
    assert wait_for_end(journal) is UploadState.DONE, explained(journal)
    assert archived(practice) == digests(study)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_the_wizard_restores_the_terminal_and_the_upload_goes_on(
    practice: Practice, left: Journal, study_folder: Path, number: signal.Signals
) -> None:
    with Window("--site", practice.url, "--user", "owner") as window:
        window.log_in()
        window.take_up()
        window.wait_until(lambda _: in_the_middle(left), "sending")
        window.signal(number)
        code = window.wait_for_end()
        assert code == (129 if number is signal.SIGHUP else 0), window.drawn[-300:]
        assert window.is_restored, window.drawn[-300:]
        assert b"Traceback" not in window.drawn
    practice.server.faults.clear()
    ends_well(left, practice, study_folder)


def test_a_wizard_that_is_killed_or_loses_its_line_is_opened_again_on_the_upload_that_goes_on(
    practice: Practice, left: Journal, study_folder: Path
) -> None:
    with Window("--site", practice.url, "--user", "owner") as window:
        window.log_in()
        window.take_up()
        window.wait_until(lambda _: in_the_middle(left), "sending")
        slow_down(practice)
        window.signal(signal.SIGKILL)
        window.wait_for_end()
    assert in_the_middle(left)
    with Window("--site", practice.url, "--user", "owner") as window:
        window.log_in()
        window.press("tab", "enter")
        window.wait_for("Pause")
        window.hang_up()
    assert in_the_middle(left)
    with Window("--site", practice.url, "--user", "owner") as window:
        window.log_in()
        window.press("tab", "enter")
        window.wait_for("Pause")
        practice.server.faults.clear()
        window.wait_for("Done: every file was found", timeout_s=120)
        window.press("ctrl+q")
        assert window.wait_for_end() == 0
        assert window.is_restored
    ends_well(left, practice, study_folder)


def test_a_wizard_that_was_stopped_for_a_while_shows_how_it_ended(
    practice: Practice, left: Journal, study_folder: Path
) -> None:
    with Window("--site", practice.url, "--user", "owner") as window:
        window.log_in()
        window.take_up()
        window.wait_until(lambda _: in_the_middle(left), "sending")
        window.signal(signal.SIGSTOP)
        practice.server.faults.clear()
        assert wait_for_end(left) is UploadState.DONE
        window.signal(signal.SIGCONT)
        window.wait_for("Done: every file was found")
        window.press("ctrl+q")
        assert window.wait_for_end() == 0
        assert window.is_restored
    ends_well(left, practice, study_folder)


def test_two_wizards_on_one_upload_show_the_same_and_send_it_once(
    practice: Practice, left: Journal, study_folder: Path
) -> None:
    words = ("--site", practice.url, "--user", "owner")
    with Window(*words) as one, Window(*words) as two:
        for window in (one, two):
            window.log_in()
            window.press("tab", "enter")
            window.wait_for("Resume")
        one.press("enter")
        two.press("enter")
        one.wait_until(lambda _: in_the_middle(left), "sending")
        for window in (one, two):
            window.wait_for("Pause")
            assert "a fault in this program" not in window.text()
        two.press("ctrl+q")  # the one that does not run it leaves
        practice.server.faults.clear()
        one.wait_for("Done: every file was found", timeout_s=120)
        one.press("ctrl+q")
        assert one.wait_for_end() == 0
    ends_well(left, practice, study_folder)
    taken = Counter(event.text for event in left.events())
    assert taken["Resumed: asking the server what it has"] == 1, taken
