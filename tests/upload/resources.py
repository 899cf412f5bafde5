"""What the tests of resource transfers share: a result folder, a run, and what lies on the site's disk."""

import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from support import Practice
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Outcome, Target, Wishes
from xnat_wizard.upload.resource_transfer.transfer import Transfer
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.site import Site

RESULT = {
    "maps/R2prime.nii": b"\x00\x01" * 700_000,
    "maps/T2s/echo1.nii.gz": b"one",
    "maps/T2s/echo2.nii.gz": b"two",
    "Bericht für Ärzte/100% #1 + a;b.txt": "läuft".encode(),
    "empty.flag": b"",
    ".hidden": b"h",
}


def write(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write files below a folder."""
    for name, content in (RESULT if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def on_disk(practice: Practice, label: str) -> dict[str, bytes]:
    """Return the files of the only resource of that label on the site's disk."""
    folders = [path for path in (practice.folder / "archive").rglob(label) if path.is_dir()]
    assert len(folders) <= 1
    return contents(folders[0]) if folders else {}


def target(path: Path, address: Address | None = None, label: str = "qBOLD", subject: str = "") -> Target:
    """Return a target; of the project when nothing else is said."""
    return Target(subject, path, address or Address("DEMO"), label)


async def no_wait(_: float) -> None:
    """Stand in for sleeping."""


class Run:
    """Runs of one person: each begins like a new process, with the same journal."""

    def __init__(self, site: Site, home: Path) -> None:
        self.site = site
        self.home = home
        self.told: list[str] = []
        self.clock = time.time
        home.mkdir(exist_ok=True)

    async def put(self, *targets: Target, wishes: Wishes | None = None) -> list[Outcome]:
        return await self._run(targets, wishes, is_put=True)

    async def get(self, *targets: Target, wishes: Wishes | None = None) -> list[Outcome]:
        return await self._run(targets, wishes, is_put=False)

    def transfer(self, journal: Journal, wishes: Wishes) -> Transfer:
        return Transfer(
            self.site, journal, wishes, clock=self.clock, sleep=no_wait, random=lambda: 0.5, tell=self.told.append
        )

    async def _run(self, targets: Sequence[Target], wishes: Wishes | None, *, is_put: bool) -> list[Outcome]:
        with Journal(self.home) as journal:
            transfer = self.transfer(journal, wishes or Wishes())
            found = {}
            async with aclosing(transfer.put(targets) if is_put else transfer.get(targets)) as outcomes:
                async for outcome in outcomes:
                    found[outcome.target] = outcome
        return [found[one] for one in targets]


def codes(outcome: Outcome) -> list[str]:
    """Return the codes of what was found."""
    return [finding.code for finding in outcome.findings]
