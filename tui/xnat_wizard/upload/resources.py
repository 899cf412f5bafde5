"""PAR/REC pairs: they travel as they are, into the session resource PARREC.

The prearchive takes DICOM only, so a session without DICOM is made in the archive, whatever the destination.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from xnat_wizard.upload.local import LocalFile
from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.parts import Item, SourceChangedError, digest, in_thread, read_pieces
from xnat_wizard.upload.patience import StubbornError
from xnat_wizard.upload.places import PARREC
from xnat_wizard.upload.records import FileRow, PartRow, SessionRow
from xnat_wizard.upload.sending import Tools
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import Session

XSI_TYPE = "xnat:mrSessionData"

Put = Callable[[FileRow, Item], Awaitable[None]]


class _Body:
    """One file as a body; every iteration reads it anew."""

    def __init__(self, item: Item, tools: Tools) -> None:
        self._item = item
        self._tools = tools

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in in_thread(read_pieces(self._item), self._tools.executor):
            yield piece


class PairSender:
    """Sends one session's PAR/REC pairs, file by file."""

    def __init__(self, tools: Tools, session: SessionRow) -> None:
        self._tools = tools
        self._session = session

    async def ensure_session(self) -> Session:
        """Return the archived session, made when it is not there."""
        session = self._session
        return await self._tools.patience.call(
            partial(
                self._tools.site.ensure_session,
                self._tools.project,
                session.subject_label,
                session.session_label,
                XSI_TYPE,
            )
        )

    async def put_into_archive(self, there: Session) -> None:
        """Send what is not there into the archived session; the client looks whether each file arrived."""

        async def put(file: FileRow, item: Item) -> None:
            local = LocalFile(item.source, item.path)
            await self._tools.patience.call(partial(self._tools.site.put_file, there.id, PARREC, file.name, local))

        await self._put_each(put)

    async def put_into_prearchive(self, uri: str) -> None:
        """Send what is not there into the session in the prearchive."""

        async def put(file: FileRow, item: Item) -> None:
            body = _Body(item, self._tools)
            try:
                await self._tools.patience.call(
                    partial(self._tools.site.put_prearchive_file, uri, PARREC, file.name, body, item.size_bytes)
                )
            except Refused as refusal:
                if refusal.finding.code != "resource.file_exists":  # an earlier try got through
                    raise

        await self._put_each(put)

    async def _put_each(self, put: Put) -> None:
        for part in self._tools.records.parts(self._session.id):
            for file in self._tools.records.files_of_part(part.id) if part.is_pair else ():
                if file.fate is Fate.NOT_SENT and not file.remark:
                    await self._tools.control.gate()
                    async with self._tools.slots:
                        await self._put_one(put, part, file)

    async def _put_one(self, put: Put, part: PartRow, file: FileRow) -> None:
        records = self._tools.records
        item = Item(file.id, self._tools.source, file.path, file.size_bytes, file.mtime_ns)
        loop = asyncio.get_running_loop()
        try:
            records.record_md5({file.id: await loop.run_in_executor(self._tools.executor, digest, item)})
            await put(file, item)
        except (SourceChangedError, OSError) as change:
            reason = change.reason if isinstance(change, SourceChangedError) else "the file cannot be read"
            records.record_fates(part.id, Fate.NOT_SENT, [file.id], reason)
            self._tools.tell(f"A PAR/REC file of {self._session.session_label} is left out: {reason}")
        except (Refused, StubbornError) as refusal:
            finding = refusal.problem.finding if isinstance(refusal, StubbornError) else refusal.finding
            records.record_fates(part.id, Fate.REFUSED, [file.id], finding.what)
            self._tools.tell(f"A PAR/REC file of {self._session.session_label} was refused: {finding.what}")
        else:
            records.record_fates(part.id, Fate.SENT, [file.id])
