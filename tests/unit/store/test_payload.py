from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fsroute.store.payload import LONGEST, MOST_WAITING, Inbox, Key, decode, encode


@dataclass(frozen=True)
class Row:
    version: int


@given(some.lists(some.text(max_size=200) | some.integers() | some.none(), min_size=1, max_size=300))
def test_what_is_encoded_is_decoded_and_never_too_long(keys: list[Key]) -> None:
    payloads = list(encode("a1b2c3d4", keys))
    assert all(len(payload.encode()) <= LONGEST for payload in payloads)
    assert [decode(payload)[0] for payload in payloads] == ["a1b2c3d4"] * len(payloads)
    assert [key for payload in payloads for key in decode(payload)[1]] == keys


def test_no_keys_make_no_payload() -> None:
    assert list(encode("a", [])) == []


def test_a_key_too_long_for_a_payload_becomes_everything() -> None:
    assert [decode(payload) for payload in encode("a", ["x" * 8000, 1])] == [("a", [None, 1])]


@pytest.mark.parametrize("text", ["", "no json", "7", "{}", '{"by":"a"}', '["a", {}]', '{"by":"a","keys":7}'])
def test_what_cannot_be_read_means_everything(text: str) -> None:
    assert decode(text) == (None, [None])


def test_a_plain_list_of_another_program_has_no_sender() -> None:
    assert decode('["p:1", 2]') == (None, ["p:1", 2])


def taken(*signals: tuple[Key, Row | None]) -> list[tuple[Key, Row | None]]:
    inbox = Inbox()
    for key, row in signals:
        inbox.add(key, row)
    result = []
    while (signal := inbox.take()) is not None:
        result.append(signal)
    return result


def test_keys_come_in_the_order_of_their_first_signal() -> None:
    assert taken(("a", None), ("b", None), ("a", None)) == [("a", None), ("b", None)]


def test_of_two_rows_the_newer_stays_whichever_came_first() -> None:
    assert taken(("a", Row(2)), ("a", Row(1))) == [("a", Row(2))]
    assert taken(("a", Row(1)), ("a", Row(2))) == [("a", Row(2))]


def test_a_hint_from_elsewhere_makes_the_reader_read_again() -> None:
    assert taken(("a", Row(1)), ("a", None)) == [("a", None)]


def test_everything_swallows_what_came_before_but_not_what_comes_after() -> None:
    assert taken(("a", Row(1)), (None, None), ("b", Row(1))) == [(None, None), ("b", Row(1))]


def test_a_reader_who_is_far_behind_reads_everything_instead() -> None:
    inbox = Inbox()
    for number in range(MOST_WAITING):
        inbox.add(f"p:{number}", None)
    inbox.add("p:1", None)
    assert inbox.take() == ("p:0", None)
    inbox.add("p:new", None)
    inbox.add("p:one too many", None)
    inbox.add("p:after it", None)
    assert [inbox.take(), inbox.take(), inbox.take()] == [(None, None), ("p:after it", None), None]
