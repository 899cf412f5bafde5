"""The command line: parses, calls the core, prints. `xnat-wizard` alone opens the wizard.

stdout is data, stderr is talk. Heavy imports stand in the command that needs them: `--help` answers at once.
"""

import argparse
import asyncio
import getpass
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from enum import IntEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import HOME_VARIABLE, Secret, state_dir, uploads_dir

if TYPE_CHECKING:
    from xnat_wizard.wizard.choices import Choices
    from xnat_wizard.xnat.model import Login


class Exit(IntEnum):
    """What the program says to the shell; the README has the table."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    NO_CONNECTION = 4
    STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except Problem as problem:
        _say(problem.finding)
        is_network = problem.finding.code.startswith("site.")
        return Exit.NO_CONNECTION if is_network else Exit.FAILED
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)  # noqa: T201
        return Exit.STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xnat-wizard",
        description="Get medical images into XNAT, with proof that every one arrived. "
        "Without a command, the wizard opens.",
    )
    parser.add_argument("--version", action="version", version=f"xnat-wizard {version('xnat-wizard')}")
    parser.add_argument("--site", default=os.environ.get("XNAT_HOST", ""), help="address of the XNAT site")
    parser.add_argument("--user", default=os.environ.get("XNAT_USER", ""), help="user name there")
    parser.set_defaults(run=_wizard)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    practice = commands.add_parser("practice", help="run a stand-in XNAT on this machine, for practice")
    practice.add_argument("--folder", type=Path, help="where it keeps its data (default: the state folder)")
    practice.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    practice.add_argument("--scp-port", type=int, default=0, help="port of the DICOM receiver (default: a free one)")
    practice.add_argument("--fast", action="store_true", help="shorten XNAT's timers from minutes to seconds")
    practice.add_argument("--no-anonymization", action="store_true", help="start with the site's script switched off")
    practice.add_argument("--open", action="store_true", help="open the wizard on it, with a sample study to upload")
    practice.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help="let something go wrong, e.g. status:code=503,nth=3",
    )
    practice.add_argument("--until-stdin-ends", action="store_true", help=argparse.SUPPRESS)
    practice.set_defaults(run=_practice)

    survey = commands.add_parser("survey", help="look at a folder and say what is in it; changes nothing")
    survey.add_argument("source", type=Path, help="folder: subject > series > DICOM files")
    survey.add_argument("--json", action="store_true", help="one JSON object a line")
    survey.set_defaults(run=_survey)

    plan = commands.add_parser("plan", help="write down what would be sent where, as a file to check and edit")
    plan.add_argument("source", type=Path, help="folder: subject > series > DICOM files")
    plan.add_argument("--site", required=True, help="address of the XNAT site")
    plan.add_argument("--project", required=True, help="project ID")
    plan.add_argument("--to", choices=("prearchive", "archive"), default="prearchive", help="where sessions end")
    plan.add_argument("--output", type=Path, required=True, help="the plan file to write")
    plan.set_defaults(run=_plan)

    upload = commands.add_parser("upload", help="run a plan unattended, until every file is accounted for")
    upload.add_argument("plan", type=Path, help="a file written by `plan` or saved in the wizard")
    upload.add_argument("--user", default=os.environ.get("XNAT_USER", ""), help="user name (default: XNAT_USER)")
    upload.add_argument("--ca-file", default="", help="certificate authority of the site, if it is a private one")
    upload.set_defaults(run=_upload)

    status = commands.add_parser("status", help="list the uploads of this account and how they stand")
    status.add_argument("--json", action="store_true", help="one JSON object a line")
    status.set_defaults(run=_status)
    return parser


def _say(finding: Finding) -> None:
    print(finding.as_text(), file=sys.stderr)  # noqa: T201


def _print(text: str) -> None:
    print(text)  # noqa: T201


# -- the wizard ------------------------------------------------------------------------------------


def _wizard(options: argparse.Namespace) -> int:
    from xnat_wizard.wizard.choices import Choices

    return _open_wizard(lambda: Choices(address=options.site, username=options.user))


def _open_wizard(choices: "Callable[[], Choices]") -> int:
    if os.environ.get("TERM", "dumb") == "dumb" or not (sys.stdin.isatty() and sys.stderr.isatty()):
        _say(
            Finding(
                code="terminal.none",
                what="The wizard needs a terminal, and this is none",
                why="Standard input or standard error is not a terminal, or TERM is `dumb`.",
                todo=(
                    "Log in with `ssh -t` and start `xnat-wizard` there",
                    "Or work without a terminal: `xnat-wizard survey`, `plan` and `upload`",
                ),
            )
        )
        return Exit.USAGE
    from xnat_wizard.wizard.app import WizardApp

    app = WizardApp(choices())
    app.run(mouse=True)
    return app.return_code or Exit.DONE


# -- practice --------------------------------------------------------------------------------------


def _practice(options: argparse.Namespace) -> int:
    folder: Path = (options.folder or state_dir() / "practice").resolve()
    if options.open:
        return _rehearse(folder, options)
    from xnat_wizard.practice.faults import parse
    from xnat_wizard.practice.server import run

    try:
        faults = [parse(spec) for spec in options.fault]
    except ValueError as error:
        why, todo = f"{error}.", ("Write it as KIND:setting=value,setting=value", "See the README for the kinds")
        _say(Finding(code="practice.fault", what="A fault to practise with is not understood", why=why, todo=todo))
        return Exit.USAGE

    def ready(url: str, dicom_url: str) -> None:
        if options.until_stdin_ends:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        print(f"{url}\n{dicom_url}", flush=True)  # noqa: T201
        talk = f"Practice XNAT: {url}  accounts admin, owner, member (password = name)  data in {folder}"
        talk += f"\nDICOM receiver: {dicom_url or 'off'}"
        print(talk, file=sys.stderr, flush=True)  # noqa: T201

    return run(
        folder,
        "127.0.0.1",
        options.port,
        scp_port=options.scp_port,
        is_fast=options.fast,
        anonymize=not options.no_anonymization,
        on_ready=ready,
        faults=faults,
    )


def _end_with_stdin() -> None:
    """End this process in good order when whoever started it is gone, however it went."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _rehearse(folder: Path, options: argparse.Namespace) -> int:
    """Start a practice server as a child that ends with us, make the sample studies, open the wizard on them."""
    import subprocess

    from xnat_wizard.practice.sample import write_faulty_study, write_study
    from xnat_wizard.wizard.choices import Choices

    folder.mkdir(parents=True, exist_ok=True)
    os.environ[HOME_VARIABLE] = str(folder / "home")
    study, faulty = folder / "sample-study", folder / "faulty-study"
    print("Making the sample studies and starting the practice server ...", file=sys.stderr)  # noqa: T201
    if not study.is_dir():
        write_study(study)
    if not faulty.is_dir():
        write_faulty_study(faulty)
    command = [sys.executable, "-m", "xnat_wizard", "practice", "--until-stdin-ends"]
    command += ["--folder", str(folder / "server"), "--port", str(options.port), "--scp-port", str(options.scp_port)]
    command += ["--fast"] * options.fast + ["--no-anonymization"] * options.no_anonymization
    command += [f"--fault={spec}" for spec in options.fault]
    log = folder / "server.log"
    with (
        log.open("w", encoding="utf-8") as talk,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk, text=True, start_new_session=True
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        if not url:
            raise Problem(
                Finding(
                    code="practice.not_started",
                    what="The practice server did not start",
                    why=f"Its process ended with code {server.wait()}.",
                    todo=(f"Read {log}", "Try another folder: `xnat-wizard practice --open --folder DIR`"),
                    where=str(folder),
                )
            )
        try:
            return _open_wizard(
                lambda: Choices(
                    address=url,
                    username=options.user or "owner",
                    login_hint=(
                        "This is a practice server on this machine; nothing leaves it.",
                        "Log in as owner, password owner (or admin / admin, member / member).",
                    ),
                    folder_hint=str(study),
                )
            )
        finally:
            server.stdin.close()  # the server ends at the end of its input


# -- without a terminal ----------------------------------------------------------------------------


def _survey(options: argparse.Namespace) -> int:
    from xnat_wizard.dicom.survey import survey

    found = survey(options.source)
    if options.json:
        for series in found.series:
            _print(
                json.dumps(
                    {
                        "type": "series",
                        "subject_folder": series.subject_folder,
                        "folders": list(series.folders),
                        "modality": series.modality,
                        "series_number": series.series_number,
                        "series_description": series.series_description,
                        "files": len(series.instances),
                        "size_bytes": series.size_bytes,
                        "held_by": list(series.held_by),
                    }
                )
            )
        for finding in found.findings:
            _print(json.dumps(finding.as_dict()))
        counts = {"files": found.file_count, "series": len(found.series), "not_sent": len(found.others)}
        _print(json.dumps({"type": "survey", "source": str(found.source), **counts}))
    else:
        for series in found.series:
            held = "  held: " + ", ".join(series.held_by) if series.held_by else ""
            name = series.series_description or "(no description)"
            _print(f"{series.subject_folder}  {series.series_number:>4} {name}  {len(series.instances)} files{held}")
        for pair in found.pairs:
            _print(f"{pair.subject_folder}       {pair.par_path}  PAR/REC {pair.version}")
        for finding in found.findings:
            _say(finding)
        _print(f"{found.file_count} files, {len(found.series)} series, {len(found.others)} files not sent")
    return Exit.DONE if found.series or found.pairs else Exit.FAILED


def _plan(options: argparse.Namespace) -> int:
    from xnat_wizard.dicom.survey import survey
    from xnat_wizard.upload.model import Destination
    from xnat_wizard.upload.plan import check, draft, save

    found = survey(options.source)
    plan = draft(found, site_url=options.site, project=options.project, destination=Destination(options.to))
    for finding in (*found.findings, *check(plan)):
        _say(finding)
    save(plan, options.output)
    for session in plan.sessions:
        mark = "x" if session.is_included else " "
        _print(f"[{mark}] {session.subject_label}  {session.session_label}  {session.file_count} files")
    return Exit.DONE if plan.included else Exit.FAILED


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
            _print(as_text(receipt))
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
            _print(json.dumps({"type": "upload", **facts}))
        else:
            running = "  (working)" if facts["is_running"] else ""
            counts = f"{now.files_sent} of {now.files_total} files"
            _print(f"{path.parent.name}  {now.project}  {now.state}  {counts}{running}")
    return Exit.DONE
