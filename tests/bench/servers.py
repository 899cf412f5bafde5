"""Servers that a benchmark starts and ends: the sink and the practice server, each a process of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def sink(study: Path) -> Iterator[str]:
    """Run the sink; give its address."""
    with _server([sys.executable, "-m", "bench.sink", str(study)]) as url:
        yield url


@contextlib.contextmanager
def practice(folder: Path) -> Iterator[str]:
    """Run the practice server with short timers and without anonymization; give its address."""
    command = [sys.executable, "-m", "xnat_wizard", "practice", "--until-stdin-ends", "--fast", "--no-anonymization"]
    with _server([*command, "--folder", str(folder)]) as url:
        yield url


@contextlib.contextmanager
def link(url: str, *, bits_per_s: float, delay_s: float, loss: float = 0.0) -> Iterator[str]:
    """Run a slow line to a server; give the address of its near end."""
    command = [sys.executable, "-m", "bench.link", url, str(bits_per_s), str(delay_s), str(loss)]
    with _server(command) as near:
        yield near


@contextlib.contextmanager
def _server(command: list[str]) -> Iterator[str]:
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
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
