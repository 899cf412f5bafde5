"""Runs what is measured: processes of their own, in turn (A B A B), and what the rounds say together."""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Outcome = dict[str, Any]


def run(*command: str | Path, environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> float:
    """Run a whole process to its end and return the seconds it took.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [os.fspath(part) for part in command],
        input=stdin,
        capture_output=True,
        check=False,
        env=process_environment(environment),
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{said}")
    return seconds


def work(name: str, *arguments: str | int | Path, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run one function of `work.py` in a fresh interpreter and return what it measured, `whole_s` added.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.work", name, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=process_environment(environment),
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    outcome: Outcome = json.loads(done.stdout.splitlines()[-1])
    return {**outcome, "whole_s": seconds}


def process_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that is measured."""
    tests = os.fspath(Path(__file__).resolve().parents[1])
    path = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "NO_PROXY": "127.0.0.1", **(more or {})}


def in_turn(count: int, *acts: Callable[[], float]) -> list[list[float]]:
    """Do each act `count` times, in turn; return the figures of each."""
    rounds = [[act() for act in acts] for _ in range(count)]
    return [[figures[index] for figures in rounds] for index in range(len(acts))]


@dataclass(frozen=True, slots=True)
class Ratios:
    """How figures of rounds in turn compare."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, above: Sequence[float], below: Sequence[float]) -> "Ratios":
        """Divide round by round."""
        return cls(tuple(a / b for a, b in zip(above, below, strict=True)))

    @property
    def median(self) -> float:
        """Return the middle."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.median:.2f}"
        return f"{min(self.values):.2f} / {self.median:.2f} / {max(self.values):.2f}"


def median(figures: Sequence[float]) -> float:
    """Return the middle of some figures."""
    return statistics.median(figures)


def drop_cache(folder: Path) -> str:
    """Make the next reading of a folder a cold one; return how."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return "pages of the files dropped, folders stay warm"
    return "page cache dropped"


def raise_open_files() -> None:
    """Allow as many open files as the system does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
