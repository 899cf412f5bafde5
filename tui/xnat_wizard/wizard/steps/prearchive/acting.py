"""What can be done with sessions of the prearchive: archive, move, delete, build; each says what it does."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from textual import on, work
from textual.widgets import Button

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.choices import Answer, Choices
from xnat_wizard.wizard.steps.prearchive.details import Details
from xnat_wizard.wizard.steps.prearchive.words import (
    ARCHIVABLE,
    BUILDABLE,
    hindrances,
    is_forbidden,
    label_problem,
    verdict_lines,
)
from xnat_wizard.wizard.widgets.amounts import count_text
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.edit_labels import EditLabels
from xnat_wizard.wizard.widgets.listing import FindingsScreen
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.xnat.model import PrearchiveSession


class ActingStep(StepScreen[Answer]):
    """The acting half of the step; the subclass shows, chooses and reads."""

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        assert choices.project
        super().__init__(choices.who)
        self.choices = choices
        self.site = choices.site
        self.project = choices.project.id
        self.job = ""  # what is being done, while it is

    # -- what the subclass fills in ------------------------------------------------------------------------------

    def chosen(self) -> list[PrearchiveSession]:
        """Return the sessions to act on."""
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

    async def _each(
        self,
        sessions: list[PrearchiveSession],
        doing: str,
        done: str,
        act: Callable[[PrearchiveSession], Awaitable[str]],
    ) -> None:
        """Do one thing to each session, saying which; show what failed at the end, and the list anew."""
        failed: list[Finding] = []
        told = ""
        try:
            for at, session in enumerate(sessions, start=1):
                place = f" ({at} of {len(sessions)})" if len(sessions) > 1 else ""
                self.job = f"{doing} {session.label}{place}..."
                self.tell(f"{self.job} This can take a while. Escape: stop waiting.")
                self.show_job()
                try:
                    told = await act(session)
                except Problem as problem:
                    failed.append(replace(problem.finding, where=problem.finding.where or session.label))
        finally:
            self.job = ""
        worked = len(sessions) - len(failed)
        self.tell(
            told if worked == len(sessions) == 1 else f"{worked} of {count_text(len(sessions), 'session')} {done}."
        )
        self.look_after()
        if len(failed) == 1:
            await self.explain(failed[0])
        elif failed:
            await self.app.push_screen_wait(FindingsScreen("What did not work", failed))

    def cancel_work(self) -> bool:
        """Stop waiting for the site; what it has begun it finishes."""
        if not self.job:
            return False
        self.workers.cancel_group(self, "act")
        self.job = ""
        self.show_job()
        self.tell("No longer waiting. The site finishes what it has begun; F5 shows the outcome.")
        return True

    @on(Button.Pressed, "#prearchive-archive")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_archive(self) -> None:
        """Ask the site what stands against archiving, ask the person, archive."""
        sessions = [one for one in self.chosen() if one.plain_status in ARCHIVABLE and not one.is_locked]
        if not sessions or self.job:
            return
        self.tell("Asking the site whether anything stands against it...")
        try:
            verdicts = {one.uri: await self.site.validate_archive(one.uri) for one in sessions}
        except Problem as problem:
            self.tell("")
            await self.explain(problem.finding)
            return
        self.tell("")
        if len(sessions) == 1 and hindrances(verdicts[sessions[0].uri]):
            await self._ask_way(
                sessions[0], verdict_lines(verdicts[sessions[0].uri]), is_forbidden(verdicts[sessions[0].uri])
            )
            return
        clear = [one for one in sessions if not hindrances(verdicts[one.uri])]
        lines = [f"{one.label}: {line[6:]}" for one in clear for line in verdict_lines(verdicts[one.uri])]
        lines += [
            f"{one.label} stays here: {verdict_lines(hindrances(verdicts[one.uri]))[0][6:]}"
            for one in sessions
            if one not in clear
        ]
        if len(sessions) == 1:
            lines.insert(0, (await self._counted(sessions[0])).capitalize())
        name = clear[0].label if len(clear) == 1 else count_text(len(clear), "session")
        question = ConfirmScreen(f"Archive {name} in {self.project}?", "\n".join(lines), yes="Archive", no="Not now")
        is_sure = bool(clear) and await self.app.push_screen_wait(question)
        if is_sure:
            await self._each(clear, "Archiving", "archived", self._archive)

    async def _counted(self, session: PrearchiveSession) -> str:
        try:
            return (await self.know(session)).counted()
        except Problem:
            return "its files are not counted"

    async def _archive(
        self, session: PrearchiveSession, *, overwrite: str = "", labels: tuple[str, str] = ("", "")
    ) -> str:
        uri = await self.site.archive(session.uri, overwrite=overwrite, subject=labels[0], session=labels[1])
        self.choices = replace(self.choices, archived_session_id=uri.rstrip("/").rsplit("/", 1)[-1])
        return f"{labels[1] or session.label} is in the archive. Next shows it."

    async def _ask_way(self, session: PrearchiveSession, lines: list[str], is_refused: bool) -> None:  # noqa: FBT001
        """Explain what stands against archiving and offer the ways out."""
        ways = [Way("labels", "Other labels", "Archive under another subject or session label")]
        if not is_refused:
            ways.append(Way("overwrite", "Overwrite", "Merge; equal files in the archive are replaced"))
        ways += [
            Way("move", "Another project", "Move it into the prearchive of another project"),
            Way("delete", "Delete it", "Delete this copy; your disk keeps its files"),
        ]
        title = f"Something stands against archiving {session.label}"
        way = await self.app.push_screen_wait(PickScreen(title, "\n".join(lines), ways))
        if way == "overwrite":
            await self._each([session], "Archiving", "archived", lambda one: self._archive(one, overwrite="delete"))
        elif way == "labels":
            labels = (session.subject, session.label)
            new = await self.app.push_screen_wait(EditLabels(session.label, labels, check=label_problem))
            if new:
                await self._each([session], "Archiving", "archived", lambda one: self._archive(one, labels=new))
        elif way == "move":
            await self._move([session])
        elif way == "delete":
            await self._delete([session])

    @on(Button.Pressed, "#prearchive-move")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_move(self) -> None:
        """Ask which project, then move."""
        await self._move([one for one in self.chosen() if not one.is_locked])

    async def _move(self, sessions: list[PrearchiveSession]) -> None:
        if not sessions or self.job:
            return
        try:
            projects = await self.site.projects()
        except Problem as problem:
            await self.explain(problem.finding)
            return
        ways = [Way(one.id, one.id, one.name) for one in projects if one.may_upload and one.id != self.project]
        if not ways:
            self.tell("There is no other project into which you may upload.")
            return
        name = sessions[0].label if len(sessions) == 1 else count_text(len(sessions), "session")
        project = await self.app.push_screen_wait(PickScreen(f"Move {name} to which project?", "", ways))

        async def move(session: PrearchiveSession) -> str:
            await self.site.move(session.uri, project)
            return f"{session.label} is now in the prearchive of {project}."

        if project:
            await self._each(sessions, "Moving", f"moved to {project}", move)

    @on(Button.Pressed, "#prearchive-delete")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_delete(self) -> None:
        """Name the count, ask, delete."""
        await self._delete([one for one in self.chosen() if not one.is_locked])

    async def _delete(self, sessions: list[PrearchiveSession]) -> None:
        if not sessions or self.job:
            return
        self.tell("Counting the files...")
        counted = [f"{one.label}: {await self._counted(one)}" for one in sessions]
        self.tell("")
        name = sessions[0].label if len(sessions) == 1 else count_text(len(sessions), "session")
        detail = "\n".join([*counted, "", "This cannot be undone on the site. The files on your disk stay."])
        question = ConfirmScreen(f"Delete {name} from the prearchive?", detail, yes="Delete", no="Keep")

        async def delete(session: PrearchiveSession) -> str:
            await self.site.delete_prearchive(session.uri)
            return f"{session.label} was deleted from the prearchive."

        if await self.app.push_screen_wait(question):
            await self._each(sessions, "Deleting", "deleted", delete)

    @on(Button.Pressed, "#prearchive-build")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_build(self) -> None:
        """Build what is still receiving."""

        async def build(session: PrearchiveSession) -> str:
            await self.site.build(session.uri)
            return f"{session.label} was built."

        sessions = [one for one in self.chosen() if one.plain_status in BUILDABLE and not one.is_locked]
        if sessions and not self.job:
            await self._each(sessions, "Building", "built", build)
