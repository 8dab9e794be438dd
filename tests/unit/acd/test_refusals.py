from __future__ import annotations

from fsroute.acd.refusals import GATHER, Refusals


def test_the_first_refusal_is_told_at_once_and_what_follows_together() -> None:
    refusals = Refusals()
    assert refusals.due(0.0) == 0
    refusals.refused()
    assert refusals.due(1.0) == 1
    for _ in range(1000):
        refusals.refused()
        assert refusals.due(2.0) == 0
    assert refusals.due(1.0 + GATHER) == 1000
    assert refusals.due(2.0 + 2 * GATHER) == 0


def test_what_could_not_be_entered_is_told_with_the_next() -> None:
    refusals = Refusals()
    refusals.refused()
    refusals.failed(refusals.due(0.0))
    refusals.refused()
    assert refusals.due(1.0) == 2
