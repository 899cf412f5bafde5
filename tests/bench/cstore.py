"""Goal 7: how fast images travel by DICOM, beside DCMTK's storescu with the same files to the same receiver."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import servers
from bench.files import Tree, write_tree
from bench.rounds import Ratios, in_turn, median, run, work
from bench.table import Row

ASSOCIATIONS = 4
_ROUNDS = 5
_LINK_ROUNDS = 3
_NO_DELAY = {"TCP_NODELAY": "1"}  # Debian's DCMTK waits for full packets without it: some 20 files a second
_PATIENCE_S = 20.0


def folder_to_receiver(place: Path) -> list[Row]:
    """Goal 7: a study to storescp, with four associations of ours and with storescu."""
    if not (shutil.which("storescp") and shutil.which("storescu")):
        return [Row("7", "C-STORE against storescu", note="DCMTK is not installed")]
    tree = write_tree(place / "tree", files=1200, subjects=1, series=10)
    work("prepare", tree.folder, place, "http://127.0.0.1", "prearchive")
    return [
        _row(place, tree, "on loopback", _ROUNDS, 0.0, 0.4, "receiver: storescp --fork --ignore, which keeps nothing"),
        _row(place, tree, "over 1 Gbit/s with 1 ms", _LINK_ROUNDS, 0.0005, 1.0, "the line is emulated in user space"),
    ]


def _row(place: Path, tree: Tree, where: str, rounds: int, delay_s: float, wanted: float, note: str) -> Row:
    def ours(port: int) -> float:
        journal = shutil.copytree(place / "journal", place / "run")
        outcome = work("send_by_dicom", journal / "journal.sqlite", port, ASSOCIATIONS)
        shutil.rmtree(journal)
        if outcome["sent"] != tree.file_count:
            raise RuntimeError(f"{outcome['sent']} of {tree.file_count} files were acknowledged")
        return float(outcome["seconds"])

    def theirs(port: int) -> float:
        return run("storescu", "-aec", "XNAT", "+sd", "+r", "127.0.0.1", str(port), tree.folder, environment=_NO_DELAY)

    with _receiver() as port, _line(port, delay_s) as near:
        mine, other = in_turn(rounds, lambda: ours(near), lambda: theirs(near))
    ratio = Ratios.of(other, mine)
    return Row(
        "7",
        f"C-STORE of {tree.file_count:,} files, {tree.size_bytes / 1e6:,.0f} MB {where}: {ASSOCIATIONS} associations, "
        "against storescu with one and TCP_NODELAY",
        f"{tree.file_count / median(mine):,.0f} files/s",
        f"{tree.file_count / median(other):,.0f} files/s",
        str(ratio),
        f">= {wanted:g} x",
        ratio.median >= wanted,
        "ours writes the identification into headers and each answer into the journal; its interpreter and imports are "
        f"not counted; storescu as a whole process; {note}",
    )


@contextmanager
def _receiver() -> Iterator[int]:
    """Run a receiver that takes several associations at a time; give its port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    process = subprocess.Popen(
        ["storescp", "--fork", "--ignore", "-aet", "XNAT", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_NO_DELAY},
    )
    try:
        until = time.monotonic() + _PATIENCE_S
        while not _is_open(port):
            if time.monotonic() > until:
                raise RuntimeError("storescp does not listen")
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def _is_open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _line(port: int, delay_s: float) -> Iterator[int]:
    """Put a line before a port; none where nothing is delayed."""
    if not delay_s:
        yield port
        return
    with servers.link(f"http://127.0.0.1:{port}", bits_per_s=1e9, delay_s=delay_s) as near:
        yield int(near.rpartition(":")[2])
