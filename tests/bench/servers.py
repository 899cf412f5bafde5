"""Servers that a benchmark starts and ends: the sink and the practice server, each a process of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def sink(study: Path) -> Iterator[str]:
    """Run the sink; give its address."""
    with _server([sys.executable, "-m", "bench.sink", str(study)]) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Practice:
    """A running practice server."""

    url: str
    process_id: int

    def cpu_s(self) -> float:
        """Return the seconds of processor time it has used by now; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def practice(folder: Path) -> Iterator[Practice]:
    """Run the practice server with short timers and without anonymization."""
    command = [sys.executable, "-m", "xnat_wizard", "practice", "--until-stdin-ends", "--fast", "--no-anonymization"]
    with _process([*command, "--folder", str(folder)]) as (process, url):
        yield Practice(url, process.pid)


@contextlib.contextmanager
def link(url: str, *, bits_per_s: float, delay_s: float, loss: float = 0.0) -> Iterator[str]:
    """Run a slow line to a server; give the address of its near end."""
    command = [sys.executable, "-m", "bench.link", url, str(bits_per_s), str(delay_s), str(loss)]
    with _server(command) as near:
        yield near


@contextlib.contextmanager
def _server(command: list[str]) -> Iterator[str]:
    with _process(command) as (_, url):
        yield url


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"{command[2]} did not start")
            yield process, url
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
