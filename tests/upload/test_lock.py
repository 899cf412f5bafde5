"""The lock of an upload: who has it, and what is said where nothing can be locked."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from xnat_wizard.findings import Problem
from xnat_wizard.upload import lock
from xnat_wizard.upload.lock import FILE_NAME, UploadLock, is_held


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def no_locks(_descriptor: int, _operation: int) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_who_asks_for_a_lock_that_another_has_is_told_that_it_runs(journal_path: Path) -> None:
    with UploadLock(journal_path):
        assert is_held(journal_path)
        with pytest.raises(Problem, match=r"upload\.running"):
            UploadLock(journal_path)
    assert not is_held(journal_path)
    UploadLock(journal_path).release()


def test_a_lock_that_is_let_go_twice_closes_no_file_of_another(journal_path: Path) -> None:
    held = UploadLock(journal_path)
    held.release()
    with journal_path.with_name("other").open("wb") as other:  # may get the number of the lock's file
        held.release()
        other.write(b"x")
    assert journal_path.with_name("other").read_bytes() == b"x"


def test_a_folder_without_locks_is_not_called_a_running_upload(
    journal_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", no_locks)  # as on some network drives
    with pytest.raises(Problem) as caught:
        UploadLock(journal_path)
    assert caught.value.finding.code == "journal.not_kept"
    assert "knows no locks (No locks available)" in caught.value.finding.why
    assert any("XNAT_WIZARD_HOME" in step for step in caught.value.finding.todo)
    assert not is_held(journal_path)


def test_only_the_lock_of_this_very_upload_is_taken_over(journal_path: Path, tmp_path: Path) -> None:
    with UploadLock(journal_path) as held, (tmp_path / "text").open("wb") as other:
        assert lock.inherited(journal_path, held.descriptor) == held.descriptor
        assert lock.inherited(journal_path, other.fileno()) is None
        assert lock.inherited(journal_path, None) is None
        number = other.fileno()
    assert lock.inherited(journal_path, number) is None  # closed
    assert lock.inherited(tmp_path / "elsewhere" / FILE_NAME, 0) is None
