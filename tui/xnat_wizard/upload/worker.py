"""The process that uploads."""

from pathlib import Path

from xnat_wizard.xnat.model import Login


def start(journal_path: Path, login: Login) -> None:
    """Start the worker of an upload as a process that outlives this one and its terminal."""
    raise NotImplementedError


def is_running(journal_path: Path) -> bool:
    """Tell whether a process is working on the upload."""
    raise NotImplementedError


def main() -> int:
    """Run the upload named on the command line; the login comes as JSON through standard input."""
    raise NotImplementedError
