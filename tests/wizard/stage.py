"""What the tests of the later steps stand on: a login, a surveyed study, sessions that are already on the server."""

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot

from support import Practice
from xnat_wizard.dicom.survey import SurveyRun
from xnat_wizard.settings import Secret
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.model import Destination
from xnat_wizard.wizard.app import Step, WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site


@asynccontextmanager
async def logged_in(practice: Practice, username: str = "owner") -> AsyncIterator[Choices]:
    """Give the choices of a person who has logged in and chosen the project DEMO."""
    secret = Secret(username)
    site = await Site.connect(Login(practice.url, username, secret))
    try:
        project = await site.project("DEMO")
        yield Choices(address=practice.url, username=username, password=secret, site=site, project=project)
    finally:
        await site.close()


async def surveyed(choices: Choices, folder: Path) -> Choices:
    """Go on to a surveyed folder."""
    async with SurveyRun(folder) as run:
        return replace(choices, source=folder, survey=await run.result())


async def planned(choices: Choices, folder: Path, destination: Destination = Destination.PREARCHIVE) -> Choices:
    """Go on to a plan."""
    choices = await surveyed(choices, folder)
    assert choices.survey
    assert choices.site
    plan = planning.draft(choices.survey, site_url=choices.site.info.url, project="DEMO", destination=destination)
    return replace(choices, plan=plan)


@asynccontextmanager
async def on_stage(
    choices: Choices, *steps: Step, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
    """Run the wizard with these steps only; the login belongs to the test."""
    app = WizardApp(choices, steps)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        try:
            yield app, pilot
        finally:
            app.choices = replace(app.choices, site=None)


async def send(choices: Choices, folder: Path, subject: str, session: str) -> str:
    """Send a folder into the prearchive of DEMO and build it; returns its URI."""
    assert choices.site
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(folder))
    data = packed.getvalue()

    async def body() -> AsyncIterator[bytes]:
        yield data

    answer = await choices.site.import_zip("DEMO", subject, session, body(), len(data))
    return answer.uris[0]


def folders_of(study: Path) -> list[Path]:
    """Return the subject folders of a study."""
    return sorted(path for path in study.iterdir() if path.is_dir())
