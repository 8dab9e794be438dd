"""Digit actions: what is caught, what passes on, and when. As measured on FreeSWITCH 1.11.1."""

from __future__ import annotations

import pytest

from fsroute.switchsim.digit_actions import Binding, DigitActions


class Leg:
    """A leg with codes as ``dialplans/fsroute_desk.xml`` binds them."""

    def __init__(self) -> None:
        self.caught: list[str] = []
        self.passed = ""
        self.actions = DigitActions(lambda _, digits: self.caught.append(digits), self._pass, timeout=60)
        for code in ("*1", "*2", "**2"):
            self.actions.bind("codes", Binding(code, "event", ""))
        self.actions.bind("number", Binding("~^[0-9]*[#*]$", "event", ""))

    def _pass(self, digits: str) -> None:
        self.passed += digits

    def press(self, digits: str) -> None:
        for digit in digits:
            self.actions.feed(digit)


@pytest.mark.parametrize(
    ("keys", "caught", "passed"),
    [
        ("*1", ["*1"], ""),
        ("58#", [], "58#"),
        ("5*18", ["*1"], "58"),
        ("**2*2", ["**2", "*2"], ""),
        ("*9", [], "*9"),
        ("**1", [], "**1"),
        ("*", [], ""),
    ],
)
def test_a_code_is_caught_and_everything_else_passes_as_soon_as_it_can_be_none(
    keys: str, caught: list[str], passed: str
) -> None:
    leg = Leg()
    leg.press(keys)
    assert (leg.caught, leg.passed) == (caught, passed)


def test_a_realm_of_one_expression_lets_nothing_pass_until_it_matches() -> None:
    leg = Leg()
    leg.actions.choose("number")
    leg.press("1001")
    assert (leg.caught, leg.passed) == ([], "")
    leg.press("#")
    leg.press("*")
    assert leg.caught == ["1001#", "*"]


def test_what_waits_passes_on_when_another_realm_is_chosen() -> None:
    leg = Leg()
    leg.press("*")
    leg.actions.choose("number")
    assert leg.passed == "*"
