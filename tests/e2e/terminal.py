"""A pseudo-terminal with a person's eyes: types keys into the installed program and reads the screen."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

PROGRAM = str(Path(sys.executable).with_name("xnat-wizard"))
KEYS = {
    "enter": "\r",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "escape": "\x1b",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "f1": "\x1bOP",
    "f3": "\x1bOR",
    "f5": "\x1b[15~",
    "ctrl+q": "\x11",
    "ctrl+n": "\x0e",
    "ctrl+p": "\x10",
    "ctrl+u": "\x15",
}


class Terminal:
    """`xnat-wizard`, or another program, with some arguments in a terminal of `columns` x `rows`."""

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        columns: int = 80,
        rows: int = 24,
        program: str = PROGRAM,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.drawn = b""  # all that the program has sent
        settings = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLORTERM"}}
        settings |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", **(environment or {})}
        self._child = pexpect.spawn(program, list(arguments), env=settings, dimensions=(rows, columns), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(self.text())
        self._child.close(force=True)

    def text(self) -> str:
        """Return what the screen shows, row by row."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def is_reversed(self, words: str) -> bool:
        """Tell whether these words stand on the screen in reversed colours: then they have the focus."""
        for row, line in enumerate(self._screen.display):
            at = line.find(words)
            if at >= 0:
                return bool(self._screen.buffer[row][at + len(words) // 2].reverse)
        return False

    def press(self, *keys: str) -> None:
        """Type named keys (`enter`, `tab`) or, for anything else, the text itself."""
        for key in keys:
            self._child.send(KEYS.get(key, key))
            self._read(0.05)

    def rest(self, seconds: float = 0.4) -> None:
        """Read on for a moment, as a person does who looks before the next key."""
        self._read(seconds)

    def wait_until(self, is_so: Callable[[str], bool], what: str, timeout_s: float = 60) -> str:
        """Read until the screen is as wanted; return its text.

        Raises:
            AssertionError: it was not so in time, or the program ended; the text of the screen stands in the message.
        """
        deadline = time.monotonic() + timeout_s
        while not is_so(self.text()):
            ended = not self._read(0.1)
            if time.monotonic() > deadline or (ended and not is_so(self.text())):
                state = "the program ended" if ended else f"not within {timeout_s:g} s"
                raise AssertionError(f"{what}: {state}\n{self.text()}")
        return self.text()

    def wait_for(self, words: str, timeout_s: float = 60) -> str:
        """Read until the words stand on the screen; return its text."""
        return self.wait_until(lambda text: words in text, f"waiting for {words!r}", timeout_s)

    def wait_for_end(self, timeout_s: float = 20) -> int:
        """Read until the program has ended; return its exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(0.1):
            assert time.monotonic() < deadline, f"still running\n{self.text()}"
        self._child.close()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -1)

    def _read(self, seconds: float) -> bool:
        """Take in what the program draws for some time; tell whether it still runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                drawn = self._child.read_nonblocking(65536, timeout=max(0.01, end - time.monotonic()))
                self.drawn += drawn
                self._stream.feed(drawn)
            except pexpect.TIMEOUT:
                return True
            except pexpect.EOF:
                return False
        return True
