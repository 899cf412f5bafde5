"""Goal 9: how quickly the program answers a person, and how much it says over the line."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pexpect
import pyte

from bench.files import write_tree
from bench.rounds import median, process_environment, run
from bench.table import Row
from xnat_wizard.upload.lock import FILE_NAME, is_held

_ROUNDS = 7
_KEYS = 20
_QUIET_S = 5.0
_COLUMNS, _ROWS = 80, 24
_PROGRAM = Path(sys.executable).with_name("xnat-wizard")
_BUTTONS = (b"Pause", b"Cancel", b"Log", b"Receipt")  # the words a moved focus repaints; progress repaints none


class Terminal:
    """A pseudo-terminal that notes when what was drawn."""

    def __init__(self, home: Path, *arguments: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
        environment = {**process_environment(), "TERM": "xterm-256color", "LANG": "C.UTF-8", **more}
        environment["XNAT_WIZARD_HOME"] = str(home)
        self._screen = pyte.Screen(_COLUMNS, _ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            str(_PROGRAM), list(arguments), env=environment, dimensions=(_ROWS, _COLUMNS), timeout=5
        )
        self._child.delaybeforesend = None

    def read(self, seconds: float) -> bytes:
        """Return what is drawn within some time: b"" when nothing is."""
        try:
            drawn: bytes = self._child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return b""
        self._stream.feed(drawn)
        return drawn

    def text(self) -> str:
        """Return what the screen shows."""
        return "\n".join(self._screen.display)

    def wait_for(self, words: str, timeout_s: float = 90.0) -> None:
        """Read until the words stand on the screen.

        Raises:
            RuntimeError: they do not come.
        """
        deadline = time.monotonic() + timeout_s
        while words not in self.text():
            self.read(0.05)
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {words!r} on the screen:\n{self.text()}")

    def press(self, keys: str) -> None:
        """Type."""
        self._child.send(keys)

    def until(self, is_answer: Callable[[bytes], bool], timeout_s: float = 5.0) -> float | None:
        """Read until what was drawn is the answer; return the seconds it took, `None` when it does not come."""
        began = time.perf_counter()
        drawn = b""
        while time.perf_counter() - began < timeout_s:
            drawn += self.read(0.5)
            if is_answer(drawn):
                return time.perf_counter() - began
        return None

    def close(self) -> None:
        """End the program."""
        self._child.close(force=True)


def answers(place: Path) -> list[Row]:
    """Goal 9: start, help, keys and bytes."""
    first = [_first_screen(place / "home") for _ in range(_ROUNDS + 1)][1:]
    help_s = [run(_PROGRAM, "--help") for _ in range(_ROUNDS + 1)][1:]
    bare_s = [run(sys.executable, "-c", "pass") for _ in range(_ROUNDS)]
    bare = f"{median(bare_s):.3f} s"
    rows = [
        _timed("from the command to the login step", first, 0.8, bare),
        _timed("`--help`", help_s, 0.1, bare).with_note("the other: an interpreter that does nothing"),
    ]
    try:
        return rows + _during_upload(place)
    except RuntimeError as error:
        return [*rows, Row("9", "keys and bytes in mid-upload", note=str(error).splitlines()[0])]


def _timed(what: str, seconds: list[float], wanted_s: float, other: str = "") -> Row:
    spread = f"{min(seconds):.3f} / {median(seconds):.3f} / {max(seconds):.3f} s"
    is_reached = median(seconds) <= wanted_s
    return Row("9", what, f"{median(seconds):.3f} s", other, spread, f"<= {wanted_s:g} s", is_reached)


def _first_screen(home: Path) -> float:
    began = time.perf_counter()
    terminal = Terminal(home)
    try:
        terminal.wait_for("[1 Log in]")
        return time.perf_counter() - began
    finally:
        terminal.close()


def _during_upload(place: Path) -> list[Row]:
    demo = place / "demo"
    tree = write_tree(demo / "sample-study", files=5000, subjects=1, series=10)
    shutil.copytree(tree.folder, demo / "faulty-study", ignore=lambda *_: ["SUB0001"])
    terminal = Terminal(place / "home", "practice", "--open", "--fast", "--no-anonymization", "--folder", str(demo))
    try:
        for words, keys in (
            ("[1 Log in]", ""),
            ("XNAT 1.9.3 answers", "owner\r"),
            ("What would you like to do?", "\r"),
            ("Demo project", "\r"),
            ("[3 Folder]", "\x1bOR"),
            ("sample-study: 1 subject", "\x0e"),
            ("[4 Plan]", ""),
            ("new", "\x0e"),
            ("[5 Upload]", "\r"),
            ("MB/s", ""),
        ):
            terminal.wait_for(words)
            if keys:
                terminal.press(keys)
        quiet_s, drawn = _steady(terminal)
        timed = _echoes(terminal)
        is_running = "Done: every file" not in terminal.text()
    finally:
        terminal.close()
        _end_worker(demo)
        _remove(demo)
    if not is_running:
        raise RuntimeError("the upload ended before the keys were timed")
    rate = drawn / quiet_s
    return [
        _timed("key echo in mid-upload to the practice server", timed, 0.05).with_note(
            f"Tab on the upload step, {len(timed)} times; wizard, worker and server share {os.cpu_count()} cores"
        ),
        Row(
            "9",
            "bytes to the terminal in a steady upload",
            f"{rate / 1000:.2f} kB/s",
            "",
            f"{rate / 2000:.2f}",
            "<= 2 kB/s",
            rate <= 2000,
        ),
    ]


def _end_worker(home: Path) -> None:
    """End the worker, which outlives its terminal, by the number in the lock file of its upload."""
    for journal in home.rglob("uploads/*/journal.sqlite"):
        for _ in range(100):
            number = journal.with_name(FILE_NAME).read_text().strip()
            if not number or not is_held(journal):
                break
            os.kill(int(number), signal.SIGTERM)
            time.sleep(0.1)


def _remove(folder: Path) -> None:
    """Remove a folder that a server on its way out may still write to."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def _steady(terminal: Terminal) -> tuple[float, int]:
    for _ in range(20):  # what the start has drawn
        terminal.read(0.05)
    began = time.perf_counter()
    drawn = 0
    while (seconds := time.perf_counter() - began) < _QUIET_S:
        drawn += len(terminal.read(0.1))
    return seconds, drawn


def _echoes(terminal: Terminal) -> list[float]:
    """Press Tab on the upload step some times; return the seconds until each was seen.

    Raises:
        RuntimeError: too few had an answer that can be told.
    """
    found = []
    for _ in range(_KEYS):
        while terminal.read(0.03):
            pass
        terminal.press("\t")
        seconds = terminal.until(lambda drawn: any(word in drawn for word in _BUTTONS), 1.0)
        if seconds is not None:  # the focus went from one list to another: no button was repainted
            found.append(seconds)
    if len(found) < _KEYS / 3:
        raise RuntimeError(f"only {len(found)} of {_KEYS} keys had an answer that can be told")
    return found
