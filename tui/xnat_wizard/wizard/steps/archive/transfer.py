"""Files between the archive and this disk: downloads are compared and overwrite nothing, uploads are looked for."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from textual import on, work
from textual.widgets import Button

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.steps.archive.asking import AskScreen, judge_file, judge_folder, path_of
from xnat_wizard.wizard.steps.archive.words import Holding
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.xnat.downloads import Saved, safe_parts
from xnat_wizard.xnat.model import RemoteFile, Role, Session

AT_ONCE = 4
TELL_EVERY_S = 0.5
FIRST_FOLDER = "~/xnat-downloads"
FIRST_RESOURCE = "NOTES"


@dataclass(slots=True)
class Haul:
    """What a download has brought so far."""

    total: int
    size_bytes: int
    saved: list[Saved] = field(default_factory=list)
    failed: list[Finding] = field(default_factory=list)
    coming: dict[str, int] = field(default_factory=dict)  # bytes of files that are on their way
    told_s: float = 0.0
    is_stopped: bool = False  # the disk takes no more

    @property
    def bytes_here(self) -> int:
        """Return the bytes that came, of whole files and of those on their way."""
        return sum(one.size_bytes for one in self.saved) + sum(self.coming.values())

    def text(self, folder: Path) -> str:
        """Return what came of it; the folder stands on a line of its own."""
        fresh = [one for one in self.saved if not one.was_there]
        by_md5 = sum(one.proof == "MD5" for one in self.saved)
        lines = [
            f"{count_text(len(fresh), 'file')} saved, {bytes_text(sum(one.size_bytes for one in fresh))}",
            f"{by_md5} equal to the site's by MD5",
        ]
        by_size = len(self.saved) - by_md5
        lines += [f"{by_size} of the same size as there: the site has no MD5 of them"] if by_size else []
        there = len(self.saved) - len(fresh)
        lines += [f"{count_text(there, 'file')} of them there already, and equal"] if there else []
        missing = self.total - len(self.saved) - len(self.failed)
        lines += [f"{count_text(missing, 'file')} not tried"] if missing else []
        lines += ["", "The folder:", f"{folder}"]
        if self.failed:
            lines += ["", f"{count_text(len(self.failed), 'file')} not saved:"]
            lines += [f"FAIL  {one.what}. {one.why}" for one in self.failed]
        return "\n".join(lines)


class TransferStep(StepScreen[Answer]):
    """The moving half of the step; the subclass shows and knows what is chosen."""

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        super().__init__(choices.who)
        self.choices = choices
        self.site = choices.site
        self.job = ""  # what is moved, while it is
        self._folder = FIRST_FOLDER
        self._resource = FIRST_RESOURCE

    # -- what the subclass fills in ------------------------------------------------------------------------------

    def chosen(self) -> tuple[Session | None, Holding | None, RemoteFile | None]:
        """Return the session, the scan or resource, and the file under the cursors."""
        raise NotImplementedError

    async def all_holdings(self, session: Session) -> list[Holding]:
        """Return all that a session holds, with its files."""
        raise NotImplementedError

    def read_again(self, session: Session) -> None:
        """Ask the site again what a session holds."""
        raise NotImplementedError

    # -- download ------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#archive-get")
    @work(group="transfer", exclusive=True, exit_on_error=False)
    async def action_get(self) -> None:
        """Ask what and where to, then download."""
        session, holding, file = self.chosen()
        if session is None or self.job:
            self.tell("" if self.job else "Choose a session first.")
            return
        ways = []
        if holding is not None and file is not None:
            ways.append(Way("file", "This file", f"{file.name}, {bytes_text(file.size_bytes)}"))
        if holding is not None and holding.file_count:
            sizes = f"{count_text(holding.file_count, 'file')}, {bytes_text(holding.size_bytes or 0)}"
            ways.append(
                Way("holding", "This resource" if holding.resource else "This scan", f"{holding.title}: {sizes}")
            )
        ways.append(Way("session", "The session", f"{session.label} with all scans and resources"))
        what = await self.app.push_screen_wait(PickScreen("Download what?", "", ways))
        try:
            if what == "file" and holding is not None and file is not None:
                await self._get(session, [(holding, file)])
            elif what == "holding" and holding is not None:
                await self._get(session, [(holding, one) for one in holding.files or ()])
            elif what == "session":
                self.tell("Asking the site for all files...")
                held = await self.all_holdings(session)
                await self._get(session, [(one, file) for one in held for file in one.files or ()])
        except Problem as problem:
            self.tell("")
            await self.explain(problem.finding)

    async def _get(self, session: Session, wanted: list[tuple[Holding, RemoteFile]]) -> None:
        size = sum(file.size_bytes for _, file in wanted)
        self.tell("")
        answer = await self.app.push_screen_wait(
            AskScreen(
                f"Save {count_text(len(wanted), 'file')}, {bytes_text(size)}, where to?",
                (("Folder on this machine", self._folder),),
                judge_folder,
                yes="Download",
            )
        )
        if answer is None:
            return
        self._folder = answer[0]
        folder = path_of(answer[0]).joinpath(named(session.project), named(session.label))
        haul = Haul(len(wanted), size)
        jobs = iter(wanted)
        self.job = "Downloading"
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(wanted))):
                    group.create_task(self._fetch(haul, folder, jobs))
        except asyncio.CancelledError:
            self.tell(f"Stopped. {count_text(len(haul.saved), 'file')} saved whole, none in part: {folder}")
            raise
        finally:
            self.job = ""
        self.tell(f"{len(haul.saved)} of {count_text(haul.total, 'file')} are here: {folder}")
        title = "Downloaded" if not haul.failed else f"{count_text(len(haul.failed), 'file')} could not be saved"
        await self.app.push_screen_wait(LinesScreen(title, haul.text(folder)))

    async def _fetch(self, haul: Haul, folder: Path, jobs: Iterable[tuple[Holding, RemoteFile]]) -> None:
        for holding, file in jobs:
            if haul.is_stopped:
                return

            def told(size_bytes: int, uri: str = file.uri) -> None:
                haul.coming[uri] = size_bytes
                self._tell_haul(haul)

            place = folder / named(holding.name)
            if holding.scan is not None:
                place /= named(file.collection or "files")
            try:
                haul.saved.append(await self.site.save_file(file, place, told))
            except Problem as problem:
                haul.failed.append(problem.finding)
                haul.is_stopped = problem.finding.code == "download.disk"
            except Exception as error:  # noqa: BLE001  a worker's door: the other files come all the same
                haul.failed.append(fault(error))
            finally:
                haul.coming.pop(file.uri, None)
            self._tell_haul(haul)

    def _tell_haul(self, haul: Haul) -> None:
        """Say how far it is, a few times a second at most."""
        now_s = time.monotonic()
        if now_s - haul.told_s >= TELL_EVERY_S:
            haul.told_s = now_s
            amount = f"{bytes_text(haul.bytes_here)} of {bytes_text(haul.size_bytes)}"
            self.tell(f"Downloading: {len(haul.saved)} of {count_text(haul.total, 'file')}, {amount}. Escape stops.")

    def cancel_work(self) -> bool:
        """Stop a transfer; files that are not whole do not stay."""
        if not self.job:
            return False
        self.workers.cancel_group(self, "transfer")
        return True

    # -- upload --------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#archive-add")
    @work(group="transfer", exclusive=True, exit_on_error=False)
    async def action_add(self) -> None:
        """Ask which file goes where, put it there, and look whether it is."""
        session, holding, _ = self.chosen()
        if session is None or self.job:
            self.tell("" if self.job else "Choose a session first.")
            return
        if self.site.identity.role_in(session.project) not in {Role.ADMIN, Role.OWNER, Role.MEMBER}:
            self.tell(f"Your account may not add files in {session.project}: it is no member of it.")
            return
        scan_id = ""
        if holding is not None and holding.scan is not None:
            ways = [
                Way("scan", "This scan", f"scan {holding.scan.id}: {holding.title}"),
                Way("session", "The session", session.label),
            ]
            place = await self.app.push_screen_wait(PickScreen("Add a file to what?", "", ways))
            if not place:
                return
            scan_id = holding.scan.id if place == "scan" else ""
        label = holding.resource.label if holding is not None and holding.resource else self._resource
        target = f"scan {scan_id} of {session.label}" if scan_id else session.label
        asked = (("File on this machine", ""), ("Resource: a folder of that name in XNAT", label))
        answer = await self.app.push_screen_wait(AskScreen(f"Add a file to {target}", asked, judge_file, yes="Add"))
        if answer is None:
            return
        path, label = path_of(answer[0]), answer[1]
        self._resource, self.job = label, "Adding"
        self.tell(f"Sending {path.name}... Escape stops.")
        try:
            await self.site.put_file(session.id, label, path.name, path, scan_id=scan_id)
        except Problem as problem:
            self.tell("")
            await self.explain(problem.finding)
        except OSError as error:
            self.tell("")
            await self.explain(_unreadable(path, error))
        except asyncio.CancelledError:
            self.tell(f"Stopped. The site may have taken {path.name} all the same: F5 shows it.")
            raise
        else:
            self.tell(f"{path.name} is in the resource {label} of {target}: seen there, with its size.")
            self.read_again(session)
        finally:
            self.job = ""


def named(label: str) -> str:
    """Return a label of the site as the name of a folder, which leads nowhere else."""
    name = "".join(sign if sign.isprintable() and sign != "/" else "_" for sign in label)[:100]
    try:
        return safe_parts(name)[0]
    except Problem:
        return name.replace(".", "_") or "_"


def _unreadable(path: Path, error: OSError) -> Finding:
    return Finding(
        "resource.unreadable",
        f"{path.name} was not sent: it cannot be read",
        f"The system said: {error.strerror or type(error).__name__}",
        ("Look whether the file is still there and may be read.",),
        where=str(path),
    )
