"""A site to work with: the practice server, and people logged in to it."""

import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

Connect = Callable[[str], Awaitable[Site]]


async def no_wait(_: float) -> None:
    """Stand in for sleeping."""


@pytest.fixture
async def connect(practice: Practice) -> AsyncIterator[Connect]:
    """Give a function that logs one of the practice accounts in; its password is its name."""
    async with AsyncExitStack() as stack:

        async def log_in(username: str) -> Site:
            site = await Site.connect(Login(practice.url, username, Secret(username)), sleep=no_wait)
            return await stack.enter_async_context(site)

        yield log_in


@pytest.fixture
async def owner(connect: Connect) -> Site:
    """Give the site as the owner of DEMO sees it."""
    return await connect("owner")


@pytest.fixture
def subject_zip(study_folder: Path) -> bytes:
    """Give the DICOM files of the first subject of the sample study as a zip with stored entries."""
    subject = min(path for path in study_folder.iterdir() if path.is_dir())
    return zip_of(subject)


def zip_of(folder: Path) -> bytes:
    """Zip all files under a folder, stored."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()
