"""`upload`, `attach`, `resume`: uploads that run without the wizard, in this process or in one of their own."""

import argparse
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.chosen import fill_for_plan
from xnat_wizard.cli.deidentifying import add_deidentify_to, deidentified
from xnat_wizard.cli.receivers import add_route_to, ready, routed
from xnat_wizard.cli.running import add_travel_to, past_hanging_reads, run_here, set_travel, travel_of
from xnat_wizard.cli.shards import Share, add_shards_to, journal_of_share, share_of, summarize
from xnat_wizard.cli.talk import Exit, add_quiet_to, explain, put, put_object, say
from xnat_wizard.findings import Finding, Problem, Severity

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import Login
    from xnat_wizard.xnat.site import Site

ID_HELP = "the upload's folder name, as `status` shows it (default: the newest)"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    upload = commands.add_parser("upload", help="run a plan unattended, until every file is accounted for")
    upload.add_argument("plan", type=Path, help="a file written by `plan` or saved in the wizard")
    upload.add_argument("--detach", action="store_true", help="go on in a process of its own; print the upload's ID")
    upload.add_argument("--json", action="store_true", help="one JSON object a line")
    add_quiet_to(upload)
    add_route_to(upload)
    add_travel_to(upload)
    add_deidentify_to(upload)
    add_login_to(upload)
    add_shards_to(upload)
    upload.set_defaults(run=_upload)

    attach = commands.add_parser("attach", help="watch an upload until it ends; Ctrl+C stops watching, not the upload")
    attach.add_argument("id", nargs="?", default="", help=ID_HELP)
    attach.add_argument("--json", action="store_true", help="one JSON object a line")
    add_quiet_to(attach)
    attach.set_defaults(run=_attach)

    resume = commands.add_parser("resume", help="go on with an upload that was paused or stopped, on its own")
    resume.add_argument("id", nargs="?", default="", help=ID_HELP)
    resume.add_argument("--json", action="store_true", help="one JSON object a line")
    add_travel_to(resume)
    add_login_to(resume)
    resume.set_defaults(run=_resume, settings_left=("connections", "limit_rate", "compression"))  # as its journal has


# -- upload ----------------------------------------------------------------------------------------


def _upload(options: argparse.Namespace) -> int:
    import asyncio

    from xnat_wizard.upload.plan import check, load

    plan = load(options.plan)
    if options.summary:
        return summarize(plan, options)
    fill_for_plan(options, plan)
    plan = deidentified(routed(replace(plan, options=travel_of(options, plan.options)), options), options)
    findings = [finding for finding in check(plan) if finding.code != "plan.no_receiver"]  # the site may show one
    for finding in findings:
        explain(finding)
    if any(finding.severity is Severity.STOP for finding in findings):
        return Exit.FAILED
    share = share_of(plan, options)
    if share.shard and not share.plan.included:
        return Exit.DONE  # there are more shards than subjects
    share.taken_up()  # before anybody is asked for a password
    login = login_for(plan.site_url, options)
    if options.detach:
        return asyncio.run(_detach(share, login, options))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go; the upload goes on
    return past_hanging_reads(asyncio.run(_run_here(share, login, options)))


async def _run_here(share: Share, login: "Login", options: argparse.Namespace) -> Exit:
    from xnat_wizard.upload import engine
    from xnat_wizard.upload.worker import is_running
    from xnat_wizard.xnat.site import Site

    async with await Site.connect(login) as site:
        path = await _journal_of(share, site, options)
        if path is None:
            return Exit.FAILED
        if options.json:
            put_object("started", upload=path.parent.name)
        if not is_running(path):
            return await run_here(path, lambda journal: engine.run(journal, site), is_json=options.json)
    say("It is running already, in another process.")
    return _follow(path, is_json=options.json)


