"""PINs are stored and counted, and telephones have owners."""

from __future__ import annotations

import psycopg
import pytest

from fsroute.agentdesk import pin
from fsroute.errors import Declined
from fsroute.store.duty import Duty, Owner, Phone
from tests.fix_center import Center, at_once
from tests.integration.store.duties import logged

HASH = pin.encode("246813", b"0123456789abcdef")
PHONE = Phone("away", "2001", "a.example")


@pytest.fixture
def duty(center: Center) -> Duty:
    return Duty(center.database)


# PINs ----------------------------------------------------------------------------------------------------


def test_a_pin_is_stored_as_its_text_only(center: Center, duty: Duty) -> None:
    duty.set_pin("ann", HASH)
    assert duty.pin_attempt("ann") == (HASH, False)
    for clear in ("246813", "scrypt$246813", "scrypt$1$1$1$24681300$", ""):
        with pytest.raises(Declined, match="scrypt text") as caught:
            duty.set_pin("ann", clear)
        assert "246813" not in str(caught.value)
    with pytest.raises(psycopg.errors.CheckViolation):
        center.sql("update agent set pin_hash = '246813'")
    assert logged(center, "pin") == [{"change": "set"}]


def test_five_wrong_pins_lock_and_a_right_one_begins_the_count_again(center: Center, duty: Duty) -> None:
    duty.set_pin("ann", HASH)

    def wrong() -> bool:
        assert duty.pin_attempt("ann") == (HASH, False)
        return duty.pin_checked("ann", False)

    assert [wrong() for _ in range(4)] == [False] * 4
    duty.pin_attempt("ann")
    assert duty.pin_checked("ann", True) is False
    assert [wrong() for _ in range(5)] == [False] * 4 + [True]
    assert duty.pin_attempt("ann") == (None, True)
    locked = center.value(
        "select extract(epoch from pin_locked_until - clock_timestamp()) from agent where agent_id = 'ann'"
    )
    assert float(locked) == pytest.approx(900, abs=5)
    assert logged(center, "pin")[-1] == {"change": "locked", "failures": 5}


def test_a_lock_ends_by_time_or_with_a_new_pin(center: Center, duty: Duty) -> None:
    duty.set_pin("ann", HASH)
    for _ in range(5):
        duty.pin_attempt("ann")
    center.sql("update agent set pin_locked_until = clock_timestamp()")
    assert duty.pin_attempt("ann") == (HASH, False)
    assert center.agent()["pin_failures"] == 1, "the count begins again"
    for _ in range(4):
        duty.pin_attempt("ann")
    assert duty.pin_attempt("ann") == (None, True)
    duty.set_pin("ann", HASH)
    assert duty.pin_attempt("ann") == (HASH, False)


def test_many_attempts_at_once_are_no_more_than_many_in_a_row(center: Center, duty: Duty) -> None:
    duty.set_pin("ann", HASH)
    answers = at_once(*[lambda: duty.pin_attempt("ann")] * 12)
    assert sorted(answers, key=lambda answer: answer[1]) == [(HASH, False)] * 5 + [(None, True)] * 7


def test_an_agent_without_a_pin_has_no_text(duty: Duty) -> None:
    assert duty.pin_attempt("ann") == (None, False)


# Telephones ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "extension", "switch_id", "known"),
    [
        ("user/2001", None, "away", True),
        ("user/2001@a.example", None, "away", True),
        ("sip:2001@a.example", None, "away", True),
        ("sofia/fsroute_agents/2001@a.example", None, "away", True),
        ("sofia/fsroute_agents/2001%a.example", None, "away", True),
        ("user/someone", "2001", "away", True),
        ("user/2001@b.example", None, "away", False),
        ("sip:2001@provider.example", None, "away", False),
        ("user/2001", None, "home", False),
        ("user/200", "200", "away", False),
        ("tel:2001", None, "away", False),
    ],
)
def test_a_registered_phone_is_the_agents_by_address_or_extension(
    center: Center, duty: Duty, address: str, extension: str | None, switch_id: str, known: bool
) -> None:
    center.sql(
        "update agent set address = %(address)s, extension = %(extension)s where agent_id = 'ann'",
        address=address, extension=extension,
    )  # fmt: skip
    assert duty.of_phone(Phone(switch_id, "2001", "a.example")) == ([Owner("ann", False)] if known else [])


def test_a_phone_may_be_shared(center: Center, duty: Duty) -> None:
    center.sql("update agent set address = 'user/2001', switch_id = 'away'")
    assert [owner.agent_id for owner in duty.of_phone(PHONE)] == ["ann", "bob"]


@pytest.mark.parametrize("name", ["%", "2_01", "' or true --", "x'||'", ".*"])
def test_a_phones_name_is_compared_as_it_is(center: Center, duty: Duty, name: str) -> None:
    center.sql("update agent set address = 'user/2001' where agent_id = 'ann'")
    assert duty.of_phone(Phone("away", name, "a.example")) == []


def test_an_extension_is_one_agents(center: Center, duty: Duty) -> None:
    center.sql("update agent set extension = '2001', own_phone = true where agent_id = 'ann'")
    assert duty.of_extension("2001") == Owner("ann", True)
    assert duty.of_extension("2002") is None
    with pytest.raises(psycopg.errors.UniqueViolation):
        center.sql("update agent set extension = '2001'")


def test_a_dialled_reason_has_a_meaning_or_none(duty: Duty) -> None:
    assert (duty.break_reason("2"), duty.break_reason("77")) == ("lunch", None)


# All agents together -------------------------------------------------------------------------------------


def sprayed(duty: Duty, times: int, switch_id: str = "away", source: str = "") -> list[bool]:
    """One wrong PIN with each of many agents; whether it was the one too many."""
    attempts = [duty.pin_attempt_begins(switch_id, source) for _ in range(times)]
    return [duty.pin_attempt_over(each, False) for each in attempts if each is not None]


def test_after_twenty_wrong_pins_from_one_place_nobody_is_asked_for_one_there(
    center: Center, duty: Duty
) -> None:
    assert sprayed(duty, 25) == [False] * 19 + [True]
    assert duty.pin_attempt_begins("away", "") is None
    assert duty.pin_attempt_begins("away", "user/2001@a.example") is not None
    assert duty.pin_attempt_begins("home", "") is not None
    assert center.sql("select kind, data from system_event where kind = 'pins_guessed'") == [
        {"kind": "pins_guessed", "data": {"switch_id": "away", "phone": "", "wrong": 20}}
    ]
    center.sql("update pin_attempt set at = at - interval '15 minutes'")
    assert duty.pin_attempt_begins("away", "") is not None


def test_right_pins_use_nothing_up(duty: Duty) -> None:
    sprayed(duty, 19)
    for _ in range(3):
        attempt = duty.pin_attempt_begins("away", "")
        assert attempt is not None
        assert duty.pin_attempt_over(attempt, True) is False
    assert sprayed(duty, 1) == [True]


def test_many_guesses_at_once_are_no_more_than_many_in_a_row_whoever_is_guessed(duty: Duty) -> None:
    begun = at_once(*[lambda: duty.pin_attempt_begins("away", "")] * 24)
    assert sum(each is not None for each in begun) == 20
