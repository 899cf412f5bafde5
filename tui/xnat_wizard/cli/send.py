"""`send`: images to a DICOM receiver, identification written into the copies that travel; many subjects at once.

The heir of `sendDCM2xnat SUBJECT SESSION PROJECT HOST PORT FOLDER`: labels come from the folders, a rule, a table or a
saved plan, so that nobody edits a loop.
"""

import argparse
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli import access
from xnat_wizard.cli.deidentifying import add_deidentify_to, deidentified
from xnat_wizard.cli.receivers import add_receiver_to, ready, routed, unsaid
from xnat_wizard.cli.running import add_limit_to, journal_of, run_here, set_travel, travel_of
from xnat_wizard.cli.source import LAYOUT_HELP, PATTERN_HELP
from xnat_wizard.cli.talk import Exit, add_quiet_to, explain, put, put_object, say
from xnat_wizard.findings import Problem, Severity, by_weight

if TYPE_CHECKING:
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Plan, UploadState

_PLAN_MARK = b'"xnat-wizard plan"'


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    send = commands.add_parser(
        "send",
        help="send images to a DICOM receiver (C-STORE), with project, subject and session written into the copies",
        description="Sends a folder, an archive or a saved plan by DICOM; files on disk are only read. With a login "
        "(--site, or a saved plan) everything is looked for afterwards, moved out of Unassigned where the account may, "
        "and proved by a receipt; without one the receipt says NOT PROVEN. The same command again goes on where it "
        "stopped. Exit codes: 0 proved, 3 something is missing or not proved, 4 no receiver.",
    )
    send.add_argument("source", type=Path, nargs="?", help="folder, zip, tar, or a file written by `plan`")
    send.add_argument("--project", default="", help="project ID, for a folder or archive")
    add_receiver_to(send)
    add_deidentify_to(send)
    send.add_argument("--site", default="", help="address of the XNAT site, to prove it")
    send.add_argument("--no-login", action="store_true", help="only send: nothing is looked up or proved")
    send.add_argument("--to", choices=("prearchive", "archive"), default="prearchive", help="where sessions end")
    send.add_argument("--layout", default="subject-series", help=LAYOUT_HELP)
    send.add_argument("--subjects", default="", metavar="PATTERN", help="subject labels, " + PATTERN_HELP)
    send.add_argument("--sessions", default="", metavar="PATTERN", help="session labels, likewise; may name {subject}")
    send.add_argument("--labels", type=Path, metavar="FILE.csv", help="a table of labels, as for `plan`")
    send.add_argument("--list-receivers", action="store_true", help="show the receivers of --site, and end")
    add_limit_to(send)
    send.add_argument("--dry-run", action="store_true", help="say what would be sent, echo the receiver, and end")
    send.add_argument("--json", action="store_true", help="one JSON object a line")
    add_quiet_to(send)
    access.add_login_to(send)
    send.set_defaults(run=_send)


def _send(options: argparse.Namespace) -> int:
    import asyncio

    from xnat_wizard.upload.model import Options, Route
    from xnat_wizard.upload.plan import check

    if options.list_receivers:
        return asyncio.run(_list(options))
    travel_of(options, Options())  # a limit that is none is refused before anything is read
    plan = deidentified(routed(_plan_of(options), options, Route.DICOM), options)
    findings = [finding for finding in check(plan) if finding.code != "plan.no_receiver"]  # the site may show one
    for finding in by_weight(findings):
        explain(finding)
    if any(finding.severity is Severity.STOP for finding in findings):
        return Exit.FAILED
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go; sending goes on
    return asyncio.run(_with_site(plan, options) if _has_site(plan, options) else _without_site(plan, options))


# -- what is sent ------------------------------------------------------------------------------------


