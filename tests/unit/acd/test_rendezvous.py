from __future__ import annotations

import re

import pytest

from fsroute.acd.rendezvous import digest, is_token, new_token


def test_a_token_has_128_random_bits_and_fits_a_sip_user_part() -> None:
    token = new_token()
    assert re.fullmatch("fsr[0-9a-f]{32}", token)
    assert is_token(token)


def test_no_two_tokens_are_the_same() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "number",
    [
        "",
        "fsr",
        "1001",
        "fsr" + "0" * 31,
        "fsr" + "0" * 33,
        "fsr" + "0" * 32 + "\n",
        "fsr" + "A" * 32,
        "fsr" + "g" * 32,
        "FSR" + "0" * 32,
        " fsr" + "0" * 32,
        "fsr" + "\u0660" * 32,
    ],
)
def test_what_has_not_the_form_is_no_token(number: str) -> None:
    assert not is_token(number)


def test_what_is_stored_of_a_token_does_not_give_it_away() -> None:
    token = new_token()
    assert re.fullmatch("[0-9a-f]{64}", digest(token))
    assert token[3:] not in digest(token)
    assert digest(token) == digest(token)
    assert digest(token) != digest(new_token())


def test_whatever_a_caller_dials_has_a_digest() -> None:
    assert digest("fsr\udcff\u00e9")
