"""A DICOM receiver whose answers a test decides, and uploads of a few images to it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made when the module is loaded

from practice.images import MR, instance
from upload.clocks import short_sleep
from upload.dicom_sends import by_dicom, free_port
from xnat_wizard.dicom.survey import survey
from xnat_wizard.upload.cstore import alone
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, UploadState
from xnat_wizard.upload.plan import draft

_config.UNRESTRICTED_STORAGE_SERVICE = True
FILES = 6


class Receiver:
    """A DICOM receiver whose answers a test decides; it keeps what it was sent."""

    def __init__(self, answer: Callable[[str, int], int] = lambda _uid, _time: 0) -> None:
        self.answer = answer  # by SOP Instance UID, and how often it has come
        self.times: Counter[str] = Counter()
        self.comments: set[str] = set()
        self.held = threading.Event()
        self.hangs_up: Callable[[str, int], bool] = lambda _uid, _time: False
        self.is_silent: Callable[[str, int], bool] = lambda _uid, _time: False
        self.port = free_port()
        self.most = 20
        self.open_count: Callable[[], int] = lambda: 0  # of associations

    def on_store(self, event: evt.Event) -> Dataset | int:
        data = event.dataset
        uid = str(data.SOPInstanceUID)
        self.times[uid] += 1
        self.comments.add(str(data.PatientComments))
        if self.hangs_up(uid, self.times[uid]):
            event.assoc.abort(block=False)
            return 0
        if self.is_silent(uid, self.times[uid]):
            self.held.wait(10)
        status = self.answer(uid, self.times[uid])
        answer = Dataset()
        answer.Status = status
        if status:
            answer.ErrorComment = "as the test wants it"
        return answer

    @contextmanager
    def running(self, sop_class: str = MR, *, calling: str = "") -> Iterator["Receiver"]:
        entity = AE(ae_title="XNAT")
        entity.require_calling_aet = [calling] if calling else []
        entity.maximum_associations = self.most
        entity.require_called_aet = True
        entity.add_supported_context(Verification)
        if sop_class:
            entity.add_supported_context(sop_class)
        server = entity.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_C_STORE, self.on_store)]
        )
        assert server is not None
        self.open_count = lambda: len(server.active_associations)
        try:
            yield self
        finally:
            self.held.set()
            server.shutdown()


def folder_of(tmp_path: Path, subject: str = "S1", files: int = FILES) -> Path:
    """Write a session, and return the folder of all sessions."""
    folder = tmp_path / "images" / subject / "t1"
    folder.mkdir(parents=True)
    for number in range(1, files + 1):
        (folder / f"{number}.dcm").write_bytes(instance(number=number))
    return folder.parents[1]


def journal_of(tmp_path: Path, folder: Path) -> Journal:
    plan = draft(survey(folder), site_url="", project="DEMO", destination=Destination.PREARCHIVE)
    return Journal.create(tmp_path / "upload", plan)


def peer_of(receiver: Receiver, **values: float) -> Peer:
    return replace(Peer("127.0.0.1", receiver.port, associations=2), **values)  # type: ignore[arg-type]  # one kind of values


async def send(journal: Journal, receiver: Receiver, **values: float) -> UploadState:
    return await alone.run(by_dicom(journal, peer_of(receiver, **values)), sleep=short_sleep)


def fates(journal: Journal) -> Counter[Fate]:
    return Counter(fate for _, fate, _ in journal.fates())
