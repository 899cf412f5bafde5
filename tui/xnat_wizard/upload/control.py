"""What a person asks of a running upload: pause, go on, cancel. Asked through the journal, obeyed by the engine."""

import asyncio
from collections.abc import Awaitable, Callable

from xnat_wizard.upload.model import Request, UploadState
from xnat_wizard.upload.records import Records

LOOK_EVERY_S = 0.25


class Control:
    """Watches the journal for requests; one loop, one upload."""

    def __init__(self, records: Records, tell: Callable[[str], None]) -> None:
        self._records = records
        self._tell = tell
        self._may_go = asyncio.Event()
        self._may_go.set()
        self.is_cancelled = False

    async def gate(self) -> None:
        """Wait while the upload is paused."""
        await self._may_go.wait()

    async def watch(self, work: "asyncio.Task[object]", sleep: Callable[[float], Awaitable[None]]) -> None:
        """Look for requests a few times a second until the work has ended; a cancel ends the work."""
        while not work.done():
            for request in self._records.take_requests():
                self._obey(request, work)
            await sleep(LOOK_EVERY_S)

    def _obey(self, request: Request, work: "asyncio.Task[object]") -> None:
        if request is Request.CANCEL:
            self.is_cancelled = True
            work.cancel()
        elif request is Request.PAUSE and self._may_go.is_set():
            self._may_go.clear()
            self._records.move_upload(UploadState.PAUSED)
            self._tell("Paused. Parts that are under way are finished first")
        elif request is Request.GO_ON and not self._may_go.is_set():
            self._may_go.set()
            self._records.move_upload(UploadState.RUNNING)
            self._tell("Going on")
