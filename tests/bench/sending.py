"""Goals 3 and 6: how fast a study leaves this machine."""

import shutil
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from bench import servers
from bench.files import write_tree
from bench.rounds import Ratios, in_turn, median, run, work
from bench.table import Row

_ROUNDS = 5
_LINK_ROUNDS = 2


def study_to_sink(place: Path) -> list[Row]:
    """Goal 3: one big study against curl with a ready zip of the same bytes."""
    if not shutil.which("curl"):
        return [Row("3", "upload of one big study, against curl", note="curl is not installed")]
    study = _Study(place, files=3000)
    with servers.sink(study.claims) as url:
        study.curl(url)
        mine, other = in_turn(_ROUNDS, study.upload, lambda: study.curl(url))
    ratio = Ratios.of(other, mine)
    size = study.size_bytes
    whole_s = median(study.whole_s) - median(mine)
    return [
        Row(
            "3",
            f"study of {study.file_count:,} files, {size / 1e9:.2f} GB, to a sink on loopback, "
            "against curl with one ready zip",
            f"{size / median(mine) / 1e6:,.0f} MB/s",
            f"{size / median(other) / 1e6:,.0f} MB/s",
            str(ratio),
            ">= 0.8 x",
            ratio.median >= 0.8,
            f"ours from the journal to the receipt; interpreter, imports and login, {whole_s:.2f} s, are not counted; "
            "curl as a whole process",
        )
    ]


def study_over_links(place: Path) -> list[Row]:
    """Goal 6: how much of a slow line is used; curl with one ready zip beside it."""
    if not shutil.which("curl"):
        return [Row("6", "upload over a slow line", note="curl is not installed")]
    slow, fast = _Study(place / "slow", files=320), _Study(place / "fast", files=1200)
    return [
        _over_link(slow, "100 Mbit/s, 20 ms", 100e6, 0.010, 0.0, 0.9, "emulated in user space"),
        _over_link(
            fast,
            "1 Gbit/s, 50 ms, 0.1 % loss",
            1e9,
            0.025,
            0.001,
            0.45,
            "the second line loses units of 64 kB a connection, after TCP Reno; a kernel with netem would say more",
        ),
    ]


def _over_link(
    study: "_Study", name: str, bits_per_s: float, delay_s: float, loss: float, wanted: float, note: str
) -> Row:
    ideal_s = study.size_bytes * 8 / bits_per_s
    with (
        servers.sink(study.claims) as url,
        servers.link(url, bits_per_s=bits_per_s, delay_s=delay_s, loss=loss) as near,
    ):
        mine, other = in_turn(
            _LINK_ROUNDS,
            lambda: (
                ideal_s / study.upload(lambda url: servers.link(url, bits_per_s=bits_per_s, delay_s=delay_s, loss=loss))
            ),
            lambda: ideal_s / study.curl(near),
        )
    share = Ratios(tuple(mine))
    return Row(
        "6",
        f"{study.size_bytes / 1e6:,.0f} MB over {name}: share of the line, curl with one connection beside it",
        f"{median(mine):.2f}",
        f"{median(other):.2f}",
        str(share),
        f">= {wanted:g}",
        share.median >= wanted,
        note,
    )


class _Study:
    """One study with its journal, and the same bytes as a zip."""

    def __init__(self, place: Path, *, files: int) -> None:
        place.mkdir(exist_ok=True)
        tree = write_tree(place / "tree", files=files, subjects=1, series=10)
        self.file_count, self.size_bytes = tree.file_count, tree.size_bytes
        self.claims = place / "study.json"
        self.whole_s: list[float] = []
        self._place = place
        self._archive = place / "study.zip"
        with zipfile.ZipFile(self._archive, "w", zipfile.ZIP_STORED) as packed:
            for path in sorted(tree.folder.rglob("*.dcm")):
                packed.write(path, path.relative_to(tree.folder))
        work("prepare", tree.folder, place, "http://127.0.0.1", "prearchive")

    def upload(self, line: Callable[[str], AbstractContextManager[str]] = nullcontext) -> float:
        """Upload with a fresh journal to a fresh sink; return the seconds."""
        journal = shutil.copytree(self._place / "journal", self._place / "run")
        with servers.sink(self.claims) as url, line(url) as near:
            outcome = work("upload", journal / "journal.sqlite", near)
        shutil.rmtree(journal)
        self.whole_s.append(float(outcome["whole_s"]))
        return float(outcome["seconds"])

    def curl(self, url: str) -> float:
        """Send the zip with curl; return the seconds of the whole process."""
        target = f"{url}/data/services/import?EXPT_LABEL=X"
        return run("curl", "-sS", "-X", "POST", "-H", "Expect:", "--noproxy", "*", "-T", self._archive, target)
