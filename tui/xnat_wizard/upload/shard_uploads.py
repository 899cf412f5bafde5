"""The uploads of a plan's shards: one begun or taken up again, and one summary over the receipts of all."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnat_wizard import settings
from xnat_wizard.amounts import count_text
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Plan, Route, UploadState
from xnat_wizard.upload.receipt_files import JSON_NAME
from xnat_wizard.upload.sharding import Mark, Shard, digest_of, mark, marks, split
from xnat_wizard.upload.worker import is_running

COMPLETE, BY_COUNT = "COMPLETE", "COMPLETE BY COUNT"
NOTHING = "nothing to send"
MISSING = "missing"
UNREADABLE = "unreadable"
_OVER = frozenset({UploadState.DONE, UploadState.CANCELLED})


@dataclass(frozen=True, slots=True)
class ShardStand:
    """How one shard stands."""

    shard: Shard
    sessions: int  # of the plan
    files: int
    size_bytes: int
    state: str  # an upload's, or MISSING, UNREADABLE, NOTHING
    verdict: str = ""  # of its receipt
    files_stored: int = 0
    upload: str = ""
    host: str = ""
    folder: Path | None = None
    is_running: bool = False

    @property
    def is_good(self) -> bool:
        """Tell whether all of it is proved to be there."""
        return self.state == NOTHING or self.verdict in {COMPLETE, BY_COUNT}


@dataclass(frozen=True, slots=True)
class Summary:
    """All shards of a plan."""

    shards: tuple[ShardStand, ...]
    other_counts: tuple[int, ...] = ()  # the plan was split into so many shards as well

    @property
    def files(self) -> int:
        """Return the number of files of the plan."""
        return sum(one.files for one in self.shards)

    @property
    def files_stored(self) -> int:
        """Return how many are proved to be there."""
        return sum(one.files_stored for one in self.shards)

    @property
    def missing(self) -> tuple[ShardStand, ...]:
        """Return the shards that no upload was found of, or that cannot be read."""
        return tuple(one for one in self.shards if one.state in {MISSING, UNREADABLE})

    @property
    def unfinished(self) -> tuple[ShardStand, ...]:
        """Return the shards that have an upload and no end of it."""
        return tuple(one for one in self.shards if one not in self.missing and not one.verdict and not one.is_good)

    @property
    def verdict(self) -> str:
        """Return one verdict over all."""
        if self.missing or self.unfinished:
            missing = f"{count_text(len(self.missing), 'shard')} missing"
            return f"NOT FINISHED: {missing}, {len(self.unfinished)} without a receipt"
        bad = [one for one in self.shards if not one.is_good]
        absent = sum(int(one.verdict.split()[1]) for one in bad if one.verdict.startswith("INCOMPLETE "))
        if absent:
            return f"INCOMPLETE {absent}"
        if bad:
            return f"NOT PROVEN: {count_text(len(bad), 'shard')}"
        return BY_COUNT if any(one.verdict == BY_COUNT for one in self.shards) else COMPLETE


def taken_up(plan_digest: str, shard: Shard, route: Route) -> Path | None:
    """Return the journal of the shard's upload by this route that still runs or can be resumed, None for none.

    Raises:
        Problem: `shard.other_split` when an upload here has split the plan otherwise: the two would overlap.
    """
    known = marks([settings.uploads_dir()], plan_digest)
    for one in known:
        if one.shard.count != shard.count and _state(one)[0] is not UploadState.CANCELLED:
            raise Problem(_other_split(one, shard))
    mine = [one for one in known if one.shard == shard]
    if not mine:
        return None
    state, way = _state(mine[0])
    return None if state in _OVER or way is not route else mine[0].folder / FILE_NAME


def begin(plan: Plan, plan_digest: str, shard: Shard) -> Path:
    """Begin the journal of a shard.

    Args:
        plan: the share.
        plan_digest: of the whole.
        shard: which share it is.

    Raises:
        OSError, Problem: as `uploads.begin`.
    """
    path = uploads.begin(plan, name_end=shard.name_end)
    mark(path.parent, plan_digest, shard)
    return path


def summary(plan: Plan, places: Iterable[Path] = (), count: int = 0) -> Summary | None:
    """Sum up the shards of a plan; None where no shard of it was ever begun there.

    Args:
        plan: the whole.
        places: where journals are, beside the folder of uploads of this account.
        count: of shards; 0 is as the newest upload has it.
    """
    known = marks([settings.uploads_dir(), *places], digest_of(plan))
    if not known and not count:
        return None
    count = count or known[0].shard.count
    newest: dict[int, Mark] = {}
    for one in reversed([two for two in known if two.shard.count == count]):
        newest[one.shard.number] = one
    stands = [_stand(Shard(at, count), share, newest.get(at)) for at, share in enumerate(split(plan, count), start=1)]
    others = {one.shard.count for one in known} - {count}
    return Summary(tuple(stands), tuple(sorted(others)))


def _stand(shard: Shard, share: Plan, found: Mark | None) -> ShardStand:
    amounts = (
        len(share.included),
        sum(one.file_count for one in share.included),
        sum(one.size_bytes for one in share.included),
    )
    if not share.included:
        return ShardStand(shard, *amounts, state=NOTHING)
    if found is None:
        return ShardStand(shard, *amounts, state=MISSING)
    state, verdict, stored, is_alive = _read(found)
    return ShardStand(shard, *amounts, state, verdict, stored, found.folder.name, found.host, found.folder, is_alive)


def _read(found: Mark) -> tuple[str, str, int, bool]:
    """Return state, verdict and the number of files stored, from the journal or from the receipt beside it."""
    path = found.folder / FILE_NAME
    with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(path) as journal:
        progress, receipt = journal.progress(), journal.receipt()
        is_alive = is_running(path)
        if receipt is None or is_alive or not progress.state.is_final:
            stored = sum(one.files_stored for one in progress.sessions)
            return str(progress.state), "", stored, is_alive
        return str(progress.state), receipt.verdict, sum(line.files_stored for line in receipt.lines), False
    try:
        raw: dict[str, Any] = json.loads((found.folder / JSON_NAME).read_bytes())
        stored = sum(
            int(series["in_prearchive"]) + int(series["in_archive"])
            for one in raw["sessions"]
            for series in one["series"]
        )
        return "ended", str(raw["verdict"]), stored, False
    except (OSError, ValueError, KeyError, TypeError):
        return UNREADABLE, "", 0, False


def _state(found: Mark) -> tuple[UploadState | None, Route | None]:
    with contextlib.suppress(OSError, Problem, sqlite3.Error), Journal.open(found.folder / FILE_NAME) as journal:
        return journal.progress().state, journal.route
    return None, None


def _other_split(found: Mark, shard: Shard) -> Finding:
    known = found.shard
    return Finding(
        "shard.other_split",
        f"This plan was split into {known.count} shards already, and shard {shard} would overlap with them",
        f"Upload {found.folder.name} is shard {known} of the same plan",
        (
            f"Give a shard of {known.count}: `--shard {min(shard.number, known.count)}/{known.count}`",
            f"Or cancel the uploads of the other split first: `xnat-wizard cancel {found.folder.name}`",
        ),
        where=str(found.folder),
    )
