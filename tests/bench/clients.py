"""Goal 4: from a folder to the archive, against what others upload with."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bench import servers
from bench.files import Tree, write_tree
from bench.rounds import Ratios, in_turn, median, run, work
from bench.table import Row

_ROUNDS = 3


def folder_to_archive(place: Path) -> list[Row]:
    """Goal 4: whole processes, each with a fresh practice server."""
    tree = write_tree(place / "tree", files=240, subjects=1, series=5)
    others: dict[str, tuple[float, Callable[[Path, str], float]]] = {}
    rows = []
    for name, module, wanted, client in (
        ("xnatpy", "xnat", 10.0, _xnatpy),
        ("pyxnat", "pyxnat", 10.0, _pyxnat),
        ("xnatctl", "xnatctl", 1.5, _xnatctl),
    ):
        if importlib.util.find_spec(module):
            others[name] = (wanted, client)
        else:
            rows.append(Row("4", f"folder to archive, against {name}", note=f"{name} is not installed"))

    def timed(client: Callable[[Path, str], float]) -> Callable[[], float]:
        return lambda: _archived(place, tree, client)

    clients = [_ours, *(client for _, client in others.values())]
    mine, *figures = in_turn(_ROUNDS, *(timed(client) for client in clients))
    for (name, (wanted, _)), theirs in zip(others.items(), figures, strict=True):
        ratio = Ratios.of(theirs, mine)
        rows.append(
            Row(
                "4",
                f"{tree.file_count} files, {tree.size_bytes / 1e6:,.0f} MB from a folder into the archive of the "
                f"practice server, against {name}",
                f"{median(mine):.2f} s",
                f"{median(theirs):.2f} s",
                str(ratio),
                f">= {wanted:g} x",
                ratio.median >= wanted,
            )
        )
    note = "whole processes; ours are two, `plan` and `upload`, with the receipt; pyxnat's server parses no image"
    return [*rows[:-1], rows[-1].with_note(note)]


def _archived(place: Path, tree: Tree, client: Callable[[Path, str], float]) -> float:
    server = place / "server"
    with servers.practice(server) as url:
        seconds = client(tree.folder, url)
        count = sum(path.suffix == ".dcm" for path in (server / "archive").rglob("*"))
    shutil.rmtree(server)
    if count != tree.file_count:
        raise RuntimeError(f"{client.__name__}: {count} of {tree.file_count} files are in the archive")
    return seconds


def _ours(folder: Path, url: str) -> float:
    home = folder.parent / "home"
    program = Path(sys.executable).with_name("xnat-wizard")
    plan = folder.parent / "plan.json"
    environment = {"XNAT_WIZARD_HOME": str(home), "XNAT_USER": "owner", "XNAT_PASS": "owner"}
    target = ("--site", url, "--project", "DEMO", "--to", "archive", "--output", plan)
    seconds = run(program, "plan", folder, *target, environment=environment)
    seconds += run(program, "upload", plan, environment=environment)
    shutil.rmtree(home)
    return seconds


def _xnatpy(folder: Path, url: str) -> float:
    return float(work("xnatpy", folder, url)["whole_s"])


def _pyxnat(folder: Path, url: str) -> float:
    return float(work("pyxnat", folder, url)["whole_s"])


def _xnatctl(folder: Path, url: str) -> float:
    program = Path(sys.executable).with_name("xnatctl")
    login = {"XNAT_URL": url, "XNAT_USER": "owner", "XNAT_PASS": "owner", "HOME": os.fspath(folder.parent)}
    session = ("-P", "DEMO", "-S", "SUB0001", "-E", "SUB0001_MR1")
    return run(program, "session", "upload", folder, *session, "--direct-archive", environment=login)
