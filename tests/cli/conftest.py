"""What the tests of the command line share: a plan on disk, and logins in the environment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.dicom.survey import survey
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft, save

NewPlan = Callable[..., Path]
Slow = Callable[[], None]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the login into the environment, as a script does."""
    monkeypatch.setenv("XNAT_USER", "owner")
    monkeypatch.setenv("XNAT_PASS", "owner")


@pytest.fixture
def new_plan(practice: Practice, study_folder: Path, tmp_path: Path) -> NewPlan:
    """Give a function that writes the plan of the sample study."""

    def write(destination: Destination = Destination.ARCHIVE, source: Path = study_folder) -> Path:
        path = tmp_path / "study.plan.json"
        save(draft(survey(source), site_url=practice.url, project="DEMO", destination=destination), path)
        return path

    return write


@pytest.fixture
def slow(practice: Practice) -> Slow:
    """Give a function that makes the site take its time with what is sent: some seconds for the sample study."""
    return lambda: practice.server.faults.add(parse("latency:seconds=1.5,only=import"))


@pytest.fixture
def uploads(own_home: Path) -> Callable[[], list[Path]]:
    """Give a function that returns the folders of all uploads."""
    return lambda: sorted((own_home / "state" / "uploads").glob("*"))
