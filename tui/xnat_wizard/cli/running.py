"""Runs an upload in this process and shows how it goes: what `upload` and `send` have in common."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import Exit, say

if TYPE_CHECKING:
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Options, Plan, UploadState


COMPRESSIONS = ("auto", "measured", "never")


def add_limit_to(parser: argparse.ArgumentParser) -> None:
    """Add to a command how fast it may be."""
    parser.add_argument("--limit-rate", metavar="RATE", help="bytes a second for the whole upload: 800k, 5M; 0: none")


def add_travel_to(parser: argparse.ArgumentParser) -> None:
    """Add to a command how fast it may be, over how many connections, and whether files are compressed."""
    add_limit_to(parser)
    parser.add_argument("--connections", type=int, choices=range(1, 13), metavar="N", help="at most so many (1 to 12)")
    parser.add_argument(
        "--compression",
        choices=COMPRESSIONS,
        help="over HTTP: auto measures the line, but not to this machine; measured does so always; or never",
    )


def travel_of(options: argparse.Namespace, known: "Options") -> "Options":
    """Return how fast an upload may be: as the person said, else as it was known.

    Raises:
        Problem: `upload.bad_rate`.
    """
    from xnat_wizard.upload.model import Compression
    from xnat_wizard.upload.throttle import parse_rate

    if options.limit_rate is not None:
        known = replace(known, limit_bytes_s=parse_rate(options.limit_rate))
    if getattr(options, "connections", None) is not None:
        known = replace(known, most_connections=options.connections)
    if getattr(options, "compression", None) is not None:
        known = replace(known, compression=Compression(options.compression))
    return known


def set_travel(path: Path, options: argparse.Namespace) -> None:
    """Write into the journal how fast the upload may be, where the person said so."""
    from xnat_wizard.upload.journal import Journal

    with Journal.open(path) as journal:
        known = journal.options()
        if (wanted := travel_of(options, known)) != known:
            journal.set_options(wanted)


def journal_of(plan: "Plan") -> Path:
    """Return the journal of an unfinished upload of the same plan the same way, else a new one."""
    from xnat_wizard.upload import uploads
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Route

    path = uploads.unfinished(plan)
    if path is None:
        return uploads.begin(plan)
    if plan.route is Route.DICOM and plan.receiver is not None:
        with Journal.open(path) as journal:
            journal.set_receiver(plan.receiver.encoded())  # our title and the number of associations may be others
    known = "what was acknowledged" if plan.route is Route.DICOM else "what the server has"
    say(f"Going on with upload {path.parent.name}: {known} is not sent again.")
    return path


def past_hanging_reads(code: Exit) -> Exit:
    """Return how the command ends; end it at once where a thread hangs in a read, which would be waited for."""
    if any(one.name.startswith("reader") and not one.daemon for one in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


async def run_here(path: Path, work: "Callable[[Journal], Awaitable[UploadState]]", *, is_json: bool) -> Exit:
    """Run an upload and show what it does; a signal to end makes it end in good order.

    Args:
        path: its journal.
        work: does it.
        is_json: show it as JSON.
    """
    import asyncio

    from xnat_wizard.cli.following import LOOK_EVERY_S, Follower, report
    from xnat_wizard.upload.journal import Journal

    with Journal.open(path) as journal, Journal.open(path) as seen:  # the second sees what the first changes
        events = journal.events()
        journal.forget_pauses()
        task = asyncio.ensure_future(work(journal))
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
        follower = Follower(seen, is_json=is_json, since_event=events[-1].id if events else 0)
        while not task.done():
            follower.look()
            await asyncio.wait({task}, timeout=LOOK_EVERY_S)
        follower.look()
        follower.end()
        if task.cancelled():
            say(f"Stopped. Go on with it: `xnat-wizard resume {path.parent.name}`, or the same command again.")
            return Exit.STOPPED
        task.result()
        return report(journal, is_json=is_json)
