"""Sends the images of sessions over several associations, and keeps in the journal what was answered to each.

What may pass is tried again, after a wait: no room at the receiver, an association that ended, a receiver that does
not answer in time. Sending an instance again is harmless: XNAT names files by their UIDs (wire contract 5.7).
"""

import shutil
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from threading import Event

from xnat_wizard.dicom.window import Stretches
from xnat_wizard.findings import Problem
from xnat_wizard.upload import stops
from xnat_wizard.upload.cstore import batch, contexts, dcmsend, findings, statuses
from xnat_wizard.upload.cstore.batch import Brake, Sending, Told
from xnat_wizard.upload.cstore.contexts import Kind
from xnat_wizard.upload.cstore.identification import Change, changes
from xnat_wizard.upload.cstore.links import CrowdedError, Links
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.cstore.statuses import Answer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.model import Fate, SessionState
from xnat_wizard.upload.parts import Item
from xnat_wizard.upload.patience import GiveUpError
from xnat_wizard.upload.records import FileRow, PartRow, SessionRow
from xnat_wizard.upload.sending import SessionEndedError, together
from xnat_wizard.upload.throttle import Throttle

TRIES = 4  # of one file that the receiver has no room for, or that the association does not survive
WAITS_S = (1.0, 4.0, 15.0)  # between them
REFUSALS_IN_A_ROW = 20  # without any success: the session ends
LOADS_A_LANE = 4  # of a part
SHORTAGES_IN_A_ROW = 3  # files given up for want of resources: the upload stops


@dataclass(frozen=True, slots=True)
class Gear:
    """What sending needs of the upload around it."""

    journal: Journal
    source: LocalSource
    project: str
    throttle: Throttle
    gate: Callable[[], Awaitable[None]]  # waits while the upload is paused
    sleep: Callable[[float], Awaitable[None]]
    tell: Callable[[str], None]


