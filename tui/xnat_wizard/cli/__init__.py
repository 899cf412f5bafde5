"""The command line: parses, calls the core, prints. `xnat-wizard` alone opens the wizard.

stdout is data, stderr is talk. Heavy imports stand in the command that needs them: `--help` answers at once.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version

from xnat_wizard.cli import practice, source, uploads, wizard
from xnat_wizard.cli.talk import Exit, explain, say
from xnat_wizard.findings import Problem

__all__ = ["Exit", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except Problem as problem:
        explain(problem.finding)
        is_network = problem.finding.code.startswith("site.")
        return Exit.NO_CONNECTION if is_network else Exit.FAILED
    except KeyboardInterrupt:
        say("Stopped.")
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
    parser.set_defaults(run=wizard.open_from)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    practice.add_to(commands)
    source.add_to(commands)
    uploads.add_to(commands)
    return parser
