"""Agents' days: by dialled codes and by functions of SQL, between stand-in switches and a real database."""

from __future__ import annotations

import os
import secrets

import psycopg
import pytest

from fsroute.agentdesk import pin as pins
from fsroute.switchsim import Answers, Caller, CallerCall, NoAnswer, Press, WaitFor
from fsroute.switchsim.people import Behaviour, Step
from tests.integration.flow.conftest import ADDRESSES, World
from tests.starving import Starvation
from tests.waiting import until

PIN = "246813"
STORED = pins.encode(PIN, secrets.token_bytes(16))
SOON = (
    0.05  # seconds from the end of wrap-up to the next reservation, for most; what others kept from us aside
)


@pytest.fixture
def desk(world: World) -> World:
    """Ann has the extension 2001 at a registered phone, and a PIN."""
    world.query("update agent set extension = '2001' where agent_id = 'ann' returning 1")
    world.store.duty.set_pin("ann", STORED)
    return world


def at_the_phone(world: World, agent_id: str, *behaviours: Behaviour) -> None:
    """The agent's phone is answered; nobody logs on."""
    world.log_on(agent_id, *behaviours)
    world.store.duty.log_off(agent_id)


def entries(*keyed: str) -> tuple[Step, ...]:
    """Each is keyed once a question is over and the switch listens."""
    steps: list[Step] = []
    for digits in keyed:
        steps += [WaitFor("waiting for digits"), Press(digits)]
    return tuple(steps)


def dials(world: World, code: str, *keyed: str, user: str = "2001@fsroute.invalid") -> CallerCall:
    """An agent at a registered phone of east dials a code, keys what is asked for, and listens to the end."""
    call = world.network.call(
        Caller("2001", "Ann", code, entries(*keyed), profile="fsroute_agents", user=user), world.east.switch
    )
    until(lambda: call.cause is not None, 20)
    return call


def status(world: World, agent_id: str = "ann") -> tuple[str, str]:
    state = world.store.duty.state(agent_id)
    return str(state.status), str(state.state)


def heard(call: CallerCall, prompt: str) -> bool:
    return bool(call.timeline.heard(f"/{prompt}.wav"))


# Dialled codes -----------------------------------------------------------------------------------------------


def test_an_agent_logs_on_with_a_pin_serves_and_logs_off(desk: World) -> None:
    at_the_phone(desk, "ann", Answers(after=0.1, talk=4))
    call = desk.call_for_an_agent()
    assert heard(dials(desk, "*50", f"{PIN}#"), "logged_on")
    until(lambda: call.talked_with == "ann", 10)
    desk.wait_for_outcomes("served")
    assert desk.store.duty.state("ann").contacts_served == 1
    assert heard(dials(desk, "*51"), "logged_off")
    assert status(desk) == ("logged_out", "away")
    until(lambda: not desk.west.switch.channels and not desk.east.switch.channels)


def test_a_wrong_pin_logs_nobody_on_and_no_key_is_in_an_event(desk: World) -> None:
    call = dials(desk, "*50", "135790#", "135791#", "135792#")
    assert heard(call, "wrong_pin")
    assert status(desk) == ("logged_out", "away")
    events = desk.query(
        "select data from agent_event where agent_id = 'ann' and kind = 'pin' order by event_id"
    )
    assert [row[0]["change"] for row in events] == ["set", "wrong", "wrong", "wrong"]
    assert "13579" not in str(desk.query("select * from agent_event"))


def test_a_break_with_a_reason_and_back(desk: World) -> None:
    desk.log_on("ann")
    assert heard(dials(desk, "*522"), "break")
    assert desk.store.duty.state("ann").status_reason == "lunch"
    assert heard(dials(desk, "*5277"), "unknown_code")
    assert heard(dials(desk, "*53"), "ready")
    assert status(desk) == ("available", "idle")


def test_a_phone_that_is_nobodys_is_asked_for_extension_and_pin(desk: World) -> None:
    call = dials(desk, "*56", "2001#", f"{PIN}#", user="lobby@fsroute.invalid")
    assert heard(call, "enter_extension")
    assert heard(call, "status/logged_out")


