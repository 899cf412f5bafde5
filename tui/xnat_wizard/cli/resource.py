"""`resource put`, `get` and `list`: result folders into resources and back, for many subjects at once."""

import argparse
import contextlib
import signal
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.talk import Exit, explain, put, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.cli.resource_lines import Teller
    from xnat_wizard.upload.resource_transfer.model import Outcome, Target, Wishes
    from xnat_wizard.upload.resource_transfer.targets import Request
    from xnat_wizard.upload.resource_transfer.transfer import Transfer
    from xnat_wizard.xnat.resources import Holder, ResourceFolder
    from xnat_wizard.xnat.site import Site

SUBJECTS_HELP = "which subjects {subject} stands for: p020..p023,p031 (default: all that fit)"
_EXISTING_HELP = (
    "a file of the same name that differs: fail (default; nothing of that subject is moved), skip (it stays) or "
    "replace; equal files are never moved twice"
)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    resource = commands.add_parser("resource", help="result folders into resources and back, for many subjects at once")
    acts = resource.add_subparsers(title="commands", metavar="COMMAND", required=True)

    send = acts.add_parser("put", help="send a folder, file, zip or tar.gz into a resource, for each subject")
    send.add_argument("source", help="what is sent: '/results/erc-wp1-{subject}'; an archive is unpacked by the site")
    _add_place_to(send, is_labelled=True)
    send.add_argument("--keep-archive", action="store_true", help="store an archive as it is, and a folder as one zip")
    send.add_argument("--format", default="", help="noted of the files: NIFTI, BIDS")
    send.add_argument("--content", default="", help="noted of the files: RAW, T1_MAP")
    send.add_argument("--tags", default="", help="noted of the files, with commas between")
    send.add_argument("--reason", default="", help="why data are changed, where the site demands a reason")
    send.add_argument("--create", action="store_true", help="make a subject, session or scan that is missing")
    send.add_argument("--xsi-type", default="xnat:mrSessionData", help="type of a session that is made")
    send.add_argument("--limit-rate", metavar="RATE", default="0", help="bytes a second in all: 800k, 5M; 0: none")
    _add_way_to(send)
    send.set_defaults(run=_put)

    save = acts.add_parser("get", help="save a resource into a folder, for each subject")
    save.add_argument("folder", help="where: './qBOLD/{subject}'; without {subject} each gets a folder of its name")
    _add_place_to(save, is_labelled=True)
    _add_way_to(save)
    save.set_defaults(run=_get)

    show = acts.add_parser("list", help="list resources, or the files in them")
    _add_place_to(show, is_labelled=False)
    show.add_argument("--files", action="store_true", help="list the files, too")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    add_login_to(show)
    show.set_defaults(run=_list)


def _add_place_to(command: argparse.ArgumentParser, *, is_labelled: bool) -> None:
    command.add_argument("--site", default=argparse.SUPPRESS, help="address of the XNAT site (default: XNAT_HOST)")
    command.add_argument("--project", required=True, help="project ID")
    command.add_argument("--subject", default="", help="subject label, or a pattern with {subject}")
    command.add_argument("--session", default="", help="session label, or a pattern: '{subject}-mri'")
    command.add_argument("--scan", default="", help="scan ID in the session")
    command.add_argument("--resource", required=is_labelled, default="", help="label of the resource")
    command.add_argument("--subjects", default="", metavar="NAMES", help=SUBJECTS_HELP)


def _add_way_to(command: argparse.ArgumentParser) -> None:
    command.add_argument("--existing", choices=("fail", "skip", "replace"), default="fail", help=_EXISTING_HELP)
    command.add_argument(
        "--verify-bytes", action="store_true", help="read files back from the site where it keeps no MD5, and compare"
    )
    command.add_argument("--dry-run", action="store_true", help="read and compare everything, change nothing")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    add_login_to(command)


# -- put and get -----------------------------------------------------------------------------------


def _put(options: argparse.Namespace) -> int:
    from xnat_wizard.upload.resource_transfer import targets
    from xnat_wizard.upload.resource_transfer.model import Existing, Wishes
    from xnat_wizard.upload.throttle import parse_rate
    from xnat_wizard.xnat.resources import Details

    if options.create and not options.subject and "{subject}" in options.session:
        options.subject = "{subject}"
    details = Details(options.format, options.content, options.tags, options.reason)
    targets.check_details(details)
    request = _request(options, options.source)
    wishes = Wishes(
        existing=Existing(options.existing),
        is_dry=options.dry_run,
        verifies_bytes=options.verify_bytes,
        keeps_archive=options.keep_archive,
        creates=options.create,
        xsi_type=options.xsi_type,
        details=details,
    )
    limit = parse_rate(options.limit_rate)
    found = targets.to_put(request, creates=options.create)  # before anybody logs in
    return _run(_move(options, wishes, request, found, limit))


def _get(options: argparse.Namespace) -> int:
    from xnat_wizard.upload.resource_transfer.model import Existing, Wishes

    wishes = Wishes(existing=Existing(options.existing), is_dry=options.dry_run, verifies_bytes=options.verify_bytes)
    return _run(_move(options, wishes, _request(options, options.folder), None, 0))


