"""How long an upload takes, reckoned from earlier ones."""

from pathlib import Path

import pytest

from upload.builders import plan_of_files
from xnat_wizard.upload import uploads
from xnat_wizard.upload.estimate import ASSUMED, Speed, speed_of, speed_to
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, SessionProgress, SessionState, UploadProgress, UploadState


def done(size_bytes: int, files: int, seconds: float, state: UploadState = UploadState.DONE) -> UploadProgress:
    session = SessionProgress("k", "s", "s", SessionState.DONE, files, files, files, size_bytes, size_bytes, "", None)
    return UploadProgress(state, "DEMO", Destination.ARCHIVE, (session,), 1000.0, 1000.0 + seconds, None)


def test_bytes_or_files_bound_an_upload() -> None:
    assert Speed(10e6, 50, 1).seconds(10, 100_000_000) == pytest.approx(10)
    assert Speed(10e6, 50, 1).seconds(1000, 1000) == pytest.approx(20)


def test_earlier_uploads_tell_the_speed() -> None:
    speed = speed_of([done(20_000_000, 100, 10), done(80_000_000, 100, 10), done(40_000_000, 400, 10)])
    assert speed == Speed(4e6, 40, 3)


def test_what_tells_nothing_is_passed_over() -> None:
    assert speed_of([]) == ASSUMED
    assert (
        speed_of([done(1000, 2, 10), done(50_000_000, 9, 0.1), done(50_000_000, 9, 9, UploadState.FAILED)]) == ASSUMED
    )


def test_journals_of_the_site_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_WIZARD_HOME", str(tmp_path / "home"))
    path = uploads.begin(plan_of_files(tmp_path / "data", {"s/t1": [2_000_000]}))
    with Journal.open(path) as journal:
        records = journal.records
        (session,) = records.sessions()
        records.move_upload(UploadState.RUNNING)
        assert journal.progress().started_s is not None
        assert session.key
    assert speed_to("http://x") == ASSUMED  # it has not ended
    assert speed_to("http://elsewhere") == ASSUMED
