"""What agents declare and do, by the functions that psql, `fsroute agent` and dialled codes all call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fsroute.agentdesk import pin
from fsroute.errors import Declined, UnknownAgent
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing
from fsroute.model.contact import Outcome
from fsroute.store.agents import Agents
from fsroute.store.duty import Duty, Owner, Phone
from tests.fix_center import Center, at_once

HASH = pin.encode("246813", b"0123456789abcdef")
PHONE = Phone("away", "2001", "a.example")


@pytest.fixture
def duty(center: Center) -> Duty:
    return Duty(center.database)


def doing(duty: Duty, agent_id: str = "ann") -> tuple[str, str, str | None]:
    state = duty.state(agent_id)
    return str(state.status), str(state.state), state.state_reason


def logged(center: Center, *kinds: str) -> list[dict[str, Any]]:
    rows = center.sql(
        "select kind, data from agent_event where agent_id = 'ann' and kind = any(%(kinds)s) order by event_id",
        kinds=list(kinds),
    )
    return [row["data"] for row in rows]


def in_wrap_up(center: Center) -> None:
    call = center.bridged()
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")


# What is seen ------------------------------------------------------------------------------------------------


def test_the_state_follows_the_reservation_from_the_offer_to_the_end_of_wrap_up(
    center: Center, duty: Duty
) -> None:
    assert doing(duty) == ("available", "idle", None)
    call = center.offered()
    assert doing(duty) == ("available", "reserved", None)
    for leg, state in (("ringing", "ringing"), ("answered", "connecting"), ("accepted", "connecting")):
        center.sql("update proxy_call set agent_leg = %(leg)s", leg=leg)
        assert doing(duty) == ("available", state, None)
    center.sql(
        "update proxy_call set agent_leg = 'joined', state = 'bridged', bridged_at = clock_timestamp()"
    )
    talking = duty.state("ann")
    assert (talking.state, talking.contacts, talking.contact_center_name) == (
        Doing.TALKING, 1, "Blue Mail Order",
    )  # fmt: skip
    assert talking.contact_id == call.contact_id
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    wrap_up = duty.state("ann")
    assert (wrap_up.state, wrap_up.state_reason, wrap_up.contacts) == (Doing.WRAP_UP, None, 0)
    assert wrap_up.state_until is not None
    assert (wrap_up.state_until - wrap_up.state_since).total_seconds() == pytest.approx(5, abs=0.1)
    center.sql("update agent set available_from = clock_timestamp()")
    assert doing(duty) == ("available", "idle", None)


def test_who_did_not_answer_is_set_aside_with_the_reason(center: Center, duty: Duty) -> None:
    missed(center)
    assert doing(duty) == ("available", "set_aside", "no_answer")
    assert duty.state("ann").missed == 1


def test_who_is_on_break_or_logged_out_is_away_unless_something_is_in_hand(
    center: Center, duty: Duty
) -> None:
    duty.take_break("bob", "lunch")
    assert doing(duty, "bob") == ("on_break", "away", None)
    center.offered()
    duty.log_off("ann")
    assert doing(duty) == ("logged_out", "reserved", None)


def test_a_caller_on_hold_and_a_consultation_are_seen(center: Center, duty: Duty) -> None:
    call = center.bridged()
    for kind, state in (
        ("held", "held"), ("resumed", "talking"), ("consulting", "consulting"), ("consultation_over", "talking"),
    ):  # fmt: skip
        center.sql(
            "insert into contact_event (contact_id, contact_center_id, kind) values (%(id)s, 'blue', %(kind)s)",
            id=call.contact_id, kind=kind,
        )  # fmt: skip
        assert doing(duty) == ("available", state, None)


def test_of_several_contacts_the_one_furthest_on_is_told(center: Center, duty: Duty) -> None:
    center.sql("insert into agent_medium values ('ann', 'voice', 2, 50)")
    talk = center.bridged()
    center.offered()
    state = duty.state("ann")
    assert (state.state, state.contacts, state.proxy_call_id) == (Doing.TALKING, 2, talk.proxy_call_id)


def test_an_agent_whose_standing_leg_is_missing_is_away(center: Center, duty: Duty) -> None:
    center.sql("update agent set leg = 'standing'")
    assert doing(duty) == ("available", "away", "no_standing_leg")
    center.sql("update agent set standing_leg_uuid = 'x'")
    assert doing(duty) == ("available", "idle", None)


def test_all_agents_are_listed_with_their_skills(center: Center, duty: Duty) -> None:
    ann, bob = duty.states()
    assert (ann.agent_id, bob.agent_id) == ("ann", "bob")
    assert (dict(ann.skills), ann.address) == ({"orders": 2, "english": 2}, "user/ann")


def test_an_unknown_agent_has_no_state(duty: Duty) -> None:
    with pytest.raises(UnknownAgent, match="nobody"):
        duty.state("nobody")


# Log-on, break, ready ------------------------------------------------------------------------------------


def test_a_shift_that_begins_counts_from_none_and_comes_last_in_the_idle_order(
    center: Center, duty: Duty
) -> None:
    center.sql("update agent set contacts_served = 7, missed = 2, idle_since = 'epoch'")
    duty.log_off("ann")
    before = center.agent()
    assert (before["contacts_served"], before["missed"]) == (7, 2)
    duty.log_on("ann")
    ann = center.agent()
    assert (ann["status"], ann["contacts_served"], ann["missed"]) == ("available", 0, 0)
    assert ann["idle_since"] > before["idle_since"]
    assert ann["pause"] <= 0


def test_a_break_does_not_begin_the_count_again(center: Center, duty: Duty) -> None:
    center.sql("update agent set contacts_served = 7")
    duty.take_break("ann")
    duty.ready("ann")
    assert center.agent()["contacts_served"] == 7


def test_who_logs_on_again_changes_nothing(center: Center, duty: Duty) -> None:
    before = center.agent()
    duty.log_on("ann")
    after = center.agent()
    assert after["idle_since"] == before["idle_since"]
    assert center.agent_kinds() == []


def test_a_break_and_ready_are_for_those_who_are_logged_on(center: Center, duty: Duty) -> None:
    duty.log_off("ann")
    for ask in (duty.take_break, duty.ready, duty.end_wrap_up):
        with pytest.raises(Declined, match="agent ann is logged out: log on first") as caught:
            ask("ann")
        assert caught.value.reason == "logged_out"
    assert center.agent()["status"] == "logged_out"


@pytest.mark.parametrize("reason", ["", "x" * 81, "two\nlines", "a\x7f"])
def test_a_reason_is_one_short_line(duty: Duty, reason: str) -> None:
    with pytest.raises(Declined, match="1 to 80 characters"):
        duty.take_break("ann", reason)


def test_logging_off_during_a_talk_lets_it_go_on_and_no_other_offer_comes(center: Center, duty: Duty) -> None:
    call = center.bridged()
    duty.log_off("ann", "end of shift")
    assert center.live_reservations() == [("ann", call.proxy_call_id)]
    assert doing(duty) == ("logged_out", "talking", None)
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    center.sql("update agent set available_from = 'epoch'")
    assert center.reserve(center.queued()) is None


def test_ready_ends_a_set_aside_at_once(center: Center, duty: Duty) -> None:
    missed(center)
    assert center.reserve(center.queued()) is None
    duty.ready("ann")
    assert doing(duty) == ("available", "idle", None)
    assert center.agent()["missed"] == 0
    [pause] = logged(center, "pause")
    assert (pause["reason"], pause["pause_s"]) == ("no_answer", 0)
    assert pause["was_s"] == pytest.approx(30, abs=1)
    assert center.reserve(center.queued()) is not None


# Wrap-up -------------------------------------------------------------------------------------------------


def test_wrap_up_can_be_ended_and_made_longer(center: Center, duty: Duty) -> None:
    in_wrap_up(center)
    duty.extend_wrap_up("ann", 60)
    assert center.agent()["pause"] == pytest.approx(65, abs=1)
    duty.end_wrap_up("ann")
    ann = center.agent()
    assert ann["pause"] <= 0
    assert doing(duty) == ("available", "idle", None)
    assert [event["pause_s"] for event in logged(center, "pause")] == [pytest.approx(65, abs=1), 0]
    duty.end_wrap_up("ann")  # it was over: no error
    assert len(logged(center, "pause")) == 2


def test_ending_wrap_up_during_a_break_leaves_the_break(center: Center, duty: Duty) -> None:
    in_wrap_up(center)
    duty.take_break("ann")
    assert doing(duty) == ("on_break", "wrap_up", None)
    duty.end_wrap_up("ann")
    assert doing(duty) == ("on_break", "away", None)


def test_a_set_aside_is_no_wrap_up(center: Center, duty: Duty) -> None:
    missed(center)
    for ask in (duty.end_wrap_up, lambda agent_id: duty.extend_wrap_up(agent_id, 5)):
        with pytest.raises(Declined, match="not in wrap-up"):
            ask("ann")
    assert doing(duty) == ("available", "set_aside", "no_answer")


def test_wrap_up_is_not_made_longer_when_it_is_over_nor_without_bounds(center: Center, duty: Duty) -> None:
    with pytest.raises(Declined, match="not in wrap-up"):
        duty.extend_wrap_up("ann", 5)
    in_wrap_up(center)
    for seconds in (0, -5, 3601, float("nan"), float("inf")):
        with pytest.raises(Declined, match=r"0\.001 to 3600"):
            duty.extend_wrap_up("ann", seconds)


# Hot-desking ---------------------------------------------------------------------------------------------


def test_an_agent_who_may_logs_on_elsewhere_and_is_home_again_with_the_next_shift(
    center: Center, duty: Duty
) -> None:
    center.sql("update agent set hot_desk = true where agent_id = 'ann'")
    duty.log_off("ann")
    duty.log_on("ann", "user/desk7", "home")
    ann = center.agent()
    assert (ann["address"], ann["switch_id"], ann["site_id"]) == ("user/desk7", "home", "west")
    assert (ann["home_address"], ann["home_switch_id"]) == ("user/ann", "away")
    duty.log_on("ann")  # on duty already: stays
    assert center.agent()["address"] == "user/desk7"
    duty.log_on("ann", "user/desk8")
    duty.log_off("ann")
    duty.log_on("ann")
    ann = center.agent()
    assert (ann["address"], ann["switch_id"], ann["site_id"]) == ("user/ann", "away", "east")
    assert (ann["home_address"], ann["home_switch_id"]) == (None, None)
    assert [(event["switch_id"], event["home"]) for event in logged(center, "relocated")] == [
        ("home", False), ("home", False), ("away", True),
    ]  # fmt: skip
    assert "desk7" not in str(logged(center, "relocated", "status"))


def test_an_agent_may_not_move_unless_allowed_nor_with_a_contact_nor_to_nowhere(
    center: Center, duty: Duty
) -> None:
    with pytest.raises(Declined, match="hot_desk is off") as caught:
        duty.log_on("ann", "user/desk7")
    assert caught.value.reason == "may_not_move"
    center.sql("update agent set hot_desk = true")
    for address in ("", "user/a,user/b", "${x}", "a\nb"):
        with pytest.raises(Declined, match="no address"):
            duty.log_on("ann", address)
    with pytest.raises(Declined, match="no switch moon"):
        duty.log_on("ann", None, "moon")
    center.offered()
    with pytest.raises(Declined, match="has a contact at away"):
        duty.log_on("ann", "user/desk7", "home")
    duty.log_on("ann", "user/ann", "away")  # where the agent is
    assert center.agent()["address"] == "user/ann"


def test_a_shift_begins_with_the_leg_that_the_agent_calls_in(center: Center, duty: Duty) -> None:
    duty.log_off("ann")
    with pytest.raises(Declined, match="no standing leg"):
        duty.stand("ann", "away", "leg-1")
    assert duty.state("ann").status is AgentStatus.LOGGED_OUT
    center.sql("update agent set leg = 'standing'")
    with pytest.raises(Declined, match="hot_desk is off"):
        duty.stand("ann", "home", "leg-1")
    duty.stand("ann", "away", "leg-1")
    state = duty.state("ann")
    assert (state.status, state.state, state.standing) == (AgentStatus.AVAILABLE, Doing.IDLE, True)
    assert center.agent()["standing_leg_uuid"] == "leg-1"


# Outcome codes -------------------------------------------------------------------------------------------

CODES = "insert into outcome_code values ('blue', '1', 'order placed'), ('blue', '2', 'no order')"


def test_an_outcome_code_is_of_the_contact_in_talk(center: Center, duty: Duty) -> None:
    center.sql(CODES)
    in_wrap_up(center)
    center.set_free()
    call = center.bridged()
    outcome = duty.outcome("ann", "2", "wants it in green")
    assert (outcome.contact_id, outcome.contact_center_id, outcome.meaning) == (
        call.contact_id, "blue", "no order",
    )  # fmt: skip
    row = center.sql(
        "select outcome_code, note from contact join contact_personal using (contact_id)"
        " where contact_id = %(id)s",
        id=call.contact_id,
    )
    assert row == [{"outcome_code": "2", "note": "wants it in green"}]
    event = center.events(call.contact_id)[-1]
    assert (event["kind"], event["agent_id"], event["data"]) == ("outcome_code", "ann", {"code": "2"})
    assert logged(center, "outcome_code") == [{"code": "2"}]


def test_an_outcome_code_in_wrap_up_is_of_the_last_contact_though_the_next_one_rings(
    center: Center, duty: Duty
) -> None:
    center.sql(CODES)
    in_wrap_up(center)
    first = center.value("select contact_id::text from contact")
    assert duty.outcome("ann", "1").contact_id == first
    center.set_free()
    center.offered()
    assert duty.outcome("ann", "2").contact_id == first
    assert center.value("select outcome_code from contact where contact_id::text = %(id)s", id=first) == "2"
    assert logged(center, "outcome_code") == [{"code": "1"}, {"code": "2"}]


def test_an_unknown_outcome_code_is_refused_with_the_list(center: Center, duty: Duty) -> None:
    in_wrap_up(center)
    with pytest.raises(Declined, match="contact center blue has no outcome code 9; it has none"):
        duty.outcome("ann", "9")
    center.sql(CODES)
    with pytest.raises(Declined, match=r"it has 1 \(order placed\), 2 \(no order\)") as caught:
        duty.outcome("ann", "9")
    assert caught.value.reason == "unknown_code"
    assert center.value("select count(*) from contact where outcome_code is not null") == 0


def test_an_agent_without_a_contact_gives_no_outcome_code(center: Center, duty: Duty) -> None:
    center.sql(CODES)
    missed(center)
    with pytest.raises(Declined, match="no contact to give") as caught:
        duty.outcome("ann", "1")
    assert caught.value.reason == "no_contact"


def test_a_contact_is_one_record_still_when_its_code_comes_after_its_end(center: Center, duty: Duty) -> None:
    center.sql(CODES)
    call = center.bridged()
    center.contacts.close(call.contact_id, Outcome.SERVED, {})
    duty.outcome("ann", "1")
    assert center.kinds(call.contact_id)[-2:] == ["closed", "outcome_code"]


# Offers that are not taken -----------------------------------------------------------------------------------


def missed(center: Center, reason: str = "no_answer") -> None:
    """An offer to ann ends so."""
    center.set_free()
    call = center.offered()
    center.sql("select end_reservation(%(id)s, %(reason)s)", id=call.proxy_call_id, reason=reason)


def test_no_number_of_missed_offers_changes_a_status_by_default(center: Center, duty: Duty) -> None:
    for _ in range(4):
        missed(center)
    assert duty.state("ann").missed == 4
    assert duty.state("ann").status is AgentStatus.AVAILABLE


@pytest.mark.parametrize(("then", "status"), [("on_break", "on_break"), ("logged_out", "logged_out")])
def test_an_agent_who_misses_so_many_offers_in_a_row_is_sent_away(
    center: Center, duty: Duty, then: str, status: str
) -> None:
    center.sql("update agent set miss_limit = 3, miss_then = %(then)s", then=then)
    missed(center)
    missed(center, "refused")
    assert duty.state("ann").status is AgentStatus.AVAILABLE
    missed(center, "key_not_pressed")
    state = duty.state("ann")
    assert (state.status, state.status_reason) == (status, "missed 3")
    assert logged(center, "status") == [{"status": status, "reason": "missed 3"}]


def test_a_talk_begins_the_count_again_and_a_fault_of_the_systems_is_no_miss(
    center: Center, duty: Duty
) -> None:
    center.sql("update agent set miss_limit = 3")
    missed(center)
    missed(center)
    missed(center, "unreachable")
    missed(center, "abandoned")
    assert duty.state("ann").missed == 2
    center.set_free()
    in_wrap_up(center)
    assert duty.state("ann").missed == 0


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


# A plain psql session takes effect at once --------------------------------------------------------------


@pytest.fixture
def heard(center: Center) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(center.database.conninfo, autocommit=True) as connection:
        connection.execute('listen "fsroute.coordinator"')
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "select * from agent_log_off('ann')",
        "select * from agent_break('ann', 'lunch')",
        "select agent_pause('ann', 1)",
        "update agent set team = 'red' where agent_id = 'ann'",
        "update agent set address = 'user/x' where agent_id = 'ann'",
        "update agent_skill set level = 3 where agent_id = 'ann' and skill = 'orders'",
        "delete from agent_authorization where agent_id = 'ann'",
        "insert into agent_medium values ('ann', 'chat', 3, 30)",
    ],
)
def test_the_coordinator_hears_of_what_psql_changes(
    center: Center, heard: psycopg.Connection[tuple[Any, ...]], statement: str
) -> None:
    center.sql(statement)
    [note] = heard.notifies(timeout=5, stop_after=1)
    assert note.payload == '["a:ann"]'


def test_what_every_contact_writes_of_an_agent_is_no_news(
    center: Center, heard: psycopg.Connection[tuple[Any, ...]]
) -> None:
    center.bridged()
    missed(center)
    center.sql("notify \"fsroute.coordinator\", 'end'")
    assert [note.payload for note in heard.notifies(timeout=5, stop_after=1)] == ["end"]


def test_the_functions_answer_with_the_agents_state(center: Center) -> None:
    [row] = center.sql("select agent_id, status, state from agent_break('ann', 'lunch')")
    assert row == {"agent_id": "ann", "status": "on_break", "state": "away"}


def test_the_status_of_the_program_is_that_of_psql(center: Center, duty: Duty) -> None:
    """One place for the rule, whichever way is taken."""
    Agents(center.database).set_status("ann", AgentStatus.LOGGED_OUT)
    center.sql("update agent set contacts_served = 3")
    Agents(center.database).set_status("ann", AgentStatus.AVAILABLE)
    assert duty.state("ann").contacts_served == 0
