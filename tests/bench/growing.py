"""Goals 5, 8 and 10: memory, the cost of journal and verification, and how cost grows with the number of files."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from bench import servers
from bench.files import Tree, write_multi_frame, write_tree
from bench.rounds import Ratios, median, process_environment, work
from bench.table import Row

_TIME = "/usr/bin/time"
_SMALL, _LARGE = 10_000, 100_000
_HERE = "http://127.0.0.1"  # what a plan says of its site; the login says where it really is
_SHARE_ROUNDS = 4


def worker_memory(place: Path) -> list[Row]:
    """Goal 5: the worker's largest resident size, from the start of its process to the receipt."""
    if not Path(_TIME).exists():
        return [Row("5", "memory of the worker", note=f"{_TIME} is not installed (Debian: time)")]
    rows = []
    for what, limit_mb, tree in (
        (
            f"{_SMALL:,} small files",
            120,
            write_tree(place / "small", files=_SMALL, subjects=1, series=20, is_tiny=True),
        ),
        (
            f"{_LARGE:,} small files",
            200,
            write_tree(place / "large", files=_LARGE, subjects=1, series=20, is_tiny=True),
        ),
        ("one multi-frame file of 4 GB (zeros: a hole in the file)", 120, write_multi_frame(place / "long", 4 * 10**9)),
    ):
        used_mb, seconds = _memory_of_worker(place / "run", tree)
        rows.append(
            Row(
                "5",
                f"memory of the worker, {what} in one session",
                f"{used_mb:.0f} MB",
                "",
                f"{used_mb / limit_mb:.2f}",
                f"<= {limit_mb} MB",
                used_mb <= limit_mb,
                f"{what}: {seconds:.0f} s with interpreter and login, {tree.size_bytes / 1e6:,.0f} MB",
            )
        )
    return rows


def _small_files(folder: Path, count: int) -> Tree:
    return write_tree(folder, files=count, subjects=1, series=20, is_tiny=True)


def _memory_of_worker(place: Path, tree: Tree) -> tuple[float, float]:
    place.mkdir()
    work("prepare", tree.folder, place, _HERE, "prearchive")
    journal = place / "journal" / "journal.sqlite"
    with servers.sink(place / "study.json") as url:
        login = {"address": url, "username": "owner", "password": "owner", "ca_file": "", "is_unsafe": False}
        done = subprocess.run(
            [_TIME, "-v", sys.executable, "-m", "xnat_wizard.upload.worker", str(journal)],
            input=json.dumps(login).encode(),
            capture_output=True,
            check=False,
            env=process_environment(),
        )
    said = done.stderr.decode()
    if done.returncode:
        raise RuntimeError(f"the worker ended with {done.returncode}: {said[-2000:]}")
    shutil.rmtree(place)
    peak = re.search(r"Maximum resident set size \(kbytes\): (\d+)", said)
    elapsed = re.search(r"Elapsed .*: (?:(\d+):)?(\d+):([\d.]+)", said)
    assert peak is not None
    assert elapsed is not None
    hours, minutes, seconds = elapsed.groups()
    return int(peak[1]) * 1024 / 1e6, int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def cost_of_proof(place: Path) -> list[Row]:
    """Goal 8: the same upload with journal and verification, and without: to the sink, and over a quick line.

    Nothing can be quicker than the sink, so the first figure is the worst there is.
    """
    tree = write_tree(place / "tree", files=2000, subjects=1, series=10)
    work("prepare", tree.folder, place, _HERE, "prearchive")
    return [
        _cost_of_proof(place, tree, "to the sink", nullcontext),
        _cost_of_proof(
            place, tree, "over 1 Gbit/s, 1 ms", lambda url: servers.link(url, bits_per_s=1e9, delay_s=0.0005)
        ),
    ]


def _cost_of_proof(place: Path, tree: Tree, name: str, line: Callable[[str], AbstractContextManager[str]]) -> Row:
    def run(work_name: str) -> dict[str, float]:
        journal = shutil.copytree(place / "journal", place / "run")
        with servers.sink(place / "study.json") as url, line(url) as near:
            outcome = work(work_name, journal / "journal.sqlite", near)
        shutil.rmtree(journal)
        return outcome

    run("upload")
    rounds = [(run("upload"), run("unproven"), run("shares")) for _ in range(_SHARE_ROUNDS)]
    whole, bare = [one["seconds"] for one, _, _ in rounds], [one["seconds"] for _, one, _ in rounds]
    ratio = Ratios.of(whole, bare)
    journal, look = (median([one[name] / one["seconds"] for _, _, one in rounds]) for name in ("journal", "look"))
    return Row(
        "8",
        f"upload of {tree.size_bytes / 1e6:,.0f} MB {name} with journal and verification, against without",
        f"{median(whole):.2f} s",
        f"{median(bare):.2f} s",
        str(ratio),
        "<= 1.05 x",
        ratio.median <= 1.05,
        f"{name}: journal {journal:.1%} of the upload, looking at the server and receipt {look:.1%}, by stop-watches; "
        "into the prearchive, which keeps no MD5 to compare, so none is taken",
    )


def linear_growth(place: Path) -> list[Row]:
    """Goal 10: ten times the files, ten times the seconds."""
    trees = {
        count: write_tree(place / str(count), files=count, subjects=count // 5000, series=10, is_tiny=True)
        for count in (_SMALL, _LARGE)
    }
    figures: dict[str, dict[int, list[float]]] = {}
    for number, count in enumerate((_SMALL, _SMALL, _LARGE, _SMALL)):
        for name, seconds in _through_all(place / f"run-{number}", trees[count]).items():
            figures.setdefault(name, {}).setdefault(count, []).append(seconds)
    rows = []
    for name, by_count in figures.items():
        small, large = by_count[_SMALL][1:], by_count[_LARGE]  # the first run is there to warm up
        growth = Ratios(tuple(large[0] / one / (_LARGE / _SMALL) for one in small))
        rows.append(
            Row(
                "10",
                f"{name}: {_LARGE:,} files against {_SMALL:,}, by the factor of the files",
                f"{median(large):.2f} s",
                f"{median(small):.2f} s",
                str(growth),
                "<= 1.2 x",
                growth.median <= 1.2,
            )
        )
    return rows


def _through_all(place: Path, tree: Tree) -> dict[str, float]:
    """Take a tree from the survey to the verified receipt; return the seconds of each step."""
    place.mkdir()
    spent = {name: float(seconds) for name, seconds in work("prepare", tree.folder, place, _HERE, "prearchive").items()}
    del spent["whole_s"]
    journal = place / "journal" / "journal.sqlite"
    with servers.sink(place / "study.json") as url:
        for name in ("upload", "verify"):
            spent[name] = float(work(name, journal, url)["seconds"])
    shutil.rmtree(place)
    return spent
