"""Whatever dies, every caller keeps the place: the matrix on stand-ins, a test for each cell."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Played
from tests.faults.standins import StandIns
from tests.faults.table import CELLS, MEANINGS, Broken, Cell, Seen, Stage


@pytest.mark.parametrize("cell", CELLS.values(), ids=str)
def test_what_must_be_seen_is_seen(cell: Cell, played: Played, system: StandIns) -> None:
    row = played(cell)
    verdict = row.cells[cell.stage]
    assert not verdict.fault, f"{verdict.fault}\n\n{system.logs()}"


@pytest.mark.parametrize("broken", Broken, ids=str)
def test_nothing_is_left_behind_and_all_calls_are_taken_back(
    broken: Broken, played: Played, system: StandIns
) -> None:
    row = played(CELLS[broken, Stage.WAITING])
    assert not row.left, f"{row.left}\n\n{system.logs()}"
    assert row.is_taken_back, (
        f"after {row.taken_back:.1f} s, {row.kept_waiting:.1f} s of them for others\n\n{system.logs()}"
    )


def test_the_table_has_a_cell_for_everything_that_may_break_at_every_stage() -> None:
    assert set(CELLS) == {(broken, stage) for broken in Broken for stage in Stage}
    assert set(MEANINGS) == set(Seen)
