"""The system that all rows are played on, and each row once, however many of its cells are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.row import Row, play
from tests.faults.standins import StandIns, standins
from tests.faults.table import Broken, Cell

Played = Callable[[Cell], Row]


@pytest.fixture(scope="session")
def system() -> Iterator[StandIns]:
    """One row after the other is played on it: what survived a fault has to bear the next."""
    with standins() as system:
        yield system


@pytest.fixture(scope="session")
def played(system: StandIns) -> Played:
    """The row of a cell, played when its first cell is looked at."""
    rows: dict[Broken, Row] = {}

    def row(cell: Cell) -> Row:
        if cell.broken not in rows:
            rows[cell.broken] = play(system, cell.broken)
        return rows[cell.broken]

    return row
