"""Run a program to its end, or end it when somebody says stop; nothing of it stays behind."""

import subprocess
from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.settings import child_environment

_LOOK_S = 0.1  # how often a stop is looked for
_PATIENCE_S = 3.0  # after this an ended program is killed


class Ended(NamedTuple):
    """A program that is over."""

    code: int
    said: bytes  # on stdout, and on stderr unless kept apart


def run(command: Sequence[str], stop: Event | None, *, keeps_errors_apart: bool = False) -> Ended:
    """Run a program that asks nothing; memory holds all it says.

    Raises:
        Stopped: `stop` was set; the program is gone.
        OSError: it cannot be started.
    """
    errors = subprocess.DEVNULL if keeps_errors_apart else subprocess.STDOUT
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=child_environment()
    ) as process:
        try:
            while True:
                try:
                    said, _ = process.communicate(timeout=_LOOK_S if stop else None)
                except subprocess.TimeoutExpired:
                    if stop and stop.is_set():
                        raise Stopped from None
                else:
                    return Ended(process.returncode, said)
        except BaseException:
            _end(process)
            raise


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
