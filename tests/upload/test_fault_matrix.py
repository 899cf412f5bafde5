"""Some cells of the fault matrix; `make matrix` runs all.

`XNAT_WIZARD_MATRIX=all` runs all here, too. Else every 19th: so each fault, route, phase and span has
its turn, as is tested below.
"""

import os
from pathlib import Path

import pytest

from matrix.cases import Cell, Span, cells
from matrix.run import NOT_MET, run_cell
from xnat_wizard.practice.faults import Kind
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload.model import Route

ALL = tuple(cells())
CHOSEN = ALL if os.environ.get("XNAT_WIZARD_MATRIX") == "all" else ALL[::19]


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study of two people."""
    return write_study(tmp_path_factory.mktemp("two") / "study", subjects=2, slices=3)


@pytest.mark.parametrize("cell", CHOSEN, ids=str)
async def test_nothing_is_lost_or_there_twice(cell: Cell, two: Path, tmp_path: Path) -> None:
    row = await run_cell(cell, two, tmp_path)
    assert row.is_good, row


def test_each_fault_route_and_span_has_its_turn() -> None:
    assert {cell.fault for cell in CHOSEN} >= set(Kind)
    assert {cell.route for cell in CHOSEN} == set(Route)
    assert {cell.span for cell in CHOSEN} == set(Span)


async def test_a_fault_that_is_met_is_seen(two: Path, tmp_path: Path) -> None:
    cell = next(one for one in ALL if str(one) == "login-status-import-once")
    row = await run_cell(cell, two, tmp_path)
    assert (row.outcome, row.hits) == ("refused", 1)
    assert row.outcome != NOT_MET