def test_where_pins_were_guessed_no_pin_is_taken_and_elsewhere_it_is(desk: World) -> None:
    lobby = "user/lobby@fsroute.invalid"
    for _ in range(20):
        attempt = desk.store.duty.pin_attempt_begins("east-1", lobby)
        assert attempt is not None
        desk.store.duty.pin_attempt_over(attempt, False)
    call = dials(desk, "*50", "2001#", f"{PIN}#", user="lobby@fsroute.invalid")
    assert heard(call, "locked")
    assert status(desk) == ("logged_out", "away")
    assert heard(dials(desk, "*50", f"{PIN}#"), "logged_on")


def test_an_extension_that_does_not_exist_is_told_apart_from_a_wrong_pin_by_nothing(desk: World) -> None:
    call = dials(
        desk, "*56", "9999#", f"{PIN}#", "2001#", "135790#", "2001#", f"{PIN}#", user="lobby@x.example"
    )
    assert heard(call, "wrong_pin")
    assert heard(call, "status/logged_out")


def test_the_number_from_anywhere_leads_to_the_menu(desk: World) -> None:
    call = desk.network.call(
        Caller(
            "+14155550199",
            "",
            "menu",
            entries("2001#", f"{PIN}#", "0#", "22#", "53#"),
            profile="fsroute_agents",
        ),
        desk.east.switch,
    )
    until(lambda: status(desk)[0] == "on_break", 20)
    until(lambda: heard(call, "no_contact"), 20)
    call.hang_up()


def test_an_outcome_code_of_the_last_contact(desk: World) -> None:
    desk.query("insert into outcome_code values ('acme', '17', 'order placed') returning 1")
    desk.query("update agent set wrap_up = 60 returning 1")
    desk.log_on("ann", Answers(after=0.1, talk=2))
    desk.call_for_an_agent()
    desk.wait_for_outcomes("served")
    until(lambda: status(desk) == ("available", "wrap_up"))
    call = dials(desk, "*5599", "17#")
    assert heard(call, "unknown_code")
    assert heard(call, "outcome_recorded")
    assert desk.query("select outcome_code from contact") == [("17",)]
    assert heard(dials(desk, "*54"), "wrap_up_ended")
    assert status(desk) == ("available", "idle")


def test_an_agents_call_is_no_contact_and_a_database_that_says_no_is_heard(desk: World) -> None:
    assert heard(dials(desk, "*53"), "log_on_first")
    assert heard(dials(desk, "*57", f"{PIN}#"), "not_possible")
    assert desk.query("select * from contact") == []
    until(lambda: not desk.east.switch.channels)


def test_an_agent_who_hangs_up_during_the_dialogue_leaves_nothing(desk: World) -> None:
    call = desk.network.call(
        Caller("2001", "Ann", "*50", profile="fsroute_agents", user="2001@fsroute.invalid"), desk.east.switch
    )
    until(lambda: "enter_pin" in call.timeline.now, 10)
    call.hang_up()
    until(lambda: not desk.east.switch.channels)
    assert status(desk) == ("logged_out", "away")


def test_a_call_that_fsroute_cannot_go_on_with_ends_with_a_tone(desk: World) -> None:
    with psycopg.connect(desk.conninfo, autocommit=True) as connection:
        connection.execute("drop function fsroute.agent_pin_attempt")
    call = dials(desk, "*50", f"{PIN}#")
    assert call.timeline.heard("tone_stream")
    assert status(desk) == ("logged_out", "away")


# Wrap-up, set-aside ------------------------------------------------------------------------------------------


