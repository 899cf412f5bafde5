"""`practice`: a stand-in XNAT on this machine, alone or with the wizard on it."""

import argparse
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from xnat_wizard.cli.talk import Exit, explain, put, say
from xnat_wizard.cli.wizard import open_wizard
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import HOME_VARIABLE, child_environment, make_private, open_private, state_dir


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
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


def _practice(options: argparse.Namespace) -> int:
    folder: Path = (options.folder or state_dir() / "practice").resolve()
    if options.open:
        return _rehearse(folder, options)
    from xnat_wizard.practice.faults import parse
    from xnat_wizard.practice.server import run

    try:
        faults = [parse(spec) for spec in options.fault]
    except ValueError as error:
        why, todo = (
            f"{error}.",
            ("Write it as KIND:setting=value,setting=value", "See which kinds there are: `xnat-wizard help practice`"),
        )
        explain(Finding(code="practice.fault", what="A fault to practise with is not understood", why=why, todo=todo))
        return Exit.USAGE

    def ready(url: str, dicom_url: str) -> None:
        if options.until_stdin_ends:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        put(f"{url}\n{dicom_url}")
        talk = f"Practice XNAT: {url}  accounts admin, owner, member (password = name)  data in {folder}"
        talk += f"\nDICOM receiver: {dicom_url or 'off'}"
        say(talk)

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


def _same_port(remembered: Path) -> int:
    """Return the port of the last start where it is free, 0 otherwise: uploads know their site by its address."""
    try:
        port = int(remembered.read_text(encoding="ascii"))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError, OverflowError):
        return 0
    return port


def _rehearse(folder: Path, options: argparse.Namespace) -> int:
    """Start a practice server as a child that ends with us, make the sample studies, open the wizard on them."""
    import subprocess

    from xnat_wizard.practice.sample import write_faulty_study, write_study
    from xnat_wizard.wizard.choices import Choices

    make_private(folder)
    os.environ[HOME_VARIABLE] = str(folder / "home")
    study, faulty = folder / "sample-study", folder / "faulty-study"
    say("Making the sample studies and starting the practice server ...")
    if not study.is_dir():
        write_study(study)
    if not faulty.is_dir():
        write_faulty_study(faulty)
    command = [sys.executable, "-P", "-m", "xnat_wizard", "practice", "--until-stdin-ends"]  # -P as in serve
    remembered = folder / "port"
    port = options.port or _same_port(remembered)
    command += ["--folder", str(folder / "server"), "--port", str(port), "--scp-port", str(options.scp_port)]
    command += ["--fast"] * options.fast + ["--no-anonymization"] * options.no_anonymization
    command += [f"--fault={spec}" for spec in options.fault]
    log = folder / "server.log"
    with (
        os.fdopen(open_private(log, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as talk,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            text=True,
            start_new_session=True,
            env=child_environment(),
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
        remembered.write_text(url.rpartition(":")[2], encoding="ascii")
        try:
            return open_wizard(
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
