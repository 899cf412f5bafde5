"""Regular expressions that people and sites wrote, searched with in bounded time.

A few letters such as `(a|a)*$` keep Python busy for years, and a search cannot be stopped from outside. So another
process searches (`searcher`), which ends a search after half a second of work, and which can itself be ended.
Libraries were tried: `regex` has a time limit, but fills the memory while it reads a nested expression; `re2` cannot
look ahead, and is no more than source text on old systems.
"""

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from time import monotonic

from xnat_wizard.settings import child_environment

MOST_LETTERS = 1000  # of an expression
LONGEST_S = 0.5  # of work for one text
_PATIENCE_S = 8.0  # for an answer, on a machine that is busy
_KEPT_TEXT = 500  # letters: answers for short texts are remembered, since many series are called alike


class BadExpression(ValueError):  # noqa: N818  says what is wrong
    """A text that is no regular expression; `str()` says why."""


class Unsearched(Exception):  # noqa: N818  says why
    """A search that came to no end; `reason` is part of a sentence, and holds no text that was searched."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Expression:
    """A regular expression; made by `expression`. After one search without end it searches no more."""

    def __init__(self, text: str, *, ignores_case: bool) -> None:
        self.text = text
        self._ignores_case = ignores_case
        self._is_endless = False

    def search(self, text: str) -> tuple[str, ...] | None:
        """Return what it finds first in a text, then what its groups take, "" for those that take nothing.

        Raises:
            Unsearched: it comes to no end.
        """
        return self._taken("search", text)

    def fullmatch(self, text: str) -> tuple[str, ...] | None:
        """Return the same as `search` where it fits the whole text.

        Raises:
            Unsearched: it comes to no end.
        """
        return self._taken("fullmatch", text)

    def replace(self, replacement: str, text: str) -> str:
        r"""Return a text with every hit replaced; `\1` in the replacement stands for the first group.

        Raises:
            BadExpression: the replacement is none.
            Unsearched: it comes to no end.
        """
        return str(self._asked("replace", text, replacement))

    def check(self) -> None:
        """Find out whether it is an expression.

        Raises:
            BadExpression: it is none.
        """
        if len(self.text) > MOST_LETTERS:
            raise BadExpression(f"it has {len(self.text):,} letters, and {MOST_LETTERS:,} is the limit")
        try:
            self._asked("check", "")
        except Unsearched:
            raise BadExpression("it is too long to be read") from None

    def _taken(self, act: str, text: str) -> tuple[str, ...] | None:
        found = self._asked(act, text)
        return tuple(map(str, found)) if isinstance(found, list) else None

    def _asked(self, act: str, text: str, replacement: str = "") -> object:
        if self._is_endless:
            raise Unsearched(f"the regular expression `{self.text}` comes to no end")
        ask = _remembered if len(text) <= _KEPT_TEXT else _SEARCHER.ask
        answer = ask(act, self.text, text, replacement, self._ignores_case)
        if "endless" in answer:
            self._is_endless = True
            raise Unsearched(f"the regular expression `{self.text}` comes to no end")
        if "fault" in answer:
            raise BadExpression(str(answer["fault"]))
        return answer["found"]


@lru_cache(1024)
def expression(text: str, *, ignores_case: bool = False) -> Expression:
    """Return the expression of a text; the same one for the same text.

    Raises:
        BadExpression: it is none.
    """
    made = Expression(text, ignores_case=ignores_case)
    made.check()
    return made


class _Searcher:
    """The process that searches: there from the first question on, for all threads, one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, act: str, expression: str, text: str, replacement: str, ignores_case: bool) -> dict[str, object]:  # noqa: FBT001  told on as it is
        """Return the answer to one question.

        Raises:
            Unsearched: no process can be started.
        """
        question = {
            "act": act,
            "expression": expression,
            "text": text,
            "replacement": replacement,
            "ignores_case": ignores_case,
            "seconds": LONGEST_S,
        }
        line = json.dumps(question).encode() + b"\n"
        with self._lock:
            for _ in range(2):  # somebody may have ended it since the last time
                process = self._started()
                try:
                    said = _told(process, line)
                except OSError:
                    self.end()
                    continue
                if said:
                    answer: dict[str, object] = json.loads(said)
                    return answer
                self.end()
                break
        return {"endless": True}

    def end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._owner == os.getpid():
            process.kill()
        else:
            process.returncode = 0  # it belongs to the process that this one was forked from
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what it was not told is told to nobody
                if pipe is not None:
                    pipe.close()
        process.wait()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._owner == os.getpid():
            return self._process
        self.end()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", Path(__file__).with_name("searcher.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # ctrl+c is for this process
                cwd="/",
                env=child_environment(),
            )
        except OSError as error:
            raise Unsearched(f"no process can be started to search in: {error.strerror}") from None
        self._owner = os.getpid()
        return self._process


def _told(process: "subprocess.Popen[bytes]", line: bytes) -> bytes:
    """Ask; return the line that was answered, nothing when none came in time.

    Raises:
        OSError: the process is gone.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line)
    process.stdin.flush()
    said, until = b"", monotonic() + _PATIENCE_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not said.endswith(b"\n"):
            if not selector.select(max(0.0, until - monotonic())):
                return b""
            more = os.read(process.stdout.fileno(), 1 << 16)
            if not more:
                raise BrokenPipeError
            said += more
    return said


_SEARCHER = _Searcher()
_remembered = lru_cache(4096)(_SEARCHER.ask)
atexit.register(_SEARCHER.end)
