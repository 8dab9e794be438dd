"""What ``limit`` counts, as mod_hash does."""

from __future__ import annotations

from fsroute.switchsim.limits import Limits


def test_a_channel_counts_once_and_until_it_is_released() -> None:
    limits = Limits()
    assert [limits.admit(name, "calls", 2, 0) for name in ("a", "a", "b", "c")] == [True, True, True, False]
    limits.release("a")
    assert (limits.admit("c", "calls", 2, 0), limits.usage("calls")) == (True, 2)


def test_a_rate_is_counted_anew_with_the_next_second_and_those_above_it_count_too() -> None:
    now = [100.2]
    limits = Limits(lambda: now[0])
    assert [limits.admit(str(n), "rate", 2, 1) for n in range(4)] == [True, True, False, False]
    now[0] = 101.0
    assert [limits.admit(str(n), "rate", 2, 1) for n in range(4, 7)] == [True, True, False]


def test_without_a_maximum_it_only_counts() -> None:
    limits = Limits()
    assert all(limits.admit(str(n), "calls", -1, 0) for n in range(100))
    assert limits.usage("calls") == 100
