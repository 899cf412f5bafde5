"""`upload`, `status`: uploads without the wizard."""

import argparse
import asyncio
import getpass
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import Exit, put
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret, uploads_dir

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import Login


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    upload = commands.add_parser("upload", help="run a plan unattended, until every file is accounted for")
    upload.add_argument("plan", type=Path, help="a file written by `plan` or saved in the wizard")
    upload.add_argument("--user", default=os.environ.get("XNAT_USER", ""), help="user name (default: XNAT_USER)")
    upload.add_argument("--ca-file", default="", help="certificate authority of the site, if it is a private one")
    upload.set_defaults(run=_upload)

    status = commands.add_parser("status", help="list the uploads of this account and how they stand")
    status.add_argument("--json", action="store_true", help="one JSON object a line")
    status.set_defaults(run=_status)


def _login_for(site: str, options: argparse.Namespace) -> "Login":
    """Ask for what is missing: the password comes from XNAT_PASS or the terminal, never from the command line."""
    from xnat_wizard.xnat.model import Login

    username = options.user or (input("User name: ") if sys.stdin.isatty() else "")
    password = os.environ.get("XNAT_PASS") or (getpass.getpass() if sys.stdin.isatty() else "")
    if not (username and password):
        raise Problem(
            Finding(
                code="login.missing",
                what="No user name or password was given",
                why="There is no terminal to ask on.",
                todo=("Set XNAT_USER and XNAT_PASS in the environment of this command",),
            )
        )
    return Login(site, username, Secret(password), ca_file=options.ca_file)


def _upload(options: argparse.Namespace) -> int:
    import time

    from xnat_wizard.upload.engine import run
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import UploadState
    from xnat_wizard.upload.plan import load
    from xnat_wizard.upload.receipt import as_text
    from xnat_wizard.xnat.site import Site

    plan = load(options.plan)
    login = _login_for(plan.site_url, options)
    journal = Journal.create(uploads_dir() / time.strftime("%Y%m%d-%H%M%S"), plan)

    async def send() -> UploadState:
        site = await Site.connect(login)
        try:
            return await run(journal, site)
        finally:
            await site.close()

    try:
        state = asyncio.run(send())
        receipt = journal.receipt()
        if receipt:
            put(as_text(receipt))
    finally:
        journal.close()
    codes = {UploadState.DONE: Exit.DONE, UploadState.INCOMPLETE: Exit.INCOMPLETE, UploadState.CANCELLED: Exit.STOPPED}
    return codes.get(state, Exit.FAILED)


def _status(options: argparse.Namespace) -> int:
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.worker import is_running

    for path in sorted(uploads_dir().glob("*/journal.sqlite")):
        journal = Journal.open(path)
        try:
            now = journal.progress()
        finally:
            journal.close()
        facts = {
            "upload": path.parent.name,
            "project": now.project,
            "state": str(now.state),
            "is_running": is_running(path),
            "files_total": now.files_total,
            "files_sent": now.files_sent,
        }
        if options.json:
            put(json.dumps({"type": "upload", **facts}))
        else:
            running = "  (working)" if facts["is_running"] else ""
            counts = f"{now.files_sent} of {now.files_total} files"
            put(f"{path.parent.name}  {now.project}  {now.state}  {counts}{running}")
    return Exit.DONE
