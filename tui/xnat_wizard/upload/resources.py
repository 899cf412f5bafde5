"""PAR/REC pairs: they travel as they are, into the resource PARREC of a scan; `pair_scans` says which.

The prearchive takes DICOM only, so a session without DICOM is made in the archive, whatever the destination. A session
that stays in the prearchive keeps its pairs in its own resource PARREC: a scan takes no files there (wire contract
6.4). Journals of older versions put pairs into that resource of the archived session, too; a pair of which a half lies
there is completed there, so it stays together.
"""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

from xnat_wizard.upload import pair_scans
from xnat_wizard.upload.local import LocalFile
from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.pair_matching import scan_name
from xnat_wizard.upload.pair_scans import Acquisition, KnownScan
from xnat_wizard.upload.parts import Item, SourceChangedError, digest, find_changed, read_pieces
from xnat_wizard.upload.patience import StubbornError
from xnat_wizard.upload.places import PARREC
from xnat_wizard.upload.reading_ahead import in_thread
from xnat_wizard.upload.records import FileRow, PartRow, SessionRow
from xnat_wizard.upload.sending import Tools
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import RemoteFile, Session

_NOT_FOUND = 404
XSI_TYPE = "xnat:mrSessionData"

Put = Callable[[FileRow, Item], Awaitable[None]]


class _RowGoneError(Exception):
    """The session is not in the prearchive any more."""


class _Body:
    """One file as a body; every iteration reads it anew."""

    def __init__(self, item: Item, tools: Tools) -> None:
        self._item = item
        self._tools = tools

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in in_thread(read_pieces(self._item), self._tools.executor):
            yield piece


class _Planned:
    """One file as the client reads files, as long as it is what the survey saw."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._file = LocalFile(item.source, item.path)

    def open(self, mode: Literal["rb"]) -> io.BufferedReader:
        """Open it for reading.

        Raises:
            SourceChangedError: it is another one by now.
        """
        self._refuse_changed()
        return self._file.open(mode)

    def stat(self) -> os.stat_result:
        """Return its size; nothing else in it means anything.

        Raises:
            SourceChangedError: it is another one by now.
        """
        self._refuse_changed()
        return self._file.stat()

    def _refuse_changed(self) -> None:
        for reason in find_changed([self._item]).values():
            raise SourceChangedError(self._item.file_id, reason)


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
        """Send what is not there into scans of the archived session; the client looks whether each file arrived."""
        parts = [part for part in self._parts() if any(map(_is_to_send, self._files(part)))]
        if not parts:
            return
        call, site = self._tools.patience.call, self._tools.site
        scans = await call(partial(pair_scans.look, site, there.id))
        beside = await call(partial(site.resource_files, there.id, PARREC))
        taken: set[str] = set()
        for part in parts:
            files = self._files(part)
            scan_id = ""
            if not _is_begun(files, beside):
                scan_id = await self._scan_for(there, files, scans, taken)
                taken.add(scan_id)

            async def put(file: FileRow, item: Item, scan_id: str = scan_id) -> None:
                local = _Planned(item)
                name = scan_name(file.name) if scan_id else file.name
                await call(partial(site.put_file, there.id, PARREC, name, local, scan_id=scan_id))

            await self._put_part(put, part)

    async def put_into_prearchive(self, uri: str) -> None:
        """Send what is not there into the session in the prearchive, until somebody takes that away."""
        call = self._tools.patience.call

        async def put(file: FileRow, item: Item) -> None:
            body = _Body(item, self._tools)
            try:
                await call(partial(self._tools.site.put_prearchive_file, uri, PARREC, file.name, body, item.size_bytes))
            except Refused as refusal:
                if refusal.finding.code == "resource.file_exists":  # an earlier try got through
                    return
                is_asked = refusal.status == _NOT_FOUND
                if is_asked and await call(partial(self._tools.site.prearchive_session, uri)) is None:
                    raise _RowGoneError from refusal
                raise

        with suppress(_RowGoneError):  # counting finds out where the session is now
            for part in self._parts():
                await self._put_part(put, part)

    async def _scan_for(
        self, there: Session, files: Sequence[FileRow], scans: Sequence[KnownScan], taken: set[str]
    ) -> str:
        """Return the scan of a pair, made or described where it has to be."""
        loop = asyncio.get_running_loop()
        pair = await loop.run_in_executor(self._tools.executor, self._acquisition, files)
        place = pair_scans.choose(pair, scans, taken)
        if place.is_new:
            await self._tools.patience.call(
                partial(self._tools.site.describe_scan, there.id, pair.draft(place.scan_id))
            )
        return place.scan_id

    def _acquisition(self, files: Sequence[FileRow]) -> Acquisition:
        par = next((file for file in files if file.path[-4:].casefold() == ".par"), files[0])
        rec = next((file for file in files if file is not par), par)
        try:
            with self._tools.source.open(par.path) as opened:
                return pair_scans.read_acquisition(opened, scan_name(par.name), scan_name(rec.name), rec.size_bytes)
        except OSError:  # each file says by itself that it cannot be read
            known = RemoteFile(scan_name(par.name), par.size_bytes, "", PARREC, "")
            return Acquisition("", "", "", "", known, scan_name(rec.name), rec.size_bytes)

    def _parts(self) -> list[PartRow]:
        return [part for part in self._tools.records.parts(self._session.id) if part.is_pair]

    def _files(self, part: PartRow) -> tuple[FileRow, ...]:
        return self._tools.records.files_of_part(part.id)

    async def _put_part(self, put: Put, part: PartRow) -> None:
        for file in self._files(part):
            if _is_to_send(file):
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


def _is_to_send(file: FileRow) -> bool:
    return file.fate is Fate.NOT_SENT and not file.remark


def _is_begun(files: Sequence[FileRow], beside: Sequence[RemoteFile]) -> bool:
    """Tell whether a half of a pair lies in the session's own resource."""
    return any(one.name == file.name and one.size_bytes == file.size_bytes for file in files for one in beside)
