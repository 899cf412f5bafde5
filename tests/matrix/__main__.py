"""The fault matrix as one table: `python -m matrix`; `python -m matrix archive` runs the cells that have the word."""

import asyncio
import sys
import tempfile
from pathlib import Path

from matrix.cases import cells
from matrix.run import Row, run_cell
from xnat_wizard.findings import printable
from xnat_wizard.practice.sample import write_study


def main() -> int:
    """Run the cells and print a line each; tell by the exit code whether all are good."""
    words = sys.argv[1:]
    wanted = [cell for cell in cells() if all(word in str(cell) for word in words)]
    print("| phase | fault | route | span | met | outcome | message | to do | after | verdict | lost | twice | |")
    print("|---|---|---|---|--:|---|---|---|---|---|--:|--:|---|")
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        images = write_study(Path(place) / "images", subjects=2, slices=3)
        for number, cell in enumerate(wanted):
            row = asyncio.run(run_cell(cell, images, Path(place) / str(number)))
            bad += not row.is_good
            print(line(row), flush=True)
    print(f"\n{len(wanted)} cells, {bad} bad")
    return 1 if bad else 0


def line(row: Row) -> str:
    """Return a row of the table."""
    cell = row.cell
    said = printable(row.said.what) if row.said else "-"
    todo = printable(row.said.todo[0]) if row.said and row.said.todo else "nothing"
    after = f"{row.state}, resumed {row.resumed} x" if row.resumed else row.state
    values = (cell.phase, cell.fault, cell.route, cell.span, row.hits, row.outcome, said, todo, after, row.verdict)
    return f"| {' | '.join(map(str, values))} | {row.lost} | {row.twice} | {'ok' if row.is_good else 'BAD'} |"


if __name__ == "__main__":
    sys.exit(main())
