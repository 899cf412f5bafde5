"""Goals 1 and 2: reading headers."""

from collections.abc import Callable
from pathlib import Path

from bench.files import write_tree
from bench.rounds import Ratios, drop_cache, in_turn, median, work
from bench.table import Row

_WARM_ROUNDS = 5
_COLD_ROUNDS = 3
_FILES = 3000


def survey_and_pydicom(place: Path) -> list[Row]:
    """Goal 1: the survey against the loop that everybody writes, warm and cold."""
    tree = write_tree(place / "tree", files=_FILES, subjects=2, series=5)
    digests: set[str] = set()

    def timed(name: str, before: Callable[[], object]) -> Callable[[], float]:
        def act() -> float:
            before()
            outcome = work(name, tree.folder)
            digests.add(outcome["digest"])
            return float(outcome["seconds"])

        return act

    def nothing() -> None: ...

    timed("survey", nothing)()
    rows = []
    how = ""

    def drop() -> None:
        nonlocal how
        how = drop_cache(tree.folder)

    for name, before, count, wanted in (("warm", nothing, _WARM_ROUNDS, 12.0), ("cold", drop, _COLD_ROUNDS, 4.0)):
        ours, other = in_turn(count, timed("survey", before), timed("dcmread", before))
        ratio = Ratios.of(other, ours)
        rows.append(
            Row(
                "1",
                f"survey of {_FILES:,} files of 150-550 kB, {name}, against a loop of pydicom.dcmread",
                f"{_FILES / median(ours):,.0f} files/s",
                f"{_FILES / median(other):,.0f} files/s",
                str(ratio),
                f">= {wanted:g} x",
                ratio.median >= wanted,
            )
        )
    note = f"results are {'equal' if len(digests) == 1 else 'NOT EQUAL'}; without interpreter and imports; cold: {how}"
    return [*rows[:-1], rows[-1].with_note(note)]


def slow_opens(place: Path) -> list[Row]:
    """Goal 2: files that take a millisecond to open, against 32 readers that understand nothing."""
    tree = write_tree(place / "tree", files=4000, subjects=2, series=5, is_tiny=True)
    ours, other = in_turn(
        _WARM_ROUNDS,
        lambda: float(work("slow_survey", tree.folder)["seconds"]),
        lambda: float(work("slow_raw", tree.folder)["seconds"]),
    )
    ratio = Ratios.of(other, ours)
    return [
        Row(
            "2",
            f"survey of {tree.file_count:,} files, each open delayed by 1 ms, against 32 raw readers",
            f"{tree.file_count / median(ours):,.0f} files/s",
            f"{tree.file_count / median(other):,.0f} files/s",
            str(ratio),
            ">= 0.35 x",
            ratio.median >= 0.35,
        )
    ]
