from __future__ import annotations

import random

import pytest

from fsroute.agentdesk import pin

SALT = b"0123456789abcdef"
STORED = pin.encode("246813", SALT)


def test_a_pin_fits_the_text_that_was_made_of_it_and_no_other_does() -> None:
    assert pin.verify("246813", STORED)
    for wrong in ("246814", "24681", "2468130", "", "246813 ", "²46813"):
        assert not pin.verify(wrong, STORED)


def test_the_text_does_not_hold_the_pin_and_differs_by_salt() -> None:
    assert "246813" not in STORED
    assert pin.encode("246813", b"fedcba9876543210") != STORED


def test_a_text_with_other_parameters_stays_valid() -> None:
    key = pin._text(pin._key("9174", SALT, 2**10, 4, 1))
    assert pin.verify("9174", f"scrypt$1024$4$1${pin._text(SALT)}${key}")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "246813",
        "scrypt$16384$8$1",
        "md5$1$1$1$AAAA$AAAA",
        "scrypt$x$8$1$AAAA$AAAA",
        "scrypt$3$8$1$AAAA$AAAA",  # n is no power of two
        "scrypt$1048576$8$1$AAAA$AAAA",  # a gigabyte
        "scrypt$16384$8$1$!!!$AAAA",
        "scrypt$16384$8$1$é$AAAA",
    ],
)
def test_a_text_that_is_none_fits_no_pin(stored: str) -> None:
    assert not pin.verify("246813", stored)


@pytest.mark.parametrize(
    "digits", ["", "123", "1234567890123", "12a4", "1111", "1234", "4321", "7890", "0987", "12 34", "²³¹⁴"]
)
def test_what_is_no_pin_or_guessed_first_is_refused_without_being_repeated(digits: str) -> None:
    with pytest.raises(pin.BadPin) as caught:
        pin.encode(digits, SALT)
    assert not digits or digits not in str(caught.value)


def test_a_generated_pin_is_one() -> None:
    chance = random.Random(7)
    for _ in range(200):
        made = pin.generate(lambda below: chance.randrange(below), 4)
        pin.check_form(made)