def _run(work: Coroutine[Any, Any, Exit]) -> Exit:
    import asyncio

    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        say("Stopped. The same command goes on with it: what is there is not moved twice.")
        return Exit.STOPPED


def _request(options: argparse.Namespace, path: str) -> "Request":
    from xnat_wizard.upload.resource_transfer.targets import Request

    return Request.parse(
        path,
        project=options.project,
        subject=options.subject,
        session=options.session,
        scan=options.scan,
        label=options.resource,
        subjects=options.subjects,
    )


async def _move(
    options: argparse.Namespace,
    wishes: "Wishes",
    request: "Request",
    targets: "tuple[Target, ...] | None",
    limit_bytes_s: int,
) -> Exit:
    """Put the targets, or get those that the site has; a signal to end leaves what the next run takes up."""
    import asyncio
    import random
    import time

    from xnat_wizard.cli.resource_lines import Teller
    from xnat_wizard.settings import state_dir
    from xnat_wizard.upload.resource_transfer.journal import Journal
    from xnat_wizard.upload.resource_transfer.targets import to_get
    from xnat_wizard.upload.resource_transfer.transfer import Transfer
    from xnat_wizard.xnat.site import Site

    _end_at_signals()
    async with await Site.connect(login_for(_address(options), options)) as site:
        found = targets if targets is not None else await to_get(request, site)
        with Journal(state_dir()) as journal:
            teller = Teller(is_json=options.json, is_put=targets is not None, is_dry=wishes.is_dry)
            transfer = Transfer(
                site, journal, wishes, clock=time.time, sleep=asyncio.sleep, random=random.random, tell=teller.tell,
                limit_bytes_s=limit_bytes_s,
            )  # fmt: skip
            moved = transfer.put(found) if targets is not None else transfer.get(found)
            return await _follow(teller, transfer, moved, found)


async def _follow(
    teller: "Teller", transfer: "Transfer", moved: "AsyncGenerator[Outcome, None]", targets: "tuple[Target, ...]"
) -> Exit:
    import asyncio

    from xnat_wizard.upload.patience import GiveUpError

    outcomes: dict[Target, Outcome] = {}
    ticking = asyncio.create_task(teller.tick(transfer.snapshot))
    try:
        async with contextlib.aclosing(moved):
            async for outcome in moved:
                outcomes[outcome.target] = outcome
                teller.ended(outcome)
    except GiveUpError as end:
        raise Problem(end.finding) from end
    finally:
        ticking.cancel()
        teller.summary([outcomes[target] for target in targets if target in outcomes], len(targets))
    return exit_for(outcomes.values())


def exit_for(outcomes: "Iterable[Outcome]") -> Exit:
    """Return how the command ends: done, failed when nothing at all got through, else incomplete."""
    from xnat_wizard.upload.resource_transfer.model import Verdict

    verdicts = {outcome.verdict for outcome in outcomes}
    if verdicts <= {Verdict.DONE, Verdict.PLANNED}:
        return Exit.DONE
    return Exit.FAILED if verdicts == {Verdict.FAILED} else Exit.INCOMPLETE


def _end_at_signals() -> None:
    """Let a request to end cancel what runs, so that no unfinished file stays; a lost terminal stops nothing."""
    import asyncio

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _address(options: argparse.Namespace) -> str:
    """Return the site's address.

    Raises:
        Problem: site.bad_address.
    """
    if not options.site:
        raise Problem(
            Finding(
                "resource.no_site",
                "No site is named",
                "Neither `--site` nor XNAT_HOST in the environment says where XNAT is",
                ("Give the address of the site: --site xnat.example.org",),
            )
        )
    return str(options.site)


# -- list ------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_list_all(options, _request(options, ".")))


async def _list_all(options: argparse.Namespace, request: "Request") -> Exit:
    from xnat_wizard.upload.resource_transfer.targets import to_get
    from xnat_wizard.upload.resource_transfer.tools import no_holder
    from xnat_wizard.xnat.site import Site

    code = Exit.DONE
    async with await Site.connect(login_for(_address(options), options)) as site:
        for target in await to_get(request, site):
            holder = await site.resources.find(target.address)
            if holder is None:
                explain(no_holder(target.address, can_create=False))
                code = Exit.INCOMPLETE
                continue
            for folder in await site.resources.folders(holder):
                if target.label in {"", folder.label}:
                    await _show(site, holder, folder, options)
    return code


async def _show(site: "Site", holder: "Holder", folder: "ResourceFolder", options: argparse.Namespace) -> None:
    """Print a resource, and its files where they are wanted; what is counted is what is listed."""
    from xnat_wizard.cli.resource_lines import file_facts, folder_facts, folder_line

    files = await site.resources.files(holder, folder.label) if options.files else None
    if options.json:
        put_object("resource", **folder_facts(holder.address, folder))
    else:
        put(folder_line(holder.address, folder))
    for file in files or ():
        if options.json:
            put_object("file", **file_facts(holder.address, file))
        else:
            put(f"    {file.size_bytes:>12,}  {file.md5 or '-':32}  {file.name}")
