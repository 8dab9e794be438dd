"""What stands for names and numbers looks like them, is the same for the same, and is never them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.callserver.numbers import NORTH_AMERICA
from fsroute.replay.masks import Masks, digits_of

MASKS = Masks(b"k" * 32, called=["8005550100", "+49 30 1234567"])
american = some.from_regex(r"[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True)


@given(american)
@settings(max_examples=100, deadline=None)
def test_an_american_number_stays_one_that_may_be_called(number: str) -> None:
    fake = MASKS.number(number)
    assert fake != number
    assert re.fullmatch(NORTH_AMERICA, fake)
    assert MASKS.number(f"+1{number}") == f"+1{fake}"
    assert MASKS.number(f"(1) {number[:3]}-{number[3:]}") == f"(1) {fake[:3]}-{fake[3:]}"


@given(some.from_regex(r"\+?[0-9]{6,20}", fullmatch=True))
@settings(max_examples=100, deadline=None)
def test_a_number_keeps_its_form_and_nothing_else(number: str) -> None:
    fake = MASKS.number(number)
    assert len(fake) == len(number)
    assert fake[0] == "+" or number[0] != "+"
    assert digits_of(fake)[-10:] != digits_of(number)[-10:] or MASKS.is_called(number)


def test_numbers_called_stay() -> None:
    assert MASKS.number("+18005550100") == "+18005550100"
    assert MASKS.number("030 1234567") != "030 1234567"
    assert MASKS.number("49301234567") == "49301234567"


def test_the_first_digits_stay_where_rules_look_at_them() -> None:
    masks = Masks(b"k" * 32, kept_digits=3)
    assert masks.number("+14155550123").startswith("+1415")
    assert masks.number("+14155550123") != "+14155550123"
    assert not masks.number("1234567").endswith("4567")


def test_another_key_gives_other_numbers() -> None:
    assert Masks(b"a").number("4155550123") != Masks(b"b").number("4155550123")


@given(some.text(min_size=1, max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_name_keeps_its_length_and_its_signs(name: str) -> None:
    fake = MASKS.name(name)
    assert len(fake) == len(name)
    assert [letter for letter in fake if not letter.isalnum()] == [
        letter for letter in name if not letter.isalnum()
    ] or any(not letter.isascii() for letter in name)
    assert MASKS.name(name) == fake


@pytest.mark.parametrize(
    ("name", "form"),
    [("Ada Lovelace", r"[A-Z][a-z]{2} [A-Z][a-z]{7}"), ("O'BRIEN; x=1", r"[A-Z]'[A-Z]{5}; [a-z]=\d")],
)
def test_a_name_looks_like_one(name: str, form: str) -> None:
    assert re.fullmatch(form, MASKS.name(name))
    assert not set(MASKS.name(name).split()) & set(name.split())


def test_a_word_is_the_same_wherever_it_stands() -> None:
    first, last = MASKS.name("Ada Lovelace").split()
    assert MASKS.name("LOVELACE, ada") == f"{last.upper()}, {first.lower()}"


def test_a_name_that_is_a_number_is_replaced_as_the_number_is() -> None:
    assert MASKS.name("+14155550123") == MASKS.number("+14155550123")
    assert MASKS.name("anonymous") == "anonymous"


def test_bytes_that_are_no_text_stay_such() -> None:
    latin = "Jos\udce9 \udce8\udce9"
    fake = MASKS.name(latin)
    assert fake != latin
    with pytest.raises(UnicodeDecodeError):
        fake.encode("utf-8", "surrogateescape").decode()


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "fe80::1", "no address", "198.51.100.7"]
)
def test_addresses_that_are_not_public_stay(address: str) -> None:
    assert MASKS.address(address) == address


@pytest.mark.parametrize(
    ("address", "begins"), [("8.8.8.8", ("198.18.", "198.19.")), ("2a00:1450::5", ("2001:db8:",))]
)
def test_public_addresses_become_such_as_nobody_has(address: str, begins: tuple[str, ...]) -> None:
    assert MASKS.address(address).startswith(begins)


def test_a_number_that_turns_out_to_be_called_stays_from_then_on() -> None:
    masks = Masks(b"key")
    assert masks.number("+18005550100") != "+18005550100"
    assert masks.name("8005550100") != "8005550100"
    masks.keep(["8005550100"])
    assert masks.number("+18005550100") == "+18005550100"
    assert masks.name("8005550100") == "8005550100"
