"""A journal against a model of it: moves, fates and requests in any order, the file opened anew after every step."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from upload.builders import pair, plan_of, series, survey
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.journal_schema import IllegalMoveError
from xnat_wizard.upload.model import Fate, Request, SessionState, UploadState
from xnat_wizard.upload.records import CheckedFile

# Written down a second time, in words of the design: what may follow what.
UPLOADS = {
    "planned": {"running", "failed", "cancelled"},
    "running": {"paused", "done", "incomplete", "cancelled", "failed"},
    "paused": {"running", "cancelled", "failed"},
    "incomplete": {"running", "cancelled"},
    "failed": {"running", "cancelled"},
    "done": set(),
    "cancelled": set(),
}
OVER = {"incomplete", "failed", "cancelled"}
SESSIONS = {
    "waiting": {"sending", "building", "verifying"} | OVER,
    "sending": {"waiting", "building", "verifying"} | OVER,
    "building": {"waiting", "sending", "checking", "verifying"} | OVER,
    "checking": {"waiting", "sending", "archiving", "verifying", "done"} | OVER,
    "archiving": {"waiting", "checking", "verifying"} | OVER,
    "verifying": {"waiting", "done"} | OVER,
    "incomplete": {"waiting", "cancelled"},
    "failed": {"waiting", "cancelled"},
    "done": set(),
    "cancelled": set(),
}
ARRIVED = {Fate.SENT, Fate.STORED, Fate.MISSING}
ENDED = {"done", "incomplete", "cancelled", "failed"}
session_numbers, file_numbers = st.integers(0, 1), st.integers(0, 3)


class JournalModel(RuleBasedStateMachine):
    """What a journal should say, kept in plain dictionaries."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="xnat-wizard-journal-"))
        plan = plan_of(survey(series("s/a", count=4), series("t/a", study="1.4"), pair("t/p")))
        self.journal = Journal.create(self.folder / "upload", plan)
        self.ids = [session.id for session in self.journal.records.sessions()]
        self.files = [[file.id for file in self.journal.records.files(one)] for one in self.ids]
        self.parts = [self.journal.records.parts(one)[0].id for one in self.ids]
        self.first_part = [{file.id for file in self.journal.records.files_of_part(one)} for one in self.parts]
        self.upload, self.has_started = "planned", False
        self.sessions = ["waiting"] * 2
        self.uris = [""] * 2
        self.fates = {file: Fate.NOT_SENT for files in self.files for file in files}
        self.asked: list[Request] = []
        self.events: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.journal.close()
            shutil.rmtree(self.folder)

    @rule(state=st.sampled_from(UploadState))
    def move_upload(self, state: UploadState) -> None:
        if state.value != self.upload and state.value not in UPLOADS[self.upload]:
            with pytest.raises(IllegalMoveError):
                self.journal.records.move_upload(state)
            return
        self.journal.records.move_upload(state)
        self.upload, self.has_started = state.value, True

    @rule(number=session_numbers, state=st.sampled_from(SessionState), uri=st.none() | st.just("/data/experiments/E1"))
    def move_session(self, number: int, state: SessionState, uri: str | None) -> None:
        if state.value != self.sessions[number] and state.value not in SESSIONS[self.sessions[number]]:
            with pytest.raises(IllegalMoveError):
                self.journal.records.move_session(self.ids[number], state, uri=uri)
            return
        self.journal.records.move_session(self.ids[number], state, uri=uri)
        self.sessions[number] = state.value
        self.uris[number] = self.uris[number] if uri is None else uri

    @rule(number=session_numbers, chosen=st.sets(file_numbers), fate=st.sampled_from([Fate.SENT, Fate.REFUSED]))
    def answer_to_a_part(self, number: int, chosen: set[int], fate: Fate) -> None:
        files = [file for at, file in enumerate(self.files[number]) if at in chosen and file in self.first_part[number]]
        self.journal.records.record_fates(self.parts[number], fate, files, "why" if fate is Fate.REFUSED else "")
        self.fates.update(dict.fromkeys(files, fate))

    @rule(number=session_numbers, chosen=st.sets(file_numbers), fate=st.sampled_from([Fate.STORED, Fate.MISSING]))
    def look(self, number: int, chosen: set[int], fate: Fate) -> None:
        files = [file for at, file in enumerate(self.files[number]) if at in chosen]
        checked = [CheckedFile(file, fate, "MD5", "4", "") for file in files]
        self.journal.records.record_checked(self.ids[number], checked)
        self.fates.update(dict.fromkeys(files, fate))

    @rule(number=session_numbers)
    def begin_again(self, number: int) -> None:
        self.journal.records.record_all_to_be_sent(self.ids[number])
        self.fates.update(dict.fromkeys(self.files[number], Fate.NOT_SENT))

    @rule(request=st.sampled_from(Request))
    def ask(self, request: Request) -> None:
        with Journal.open(self.journal.path) as other:  # as the wizard does, from its own process
            other.request(request)
        self.asked.append(request)

    @rule()
    def take_requests(self) -> None:
        assert list(self.journal.records.take_requests()) == self.asked
        self.asked = []

    @rule(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
    def tell(self, text: str) -> None:
        self.journal.records.add_event(text)
        self.events.append(text)

    @invariant()
    def says_the_same_when_it_is_opened_anew(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.journal.close()
        self.journal = Journal.open(self.journal.path)
        now = self.journal.progress()
        assert now.state == self.upload
        assert (now.started_s is not None) == self.has_started
        assert (now.ended_s is not None) == (self.upload in ENDED)
        assert [one.state for one in now.sessions] == self.sessions
        assert [one.uri for one in now.sessions] == self.uris
        assert [event.text for event in self.journal.events()] == self.events
        for number, one in enumerate(now.sessions):
            fates = [self.fates[file] for file in self.files[number]]
            assert [file.fate for file in self.journal.records.files(self.ids[number])] == fates
            assert one.files_total == len(fates)
            assert one.files_sent == sum(fate in ARRIVED for fate in fates)
            assert one.files_stored == fates.count(Fate.STORED)


TestJournal = JournalModel.TestCase
TestJournal.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
