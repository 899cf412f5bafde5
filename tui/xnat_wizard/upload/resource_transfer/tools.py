"""What all targets of one run share, and which troubles end the whole run."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Event

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.patience import Patience, StubbornError
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Outcome, Tally, Target, Verdict, Wishes
from xnat_wizard.upload.throttle import Throttle
from xnat_wizard.xnat.errors import Fatal, LoginAgain
from xnat_wizard.xnat.model import RemoteFile
from xnat_wizard.xnat.resources import Address, Holder, Resources


@dataclass(frozen=True, slots=True)
class Tools:
    """What the targets of one run share."""

    url: str  # of the site
    resources: Resources
    patience: Patience
    executor: Executor  # reads files
    throttle: Throttle
    journal: Journal
    wishes: Wishes
    tell: Callable[[str], None]
    stop: Event = field(default_factory=Event)
    tallies: dict[Target, Tally] = field(default_factory=dict)


class Halted(Exception):  # noqa: N818  a decision, not an error of this program
    """A target ends here; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


def finding_of(error: Exception) -> Finding | None:
    """Return what a trouble says of one target, `None` when it ends the whole run."""
    if isinstance(error, Halted):
        return error.finding
    if isinstance(error, StubbornError):
        return error.problem.finding
    if isinstance(error, Problem) and not isinstance(error, Fatal | LoginAgain):
        return error.finding
    return _of_the_system(error) if isinstance(error, OSError) else None


def _of_the_system(error: OSError) -> Finding:
    return Finding(
        "resource.unreadable",
        "What lies here cannot be read or written",
        f"The system says: {error.strerror or type(error).__name__}",
        ("Look whether it may be read: ls -ld", "Check that the disk or network drive is there: df ."),
        where=str(error.filename or ""),
        shareable="Local files cannot be read or written.",
    )


async def stored_in(tools: Tools, holder: Holder, label: str) -> dict[str, RemoteFile]:
    """Return the files of a resource by name."""
    listed = await tools.patience.call(lambda: tools.resources.files(holder, label))
    return {file.name: file for file in listed}


def ended(target: Target, tally: Tally, findings: list[Finding], *, is_dry: bool) -> Outcome:
    """Return what came of a target, by its counts."""
    if is_dry and not tally.failed:
        verdict = Verdict.PLANNED
    elif not tally.failed:
        verdict = Verdict.DONE
    else:
        verdict = Verdict.INCOMPLETE if tally.moved + tally.there else Verdict.FAILED
    return Outcome(target, verdict, tally, tuple(findings))


def no_holder(address: Address, *, can_create: bool) -> Finding:
    """Say that there is no such subject, session or scan."""
    todo = ["Look for typing errors; capitals count, and one label may name another project's data"]
    if can_create:
        todo.append("Let it be made: --create")
    return Finding(
        "resource.no_holder",
        f"There is no such {address.level} in project `{address.project}`: {address}",
        "The site does not find it, or your account may not see it",
        tuple(todo),
        where=str(address),
        shareable=f"A {address.level} that should hold a resource is not there.",
    )


def shared(holder: Holder) -> Finding:
    """Say that an object belongs to another project, so that nothing is added to it from here."""
    return Finding(
        "resource.shared",
        f"{holder.address} belongs to project `{holder.owner}`, and is only shared into this one",
        "What is added to it would appear there",
        (f"Send it to project `{holder.owner}`, if that is meant: --project {holder.owner}",),
        where=str(holder.address),
        shareable="A session that should hold a resource belongs to another project.",
    )
