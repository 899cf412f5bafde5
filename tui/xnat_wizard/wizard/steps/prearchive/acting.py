"""What can be done with sessions of the prearchive: move, delete, build, rescue; each says what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from textual import on, work
from textual.widgets import Button

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.listing import RowsScreen
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.rows import Column, Row
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.xnat.model import PrearchiveSession
from xnat_wizard.xnat.waiting import acts as afterwards
from xnat_wizard.xnat.waiting.details import Details
from xnat_wizard.xnat.waiting.stuck import Plight, age_text
from xnat_wizard.xnat.waiting.words import BUILDABLE, PLIGHT_REASONS, RESETTABLE

OUTCOME_COLUMNS = (Column("", 4), Column("Session", 16, grow=1), Column("What came of it", 30, grow=3))
Act = Callable[[PrearchiveSession], Awaitable[str]]


class ActingStep(StepScreen[Answer]):
    """The acting half of the step; the subclass shows, chooses and reads."""

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        super().__init__(choices.who)
        self.choices = choices
        self.site = choices.site
        self.project = choices.project.id if choices.project else ""  # "": of all projects
        self.job = ""  # what is being done, while it is

    # -- what the subclass fills in ------------------------------------------------------------------------------

    def chosen(self) -> list[PrearchiveSession]:
        """Return the sessions to act on."""
        raise NotImplementedError

    def plight(self, session: PrearchiveSession) -> tuple[Plight, float | None]:
        """Return whether a session is stuck, and for how long nothing was heard of it."""
        raise NotImplementedError

    async def know(self, session: PrearchiveSession) -> Details:
        """Return scans and log of a session."""
        raise NotImplementedError

    def show_job(self) -> None:
        """Show whether something is being done."""
        raise NotImplementedError

    def look_after(self) -> None:
        """Read the list anew after something was done."""
        raise NotImplementedError

    # -- acting --------------------------------------------------------------------------------------------------

    async def each(self, sessions: list[PrearchiveSession], doing: str, done: str, act: Act) -> None:
        """Do one thing to each session and tell of each what came of it; `act` returns words, or raises why not."""
        outcomes: list[tuple[PrearchiveSession, str, Finding | None]] = []
        try:
            for at, session in enumerate(sessions, start=1):
                place = f" ({at} of {len(sessions)})" if len(sessions) > 1 else ""
                self.job = f"{doing} {session.label}{place}..."
                self.tell(f"{self.job} This can take a while. Escape: stop waiting.")
                self.show_job()
                try:
                    outcomes.append((session, await act(session), None))
                except Problem as problem:
                    finding = replace(problem.finding, where=problem.finding.where or session.label)
                    outcomes.append((session, finding.what, finding))
                except Exception as error:  # noqa: BLE001  a worker's door: the rest is done all the same
                    outcomes.append((session, fault(error).what, fault(error)))
        finally:
            self.job = ""
        failed = [finding for _, _, finding in outcomes if finding]
        worked = len(sessions) - len(failed)
        refused = f", {len(failed)} not: see why" if failed else ""
        words = outcomes[0][1] if len(outcomes) == 1 else f"{worked} of {count_text(len(sessions), 'session')} {done}"
        self.tell(f"{words}{refused if len(outcomes) > 1 else ''}.")
        self.look_after()
        if len(outcomes) == 1 and failed:
            await self.explain(failed[0])
        elif failed:
            rows = [
                Row(
                    one.uri,
                    ("FAIL" if why else "ok", one.label, f"{words}. {why.why}" if why else words),
                    "bad" if why else "good",
                )
                for one, words, why in sorted(outcomes, key=lambda outcome: outcome[2] is None)
            ]
            title = f"{worked} {done}, {len(failed)} not"
            await self.app.push_screen_wait(RowsScreen(title, OUTCOME_COLUMNS, rows))

    def cancel_work(self) -> bool:
        """Stop waiting for the site; what it has begun it finishes."""
        if not self.job:
            return False
        self.workers.cancel_group(self, "act")
        self.job = ""
        self.show_job()
        self.tell("No longer waiting. The site finishes what it has begun; F5 shows the outcome.")
        return True

    @staticmethod
    def named(sessions: list[PrearchiveSession]) -> str:
        """Return the label of one session, or how many they are."""
        return sessions[0].label if len(sessions) == 1 else count_text(len(sessions), "session")

    async def counted(self, session: PrearchiveSession) -> str:
        """Return what is in a session, as one phrase."""
        try:
            return (await self.know(session)).counted()
        except Problem:
            return "its files are not counted"

    @on(Button.Pressed, "#prearchive-move")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_move(self) -> None:
        """Ask which project, then move."""
        await self.move_all([one for one in self.chosen() if not one.is_locked])

    async def move_all(self, sessions: list[PrearchiveSession]) -> None:
        """Ask into which project, and move the sessions there."""
        if not sessions or self.job:
            return
        self.tell("Asking the site for its projects...")
        try:
            projects = await self.site.projects()
        except Problem as problem:
            await self.explain(problem.finding)
            return
        finally:
            self.tell("")
        homes = {one.project for one in sessions}
        ways = [Way(one.id, one.id, one.name) for one in projects if one.may_upload and {one.id} != homes]
        if not ways:
            self.tell("There is no other project into which you may upload.")
            return
        title = f"Move {self.named(sessions)} to which project?"
        project = await self.app.push_screen_wait(PickScreen(title, "", ways))
        if project:
            there = [one for one in sessions if one.project != project]
            await self.each(
                there, "Moving", f"moved to {project}", lambda one: afterwards.move(self.site, one, project)
            )

    @on(Button.Pressed, "#prearchive-delete")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_delete(self) -> None:
        """Name the count, ask, delete."""
        await self.delete_all([one for one in self.chosen() if not one.is_locked])

    async def delete_all(self, sessions: list[PrearchiveSession]) -> None:
        """Name what is in the sessions, ask, and delete them; for more than one their number is typed."""
        if not sessions or self.job:
            return
        self.tell("Counting the files...")
        counted = [f"{one.label}: {await self.counted(one)}" for one in sessions]
        self.tell("")
        detail = "\n".join([*counted, "", "This cannot be undone on the site. The files on your disk stay."])
        question = ConfirmScreen(
            f"Delete {self.named(sessions)} from the prearchive?",
            detail,
            yes="Delete",
            no="Keep",
            typed=f"{len(sessions)}" if len(sessions) > 1 else "",
        )
        if await self.app.push_screen_wait(question):
            await self.each(sessions, "Deleting", "deleted", lambda one: afterwards.delete(self.site, one))

    @on(Button.Pressed, "#prearchive-build")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_build(self) -> None:
        """Build what is still receiving, or build anew what failed."""
        sessions = [one for one in self.chosen() if one.plain_status in BUILDABLE and not one.is_locked]
        if sessions and not self.job:
            await self.each(sessions, "Building", "built", lambda one: afterwards.build(self.site, one))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_reset(self) -> None:
        """Let the site find out anew how sessions stand that failed, or whose work was lost."""
        sessions = [one for one in self.chosen() if one.status in RESETTABLE or self.plight(one)[0] is Plight.LOST]
        if not sessions:
            self.tell("Only a session in conflict, in error, or standing still can have its status found out anew.")
        elif not self.job:
            await self.each(sessions, "Looking anew at", "looked at", lambda one: afterwards.reset(self.site, one))

    # -- rescue --------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#prearchive-rescue")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_rescue(self) -> None:
        """Say why sessions are stuck and offer the ways out; those of one kind are rescued together."""
        stuck = [one for one in self.chosen() if self.plight(one)[0] in PLIGHT_REASONS]
        if not stuck:
            self.tell("Nothing that is chosen is stuck.")
            return
        if self.job:
            return
        kind = self.plight(stuck[0])[0]
        stuck = [one for one in stuck if self.plight(one)[0] is kind]
        ages = [f"{one.label}: {one.status}, last change {age_text(self.plight(one)[1])} ago" for one in stuck]
        text = "\n".join([*ages, "", f"{PLIGHT_REASONS[kind]}. Ages are taken by the site's clock."])
        way = await self.app.push_screen_wait(PickScreen(f"Rescue {self.named(stuck)}", text, rescue_ways(kind)))
        acts: dict[str, tuple[str, str, Act]] = {
            "build": ("Building", "built", lambda one: afterwards.build(self.site, one)),
            "commit": ("Committing", "committed", lambda one: afterwards.commit(self.site, one)),
            "reset": ("Looking anew at", "looked at", lambda one: afterwards.reset(self.site, one)),
            "lock": ("Breaking the lock of", "handed to the site", lambda one: afterwards.break_lock(self.site, one)),
        }
        if way in acts:
            doing, done, act = acts[way]
            await self.each(stuck, doing, done, act)
        elif way == "delete":
            await self.delete_all([one for one in stuck if not one.is_locked])


def rescue_ways(kind: Plight) -> list[Way]:
    """Return the ways out for a kind of being stuck, the likeliest first."""
    build = Way("build", "Build it", "Build it, then look at it")
    commit = Way("commit", "Commit it", "Build, archive if the project does")
    lock = Way("lock", "Break its lock", "And build it; if nobody sends now")
    reset = Way("reset", "Find its status anew", "The site looks what is there")
    delete = Way("delete", "Delete it", "The site's copy; yours stays")
    leave = Way("leave", "Leave it", "Change nothing; more may come")
    return {
        Plight.FORGOTTEN: [build, commit, leave, delete],
        Plight.HELD: [build, lock, leave, delete],
        Plight.LOST: [reset, lock, leave],
    }[kind]
