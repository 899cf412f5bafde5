"""Sends one target: look here, look there, send what is missing, look again.

What is there already by name, size and MD5 is not sent; `sending` says how the rest travels.
"""

from collections.abc import Mapping, Sequence

from xnat_wizard.findings import Finding
from xnat_wizard.upload.parts import SourceChangedError
from xnat_wizard.upload.resource_transfer import local_tree, put_findings
from xnat_wizard.upload.resource_transfer.comparing import Comparing, Standing, in_thread
from xnat_wizard.upload.resource_transfer.local_tree import LocalFile, LocalTree
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Tally, Target, Verdict
from xnat_wizard.upload.resource_transfer.sending import Sending
from xnat_wizard.upload.resource_transfer.tools import Halted, Tools, ended, finding_of, no_holder, shared, stored_in
from xnat_wizard.xnat.resources import Holder


class Putting:
    """One target on its way to the site."""

    def __init__(self, tools: Tools, target: Target) -> None:
        self._tools = tools
        self._wishes = tools.wishes
        self._target = target
        self._tally = tools.tallies.setdefault(target, Tally())
        self._findings: list[Finding] = []
        self._key = f"{tools.url} {target}"

    async def run(self) -> Outcome:
        """Send what is missing; return what came of it.

        Raises:
            GiveUpError, LoginAgain, Fatal: nothing more will work in this run.
        """
        tree: LocalTree | None = None
        tally = self._tally
        try:
            tree = await in_thread(self._tools, self._look_here)
            await self._put(tree)
        except Exception as error:
            finding = finding_of(error)
            if finding is None:
                raise
            self._findings.append(finding)
            rest = tally.files - tally.moved - tally.there - tally.left - tally.failed
            tally.failed = max(1, tally.failed + rest)
        finally:
            if tree is not None:
                tree.close()
        if tally.by_size:
            self._findings.append(put_findings.by_size(self._target, tally.by_size))
        outcome = ended(self._target, tally, self._findings, is_dry=self._wishes.is_dry)
        if outcome.verdict is Verdict.DONE:
            self._tools.journal.end(self._key)
        return outcome

    def _look_here(self) -> LocalTree:
        return local_tree.look(self._target.path, self._tools.stop, keeps_archive=self._wishes.keeps_archive)

    async def _put(self, tree: LocalTree) -> None:
        tally = self._tally
        tally.files, tally.failed = len(tree.files) + tree.unsendable, tree.unsendable
        tally.size_bytes = sum(file.size_bytes for file in tree.files)
        self._findings += tree.findings
        if not tree.files:
            raise Halted(put_findings.nothing(self._target))
        holder = await self._holder()
        comparing = Comparing(self._tools, self._key, tree)
        stored = await stored_in(self._tools, holder, self._target.label) if holder else {}
        fresh, replaced = self._sort(tree.files, await comparing.all(tree.files, stored))
        tally.to_move = len(fresh) + len(replaced)
        tally.to_travel_bytes = sum(file.size_bytes for file in (*fresh, *replaced))
        if self._wishes.is_dry or holder is None:
            await self._read_all(comparing, (*fresh, *replaced))
        elif fresh or replaced:
            sending = Sending(self._tools, self._target, self._key, tree, holder, comparing)
            try:
                await sending.send(fresh, replaced)
            finally:
                self._findings += sending.findings

    async def _read_all(self, comparing: Comparing, files: Sequence[LocalFile]) -> None:
        """Read files to their end: what cannot be read is found out now."""
        unread = {}
        for file in files:
            try:
                await comparing.md5_of(file)
            except SourceChangedError as change:
                unread[file.name] = change.reason
        self._fail(unread)

    def _fail(self, reasons: Mapping[str, str]) -> None:
        if reasons:
            self._tally.failed += len(reasons)
            self._findings.append(put_findings.refused(self._target, reasons))

    async def _holder(self) -> Holder | None:
        """Return what holds the resource, made where that is wanted; `None` where it would be made."""
        address, wishes = self._target.address, self._wishes
        resources, patience = self._tools.resources, self._tools.patience
        holder = await patience.call(lambda: resources.find(address))
        if holder is None and not wishes.creates:
            raise Halted(no_holder(address, can_create=True))
        if holder is None and wishes.is_dry:
            self._findings.append(put_findings.would_create(address))
        elif holder is None:
            holder = await patience.call(lambda: resources.create(address, wishes.xsi_type))
            self._tools.tell(f"{address}: made")
        elif holder.is_shared:
            raise Halted(shared(holder))
        return holder

    def _sort(
        self, files: Sequence[LocalFile], standings: Mapping[str, Standing]
    ) -> tuple[list[LocalFile], list[LocalFile]]:
        """Return what is to be sent anew, and what is to be replaced; count the others.

        Raises:
            Halted: resource.differs.
        """
        fresh, replaced, others, blocked = [], [], [], []
        unread = {}
        for file in files:
            standing = standings[file.name]
            if standing.is_equal:
                self._tally.there += 1
                self._tally.by_size += standing is Standing.EQUAL_BY_SIZE
            elif standing is Standing.MISSING:
                fresh.append(file)
            elif standing is Standing.IN_THE_WAY:
                blocked.append(file.name)
            elif standing is Standing.UNREADABLE:
                unread[file.name] = "it cannot be read, or has changed meanwhile"
            elif self._wishes.existing is Existing.REPLACE or self._tools.journal.has_begun(self._key, file):
                replaced.append(file)
            else:
                others.append(file.name)
        self._fail(unread)
        if blocked:
            self._tally.failed += len(blocked)
            self._findings.append(put_findings.in_the_way(self._target, blocked))
        if others and self._wishes.existing is Existing.FAIL:
            raise Halted(put_findings.differs(self._target, others))
        if others:
            self._tally.left = len(others)
            self._findings.append(put_findings.kept(self._target, others))
        return fresh, replaced