async def _detach(share: Share, login: "Login", options: argparse.Namespace) -> Exit:
    from xnat_wizard.upload.worker import is_running
    from xnat_wizard.xnat.site import Site

    async with await Site.connect(login) as site:
        path = await _journal_of(share, site, options)
        if path is None:
            return Exit.FAILED
        if is_running(path):
            say("It is running already.")
            _tell_id(path, is_json=options.json)
        else:
            await _start_worker(path, site, is_json=options.json)
    return Exit.DONE


async def _journal_of(share: Share, site: "Site", options: argparse.Namespace) -> Path | None:
    """Return the journal of an upload that may begin, or `None`; a receiver is asked first whether it listens."""
    from xnat_wizard.upload.model import Route

    plan = share.plan
    if plan.route is Route.DICOM:
        plan, may_go = await ready(plan, site, options)
        if not may_go:
            return None
    path = journal_of_share(share, plan)
    set_travel(path, options)
    return path


async def _start_worker(path: Path, site: "Site", *, is_json: bool) -> None:
    from xnat_wizard.upload import logout, worker

    risk = logout.risk()
    if risk is not None:
        explain(risk)
    worker.start(path, await site.worker_login())
    _tell_id(path, is_json=is_json)
    say(f"It goes on by itself. Watch it: `xnat-wizard attach {path.parent.name}`")


def _tell_id(path: Path, *, is_json: bool) -> None:
    if is_json:
        put_object("started", upload=path.parent.name)
    else:
        put(path.parent.name)


# -- attach and resume -----------------------------------------------------------------------------


def _attach(options: argparse.Namespace) -> int:
    from xnat_wizard.upload import uploads

    return _follow(uploads.find(options.id), is_json=options.json)


def _follow(path: Path, *, is_json: bool) -> Exit:
    """Show an upload until it has ended."""
    from xnat_wizard.cli.following import LOOK_EVERY_S, Follower, report
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.worker import is_running

    with Journal.open(path) as journal:
        follower = Follower(journal, is_json=is_json)
        try:
            while is_running(path):  # its state may still be that of an earlier run
                follower.look()
                time.sleep(LOOK_EVERY_S)
            if not follower.look().state.is_final:
                raise Problem(_not_running(path))
        except KeyboardInterrupt:
            follower.end()
            say(f"The upload goes on. Watch it again: `xnat-wizard attach {path.parent.name}`")
            return Exit.STOPPED
        finally:
            follower.end()
        return report(journal, is_json=is_json)


def _resume(options: argparse.Namespace) -> int:
    import asyncio

    from xnat_wizard.upload import uploads
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Request, UploadState
    from xnat_wizard.upload.worker import is_running

    path = uploads.find(options.id)
    with Journal.open(path) as journal:
        state, address = journal.progress().state, journal.site_url
        if is_running(path):
            if state is UploadState.PAUSED:
                journal.request(Request.GO_ON)
                say("Going on.")
            else:
                say("It is running already.")
            _tell_id(path, is_json=options.json)
            return Exit.DONE
    if state in {UploadState.DONE, UploadState.CANCELLED}:
        raise Problem(
            Finding(
                "upload.over",
                f"Upload {path.parent.name} is {state}: there is nothing to go on with",
                "A finished or cancelled upload is not taken up again",
                ("Start it anew: `xnat-wizard upload PLAN`; what the server has is not sent again",),
            )
        )
    set_travel(path, options)
    return asyncio.run(_start_again(path, login_for(address, options), is_json=options.json))


async def _start_again(path: Path, login: "Login", *, is_json: bool) -> Exit:
    from xnat_wizard.xnat.site import Site

    async with await Site.connect(login) as site:
        await _start_worker(path, site, is_json=is_json)
    return Exit.DONE


def _not_running(path: Path) -> Finding:
    return Finding(
        "upload.not_running",
        f"No process works on upload {path.parent.name}",
        "It has ended before its work was done: a crash, a reboot, or a log-out",
        (f"Go on with it: `xnat-wizard resume {path.parent.name}`; what the server has is not sent again",),
        where=str(path.parent),
    )
