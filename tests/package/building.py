"""Builds what people install, and knows whether there is a network to install it with."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 600
PATH = os.pathsep.join(  # without the environment that the tests run in
    part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != Path(sys.executable).parent
)


def ask(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command to its end; return its output.

    Raises:
        AssertionError: it failed; what it said stands in the message.
    """
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def build(kind: str, source: Path, into: Path) -> Path:
    """Build the `wheel` or the `sdist` of a source tree, without a network."""
    before = set(into.glob("*"))
    ask(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", into, source)
    (made,) = set(into.glob("*")) - before
    return made


def need_an_index(folder: Path) -> None:
    """Skip where no package can be fetched: then nothing can be installed into a clean environment."""
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "pathlib"]
    if subprocess.run(fetch, capture_output=True, timeout=PATIENCE_S, check=False).returncode:
        pytest.skip("no package index can be reached: nothing can be installed into a clean environment")


def environment(folder: Path) -> Path:
    """Make an environment that holds nothing but pip; return its `bin`."""
    ask(sys.executable, "-m", "venv", folder)
    return folder / "bin"


def other_python(version: str) -> Path:
    """Return a Python of that version; skip where there is none. Those of pyenv are looked for where it keeps them."""
    found = [shutil.which(f"python{version}", path=PATH)]
    found += map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")))
    for each in filter(None, found):
        done = subprocess.run([each, "--version"], capture_output=True, text=True, check=False)
        if re.match(rf"Python {re.escape(version)}\.", done.stdout):
            return Path(each)
    pytest.skip(f"Python {version} is not on this machine")
