"""The program as it was installed, run from a folder and with surroundings that know nothing of the checkout."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from terminal import Terminal

from package.building import PATH

PATIENCE_S = 120


class Ended(NamedTuple):
    """A run of the program that is over."""

    code: int
    data: str
    talk: str


@dataclass(frozen=True)
class Installed:
    """How the program is called, where, and what surrounds it.

    Args:
        command: that opens it.
        home: the home folder; the program is run in it.
        before: a command that the other runs in: another user, no network.
        more: environment variables beside PATH, HOME and LANG.
    """

    command: tuple[str, ...]
    home: Path
    before: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")

    def surroundings(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment."""
        return {"PATH": PATH, "HOME": str(self.home), "LANG": "C.UTF-8", **self.more, **(more or {})}

    def full(self, *arguments: str | Path) -> list[str]:
        """Return the whole command."""
        return [*self.before, *self.command, *map(str, arguments)]

    def run(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Ended:
        """Run it to its end, without a terminal."""
        done = subprocess.run(
            self.full(*arguments),
            env=self.surroundings(env),
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def practice(self, folder: Path) -> Iterator[str]:
        """Run its practice server; give its address."""
        command = self.full("practice", "--folder", folder, "--fast", "--no-anonymization", "--until-stdin-ends")
        with subprocess.Popen(
            command,
            env=self.surroundings(),
            cwd=self.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdin
            assert server.stdout
            assert server.stderr
            url = server.stdout.readline().strip()
            assert url.startswith("http://"), server.stderr.read()
            try:
                yield url
            finally:
                server.stdin.close()

    def first_screen(self, *arguments: str | Path, words: str = "[ Log in ]") -> str:
        """Open the wizard in a terminal, wait for its first screen, leave; return what it showed."""
        program, *rest = self.full(*arguments)
        cleared = dict.fromkeys(set(os.environ) - {"TERM"}, "")
        with Terminal(*rest, program=program, environment={**cleared, **self.surroundings()}) as terminal:
            terminal.wait_for(words, PATIENCE_S)
            text = terminal.wait_for("^q Quit", PATIENCE_S)
            terminal.rest()
            terminal.press("ctrl+q")
            assert terminal.wait_for_end(PATIENCE_S) == 0
        return text


def journey(program: Installed, folder: Path, study: Path) -> Path:
    """Go the whole way: practice server, plan, an upload by a process of its own, receipt; return the upload's folder.

    Args:
        program: that goes it.
        folder: where it may write.
        study: the images: two subjects.
    """
    plan = folder / "study.plan.json"
    account = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}
    with program.practice(folder / "site") as url:
        planned = program.run("plan", study, "--site", url, "--project", "DEMO", "--to", "archive", "--output", plan)
        assert planned.code == 0, planned.talk
        started = program.run("upload", plan, "--detach", env=account)
        assert started.code == 0, started.talk
        watched = program.run("attach", env=account)
        assert watched.code == 0, watched.talk + watched.data
        assert "Verdict: COMPLETE" in watched.data
        verified = program.run("verify", "--json", env=account)
        assert verified.code == 0, verified.talk
        verdicts = [one["verdict"] for one in map(json.loads, verified.data.splitlines()) if "verdict" in one]
        assert verdicts == ["COMPLETE"]
    return Path(started.data.strip())


def as_user(number: int) -> tuple[str, ...]:
    """Return what goes before a command so that it runs as another user, without rights of any group."""
    return ("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups")


def without_network() -> tuple[str, ...]:
    """Return what goes before a command so that it has no network but its own loopback."""
    return ("unshare", "--net", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh")


def works(before: Sequence[str]) -> bool:
    """Tell whether a command may run in such surroundings here."""
    try:
        return not subprocess.run([*before, "true"], capture_output=True, timeout=10, check=False).returncode
    except OSError:
        return False
