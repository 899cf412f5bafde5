"""The command line: parses, calls the core, prints. `xnat-wizard` alone opens the wizard.

stdout is data, stderr is talk. Heavy imports stand in the command that needs them: `--help` answers at once.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from xnat_wizard.cli import chosen, wizard
from xnat_wizard.cli.parsing import CommandParser
from xnat_wizard.cli.talk import MANNER, Exit, exit_of, explain, let_go, open_streams, put, put_mapping, say
from xnat_wizard.findings import Finding, Problem

__all__ = ["Exit", "main"]

COMMANDS: dict[str, tuple[str, str]] = {  # name: module of this package, what `--help` says; loaded when it is called
    "survey": ("source", "look at a folder and say what is in it; changes nothing"),
    "plan": ("source", "write down what would be sent where, as a file to check and edit"),
    "upload": ("uploads", "run a plan unattended, until every file is accounted for"),
    "attach": ("uploads", "watch an upload until it ends; Ctrl+C stops watching, not the upload"),
    "resume": ("uploads", "go on with an upload that was paused or stopped, on its own"),
    "status": ("requests", "list the uploads of this account and how they stand"),
    "pause": ("requests", "let a running upload wait; `resume` lets it go on"),
    "cancel": ("requests", "stop an upload for good; what was sent stays on the site"),
    "verify": ("receipts", "compare an upload with the site again, and write a new receipt"),
    "troubleshoot": ("troubleshoot", "find out where data went that cannot be found"),
    "check": ("check", "look at the connection to a site, step by step, and say what is wrong"),
    "send": (
        "send",
        "send images to a DICOM receiver (C-STORE), with project, subject and session written into the copies",
    ),
    "project": ("project", "list the projects of a site, show what one does to an upload, or make one"),
    "prearchive": ("prearchive", "list what waits in the prearchive; show, move, archive, rebuild or delete it"),
    "resource": ("resource", "result folders into resources and back, for many subjects at once"),
    "convert": ("convert", "make NIfTI images, or a BIDS dataset, from DICOM and PAR/REC"),
    "rules": ("rules", "naming rules for `convert`, kept in a project for all; and a test of them"),
    "login": ("login", "log in to a site once; a token is kept in the place of the password"),
    "logout": ("login", "withdraw a login that is kept, at the site and here"),
    "settings": ("settings", "show what holds and why, and change it"),
    "completion": ("completion", "print what lets bash, zsh or fish complete commands"),
    "report": ("report", "make a report for a ticket: states, counts and codes, without names"),
    "serve": ("serve", "open the wizard in a browser; prints the link that lets you in"),
    "practice": ("practice", "run a stand-in XNAT on this machine, for practice"),
    "help": ("help", "show the manual: a page, a command, a finding, a setting"),
}
_WITH_VALUE = frozenset({"--site", "--user", "--ca-file"})  # options of the program itself that take a value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    open_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    program = parser_for(_command_in(given))
    options = program.parse_args(given, argparse.Namespace(program=program))
    run: Callable[[argparse.Namespace], int] = options.run
    if arguments is None:  # a program of its own, whose standard error is somebody's terminal or log
        from xnat_wizard.unsaid import keep_values_back

        keep_values_back(say)
    try:
        if getattr(options, "has_settings", True):
            MANNER.line_every_s = chosen.fill(options).number("progress_s")
        MANNER.is_quiet = getattr(options, "quiet", False)
        chosen.demand(options)
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


def _command_in(arguments: Sequence[str]) -> str:
    """Return the command that is called; "" for none."""
    rest = iter(arguments)
    for one in rest:
        if one in _WITH_VALUE:
            next(rest, None)
        elif not one.startswith("-"):
            return one
    return ""


def whole_parser() -> CommandParser:
    """Return the parser of the program with every command: for completion and for tests."""
    return _parser({home for home, _ in COMMANDS.values()})


def parser_for(command: str) -> CommandParser:
    """Return the parser of the program: whole for one command, with the names and words of the others."""
    return _parser({COMMANDS[command][0]} if command in COMMANDS else set())


def _parser(modules: set[str]) -> CommandParser:
    parser = CommandParser(
        prog="xnat-wizard",
        description="Get medical images into XNAT, with proof that every one arrived. "
        "Without a command, the wizard opens.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("--site", default="", help="address of the XNAT site")
    parser.add_argument("--user", default="", help="user name there")
    wizard.add_options_to(parser)
    parser.set_defaults(run=wizard.open_from)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (home, words) in COMMANDS.items():
        if home not in modules:
            commands.add_parser(name, help=words)
        elif name not in commands.choices:
            importlib.import_module(f"xnat_wizard.cli.{home}").add_to(commands)
    return parser
