"""Runs the examples of the manual: blocks of `console`, page by page, in a place of their own.

A line that begins with `$ ` is a command of a shell; what follows it, up to the next one, has to come out, line by
line and in this order; `...` stands for anything. Behind `console` may stand `exit=N`, for the last command of the
block, and `skip="reason"` where it cannot be run. A block of `toml` with `file=NAME` is written there first.

The address of the manual's site, https://xnat.example.org, is that of a practice server; a page finds the sample study
in `study`, one with faults in `faulty`, and a login in the environment.

On its own page a command is started as a program of its own, and on the page for newcomers each is; elsewhere, and the
next time, it is called in this process where it needs no shell: that is quicker, and `call` says what it is good for.

`PYTHONPATH=tests python tests/manual_examples.py PAGE` shows what really comes out.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from unittest.mock import patch

from cli.program import call_into, written_to
from support import Practice
from xnat_wizard.manual.pages import all_pages
from xnat_wizard.practice.sample import write_faulty_study, write_study

SITE, RECEIVER = "https://xnat.example.org", "xnat.example.org:8104"
PATIENCE_S = 90
NEWCOMER = "first-upload"
_CALL = re.compile(r"xnat-wizard ((?:'[^']*'|[^|&;<>$~`()!*'\"\\])*?)(?: > (\S+))?")  # what needs no shell
_FENCE = re.compile(r"^\s*```(\w*)(.*)$")
_EXIT = re.compile(r"\bexit=(\d+)")
_FILE = re.compile(r"\bfile=(\S+)")
_SKIP = re.compile(r'\bskip="([^"]+)"')


@dataclass(frozen=True)
class Command:
    """One command of a block, what has to come out, and how it has to end."""

    line: str
    expected: tuple[str, ...] = ()
    exit_code: int = 0


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: str
    language: str
    marks: str
    lines: tuple[str, ...]

    @property
    def skip(self) -> str:
        """Return why it cannot be run; "" where it can."""
        found = _SKIP.search(self.marks)
        return found[1] if found else ""

    @property
    def file(self) -> str:
        """Return the name of the file that it is an example of; "" for none."""
        found = _FILE.search(self.marks)
        return found[1] if found else ""

    def commands(self) -> list[Command]:
        """Return its commands: for a file none."""
        if self.file:
            return []
        given: list[tuple[str, list[str]]] = []
        for line in self.lines:
            if line.startswith("$ "):
                given.append((line.removeprefix("$ "), []))
            elif given and given[-1][0].endswith("\\") and not given[-1][1]:
                given[-1] = (given[-1][0].removesuffix("\\") + line.strip(), [])
            elif given:
                given[-1][1].append(line)
        found = _EXIT.search(self.marks)
        last = int(found[1]) if found else 0
        return [
            Command(line, tuple(expected), last if place == len(given) - 1 else 0)
            for place, (line, expected) in enumerate(given)
        ]


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of code of a page."""
    inside: tuple[str, str] | None = None
    lines: list[str] = []
    for line in all_pages()[page].text.splitlines():
        mark = _FENCE.match(line)
        if mark and inside is None:
            inside, lines = (mark[1], mark[2].strip()), []
        elif mark and inside is not None:
            yield Block(page, *inside, tuple(lines))
            inside = None
        elif inside is not None:
            lines.append(line)


def runnable(page: str) -> list[Block]:
    """Return the blocks of a page that are run, and the files that are written for them."""
    own = [block for block in blocks(page) if (block.language == "console" or block.file) and not block.skip]
    return own if any(block.commands() for block in own) else []


@dataclass(frozen=True)
class Came:
    """What came out of a command."""

    command: Command
    exit_code: int
    output: str
    seconds: float = 0.0

    def faults(self) -> list[str]:
        """Return what is not as the manual has it."""
        faults = []
        if self.exit_code != self.command.exit_code:
            faults.append(f"exit code {self.exit_code}, not {self.command.exit_code}")
        left = iter(self.output.splitlines())
        for line in self.command.expected:
            if line.strip(" .") and not any(_fits(line, other) for other in left):
                faults.append(f"not there, or not in this order: {line}")
                break
        return faults


def _fits(expected: str, line: str) -> bool:
    parts = [re.escape(" ".join(part.split())) for part in expected.split("...")]
    return re.search(".*".join(parts), " ".join(line.split())) is not None


@cache
def _studies() -> tempfile.TemporaryDirectory[str]:
    """Make the studies once; they are gone with this process."""
    folder = tempfile.TemporaryDirectory()
    write_study(Path(folder.name) / "study", subjects=2, slices=4)
    write_faulty_study(Path(folder.name) / "faulty")
    return folder


def starts(page: str, command: Command) -> str:
    """Return which command of the program is started on its own page; "" for others."""
    found = re.search(r"\bxnat-wizard ([a-z]+)", command.line)
    return found[1] if found and page in {NEWCOMER, f"commands/{found[1]}"} else ""


class Sandbox:
    """A practice server, a folder with studies, an environment, for the examples of one page."""

    def __init__(self, folder: Path, page: str) -> None:
        self._page, self._started = page, set[str]()
        self.folder = folder / "here"
        shutil.copytree(_studies().name, self.folder)
        self._bin = Path(sys.executable).parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("XNAT_", "SLURM_", "XDG_"))},
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "HOME": str(folder),
            "COLUMNS": "80",
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
        }
        self._practice = Practice(folder / "server")
        self.url = self._practice.url
        self.receiver = self._practice.server.dicom_url.rpartition("@")[2]
        self._environment |= {"XNAT_HOST": self.url, "XNAT_USER": "owner", "XNAT_PASS": "owner"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._practice.close()

    def write(self, block: Block) -> None:
        """Write the file that a block is an example of."""
        (self.folder / block.file).write_text("\n".join(block.lines) + "\n", encoding="utf-8")

    def run(self, command: Command) -> Came:
        """Run a command to its end."""
        line = command.line.replace(RECEIVER, self.receiver).replace(SITE, self.url)
        began = time.monotonic()
        own = starts(self._page, command)
        plain = _CALL.fullmatch(line)
        if plain and (not own or own in self._started) and self._page != NEWCOMER:
            code, output = self._call(plain[1], plain[2])
        else:
            code, output = self._shell(line)
            self._started.add(own)
        output = output.replace(self.receiver, RECEIVER).replace(self.url, SITE)
        return Came(command, code, output, time.monotonic() - began)

    def _call(self, words: str, file: str | None) -> tuple[int, str]:
        both = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
        with patch.dict(os.environ, self._environment, clear=True), chdir(self.folder):
            if file is None:
                return call_into(both, both, *shlex.split(words)), written_to(both)
            with Path(file).open("w", encoding="utf-8") as stdout:
                return call_into(stdout, both, *shlex.split(words)), written_to(both)

    def _shell(self, line: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")


def told(came: Came) -> str:
    """Return a command and what came of it, for a person."""
    faults = "".join(f"\n>>> {fault}" for fault in came.faults())
    return f"$ {came.command.line}\n{came.output}[{came.exit_code}, {came.seconds:.1f} s]{faults}\n"


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(all_pages()):
        if runnable(name):
            print(f"===== {name}", flush=True)
            with tempfile.TemporaryDirectory() as place, Sandbox(Path(place), name) as sandbox:
                for block in runnable(name):
                    if block.file:
                        sandbox.write(block)
                    for command in block.commands():
                        print(told(sandbox.run(command)), flush=True)
