"""A long upload of many small files while the site misbehaves: what it takes, and how a screen feels meanwhile.

    python -m load --subjects 500 --files 250000 --connections 8

One plan, one journal, a worker process against the practice server, faults by chance; a worker that has given up is
started again as a person would. A wizard in a pseudo-terminal watches the upload. Prints a line a minute and a summary;
ends with 0 when every file is proved to be in the archive.
"""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import servers
from bench.files import write_tree
from bench.rounds import median
from bench.screen import Terminal
from xnat_wizard.dicom.survey import survey
from xnat_wizard.settings import HOME_VARIABLE, Secret
from xnat_wizard.upload import lock, uploads, worker
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Options, UploadState
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import Login

FAULTS = (
    "status:code=503,chance=0.01,seed=1",
    "status:code=500,moment=after,only=write,chance=0.005,seed=2",
    "cut-request:at=9000,only=import,chance=0.02,seed=3",
    "lost-answer:chance=0.005,seed=4",
    "cut-answer:at=10,only=read,chance=0.005,seed=5",
    "latency:seconds=0.5,chance=0.05,seed=6",
    "expired-login:path=^(?!/data/JSESSION|/xapi/users/username),chance=0.005,seed=7",
    "gateway-timeout:seconds=0,only=import,chance=0.01,seed=8",
)
EVERY_S = 5.0
TELL_EVERY_S = 60.0


@dataclass
class Seen:
    """What was measured on the way."""

    worker_mb: list[float] = field(default_factory=list)
    worker_handles: list[int] = field(default_factory=list)
    server_mb: list[float] = field(default_factory=list)
    journal_mb: list[float] = field(default_factory=list)
    progress_ms: list[float] = field(default_factory=list)  # the query of the upload screen
    echo_ms: list[float] = field(default_factory=list)
    starts: int = 0


def main() -> int:
    """Run the load."""
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--files", type=int, default=250_000)
    parser.add_argument("--series", type=int, default=5, help="a subject")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--minutes", type=int, default=0, help="last so long at least, by a limit of speed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        return _run(Path(place), options)


def _run(place: Path, options: argparse.Namespace) -> int:
    os.environ[HOME_VARIABLE] = str(place / "home")
    began = time.monotonic()
    tree = write_tree(
        place / "study", files=options.files, subjects=options.subjects, series=options.series, is_tiny=True
    )
    print(f"{tree.file_count:,} files, {tree.size_bytes / 1e6:,.0f} MB written in {_since(began)}")
    with servers.practice(place / "site") as practice:
        began = time.monotonic()
        found = survey(tree.folder)
        plan = draft(found, site_url=practice.url, project="DEMO", destination=Destination.ARCHIVE)
        path = uploads.begin(plan)
        sessions = len(plan.included)
        print(f"surveyed and planned {sessions} sessions in {_since(began)}")
        del found, plan
        with Journal.open(path) as journal:
            limit = tree.size_bytes // (options.minutes * 60) if options.minutes else 0
            journal.set_options(Options(limit_bytes_s=limit, most_connections=options.connections))
            _misbehave(practice.url)
            seen = Seen()
            began = time.monotonic()
            _upload(journal, practice, place / "home", seen)
            _tell(f"uploaded in {_since(began)}", journal, seen)
            return _summary(journal, seen)


def _upload(journal: Journal, practice: servers.Practice, home: Path, seen: Seen) -> None:
    login = Login(practice.url, "owner", Secret("owner"))
    told = time.monotonic()
    began = told
    with _watching(practice.url, home) as watched:
        terminal = watched
        while journal.progress().state is not UploadState.DONE:
            if not worker.is_running(journal.path):
                now = journal.progress()
                if seen.starts:
                    print(f"  start {seen.starts + 1}: it was {now.state}: {now.finding.what if now.finding else '-'}")
                seen.starts += 1
                worker.start(journal.path, login)
            time.sleep(EVERY_S)
            _look(journal, practice, seen)
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                terminal = _keys(terminal, practice.url, home, seen)
                _tell(_since(began), journal, seen)


