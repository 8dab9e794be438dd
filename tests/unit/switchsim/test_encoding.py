from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.switchsim.encoding import is_true, leading_number, url_encode


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Ada Lovelace", "Ada%20Lovelace"),
        ("+14155550123", "%2B14155550123"),
        ("sofia/internal/9198@127.0.0.1:5070", "sofia/internal/9198%40127.0.0.1%3A5070"),
        ("Robert\nEvent-Name: X'; DROP--", "Robert%0AEvent-Name%3A%20X'%3B%20DROP--"),
        ("é中", "%C3%A9%E4%B8%AD"),
        ("100%", "100%25"),
        ("a%0Ab", "a%0Ab"),  # upper case that is there already stays: decoding is ambiguous by nature
        ("a%0ab", "a%250ab"),
        ("Sat, 21 Nov (x)!*", "Sat,%2021%20Nov%20(x)!*"),
    ],
)
def test_values_are_written_as_freeswitch_writes_them(value: str, written: str) -> None:
    assert url_encode(value) == written


@given(st.text())
def test_no_value_makes_a_line_of_its_own(value: str) -> None:
    assert "\n" not in url_encode(value)
    assert "\r" not in url_encode(value)


@given(st.text(alphabet=st.characters(exclude_characters="%")))
def test_a_value_without_percent_signs_survives_the_way(value: str) -> None:
    raw = value.encode("utf-8", "surrogatepass") if value.isprintable() else value.encode("utf-8", "replace")
    assert unquote_to_bytes(url_encode(raw.decode("utf-8", "surrogateescape"))) == raw


@pytest.mark.parametrize("word", ["true", "TRUE", "yes", "on", "1", "42", "t", "enabled", "allow"])
def test_these_words_are_true(word: str) -> None:
    assert is_true(word)


@pytest.mark.parametrize("word", [None, "", "false", "no", "0", "maybe"])
def test_everything_else_is_false(word: str | None) -> None:
    assert not is_true(word)


def test_a_number_is_read_as_far_as_it_goes() -> None:
    assert [leading_number(text) for text in ("12", " 7s", "-3", "x", "")] == [12, 7, -3, 0, 0]
    assert leading_number(None, 60) == 60
