"""The program as a person or a script runs it: arguments in; exit code, data and talk out.

`call` runs a command in this process, which saves the start of another one. `run` starts the installed program, where
the process itself is the point; so do the examples of the manual (tests/test_manual_examples.py), each command once.
"""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from xnat_wizard.cli import main
from xnat_wizard.cli.talk import MANNER

PROGRAM = str(Path(sys.executable).with_name("xnat-wizard"))
PATIENCE_S = 60.0


class Ended(NamedTuple):
    """A run of the program that is over."""

    code: int
    data: str
    talk: str

    def objects(self) -> list[dict[str, Any]]:
        """Return the JSON objects of its data, a line each."""
        return [json.loads(line) for line in self.data.splitlines()]


def call(*arguments: str | Path, env: Mapping[str, str] | None = None, text: str = "") -> Ended:
    """Run a command to its end in this process, without a terminal; not where an event loop runs already."""
    stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")
    stderr = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    with patch.dict(os.environ, env or {}):
        code = call_into(stdout, stderr, *arguments, text=text)
    return Ended(code, written_to(stdout), written_to(stderr))


def call_into(stdout: io.TextIOWrapper, stderr: io.TextIOWrapper, *arguments: str | Path, text: str = "") -> int:
    """Run a command to its end in this process, and let it write there; return its exit code."""
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")
    with _as_it_was(), patch.multiple(sys, stdin=stdin, stdout=stdout, stderr=stderr):
        try:
            code: object = main([*map(str, arguments)])
        except SystemExit as ended:  # `--help`, and what the parser does not understand
            code = ended.code
    assert isinstance(code, int)
    return int(code)


def written_to(stream: io.TextIOWrapper) -> str:
    """Return what was written to a stream in memory."""
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return os.fsdecode(stream.buffer.getvalue())


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Put back what a command changes in its process: who starts one need not care."""
    signals = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    manner = (MANNER.is_quiet, MANNER.line_every_s)
    try:
        yield
    finally:
        MANNER.is_quiet, MANNER.line_every_s = manner
        for one, act in signals.items():
            signal.signal(one, act)


def run(*arguments: str | Path, env: Mapping[str, str] | None = None, text: str = "") -> Ended:
    """Run the installed program to its end, without a terminal."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env={**os.environ, **(env or {})},
        input=text.encode(),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ended(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another process; ask it often."""
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "the other process did not get there"
        pause.wait(0.01)


class OnTerminal:
    """The program on a pseudo-terminal of its own, which can be taken away."""

    def __init__(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execve(  # noqa: S606  a pseudo-terminal is made by a fork
                PROGRAM, [PROGRAM, *map(str, arguments)], {**os.environ, **(env or {}), "TERM": "xterm"}
            )
        self.seen = b""

    def read(self) -> str:
        """Read what it has written by now."""
        while self._terminal >= 0 and select.select([self._terminal], [], [], 0.02)[0]:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # it has ended
                break
            if not data:
                break
            self.seen += data
        return self.seen.decode(errors="replace")

    def until(self, text: str) -> None:
        """Read until a text has come."""
        until(lambda: text in self.read())

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._terminal, text.encode())

    def hang_up(self) -> None:
        """Close the terminal, as a lost line does: the program's session gets SIGHUP, and its output has no end."""
        os.close(self._terminal)
        self._terminal = -1

    def interrupt(self) -> None:
        """Press Ctrl+C."""
        self.type("\x03")

    def wait(self) -> int:
        """Wait for its end; return the exit code, negative for a signal."""
        status: list[int] = []

        def has_ended() -> bool:
            self.read()
            pid, found = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status.append(found)
            return bool(pid)

        until(has_ended)
        if self._terminal >= 0:
            self.read()
            self.hang_up()
        return os.waitstatus_to_exitcode(status[0])

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)
