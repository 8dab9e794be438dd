"""Which numbers a caller may have called back."""

from __future__ import annotations

import pytest

from fsroute.callserver.numbers import NORTH_AMERICA, callable_number


@pytest.mark.parametrize("number", ["4155550123", "14155550123", "+14155550123", "7875550123"])
def test_numbers_at_home_may_be_called(number: str) -> None:
    assert callable_number(number, NORTH_AMERICA) == number


def test_separators_are_dropped() -> None:
    assert callable_number("(415) 555-0123", NORTH_AMERICA) == "4155550123"


@pytest.mark.parametrize(
    "number",
    [
        "9005550123",  # premium
        "+19005550123",
        "4159765555",  # premium, by its exchange
        "8765550123",  # Jamaica
        "+18095550123",  # the Dominican Republic
        "+442079460123",
        "01144207946012",
        "911",
        "1000",
        "415555012",
        "41555501234",
        "",
        "anonymous",
        "+1415555012a",
        "4155550123,4155550124",
        "4155550123\n4155550124",
        "4155550123@evil.example",
        "${hangup}4155550123",
        "++14155550123",
    ],
)
def test_all_others_may_not(number: str) -> None:
    assert callable_number(number, NORTH_AMERICA) is None


@pytest.mark.parametrize("number", ["4155550123 user/1000", "4155550123]user/1", "٤١٥٥٥٥٠١٢٣"])
def test_no_pattern_lets_anything_but_digits_through(number: str) -> None:
    assert callable_number(number, ".*") is None


def test_a_site_may_allow_other_numbers() -> None:
    assert callable_number("+442079460123", r"\+44[12][0-9]{9}") == "+442079460123"