def _plan_of(options: argparse.Namespace) -> "Plan":
    """Return the saved plan, or the plan of a folder or archive.

    Raises:
        Problem: it cannot be read, or something is not said.
    """
    from xnat_wizard.upload.plan import load

    if options.source is None:
        raise Problem(unsaid("what to send", "Give a folder, an archive, or a plan"))
    if _is_plan(options.source):
        return load(options.source)
    if not options.project:
        raise Problem(unsaid("the project", "Give its ID with --project"))
    return _drafted(options)


def _is_plan(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _PLAN_MARK in file.read(200)


def _drafted(options: argparse.Namespace) -> "Plan":
    from xnat_wizard.dicom.layout import Layout
    from xnat_wizard.dicom.survey import survey
    from xnat_wizard.upload.label_table import read_table
    from xnat_wizard.upload.labelling import ByPattern, relabel
    from xnat_wizard.upload.model import Destination
    from xnat_wizard.upload.plan import draft

    found = survey(options.source, Layout.parse(options.layout))
    for finding in found.findings:
        explain(finding)
    plan = draft(found, site_url=options.site, project=options.project, destination=Destination(options.to))
    if options.labels:
        plan, said = relabel(plan, read_table(options.labels))
    elif options.subjects or options.sessions:
        plan, said = relabel(plan, ByPattern.parse(options.subjects, options.sessions))
    else:
        return plan
    for finding in said:
        explain(finding)
    return plan


def _has_site(plan: "Plan", options: argparse.Namespace) -> bool:
    return bool(plan.site_url or options.site) and not options.no_login


# -- sending -----------------------------------------------------------------------------------------


async def _list(options: argparse.Namespace) -> Exit:
    from xnat_wizard.upload.cstore.offered import offered, words_of
    from xnat_wizard.xnat.site import Site

    if not options.site:
        raise Problem(unsaid("the site", "Give its address with --site"))
    async with await Site.connect(access.login_for(options.site, options)) as site:
        found = await offered(site)
    if found.why_not:
        say(f"{found.why_not[:1].upper()}{found.why_not[1:]}.")
        return Exit.FAILED
    for one in found.receivers:
        put(words_of(one))
    return Exit.DONE


async def _with_site(plan: "Plan", options: argparse.Namespace) -> Exit:
    from xnat_wizard.upload import engine
    from xnat_wizard.xnat.site import Site

    address = plan.site_url or options.site
    async with await Site.connect(access.login_for(address, options)) as site:
        plan, may_go = await ready(plan, site, options)
        if options.dry_run:
            return _told_only(plan)
        if not may_go:
            return Exit.FAILED
        return await _run(plan, options, lambda journal: engine.run(journal, site))


async def _without_site(plan: "Plan", options: argparse.Namespace) -> Exit:
    from xnat_wizard.upload.cstore import alone
    from xnat_wizard.upload.cstore.echo import echo

    if plan.receiver is None:
        raise Problem(unsaid("the receiver", "Give it with --receiver HOST:PORT, or --site to ask the site for it"))
    say(await echo(plan.receiver))
    say("There is no login: nothing is looked up afterwards, and the receipt will say NOT PROVEN.")
    if options.dry_run:
        return _told_only(plan)
    return await _run(plan, options, alone.run)


def _told_only(plan: "Plan") -> Exit:
    from xnat_wizard.upload.cstore.identification import explained

    for session in plan.included:
        put(f"{session.subject_label}  {session.session_label}  {session.instance_count} files")
    if plan.receiver is not None:
        how = f"{plan.receiver.address} for project {plan.project}: {explained(plan.receiver.scheme)}"
        say(f"Would go to {how}. Nothing was sent.")
    return Exit.DONE


async def _run(plan: "Plan", options: argparse.Namespace, work: "Callable[[Journal], Awaitable[UploadState]]") -> Exit:
    from xnat_wizard.upload.worker import is_running

    path = journal_of(plan)
    if is_running(path):
        say(f"It is running already, in another process. Watch it: `xnat-wizard attach {path.parent.name}`")
        return Exit.FAILED
    set_travel(path, options)
    if options.json:
        put_object("started", upload=path.parent.name)
    return await run_here(path, work, is_json=options.json)
