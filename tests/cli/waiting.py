"""Sessions that wait in the prearchive of a practice server, for the commands that handle them."""

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

from support import Practice
from xnat_wizard.practice.store import Store
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Login, ProjectDraft
from xnat_wizard.xnat.site import Site


def send(practice: Practice, folder: Path, session: str, *, subject: str = "", is_built: bool = True) -> str:
    """Put a folder into the prearchive of DEMO; return its URI."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(folder))
    data = packed.getvalue()

    async def body() -> AsyncIterator[bytes]:
        yield data

    async def there() -> str:
        async with await _site(practice) as site:
            answer = await site.import_zip("DEMO", subject or folder.name, session, body(), len(data))
            if is_built:
                await site.build(answer.uris[0])
            return answer.uris[0]

    return asyncio.run(there())


def fill(practice: Practice, study: Path) -> list[str]:
    """Put both subjects of a study into the prearchive, built; return their URIs."""
    return [send(practice, folder, f"{folder.name}_MR1") for folder in sorted(study.iterdir()) if folder.is_dir()]


def archive(practice: Practice, uri: str) -> None:
    """Archive a session."""

    async def there() -> None:
        async with await _site(practice) as site:
            await site.archive(uri)

    asyncio.run(there())


def make_project(practice: Practice, project: str) -> None:
    """Make a project of the owner."""

    async def there() -> None:
        async with await _site(practice) as site:
            await site.create_project(ProjectDraft(project, project, project))

    asyncio.run(there())


def waiting(practice: Practice, project: str = "DEMO") -> list[str]:
    """Return the labels that wait in a project's prearchive."""
    return practice.on_loop(lambda store: sorted(row.name for row in store.state.rows if row.project == project))


def archived(practice: Practice, project: str = "DEMO") -> list[str]:
    """Return the labels of the sessions in a project's archive."""

    async def there() -> list[str]:
        async with await _site(practice) as site:
            return sorted(session.label for session in await site.sessions(project))

    return asyncio.run(there())


def silent_since(practice: Practice, seconds: float, status: str = "") -> None:
    """Let all waiting sessions have been without news for so long."""

    def act(store: Store) -> None:
        for row in store.state.rows:
            row.lastmod = time.time() - seconds
            row.status = status or row.status

    practice.on_loop(act)


async def _site(practice: Practice) -> Site:
    return await Site.connect(Login(practice.url, "owner", Secret("owner")))
