"""`upload PLAN --shard 3/10`: one plan on many machines, and `--summary`: what came of all of them."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.amounts import count_text
from xnat_wizard.cli.talk import Exit, explain, note, put, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.upload.model import Plan
    from xnat_wizard.upload.shard_uploads import ShardStand, Summary
    from xnat_wizard.upload.sharding import Shard


@dataclass(frozen=True, slots=True)
class Share:
    """What of a plan this process sends."""

    plan: "Plan"
    plan_digest: str = ""  # of the whole; "" where it is the whole
    shard: "Shard | None" = None

    def taken_up(self) -> Path | None:
        """Return the journal of this shard that can be gone on with, None for none, or where this is no shard.

        Raises:
            Problem: `shard.other_split`.
        """
        from xnat_wizard.upload import shard_uploads

        return None if self.shard is None else shard_uploads.taken_up(self.plan_digest, self.shard, self.plan.route)


def add_shards_to(upload: argparse.ArgumentParser) -> None:
    """Add to `upload` what one plan on many machines needs."""
    many = upload.add_argument_group(
        "many machines, one plan",
        "In a job array every task gives the same plan and a shard of its own. All sessions of a subject are in one "
        "shard, shards are about equal in bytes, none overlap, and together they are the whole plan.",
    )
    which = many.add_mutually_exclusive_group()
    which.add_argument("--shard", metavar="I/N", help="send only the share I of N, counted from 1: 3/10")
    which.add_argument(
        "--shard-from-slurm",
        action="store_true",
        help="the shard is this task of the Slurm array: SLURM_ARRAY_TASK_ID, _MIN, _MAX, _STEP and _COUNT",
    )
    which.add_argument(
        "--summary", action="store_true", help="send nothing; say what came of all shards, and which are missing"
    )
    many.add_argument(
        "--from",
        dest="places",
        action="append",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="with --summary: look for uploads in this folder too: the home of this program on another machine, or a "
        "folder of such homes; may be given more than once",
    )
    many.add_argument("--shards", type=int, metavar="N", help="with --summary: of how many shards, when there were two")


def share_of(plan: "Plan", options: argparse.Namespace) -> Share:
    """Return what of a plan this process sends.

    Raises:
        Problem: the shard cannot be read, or Slurm does not say it.
    """
    from xnat_wizard.upload.sharding import digest_of, from_slurm, parse, part

    if not options.shard and not options.shard_from_slurm:
        return Share(plan)
    shard = parse(options.shard) if options.shard else from_slurm(os.environ)
    share = part(plan, shard)
    files = sum(one.file_count for one in share.included)
    note(f"Shard {shard}: {len(share.included)} of {len(plan.included)} sessions, {files:,} files.")
    return Share(share, digest_of(plan), shard)


def journal_of_share(share: Share, plan: "Plan") -> Path:
    """Return the journal of the shard that can be gone on with, or a new one.

    Args:
        share: which it is.
        plan: the share, with the receiver that was chosen meanwhile.

    Raises:
        Problem: `shard.other_split`.
    """
    from xnat_wizard.cli.running import journal_of
    from xnat_wizard.upload import shard_uploads

    if share.shard is None:
        return journal_of(plan)
    path = share.taken_up()
    if path is None:
        return shard_uploads.begin(plan, share.plan_digest, share.shard)
    say(f"Going on with upload {path.parent.name}: what the server has is not sent again.")
    return path


# -- the summary -----------------------------------------------------------------------------------


def summarize(plan: "Plan", options: argparse.Namespace) -> Exit:
    """Say what came of all shards of a plan.

    Raises:
        Problem: `shard.none` where no shard of it was begun.
    """
    from xnat_wizard.upload.shard_uploads import summary

    found = summary(plan, options.places, options.shards or 0)
    if found is None:
        raise Problem(_none(options))
    for one in found.shards:
        _put(one, is_json=options.json)
    for count in found.other_counts:
        say(f"There are uploads of a split into {count} shards as well: `--shards {count}` sums them up.")
    for one in found.missing:
        explain(_missing(one))
    _put_sum(found, is_json=options.json)
    return Exit.DONE if all(one.is_good for one in found.shards) else Exit.INCOMPLETE


def _put(one: "ShardStand", *, is_json: bool) -> None:
    if is_json:
        put_object(
            "shard",
            shard=str(one.shard),
            state=one.state,
            verdict=one.verdict,
            sessions=one.sessions,
            files_total=one.files,
            files_stored=one.files_stored,
            bytes_total=one.size_bytes,
            upload=one.upload,
            host=one.host,
            folder=str(one.folder or ""),
            is_running=one.is_running,
        )
        return
    counts = f"{count_text(one.sessions, 'session')}, {one.files_stored:,} of {one.files:,} files stored"
    place = f"  {one.upload} on {one.host}" if one.upload else ""
    put(f"{one.shard!s:>7}  {one.verdict or one.state:<17}  {counts}{place}")


def _put_sum(found: "Summary", *, is_json: bool) -> None:
    sessions = sum(one.sessions for one in found.shards)
    if is_json:
        put_object(
            "summary",
            verdict=found.verdict,
            shards=len(found.shards),
            missing=[str(one.shard) for one in found.missing],
            unfinished=[str(one.shard) for one in found.unfinished],
            sessions=sessions,
            files_total=found.files,
            files_stored=found.files_stored,
        )
        return
    stored = f"{found.files_stored:,} of {found.files:,} files stored"
    counts = f"{count_text(len(found.shards), 'shard')}, {count_text(sessions, 'session')}"
    put(f"Verdict: {found.verdict}   {counts}, {stored}")


def _missing(one: "ShardStand") -> Finding:
    is_there = one.folder is not None
    return Finding(
        "shard.missing",
        f"Shard {one.shard} cannot be read"
        if is_there
        else f"Shard {one.shard} was not begun, as far as is known here",
        "Its journal and its receipt are damaged or not readable" if is_there else "No upload of it was found",
        (
            f"Start it: `xnat-wizard upload PLAN --shard {one.shard}`",
            "Or, where it ran with another home on another machine, show its folder: `--summary --from FOLDER`",
        ),
        where=str(one.folder or ""),
    )


def _none(options: argparse.Namespace) -> Finding:
    return Finding(
        "shard.none",
        "No shard of this plan was begun",
        "No upload on this machine, or in the folders given, is marked as a share of the plan as it is now",
        (
            f"Start them: `xnat-wizard upload {options.plan} --shard 1/10`, and so on",
            "Or show where their uploads are: `--from FOLDER`",
            "Or give the plan as it was then: an edit makes another plan of it",
        ),
    )
