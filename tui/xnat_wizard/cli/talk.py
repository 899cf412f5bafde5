"""What every command says and how it ends: exit codes, data for stdout, talk for stderr.

Whatever comes from files and servers goes through here, so that no control character reaches a terminal.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TextIO

from xnat_wizard.findings import Finding, Problem, printable


class Exit(IntEnum):
    """What the program says to the shell; `EXITS` has the words for it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    NO_CONNECTION = 4
    STOPPED = 130


_NO_CONNECTION = frozenset(
    {"upload.server_gone", "cstore.unreachable", "cstore.rejected", "cstore.crowded", "cstore.no_echo"}
)
_USAGE = frozenset({"shard.bad", "upload.bad_rate"})  # values of options, as are all of `terminal.`

EXITS: dict[Exit, str] = {
    Exit.DONE: "done; nothing is missing",
    Exit.FAILED: "failed; standard error says what, why, and what to do",
    Exit.USAGE: "the command line is not understood, or there is no terminal",
    Exit.INCOMPLETE: "ended, and some files are missing or not proved to be there",
    Exit.NO_CONNECTION: "the site, or the receiver, was not reached",
    Exit.STOPPED: "stopped: by Ctrl+C, by a signal, or cancelled",
}


def exit_of(finding: Finding) -> Exit:
    """Return how a command ends that a finding has ended."""
    if finding.code.startswith("site.") or finding.code in _NO_CONNECTION:
        return Exit.NO_CONNECTION
    is_usage = finding.code.startswith("terminal.") or finding.code in _USAGE
    return Exit.USAGE if is_usage else Exit.FAILED


@dataclass(slots=True)
class Manner:
    """How much this run of the program says; set once, before the command begins."""

    is_quiet: bool = False  # `--quiet`: findings and data, and no progress
    line_every_s: float = 10.0  # in a log


MANNER = Manner()


def put(text: str) -> None:
    """Print lines of data.

    Raises:
        BrokenPipeError: who read them has gone.
    """
    try:
        print(_lines(text), flush=True)  # noqa: T201  the command line is what prints
    except BrokenPipeError:
        raise
    except OSError:
        let_go(sys.stdout)


def put_object(kind: str, **fields: object) -> None:
    """Print one JSON object on a line of its own."""
    put(json.dumps({"type": kind, **fields}))


def put_mapping(fields: Mapping[str, object]) -> None:
    """Print one JSON object that names its type itself."""
    put(json.dumps(fields))


def say(text: str, *, end: str = "\n") -> None:
    """Print lines of talk; when the terminal is gone, nobody listens any more, and the work goes on."""
    write(_lines(text) + end)


def note(text: str) -> None:
    """Print lines of talk that nobody needs who asked for quiet."""
    if not MANNER.is_quiet:
        say(text)


def write(raw: str) -> None:
    """Write to the terminal what this program has made itself: no text from elsewhere."""
    try:
        sys.stderr.write(raw)
        sys.stderr.flush()
    except OSError:
        let_go(sys.stderr)


def add_quiet_to(command: argparse.ArgumentParser) -> None:
    """Add to a command that it can be quiet."""
    command.add_argument(
        "--quiet", action="store_true", help="show no progress; only findings, and the data at the end"
    )


def explain(finding: Finding) -> None:
    """Print a finding as talk."""
    say(finding.as_text())


def open_streams() -> None:
    """Open to nowhere those of stdin, stdout and stderr that whoever started this program has closed.

    A journal opened later would get their numbers otherwise, and a stray line be written into it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)  # noqa: FBT003  the standard library's signature
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def let_go(stream: TextIO) -> None:
    """Send what is still to be written nowhere: what it was written to is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def ask(question: str, *, is_yes: bool) -> bool:
    """Ask a question whose answer is no unless somebody types yes.

    Args:
        question: without the choices.
        is_yes: `--yes` was given.

    Raises:
        Problem: `terminal.needed` when there is nobody to ask.
    """
    if is_yes:
        return True
    if not sys.stdin.isatty():
        raise Problem(
            Finding(
                "terminal.needed",
                f"Nobody can answer: {question}",
                "Standard input is not a terminal",
                ("Give `--yes` to say yes beforehand",),
            )
        )
    say(f"{question} [y/N] ", end="")
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))
