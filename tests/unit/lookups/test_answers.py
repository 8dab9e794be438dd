from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fsroute.lookups.answers import Breaker, Kept


def test_an_answer_is_kept_until_its_time_is_over() -> None:
    kept: Kept[str, int] = Kept(10)
    kept.put("a", 1, until=5.0)
    assert kept.get("a", 4.9) == 1
    assert kept.get("a", 5.0) is None
    assert len(kept) == 0


def test_the_answer_that_was_not_used_longest_goes_first() -> None:
    kept: Kept[str, int] = Kept(2)
    kept.put("a", 1, 9.0)
    kept.put("b", 2, 9.0)
    kept.get("a", 0.0)
    kept.put("c", 3, 9.0)
    assert [kept.get(key, 0.0) for key in "abc"] == [1, None, 3]


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 10))))
def test_never_more_is_kept_than_may_be(puts: list[tuple[int, float]]) -> None:
    kept: Kept[int, int] = Kept(5)
    for key, until in puts:
        kept.put(key, key, until)
        assert len(kept) <= 5


def test_what_fails_in_a_row_is_left_alone_and_tried_by_one_caller_after_each_pause() -> None:
    breaker = Breaker(failures=3, pause=10.0)
    assert [breaker.failed(float(now)) for now in range(3)] == [False, False, True]
    assert not breaker.allows(11.9)
    assert breaker.allows(12.0)
    assert not breaker.allows(12.1)  # somebody is trying; who is killed amid that blocks nobody
    assert breaker.allows(22.0)
    assert breaker.succeeded()
    assert breaker.allows(22.1)


def test_an_answer_between_failures_keeps_it_in_use() -> None:
    breaker = Breaker(failures=2)
    for now in range(10):
        breaker.failed(float(now))
        assert not breaker.succeeded()
        assert breaker.allows(float(now))
