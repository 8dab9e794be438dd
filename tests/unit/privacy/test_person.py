from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.customers.numbers import Plan
from fsroute.esl.encoding import url_encode
from fsroute.privacy.person import Person, alike, masked, tail

PLAN = Plan()
GERMANY = Plan("49", "00", "0")
NUMBER = "+14155550123"


@pytest.mark.parametrize(
    "text", ["4155550123", "14155550123", "+1 (415) 555-0123", "0114155550123"[3:], "tel:+14155550123"]
)
def test_one_number_is_found_however_it_is_written(text: str) -> None:
    assert text in alike([text, "4155550124", "5550123"], NUMBER, PLAN)
    assert "4155550124" not in alike([text, "4155550124"], NUMBER, PLAN)


def test_a_number_of_another_country_that_ends_alike_is_another_s() -> None:
    assert alike(["+494155550123", "5554155550123"], NUMBER, PLAN) == [NUMBER]


def test_what_is_no_telephone_number_is_that_text_alone() -> None:
    assert tail("alice", PLAN) == ""
    assert alike(["alice", "alice2", ""], "alice", PLAN) == ["alice"]


@pytest.mark.parametrize(
    ("plan", "number", "written"),
    [
        (PLAN, NUMBER, "Caller: 4155550123\\n"),
        (PLAN, NUMBER, "sip%3A%2B14155550123%40x"),
        (PLAN, NUMBER, "name%2014155550123"),
        (PLAN, NUMBER, '"caller_number":"+14155550123"'),
        (GERMANY, "+4930123456", "030123456@host"),
        (GERMANY, "+4930123456", "004930123456"),
    ],
)  # fmt: skip
def test_a_number_is_found_in_a_file_as_it_is_written_there(plan: Plan, number: str, written: str) -> None:
    traces = Person((number,)).traces(plan)
    assert traces is not None
    assert traces.search(written.encode()) is not None


@pytest.mark.parametrize("other", ["94155550123", "41555501239", "1795906512616024", "415555012"])
def test_a_longer_number_that_holds_it_is_another(other: str) -> None:
    traces = Person((NUMBER,)).traces(PLAN)
    assert traces is not None
    assert traces.search(other.encode()) is None


def test_a_short_number_is_masked_where_it_is_the_whole_text() -> None:
    traces = Person(("1001x",)).traces(PLAN)
    assert traces is not None
    assert traces.sub(b"", b'{"a":"1001x","b":"11001x1"}') == b'{"a":"","b":"11001x1"}'


def test_nobody_has_no_traces() -> None:
    assert Person(()).traces(PLAN) is None
    assert Person(("12",), ("Al",)).traces(PLAN) is None
    assert Person(()).calls() is None


@given(
    st.text(min_size=4, max_size=30).filter(
        lambda text: text.strip() == text and len(text.encode(errors="ignore")) > 3
    )
)
def test_a_name_is_masked_as_json_and_the_event_socket_write_it_and_no_byte_moves(name: str) -> None:
    traces = Person((NUMBER,), (name,)).traces(PLAN)
    assert traces is not None
    for line in (json.dumps({"name": name}, ensure_ascii=False), f'"data":"N: {url_encode(name)}\\n"'):
        raw = line.encode("utf-8", "surrogateescape")
        covered = traces.sub(lambda found: masked(found[0]), raw)
        assert len(covered) == len(raw)
        assert covered.count(b'"') == raw.count(b'"')
        assert covered.count(b"\\") == raw.count(b"\\")


@given(st.binary(max_size=40))
def test_a_mask_is_as_long_and_says_nothing(found: bytes) -> None:
    covered = masked(found)
    assert len(covered) == len(found)
    assert not set(b"123456789abcdefgABCDEFG") & set(covered)
