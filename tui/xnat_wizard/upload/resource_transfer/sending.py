"""Sends files of one target in runs, looks whether they are there, and tries once more what is not.

Files travel in runs of up to 100 MB, each one zip that the site unpacks; a long file travels alone and bare; an archive
that holds nothing but what is missing travels as it is. A run that was cut is not sent again before the site was asked
what it has of it; a run that is refused is cut in halves until the files are found that the site does not take.
"""

from collections.abc import Callable, Mapping, Sequence

from xnat_wizard.findings import Finding
from xnat_wizard.upload.bodies import Body, Stream
from xnat_wizard.upload.parts import BareStream, SourceChangedError
from xnat_wizard.upload.resource_transfer import local_tree, put_findings
from xnat_wizard.upload.resource_transfer.comparing import Comparing, Standing, zip_of
from xnat_wizard.upload.resource_transfer.local_tree import LocalFile, LocalTree
from xnat_wizard.upload.resource_transfer.model import Target
from xnat_wizard.upload.resource_transfer.tools import Halted, Tools, finding_of, stored_in
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.resources import Holder

MOST_BYTES = 100_000_000  # of one request
MOST_FILES = 2_000
ALONE_BYTES = 64_000_000
WHOLE_BYTES = 200_000_000  # an archive up to this length travels in one request
REFUSALS_IN_A_ROW = 5  # files refused one by one: the rest would be, too
_PERHAPS_ONE_FILE = frozenset({400, 413, 422})  # refusals that smaller requests may not meet


