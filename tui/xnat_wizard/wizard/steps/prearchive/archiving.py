"""From the prearchive into the archive: ask what stands against it, name the ways out, archive, look."""

import asyncio
from dataclasses import replace

from textual import on, work
from textual.widgets import Button

from xnat_wizard.findings import Problem
from xnat_wizard.upload.sent_from_here import shortfall
from xnat_wizard.upload.typed_labels import label_problem
from xnat_wizard.wizard.steps.prearchive.acting import ActingStep
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.edit_labels import EditLabels
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.xnat.model import ArchiveVerdict, PrearchiveSession, Role
from xnat_wizard.xnat.waiting import acts as afterwards
from xnat_wizard.xnat.waiting.words import ARCHIVABLE, hindrances, is_forbidden, merges, verdict_lines

Verdicts = tuple[ArchiveVerdict, ...]
AS_IT_IS = ("", "")  # labels


class ArchivingStep(ActingStep):
    """Archives; `overwrite` is never sent but for a project's owner who said so twice (missing data F3 to F5)."""

    @on(Button.Pressed, "#prearchive-archive")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_archive(self) -> None:
        """Ask the site what stands against archiving, ask the person, archive."""
        sessions = [one for one in self.chosen() if self.is_archivable(one)]
        if not sessions or self.job:
            return
        verdicts = await self._asked(sessions)
        if verdicts is None:
            return
        if len(sessions) == 1:
            await self._archive_one(sessions[0], verdicts[sessions[0].uri], AS_IT_IS)
        else:
            await self._archive_several(sessions, verdicts)

    @staticmethod
    def is_archivable(session: PrearchiveSession) -> bool:
        """Tell whether a session may be archived as it is: one without a project is moved first."""
        return session.plain_status in ARCHIVABLE and not session.is_locked and not session.is_unassigned

    @on(Button.Pressed, "#prearchive-labels")
    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_labels(self) -> None:
        """Archive one session under other labels: XNAT changes those of a waiting session only then."""
        sessions = [one for one in self.chosen() if self.is_archivable(one)]
        if len(sessions) != 1:
            self.tell("Labels are changed of one built session at a time, when it is archived.")
        elif not self.job:
            await self._archive_as(sessions[0])

    async def _asked(
        self, sessions: list[PrearchiveSession], labels: tuple[str, str] = AS_IT_IS
    ) -> dict[str, Verdicts] | None:
        """Ask the site what stands against archiving; `None` when it did not say."""
        found = {}
        try:
            for at, one in enumerate(sessions, start=1):
                place = f" ({at} of {len(sessions)})" if len(sessions) > 1 else ""
                self.tell(f"Asking the site whether anything stands against it{place}...")
                found[one.uri] = await self.site.validate_archive(one.uri, subject=labels[0], session=labels[1])
        except Problem as problem:
            await self.explain(problem.finding)
            return None
        finally:
            self.tell("")
        return found

    async def _archive_one(self, session: PrearchiveSession, verdicts: Verdicts, labels: tuple[str, str]) -> None:
        if hindrances(verdicts):
            await self._ask_way(session, verdicts, labels)
            return
        name = labels[1] or session.label
        subject = labels[0] or session.subject
        place = f"{session.project} as {name}" if labels[1] else session.project
        lines = [
            await self.counted(session),
            f"Subject {subject or '-'}, session {name}",
            *await self._not_sent(session),
            *(line[6:] for line in verdict_lines(verdicts)),
        ]
        is_merge = merges(verdicts)
        if is_merge:
            lines.append("It is the same study. Nothing that is there is replaced: the site refuses a file it has.")
        title = f"Merge {session.label} into the session in {place}?" if is_merge else ""
        question = ConfirmScreen(
            title or f"Archive {session.label} in {place}?",
            "\n".join(lines),
            yes="Merge" if is_merge else "Archive",
            no="Not now",
        )
        if await self.app.push_screen_wait(question):
            await self._do([session], labels=labels)

    async def _archive_several(self, sessions: list[PrearchiveSession], verdicts: dict[str, Verdicts]) -> None:
        clear = [one for one in sessions if not hindrances(verdicts[one.uri])]
        lines = [f"{one.label}: {line}" for one in clear for line in await self._not_sent(one)]
        lines += [f"{one.label}: {line[6:]}" for one in clear for line in verdict_lines(verdicts[one.uri])]
        lines += [
            f"{one.label} stays here: {verdict_lines(hindrances(verdicts[one.uri]))[0][6:]}"
            for one in sessions
            if one not in clear
        ]
        if not clear:
            first = sessions[0]
            self.tell(f"None of {len(sessions)} can be archived as it is. Archive one alone for the ways out.")
            await self._ask_way(first, verdicts[first.uri], AS_IT_IS)
            return
        homes = sorted({one.project for one in clear})
        question = ConfirmScreen(
            f"Archive {self.named(clear)} in {', '.join(homes)}?", "\n".join(lines), yes="Archive", no="Not now"
        )
        if await self.app.push_screen_wait(question):
            await self._do(clear)

    async def _not_sent(self, session: PrearchiveSession) -> list[str]:
        """Say what an upload from here still owes to a session: the site cannot know that it is not whole."""
        owed = await asyncio.to_thread(shortfall, session.uri, self.site.info.url)
        return [owed.words()] if owed else []

    async def _do(
        self, sessions: list[PrearchiveSession], *, overwrite: str = "", labels: tuple[str, str] = AS_IT_IS
    ) -> None:
        async def archive(session: PrearchiveSession) -> str:
            words, session_id = await afterwards.archive(self.site, session, overwrite, labels)
            self.choices = replace(self.choices, archived_session_id=session_id)
            return f"{words}. Next shows it"

        await self.each(sessions, "Archiving", "archived", archive)

    async def _archive_as(self, session: PrearchiveSession) -> None:
        """Ask for labels, ask the site about them, archive."""
        labels = await self.app.push_screen_wait(
            EditLabels(
                f"{session.label}, given when it is archived", (session.subject, session.label), check=label_problem
            )
        )
        if labels is None:
            return
        verdicts = await self._asked([session], labels)
        if verdicts is not None:
            await self._archive_one(session, verdicts[session.uri], labels)

    async def _ask_way(self, session: PrearchiveSession, verdicts: Verdicts, labels: tuple[str, str]) -> None:
        """Explain what stands against archiving and offer the ways out."""
        is_owner = self.site.identity.role_in(session.project) in {Role.OWNER, Role.ADMIN}
        lines = verdict_lines(verdicts)
        ways = [
            Way("labels", "Other labels", "Archive under another label"),
            Way("leave", "Leave it here", "Change nothing; decide later"),
            Way("move", "Another project", "Move it, then archive it there"),
            Way("delete", "Delete it", "The site's copy; yours stays"),
        ]
        if not is_forbidden(verdicts) and is_owner:
            ways.append(Way("overwrite", "Overwrite", "Replace what is there; it asks"))
        elif not is_forbidden(verdicts):
            lines.append("note  An owner of the project could overwrite what is there")
        title = f"Something stands against archiving {labels[1] or session.label}"
        way = await self.app.push_screen_wait(PickScreen(title, "\n".join(lines), ways))
        if way == "overwrite" and await self._is_sure(session, lines):
            await self._do([session], overwrite="delete", labels=labels)
        elif way == "labels":
            await self._archive_as(session)
        elif way == "move":
            await self.move_all([session])
        elif way == "delete":
            await self.delete_all([session])

    async def _is_sure(self, session: PrearchiveSession, lines: list[str]) -> bool:
        warning = (
            "Files of the same images in the archive are replaced by these, and the site no longer compares studies: "
            "it may be another person's. What is replaced cannot be brought back."
        )
        detail = "\n".join([*lines, "", warning])
        question = ConfirmScreen(f"Overwrite {session.label} in the archive?", detail, yes="Overwrite", no="Leave it")
        is_sure = await self.app.push_screen_wait(question)
        return bool(is_sure)
