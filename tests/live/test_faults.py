"""Whatever dies, every caller keeps the place: the matrix of `tests.faults` on real switches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.printing import line
from tests.faults.row import Row, play
from tests.faults.table import CELLS, Broken, Stage
from tests.live.broken_sites import BrokenSites, broken_sites
from tests.live.figures import noted

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def sites(program: Path) -> Iterator[BrokenSites]:
    with broken_sites(program) as sites:
        yield sites


@pytest.fixture(scope="module")
def rows() -> dict[Broken, Row]:
    return {}


@pytest.fixture(params=Broken, ids=str, scope="module")
def row(request: pytest.FixtureRequest, sites: BrokenSites, rows: dict[Broken, Row]) -> Row:
    broken: Broken = request.param
    if broken is Broken.NETWORK and not sites.may_part:
        pytest.skip("only root has a network namespace of its own, and TUN devices")
    rows[broken] = row = play(sites, broken)
    noted(line(row))
    return row


@pytest.mark.parametrize("stage", Stage, ids=str)
def test_what_must_be_seen_is_seen(row: Row, stage: Stage, sites: BrokenSites) -> None:
    fault = row.cells[stage].fault
    assert not fault, f"{CELLS[row.broken, stage]}\n{fault}\n\n{sites.logs()}"


def test_nothing_is_left_behind(row: Row, sites: BrokenSites) -> None:
    assert not row.left, f"{row.left}\n\n{sites.logs()}"
