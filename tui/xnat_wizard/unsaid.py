"""What nobody caught is told by its kind and place, and never by its text: a text may hold a name or a password.

Threads, forgotten tasks, warnings and the logs of libraries (pydicom quotes the values that it doubts) would else be
written to standard error, which is the terminal or the log of a worker.
"""

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

_KEPT_PLACES = 6


def keep_values_back(tell: Callable[[str], None]) -> None:
    """From here on, let faults that nobody caught be told without their values, and warnings not at all.

    Args:
        tell: takes one line, from any thread.
    """
    if not sys.warnoptions:  # who develops asks for them
        warnings.simplefilter("ignore")
    sys.excepthook = lambda kind, _, trace: tell(fault_line(kind, trace))
    threading.excepthook = lambda fault: tell(fault_line(fault.exc_type, fault.exc_traceback))
    sys.unraisablehook = lambda fault: tell(fault_line(fault.exc_type, fault.exc_traceback))
    logging.getLogger().addHandler(_Wordless(tell))


def fault_line(kind: type[BaseException] | None, trace: TracebackType | None) -> str:
    """Return what fault it was, and where, innermost first."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
    name = kind.__name__ if kind else "unknown"
    return f"fault kind={name} at={' < '.join(reversed(places[-_KEPT_PLACES:])) or 'unknown'}"


class _Wordless(logging.Handler):
    """Tells of a library's errors who had one; what this program logs itself has handlers of its own."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a record without its text."""
        if record.name.partition(".")[0] == __package__:
            return
        line = f"{record.levelname.lower()} of {record.name}"
        if record.exc_info:
            line += f": {fault_line(record.exc_info[0], record.exc_info[2])}"
        self._tell(line)
