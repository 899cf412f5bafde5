"""What the scenes of troubleshooting stand on: accounts, projects, studies on disk, and data sent astray.

Whoever writes a scenario: `write_study` makes the folder, `send_zip` and `send_dicom` send it, `Stage` has
the accounts.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from practice import sending
from practice.arriving import send
from practice.calling import Answer, Caller
from practice.images import instance
from support import Practice
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.store import Row
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site


async def no_wait(_: float) -> None:
    """Stand in for sleeping."""


@dataclass
class Stage:
    """A practice server with accounts: admin, owner, member, collaborator, stranger; each one's password is its name.

    The first three are the server's own; owner and member belong to the project DEMO.
    """

    practice: Practice
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def caller(self, name: str) -> Caller:
        """Return a plain HTTP caller."""
        return Caller(self.practice.url, name, name)

    async def site(self, name: str) -> Site:
        """Log in; the stage logs out at its end."""
        login = Login(self.practice.url, name, Secret(name))
        return await self._stack.enter_async_context(await Site.connect(login, sleep=no_wait))

    def account(self, name: str) -> None:
        """Make an account without any role."""
        details = {"username": name, "password": name, "email": f"{name}@example.org", "enabled": True}
        answer = self.caller("admin").call("POST", "/xapi/users", data={**details, "verified": True})
        assert answer.status == 201, answer.text

    def join(self, name: str, role: str, project: str = "DEMO") -> None:
        """Give an account a role in a project: "owner", "member" or "collaborator"."""
        path = f"/data/projects/{project}/users/{project}_{role}/{name}"
        answer = self.caller("admin").put(path)
        assert answer.status == 200, answer.text

    def project(self, project: str, title: str = "", running_title: str = "", *, code: int = 0) -> None:
        """Make a private project that the account `owner` owns."""
        query = {"name": title or project, "secondary_ID": running_title or project}
        answer = self.caller("owner").put(f"/data/projects/{project}", **query)
        assert answer.status in {200, 201}, answer.text
        for setting in ("accessibility/private", f"prearchive_code/{code}"):
            answer = self.caller("owner").put(f"/data/projects/{project}/{setting}")
            assert answer.status == 200, answer.text

    def site_setting(self, **values: object) -> None:
        """Change settings of the site."""
        answer = self.caller("admin").call("POST", "/xapi/siteConfig", data=values)
        assert answer.status == 200, answer.text

    def age(self, seconds: float, project: str = "") -> None:
        """Make the rows of a project, or all, older than they are."""

        def older(rows: Iterable[Row]) -> None:
            for row in rows:
                if project in {"", row.project}:
                    row.lastmod -= seconds
                    row.uploaded -= seconds

        self.practice.on_loop(lambda store: older(store.state.rows))

    def fault(self, kind: Kind, **settings: Any) -> None:
        """Let something go wrong from now on."""
        fault = Fault(kind, **settings)
        self.practice.on_loop(lambda _: self.practice.server.faults.add(fault))

    def row(self, index: int = -1, **changes: object) -> Row:
        """Return a row of the prearchive, the newest; with changes, after making them."""

        def change(rows: list[Row]) -> Row:
            for name, value in changes.items():
                setattr(rows[index], name, value)
            return rows[index]

        return self.practice.on_loop(lambda store: change(store.state.rows))


@asynccontextmanager
async def stage_for(practice: Practice) -> AsyncIterator[Stage]:
    """Set the stage, and log everybody out at its end."""
    stage = Stage(practice)
    stage.account("collaborator")
    stage.account("stranger")
    stage.join("collaborator", "collaborator")
    try:
        yield stage
    finally:
        await stage._stack.aclose()


def write_study(
    folder: Path, series: Mapping[str, int], *, study: str = "7", subject: str = "S01", **elements: object
) -> Path:
    """Write a study as SUBJECT/SERIES/files: a name and a count for each series, which are numbered from 1 on."""
    for number, (name, count) in enumerate(series.items(), start=1):
        place = folder / subject / f"{number}_{name}"
        place.mkdir(parents=True, exist_ok=True)
        for index in range(1, count + 1):
            data = instance(study, str(number), index, **{"SeriesDescription": name, **elements})
            (place / f"{name}_{index:04d}.dcm").write_bytes(data)
    return folder


def files_below(folder: Path, *parts: str) -> dict[str, bytes]:
    """Return the files below a folder by their paths; only those whose path has one of the parts, if any is given."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: data for name, data in named.items() if not parts or any(part in name for part in parts)}


def send_zip(caller: Caller, files: Mapping[str, bytes], **params: str) -> Answer:
    """Send by the import service as a zip: `project=`, `subject=`, `session=`, `rename="true"`, `action="commit"`."""
    return send(caller, files, **params)


def send_dicom(
    practice: Practice, files: Iterable[bytes], *, called: str = "XNAT", calling: str = "TESTS"
) -> list[int]:
    """Send by C-STORE to the first receiver; return the statuses."""
    return sending.send(sending.port_of(practice), *files, called=called, calling=calling)
