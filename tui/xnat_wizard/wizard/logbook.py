"""The wizard's log: one small rotating file of its own, since the terminal belongs to the screens.

It holds event names and places in the code: no names of people, no passwords, no texts of errors.
"""

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from xnat_wizard import settings
from xnat_wizard.findings import Problem

SIZE_LIMIT_BYTES = 1_000_000
KEPT_FILES = 3
FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"


class _PrivateFileHandler(RotatingFileHandler):
    """Opens its file for this person only."""

    def _open(self) -> TextIOWrapper:
        descriptor = settings.open_private(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return open(descriptor, "a", encoding="utf-8")  # noqa: PTH123  a descriptor has no path

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  of the library
        """Let a line go that cannot be written: the terminal belongs to the screens."""


def log_file() -> Path:
    """Return the path of the log file.

    Raises:
        Problem: its folder cannot be made.
    """
    return settings.log_dir() / "wizard.log"


class Logbook:
    """Writes what this package logs into the file between `open` and `close`."""

    def __init__(self) -> None:
        self._handler: logging.Handler | None = None

    def open(self) -> None:
        """Begin to write; a home that cannot be written leaves the wizard without a log, not without a wizard."""
        try:
            handler = _PrivateFileHandler(
                log_file(), maxBytes=SIZE_LIMIT_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True
            )
        except (OSError, Problem):
            return
        handler.setFormatter(logging.Formatter(FORMAT))
        logging.getLogger("xnat_wizard").addHandler(handler)
        self._handler = handler

    def close(self) -> None:
        """Write no more, and close the file."""
        if self._handler is not None:
            logging.getLogger("xnat_wizard").removeHandler(self._handler)
            self._handler.close()
            self._handler = None
