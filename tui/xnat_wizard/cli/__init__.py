"""The command line: parses, calls the core, prints. `xnat-wizard` alone opens the wizard.

stdout is data, stderr is talk. Heavy imports stand in the command that needs them: `--help` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from xnat_wizard.cli import (
    check,
    convert,
    practice,
    receipts,
    requests,
    resource,
    send,
    serve,
    source,
    troubleshoot,
    uploads,
    wizard,
)
from xnat_wizard.cli.talk import Exit, exit_of, explain, let_go, put, put_mapping, say
from xnat_wizard.findings import Finding, Problem

__all__ = ["Exit", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except Problem as problem:
        return _fail(problem.finding, options)
    except KeyboardInterrupt:
        say("Stopped.")
        return Exit.STOPPED
    except BrokenPipeError:
        let_go(sys.stdout)  # who read the data has seen enough
        return Exit.FAILED
    except OSError as error:
        return _fail(_of_the_system(error), options)
    except Exception as error:  # noqa: BLE001  one of the three doors: what nobody expected becomes a finding
        return _fail(_unexpected(error), options)


def _fail(finding: Finding, options: argparse.Namespace) -> Exit:
    if getattr(options, "json", False):
        put_mapping(finding.as_dict())
    explain(finding)
    return exit_of(finding)


def _unexpected(error: Exception) -> Finding:
    """Say where a fault of this program lies, without its text: a text may hold a path or a name."""
    import traceback

    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return Finding(
        "program.fault",
        "This command has stopped because of a fault in this program",
        f"{type(error).__name__} at {' < '.join(reversed(places[-6:]))}",
        ("Try again; a running or finished upload is not touched by this", "If it stops again, report these lines"),
    )


def _of_the_system(error: OSError) -> Finding:
    return Finding(
        "system.refused",
        "The system did not let this program go on",
        f"It said: {error.strerror or type(error).__name__}",
        ("Look whether the file is there and may be read or written, and whether the disk is full",),
        where=str(error.filename or ""),
    )


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        put(f"xnat-wizard {version('xnat-wizard')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xnat-wizard",
        description="Get medical images into XNAT, with proof that every one arrived. "
        "Without a command, the wizard opens.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("--site", default=os.environ.get("XNAT_HOST", ""), help="address of the XNAT site")
    parser.add_argument("--user", default=os.environ.get("XNAT_USER", ""), help="user name there")
    wizard.add_options_to(parser)
    parser.set_defaults(run=wizard.open_from)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    practice.add_to(commands)
    check.add_to(commands)
    source.add_to(commands)
    uploads.add_to(commands)
    requests.add_to(commands)
    receipts.add_to(commands)
    send.add_to(commands)
    resource.add_to(commands)
    convert.add_to(commands)
    troubleshoot.add_to(commands)
    serve.add_to(commands)
    return parser