def test_wrap_up_is_a_quarter_of_a_second_and_the_next_offer_follows_at_once(world: World) -> None:
    world.query("update agent set wrap_up = 0.25 returning 1")
    world.log_on("ann", Answers(after=0.1, talk=2))
    starvation = Starvation(lambda: [os.getpid()])
    for number in range(6):
        world.call_for_an_agent(f"+1415555{number:04}")
    until(lambda: len(world.outcomes()) == 6, 30)
    starvation.stop()
    gaps = world.query(GAPS)
    assert len(gaps) == 5
    assert min(gap for gap, _ in gaps) > 0.1, "the event is written a moment after the wrap-up has begun"
    late = sorted(gap - 0.25 for gap, _ in gaps)
    ours = sorted(gap - 0.25 - starvation.between(at - gap + 0.25, at) for gap, at in gaps)
    assert ours[len(ours) // 2] < SOON, (ours, late)
    print(f"from the end of wrap-up to the next reservation: {[round(1000 * each, 1) for each in late]} ms")


GAPS = """
select gap, at from (
    select kind, extract(epoch from at - lag(at) over (order by event_id))::float8 as gap,
           extract(epoch from at)::float8 as at
      from agent_event where agent_id = 'ann' and kind in ('reserved', 'released')) as each
 where kind = 'reserved' and gap is not null
"""
"""Seconds from the end of a talk of ann's to the next reservation, and when that was, since the epoch."""


def test_wrap_up_that_psql_ends_or_makes_longer_takes_effect_at_once(world: World) -> None:
    world.query("update agent set wrap_up = 600 returning 1")
    world.log_on("ann", Answers(after=0.1, talk=2))
    world.call_for_an_agent("+14155550001")
    until(lambda: status(world) == ("available", "wrap_up"), 10)
    call = world.call_for_an_agent("+14155550002")
    until(lambda: world.states()[-1:] == ["queued"], 10)
    world.query("select state from agent_extend_wrap_up('ann', 60)")
    world.query("select state from agent_end_wrap_up('ann')")
    until(lambda: call.talked_with == "ann", 10)
    [(waited,)] = world.query(
        "select extract(epoch from (select at from agent_event where kind = 'reserved' order by event_id desc limit 1)"
        " - (select at from agent_event where kind = 'pause' order by event_id desc limit 1))::float8"
    )
    assert waited < 60, "nobody waits for the end that the wrap-up had before"
    world.wait_for_outcomes("served", "served")
    world.assert_nothing_violated()


def test_a_break_in_psql_ends_the_offers_at_once(world: World) -> None:
    world.log_on("ann", Answers(after=0.1, talk=2))
    world.query("select state from agent_break('ann', 'lunch')")
    world.log_on("dee", Answers(after=2, talk=2))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with == "dee", 10)


def test_logging_off_during_a_talk_lets_it_go_on(world: World) -> None:
    world.log_on("ann", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.is_talking, 10)
    world.query("select state from agent_log_off('ann')")
    second = world.call_for_an_agent("+14155550002")
    until(lambda: world.states()[-1:] == ["queued"], 10)
    assert status(world) == ("logged_out", "talking")
    assert call.is_talking
    call.hang_up()
    until(lambda: status(world) == ("logged_out", "away"))
    assert not second.talked_with
    second.hang_up()
    world.wait_for_outcomes("served", "abandoned")
    world.assert_nothing_violated()


def test_an_agent_who_misses_two_offers_is_on_break_and_the_caller_keeps_the_place(world: World) -> None:
    world.query("update queue set offer_timeout = 0.5 returning 1")
    world.query("update agent set miss_limit = 2, set_aside = 0.1 returning 1")
    world.log_on("ann", NoAnswer())
    call = world.call_for_an_agent()
    until(lambda: status(world) == ("on_break", "away"), 20)
    assert world.store.duty.state("ann").status_reason == "missed 2"
    assert world.kinds().count("agent_reserved") == 2
    world.log_on("dee", Answers(after=0.1, talk=2))
    until(lambda: call.talked_with == "dee", 10)


def test_ready_ends_a_set_aside_and_the_next_offer_comes(world: World) -> None:
    world.query("update queue set offer_timeout = 0.5 returning 1")
    world.query("update agent set set_aside = 600 returning 1")
    world.log_on("ann", NoAnswer(), Answers(after=0.1, talk=2))
    call = world.call_for_an_agent()
    until(lambda: status(world) == ("available", "set_aside"), 10)
    assert world.store.duty.state("ann").state_reason == "no_answer"
    world.query("select state from agent_ready('ann')")
    until(lambda: call.talked_with == "ann", 10)
    world.wait_for_outcomes("served")


def test_an_agent_who_may_sits_at_another_sites_phone_today(world: World) -> None:
    """Hot-desking: cyd's desk at east is dee's today."""
    world.query("update agent set hot_desk = true where agent_id = 'dee' returning 1")
    world.log_on("dee", Answers(after=0.1, talk=2))
    world.store.duty.log_off("dee")
    address = f"sip:{ADDRESSES['cyd']}"
    at_the_phone(world, "cyd", Answers(after=0.1, talk=2))
    world.query(f"select state from agent_log_on('dee', '{address}', 'east-1')")
    call = world.call_for_an_agent()
    until(lambda: call.talked_with == "cyd", 10)
    world.wait_for_outcomes("served")
    assert world.query("select agent_id from contact_event where kind = 'joined'") == [("dee",)]
