"""What a person does with an upload: start, resume, pause, cancel, delete its rest. Another process does the work."""

import asyncio
from dataclasses import replace
from pathlib import Path

from textual import on, work
from textual.widgets import Button

from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import uploads, worker
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Plan, Request, Route, UploadProgress, UploadState
from xnat_wizard.upload.removal import remove
from xnat_wizard.upload.speed_choice import speed_of, with_speed
from xnat_wizard.upload.travel_words import pace_text
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.upload.words import cancel_text, cannot_write, deletion_text, left_behind
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.listing import FindingsScreen
from xnat_wizard.wizard.widgets.speed import SpeedScreen
from xnat_wizard.wizard.widgets.step import StepScreen


class ActingStep(StepScreen[Answer]):
    """The acting half of the step; the subclass shows."""

    def __init__(self, choices: Choices) -> None:
        assert choices.site
        super().__init__(choices.who)
        self.choices = choices
        self.site = choices.site
        self.plan = choices.plan or _plan_in(choices.journal_path)
        self.journal: Journal | None = None
        self.progress: UploadProgress | None = None
        self.is_alive = True  # a process works on the upload
        self.options = self.plan.options

    # -- what the subclass fills in ------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the journal as it stands now."""
        raise NotImplementedError

    def forget(self) -> None:
        """Show nothing of the present journal any more."""
        raise NotImplementedError

    # -- start ---------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#upload-start")
    @on(Button.Pressed, "#upload-resume")
    @work(group="start", exclusive=True, exit_on_error=False)
    async def start_upload(self) -> None:
        """Write the journal where there is none yet, and start the worker."""
        self.tell("Starting...")
        try:
            if self.journal is None:
                path = await asyncio.to_thread(uploads.begin, self.plan)
                self.choices = replace(self.choices, journal_path=path)
                self.journal = Journal.open(path)
            self._note_speed(self.journal)
            login = await self.site.worker_login()
            await asyncio.to_thread(worker.start, self.journal.path, login)
        except Problem as problem:
            await self._not_started(problem.finding)
        except OSError as error:
            await self._not_started(cannot_write(error))
        else:
            self.is_alive = True
            self.tell()
            self.show()

    def _note_speed(self, journal: Journal) -> None:
        """Write into the journal how fast it may be, for the process that starts."""
        if self.options != journal.options():
            journal.set_options(self.options)
        peer = self.plan.receiver
        if journal.route is Route.DICOM and peer and Peer.decoded(journal.receiver).address == peer.address:
            journal.set_receiver(peer.encoded())  # it knows the number of associations

    async def _not_started(self, finding: Finding) -> None:
        self.is_alive = self.journal is not None and worker.is_running(self.journal.path)
        self.tell("The upload did not start.")
        self.show()
        await self.explain(finding)

    @on(Button.Pressed, "#upload-again")
    def begin_again(self) -> None:
        """Leave the cancelled upload as it is and offer the start of a new one."""
        if self.journal is not None:
            self.journal.close()
        self.journal = None
        self.choices = replace(self.choices, journal_path=None)
        self.tell()
        self.forget()
        self.query_one("#upload-start").focus()

    @on(Button.Pressed, "#upload-speed")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_speed(self) -> None:
        """Ask how fast the upload may be; its process obeys from its next start on."""
        is_over = self.progress is not None and self.progress.state in {UploadState.DONE, UploadState.CANCELLED}
        if is_over or (self.progress is not None and self.is_alive):
            self.tell("The speed is set before the start, and before Resume: the process reads it when it starts.")
            return
        plan = replace(self.plan, options=self.options)
        speed = await self.app.push_screen_wait(SpeedScreen(speed_of(plan)))
        if speed is not None:
            self.plan = with_speed(plan, speed)
            self.options = self.plan.options
            self.tell(f"Speed: {pace_text(self.plan)}.")
            self.show()

    # -- while it runs -------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#upload-pause")
    def action_pause(self) -> None:
        """Pause, or go on."""
        if self.journal is None or self.progress is None or self.progress.state.is_final or not self.is_alive:
            return
        is_paused = self.progress.state is UploadState.PAUSED
        self.journal.request(Request.GO_ON if is_paused else Request.PAUSE)
        self.tell("Going on..." if is_paused else "Pausing: parts that are on their way are finished first...")

    @on(Button.Pressed, "#upload-cancel")
    @work(group="ask", exclusive=True, exit_on_error=False)
    async def action_cancel(self) -> None:
        """Ask, then cancel: through the process that works on it, or without one."""
        if self.journal is None or self.progress is None or self.progress.state.is_final:
            return
        question = ConfirmScreen(
            "Cancel the upload?",
            cancel_text(self.progress),
            yes="Cancel the upload",
            no="Let it run" if self.is_alive else "Keep it",
        )
        is_sure = await self.app.push_screen_wait(question)
        self.progress = self.journal.progress()
        if not is_sure or self.progress.state.is_final:  # it may have ended while the question stood there
            self.show()
            return
        self.tell("Cancelling...")
        if worker.is_running(self.journal.path):
            self.journal.request(Request.CANCEL)
            return
        try:
            await asyncio.to_thread(uploads.cancel, self.journal.path)
        except Problem as problem:
            await self.explain(problem.finding)
        self.show()

    @on(Button.Pressed, "#upload-detach")
    def action_detach(self) -> None:
        """Go Home and let the upload run."""
        self.dismiss(Answer(self.choices, Move.HOME))

    @on(Button.Pressed, "#upload-find")
    def action_find(self) -> None:
        """Go and find out where the data went."""
        self.dismiss(Answer(self.choices, Move.TROUBLESHOOT))

    # -- what a cancelled upload left ----------------------------------------------------------------------------

    @on(Button.Pressed, "#upload-delete")
    @work(group="delete", exclusive=True, exit_on_error=False)
    async def action_delete(self) -> None:
        """Count what a cancelled upload left in the prearchive, ask, delete it, and look that it is gone."""
        journal, progress = self.journal, self.progress
        sessions = left_behind(progress) if progress else ()
        if journal is None or not sessions or self.is_alive:
            self.tell("There is nothing of a cancelled upload to delete.")
            return
        name = sessions[0].session_label if len(sessions) == 1 else count_text(len(sessions), "session")
        question = ConfirmScreen(
            f"Delete {name} from the prearchive?",
            deletion_text(sessions),
            yes="Delete",
            no="Keep",
            typed=f"{len(sessions)}" if len(sessions) > 1 else "",
        )
        if not await self.app.push_screen_wait(question):
            return
        self.tell("Deleting what was sent...")
        gone: list[str] = []
        kept: list[Finding] = []
        uris = {one.session_label: one.uri for one in sessions}
        try:
            with UploadLock(journal.path):
                async for label, finding in remove(journal, self.site):
                    if finding is None and await self.site.prearchive_session(uris.get(label, "")) is None:
                        gone.append(label)
                    else:
                        kept.append(finding or _still_there(label, uris[label]))
        except Problem as problem:
            kept.append(problem.finding)
        self.tell(f"{len(gone)} of {count_text(len(sessions), 'session')} deleted from the prearchive.")
        self.show()
        if len(kept) == 1:
            await self.explain(kept[0])
        elif kept:
            await self.app.push_screen_wait(FindingsScreen("What was not deleted", kept))


def _plan_in(path: Path | None) -> Plan:
    assert path, "an upload is begun from a plan, or shown from its journal"
    with Journal.open(path) as journal:
        return journal.plan()


def _still_there(label: str, uri: str) -> Finding:
    return Finding(
        "prearchive.not_deleted",
        f"{label} is still there",
        "The site took the order to delete it, and lists it yet.",
        ("Look at it in the prearchive, and delete it there.",),
        where=uri,
    )
