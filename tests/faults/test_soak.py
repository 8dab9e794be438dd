"""The soak in small: what is run by hand with a hundred thousand calls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsroute.store.scratch import new_folder
from tests.faults.soak import Plan, soak

CALLS, VICTIMS = 300, ("callserver-1", "coordinator-1", "acd-east")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = new_folder()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.timeout(400)
def test_nobody_is_lost_among_three_hundred_calls_when_three_processes_are_killed(folder: Path) -> None:
    result = soak(Plan(CALLS, victims=VICTIMS), folder, safe=False)
    assert result.is_good, (result.faults, result.violations)
    without = result.fell_back + result.untaken
    assert (result.calls, sum(result.outcomes.values()) + without) == (CALLS, CALLS)
    assert result.untaken < CALLS / 10, "who is not answered at once was served by nobody"
    assert all(wait.cause for wait in result.waits)
    assert result.causes["an agent"] > CALLS / 4
    assert result.kills == dict.fromkeys(VICTIMS, 1)
