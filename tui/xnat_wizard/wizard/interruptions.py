"""The terminal when the program is stopped from outside and goes on, or has to leave at once."""

import contextlib
import os
import select
import signal
import sys
import termios
import threading
from types import FrameType

from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

# No pasting in brackets, lines that wrap, no mouse, no keyboard protocol, the main screen, a cursor, no focus reports.
_AS_BEFORE = (
    b"\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


def mind_stops(driver: Driver | None) -> None:
    """Let the program go on properly after a SIGSTOP, which nobody is told of.

    At a SIGCONT Textual opens the terminal as if it had closed it, which it did only where a person suspended the
    program: otherwise two threads would share what is typed from then on.
    """
    if not isinstance(driver, LinuxDriver) or threading.current_thread() is not threading.main_thread():
        return

    def go_on(_number: int, _frame: FrameType | None) -> None:
        if not driver._must_signal_resume:  # noqa: SLF001  set while a person has suspended it; no door to it
            driver.suspend_application_mode()
        driver.resume_application_mode()

    signal.signal(signal.SIGCONT, go_on)


def restore_at_once(driver: Driver | None) -> None:
    """Leave the terminal as it was before, as far as it is still there; never waits for it."""
    if not isinstance(driver, LinuxDriver):
        return
    with contextlib.suppress(OSError, ValueError):
        output = sys.__stderr__.fileno() if sys.__stderr__ else -1
        if os.isatty(output) and select.select([], [output], [], 0)[1]:
            os.write(output, _AS_BEFORE)
    if driver.attrs_before is not None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(driver.fileno, termios.TCSANOW, driver.attrs_before)