class Exchange:
    """All sending of one upload; for one event loop."""

    def __init__(self, gear: Gear, peer: Peer) -> None:
        self._gear = gear
        self._records = gear.journal.records
        self.peer = peer
        self._groups = contexts.group(gear.journal.dicom_kinds())
        self._stretches = Stretches()
        self._brake = Brake(Event(), gear.throttle)
        self._lanes = min(peer.associations, gear.journal.options().most_connections)
        self._shortages = 0  # in a row, over all sessions
        self._told_kinds: set[Kind] = set()
        self._links = Links(
            peer,
            self._groups,
            self._lanes,
            sleep=gear.sleep,
            tell=gear.tell,
            on_trouble=self._records.note_trouble,
            on_change=self._records.note_connections,
        )

    async def send(self, session: SessionRow) -> None:
        """Send every image of a session that was neither acknowledged nor left out.

        Raises:
            SessionEndedError: the receiver refuses this session's images.
            GiveUpError: nothing more can be sent now.
        """
        parts = self._records.parts_to_send(session.id)
        if not parts:
            return
        await self._check_source(self._files(parts[0])[0])
        wanted = changes(self.peer.scheme, self._gear.project, session.subject_label, session.session_label)
        run = _Run(session, wanted, deque(parts), deque())
        await together(self._lane(run) for _ in range(self._lanes))

    async def close(self) -> None:
        """End all associations."""
        self._brake.stop.set()
        await self._links.close()
        shutil.rmtree(self._gear.journal.path.parent / dcmsend.FOLDER, ignore_errors=True)

    async def _check_source(self, file: FileRow) -> None:
        source = self._gear.source
        try:
            is_same = await self._links.in_thread(partial(source.check, file.path, file.mtime_ns))
        except Problem as problem:
            raise GiveUpError(stops.no_source(source.path)) from problem
        if not is_same:
            raise GiveUpError(stops.other_source(source.path))

    # -- a lane --------------------------------------------------------------------------------------

    async def _lane(self, run: "_Run") -> None:
        while (load := self._next(run)) is not None:
            await self._gear.gate()
            try:
                told = await self._send(run, load)
            except CrowdedError:
                run.loads.appendleft(load)
                continue
            wait_s = self._take(run, load, told)
            again = run.put_back(load, told)
            if again:
                await self._gear.sleep(wait_s)
                self._records.note_trouble("")
                run.loads.appendleft(again)

    async def _send(self, run: "_Run", load: "_Load") -> Told:
        if self.peer.is_dcmsend:
            place = self._gear.journal.path.parent / dcmsend.FOLDER
            work = partial(dcmsend.send, self.peer, place, load.objects, run.changes, self._stretches, self._brake)
            try:
                return await self._links.in_thread(work)
            except OSError as error:
                raise GiveUpError(dcmsend.missing() or findings.no_copies(place, error)) from error
        async with self._links.lent(load.group) as link:
            work = partial(batch.send, link, load.objects, run.changes, self._stretches, self._brake)
            told = await self._links.in_thread(work)
            if not told.is_link_open:
                self._links.drop(link)
        return told

    def _next(self, run: "_Run") -> "_Load | None":
        while not run.loads and run.parts:
            run.loads.extend(self._loads(run.parts.popleft()))
        return run.loads.popleft() if run.loads else None

    def _loads(self, part: PartRow) -> list["_Load"]:
        """Cut a part into what is sent at a time: of one group of kinds, in the order in which files are read best."""
        source = self._gear.source
        identities = self._gear.journal.dicom_identities(part.id)
        sorted_out: dict[int, list[Sending]] = {}
        for file in sorted(self._files(part), key=lambda file: source.place(file.path)):
            sop_class, sop_instance, syntax = identities[file.id]
            kind = (sop_class, syntax or contexts.EXPLICIT_LITTLE)
            if not self._groups.has(kind):
                self._records.record_fates(
                    part.id, Fate.NOT_SENT, [file.id], "it does not say what kind of object it is"
                )
                continue
            item = Item(file.id, source, file.path, file.size_bytes, file.mtime_ns)
            sorted_out.setdefault(self._groups.of(kind), []).append(Sending(item, sop_class, sop_instance, syntax))
        count = sum(map(len, sorted_out.values()))
        size = min(batch.MOST_FILES, -(-count // (LOADS_A_LANE * self._lanes)) or 1)  # something for each lane
        return [
            _Load(part, group, objects[start : start + size])
            for group, objects in sorted_out.items()
            for start in range(0, len(objects), size)
        ]

    def _files(self, part: PartRow) -> list[FileRow]:
        rows = self._records.files_of_part(part.id)
        return [file for file in rows if file.fate is Fate.NOT_SENT and not file.remark]

    # -- what was answered ---------------------------------------------------------------------------

    def _take(self, run: "_Run", load: "_Load", told: Told) -> float:
        """Keep what came of a batch; return how long to wait before the next.

        Raises:
            SessionEndedError, GiveUpError: enough is enough.
        """
        self._gear.journal.note_dicom_statuses({key: reply.status for key, reply in told.answered.items()})
        for reason in dict.fromkeys(told.left_out.values()):
            keys = [key for key, why in told.left_out.items() if why == reason]
            self._records.record_fates(load.part.id, Fate.NOT_SENT, keys, reason)
            self._gear.tell(f"{_files(len(keys))} of {run.session.session_label} left out: {reason}")
        self._keep_taken(run, load, told)
        for key, kind in told.not_taken.items():
            self._refuse_kind(run, load, key, kind)
        wait_s = 0.0
        for key, reply in told.answered.items():
            kind_of_answer = statuses.kind_of(reply.status)
            if kind_of_answer is Answer.AGAIN:
                wait_s = self._again(run, load, key, statuses.words(reply.status), is_shortage=True)
            elif kind_of_answer is Answer.REFUSED:
                said = f": {reply.comment}" if reply.comment else ""
                self._refuse(run, load, key, statuses.words(reply.status) + said)
        if told.lost:
            key, lost = told.lost
            wait_s = self._again(run, load, key, lost.reason, is_shortage=False)
        return wait_s

    def _keep_taken(self, run: "_Run", load: "_Load", told: Told) -> None:
        by_remark: dict[str, list[int]] = {}
        for key, reply in told.answered.items():
            match statuses.kind_of(reply.status):
                case Answer.STORED:
                    by_remark.setdefault("", []).append(key)
                case Answer.WARNED:
                    by_remark.setdefault(statuses.words(reply.status), []).append(key)
                case _:
                    pass
        for remark, keys in by_remark.items():
            self._records.record_fates(load.part.id, Fate.SENT, keys, remark)
            if remark:
                self._gear.tell(f"{_files(len(keys))} of {run.session.session_label} taken with a warning: {remark}")
        if by_remark:
            run.refused_in_a_row = self._shortages = 0

    def _again(self, run: "_Run", load: "_Load", key: int, words: str, *, is_shortage: bool) -> float:
        run.tries[key] += 1
        tried = run.tries[key]
        if tried < TRIES:
            run.to_repeat.add(key)
            wait_s = WAITS_S[min(tried, len(WAITS_S)) - 1]
            self._records.note_trouble(words)
            self._gear.tell(f"A file of {run.session.session_label}: {words}. Trying again in {wait_s:.0f} s")
            return wait_s
        self._refuse(run, load, key, f"{words}, {tried} times")
        if is_shortage:
            self._shortages += 1
            if self._shortages >= SHORTAGES_IN_A_ROW:
                raise GiveUpError(findings.out_of_resources(self.peer, words))
        return 0.0

    def _refuse_kind(self, run: "_Run", load: "_Load", key: int, kind: Kind) -> None:
        finding = findings.not_offered(self.peer, name_of(kind[0]), name_of(kind[1]))
        self._records.record_fates(load.part.id, Fate.REFUSED, [key], finding.what)
        if kind not in self._told_kinds:
            self._told_kinds.add(kind)
            self._gear.tell(f"{run.session.session_label}: {finding.what}. {finding.why}")

    def _refuse(self, run: "_Run", load: "_Load", key: int, words: str) -> None:
        self._records.record_fates(load.part.id, Fate.REFUSED, [key], f"refused by the receiver: {words}")
        self._gear.tell(f"A file of {run.session.session_label} was refused: {words}")
        run.refused_in_a_row += 1
        if run.refused_in_a_row >= REFUSALS_IN_A_ROW:
            finding = findings.refused(self.peer, run.refused_in_a_row, words, run.session)
            raise SessionEndedError(SessionState.FAILED, finding)


@dataclass(frozen=True, slots=True)
class _Load:
    """What is sent at a time."""

    part: PartRow
    group: int
    objects: list[Sending]


class _Run:
    """One session while it is sent; shared by its lanes."""

    def __init__(
        self, session: SessionRow, changes: tuple[Change, ...], parts: deque[PartRow], loads: deque[_Load]
    ) -> None:
        self.session = session
        self.changes = changes
        self.parts = parts
        self.loads = loads
        self.tries: Counter[int] = Counter()
        self.to_repeat: set[int] = set()
        self.refused_in_a_row = 0

    def put_back(self, load: _Load, told: Told) -> _Load | None:
        """Put back what was not tried; return what is to be tried again after a wait."""
        over = told.answered.keys() | told.left_out.keys() | told.not_taken.keys()
        over |= {told.lost[0]} if told.lost else set()
        left = [one for one in load.objects if one.item.file_id not in over]
        again = [one for one in load.objects if one.item.file_id in self.to_repeat]
        self.to_repeat -= {one.item.file_id for one in again}
        if left:
            self.loads.appendleft(_Load(load.part, load.group, left))
        return _Load(load.part, load.group, again) if again else None


def name_of(uid: str) -> str:
    """Return the name that DICOM gives a UID, else the UID itself."""
    from pydicom.uid import UID

    return UID(uid).name


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
