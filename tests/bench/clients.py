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

_SIZES = ((240, 3), (1200, 2))  # files and rounds
_OTHERS = (("xnatpy", "xnat", 10.0), ("pyxnat", "pyxnat", 10.0), ("xnatctl", "xnatctl", 1.5))

Client = Callable[[Path, str], float]


def folder_to_archive(place: Path) -> list[Row]:
    """Goal 4: whole processes, each with a fresh practice server; a small study and a larger one."""
    rows = [
        Row("4", f"folder to archive, against {name}", note=f"{name} is not installed")
        for name, module, _ in _OTHERS
        if not importlib.util.find_spec(module)
    ]
    for files, rounds in _SIZES:
        rows += _against_all(place / str(files), files, rounds)
    return rows


def _against_all(place: Path, files: int, rounds: int) -> list[Row]:
    tree = write_tree(place / "tree", files=files, subjects=1, series=5)
    clients: dict[str, Client] = {"xnatpy": _xnatpy, "pyxnat": _pyxnat, "xnatctl": _xnatctl}
    others = [(name, wanted, clients[name]) for name, module, wanted in _OTHERS if importlib.util.find_spec(module)]
    shares: dict[str, list[float]] = {}

    def timed(name: str, client: Client) -> Callable[[], float]:
        def act() -> float:
            seconds, server_s = _archived(place, tree, client)
            shares.setdefault(name, []).append(server_s)
            return seconds

        return act

    mine, *figures = in_turn(rounds, timed("ours", _ours), *(timed(name, client) for name, _, client in others))
    rows = []
    for (name, wanted, _), theirs in zip(others, figures, strict=True):
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
    busy = ", ".join(f"{name} {median(seconds):.2f} s" for name, seconds in shares.items())
    note = (
        f"{tree.file_count} files: whole processes; ours are two, `plan` and `upload`, with the receipt. "
        f"Processor time of the server in them: {busy}. For pyxnat it parses no image"
    )
    return [*rows[:-1], rows[-1].with_note(note)] if rows else []


def _archived(place: Path, tree: Tree, client: Client) -> tuple[float, float]:
    """Return the seconds, and the seconds of processor time that the server took of them."""
    folder = place / "server"
    with servers.practice(folder) as server:
        before_s = server.cpu_s()
        seconds = client(tree.folder, server.url)
        server_s = server.cpu_s() - before_s
        count = sum(path.suffix == ".dcm" for path in (folder / "archive").rglob("*"))
    shutil.rmtree(folder)
    if count != tree.file_count:
        raise RuntimeError(f"{client.__name__}: {count} of {tree.file_count} files are in the archive")
    return seconds, server_s


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
