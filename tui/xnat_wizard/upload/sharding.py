"""One plan, many machines: splits a plan into shards that never overlap and together are the whole.

All sessions of a subject stay in one shard, so that no two machines make the same subject at once. Which shard a
session falls into depends on the plan alone, never on the machine, the time or the other shards: any task of an array
can be started again by itself.
"""

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import new_private
from xnat_wizard.upload.model import Plan, PlannedSession
from xnat_wizard.upload.plan_file import encode

MARK_FILE = "shard.json"
MOST = 10_000
_FORMAT = "xnat-wizard shard"
_WHAT = frozenset({"source", "site_url", "project", "destination", "sessions"})  # of a plan's fields
_WRITTEN = re.compile(r"\s*(\d{1,5})\s*/\s*(\d{1,5})\s*")
_BELOW = ("*", "uploads/*", "state/uploads/*", "*/uploads/*", "*/state/uploads/*")  # from a home, or a folder of homes


@dataclass(frozen=True, slots=True)
class Shard:
    """One share of a plan."""

    number: int  # from 1
    count: int  # of all shards

    def __str__(self) -> str:
        """Return it as it is given: "3/10"."""
        return f"{self.number}/{self.count}"

    @property
    def name_end(self) -> str:
        """Return the end of the name of its upload's folder: no two shards have the same."""
        return f"-shard-{self.number}-of-{self.count}"


@dataclass(frozen=True, slots=True)
class Mark:
    """What lies beside the journal of a shard: of which plan it is, and which share."""

    plan: str  # digest
    shard: Shard
    host: str
    folder: Path


def parse(text: str) -> Shard:
    """Read a shard as a person writes it: "3/10" is the third of ten.

    Raises:
        Problem: `shard.bad`.
    """
    found = _WRITTEN.fullmatch(text)
    if found and 1 <= int(found[1]) <= int(found[2]) <= MOST:
        return Shard(int(found[1]), int(found[2]))
    raise Problem(
        Finding(
            "shard.bad",
            f"`{text}` is no shard",
            "A shard is one number of all, counted from 1",
            ("Write it as `--shard 3/10`: the third of ten",),
        )
    )


def from_slurm(environment: Mapping[str, str]) -> Shard:
    """Read the shard from the variables that Slurm sets in each task of an array.

    The tasks are counted from the lowest ID in steps of the array, so that 0-9, 1-10 and 10-100:10 are all ten shards.

    Raises:
        Problem: `shard.no_array` outside an array, or in one that has gaps: its tasks cannot be counted.
    """
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT")
    raw = [environment.get(name, "") for name in names]
    step = environment.get("SLURM_ARRAY_TASK_STEP", "1")
    if not all(one.isdecimal() for one in (*raw, step)):
        missing = ", ".join(name for name, one in zip(names, raw, strict=True) if not one.isdecimal())
        raise Problem(_no_array(f"The environment has no {missing or 'number in SLURM_ARRAY_TASK_STEP'}"))
    task, least, most, count = (int(one) for one in raw)
    width = max(1, int(step))
    if count < 2:
        raise Problem(_no_array("The array has one task, which would send the whole plan"))
    if (most - least) // width + 1 != count or (task - least) % width or not least <= task <= most or count > MOST:
        raise Problem(_no_array(f"The array has {count} tasks from {least} to {most}, with gaps between them"))
    return Shard((task - least) // width + 1, count)


def _no_array(why: str) -> Finding:
    return Finding(
        "shard.no_array",
        "Slurm does not say which shard this is",
        why,
        (
            "Start the command in an array without gaps: `sbatch --array=1-10`",
            "To run one task of it again, name it: `--shard 3/10`",
        ),
    )


def split(plan: Plan, count: int) -> tuple[Plan, ...]:
    """Split a plan into so many shares, about equal in bytes; some are empty where there are fewer subjects.

    The largest subject goes first, each to the share that has the least so far. What is only counted (files that are
    no images) stands in the first share, so that the sums of all shares are those of the plan.
    """
    groups: dict[str, list[PlannedSession]] = {}
    for session in plan.sessions:
        groups.setdefault(session.subject_label.casefold(), []).append(session)
    by_size = sorted(groups.items(), key=lambda group: (-_bytes_of(group[1]), group[0]))
    load, home = [0] * count, {}
    for subject, sessions in by_size:
        least = min(range(count), key=lambda at: (load[at], at))
        load[least] += max(1, _bytes_of(sessions))
        home[subject] = least
    shares: list[list[PlannedSession]] = [[] for _ in range(count)]
    for session in plan.sessions:  # in the order of the plan
        shares[home[session.subject_label.casefold()]].append(session)
    return tuple(
        replace(plan, sessions=tuple(share), not_sent=plan.not_sent if at == 0 else ())
        for at, share in enumerate(shares)
    )


def part(plan: Plan, shard: Shard) -> Plan:
    """Return one share of a plan."""
    return split(plan, shard.count)[shard.number - 1]


def _bytes_of(sessions: Iterable[PlannedSession]) -> int:
    return sum(session.size_bytes for session in sessions if session.is_included)


def digest_of(plan: Plan) -> str:
    """Return a digest of what a plan sends where; how it travels is not part of it."""
    content: dict[str, Any] = {name: value for name, value in encode(plan).items() if name in _WHAT}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


# -- marks -----------------------------------------------------------------------------------------


def mark(folder: Path, plan_digest: str, shard: Shard) -> None:
    """Write beside a journal of which plan it is, and which share.

    Raises:
        OSError: it cannot be written.
    """
    content = {"format": _FORMAT, "plan": plan_digest, "shard": asdict(shard), "host": socket.gethostname()}
    draft = folder / f"{MARK_FILE}.new"
    with os.fdopen(new_private(draft), "w", encoding="utf-8") as file:
        file.write(json.dumps(content) + "\n")
    draft.replace(folder / MARK_FILE)


def marks(places: Iterable[Path], plan_digest: str) -> tuple[Mark, ...]:
    """Find the shards of a plan in some folders, the newest first; what cannot be read is none.

    A place is a folder of uploads, the home of this program, or a folder with the homes of several machines.
    """
    found = {
        path.resolve(): one
        for place in places
        for pattern in _BELOW
        for path in place.glob(f"{pattern}/{MARK_FILE}")
        if (one := _read(path)) is not None and one.plan == plan_digest
    }
    return tuple(sorted(found.values(), key=lambda one: (one.folder.name, str(one.folder)), reverse=True))


def _read(path: Path) -> Mark | None:
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] != _FORMAT:
            return None
        shard = parse(f"{raw['shard']['number']}/{raw['shard']['count']}")
        return Mark(str(raw["plan"]), shard, str(raw["host"]), path.parent)
    except (OSError, ValueError, KeyError, TypeError, Problem):
        return None
