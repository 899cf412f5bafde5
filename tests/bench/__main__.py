"""`make bench`: the goals of speed, measured on this machine, as one table. `make bench ONLY=1,3` does some of them."""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from bench import clients, cstore, growing, reading, screen, sending
from bench.rounds import raise_open_files
from bench.table import Row, as_text

Goal = Callable[[Path], list[Row]]

GOALS: dict[str, Goal] = {
    "1": reading.survey_and_pydicom,
    "2": reading.slow_opens,
    "3": sending.study_to_sink,
    "4": clients.folder_to_archive,
    "5": growing.worker_memory,
    "6": sending.study_over_links,
    "7": cstore.folder_to_receiver,
    "8": growing.cost_of_proof,
    "9": screen.answers,
    "10": growing.linear_growth,
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default="", help="numbers of goals, with commas between them")
    parser.add_argument("--folder", type=Path, help="where to make the files (default: the system's temporary folder)")
    options = parser.parse_args()
    wanted = [part.strip() for part in options.only.split(",") if part.strip()] or list(GOALS)
    if unknown := [number for number in wanted if number not in GOALS]:
        parser.error(f"there is no goal {', '.join(unknown)}; there are {', '.join(GOALS)}")
    raise_open_files()
    rows: list[Row] = []
    for number in wanted:
        began = time.perf_counter()
        print(f"goal {number} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(
            prefix="xnat-wizard-bench-", dir=options.folder, ignore_cleanup_errors=True
        ) as place:
            try:
                rows += GOALS[number](Path(place))
            except Exception as error:  # noqa: BLE001  one goal that cannot be measured does not hide the others
                traceback.print_exc()
                rows.append(Row(number, "could not be measured", note=str(error).strip().splitlines()[-1]))
        print(f"goal {number}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    print(as_text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
