"""What every command says and how it ends: exit codes, data for stdout, talk for stderr."""

import sys
from enum import IntEnum

from xnat_wizard.findings import Finding


class Exit(IntEnum):
    """What the program says to the shell; the README has the table."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    NO_CONNECTION = 4
    STOPPED = 130


def put(text: str) -> None:
    """Print a line of data."""
    print(text, flush=True)  # noqa: T201  the command line is what prints


def say(text: str) -> None:
    """Print a line of talk."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  the command line is what prints


def explain(finding: Finding) -> None:
    """Print a finding as talk."""
    say(finding.as_text())
