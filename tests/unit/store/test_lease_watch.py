from __future__ import annotations

from fsroute.store.lease import Watch


def watch(*answers: tuple[object, float, float]) -> list[float]:
    """Feed (state, asked, answered) one by one; what each answer says of how long the state has stood."""
    each = Watch()
    return [each.seen(*answer) for answer in answers]


def test_a_state_that_stands_is_counted_from_the_first_answer() -> None:
    assert watch(("a", 100.0, 100.0), ("a", 101.0, 101.0), ("a", 102.5, 102.5)) == [0.0, 1.0, 2.5]


def test_a_renewal_begins_the_count_anew() -> None:
    assert watch(("a", 100.0, 100.0), ("a", 101.0, 101.0), ("b", 102.0, 102.0)) == [0.0, 1.0, 0.0]


def test_a_slow_answer_begins_the_count_anew() -> None:
    assert watch(("a", 100.0, 100.0), ("a", 101.0, 102.5), ("a", 103.0, 103.0)) == [0.0, 0.0, 0.5]


def test_a_time_without_answers_begins_the_count_anew() -> None:
    assert watch(("a", 100.0, 100.0), ("a", 130.0, 130.0), ("a", 131.0, 131.0)) == [0.0, 0.0, 1.0]
