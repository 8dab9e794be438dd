from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.appserver.signing import (
    Admitted,
    Gate,
    Refused,
    Site,
    answer_mac,
    authorization,
    body_hash,
    is_answer,
)

SECRET = b"a secret of north and blue"
NORTH = Site("north", frozenset({"blue"}), SECRET)
NOW = 1_700_000_000.0
NONCE = "0" * 32


def gate(most: int = 100) -> Gate:
    return Gate({"north": NORTH}, window=60.0, most=most)


def signed(
    method: str = "POST", target: str = "/v1/lookups/order", body: bytes = b"{}", **changed: object
) -> str:
    values = {"site": "north", "secret": SECRET, "now": NOW, "nonce": NONCE} | changed
    return authorization(method=method, target=target, body=body, **values)  # type: ignore[arg-type]


def test_a_request_with_the_secret_is_its_sites() -> None:
    assert gate().admit(signed(), "POST", "/v1/lookups/order", b"{}", NOW) == Admitted(NORTH, NONCE)


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/v1/lookups/order", b"{}"),
        ("POST", "/v1/lookups/balance", b"{}"),
        ("POST", "/v1/lookups/order", b'{"a":1}'),
    ],
)
def test_the_signature_covers_method_target_and_body(method: str, target: str, body: bytes) -> None:
    assert isinstance(gate().admit(signed(), method, target, body, NOW), Refused)


def test_another_secret_and_another_site_are_refused_alike() -> None:
    wrong = gate().admit(signed(secret=b"another secret"), "POST", "/v1/lookups/order", b"{}", NOW)
    unknown = gate().admit(signed(site="south"), "POST", "/v1/lookups/order", b"{}", NOW)
    assert isinstance(wrong, Refused)
    assert isinstance(unknown, Refused)
    assert wrong.reason.replace("north", "") == unknown.reason.replace("south", "")


@pytest.mark.parametrize("late", [-61, 61, 86400])
def test_a_request_outside_the_window_is_refused(late: float) -> None:
    refused = gate().admit(signed(), "POST", "/v1/lookups/order", b"{}", NOW + late)
    assert isinstance(refused, Refused)
    assert "clocks differ" in refused.reason


def test_a_request_counts_once_however_late_it_comes_again() -> None:
    each = gate()
    assert isinstance(each.admit(signed(now=NOW + 60), "POST", "/v1/lookups/order", b"{}", NOW), Admitted)
    for later in (0.0, 60.0, 119.9, 120.0, 121.0):
        again = each.admit(signed(now=NOW + 60), "POST", "/v1/lookups/order", b"{}", NOW + later)
        assert isinstance(again, Refused), later


def test_a_site_that_asks_too_often_is_told_so_and_others_are_not() -> None:
    south = Site("south", frozenset(), b"the secret of the south")
    each = Gate({"north": NORTH, "south": south}, 60.0, most=2)
    answers = [
        each.admit(signed(nonce=f"{n:032x}"), "POST", "/v1/lookups/order", b"{}", NOW) for n in range(3)
    ]
    assert [type(answer) for answer in answers] == [Admitted, Admitted, Refused]
    assert isinstance(answers[2], Refused)
    assert answers[2].busy
    other = signed(site="south", secret=south.secret)
    assert isinstance(each.admit(other, "POST", "/v1/lookups/order", b"{}", NOW), Admitted)


def test_nonces_are_forgotten_when_their_requests_are_too_old() -> None:
    each = gate(most=1)
    assert isinstance(each.admit(signed(), "POST", "/v1/lookups/order", b"{}", NOW), Admitted)
    later = signed(now=NOW + 121, nonce="1" * 32)
    assert isinstance(each.admit(later, "POST", "/v1/lookups/order", b"{}", NOW + 121), Admitted)


@given(st.text(max_size=400))
def test_no_header_is_believed_that_was_not_signed(header: str) -> None:
    assert isinstance(gate().admit(header, "GET", "/", b"", NOW), Refused)


@given(st.integers(0, 170), st.sampled_from("0123456789abcdef gz="))
def test_no_character_of_a_header_can_be_changed(at: int, character: str) -> None:
    good = signed()
    changed = good[:at] + character + good[at + 1 :]
    if changed != good:
        assert isinstance(gate().admit(changed, "POST", "/v1/lookups/order", b"{}", NOW), Refused)


def test_an_answer_belongs_to_its_request_status_tag_and_body() -> None:
    mac = answer_mac(SECRET, NONCE, 200, '"tag"', body_hash(b"body"))
    assert is_answer(SECRET, NONCE, 200, '"tag"', body_hash(b"body"), mac)
    assert not is_answer(SECRET, "1" * 32, 200, '"tag"', body_hash(b"body"), mac)
    assert not is_answer(SECRET, NONCE, 404, '"tag"', body_hash(b"body"), mac)
    assert not is_answer(SECRET, NONCE, 200, '"gat"', body_hash(b"body"), mac)
    assert not is_answer(SECRET, NONCE, 200, '"tag"', body_hash(b"ydob"), mac)
    assert not is_answer(SECRET, NONCE, 200, '"tag"', body_hash(b"body"), "é")


def test_no_repr_shows_a_secret() -> None:
    assert "secret" not in repr(NORTH)
