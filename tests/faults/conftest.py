"""The system that all rows are played on, and each row once, however many of its cells are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults.row import Row, play
from tests.faults.standins import StandIns, standins
from tests.faults.table import Broken, Cell
from tests.unasked import nobody_looks_unasked

__all__ = ["nobody_looks_unasked"]

Played = Callable[[Cell], Row]


@pytest.fixture(scope="session")
def system() -> Iterator[StandIns]:
    """One row after the other is played on it: what survived a fault has to bear the next."""
    with standins() as system:
        yield system


@dataclass
class Rows:
    """What was played so far, and which tests have looked at it."""

    played: dict[Broken, Row] = field(default_factory=dict)
    lookers: dict[Broken, set[str]] = field(default_factory=dict)


@pytest.fixture(scope="session")
def rows() -> Rows:
    return Rows()


@pytest.fixture
def played(system: StandIns, rows: Rows, request: pytest.FixtureRequest) -> Played:
    """The row of a cell, played when its first cell is looked at, and again for a test that is tried once more."""

    def row(cell: Cell) -> Row:
        lookers = rows.lookers.setdefault(cell.broken, set())
        if request.node.nodeid in lookers or cell.broken not in rows.played:
            lookers.clear()
            rows.played[cell.broken] = play(system, cell.broken)
        lookers.add(request.node.nodeid)
        return rows.played[cell.broken]

    return row
