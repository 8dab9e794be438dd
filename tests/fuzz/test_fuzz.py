"""Each target for a fixed budget, and every case that was ever found."""

from __future__ import annotations

import pytest

from tests.fuzz import running

SEED = 20261129
BUDGET = 3.0  # seconds
MOST = 2000  # inputs


@pytest.mark.parametrize("name", running.names())
def test_nothing_but_a_refusal_comes_of_what_is_wrong(name: str) -> None:
    report = running.fuzz(running.target(name), BUDGET, SEED, MOST)
    assert report.executions > 0
    assert [finding.what for finding in report.findings] == []


@pytest.mark.parametrize("name", running.names())
def test_every_seed_is_taken_as_it_is(name: str) -> None:
    target = running.target(name)
    for seed in target.seeds():
        outcome, finding = running.once(target, seed)
        assert finding is None, finding and finding.what
        assert outcome != "refused", seed[:200]


@pytest.mark.parametrize(
    "case", [(name, path.name) for name in running.names() for path in running.cases(name)]
)
def test_what_was_found_once_is_refused_or_taken(case: tuple[str, str]) -> None:
    name, file = case
    _, finding = running.once(running.target(name), (running.CASES / name / file).read_bytes())
    assert finding is None, finding and finding.what


def test_a_fault_a_slow_input_and_the_seed_are_told() -> None:
    """The runner itself finds what is there to be found."""

    def run(data: bytes) -> str:
        if b"\xff" in data:
            raise KeyError("found")
        return "taken"

    target = running.Target(lambda: [b"seed"], run)
    one, other = (running.fuzz(target, 5.0, 7, 500) for _ in range(2))
    assert [finding.data for finding in one.findings] == [finding.data for finding in other.findings]
    assert len(one.findings) == 1
    assert "KeyError" in one.findings[0].what
