"""What `prearchive` does to many sessions: say what would happen, ask, do it, look at each afterwards, and tell."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnat_wizard.cli.prearchive_choosing import Seen
from xnat_wizard.cli.prearchive_findings import at_work, conflict, locked, not_archivable, not_tried
from xnat_wizard.cli.talk import Exit, ask, exit_of, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession, Project
    from xnat_wizard.xnat.site import Site

_NO_LABELS = ("", "")
AT_ONCE = 4  # sessions that are looked at
SAY_EVERY = 20  # sessions


@dataclass(frozen=True, slots=True)
class Prospect:
    """What an act would do to one session, or why it would not be begun."""

    session: "PrearchiveSession"
    words: str
    finding: Finding | None = None
    is_done: bool = False  # it is so already
    overwrite: str = ""  # what is sent along; "" merges without replacing


@dataclass(frozen=True, slots=True)
class Job:
    """One act on many sessions."""

    name: str  # "archive"
    doing: str  # "Archiving"
    past: str  # "archived"
    look: "Callable[[PrearchiveSession], Awaitable[Prospect]]"  # changes nothing
    act: Callable[[Prospect], Awaitable[str]]  # does it, looks, and says what came of it; raises why not
    question: Callable[[Sequence[Prospect]], str] | None  # None: it needs no yes
    is_counted: bool = False  # the number of sessions is typed, not `y`
    project_after: str = ""  # where it moves them


async def carry_out(
    job: Job,
    sessions: "Sequence[PrearchiveSession]",
    missing: Iterable[Finding],
    seen: Seen,
    options: argparse.Namespace,
) -> Exit:
    """Do one thing to sessions; nothing is called done that was not seen afterwards.

    Raises:
        Problem: `terminal.needed`: nobody can be asked, and nothing was changed.
    """
    teller = _Teller(job, seen, options)
    for finding in missing:
        teller.missing(finding)
    prospects = await _look_at_all(job, sessions)
    for one in prospects:
        if one.finding is not None or one.is_done or options.dry_run:
            teller.prospect(one)
    able = [one for one in prospects if one.finding is None and not one.is_done]
    if options.dry_run or not able:
        return teller.code()
    if job.question is not None:
        for one in able:
            say(f"  {seen.place(one.session)}: {one.words}")
        if not _agreed(job.question(able), len(able), options, is_counted=job.is_counted):
            say("Nothing was changed.")
            return teller.code()
    await _act_on_all(job, able, teller)
    return teller.code()


async def _act_on_all(job: Job, able: Sequence[Prospect], teller: "_Teller") -> None:
    for at, one in enumerate(able, start=1):
        place = f" ({at} of {len(able)})" if len(able) > 1 else ""
        say(f"{job.doing} {one.session.label}{place}...")
        try:
            teller.done(one, await job.act(one))
        except Problem as problem:
            teller.failed(one, problem.finding)
            if is_line_lost(problem):
                for rest in able[at:]:
                    teller.failed(rest, not_tried(rest.session))
                return


async def _look_at_all(job: Job, sessions: "Sequence[PrearchiveSession]") -> list[Prospect]:
    """Look at some sessions at a time, in their order; of many it is said now and then how far it is."""
    found: list[Prospect] = []
    for start in range(0, len(sessions), AT_ONCE):
        found += await asyncio.gather(*(_looked(job, one) for one in sessions[start : start + AT_ONCE]))
        if len(sessions) > AT_ONCE and (len(found) % SAY_EVERY == 0 or len(found) == len(sessions)):
            say(f"Looked at {len(found)} of {len(sessions)} sessions")
    return found


async def _looked(job: Job, session: "PrearchiveSession") -> Prospect:
    if session.is_locked:
        return Prospect(session, "", locked(session))
    try:
        return await job.look(session)
    except Problem as problem:
        if is_line_lost(problem):
            raise
        return Prospect(session, "", problem.finding)


def is_line_lost(problem: Problem) -> bool:
    """Tell whether the site did not answer at all: then the next question would fare no better."""
    from xnat_wizard.xnat.errors import SiteProblem

    return isinstance(problem, SiteProblem) and not problem.status and exit_of(problem.finding) is Exit.NO_CONNECTION


def _agreed(question: str, count: int, options: argparse.Namespace, *, is_counted: bool) -> bool:
    """Ask; where it is counted, the number of sessions is what has to be typed."""
    if options.yes or not sys.stdin.isatty() or not is_counted:
        return ask(question, is_yes=options.yes)
    say(f"{question}\nType their number, {count}, to go on; anything else changes nothing: ", end="")
    return sys.stdin.readline().strip() == str(count)


class _Teller:
    """Tells of each session what came of it: a line of data each, findings as talk; knows how to end."""

    def __init__(self, job: Job, seen: Seen, options: argparse.Namespace) -> None:
        self._job = job
        self._seen = seen
        self._options = options
        self._good = 0
        self._bad: list[Finding] = []

    def missing(self, finding: Finding) -> None:
        """Tell of a name that means nothing."""
        self._bad.append(finding)
        if self._options.json:
            put_mapping(finding.as_dict())
        explain(finding)

    def prospect(self, one: Prospect) -> None:
        """Tell what would happen, or why nothing will."""
        if one.finding is not None:
            self.failed(one, one.finding)
            return
        self._good += 1
        self._put(one, "ok" if one.is_done else "would", one.words)

    def done(self, one: Prospect, words: str) -> None:
        """Tell that it was done, and seen."""
        self._good += 1
        self._put(one, "ok", words)

    def failed(self, one: Prospect, finding: Finding) -> None:
        """Tell why it was not done."""
        self._bad.append(finding)
        self._put(one, "FAIL", finding.what, finding)
        explain(finding)

    def _put(self, one: Prospect, mark: str, words: str, finding: Finding | None = None) -> None:
        row = one.session
        if not self._options.json:
            put(f"{mark:<5}  {self._seen.place(row)}  {words}")
            return
        is_there = mark == "ok"
        put_object(
            "outcome",
            act=self._job.name,
            is_done=is_there,
            is_dry_run=self._options.dry_run,
            project=(self._job.project_after if is_there else "") or row.project,
            session=row.label,
            subject=row.subject,
            was_at=row.uri,
            said=words,
            finding=finding.as_dict() if finding else None,
        )

    def code(self) -> Exit:
        """Return how to end, and say it in numbers where there were several."""
        if self._good + len(self._bad) > 1:
            done = "could be " if self._options.dry_run else ""
            say(f"{self._good} {done}{self._job.past}" + (f", {len(self._bad)} not." if self._bad else "."))
        if not self._bad:
            return Exit.DONE
        if self._good:
            return Exit.INCOMPLETE
        return exit_of(self._bad[0])


# -- the acts --------------------------------------------------------------------------------------


def moving(site: "Site", project: "Project") -> Job:
    """Return the job that moves sessions into a project."""
    from xnat_wizard.xnat.waiting import acts

    async def look(session: "PrearchiveSession") -> Prospect:
        if session.project == project.id:
            return Prospect(session, f"is in {project.id} already", is_done=True)
        return Prospect(session, f"{await _counted(site, session)}, from {session.project} to {project.id}")

    return Job(
        "move",
        "Moving",
        "moved",
        look,
        lambda one: acts.move(site, one.session, project.id),
        lambda able: f"Move {_many(able)} to the prearchive of {project.id}?",
        project_after=project.id,
    )


def rebuilding(site: "Site") -> Job:
    """Return the job that lets the site build sessions from their files."""
    from xnat_wizard.xnat.waiting import acts
    from xnat_wizard.xnat.waiting.words import status_words

    async def look(session: "PrearchiveSession") -> Prospect:
        if session.plain_status not in {"READY", "RECEIVING", "CONFLICT", "ERROR"} or session.status.startswith(
            "QUEUED"
        ):
            return Prospect(session, "", at_work(session))
        return Prospect(session, f"would be built; it is {status_words(session)[0]} now")

    return Job("rebuild", "Building", "built", look, lambda one: acts.build(site, one.session), None)


def deleting(site: "Site") -> Job:
    """Return the job that deletes sessions and their files from the prearchive."""
    from xnat_wizard.xnat.waiting import acts

    async def look(session: "PrearchiveSession") -> Prospect:
        return Prospect(session, await _counted(site, session))

    return Job(
        "delete",
        "Deleting",
        "deleted",
        look,
        lambda one: acts.delete(site, one.session),
        lambda able: f"Delete {_many(able)} from the prearchive? This cannot be undone on the site.",
        is_counted=True,
    )


def archiving(site: "Site", overwrite: str, labels: tuple[str, str] = _NO_LABELS) -> Job:
    """Return the job that archives sessions; the site is asked first what stands against it.

    `overwrite` is sent only where something stands against archiving, and only for an owner of the project; for one
    session the site does the same for "append" and "delete" (wire contract 6.6).
    """
    from xnat_wizard.upload.sent_from_here import shortfall
    from xnat_wizard.xnat.waiting import acts

    async def look(session: "PrearchiveSession") -> Prospect:
        finding = not_archivable(session)
        if finding is not None:
            return Prospect(session, "", finding)
        verdicts = await site.validate_archive(session.uri, subject=labels[0], session=labels[1])
        counted = await _counted(site, session)
        owed = await asyncio.to_thread(shortfall, session.uri, site.info.url)
        if owed is not None:  # the site cannot know that it is not whole
            counted = f"{counted} ({owed.words()})"
        return _archive_prospect(site, session, verdicts, overwrite, counted, labels)

    async def act(one: Prospect) -> str:
        words, _ = await acts.archive(site, one.session, one.overwrite, labels)
        return words

    def question(able: Sequence[Prospect]) -> str:
        replacing = sum(bool(one.overwrite) for one in able)
        if not replacing:
            return f"Archive {_many(able)}?"
        return (
            f"Archive {_many(able)}, and let {replacing} of them replace files in the archive? What is replaced cannot "
            "be brought back, and the site no longer compares studies: it may be another person's."
        )

    return Job("archive", "Archiving", "archived", look, act, question, is_counted=bool(overwrite))


def _archive_prospect(
    site: "Site",
    session: "PrearchiveSession",
    verdicts: "Sequence[ArchiveVerdict]",
    overwrite: str,
    counted: str,
    labels: tuple[str, str],
) -> Prospect:
    from xnat_wizard.xnat.model import Role
    from xnat_wizard.xnat.waiting.words import hindrances, is_forbidden, merges, verdict_lines

    said = "; ".join(line[6:] for line in verdict_lines(verdicts))
    name = f" as {labels[1]}" if labels[1] else ""
    if not hindrances(verdicts):
        what = f"into a session that {session.project} has already" if merges(verdicts) else f"into {session.project}"
        return Prospect(session, f"{counted}, {what}{name}" + (f" ({said})" if said else ""))
    is_owner = site.identity.role_in(session.project) in {Role.OWNER, Role.ADMIN}
    if overwrite and is_owner and not is_forbidden(verdicts):
        return Prospect(session, f"{counted}, REPLACING files in the archive ({said})", overwrite=overwrite)
    return Prospect(session, "", conflict(session, said, verdicts, overwrite=overwrite, is_owner=is_owner))


async def _counted(site: "Site", session: "PrearchiveSession") -> str:
    from xnat_wizard.xnat.waiting.details import look_into

    return (await look_into(site, session)).counted()


def _many(able: Sequence[Prospect]) -> str:
    return able[0].session.label if len(able) == 1 else f"{len(able)} sessions"
