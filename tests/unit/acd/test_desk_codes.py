from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.acd.desk_codes import (
    LONGEST_NUMBER,
    NOTHING,
    NUMBER_LIMIT,
    OPENING,
    WHOLE,
    Keyed,
    Kind,
    To,
    Wish,
    is_open,
    read,
)

NOW = 1_800_000_000.0


def keyed(*keys: str, step: float = 0.3) -> tuple[Keyed, list[Wish]]:
    """What a row of keys leads to, `step` seconds apart."""
    state, wishes, now = NOTHING, [], NOW
    for part in keys:
        state, wish = read(state, part, now)
        wishes += [wish] if wish else []
        now += step
    return state, wishes


@pytest.mark.parametrize(("code", "wish"), WHOLE.items())
def test_a_code_without_a_number_is_a_wish_at_once(code: str, wish: Wish) -> None:
    assert keyed(code) == (NOTHING, [wish])


@pytest.mark.parametrize(
    ("keys", "wish"),
    [
        (("*2", "1001#"), Wish(Kind.TRANSFER, To.AGENT, "1001")),
        (("*3", "7#"), Wish(Kind.TRANSFER, To.QUEUE, "7")),
        (("*4", "14155550123#"), Wish(Kind.TRANSFER, To.NUMBER, "14155550123")),
        (("**2", "1001#"), Wish(Kind.CONSULT, To.AGENT, "1001")),
        (("**3", "7#"), Wish(Kind.CONSULT, To.QUEUE, "7")),
        (("**4", "14155550123#"), Wish(Kind.CONSULT, To.NUMBER, "14155550123")),
    ],
)
def test_a_code_with_a_number_is_a_wish_once_the_hash_key_ends_it(keys: tuple[str, ...], wish: Wish) -> None:
    assert keyed(*keys) == (NOTHING, [wish])


def test_digits_that_the_switch_let_pass_count_like_those_it_caught() -> None:
    assert keyed("*2", "1", "001#") == keyed("*2", "1", "0", "0", "1", "#") == keyed("*2", "1001#")


def test_digits_without_a_code_are_the_callers() -> None:
    assert keyed("1", "0", "#", "1001#") == (NOTHING, [])


def test_a_star_takes_a_code_back() -> None:
    assert keyed("*2", "10*", "01#") == (NOTHING, [])


def test_a_new_code_takes_the_place_of_one_without_its_number() -> None:
    assert keyed("*2", "**3", "7#")[1] == [Wish(Kind.CONSULT, To.QUEUE, "7")]
    assert keyed("*2", "*1", "7#")[1] == [Wish(Kind.TOGGLE)]


def test_a_code_without_a_number_is_forgotten_after_a_while() -> None:
    assert keyed("*2", "1001#", step=NUMBER_LIMIT + 0.1)[1] == []
    assert not is_open(Keyed("*2", "", NOW), NOW + NUMBER_LIMIT + 0.1)
    assert keyed("*2", "1", "0", "0", "1#", step=NUMBER_LIMIT - 0.1)[1] == [
        Wish(Kind.TRANSFER, To.AGENT, "1001")
    ]


def test_a_number_that_is_empty_or_too_long_is_no_number() -> None:
    assert keyed("*4", "#") == (NOTHING, [])
    assert keyed("*4", "1" * (LONGEST_NUMBER + 1) + "#") == (NOTHING, [])


@given(st.lists(st.one_of(st.sampled_from([*WHOLE, *OPENING]), st.text("0123456789*#", max_size=25))))
def test_whatever_is_keyed_a_wish_that_needs_a_number_has_one(keys: list[str]) -> None:
    for wish in keyed(*keys)[1]:
        assert (wish.to is None) == (wish.kind not in (Kind.TRANSFER, Kind.CONSULT))
        assert (wish.to is None) == (wish.name == "")
        assert wish.name == "" or (wish.name.isdigit() and len(wish.name) <= LONGEST_NUMBER)