def _look(journal: Journal, practice: servers.Practice, seen: Seen) -> None:
    began = time.perf_counter()
    journal.progress()
    seen.progress_ms.append((time.perf_counter() - began) * 1000)
    number = journal.path.with_name(lock.FILE_NAME).read_text().strip()
    if number and (size_mb := _resident_mb(int(number))):
        seen.worker_mb.append(size_mb)
        seen.worker_handles.append(_handles(int(number)))
    seen.server_mb.append(_resident_mb(practice.process_id))
    seen.journal_mb.append(sum(one.stat().st_size for one in journal.path.parent.glob("journal.sqlite*")) / 1e6)


@contextmanager
def _watching(url: str, home: Path) -> Iterator[Terminal | None]:
    terminal = _wizard(url, home)
    try:
        yield terminal
    finally:
        if terminal:
            terminal.close()


def _wizard(url: str, home: Path) -> Terminal | None:
    """Open the wizard on the running upload; `None` where it did not come so far."""
    terminal = Terminal(home, "--site", url, more={"XNAT_HOST": url, "XNAT_USER": "owner", "XNAT_PASS": "owner"})
    try:
        for words, keys in (("XNAT 1.9.3 answers", "\x0e"), ("What would you like to do?", "")):
            terminal.wait_for(words)
            terminal.press(keys)
    except RuntimeError:
        terminal.close()
        return None
    return terminal


def _keys(terminal: Terminal | None, url: str, home: Path, seen: Seen) -> Terminal | None:
    """Time a few keys on Home, which shows the running upload; a wizard that fails is opened anew."""
    if terminal is None:
        return _wizard(url, home)
    while terminal.read(0.05):
        pass
    for key in ("\x1b[B", "\x1b[A", "\x1b[B", "\x1b[A"):
        began = time.perf_counter()
        terminal.press(key)
        if terminal.until(lambda drawn: b">" in drawn, 2.0) is None:
            continue
        seen.echo_ms.append((time.perf_counter() - began) * 1000)
        while terminal.read(0.03):
            pass
    return terminal


def _misbehave(url: str) -> None:
    for fault in FAULTS:
        request = urllib.request.Request(f"{url}/practice/faults", data=fault.encode(), method="POST")  # noqa: S310  our own server
        request.add_header("Authorization", "Basic " + b64encode(b"admin:admin").decode())
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  as above


def _summary(journal: Journal, seen: Seen) -> int:
    receipt = journal.receipt()
    now = journal.progress()
    assert receipt is not None
    stored = sum(line.files_stored for line in receipt.lines)
    with sqlite3.connect(journal.path) as database:
        integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
    made = {
        "verdict": receipt.verdict,
        "files": now.files_total,
        "stored": stored,
        "retries": now.retries,
        "starts of the worker": seen.starts,
        "worker MB, most": max(seen.worker_mb),
        "worker MB, first and last quarter": [_part(seen.worker_mb, 0), _part(seen.worker_mb, 3)],
        "worker open files, most": max(seen.worker_handles),
        "server MB, most": max(seen.server_mb),
        "journal MB, most": max(seen.journal_mb),
        "journal": integrity,
        "progress query ms, median and most": [median(seen.progress_ms), max(seen.progress_ms)],
        "key echo ms, median and most": [median(seen.echo_ms), max(seen.echo_ms)] if seen.echo_ms else "not measured",
    }
    print(json.dumps(made, indent=1))
    return 0 if receipt.verdict == "COMPLETE" and stored == now.files_total else 1


def _part(values: list[float], quarter: int) -> float:
    size = max(1, len(values) // 4)
    return median(values[quarter * size :][:size] or values)


def _tell(when: str, journal: Journal, seen: Seen) -> None:
    now = journal.progress()
    echo = f"{median(seen.echo_ms):.0f} ms" if seen.echo_ms else "-"
    print(
        f"{when}: {now.files_sent:,} of {now.files_total:,} sent, {now.retries} retries, worker "
        f"{seen.worker_mb[-1] if seen.worker_mb else 0:.0f} MB {seen.worker_handles[-1] if seen.worker_handles else 0} "
        f"files, server {seen.server_mb[-1]:.0f} MB, journal {seen.journal_mb[-1]:.0f} MB, query "
        f"{seen.progress_ms[-1]:.1f} ms, key {echo}",
        flush=True,
    )


def _resident_mb(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def _handles(process: int) -> int:
    try:
        return len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208  counted only
    except OSError:
        return 0


def _since(began: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    return f"{minutes}:{seconds:02d}"


if __name__ == "__main__":
    sys.exit(main())
