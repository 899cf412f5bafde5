"""What the tests of a running upload share."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.dicom.survey import survey
from xnat_wizard.settings import Secret
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]


@pytest.fixture
def login(practice: Practice) -> Login:
    return Login(practice.url, "owner", Secret("owner"))


@pytest.fixture
async def site(login: Login) -> AsyncIterator[Site]:
    async with await Site.connect(login) as site:
        yield site


@pytest.fixture
def plan_for(practice: Practice) -> PlanFor:
    """Give a function that surveys a folder and drafts its plan for the project DEMO."""

    def plan(folder: Path, destination: Destination = Destination.ARCHIVE) -> Plan:
        return draft(survey(folder), site_url=practice.url, project="DEMO", destination=destination)

    return plan


@pytest.fixture
def new_journal(tmp_path: Path) -> Callable[[Plan], Journal]:
    """Give a function that makes a journal in a folder of its own."""
    count = 0

    def make(plan: Plan) -> Journal:
        nonlocal count
        count += 1
        return Journal.create(tmp_path / f"upload{count}", plan)

    return make
