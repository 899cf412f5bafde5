"""`send`: images to a DICOM receiver, identification written into the copies that travel; many subjects at once.

The heir of `sendDCM2xnat SUBJECT SESSION PROJECT HOST PORT FOLDER`: labels come from the folders, a rule, a table or a
saved plan, so that nobody edits a loop.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xnat_wizard.cli import access
from xnat_wizard.cli.source import LAYOUT_HELP, PATTERN_HELP
from xnat_wizard.cli.talk import Exit, explain, put, put_object, say
from xnat_wizard.findings import Finding, Problem, Severity, by_weight

if TYPE_CHECKING:
    from xnat_wizard.upload.cstore.peer import Peer
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Plan, UploadState
    from xnat_wizard.xnat.site import Site

_SCHEMES = ("comments", "study-comments", "history", "names")
_NO_WAY_IN = frozenset({"cstore.unreachable", "cstore.rejected", "cstore.crowded", "cstore.no_echo"})
_OF_HTTP = frozenset({"forecast.size_unknown"})  # says nothing of DICOM
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
    send.add_argument("--receiver", default="", metavar="HOST:PORT", help="default: the only one that the site shows")
    send.add_argument("--ae-title", default="", help="the receiver's AE title (default: as the site shows it, or XNAT)")
    send.add_argument("--calling", default="XNATWIZARD", metavar="TITLE", help="our AE title (default: %(default)s)")
    send.add_argument(
        "--identify",
        choices=_SCHEMES,
        default="comments",
        help="where project, subject and session are written in the copies: into Patient Comments (default), Study "
        "Comments, Additional Patient History, or `names`: Study Description, Patient's Name, Patient ID. What stands "
        "there is replaced in the copy",
    )
    send.add_argument(
        "--associations", type=int, choices=range(1, 17), default=4, metavar="N", help="1 to 16, usually 4"
    )
    send.add_argument(
        "--with",
        dest="sender",
        choices=("own", "dcmsend"),
        default="own",
        help="what sends: this program (default), or DCMTK's dcmsend, for which copies with the identification are "
        "written beside the journal, about 100 MB at a time, and deleted",
    )
    send.add_argument("--site", default=os.environ.get("XNAT_HOST", ""), help="address of the XNAT site, to prove it")
    send.add_argument("--no-login", action="store_true", help="only send: nothing is looked up or proved")
    send.add_argument("--to", choices=("prearchive", "archive"), default="prearchive", help="where sessions end")
    send.add_argument("--layout", default="subject-series", help=LAYOUT_HELP)
    send.add_argument("--subjects", default="", metavar="PATTERN", help="subject labels, " + PATTERN_HELP)
    send.add_argument("--sessions", default="", metavar="PATTERN", help="session labels, likewise; may name {subject}")
    send.add_argument("--labels", type=Path, metavar="FILE.csv", help="a table of labels, as for `plan`")
    send.add_argument("--list-receivers", action="store_true", help="show the receivers of --site, and end")
    send.add_argument("--dry-run", action="store_true", help="say what would be sent, echo the receiver, and end")
    send.add_argument("--json", action="store_true", help="one JSON object a line")
    access.add_login_to(send)
    send.set_defaults(run=_send)


def _send(options: argparse.Namespace) -> int:
    from xnat_wizard.upload.cstore.dcmsend import missing

    if options.list_receivers:
        return asyncio.run(_list(options))
    if options.sender == "dcmsend" and (absent := missing()):
        raise Problem(absent)
    plan = _plan_of(options)
    findings = _checked(plan, options)
    for finding in by_weight(findings):
        explain(finding)
    if any(finding.severity is Severity.STOP and finding.code.startswith(("plan.", "cstore.")) for finding in findings):
        return Exit.FAILED
    if not plan.included:
        return Exit.FAILED
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go; sending goes on
    try:
        return asyncio.run(_with_site(plan, options) if _has_site(plan, options) else _without_site(plan, options))
    except Problem as problem:
        if problem.finding.code not in _NO_WAY_IN:
            raise
        explain(problem.finding)
        if options.json:
            put_object("finding", **{**problem.finding.as_dict(), "type": "finding"})
        return Exit.NO_CONNECTION


# -- what is sent ------------------------------------------------------------------------------------


def _plan_of(options: argparse.Namespace) -> "Plan":
    """Return the saved plan, or the plan of a folder or archive.

    Raises:
        Problem: it cannot be read, or something is not said.
    """
    from xnat_wizard.upload.plan import load

    if options.source is None:
        raise Problem(_unsaid("what to send", "Give a folder, an archive, or a plan"))
    if _is_plan(options.source):
        return load(options.source)
    if not options.project:
        raise Problem(_unsaid("the project", "Give its ID with --project"))
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


def _checked(plan: "Plan", options: argparse.Namespace) -> tuple[Finding, ...]:
    from xnat_wizard.upload.cstore.identification import check as check_identification
    from xnat_wizard.upload.cstore.peer import Scheme
    from xnat_wizard.upload.plan import check

    labels = [(one.subject_label, one.session_label) for one in plan.included]
    return (*check(plan), *check_identification(Scheme(options.identify), plan.project, labels))


def _has_site(plan: "Plan", options: argparse.Namespace) -> bool:
    return bool(plan.site_url or options.site) and not options.no_login


# -- whom it goes to ---------------------------------------------------------------------------------


async def _list(options: argparse.Namespace) -> Exit:
    from xnat_wizard.cli.send_forecast import offered, words_of
    from xnat_wizard.xnat.site import Site

    if not options.site:
        raise Problem(_unsaid("the site", "Give its address with --site"))
    async with await Site.connect(access.login_for(options.site, options)) as site:
        found = await offered(site)
    if found.why_not:
        say(f"{found.why_not[:1].upper()}{found.why_not[1:]}.")
        return Exit.FAILED
    for one in found.receivers:
        put(words_of(one))
    return Exit.DONE


def _peer_of(host: str, port: int, title: str, options: argparse.Namespace) -> "Peer":
    from xnat_wizard.upload.cstore.peer import Peer, Scheme

    return Peer(
        host,
        port,
        title,
        options.calling,
        Scheme(options.identify),
        options.associations,
        is_dcmsend=options.sender == "dcmsend",
    )


def _given(options: argparse.Namespace) -> "Peer":
    """Return the receiver as it was given.

    Raises:
        Problem: it was not, or cannot be used.
    """
    from xnat_wizard.upload.cstore.peer import address_of

    if not options.receiver:
        raise Problem(_unsaid("the receiver", "Give it with --receiver HOST:PORT, or --site to ask the site for it"))
    host, port = address_of(options.receiver)
    return _peer_of(host, port, options.ae_title or "XNAT", options)


async def _chosen(site: "Site", options: argparse.Namespace) -> "Peer":
    """Return the receiver: as given, completed by what the site shows, or the only one that it shows.

    Raises:
        Problem: none was given, and the site does not show exactly one.
    """
    from xnat_wizard.cli.send_forecast import offered, words_of

    found = await offered(site)
    if options.receiver:
        peer = _given(options)
        mine = [one for one in found.receivers if one.port == peer.port and options.ae_title in {one.ae_title, ""}]
        title = options.ae_title or (mine[0].ae_title if mine else peer.ae_title)
        return replace(peer, ae_title=title)
    fitting = [one for one in found.on if options.ae_title in {one.ae_title, ""}]
    if len(fitting) == 1:
        host = urlsplit(site.info.url).hostname or ""
        say(f"The site's receiver: {words_of(fitting[0])}")
        return _peer_of(host, fitting[0].port, fitting[0].ae_title, options)
    for one in found.receivers:
        say(words_of(one))
    raise Problem(_unsaid("the receiver", found.why_not or f"the site has {len(fitting)} that fit"))


async def _echo(peer: "Peer") -> None:
    """Ask the receiver whether it listens.

    Raises:
        Problem: it does not.
    """
    from xnat_wizard.upload.cstore import findings, statuses
    from xnat_wizard.upload.cstore.wire import LostError, RejectedError, UnreachableError, open_link

    def ask() -> int:
        link = open_link(peer, ())
        if not link.accepted:
            link.abort()
            return 0x0122  # the context for an echo was not accepted
        status = link.echo().status
        link.release()
        return status

    try:
        status = await asyncio.to_thread(ask)
    except UnreachableError as error:
        raise Problem(findings.unreachable(peer, error.reason)) from error
    except RejectedError as rejection:
        crowded = rejection.is_transient
        raise Problem(findings.crowded(peer) if crowded else findings.rejected(peer, rejection)) from rejection
    except LostError as lost:
        raise Problem(findings.no_echo(peer, lost.reason)) from lost
    if status:
        raise Problem(findings.no_echo(peer, statuses.words(status)))
    say(f"{peer.ae_title} at {peer.host} port {peer.port} answers an echo")


# -- sending -----------------------------------------------------------------------------------------


async def _with_site(plan: "Plan", options: argparse.Namespace) -> Exit:
    from xnat_wizard.cli.send_forecast import forecast
    from xnat_wizard.upload import engine
    from xnat_wizard.upload.plan import forecast as forecast_plan
    from xnat_wizard.xnat.site import Site

    address = plan.site_url or options.site
    async with await Site.connect(access.login_for(address, options)) as site:
        plan = replace(plan, site_url=plan.site_url or site.info.url)
        await site.project(plan.project)
        peer = await _chosen(site, options)
        await _echo(peer)
        of_sessions = await forecast_plan(plan, site)
        said = [*(await forecast(site, plan, peer)), *(one for some in of_sessions.values() for one in some)]
        said = [one for one in said if one.code not in _OF_HTTP]
        for finding in by_weight(said):
            explain(finding)
        if options.dry_run:
            return _told_only(plan, peer)
        if any(finding.severity is Severity.STOP for finding in said):
            return Exit.FAILED
        return await _run(plan, peer, options, lambda journal: engine.run(journal, site))


async def _without_site(plan: "Plan", options: argparse.Namespace) -> Exit:
    from xnat_wizard.upload.cstore import alone

    peer = _given(options)
    await _echo(peer)
    pairs = sum(len(session.pairs) for session in plan.included)
    if pairs:
        say(f"{pairs} PAR/REC pairs are not sent: DICOM does not carry them, and there is no login.")
    say("There is no login: nothing is looked up afterwards, and the receipt will say NOT PROVEN.")
    if options.dry_run:
        return _told_only(plan, peer)
    return await _run(plan, peer, options, alone.run)


def _told_only(plan: "Plan", peer: "Peer") -> Exit:
    from xnat_wizard.upload.cstore.identification import explained

    for session in plan.included:
        put(f"{session.subject_label}  {session.session_label}  {session.instance_count} files")
    say(f"Would go to {peer.address} for project {plan.project}: {explained(peer.scheme)}. Nothing was sent.")
    return Exit.DONE


async def _run(
    plan: "Plan",
    peer: "Peer",
    options: argparse.Namespace,
    work: "Callable[[Journal], Awaitable[UploadState]]",
) -> Exit:
    """Send, and show how it goes; a signal to end makes it end in good order."""
    from xnat_wizard.cli.following import LOOK_EVERY_S, Follower, report
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.worker import is_running

    path = _journal_of(plan, peer)
    if is_running(path):
        say(f"It is running already, in another process. Watch it: `xnat-wizard attach {path.parent.name}`")
        return Exit.FAILED
    if options.json:
        put_object("started", upload=path.parent.name)
    with Journal.open(path) as journal, Journal.open(path) as seen:
        events = journal.events()
        task = asyncio.ensure_future(work(journal))
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
        follower = Follower(seen, is_json=options.json, since_event=events[-1].id if events else 0)
        while not task.done():
            follower.look()
            await asyncio.wait({task}, timeout=LOOK_EVERY_S)
        follower.look()
        follower.end()
        if task.cancelled():
            say("Stopped. The same command goes on with it: what was acknowledged is not sent again.")
            return Exit.STOPPED
        task.result()
        finding = journal.progress().finding
        ended = report(journal, is_json=options.json)
    return Exit.NO_CONNECTION if finding and finding.code in _NO_WAY_IN else ended


def _journal_of(plan: "Plan", peer: "Peer") -> Path:
    """Return the journal of an unfinished sending of the same to the same receiver, else a new one."""
    from xnat_wizard.upload import uploads
    from xnat_wizard.upload.cstore.peer import Peer
    from xnat_wizard.upload.journal import Journal

    path = uploads.unfinished(plan, is_by_dicom=True)
    if path is not None:
        with Journal.open(path) as journal:
            known = Peer.decoded(journal.receiver)
            if (known.address, known.scheme) == (peer.address, peer.scheme):
                journal.set_receiver(peer.encoded())
                say(f"Going on with {path.parent.name}: what was acknowledged is not sent again.")
                return path
    path = uploads.begin(plan)
    with Journal.open(path) as journal:
        journal.set_receiver(peer.encoded())
    return path


def _unsaid(what: str, why: str) -> Finding:
    return Finding(
        "send.unsaid",
        f"It was not said: {what}",
        f"{why[:1].upper()}{why[1:]}",
        ("See `xnat-wizard send --help`",),
    )