class Sending:
    """The runs of one target."""

    def __init__(
        self,
        tools: Tools,
        target: Target,
        key: str,
        tree: LocalTree,
        holder: Holder,
        comparing: Comparing,
    ) -> None:
        self._tools = tools
        self._target = target
        self._key = key
        self._tree = tree
        self._holder = holder
        self._comparing = comparing
        self._tally = tools.tallies[target]
        self.findings: list[Finding] = []
        self._failed: dict[str, str] = {}  # files by name, and why
        self._taken_by_others: set[str] = set()  # the site said that they exist, and left them as they are
        self._refusals = 0  # in a row

    async def send(self, fresh: list[LocalFile], replaced: list[LocalFile]) -> None:
        """Send files, look whether they are there, and try once more what is not; also when the sending had to end."""
        sent, is_whole = [*fresh, *replaced], self._travels_as_it_is(fresh)
        end: Finding | None = None  # why the sending had to end
        try:
            if is_whole:
                await self._send_run(fresh, is_replacing=False, is_whole=True)
                standings = await self._look_again(fresh)
                if all(standing is Standing.MISSING for standing in standings.values()):
                    await self._send_runs(fresh, is_replacing=False)  # an old site unpacks no tar
            else:
                await self._send_runs(fresh, is_replacing=False)
            await self._send_runs(replaced, is_replacing=True)
        except Exception as error:
            end = finding_of(error)
            if end is None:
                raise
        standings = await self._look_again(sent)
        unlisted = [file for file in sent if standings[file.name] is Standing.MISSING]
        if any(file.name in self._taken_by_others for file in unlisted):
            await self._tools.patience.call(lambda: self._tools.resources.refresh(self._holder, self._target.label))
            standings |= await self._look_again(unlisted)
        missed = [file for file in sent if not standings[file.name].is_equal and self._may_try_again(file)]
        if missed and len(missed) < len(sent) and end is None:
            for file in missed:
                await self._send_run([file], is_replacing=True)
            standings |= await self._look_again(missed)
        self._count(sent, standings, is_cut=end is not None)
        if end is not None and not all(standing.is_equal for standing in standings.values()):
            self.findings.append(end)

    def _travels_as_it_is(self, fresh: list[LocalFile]) -> bool:
        tree = self._tree
        is_all_missing = len(fresh) == len(tree.files)
        return (
            bool(tree.archive_ending) and tree.is_whole and is_all_missing and tree.path.stat().st_size <= WHOLE_BYTES
        )

    def _may_try_again(self, file: LocalFile) -> bool:
        return file.name not in self._failed and file.name not in self._taken_by_others

    async def _look_again(self, files: Sequence[LocalFile]) -> dict[str, Standing]:
        stored = await stored_in(self._tools, self._holder, self._target.label)
        return await self._comparing.all(files, stored, reads_doubtful=True)

    def _count(self, sent: Sequence[LocalFile], standings: Mapping[str, Standing], *, is_cut: bool) -> None:
        missing = []
        for file in sent:
            standing = standings[file.name]
            if standing.is_equal:
                self._failed.pop(file.name, None)  # it was refused, and is there all the same
                self._tally.moved += 1
                self._tally.moved_bytes += file.size_bytes
                self._tally.by_size += standing is Standing.EQUAL_BY_SIZE
                continue
            self._tally.failed += 1
            if file.name not in self._failed:
                missing.append(file.name)
        others = [name for name in missing if name in self._taken_by_others]
        missing = [name for name in missing if name not in self._taken_by_others]
        if others:
            self.findings.append(put_findings.differs(self._target, others))
        if missing and not is_cut:
            is_all = len(missing) == len(sent)
            self.findings.append(put_findings.not_there(self._target, missing, is_all=is_all))
        if self._failed:
            self.findings.append(put_findings.refused(self._target, self._failed))

    # Runs

    async def _send_runs(self, files: list[LocalFile], *, is_replacing: bool) -> None:
        runs = local_tree.parts(files, most_bytes=MOST_BYTES, most_files=MOST_FILES, alone_bytes=ALONE_BYTES)
        for run in runs:
            await self._send_run(list(run), is_replacing=is_replacing)

    async def _send_run(self, run: list[LocalFile], *, is_replacing: bool, is_whole: bool = False) -> None:
        """Send files in one request; cut them in halves until those are found that the site does not take."""
        left, is_again = run, False
        if not is_replacing:
            self._tools.journal.begin(self._key, run)

        async def attempt() -> None:
            nonlocal left, is_again
            if is_again:
                standings = await self._look_again(left)
                left = [file for file in left if not standings[file.name].is_equal]
            is_replaced = is_replacing or is_again  # what differs now was cut on its way
            is_again = True
            await self._put(left, is_replacing=is_replaced, is_whole=is_whole and len(left) == len(run))

        try:
            await self._tools.patience.call(attempt)
        except Refused as refusal:
            if refusal.status not in _PERHAPS_ONE_FILE:
                raise
            if is_whole:
                await self._send_runs(left, is_replacing=is_replacing)
            elif len(left) > 1:
                middle = len(left) // 2
                await self._send_run(left[:middle], is_replacing=is_replacing)
                await self._send_run(left[middle:], is_replacing=is_replacing)
            else:
                self._refuse(left, refusal)
        else:
            self._refusals = 0

    def _refuse(self, files: Sequence[LocalFile], refusal: Refused) -> None:
        reason = refusal.finding.why
        self._failed |= dict.fromkeys((file.name for file in files), reason)
        self._refusals += 1
        if self._refusals >= REFUSALS_IN_A_ROW:
            raise Halted(put_findings.stopped_refusing(self._target, reason))

    async def _put(self, files: list[LocalFile], *, is_replacing: bool, is_whole: bool) -> None:
        """Make one request; files that cannot be read any more are left out of it."""
        left = list(files)
        while left:
            try:
                await self._request(left, is_replacing=is_replacing, is_whole=is_whole)
            except SourceChangedError as change:
                if is_whole or not left[0].path:
                    reasons = {self._tree.path.name: change.reason}
                    raise Halted(put_findings.refused(self._target, reasons)) from change
                self._failed[left.pop(change.file_id).name] = change.reason
            else:
                return

    async def _request(self, files: list[LocalFile], *, is_replacing: bool, is_whole: bool) -> None:
        tree, resources, label = self._tree, self._tools.resources, self._target.label
        details = self._tools.wishes.details
        if is_whole:
            archive = tree.archive()
            body = self._body(lambda: BareStream(archive, is_digesting=False))
            self._tally.to_travel_bytes = body.size_bytes
            existed = await resources.put_archive(
                self._holder,
                label,
                body,
                body.size_bytes,
                ending=tree.archive_ending,
                details=details,
                is_replacing=is_replacing,
            )
        elif len(files) == 1 and files[0].size_bytes:
            (file,) = files
            item = tree.item(0, file)
            body = self._body(lambda: BareStream(item) if file.path else zip_of(tree, tree.packed))
            existed = await resources.put_file(
                self._holder, label, file.name, body, body.size_bytes, details=details, is_replacing=is_replacing
            )
        else:
            body = self._body(lambda: zip_of(tree, files))
            existed = await resources.put_archive(
                self._holder, label, body, body.size_bytes, details=details, is_replacing=is_replacing
            )
        names = {file.name for file in files}
        self._taken_by_others |= set(existed) if names.issuperset(existed) else names  # it may spell them otherwise
        if not is_whole and files[0].path:
            for number, md5 in body.stream.md5.items():
                self._comparing.remember(files[number], md5)
        self._comparing.keep()

    def _body(self, make: Callable[[], Stream]) -> Body:
        """Return a body that counts what has left."""
        body = Body(make, self._tools.executor, self._tools.throttle)
        begun_bytes = self._tally.travelled_bytes

        def moved(_size_bytes: int, _files: int, handed_out: int) -> None:
            self._tally.travelled_bytes = begun_bytes + handed_out
            self._tools.patience.moved(handed_out)

        body.on_moved = moved
        return body
